"""Colour spaces: how their channels are stored, and conversions."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.buffers import BAND_BYTES, bands
from cnnfilter.errors import ShapeError


class Channel(NamedTuple):
    """One channel of a colour space, and how it is stored.

    Attributes
    ----------
    name : str
    meaning : str
        Its stored values and their range.
    neutral : tuple of float
        The stored pixel that shows this channel alone when it is tinted.
    scale, offset : float
        stored = offset + scale * scikit-image's value.
    signed : bool
        Whether values are signed by nature; images store them shifted by 128.
    """

    name: str
    meaning: str
    neutral: tuple[float, float, float]
    scale: float = 255
    offset: float = 0
    signed: bool = False


_LIGHTNESS = Channel("lightness", "0..255 for L* 0..100", (0, 0, 0), 2.55)
_LUMA = Channel("luma", "0..255, ITU-R 601", (0, 0, 0))
# CIE XYZ of the white point D65, 2 degrees, to which the three channels are scaled.
_WHITE = {"x": 0.95047, "y": 1.0, "z": 1.08883}

#: Colour space to its three channels: those that scikit-image converts both ways.
SPACES: Mapping[str, tuple[Channel, Channel, Channel]] = {
    "rgb": (
        Channel("red", "as stored", (0, 0, 0)),
        Channel("green", "as stored", (0, 0, 0)),
        Channel("blue", "as stored", (0, 0, 0)),
    ),
    "hsv": (
        Channel("hue", "0..255 for once round the colour circle", (0, 255, 255)),
        Channel("saturation", "0..255 for 0..1", (0, 0, 255)),
        Channel("value", "0..255 for 0..1", (0, 0, 0)),
    ),
    "lab": (
        _LIGHTNESS,
        Channel("a", "a* itself, about -86..98: green to red", (178.5, 0, 0), 1, signed=True),
        Channel("b", "b* itself, about -108..94: blue to yellow", (178.5, 0, 0), 1, signed=True),
    ),
    "lch": (
        _LIGHTNESS,
        Channel("chroma", "C* itself, 0 to about 134", (178.5, 0, 0), 1),
        Channel("hue", "0..255 for 0..360 degrees", (178.5, 60, 0), 255 / (2 * np.pi)),
    ),
    "luv": (
        _LIGHTNESS,
        Channel("u", "u* itself, about -83..175: green to red", (178.5, 0, 0), 1, signed=True),
        Channel("v", "v* itself, about -134..108: blue to yellow", (178.5, 0, 0), 1, signed=True),
    ),
    "xyz": (
        Channel("x", "0..255 for 0..0.95047", (0, 0, 0), 255 / _WHITE["x"]),
        Channel("y", "0..255 for 0..1: luminance", (0, 0, 0), 255 / _WHITE["y"]),
        Channel("z", "0..255 for 0..1.08883", (0, 0, 0), 255 / _WHITE["z"]),
    ),
    "ycbcr": (
        Channel("luma", "0..255, ITU-R 601", (0, 128, 128)),
        Channel("cb", "0..255, 128 is neutral: JPEG's", (128, 0, 128), 255, 128),
        Channel("cr", "0..255, 128 is neutral: JPEG's", (128, 128, 0), 255, 128),
    ),
    "yuv": (
        _LUMA,
        Channel("u", "255 times U, about -111..111", (128, 0, 0), signed=True),
        Channel("v", "255 times V, about -157..157", (128, 0, 0), signed=True),
    ),
    "yiq": (
        _LUMA,
        Channel("i", "255 times I, about -152..152", (128, 0, 0), signed=True),
        Channel("q", "255 times Q, about -133..133", (128, 0, 0), signed=True),
    ),
}


def channel_names(channels: int, space: str = "rgb") -> tuple[str, ...]:
    """Return the names of an image's channels, in a colour space.

    Raises
    ------
    ShapeError
        If the colour space needs a colour image and this is none.

    Examples
    --------
    >>> channel_names(4)
    ('red', 'green', 'blue', 'alpha')
    >>> channel_names(1)
    ('gray',)
    """
    colours = tuple(channel.name for channel in SPACES[choice("space", space, SPACES)])
    if channels in (3, 4):
        return (*colours, "alpha")[:channels]
    if space != "rgb":
        raise ShapeError(f"{space} needs red, green and blue; the image has {channels} channel(s)")
    if channels in (1, 2):
        return ("gray", "alpha")[:channels]
    return tuple(str(number) for number in range(1, channels + 1))


def from_rgb(rgb: Array, space: str) -> list[Array]:
    """Convert colours to a space's three stored planes.

    A band of rows at a time: the conversion needs some ten arrays of float64.
    """
    dtype = np.float64 if rgb.dtype == np.float64 else np.float32
    planes = [np.empty(rgb.shape[:2], dtype) for _ in SPACES[space]]
    full = full_scale(rgb)
    for rows in bands(rgb, _CONVERTED_BYTES // 8 * rgb.itemsize):
        converted = _from_unit(rgb[rows] / full, space)
        for index, (plane, channel) in enumerate(zip(planes, SPACES[space], strict=True)):
            plane[rows] = converted[:, :, index] * channel.scale + channel.offset
    return planes


def _from_unit(unit: Array, space: str) -> Array:
    """Convert colours in 0..1 to scikit-image's values."""
    from skimage import color

    if space == "lch":
        converted: Array = color.lab2lch(color.rgb2lab(unit))
    else:
        converted = getattr(color, f"rgb2{_SKIMAGE.get(space, space)}")(unit)
    return converted


def to_rgb(planes: list[Array], space: str) -> Array:
    """Convert a space's planes to colours in 0..255."""
    from skimage import color

    converted = np.stack(
        [
            (plane.astype(np.float64) - channel.offset) / channel.scale
            for plane, channel in zip(planes, SPACES[space], strict=True)
        ],
        axis=-1,
    )
    if space == "lch":
        unit = color.lab2rgb(color.lch2lab(converted))
    else:
        unit = getattr(color, f"{_SKIMAGE.get(space, space)}2rgb")(converted)
    return (unit * 255).astype(np.float32)


#: Bytes of float64 to convert at a time.
_CONVERTED_BYTES = BAND_BYTES
#: Our name for a space to scikit-image's; its ycbcr is television's 16..235.
_SKIMAGE = {"ycbcr": "ypbpr"}


def full_scale(values: Array) -> float:
    """Return the full-scale value: 65535 of 16-bit images, else 255."""
    return 65535.0 if values.dtype == np.uint16 else 255.0
