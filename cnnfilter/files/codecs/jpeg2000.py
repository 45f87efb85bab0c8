"""JPEG 2000 of other bits than 8, which Pillow shifts to 8 or 16; and in 16-bit colours."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.codecs.head import (
    FOREIGN_COLOURS,
    Decoded,
    Head,
    box,
    boxes,
    codec,
    content,
    stretched,
    stretched_note,
)
from cnnfilter.files.image import MAX_PIXELS, Frames, Image, blank
from cnnfilter.files.metadata.parts import profile_fits
from cnnfilter.files.pillow.reader import Pictures

_CODESTREAM, _SIZ = b"\xff\x4f\xff\x51", 38
#: Bytes of a component in the head of a codestream.
_COMPONENT = 3
#: The most components of a codestream.
_MAX_COMPONENTS = 2**14
#: The most bits that OpenJPEG is trusted with.
_MOST_BITS = 24
#: Numbers of colour spaces (ISO 15444-1, I.5.3.3), and of the uses of channels (I.5.3.6).
_CMYK, _SYCC = 12, 18
_KNOWN_SPACES = (0, 15, _CMYK, 16, 17, _SYCC)  # bits, sRGB and grey
_OPACITY, _PREMULTIPLIED, _UNSPECIFIED = 1, 2, 65535


class _Component(NamedTuple):
    bits: int
    is_signed: bool


class _Picture(NamedTuple):
    """What the head of a file says."""

    height: int
    width: int
    components: tuple[_Component, ...]
    space: int = 0
    has_palette: bool = False
    profile: bytes = b""
    #: The uses of channels that are not colours, by number.
    uses: Mapping[int, int] = {}

    @property
    def bits(self) -> set[int]:
        return {component.bits for component in self.components}

    @property
    def is_plain(self) -> bool:
        """Test whether Pillow reads its numbers as they are."""
        has_other = any(component != (8, False) for component in self.components)
        return self.has_palette or (self.is_usual and not has_other)

    @property
    def is_usual(self) -> bool:
        """Test whether Pillow knows what its channels are."""
        channels = len(self.components)
        last = channels - 1 if channels in (2, 4) else None
        is_straight = _PREMULTIPLIED not in self.uses.values()
        return channels <= 4 and (not self.uses or (self.alpha == last and is_straight))

    @property
    def notes(self) -> tuple[str, ...]:
        """The note on its colours, if they are unusual."""
        return () if self.space in _KNOWN_SPACES else (FOREIGN_COLOURS,)

    @property
    def is_small(self) -> bool:
        """Test whether Pillow reads its numbers shifted to 8 bits."""
        return self.is_usual and all(bits <= 8 and not signed for bits, signed in self.components)

    @property
    def is_gray(self) -> bool:
        """Test whether Pillow reads it shifted to 16 bits."""
        # Of 9 bits in a file with boxes it takes 8.
        return len(self.components) == 1 and max(self.bits) in (8, *range(10, 17))

    @property
    def alpha(self) -> int | None:
        """The number of the channel that is alpha."""
        if self.uses:
            stated = (_OPACITY, _PREMULTIPLIED)
            return next((number for number, use in self.uses.items() if use in stated), None)
        channels = len(self.components)
        return channels - 1 if channels in (2, 4) and self.space != _CMYK else None


def open_frames(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Frames:
    """Open a JPEG 2000, by Pillow where nothing is lost.

    Raises
    ------
    ContentError
        If it needs an extra that is not installed, or has too many pixels.
    """
    picture = _picture(file)
    file.seek(0)
    if picture is None:
        return Pictures(file, max_pixels)
    frames = _frames(file, max_pixels, picture)
    return _Coloured(frames, picture) if picture.profile or picture.notes else frames


def _frames(file: BinaryIO, max_pixels: int, picture: _Picture) -> Frames:
    if picture.is_plain:
        return Pictures(file, max_pixels)
    if picture.is_small or picture.is_gray:
        return _Shifted(Pictures(file, max_pixels), picture)
    if picture.space == _CMYK or len(set(picture.components)) > 1 or max(picture.bits) > _MOST_BITS:
        kinds = " and ".join(map(str, sorted(picture.bits)))
        inks = " in print colours" * (picture.space == _CMYK)
        raise ContentError(
            f"is a JPEG 2000 of {kinds} bits{inks}, which is not supported; export it as png or tif"
        )
    kind = f"a {max(picture.bits)}-bit JPEG 2000 of {len(picture.components)} channels"
    imagecodecs = codec("codecs", kind)

    def decoded(data: bytes) -> Array:
        values = imagecodecs.jpeg2k_decode(data)
        return _rgb(values, picture) if picture.space == _SYCC else values

    return Decoded(file, max_pixels, "jp2", _head(picture), decoded)


def _head(picture: _Picture) -> Head:
    component = picture.components[0]
    return Head(
        picture.height,
        picture.width,
        len(picture.components) - (picture.alpha is not None),
        component.bits,
        "i" if component.is_signed else "u",
        alpha=picture.alpha,
        is_premultiplied=picture.uses.get(picture.alpha or 0) == _PREMULTIPLIED,
    )


class _Single:
    """An open picture, and what is known of it."""

    def __init__(self, frames: Frames, picture: _Picture) -> None:
        self._frames, self._picture = frames, picture

    def __len__(self) -> int:
        return 1

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self._frames.pixels


class _Coloured(_Single):
    """A picture with its profile, which Pillow drops, or a note on its colours."""

    def read(self, number: int = 0) -> Image:
        """Decode it."""
        image, profile = self._frames.read(number), self._picture.profile
        if profile_fits(profile, image.pixels):
            image.metadata["icc_profile"] = profile
        return self._noted(image)

    def head(self) -> Image:
        """Return it with blank pixels."""
        return self._noted(self._frames.head())

    def _noted(self, image: Image) -> Image:
        return replace(image, notes=(*image.notes, *self._picture.notes))


class _Shifted(_Single):
    """A picture as Pillow reads it, its shifts undone."""

    def read(self, number: int = 0) -> Image:
        """Decode it."""
        return self._unshifted(self._frames.read(number))

    def head(self) -> Image:
        """Return it with blank pixels."""
        head = self._frames.head()
        if self._picture.is_small:
            return self._noted(head)
        corner = self._unshifted(replace(head, pixels=np.zeros((1, 1), head.pixels.dtype)))
        pixels = blank(head.pixels.shape, corner.pixels.dtype, corner.pixels.min())
        return replace(corner, pixels=pixels)

    def _noted(self, image: Image) -> Image:
        return replace(image, notes=(*image.notes, stretched_note(min(self._picture.bits))))

    def _unshifted(self, image: Image) -> Image:
        if not self._picture.is_small:
            return _deep_gray(image, *self._picture.components[0])
        channels = np.dstack([image.pixels] if image.alpha is None else [image.pixels, image.alpha])
        for number, (bits, _) in enumerate(self._picture.components[: channels.shape[2]]):
            channels[:, :, number] = stretched(channels[:, :, number] >> (8 - bits), bits)
        pixels = channels if image.alpha is None else channels[:, :, :-1]
        pixels = pixels[:, :, 0] if image.pixels.ndim == 2 else pixels
        alpha = None if image.alpha is None else channels[:, :, -1]
        return self._noted(replace(image, pixels=pixels, alpha=alpha))


def _deep_gray(image: Image, bits: int, is_signed: bool) -> Image:
    """Return grey without Pillow's shift and offset."""
    depth = 8 * image.pixels.dtype.itemsize
    pixels = image.pixels >> (depth - bits)
    if is_signed:
        signed = pixels.astype(np.int32) - 2 ** (bits - 1)
        return replace(image, pixels=signed.astype(f"i{depth // 8}"), format="float")
    return replace(image, pixels=pixels, peak=2**bits - 1 if bits < depth else None)


