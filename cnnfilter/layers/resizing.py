"""Bringing an image to another size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, prod
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import Number, Pair, choice, number, pair
from cnnfilter.arrays.buffers import check_room
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import convert, float_type
from cnnfilter.arrays.geometry import Grid, Place, Region, Shape, check_map
from cnnfilter.arrays.patches import border
from cnnfilter.layers.base import Layer
from cnnfilter.layers.declaration import Argument, functional
from cnnfilter.layers.resampling import resampled

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.arrays.visibility import Visibility
    from cnnfilter.layers.explanation import Taken
    from cnnfilter.layers.records import PlainRecord, ResizingRecord

#: Pillow's filters, and the pixels that each reaches to either side at the image's size.
REACHES = {"nearest": 0.0, "box": 0.5, "bilinear": 1, "hamming": 1, "bicubic": 2, "lanczos": 3}
FILTERS = tuple(REACHES)
#: Bytes of channels that are held to be resized, but for one that is larger.
PLANES = 64 * 2**20
#: The least share of an opaque pixel whose colour a filter with negative lobes can tell.
SEEN = 1e-3
ASPECTS = ("pad", "crop", "stretch")


@dataclass(frozen=True)
class ResizedAxis:
    """One axis of an image, the part of it that is resized, and the place of that in the result.

    Attributes
    ----------
    length : int
        The image's pixels.
    start, end : float
        First and last edge of the part, on the image.
    inner : int
        The result's pixels that the part becomes.
    before : int
        The result's pixels before these, which are filled.
    """

    length: int
    start: float
    end: float
    inner: int
    before: int

    @property
    def pixels(self) -> slice:
        """The result's pixels that the part becomes."""
        return slice(self.before, self.before + self.inner)

    def under(self, first: int, last: int, reach: float) -> tuple[int, int] | None:
        """Return the first and last pixel that some of the result's are made of.

        None if all of these are filled. A filter reaches so many pixels to either side, at
        the size of the image.
        """
        if last < self.before or first >= self.before + self.inner:
            return None
        factor = (self.end - self.start) / self.inner
        reach *= max(1.0, factor)
        low = self.start + (max(first - self.before, 0) + 0.5) * factor
        high = self.start + (min(last - self.before, self.inner - 1) + 0.5) * factor
        return (
            max(0, floor(low - reach + 1e-9)),
            min(self.length - 1, max(floor(low), ceil(high + reach - 1e-9) - 1)),
        )


def _read_fill(fill: Number) -> float | None:
    if isinstance(fill, str) and fill.isalpha():
        choice("fill", fill, ["border"])
        return None
    return number("fill", fill)


