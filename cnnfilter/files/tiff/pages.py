"""The pages of a TIFF among its directories, and camera raw, which has none."""

import io
from typing import BinaryIO

from cnnfilter.errors import ContentError
from cnnfilter.files.reasons import CAMERA_RAW
from cnnfilter.files.tiff.folder import Folder, FolderReader, layout_of

# TIFF 6.0's tags: NewSubfileType, SubfileType, Compression, PhotometricInterpretation, SubIFDs;
# DNG's version and the pattern of a camera's colours.
_KIND, _OLD_KIND, _COMPRESSION, _PHOTOMETRIC, _INNER = 254, 255, 259, 262, 330
_PATTERN, _DNG = 33421, 50706
_WANTED = (_KIND, _OLD_KIND, _COMPRESSION, _PHOTOMETRIC, _INNER, _PATTERN, _DNG)

_REDUCED, _MASK = 1, 4
_OLD_REDUCED = 2
_TRANSPARENCY_MASK = 4
#: A camera's sensor, and sensors made linear.
_SENSORS = (32803, 34892)
#: Compressions of Nikon, Sony, Samsung, Kodak and Pentax.
_RAW_COMPRESSIONS = (32767, 32769, 32770, 34713, 65000, 65535)
#: Directories in a directory that are looked at.
_MAX_INNER = 16


class PageFile(io.RawIOBase):
    """A TIFF's file that begins with one page.

    Parameters
    ----------
    file : binary file
    place : int
        Where the page's directory is.
    """

    def __init__(self, file: BinaryIO, place: int) -> None:
        self._file, self._at = file, 0
        file.seek(0)
        layout = layout_of(file.read(4))
        self._head = b"" if layout is None else layout.header + layout.offset.pack(place)

    def fileno(self) -> int:
        """Return the descriptor, by which libtiff reads."""
        return self._file.fileno()

    def read(self, size: int = -1) -> bytes:
        """Read as if the page were the first."""
        self._file.seek(self._at)
        content = self._file.read(size)
        start = self._at
        self._at += len(content)
        head = self._head[start : start + len(content)]
        return head + content[len(head) :]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        if whence == io.SEEK_CUR:
            offset, whence = self._at + offset, io.SEEK_SET
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


def shown_pages(file: BinaryIO) -> tuple[list[int], bool]:
    """Return the numbers of a TIFF's real pages, and whether it has masks.

    Raises
    ------
    ContentError
        If it is camera raw.
    """
    file.seek(0)
    head = file.read(16)
    layout = layout_of(head)
    if layout is None:
        return [], False
    if head[8:12] == b"CR\2\0" and not layout.is_big:
        raise ContentError(CAMERA_RAW)
    reader = FolderReader(file, layout)
    folders = [folder for _, folder in reader.pages(_WANTED)]
    if any(_is_raw(folder) or _holds_raw(folder, reader) for folder in folders[:_MAX_INNER]):
        raise ContentError(CAMERA_RAW)
    pages = [number for number, folder in enumerate(folders) if not _is_mask(folder)]
    whole = [number for number in pages if not _is_reduced(folders[number])]
    return whole or pages, len(pages) < len(folders)


def _number(folder: Folder, tag: int) -> int:
    return int(next(iter(folder.numbers(tag)), 0))


def _is_mask(folder: Folder) -> bool:
    return bool(
        _number(folder, _KIND) & _MASK or _number(folder, _PHOTOMETRIC) == _TRANSPARENCY_MASK
    )


def _is_reduced(folder: Folder) -> bool:
    return bool(_number(folder, _KIND) & _REDUCED or _number(folder, _OLD_KIND) == _OLD_REDUCED)


def _is_raw(folder: Folder) -> bool:
    return (
        _DNG in folder.tags
        or _PATTERN in folder.tags
        or _number(folder, _PHOTOMETRIC) in _SENSORS
        or _number(folder, _COMPRESSION) in _RAW_COMPRESSIONS
    )


def _holds_raw(folder: Folder, reader: FolderReader) -> bool:
    """Return whether a directory in a directory is a camera's."""
    places = folder.numbers(_INNER)[:_MAX_INNER]
    return any(_is_raw(reader.folder(int(place), _WANTED)) for place in places)
