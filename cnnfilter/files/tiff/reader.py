"""TIFFs, page by page: by Pillow what it reads exactly, by tifffile all else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.format import EXTRAS, install, is_installed
from cnnfilter.files.image import Frames, Image, check_pixels, too_large
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.pillow.reader import Pictures, decoding, numbers_held
from cnnfilter.files.tiff.metadata import metadata_of
from cnnfilter.files.tiff.page import (
    BLACK_IS_ZERO,
    CMYK,
    LAB,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Meaning,
    bits_of,
    blank_of,
    colours_of,
    image_of,
    number_of,
    without_data,
)
from cnnfilter.files.tiff.pages import PageFile, shown_pages
from cnnfilter.files.tiff.stack import stack_of

if TYPE_CHECKING:
    from tifffile import TiffPage

#: How a TIFF begins that tifffile reads; Pillow reads odd ones, too.
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# TIFF 6.0's and later numbers of Compression.
_ZSTD, _ZSTD_OLD = 50000, 34926
#: Those that Pillow decodes in any build: none, CCITT, LZW, JPEG, Deflate, PackBits.
_PILLOWS = (1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946)
#: Those that it decodes in some builds, too.
_PERHAPS_PILLOWS = (*_PILLOWS, _ZSTD)
#: Those that become RGB while they are decoded.
_INTO_RGB = (6, 7, 33003, 33004, 33005, 33007, 34712, 34892)
_UNASSOCIATED = 2
_NO_DATA = 42113

#: The samples of 8 bits, and the uses of extra samples, that Pillow decodes exactly.
_EXACT: Mapping[int, tuple[tuple[int, tuple[int, ...]], ...]] = {
    WHITE_IS_ZERO: ((1, ()),),
    BLACK_IS_ZERO: ((1, ()), (2, (_UNASSOCIATED,))),
    RGB: ((3, ()), (4, (_UNASSOCIATED,))),
    PALETTE: ((1, ()), (2, (_UNASSOCIATED,))),
    CMYK: ((4, ()),),
    YCBCR: ((3, ()), (1, ())),
    LAB: ((3, ()),),
}
#: By bits and kind of a grey page's numbers, the mode of Pillow that holds them, and the type
#: that they are taken for there.
_HELD = {
    (16, "u"): ("I;16", "u2"), (12, "u"): ("I;16", "u2"), (16, "i"): ("I", "i4"),
    (32, "u"): ("I", "u4"), (32, "i"): ("I", "i4"), (32, "f"): ("F", "f4"), (8, "i"): ("L", "i1"),
    (2, "u"): ("L", "u1"), (4, "u"): ("L", "u1"),
}  # fmt: skip
#: What Pillow multiplies numbers of few bits by.
_STRETCHED = {2: 85, 4: 17}
#: Those that Pillow decodes in either byte order.
_ANY_ORDER = ((16, "u"), (12, "u"), (8, "i"), (2, "u"), (4, "u"))
#: What is one number of every page.
_NUMBERS = (
    "imagelength", "imagewidth", "imagedepth", "samplesperpixel", "photometric", "compression",
    "predictor", "planarconfig",
)  # fmt: skip
#: Compressions with which libtiff, and so Pillow, heeds a predictor.
_PREDICTED = (5, 8, 32946, 34925, 50000)


class Pages:
    """The pages of an open TIFF.

    Parameters
    ----------
    file : binary file
        It stays open as long as pages are read.
    max_pixels : int
        The most that a page may have.

    Raises
    ------
    ContentError
        If it is broken, or camera raw.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        import tifffile

        self._file, self._max_pixels = file, max_pixels
        with decoding():
            self._tiff = tifffile.TiffFile(file)
            self._pages = self._tiff.pages
            shown, self._has_masks = shown_pages(file)
            #: Where pages stand among all, with masks and reduced copies.
            self._numbers = [number for number in shown if number < len(self._pages)]
            stack = stack_of(self._tiff)
            pages = 0 if stack is None else prod(stack.shape)
            #: Of a stack of which the first page alone has a directory, the others follow it.
            self._is_condensed = len(self._numbers) == 1 and pages > 1
            if self._is_condensed:
                self._numbers *= pages
            self._stack = stack if 1 < pages == len(self._numbers) else None
        if not self._numbers:
            raise ContentError("holds no pages; export or copy it again")

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def pixels(self) -> int:
        """Number of pixels of all pages."""
        with decoding():
            pages = map(self._page, range(len(self)))
            return sum(page.imagelength * page.imagewidth for page in pages)

    def _page(self, number: int) -> "TiffPage":
        page = cast("TiffPage", self._pages[self._numbers[number]]).aspage()
        numbers = (*(getattr(page, name) for name in _NUMBERS), *page.extrasamples)
        if not all(isinstance(number, int) for number in numbers):  # lists in corrupt files
            raise ContentError("corrupt or truncated; export or copy it again")
        return page

    def _pictures(self, page: "TiffPage") -> Pictures:
        """Open a page by Pillow."""
        file = cast("BinaryIO", PageFile(self._file, page.offset))
        return Pictures(file, self._max_pixels, only_first=True)

    def read(self, number: int = 0) -> Image:
        """Decode a page, upright, print colours turned to RGB.

        Raises
        ------
        ContentError
            If it is broken, has too many pixels, or needs an extra.
        """
        with decoding():
            page = self._page(number)
            if _is_for_pillow(page) and not self._is_condensed:
                image = self._pillows(page, lambda: self._pictures(page).read())
                return self._described(page, _by_alpha(page, image))
            meaning, notes = Meaning.of(page)
            self._check_size(page)
            if self._is_condensed:
                image = image_of(page, meaning, self._following(page, number))
            elif _is_decoded(page):
                image = image_of(page, meaning, _samples(page))
            else:
                image = self._by_pillow(page, meaning)
            return self._described(page, image, notes)

    def head(self) -> Image:
        """Return the first page with blank pixels.

        Raises
        ------
        ContentError
            If it is broken, has too many pixels, or needs an extra.
        """
        with decoding():
            page = self._page(0)
            if _is_for_pillow(page):
                image = self._pillows(page, lambda: self._pictures(page).head())
                image = self._described(page, _by_alpha(page, image))
                return replace(image, metadata={})
            meaning, notes = Meaning.of(page)
            self._check_size(page)
            if not _is_decoded(page):
                self._check_held(page, meaning)
            # The array, and a strip or tile of it as it comes out of its compression.
            parts = 0 if page.is_contiguous else 2 * page.nbytes // max(1, len(page.dataoffsets))
            image = self._described(page, blank_of(page, meaning), notes)
            samples = (1 + meaning.copies) * page.nbytes
            return image.blanked(samples + parts + piped_bytes(self._file))

    @staticmethod
    def _pillows(page: "TiffPage", read: Callable[[], Image]) -> Image:
        """Read a page by Pillow, whose build may lack the compression."""
        if int(page.compression) in _PILLOWS:
            return read()
        try:
            return read()
        except ContentError:
            raise ContentError(_lack(page)) from None

    def _described(self, page: "TiffPage", image: Image, notes: tuple[str, ...] = ()) -> Image:
        """Add a page's metadata to its image."""
        metadata, more = metadata_of(page, self._file)
        if page.photometric in (CMYK, LAB):
            metadata.pop("icc_profile", None)  # which was of inks, and pixels are RGB
        if self._stack is not None:
            metadata["stack"] = self._stack
        if int(page.photometric) == CMYK:  # they are RGB now
            metadata.pop("icc_profile", None)
        if "no_data" in image.metadata:
            metadata["no_data"] = image.metadata["no_data"]
        if "is_premultiplied" in image.metadata:
            metadata["is_premultiplied"] = image.metadata["is_premultiplied"]
        if "rgb_bands" in image.metadata:
            metadata["rgb_bands"] = image.metadata["rgb_bands"]
        if self._has_masks:
            more = (*more, "its mask is left out")
        notes = tuple(dict.fromkeys((*notes, *image.notes, *more)))
        return replace(image, metadata=metadata, notes=notes, frames=len(self))

    def _check_size(self, page: "TiffPage") -> None:
        check_pixels(page.imagelength, page.imagewidth, self._max_pixels)
        if page.nbytes > 16 * self._max_pixels:
            raise too_large(f"{page.samplesperpixel} channels unfold to {page.nbytes} bytes")

    def _following(self, page: "TiffPage", number: int) -> Array:
        """Return the samples of a page behind the only one with a directory."""
        if not page.is_contiguous or page.dtype is None:
            raise ContentError("a stack of one directory is compressed; export or copy it again")
        self._file.seek(page.dataoffsets[0] + number * page.nbytes)
        content = self._file.read(page.nbytes)
        if len(content) < page.nbytes:
            raise ContentError("corrupt or truncated; export or copy it again")
        stored = np.frombuffer(content, page.dtype.newbyteorder(self._tiff.byteorder))
        return stored.reshape(page.shape).astype(page.dtype)

    def _check_held(self, page: "TiffPage", meaning: Meaning) -> None:
        """Refuse a page that neither tifffile nor Pillow decodes exactly."""
        kind = meaning.bits, meaning.dtype.kind
        is_grey = page.samplesperpixel == 1 and meaning.photometric in (0, 1)
        # Pillow takes the bytes of compressed numbers for swapped, where they are not any more.
        is_swapped = self._tiff.byteorder == ">" and kind not in _ANY_ORDER
        if (
            not is_grey
            or is_swapped
            or kind not in _HELD
            or int(page.compression) not in _PERHAPS_PILLOWS
            or not _is_opened(page)
            or not _is_predicted_alike(page)
        ):
            raise ContentError(_lack(page))

    def _by_pillow(self, page: "TiffPage", meaning: Meaning) -> Image:
        """Return a grey page that Pillow holds exactly."""
        self._check_held(page, meaning)
        mode, dtype = _HELD[meaning.bits, meaning.dtype.kind]
        try:
            found, held = numbers_held(cast("BinaryIO", PageFile(self._file, page.offset)))
        except SyntaxError:  # a photometric that it lacks
            raise ContentError(_lack(page)) from None
        if not found.startswith(mode):
            raise ContentError(_lack(page))
        if meaning.bits in _STRETCHED:
            held = held // np.uint8(_STRETCHED[meaning.bits])
            if meaning.photometric == WHITE_IS_ZERO and meaning.top:  # Pillow has turned it
                held = np.uint8(meaning.top) - held
        samples = held.view(dtype) if held.dtype.itemsize == np.dtype(dtype).itemsize else held
        return image_of(page, meaning, samples.astype(meaning.dtype), is_upright=True)


