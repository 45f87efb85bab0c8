"""A job: one image, what is done to it, where its results go, and its line in the report."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import BAND_BYTES, bands
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.quantize import Storing, quantize
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.ledger import Fingerprints, Stamp, path_fingerprint, stamp_of
from cnnfilter.batch.outputs import (
    Frames,
    OutputFile,
    Picture,
    SourceInfo,
    Span,
    Target,
    check_sizes,
    joined,
    planned_files,
    survey,
)
from cnnfilter.batch.task import Result, Task
from cnnfilter.errors import CnnFilterError, FileError
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import MAX_PIXELS, Image
from cnnfilter.files.opening import with_path
from cnnfilter.files.output import check_target
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import Frame, write
from cnnfilter.text import json_text, shown


@dataclass(frozen=True, eq=False)
class Recipe:
    """What is done to every image of a run: steps and places, never pixels.

    Attributes
    ----------
    task : Task
    target : Target
    max_pixels : int
        More are taken for a decompression bomb.
    existing : {"refuse", "same", "replace"}
        What becomes of files that have an output's name; see `cnnfilter.files.output.EXISTING`.
    inputs : Fingerprints
        Of all images and the files that the steps read, which are never written to.
    made : Fingerprints
        Of outputs of an earlier run, which are replaced.
    durable : bool
        Whether each result is on the disk before its image counts as done.
    """

    task: Task
    target: Target
    max_pixels: int = MAX_PIXELS
    existing: str = "refuse"
    inputs: Fingerprints = field(default_factory=Fingerprints)
    made: Fingerprints = field(default_factory=Fingerprints)
    durable: bool = False


@dataclass
class Outcome:
    """What became of an image.

    Attributes
    ----------
    source : str
    error : str or None
        Why it failed.
    stamp : Stamp or None
        The file as it was when it was read.
    before : tuple of int
        The image's shape.
    frames : int
        How many of its frames were worked on.
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
    seconds : float
        What it took.
    """

    source: str
    error: str | None = None
    stamp: Stamp | None = None
    before: Shape = ()
    frames: int = 1
    after: list[Shape] = field(default_factory=list)
    span: Span | None = None
    not_finite: int = 0
    clipped: list[float] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: list[Result] = field(default_factory=list)
    seconds: float = 0


def run_job(recipe: Recipe, source: Source, retry: bool = False) -> Outcome:
    """Read an image, work on it, and write its results.

    Parameters
    ----------
    recipe : Recipe
    source : Source
    retry : bool
        Whether a worker that ended may have done it already.

    Returns
    -------
    Outcome
        With an error, where the person can mend what went wrong; a bug is raised.
    """
    start = time.perf_counter()
    outcome = Outcome(source.path, stamp=stamp_of(source.path))
    try:
        _run(recipe, source, outcome, retry=retry)
    except CnnFilterError as error:
        outcome.error = with_path(source.path, error)
    except MemoryError:
        outcome.error = f"{shown(source.path)}: needs more memory than there is"
    outcome.seconds = time.perf_counter() - start
    return outcome


def _run(recipe: Recipe, source: Source, outcome: Outcome, *, retry: bool) -> None:
    target = recipe.target
    results, origin = _results(recipe, source, outcome)
    last = [frames for frames in results if not frames[0].is_stage]
    outcome.after = [frames[0].pixels.shape for frames in last]
    spans, not_finite = zip(*(survey(each) for frames in last for each in frames), strict=True)
    outcome.span, outcome.not_finite = joined(spans), sum(not_finite)
    if target.returns_results:
        depth = target.depth or origin.depth
        outcome.kept.extend(_stored(frames[0], target.range, depth) for frames in last)
        results = [frames for frames in results if frames[0].is_stage]
    planned = planned_files(results, recipe.task, origin, source, target)
    for each in planned:
        if each.path != "-":
            check_target(Path(each.path), recipe.inputs, existing_at(each.path, recipe, retry))
    for each in planned:
        _write(each, origin, recipe, existing_at(each.path, recipe, retry), outcome)
    if any(result.maps for frames in last for result in frames):
        outcome.span = joined(survey(each)[0] for frames in last for each in frames)


def _results(recipe: Recipe, source: Source, outcome: Outcome) -> tuple[list[Frames], SourceInfo]:
    """Work on an image, or on every frame where their results can be kept together."""
    target = recipe.target
    with closing(read_frames(source.path, recipe.max_pixels, target.frame)) as frames:
        image = next(frames)
        outcome.before = image.pixels.shape
        outcome.notes.extend(image.notes)
        origin = SourceInfo.of(image)
        storing = storing_of(image, origin, target)
        _check_sizes(recipe, source, image)
        made = [recipe.task.results(image, storing)]
        several = image.frames if target.frame is None else 1
        if several == 1:
            return [(result,) for result in made[0]], origin
        if target.returns_results or not any(
            _holds_frames(each, origin, target) for each in made[0]
        ):
            outcome.notes.append(f"the first of {several} frames")
            return [(result,) for result in made[0]], origin
        durations = [*origin.durations]
        for image in frames:
            made.append(recipe.task.results(image, storing))
            durations.extend(SourceInfo.of(image).durations)
    outcome.frames = len(made)
    if len({len(results) for results in made}) > 1:
        raise FileError("its frames have different channels; take one with --frame")
    return list(zip(*made, strict=True)), replace(origin, durations=tuple(durations))


def _check_sizes(recipe: Recipe, source: Source, image: Image) -> None:
    """Refuse results that are larger than their formats hold, before anything is computed."""
    task, target = recipe.task, recipe.target
    results = task.outline(image.blanked())
    written = [each for each in results if each.is_stage or not target.returns_results]
    check_sizes(written, task, image, source, target)


def _holds_frames(result: Result, origin: SourceInfo, target: Target) -> bool:
    return FORMATS[target.format_for(result, origin.format)].frames is not None


def storing_of(image: Image, origin: SourceInfo, target: Target) -> Storing | None:
    """Say how results are stored while they are computed; None where they are needed first."""
    depth = target.depth or origin.depth
    is_picture = FORMATS[target.format_for(Result("", image.pixels), origin.format)].is_picture
    if target.returns_results or not is_picture or depth != 8:
        return None
    # Frames are scaled alike, so all have to be there before one is.
    if image.frames > 1 and target.range in ("minmax", "symmetric"):
        return None
    is_one_picture = image.pixels.ndim == 2 or image.pixels.shape[2] == 3
    if not is_one_picture:
        return None
    storing = Storing(target.range or "clip", depth)
    maps = Result("", image.pixels, channels=("1", "2"))
    are_pictures = FORMATS[target.format_for(maps, origin.format)].is_picture
    return storing.for_maps() if are_pictures else storing


def _stored(result: Result, range: str | None, depth: int) -> Result:
    """Give the values as a picture would store them, where a range is asked for."""
    if range is None or result.pixels.ndim == 1:
        return result
    return result.with_pixels(quantize(result.pixels, range, result.depth or depth).pixels)


def existing_at(path: str, recipe: Recipe, retry: bool = False) -> str:
    """Say what becomes of a file that has an output's name; see `run_job`."""
    if len(recipe.made) and path_fingerprint(path) in recipe.made:
        return "replace"
    return "same" if retry and recipe.existing == "refuse" else recipe.existing


