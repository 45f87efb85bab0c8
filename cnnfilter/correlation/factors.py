"""Factors of a kernel: integers over one divisor, multiples of one number, a column times a row."""

from collections.abc import Iterable
from math import gcd, lcm

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.dtypes import INT64_END, largest_magnitude

#: Parts of the smallest weight that are tried as the unit.
_PARTS = 4
#: Relative tolerance for a multiple of the unit: a few float64 roundings.
_TOLERANCE = 64 * np.finfo(np.float64).eps
#: Multiples larger than this save no arithmetic.
_LARGEST = 2**15
#: A fraction of a larger divisor is not looked for: decimals of six digits have smaller ones.
MAX_DIVISOR = 2**20
#: Nor is a larger divisor of all fractions.
MAX_COMMON = 2**36
#: Relative error of a fraction that was rounded to float64, and of one more operation.
_ROUNDED = 2 * float(np.finfo(np.float64).eps)


def dilated(weights: Array, dilation: tuple[int, int]) -> Array:
    """Insert zeros between a kernel's taps.

    Examples
    --------
    >>> dilated(np.array([[1, 2]]), (1, 3))
    array([[1, 0, 0, 2]])
    """
    if dilation == (1, 1):
        return weights
    down, across = dilation
    height, width = weights.shape[:2]
    extent = (down * (height - 1) + 1, across * (width - 1) + 1, *weights.shape[2:])
    result = np.zeros(extent, weights.dtype)
    result[::down, ::across] = weights
    return result


def common_divisor(arrays: Iterable[Array]) -> int | None:
    """Return the least divisor of fractions, if there is one.

    Examples
    --------
    >>> common_divisor([np.array([[1 / 9, 0.5]]), np.array([2])])
    18
    >>> common_divisor([np.array([[np.pi]])]) is None
    True
    """
    divisor = 1
    for array in arrays:
        if array.dtype.kind in "iu":
            continue
        rest = np.abs(array[array != 0]).astype(np.float64)
        largest = float(rest.max(initial=1))
        while rest.size:
            own = _denominator(float(rest[0]))
            divisor = lcm(divisor, own or MAX_COMMON + 1)
            if divisor > min(MAX_COMMON, 2**53 / largest):
                return None
            rest = rest[np.abs(np.rint(rest * divisor) / divisor - rest) > _ROUNDED * rest]
    return divisor


def _denominator(value: float) -> int | None:
    """Return the least denominator of a fraction that rounds to a value.

    It is one of the value's continued fraction.
    """
    over, under = value.as_integer_ratio()
    (before, last), (before_under, last_under) = (0, 1), (1, 0)
    while under:
        whole, rest = divmod(over, under)
        before, last = last, whole * last + before
        before_under, last_under = last_under, whole * last_under + before_under
        if last_under > MAX_DIVISOR:
            return None
        if abs(last / last_under - value) <= _ROUNDED * value / 2:
            return last_under
        over, under = under, rest
    return None


def numerators(weights: Array, divisor: int) -> Array:
    """Return fractions of one divisor as integers.

    Examples
    --------
    >>> numerators(np.array([[0.5, -2]]), 4)
    array([[ 2, -8]])
    """
    if weights.dtype.kind in "iu":
        return weights * divisor if divisor > 1 else weights
    return np.rint(weights.astype(np.float64) * divisor).astype(np.int64)


def integer_multiples(weights: Array) -> tuple[Array, float] | None:
    """Write weights as integer multiples of one unit.

    Returns
    -------
    (ndarray, float) or None
        The multiples, int64, and the unit.

    Examples
    --------
    >>> integer_multiples(np.array([[0.25, -0.5]]))
    (array([[ 1, -2]]), 0.25)
    >>> integer_multiples(np.array([[0.1, 0.3217]])) is None
    True
    """
    if weights.dtype.kind in "iu":
        fits = largest_sum(weights) < 2**63
        return (weights.astype(np.int64), 1.0) if fits else None
    magnitudes = np.abs(weights[weights != 0])
    if not magnitudes.size or not np.isfinite(magnitudes).all():
        return None
    if np.array_equal(weights, np.rint(weights)) and magnitudes.max() < _LARGEST:
        return weights.astype(np.int64), 1.0
    for parts in range(1, _PARTS + 1):
        unit = float(magnitudes.min()) / parts
        multiples = np.rint(magnitudes / unit)
        if multiples.max() > _LARGEST:
            return None
        if (np.abs(multiples * unit - magnitudes) <= _TOLERANCE * magnitudes).all():
            return np.rint(weights / unit).astype(np.int64), unit
    return None


def separated(weights: Array) -> tuple[Array, Array] | None:
    """Split a kernel into a column times a row.

    Sums of several products would save operations for some kernels, too, but leave the
    rounding of terms that cancel out.

    Parameters
    ----------
    weights : ndarray
        Shape (kH, kW).

    Returns
    -------
    (ndarray, ndarray) or None
        Shapes (kH,) and (kW,); integers, if the weights are.

    Examples
    --------
    >>> separated(np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]))
    (array([1, 2, 1]), array([ 1,  0, -1]))
    >>> separated(np.array([[1, 2], [3, 4]])) is None
    True
    """
    largest = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    if weights[largest] == 0:
        return None
    row = weights[largest[0]]
    if weights.dtype.kind in "iu":
        row = row // gcd(*row.tolist())
        column = weights[:, largest[1]] // row[largest[1]]
    else:
        column, row = weights[:, largest[1]], row / weights[largest]
    apart = np.abs(np.multiply.outer(column, row) - weights)
    return (column, row) if np.all(apart <= _TOLERANCE * np.abs(weights)) else None


def largest_sum(weights: Array) -> float:
    """Return the sum of magnitudes.

    Integers are added up exactly, as Python's, so that it is a proven bound.

    Examples
    --------
    >>> largest_sum(np.array([[1, -2]]))
    3
    """
    if weights.dtype.kind in "iu":
        if largest_magnitude(weights) * weights.size < INT64_END:
            return int(np.abs(weights.astype(np.int64)).sum())
        return sum(map(abs, weights.ravel().tolist()))
    return float(np.abs(weights).sum(dtype=np.float64))
