"""What an image is: arrays of shape (H, W) or (H, W, C), channels last."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnfilter.core.arguments import Pair, number, pair
from cnnfilter.core.geometry import Shape, Window
from cnnfilter.errors import ArgumentError, NotFiniteError, ShapeError

#: An array of any number type; docstrings say which.
Array = NDArray[Any]

#: About one core's share of the cache: what is worked on at a time.
BAND_BYTES = 2**20
#: Up to these, float32 and float64 hold every integer; from the last on, int64 none.
FLOAT32_EXACT, FLOAT64_EXACT, INT64_END = 2**24, 2**53, 2**63


def as_array(what: str, values: ArrayLike) -> Array:
    """Take anything array-like as an array; ShapeError if its rows are not equally long."""
    try:
        return np.asarray(values)
    except ValueError:
        raise ShapeError(f"{what} has rows that are not equally long") from None


def as_image(image: ArrayLike) -> Array:
    """Take anything array-like as an image.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), of any real type.

    Returns
    -------
    ndarray
        The same array, not copied; bool becomes uint8 with 0 and 255.

    Raises
    ------
    ShapeError
        If it is no image: not two or three axes, or an empty one.

    Examples
    --------
    >>> as_image([[True, False]])
    array([[255,   0]], dtype=uint8)
    """
    array = as_array("an image", image)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ShapeError(
            f"an image has the shape (height, width) or (height, width, channels), "
            f"each at least 1, not {array.shape}"
        )
    return _as_numbers(array)


def as_features(features: ArrayLike) -> Array:
    """Take anything array-like as an image, a feature map or a vector of features.

    As `as_image`, but the shape may be (N,), too.

    Examples
    --------
    >>> as_features([1.5, 2])
    array([1.5, 2. ])
    """
    array = as_array("features", features)
    return _as_numbers(array) if array.ndim == 1 and array.size else as_image(array)


#: What NumPy's kinds are that are no real numbers, in words for people.
_PLAIN = {
    "b": "true or false",
    "c": "complex numbers",
    "O": "other things",
    "S": "text",
    "U": "text",
}


def _as_numbers(array: Array) -> Array:
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise ArgumentError(f"an image holds real numbers, not {array.dtype}")
    return array


def as_numbers(name: str, values: Any) -> Array:
    """Read one number or several: a number, an array, or text such as 1/2,0.25.

    Raises
    ------
    ArgumentError
        If they are no finite real numbers.

    Examples
    --------
    >>> as_numbers("mean", "1/2, 0.25")
    array([0.5 , 0.25])
    """
    if isinstance(values, str):
        words = [number(name, word.strip()) for word in values.split(",")]
        return np.array(words if len(words) > 1 else words[0])
    array = as_array(name, values)
    if array.dtype.kind not in "iuf":
        held = _PLAIN.get(array.dtype.kind, array.dtype)
        raise ArgumentError(f"{name} holds {held}, not real numbers")
    if array.size == 0:
        raise ArgumentError(f"{name} holds no number")
    if problem := not_finite(array):
        raise ArgumentError(f"{name} {problem}")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def per_channel(name: str, values: Array, shape: Shape) -> Array:
    """Spread numbers over features of a shape: one for all, or one for each channel.

    Returns
    -------
    ndarray
        A view of the numbers in that shape.

    Raises
    ------
    ShapeError
        With both shapes in it, if they do not.

    Examples
    --------
    >>> per_channel("mean", np.array([1.0, 2.0, 3.0]), (4, 4, 3))[0, 0]
    array([1., 2., 3.])
    """
    try:
        if len(shape) == 2:
            return np.broadcast_to(values, (*shape, 1))[:, :, 0]
        return np.broadcast_to(values, shape)
    except ValueError:
        channels = 1 if len(shape) == 2 else shape[-1]
        raise ShapeError(
            f"{name} has the shape {values.shape}, its input {shape}: give one number, or one "
            f"for each of {channels} channel(s)"
        ) from None


def border(image: Array) -> Array:
    """Give an image's outermost pixels: shape (pixels,) or (pixels, C).

    Examples
    --------
    >>> border(np.arange(9).reshape(3, 3))
    array([0, 1, 2, 6, 7, 8, 0, 3, 6, 2, 5, 8])
    """
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def in_bands(
    function: Callable[..., Array], dtype: np.dtype[Any], array: Array, *others: Array
) -> Array:
    """Apply a function of arrays of one shape, in a type, a band of rows at a time.

    What the type cannot hold becomes infinite, as in PyTorch; nothing is said of it.
    """
    result = np.empty(array.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in bands(result):
            arrays = (each[rows].astype(dtype, copy=False) for each in (array, *others))
            result[rows] = function(*arrays)
    return result


def check_room(what: str, shape: Shape, itemsize: int) -> None:
    """Refuse an array that memory cannot hold, before it is made.

    Raises
    ------
    ShapeError
        With both sizes in it.
    """
    size, most = prod(shape) * itemsize, memory()
    if size > most:
        raise ShapeError(
            f"{what} of {'x'.join(map(str, shape))} takes {size / 2**30:.3g} GiB, the memory is "
            f"{most / 2**30:.3g} GiB; make it smaller"
        )


@lru_cache
def memory() -> int:
    """Return the bytes of memory that this process may take: the machine's, or a limit's."""
    limits = [sys.maxsize]
    with suppress(AttributeError, ValueError, OSError):  # Windows does not tell
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ImportError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [limit] if limit != resource.RLIM_INFINITY else []
    with suppress(OSError, ValueError):  # a container's; "max" is none
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


def check_finite(array: Array, what: str) -> None:
    """Refuse NaN and infinity, saying how many there are and where the first is.

    Raises
    ------
    NotFiniteError
        If there is any.
    """
    if problem := not_finite(array):
        raise NotFiniteError(f"{what} {problem}")


def not_finite(array: Array) -> str:
    """Say how many values are NaN or infinite and where the first is; nothing if none is.

    Examples
    --------
    >>> not_finite(np.array([[0, np.nan]]))
    'holds 1 value(s) that are NaN or infinite, the first at 0,1; replace them by numbers'
    """
    # NaN wins every minimum; infinity is one, or a maximum.
    if array.dtype.kind != "f" or np.isfinite([array.min(), array.max()]).all():
        return ""
    bad = np.argwhere(~np.isfinite(array))
    first = ",".join(str(index) for index in bad[0])
    place = f", the first at {first}" if first else ""
    return f"holds {len(bad)} value(s) that are NaN or infinite{place}; replace them by numbers"


def largest_magnitude(image: Array) -> float:
    """Give max|x|; as a float, since int64's least has no positive counterpart."""
    return max(-float(image.min()), float(image.max()))