class Resizing(Layer):
    """Bring an image to a size, smoothing where it gets smaller, as Pillow does.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    size : int, (int, int) or str
        Height and width.
    filter : {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}
        How pixels are weighed.
    aspect : {"pad", "crop", "stretch"}
        What becomes of an image of other proportions: all of it with `fill` around it,
        its middle, or all of it distorted.
    fill : number or "border"
        What it is padded with: a value, or the median of its outermost pixels.

    Returns
    -------
    ndarray
        uint8 and uint16 stay, rounded. float64 stays; all other types become float32, but
        integers whose values float32 does not hold float64.

    Raises
    ------
    ShapeError
        If integers would lose digits: from 2**51 on.

    Examples
    --------
    >>> resize([[0, 10], [20, 30]], "1x2", aspect="stretch")
    array([[10., 20.]], dtype=float32)
    >>> resize(np.full((2, 4), 9, np.uint8), 4)[:, 0]
    array([0, 9, 9, 0], dtype=uint8)
    """

    mixes_pixels = True

    def __init__(
        self,
        size: Annotated[Pair, Argument("N|HxW")],
        *,
        filter: Annotated[str, Argument(choices=FILTERS)] = "bilinear",
        aspect: Annotated[str, Argument(choices=ASPECTS)] = "pad",
        fill: Annotated[Number, Argument("NUMBER|border")] = 0,
    ) -> None:
        self.size = pair("size", size)
        self.filter = choice("filter", filter, FILTERS)
        self.aspect = choice("aspect", aspect, ASPECTS)
        #: None for the border's median.
        self.fill = _read_fill(fill)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the size asked for, with as many channels."""
        check_map(shape)
        return *self.size, *shape[2:]

    def output_dtype(self, image: Array) -> DType:
        """Return uint8 and uint16 as they are, the floats that hold all others."""
        return _kept(image.dtype, image[:1, :1])

    def __call__(self, image: ArrayLike) -> Array:
        """Resize."""
        array = as_image(image)
        kept = _kept(array.dtype, array)
        if array.shape[:2] == self.size:
            return array.astype(kept, copy=False)
        planes = array.reshape(*array.shape[:2], -1)
        around = border(planes) if self.fill is None else None
        plain = self.of_planes(np.moveaxis(planes, -1, 0), array.shape, kept, around)
        return plain if self.visibility is None else self._visible(plain, planes, self.visibility)

    def _visible(self, plain: Array, planes: Array, visibility: Visibility) -> Array:
        """Replace values that hidden pixels contributed to."""
        visibility.check(planes.shape)
        alpha, (down, across) = visibility.alpha, self.axes(planes.shape)
        hidden = self._resampled(lambda rows: alpha[rows] < visibility.full, down, across)
        # Lobes below 0 add up to weights that are no colour's.
        shares = self._resampled(lambda rows: visibility.weights(alpha[rows]), down, across)
        replaced = (hidden != 0) & (shares > SEEN)
        shares[~replaced] = 1

        def seen(rows: slice, channel: int) -> Array:
            weights = visibility.weights(alpha[rows])
            return np.where(weights > 0, planes[rows, :, channel] * weights, 0)

        inner = np.atleast_3d(plain)[down.pixels, across.pixels]
        for channel in range(planes.shape[2]):
            values = self._resampled(partial(seen, channel=channel), down, across) / shares
            np.copyto(inner[:, :, channel], convert(values, plain.dtype), where=replaced)
        return plain

    def _resampled(
        self, plane: Callable[[slice], Array], down: ResizedAxis, across: ResizedAxis
    ) -> Array:
        """Resize a plane in float64, whose rows are computed."""
        return resampled(plane, down, across, self.filter, REACHES[self.filter])

    def of_planes(
        self,
        planes: Iterable[Array],
        shape: Shape,
        kept: DType,
        around: Array | None = None,
    ) -> Array:
        """Resize an image of a shape, whose channels come one by one.

        Parameters
        ----------
        kept : dtype
            The result's.
        around : ndarray, optional
            The image's border, where its median is what is filled in.
        """
        down, across = self.axes(shape)
        channels = prod(shape[2:])
        check_room("the result", (*self.size, channels), kept.itemsize)
        result = np.empty((*self.size, channels), kept)
        filled = np.array([self.fill]) if around is None else np.median(around, axis=0)
        result[...] = convert(filled, kept)
        for channel, plane in enumerate(planes):
            if kept == np.float64:
                small = self._resampled(plane.__getitem__, down, across)
            else:
                small = _resized(plane, down, across, self.filter)
            result[down.pixels, across.pixels, channel] = convert(small, kept)
        return result.reshape(self.output_shape(shape))

    def axes(self, shape: Shape) -> tuple[ResizedAxis, ResizedAxis]:
        """Return the vertical and the horizontal axis of an image of this shape."""
        factors = [whole / length for whole, length in zip(self.size, shape, strict=False)]
        down, across = (self._axis(shape[direction], direction, factors) for direction in range(2))
        return down, across

    def _axis(self, length: int, direction: int, factors: Sequence[float]) -> ResizedAxis:
        size = self.size[direction]
        if self.aspect == "pad":
            inner = max(1, round(length * min(factors)))
            return ResizedAxis(length, 0, length, inner, (size - inner) // 2)
        if self.aspect == "stretch":
            return ResizedAxis(length, 0, length, size, 0)
        part = size / max(factors)
        # Rounding must not put an edge outside the image.
        start = max(0.0, (length - part) / 2)
        return ResizedAxis(length, start, min(length, start + part), size, 0)

    def carry_alpha(self, alpha: Array, opaque: float) -> Array:
        """Resize the alpha likewise; padding is opaque."""
        return resize(alpha, self.size, filter=self.filter, aspect=self.aspect, fill=opaque)

    def grid(self, shape: Shape) -> Grid:
        """Return where the result's pixels lie on the input."""
        down, across = self.axes(shape)
        steps = [(axis.end - axis.start) / axis.inner for axis in (down, across)]
        starts = [
            axis.start - axis.before * step
            for axis, step in zip((down, across), steps, strict=True)
        ]
        return Grid((steps[0], steps[1]), (starts[0], starts[1]))

    @property
    def formula(self) -> str:
        """A weighted mean, by the filter's name."""
        return f"a weighted mean of pixels ({self.filter})"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Taken:
        """Return the size and the filter."""
        from cnnfilter.layers.explanation import Taken

        return Taken(f"resized from {before.shape[0]}x{before.shape[1]} ({self.filter})")

    def region_before(self, region: Region, shape: Shape) -> Region | None:
        """Return the pixels that a region was mixed of; None if it was filled."""
        if shape[:2] == self.size:
            return region
        down, across = self.axes(shape)
        rows = down.under(region.top, region.bottom, REACHES[self.filter])
        columns = across.under(region.left, region.right, REACHES[self.filter])
        return None if rows is None or columns is None else Region(*rows, *columns)

    @property
    def depends_on_all(self) -> bool:
        """Test whether it is padded with the median of the border."""
        return self.fill is None and self.aspect == "pad"

    def on_rows(self, before: Rows) -> Array:
        """Resize an input that comes by rows, a few channels at a time."""
        held = self.fill is None or self.visibility is not None
        if held or self.size == before.shape[:2]:
            return self(before.whole())
        dtype = before.rows(0, 1).dtype
        kept = _kept(dtype, before.extremes if dtype.kind in "iu" else np.zeros(1, dtype))
        return self.of_planes(_planes(before, dtype), before.shape, kept)

    def record(self, shape: Shape) -> ResizingRecord | PlainRecord:
        """Return the axes, and the filter's reach."""
        if shape[:2] == self.size:
            return {"kind": "same"}
        return {"kind": "resize", "axes": self.axes(shape), "reach": REACHES[self.filter]}


