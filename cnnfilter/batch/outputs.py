"""The files that an image's results make: their parts, encodings and paths."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.span import Span
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.recipe import Recipe, SourceInfo
from cnnfilter.batch.task import Result, Task
from cnnfilter.errors import FileError, naming
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.save import check_size
from cnnfilter.text import shown

#: The same result of one frame after the other.
Frames = tuple[Result, ...]
#: Makes one of a result's pictures.
Picture = Callable[[Result], Result]


@dataclass(frozen=True)
class OutputFile:
    """A file and the results in it, whose pictures are made when it is written.

    Attributes
    ----------
    frames : tuple of Result
        Whole results.
    part : Result
        The file's part of the first frame, its values blank.
    output : Output
    extremes : (float, float) or None
        The lowest and the highest value of parts that are scaled alike.
    picture : callable or None
        Makes the part of a result, or of a band of its rows; None for the result itself.
    """

    frames: Frames
    part: Result
    output: Output
    extremes: Span | None = None
    picture: Picture | None = None


def planned_files(
    results: Sequence[Frames],
    recipe: Recipe,
    info: SourceInfo,
    source: Source,
    *,
    retry: bool = False,
) -> list[OutputFile]:
    """Plan the files: pictures, one for each feature map, or arrays.

    Raises
    ------
    FileError
        If several results would have one name.
    """
    plan = _Planner(recipe, info, source, retry)
    files = [file for frames in results for file in plan.files(frames)]
    written = [file for file in files if not file.part.is_stage]
    if len({file.output.path for file in written}) == len(written):
        return files
    names = f"{len(written)} results ({', '.join(file.part.name for file in written)})"
    target = recipe.target
    if target.template is not None:
        raise FileError(
            f"{shown(source.name)}: {target.template.text} is one name for {names}; "
            "add {kernel} to it"
        )
    one_array = sum(not frames[0].is_stage for frames in results) == 1
    raise FileError(
        f"{shown(str(target.file))}: one name for {names}; "
        "name a folder such as out/" + (", or an array's format such as .npy" * one_array)
    )


@dataclass(frozen=True)
class _Planner:
    """Plans the files of one image."""

    recipe: Recipe
    info: SourceInfo
    source: Source
    retry: bool

    def files(self, frames: Frames) -> Iterator[OutputFile]:
        """Yield the files of one result."""
        result, task = frames[0], self.recipe.task
        encoding = self.recipe.encoding_for(result, self.info)
        format = FORMATS[str(encoding.format)]
        if not format.frames:
            frames = frames[:1]
        if not format.is_picture:
            yield OutputFile(frames, result, self._output(result, encoding))
            return
        corners = task.pictures(result.with_pixels(result.pixels[:1, :1]))
        pictures = [partial(_numbered_picture, task, number) for number in range(len(corners))]
        extremes = None
        if len(corners) * len(frames) > 1 and encoding.range is not None:
            extremes = Span.joined(
                _shown_span(frame, make) for make in pictures for frame in frames
            )
        for corner, make in zip(corners, pictures, strict=True):
            part = _spread(corner, result.pixels.shape)
            yield OutputFile(frames, part, self._output(part, encoding), extremes, make)

    def _output(self, part: Result, encoding: Encoding) -> Output:
        recipe = self.recipe
        path = recipe.target.path_for(
            self.source, part.name, encoding.format, is_stage=part.is_stage
        )
        existing = recipe.existing_for(path, retry=self.retry)
        return Output(path, encoding, existing, recipe.durable)


def _numbered_picture(task: Task, number: int, result: Result) -> Result:
    return task.pictures(result)[number]


def _spread(corner: Result, shape: Shape) -> Result:
    """Return a picture's corner as a blank picture of a whole result's height and width."""
    pixels = corner.pixels
    return corner.with_pixels(np.broadcast_to(pixels[:1, :1], (*shape[:2], *pixels.shape[2:])))


def _shown_span(result: Result, picture: Picture) -> Span | None:
    """Return the span of a picture's values, read by bands of rows."""
    if result.stored is not None:
        return result.stored.span
    shown_bands = (
        picture(result.with_pixels(result.pixels[rows])) for rows in bands(result.pixels)
    )
    return Span.joined(Span.of_finite(band.pixels) for band in shown_bands)


def survey(result: Result) -> tuple[Span | None, int]:
    """Return the lowest and the highest finite value, and the number of others."""
    if result.stored is not None:
        return result.stored.span, 0
    values = result.pixels
    span = Span.of(values)
    if np.isfinite(span).all():
        return span, 0
    return Span.of_finite(values), values.size - int(np.count_nonzero(np.isfinite(values)))


def check_sizes(
    results: Iterable[Result], recipe: Recipe, info: SourceInfo, source: Source, *, has_alpha: bool
) -> None:
    """Refuse results that are larger than their formats hold, by their shapes alone.

    Raises
    ------
    FileError
        If one is too large.
    """
    for result in results:
        if not result.is_stage and recipe.target.returns_results:
            continue
        encoding = recipe.encoding_for(result, info)
        format, depth = str(encoding.format), encoding.depth or 8
        if not FORMATS[format].is_picture:
            continue
        corner = recipe.task.pictures(result.with_pixels(result.pixels[:1, :1]))[0]
        pixels = _spread(corner, result.pixels.shape).pixels
        with naming(Path(source.name)):
            check_size(pixels, format, depth, has_alpha=has_alpha)
