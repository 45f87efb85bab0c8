"""Netpbm's pictures: PBM, PGM, PPM and PAM with any white, several in a file; PFM's floats."""

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.image import Frames, Image, blank, check_pixels, too_large
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.reasons import decoding_problem

_BLANKS = b" \t\n\v\f\r"
#: Letters of a word in a head, and the words of PAM's: more is no picture.
_MAX_WORD, _MAX_WORDS = 80, 64
#: Bytes of text that are read at a time.
_BLOCK = 2**20
#: Memory that a byte of text takes, as words and numbers.
_WORD_BYTES = 40
#: The channels of each kind; PAM states its own.
_CHANNELS = {
    b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1, b"P5": 1, b"P6": 3, b"Pf": 1, b"PF": 3,
}  # fmt: skip
_PLAIN = (b"P1", b"P2", b"P3")
_BITS, _PACKED, _FLOATS = (b"P1", b"P4"), b"P4", (b"Pf", b"PF")


class _Head(NamedTuple):
    """The head of a picture.

    Attributes
    ----------
    kind : bytes
        How it begins: P1 to P7, Pf or PF.
    height, width, channels : int
    white : int
        The number that is white; 0 of floats.
    scale : float
        Of floats: negative where the lower byte of a number comes first.
    has_alpha : bool
    start : int
        Where its pixels begin in the file.
    """

    kind: bytes
    height: int
    width: int
    channels: int
    white: int
    scale: float
    has_alpha: bool
    start: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its pixels with alpha."""
        size = (self.height, self.width)
        return size if self.channels == 1 else (*size, self.channels)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of numbers in its file."""
        if self.kind in _FLOATS:
            return np.dtype("<f4" if self.scale < 0 else ">f4")
        return np.dtype(">u2" if self.white > 255 else "u1")

    @property
    def bytes(self) -> int:
        """The bytes of its pixels in the file; at the least, of text."""
        values = self.height * self.width * self.channels
        if self.kind == _PACKED:
            return self.height * -(-self.width // 8)
        if self.kind in _PLAIN:
            return values if self.kind in _BITS else 2 * values - 1
        return values * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Where its pixels end."""
        return self.start + self.bytes


def open_frames(file: BinaryIO, max_pixels: int) -> Frames:
    """Open a file of pictures; raise ContentError if it is corrupt."""
    return Pictures(file, max_pixels)


class Pictures:
    """The pictures of an open file, each decoded on request.

    Parameters
    ----------
    file : binary file
    max_pixels : int
        The most that a picture may have.

    Raises
    ------
    ContentError
        If the head of one is corrupt.
    """

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        self._file, self._max_pixels = file, max_pixels
        self._size = file.seek(0, io.SEEK_END)
        try:
            self._heads = list(_heads(file, self._size))
        except ValueError as error:
            raise ContentError(decoding_problem(error)) from None

    def __len__(self) -> int:
        return len(self._heads)

    @property
    def pixels(self) -> int:
        """Number of pixels of all pictures."""
        return sum(head.height * head.width for head in self._heads)

    def read(self, number: int = 0) -> Image:
        """Decode a picture; raise ContentError if it is corrupt."""
        head = self._checked(number)
        self._file.seek(head.start)
        try:
            return self._image(head, _decoded(self._file, head))
        except (ValueError, OverflowError) as error:
            raise ContentError(decoding_problem(error)) from None

    def head(self) -> Image:
        """Return the first picture with blank pixels."""
        head = self._checked(0)
        top = 255 if head.kind in _BITS else head.white
        image = self._image(head, blank(head.shape, head.dtype.newbyteorder("="), top))
        more = 0
        if head.kind == _PACKED:
            more = head.bytes + image.nbytes
        elif head.kind in _PLAIN:
            more = _WORD_BYTES * min(self._size, _BLOCK)
        return image.blanked(image.nbytes + more + piped_bytes(self._file))

    def _checked(self, number: int) -> _Head:
        head = self._heads[number]
        check_pixels(head.height, head.width, self._max_pixels)
        if head.channels > 16 and head.bytes > 16 * self._max_pixels:
            raise too_large(f"{head.channels} channels unfold to {head.bytes} bytes")
        if head.end > self._size:
            missing = ValueError(f"{head.end - self._size} bytes are missing")
            raise ContentError(decoding_problem(missing))
        return head

    def _image(self, head: _Head, planes: Array) -> Image:
        """Return an image of what a file holds."""
        pixels, alpha = planes, None
        if head.has_alpha:
            pixels, alpha = planes[:, :, :-1], planes[:, :, -1]
            pixels = pixels[:, :, 0] if head.channels == 2 else pixels
            alpha = _spread(alpha, head.white)
        image = Image(pixels, alpha, "ppm", frames=len(self))
        if head.kind in _FLOATS:
            scale = abs(head.scale)
            note = f"its scale of {scale:g} is not applied"
            return replace(image, format="pfm", notes=(note,) if scale != 1 else ())
        is_usual = head.kind in _BITS or head.white == np.iinfo(pixels.dtype).max
        return replace(image, peak=None if is_usual else head.white)


def _heads(file: BinaryIO, size: int) -> Iterator[_Head]:
    """Read the heads of all pictures in a file."""
    file.seek(0)
    head = _read_head(file)
    yield head
    # Text holds one picture; what may stand behind floats is not theirs.
    while head.kind not in (*_PLAIN, *_FLOATS) and head.end < size:
        file.seek(head.end)
        if file.read(2) not in _CHANNELS.keys() - {*_PLAIN, *_FLOATS} | {b"P7"}:
            return
        file.seek(head.end)
        head = _read_head(file)
        yield head


def _read_head(file: BinaryIO) -> _Head:
    kind = file.read(2)
    if kind == b"P7":
        return _read_pam_head(file)
    channels = _CHANNELS[kind]
    width, height = _whole(_word(file)), _whole(_word(file))
    white, scale = 1, 1.0
    if kind in _FLOATS:
        white, scale = 0, float(_word(file))
        if not math.isfinite(scale) or scale == 0:
            raise ValueError(f"a scale of {scale:g}")
    elif kind not in _BITS:
        white = _whole(_word(file), most=65535)
    return _Head(kind, height, width, channels, white, scale, False, file.tell())


def _read_pam_head(file: BinaryIO) -> _Head:
    """Read the head of a PAM, of which each line is a name and a value."""
    values: dict[bytes, bytes] = {}
    for _ in range(_MAX_WORDS):
        name, _, value = file.readline(_MAX_WORD).strip().partition(b" ")
        if name == b"ENDHDR":
            break
        if name and not name.startswith(b"#"):
            values[name] = value.strip()
    else:
        raise ValueError("no end of its head")
    if missing := {b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"} - values.keys():
        raise ValueError(f"no {min(missing).decode()} in its head")
    width, height, channels = (_whole(values[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH"))
    white = _whole(values[b"MAXVAL"], most=65535)
    has_alpha = values.get(b"TUPLTYPE", b"").endswith(b"_ALPHA") and channels in (2, 4)
    return _Head(b"P7", height, width, channels, white, 1, has_alpha, file.tell())


def _word(file: BinaryIO) -> bytes:
    """Read a word of a head and one blank behind it; comments end with their line."""
    word = b""
    while letter := file.read(1):
        if letter == b"#":
            while file.read(1) not in b"\r\n":
                pass
            letter = b"\n"  # a comment ends a word, too
        if letter not in _BLANKS:
            word += letter
        elif word:
            return word
        if len(word) > _MAX_WORD:
            break
    raise ValueError("no end of its head")


def _whole(word: bytes, most: int = 2**31 - 1) -> int:
    """Return a head's positive integer."""
    if not word.isdigit() or not 0 < int(word) <= most:
        raise ValueError(f"{word.decode('ascii', 'replace')!r} in its head")
    return int(word)


def _decoded(file: BinaryIO, head: _Head) -> Array:
    """Read the numbers of a picture."""
    if head.kind in _PLAIN:
        return _of_text(file, head)
    if head.kind == _PACKED:
        rows = np.frombuffer(file.read(head.bytes), np.uint8).reshape(head.height, -1)
        return np.unpackbits(rows, axis=1, count=head.width) * np.uint8(255) ^ np.uint8(255)
    numbers = np.empty(head.shape, head.dtype)
    if cast("io.BufferedIOBase", file).readinto(numbers.view(np.uint8).data) != numbers.nbytes:
        raise ValueError("bytes are missing")
    if not numbers.dtype.isnative:
        numbers = numbers.byteswap(inplace=True).view(numbers.dtype.newbyteorder())
    return numbers[::-1] if head.kind in _FLOATS else numbers


def _of_text(file: BinaryIO, head: _Head) -> Array:
    """Read numbers that are written as text."""
    numbers = np.empty(math.prod(head.shape), head.dtype.newbyteorder("="))
    done = 0
    for words in _words(file, is_bits=head.kind in _BITS):
        found = np.array(words[: len(numbers) - done], bytes).astype(np.int64)
        if found.size and not 0 <= found.min() <= found.max() <= head.white:
            raise ValueError(f"a number beyond its white of {head.white}")
        numbers[done : done + len(found)] = found
        done += len(found)
    if done < len(numbers):
        raise ValueError(f"{len(numbers) - done} numbers are missing")
    numbers = numbers.reshape(head.shape)
    return (1 - numbers) * np.uint8(255) if head.kind in _BITS else numbers


def _words(file: BinaryIO, *, is_bits: bool) -> Iterator[list[bytes]]:
    """Iterate over blocks of words; each digit is one where they are bits."""
    rest, is_comment = b"", False
    while block := file.read(_BLOCK).replace(b"\r", b"\n"):
        if is_comment:  # it goes on from the block before
            _, end, block = block.partition(b"\n")
            block = end + block
        lines = (rest + block).split(b"\n")
        is_comment = b"#" in lines[-1] or (is_comment and not block)
        text = b"\n".join(line.partition(b"#")[0] for line in lines)
        if is_bits:
            yield [bytes([digit]) for digit in text if digit not in _BLANKS]
            continue
        words = text.split()
        rest = words.pop() if words and text[-1] not in _BLANKS else b""
        if len(rest) > _MAX_WORD:
            raise ValueError("a number has too many digits")
        yield words
    yield [rest] if rest else []


def _spread(alpha: Array, white: int) -> Array:
    """Scale alpha to the whole range of its type."""
    top = np.iinfo(alpha.dtype).max
    if white == top:
        return alpha
    return np.rint(alpha.clip(max=white) * (top / white)).astype(alpha.dtype)
