"""From numbers to what an image file stores: done once, at the end."""

from dataclasses import dataclass

import numpy as np

from cnnfilter.core.arguments import choice
from cnnfilter.core.arrays import Array, check_finite, convert

RANGES = ("clip", "abs", "minmax", "symmetric")


@dataclass(frozen=True)
class Quantized:
    """Values as an image file stores them.

    Attributes
    ----------
    pixels : ndarray
        uint8, or uint16 for a depth of 16.
    clipped : float
        The share of values, 0 to 1, that clipping changed.
    """

    pixels: Array
    clipped: float


def quantize(values: Array, range: str = "clip", depth: int = 8) -> Quantized:
    """Round to integers (half to even) and saturate.

    Parameters
    ----------
    values : ndarray
        Any shape and real dtype.
    range : {"clip", "abs", "minmax", "symmetric"}
        ``clip`` takes values as they are, ``abs`` their magnitude; ``minmax`` stretches
        lowest..highest to the full range (a constant map becomes 0); ``symmetric`` puts
        0 at the middle, 128, and scales by the largest magnitude.
    depth : {8, 16}
        Bits: 0..255 or 0..65535.

    Raises
    ------
    NotFiniteError
        If a value is NaN or infinite.

    Examples
    --------
    >>> result = quantize(np.array([[-3.0, 0.5, 1.5, 300.0]]))
    >>> result.pixels, result.clipped
    (array([[  0,   0,   2, 255]], dtype=uint8), 0.5)
    """
    choice("range", range, RANGES)
    check_finite(values, "the result")
    dtype = np.dtype(f"uint{depth}")
    top = 2**depth - 1
    if range == "minmax":
        low, high = float(values.min()), float(values.max())
        scale = top / (high - low) if high > low else 0.0
        return Quantized(convert((values.astype(np.float64) - low) * scale, dtype), 0.0)
    if range == "symmetric":
        peak = max(-float(values.min()), float(values.max())) or 1.0
        half = top / 2
        return Quantized(convert(half + half * (values.astype(np.float64) / peak), dtype), 0.0)
    if values.dtype == dtype:
        return Quantized(values, 0.0)
    magnitudes = np.abs(values) if range == "abs" else values
    rounded = np.rint(magnitudes)
    changed = int(np.count_nonzero((rounded < 0) | (rounded > top)))
    return Quantized(convert(rounded, dtype), changed / values.size)
