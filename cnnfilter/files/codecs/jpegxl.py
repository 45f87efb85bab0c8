"""JPEG XL, by imagecodecs; its head and metadata are read and written here."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.codecs.head import FOREIGN_COLOURS, Decoded, Head, box, boxes, codec, content
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import MAX_PIXELS, Frames, Metadata
from cnnfilter.files.metadata.parts import exif_upright, xmp_upright

#: Bytes of a codestream that hold its head, and of metadata that is unpacked.
_HEAD, _MOST_METADATA = 2**12, 2**22
_MAX_EXTRA = 256
#: Ratios of width to height (ISO 18181-1, A.2).
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
#: Numbers of colour spaces, white points, primaries and transfers (ISO 18181-1, A.7).
_GRAY, _XYB, _CUSTOM, _D65, _SRGB = 1, 2, 2, 1, 1
_LINEAR, _SRGB_CURVE = 8, 13
_ALPHA, _SPOT, _CFA = 0, 2, 5
#: Each selector's number of bits and offset.
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_SIZE = ((9, 1), (13, 1), (18, 1), (30, 1))
_INTEGER_BITS, _FLOAT_BITS = ((0, 8), (0, 10), (0, 12), (6, 1)), ((0, 32), (0, 16), (0, 24), (6, 1))
_PREVIEW_8, _PREVIEW = ((0, 16), (0, 32), (5, 1), (9, 33)), ((6, 1), (8, 65), (10, 321), (12, 1345))


class _Bits:
    """Reads a head bit by bit.

    Raises EOFError behind its end.
    """

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._left, self._value = 8 * len(data), int.from_bytes(data, "little")

    def take(self, number: int) -> int:
        """Return the next bits as an integer."""
        if number > self._left:
            raise EOFError
        self.at += number
        self._left -= number
        taken = self._value & (1 << number) - 1
        self._value >>= number
        return taken

    def choose(self, choices: Sequence[tuple[int, int]]) -> int:
        """Return an integer whose length two bits choose."""
        number, offset = choices[self.take(2)]
        return self.take(number) + offset


class _Colours(NamedTuple):
    """What a head says of colours.

    Attributes
    ----------
    is_gray : bool
    notes : tuple of str
    curve, curve_at : int
        The transfer's number, and where its last bits stand; 0 where it is not stated.
    """

    is_gray: bool = False
    notes: tuple[str, ...] = ()
    curve: int = 0
    curve_at: int = 0


def open_frames(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Frames:
    """Open a JPEG XL.

    Raises
    ------
    ContentError
        If its extra is not installed, its head is broken, or it has too many pixels.
    """
    FORMATS["jxl"].load_codec()
    imagecodecs = codec("codecs", "a JPEG XL")
    try:
        head, _ = _head(_Bits(_codestream(file)))
    except EOFError:
        raise ContentError("corrupt or truncated (its head ends early); copy it again") from None

    def decoded(data: bytes) -> Array:
        values: Array = imagecodecs.jpegxl_decode(data, index=0)
        return values

    return Decoded(file, max_pixels, "jxl", head, decoded, _metadata)


def _codestream(file: BinaryIO) -> bytes:
    """Return the first bytes of the codestream, behind its signature."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    data = file.read(_HEAD)
    if not data.startswith(b"\xff\x0a"):
        parts = [
            content(file, begin + (4 if kind == b"jxlp" else 0), stop, _HEAD)
            for kind, begin, stop in boxes(file, 0, end)
            if kind in (b"jxlc", b"jxlp")
        ]
        data = b"".join(parts)[:_HEAD]
    if not data.startswith(b"\xff\x0a"):
        raise EOFError
    return data[2:]


