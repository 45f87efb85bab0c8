"""HEIC, which pi_heif reads and nothing here writes."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.codecs.head import FOREIGN_COLOURS, boxes, content
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import MAX_PIXELS, Frames, Image, Metadata, blank, check_pixels
from cnnfilter.files.metadata.parts import exif_upright, xmp_upright
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.pillow.reader import decoding
from cnnfilter.files.premultiplied import divided
from cnnfilter.text import shape_text

#: Numbers of primaries and transfers (ITU-T H.273) that are sRGB's, or not stated.
_SRGB_PRIMARIES, _SRGB_TRANSFERS = (1, 2), (1, 2, 6, 13, 14, 15)
#: What promises a gain map in XMP.
_GAIN_MAP = (b"hdrgm:", b"HDRGainMap")


class _Kind(NamedTuple):
    """What pixels are, by the library's name such as ``RGBa;10``."""

    is_gray: bool
    has_alpha: bool
    is_premultiplied: bool
    bits: int

    @classmethod
    def of(cls, mode: str) -> "_Kind":
        base, _, bits = mode.partition(";")
        return cls(base[0] in "LI", base[-1] in "Aa", base[-1] == "a", int(bits.rstrip("LB") or 8))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def peak(self) -> int | None:
        return None if self.bits in (8, 16) else 2**self.bits - 1


def open_frames(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Frames:
    """Open an HEIC.

    Raises
    ------
    ContentError
        If its extra is not installed, it is broken, or has too many pixels.
    """
    return _Pictures(file, max_pixels)


class _Pictures:
    """The pictures of an open HEIC; the one to be shown is the first."""

    def __init__(self, file: BinaryIO, max_pixels: int) -> None:
        FORMATS["heic"].load_codec()
        import pi_heif

        self._file, self._max_pixels = file, max_pixels
        with decoding():
            _check_words(file)
            heif = pi_heif.HeifFile(file, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        if not len(heif):
            raise ContentError(
                "is an HEIC in an unusual coding, which is not supported; export it as png or tif"
            )
        first = heif.primary_index
        numbers = [first, *(number for number in range(len(heif)) if number != first)]
        self._pictures = [heif[number] for number in numbers]

    def __len__(self) -> int:
        return 1

    @property
    def others(self) -> int:
        """Number of pictures behind the first, which are read on request."""
        return len(self._pictures) - 1

    @property
    def pixels(self) -> int:
        """Number of pixels of the first picture."""
        width, height = self._pictures[0].size
        return int(width * height)

    def read(self, number: int = 0) -> Image:
        """Decode a picture, which the library turns upright.

        Raises
        ------
        ContentError
            If it is broken or has too many pixels.
        """
        picture = self._pictures[number]
        self._check(picture)
        expected = picture.size[::-1]
        with decoding():
            values = np.array(picture)
            picture._data = None  # its own copy
            if values.shape[:2] != expected:
                shapes = shape_text(expected), shape_text(values.shape)
                raise ValueError(f"its head says {shapes[0]}, its data {shapes[1]}")
        kept, notes = _metadata(picture.info)
        return self._image(picture, values, kept, notes)

    def head(self) -> Image:
        """Return the first picture with blank pixels."""
        picture = self._pictures[0]
        self._check(picture)
        kind = _Kind.of(picture.mode)
        channels = (1 if kind.is_gray else 3) + kind.has_alpha
        size = picture.size[::-1]
        values = blank(size if channels == 1 else (*size, channels), kind.dtype)
        image = self._image(picture, values, Metadata(), _metadata(picture.info)[1])
        pixels, file = size[0] * size[1], self._file.seek(0, io.SEEK_END)
        reading = FORMATS["heic"].reading_bytes(
            image.nbytes, pixels, values.size, file, picture=piped_bytes(self._file)
        )
        return replace(image, reading=reading)

    def _check(self, picture: Any) -> None:
        width, height = picture.size
        check_pixels(height, width, self._max_pixels)

    def _image(
        self, picture: Any, values: Array, metadata: Metadata, notes: tuple[str, ...]
    ) -> Image:
        kind, pixels, alpha = _Kind.of(picture.mode), values, None
        if kind.has_alpha:
            pixels, alpha = values[:, :, :-1], values[:, :, -1]
            pixels = pixels[:, :, 0] if kind.is_gray else pixels
        if alpha is not None and kind.is_premultiplied and any(values.strides):
            pixels = divided(pixels, alpha, top=2**kind.bits - 1)
            metadata = Metadata(**metadata, is_premultiplied=True)
        if self.others and picture is self._pictures[0]:
            notes = (*notes, f"the first of {len(self._pictures)} pictures (--frame N)")
        return Image(pixels, alpha, "heic", metadata, notes, peak=kind.peak)


def _check_words(file: BinaryIO) -> None:
    """Check that the kinds and names of items are UTF-8; pi_heif crashes on others."""
    for begin, end in _inside(file, b"meta", 0, file.seek(0, io.SEEK_END), 4):
        for start, stop in _inside(file, b"iinf", begin, end, 0):
            version = content(file, start, stop, 1)
            for at, till in _inside(file, b"infe", start + (8 if any(version) else 6), stop, 0):
                item = content(file, at, till)
                item[10 if item[:1] == b"\3" else 8 :].decode()


def _inside(
    file: BinaryIO, kind: bytes, begin: int, end: int, skipped: int
) -> Iterator[tuple[int, int]]:
    """Yield where the boxes of a kind begin and end, behind the bytes to skip."""
    for found, start, stop in [*boxes(file, begin, end)]:
        if found == kind:
            yield start + skipped, stop


def _metadata(info: Mapping[str, Any]) -> tuple[Metadata, tuple[str, ...]]:
    """Return what is kept of a picture's metadata, and notes."""
    kept, notes = Metadata(), []
    kinds = {str(kind).rpartition(":")[2].lower() for kind in info.get("aux", ())}
    has_gain_map = any("gainmap" in kind for kind in kinds)
    if has_gain_map:
        notes.append("its gain map is left out")
    if info.get("depth_images"):
        notes.append("its depth map is left out")
    if profile := info.get("icc_profile"):
        kept["icc_profile"] = bytes(profile)
    elif not _is_srgb(info.get("nclx_profile") or {}):
        notes.append(FOREIGN_COLOURS)
    xmp = info.get("xmp")
    if xmp and not (has_gain_map and any(words in xmp for words in _GAIN_MAP)):
        described, promised = xmp_upright(xmp)
        kept.update(described)
        notes += [note for note in promised if note not in notes]
    if exif := info.get("exif"):
        try:
            kept.update(exif_upright(exif))
        except Exception:  # noqa: BLE001 - whatever Pillow finds odd in it
            notes.append("its EXIF cannot be read: left out")
    return kept, tuple(notes)


def _is_srgb(colours: Mapping[str, Any]) -> bool:
    return (
        colours.get("color_primaries", 2) in _SRGB_PRIMARIES
        and colours.get("transfer_characteristics", 2) in _SRGB_TRANSFERS
    )