def largest_of(dtype: np.dtype[Any]) -> int:
    """Give the largest magnitude that an integer type holds."""
    bounds = np.iinfo(dtype)
    return max(-int(bounds.min), int(bounds.max))


def float_type(image: Array, factor: float) -> np.dtype[Any]:
    """Choose the float type that holds sums of an image's values, integers exactly.

    Parameters
    ----------
    image : ndarray
    factor : float
        The largest sum of weights' magnitudes.

    Returns
    -------
    dtype
        A float image keeps its own type (float16 becomes float32). An integer image
        gives float32 where max|x| * factor stays below 2**24, else float64.

    Examples
    --------
    >>> float_type(np.full((2, 2), 255, np.uint8), factor=9)
    dtype('float32')
    """
    if image.dtype.kind == "f":
        return np.dtype(np.float32 if image.dtype.itemsize <= 4 else np.float64)
    exact = (
        largest_of(image.dtype) * factor < FLOAT32_EXACT  # spares a look at the pixels
        or largest_magnitude(image) * factor < FLOAT32_EXACT
    )
    return np.dtype(np.float32 if exact else np.float64)


def convert(values: Array, dtype: DTypeLike) -> Array:
    """Convert to a type; an integer type rounds half to even and saturates.

    Examples
    --------
    >>> convert(np.array([[-3, 0.5, 1.5, 300]]), np.uint8)
    array([[  0,   0,   2, 255]], dtype=uint8)
    """
    target = np.dtype(dtype)
    if target.kind not in "iu":
        return values.astype(target, copy=False)
    result = np.empty(values.shape, target)
    with np.errstate(invalid="ignore"):
        for rows in bands(values):
            store(values[rows].copy(), result[rows])
    return result


