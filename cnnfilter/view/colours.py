"""Colours for values: grey where none is negative, blue to white to red where one is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.checks import is_finite
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.span import Span
from cnnfilter.text import number_text

#: The colour of NaN and infinity, which lie on no scale.
NOT_FINITE = (255, 0, 255)
#: ColorBrewer's RdBu, from the largest negative value to the largest positive one.
_DIVERGING = (
    (5, 48, 97), (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240),
    (247, 247, 247),
    (253, 219, 199), (244, 165, 130), (214, 96, 77), (178, 24, 43), (103, 0, 31),
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """A scale of colours that a group of maps shares.

    Attributes
    ----------
    low, high : float
        Lowest and highest finite value of the group.
    """

    low: float
    high: float

    @classmethod
    def of(cls, maps: Iterable[Array]) -> "Scale":
        """Return the scale of all finite values.

        Examples
        --------
        >>> Scale.of([np.array([[-1.5, 2]]), np.array([[np.nan, 3]])])
        Scale(low=-1.5, high=3.0)
        """
        span = Span.joined(Span.of_finite(values) for values in maps if values.size)
        return cls(*(span or (0.0, 0.0)))

    @property
    def signed(self) -> bool:
        """Test whether colours diverge from 0, because a value is negative."""
        return self.low < 0

    @property
    def peak(self) -> float:
        """Largest magnitude, where the scale ends."""
        return max(-self.low, self.high)

    @property
    def words(self) -> str:
        """Lowest and highest value as text.

        Examples
        --------
        >>> Scale(-1.2345, 300).words
        '-1.23 to 300'
        """
        return f"{word(self.low)} to {word(self.high)}"

    @property
    def table(self) -> Array:
        """The scale's colours from low to high.

        The middle one of 255 stands for 0.
        """
        if not self.signed:
            return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        places = np.linspace(0, len(_DIVERGING) - 1, 255)
        anchors = np.array(_DIVERGING)
        colours = [np.interp(places, range(len(anchors)), anchors[:, k]) for k in range(3)]
        return np.rint(np.stack(colours, axis=1)).astype(np.uint8)

    def colours(self, values: Array) -> Array:
        """Return the colours of values.

        Parameters
        ----------
        values : ndarray
            Any shape and real type; values beyond the scale get the colour of its end.

        Returns
        -------
        ndarray
            uint8, with one more axis for red, green and blue. NaN and infinity are magenta.

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
            band = values[rows]
            finite = None if is_finite(band) else np.isfinite(band)
            known = band if finite is None else np.where(finite, band, 0)
            table.take(self._places(known), axis=0, out=colours[rows], mode="clip")
            if finite is not None:
                colours[rows][~finite] = NOT_FINITE
        return colours

    def _places(self, values: Array) -> Array:
        """Return the places of finite values in the table."""
        # float64 holds the extremes of all types; halved, none of them overflows.
        numbers = values.astype(np.float64) / 2
        half = self.peak / 2
        shares = np.divide(numbers, half, out=np.zeros(numbers.shape), where=half > 0)
        if self.signed:
            return np.rint(shares.clip(-1, 1) * 127 + 127).astype(np.uint8)
        return np.rint(shares.clip(0, 1) * 255).astype(np.uint8)


@dataclass(frozen=True)
class Look:
    """How an image is shown, decided by all of its values; see `picture`."""

    scale: Scale
    is_finite: bool

    @classmethod
    def of(cls, bands: Iterable[Array]) -> "Look":
        """Return the look of an image that comes in bands.

        Examples
        --------
        >>> image = np.array([[0, 1], [2, -3]])
        >>> Look.of([image[:1], image[1:]]) == Look.of([image])
        True
        """
        spans, finite = [], True
        for band in bands:
            shown = _shown(band)
            finite = finite and is_finite(shown)
            scale = Scale.of([shown])
            spans.append(np.array([scale.low, scale.high]))
        return cls(Scale.of(spans), finite)

    def __call__(self, image: Array) -> Array:
        """Return the colours of the image or a band."""
        image = _shown(image)
        colours = np.empty((*image.shape[:2], 3), np.uint8)
        for rows in bands(image):
            colours[rows] = self._colours(image[rows])
        return colours

    def _colours(self, image: Array) -> Array:
        if self.scale.signed or not self.is_finite or self.scale.high > 65535:
            if image.ndim == 2:
                return self.scale.colours(image)
            return np.rint(255 * _stretched(image, self.scale)).astype(np.uint8)
        top = _top(image, self.scale.high)
        pixels = image if top == 255 and image.dtype == np.uint8 else np.rint(image * (255 / top))
        pixels = pixels.astype(np.uint8, copy=False)
        return pixels if image.ndim == 3 else pixels[:, :, None]


def picture(image: Array) -> Array:
    """Return an image as a picture, in grey or in colours.

    Parameters
    ----------
    image : ndarray
        Shape (H, W) or (H, W, C). uint8 and uint16 are pixels; so are other numbers from 0 to 1,
        255 or 65535. Of other values, such as standardized ones, the first channel is coloured
        by its own scale, or three channels are stretched together.

    Returns
    -------
    ndarray
        uint8, shape (H, W, 3).

    Examples
    --------
    >>> picture(np.array([[0, 32896]], np.uint16))[0, :, 0].tolist()
    [0, 128]
    """
    return Look.of(image[rows] for rows in bands(image))(image)


def _shown(image: Array) -> Array:
    """Return the channels that are shown: three, or the first."""
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] != 3 else image


def _top(image: Array, high: float) -> float:
    """Return the value that is white."""
    if image.dtype == np.uint8:
        return 255
    if image.dtype == np.uint16:
        return 65535
    if image.dtype.kind == "f" and high <= 1:
        return 1
    return 255 if high <= 255 else 65535


def _stretched(image: Array, scale: Scale) -> Array:
    """Stretch finite values to 0..1; others become 0."""
    numbers = np.where(np.isfinite(image), image, scale.low).astype(np.float64)
    span = scale.high / 2 - scale.low / 2
    return (numbers / 2 - scale.low / 2) / (span or 1.0)


def channels_of(shape: Shape) -> int:
    """Return the number of channels of a shape."""
    return shape[2] if len(shape) == 3 else 1


def maps_of(values: Array) -> list[Array]:
    """Return feature maps one by one.

    Examples
    --------
    >>> [map.shape for map in maps_of(np.zeros((4, 5, 3)))]
    [(4, 5), (4, 5), (4, 5)]
    """
    if values.ndim == 2:
        return [values]
    return [values[:, :, channel] for channel in range(values.shape[2])]


def word(value: float) -> str:
    """Return a value with three digits.

    Examples
    --------
    >>> word(1117.0), word(-0.12345), word(1e6)
    ('1117', '-0.123', '1e+06')
    """
    return number_text(value, 3, 1e5)
