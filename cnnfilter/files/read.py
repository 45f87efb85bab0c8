"""Reading images of any format."""

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_image
from cnnfilter.errors import CnnFilterError, ContentError, FileError, naming
from cnnfilter.files.formats import FORMATS, format_of_bytes
from cnnfilter.files.image import MAX_PIXELS, Frames, Image, check_pixels, too_large
from cnnfilter.files.opening import opened, piped_bytes, reason
from cnnfilter.files.pillow.reader import Pictures
from cnnfilter.files.printed import attributed

#: A format shows in this many bytes.
_HEAD = 512


def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture or a matrix of any format.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard input.
    max_pixels : int
        More are taken for a decompression bomb.

    Returns
    -------
    Image
        The first of several frames or pages, with a note.

    Raises
    ------
    FileError
        If it cannot be read; the message names the file.
    """
    with _opened_frames(path, max_pixels) as frames:
        return _noted(frames.read(0))


def read_head(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Return what `read` would, without decoding pixels.

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
    """Read the frames or pages of a file.

    Parameters
    ----------
    path, max_pixels
        As of `read`; all frames that are read may have `max_pixels` together.
    frame : int, optional
        The number of the only one to read, from 0. Default: all.

    Yields
    ------
    Image
        Frames of an animation have one size and are all in colour or all grey; pages may
        differ. Alpha may be None in some.

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


@contextmanager
def _opened_frames(path: str | Path, max_pixels: int) -> Iterator[Frames]:
    """Open a file whose errors name it."""
    with naming(Path(path), FileError), opened(path) as file:
        try:
            yield _frames(file, PurePath(path).suffix.lower(), max_pixels)
        except OSError as error:
            raise ContentError(reason(error)) from None
        except (CnnFilterError, MemoryError):
            raise
        except Exception as error:
            from cnnfilter.files.reasons import decoding_problem, is_bug

            if is_bug(error):
                raise
            raise ContentError(decoding_problem(error)) from None


def _frames(file: BinaryIO, suffix: str, max_pixels: int) -> Frames:
    head = file.read(_HEAD)
    file.seek(0)
    if not head:
        raise ContentError("the file is empty; export or copy it again")
    name = format_of_bytes(head)
    if name is None or FORMATS[name].is_picture:  # a table may begin with words
        texts = (name for name, format in FORMATS.items() if format.library == "text")
        name = next((text for text in texts if suffix in FORMATS[text].suffixes), name)
    if name is None:
        return _Attributed(_pictures, file, max_pixels)
    # Modules of ours are imported for their formats alone.
    if reader := FORMATS[name].reader:
        return _Attributed(import_module(reader).open_frames, file, max_pixels)
    if not FORMATS[name].is_picture:
        return _Matrix(file, name, max_pixels)
    try:
        return _Attributed(_pictures, file, max_pixels)
    except ContentError:
        fallback = FORMATS[name].fallback
        if not fallback or not import_module(fallback).knows(file):
            raise
        return _Attributed(import_module(fallback).open_frames, file, max_pixels)


def _pictures(file: BinaryIO, max_pixels: int) -> Frames:
    """Open a file by Pillow, if what it makes of the frames is right."""
    pictures = Pictures(file, max_pixels)
    if not pictures.composer:
        return pictures
    composed: Frames = import_module(pictures.composer).open_frames(file, max_pixels)
    return composed


class _Attributed:
    """A picture's frames, opened afresh where what was printed may be another file's."""

    def __init__(
        self, open_frames: Callable[[BinaryIO, int], Frames], file: BinaryIO, max_pixels: int
    ) -> None:
        self._open_frames, self._file, self._max_pixels = open_frames, file, max_pixels
        self._frames: Frames
        attributed(self._open, lambda: None)

    def _open(self) -> None:
        self._file.seek(0)
        self._frames = self._open_frames(self._file, self._max_pixels)

    def _open_afresh(self) -> None:
        del self._frames  # a decoder's copy of the pixels goes before the next
        self._open()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def others(self) -> int:
        return getattr(self._frames, "others", 0)

    @property
    def pixels(self) -> int:
        return attributed(lambda: self._frames.pixels, self._open_afresh)

    def read(self, number: int = 0) -> Image:
        image = attributed(lambda: self._frames.read(number), self._open_afresh)
        if not FORMATS[image.format].unread:
            return image
        from cnnfilter.files.metadata.parts import unread_parts

        notes = unread_parts(self._file, FORMATS[image.format], image.metadata)
        return replace(image, notes=(*image.notes, *notes))

    def head(self) -> Image:
        return attributed(lambda: self._frames.head(), self._open_afresh)


class _Matrix:
    """A matrix in an open file, as its one frame."""

    def __init__(self, file: BinaryIO, format: str, max_pixels: int) -> None:
        self._file, self._format, self._max_pixels = file, format, max_pixels

    def __len__(self) -> int:
        return 1

    @property
    def pixels(self) -> int:
        return 0  # known when it is read

    def read(self, number: int = 0) -> Image:
        # Pictures are read without this.
        from cnnfilter.files.numbers.matrices import read_matrix

        return self._image(read_matrix(self._file, self._format, self._max_pixels))

    def head(self) -> Image:
        from cnnfilter.files.numbers.matrices import read_matrix_head

        numbers = read_matrix_head(self._file, self._format)
        image = self.read() if numbers is None else self._image(numbers)
        file, values = self._file.seek(0, io.SEEK_END), image.pixels.size
        reading = FORMATS[self._format].reading_bytes(image.nbytes, 0, values, file)
        return image.blanked(reading + piped_bytes(self._file))

    def _image(self, matrix: Array) -> Image:
        numbers = as_image(matrix)
        check_pixels(numbers.shape[0], numbers.shape[1], self._max_pixels)
        return Image(numbers, format=self._format)


def _noted(image: Image) -> Image:
    """Add a note if there are other frames."""
    if image.frames == 1:
        return image
    return replace(image, notes=(*image.notes, f"the first of {image.frames} frames"))


def _wanted(frames: Frames, frame: int | None, max_pixels: int) -> range:
    """Return the numbers of the frames to read."""
    count, others = len(frames), getattr(frames, "others", 0)
    if frame is None:
        if count > 1 and frames.pixels > max_pixels:
            raise too_large(
                f"{count} frames of {frames.pixels} pixels in all are more than {max_pixels}; "
                "--frame N takes one"
            )
        return range(count)
    count += others
    if frame not in range(count):
        frames_ = "frame" if count == 1 else "frames"
        raise ContentError(f"has {count} {frames_}, numbered from 0; there is no frame {frame}")
    return range(frame, frame + 1)


def read_image(path: str | Path) -> Array:
    """Read an image: its pixels as they are stored.

    Parameters
    ----------
    path : str or Path
        A picture (PNG, JPEG, TIFF, WebP, BMP, GIF, PPM, JPEG 2000, AVIF, or of an
        installed extra) or a matrix (.npy, .npz, .pfm, .csv, .tsv, .json, float TIFF). The
        format is detected from its bytes.

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