def _write(
    writing: OutputFile, origin: SourceInfo, recipe: Recipe, existing: str, outcome: Outcome
) -> None:
    part, target = writing.part, recipe.target
    depth = target.depth or part.depth or origin.depth
    range = target.range_for(part, writing.format)
    made = _made(writing, range, depth)
    written = write(
        writing.path,
        [
            Frame(each.pixels, _alpha_at(depth, each.alpha, origin), duration)
            for each, duration in zip(made, origin.durations, strict=False)
        ],
        writing.format,
        range=None if made[0].stored is not None else range,
        extremes=writing.extremes,
        metadata=origin.metadata,
        depth=depth,
        compression=target.compression,
        quality=target.quality,
        existing=existing,
        durable=recipe.durable,
    )
    outcome.written.append(writing.path)
    outcome.notes.extend(note for note in written.notes if note not in outcome.notes)
    if written.clipped is not None and not part.is_stage:
        stored = made[0].stored
        outcome.clipped.append(written.clipped if stored is None else stored.clipped)


def _alpha_at(depth: int, alpha: Array | None, origin: SourceInfo) -> Array | None:
    """Bring an averaged alpha, whose type no longer tells its range, to that of a depth."""
    if alpha is None or alpha.dtype.kind != "f" or depth == origin.depth:
        return alpha
    return alpha * 257 if depth == 16 else alpha / 257


def _made(writing: OutputFile, range: str | None, depth: int) -> Sequence[Result]:
    """Make what a file holds of results: in 8 bits a band of rows at a time."""
    if writing.picture is None:
        return writing.frames
    if writing.part.maps:
        pixels, stored = writing.part.maps[0]()
        return [replace(writing.part, pixels=pixels, stored=stored)]
    if depth != 8 or not all(map(_holds_floats, writing.frames)):
        return [writing.picture(each) for each in writing.frames]
    storing = Storing(range or "clip", depth, writing.extremes)
    return [_shown_as_stored(each, writing.picture, storing) for each in writing.frames]


def _holds_floats(result: Result) -> bool:
    """Return whether values are to be stored, and can be: what is not finite is refused."""
    values = result.pixels
    is_float = result.stored is None and values.dtype.kind == "f"
    return is_float and bool(np.isfinite([values.min(), values.max()]).all())


def _shown_as_stored(result: Result, picture: Picture, storing: Storing) -> Result:
    """Make a picture of a result; its own floats are a band's at a time."""
    bands_ = [
        (rows, result.with_pixels(result.pixels[rows]))
        for rows in bands(result.pixels, BAND_BYTES // 4)
    ]
    if storing.looks_first:
        for _, band in bands_:
            storing.look(picture(band).pixels)
    part = picture(bands_[0][1])
    pixels = np.empty((len(result.pixels), *part.pixels.shape[1:]), storing.dtype)
    for rows, band in bands_:
        storing.take_into(picture(band).pixels, pixels[rows])
    return replace(part, pixels=pixels, stored=storing)


def report_line(outcome: Outcome) -> str:
    """Write what became of an image as a JSON object.

    Examples
    --------
    >>> report_line(Outcome("a.png", "a.png: is empty", seconds=0.002))
    '{"input": "a.png", "milliseconds": 2.0, "error": "a.png: is empty"}'
    """
    line: dict[str, Any] = {
        "input": outcome.source,
        "milliseconds": round(outcome.seconds * 1000, 3),
    }
    if outcome.error is not None:
        return json_text({**line, "error": outcome.error})
    low, high = outcome.span or (None, None)
    clipped = outcome.clipped
    line |= {
        "outputs": outcome.written,
        "input_shape": outcome.before,
        "output_shapes": outcome.after,
        "frames": outcome.frames,
        "min": low,
        "max": high,
        "not_finite": outcome.not_finite,
        "clipped": sum(clipped) / len(clipped) if clipped else None,
    }
    return json_text(line | ({"notes": outcome.notes} if outcome.notes else {}))


def skipped_line(path: str) -> str:
    """Write that an image was done by an earlier run."""
    return json_text({"input": path, "skipped": True})
