"""Where results go, as which files, and in which format."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cnnfilter.arrays.buffers import bands
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.naming import Template, named_after, readable, suffix_for
from cnnfilter.batch.task import Result, Task
from cnnfilter.errors import ArgumentError, FileError, naming
from cnnfilter.files.formats import ANY_NUMBERS, FORMATS, LOSSLESS_PICTURE, format_of
from cnnfilter.files.image import Image
from cnnfilter.files.save import check_size
from cnnfilter.text import shown


@dataclass(frozen=True)
class Target:
    """Where results go, and as what.

    Attributes
    ----------
    file : str or None
        The one file to write, ``-`` for standard output; None for names made from the
        image's.
    folder : Path or None
        Where those are; None for beside the image.
    template : Template or None
        How results are named, where it is said.
    format : str or None
        A name from `FORMATS`; None for the image's.
    range : str or None
        How values become pixels; None for the format's own way.
    depth : {8, 16} or None
        Bits for each channel of pictures; None for the image's.
    compression : {"fast", "small"}
        Whether pictures are written quickly, or to small files.
    quality : int or None
        1 to 100, of formats that lose something; None for their usual.
    frame : int or None
        The one frame that is taken, from 0; None for all.
    stages : Path or None
        Where the layers' results go.
    stages_range : str or None
        How their values become pixels, where `range` is not given.
    stages_format : str or None
        The format of a network's maps; None for one like the image's that loses nothing.
    returns_results : bool
        Hand results back instead of writing them.
    """

    file: str | None = None
    folder: Path | None = None
    template: Template | None = None
    format: str | None = None
    range: str | None = None
    depth: int | None = None
    compression: str = "fast"
    quality: int | None = None
    frame: int | None = None
    stages: Path | None = None
    stages_range: str | None = None
    stages_format: str | None = None
    returns_results: bool = False

    @property
    def root(self) -> Path | None:
        """The folder that all results are in; None for one beside each image."""
        return self.folder if self.template is None else self.template.root

    @property
    def named_format(self) -> str | None:
        """The format that the file's name, or the template, says; None where there is none."""
        if self.template is not None:
            return self.template.format
        return None if self.file in (None, "-") else format_of(str(self.file))

    def range_for(self, result: Result, format: str) -> str | None:
        """Say how values become pixels; None for the format's own way, or where they are."""
        if result.pixels.ndim == 1 or result.stored is not None:
            return None
        stretched = result.is_stage and FORMATS[format].is_picture
        return self.range or (self.stages_range if stretched else None)

    def format_for(self, result: Result, own: str) -> str:
        """Choose a result's format: as is asked for, as the file is named, or the image's own."""
        if result.pixels.ndim == 1:
            return self._format_for_vector(result, own)
        if result.is_stage and self.stages_range is not None:
            lossless = LOSSLESS_PICTURE if FORMATS[own].is_picture else own
            return self.stages_format or lossless
        if self.format is not None:
            return self.format
        named = None if result.is_stage else self.named_format
        # A TIFF can hold a matrix, and several maps in one array, as .npy does.
        if named and (result.channels or not FORMATS[own].is_picture):
            return FORMATS[named].numbers or named
        return named or own

    def _format_for_vector(self, result: Result, own: str) -> str:
        """Choose the format of numbers: as is asked for, or .npy where that is a picture's."""
        asked = self.stages_format if result.is_stage else self.format
        named = None if result.is_stage else self.named_format
        format = asked or named or own
        return format if FORMATS[format].holds_vectors else ANY_NUMBERS

    def path_for(self, source: Source, name: str, format: str | None, *, is_stage: bool) -> str:
        """Give the place of a result, or of a layer's."""
        if is_stage:
            return str(named_after(source, name, format, self.stages))
        if self.file is not None:
            return self.file
        if self.template is not None:
            return str(self.template.path(source, readable(name), suffix_for(source, format)))
        return str(named_after(source, name, format, self.folder))


def root_of(output: str | None) -> Path | None:
    """Give the folder that results go to, whatever the images are."""
    if output is None or output == "-":
        return None
    return Template(output).root if "{" in output else Path(output)


