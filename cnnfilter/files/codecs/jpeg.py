"""JPEGs that Pillow refuses: of 12 and 16 bits, lossless, and JPEG-LS."""

from typing import BinaryIO, NamedTuple

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.codecs.head import Decoded, Head, codec
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import MAX_PIXELS, Frames, Metadata
from cnnfilter.files.metadata.parts import (
    UPRIGHT,
    jpeg_of_metadata,
    read_metadata,
    read_orientation,
)

#: Markers: those of frames (ISO 10918-1, table B.1; ISO 14495-1, C.1.1), of a scan, and of
#: metadata.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_LOSSLESS, _LS, _SCAN, _END = (0xC3, 0xC7, 0xCB, 0xCF), 0xF7, 0xDA, b"\xff\xd9"
_METADATA = {*range(0xE0, 0xF0), 0xFE}
_MAX_SEGMENTS = 10_000


class _Frame(NamedTuple):
    """What the head of a JPEG says."""

    marker: int
    bits: int
    height: int
    width: int
    channels: int
    #: The segments of its metadata.
    metadata: bytes
    #: Where its head ends.
    end: int

    @property
    def kind(self) -> str:
        """Its kind in words."""
        if self.marker == _LS:
            return "a JPEG-LS picture"
        lossless = "lossless " * (self.marker in _LOSSLESS)
        return f"a {lossless}{self.bits}-bit JPEG"


def knows(file: BinaryIO) -> bool:
    """Return whether a JPEG is one that Pillow does not read."""
    frame = _frame(file)
    return frame is not None and (frame.bits != 8 or frame.marker in (*_LOSSLESS, _LS))


def open_frames(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Frames:
    """Open a JPEG that Pillow does not read.

    Raises
    ------
    ContentError
        If it needs an extra that is not installed, or has too many pixels.
    """
    frame = _frame(file)
    if frame is None or not (frame.height and frame.width):
        raise ContentError("corrupt or truncated; export or copy it again")
    imagecodecs = codec("codecs", frame.kind)
    if frame.channels not in (1, 3) or frame.bits < 8:
        raise ContentError(
            f"is {frame.kind} of {frame.channels} channels, which is not supported; "
            "export it as png or tif"
        )
    decode = imagecodecs.jpegls_decode if frame.marker == _LS else imagecodecs.jpeg8_decode

    def decoded(data: bytes) -> Array:
        if data.find(_END, frame.end) < 0:  # it would be filled up without a word
            raise ValueError("its end is missing")
        values: Array = decode(data)
        return values

    with_metadata = jpeg_of_metadata(frame.metadata)
    orientation, odd = UPRIGHT, ""
    if with_metadata is not None:
        orientation, odd = read_orientation(with_metadata)
    head = Head(
        frame.height, frame.width, frame.channels, frame.bits,
        orientation=orientation, notes=(odd,) if odd else (),
    )  # fmt: skip

    def kept(_: bytes) -> tuple[Metadata, tuple[str, ...]]:
        picture = jpeg_of_metadata(frame.metadata)
        return (Metadata(), ()) if picture is None else read_metadata(picture, FORMATS["jpeg"])

    return Decoded(file, max_pixels, "jpeg", head, decoded, kept)


def _frame(file: BinaryIO) -> _Frame | None:
    """Read the head of a JPEG, up to its frame."""
    file.seek(2)
    kept: list[bytes] = []
    for _ in range(_MAX_SEGMENTS):
        head = file.read(2)
        while head[:1] == b"\xff" and head[1:] == b"\xff":  # a filler
            head = head[:1] + file.read(1)
        length = int.from_bytes(file.read(2))
        if len(head) < 2 or head[0] != 0xFF or head[1] == _SCAN or length < 2:
            return None
        content = file.read(length - 2)
        if head[1] in _FRAMES and len(content) >= 6:
            height, width = int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
            return _Frame(
                head[1], content[0], height, width, content[5], b"".join(kept), file.tell()
            )
        if head[1] in _METADATA:
            kept.append(head + length.to_bytes(2) + content)
    return None
