"""What all layers have in common: an operation with its arguments checked."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape, Window
from cnnfilter.arrays.quantize import Storing


class Layer(ABC):
    """An operation with its arguments checked, ready for any number of images.

    What is said here is true of layers that change each value by itself and have no
    weights; the others say what is different.
    """

    @abstractmethod
    def __call__(self, image: ArrayLike) -> Array:
        """Compute."""

    def stored(self, image: ArrayLike, storing: Storing) -> Array:
        """Compute, and give the result as a picture stores it."""
        return storing.take(self(image))

    def stores_tiles(self, image: Array) -> bool:
        """Return whether `stored` holds no more of the values than a tile."""
        return False

    @property
    def maps_apart(self) -> int:
        """How many feature maps `stored` can compute one by one; 0 where it cannot."""
        return 0

    @property
    def parameters(self) -> int:
        """How many numbers it has learned: weights, biases, statistics."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """How many products with weights an input of this shape takes."""
        return 0

    def output_shape(self, shape: Shape) -> Shape:
        """Give the result's shape, or raise ShapeError."""
        return shape

    def output_dtype(self, image: Array) -> np.dtype[Any]:
        """Return the type of the result for an image; one pixel of it is enough."""
        pixel = image[:1] if image.ndim == 1 else image[:1, :1]
        # The values of wide integers can decide it; floats are not all taken by every layer.
        return self(np.zeros_like(pixel) if pixel.dtype.kind == "f" else pixel).dtype

    def window_for(self, shape: Shape) -> Window | None:
        """Give what an output value sees of a map; None where that is its own pixel."""
        return None

    def sees_all(self, shape: Shape) -> bool:
        """Whether each output value sees all of an input of this shape."""
        return False

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Name the feature maps, given the names of those before; empty for an image."""
        return tuple(before)

    def carry_alpha(self, alpha: Array) -> Array | None:
        """Bring an alpha channel to the result's geometry; None where it has none."""
        return alpha
