"""TIFFs that Pillow cannot hold, by tifffile: floats, 16-bit colour, any number of channels."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.image import Frames, Image, Metadata, blank, check_pixels, too_large
from cnnfilter.files.metadata import (
    UPRIGHT,
    checked_orientation,
)
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.pillow_reader import Pictures, decoding, known_compressions

if TYPE_CHECKING:
    from tifffile import TiffPage

#: How a TIFF begins that tifffile reads; Pillow reads odd ones, too.
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# TIFF 6.0's numbers: PhotometricInterpretation, and the tags read here.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
_ORIENTATION, _ICC_PROFILE = 274, 34675
_ZSTD = 50000

#: Bytes of pages whose offsets surely fit 32 bits; larger ones become a BigTIFF.
MAX_CLASSIC = 2**32 - 2**25


class Pages:
    """The pages of an open TIFF, by tifffile if Pillow cannot read them, or only in 8 bits.

    Parameters
    ----------
    file : binary file
        It stays open as long as pages are read.
    max_pixels : int
        The most that a page may have.

    Raises
    ------
    ContentError
        If it is broken.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        import tifffile

        self._file, self._max_pixels = file, max_pixels
        self._decoding = partial(decoding, tifffile.TiffFileError)
        with self._decoding():
            self._pages = tifffile.TiffFile(file).pages
            self._count = len(self._pages)
        if not self._count:
            raise ContentError("holds no pages; export or copy it again")

    def __len__(self) -> int:
        return self._count

    @property
    def pixels(self) -> int:
        """Number of pixels of all pages."""
        with self._decoding():
            pages = map(self._page, range(self._count))
            return sum(page.imagelength * page.imagewidth for page in pages)

    def _page(self, number: int) -> "TiffPage":
        return cast("TiffPage", self._pages[number])

    @cached_property
    def _pictures(self) -> Pictures:
        return Pictures(self._file, self._max_pixels)

    def read(self, number: int = 0) -> Image:
        """Decode a page, upright, print colours turned to RGB.

        Raises
        ------
        ContentError
            If it is broken or has too many pixels.
        """
        with self._decoding():
            page = self._own(number)
            if page is None:
                image = self._by_pillow(number, lambda: self._pictures.read(number))
                return replace(image, frames=len(self))
            return self._image(page, _numbers(page.asarray()))

    def head(self) -> Image:
        """Return the first page with blank pixels.

        Raises
        ------
        ContentError
            If it is broken or has too many pixels.
        """
        with self._decoding():
            page = self._own(0)
            if page is None:
                return replace(self._by_pillow(0, self._pictures.head), frames=len(self))
            # The array, and a strip or tile of it as it comes out of its compression.
            parts = 0 if page.is_contiguous else 2 * page.nbytes // max(1, len(page.dataoffsets))
            reading = page.nbytes + parts
            dtype = page.dtype if page.dtype is not None and page.dtype != np.bool_ else np.uint8
            image = self._image(page, blank(page.shape, dtype))
            return image.blanked(reading + piped_bytes(self._file))

    def _by_pillow(self, number: int, read: Callable[[], Image]) -> Image:
        """Read a page by Pillow, if it can."""
        page = self._page(number)
        if int(page.compression) not in known_compressions():
            name = getattr(page.compression, "name", f"method {page.compression}")
            raise ContentError(
                f"is a TIFF compressed with {name}, which is not supported; export it as png or tif"
            )
        image = read()
        notes = image.notes if image.alpha is not None else (*image.notes, *_left_out(page))
        return replace(image, notes=notes, frames=len(self))

    def _own(self, number: int) -> "TiffPage | None":
        """Return a page that tifffile must read, if any."""
        page = self._page(number)
        if _is_for_pillow(page):
            return None
        if page.dtype is not None and page.dtype.kind == "c":
            raise ContentError("holds complex numbers; write its magnitude or its real part")
        check_pixels(page.imagelength, page.imagewidth, self._max_pixels)
        if page.nbytes > 16 * self._max_pixels:
            raise too_large(f"{page.samplesperpixel} channels unfold to {page.nbytes} bytes")
        return page if _is_known_compression(page) else None

    def _image(self, page: "TiffPage", pixels: Array) -> Image:
        """Return an image of a page's pixels."""
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        orientation, odd = checked_orientation(page.tags.valueof(_ORIENTATION, UPRIGHT))
        notes = (odd,) if odd else ()
        pixels = _upright(pixels, orientation)
        if pixels.dtype not in (np.uint8, np.uint16):
            return Image(pixels, format="float", notes=notes, frames=len(self))
        profile = page.tags.valueof(_ICC_PROFILE)
        metadata = Metadata(icc_profile=profile) if isinstance(profile, bytes) else Metadata()
        photometric = int(page.photometric)
        if photometric == _WHITE_IS_ZERO:
            pixels = np.iinfo(pixels.dtype).max - pixels
        if photometric == _CMYK:
            pixels, metadata = _rgb_of_cmyk(pixels), Metadata()
        alpha = None
        colours = pixels.shape[2] if pixels.ndim == 3 else 1
        if page.extrasamples and photometric in (_BLACK_IS_ZERO, _RGB) and colours in (2, 4):
            alpha = pixels[:, :, -1]
            pixels = pixels[:, :, 0] if colours == 2 else pixels[:, :, :3]
        return Image(pixels, alpha, "tif", metadata, notes, len(self))


def open_frames(file: BinaryIO, max_pixels: int) -> Frames:
    """Open a TIFF; odd ones are Pillow's."""
    is_plain = file.read(4) in MAGIC
    file.seek(0)
    return Pages(file, max_pixels) if is_plain else Pictures(file, max_pixels)


def _is_for_pillow(page: "TiffPage") -> bool:
    samples, photometric = page.samplesperpixel, int(page.photometric)
    if page.dtype == np.bool_:
        return samples == 1
    if page.dtype == np.uint8:
        return samples <= 2 or (samples <= 4 and photometric > _BLACK_IS_ZERO)
    return page.dtype == np.uint16 and samples == 1 and photometric == _BLACK_IS_ZERO


def _left_out(page: "TiffPage") -> tuple[str, ...]:
    """Return a note of channels that Pillow drops."""
    number = sum(use == 0 for use in page.extrasamples)
    return (f"{number} channel(s) of no stated use: left out",) if number else ()


def _is_known_compression(page: "TiffPage") -> bool:
    """Return whether tifffile can decompress a page."""
    if page.compression == _ZSTD:
        return False  # Python has it only from 3.14 on
    try:
        page.decode(None, 0)
    except ValueError as error:
        if "imagecodecs" in str(error):
            return False
        raise
    return True


def _numbers(pixels: Array) -> Array:
    """Return bits as 0 and 255."""
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == np.bool_ else pixels


def _upright(pixels: Array, orientation: int) -> Array:
    """Apply EXIF's orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _rgb_of_cmyk(inks: Array) -> Array:
    """Turn print colours to RGB as Pillow does."""
    top = np.iinfo(inks.dtype).max
    left = (top - inks).astype(np.float64)
    return np.rint(left[:, :, :3] * left[:, :, 3:4] / top).astype(inks.dtype)
