"""How much each pixel counts where an image has alpha: as much as it is visible."""

from __future__ import annotations

from math import frexp
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ShapeError


class Visibility(NamedTuple):
    """How visible each pixel is.

    Attributes
    ----------
    alpha : ndarray
        Shape (H, W): `full` where the image is opaque, 0 where it is invisible.
    full : float
    """

    alpha: Array
    full: float

    @classmethod
    def of(cls, alpha: Array, full: float) -> Visibility | None:
        """Return an alpha's visibility; None if opaque.

        Examples
        --------
        >>> Visibility.of(np.array([[1.5, 0.25, np.nan]]), 1)
        Visibility(alpha=array([[1.  , 0.25, 0.  ]]), full=1)
        >>> Visibility.of(np.array([[255, 255]], np.uint8), 255) is None
        True
        """
        low, high = alpha.min(), alpha.max()
        if low >= full:
            return None
        if not (low >= 0 and high <= full):  # or NaN, which hides its pixel
            alpha = np.nan_to_num(alpha, copy=True).clip(0, alpha.dtype.type(full))
        return cls(alpha, full)

    def check(self, shape: Shape) -> None:
        """Check that an image has its size."""
        if self.alpha.shape != shape[:2]:
            height, width = self.alpha.shape
            raise ShapeError(
                f"alpha of {height}x{width} for an image of {shape[0]}x{shape[1]} pixels"
            )

    def weights(self, alpha: Array) -> Array:
        """Return the weights of some pixels.

        They are float64, of integers divided by a power of two, so that sums stay exact.
        """
        weights: Array = np.ldexp(alpha.astype(np.float64), -frexp(self.full)[1])
        return weights
