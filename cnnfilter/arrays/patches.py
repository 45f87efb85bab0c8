"""Sliding windows of an image as a view, and its outermost pixels."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Pair, pair
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.geometry import Window


def border(image: Array) -> Array:
    """Return an image's outermost pixels: shape (pixels,) or (pixels, C).

    Examples
    --------
    >>> border(np.arange(9).reshape(3, 3))
    array([0, 1, 2, 6, 7, 8, 0, 3, 6, 2, 5, 8])
    """
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def patches(image: ArrayLike, size: Pair, stride: Pair = 1) -> Array:
    """Return the sliding windows of an image as a view.

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
        position. Read-only; no pixel is copied.

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
    window = Window(pair("size", size), pair("stride", stride), name="window")
    window.axes(array.shape)
    down, across = window.stride
    views = sliding_window_view(array, window.size, axis=(0, 1))[::down, ::across]
    return np.moveaxis(views, 2, -1) if array.ndim == 3 else views
