"""How pooling reduces windows.

Each window is reduced vertically, then horizontally, one tap of all windows at a time: whole
rows of pixels meet whole rows, and no window is copied. Taps on vertical padding are skipped;
only the current band is padded horizontally, so what is between stays in the cache. Maxima and
minima of large windows that overlap are made of runs of 2, 4, 8 ... pixels.

Integers are added up in the narrowest type that holds their sum, the pixels of a small float32
window in float32, all others in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import BAND_BYTES, Strips, numpy_buffer
from cnnfilter.arrays.geometry import Axis, Shape

#: Below this, channels are pooled one by one.
FEW_CHANNELS = 8
#: Up to this height and width together, float32 pixels are added up in float32.
FLOAT32_TAPS = 16

#: Puts reduced values into rows of the result: called with the values, which rows, and these.
Finish = Callable[[Array, slice, Array], None]


def _taps_before(axis: Axis, place: int) -> Array:
    """Count each window's taps before a place of the image's axis."""
    starts = np.arange(axis.count) * axis.stride - axis.before
    return np.clip(-((starts - place) // axis.dilation), 0, axis.size)


def real_taps(axis: Axis) -> Array:
    """Count the taps of each window on the image."""
    return _taps_before(axis, axis.length) - _taps_before(axis, 0)


def counted_taps(axis: Axis) -> Array:
    """Count the taps of each window on the image or its padding.

    Those on the overhang of ceil mode do not count.
    """
    return _taps_before(axis, axis.length + axis.after)


def sum_type(dtype: DType, axes: tuple[Axis, Axis], exact: DType) -> DType:
    """Choose the type to add pixels up in, for a result of an exact type.

    The narrower the type, the faster. An integer type holds the sum of any pixels of its
    dtype; float32 is for few additions, where it is as accurate as PyTorch.
    """
    if dtype.kind == "f":
        few = axes[0].size + axes[1].size <= FLOAT32_TAPS
        return np.dtype(np.float32 if few and dtype.itemsize <= 4 else np.float64)
    limits, taps = np.iinfo(dtype), axes[0].size * axes[1].size
    for wider in (np.int16, np.uint16, np.int32, np.uint32):
        holds = np.iinfo(wider)
        if np.dtype(wider).itemsize < exact.itemsize and (
            holds.min <= limits.min * taps and limits.max * taps <= holds.max
        ):
            return np.dtype(wider)
    return exact


def lowest_of(dtype: DType) -> float:
    """Return the lowest value of a type."""
    return -math.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def highest_of(dtype: DType) -> float:
    """Return the highest value of a type."""
    return math.inf if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _keep(values: Array, _: slice, out: Array) -> None:
    np.copyto(out, values)


@dataclass(frozen=True)
class Reduction:
    """How a window is reduced to one value.

    Attributes
    ----------
    ufunc : ufunc
        Reduces two values to one.
    neutral : number
        The value that changes nothing.
    work : dtype
        The type to compute in.
    term : callable, optional
        Applied to each pixel first.
    finish : callable
        Puts reduced values into the result's rows.
    """

    ufunc: np.ufunc
    neutral: float
    work: DType
    term: Callable[[Array], Array] | None = None
    finish: Finish = _keep

    @property
    def may_overflow(self) -> bool:
        """Test whether a sum of float32 may overflow on the way to a finite result."""
        return self.ufunc is np.add and self.work == np.float32

    def lines(self, image: Array, axes: tuple[Axis, Axis]) -> Array:
        """Return a band for vertically reduced windows, filled with the neutral value."""
        row = _padded(axes[1]).length, *image.shape[2:]
        height = min(axes[0].count, self.height(image.shape, axes))
        return np.full((height, *row), self.neutral, self.work)

    def height(self, shape: Shape, axes: tuple[Axis, Axis]) -> int:
        """Return the rows of a band, for an image of a shape."""
        row = _padded(axes[1]).length, *shape[2:]
        return max(1, BAND_BYTES // (self.work.itemsize * math.prod(row)))

    def down(self, image: Array, out: Array, axis: Axis) -> None:
        """Reduce the windows vertically, from the pixels."""
        if self.term is None:
            self._fold(image, out, axis)
            return
        out.fill(self.neutral)
        for tap in range(axis.size):
            windows, pixels = axis.meeting(tap)
            self.ufunc(out[windows], self.term(image[pixels]), out=out[windows])

    def across(self, lines: Array, axis: Axis) -> Array:
        """Reduce the windows horizontally, from padded rows.

        Parameters
        ----------
        lines : ndarray
            As long as a multiple of the stride.
        """
        height, length = lines.shape[:2]
        step = length // axis.stride
        if axis.count == 1 or step > 2 * axis.count:
            values = np.empty((height, axis.count, *lines.shape[2:]), self.work)
            self._fold(lines.swapaxes(0, 1), values.swapaxes(0, 1), axis)
            return values
        # NumPy is fastest along one axis: windows slide over all rows joined; those that
        # reach into the next row are dropped.
        values = np.empty((height, step, *lines.shape[2:]), self.work)
        flat = replace(axis, length=height * length, count=(height - 1) * step + axis.count)
        joined, ends = (a.reshape(-1, *a.shape[2:], copy=False) for a in (lines, values))
        self._fold(joined, ends[: flat.count], flat)
        return values[:, : axis.count]

    def _fold(self, along: Array, out: Array, axis: Axis) -> None:
        """Reduce windows along the first axis."""
        if axis.covered is not None:
            self.ufunc.reduce(along[axis.covered], axis=0, keepdims=True, dtype=self.work, out=out)
        elif self._doubles(axis):
            self._double(along, out, axis)
        else:
            self._each_tap(along, out, axis)

    def _each_tap(self, along: Array, out: Array, axis: Axis) -> None:
        """Reduce one tap of all windows at a time."""
        taps = [axis.meeting(tap) for tap in range(axis.size)]
        everywhere = slice(0, axis.count)
        full = [pixels for windows, pixels in taps if windows == everywhere]
        # Taps that every window has go first, in place of the neutral value.
        if len(full) > 1:
            self.ufunc(along[full[0]], along[full[1]], out=out, dtype=self.work)
            full = full[2:]
        elif full:
            np.copyto(out, along[full[0]])
            full = []
        else:
            out.fill(self.neutral)
        for pixels in full:
            self.ufunc(out, along[pixels], out=out, dtype=self.work)
        for windows, pixels in taps:
            if windows != everywhere:
                part = out[windows]
                self.ufunc(part, along[pixels], out=part, dtype=self.work)

    def _doubles(self, axis: Axis) -> bool:
        """Return whether doubling takes fewer passes and little memory."""
        return (
            self.ufunc in (np.maximum, np.minimum)
            and axis.dilation == 1
            and axis.stride * (axis.size.bit_length() + 1) < axis.size <= axis.count * axis.stride
        )

    def _double(self, along: Array, out: Array, axis: Axis) -> None:
        """Reduce runs of 2, 4, 8 ... neighbours; two overlapping runs make a window."""
        length = (axis.count - 1) * axis.stride + axis.size
        first, last = max(0, -axis.before), min(axis.length, length - axis.before)
        runs = along[first:last]
        if last - first < length:
            runs = np.full_like(runs, self.neutral, self.work, shape=(length, *along.shape[1:]))
            runs[first + axis.before : last + axis.before] = along[first:last]
        reach = 1
        while 2 * reach <= axis.size:
            runs = self.ufunc(runs[:-reach], runs[reach:], dtype=self.work)
            reach *= 2
        starts, ends = runs[:: axis.stride], runs[axis.size - reach :: axis.stride]
        self.ufunc(starts[: axis.count], ends[: axis.count], out=out, dtype=self.work)


class PooledStrips(Strips):
    """A pooling's result, a band of rows at a time."""

    def __init__(
        self,
        axes: tuple[Axis, Axis],
        height: int,
        pool: Callable[[Array, tuple[Axis, Axis]], Array],
    ) -> None:
        self._axes, self.height, self._pool = axes, height, pool

    def under(self, rows: slice) -> slice:
        """Return the image's rows under a strip."""
        axis = self._axes[0]
        under = axis.under(rows)
        first, end = under.start - axis.before, under.stop - axis.before
        return slice(max(0, first), min(axis.length, end))

    def compute(self, rows: slice, pixels: Array) -> Array:
        """Pool the windows of a strip."""
        return self._pool(pixels, self.axes_under(rows, len(pixels)))

    def axes_under(self, rows: slice, length: int) -> tuple[Axis, Axis]:
        """Return the axes of a strip's windows."""
        axis, first = self._axes[0], self.under(rows).start
        part = axis.part(rows.start, rows.stop - rows.start)
        held = replace(
            part,
            before=part.before + first,
            length=length,
            after=axis.length + axis.after - first - length,
        )
        return held, self._axes[1]