def store(values: Array, out: Array, *, whole: bool = False) -> None:
    """Put values into an array of another type; in integers, rounded and saturated.

    Parameters
    ----------
    values : ndarray
        Overwritten. Its rows may be longer than the array's; what is behind is left out.
    out : ndarray
    whole : bool
        Whether they are known to be integers.

    Examples
    --------
    >>> out = np.zeros((1, 4), np.uint8)
    >>> store(np.array([[-3, 0.5, 1.5, 300]]), out)
    >>> out
    array([[  0,   0,   2, 255]], dtype=uint8)
    """
    if out.dtype.kind not in "iu":
        np.copyto(out, within(values, out), casting="unsafe")
        return
    if values.dtype.kind == "f" and not whole:
        if values.dtype == np.float16:  # which has no 65535
            values = values.astype(np.float32)
        np.rint(values, out=values)
    low, high = saturation(values.dtype, out.dtype)
    top = np.iinfo(out.dtype).max
    above = values > high if values.dtype.kind == "f" and high < top else None
    values.clip(low, high, out=values)
    np.copyto(out, within(values, out), casting="unsafe")
    if above is not None:
        out[within(above, out)] = top


def within(values: Array, other: Array) -> Array:
    """Leave out what goes on behind another array's rows."""
    return values if values.shape == other.shape else values[:, : other.shape[1]]


@lru_cache
def saturation(values: np.dtype[Any], stored: np.dtype[Any]) -> tuple[Any, Any]:
    """Give the lowest and the highest value of one type that an integer type holds.

    Examples
    --------
    >>> saturation(np.dtype("float32"), np.dtype("uint8"))
    (0.0, 255.0)
    >>> saturation(np.dtype("int16"), np.dtype("uint16"))
    (0, 32767)
    """
    bounds = np.iinfo(stored)
    if values.kind == "f":
        high = values.type(bounds.max)
        if float(high) > bounds.max:  # float32 has no 2**31 - 1
            high = np.nextafter(high, values.type(0))
        return float(bounds.min), float(high)
    own = np.iinfo(values)
    return max(bounds.min, own.min), min(bounds.max, own.max)


class Scratch:
    """Arrays to compute in, used again for each tile, and then by who comes next.

    Memory fresh from the system costs more than the sums that are to be put there.
    """

    #: Buffers that nobody uses, by their size in bytes, a power of two.
    _spare: ClassVar[dict[int, list[Array]]] = {2**power: [] for power in range(23)}
    #: How many of each size are kept.
    _KEPT: ClassVar[int] = 4

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def __call__(self, name: str, shape: Shape, dtype: DTypeLike) -> Array:
        """Give an array of a name, whose values are what was left in it."""
        size = prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = self._taken(size)
        return np.ndarray(shape, dtype, buffer)

    def _taken(self, size: int) -> Array:
        size = 1 << max(0, size - 1).bit_length()
        try:
            return self._spare[size].pop()
        except (KeyError, IndexError):
            return np.empty(size, np.uint8)

    def __del__(self) -> None:
        for buffer in self._buffers.values():
            spare = self._spare.get(buffer.size)
            if spare is not None and len(spare) < self._KEPT:
                spare.append(buffer)


def bands(array: Array, band_bytes: int = BAND_BYTES) -> Iterator[slice]:
    """Go through an array's rows in bands that fit the cache, or of so many bytes."""
    rows = max(1, band_bytes // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        yield slice(first, first + rows)


def patches(image: ArrayLike, size: Pair, stride: Pair = 1) -> Array:
    """Show the windows that slide over an image, as a view.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    size, stride : int, (int, int) or str
        Vertical first.

    Returns
    -------
    ndarray
        Shape (H', W', kH, kW) or (H', W', kH, kW, C): the window at every output
        position. Read-only, and no pixel is copied.

    Raises
    ------
    ShapeError
        If the image is smaller than the window.

    Examples
    --------
    >>> windows = patches(np.arange(12).reshape(3, 4), 2)
    >>> windows.shape
    (2, 3, 2, 2)
    >>> windows[0, 1]
    array([[1, 2],
           [5, 6]])
    """
    array = as_image(image)
    window = Window.of(size, stride, "valid", 1, name="window")
    window.axes(array.shape)
    down, across = pair("stride", stride)
    views = sliding_window_view(array, window.size, axis=(0, 1))[::down, ::across]
    return np.moveaxis(views, 2, -1) if array.ndim == 3 else views
