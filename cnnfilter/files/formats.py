"""The formats that are read and written, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import PurePath
from typing import NamedTuple

from cnnfilter.errors import ArgumentError, unknown

#: The side of the tiles that JPEG 2000 is written in.
_TILE = 1024


class Buffers(NamedTuple):
    """What a codec holds beside its picture, in bytes.

    Attributes
    ----------
    pixel : float
        For each pixel.
    value : float
        For each of a pixel's values: 1 of grey, 3 of colours, one more with alpha.
    file : float
        For each byte of the file.
    tile : float
        For each value of a tile, of which one at a time is held.
    fixed : int
        Whatever the size.
    """

    pixel: float = 0
    value: float = 0
    file: float = 0
    tile: float = 0
    fixed: int = 0

    def bytes(self, pixels: int, values: int, file: int = 0) -> int:
        """Return what is held for so many pixels, values, and bytes of the file."""
        tile = min(1, _TILE**2 / max(1, pixels)) * self.tile * values
        return self.fixed + ceil(
            self.pixel * pixels + self.value * values + self.file * file + tile
        )


_NOTHING = Buffers()


@dataclass(frozen=True)
class Format:
    """A file format.

    Limits are None where there is none, or none that memory would not meet before.

    Attributes
    ----------
    suffixes : tuple of str
        The first is the one written.
    pillow : str
        Pillow's name for it; empty for matrices, which hold numbers as they are.
    alpha : {"full", "mask", ""}
        Whether it holds transparency: any, all or nothing, none.
    deep : {"gray", "color", ""}
        What it can hold in 16 bits: grey, colours too, nothing.
    options : dict
        What Pillow is told when it saves.
    small : dict
        What it is told besides where a small file is worth waiting for. It costs no quality.
    lossy : dict or None
        What it is told besides where a quality is asked for; None where there is none to ask for.
    frames : bool
        Whether it holds several frames or pages.
    reading, held : Buffers
        What its decoder holds while it decodes; and then, as long as the file is open.
    writing, losing, deep_writing : Buffers
        What its encoder holds; where a quality is asked for; of 16 bits. As measured by
        ``tests/benchmarks/memory.py``.
    is_buffered : bool
        Whether it is encoded in memory: its encoder does not return from a write that fails.
    holds_interpreter : bool
        Whether its codec holds Python's interpreter until a picture is done: only a process of
        its own can be ended then.
    side : int or None
        The most rows, and the most columns.
    area : int or None
        The most pixels.
    row_bytes, bytes : int or None
        The most bytes of a row, and of all rows, before they are compressed.
    row_unit : int
        Rows are padded to a multiple of so many bytes.
    duration : int or None
        The most milliseconds that a frame is shown.
    """

    suffixes: tuple[str, ...]
    pillow: str = ""
    alpha: str = ""
    deep: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    small: Mapping[str, object] = field(default_factory=dict)
    lossy: Mapping[str, object] | None = None
    frames: bool = False
    reading: Buffers = _NOTHING
    held: Buffers = _NOTHING
    writing: Buffers = _NOTHING
    losing: Buffers | None = None
    deep_writing: Buffers | None = None
    is_buffered: bool = False
    holds_interpreter: bool = False
    side: int | None = None
    area: int | None = None
    row_bytes: int | None = None
    bytes: int | None = None
    row_unit: int = 1
    duration: int | None = None

    def reading_bytes(
        self, arrays: int, pixels: int, values: int, file: int, picture: int = 0, more: int = 0
    ) -> int:
        """Return the most that is held while a file is read.

        Parameters
        ----------
        arrays : int
            Bytes that the image's arrays take.
        pixels, values, file : int
            See `Buffers.bytes`.
        picture : int
            Bytes that the decoder's picture takes.
        more : int
            Bytes that it takes besides while it decodes.
        """
        decoding = self.reading.bytes(pixels, values, file) + more
        return picture + max(decoding, self.held.bytes(pixels, values, file) + arrays)

    @property
    def is_picture(self) -> bool:
        """Whether it stores pixels, rounded and saturated."""
        return bool(self.pillow)

    def has_suffix(self, path: str) -> bool:
        """Return whether a name ends as this format's files do."""
        return PurePath(path).suffix.lower() in self.suffixes

    def excess(self, height: int, width: int, pixel_bytes: int = 1) -> str | None:
        """Return which limit a picture exceeds, in words; None where it fits.

        Examples
        --------
        >>> FORMATS["gif"].excess(1, 65536), FORMATS["gif"].excess(1, 65535)
        ('sides of 65535', None)
        """
        row = -(-width * pixel_bytes // self.row_unit) * self.row_unit
        limits = (
            (max(height, width), self.side, "sides of {}"),
            (height * width, self.area, "{} pixels"),
            (row, self.row_bytes, "rows of {} bytes"),
            (row * height, self.bytes, "{} bytes of pixels"),
        )
        for size, most, words in limits:
            if most is not None and size > most:
                return words.format(most)
        return None


#: Whether pictures are written quickly, or to small files.
COMPRESSIONS = ("fast", "small")

#: An array of 8 bytes a number for each line, and all of them joined.
_LINES = Buffers(value=16)
#: What NumPy writes at a time.
_CHUNK = 16 * 2**20
#: Pillow counts the bits of a row in an int, and some more than there are.
_ROW_BYTES = 2**28 - 32

#: Everything that may be read or written. No format that can run a program is here.
FORMATS: Mapping[str, Format] = {
    "png": Format(
        (".png",),
        "PNG",
        alpha="full",
        deep="gray",
        small={"optimize": True},
        frames=True,
        side=2**31 - 1,  # PNG specification, 11.2.1
        row_bytes=_ROW_BYTES,
        duration=2**16 - 1,
    ),
    "jpeg": Format(
        (".jpg", ".jpeg", ".jpe"),
        "JPEG",
        # Edges have colours, too. Optimized, Pillow may fail for want of room in its buffer.
        options={"quality": 92, "subsampling": "4:4:4"},
        lossy={},
        side=65_500,  # libjpeg's JPEG_MAX_DIMENSION; the format's own is 65535
    ),
    "tif": Format(
        (".tif", ".tiff"),
        "TIFF",
        "full",
        "color",
        options={"compression": "tiff_adobe_deflate"},
        frames=True,
        reading=Buffers(file=1),
        writing=Buffers(value=1.2),  # the file, which grows in memory
        deep_writing=Buffers(value=1.6),
        row_bytes=_ROW_BYTES,
    ),
    "webp": Format(
        (".webp",),
        "WEBP",
        "full",
        # Where nothing is lost, quality is the effort.
        options={"lossless": True, "exact": True, "quality": 0},
        small={"quality": 80, "method": 6},
        lossy={"lossless": False, "method": 4},
        frames=True,
        side=16_383,  # libwebp's WEBP_MAX_DIMENSION
        duration=2**24 - 1,
        reading=Buffers(pixel=12, file=1),
        held=Buffers(pixel=12, file=1),
        writing=Buffers(pixel=31, value=1.5, fixed=6 * 2**20),
        losing=Buffers(pixel=7),
    ),
    "bmp": Format(
        (".bmp",),
        "BMP",
        row_bytes=_ROW_BYTES,
        bytes=2**32 - 1 - 54 - 1024,  # bfSize has 32 bits, and counts heads and palette, too
        row_unit=4,
    ),
    "gif": Format(
        (".gif",),
        "GIF",
        alpha="mask",
        frames=True,
        side=2**16 - 1,  # GIF89a, 18: the logical screen's sides have 16 bits
        duration=10 * (2**16 - 1),
        writing=Buffers(pixel=2, value=3),
    ),
    "ppm": Format((".ppm", ".pgm", ".pnm", ".pbm"), "PPM", deep="gray", row_bytes=_ROW_BYTES),
    "jp2": Format(
        (".jp2",),
        "JPEG2000",
        is_buffered=True,
        holds_interpreter=True,
        # The encoder holds some ten copies of a tile; as one tile a picture takes all of them.
        options={"tile_size": (_TILE, _TILE)},
        alpha="full",
        deep="gray",
        row_bytes=_ROW_BYTES,
        bytes=(2**32 - 1) // 8,  # Pillow counts the bits of a tile, here the picture, in 32
        reading=Buffers(value=4.8, file=1),
        held=Buffers(file=1),
        writing=Buffers(value=4.5, tile=14),
        deep_writing=Buffers(value=17),
    ),
    "avif": Format(
        (".avif",),
        "AVIF",
        alpha="full",
        # Slower than 8 is four times as slow, and not smaller.
        options={"quality": 90, "subsampling": "4:4:4", "speed": 8},
        lossy={},
        frames=True,
        reading=Buffers(pixel=7, file=1),
        held=Buffers(pixel=4, file=1),
        writing=Buffers(pixel=22, value=5.5, fixed=16 * 2**20),
        # What libavif reads unless it is told to read more; beyond that others cannot open it.
        side=32_768,
        area=16_384**2,
    ),
    "npy": Format((".npy",), writing=Buffers(fixed=_CHUNK)),
    "npz": Format((".npz",), writing=Buffers(fixed=_CHUNK)),
    "csv": Format((".csv",), reading=_LINES),
    "tsv": Format((".tsv",), reading=_LINES),
    "json": Format((".json",), reading=_LINES._replace(file=1)),
    "float": Format((".tif", ".tiff"), frames=True),
}


def format_named(name: str) -> str:
    """Find a format by its name or by a suffix, large or small.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> format_named("PNG"), format_named("jpg"), format_named("tiff")
    ('png', 'jpeg', 'tif')
    """
    name = name.lower()
    for known, each in FORMATS.items():
        if name == known or f".{name}" in each.suffixes:
            return known
    raise ArgumentError(unknown("format", name, FORMATS))


def format_of(path: str | PurePath) -> str | None:
    """Tell a format from a file's name; None if it has no suffix.

    Raises
    ------
    ArgumentError
        If the suffix is not known.

    Examples
    --------
    >>> format_of("a.JPG"), format_of("a")
    ('jpeg', None)
    """
    suffix = PurePath(path).suffix.lower()
    if not suffix:
        return None
    for name, each in FORMATS.items():
        if suffix in each.suffixes:
            return name
    usual = dict.fromkeys(each.suffixes[0] for each in FORMATS.values())
    raise ArgumentError(f"{path}: {unknown('format', suffix, usual)}")
