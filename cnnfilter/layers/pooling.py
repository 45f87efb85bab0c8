"""What pool() means, and how it is computed.

A window is reduced downwards first, then across, both one tap of all windows at a time:
whole rows of pixels meet whole rows, no window is copied, and the rows that are left for
the slower way across are fewer. It is done band by band, so that what is between stays in
the cache. There is no padded image: downwards, a tap that stands on padding is passed over;
across, only the band has its padding written out. Maxima and minima of large windows that
overlap are made of runs of 2, 4, 8 ... pixels.

Integers are added up in the narrowest type that holds their sum, the pixels of a small
float32 window in float32, all others in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Number, Pair, choice, flag, number, pair
from cnnfilter.arrays.borders import region_under
from cnnfilter.arrays.buffers import BAND_BYTES, check_room
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import float_type, largest_magnitude
from cnnfilter.arrays.geometry import (
    Axis,
    Padding,
    Place,
    Region,
    Shape,
    Window,
    check_map,
    read_padding,
)
from cnnfilter.arrays.tiles import Strips
from cnnfilter.errors import ArgumentError, ShapeError
from cnnfilter.layers.base import Layer, RowsFrom

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.layers.explanation import Pooled
    from cnnfilter.layers.records import PoolingRecord

#: What becomes of a window's values, by mode.
FORMULAS = {
    "max": "the largest",
    "min": "the smallest",
    "average": "their sum / their number",
    "median": "the middle one, or the mean of the middle two",
    "sum": "their sum",
    "l2": "sqrt(the sum of their squares)",
    "lp": "(the sum of |x|^{p:g})^(1/{p:g})",
}
MODES = tuple(FORMULAS)

#: Below this, channels are pooled one by one.
FEW_CHANNELS = 8
#: Up to this height and width together, float32 pixels are added up in float32.
FLOAT32_TAPS = 16


@overload
def pool(
    image: ArrayLike,
    size: Pair = ...,
    *,
    mode: str = ...,
    stride: Pair | None = ...,
    padding: Padding = ...,
    dilation: Pair = ...,
    ceil_mode: bool | str = ...,
    count_include_pad: bool | str = ...,
    p: Number = ...,
    return_indices: Literal[False] = ...,
) -> Array: ...


@overload
def pool(
    image: ArrayLike,
    size: Pair = ...,
    *,
    mode: str = ...,
    stride: Pair | None = ...,
    padding: Padding = ...,
    dilation: Pair = ...,
    ceil_mode: bool | str = ...,
    count_include_pad: bool | str = ...,
    p: Number = ...,
    return_indices: Literal[True],
) -> tuple[Array, Array]: ...


def pool(
    image: ArrayLike,
    size: Pair = 2,
    *,
    mode: str = "max",
    stride: Pair | None = None,
    padding: Padding = 0,
    dilation: Pair = 1,
    ceil_mode: bool | str = False,
    count_include_pad: bool | str = False,
    p: Number = 2,
    return_indices: bool = False,
) -> Array | tuple[Array, Array]:
    """Pool an image: reduce each window, in each channel, to one value.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), any real dtype. NaN is passed on.
    size : int, (int, int), str or "global"
        The pooling window, vertical first; ``"global"`` takes the whole map.
    mode : {"max", "min", "average", "median", "sum", "l2", "lp"}
        ``l2`` is the root of the sum of squares, ``lp`` the p-th root of the sum of p-th
        powers of magnitudes; the median of an even count is the mean of the middle two.
    stride : int, (int, int) or str, optional
        The window's size unless given.
    padding : str, int or tuple of int
        As in `convolve`. Padding is no pixel: it never wins, and never counts unless
        `count_include_pad`.
    dilation : int, (int, int) or str
        Distance between a window's taps.
    ceil_mode : bool
        Keep the last, partial window unless it would start in the padding after the
        image; what hangs over is never counted.
    count_include_pad : bool
        Let the average count padding as zeros.
    p : number
        The power of ``lp``, above 0.
    return_indices : bool
        Give the places of the maxima or minima, too: row * W + column in their channel,
        as PyTorch counts them (ONNX adds channel * H * W). The first of equals wins.

    Returns
    -------
    ndarray or (ndarray, ndarray)
        Shape (H', W') or (H', W', C). max and min keep the dtype; the others give
        float32 where exact (or the image is float32), else float64. With
        `return_indices` a second array of that shape, int64.

    Raises
    ------
    ArgumentError
        If an argument is wrong whatever the image.
    ShapeError
        If the window does not fit the image, or has no pixel of it.

    Examples
    --------
    >>> image = np.arange(1, 10).reshape(3, 3)
    >>> pool(image, 2, stride=1)
    array([[5, 6],
           [8, 9]])
    >>> pool(image, 2, mode="average", padding="same")
    array([[3. , 4.5],
           [7.5, 9. ]], dtype=float32)
    >>> pool(image, 2, stride=1, return_indices=True)[1]
    array([[4, 5],
           [7, 8]])
    """
    layer = Pooling.of(
        size,
        mode=mode,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
        p=p,
    )
    return layer.with_indices(image) if return_indices else layer(image)


@dataclass(frozen=True)
class Pooling(Layer):
    """What `pool` was asked for, checked: everything but the image.

    Attributes
    ----------
    fixed : Window or None
        The pooling window; None where it is the whole map.
    """

    fixed: Window | None
    mode: str
    count_include_pad: bool = False
    p: float = 2

    @classmethod
    def of(
        cls,
        size: Any,
        *,
        mode: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: Any,
        count_include_pad: Any,
        p: Any,
    ) -> Pooling:
        """Read the arguments of `pool`, as a person would type them."""
        window = None
        if not (isinstance(size, str) and size == "global"):
            window = Window.of(
                size,
                size if stride is None else stride,
                padding,
                dilation,
                ceil_mode=flag("ceil_mode", ceil_mode),
                name="pooling window",
            )
        elif (
            stride is not None
            or read_padding(padding) not in ("valid", (0, 0, 0, 0))
            or pair("dilation", dilation) != (1, 1)
        ):
            raise ArgumentError(
                'size "global" takes the whole map: leave stride, padding and dilation out'
            )
        power = number("p", p)
        if power <= 0 or (power != 2 and mode != "lp"):
            raise ArgumentError(f"p {p} is for mode lp, and above 0; write mode=lp p=3")
        include = flag("count_include_pad", count_include_pad)
        if mode in ("mean", "avg"):  # by their letters, nearer to median
            raise ArgumentError(f"unknown mode '{mode}'; did you mean 'average'?")
        return cls(window, choice("mode", mode, MODES), include, power)

    def window_for(self, shape: Shape) -> Window:
        """Give the pooling window for an image of this shape."""
        check_map(shape)
        return self.fixed or Window((shape[0], shape[1]), name="pooling window")

    def output_shape(self, shape: Shape) -> Shape:
        """Give the result's shape for an image's; ShapeError if the window does not fit."""
        axes = self.window_for(shape).axes(shape)
        for axis, direction in zip(axes, ("row", "column"), strict=True):
            empty = np.flatnonzero(real_taps(axis) == 0)
            if empty.size:
                raise ShapeError(
                    f"the pooling window at {direction} {empty[0]} has no pixel of the image, "
                    "only padding; use less padding"
                )
        return *(axis.count for axis in axes), *shape[2:]

    def __call__(self, image: ArrayLike) -> Array:
        """Pool an image."""
        array, axes = self._laid_over(image)
        return self._on_axes(array, axes, array)

    def _on_axes(self, array: Array, axes: tuple[Axis, Axis], extremes: Array) -> Array:
        """Pool an image, or rows of one whose lowest and highest values are known."""
        # Infinity is passed on, also where it meets its opposite.
        with np.errstate(invalid="ignore", over="ignore"):
            if self.mode == "median":
                return _median(array, axes, float_type(extremes, 2))
            return _reduce(array, axes, *self._reduction(axes, extremes))

    def strips(self, before: Rows) -> tuple[Rows, list[Strips]]:
        """Return the input, and the result in strips."""
        axes = self.window_for(before.shape).axes(before.shape)
        return before, [_PooledStrips(self, axes, before.shape, before.extremes)]

    def with_indices(self, image: ArrayLike) -> tuple[Array, Array]:
        """Pool an image by max or min, and say where each value stood: row * W + column."""
        if self.mode not in ("max", "min"):
            raise ArgumentError(f"mode {self.mode} picks no pixel; indices need max or min")
        array, axes = self._laid_over(image)
        return _pick(array, axes, np.greater if self.mode == "max" else np.less)

    def _laid_over(self, image: ArrayLike) -> tuple[Array, tuple[Axis, Axis]]:
        array = as_image(image)
        check_room("the result", self.output_shape(array.shape), array.dtype.itemsize)
        return array, self.window_for(array.shape).axes(array.shape)

    def _reduction(
        self, axes: tuple[Axis, Axis], values: Array
    ) -> tuple[_Reduction, np.dtype[Any]]:
        """Return how windows become values, and the result's type; a median is none of these.

        Parameters
        ----------
        values : ndarray
            All of the image, or its lowest and highest value.
        """
        taps = axes[0].size * axes[1].size
        native = values.dtype.newbyteorder("=")
        if self.mode == "max":
            return _Reduction(np.maximum, _least(native), native), values.dtype
        if self.mode == "min":
            return _Reduction(np.minimum, _most(native), native), values.dtype
        if self.mode in ("l2", "lp"):
            exact = float_type(values, largest_magnitude(values) * taps)
            return _Reduction(np.add, 0, np.dtype(np.float64), self._power, self._root), exact
        exact = float_type(values, taps)
        how = _Reduction(np.add, 0, _sum_type(values.dtype, axes, exact))
        if self.mode == "average":
            how = replace(how, finish=self._divide(axes))
        return how, exact

    def output_dtype(self, image: Array) -> np.dtype[Any]:
        """Return the type of the result for an image; one pixel of it is enough."""
        pixel = image[:1, :1]
        down, across = self.window_for(image.shape).size
        match self.mode:
            case "max" | "min":
                return image.dtype
            case "median":
                return float_type(pixel, 2)
            case "l2" | "lp":
                return float_type(pixel, largest_magnitude(pixel) * down * across)
        return float_type(pixel, down * across)

    def _power(self, values: Array) -> Array:
        if self.p == 2:
            return np.square(values, dtype=np.float64)
        return np.power(np.abs(values, dtype=np.float64), self.p)

    def _root(self, sums: Array, _: slice, out: Array) -> None:
        if self.p == 2:
            np.sqrt(sums, out=out)
        else:
            np.power(sums, 1 / self.p, out=out)

    def _divide(self, axes: tuple[Axis, Axis]) -> Callable[[Array, slice, Array], None]:
        """Divide rows of sums by how many pixels each window counts."""
        count = counted_taps if self.count_include_pad else real_taps
        down, across = (count(axis) for axis in axes)
        alike = down.min() == down.max() and across.min() == across.max()

        def divide(sums: Array, rows: slice, out: Array) -> None:
            counts = down[0] * across[0] if alike else np.multiply.outer(down[rows], across)
            work = np.result_type(sums, out)
            counts = counts.astype(work).reshape(counts.shape + (1,) * (sums.ndim - 2))
            np.divide(sums, counts, out=out, dtype=work)

        return divide

    def carry_alpha(self, alpha: Array) -> Array:
        """Give each output pixel the average alpha of its window."""
        return Pooling(self.fixed, "average")(alpha)

    @property
    def formula(self) -> str:
        """How a window's values become one."""
        return FORMULAS[self.mode].format(p=self.p)

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Pooled:
        """Return the window of a value, and which of its values won."""
        from cnnfilter.layers.channels import titles_of
        from cnnfilter.layers.explanation import Patch, Pooled, place_text

        axes = self.window_for(before.shape).axes(before.shape)
        planes = np.atleast_3d(before)
        channel = at[2] if len(at) > 2 else 0
        title = titles_of(names, planes.shape[2])[channel]
        patch = Patch.under(planes[:, :, channel], axes, at, title, None)
        values, won = patch.values[patch.inside], np.zeros(patch.values.shape, bool)
        if self.mode == "median":
            middle = np.sort(values)[[(values.size - 1) // 2, values.size // 2]]
            won = patch.inside & np.isin(patch.values, middle)
            return Pooled(patch, self.mode, won, f"the middle of {values.size} in their order")
        if self.mode not in ("max", "min"):
            return Pooled(patch, self.mode, won, self._sum_text(values, axes, at))
        best = values.max() if self.mode == "max" else values.min()
        equal, words = patch.values == best, f"the {self.mode} of {values.size}"
        if equal.any():  # not of NaN
            row, column = np.argwhere(equal)[0].tolist()
            won[row, column] = True
            words += f", at {place_text((patch.rows[row], patch.columns[column]))}"
        if equal.sum() > 1:
            words += f", the first of {equal.sum()}"
        return Pooled(patch, self.mode, won, words)

    def _sum_text(self, values: Array, axes: tuple[Axis, Axis], at: Place) -> str:
        """Write how a sum, an average or a norm is computed."""
        if self.mode == "sum":
            return f"the sum of {values.size}"
        if self.mode == "average":
            count = counted_taps if self.count_include_pad else real_taps
            counts = [count(axis)[window] for axis, window in zip(axes, at[:2], strict=True)]
            return f"{values.sum():.6g} / {counts[0] * counts[1]}"
        total = (np.abs(values) ** self.p).sum()
        return f"{total:.6g} to the power of 1/{self.p:g}" if self.p != 2 else f"sqrt({total:.6g})"

    def region_before(self, region: Region, shape: Shape) -> Region | None:
        """Return the region under a region's windows."""
        return region_under(self.window_for(shape), region, shape, "zero")

    @property
    def rows_from(self) -> RowsFrom:
        """The rows under its windows."""
        return "windows"

    def record(self, shape: Shape) -> PoolingRecord:
        """Return mode and axes."""
        return {
            "kind": "pool",
            "mode": self.mode,
            "p": self.p,
            "counts_padding": self.count_include_pad,
            "axes": self.window_for(shape).axes(shape),
        }


def _taps_before(axis: Axis, place: int) -> Array:
    """Return how many of each window's taps stand before a place of the image's axis."""
    starts = np.arange(axis.count) * axis.stride - axis.before
    return np.clip(-((starts - place) // axis.dilation), 0, axis.size)


def real_taps(axis: Axis) -> Array:
    """Return how many taps of each window stand on the image."""
    return _taps_before(axis, axis.length) - _taps_before(axis, 0)


def counted_taps(axis: Axis) -> Array:
    """Return how many taps stand on the image or its padding; not on ceil mode's overhang."""
    return _taps_before(axis, axis.length + axis.after)


def _sum_type(dtype: np.dtype[Any], axes: tuple[Axis, Axis], exact: np.dtype[Any]) -> np.dtype[Any]:
    """Choose what pixels are added up in, on the way to a result of an exact type.

    The narrower the type, the faster. An integer type holds the sum of any pixels of its
    dtype; float32 takes few additions, in which it is no less accurate than PyTorch, else
    it is float64.
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


def _least(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _most(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _bands(axis: Axis, row_bytes: int) -> Iterator[tuple[slice, Axis]]:
    """Go through the output's rows in bands, each with the axis that covers it."""
    rows = max(1, BAND_BYTES // row_bytes)
    for first in range(0, axis.count, rows):
        part = axis.part(first, min(rows, axis.count - first))
        yield slice(first, first + part.count), part


def _keep(values: Array, _: slice, out: Array) -> None:
    np.copyto(out, values)


@dataclass(frozen=True)
class _Reduction:
    """How a window becomes one value.

    Attributes
    ----------
    ufunc, neutral
        What reduces, and what changes nothing.
    work : dtype
        What it is done in.
    term : callable, optional
        What is done to each pixel before.
    finish : callable
        Puts reduced values into the result's rows: called with the values, which rows
        they are, and these rows.
    """

    ufunc: np.ufunc
    neutral: Any
    work: np.dtype[Any]
    term: Callable[[Array], Array] | None = None
    finish: Callable[[Array, slice, Array], None] = _keep

    @property
    def may_overflow(self) -> bool:
        """Whether a sum or average within the work's range may overflow on the way."""
        return self.ufunc is np.add and self.work == np.float32

    def lines(self, image: Array, axes: tuple[Axis, Axis]) -> Array:
        """Make room for a band of windows reduced downwards, their padding neutral."""
        row = _padded(axes[1]).length, *image.shape[2:]
        height = min(axes[0].count, self.height(image.shape, axes))
        return np.full((height, *row), self.neutral, self.work)

    def height(self, shape: Shape, axes: tuple[Axis, Axis]) -> int:
        """Return how many rows of windows make a band, on an image of a shape."""
        row = _padded(axes[1]).length, *shape[2:]
        return max(1, BAND_BYTES // (self.work.itemsize * math.prod(row)))

    def down(self, image: Array, out: Array, axis: Axis) -> None:
        """Reduce the rows of windows, from the pixels as they are."""
        if self.term is None:
            self._fold(image, out, axis)
            return
        out.fill(self.neutral)
        for tap in range(axis.size):
            windows, pixels = axis.meeting(tap)
            self.ufunc(out[windows], self.term(image[pixels]), out=out[windows])

    def across(self, lines: Array, axis: Axis) -> Array:
        """Reduce the columns of windows, from rows that hold their padding, too.

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
        # NumPy is fastest along one axis: windows slide over all rows as one; those that
        # reach from a row into the next are dropped.
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
        """Take one tap of all windows at a time."""
        taps = [axis.meeting(tap) for tap in range(axis.size)]
        everywhere = slice(0, axis.count)
        whole = [pixels for windows, pixels in taps if windows == everywhere]
        # What every window has goes first, in place of the neutral value.
        if len(whole) > 1:
            self.ufunc(along[whole[0]], along[whole[1]], out=out, dtype=self.work)
            whole = whole[2:]
        elif whole:
            np.copyto(out, along[whole[0]])
            whole = []
        else:
            out.fill(self.neutral)
        for pixels in whole:
            self.ufunc(out, along[pixels], out=out, dtype=self.work)
        for windows, pixels in taps:
            if windows != everywhere:
                part = out[windows]
                self.ufunc(part, along[pixels], out=part, dtype=self.work)

    def _doubles(self, axis: Axis) -> bool:
        """Whether doubling takes fewer passes, its scratch being of a band's order."""
        return (
            self.ufunc is not np.add
            and axis.dilation == 1
            and axis.stride * (axis.size.bit_length() + 1) < axis.size <= axis.count * axis.stride
        )

    def _double(self, along: Array, out: Array, axis: Axis) -> None:
        """Reduce 2, 4, 8 ... neighbours; two such runs, overlapping, make up a window."""
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


class _PooledStrips(Strips):
    """A pooling's result, a band of rows at a time."""

    def __init__(
        self, layer: Pooling, axes: tuple[Axis, Axis], shape: Shape, extremes: Array
    ) -> None:
        self._layer, self._axes, self._extremes = layer, axes, extremes
        # The middle values of a window are the same in whatever order they are found.
        how = replace(layer, mode="max") if layer.mode == "median" else layer
        self.height = how._reduction(axes, extremes)[0].height(shape, axes)

    def under(self, rows: slice) -> slice:
        """Return which rows of the image lie under a strip."""
        axis = self._axes[0]
        under = axis.under(rows)
        first, end = under.start - axis.before, under.stop - axis.before
        return slice(max(0, first), min(axis.length, end))

    def compute(self, rows: slice, pixels: Array) -> Array:
        """Pool the windows of a strip."""
        axis, first = self._axes[0], self.under(rows).start
        part = axis.part(rows.start, rows.stop - rows.start)
        held = replace(
            part,
            before=part.before + first,
            length=len(pixels),
            after=axis.length + axis.after - first - len(pixels),
        )
        return self._layer._on_axes(pixels, (held, self._axes[1]), self._extremes)


def _reduce(image: Array, axes: tuple[Axis, Axis], how: _Reduction, dtype: np.dtype[Any]) -> Array:
    """Reduce every window, a band of rows at a time."""
    vertical, horizontal = axes
    result = np.empty((vertical.count, horizontal.count, *image.shape[2:]), dtype)
    # Made once: its memory stays in the cache, and its padding neutral.
    lines = how.lines(image, axes)
    with np.errstate():  # which restores the buffer, too
        # Rows shorter than half of NumPy's buffer are copied there first, at twice the time.
        np.setbufsize(min(8192, max(1024, image[0].size // 8 * 16)))
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
    how: _Reduction,
    lines: Array,
    rows: slice,
    out: Array,
) -> None:
    """Reduce a band of windows: downwards into lines, then across these."""
    vertical, horizontal = axes
    padded = _padded(horizontal)
    left = horizontal.before
    width = min(horizontal.length, padded.length - left)
    how.down(image[:, :width], lines[:, left : left + width], vertical)
    for plane, target in zip(_planes(lines, padded), _planes(out, padded), strict=True):
        how.finish(how.across(plane, padded), rows, target)


def _padded(axis: Axis) -> Axis:
    """Give the axis with its padding written out, as long as a multiple of its stride."""
    length = (axis.count - 1) * axis.stride + axis.extent
    return replace(axis, length=length + -length % axis.stride, before=0, after=0)


def _planes(image: Array, axis: Axis) -> list[Array]:
    """Take few channels one by one: NumPy's inner loops then run along rows, not channels."""
    if image.ndim == 3 and image.shape[2] < FEW_CHANNELS and axis.stride > 1:
        return [image[:, :, channel] for channel in range(image.shape[2])]
    return [image]


def _windows(
    vertical: Axis, horizontal: Axis
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """For each tap of the window: the windows that have it on the image, and their pixels."""
    for row in range(vertical.size):
        down, rows = vertical.meeting(row)
        for column in range(horizontal.size):
            across, columns = horizontal.meeting(column)
            yield (down, across), (rows, columns)


def _pick(image: Array, axes: tuple[Axis, Axis], better: np.ufunc) -> tuple[Array, Array]:
    """Pick each window's best pixel and say where it stood; NaN is better than any."""
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


def _median(image: Array, axes: tuple[Axis, Axis], exact: np.dtype[Any]) -> Array:
    """Sort each window; infinity, where there is no pixel, sorts behind what is counted."""
    vertical, horizontal = axes
    shape = (vertical.count, horizontal.count, *image.shape[2:])
    result = np.empty(shape, exact)
    if vertical.covered is not None and horizontal.covered is not None:
        under = np.atleast_3d(image)[vertical.covered, horizontal.covered]
        medians = [np.median(plane.astype(exact)) for plane in np.moveaxis(under, -1, 0)]
        return np.array(medians, exact).reshape(shape)
    counts = np.multiply.outer(real_taps(vertical), real_taps(horizontal))
    counts = counts.reshape(shape[:2] + (1,) * (len(shape) - 2))
    taps = vertical.size * horizontal.size
    for band, part in _bands(vertical, taps * result[0].nbytes):
        windows = np.full((taps, *result[band].shape), np.inf, exact)
        for tap, (at, pixels) in enumerate(_windows(part, horizontal)):
            windows[tap][at] = image[pixels]
        windows.sort(axis=0)
        middle = [
            np.take_along_axis(windows, half[np.newaxis], axis=0)[0]
            for half in ((counts[band] - 1) // 2, counts[band] // 2)
        ]
        # NaN sorts last, behind the places without a pixel too.
        result[band] = np.where(np.isnan(windows[-1]), np.nan, (middle[0] + middle[1]) / 2)
    return result