def placed(task: Task, target: Target, output: str | None, *, several: bool) -> Target:
    """Give a target its place.

    Parameters
    ----------
    task : Task
    target : Target
    output : str or None
        A file, a folder, a template, ``-`` or None; see `cnnfilter.batch.plan.make_plan`.
    several : bool
        Whether there may be several images.

    Raises
    ------
    ArgumentError
        If the place and what is asked for do not go together.
    """
    target = _at(target, output, several=several)
    _check_quality(target)
    _check_one_picture(task, target)
    return target


def _at(target: Target, output: str | None, *, several: bool) -> Target:
    """Tell a file from a folder and from a template."""
    if output is None:
        return target
    if output == "-":
        if several:
            raise ArgumentError("standard output takes one result; name a folder with -o")
        return replace(target, file="-")
    if "{" in output:
        template = Template(output)
        _check_format(output, template.format, target)
        return replace(target, template=template)
    if several or output.endswith(("/", os.sep)) or os.path.isdir(output):  # noqa: PTH112
        if several and os.path.isfile(output):  # noqa: PTH113
            raise ArgumentError(f"{shown(output)}: is a file; several images need a folder")
        return replace(target, folder=Path(output))
    if target.format is None:
        format_of(output)
    else:
        suffix = Path(output).suffix.lower()
        named = [name for name, each in FORMATS.items() if suffix in each.suffixes]
        if target.format not in named:
            _check_format(output, named[0] if named else None, target)
    return replace(target, file=output)


def _check_format(output: str, named: str | None, target: Target) -> None:
    same = named is None or target.format is None or FORMATS[named] == FORMATS[target.format]
    if not same and FORMATS[str(named)].suffixes != FORMATS[str(target.format)].suffixes:
        raise ArgumentError(
            f"{shown(output)}: is named as another format than --format {target.format}; "
            "leave one out"
        )


def _check_quality(target: Target) -> None:
    format = target.format or target.named_format
    if target.quality is not None and format is not None and FORMATS[format].quality is None:
        able = ", ".join(name for name, each in FORMATS.items() if each.quality is not None)
        raise ArgumentError(f"--quality is for {able}, not {format}; leave one of both out")


def _check_one_picture(task: Task, target: Target) -> None:
    """Refuse to put a vector or several feature maps into one picture, whatever the image."""
    format = target.format or target.named_format
    if task.gives_vector:
        # With stages, a picture's format is meant for these.
        own = target.named_format if target.stages is not None else format
        if own and not FORMATS[own].holds_vectors:
            raise ArgumentError(
                f"the result is a vector, which is no picture ({own}); write .npy, .npz, .csv, "
                ".tsv or .json, or leave --output and --format out"
            )
        return
    if task.maps == 1 or (format and not FORMATS[format].is_picture):
        return
    if target.template is not None and not target.template.names_results:
        raise ArgumentError(
            f"{target.template.text}: one name for {task.maps} feature maps; add {{kernel}} to it"
        )
    if target.file is None or target.file == "-":
        return
    if format and FORMATS[format].is_picture and not FORMATS[format].numbers:
        raise ArgumentError(
            f"{shown(target.file)}: one name for {task.maps} feature maps; name a folder such as "
            "out/, an array's format such as .npy, or combine them"
        )


#: A lowest and a highest value.
Span = tuple[float, float]
#: The same result of one frame after the other.
Frames = tuple[Result, ...]
#: Makes one of a result's pictures.
Picture = Callable[[Result], Result]


@dataclass(frozen=True)
class SourceInfo:
    """What is asked of an image when its results are written; see `Image`.

    Attributes
    ----------
    durations : tuple of float or None
        How long each frame is shown, in milliseconds, where the file tells.
    """

    format: str
    depth: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    durations: tuple[float | None, ...] = (None,)

    @classmethod
    def of(cls, image: Image) -> "SourceInfo":
        """Keep what is asked of an image, and not its pixels."""
        durations = (image.metadata.get("duration"),)
        return cls(image.format, image.depth, image.metadata, durations)


