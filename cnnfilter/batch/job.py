"""A job: one image, what is done to it, where its results go, and its line in the report."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from cnnfilter.arrays.buffers import BAND_BYTES, bands
from cnnfilter.arrays.checks import is_finite
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.quantize import PixelWriter, quantize
from cnnfilter.arrays.span import Span
from cnnfilter.batch.inputs import LeftOut, Source
from cnnfilter.batch.ledger import Stamp, stamp_of
from cnnfilter.batch.outputs import (
    Frames,
    OutputFile,
    Picture,
    planned_files,
    shared_span,
    survey,
    written_of,
)
from cnnfilter.batch.recipe import Recipe, SourceInfo
from cnnfilter.batch.task import Result
from cnnfilter.errors import CnnFilterError, ContentError, with_path
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import Image
from cnnfilter.files.output import check_target
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame, Levels, Origin, levels, own_levels
from cnnfilter.text import json_text, shown


@dataclass
class Outcome:
    """The outcome of an image's job.

    Attributes
    ----------
    source : str
        The image's name, as in `Source`.
    error : str or None
        Why it failed.
    stamp : Stamp or None
        The file's, when it was read.
    before : tuple of int
        The image's shape.
    frames : int
        Number of frames that were processed.
    after : list of tuple of int
        The results' shapes.
    span : (float, float) or None
        The lowest and the highest finite value of the results.
    not_finite : int
        Number of values that are NaN or infinite.
    clipped : list of float
        For each picture, the share of values that clipping changed.
    written : list of str
        The files written.
    notes : list of str
        What the user should know.
    kept : list of Result
        Results that were not to be written.
    seconds : float
        The time taken.
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
    """Read an image, process it, and write its results.

    Parameters
    ----------
    recipe : Recipe
    source : Source
    retry : bool
        Whether a worker that ended may have written the results already.

    Returns
    -------
    Outcome
        With an error if the user can mend it; a bug of ours is raised.
    """
    start = time.perf_counter()
    outcome = Outcome(source.name, stamp=stamp_of(source.path))
    try:
        _run(recipe, source, outcome, retry=retry)
    except CnnFilterError as error:
        outcome.error = with_path(source.name, error)
    except MemoryError:
        outcome.error = f"{shown(source.name)}: needs more memory than there is"
    outcome.seconds = time.perf_counter() - start
    return outcome


def _run(recipe: Recipe, source: Source, outcome: Outcome, *, retry: bool) -> None:
    planned, results, infos = _results(recipe, source, outcome, retry=retry)
    last = [frames for frames in results if not frames[0].is_stage]
    outcome.after = [frames[0].pixels.shape for frames in last]
    spans, not_finite = zip(*(survey(result) for frames in last for result in frames), strict=True)
    outcome.span, outcome.not_finite = Span.joined(spans), sum(not_finite)
    if recipe.target.returns_results:
        outcome.kept.extend(_stored(frames[0], recipe.encoding, infos[0]) for frames in last)
        results = [frames for frames in results if frames[0].is_stage]
    for files, frames in zip(planned, results, strict=True):
        held = frames if files[0].format.frames else frames[:1]
        extremes = shared_span(files, held)
        for file in files:
            _write(file, held, infos, recipe, outcome, extremes)
    if any(result.maps for frames in last for result in frames):
        outcome.span = Span.joined(survey(result)[0] for frames in last for result in frames)


def _with_data(image: Image, no_data: str | float | None) -> Image:
    """Return an image without no-data numbers."""
    if no_data is None and "no_data" not in image.metadata:
        return image
    from cnnfilter.files.no_data import without_no_data  # few images have any

    return without_no_data(image, no_data)