def _planes(image: Rows, dtype: DType) -> Iterator[Array]:
    """Iterate over an image's channels, a few of which are held."""
    height, width, *rest = image.shape
    channels = prod(rest)
    at_once = max(1, PLANES // (height * width * dtype.itemsize))
    for first in range(0, channels, at_once):
        planes = np.empty((min(at_once, channels - first), height, width), dtype)
        end = 0
        for band in image.bands():
            start, end = end, end + len(band)
            some = band.reshape(*band.shape[:2], -1)[:, :, first : first + at_once]
            planes[:, start:end] = np.moveaxis(some, -1, 0)
        yield from planes


#: The largest sum of weights' magnitudes, of lanczos in two directions, is less.
_FACTOR = 4


def _kept(dtype: DType, values: Array) -> DType:
    """Return the result's dtype for an image's, by its values or their lowest and highest."""
    return dtype if dtype in (np.uint8, np.uint16) else float_type(values, _FACTOR)


def _resized(plane: Array, down: ResizedAxis, across: ResizedAxis, filter: str) -> Array:
    # Users of networks resize with Pillow; nothing else here needs it.
    from PIL import Image

    kept = plane if plane.dtype == np.uint8 else plane.astype(np.float32, copy=False)
    image = Image.fromarray(np.ascontiguousarray(kept))
    box = (across.start, down.start, across.end, down.end)
    method = Image.Resampling[filter.upper()]
    return np.asarray(image.resize((across.inner, down.inner), method, box=box))


resize = functional(Resizing, "resize")
