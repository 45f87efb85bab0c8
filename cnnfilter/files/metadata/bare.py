"""Picture files without their metadata, for when the metadata is corrupt."""

import io
import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

#: Larger files are not copied for this.
_MAX_BYTES = 2**28

_PNG = b"\x89PNG\r\n\x1a\n"
#: The chunks of a PNG that its pixels depend on, and those of an animation.
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_FRAMES = {b"acTL", b"fcTL", b"fdAT"}

#: JPEG's markers: those without a length, the pixels', and those of its own colours.
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN, _JFIF, _ADOBE, _COMMENT = 0xDA, 0xE0, 0xEE, 0xFE
_PLAIN_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE_LENGTH = 14

#: TIFF 6.0's tags that its pixels depend on.
_TIFF_PIXELS = {
    254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322,
    323, 324, 325, 332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532,
}  # fmt: skip
#: A TIFF of more pages is not searched.
_MAX_PAGES = 10_000


def without_metadata(file: BinaryIO) -> BinaryIO | None:
    """Copy a picture's file without its metadata.

    Returns
    -------
    binary file or None
        None if it has none, its format is not PNG, JPEG or TIFF, or it is too large to copy.
    """
    if file.seek(0, os.SEEK_END) > _MAX_BYTES:
        return None
    file.seek(0)
    data = file.read()
    bare = _copier(data)(data)
    return None if bare == data else io.BytesIO(bare)


def _copier(data: bytes) -> Callable[[bytes], bytes]:
    if data.startswith(_PNG):
        return _bare_png
    if data.startswith(b"\xff\xd8"):
        return _bare_jpeg
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _bare_tiff
    return lambda data: data


def _bare_png(data: bytes) -> bytes:
    chunks = list(_png_chunks(data))
    frames = next((chunk[8:12] for kind, chunk in chunks if kind == b"acTL"), b"")
    # An animation without frames is none.
    wanted = _PNG_PIXELS | _PNG_FRAMES if any(frames) else _PNG_PIXELS
    return b"".join([_PNG, *(chunk for kind, chunk in chunks if kind in wanted)])


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def _bare_jpeg(data: bytes) -> bytes:
    kept = [data[:2]]
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # a filler, or a marker alone
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SCAN:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        kept.append(_bare_segment(marker, data[at:end]))
        at = end
    bare = b"".join([*kept, data[at:]])
    return bare if bare[2:3] == b"\xff" else data  # which has metadata alone


def _bare_segment(marker: int, segment: bytes) -> bytes:
    """Return a JPEG's segment if its pixels need it."""
    if marker == _JFIF:
        return _PLAIN_JFIF if segment[4:9] == b"JFIF\0" else b""
    if marker == _ADOBE:
        return segment if len(segment) >= 2 + _ADOBE_LENGTH else b""
    is_metadata = _JFIF <= marker <= 0xEF or marker == _COMMENT
    return b"" if is_metadata else segment


def _bare_tiff(data: bytes) -> bytes:
    """Keep of each page's directory what its pixels need."""
    order = "<" if data.startswith(b"II") else ">"
    big = 43 in data[2:4]
    count, entry, link = ("Q", 20, "Q") if big else ("H", 12, "I")
    bare = bytearray(data)
    for start in _directories(data, order, count, entry, link):
        first = start + struct.calcsize(count)
        (entries,) = struct.unpack_from(order + count, data, start)
        all_ = [data[at : at + entry] for at in range(first, first + entries * entry, entry)]
        kept = [tag for tag in all_ if struct.unpack_from(order + "H", tag)[0] in _TIFF_PIXELS]
        after = first + entries * entry
        behind = data[after : after + struct.calcsize(link)]
        content = struct.pack(order + count, len(kept)) + b"".join(kept) + behind
        bare[start : start + len(content)] = content
    return bytes(bare)


def _directories(data: bytes, order: str, count: str, entry: int, link: str) -> Iterator[int]:
    """Find where each page's directory begins."""
    seen: set[int] = set()
    at = 8 if link == "Q" else 4
    while len(seen) < _MAX_PAGES and at + struct.calcsize(link) <= len(data):
        (start,) = struct.unpack_from(order + link, data, at)
        if not start or start in seen or start + struct.calcsize(count) > len(data):
            return
        (entries,) = struct.unpack_from(order + count, data, start)
        at = start + struct.calcsize(count) + entries * entry
        if at + struct.calcsize(link) > len(data):
            return
        seen.add(start)
        yield start
