"""GIFs by Pillow, within a bound: their frames may make them larger than their heads say."""

from typing import BinaryIO

from PIL.GifImagePlugin import GifImageFile

from cnnfilter.files.images import check_pixels


class BoundedGif(GifImageFile):
    """A GIF of which no frame may have more than so many pixels.

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
        file.seek(0)
        super().__init__(file, "")

    @property
    def _size(self) -> tuple[int, int]:
        return self._checked_size

    @_size.setter
    def _size(self, size: tuple[int, int]) -> None:
        width, height = size
        check_pixels(height, width, self._max_pixels)
        self._checked_size = size
