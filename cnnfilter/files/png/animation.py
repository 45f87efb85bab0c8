"""Frames of an animated PNG, composed as the format says.

Pillow's depend on which were decoded before, and have 8 bits. Here each frame is decoded as a PNG
of its own and drawn on the canvas that the frames before it have left.
"""

import io
import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import BinaryIO, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands
from cnnfilter.errors import ContentError
from cnnfilter.files.image import Frames, Image, Metadata, blank, check_pixels, upright
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.pillow.reader import Pictures
from cnnfilter.files.png import chunks as png
from cnnfilter.files.reasons import decoding_problem

#: APNG's operations: what becomes of a frame's place behind it, and how a frame is drawn.
_BACKGROUND, _PREVIOUS = 1, 2
_OVER = 1
#: The bit of IHDR's type that says colours.
_COLOUR = 2
#: Hundredths of a second, where the denominator of a time is 0.
_DENOMINATOR = 100
#: The chunks that a frame's pixels depend on.
_PIXELS = (b"PLTE", b"tRNS")
_FRAMES = (b"acTL", b"fcTL", b"fdAT", b"IDAT")
_SEQUENCE = 4
#: A head of one grey pixel, and the pixel.
_TINY = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(bytes(2))


class _Control(NamedTuple):
    """The content of a frame's fcTL chunk."""

    sequence: int
    width: int
    height: int
    left: int
    top: int
    numerator: int
    denominator: int
    disposal: int
    blending: int

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of the canvas that it covers."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )

    @property
    def duration(self) -> float:
        """The milliseconds that it is shown."""
        return 1000 * self.numerator / (self.denominator or _DENOMINATOR)


@dataclass
class _Part:
    """A frame in a file."""

    control: _Control
    data: list[png.Chunk] = field(default_factory=list)


class _Canvas(NamedTuple):
    pixels: Array
    alpha: Array

    def copy(self, place: tuple[slice, slice]) -> "_Canvas":
        """Return a copy of a part."""
        return _Canvas(self.pixels[place].copy(), self.alpha[place].copy())

    def put(self, place: tuple[slice, slice], part: "_Canvas") -> None:
        """Replace a part."""
        self.pixels[place], self.alpha[place] = part

    def clear(self, place: tuple[slice, slice]) -> None:
        """Make a part transparent and black."""
        self.pixels[place], self.alpha[place] = 0, 0

    def draw(self, place: tuple[slice, slice], part: "_Canvas") -> None:
        """Draw over a part: PNG specification, 13.16 (alpha composition)."""
        top = int(np.iinfo(self.alpha.dtype).max)
        pixels, alpha = self.pixels[place], self.alpha[place]
        for rows in bands(alpha):
            over, under = (each[rows].astype(np.float64) for each in (part.alpha, alpha))
            seen = under * (top - over) / top
            total = over + seen
            share = np.divide(over, total, out=np.zeros_like(total), where=total > 0)
            if pixels.ndim == 3:
                share = share[:, :, None]
            behind = pixels[rows].astype(np.float64)
            mixed = np.rint(behind + share * (part.pixels[rows] - behind))
            pixels[rows], alpha[rows] = mixed, np.rint(total)


def open_frames(file: BinaryIO, max_pixels: int) -> Frames:
    """Open an animation; raise ContentError if it is corrupt."""
    return Animation(file, max_pixels)


