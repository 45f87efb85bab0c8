"""Pixels to draw on: labels, enlarged and reduced pictures, few colours."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnfilter.arrays import Array
from cnnfilter.text import printable

#: Red, green, blue.
Colour = tuple[int, int, int]
BLACK, GREY, PALE, WHITE = (26, 26, 26), (110, 110, 110), (226, 226, 226), (255, 255, 255)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> int:
    """Return the width of a text in pixels."""
    return int(np.ceil(_font(size).getlength(printable(text))))


def fitted(text: str, size: int, width: int) -> str:
    """Cut the middle of a text until it fits.

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
    """Pixels to draw on, white at first.

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
        """The drawing so far: uint8, shape (H, W, 3)."""
        return np.array(self._image)

    def paste(self, at: tuple[int, int], colours: Array) -> None:
        """Put colours on the canvas."""
        self._image.paste(Image.fromarray(colours), at)

    def text(
        self,
        at: tuple[int, int],
        text: str,
        size: int = 12,
        colour: Colour = BLACK,
        anchor: str = "la",
    ) -> None:
        """Write a line of text at an anchor of Pillow's."""
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
        """Draw a rectangle; the outline surrounds the size."""
        (left, top), (across, down) = at, size
        if fill is not None:
            self._draw.rectangle((left, top, left + across - 1, top + down - 1), fill)
        if outline is not None:
            corners = left - width, top - width, left + across + width - 1, top + down + width - 1
            self._draw.rectangle(corners, outline=outline, width=width)


def enlarged(colours: Array, factor: int) -> Array:
    """Repeat every pixel, as a square.

    Examples
    --------
    >>> enlarged(np.zeros((2, 3, 3), np.uint8), 4).shape
    (8, 12, 3)
    """
    return colours.repeat(factor, axis=0).repeat(factor, axis=1)


def reduced_size(shape: Sequence[int], longest: int) -> tuple[int, int]:
    """Return a size that fits a picture's longer side.

    Examples
    --------
    >>> reduced_size((4000, 6000, 3), 2048), reduced_size((30, 40), 2048)
    ((1365, 2048), (30, 40))
    """
    height, width = shape[:2]
    factor = min(1, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def reduced(bands: Iterable[Array], shape: Sequence[int], size: tuple[int, int]) -> Array:
    """Reduce a picture that comes in bands.

    Examples
    --------
    >>> bands = np.full((200, 300, 3), 7, np.uint8), np.full((100, 300, 3), 7, np.uint8)
    >>> reduced(bands, (300, 300), (20, 30)).shape
    (20, 30, 3)
    """
    small = Reducing(shape, *size)
    for band in bands:
        small.add(band)
    return small.picture


class Reducing:
    """A picture that is reduced while it comes, in bands of rows.

    Each pixel becomes the mean of those that it covers, along the rows first and then down the
    columns. Pillow's box filter differs by at most 1 in 255 where it works in the other order.
    Only a few rows are held, already narrow.

    Parameters
    ----------
    shape : tuple of int
        The picture's; its height and width count.
    height, width : int
        The new size; it never exceeds the old one.

    Examples
    --------
    >>> small = Reducing((4, 4), 2, 2)
    >>> small.add(np.zeros((2, 4, 3), np.uint8))
    >>> small.add(np.full((2, 4, 3), 200, np.uint8))
    >>> small.picture[:, 0, 0].tolist()
    [0, 200]
    """

    def __init__(self, shape: Sequence[int], height: int, width: int) -> None:
        height, width = min(height, shape[0]), min(width, shape[1])
        self.picture = np.empty((height, width, 3), np.uint8)
        self._spans = _spans(shape[0], height)
        self._pending = np.empty((0, width, 3), np.uint8)
        # Rows before the pending ones, and rows of the result that are done.
        self._dropped = self._done = 0

    def add(self, colours: Array) -> None:
        """Add the next rows, if any."""
        if not len(colours):
            return
        narrow = _reduced(colours, len(colours), self.picture.shape[1])
        self._pending = np.concatenate([self._pending, narrow])
        received = self._dropped + len(self._pending)
        while self._done < len(self._spans) and self._spans[self._done][1] <= received:
            first, end = (place - self._dropped for place in self._spans[self._done])
            self.picture[self._done] = _mean(self._pending[first:end])
            self._done += 1
        if self._done < len(self._spans):
            kept = min(received, self._spans[self._done][0])
            self._pending = self._pending[kept - self._dropped :].copy()
            self._dropped = kept


def _spans(length: int, size: int) -> list[tuple[int, int]]:
    """Return the rows that each reduced row covers."""
    factor = length / size
    centers = (np.arange(size) + 0.5) * factor
    starts = np.maximum(0, (centers - 0.5 * factor + 0.5).astype(int))
    ends = np.minimum(length, (centers + 0.5 * factor + 0.5).astype(int))
    # Correct for rounding: an edge on a row's middle belongs to the row above.
    starts += (starts - centers + 0.5) * (1 / factor) <= -0.5
    ends -= (ends - 1 - centers + 0.5) * (1 / factor) > 0.5
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _mean(rows: Array) -> Array:
    """Return the mean of rows, rounded as in Pillow."""
    share = np.uint32(2**22 / len(rows) + 0.5)
    return (rows.sum(axis=0, dtype=np.uint32) * share + np.uint32(2**21)) >> 22


def _reduced(colours: Array, height: int, width: int) -> Array:
    """Return pixels as means of covered pixels."""
    if colours.shape[:2] == (height, width):
        return colours
    whole = Image.fromarray(np.ascontiguousarray(colours))
    return np.asarray(whole.resize((width, height), Image.Resampling.BOX))


def ink(background: Colour) -> Colour:
    """Return black or white, whichever reads better on a background.

    Examples
    --------
    >>> ink((255, 255, 200)), ink((5, 48, 97))
    ((26, 26, 26), (255, 255, 255))
    """
    red, green, blue = background
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


class Palette:
    """One palette for all frames, so that static areas do not flicker.

    Parameters
    ----------
    sample : ndarray
        A picture with the colours of all frames: uint8, shape (H, W, 3).
    colours : int
        The most colours.
    """

    def __init__(self, sample: Array, colours: int = 255) -> None:
        self._palette = Image.fromarray(sample).quantize(
            colours, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE
        )

    def __call__(self, pixels: Array) -> Array:
        """Replace each pixel by the nearest colour."""
        image = Image.fromarray(pixels)
        few = image.quantize(palette=self._palette, dither=Image.Dither.NONE)
        return np.asarray(few.convert("RGB"))


def as_pillow(pixels: Array) -> Image.Image:
    """Return pixels as an image of Pillow's."""
    return Image.fromarray(pixels)
