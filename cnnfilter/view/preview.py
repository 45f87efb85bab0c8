"""A picture of half blocks, for terminals that draw nothing finer."""

import numpy as np
from rich.text import Text

from cnnfilter.arrays import Array
from cnnfilter.layers.channels import gray
from cnnfilter.layers.resizing import resize

#: From dark to light, where there are no colours.
_SHADES = " ░▒▓█"


def half_blocks(pixels: Array, width: int, height: int, *, colours: bool = True) -> Text:
    """Draw a picture by characters whose upper and lower halves are a pixel each.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3).
    width, height : int
        Columns and rows of the terminal that it is fitted to.
    colours : bool
        False draws shades of grey by characters alone, a pixel each.

    Examples
    --------
    >>> half_blocks(np.zeros((2, 1, 3), np.uint8), 1, 1).plain
    '▀'
    """
    if not colours:
        # A character is twice as high as it is wide.
        shades = gray(fitted(pixels, width // 2, height)) // 52
        return Text("\n".join("".join(_SHADES[each] * 2 for each in row) for row in shades))
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
    """Bring a picture to the most that fits: reduced, or enlarged by a whole factor.

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
