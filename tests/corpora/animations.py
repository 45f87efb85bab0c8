"""Animations: frames that depend on those before them, whose places and rests are stated."""

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow

from cnnfilter.arrays import Array

from .structures import Right, Structure, chunk, filtered, pattern

_SIZE = (6, 9)
#: What is left of a frame, and how the next lies on it.
NONE, BACKGROUND, PREVIOUS = 0, 1, 2
SOURCE, OVER = 0, 1


class _Frame:
    """A rectangle of an animated PNG."""

    def __init__(self, pixels: Array, top: int, left: int, dispose: int, blend: int) -> None:
        self.pixels, self.top, self.left = pixels, top, left
        self.dispose, self.blend = dispose, blend

    @property
    def place(self) -> tuple[slice, slice]:
        height, width = self.pixels.shape[:2]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def control(self, number: int) -> bytes:
        height, width = self.pixels.shape[:2]
        return chunk(b"fcTL", struct.pack(
            ">5IHHBB", number, width, height, self.left, self.top, 10, 100, self.dispose, self.blend
        ))  # fmt: skip


def _shown(frames: Sequence[_Frame]) -> list[Right]:
    """Return what the specification shows, as a plain program would draw it."""
    canvas = np.zeros((*_SIZE, 4), np.uint8)
    found = []
    for number, frame in enumerate(frames):
        before = canvas.copy()
        canvas[frame.place] = (
            _over(frame.pixels, canvas[frame.place]) if frame.blend == OVER else frame.pixels
        )
        found.append(Right(canvas[:, :, :3].copy(), canvas[:, :, 3].copy()))
        dispose = BACKGROUND if number == 0 and frame.dispose == PREVIOUS else frame.dispose
        if dispose == PREVIOUS:
            canvas = before
        elif dispose == BACKGROUND:
            canvas[frame.place] = 0
    return found


def _over(upper: Array, lower: Array) -> Array:
    """Lay pixels over others; all of alpha 0 or 255 here, or over what is empty."""
    visible = upper[:, :, 3:] > 0
    return np.where(visible, upper, lower)


def _apng(frames: Sequence[_Frame], hidden: Array | None = None) -> bytes:
    """Return an animated PNG; a hidden picture stands where none is shown."""
    parts = [
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", _SIZE[1], _SIZE[0], 8, 6, 0, 0, 0)),
        chunk(b"acTL", struct.pack(">II", len(frames), 0)),
    ]
    number = 0
    if hidden is not None:
        parts.append(chunk(b"IDAT", filtered(hidden, 8)))
    for index, frame in enumerate(frames):
        parts.append(frame.control(number))
        number += 1
        if index == 0 and hidden is None:
            parts.append(chunk(b"IDAT", filtered(frame.pixels, 8)))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + filtered(frame.pixels, 8)))
            number += 1
    return b"".join([*parts, chunk(b"IEND", b"")])


def _rgba(shape: tuple[int, int], seed: int, *, opaque: bool = False) -> Array:
    values = pattern((*shape, 4), "uint8", seed)
    values[:, :, 3] = 255 if opaque else np.where(values[:, :, 3] > 100, 255, 0)
    return values


def _animated(
    name: str, rests: Sequence[tuple[int, int]], hidden: Array | None = None
) -> Structure:
    """Return an animation of a whole frame and rectangles on it."""
    first = _Frame(_rgba(_SIZE, 1, opaque=True), 0, 0, *rests[0])
    others = [
        _Frame(_rgba((3, 4), number + 2), number, 2 * number, dispose, blend)
        for number, (dispose, blend) in enumerate(rests[1:])
    ]
    frames = [first, *others]
    made = _apng(frames, hidden)
    return Structure(f"{name}.png", lambda: made, _shown(frames))


def _gif() -> bytes:
    """Return a GIF whose second frame is put away for the first."""
    pictures = []
    for values in (GIF_FIRST, GIF_SECOND):
        picture = Pillow.fromarray(values)
        picture.putpalette(GIF_PALETTE.tobytes())
        pictures.append(picture)
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=[pictures[1], pictures[0]],
        duration=[50, 60, 70], disposal=[1, 3, 1], loop=0, optimize=False,
    )  # fmt: skip
    return file.getvalue()