class Animation:
    """The frames of an open animated PNG, each decoded on request.

    In their order, each is decoded once.

    Parameters
    ----------
    file : binary file
    max_pixels : int
        The most that a frame may have.

    Raises
    ------
    ContentError
        If its chunks are corrupt.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        self._file, self._max_pixels = file, max_pixels
        self._others: list[png.Chunk] = []
        self._parts: list[_Part] = []
        self._sequence = self._count = self._loop = 0
        try:
            self._read_chunks()
        except struct.error as error:
            raise ContentError(decoding_problem(error)) from None
        self._width, self._height = struct.unpack(">II", self._head[:8])
        check_pixels(self._height, self._width, max_pixels)
        self._orientation, self._metadata, self._notes = self._described()
        self._restart()

    def _read_chunks(self) -> None:
        for chunk in png.chunks(self._file):
            if chunk.kind == b"IHDR":
                self._head = chunk.content(self._file)
            elif chunk.kind == b"acTL":
                self._count, self._loop = struct.unpack(">II", chunk.content(self._file)[:8])
            elif chunk.kind == b"fcTL":
                content = chunk.content(self._file)
                self._parts.append(_Part(_Control(*struct.unpack(">5I2H2B", content[:26]))))
                self._check_sequence(content)
            elif chunk.kind == b"fdAT" and self._parts:
                self._check_sequence(chunk._replace(size=_SEQUENCE).content(self._file))
                start, size = chunk.start + _SEQUENCE, chunk.size - _SEQUENCE
                self._parts[-1].data.append(png.Chunk(b"IDAT", start, size))
            elif chunk.kind == b"IDAT" and self._parts:  # else no part of the animation
                self._parts[0].data.append(chunk)
            elif chunk.kind not in _FRAMES:
                self._others.append(chunk)

    def _restart(self) -> None:
        """Start with a transparent canvas."""
        size = (self._height, self._width)
        depth, kind = self._head[8:10]
        dtype = np.uint16 if depth == 16 else np.uint8
        colours = np.zeros((*size, 3) if kind & _COLOUR else size, dtype)
        self._canvas = _Canvas(colours, np.zeros(size, dtype))
        self._before: _Canvas | None = None
        self._next = 0

    def _check_sequence(self, content: bytes) -> None:
        if int.from_bytes(content[:_SEQUENCE]) != self._sequence:
            raise _corrupt("its frames are out of order")
        self._sequence += 1

    def __len__(self) -> int:
        return self._count

    @property
    def pixels(self) -> int:
        """Number of pixels of all frames."""
        return self._count * self._width * self._height

    def read(self, number: int = 0) -> Image:
        """Decode a frame, upright and in RGB.

        Raises
        ------
        ContentError
            If it, or one that it is drawn on, is corrupt.
        """
        if number < self._next:
            self._restart()
        for at in range(self._next, number + 1):
            still = self._draw(at)
            self._next = at + 1
        pixels, alpha = self._canvas.copy((slice(None), slice(None)))
        is_opaque = still.alpha is None and bool((alpha == np.iinfo(alpha.dtype).max).all())
        duration = self._part(number).control.duration
        return replace(
            still,
            pixels=upright(pixels, self._orientation),
            alpha=None if is_opaque else upright(alpha, self._orientation),
            metadata={**self._metadata, "duration": duration, "loop": self._loop},
            notes=(*self._notes, *still.notes),
            frames=self._count,
        )

    def head(self) -> Image:
        """Return the first frame with blank pixels."""
        part = self._part(0)
        still = self._still(part).head()
        size = (self._height, self._width)
        size = size[::-1] if self._orientation > 4 else size
        covers = part.control[1:3] == (self._width, self._height)
        has_alpha = still.alpha is not None or not covers
        pixels = blank((*size, *still.pixels.shape[2:]), still.pixels.dtype)
        alpha = blank(size, pixels.dtype) if has_alpha else None
        image = replace(
            still, pixels=pixels, alpha=alpha, notes=(*self._notes, *still.notes),
            frames=self._count,
        )  # fmt: skip
        # A frame, the canvas, what a part of it was before, and what is returned.
        canvas = pixels.nbytes + size[0] * size[1] * pixels.itemsize
        data = sum(chunk.size for chunk in part.data)
        return image.blanked(still.reading + 3 * canvas + data + piped_bytes(self._file))

    def _part(self, number: int) -> _Part:
        if number >= len(self._parts) or not self._parts[number].data:
            raise _corrupt(f"frame {number} is missing")
        part = self._parts[number]
        control = part.control
        if not (0 < control.width <= self._width - control.left) or not (
            0 < control.height <= self._height - control.top
        ):
            raise _corrupt(f"frame {number} lies beyond the picture")
        return part

    def _draw(self, number: int) -> Image:
        """Draw a frame on the canvas, and return it as it is by itself."""
        part = self._part(number)
        still = self._still(part).read()
        if number:
            self._dispose(self._part(number - 1).control)
        place = part.control.place
        is_last = number == self._count - 1
        keeps = part.control.disposal == _PREVIOUS and number and not is_last
        self._before = self._canvas.copy(place) if keeps else None
        alpha = still.alpha
        if alpha is None:
            top = np.iinfo(still.pixels.dtype).max
            alpha = blank(still.pixels.shape[:2], still.pixels.dtype, top)
        drawn = _Canvas(still.pixels, alpha)
        if part.control.blending == _OVER and still.alpha is not None:
            self._canvas.draw(place, drawn)
        else:
            self._canvas.put(place, drawn)
        return still

    def _dispose(self, control: _Control) -> None:
        """Restore what was at a frame's place, or make it transparent."""
        if self._before is not None:
            self._canvas.put(control.place, self._before)
        elif control.disposal in (_BACKGROUND, _PREVIOUS):  # before the first there was nothing
            self._canvas.clear(control.place)

    def _still(self, part: _Part) -> Pictures:
        """Open a frame as a picture of its own."""
        size = struct.pack(">II", part.control.width, part.control.height)
        chunks = [(chunk.kind, chunk) for chunk in self._others if chunk.kind in _PIXELS]
        data = b"".join(chunk.content(self._file) for chunk in part.data)
        return self._opened(size + self._head[8:], [chunk for _, chunk in chunks], data)

    def _described(self) -> tuple[int, Metadata, tuple[str, ...]]:
        """Read the orientation, the metadata and notes on them from a tiny picture."""
        head, data = _TINY
        others = [chunk for chunk in self._others if chunk.kind not in _PIXELS]
        return self._opened(head, others, data).describe()

    def _opened(self, head: bytes, others: list[png.Chunk], data: bytes) -> Pictures:
        contents = [(chunk.kind, chunk.content(self._file)) for chunk in others]
        chunks = [(b"IHDR", head), *contents, (b"IDAT", data), (b"IEND", b"")]
        file = io.BytesIO(png.MAGIC + b"".join(png.packed(*chunk) for chunk in chunks))
        return Pictures(file, self._max_pixels)


def _corrupt(words: str) -> ContentError:
    return ContentError(decoding_problem(ValueError(words)))