def _rgb(values: Array, picture: _Picture) -> Array:
    """Turn luma and chroma to RGB, as of ITU-R 601."""
    top = 2.0 ** max(picture.bits) - 1
    luma, blue, red = (values[:, :, number].astype(np.float64) for number in range(3))
    blue, red = blue - (top + 1) / 2, red - (top + 1) / 2
    colours = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    result = values.copy()
    result[:, :, :3] = np.rint(np.dstack(colours)).clip(0, top)
    return result


def _picture(file: BinaryIO) -> _Picture | None:
    """Read what a file's head says, if it is whole."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) == _CODESTREAM:
        return _sized(file, 0, {})
    facts: dict[str, Any] = {}
    for kind, begin, stop in boxes(file, 0, end):
        if kind == b"jp2h":
            facts = _facts(file, begin, stop)
        if kind == b"jp2c":
            return _sized(file, begin, facts)
    return None


def _facts(file: BinaryIO, begin: int, end: int) -> dict[str, Any]:
    """Read the boxes about colours."""
    facts: dict[str, Any] = {}
    for kind, start, stop in boxes(file, begin, end):
        inner = content(file, start, stop)
        if kind == b"colr" and inner[:1] in (b"\2", b"\3"):
            facts.setdefault("profile", inner[3:])
        if kind == b"colr" and len(inner) >= 7 and inner[0] == 1 and "space" not in facts:
            facts["space"] = int.from_bytes(inner[3:7])
        if kind == b"pclr":
            facts["has_palette"] = True
        if kind == b"cdef":
            entries = [inner[at : at + 6] for at in range(2, len(inner) - 5, 6)]
            numbers = [(int.from_bytes(entry[:2]), int.from_bytes(entry[2:4])) for entry in entries]
            facts["uses"] = {number: use for number, use in numbers if use} or {-1: _UNSPECIFIED}
    return facts


def _sized(file: BinaryIO, at: int, facts: Mapping[str, Any]) -> _Picture | None:
    """Read the head of a codestream."""
    head = content(file, at, at + 4 + _SIZ)
    count = int.from_bytes(head[40:42])
    if not head.startswith(_CODESTREAM) or not 0 < count <= _MAX_COMPONENTS:
        return None
    right, bottom, left, top = (int.from_bytes(head[at : at + 4]) for at in range(8, 24, 4))
    depths = file.read(_COMPONENT * count)[::_COMPONENT]
    components = tuple(_Component((depth & 127) + 1, depth > 127) for depth in depths)
    if len(components) < count or right <= left or bottom <= top:
        return None
    return _Picture(bottom - top, right - left, components, **facts)


def write_deep(
    file: BinaryIO, pages: Sequence[tuple[Array, Array | None]], _: Mapping[str, Any]
) -> list[str]:
    """Write a picture in 16 bits, with alpha if it has any."""
    imagecodecs = codec("codecs", "a JPEG 2000 in 16-bit colours")
    ((pixels, alpha),) = pages
    planes = pixels if alpha is None else np.dstack([pixels, alpha])
    data = imagecodecs.jpeg2k_encode(planes, level=0, reversible=True, codecformat="jp2")
    file.write(data if alpha is None else _with_alpha(bytes(data), planes.shape[2]))
    return []


def _with_alpha(data: bytes, channels: int) -> bytes:
    """Add the box that says which channel is alpha."""
    uses = [(number, 0, number + 1) for number in range(channels - 1)] + [(channels - 1, 1, 0)]
    numbers = [channels, *(number for use in uses for number in use)]
    added = box(b"cdef", b"".join(number.to_bytes(2) for number in numbers))
    for kind, begin, stop in boxes(io.BytesIO(data), 0, len(data)):
        if kind == b"jp2h":
            return data[: begin - 8] + box(kind, data[begin:stop] + added) + data[stop:]
    return data
