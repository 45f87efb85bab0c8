"""From values to what a format stores: pixels, their alpha and white, or numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.dtypes import convert
from cnnfilter.arrays.quantize import PixelWriter, quantize
from cnnfilter.errors import ContentError
from cnnfilter.files.capacity import kept_depth, unstorable
from cnnfilter.files.encoding import Encoding
from cnnfilter.files.format import Pages
from cnnfilter.files.formats import FORMATS


class Origin(NamedTuple):
    """What a page of a TIFF has of its own.

    Attributes
    ----------
    metadata : mapping
        As `Metadata`.
    format : str
        Of the formats with the file's suffix, the one that holds the page.
    depth : {8, 16}
        Its bits.
    """

    metadata: Mapping[str, Any]
    format: str
    depth: int


class Frame(NamedTuple):
    """A frame or page to write, or the only one.

    Attributes
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray or None
        Shape (H, W), up to `opaque`.
    duration : float or None
        Milliseconds that it is shown; None for the metadata's.
    page : Origin or None
        Where it differs from the first page of its file.
    white : int or None
        The value that is stored as white; None for the largest number of the depth to write.
    opaque : float or None
        The largest alpha; None for its type's largest, of floats that of the depth to write.
    is_stored : bool
        Whether the values are pixels already, as `levels` says.
    """

    values: Array
    alpha: Array | None = None
    duration: float | None = None
    page: "Origin | None" = None
    white: int | None = None
    opaque: float | None = None
    is_stored: bool = False


class Stored:
    """Values as a format stores them, and what became of them.

    Attributes
    ----------
    depth : {8, 16}
        The bits that are asked for.
    clipped : float or None
        See `Written`.
    notes : list of str
        What the format cannot hold.
    """

    def __init__(
        self, encoding: Encoding, format: str, extremes: tuple[float, float] | None
    ) -> None:
        self.depth = encoding.depth or 8
        self.clipped: float | None = None
        self.notes: list[str] = []
        self._tops: set[int] = set()
        self._range, self._format, self._extremes = encoding.range, format, extremes

    def frames(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return frames as their formats store them: pixels, or numbers as they are."""
        made, changed, pixels = [], 0.0, 0
        for frame in frames:
            if not FORMATS[frame.page.format if frame.page else self._format].is_picture:
                made.append(self._matrix(frame))
                continue
            depth = frame.page.depth if frame.page else self.depth
            picture, clipped = self._picture(frame, depth, len(frames))
            made.append(picture)
            changed += clipped * frame.values.size
            pixels += frame.values.size
        if pixels:
            self.clipped = changed / pixels
        is_animation = not isinstance(FORMATS[self._format].frames, Pages)
        if pixels and is_animation and any(frame.alpha is not None for frame in made):
            made = [_with_alpha(picture) for picture in made]
        return made

    def _matrix(self, frame: Frame) -> Frame:
        """Return a frame as numbers, which are left as they are unless a range is set."""
        alpha, values = frame.alpha, frame.values
        if alpha is not None and not FORMATS[self._format].alpha:
            self.notes.append("alpha is left out of a matrix")
            alpha = None
        if isinstance(FORMATS[self._format].frames, Pages):
            values = _without_single_channel(values)
        if self._range is not None:
            kept = own_levels(self.depth, frame.white)
            values = quantize(values, self._range, *kept.around(self._extremes)).pixels
        return frame._replace(values=values, alpha=alpha)

    def metadata(self, source: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return the source's metadata, with the number that is white in a format that has one."""
        metadata = source or {}
        if not FORMATS[self._format].holds_peak or len(self._tops) != 1:
            return metadata
        return {**metadata, "peak": max(self._tops)}

    def _picture(self, frame: Frame, depth: int, frames: int) -> tuple[Frame, float]:
        """Return a frame's pixels, and the share of values that was clipped."""
        values, alpha = _without_single_channel(frame.values), frame.alpha
        format = frame.page.format if frame.page else self._format
        if values.ndim == 3 and values.shape[2] != 3 and not FORMATS[format].holds_bands:
            raise ContentError(
                f"{format} holds 1 or 3 channels, not {values.shape[2]}; "
                "write .npy, .npz or --format float"
            )
        kept = levels(values, alpha, format, depth, frame.white, frames)
        self._tops.add(kept.top)
        pixels, clipped = values, 0.0
        if not frame.is_stored:
            range = self._range or "clip"
            pixels, clipped = quantize(values, range, *kept.around(self._extremes))
        self.notes += kept.notes(self._range, depth, format, values)
        if alpha is not None:
            alpha = self._fitting_alpha(_scaled_alpha(alpha, frame.opaque, depth, kept))
        colors = FORMATS[self._format].colors
        if colors is not None and pixels.ndim == 3:
            self.notes.append(f"{self._format} holds {colors} colours")
        return frame._replace(values=pixels, alpha=alpha), clipped

    def _fitting_alpha(self, alpha: Array) -> Array | None:
        """Drop an opaque alpha; make others fit, or refuse one that the format cannot store."""
        top = np.iinfo(alpha.dtype).max
        holds = FORMATS[self._format].alpha
        if holds == "full":
            return alpha
        if (alpha == top).all():
            return None
        if holds != "mask":
            raise ContentError(f"{self._format} cannot hold transparency; write png, webp or tif")
        if np.isin(alpha, (0, top)).all():
            return alpha
        self.notes.append(f"{self._format} holds all or no transparency: the nearer of the two")
        return np.where(alpha > top // 2, top, 0).astype(alpha.dtype)


def _with_alpha(frame: Frame) -> Frame:
    """Return a frame with an opaque alpha if it has none."""
    if frame.alpha is not None:
        return frame
    dtype = frame.values.dtype
    return frame._replace(alpha=np.full(frame.values.shape[:2], np.iinfo(dtype).max, dtype))


def _scaled_alpha(alpha: Array, opaque: float | None, depth: int, kept: "Levels") -> Array:
    """Scale alpha to the pixels' type and white, a band at a time."""
    dtype = np.dtype(f"uint{kept.depth}")
    if opaque is None:
        opaque = 2**depth - 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    if alpha.dtype == dtype and opaque == kept.top:
        return alpha
    result = np.empty(alpha.shape, dtype)
    for rows in bands(alpha):
        wide = alpha[rows].astype(np.float64) * kept.top / opaque
        result[rows] = convert(wide.clip(0, kept.top), dtype)
    return result


def _without_single_channel(values: Array) -> Array:
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


class Levels(NamedTuple):
    """How bright values are stored.

    Attributes
    ----------
    depth : {8, 16}
        The bits of a pixel.
    white : int
        The value that is white.
    top : int
        The number that white is stored as.
    """

    depth: int
    white: int
    top: int

    def around(
        self, extremes: tuple[float, float] | None
    ) -> tuple[int, tuple[float, float] | None, int, int]:
        """Return the arguments of `quantize`."""
        return self.depth, extremes, self.white, self.top

    def writer(self, range: str, extremes: tuple[float, float] | None = None) -> PixelWriter:
        """Return the storing of values."""
        return PixelWriter(range, *self.around(extremes))

    def notes(self, range: str | None, depth: int, format: str, values: Array) -> list[str]:
        """Return what to say of scaling that nobody asked for."""
        notes = []
        if self.depth < depth:
            lack = unstorable(values, format)
            notes.append(f"scaled from 16 bits to 8: {format} cannot store {lack}")
        is_usual = self.white in (2**8 - 1, 2**16 - 1)
        if self.white != self.top and not is_usual and range in (None, "clip", "abs"):
            notes.append(f"stretched from 0..{self.white} to 0..{self.top}")
        return notes


def levels(
    values: Array,
    alpha: Array | None,
    format: str,
    depth: int,
    white: int | None = None,
    frames: int = 1,
) -> Levels:
    """Return how bright a format stores values.

    Parameters
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C); only the shape counts.
    alpha : ndarray or None
    format : str
        A picture's name from `FORMATS`.
    depth : {8, 16}
        The bits that are asked for.
    white : int, optional
        The value that is white; default: the largest number of the depth.
    frames : int
        Number of frames in the file.

    Examples
    --------
    >>> image = np.zeros((2, 2))
    >>> levels(image, None, "png", 16, 1023), levels(image, None, "ppm", 16, 1023)
    (Levels(depth=16, white=1023, top=65535), Levels(depth=16, white=1023, top=1023))
    """
    kept = kept_depth(values, alpha, format, depth, frames)
    own = own_levels(depth, white)
    if kept == depth and FORMATS[format].holds_peak:
        return own
    return Levels(kept, own.white, 2**kept - 1)


def own_levels(depth: int, white: int | None) -> Levels:
    """Return levels that keep a white of the same depth."""
    largest = 2**depth - 1
    if white is None or (white > 2**8 - 1) == (depth == 16):
        return Levels(depth, white or largest, white or largest)
    return Levels(depth, white, largest)
