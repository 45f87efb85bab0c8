"""What a kernel is made of: whole multiples of one number, columns times rows."""

from math import gcd
from typing import Any

import numpy as np

from cnnfilter.core.arrays import Array

#: Into how many parts the smallest weight is cut to find the number that all are multiples of.
_PARTS = 4
#: How far from whole a weight may be, as a share of itself.
_NEAR = 1e-12
#: Multiples larger than this save no arithmetic.
_LARGEST = 2**15


def dilated(weights: Array, dilation: tuple[int, int]) -> Array:
    """Spread a kernel's taps, with zeros between them.

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


def whole_multiples(weights: Array) -> tuple[Array, float] | None:
    """Write weights as integers times one number, where that is so.

    Returns
    -------
    (ndarray, float) or None
        int64 multiples and the number.

    Examples
    --------
    >>> whole_multiples(np.array([[0.25, -0.5]]))
    (array([[ 1, -2]]), 0.25)
    >>> whole_multiples(np.array([[0.1, 0.3217]])) is None
    True
    """
    if weights.dtype.kind in "iu":
        return weights.astype(np.int64), 1.0
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
        if (np.abs(multiples * unit - magnitudes) <= _NEAR * magnitudes).all():
            return np.rint(weights / unit).astype(np.int64), unit
    return None


def outer_factors(weights: Array) -> list[tuple[Array, Array]]:
    """Write a kernel as a sum of columns times rows, as few as can be.

    Parameters
    ----------
    weights : ndarray
        Shape (kH, kW).

    Returns
    -------
    list of (ndarray, ndarray)
        Columns of shape (kH,) and rows of shape (kW,). Those of integers are integers: one
        pair, or none where the kernel is no single product.

    Examples
    --------
    >>> outer_factors(np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]))
    [(array([1, 2, 1]), array([ 1,  0, -1]))]
    """
    if weights.dtype.kind in "iu":
        return _integer_factors(weights)
    left, sizes, right = np.linalg.svd(weights.astype(np.float64))
    rank = int(np.count_nonzero(sizes > _NEAR * sizes[0]))
    return [(left[:, index] * sizes[index], right[index]) for index in range(rank)]


def _integer_factors(weights: Array) -> list[tuple[Array, Array]]:
    places = np.argwhere(weights)
    if not len(places):
        return []
    first = weights[places[0][0]]
    row = first // gcd(*(int(weight) for weight in first))
    column = weights[:, places[0][1]] // row[places[0][1]]
    return [(column, row)] if np.array_equal(np.multiply.outer(column, row), weights) else []


def largest_sum(weights: Any) -> float:
    """Add up the weights' magnitudes: a bound for the sum, for pixels up to 1.

    Examples
    --------
    >>> largest_sum(np.array([[1, -2]]))
    3.0
    """
    return float(np.abs(weights).sum(dtype=np.float64))