def open_frames(file: BinaryIO, max_pixels: int) -> Frames:
    """Open a TIFF; odd ones are Pillow's."""
    is_plain = file.read(4) in MAGIC
    file.seek(0)
    return Pages(file, max_pixels) if is_plain else Pictures(file, max_pixels)


def _is_for_pillow(page: "TiffPage") -> bool:
    """Return whether Pillow reads a page exactly."""
    samples, photometric = page.samplesperpixel, int(page.photometric)
    uses, compression = tuple(map(int, page.extrasamples)), int(page.compression)
    if not _is_opened(page) or not _is_predicted_alike(page) or _is_split(page):
        return False
    is_exact = (samples, uses) in _EXACT.get(photometric, ())
    if photometric in (YCBCR, LAB):
        return page.dtype == np.uint8 and is_exact and compression in _PERHAPS_PILLOWS
    if compression not in _PILLOWS:
        is_left = compression in _PERHAPS_PILLOWS and not _is_decoded(page)
        return is_left and page.dtype == np.uint8 and page.bitspersample == 8 and is_exact
    if page.dtype == np.bool_:
        return samples == 1 and photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, PALETTE)
    if photometric == PALETTE and is_exact and page.bitspersample in (1, 2, 4, 8):
        return _has_plain_palette(page)
    if page.bitspersample == 16:
        return page.dtype == np.uint16 and (samples, photometric) == (1, BLACK_IS_ZERO)
    return page.dtype == np.uint8 and page.bitspersample == 8 and is_exact


