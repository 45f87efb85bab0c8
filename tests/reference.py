"""Convolution and pooling as plain loops: slow, and easy to believe.

The windows come from `cnnfilter.patches`, which test_channels.py holds against
scikit-image; the rest is written out. Tests import this beside them:
``from .reference import convolve_by_loops``.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from cnnfilter import patches
from cnnfilter.arrays import Array

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

# cnnfilter's name of a border: numpy.pad's mode.
Mode = Literal["constant", "edge", "reflect", "symmetric", "wrap"]
NUMPY_BORDERS: dict[str, Mode] = {
    "zero": "constant",
    "edge": "edge",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "wrap",
}

REDUCTIONS: dict[str, Callable[[Array], object]] = {
    "max": np.max,
    "min": np.min,
    "average": np.mean,
    "median": np.median,
    "sum": np.sum,
    "l2": lambda pixels: math.sqrt(sum(float(pixel) ** 2 for pixel in pixels)),
}


def extent(taps: int, dilation: int) -> int:
    """How many pixels a dilated kernel spans."""
    return dilation * (taps - 1) + 1


def same_padding(n: int, taps: int, stride: int = 1, dilation: int = 1) -> Pair:
    """TensorFlow's SAME: how much goes before and after; the odd pixel goes after."""
    out = -(-n // stride)
    total = max(0, (out - 1) * stride + extent(taps, dilation) - n)
    return total // 2, total - total // 2


def per_channel(image: Array, function: Callable[[Array], Array]) -> Array:
    """Do to each channel of (H, W, C), or to (H, W) itself."""
    if image.ndim == 2:
        return function(image)
    return np.dstack([function(image[..., channel]) for channel in range(image.shape[2])])


def pad(plane: Array, sides: Sides, border: str = "zero") -> Array:
    """Pad (H, W) at the top, bottom, left and right."""
    top, bottom, left, right = sides
    return np.pad(plane, ((top, bottom), (left, right)), mode=NUMPY_BORDERS[border])


def convolve_by_loops(
    image: Array,
    kernel: Array,
    *,
    stride: Pair = (1, 1),
    padding: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    border: str = "zero",
) -> Array:
    """Cross-correlate each channel with a 2-D kernel, in float64."""
    size = extent(kernel.shape[0], dilation[0]), extent(kernel.shape[1], dilation[1])

    def one(plane: Array) -> Array:
        windows = patches(pad(plane.astype(float), padding, border), size, stride)
        result = np.empty(windows.shape[:2])
        for row, column in np.ndindex(*result.shape):
            window = windows[row, column, :: dilation[0], :: dilation[1]]
            result[row, column] = np.sum(window * kernel)
        return result

    return per_channel(image, one)


def filter_by_loops(
    image: Array, bank: Array, *, groups: int = 1, bias: Array | None = None, **geometry: Any
) -> Array:
    """Apply a filter bank (kH, kW, C_in/groups, C_out) to an image (H, W, C_in)."""
    inputs, filters = bank.shape[2:]
    maps = []
    for number in range(filters):
        first = number // (filters // groups) * inputs
        total: Array | float = 0.0 if bias is None else bias[number]
        for channel in range(inputs):
            weights = bank[:, :, channel, number]
            total = total + convolve_by_loops(image[..., first + channel], weights, **geometry)
        maps.append(total)
    return np.dstack(maps)


def window_starts(
    n: int, before: int, after: int, size: int, stride: int, ceil_mode: bool
) -> list[int]:
    """Where windows start, counted from the image's first pixel."""
    starts = list(range(-before, n + after - size + 1, stride))
    if ceil_mode:
        if starts[-1] + size < n + after:
            starts.append(starts[-1] + stride)
        if starts[-1] >= n:
            starts.pop()
    return starts


def pool_by_loops(
    image: Array,
    size: Pair,
    *,
    mode: str = "max",
    stride: Pair | None = None,
    padding: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Array:
    """Reduce the real pixels of each window in each channel, in float64."""
    top, bottom, left, right = padding
    steps = stride or size
    spans = extent(size[0], dilation[0]), extent(size[1], dilation[1])
    height, width = image.shape[:2]
    rows = window_starts(height, top, bottom, spans[0], steps[0], ceil_mode)
    columns = window_starts(width, left, right, spans[1], steps[1], ceil_mode)
    hang_down = max(0, rows[-1] + spans[0] - height - bottom)
    hang_right = max(0, columns[-1] + spans[1] - width - right)
    overhang = (0, hang_down, 0, hang_right)

    def one(plane: Array) -> Array:
        padded = pad(plane.astype(float), padding)
        pixel = pad(np.ones(plane.shape), padding)  # 1 on the image, 0 on padding
        inside = np.ones(padded.shape)  # 1 on both, 0 on the overhang
        windows, pixels, insides = (
            patches(pad(array, overhang), spans, steps)[..., :: dilation[0], :: dilation[1]]
            for array in (padded, pixel, inside)
        )
        result = np.empty((len(rows), len(columns)))
        for at in np.ndindex(*result.shape):
            if mode == "average" and count_include_pad:
                result[at] = windows[at].sum() / insides[at].sum()
            else:
                result[at] = REDUCTIONS[mode](windows[at][pixels[at] == 1])
        return result

    return per_channel(image, one)