def reduce(image: Array, axes: tuple[Axis, Axis], how: Reduction, dtype: DType) -> Array:
    """Reduce every window, a band of rows at a time."""
    vertical, horizontal = axes
    result = np.empty((vertical.count, horizontal.count, *image.shape[2:]), dtype)
    # Made once: its memory stays in the cache, its padding stays neutral.
    lines = how.lines(image, axes)
    # Rows shorter than half of NumPy's buffer are copied there first, at twice the time.
    with numpy_buffer(min(8192, max(1024, image[0].size // 8 * 16))):
        for first in range(0, vertical.count, len(lines)):
            part = vertical.part(first, min(len(lines), vertical.count - first))
            rows = slice(first, first + part.count)
            _reduce_band(image, (part, horizontal), how, lines[: part.count], rows, result[rows])
            if how.may_overflow and not np.isfinite(result[rows]).all():
                wide = replace(how, work=np.dtype(np.float64))
                again = lines[: part.count].astype(np.float64)
                _reduce_band(image, (part, horizontal), wide, again, rows, result[rows])
    return result


def _reduce_band(
    image: Array,
    axes: tuple[Axis, Axis],
    how: Reduction,
    lines: Array,
    rows: slice,
    out: Array,
) -> None:
    """Reduce a band of windows: vertically into lines, then horizontally."""
    vertical, horizontal = axes
    padded = _padded(horizontal)
    left = horizontal.before
    width = min(horizontal.length, padded.length - left)
    how.down(image[:, :width], lines[:, left : left + width], vertical)
    for plane, target in zip(_planes(lines, padded), _planes(out, padded), strict=True):
        how.finish(how.across(plane, padded), rows, target)


def _padded(axis: Axis) -> Axis:
    """Return the axis as padded, its length a multiple of the stride."""
    length = (axis.count - 1) * axis.stride + axis.extent
    return replace(axis, length=length + -length % axis.stride, before=0, after=0)


def _planes(image: Array, axis: Axis) -> list[Array]:
    """Separate few channels, so that NumPy's inner loops run along rows."""
    if image.ndim == 3 and image.shape[2] < FEW_CHANNELS and axis.stride > 1:
        return [image[:, :, channel] for channel in range(image.shape[2])]
    return [image]


def _bands(axis: Axis, row_bytes: int) -> Iterator[tuple[slice, Axis]]:
    """Iterate over bands of the output's rows, each with its axis."""
    rows = max(1, BAND_BYTES // row_bytes)
    for first in range(0, axis.count, rows):
        part = axis.part(first, min(rows, axis.count - first))
        yield slice(first, first + part.count), part


def _windows(
    vertical: Axis, horizontal: Axis
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Iterate over taps: the windows with the tap on the image, and their pixels."""
    for row in range(vertical.size):
        down, rows = vertical.meeting(row)
        for column in range(horizontal.size):
            across, columns = horizontal.meeting(column)
            yield (down, across), (rows, columns)


def pick(image: Array, axes: tuple[Axis, Axis], better: np.ufunc) -> tuple[Array, Array]:
    """Return each window's best pixel and its place; NaN is better than any."""
    vertical, horizontal = axes
    if vertical.covered is not None and horizontal.covered is not None:
        return _pick_one(image, (vertical.covered, horizontal.covered), better)
    shape = (vertical.count, horizontal.count, *image.shape[2:])
    picked, indices = np.zeros(shape, image.dtype), np.full(shape, -1, np.int64)
    starts, columns = np.arange(image.shape[0]) * image.shape[1], np.arange(image.shape[1])
    for band, part in _bands(vertical, indices[0].nbytes):
        for at, pixels in _windows(part, horizontal):
            values, best, index = image[pixels], picked[band][at], indices[band][at]
            places = np.add.outer(starts[pixels[0]], columns[pixels[1]])
            wins = (index < 0) | better(values, best) | (np.isnan(values) & ~np.isnan(best))
            np.copyto(best, values, where=wins)
            np.copyto(index, places.reshape(places.shape + (1,) * (image.ndim - 2)), where=wins)
    return picked, indices


def _pick_one(image: Array, window: tuple[slice, slice], better: np.ufunc) -> tuple[Array, Array]:
    pixels = np.atleast_3d(image)[window]
    find = np.argmax if better is np.greater else np.argmin
    shape = (1, 1, *image.shape[2:])
    picked, indices = np.empty(pixels.shape[2], image.dtype), np.empty(pixels.shape[2], np.int64)
    for channel in range(pixels.shape[2]):
        plane = pixels[:, :, channel]
        row, column = np.unravel_index(find(plane), plane.shape)
        picked[channel] = plane[row, column]
        top, left = (side.start for side in window)
        indices[channel] = (top + row) * image.shape[1] + left + column
    return picked.reshape(shape), indices.reshape(shape)


def median(
    image: Array, axes: tuple[Axis, Axis], exact: DType, is_seen: Array | None = None
) -> Array:
    """Return the median of each window.

    Infinity stands where there is no pixel and sorts behind the pixels that count: all, or
    where `is_seen`, of shape (H, W, 1), is true.
    """
    vertical, horizontal = axes
    shape = (vertical.count, horizontal.count, *image.shape[2:])
    result = np.empty(shape, exact)
    if vertical.covered is not None and horizontal.covered is not None:
        place = vertical.covered, horizontal.covered
        seen = ... if is_seen is None else is_seen[place][:, :, 0]
        planes = [plane[seen] for plane in np.moveaxis(np.atleast_3d(image)[place], -1, 0)]
        medians = [np.median(each.astype(exact)) if each.size else np.nan for each in planes]
        return np.array(medians, exact).reshape(shape)
    if is_seen is None:
        counts = np.multiply.outer(real_taps(vertical), real_taps(horizontal))
        counts = counts.reshape(shape[:2] + (1,) * (len(shape) - 2))
    else:
        taken = Reduction(np.add, 0, np.dtype(np.int64))
        counts = reduce(is_seen.astype(np.int64), axes, taken, taken.work)
    taps = vertical.size * horizontal.size
    for band, part in _bands(vertical, taps * result[0].nbytes):
        windows = np.full((taps, *result[band].shape), np.inf, exact)
        for tap, (at, pixels) in enumerate(_windows(part, horizontal)):
            values = image[pixels]
            windows[tap][at] = (
                values if is_seen is None else np.where(is_seen[pixels], values, np.inf)
            )
        windows.sort(axis=0)
        middle = [
            np.take_along_axis(windows, half[np.newaxis], axis=0)[0]
            for half in ((counts[band] - 1) // 2, counts[band] // 2)
        ]
        # NaN sorts last, behind the places without a pixel too.
        result[band] = np.where(np.isnan(windows[-1]), np.nan, (middle[0] + middle[1]) / 2)
    return result
