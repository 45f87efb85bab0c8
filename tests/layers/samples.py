"""Images, kernels and borders of the tests of convolution."""

import numpy as np
from numpy.typing import DTypeLike

from ..reference import Array

ONE_TO_NINE = "1 2 3; 4 5 6; 7 8 9"


def impulse(size: int = 5) -> Array:
    """Black but for a 1 at (2, 2)."""
    image = np.zeros((size, size), np.uint8)
    image[2, 2] = 1
    return image


def random_image(*shape: int, dtype: DTypeLike = np.uint8, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def pixel(value: object, dtype: DTypeLike | None = None) -> Array:
    return np.array([[value]], dtype)