def _is_opened(page: "TiffPage") -> bool:
    """Return whether Pillow opens a page at all.

    It takes a big-endian BigTIFF for another TIFF, and a volume for its first slice.
    """
    is_odd = page.parent.is_bigtiff and page.parent.byteorder == ">"
    return not is_odd and page.imagedepth == 1


def _is_split(page: "TiffPage") -> bool:
    """Return whether grey and alpha are in planes."""
    return page.samplesperpixel == 2 and page.planarconfig != 1


def _is_predicted_alike(page: "TiffPage") -> bool:
    """Return whether Pillow undoes a page's prediction as tifffile does."""
    return page.predictor == 1 or int(page.compression) in _PREDICTED


def _by_alpha(page: "TiffPage", image: Image) -> Image:
    """Return Pillow's image, transparent without data."""
    number = number_of(page.tags.valueof(_NO_DATA), image.pixels.dtype)
    is_index = page.photometric == PALETTE
    return image if number is None or is_index else without_data(image, number)


def _has_plain_palette(page: "TiffPage") -> bool:
    """Return whether a palette's high bytes are all."""
    palette = colours_of(page)
    return palette.dtype == np.uint8 and (palette == np.asarray(page.colormap).T >> 8).all()


def _is_decoded(page: "TiffPage") -> bool:
    """Return whether tifffile decodes a page here."""
    if page.photometric == YCBCR and int(page.compression) not in _INTO_RGB:
        return False
    if page.compression in (_ZSTD, _ZSTD_OLD) and not is_installed(EXTRAS["codecs"]):
        return False  # Python has it only from 3.14 on
    try:
        page.decode(None, 0)
    except ValueError as error:
        if "imagecodecs" in str(error) or "not supported" in str(error):
            return False
        raise
    return not _needs_unpacking(page) or is_installed(EXTRAS["codecs"])


def _needs_unpacking(page: "TiffPage") -> bool:
    """Return whether a page has an odd number of bits."""
    return page.bitspersample not in (1, 8, 16, 32, 64, 128)


def _lack(page: "TiffPage") -> str:
    """Return what a page is, and the cure."""
    name = getattr(page.compression, "name", f"method {page.compression}")
    kind = f"compressed with {name}" if int(page.compression) != 1 else "not compressed"
    dtype = page.dtype
    numbers = "floats" if dtype is not None and dtype.kind == "f" else "integers"
    kind = f"a TIFF {kind}, of {bits_of(page) or 'unequal'}-bit {numbers}"
    if page.predictor != 1:
        kind += f" with predictor {int(page.predictor)}"
    if is_installed(EXTRAS["codecs"]):
        return f"is {kind}, which is not supported; export it as png or tif"
    return f"is {kind}, which needs an extra: {install('codecs')}"


def _samples(page: "TiffPage") -> Array:
    """Return a page's samples, shape (H, W) or (H, W, S)."""
    samples = page.asarray()
    return np.moveaxis(samples, 0, -1) if page.axes == "SYX" else samples
