"""EXIF without what belongs to another picture: its size, orientation and thumbnail.

Everything else stays where it is, byte for byte: makers' notes have offsets of their own.
"""

import struct
from collections.abc import Collection, Mapping
from typing import Literal

#: Numbers of tags: EXIF 2.32 and TIFF 6.0.
_EXIF_FOLDER, _INTEROP_FOLDER = 0x8769, 0xA005
#: In the first directory: the orientation, and how a TIFF's pixels are laid out.
_FIRST = {
    0xFE, 0xFF, 0x100, 0x101, 0x102, 0x103, 0x106, 0x10A, 0x111, 0x112, 0x115, 0x116, 0x117, 0x11C,
    0x13D, 0x142, 0x143, 0x144, 0x145, 0x14A, 0x152, 0x153, 0x15B, 0x201, 0x202, 0x211, 0x212,
    0x2BC, 0x8773,
}  # fmt: skip
_SIZES, _RELATED_SIZES = {0xA002, 0xA003}, {0x1001, 0x1002}
_THUMBNAIL, _THUMBNAIL_BYTES = 0x201, 0x202
_STRIPS, _STRIP_BYTES = 0x111, 0x117
_ENTRY = 12
_HEADER = 8
_Order = Literal["<", ">"]
_ORDERS: Mapping[bytes, _Order] = {b"II": "<", b"MM": ">"}


def cleaned(block: bytes) -> bytes:
    """Return a block of EXIF without what is of the old picture.

    Parameters
    ----------
    block : bytes
        It begins with the byte order.

    Raises
    ------
    ValueError
        If its directories are corrupt.
    """
    try:
        return _Block(block).cleaned()
    except (struct.error, KeyError) as error:
        raise ValueError(str(error)) from None


class _Block:
    """A block of EXIF, edited in place.

    Parameters
    ----------
    content : bytes
    """

    def __init__(self, content: bytes) -> None:
        self._order = _ORDERS[content[:2]]
        self._content = bytearray(content)

    def cleaned(self) -> bytes:
        """Return it without size, orientation and thumbnail."""
        first = self._number("I", 4)
        folders = self._without(first, _FIRST)
        if folder := folders.get(_EXIF_FOLDER):
            inner = self._without(folder, _SIZES)
            if interop := inner.get(_INTEROP_FOLDER):
                self._without(interop, _RELATED_SIZES)
        end = self._end(first)
        second = self._number("I", end)
        self._content[end : end + 4] = bytes(4)
        if second == first:
            raise ValueError("its directories form a loop")
        return self._without_directory(second) if second else bytes(self._content)

    def _number(self, letter: str, at: int) -> int:
        return int(struct.unpack_from(self._order + letter, self._content, at)[0])

    def _count(self, directory: int) -> int:
        if directory < _HEADER:
            raise ValueError("a directory lies in the header")
        return self._number("H", directory)

    def _end(self, directory: int) -> int:
        """Return where a directory's link to the next one stands."""
        return directory + 2 + _ENTRY * self._count(directory)

    def _entries(self, directory: int) -> dict[int, int]:
        """Return where the tags of a directory stand."""
        places = range(directory + 2, self._end(directory), _ENTRY)
        return {self._number("H", at): at for at in places}

    def _without(self, directory: int, tags: Collection[int]) -> dict[int, int]:
        """Remove tags of a directory; return its tags that are a number or an offset."""
        start, end = directory + 2, self._end(directory)
        link = bytes(self._content[end : end + 4])
        kept = [at for tag, at in self._entries(directory).items() if tag not in tags]
        values = {self._number("H", at): self._number("I", at + 8) for at in kept}
        content = b"".join(self._content[at : at + _ENTRY] for at in kept) + link
        self._content[start : end + len(link)] = content.ljust(end + len(link) - start, b"\0")
        struct.pack_into(self._order + "H", self._content, directory, len(kept))
        return values

    def _without_directory(self, directory: int) -> bytes:
        """Remove a directory with the picture that it describes."""
        places = self._entries(directory)
        spans = [(directory, self._end(directory) + 4)]
        for start, size in ((_THUMBNAIL, _THUMBNAIL_BYTES), (_STRIPS, _STRIP_BYTES)):
            if start in places and size in places:
                begin, length = (self._number("I", places[tag] + 8) for tag in (start, size))
                if begin >= _HEADER:
                    spans.append((begin, begin + length))
        for begin, end in spans:
            end = min(end, len(self._content))
            self._content[begin:end] = bytes(max(0, end - begin))
        return bytes(self._content[: self._used(spans)])

    def _used(self, spans: Collection[tuple[int, int]]) -> int:
        """Return where the content ends, without spans that are at its end."""
        used = len(self._content)
        while behind := [begin for begin, end in spans if begin < used <= end]:
            used = min(behind)
        return used
