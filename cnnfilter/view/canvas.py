"""Drawing on pixels: labels, enlarged maps, cells with numbers."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnfilter.arrays import Array
from cnnfilter.text import printable

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
    return _reduced(colours, height, width)


class Reducing:
    """A picture that comes in bands of rows, each made smaller as it comes.

    What comes out is what `resized` makes of the whole picture, along the rows first and then
    down the columns; at most 1 in 255 differs, where Pillow goes the other way round. Only a
    few rows are held, which are narrow already.

    Parameters
    ----------
    shape : tuple of int
        The picture's; its height and width count.
    height, width : int
        What it is made; where it is no larger, it stays as it is.

    Examples
    --------
    >>> whole = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    >>> small = Reducing((5, 4), 2, 2)
    >>> small.add(whole[:2])
    >>> small.add(whole[2:])
    >>> np.array_equal(small.picture, resized(whole, 2, 2))
    True
    """

    def __init__(self, shape: Sequence[int], height: int, width: int) -> None:
        height, width = min(height, shape[0]), min(width, shape[1])
        self.picture = np.empty((height, width, 3), np.uint8)
        self._spans = _spans(shape[0], height)
        self._pending = np.empty((0, width, 3), np.uint8)
        # How many rows went before those that are pending, and how many are done.
        self._gone = self._done = 0

    def add(self, colours: Array) -> None:
        """Take the next rows, if there are any: uint8, shape (h, W, 3)."""
        if not len(colours):
            return
        narrow = _reduced(colours, len(colours), self.picture.shape[1])
        self._pending = np.concatenate([self._pending, narrow])
        come = self._gone + len(self._pending)
        while self._done < len(self._spans) and self._spans[self._done][1] <= come:
            first, end = (place - self._gone for place in self._spans[self._done])
            self.picture[self._done] = _mean(self._pending[first:end])
            self._done += 1
        if self._done < len(self._spans):
            kept = min(come, self._spans[self._done][0])
            self._pending = self._pending[kept - self._gone :].copy()
            self._gone = kept


def _spans(length: int, size: int) -> list[tuple[int, int]]:
    """Return which rows each of fewer stands for: those whose middle lies in it, as in Pillow."""
    factor = length / size
    centers = (np.arange(size) + 0.5) * factor
    starts = np.maximum(0, (centers - 0.5 * factor + 0.5).astype(int))
    ends = np.minimum(length, (centers + 0.5 * factor + 0.5).astype(int))
    # An edge on a row's middle is that of the row's upper neighbour, were it not for rounding.
    starts += (starts - centers + 0.5) * (1 / factor) <= -0.5
    ends -= (ends - 1 - centers + 0.5) * (1 / factor) > 0.5
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _mean(rows: Array) -> Array:
    """Return the mean of rows, rounded as Pillow does, which multiplies by a 22-bit share."""
    share = np.uint32(2**22 / len(rows) + 0.5)
    return (rows.sum(axis=0, dtype=np.uint32) * share + np.uint32(2**21)) >> 22


def _reduced(colours: Array, height: int, width: int) -> Array:
    """Make each pixel the mean of those that it stands for."""
    if colours.shape[:2] == (height, width):
        return colours
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
