"""The bits of an AVIF, which Pillow reads as 8."""

import re
from typing import BinaryIO

#: Bytes that the boxes before the picture's data take, at the most.
_HEAD = 2**16
#: AV1 in ISOBMFF, 2.3.3: the box of a codec's settings, its version, and its third byte's bits.
_SETTINGS = re.compile(rb"av1C\x81.(.)", re.DOTALL)
_IS_DEEP, _HAS_TWELVE = 0x40, 0x20


def stored_bits(file: BinaryIO) -> int:
    """Return the most bits of a channel that a file states."""
    place = file.tell()
    file.seek(0)
    settings = [found[0] for found in _SETTINGS.findall(file.read(_HEAD))]
    file.seek(place)
    if not any(bits & _IS_DEEP for bits in settings):
        return 8
    return 12 if any(bits & _HAS_TWELVE for bits in settings) else 10
