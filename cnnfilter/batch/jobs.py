"""A job: one image, what is done to it, and where its results go."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from cnnfilter.batch.work import Result, Work
from cnnfilter.core.geometry import Shape
from cnnfilter.core.quantize import Storing, quantize
from cnnfilter.errors import CnnFilterError, FileError
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.images import MAX_PIXELS, Image
from cnnfilter.files.load import read
from cnnfilter.files.output import check_target
from cnnfilter.files.save import Frame, write
from cnnfilter.files.source import shown, told_of

#: A lowest and a highest value.
Span = tuple[float, float]


@dataclass(frozen=True)
class Target:
    """Where results go, and as what.

    Attributes
    ----------
    file : str or None
        The one file to write, ``-`` for standard output; None for names made from the
        input's.
    folder : Path or None
        Where those are; None for beside the input.
    format : str or None
        A name from `FORMATS`; None for the input's.
    range : str or None
        How values become pixels; None for the format's own way.
    depth : {8, 16} or None
        Bits for each channel of pictures; None for the input's.
    compression : {"fast", "small"}
        Whether pictures are written quickly, or to small files.
    force : bool
        Whether files that exist are overwritten.
    stages : Path or None
        Where the layers' results go.
    stages_range : str or None
        How their values become pixels, where `range` is not given.
    stages_format : str or None
        The format of a network's maps; None for one like the input's that loses nothing.
    keep : bool
        Hand results back instead of writing them.
    inputs : frozenset
        The identities of all inputs, which are never written to.
    """

    file: str | None = None
    folder: Path | None = None
    format: str | None = None
    range: str | None = None
    depth: int | None = None
    compression: str = "fast"
    force: bool = False
    stages: Path | None = None
    stages_range: str | None = None
    stages_format: str | None = None
    keep: bool = False
    inputs: frozenset[tuple[int, int]] = frozenset()

    @property
    def named_format(self) -> str | None:
        """The format that the file's name says; None where there is no name."""
        return None if self.file in (None, "-") else format_of(str(self.file))

    def range_for(self, result: Result, format: str) -> str | None:
        """Say how values become pixels; None for the format's own way, or where they are."""
        if result.pixels.ndim == 1 or result.stored is not None:
            return None
        stretched = result.is_stage and FORMATS[format].is_picture
        return self.range or (self.stages_range if stretched else None)


@dataclass(frozen=True)
class Job:
    """One image's work: paths and steps, never pixels."""

    source: str
    work: Work
    target: Target
    max_pixels: int = MAX_PIXELS


@dataclass
class Outcome:
    """What became of a job.

    Attributes
    ----------
    source : str
    error : str or None
        Why it failed.
    before : tuple of int
        The image's shape.
    after : list of tuple of int
        The shapes of its results.
    span : (float, float) or None
        The lowest and the highest finite value of the results.
    not_finite : int
        How many values are NaN or infinite.
    clipped : list of float
        For each picture, the share of values that clipping changed.
    written : list of str
        The files written.
    notes : list of str
        What the person should know.
    kept : list of Result
        Results that were not to be written.
    """

    source: str
    error: str | None = None
    before: Shape = ()
    after: list[Shape] = field(default_factory=list)
    span: Span | None = None
    not_finite: int = 0
    clipped: list[float] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: list[Result] = field(default_factory=list)