def _head(bits: _Bits) -> tuple[Head, _Colours]:
    height, width = _size(bits)
    if bits.take(1):  # all as usual
        return Head(height, width, 3, 8), _Colours()
    notes = []
    if bits.take(1):
        orientation = bits.take(3) + 1
        height, width = (width, height) if orientation > 4 else (height, width)
        if _extras_are_animated(bits):
            notes.append("only the first frame of its animation is read")
    depth, kind = _depth(bits)
    bits.take(1)
    number = bits.choose(((0, 0), (0, 1), (4, 2), (12, 1)))
    if number > _MAX_EXTRA:
        raise ContentError(f"is a JPEG XL of {number} further channels; {_MAX_EXTRA} are read")
    extra = [_extra(bits) for _ in range(number)]
    bits.take(1)
    colours = _colours(bits)
    colors = 1 if colours.is_gray else 3
    alphas = [at for at, (use, _) in enumerate(extra) if use == _ALPHA]
    head = Head(height, width, colors + number, depth, kind, notes=(*notes, *colours.notes))
    if not alphas:
        return head, colours
    alpha = colors + alphas[0]
    is_premultiplied = extra[alphas[0]][1]
    head = replace(head, colors=head.colors - 1, alpha=alpha, is_premultiplied=is_premultiplied)
    return head, colours


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if is_small else bits.choose(_SIZE)
    if ratio := bits.take(3):
        across, down = _RATIOS[ratio - 1]
        return height, height * across // down
    return height, 8 * (bits.take(5) + 1) if is_small else bits.choose(_SIZE)


def _extras_are_animated(bits: _Bits) -> bool:
    """Skip the sizes that are proposed; return whether it is animated."""
    if bits.take(1):
        _size(bits)
    if bits.take(1):
        sizes = _PREVIEW_8 if bits.take(1) else _PREVIEW
        bits.choose(sizes)
        if not bits.take(3):
            bits.choose(sizes)
    if not bits.take(1):
        return False
    bits.choose(((0, 100), (0, 1000), (10, 1), (30, 1)))
    bits.choose(((0, 1), (0, 1001), (8, 1), (10, 1)))
    bits.choose(((0, 0), (3, 0), (16, 0), (32, 0)))
    bits.take(1)
    return True


def _depth(bits: _Bits) -> tuple[int, Literal["u", "f"]]:
    """Return the bits of a channel, and NumPy's kind of numbers."""
    if not bits.take(1):
        return bits.choose(_INTEGER_BITS), "u"
    depth = bits.choose(_FLOAT_BITS)
    bits.take(4)
    return 16 if depth <= 16 else 32, "f"


def _extra(bits: _Bits) -> tuple[int, bool]:
    """Return a further channel's use, and whether it is premultiplied alpha."""
    if bits.take(1):
        return _ALPHA, False
    use = bits.choose(_ENUM)
    _depth(bits)
    bits.choose(((0, 0), (0, 3), (0, 4), (3, 1)))
    bits.take(8 * bits.choose(((0, 0), (4, 0), (5, 16), (10, 48))))
    if use == _SPOT:
        bits.take(64)
    if use == _CFA:
        bits.choose(((0, 1), (2, 0), (4, 3), (8, 19)))
    return use, bool(use == _ALPHA and bits.take(1))


def _colours(bits: _Bits) -> _Colours:
    if bits.take(1):
        return _Colours()
    has_profile, space = bits.take(1), bits.choose(_ENUM)
    is_gray = space == _GRAY
    if has_profile:
        return _Colours(is_gray, ("its colour profile is left out",))
    if space == _XYB:
        return _Colours()
    white = bits.choose(_ENUM)
    is_usual = white == _D65
    _skip_custom(bits, white, 1)
    if not is_gray:
        primaries = bits.choose(_ENUM)
        is_usual &= primaries == _SRGB
        _skip_custom(bits, primaries, 3)
    if bits.take(1):
        bits.take(24)
        return _Colours(is_gray, (FOREIGN_COLOURS,))
    curve = bits.choose(_ENUM)
    notes = () if is_usual and curve == _SRGB_CURVE else (FOREIGN_COLOURS,)
    return _Colours(is_gray, notes, curve, bits.at - 4)


def _skip_custom(bits: _Bits, number: int, points: int) -> None:
    """Skip points of a colour space of its own."""
    for _ in range(2 * points if number == _CUSTOM else 0):
        bits.choose(((19, 0), (19, 2**19), (20, 2**20), (21, 2**21)))