def _lzw(values: Array) -> bytes:
    """Return four colours' pixels as a GIF stores them, without any compression."""
    codes = [code for pair in values.reshape(-1, 2).tolist() for code in (4, *pair)] + [5]
    bits = "".join(f"{code:03b}"[::-1] for code in codes)
    data = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    return b"\2" + bytes([len(data)]) + data + b"\0"


def _gif_frame(values: Array, top: int, left: int, palette: Array) -> bytes:
    """Return a rectangle with a palette of its own, which the background replaces."""
    control = b"!\xf9\4" + struct.pack("<BHBB", BACKGROUND_OF_GIF << 2, 10, 0, 0)
    place = struct.pack("<cHHHHB", b",", left, top, values.shape[1], values.shape[0], 0x81)
    return control + place + palette.tobytes() + _lzw(values)


def _gif_background() -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", _SIZE[1], _SIZE[0], 0xF1, 2, 0)
    own = GIF_PALETTE[4:8]
    return (
        head
        + GIF_PALETTE[:4].tobytes()
        + _gif_frame(GIF_FEW, 0, 0, GIF_PALETTE[:4])
        + _gif_frame(GIF_FEW[:3, :4], 1, 2, own)
        + _gif_frame(GIF_FEW[:2, :2], 0, 0, own)
        + b";"
    )


def _gif_with_xmp() -> bytes:
    """Return the same with XMP, whose trailer ends it for those that read blocks."""
    trailer = bytes([1, *range(255, 0, -1), 0, 0])
    xmp = b"!\xff\x0bXMP DataXMP<x:xmpmeta/>" + trailer
    content = _gif_background()
    at = content.index(b"!\xf9")
    return content[:at] + xmp + content[at:]


def _gif_background_shown() -> list[Right]:
    """Return its frames: each goes, and the file's third colour takes its place."""
    blank = np.broadcast_to(GIF_PALETTE[2], (*_SIZE, 3))
    second, third = blank.copy(), blank.copy()
    second[1:4, 2:6] = GIF_PALETTE[4:8][GIF_FEW[:3, :4]]
    third[:2, :2] = GIF_PALETTE[4:8][GIF_FEW[:2, :2]]
    return [Right(GIF_PALETTE[:4][GIF_FEW]), Right(second), Right(third)]


def _gif_still(interlaced: bool) -> bytes:
    picture = Pillow.fromarray(GIF_FIRST)
    picture.putpalette(GIF_PALETTE.tobytes())
    file = io.BytesIO()
    picture.save(file, "GIF", transparency=3, interlace=int(interlaced), optimize=False)
    return file.getvalue()


GIF_PALETTE = pattern((256, 3), "uint8")
GIF_FEW = pattern(_SIZE, "uint8") % 4
BACKGROUND_OF_GIF = 2
GIF_FIRST = pattern(_SIZE, "uint8") % 16
GIF_SECOND = pattern(_SIZE, "uint8", 1) % 16
_STILL = Right(
    GIF_PALETTE[GIF_FIRST], np.where(GIF_FIRST == 3, 0, 255).astype(np.uint8)
)  # fmt: skip

STRUCTURES: list[Structure] = [
    _animated("keeps-over", [(NONE, SOURCE), (NONE, OVER), (NONE, OVER), (NONE, SOURCE)]),
    _animated("previous-over", [(NONE, SOURCE), (PREVIOUS, OVER), (PREVIOUS, OVER), (NONE, OVER)]),
    _animated("previous-source", [(NONE, SOURCE), (PREVIOUS, SOURCE), (NONE, OVER)]),
    _animated("background-over",
              [(NONE, SOURCE), (BACKGROUND, OVER), (BACKGROUND, SOURCE), (NONE, OVER)]),
    _animated("first-previous", [(PREVIOUS, SOURCE), (NONE, OVER), (PREVIOUS, OVER), (NONE, OVER)]),
    _animated("hidden-first", [(NONE, SOURCE), (PREVIOUS, OVER), (NONE, OVER)], _rgba(_SIZE, 9)),
    Structure("previous.gif", _gif, [
        Right(GIF_PALETTE[values]) for values in (GIF_FIRST, GIF_SECOND, GIF_FIRST)
    ]),
    Structure("background.gif", _gif_background, _gif_background_shown()),
    Structure("xmp.gif", _gif_with_xmp, _gif_background_shown(), said="its XMP is not read"),
    Structure("transparent.gif", lambda: _gif_still(interlaced=False), [_STILL]),
    Structure("interlaced.gif", lambda: _gif_still(interlaced=True), [_STILL]),
]  # fmt: skip