def _results(
    recipe: Recipe, source: Source, outcome: Outcome, *, retry: bool
) -> tuple[list[list[OutputFile]], list[Frames], list[SourceInfo]]:
    """Plan an image's files, and process it, or each of its frames if a file can hold several."""
    with closing(read_frames(source.path, recipe.max_pixels, recipe.frame)) as read:
        frames = (_with_data(frame, recipe.no_data) for frame in read)
        image = next(frames)
        outcome.before = image.pixels.shape
        outcome.notes.extend(image.notes)
        info = SourceInfo.of(image)
        storing = storing_of(image, info, recipe)
        outline = written_of(recipe.task.outline(image.blanked()), recipe)
        has_alpha = image.alpha is not None
        planned = planned_files(outline, recipe, info, source, has_alpha=has_alpha, retry=retry)
        for files in planned:
            for file in files:
                check_target(file.output, recipe.inputs)
        made = [recipe.task.results(image, storing)]
        several = image.frames if recipe.frame is None else 1
        if several == 1:
            return planned, [(result,) for result in made[0]], [info]
        if recipe.target.returns_results or not any(files[0].format.frames for files in planned):
            outcome.notes.append(f"the first of {several} frames")
            return planned, [(result,) for result in made[0]], [info]
        infos = [info]
        for image in frames:
            infos.append(SourceInfo.of(image))
            # Pages may differ in what they are stored as.
            own = storing_of(image, infos[-1], recipe)
            is_alike = storing is not None and own is not None and own.is_like(storing)
            alike = storing if is_alike else None
            made.append(recipe.task.results(image, alike))
            outcome.notes.extend(note for note in image.notes if note not in outcome.notes)
    outcome.frames = len(made)
    if len({len(results) for results in made}) > 1:
        raise ContentError("its frames have different channels; take one with --frame")
    return planned, list(zip(*made, strict=True)), infos


def storing_of(image: Image, info: SourceInfo, recipe: Recipe) -> PixelWriter | None:
    """Return how results are stored while they are computed; None if they are needed first."""
    range = recipe.encoding.range
    if recipe.target.returns_results:
        return None
    # Frames are scaled alike, so all have to be there before one is.
    if image.frames > 1 and range in ("minmax", "symmetric"):
        return None
    is_one_picture = image.pixels.ndim == 2 or image.pixels.shape[2] == 3
    result = Result("", image.pixels)
    format = recipe.format_for(result, info.format)
    if not is_one_picture or not FORMATS[format].is_picture:
        return None
    depth = recipe.encoding.depth or info.depth
    frames = image.frames if recipe.frame is None and FORMATS[format].frames else 1
    either = {
        levels(pixels, image.alpha, format, depth, info.white, frames)
        for pixels in (
            image.pixels,
            image.pixels[:, :, 0] if image.pixels.ndim == 3 else image.pixels,
        )
    }
    if len(either) > 1:  # the result's channels decide
        return None
    storing = either.pop().writer(range or "clip")
    maps = replace(result, channels=("1", "2"))
    if FORMATS[recipe.format_for(maps, info.format)].is_picture:
        storing.maps = []
    return storing


def _stored(result: Result, encoding: Encoding, info: SourceInfo) -> Result:
    """Return a result with the values that a picture would store, if a range is set."""
    if encoding.range is None or result.pixels.ndim == 1:
        return result.as_numbers()
    depth = encoding.depth or result.depth or info.depth
    kept = own_levels(depth, info.white_of(result))
    return result.with_pixels(quantize(result.pixels, encoding.range, *kept.around(None)).pixels)


def _write(
    file: OutputFile,
    frames: Frames,
    infos: Sequence[SourceInfo],
    recipe: Recipe,
    outcome: Outcome,
    extremes: Span | None,
) -> None:
    """Make a file's pictures of a result's frames and write them."""
    output = file.output
    pages = [
        recipe.page_for(result, info, str(output.encoding.format))
        for result, info in zip(frames, infos, strict=False)
    ]
    kept = [
        _levels(file, result, info, page, len(frames))
        for result, info, page in zip(frames, infos, pages, strict=False)
    ]
    made = _made(file, frames, kept, extremes)
    if not (file.format.is_picture or file.format.alpha or output.encoding.range):
        made = [result.as_numbers() for result in made]
    stored = made[0].stored
    pictures = [
        Frame(
            result.pixels,
            result.alpha,
            info.duration,
            page,
            info.white_of(result),
            info.opaque,
            is_stored=result.stored is not None,
        )
        for result, info, page in zip(made, infos, pages, strict=False)
    ]
    written = write(output, pictures, metadata=infos[0].metadata, extremes=extremes)
    outcome.written.append(str(output.path))
    notes = [
        *written.notes,
        *_notes_on_numbers(file, made[0], infos[0], written.clipped),
        *_notes_on_depth(output, pages, infos, recipe),
    ]
    outcome.notes.extend(note for note in notes if note not in outcome.notes)
    if written.clipped is not None and not file.part.is_stage:
        outcome.clipped.append(written.clipped if stored is None else stored.clipped)


