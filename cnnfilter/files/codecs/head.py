"""Pictures that imagecodecs decodes; their heads are read before memory is taken."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.format import EXTRAS, install, is_installed
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import Image, Metadata, blank, check_pixels, too_large, upright
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.pillow.reader import decoding
from cnnfilter.files.premultiplied import divided
from cnnfilter.text import shape_text

#: Bytes that the values of a picture may take for each pixel that is allowed.
_MOST_BYTES = 16
#: Boxes of a file that are looked at, and bytes of one that is read.
_MAX_BOXES, _MAX_BOX = 1000, 2**24
_SIDEWAYS = 5
#: A note on colours that are kept as numbers.
FOREIGN_COLOURS = "its colours are not sRGB's: their numbers are kept as they are"


def codec(extra: str, what: str) -> ModuleType:
    """Import the module of an extra.

    Raises
    ------
    ContentError
        If it is not installed; it says that `what`, a kind of file, needs it.
    """
    if not is_installed(EXTRAS[extra]):
        raise ContentError(f"is {what}, which needs an extra: {install(extra)}")
    return import_module(EXTRAS[extra])


@dataclass(frozen=True, eq=False)
class Head:
    """What a picture will be, as its file says.

    Attributes
    ----------
    height, width : int
        As it is stored.
    colors : int
        Number of channels without alpha.
    bits : int
        Of each channel; 8 and 16 fill their type.
    kind : {"u", "i", "f"}
        NumPy's kind of the numbers.
    alpha : int or None
        The number of the channel that is alpha.
    is_premultiplied : bool
    orientation : int
        EXIF's, if the decoder does not apply it.
    notes : tuple of str
    """

    height: int
    width: int
    colors: int
    bits: int
    kind: str = "u"
    alpha: int | None = None
    is_premultiplied: bool = False
    orientation: int = 1
    notes: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """Number of channels with alpha."""
        return self.colors + (self.alpha is not None)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        size = 1 if self.bits <= 8 else 2 if self.bits <= 16 else 4
        return np.dtype(f"{self.kind}{size}")

    @property
    def peak(self) -> int | None:
        """The number that is white, where it is not its type's largest."""
        return 2**self.bits - 1 if self.kind == "u" and 8 < self.bits < 16 else None

    def check(self, max_pixels: int) -> None:
        """Check that a picture has no unexpected pixels or channels."""
        check_pixels(self.height, self.width, max_pixels)
        size = self.height * self.width * self.channels * self.dtype.itemsize
        if size > _MOST_BYTES * max_pixels:
            raise too_large(f"{self.channels} channels unfold to {size} bytes")


class Decoded:
    """The picture of an open file, decoded on request.

    Parameters
    ----------
    file : binary file
    max_pixels : int
        The most that it may have.
    format : str
        A name from `FORMATS`.
    head : Head
    decode : callable
        Takes the file's bytes; returns its values.
    metadata : callable
        Takes the file's bytes; returns what is kept, and notes.
    """

    def __init__(
        self,
        file: BinaryIO,
        max_pixels: int,
        format: str,
        head: Head,
        decode: Callable[[bytes], Array],
        metadata: Callable[[bytes], tuple[Metadata, tuple[str, ...]]] | None = None,
    ) -> None:
        head.check(max_pixels)
        self._file, self._format, self._head = file, format, head
        self._decode, self._metadata = decode, metadata

    def __len__(self) -> int:
        return 1

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self._head.height * self._head.width

    def read(self, number: int = 0) -> Image:
        """Decode it.

        Raises
        ------
        ContentError
            If it is broken, or not what its head says.
        """
        head = self._head
        with decoding():
            self._file.seek(0)
            data = self._file.read()
            values = self._decode(data)
            expected = (head.height, head.width, head.channels)
            if np.atleast_3d(values).shape != expected or values.dtype != head.dtype:
                raise ValueError(
                    f"its head says {shape_text(expected)} of {head.dtype}, its data "
                    f"{shape_text(values.shape)} of {values.dtype}"
                )
            kept, notes = self._metadata(data) if self._metadata else (Metadata(), ())
        return self._image(upright(values, head.orientation), kept, notes)

    def head(self) -> Image:
        """Return it with blank pixels."""
        head = self._head
        size = (head.height, head.width)
        size = size[::-1] if head.orientation >= _SIDEWAYS else size
        shape = size if head.channels == 1 else (*size, head.channels)
        values = blank(shape, head.dtype, self._top)
        image = self._image(values, Metadata(), ())
        file = self._file.seek(0, io.SEEK_END)
        reading = FORMATS[self._format].reading_bytes(
            image.nbytes, self.pixels, values.size, file,
            picture=piped_bytes(self._file), more=image.nbytes,
        )  # fmt: skip
        return replace(image, reading=reading)

    @property
    def _top(self) -> float:
        head = self._head
        return 1 if head.kind == "f" else 2 ** (head.bits - (head.kind == "i")) - 1

    def _image(self, values: Array, metadata: Metadata, notes: tuple[str, ...]) -> Image:
        head = self._head
        if head.kind == "u" and head.bits < 8:
            if any(values.strides):
                values = stretched(values, head.bits)
            notes = (*notes, stretched_note(head.bits))
        pixels, alpha = values, None
        if head.alpha is not None:
            last, alpha = head.channels - 1, values[:, :, head.alpha]
            if head.alpha != last and any(values.strides):
                values = np.delete(values, head.alpha, axis=2)
            pixels = values[:, :, :last]
            pixels = pixels[:, :, 0] if head.colors == 1 else pixels
        if alpha is not None and head.is_premultiplied and any(alpha.strides):
            pixels = divided(pixels, alpha, top=255 if head.bits < 8 else self._top)
            metadata = Metadata(**metadata, is_premultiplied=True)
        is_picture = head.kind == "u" and head.bits <= 16
        return Image(
            pixels,
            alpha,
            self._format if is_picture else "float",
            metadata,
            (*head.notes, *notes),
            peak=head.peak,
        )


def stretched(values: Array, bits: int) -> Array:
    """Stretch values of fewer bits to 8.

    Examples
    --------
    >>> stretched(np.uint8([0, 1, 3]), 2)
    array([  0,  85, 255], dtype=uint8)
    """
    return np.rint(values * (255 / (2**bits - 1))).astype(np.uint8)


def stretched_note(bits: int) -> str:
    """Return the note on values that were stretched."""
    return f"stretched from {bits} bit(s) to 8"


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a file: kind, and where the content begins and ends."""
    at = start
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if at + 8 > end or len(head) < 8:
            return
        size, begin = int.from_bytes(head[:4]), at + 8
        if size == 1:
            size, begin = int.from_bytes(head[8:]), at + 16
        stop = end if size == 0 else min(end, at + size)
        if stop < begin:
            return
        yield head[4:8], begin, stop
        at = stop


def content(file: BinaryIO, begin: int, end: int, most: int = _MAX_BOX) -> bytes:
    """Read a box, or its first bytes."""
    file.seek(begin)
    return file.read(min(end - begin, most))


def box(kind: bytes, inner: bytes) -> bytes:
    """Return a box of a file."""
    return (8 + len(inner)).to_bytes(4) + kind + inner
