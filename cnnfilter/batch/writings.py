"""Which files an image's results make: their parts, formats and names."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from cnnfilter.arrays.buffers import bands
from cnnfilter.batch.sources import Source
from cnnfilter.batch.target import Target
from cnnfilter.batch.work import Result, Work
from cnnfilter.errors import ContentError, FileError
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.images import Image
from cnnfilter.files.save import check_size
from cnnfilter.text import shown

#: A lowest and a highest value.
Span = tuple[float, float]
#: The same result of one frame after the other.
Frames = tuple[Result, ...]
#: Makes one of a result's pictures.
Picture = Callable[[Result], Result]


@dataclass(frozen=True)
class Origin:
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
    def of(cls, image: Image) -> "Origin":
        """Keep what is asked of an image, and not its pixels."""
        durations = (image.metadata.get("duration"),)
        return cls(image.format, image.depth, image.metadata, durations)


@dataclass(frozen=True)
class Writing:
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


def writings(
    results: Sequence[Frames], work: Work, origin: Origin, source: Source, target: Target
) -> list[Writing]:
    """Plan the files: pictures, each feature map by itself, or arrays.

    Raises
    ------
    FileError
        If several results would have one name.
    """
    planned = [
        each for frames in results for each in _writings(frames, work, origin, source, target)
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
    work: Work,
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
        colours = work.pictures(corner)[0].pixels.shape[2:]  # all parts are alike
        pixels = np.broadcast_to(np.uint8(), (*result.pixels.shape[:2], *colours))
        depth = target.depth or result.depth or image.depth
        try:
            check_size(pixels, format, depth, has_alpha=has_alpha)
        except ContentError as error:
            raise FileError(f"{shown(source.path)}: {error}") from None


def _writings(
    frames: Frames, work: Work, origin: Origin, source: Source, target: Target
) -> Iterator[Writing]:
    format = target.format_for(frames[0], origin.format)
    if not FORMATS[format].frames:
        frames = frames[:1]
    if not FORMATS[format].is_picture:
        path = _path(frames[0], source, format, target)
        yield Writing(frames, format, path, frames[0])
        return
    count = len(work.pictures(frames[0].with_pixels(frames[0].pixels[:1, :1])))
    pictures = [partial(_numbered_picture, work, number) for number in range(count)]
    extremes = None
    if count * len(frames) > 1 and target.range_for(frames[0], format) is not None:
        extremes = joined(_shown_span(frame, each) for each in pictures for frame in frames)
    for each in pictures:
        part = _part(frames, each)
        path = _path(part, source, format, target)
        yield Writing(frames, format, path, part, extremes, each)


def _numbered_picture(work: Work, number: int, result: Result) -> Result:
    return work.pictures(result)[number]


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