def _notes_on_depth(
    output: Output,
    pages: Sequence[Origin | None],
    infos: Sequence[SourceInfo],
    recipe: Recipe,
) -> list[str]:
    """Return a note if frames have more bits than the first, which an animation stores all in."""
    depth = output.encoding.depth or 8
    deeper = any(
        page is None and info.depth > depth for page, info in zip(pages, infos, strict=False)
    )
    if recipe.encoding.depth is not None or not deeper:
        return []
    return [f"scaled from 16 bits to 8: {output.encoding.format} stores all frames as the first"]


def _levels(
    file: OutputFile, result: Result, info: SourceInfo, page: Origin | None, frames: int
) -> Levels | None:
    """Return how bright a frame is stored; None of numbers, which are stored as they are."""
    encoding = file.output.encoding
    format = page.format if page else str(encoding.format)
    if not FORMATS[format].is_picture:
        return None
    depth = page.depth if page else encoding.depth or info.depth
    white = info.white_of(result)
    return levels(file.part.pixels, result.alpha, format, depth, white, frames)


#: A larger share of values that are clipped leaves nothing to see.
_MOST_CLIPPED = 0.99


def _notes_on_numbers(
    file: OutputFile, made: Result, info: SourceInfo, clipped: float | None
) -> list[str]:
    """Return a note if numbers that have no white make a picture that shows nothing."""
    if info.white is not None or clipped is None or file.output.encoding.range is not None:
        return []
    span, _ = survey(made)
    if made.stored is not None:
        clipped = made.stored.clipped
    if span is None:
        return []
    is_dark = span.high > span.low and span.low >= -1 and span.high <= 1
    if not is_dark and clipped < _MOST_CLIPPED:
        return []
    look = "nearly black" if is_dark else "nearly all black or white"
    return [
        f"{look}: numbers from {span.low:.4g} to {span.high:.4g} are stored as they are; "
        "--range minmax stretches them"
    ]


def _made(
    file: OutputFile, frames: Frames, kept: Sequence[Levels | None], extremes: Span | None
) -> Sequence[Result]:
    """Make a file's part of a result; of pixels, by bands of rows."""
    if file.picture is None:
        return frames
    if frames[0].maps:
        pixels, stored = frames[0].maps[file.number]()
        return [replace(file.part, pixels=pixels, alpha=frames[0].alpha, stored=stored)]
    if not all(map(_holds_floats, frames)):
        return [file.picture(frame) for frame in frames]
    range = file.output.encoding.range or "clip"
    writers = {one: one.writer(range, extremes) for one in kept if one is not None}
    return [
        file.picture(frame) if one is None else _shown_as_stored(frame, file.picture, writers[one])
        for frame, one in zip(frames, kept, strict=False)
    ]


def _holds_floats(result: Result) -> bool:
    """Return whether values are finite floats that are not stored yet."""
    values = result.pixels
    is_float = result.stored is None and values.dtype.kind == "f"
    return is_float and is_finite(values)


def _shown_as_stored(result: Result, picture: Picture, storing: PixelWriter) -> Result:
    """Make a picture of a result, whose floats are there for one band at a time."""
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
    """Return an image's line in the report, a JSON object.

    Examples
    --------
    >>> report_line(Outcome("a.png", "a.png: is empty", seconds=0.002))
    '{"input": "a.png", "milliseconds": 2.0, "error": "a.png: is empty"}'
    """
    line: dict[str, object] = {
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


def left_out_line(file: LeftOut) -> str:
    """Return the line of a file that is not read.

    Examples
    --------
    >>> left_out_line(LeftOut("a.psd", "Photoshop"))
    '{"input": "a.psd", "not_read": "Photoshop"}'
    """
    return json_text({"input": file.name, "not_read": file.kind})


def skipped_line(source: str) -> str:
    """Return the line of an image that an earlier run did."""
    return json_text({"input": source, "skipped": True})
