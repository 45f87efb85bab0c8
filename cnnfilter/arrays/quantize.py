"""From numbers to what an image file stores: done once, at the end."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.checks import check_finite
from cnnfilter.arrays.dtypes import saturation, store, within

RANGES = ("clip", "abs", "minmax", "symmetric")


#: Computes a feature map's pixels, and says how they were stored.
LaterMap = Callable[[], tuple[Array, "Storing"]]


@dataclass(frozen=True, eq=False)
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


class Storing:
    """Storing values as pixels, all at once or as they come, and what became of them.

    Parameters
    ----------
    range, depth, extremes
        See `quantize`.

    Attributes
    ----------
    dtype : dtype
        The pixels'.
    span : (float, float)
        The lowest and the highest value so far.
    looks_first : bool
        Whether all values have to be looked at before the first is stored.
    maps : list of callable, or None
        Where feature maps may come one by one: a layer that can puts here what computes
        each, and hands back a blank result. None where they are needed together.
    """

    def __init__(self, range: str, depth: int, extremes: tuple[float, float] | None = None) -> None:
        self.maps: list[LaterMap] | None = None
        self.dtype = np.dtype(f"uint{depth}")
        self.span = (np.inf, -np.inf)
        self.looks_first = range in ("minmax", "symmetric") and extremes is None
        self._range, self._extremes = range, extremes
        self._seen = self._changed = 0

    def for_maps(self) -> "Storing":
        """Return the same way of storing, for feature maps that come one by one."""
        storing = self.for_one_map()
        storing.maps = []
        return storing

    def for_one_map(self) -> "Storing":
        """Return the same way of storing, for one of the maps that are scaled alike."""
        extremes = self.span if self.looks_first and self.span[0] <= self.span[1] else None
        depth = 8 * self.dtype.itemsize
        return Storing(self._range, depth, self._extremes or extremes)

    @property
    def clipped(self) -> float:
        """The share of values, 0 to 1, that clipping changed."""
        return self._changed / max(1, self._seen)

    def take(self, values: Array) -> Array:
        """Store an array; NotFiniteError if a value of it is NaN or infinite."""
        check_finite(values, "the result")
        if self.looks_first:
            self.look(values)
        pixels = np.empty(values.shape, self.dtype)
        for rows in bands(values):
            self.take_into(values[rows], pixels[rows])
        return pixels

    def take_into(self, values: Array, pixels: Array) -> None:
        """Store finite values in a place for them; they are left as they are."""
        is_half = values.dtype == np.float16  # which has no 65535
        self.put(values.astype(np.float32) if is_half else values.copy(), pixels)

    def pixels(self, values: Array) -> Array:
        """Store some of an array's rows, whose lowest and highest values are known."""
        if values.dtype == self.dtype and self._range in ("clip", "abs"):
            return values
        return self.take(values)

    def look(self, values: Array) -> None:
        """Look at finite values, for the lowest and the highest."""
        self.span = (
            min(self.span[0], float(values.min())),
            max(self.span[1], float(values.max())),
        )

    def put(self, values: Array, pixels: Array, *, integral: bool = False) -> None:
        """Store finite values in a place for them.

        They may be overwritten, and their rows go on behind it, as in `store`.
        """
        inside = within(values, pixels)
        self._seen += inside.size
        if self._range in ("minmax", "symmetric"):
            low, high = self._extremes or self.span
            top = np.iinfo(self.dtype).max
            store(_stretched(inside, self._range, low, high, top), pixels)
            return
        self.look(inside)
        if self._range == "abs":
            values = np.abs(inside if values.dtype.kind == "f" else inside.astype(np.float64))
        if values.dtype.kind == "f" and not integral:
            np.rint(values, out=values)
        low, high = saturation(values.dtype, self.dtype)
        if self.span[0] < low or self.span[1] > high:
            kept = values.clip(low, high)
            self._changed += int(np.count_nonzero(within(kept != values, pixels)))
            values = kept
        np.copyto(pixels, within(values, pixels), casting="unsafe")


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
    storing = Storing(range, depth, extremes)
    return Quantized(storing.pixels(values), storing.clipped)


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
