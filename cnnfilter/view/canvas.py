"""Drawing on pixels: labels, enlarged maps, cells with numbers."""

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnfilter.core.arrays import Array
from cnnfilter.files.source import printable

#: Red, green, blue.
Colour = tuple[int, int, int]
BLACK, GREY, PALE, WHITE = (26, 26, 26), (110, 110, 110), (226, 226, 226), (255, 255, 255)


@lru_cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> int:
    """Measure a text in pixels."""
    return int(np.ceil(_font(size).getlength(printable(text))))


def fitted(text: str, size: int, width: int) -> str:
    """Shorten a text in its middle until it fits a width in pixels.

    Examples
    --------
    >>> fitted("sobel-x", 12, 100)
    'sobel-x'
    >>> fitted("a very long name indeed", 12, 60)
    'a ve…eed'
    """
    text = printable(text)
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(shorter, size) <= width:
            return shorter
    return text[:1] if text_width(text[:1], size) <= width else ""


class Canvas:
    """Pixels to draw on, at first white.

    Places are (x, y) from the upper left corner.

    Examples
    --------
    >>> canvas = Canvas(60, 20)
    >>> canvas.text((2, 2), "conv1")
    >>> canvas.pixels.shape
    (20, 60, 3)
    """

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), WHITE)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> Array:
        """What has been drawn so far: uint8, shape (H, W, 3)."""
        return np.array(self._image)

    def paste(self, at: tuple[int, int], colours: Array) -> None:
        """Put colours, uint8 of shape (H, W, 3), in their place."""
        self._image.paste(Image.fromarray(colours), at)

    def text(
        self,
        at: tuple[int, int],
        text: str,
        size: int = 12,
        colour: Colour = BLACK,
        anchor: str = "la",
    ) -> None:
        """Write a line; the anchor is Pillow's: left, middle or right; ascender, middle."""
        self._draw.text(at, printable(text), colour, _font(size), anchor)

    def box(
        self,
        at: tuple[int, int],
        size: tuple[int, int],
        *,
        outline: Colour | None = None,
        width: int = 1,
        fill: Colour | None = None,
    ) -> None:
        """Draw a rectangle; its outline lies around the width and height given."""
        (left, top), (across, down) = at, size
        if fill is not None:
            self._draw.rectangle((left, top, left + across - 1, top + down - 1), fill)
        if outline is not None:
            corners = left - width, top - width, left + across + width - 1, top + down + width - 1
            self._draw.rectangle(corners, outline=outline, width=width)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour) -> None:
        """Draw a thin line."""
        self._draw.line((start, end), colour)

    def triangle(self, *corners: tuple[int, int], colour: Colour) -> None:
        """Fill a triangle."""
        self._draw.polygon(corners, colour)


def enlarged(colours: Array, factor: int) -> Array:
    """Make every pixel a square.

    Examples
    --------
    >>> enlarged(np.zeros((2, 3, 3), np.uint8), 4).shape
    (8, 12, 3)
    """
    return colours.repeat(factor, axis=0).repeat(factor, axis=1)


def resized(colours: Array, height: int, width: int) -> Array:
    """Make a picture smaller, each pixel the mean of those that it stands for; or larger.

    Examples
    --------
    >>> resized(np.full((200, 300, 3), 7, np.uint8), 20, 30)[0, 0].tolist()
    [7, 7, 7]
    """
    whole = Image.fromarray(np.ascontiguousarray(colours))
    return np.asarray(whole.resize((width, height), Image.Resampling.BOX))


def ink(background: Colour) -> Colour:
    """Choose black or white, whichever reads better on a background.

    Examples
    --------
    >>> ink((255, 255, 200)), ink((5, 48, 97))
    ((26, 26, 26), (255, 255, 255))
    """
    red, green, blue = background
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


class Palette:
    """Few colours for many pictures, so that what stays the same stays so in all of them.

    Parameters
    ----------
    sample : ndarray
        A picture that has the colours of all: uint8, shape (H, W, 3).
    colours : int
        How many there are at the most.
    """

    def __init__(self, sample: Array, colours: int = 255) -> None:
        self._palette = Image.fromarray(sample).quantize(
            colours, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE
        )

    def __call__(self, pixels: Array) -> Array:
        """Give each pixel the nearest of the colours."""
        image = Image.fromarray(pixels)
        few = image.quantize(palette=self._palette, dither=Image.Dither.NONE)
        return np.asarray(few.convert("RGB"))


def as_pillow(pixels: Array) -> Image.Image:
    """Give a picture to whoever takes Pillow's."""
    return Image.fromarray(pixels)