def run_jobs(jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Do one job after the other; one that fails does not stop the rest."""
    for job in jobs:
        outcome = Outcome(job.source)
        try:
            _run(job, outcome)
        except CnnFilterError as error:
            outcome.error = told_of(job.source, error)
        except MemoryError:
            outcome.error = f"{shown(job.source)}: needs more memory than there is"
        yield outcome


def _run(job: Job, outcome: Outcome) -> None:
    image = read(job.source, job.max_pixels)
    outcome.notes.extend(image.notes)
    outcome.before = image.pixels.shape
    origin = _Origin(image.format, image.depth, image.metadata)
    results = job.work.results(image, _storing(image, origin, job.target))
    del image  # its pixels are not held while results are written
    last = [result for result in results if not result.is_stage]
    outcome.after = [result.pixels.shape for result in last]
    spans, not_finite = zip(*(_survey(result) for result in last), strict=True)
    outcome.span, outcome.not_finite = _joined(spans), sum(not_finite)
    to_write = results
    if job.target.keep:
        depth = job.target.depth or origin.depth
        outcome.kept.extend(_stored(result, job.target.range, depth) for result in last)
        to_write = [result for result in results if result.is_stage]
    _write_all(to_write, origin, job, outcome)


@dataclass(frozen=True)
class _Origin:
    """What is asked of an image when its results are written; see `Image`."""

    format: str
    depth: int
    metadata: Mapping[str, Any]


def _storing(image: Image, origin: _Origin, target: Target) -> Storing | None:
    """Say how results are stored while they are computed; None where they are needed first."""
    depth = target.depth or origin.depth
    is_picture = FORMATS[_format_for(Result("", image.pixels), target, origin)].is_picture
    if target.keep or not is_picture or depth != 8:
        return None
    is_one_picture = image.pixels.ndim == 2 or image.pixels.shape[2] == 3
    return Storing(target.range or "clip", depth) if is_one_picture else None


def _survey(result: Result) -> tuple[Span | None, int]:
    """Give the lowest and the highest finite value, and how many are not finite."""
    if result.stored is not None:
        return result.stored.span, 0
    values = result.pixels
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):
        return (low, high), 0
    finite = values[np.isfinite(values)]
    span = (float(finite.min()), float(finite.max())) if finite.size else None
    return span, values.size - finite.size


def _joined(spans: Iterable[Span | None]) -> Span | None:
    """Give the span of all that there are."""
    known = [span for span in spans if span is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _stored(result: Result, range: str | None, depth: int) -> Result:
    """Give the values as a picture would store them, where a range is asked for."""
    if range is None or result.pixels.ndim == 1:
        return result
    return result.with_pixels(quantize(result.pixels, range, result.depth or depth).pixels)


@dataclass(frozen=True)
class _Writing:
    """A result's part with its place; parts of one result are scaled alike."""

    part: Result
    format: str
    path: str
    extremes: Span | None


def _write_all(results: list[Result], origin: _Origin, job: Job, outcome: Outcome) -> None:
    """Write results as pictures, each feature map by itself, or as arrays."""
    writings = [each for result in results for each in _writings(result, origin, job)]
    names = [each.part.name for each in writings if not each.part.is_stage]
    if job.target.file is not None and len(names) > 1:
        one_array = sum(not result.is_stage for result in results) == 1
        raise FileError(
            f"{shown(job.target.file)}: one name for {len(names)} results ({', '.join(names)}); "
            "name a folder such as out/" + (", or an array's format such as .npy" * one_array)
        )
    for each in writings:
        if each.path != "-":
            check_target(Path(each.path), job.target.inputs, force=job.target.force)
    for each in writings:
        _write(each, origin, job, outcome)


def _writings(result: Result, origin: _Origin, job: Job) -> Iterator[_Writing]:
    format = _format_for(result, job.target, origin)
    if not FORMATS[format].is_picture:
        yield _Writing(result, format, _path(result, format, job), None)
        return
    parts = job.work.pictures(result)
    extremes = None
    if len(parts) > 1 and job.target.range_for(result, format) is not None:
        extremes = _joined(_survey(part)[0] for part in parts)
    for part in parts:
        yield _Writing(part, format, _path(part, format, job), extremes)


def _format_for(result: Result, target: Target, origin: _Origin) -> str:
    """Choose the format: as --format says, as the file is named, or the input's."""
    if result.pixels.ndim == 1:
        return _format_for_vector(result, target, origin)
    if result.is_stage and target.stages_range is not None:
        lossless = "png" if FORMATS[origin.format].is_picture else origin.format
        return target.stages_format or lossless
    if target.format is not None:
        return target.format
    named = None if result.is_stage else target.named_format
    # A TIFF can hold a matrix, and several maps in one array, as .npy does.
    if named == "tif" and (result.channels or not FORMATS[origin.format].is_picture):
        return "float"
    return named or origin.format


def _format_for_vector(result: Result, target: Target, origin: _Origin) -> str:
    """Choose the format of numbers: as is asked for, or .npy where that is a picture's."""
    asked = target.stages_format if result.is_stage else target.format
    named = None if result.is_stage else target.named_format
    format = asked or named or origin.format
    return "npy" if FORMATS[format].is_picture or format == "float" else format


def _write(writing: _Writing, origin: _Origin, job: Job, outcome: Outcome) -> None:
    part = writing.part
    written = write(
        writing.path,
        [Frame(part.pixels, part.alpha)],
        writing.format,
        range=job.target.range_for(part, writing.format),
        extremes=writing.extremes,
        metadata=origin.metadata,
        depth=job.target.depth or part.depth or origin.depth,
        compression=job.target.compression,
        force=job.target.force,
    )
    outcome.written.append(writing.path)
    outcome.notes.extend(note for note in written.notes if note not in outcome.notes)
    if written.clipped is not None and not part.is_stage:
        clipped = written.clipped if part.stored is None else part.stored.clipped
        outcome.clipped.append(clipped)


def _path(part: Result, format: str, job: Job) -> str:
    if job.target.file is not None and not part.is_stage:
        return job.target.file
    folder = job.target.stages if part.is_stage else job.target.folder
    return str(named_after(job.source, part.name, format, folder))


def named_after(source: str, name: str, format: str | None, folder: Path | None) -> Path:
    """Make an output's name from the input's: ``img.png`` gives ``img-sharpen.png``.

    Parameters
    ----------
    source : str
        The input; ``-`` counts as ``stdin``.
    name : str
        What is added.
    format : str or None
        The output's; the input's suffix is kept where it belongs to it.
    folder : Path or None
        Where it stands; None for beside the input.

    Examples
    --------
    >>> named_after("photos/img.JPG", "sharpen", "jpeg", None).as_posix()
    'photos/img-sharpen.JPG'
    >>> named_after("img.png", "gaussian:5,1.2", "png", None).as_posix()
    'img-gaussian-5-1.2.png'
    >>> named_after("photos/img.JPG", "edge", "npy", Path("out")).as_posix()
    'out/img-edge.npy'
    """
    path = PurePath("stdin" if source == "-" else source)
    suffix = path.suffix
    readable = re.sub(r"[^\w.+-]+", "-", name).rstrip("-")
    if format is not None and suffix.lower() not in FORMATS[format].suffixes:
        suffix = FORMATS[format].suffixes[0]
    return (Path(path.parent) if folder is None else folder) / f"{path.stem}-{readable}{suffix}"
