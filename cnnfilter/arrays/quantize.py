"""Rounding values to an image file's integers, once, at the end."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.checks import check_finite
from cnnfilter.arrays.dtypes import saturation, store, within
from cnnfilter.arrays.span import EMPTY

RANGES = ("clip", "abs", "minmax", "symmetric")

#: Computes a feature map's pixels, and returns how they were stored.
LaterMap = Callable[[], tuple[Array, "PixelWriter"]]


class Quantized(NamedTuple):
    """Values as stored in an image file.

    Attributes
    ----------
    pixels : ndarray
        uint8, or uint16 for a depth of 16.
    clipped : float
        Share of values, 0 to 1, that clipping changed.
    """

    pixels: Array
    clipped: float


class PixelWriter:
    """Converts values to pixels, whole or tile by tile, and counts clipped values.

    Parameters
    ----------
    range, depth, extremes, white, top
        See `quantize`.

    Attributes
    ----------
    dtype : dtype
        Type of the pixels.
    white, top : int
        The values' white, and the number that it is stored as.
    span : Span
        The lowest and the highest value so far.
    stretches : bool
        Whether values become pixels by their span.
    looks_first : bool
        Whether the span of all values is needed before the first is stored.
    maps : list of callable, or None
        Where feature maps may be computed one by one: a layer adds a callable for each, and
        returns a blank result. None where they are needed together.
    """

    def __init__(
        self,
        range: str,
        depth: int,
        extremes: tuple[float, float] | None = None,
        white: int | None = None,
        top: int | None = None,
    ) -> None:
        self.maps: list[LaterMap] | None = None
        self.dtype = np.dtype(f"uint{depth}")
        self.top = top or int(np.iinfo(self.dtype).max)
        self.white = white or self.top
        self.span = EMPTY
        self.stretches = range in ("minmax", "symmetric")
        self.looks_first = self.stretches and extremes is None
        self._range, self._extremes = range, extremes
        self._seen = self._changed = 0

    def for_maps(self) -> "PixelWriter":
        """Return a copy for maps computed one by one."""
        storing = self.for_one_map()
        storing.maps = []
        return storing

    def for_one_map(self) -> "PixelWriter":
        """Return a copy for one of several maps."""
        extremes = self.span if self.looks_first and self.span != EMPTY else None
        depth = 8 * self.dtype.itemsize
        return PixelWriter(self._range, depth, self._extremes or extremes, self.white, self.top)

    @property
    def scales(self) -> bool:
        """Test whether white is stored as another number."""
        return self.white != self.top and not self.stretches

    def is_like(self, other: "PixelWriter") -> bool:
        """Return whether another stores values as this one does."""
        return (self.dtype, self.white, self.top) == (other.dtype, other.white, other.top)

    @property
    def clipped(self) -> float:
        """Share of values, 0 to 1, that clipping changed."""
        return self._changed / max(1, self._seen)

    def take(self, values: Array) -> Array:
        """Convert an array; raise NotFiniteError for NaN and infinity."""
        check_finite(values, "the result")
        if self.looks_first:
            self.look(values)
        pixels = np.empty(values.shape, self.dtype)
        for rows in bands(values):
            self.take_into(values[rows], pixels[rows])
        return pixels

    def take_into(self, values: Array, pixels: Array) -> None:
        """Convert finite values into an array of pixels."""
        is_half = values.dtype == np.float16  # too narrow for 65535
        self.put(values.astype(np.float32) if is_half else values.copy(), pixels)

    def pixels(self, values: Array) -> Array:
        """Convert rows of an array whose span is known."""
        is_plain = self.white == self.top == np.iinfo(self.dtype).max
        if values.dtype == self.dtype and self._range in ("clip", "abs") and is_plain:
            return values
        return self.take(values)

    def look(self, values: Array) -> None:
        """Add finite values to the span."""
        self.span = self.span.including(values)

    def put(self, values: Array, pixels: Array, *, integral: bool = False) -> None:
        """Convert finite values into an array of pixels."""
        inside = within(values, pixels)
        self._seen += inside.size
        if self.stretches:
            low, high = self._extremes or self.span
            store(_stretched(inside, self._range, low, high, self.top), pixels)
            return
        self.span = self.span.including(inside)
        if self._range == "abs":
            values = np.abs(inside if values.dtype.kind == "f" else inside.astype(np.float64))
        if self.scales:
            values = self._scaled(values)
        elif values.dtype.kind == "f" and not integral:
            np.rint(values, out=values)
        low, high = saturation(values.dtype, self.dtype)
        high = min(high, self.top)
        if self.span.low < low or self.span.high > min(high, self.white):
            kept = values.clip(low, high)
            self._changed += int(np.count_nonzero(within(kept != values, pixels)))
            values = kept
        np.copyto(pixels, within(values, pixels), casting="unsafe")

    def _scaled(self, values: Array) -> Array:
        """Scale values from white to its stored number, and round them once."""
        wide = values.astype(np.float64).clip(-self.white, 2 * self.white)
        wide *= self.top
        wide /= self.white
        if values.dtype.kind == "f":
            # Floats beside one half by no more than their rounding stand for it.
            wide *= _GRID
            np.rint(wide, out=wide)
            wide /= _GRID
        return np.rint(wide, out=wide)


#: The finest parts of a pixel's value that are told apart when it is scaled.
_GRID = 2.0**34


def quantize(
    values: Array,
    range: str = "clip",
    depth: int = 8,
    extremes: tuple[float, float] | None = None,
    white: int | None = None,
    top: int | None = None,
) -> Quantized:
    """Round to integers (half to even) and saturate.

    Parameters
    ----------
    values : ndarray
        Any shape and real dtype.
    range : {"clip", "abs", "minmax", "symmetric"}
        ``clip`` only clips, ``abs`` clips the magnitude; ``minmax`` stretches
        lowest..highest to the full range (a constant map becomes 0); ``symmetric`` puts
        0 at the middle, 128, and scales by the largest magnitude.
    depth : {8, 16}
        Bits: 0..255 or 0..65535.
    extremes : (float, float), optional
        The lowest and highest value of all maps that are scaled alike; default: of these
        values.
    white, top : int, optional
        Values of ``clip`` and ``abs`` are scaled from 0..white to 0..top, and then rounded.
        Default: they are not scaled; the top is the depth's largest number.

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
    >>> quantize(np.array([[2, 512, 1023]]), depth=16, white=1023).pixels
    array([[  128, 32800, 65535]], dtype=uint16)
    """
    choice("range", range, RANGES)
    storing = PixelWriter(range, depth, extremes, white, top)
    return Quantized(storing.pixels(values), storing.clipped)


def _stretched(values: Array, range: str, low: float, high: float, top: int) -> Array:
    """Scale low..high to 0..top, or 0 to the middle."""
    # Scaling by a power of two is exact, and keeps the largest numbers from overflowing.
    shrink = -int(np.frexp(max(-low, high, 0.0))[1])
    low, high = float(np.ldexp(low, shrink)), float(np.ldexp(high, shrink))
    scaled = np.ldexp(values.astype(np.float64), shrink)
    if range == "symmetric":
        peak = max(-low, high) or 1.0
        return top / 2 + top / 2 * scaled / peak
    return (scaled - low) * top / ((high - low) or 1.0)
