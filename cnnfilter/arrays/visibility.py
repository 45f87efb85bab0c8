"""How much each pixel counts where an image has alpha: as much as it is visible."""

from __future__ import annotations

from math import frexp
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ShapeError


class Visibility(NamedTuple):
    """How much of each pixel is hidden.

    Attributes
    ----------
    hidden : ndarray
        Shape (H, W): 0 where the image is opaque, `full` where it is invisible.
    full : float
        The alpha of what is opaque.
    """

    hidden: Array
    full: float

    @classmethod
    def of(cls, alpha: Array, full: float) -> Visibility | None:
        """Return an alpha's visibility; None if opaque.

        Examples
        --------
        >>> Visibility.of(np.array([[255, 55, 0]], np.uint8), 255)
        Visibility(hidden=array([[  0, 200, 255]], dtype=uint8), full=255)
        >>> Visibility.of(np.array([[255, 255]], np.uint8), 255) is None
        True
        """
        if alpha.min() >= full:  # not of NaN
            return None
        top = alpha.dtype.type(full)
        # What is not a number hides its pixel.
        return cls(top - np.nan_to_num(alpha, copy=True).clip(0, top), full)

    def check(self, shape: Shape) -> None:
        """Check that an image has its size."""
        if self.hidden.shape != shape[:2]:
            height, width = self.hidden.shape
            raise ShapeError(
                f"alpha of {height}x{width} for an image of {shape[0]}x{shape[1]} pixels"
            )

    def weights(self, hidden: Array) -> Array:
        """Return the weights of hidden values.

        They are float64, of integers divided by a power of two, so that sums stay exact.
        """
        weights: Array = np.ldexp(self.full - hidden.astype(np.float64), -frexp(self.full)[1])
        return weights


def opaque_of(alpha: Array) -> float:
    """Return the alpha of opaque pixels.

    It is the largest integer of its type, or 1 for floats.

    Examples
    --------
    >>> opaque_of(np.zeros((1, 1), np.uint16)), opaque_of(np.zeros((1, 1)))
    (65535, 1.0)
    """
    return 1.0 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)
