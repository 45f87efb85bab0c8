"""Images of the tests of arrays."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import DTypeLike

from ..reference import Array

NAMES = {
    "rgb": ["red", "green", "blue"],
    "hsv": ["hue", "saturation", "value"],
    "lab": ["lightness", "a", "b"],
    "lch": ["lightness", "chroma", "hue"],
    "luv": ["lightness", "u", "v"],
    "xyz": ["x", "y", "z"],
    "ycbcr": ["luma", "cb", "cr"],
    "yuv": ["luma", "u", "v"],
    "yiq": ["luma", "i", "q"],
}
COLOUR_SPACES = pytest.mark.parametrize("space", [name for name in NAMES if name != "rgb"])


def random_image(*shape: int, dtype: DTypeLike = np.uint8, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def cube(*levels: int) -> Array:
    """All colours with these levels of red, green and blue, one a column."""
    return np.array([list(product(levels, repeat=3))], np.uint8)


COLOURS = pytest.mark.parametrize(
    "image",
    [
        random_image(32, 33, 3),
        cube(0, 255),
        cube(0, 1, 127, 128, 254, 255),
        np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3),
    ],
    ids=["random", "corners", "lattice", "greys"],
)