@dataclass(frozen=True)
class OutputFile:
    """A file: results with its place, or the same picture of each; made when it is written.

    Attributes
    ----------
    frames : tuple of Result
        Whole results.
    part : Result
        What the file holds of the first frame, its values blank.
    extremes : (float, float) or None
        The lowest and the highest value of parts of one result, which are scaled alike.
    picture : callable or None
        Make the part of a result, or of a band of its rows; None for all of it as it is.
    """

    frames: Frames
    format: str
    path: str
    part: Result
    extremes: Span | None = None
    picture: Picture | None = None


def _part(frames: Frames, picture: Picture) -> Result:
    """Return what a picture shows of the first frame, its values blank."""
    pixels = frames[0].pixels
    shown_ = picture(frames[0].with_pixels(pixels[:1, :1]))
    shape = (*pixels.shape[:2], *shown_.pixels.shape[2:])
    return shown_.with_pixels(np.broadcast_to(shown_.pixels[:1, :1], shape))


def planned_files(
    results: Sequence[Frames], task: Task, origin: SourceInfo, source: Source, target: Target
) -> list[OutputFile]:
    """Plan the files: pictures, each feature map by itself, or arrays.

    Raises
    ------
    FileError
        If several results would have one name.
    """
    planned = [
        each for frames in results for each in _files_of(frames, task, origin, source, target)
    ]
    written = [each for each in planned if not each.part.is_stage]
    if len({each.path for each in written}) == len(written):
        return planned
    names = f"{len(written)} results ({', '.join(each.part.name for each in written)})"
    if target.template is not None:
        raise FileError(
            f"{shown(source.path)}: {target.template.text} is one name for {names}; "
            "add {kernel} to it"
        )
    one_array = sum(not frames[0].is_stage for frames in results) == 1
    raise FileError(
        f"{shown(str(target.file))}: one name for {names}; "
        "name a folder such as out/" + (", or an array's format such as .npy" * one_array)
    )


def check_sizes(
    results: Iterable[Result],
    task: Task,
    image: Image,
    source: Source,
    target: Target,
) -> None:
    """Refuse results that are larger than their formats hold; only their shapes are looked at.

    Raises
    ------
    FileError
        If one is too large.
    """
    has_alpha = image.alpha is not None
    for result in results:
        format = target.format_for(result, image.format)
        if not FORMATS[format].is_picture:
            continue
        corner = result.with_pixels(result.pixels[:1, :1])
        colours = task.pictures(corner)[0].pixels.shape[2:]  # all parts are alike
        pixels = np.broadcast_to(np.uint8(), (*result.pixels.shape[:2], *colours))
        depth = target.depth or result.depth or image.depth
        with naming(Path(source.path)):
            check_size(pixels, format, depth, has_alpha=has_alpha)


def _files_of(
    frames: Frames, task: Task, origin: SourceInfo, source: Source, target: Target
) -> Iterator[OutputFile]:
    format = target.format_for(frames[0], origin.format)
    if not FORMATS[format].frames:
        frames = frames[:1]
    if not FORMATS[format].is_picture:
        path = _path(frames[0], source, format, target)
        yield OutputFile(frames, format, path, frames[0])
        return
    count = len(task.pictures(frames[0].with_pixels(frames[0].pixels[:1, :1])))
    pictures = [partial(_numbered_picture, task, number) for number in range(count)]
    extremes = None
    if count * len(frames) > 1 and target.range_for(frames[0], format) is not None:
        extremes = joined(_shown_span(frame, each) for each in pictures for frame in frames)
    for each in pictures:
        part = _part(frames, each)
        path = _path(part, source, format, target)
        yield OutputFile(frames, format, path, part, extremes, each)


def _numbered_picture(task: Task, number: int, result: Result) -> Result:
    return task.pictures(result)[number]


def _shown_span(result: Result, picture: Picture) -> Span | None:
    """Return the span of a picture's values, looked at by bands of rows."""
    if result.stored is not None:
        return result.stored.span
    pixels = result.pixels
    return joined(survey(picture(result.with_pixels(pixels[rows])))[0] for rows in bands(pixels))


def _path(part: Result, source: Source, format: str, target: Target) -> str:
    return target.path_for(source, part.name, format, is_stage=part.is_stage)


def survey(result: Result) -> tuple[Span | None, int]:
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


def joined(spans: Iterable[Span | None]) -> Span | None:
    """Give the span of all that there are."""
    known = [span for span in spans if span is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
