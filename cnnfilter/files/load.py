"""Reading an image, whatever its format."""

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol, TypeVar

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_image
from cnnfilter.errors import ContentError, FileError, ShapeError
from cnnfilter.files import tiff
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.images import MAX_PIXELS, Image, Pictures, check_pixels, too_large
from cnnfilter.files.printed import attributed
from cnnfilter.files.source import opened, piped_bytes, reason
from cnnfilter.text import shown

_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK\x03\x04"
_TEXT_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".json": "json"}

_Result = TypeVar("_Result")


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture or a matrix; what it is is told from its bytes.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard input.
    max_pixels : int
        More are taken for a decompression bomb.

    Returns
    -------
    Image
        Of several frames or pages the first, which a note says.

    Raises
    ------
    FileError
        If it cannot be read; the message names the file.
    """
    with _opened_frames(path, max_pixels) as frames:
        return _noted(frames.read(0))


def read_head(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Tell what `read` would give, without decoding pixels where the format allows it.

    Parameters
    ----------
    path, max_pixels
        As of `read`.

    Returns
    -------
    Image
        Its pixels and alpha are blank and take no room; it has no metadata.

    Raises
    ------
    FileError
        If it cannot be read, as far as its head shows.
    """
    with _opened_frames(path, max_pixels) as frames:
        return _noted(frames.head())


def read_frames(
    path: str | Path, max_pixels: int = MAX_PIXELS, frame: int | None = None
) -> Generator[Image]:
    """Read the frames or pages of a file, one after the other.

    Parameters
    ----------
    path, max_pixels
        As of `read`; all frames that are asked for may have `max_pixels` together.
    frame : int, optional
        The number of the one that is wanted, from 0; all unless given.

    Yields
    ------
    Image
        Those of an animation have one size and are in colour or grey alike, where pages may
        differ; alpha may be None in some.

    Raises
    ------
    FileError
        If there is no such frame, or one cannot be read; the message names the file.
    """
    with _opened_frames(path, max_pixels) as frames:
        *others, last = _wanted(frames, frame, max_pixels)
        for number in others:
            yield frames.read(number)
        image = frames.read(last)
    # The decoder's own copy of the pixels goes before the last frame is worked on.
    del frames
    yield image


class _Frames(Protocol):
    """The frames of an open file."""

    def __len__(self) -> int:
        """Tell how many there are."""

    @property
    def pixels(self) -> int:
        """How many pixels they have together."""

    def read(self, number: int) -> Image:
        """Decode one."""

    def head(self) -> Image:
        """Give the first as it would be read, blank."""


@contextmanager
def _opened_frames(path: str | Path, max_pixels: int) -> Iterator[_Frames]:
    """Open a file; errors name it, those that come up while it is read, too."""
    with opened(path) as file:
        try:
            yield _frames(file, PurePath(path).suffix.lower(), max_pixels)
        except (ContentError, ShapeError) as error:
            raise FileError(f"{shown(path)}: {error}") from None
        except OSError as error:
            raise FileError(f"{shown(path)}: {reason(error)}") from None


def _frames(file: BinaryIO, suffix: str, max_pixels: int) -> _Frames:
    head = file.read(512)
    file.seek(0)
    if not head:
        raise ContentError("is empty")
    if matrix := _sniffed_matrix(head) or _TEXT_SUFFIXES.get(suffix):
        return _Matrix(file, matrix, max_pixels)
    kind = tiff.Pages if head.startswith(tiff.MAGIC) else Pictures
    return _Attributed(kind, file, max_pixels)


class _Attributed:
    """A picture's frames, opened afresh where what was printed may be another file's."""

    def __init__(
        self, kind: Callable[[BinaryIO, int], _Frames], file: BinaryIO, max_pixels: int
    ) -> None:
        self._kind, self._file, self._max_pixels = kind, file, max_pixels
        self._frames: _Frames
        attributed(self._open, lambda: None)

    def _open(self) -> None:
        self._file.seek(0)
        self._frames = self._kind(self._file, self._max_pixels)

    def _open_afresh(self) -> None:
        del self._frames  # a decoder's copy of the pixels goes before the next
        self._open()

    def _attributed(self, look: Callable[[_Frames], _Result]) -> _Result:
        return attributed(lambda: look(self._frames), self._open_afresh)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def pixels(self) -> int:
        """How many pixels all frames have together."""
        return self._attributed(lambda frames: frames.pixels)

    def read(self, number: int = 0) -> Image:
        return self._attributed(lambda frames: frames.read(number))

    def head(self) -> Image:
        return self._attributed(lambda frames: frames.head())


class _Matrix:
    """A matrix in an open file, as its one frame."""

    def __init__(self, file: BinaryIO, format: str, max_pixels: int) -> None:
        self._file, self._format, self._max_pixels = file, format, max_pixels

    def __len__(self) -> int:
        return 1

    @property
    def pixels(self) -> int:
        """How many it has shows when it is read."""
        return 0

    def read(self, number: int = 0) -> Image:
        # Pictures are read without this.
        from cnnfilter.files.matrices import read_matrix

        return self._image(read_matrix(self._file, self._format, self._max_pixels))

    def head(self) -> Image:
        from cnnfilter.files.matrices import read_array_head

        if self._format == "npy":
            image = self._image(read_array_head(self._file))
        else:
            image = self.read()
        file, values = self._file.seek(0, io.SEEK_END), image.pixels.size
        reading = FORMATS[self._format].reading_bytes(image.nbytes, 0, values, file)
        return image.blanked(reading + piped_bytes(self._file))

    def _image(self, matrix: Array) -> Image:
        numbers = as_image(matrix)
        check_pixels(numbers.shape[0], numbers.shape[1], self._max_pixels)
        return Image(numbers, format=self._format)


def _noted(image: Image) -> Image:
    """Say that there are other frames than this."""
    if image.frames == 1:
        return image
    return replace(image, notes=(*image.notes, f"the first of {image.frames} frames"))


def _wanted(frames: _Frames, frame: int | None, max_pixels: int) -> range:
    """Give the numbers of the frames that are asked for."""
    count = len(frames)
    if frame is None:
        if count > 1 and frames.pixels > max_pixels:
            raise too_large(
                f"{count} frames of {frames.pixels} pixels in all are more than {max_pixels}; "
                "--frame N takes one"
            )
        return range(count)
    if frame not in range(count):
        frames_ = "frame" if count == 1 else "frames"
        raise ContentError(f"has {count} {frames_}, numbered from 0; there is no frame {frame}")
    return range(frame, frame + 1)


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
