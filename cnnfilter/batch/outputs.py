"""The files that an image's results make: their parts, encodings and paths."""

from collections.abc import Callable, Iterable, Sequence
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
from cnnfilter.errors import ContentError, FileError, naming
from cnnfilter.files.capacity import check_size
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.format import Format
from cnnfilter.files.formats import FORMATS
from cnnfilter.text import shown

#: The same result of one frame after the other.
Frames = tuple[Result, ...]
#: Makes one of a result's pictures.
Picture = Callable[[Result], Result]


@dataclass(frozen=True, eq=False)
class OutputFile:
    """A file to write, planned before its result is computed.

    Attributes
    ----------
    part : Result
        The file's part of the result, its values blank.
    output : Output
    number : int
        The part's place among the result's pictures.
    picture : callable or None
        Makes the part of a result, or of a band of its rows; None for the result itself.
    """

    part: Result
    output: Output
    number: int = 0
    picture: Picture | None = None

    @property
    def format(self) -> Format:
        """The file's format."""
        return FORMATS[str(self.output.encoding.format)]


def written_of(results: Iterable[Result], recipe: Recipe) -> list[Result]:
    """Return the results that are written: stages in any case."""
    returned = recipe.target.returns_results
    return [result for result in results if result.is_stage or not returned]


def planned_files(
    outline: Sequence[Result],
    recipe: Recipe,
    info: SourceInfo,
    source: Source,
    *,
    has_alpha: bool,
    retry: bool = False,
) -> list[list[OutputFile]]:
    """Plan the files of each result: pictures, one for each feature map, or an array.

    Parameters
    ----------
    outline : sequence of Result
        Blank ones, of those that are written.
    recipe : Recipe
    info : SourceInfo
    source : Source
    has_alpha : bool
        Whether the image has an alpha channel.
    retry : bool
        Whether a worker that ended may have written the files already.

    Raises
    ------
    FileError
        If a picture is larger than its format holds, or several results would have one name.
    """
    plan = _Planner(recipe, info, source, has_alpha, retry)
    planned = [plan.files(result) for result in outline]
    written = [file for files in planned for file in files if not file.part.is_stage]
    if len({file.output.path for file in written}) == len(written):
        return planned
    names = f"{len(written)} results ({', '.join(file.part.name for file in written)})"
    target = recipe.target
    if target.template is not None:
        raise FileError(
            f"{shown(source.name)}: {target.template.text} is one name for {names}; "
            "add {kernel} to it"
        )
    one_array = sum(not result.is_stage for result in outline) == 1
    raise FileError(
        f"{shown(str(target.file))}: one name for {names}; "
        "name a folder such as out/" + (", or an array's format such as .npy" * one_array)
    )


@dataclass(frozen=True, eq=False)
class _Planner:
    """Plans the files of one image."""

    recipe: Recipe
    info: SourceInfo
    source: Source
    has_alpha: bool
    retry: bool

    def files(self, result: Result) -> list[OutputFile]:
        """Plan the files of one result."""
        encoding, task = self.recipe.encoding_for(result, self.info), self.recipe.task
        format = str(encoding.format)
        if not FORMATS[format].is_picture:
            return [OutputFile(result, self._output(result, encoding))]
        if FORMATS[format].holds_bands and not result.channels and result.pixels.ndim == 3:
            with naming(Path(self.source.name)):
                check_size(result.pixels, format, encoding.depth or 8, has_alpha=self.has_alpha)
            return [OutputFile(result, self._output(result, encoding), 0, _whole)]
        corners = task.pictures(result.with_pixels(result.pixels[:1, :1]))
        parts = [_spread(corner, result.pixels.shape) for corner in corners]
        with naming(Path(self.source.name)):
            check_size(parts[0].pixels, format, encoding.depth or 8, has_alpha=self.has_alpha)
        return [
            OutputFile(
                part,
                self._output(part, encoding),
                number,
                partial(_numbered_picture, task, format, len(parts), number),
            )
            for number, part in enumerate(parts)
        ]

    def _output(self, part: Result, encoding: Encoding) -> Output:
        recipe = self.recipe
        path = recipe.target.path_for(
            self.source, part.name, encoding.format, is_stage=part.is_stage
        )
        existing = recipe.existing_for(path, retry=self.retry)
        return Output(path, encoding, existing, recipe.durable)


def shared_span(files: Sequence[OutputFile], frames: Frames) -> Span | None:
    """Return the span of a result's pictures, which are scaled alike; None for one alone."""
    is_alone = len(files) * len(frames) == 1
    if is_alone or files[0].output.encoding.range is None or frames[0].stored is not None:
        return None
    return Span.joined(
        _shown_span(frame, file.picture)
        for file in files
        if file.picture is not None
        for frame in frames
    )


def _whole(result: Result) -> Result:
    return result


def _numbered_picture(task: Task, format: str, count: int, number: int, result: Result) -> Result:
    """Return one of a result's pictures; pages with more bands than the first are whole."""
    pictures = task.pictures(result)
    if len(pictures) == count:
        return pictures[number]
    if count == 1 and FORMATS[format].holds_bands and not result.channels:
        return result
    raise ContentError("its frames have different channels; take one with --frame")


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
    values = result.data
    if not values.size:
        return None, 0
    span = Span.of(values)
    if np.isfinite(span).all():
        return span, 0
    return Span.of_finite(values), values.size - int(np.count_nonzero(np.isfinite(values)))
