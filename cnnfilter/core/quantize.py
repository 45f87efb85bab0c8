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


def quantize(
    values: Array,
    range: str = "clip",
    depth: int = 8,
    extremes: tuple[float, float] | None = None,
) -> Quantized:
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
    extremes : (float, float), optional
        The lowest and highest value of maps that are scaled alike; these values' own
        unless given.

    Raises
    ------
    NotFiniteError
        If a value is NaN or infinite.

    Examples
    --------
    >>> result = quantize(np.array([[-3.0, 0.5, 1.5, 300.0]]))
    >>> result.pixels, result.clipped
    (array([[  0,   0,   2, 255]], dtype=uint8), 0.5)
    >>> quantize(np.array([[-2.0, 0.0, 1.0]]), "symmetric").pixels
    array([[  0, 128, 191]], dtype=uint8)
    """
    choice("range", range, RANGES)
    check_finite(values, "the result")
    dtype, top = np.dtype(f"uint{depth}"), 2**depth - 1
    if range in ("minmax", "symmetric"):
        low, high = extremes or (float(values.min()), float(values.max()))
        return Quantized(convert(_stretched(values, range, low, high, top), dtype), 0.0)
    if range == "abs":
        values = np.abs(values if values.dtype.kind == "f" else values.astype(np.float64))
    if values.dtype == dtype:
        return Quantized(values, 0.0)
    # What rounds to below 0 or above the top, which is odd, so that its half rounds up.
    changed = np.count_nonzero(values < -0.5) + np.count_nonzero(values >= top + 0.5)
    return Quantized(convert(values, dtype), int(changed) / values.size)


def _stretched(values: Array, range: str, low: float, high: float, top: int) -> Array:
    """Scale low..high to 0..top, or 0 to the middle."""
    # A power of two changes no digit, and keeps the largest numbers from overflowing.
    shrink = -int(np.frexp(max(-low, high, 0.0))[1])
    low, high = float(np.ldexp(low, shrink)), float(np.ldexp(high, shrink))
    scaled = np.ldexp(values.astype(np.float64), shrink)
    if range == "symmetric":
        peak = max(-low, high) or 1.0
        return top / 2 + top / 2 * scaled / peak
    return (scaled - low) * top / ((high - low) or 1.0)
