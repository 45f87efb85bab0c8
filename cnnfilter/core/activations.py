"""Activations: functions of each value by itself.

All take an image or feature map of any shape and give one of the same shape. relu
keeps the dtype; the others give the float type in which the values are exact. NaN is
passed on.
"""

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core.arguments import Number, number
from cnnfilter.core.arrays import Array, as_image, float_type
from cnnfilter.errors import ArgumentError


def _as_float(image: ArrayLike) -> Array:
    array = as_image(image)
    return array.astype(float_type(array, 1), copy=False)


def relu(image: ArrayLike) -> Array:
    """Rectify: max(x, 0).

    Examples
    --------
    >>> relu([[-2, 3]])
    array([[0, 3]])
    """
    array = as_image(image)
    return np.maximum(array, array.dtype.type(0))


def leaky_relu(image: ArrayLike, slope: Number = 0.01) -> Array:
    """Rectify, but let negative values through, multiplied by `slope`.

    Examples
    --------
    >>> leaky_relu([[-200, 3]])
    array([[-2.,  3.]], dtype=float32)
    """
    array, factor = _as_float(image), number("slope", slope)
    return np.where(array < 0, array * array.dtype.type(factor), array)


def elu(image: ArrayLike, alpha: Number = 1) -> Array:
    """Exponential linear unit: x, or alpha * (exp(x) - 1) where x is negative.

    Clevert, Unterthiner, Hochreiter 2015.

    Examples
    --------
    >>> elu([[-100, 2]])
    array([[-1.,  2.]], dtype=float32)
    """
    array, factor = _as_float(image), number("alpha", alpha)
    return np.where(array < 0, array.dtype.type(factor) * np.expm1(np.minimum(array, 0)), array)


def sigmoid(image: ArrayLike) -> Array:
    """Logistic function: 1 / (1 + exp(-x)).

    Examples
    --------
    >>> sigmoid([[0, 1000]])
    array([[0.5, 1. ]], dtype=float32)
    """
    return np.exp(-softplus(-_as_float(image)))


def tanh(image: ArrayLike) -> Array:
    """Hyperbolic tangent.

    Examples
    --------
    >>> tanh([[0, 1000]])
    array([[0., 1.]], dtype=float32)
    """
    return np.tanh(_as_float(image))


def softplus(image: ArrayLike) -> Array:
    """Smooth rectifier: log(1 + exp(x)).

    Examples
    --------
    >>> softplus([[-1000, 1000]])
    array([[   0., 1000.]], dtype=float32)
    """
    with np.errstate(invalid="ignore"):  # NumPy warns of NaN here, and nowhere else
        return np.logaddexp(0, _as_float(image))


def clip(image: ArrayLike, low: Number = 0, high: Number | None = None) -> Array:
    """Limit values to low..high, or to low and more; 0..6 is known as relu6.

    Raises
    ------
    ArgumentError
        If low is above high.

    Examples
    --------
    >>> clip([[-5, 3, 10]], 0, 6)
    array([[0., 3., 6.]], dtype=float32)
    """
    array = _as_float(image)
    least = number("low", low)
    most = np.inf if high is None else number("high", high)
    if least > most:
        raise ArgumentError(f"low {least:g} is above high {most:g}; the lower comes first")
    return np.clip(array, array.dtype.type(least), array.dtype.type(most))
