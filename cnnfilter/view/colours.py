"""Colours for values: grey where none is negative, blue to white to red where one is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cnnfilter.core.arrays import Array, bands

#: What is neither: NaN and infinity, which no scale has.
NOT_FINITE = (255, 0, 255)
#: ColorBrewer's RdBu, from the largest negative value to the largest positive one.
_DIVERGING = (
    (5, 48, 97), (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240),
    (247, 247, 247),
    (253, 219, 199), (244, 165, 130), (214, 96, 77), (178, 24, 43), (103, 0, 31),
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """One scale of colours for a group of maps, so that they compare.

    Attributes
    ----------
    low, high : float
        The lowest and the highest finite value of the group.
    """

    low: float
    high: float

    @classmethod
    def of(cls, maps: Iterable[Array]) -> "Scale":
        """Look at all maps of a group; what is not finite does not count.

        Examples
        --------
        >>> Scale.of([np.array([[-1.5, 2]]), np.array([[np.nan, 3]])])
        Scale(low=-1.5, high=3.0)
        """
        lows, highs = [], []
        for each in maps:
            finite = each[np.isfinite(each)]
            if finite.size:
                lows.append(float(finite.min()))
                highs.append(float(finite.max()))
        return cls(min(lows, default=0.0), max(highs, default=0.0))

    @property
    def signed(self) -> bool:
        """Whether a value is negative, and so the colours diverge from 0."""
        return self.low < 0

    @property
    def peak(self) -> float:
        """The largest magnitude: the scale goes to it from 0, or from its negative."""
        return max(-self.low, self.high)

    @property
    def words(self) -> str:
        """The lowest and the highest value.

        Examples
        --------
        >>> Scale(-1.2345, 300).words
        '-1.23 to 300'
        """
        return f"{word(self.low)} to {word(self.high)}"

    @property
    def table(self) -> Array:
        """The colours from the scale's lower end to its upper one: uint8, (255 or 256, 3).

        The middle one of 255 is that of 0.
        """
        if not self.signed:
            return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        places = np.linspace(0, len(_DIVERGING) - 1, 255)
        anchors = np.array(_DIVERGING)
        colours = [np.interp(places, range(len(anchors)), anchors[:, k]) for k in range(3)]
        return np.rint(np.stack(colours, axis=1)).astype(np.uint8)

    def colours(self, values: Array) -> Array:
        """Colour values.

        Parameters
        ----------
        values : ndarray
            Any shape and real type; what lies beyond the scale has the colour of its end.

        Returns
        -------
        ndarray
            uint8, with one more axis, for red, green and blue. NaN and infinity are magenta.

        Examples
        --------
        >>> Scale(-2, 4).colours(np.array([-4, 0, 4])).tolist()
        [[5, 48, 97], [247, 247, 247], [103, 0, 31]]
        >>> Scale(0, 4).colours(np.array([0, 4, np.nan])).tolist()
        [[0, 0, 0], [255, 255, 255], [255, 0, 255]]
        """
        table = self.table
        colours = np.empty((*values.shape, 3), np.uint8)
        for rows in bands(values):
            colours[rows] = table[self._places(values[rows])]
            colours[rows][~np.isfinite(values[rows])] = NOT_FINITE
        return colours

    def _places(self, values: Array) -> Array:
        """Find values in the table."""
        # float64 holds the extremes of all types; halved, none overflows on its way to a place.
        numbers = np.where(np.isfinite(values), values, 0).astype(np.float64) / 2
        half = self.peak / 2
        shares = np.divide(numbers, half, out=np.zeros(numbers.shape), where=half > 0)
        if self.signed:
            return np.rint(shares.clip(-1, 1) * 127 + 127).astype(np.uint8)
        return np.rint(shares.clip(0, 1) * 255).astype(np.uint8)


def picture(image: Array) -> Array:
    """Show an image as what it is: grey or in colours.

    Parameters
    ----------
    image : ndarray
        Shape (H, W) or (H, W, C). uint8 and uint16 are pixels; so are other numbers from 0 to 1,
        255 or 65535. What is no picture, such as prepared or standardized values, has its
        first channel coloured by its own scale, or three channels stretched together.

    Returns
    -------
    ndarray
        uint8, shape (H, W, 3).

    Examples
    --------
    >>> picture(np.array([[0, 32896]], np.uint16))[0, :, 0].tolist()
    [0, 128]
    """
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[:, :, 0]
    scale = Scale.of([image])
    if scale.signed or not np.isfinite(image).all() or scale.high > 65535:
        if image.ndim == 2:
            return scale.colours(image)
        return np.rint(255 * _stretched(image, scale)).astype(np.uint8)
    pixels = np.rint(image * (255 / _top(image, scale.high))).astype(np.uint8)
    return pixels if image.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def _top(image: Array, high: float) -> float:
    """Give what white is in an image whose values are pixels."""
    if image.dtype == np.uint8:
        return 255
    if image.dtype == np.uint16:
        return 65535
    if image.dtype.kind == "f" and high <= 1:
        return 1
    return 255 if high <= 255 else 65535


def _stretched(image: Array, scale: Scale) -> Array:
    """Bring finite values to 0..1, and others to 0."""
    numbers = np.where(np.isfinite(image), image, scale.low).astype(np.float64)
    span = scale.high / 2 - scale.low / 2
    return (numbers / 2 - scale.low / 2) / (span or 1.0)


def maps_of(values: Array) -> list[Array]:
    """Take feature maps apart.

    Examples
    --------
    >>> [each.shape for each in maps_of(np.zeros((4, 5, 3)))]
    [(4, 5), (4, 5), (4, 5)]
    """
    if values.ndim == 2:
        return [values]
    return [values[:, :, channel] for channel in range(values.shape[2])]


def word(value: float) -> str:
    """Write a value with three digits, or an integer of up to five with all of them.

    Examples
    --------
    >>> word(1117.0), word(-0.12345), word(1e6)
    ('1117', '-0.123', '1e+06')
    """
    if abs(value) < 1e5 and value == int(value):
        return str(int(value))
    return f"{value:.3g}"
