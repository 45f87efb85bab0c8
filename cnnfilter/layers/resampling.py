"""Resizing a plane of float64, which Pillow holds in float32 only, by Pillow's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import BAND_BYTES

if TYPE_CHECKING:
    from cnnfilter.layers.resizing import ResizedAxis


def resampled(
    plane: Callable[[slice], Array],
    down: ResizedAxis,
    across: ResizedAxis,
    filter: str,
    reach: float,
) -> Array:
    """Resize a plane of shape (H, W) as Pillow does.

    Parameters
    ----------
    plane : callable
        Returns some of its rows.
    down, across : ResizedAxis
    filter : str
        Pillow's name of it, in lower case.
    reach : float
        Pixels that the filter reaches to either side, at the image's size.
    """
    narrow = np.empty((across.inner, down.length))
    height = max(1, BAND_BYTES // (8 * across.length))
    for first in range(0, down.length, height):
        rows = slice(first, min(first + height, down.length))
        band = plane(rows).astype(np.float64, copy=False)
        narrow[:, rows] = _along(band, across, filter, reach).T
    return _along(narrow, down, filter, reach).T


def _along(plane: Array, axis: ResizedAxis, filter: str, reach: float) -> Array:
    """Resize rows."""
    first_edge, last_edge = np.float32(axis.start), np.float32(axis.end)  # as Pillow has them
    factor = float(last_edge - first_edge) / axis.inner
    if filter == "nearest":
        steps = np.full(axis.inner, factor)
        steps[0] = float(first_edge) + factor / 2
        return plane[:, np.add.accumulate(steps).astype(int).clip(0, axis.length - 1)]
    centers = float(first_edge) + (np.arange(axis.inner) + 0.5) * factor
    stretch = max(1.0, factor)
    first = (centers - reach * stretch + 0.5).astype(int).clip(0)
    end = (centers + reach * stretch + 0.5).astype(int).clip(None, axis.length)
    result = np.zeros((len(plane), axis.inner))
    total = np.zeros(axis.inner)
    for tap in range(int((end - first).max())):
        pixel = first + tap
        weights = _WEIGHTS[filter]((pixel - centers + 0.5) * (1 / stretch)) * (pixel < end)
        total += weights
        result += plane[:, pixel.clip(None, axis.length - 1)] * weights
    return result / total


def _box(x: Array) -> Array:
    return ((x > -0.5) & (x <= 0.5)).astype(np.float64)


def _bilinear(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)


def _hamming(x: Array) -> Array:
    return np.where(np.abs(x) < 1, np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x)), 0)


def _bicubic(x: Array) -> Array:
    x = np.abs(x)
    inner, outer = (1.5 * x - 2.5) * x * x + 1, ((x - 5) * x + 8) * x - 4
    return np.where(x < 1, inner, np.where(x < 2, -0.5 * outer, 0))


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


#: The weight of a pixel, by its distance.
_WEIGHTS: dict[str, Callable[[Array], Array]] = {
    "box": _box,
    "bilinear": _bilinear,
    "hamming": _hamming,
    "bicubic": _bicubic,
    "lanczos": _lanczos,
}
