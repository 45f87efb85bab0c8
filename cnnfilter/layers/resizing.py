"""Bringing an image to another size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Number, Pair, choice, number, pair
from cnnfilter.arrays.buffers import check_room
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import convert
from cnnfilter.arrays.geometry import Shape, check_map
from cnnfilter.arrays.patches import border
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.layers.base import Layer

#: Pillow's filters, and how many pixels each looks to either side, at the size of the image.
REACHES = {"nearest": 0.0, "box": 0.5, "bilinear": 1, "hamming": 1, "bicubic": 2, "lanczos": 3}
FILTERS = tuple(REACHES)
ASPECTS = ("pad", "crop", "stretch")


def resize(
    image: ArrayLike,
    size: Pair,
    *,
    filter: str = "bilinear",
    aspect: str = "pad",
    fill: Number = 0,
) -> Array:
    """Bring an image to a size, smoothing where it gets smaller, as Pillow does.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    size : int, (int, int) or str
        Height and width.
    filter : {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}
        How pixels are weighed.
    aspect : {"pad", "crop", "stretch"}
        What becomes of an image of other proportions: all of it with `fill` around it,
        its middle, or all of it distorted.
    fill : number or "border"
        What it is padded with: a value, or the median of its outermost pixels.

    Returns
    -------
    ndarray
        uint8 and uint16 stay, rounded; everything else comes out as float32.

    Examples
    --------
    >>> resize([[0, 10], [20, 30]], "1x2", aspect="stretch")
    array([[10., 20.]], dtype=float32)
    >>> resize(np.full((2, 4), 9, np.uint8), 4)[:, 0]
    array([0, 9, 9, 0], dtype=uint8)
    """
    return Resizing.of(size, filter=filter, aspect=aspect, fill=fill)(image)


def _read_fill(fill: Any) -> float | None:
    if isinstance(fill, str) and fill.isalpha():
        choice("fill", fill, ["border"])
        return None
    return number("fill", fill)


@dataclass(frozen=True)
class Resizing(Layer):
    """What `resize` was asked for, checked."""

    size: tuple[int, int]
    filter: str
    aspect: str
    fill: float | None  # None for the border's

    @classmethod
    def of(cls, size: Any, *, filter: Any, aspect: Any, fill: Any) -> Resizing:
        """Read the arguments of `resize`, as a person would type them."""
        return cls(
            pair("size", size),
            choice("filter", filter, FILTERS),
            choice("aspect", aspect, ASPECTS),
            _read_fill(fill),
        )

    def output_shape(self, shape: Shape) -> Shape:
        """Give the size asked for, with as many channels."""
        check_map(shape)
        return *self.size, *shape[2:]

    def output_dtype(self, image: Array) -> np.dtype[Any]:
        """Return uint8 and uint16 as they are, float32 for all others."""
        return image.dtype if image.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)

    def __call__(self, image: ArrayLike) -> Array:
        """Resize."""
        array = as_image(image)
        if array.shape[:2] == self.size:
            return array.astype(_kept(array.dtype), copy=False)
        planes = array.reshape(*array.shape[:2], -1)
        around = border(planes) if self.fill is None else None
        return self.of_planes(np.moveaxis(planes, -1, 0), array.shape, array.dtype, around)

    def of_planes(
        self,
        planes: Iterable[Array],
        shape: Shape,
        dtype: np.dtype[Any],
        around: Array | None = None,
    ) -> Array:
        """Resize an image of a shape and dtype, whose channels come one by one.

        Parameters
        ----------
        around : ndarray, optional
            The image's border, where its median is what is filled in.
        """
        kept = _kept(dtype)
        inner, region = self.placed((shape[0], shape[1]))
        channels = prod(shape[2:])
        check_room("the result", (*self.size, channels), kept.itemsize)
        result = np.empty((*self.size, channels), kept)
        filled = np.array([self.fill]) if around is None else np.median(around, axis=0)
        result[...] = convert(filled, kept)
        top, left = ((whole - part) // 2 for whole, part in zip(self.size, inner, strict=True))
        place = slice(top, top + inner[0]), slice(left, left + inner[1])
        for channel, plane in enumerate(planes):
            result[*place, channel] = convert(_resized(plane, inner, self.filter, region), kept)
        return result.reshape(self.output_shape(shape))

    def placed(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[float, ...]]:
        """Say how large the image becomes, and which part of it: left, top, right, bottom."""
        height, width = size
        down, across = self.size[0] / height, self.size[1] / width
        if self.aspect == "pad":
            factor = min(down, across)
            inner = max(1, round(height * factor)), max(1, round(width * factor))
            return inner, (0, 0, width, height)
        if self.aspect == "stretch":
            return self.size, (0, 0, width, height)
        factor = max(down, across)
        rows, columns = self.size[0] / factor, self.size[1] / factor
        # Rounding must not put an edge outside the image.
        top, left = max(0.0, (height - rows) / 2), max(0.0, (width - columns) / 2)
        return self.size, (left, top, min(width, left + columns), min(height, top + rows))

    def carry_alpha(self, alpha: Array) -> Array:
        """Resize the alpha likewise; what is padded is opaque."""
        return Resizing(self.size, self.filter, self.aspect, full_scale(alpha))(alpha)


def _kept(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of what is made of an image's."""
    return dtype if dtype in (np.uint8, np.uint16) else np.dtype(np.float32)


def _resized(plane: Array, size: tuple[int, int], filter: str, region: tuple[float, ...]) -> Array:
    # Only resizing needs Pillow here; it is what a network's users resize with.
    from PIL import Image

    kept = plane if plane.dtype == np.uint8 else plane.astype(np.float32, copy=False)
    whole = Image.fromarray(np.ascontiguousarray(kept))
    method = Image.Resampling[filter.upper()]
    left, top, right, bottom = region
    small = whole.resize((size[1], size[0]), method, box=(left, top, right, bottom))
    return np.asarray(small)
