"""Reading an image, whatever its format."""

from pathlib import Path, PurePath

import numpy as np

from cnnfilter.core.arrays import Array, as_image
from cnnfilter.errors import FileError, ShapeError
from cnnfilter.files.images import MAX_PIXELS, Image, read_picture
from cnnfilter.files.matrices import read_matrix, sniff_matrix
from cnnfilter.files.source import ContentError, opened, shown

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
            head = file.read(512)
            file.seek(0)
            if not head:
                raise ContentError("is empty")
            matrix = sniff_matrix(head) or _TEXT_SUFFIXES.get(PurePath(path).suffix.lower())
            if matrix is None:
                return read_picture(file, max_pixels)
            return Image(as_image(read_matrix(file, matrix, max_pixels)), format=matrix)
        except (ContentError, ShapeError) as error:
            raise FileError(f"{shown(path)}: {error}") from None


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
