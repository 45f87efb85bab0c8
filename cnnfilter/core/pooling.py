"""What pool() means, and how it is computed: one axis after the other, band by band.

There is no padded image: a tap that stands on padding is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core.arguments import Number, Pair, choice, flag, number, pair
from cnnfilter.core.arrays import BAND_BYTES, Array, as_image, float_type, largest_magnitude
from cnnfilter.core.geometry import Axis, Padding, Shape, Window, check_map, read_padding
from cnnfilter.core.layer import Layer
from cnnfilter.errors import ArgumentError, ShapeError

MODES = ("max", "min", "average", "median", "sum", "l2", "lp")


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
            empty = np.flatnonzero(_real_taps(axis) == 0)
            if empty.size:
                raise ShapeError(
                    f"the pooling window at {direction} {empty[0]} has no pixel of the image, "
                    "only padding; use less padding"
                )
        return *(axis.count for axis in axes), *shape[2:]

    def __call__(self, image: ArrayLike) -> Array:
        """Pool an image."""
        array, axes = self._laid_over(image)
        # Infinity is passed on, also where it meets its opposite.
        with np.errstate(invalid="ignore", over="ignore"):
            return self._pool(array, axes)

    def with_indices(self, image: ArrayLike) -> tuple[Array, Array]:
        """Pool an image by max or min, and say where each value stood: row * W + column."""
        if self.mode not in ("max", "min"):
            raise ArgumentError(f"mode {self.mode} picks no pixel; indices need max or min")
        array, axes = self._laid_over(image)
        return _pick(array, axes, np.greater if self.mode == "max" else np.less)

    def _laid_over(self, image: ArrayLike) -> tuple[Array, tuple[Axis, Axis]]:
        array = as_image(image)
        self.output_shape(array.shape)
        return array, self.window_for(array.shape).axes(array.shape)

    def _pool(self, array: Array, axes: tuple[Axis, Axis]) -> Array:
        taps = axes[0].size * axes[1].size
        if self.mode == "max":
            return _reduce(array, axes, np.maximum, _least(array.dtype))
        if self.mode == "min":
            return _reduce(array, axes, np.minimum, _most(array.dtype))
        if self.mode == "median":
            return _median(array, axes)
        if self.mode in ("l2", "lp"):
            exact = float_type(array, largest_magnitude(array) * taps)
            return _reduce(array, axes, np.add, 0, exact, self._power, self._root)
        exact = float_type(array, taps)
        finish = self._divide(axes) if self.mode == "average" else None
        return _reduce(array, axes, np.add, 0, exact, finish=finish)

    def _power(self, values: Array) -> Array:
        if self.p == 2:
            return np.square(values, dtype=np.float64)
        return np.power(np.abs(values, dtype=np.float64), self.p)

    def _root(self, sums: Array, _: slice) -> Array:
        return np.sqrt(sums) if self.p == 2 else np.power(sums, 1 / self.p)

    def _divide(self, axes: tuple[Axis, Axis]) -> Callable[[Array, slice], Array]:
        """Divide rows of sums by how many pixels each window counts."""
        count = _counted_taps if self.count_include_pad else _real_taps
        down, across = (count(axis) for axis in axes)

        def divide(sums: Array, rows: slice) -> Array:
            counts = np.multiply.outer(down[rows], across)
            return sums / counts.reshape(counts.shape + (1,) * (sums.ndim - 2))

        return divide

    def carry_alpha(self, alpha: Array) -> Array:
        """Give each output pixel the average alpha of its window."""
        return Pooling(self.fixed, "average")(alpha)


def _taps(axis: Axis) -> Array:
    """Where each window's taps stand, counted from the image's first pixel."""
    starts = np.arange(axis.count) * axis.stride - axis.before
    return np.add.outer(starts, np.arange(axis.size) * axis.dilation)


def _real_taps(axis: Axis) -> Array:
    """How many taps of each window stand on the image."""
    taps = _taps(axis)
    return np.count_nonzero((taps >= 0) & (taps < axis.length), axis=1)


def _counted_taps(axis: Axis) -> Array:
    """How many taps stand on the image or its padding; not on what ceil mode hangs over."""
    return np.count_nonzero(_taps(axis) < axis.length + axis.after, axis=1)


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


def _reduce(
    image: Array,
    axes: tuple[Axis, Axis],
    ufunc: np.ufunc,
    neutral: Any,
    dtype: np.dtype[Any] | None = None,
    term: Callable[[Array], Array] | None = None,
    finish: Callable[[Array, slice], Array] | None = None,
) -> Array:
    """Reduce every window: its rows first, then its columns.

    Parameters
    ----------
    ufunc, neutral
        What reduces, and what changes nothing.
    dtype : dtype, optional
        The result's, if not the image's; floats are added up in float64 all the same.
    term : callable, optional
        What is done to each pixel before.
    finish : callable, optional
        What is done to a band of results, given its rows, after.
    """
    vertical, horizontal = axes
    result = np.empty((vertical.count, horizontal.count, *image.shape[2:]), dtype or image.dtype)
    work = result.dtype
    if dtype is not None and (image.dtype.kind == "f" or term is not None):
        work = np.dtype(np.float64)
    row_bytes = work.itemsize * (image[0].size + result[0].size)
    for rows, part in _bands(vertical, row_bytes):
        band = _reduce_axis(image, 0, part, ufunc, neutral, work, term)
        band = _reduce_axis(band, 1, horizontal, ufunc, neutral, work)
        result[rows] = band if finish is None else finish(band, rows)
    return result


def _reduce_axis(
    image: Array,
    direction: int,
    axis: Axis,
    ufunc: np.ufunc,
    neutral: Any,
    dtype: np.dtype[Any],
    term: Callable[[Array], Array] | None = None,
) -> Array:
    along = np.moveaxis(image, direction, 0)
    if axis.covered is not None and term is None:
        reduced = ufunc.reduce(along[axis.covered], axis=0, keepdims=True, dtype=dtype)
        return np.moveaxis(reduced, 0, direction)
    reduced = np.full((axis.count, *along.shape[1:]), neutral, dtype)
    for tap in range(axis.size):
        windows, pixels = axis.meeting(tap)
        values = along[pixels] if term is None else term(along[pixels])
        ufunc(reduced[windows], values, out=reduced[windows])
    return np.moveaxis(reduced, 0, direction)


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


def _median(image: Array, axes: tuple[Axis, Axis]) -> Array:
    """Sort each window; infinity, where there is no pixel, sorts behind what is counted."""
    vertical, horizontal = axes
    exact = float_type(image, 2)
    shape = (vertical.count, horizontal.count, *image.shape[2:])
    result = np.empty(shape, exact)
    if vertical.covered is not None and horizontal.covered is not None:
        under = np.atleast_3d(image)[vertical.covered, horizontal.covered]
        medians = [np.median(plane.astype(exact)) for plane in np.moveaxis(under, -1, 0)]
        return np.array(medians, exact).reshape(shape)
    counts = np.multiply.outer(_real_taps(vertical), _real_taps(horizontal))
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
