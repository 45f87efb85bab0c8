"""What a phone puts behind the picture of a JPEG: others (CIPA DC-007, MPO), gain maps."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

#: Markers: of the picture's start, its scan, and of segments of applications.
_START, _SCAN, _APP1, _APP2 = b"\xff\xd8", 0xDA, 0xE1, 0xE2
#: Fillers, and markers without a length.
_FILLER, _ALONE = 0xFF, {0x01, *range(0xD0, 0xD9)}
_MPF = b"MPF\0"
_ENTRIES_TAG, _ENTRY = 0xB002, 16
#: More pictures than this are no file of a camera.
_MAX_PICTURES = 64
#: How ISO 21496-1 and phones' makers name a gain map.
_GAIN_MAPS = (b"urn:iso:std:iso:ts:21496", b"http://ns.adobe.com/hdr-gain-map/", b"HDRGainMap")


class Behind(NamedTuple):
    """The pictures behind the first.

    Attributes
    ----------
    places : tuple of (int, int)
        Where each begins in the file, and its bytes.
    has_gain_map : bool
        Whether one of them is a gain map.
    """

    places: tuple[tuple[int, int], ...] = ()
    has_gain_map: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on what is left out."""
        others = len(self.places) - self.has_gain_map
        notes = ["its gain map is left out"] if self.has_gain_map else []
        if others > 0:
            notes.append(f"the first of {len(self.places) + 1} pictures (--frame N)")
        return tuple(notes)

    def opened(self, file: BinaryIO, number: int) -> BinaryIO:
        """Return the file of one of them, counted from 1."""
        start, size = self.places[number - 1]
        file.seek(start)
        return io.BytesIO(file.read(size))


def behind(file: BinaryIO) -> Behind:
    """Find the pictures behind the first; none if their index is corrupt."""
    segments = list(_segments(file))
    size = file.seek(0, io.SEEK_END)
    try:
        places = [
            place
            for start, content in segments
            if content.startswith(_MPF)
            for place in _places(content[len(_MPF) :], start + len(_MPF))
        ]
    except struct.error:
        return Behind()
    places = [(start, length) for start, length in places if _is_picture(file, start, size)]
    heads = [content for _, content in segments]
    for start, length in places:
        file.seek(start)
        heads += [content for _, content in _segments(io.BytesIO(file.read(min(length, 2**17))))]
    has_gain_map = any(name in head for head in heads for name in _GAIN_MAPS)
    return Behind(tuple(places), has_gain_map and bool(places))


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Iterate over the places and contents of the segments of applications."""
    at = len(_START)
    while True:
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] != _FILLER or head[1] == _SCAN:
            return
        if head[1] == _FILLER or head[1] in _ALONE:
            at += 1 if head[1] == _FILLER else 2
            continue
        size = int.from_bytes(head[2:])
        if head[1] in (_APP1, _APP2):
            yield at + 4, file.read(max(0, size - 2))
        at += 2 + size


def _places(content: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Read where pictures are from an index, whose offsets count from its own start."""
    from cnnfilter.files.tiff.folder import folder_of_exif

    folder = folder_of_exif(content)
    entries = folder.tags.get(_ENTRIES_TAG)
    if entries is None:
        return
    for at in range(_ENTRY, min(len(entries.value), _ENTRY * _MAX_PICTURES), _ENTRY):
        length, place = struct.unpack_from(folder.order + "II", entries.value, at + 4)
        yield start + place, length


def _is_picture(file: BinaryIO, start: int, size: int) -> bool:
    file.seek(start)
    return start < size and file.read(2) == _START
