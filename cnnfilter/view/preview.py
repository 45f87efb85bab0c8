"""Pictures in the terminal: by its graphics if it has any, else by half blocks."""

import numpy as np
from rich.console import Console, RenderableType
from rich.text import Text

from cnnfilter.arrays import Array
from cnnfilter.layers.channels import gray
from cnnfilter.layers.resizing import resize
from cnnfilter.view.canvas import as_pillow

#: Pixels along a picture: at least as many as terminals draw.
LONGEST = 2048
#: Rows of the terminal that are left to the title and the prompt.
_SPARED = 3
#: From dark to light, for terminals without colours.
_SHADES = " ░▒▓█"


def preview(pixels: Array, console: Console) -> RenderableType:
    """Return a picture that fits a terminal.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3).
    console : rich.console.Console
    """
    height = max(4, console.height - _SPARED)
    drawn = graphics(pixels, console.width, height)
    if drawn is not None:
        return drawn
    coloured = console.color_system is not None and not console.no_color
    return half_blocks(pixels, console.width, height, colours=coloured)


def graphics(pixels: Array, width: int, height: int) -> RenderableType | None:
    """Draw by kitty's or sixel graphics, if any."""
    try:
        # The import asks the terminal what it can do.
        from textual_image.renderable import Image, SixelImage, TGPImage
    except ImportError:
        return None
    if Image not in (SixelImage, TGPImage):
        return None
    rows, columns = pixels.shape[:2]
    # A cell is about twice as high as it is wide.
    factor = min(width / columns, 2 * height / rows)
    return Image(as_pillow(pixels), width=max(1, int(columns * factor)), height="auto")


def half_blocks(pixels: Array, width: int, height: int, *, colours: bool = True) -> Text:
    """Draw a picture by half-block characters.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3).
    width, height : int
        Columns and rows that the picture is fitted to.
    colours : bool
        False for shades of grey by characters alone, one for each pixel.

    Examples
    --------
    >>> half_blocks(np.zeros((2, 1, 3), np.uint8), 1, 1).plain
    '▀'
    """
    if not colours:
        # A character is twice as high as it is wide.
        shades = gray(fitted(pixels, width // 2, height)) // 52
        return Text("\n".join("".join(_SHADES[shade] * 2 for shade in row) for row in shades))
    small = fitted(pixels, width, 2 * height)
    if len(small) % 2:
        small = np.concatenate([small, small[-1:]])
    text = Text()
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", f"rgb({_triple(above)}) on rgb({_triple(below)})")
        text.append("\n")
    text.right_crop(1)
    return text


def fitted(pixels: Array, width: int, height: int) -> Array:
    """Resize a picture, by integer factors if larger.

    Examples
    --------
    >>> fitted(np.zeros((8, 8, 3), np.uint8), 20, 17).shape
    (16, 16, 3)
    """
    rows, columns = pixels.shape[:2]
    factor = min(width / columns, height / rows)
    if factor >= 1:
        return pixels.repeat(int(factor), axis=0).repeat(int(factor), axis=1)
    size = max(1, round(rows * factor)), max(1, round(columns * factor))
    return resize(pixels, size, aspect="stretch")


def _triple(colour: list[int]) -> str:
    return ",".join(map(str, colour))
