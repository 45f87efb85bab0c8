"""What a kernel is made of: whole multiples of one number, columns times rows."""

from math import gcd

import numpy as np

from cnnfilter.arrays import Array

#: Into how many parts the smallest weight is cut to find the number that all are multiples of.
_PARTS = 4
#: How far from what it is taken for a weight may be, as a share of itself: some of the
#: roundings that it comes from.
_NEAR = 64 * np.finfo(np.float64).eps
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
        is_held = largest_sum(weights) < 2**63
        return (weights.astype(np.int64), 1.0) if is_held else None
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


def separated(weights: Array) -> tuple[Array, Array] | None:
    """Write a kernel as a column times a row, where it is one.

    A sum of several would take fewer operations, too, for some kernels; but what cancels out
    between them would leave its rounding.

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
    return (column, row) if np.all(apart <= _NEAR * np.abs(weights)) else None


def largest_sum(weights: Array) -> float:
    """Add up the weights' magnitudes: a bound for the sum, for pixels up to 1.

    Integers are added up as Python's, which do not round, so that it is a proof.

    Examples
    --------
    >>> largest_sum(np.array([[1, -2]]))
    3
    """
    if weights.dtype.kind in "iu":
        return sum(map(abs, weights.ravel().tolist()))
    return float(np.abs(weights).sum(dtype=np.float64))
