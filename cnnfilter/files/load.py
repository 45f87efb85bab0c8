"""Reading an image, whatever its format."""

from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from cnnfilter.core.arrays import Array, as_image
from cnnfilter.errors import FileError, ShapeError
from cnnfilter.files import tiff
from cnnfilter.files.images import MAX_PIXELS, Image, check_pixels, read_picture
from cnnfilter.files.source import ContentError, opened, reason, shown

_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK\x03\x04"
_TEXT_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".json": "json"}


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture or a matrix; what it is is told from its bytes.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard input.
    max_pixels : int
        More are taken for a decompression bomb.

    Raises
    ------
    FileError
        If it cannot be read; the message names the file.
    """
    with opened(path) as file:
        try:
            return _read(file, PurePath(path).suffix.lower(), max_pixels)
        except (ContentError, ShapeError) as error:
            raise FileError(f"{shown(path)}: {error}") from None
        except OSError as error:
            raise FileError(f"{shown(path)}: {reason(error)}") from None


def _read(file: BinaryIO, suffix: str, max_pixels: int) -> Image:
    head = file.read(512)
    file.seek(0)
    if not head:
        raise ContentError("is empty")
    if matrix := _sniffed_matrix(head) or _TEXT_SUFFIXES.get(suffix):
        # Pictures are read without this.
        from cnnfilter.files.matrices import read_matrix

        numbers = as_image(read_matrix(file, matrix, max_pixels))
        check_pixels(numbers.shape[0], numbers.shape[1], max_pixels)
        return Image(numbers, format=matrix)
    if head.startswith(tiff.MAGIC) and (image := tiff.read_numbers(file, max_pixels)):
        return image
    file.seek(0)
    return read_picture(file, max_pixels)


def _sniffed_matrix(head: bytes) -> str | None:
    """Tell a matrix's format from a file's first bytes; None if it is none."""
    if head.startswith(_NPY_MAGIC):
        return "npy"
    if head.startswith(_ZIP_MAGIC):
        return "npz"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return "json"
    if text and set(text) <= set(b"0123456789+-.eEnaifNAIF,;\t \r\n"):
        return "tsv" if b"\t" in text else "csv"
    return None


def read_image(path: str | Path) -> Array:
    """Read an image: its pixels as they are stored.

    Parameters
    ----------
    path : str or Path
        A picture (PNG, JPEG, TIFF, WebP, BMP, GIF, PPM, JPEG 2000, AVIF) or a matrix
        (.npy, .npz, .csv, .tsv, .json, float TIFF); told from its bytes.

    Returns
    -------
    ndarray
        Shape (H, W) or (H, W, C), alpha last. uint8, uint16 for 16-bit images, what the
        file holds for matrices. EXIF's orientation is applied; palette, CMYK, LAB and
        1-bit images become RGB or grey.

    Raises
    ------
    FileError
        If it cannot be read.

    Examples
    --------
    >>> read_image("sample_images/padlock-16x16.png").shape
    (16, 16)
    """
    image = read(path)
    return image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
