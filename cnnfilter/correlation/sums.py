"""Sums of integers: how large they may be, and the type that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.dtypes import FLOAT32_EXACT, FLOAT64_EXACT, INT64_END
from cnnfilter.correlation.factors import largest_sum

FLOAT32, FLOAT64, INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
#: Of 8-bit pixels, divisors beyond this are worth no slower type of number.
_LARGEST_FOR_BYTES = 2**16


class Sums(NamedTuple):
    """Integer weights and biases, whose sums are divided by one number.

    Attributes
    ----------
    kernels : sequence of ndarray
        Shape (kH, kW) each, or one filter bank (kH, kW, C/groups, C_out).
    biases : ndarray or None
    divisor : int
    combine : {"max", "sum", "l2"} or None
    """

    kernels: Sequence[Array]
    biases: Array | None
    divisor: int = 1
    combine: str | None = None

    def work(self, peak: int, values: Array) -> DType | None:
        """Return the type that holds each sum exactly, and tells its quotient from one half.

        None if there is none, or weights are better not taken for integers.

        Parameters
        ----------
        peak : int
            A bound of the pixels' magnitudes.
        values : ndarray
            The pixels, or their lowest and highest.

        Examples
        --------
        >>> box = Sums([np.ones((3, 3), np.int64)], None, divisor=9)
        >>> box.work(255, np.array([255])), box.work(2**20, np.array([2**20]))
        (dtype('float32'), dtype('float64'))
        """
        bound = self.bound(peak)
        # The quotient of a sum differs from one half by its part in twice the sum at least.
        twice = 2 * bound if self.divisor > 1 else bound
        if peak < 2**8 and twice >= FLOAT32_EXACT and self.divisor > _LARGEST_FOR_BYTES:
            return None
        is_root = self.combine == "l2"
        if twice < FLOAT32_EXACT and not (is_root and (peak >= 2**8 or self.divisor > 1)):
            return FLOAT32
        if twice < FLOAT64_EXACT:
            return FLOAT64
        # On the way to a sum that int64 holds, wrapping round does no harm.
        fits = not is_root and (bound < INT64_END or self._fit_int64(values))
        return INT64 if fits else None

    def bound(self, peak: int) -> int:
        """Return the largest magnitude of a sum, for pixels up to a peak."""
        bias = 0 if self.biases is None else int(np.abs(self.biases).max())
        bounds = [peak * int(largest_sum(weights)) + bias for weights in self._filters()]
        return sum(bounds) if self.combine == "sum" else max(bounds)

    def _filters(self) -> list[Array]:
        """Return the weights of each filter."""
        if self.kernels[0].ndim == 4:
            return [*np.moveaxis(self.kernels[0], -1, 0)]
        return [*self.kernels]

    def _fit_int64(self, values: Array) -> bool:
        """Return whether int64 holds every sum of pixels within the span of some."""
        low, high = min(int(values.min()), 0), max(int(values.max()), 0)
        least, most = 0, 0
        if self.biases is not None:
            least, most = int(self.biases.min()), int(self.biases.max())
        lows, highs = [], []
        for weights in (filter.ravel().tolist() for filter in self._filters()):
            added = sum(weight for weight in weights if weight > 0)
            taken = added - sum(weights)
            lows.append(low * added - high * taken + least)
            highs.append(high * added - low * taken + most)
        if self.combine == "sum":
            lows, highs = [sum(lows)], [sum(highs)]
        return min(lows) >= -INT64_END and max(highs) < INT64_END
