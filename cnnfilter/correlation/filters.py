"""Filters: the kernels to correlate with, where they are laid, and what follows their sums."""

from __future__ import annotations

from collections.abc import Sequence
from math import frexp
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.dtypes import largest_magnitude
from cnnfilter.arrays.geometry import Axis, Shape, Sliding

#: Powers of two at which sums of float64, or of their squares, come near infinity.
NEAR_INFINITY, SQUARES_NEAR_INFINITY = 1000, 500
FLOAT32 = np.dtype(np.float32)
UNIT = Sliding()


class Filters(NamedTuple):
    """Kernels for `correlate`, all on the same image.

    Attributes
    ----------
    kernels : sequence of ndarray
        Shape (kH, kW) each, or one filter bank (kH, kW, C/groups, C_out).
    sliding : Sliding
    border, groups
        As in `convolve`.
    biases : ndarray or None
        Shape (kernels, maps of each).
    combine : {"max", "sum", "l2"} or None
        Make one map of all.
    work : dtype
        The type to compute in.
    power : int
        The sums are computed divided by 2**power, which keeps them from being infinite.
    """

    kernels: Sequence[Array]
    sliding: Sliding = UNIT
    border: str = "zero"
    groups: int = 1
    biases: Array | None = None
    combine: str | None = None
    work: DType = FLOAT32
    power: int = 0

    @property
    def is_bank(self) -> bool:
        """Whether the kernel is a filter bank."""
        return self.kernels[0].ndim == 4

    def axes(self, kernel: Array, shape: Shape) -> tuple[Axis, Axis]:
        """Return a kernel's correlation for images of a shape."""
        size = (kernel.shape[0], kernel.shape[1])
        return self.sliding.window(size).axes(shape)

    def without_overflow(self, values: Array, channels: int) -> Filters:
        """Divide weights and biases so that sums cannot overflow.

        Parameters
        ----------
        values : ndarray
            The image's, or its lowest and highest.
        channels : int
            The image's.
        """
        if self.work != np.float64:
            return self
        magnitude = min(largest_magnitude(values), float(np.finfo(np.float64).max))
        weight = max(float(np.abs(kernel).max()) for kernel in self.kernels)
        taps = max(kernel[..., :1].size for kernel in self.kernels)
        bias = 0.0 if self.biases is None else float(np.abs(self.biases).max())
        factors = (weight, magnitude, taps * channels * len(self.kernels))
        end = SQUARES_NEAR_INFINITY if self.combine == "l2" else NEAR_INFINITY
        power = max(sum(frexp(factor)[1] for factor in factors), frexp(bias)[1]) - end
        if power <= 0:
            return self
        kernels = [np.ldexp(kernel, -power) for kernel in self.kernels]
        biases = None if self.biases is None else np.ldexp(self.biases, -power)
        return self._replace(kernels=kernels, biases=biases, power=power)
