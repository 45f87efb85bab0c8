"""Number types: floats that hold a sum, rounding and saturation."""

from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import bands
from cnnfilter.errors import ShapeError

#: Up to these, float32 and float64 hold every integer; int64 ends below the last.
FLOAT32_EXACT, FLOAT64_EXACT, INT64_END = 2**24, 2**53, 2**63


def largest_magnitude(image: Array) -> float:
    """Return max|x|, an int for integers; int64's least has no positive counterpart."""
    number = int if image.dtype.kind in "iu" else float
    return max(-number(image.min()), number(image.max()))


def largest_of(dtype: DType) -> int:
    """Return the largest magnitude of an integer type."""
    bounds = np.iinfo(dtype)
    return max(-int(bounds.min), int(bounds.max))


def opaque_of(alpha: Array) -> float:
    """Return the alpha of opaque pixels.

    It is the largest integer of its type, or 1 for floats.

    Examples
    --------
    >>> opaque_of(np.zeros((1, 1), np.uint16)), opaque_of(np.zeros((1, 1)))
    (65535, 1.0)
    """
    return 1.0 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


def magnitude_bound(values: Array) -> float:
    """Return a bound of max|x|, an int for integers."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        return largest_magnitude(values)
    return largest_of(values.dtype)


def float_type(image: Array, factor: float, offset: float = 0) -> DType:
    """Return the float type for weighted sums, exact for integers.

    Parameters
    ----------
    image : ndarray
    factor : float
        The largest sum of weights' magnitudes.
    offset : float
        The largest magnitude of what is added.

    Returns
    -------
    dtype
        A float image keeps its own type (float16 becomes float32). An integer image
        gives float32 where max|x| * factor + offset stays below 2**24, else float64.

    Raises
    ------
    ShapeError
        If float64 does not hold the sums of integers: from 2**53 on.

    Examples
    --------
    >>> float_type(np.full((2, 2), 255, np.uint8), factor=9)
    dtype('float32')
    """
    if image.dtype.kind == "f":
        return np.dtype(np.float32 if image.dtype.itemsize <= 4 else np.float64)
    # This spares a pass over the pixels.
    if largest_of(image.dtype) * factor + offset < FLOAT32_EXACT:
        return np.dtype(np.float32)
    largest = largest_magnitude(image)
    bound = largest * factor + offset
    # Weights from 2**53 on are floats, whose products are rounded as they are.
    if largest >= FLOAT64_EXACT or (bound >= FLOAT64_EXACT and factor < FLOAT64_EXACT):
        raise beyond(max(largest, bound))
    return np.dtype(np.float32 if bound < FLOAT32_EXACT else np.float64)


def exact_type(image: Array, factor: int) -> DType:
    """Return the type of sums with whole weights: that of floats, or int64 from 2**53 on.

    Raises
    ------
    ShapeError
        If int64 may not hold a sum.

    Examples
    --------
    >>> exact_type(np.array([2**60]), 4)
    dtype('int64')
    """
    if image.dtype.kind in "iu" and image.dtype.itemsize > 2:
        bound = largest_magnitude(image) * factor
        if FLOAT64_EXACT <= bound < INT64_END:
            return np.dtype(np.int64)
    return float_type(image, factor)


def beyond(bound: float) -> ShapeError:
    """Return the error for integers whose digits would be lost."""
    return ShapeError(
        f"sums up to {bound:.4g} would lose digits: float64 holds integers below 2**53, and "
        "int64 sums of whole weights below 2**63; to round them, convert it to floats "
        "(astype(float), or 1.5e18 in a text)"
    )


def quotients(values: Array, divisor: int, *, rounds: bool) -> Array:
    """Divide sums of integers, in place where they are floats.

    Parameters
    ----------
    values : ndarray
    divisor : int
    rounds : bool
        Whether int64 is rounded to integers, half to even, instead of to float64.

    Examples
    --------
    >>> quotients(np.array([1, 3, 9007199254740993]), 2, rounds=True)
    array([               0,                2, 4503599627370496])
    >>> quotients(np.array([1, 3]), 2, rounds=False)
    array([0.5, 1.5])
    """
    if divisor == 1:
        return values
    if values.dtype.kind == "f":
        return np.divide(values, divisor, out=values)
    whole, rest = np.divmod(values, divisor)
    if not rounds:
        quotient: Array = whole + rest / divisor
        return quotient
    rest *= 2
    return whole + ((rest > divisor) | ((rest == divisor) & (whole % 2 == 1)))


def convert(values: Array, dtype: DTypeLike) -> Array:
    """Convert to a type; integers round and saturate.

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


def store(values: Array, out: Array, *, integral: bool = False) -> None:
    """Copy values into an array; into integers, rounded and saturated.

    Parameters
    ----------
    values : ndarray
        Overwritten. Rows may be longer than the array's; the surplus is cropped.
    out : ndarray
    integral : bool
        Whether the values are known to be integers.

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
    if values.dtype.kind == "f" and not integral:
        if values.dtype == np.float16:  # too narrow for 65535
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
    """Crop rows to the length of another array's."""
    return values if values.shape == other.shape else values[:, : other.shape[1]]


@lru_cache
def saturation(values: DType, stored: DType) -> tuple[float, float]:
    """Return an integer type's bounds in another type.

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
