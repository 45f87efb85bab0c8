"""The chunks of a PNG file."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

MAGIC = b"\x89PNG\r\n\x1a\n"
#: A head's type of pixels that are numbers of colours.
PALETTE = 3
#: A length in front and a kind, and a checksum behind.
_HEAD, _CHECKSUM = 8, 4


class Chunk(NamedTuple):
    """A chunk of an open file.

    Attributes
    ----------
    kind : bytes
    start, size : int
        Where its content begins in the file, and the content's bytes.
    """

    kind: bytes
    start: int
    size: int

    def content(self, file: BinaryIO) -> bytes:
        """Read its content."""
        file.seek(self.start)
        return file.read(self.size)


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Iterate over a file's chunks up to the last, without their contents."""
    start = len(MAGIC)
    while True:
        file.seek(start)
        head = file.read(_HEAD)
        if len(head) < _HEAD or head[4:] == b"IEND":
            return
        chunk = Chunk(head[4:], start + _HEAD, int.from_bytes(head[:4]))
        yield chunk
        start = chunk.start + chunk.size + _CHECKSUM


def packed(kind: bytes, content: bytes) -> bytes:
    """Return a chunk as a file holds it.

    Examples
    --------
    >>> packed(b"IEND", b"").hex()
    '0000000049454e44ae426082'
    """
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def contents(data: bytes, without: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over the kinds and contents of a small file's other chunks."""
    file = io.BytesIO(data)
    for chunk in chunks(file):
        if chunk.kind not in without:
            yield chunk.kind, chunk.content(file)