def _metadata(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Return EXIF and XMP, and notes on what cannot be read."""
    kept, notes = Metadata(), list[str]()
    if data.startswith(b"\xff\x0a"):
        return kept, ()
    file = io.BytesIO(data)
    for kind, begin, stop in boxes(file, 0, len(data)):
        inner = content(file, begin, stop)
        try:
            if kind == b"brob":
                kind, inner = inner[:4], _unpacked(inner[4:])
            if kind == b"Exif":
                start = 4 + int.from_bytes(inner[:4])
                kept.update(exif_upright(inner[start:]))
            elif kind == b"xml ":
                described, promised = xmp_upright(inner)
                kept.update(described)
                notes += promised
        except Exception:  # noqa: BLE001 - whatever a library finds odd in it
            notes.append(f"its {'XMP' if kind == b'xml ' else 'EXIF'} cannot be read: left out")
    return kept, tuple(notes)


def _unpacked(data: bytes) -> bytes:
    return bytes(codec("codecs", "a JPEG XL").brotli_decode(data, out=_MOST_METADATA))


def write_deep(
    file: BinaryIO,
    pages: Sequence[tuple[Array, Array | None]],
    metadata: Mapping[str, Any],
    *,
    effort: int,
    quality: int | None = None,
) -> list[str]:
    """Write a picture of 8 or 16 bits, without a loss unless a quality is chosen."""
    ((pixels, alpha),) = pages
    planes = np.ascontiguousarray(pixels if alpha is None else np.dstack([pixels, alpha]))
    data = _encoded(planes, alpha is not None, effort, quality)
    added = b""
    if exif := metadata.get("exif"):
        added += box(b"Exif", bytes(4) + exif.removeprefix(b"Exif\0\0"))
    if xmp := metadata.get("xmp"):
        added += box(b"xml ", xmp)
    start, _ = _place(data)
    file.write(data[:start] + added + data[start:])
    return []


def _encoded(planes: Array, has_alpha: bool, effort: int, quality: int | None) -> bytes:
    """Return a file whose colours are sRGB's.

    imagecodecs says of 16 bits that they are linear.
    """
    imagecodecs = codec("codecs", "a JPEG XL")
    loss: dict[str, object] = {"lossless": True}
    if quality is not None and quality < 100:
        loss = {"lossless": False, "distance": _distance(quality)}
        if planes.dtype == np.uint16:  # what is lost depends on what the numbers mean
            planes = _linear(planes, has_alpha)
    data = bytes(imagecodecs.jpegxl_encode(planes, effort=effort, usecontainer=True, **loss))
    _, begin = _place(data)
    _, colours = _head(_Bits(data[begin + 2 : begin + _HEAD]))
    if colours.curve != _LINEAR:
        return data
    at = 8 * (begin + 2) + colours.curve_at
    number = int.from_bytes(data[at // 8 : at // 8 + 2], "little")
    number ^= ((_LINEAR - 2) ^ (_SRGB_CURVE - 2)) << at % 8
    return data[: at // 8] + number.to_bytes(2, "little") + data[at // 8 + 2 :]


def _place(data: bytes) -> tuple[int, int]:
    """Return where the box of a file's codestream begins, and its content."""
    for kind, begin, _ in boxes(io.BytesIO(data), 0, len(data)):
        if kind in (b"jxlc", b"jxlp"):
            return begin - 8, begin + (4 if kind == b"jxlp" else 0)
    raise ValueError("no codestream")


def _linear(planes: Array, has_alpha: bool) -> Array:
    """Return 16-bit values as linear light, alpha as it is."""
    values = np.arange(2**16) / (2**16 - 1)
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    result = np.rint(light * (2**16 - 1)).astype(np.uint16)[planes]
    if has_alpha:
        result[:, :, -1] = planes[:, :, -1]
    return result


def _distance(quality: int) -> float:
    """Return libjxl's distance of a quality.

    Examples
    --------
    >>> [round(_distance(quality), 2) for quality in (90, 30, 1)]
    [1.0, 6.4, 23.87]
    """
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
