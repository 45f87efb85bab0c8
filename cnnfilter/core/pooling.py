"""What pool() means, and how it is computed: one axis after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core.arguments import Pair, choice, flag
from cnnfilter.core.arrays import BAND_BYTES, Array, as_image, float_type, largest_magnitude
from cnnfilter.core.geometry import Axis, Padding, Shape, Window, read_padding
from cnnfilter.errors import ArgumentError, ShapeError

MODES = ("max", "min", "average", "median", "sum", "l2")


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
) -> Array:
    """Pool an image: reduce each window, in each channel, to one value.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), any real dtype. NaN is passed on.
    size : int, (int, int), str or "global"
        The pooling window, vertical first; ``"global"`` takes the whole map.
    mode : {"max", "min", "average", "median", "sum", "l2"}
        ``l2`` is the root of the sum of squares; the median of an even count is the
        mean of the middle two.
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

    Returns
    -------
    ndarray
        Shape (H', W') or (H', W', C). max and min keep the dtype; the others give
        float32 where exact (or the image is float32), else float64.

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
    """
    return Pooling.of(
        size,
        mode=mode,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
    )(image)


@dataclass(frozen=True)
class Pooling:
    """What `pool` was asked for, checked: everything but the image.

    Attributes
    ----------
    fixed : Window or None
        The pooling window; None where it is the whole map.
    """

    fixed: Window | None
    mode: str
    count_include_pad: bool

    parameters = 0

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
    ) -> "Pooling":
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
        elif stride is not None or read_padding(padding) not in ("valid", (0, 0, 0, 0)):
            raise ArgumentError('size "global" takes the whole map: leave stride and padding out')
        return cls(
            window, choice("mode", mode, MODES), flag("count_include_pad", count_include_pad)
        )

    def window_for(self, shape: Shape) -> Window:
        """Give the pooling window for an image of this shape."""
        return self.fixed or Window((shape[0], shape[1]), name="pooling window")

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Name the feature maps that come out: those that go in."""
        return tuple(before)

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
        array = as_image(image)
        self.output_shape(array.shape)
        axes = self.window_for(array.shape).axes(array.shape)
        # Infinity is passed on, also where it meets its opposite.
        with np.errstate(invalid="ignore", over="ignore"):
            return self._pool(array, axes)

    def _pool(self, array: Array, axes: tuple[Axis, Axis]) -> Array:
        taps = axes[0].size * axes[1].size
        if self.mode == "max":
            return _reduce(array, axes, np.maximum, _least(array.dtype))
        if self.mode == "min":
            return _reduce(array, axes, np.minimum, _most(array.dtype))
        if self.mode == "median":
            return _median(array, axes)
        if self.mode == "l2":
            exact = float_type(array, largest_magnitude(array) * taps)
            squares = np.square(array, dtype=_sums_in(exact, array))
            return np.sqrt(_reduce(squares, axes, np.add, 0, squares.dtype)).astype(exact)
        exact = float_type(array, taps)
        total = _reduce(array, axes, np.add, 0, _sums_in(exact, array))
        if self.mode == "average":
            total /= self._counts(axes).reshape(total.shape[:2] + (1,) * (total.ndim - 2))
        return total.astype(exact, copy=False)

    def carry_alpha(self, alpha: Array) -> Array:
        """Give each output pixel the average alpha of its window."""
        average = Pooling(self.fixed, "average", count_include_pad=False)
        return average(alpha)

    def _counts(self, axes: tuple[Axis, Axis]) -> Array:
        """How many pixels each window's average is divided by."""
        count = _counted_taps if self.count_include_pad else _real_taps
        vertical, horizontal = (count(axis) for axis in axes)
        return np.multiply.outer(vertical, horizontal)


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


def _padded(image: Array, axes: tuple[Axis, Axis], fill: Any) -> Array:
    """Surround an image by what changes nothing, as far as windows reach."""
    amounts = [(axis.before, axis.after + axis.overhang) for axis in axes]
    if not any(sum(each) for each in amounts):
        return image
    amounts += [(0, 0)] * (image.ndim - 2)
    return np.pad(image, amounts, constant_values=fill)


def _sums_in(exact: np.dtype[Any], image: Array) -> np.dtype[Any]:
    """Choose the type to add up in: float64 unless float32 holds every sum exactly."""
    return np.dtype(np.float64) if image.dtype.kind == "f" else exact


def _reduce(
    image: Array,
    axes: tuple[Axis, Axis],
    ufunc: np.ufunc,
    neutral: Any,
    dtype: np.dtype[Any] | None = None,
) -> Array:
    """Reduce every window by max, min or sum, in a type: rows first, then columns."""
    result = _padded(image, axes, neutral)
    for direction, axis in enumerate(axes):
        result = _reduce_axis(result, direction, axis, ufunc, dtype or image.dtype)
    return result


def _reduce_axis(
    image: Array, direction: int, axis: Axis, ufunc: np.ufunc, dtype: np.dtype[Any]
) -> Array:
    along = np.moveaxis(image, direction, 0)
    if axis.count == 1 and axis.dilation == 1:
        reduced = ufunc.reduce(along[: axis.size], axis=0, keepdims=True, dtype=dtype)
    else:
        reduced = along[axis.taps(0)].astype(dtype)
        for tap in range(1, axis.size):
            ufunc(reduced, along[axis.taps(tap)], out=reduced)
    return np.moveaxis(reduced, 0, direction)


def _median(image: Array, axes: tuple[Axis, Axis]) -> Array:
    """Sort each window; padding, as infinity, sorts behind what is counted."""
    vertical, horizontal = axes
    exact = float_type(image, 2)
    padded = _padded(image.astype(exact), axes, np.inf)
    shape = (vertical.count, horizontal.count, *image.shape[2:])
    result = np.empty(shape, exact)
    counts = np.multiply.outer(_real_taps(vertical), _real_taps(horizontal))
    counts = counts.reshape(shape[:2] + (1,) * (len(shape) - 2))
    taps = vertical.size * horizontal.size
    rows = max(1, BAND_BYTES // (taps * result[0].nbytes))
    for first in range(0, vertical.count, rows):
        band = slice(first, first + rows)
        windows = np.stack(
            [
                padded[vertical.taps(row)][band, horizontal.taps(column)]
                for row in range(vertical.size)
                for column in range(horizontal.size)
            ]
        )
        windows.sort(axis=0)
        middle = [
            np.take_along_axis(windows, half[np.newaxis], axis=0)[0]
            for half in ((counts[band] - 1) // 2, counts[band] // 2)
        ]
        # NaN sorts last, behind the padding too.
        result[band] = np.where(np.isnan(windows[-1]), np.nan, (middle[0] + middle[1]) / 2)
    return result
