"""GIFs by Pillow: frames that stay within a bound, and palettes with a transparent colour."""

from collections.abc import Sequence
from itertools import product
from typing import BinaryIO

from PIL import Image as Pillow
from PIL.GifImagePlugin import GifImageFile

from cnnfilter.arrays import Array
from cnnfilter.files.image import check_pixels

#: GIF89a, 23: the disposal that restores the background's colour.
_TO_BACKGROUND = 2
#: The last colour, which is transparent.
_TRANSPARENT = 255


class BoundedGif(GifImageFile):
    """A GIF whose frames have a bounded number of pixels.

    Pillow enlarges a picture to hold a frame's rectangle, and takes memory for both before it
    returns from a seek. So each size is checked where Pillow sets it.

    Parameters
    ----------
    file : binary file
    max_pixels : int

    Raises
    ------
    ContentError
        If the first frame has more; a later one when it is sought.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        super().__init__(file, "")

    def _seek(self, frame: int, update_image: bool = True) -> None:
        super()._seek(frame, update_image)
        if not update_image or self.dispose is None or self.disposal_method != _TO_BACKGROUND:
            return
        transparency = self.info.get("transparency", self._frame_transparency)
        if transparency is None and self.mode in ("RGB", "RGBA") and self.global_palette:
            # The background's number is one of the file's palette; Pillow takes the frame's own.
            at = 3 * self.info.get("background", 0)
            colour = tuple(self.global_palette.palette[at : at + 3])
            if len(colour) == 3:
                self.dispose.paste(colour, (0, 0, *self.dispose.size))

    @property
    def _size(self) -> tuple[int, int]:
        return self._checked_size

    @_size.setter
    def _size(self, size: tuple[int, int]) -> None:
        width, height = size
        check_pixels(height, width, self._max_pixels)
        self._checked_size = size


def indexed(pixels: Array, alpha: Array) -> Pillow.Image:
    """Choose the other 255 colours."""
    clear = alpha == 0
    if not clear.all():
        pixels = pixels.copy()
        pixels[clear] = pixels[~clear][0]  # no colour that is not seen
    picture = Pillow.fromarray(pixels).convert("RGB")
    picture = picture.convert("P", palette=Pillow.Palette.ADAPTIVE, colors=_TRANSPARENT)
    picture.paste(_TRANSPARENT, mask=Pillow.fromarray(clear))
    picture.info["transparency"] = _TRANSPARENT
    return picture


def clear_by_unused_colour(pictures: Sequence[Pillow.Image]) -> None:
    """Set the transparent colour to one that no frame has.

    Pillow leaves out of a frame what has the colour that it takes for the background's.
    """
    palettes = [(picture.getpalette() or [])[: 3 * _TRANSPARENT] for picture in pictures]
    used = {tuple(colors[at : at + 3]) for colors in palettes for at in range(0, len(colors), 3)}
    unused = next(color for color in product(range(256), repeat=3) if color not in used)
    for picture, palette in zip(pictures, palettes, strict=True):
        picture.putpalette([*palette, *(3 * _TRANSPARENT - len(palette)) * [0], *unused])
