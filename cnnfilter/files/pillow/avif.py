"""What Pillow does not tell of an AVIF: its bits, which it reads as 8, and its colours."""

import re
from typing import BinaryIO

from cnnfilter.files.metadata.colours import unlike_srgb

#: Bytes that the boxes before the picture's data take, at the most.
_HEAD = 2**16
#: AV1 in ISOBMFF, 2.3.3: the box of a codec's settings, its version, and its third byte's bits.
_SETTINGS = re.compile(rb"av1C\x81.(.)", re.DOTALL)
_IS_DEEP, _HAS_TWELVE = 0x40, 0x20


#: ITU-T H.273's numbers of the primaries and the transfer, of two bytes each.
_COLOURS = re.compile(rb"colrnclx\0(.)\0(.)", re.DOTALL)


def stated_colours(file: BinaryIO) -> dict[str, bytes]:
    """Return colours other than sRGB's as a PNG's chunk states them, if any."""
    found = _COLOURS.search(_head(file))
    chunks = {"cICP": bytes([found[1][0], found[2][0], 0, 1])} if found else {}
    return chunks if unlike_srgb(chunks, has_profile=False) else {}


def stored_bits(file: BinaryIO) -> int:
    """Return the most bits of a channel that a file states."""
    settings = [found[0] for found in _SETTINGS.findall(_head(file))]
    if not any(bits & _IS_DEEP for bits in settings):
        return 8
    return 12 if any(bits & _HAS_TWELVE for bits in settings) else 10


def _head(file: BinaryIO) -> bytes:
    place = file.tell()
    file.seek(0)
    content = file.read(_HEAD)
    file.seek(place)
    return content
