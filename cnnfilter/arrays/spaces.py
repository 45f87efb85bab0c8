"""Colour spaces: how their channels are stored, and the way there and back."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import BAND_BYTES, bands


@dataclass(frozen=True)
class Channel:
    """One channel of a colour space, and how it is stored.

    Attributes
    ----------
    name : str
    meaning : str
        What is stored, with its range.
    scale, offset : float
        stored = offset + scale * scikit-image's value.
    signed : bool
        Whether values are signed by nature; as an image they are shifted by 128.
    neutral : tuple of float
        The pixel, as stored, in which this channel is seen alone when it is tinted.
    """

    name: str
    meaning: str
    scale: float
    offset: float
    signed: bool
    neutral: tuple[float, float, float]


def _unit(name: str, meaning: str, *neutral: float) -> Channel:
    """Describe a channel of scikit-image's 0..1, stored as 0..255."""
    return Channel(name, meaning, 255, 0, False, (neutral[0], neutral[1], neutral[2]))


def _signed(name: str, meaning: str, scale: float, *neutral: float) -> Channel:
    return Channel(name, meaning, scale, 0, True, (neutral[0], neutral[1], neutral[2]))


_LIGHTNESS = Channel("lightness", "0..255 for L* 0..100", 2.55, 0, False, (0, 0, 0))
_LUMA = _unit("luma", "0..255, ITU-R 601", 0, 0, 0)
# CIE XYZ of the white point D65, 2 degrees, to which the three channels are scaled.
_WHITE = {"x": 0.95047, "y": 1.0, "z": 1.08883}

#: Colour space to its three channels. What scikit-image converts and converts back.
SPACES: Mapping[str, tuple[Channel, Channel, Channel]] = {
    "rgb": (
        _unit("red", "as stored", 0, 0, 0),
        _unit("green", "as stored", 0, 0, 0),
        _unit("blue", "as stored", 0, 0, 0),
    ),
    "hsv": (
        _unit("hue", "0..255 for once round the colour circle", 0, 255, 255),
        _unit("saturation", "0..255 for 0..1", 0, 0, 255),
        _unit("value", "0..255 for 0..1", 0, 0, 0),
    ),
    "lab": (
        _LIGHTNESS,
        _signed("a", "a* itself, about -86..98: green to red", 1, 178.5, 0, 0),
        _signed("b", "b* itself, about -108..94: blue to yellow", 1, 178.5, 0, 0),
    ),
    "lch": (
        _LIGHTNESS,
        Channel("chroma", "C* itself, 0 to about 134", 1, 0, False, (178.5, 0, 0)),
        Channel("hue", "0..255 for 0..360 degrees", 255 / (2 * np.pi), 0, False, (178.5, 60, 0)),
    ),
    "luv": (
        _LIGHTNESS,
        _signed("u", "u* itself, about -83..175: green to red", 1, 178.5, 0, 0),
        _signed("v", "v* itself, about -134..108: blue to yellow", 1, 178.5, 0, 0),
    ),
    "xyz": (
        Channel("x", "0..255 for 0..0.95047", 255 / _WHITE["x"], 0, False, (0, 0, 0)),
        Channel("y", "0..255 for 0..1: luminance", 255 / _WHITE["y"], 0, False, (0, 0, 0)),
        Channel("z", "0..255 for 0..1.08883", 255 / _WHITE["z"], 0, False, (0, 0, 0)),
    ),
    "ycbcr": (
        Channel("luma", "0..255, ITU-R 601", 255, 0, False, (0, 128, 128)),
        Channel("cb", "0..255, 128 is neutral: JPEG's", 255, 128, False, (128, 0, 128)),
        Channel("cr", "0..255, 128 is neutral: JPEG's", 255, 128, False, (128, 128, 0)),
    ),
    "yuv": (
        _LUMA,
        _signed("u", "255 times U, about -111..111", 255, 128, 0, 0),
        _signed("v", "255 times V, about -157..157", 255, 128, 0, 0),
    ),
    "yiq": (
        _LUMA,
        _signed("i", "255 times I, about -152..152", 255, 128, 0, 0),
        _signed("q", "255 times Q, about -133..133", 255, 128, 0, 0),
    ),
}


def from_rgb(rgb: Array, space: str) -> list[Array]:
    """Convert colours of shape (H, W, 3) to a space's three planes, as it stores them.

    A band of rows at a time: the conversion takes some ten arrays of float64.
    """
    planes = [np.empty(rgb.shape[:2], np.float32) for _ in SPACES[space]]
    whole = full_scale(rgb)
    for rows in bands(rgb, _CONVERTED_BYTES // 8 * rgb.itemsize):
        converted = _from_unit(rgb[rows] / whole, space)
        for index, (plane, channel) in enumerate(zip(planes, SPACES[space], strict=True)):
            plane[rows] = converted[:, :, index] * channel.scale + channel.offset
    return planes


def _from_unit(unit: Array, space: str) -> Array:
    """Convert colours in 0..1 to what scikit-image makes of them."""
    from skimage import color

    if space == "lch":
        converted: Array = color.lab2lch(color.rgb2lab(unit))
    else:
        converted = getattr(color, f"rgb2{_SKIMAGE.get(space, space)}")(unit)
    return converted


def to_rgb(planes: list[Array], space: str) -> Array:
    """Convert a space's three planes to colours of shape (H, W, 3) in 0..255."""
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


#: About one core's share of the cache: what of float64 is converted at a time.
_CONVERTED_BYTES = BAND_BYTES
#: Our name for a space to scikit-image's; its ycbcr is television's 16..235.
_SKIMAGE = {"ycbcr": "ypbpr"}


def full_scale(values: Array) -> float:
    """Give the value that means all: 65535 in 16-bit images, else 255."""
    return 65535.0 if values.dtype == np.uint16 else 255.0
