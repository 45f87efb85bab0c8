"""Pooling: arguments, shapes, and the type of the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import Number, Pair, choice, flag, number, pair
from cnnfilter.arrays.borders import region_under
from cnnfilter.arrays.buffers import Strips, check_room
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import (
    FLOAT32_EXACT,
    exact_type,
    float_type,
    largest_magnitude,
    magnitude_bound,
)
from cnnfilter.arrays.geometry import (
    Axis,
    Padding,
    Place,
    Region,
    Shape,
    Sliding,
    Window,
    check_map,
)
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.errors import ArgumentError, ShapeError, brief
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Argument, functional
from cnnfilter.layers.reduction import (
    Finish,
    PooledStrips,
    Reduction,
    counted_taps,
    highest_of,
    lowest_of,
    median,
    pick,
    real_taps,
    reduce,
    sum_type,
)

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.arrays.visibility import Visibility
    from cnnfilter.layers.explanation import Pooled
    from cnnfilter.layers.records import PoolingRecord

#: The value of a window, by mode.
FORMULAS = {
    "max": "the largest value",
    "min": "the smallest value",
    "average": "the sum / the number of values",
    "median": "the middle value, or the mean of the middle two",
    "sum": "the sum",
    "l2": "sqrt(the sum of squares)",
    "lp": "(the sum of |x|^{p:g})^(1/{p:g})",
}
MODES = tuple(FORMULAS)
#: The window to errors.
NAME = "pooling window"


class Pooling(Layer):
    """Pool an image: reduce each window, in each channel, to one value.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), any real dtype. NaN is passed on.
    size : int, (int, int), str or "global"
        The pooling window, vertical first; ``global`` is the whole map.
    mode : {"max", "min", "average", "median", "sum", "l2", "lp"}
        What a window is reduced to. ``l2`` is the root of the sum of squares, ``lp`` the
        p-th root of the sum of p-th powers of magnitudes; the median of an even count is
        the mean of the middle two.
    stride : int, (int, int) or str, optional
        Pixels from one window to the next. The default is the window's size.
    padding : str, int or tuple of int
        ``valid`` or 0 (none), ``same`` (the size stays, divided by the stride),
        ``same-lower``, ``full``, or pixels to add: N, VERTICAL,HORIZONTAL or
        TOP,BOTTOM,LEFT,RIGHT. Padding never wins, and an average leaves it
        out by default.
    dilation : int, (int, int) or str
        Pixels from one tap of the window to the next.
    ceil_mode : bool
        Keep the last, partial window unless it would start in the padding after the
        image; the part beyond the padding is never counted.
    count_include_pad : bool
        Count padding as zeros in the average.
    p : number
        The power of mode lp, above 0.

    Returns
    -------
    ndarray
        Shape (H', W') or (H', W', C). max and min keep the dtype. The others give a
        float image's type (float16 gives float32); of integers, float32 where it holds
        each sum exactly, else float64, and sums from 2**53 on int64.

    Raises
    ------
    ArgumentError
        If an argument is wrong whatever the image.
    ShapeError
        If the window does not fit the image, or has no pixel of it, or sums of integers
        would lose digits.

    Examples
    --------
    >>> image = np.arange(1, 10).reshape(3, 3)
    >>> pool(image, 2, stride=1)
    array([[5, 6],
           [8, 9]])
    >>> pool(image, 2, mode="average", padding="same")
    array([[3. , 4.5],
           [7.5, 9. ]], dtype=float32)
    """

    mixes_pixels = True

    def __init__(
        self,
        size: Annotated[Pair, Argument("N|VxH|global")] = 2,
        *,
        mode: Annotated[str, Argument(choices=MODES)] = "max",
        stride: Pair | None = None,
        padding: Padding = 0,
        dilation: Pair = 1,
        ceil_mode: bool | str = False,
        count_include_pad: bool | str = False,
        p: Number = 2,
    ) -> None:
        whole = isinstance(size, str) and size == "global"
        lengths = None if whole else pair("size", size, "a pair such as 2x1, nor global")
        sliding = Sliding.of((lengths or 1) if stride is None else stride, dilation, padding)
        if lengths is None and (stride is not None or sliding.dilation != (1, 1) or sliding.pads):
            raise ArgumentError(
                'size "global" takes the whole map: leave stride, padding and dilation out'
            )
        ceil = flag("ceil_mode", ceil_mode)
        #: The window; None where it is the whole map.
        self.fixed = None if lengths is None else sliding.window(lengths, ceil_mode=ceil, name=NAME)
        self.p = number("p", p)
        if self.p <= 0:
            raise ArgumentError(f"p must be above 0, not {brief(p)}")
        if self.p != 2 and mode != "lp":
            raise ArgumentError("p applies only to mode lp; choose mode lp or drop p")
        self.count_include_pad = flag("count_include_pad", count_include_pad)
        if mode in ("mean", "avg"):  # by their letters, nearer to median
            raise ArgumentError(f"unknown mode '{mode}'; did you mean 'average'?")
        self.mode = choice("mode", mode, MODES)

    def window_for(self, shape: Shape) -> Window:
        """Return the pooling window for an image of this shape."""
        check_map(shape)
        return self.fixed or Window((shape[0], shape[1]), name=NAME)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the result's shape; ShapeError if the window does not fit."""
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
        if self.visibility is not None:
            return self._visible(array, self.visibility)
        return self._on_axes(array, axes, array)

    def stored(self, image: ArrayLike, writer: PixelWriter) -> Array:
        """Pool an image, and round its values once."""
        array, axes = self._laid_over(image)
        wide = np.dtype(np.float64)
        if self.visibility is not None and array.dtype.kind != "f":
            return self._visible_pixels(array, self.visibility, writer)
        if self.visibility is not None or not (writer.scales and self.mode == "average"):
            return super().stored(array, writer)
        how, _ = self.reduction(axes, array)  # averages are scaled before they are rounded
        with np.errstate(invalid="ignore", over="ignore"):
            return writer.take(reduce(array, axes, how, wide))

    def _visible_pixels(self, array: Array, visibility: Visibility, writer: PixelWriter) -> Array:
        """Pool what is visible of integers, and store it strip by strip."""
        wide = None if self.mode in ("max", "min") else np.dtype(np.float64)
        if writer.looks_first:
            for _, strip in self._visible_bands(array, visibility, wide):
                writer.look(strip)
        pixels = np.empty(self.output_shape(array.shape), writer.dtype)
        for rows, strip in self._visible_bands(array, visibility, wide):
            writer.put(strip, pixels[rows])
        return pixels

    def _visible(self, array: Array, visibility: Visibility) -> Array:
        """Pool what is visible of an image."""
        dtype, taps = self._quotients(array), prod(self.window_for(array.shape).size)
        result = np.empty(self.output_shape(array.shape), dtype or self._type(array, taps))
        for rows, strip in self._visible_bands(array, visibility, dtype):
            result[rows] = strip
        return result

    def _visible_bands(
        self, array: Array, visibility: Visibility, dtype: DType | None
    ) -> Iterator[tuple[slice, Array]]:
        """Iterate over bands of what is visible."""
        from cnnfilter.arrays.rows import HeldRows

        strips = self._visible_strips(HeldRows(array), visibility, dtype)
        count = self.output_shape(array.shape)[0]
        for first in range(0, count, strips.height):
            rows = slice(first, min(first + strips.height, count))
            yield rows, strips.compute(rows, array[strips.under(rows)])

    def _quotients(self, image: Array) -> DType | None:
        """Return the type of weighted means, if special."""
        is_deep = image.dtype == np.uint16  # which float32 would round twice
        return np.dtype(np.float64) if is_deep and self.mode not in ("max", "min") else None

    def _on_axes(self, array: Array, axes: tuple[Axis, Axis], extremes: Array) -> Array:
        """Pool an image, or rows of one whose lowest and highest values are known."""
        # Infinity is passed on, also where it meets its opposite.
        with np.errstate(invalid="ignore", over="ignore"):
            if self.mode == "median":
                return median(array, axes, self._type(extremes, 1))
            return reduce(array, axes, *self.reduction(axes, extremes))

    def strips(self, before: Rows) -> tuple[Rows, list[Strips]]:
        """Return the input, and the result in strips."""
        if self.visibility is not None:
            dtype = self._quotients(before.extremes)
            return before, [self._visible_strips(before, self.visibility, dtype)]
        return before, [PooledStrips(*self._pooled(before))]

    def _visible_strips(
        self, before: Rows, visibility: Visibility, dtype: DType | None
    ) -> PooledStrips:
        """Return strips of what is visible."""
        from cnnfilter.layers.visible_pooling import VisibleStrips

        return VisibleStrips(self, visibility, *self._pooled(before), dtype)

    def _pooled(
        self, before: Rows
    ) -> tuple[tuple[Axis, Axis], int, Callable[[Array, tuple[Axis, Axis]], Array]]:
        """Return axes, height and function of strips."""
        axes, extremes = self.window_for(before.shape).axes(before.shape), before.extremes
        if self.mode == "median":  # whose values do not depend on where bands begin
            how = Reduction(np.maximum, 0, extremes.dtype)
        else:
            how, _ = self.reduction(axes, extremes)
        pool = partial(self._on_axes, extremes=extremes)
        return axes, how.height(before.shape, axes), pool

    def with_indices(self, image: ArrayLike) -> tuple[Array, Array]:
        """Return the pooled values, and where each was."""
        if self.mode not in ("max", "min"):
            raise ArgumentError(f"mode {self.mode} picks no pixel; indices need max or min")
        array, axes = self._laid_over(image)
        return pick(array, axes, np.greater if self.mode == "max" else np.less)

    def _laid_over(self, image: ArrayLike) -> tuple[Array, tuple[Axis, Axis]]:
        array = as_image(image)
        if self.visibility is not None:
            self.visibility.check(array.shape)
        check_room("the result", self.output_shape(array.shape), array.dtype.itemsize)
        return array, self.window_for(array.shape).axes(array.shape)

    def reduction(self, axes: tuple[Axis, Axis], values: Array) -> tuple[Reduction, DType]:
        """Return how windows become values, and the result's type; a median is none of these.

        Parameters
        ----------
        values : ndarray
            All of the image, or its lowest and highest value.
        """
        taps = axes[0].size * axes[1].size
        native = values.dtype.newbyteorder("=")
        if self.mode == "max":
            return Reduction(np.maximum, lowest_of(native), native), values.dtype
        if self.mode == "min":
            return Reduction(np.minimum, highest_of(native), native), values.dtype
        result = self._type(values, taps)
        if self.mode in ("l2", "lp") and self.p == 2 and values.dtype == np.float64:
            # The square of a small number would be 0.
            return Reduction(np.hypot, 0, native, finish=_magnitudes), result
        if self.mode in ("l2", "lp"):
            return Reduction(np.add, 0, np.dtype(np.float64), self._power, self._root), result
        work = sum_type(values.dtype, axes, exact_type(values, taps))
        if self.mode == "average":
            return Reduction(np.add, 0, work, finish=self._divide(axes)), result
        return Reduction(np.add, 0, work), result

    def _type(self, values: Array, taps: int) -> DType:
        """Return the result's type, for all of the image or its lowest and highest value."""
        match self.mode:
            case "max" | "min":
                return values.dtype
            case "sum":
                return exact_type(values, taps)
        own = float_type(values, 1)
        if own != np.float32 or values.dtype.kind == "f":
            return own
        # Squares, and the two in the middle, are added up, too.
        factor = {"median": 2, "average": taps}.get(self.mode) or largest_magnitude(values) * taps
        for bound in (magnitude_bound, largest_magnitude):  # the first spares passes
            if bound(values) * factor < FLOAT32_EXACT:
                return own
        return np.dtype(np.float64)

    def output_dtype(self, image: Array) -> DType:
        """Return the type of the result for an image; one pixel of it is enough."""
        down, across = self.window_for(image.shape).size
        pixel = image[:1, :1]
        own = None if self.visibility is None else self._quotients(pixel)
        return own or self._type(pixel, down * across)

    def _power(self, values: Array) -> Array:
        if self.p == 2:
            return np.square(values, dtype=np.float64)
        return np.power(np.abs(values, dtype=np.float64), self.p)

    def _root(self, sums: Array, _: slice, out: Array) -> None:
        if self.p == 2:
            np.sqrt(sums, out=out)
        else:
            np.power(sums, 1 / self.p, out=out)

    def _divide(self, axes: tuple[Axis, Axis]) -> Finish:
        """Return a function that divides sums by the pixels that windows count."""
        count = counted_taps if self.count_include_pad else real_taps
        down, across = (count(axis) for axis in axes)
        alike = down.min() == down.max() and across.min() == across.max()

        def divide(sums: Array, rows: slice, out: Array) -> None:
            counts = down[0] * across[0] if alike else np.multiply.outer(down[rows], across)
            counts = counts.reshape(counts.shape + (1,) * (sums.ndim - 2))
            if sums.dtype == np.int64:
                whole, rest = np.divmod(sums, counts)
                np.add(whole, rest / counts, out=out)
                return
            work = np.result_type(sums, out)
            np.divide(sums, counts.astype(work), out=out, dtype=work)

        return divide

    def carry_alpha(self, alpha: Array, opaque: float) -> Array:
        """Return the average alpha of each window."""
        return self.replaced(mode="average", count_include_pad=False, visibility=None)(alpha)

    @property
    def formula(self) -> str:
        """The value of a window."""
        return FORMULAS[self.mode].format(p=self.p)

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Pooled:
        """Return the window of a value, and which of its values won."""
        from cnnfilter.arrays.titles import titles_of
        from cnnfilter.layers.explanation import Patch, Pooled, place_text

        axes = self.window_for(before.shape).axes(before.shape)
        planes = np.atleast_3d(before)
        channel = at[2] if len(at) > 2 else 0
        title = titles_of(names, planes.shape[2])[channel]
        patch = Patch.under(planes[:, :, channel], axes, at, title, None)
        shares = self._shares(axes, at)
        if self.mode not in ("max", "min", "median") and shares is not None:
            words = self._weighted_text(patch.values, shares, axes, at)
            return Pooled(patch, self.mode, np.zeros(patch.values.shape, bool), words)
        counts = patch.inside if shares is None else patch.inside & (shares > 0)
        values, won = patch.values[counts], np.zeros(patch.values.shape, bool)
        count = f"{values.size}" + " visible" * (shares is not None)
        if self.mode == "median":
            middle = np.sort(values)[[(values.size - 1) // 2, values.size // 2]]
            won = counts & np.isin(patch.values, middle)
            return Pooled(patch, self.mode, won, f"the middle of {count} in their order")
        if self.mode not in ("max", "min"):
            return Pooled(patch, self.mode, won, self._sum_text(values, axes, at))
        best = values.max() if self.mode == "max" else values.min()
        equal, words = counts & (patch.values == best), f"the {self.mode} of {count}"
        if equal.any():  # not of NaN
            row, column = np.argwhere(equal)[0].tolist()
            won[row, column] = True
            words += f", at {place_text((patch.rows[row], patch.columns[column]))}"
        if equal.sum() > 1:
            words += f", the first of {equal.sum()}"
        return Pooled(patch, self.mode, won, words)

    def _shares(self, axes: tuple[Axis, Axis], at: Place) -> Array | None:
        """Return how visible a window's pixels are.

        From 0 to 1; None if all count alike.
        """
        from cnnfilter.layers.explanation import Patch

        if self.visibility is None:
            return None
        under = Patch.under(self.visibility.alpha, axes, at, "", None)
        alpha = under.values[under.inside]
        if not alpha.any() or alpha.min() >= self.visibility.full:
            return None
        return np.where(under.inside, under.values / self.visibility.full, 0)

    def _weighted_text(
        self, values: Array, shares: Array, axes: tuple[Axis, Axis], at: Place
    ) -> str:
        """Write how a weighted sum is computed."""
        powers = np.abs(values) ** self.p if self.mode in ("l2", "lp") else values
        total = f"{powers[shares > 0] @ shares[shares > 0]:.6g}"
        real, counted = (
            int(np.prod([count(axis)[window] for axis, window in zip(axes, at[:2], strict=True)]))
            for count in (real_taps, counted_taps)
        )
        weight = shares.sum() * (counted / real if self.count_include_pad else 1)
        if self.mode == "average":
            return f"{total} / {weight:.6g}, weighted by alpha"
        scaled = f"{total} * {real} / {weight:.6g}"
        if self.mode != "sum":
            scaled = f"({scaled}) to the power of 1/{self.p:g}"
        return f"{scaled}, weighted by alpha"

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


def _magnitudes(roots: Array, _: slice, out: Array) -> None:
    np.abs(roots, out=out)


pool = functional(
    Pooling,
    "pool",
    elsewhere={"return_indices": "max_pool_with_indices returns the indices"},
)


def max_pool_with_indices(
    image: ArrayLike,
    size: Pair = 2,
    *,
    mode: str = "max",
    stride: Pair | None = None,
    padding: Padding = 0,
    dilation: Pair = 1,
    ceil_mode: bool | str = False,
) -> tuple[Array, Array]:
    """Pool by maximum (or minimum), and return where each value was.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    size, mode, stride, padding, dilation, ceil_mode
        As in `pool`; the mode is ``max`` or ``min``.

    Returns
    -------
    (ndarray, ndarray)
        The values, and the index of each, int64: row * W + column in its channel, as
        PyTorch counts (ONNX adds channel * H * W). The first of equal values wins.

    Raises
    ------
    ArgumentError
        If the mode is another one.

    Examples
    --------
    >>> image = np.arange(1, 10).reshape(3, 3)
    >>> max_pool_with_indices(image, 2, stride=1)[1]
    array([[4, 5],
           [7, 8]])
    """
    return Pooling(
        size, mode=mode, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    ).with_indices(image)
