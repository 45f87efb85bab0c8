"""Pooling where pixels count as much as they are visible.

Maxima, minima and medians are those of the pixels that are visible at all. With weights w,
an average is sum(w x) / sum(w); a sum or a norm has each term multiplied by w, and its sum by
n / sum(w) for n pixels. A window without a visible pixel, and one in which all are opaque, have
the usual value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.geometry import Axis
from cnnfilter.arrays.visibility import Visibility
from cnnfilter.layers.reduction import (
    PooledStrips,
    Reduction,
    counted_taps,
    median,
    real_taps,
    reduce,
)

if TYPE_CHECKING:
    from cnnfilter.layers.pooling import Pooling

BYTE, FLOAT64 = np.dtype(np.uint8), np.dtype(np.float64)


class VisibleStrips(PooledStrips):
    """A pooling's result, of which some pixels are hidden.

    Parameters
    ----------
    pooling : Pooling
    visibility : Visibility
    axes, height, pool
        As in `PooledStrips`.
    dtype : dtype or None
        The result's, where it is another than the usual.
    """

    def __init__(
        self,
        pooling: Pooling,
        visibility: Visibility,
        axes: tuple[Axis, Axis],
        height: int,
        pool: Callable[[Array, tuple[Axis, Axis]], Array],
        dtype: DType | None,
    ) -> None:
        super().__init__(axes, height, pool)
        self._pooling, self._visibility, self._dtype = pooling, visibility, dtype

    def compute(self, rows: slice, pixels: Array) -> Array:
        """Pool the windows of a strip."""
        plain = super().compute(rows, pixels)
        plain = plain if self._dtype is None else plain.astype(self._dtype)
        first = self.under(rows).start
        alpha, full = self._visibility.alpha[first : first + len(pixels)], self._visibility.full
        if alpha.min() >= full:
            return plain
        axes = self.axes_under(rows, len(pixels))
        most = Reduction(np.maximum, 0, BYTE)
        counts = np.stack([alpha < full, alpha > 0], axis=2).astype(BYTE)
        replaced = reduce(counts, axes, most, BYTE).all(axis=2)
        planes = np.atleast_3d(pixels)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = self._values(planes, alpha, axes).astype(plain.dtype).reshape(plain.shape)
        return np.where(replaced.reshape(replaced.shape + (1,) * (plain.ndim - 2)), values, plain)

    def _values(self, planes: Array, alpha: Array, axes: tuple[Axis, Axis]) -> Array:
        """Pool pixels by their weights."""
        pooling, is_seen = self._pooling, (alpha > 0)[:, :, np.newaxis]
        if pooling.mode == "median":
            exact = np.dtype(np.float32) if planes.itemsize == 1 else FLOAT64
            return median(planes, axes, exact, is_seen)
        if pooling.mode in ("max", "min"):
            how, dtype = pooling.reduction(axes, planes)
            neutral = np.array(how.neutral, how.work)
            return reduce(np.where(is_seen, planes, neutral), axes, how, dtype)
        both = np.concatenate([planes, alpha[:, :, np.newaxis]], axis=2)
        sums = reduce(both, axes, Reduction(np.add, 0, FLOAT64, self._weighed), FLOAT64)
        products, weights = sums[:, :, :-1], sums[:, :, -1:]
        real = np.multiply.outer(*map(real_taps, axes))[:, :, np.newaxis]
        if pooling.mode == "average":
            if not pooling.count_include_pad:
                return products / weights
            counted = np.multiply.outer(*map(counted_taps, axes))[:, :, np.newaxis]
            return products / (weights * (counted / real))
        values: Array = products * real / weights
        if pooling.mode == "sum":
            return values
        return np.sqrt(values) if pooling.p == 2 else np.power(values, 1 / pooling.p)

    def _weighed(self, both: Array) -> Array:
        """Return weighted pixels, or powers, and the weights."""
        weights = self._visibility.weights(both[:, :, -1:])
        values = both[:, :, :-1].astype(np.float64)
        if self._pooling.mode in ("l2", "lp"):
            values = np.abs(values) ** self._pooling.p
        # What is invisible may be infinite.
        products = np.where(weights > 0, values * weights, 0)
        return np.concatenate([products, weights], axis=2)
