"""Everything about each file format, as data.

A new format is a row of `FORMATS`. A row whose codec is a package of its own names the extra that
installs it: without it, files of this format alone fail, in one line that says what to install.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from math import ceil
from pathlib import PurePath
from typing import Literal, NamedTuple

from cnnfilter.errors import ArgumentError, ContentError, unknown

#: The side of the tiles that JPEG 2000 is written in.
_TILE = 1024

Library = Literal["pillow", "tifffile", "numpy", "text"]
Mode = Literal["gray", "color"]
Alpha = Literal["full", "mask", ""]


class Buffers(NamedTuple):
    """Memory that a codec holds next to its picture, in bytes.

    Attributes
    ----------
    pixel : float
        For each pixel.
    value : float
        For each value of a pixel: 1 of grey, 3 of colours, one more with alpha.
    file : float
        For each byte of the file.
    tile : float
        For each value of a tile; one tile at a time is held.
    fixed : int
        For any size.
    """

    pixel: float = 0
    value: float = 0
    file: float = 0
    tile: float = 0
    fixed: int = 0

    def bytes(self, pixels: int, values: int, file: int = 0) -> int:
        """Return the bytes held for this many pixels, values and bytes of the file."""
        tile = min(1, _TILE**2 / max(1, pixels)) * self.tile * values
        return self.fixed + ceil(
            self.pixel * pixels + self.value * values + self.file * file + tile
        )


_NOTHING = Buffers()


@dataclass(frozen=True, eq=False, repr=False)
class Memory:
    """Memory that a format's codec takes, as measured by ``tests/benchmarks/memory.py``.

    Attributes
    ----------
    reading, held : Buffers
        While a picture is decoded, and then for as long as its file is open.
    writing, writing_lossy, writing_deep : Buffers
        While one is encoded: by default, with a quality, in 16 bits.
    """

    reading: Buffers = _NOTHING
    held: Buffers = _NOTHING
    writing: Buffers = _NOTHING
    writing_lossy: Buffers | None = None
    writing_deep: Buffers | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Limits:
    """The largest picture that a format holds; None where memory is the only limit.

    Attributes
    ----------
    side, area : int or None
        Pixels of a row or column, and of the picture.
    row_bytes, bytes : int or None
        Bytes of a row and of all rows, before they are compressed.
    row_unit : int
        Rows are padded to a multiple of this many bytes.
    """

    side: int | None = None
    area: int | None = None
    row_bytes: int | None = None
    bytes: int | None = None
    row_unit: int = 1

    def excess(self, height: int, width: int, pixel_bytes: int = 1) -> str | None:
        """Return the limit that a picture exceeds, in words; None if it fits.

        Examples
        --------
        >>> limits = FORMATS["gif"].limits
        >>> limits.excess(1, 65536), limits.excess(1, 65535)
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


class Pages:
    """Frames without time, each of a size of its own."""


@dataclass(frozen=True, eq=False, repr=False)
class Animation:
    """Frames of one size that are shown one after the other.

    Attributes
    ----------
    unit : int
        Milliseconds that durations are multiples of.
    longest : int or None
        The most milliseconds that a frame is shown.
    writes_loop : bool
        Whether showing all frames once is written too; else it is the absence of a loop.
    clears_last : bool
        Whether the last frame is cleared away, since Pillow joins frames that are alike.
    may_grow : bool
        Whether frames may make it larger than its head says.
    """

    unit: int = 1
    longest: int | None = None
    writes_loop: bool = True
    clears_last: bool = False
    may_grow: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Quality:
    """The quality that a lossy encoding is asked for.

    Attributes
    ----------
    default : int or None
        None where nothing is lost by default.
    options : mapping
        What Pillow's save takes besides, where a quality is chosen.
    lowest, highest : int
    """

    default: int | None
    options: Mapping[str, object] = field(default_factory=dict)
    lowest: int = 1
    highest: int = 100


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Format:
    """A file format. What has no default is stated by each row.

    Attributes
    ----------
    title : str
        Its name for people.
    suffixes : tuple of str
        The first is written.
    magic : bytes
        A regular expression of the first bytes.
    library : {"pillow", "tifffile", "numpy", "text"}
        What reads and writes it. Pillow's formats hold pixels; the others numbers as they are.
    module : str
        The module that holds the codec; importing it is enough.
    extra : str or None
        The extra of cnnfilter that installs the module; None for none.
    modes : tuple of {"gray", "color"}
        The pictures that it holds; others are converted.
    deep_modes : tuple of {"gray", "color"}
        Those that it holds in 16 bits.
    alpha : {"full", "mask", ""}
        Transparency: any, all or nothing, none.
    frames : Animation, Pages or None
        The several frames that it holds; None for one.
    metadata : tuple of str
        Parts of `Image.metadata` that it holds.
    quality : Quality or None
        None where there is none to choose.
    memory : Memory
    limits : Limits
    pillow : str
        Pillow's name.
    deep_mode : str
        Pillow's mode of a grey picture in 16 bits.
    colors : int or None
        The most colours of a frame; None for any.
    exif : {"block", "tags"}
        How it holds EXIF: as a block of bytes; or as the file's own tags, without folders,
        whose orientation Pillow applies itself.
    metadata_bytes : int or None
        The most bytes of EXIF, XMP and comment each.
    has_late_metadata : bool
        Whether metadata that turn a picture may stand behind its pixels.
    options : mapping
        What Pillow's save takes.
    options_8_bit : mapping
        What it takes besides for 8 bits.
    options_small : mapping
        What it takes besides for a small file that takes longer; it costs no quality.
    options_runs : mapping
        What it takes besides for pictures without patterns that repeat.
    is_buffered : bool
        Whether it is encoded in memory: its encoder does not return from a write that fails.
    holds_interpreter : bool
        Whether its codec holds Python's interpreter until a picture is done: only a process of
        its own can be ended then.
    is_rare : bool
        Whether Pillow imports its codec only on request.
    prints : bool
        Whether its decoder prints what it finds odd.
    numbers : str
        The format of numbers that has the same suffixes; "" for none.
    holds_vectors : bool
        Whether it holds a list of numbers.
    is_searched : bool
        Whether such files in a folder are taken for images.
    """

    title: str
    suffixes: tuple[str, ...]
    magic: bytes
    library: Library
    module: str
    extra: str | None
    modes: tuple[Mode, ...]
    deep_modes: tuple[Mode, ...]
    alpha: Alpha
    frames: Animation | Pages | None
    metadata: tuple[str, ...]
    quality: Quality | None
    memory: Memory
    limits: Limits
    pillow: str = ""
    deep_mode: str = "I;16"
    colors: int | None = None
    exif: Literal["block", "tags"] = "block"
    metadata_bytes: int | None = None
    has_late_metadata: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    options_8_bit: Mapping[str, object] = field(default_factory=dict)
    options_small: Mapping[str, object] = field(default_factory=dict)
    options_runs: Mapping[str, object] = field(default_factory=dict)
    is_buffered: bool = False
    holds_interpreter: bool = False
    is_rare: bool = False
    prints: bool = False
    numbers: str = ""
    holds_vectors: bool = False
    is_searched: bool = True

    @cached_property
    def is_picture(self) -> bool:
        """Whether it stores pixels, rounded and saturated."""
        return self.library == "pillow"

    @cached_property
    def missing(self) -> str:
        """What to install before it can be read or written; "" for nothing."""
        if self.extra is None:
            return ""
        from importlib.util import find_spec

        if find_spec(self.module.partition(".")[0]) is not None:
            return ""
        return f"{self.title} needs an extra: pip install 'cnnfilter[{self.extra}]'"

    def load_codec(self) -> None:
        """Import what reads and writes it.

        Raises
        ------
        ContentError
            If its extra is not installed.
        """
        if self.missing:
            raise ContentError(self.missing)
        import_module(self.module)

    def save_options(self, *, is_deep: bool, quality: int | None) -> dict[str, object]:
        """Return what Pillow's save takes for pixels of 8 or 16 bits."""
        options = {**self.options, **({} if is_deep else self.options_8_bit)}
        if self.quality is not None and quality is not None:
            options |= {**self.quality.options, "quality": quality}
        elif self.quality is not None and self.quality.default is not None:
            options["quality"] = self.quality.default
        return options

    def reading_bytes(
        self, arrays: int, pixels: int, values: int, file: int, picture: int = 0, more: int = 0
    ) -> int:
        """Return the most bytes that are held while a file is read.

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
        decoding = self.memory.reading.bytes(pixels, values, file) + more
        return picture + max(decoding, self.memory.held.bytes(pixels, values, file) + arrays)

    def has_suffix(self, path: str) -> bool:
        """Return whether a name ends as this format's files do."""
        return PurePath(path).suffix.lower() in self.suffixes


#: Whether pictures are written quickly, or to small files.
COMPRESSIONS = ("fast", "small")
#: The formats that hold any picture, and any numbers, without a loss.
LOSSLESS_PICTURE, ANY_NUMBERS = "png", "npy"

_GRAY: tuple[Mode, ...] = ("gray",)
_ANY: tuple[Mode, ...] = ("gray", "color")
#: Pillow counts the bits of a row in an int, and some more than there are.
_ROW_BYTES = 2**28 - 32
#: What ``zlib.Z_RLE`` is; zlib would be imported by every start.
_Z_RLE = 3

#: An array of 8 bytes a number for each line, and all of them joined.
_LINES = Buffers(value=16)
#: What NumPy writes at a time.
_CHUNK = Memory(writing=Buffers(fixed=16 * 2**20))
#: What tables and lists of numbers begin with, and may consist of.
_BLANKS = rb"[\xef\xbb\xbf \t\r\n]*+"
_NUMBERS = rb"[0-9+\-.eEnaifNAIF,; \t\r\n]+\Z"


def _numbers(
    title: str,
    suffixes: tuple[str, ...],
    magic: bytes,
    library: Library,
    memory: Memory,
    *,
    module: str = "cnnfilter.files.matrices",
    frames: Pages | None = None,
    holds_vectors: bool = True,
    is_searched: bool = False,
) -> Format:
    """Return a format that holds numbers as they are: no pixels, no metadata, no limits."""
    return Format(
        title=title,
        suffixes=suffixes,
        magic=magic,
        library=library,
        module=module,
        extra=None,
        modes=(),
        deep_modes=(),
        alpha="",
        frames=frames,
        metadata=(),
        quality=None,
        memory=memory,
        limits=Limits(),
        holds_vectors=holds_vectors,
        is_searched=is_searched,
    )


#: Everything that may be read or written. No format that can run a program is here.
FORMATS: Mapping[str, Format] = {
    "png": Format(
        title="PNG",
        suffixes=(".png",),
        magic=rb"\x89PNG\r\n\x1a\n",
        library="pillow",
        module="PIL.PngImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=_GRAY,
        alpha="full",
        frames=Animation(longest=2**16 - 1, clears_last=True),
        metadata=("exif", "icc_profile", "dpi", "xmp", "text"),
        quality=None,
        memory=Memory(),
        limits=Limits(side=2**31 - 1, row_bytes=_ROW_BYTES),  # PNG specification, 11.2.1
        pillow="PNG",
        has_late_metadata=True,
        options_small={"optimize": True},
        options_runs={"compress_type": _Z_RLE},
    ),
    "jpeg": Format(
        title="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe"),
        magic=rb"\xff\xd8\xff",
        library="pillow",
        module="PIL.JpegImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="",
        frames=None,
        metadata=("exif", "icc_profile", "dpi", "xmp", "comment"),
        quality=Quality(default=92),
        memory=Memory(),
        limits=Limits(side=65_500),  # libjpeg's JPEG_MAX_DIMENSION; the format's own is 65535
        pillow="JPEG",
        metadata_bytes=65_000,  # a segment; a colour profile may take several
        # Edges have colours, too. Optimized, Pillow may fail for want of room in its buffer.
        options={"subsampling": "4:4:4"},
    ),
    "tif": Format(
        title="TIFF",
        suffixes=(".tif", ".tiff"),
        magic=rb"II\*\0|MM\0\*|II\+\0|MM\0\+|II\0\*|MM\*\0",
        library="pillow",
        module="PIL.TiffImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=_ANY,
        alpha="full",
        frames=Pages(),
        metadata=("exif", "icc_profile", "dpi"),
        quality=None,
        memory=Memory(
            reading=Buffers(file=1),
            writing=Buffers(value=1.2),  # the file, which grows in memory
            writing_deep=Buffers(value=1.6),
        ),
        limits=Limits(row_bytes=_ROW_BYTES),
        pillow="TIFF",
        exif="tags",
        options={"compression": "tiff_adobe_deflate"},
        is_rare=True,
        prints=True,
        numbers="float",
    ),
    "webp": Format(
        title="WebP",
        suffixes=(".webp",),
        magic=rb"RIFF.{4}WEBPVP8",
        library="pillow",
        module="PIL.WebPImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="full",
        frames=Animation(longest=2**24 - 1),
        metadata=("exif", "icc_profile", "xmp"),
        quality=Quality(default=None, options={"lossless": False, "method": 4}),
        memory=Memory(
            reading=Buffers(pixel=12, file=1),
            held=Buffers(pixel=12, file=1),
            writing=Buffers(pixel=31, value=1.5, fixed=6 * 2**20),
            writing_lossy=Buffers(pixel=7),
        ),
        limits=Limits(side=16_383),  # libwebp's WEBP_MAX_DIMENSION
        pillow="WEBP",
        # Where nothing is lost, quality is the effort.
        options={"lossless": True, "exact": True, "quality": 0},
        options_small={"quality": 80, "method": 6},
        is_rare=True,
        prints=True,
    ),
    "bmp": Format(
        title="BMP",
        suffixes=(".bmp",),
        magic=rb"BM",
        library="pillow",
        module="PIL.BmpImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="",
        frames=None,
        metadata=("dpi",),
        quality=None,
        memory=Memory(),
        limits=Limits(
            row_bytes=_ROW_BYTES,
            bytes=2**32 - 1 - 54 - 1024,  # bfSize has 32 bits, and counts heads and palette, too
            row_unit=4,
        ),
        pillow="BMP",
    ),
    "gif": Format(
        title="GIF",
        suffixes=(".gif",),
        magic=rb"GIF8[79]a",
        library="pillow",
        module="PIL.GifImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="mask",
        frames=Animation(unit=10, longest=10 * (2**16 - 1), writes_loop=False, may_grow=True),
        metadata=("comment",),
        quality=None,
        memory=Memory(writing=Buffers(pixel=2, value=3)),
        limits=Limits(side=2**16 - 1),  # GIF89a, 18: the logical screen's sides have 16 bits
        pillow="GIF",
        colors=256,
    ),
    "ppm": Format(
        title="PPM",
        suffixes=(".ppm", ".pgm", ".pnm", ".pbm"),
        magic=rb"P[0123456fy]",
        library="pillow",
        module="PIL.PpmImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=_GRAY,
        alpha="",
        frames=None,
        metadata=(),
        quality=None,
        memory=Memory(),
        limits=Limits(row_bytes=_ROW_BYTES),
        pillow="PPM",
        deep_mode="I",
    ),
    "jp2": Format(
        title="JPEG 2000",
        suffixes=(".jp2",),
        magic=rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
        library="pillow",
        module="PIL.Jpeg2KImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=_GRAY,
        alpha="full",
        frames=None,
        metadata=(),
        quality=None,
        memory=Memory(
            reading=Buffers(value=4.8, file=1),
            held=Buffers(file=1),
            writing=Buffers(value=4.5, tile=14),
            writing_deep=Buffers(value=17),
        ),
        limits=Limits(
            row_bytes=_ROW_BYTES,
            bytes=(2**32 - 1) // 8,  # Pillow counts the bits of a tile, here the picture, in 32
        ),
        pillow="JPEG2000",
        # The encoder holds some ten copies of a tile; as one tile a picture takes all of them.
        # Of 16 bits, Pillow mixes up the tiles.
        options_8_bit={"tile_size": (_TILE, _TILE)},
        is_buffered=True,
        holds_interpreter=True,
        is_rare=True,
        prints=True,
    ),
    "avif": Format(
        title="AVIF",
        suffixes=(".avif",),
        magic=rb".{4}ftyp(avi[fs]|mif1|msf1)",
        library="pillow",
        module="PIL.AvifImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="full",
        frames=Animation(),
        metadata=("exif", "icc_profile", "xmp"),
        quality=Quality(default=90),
        memory=Memory(
            reading=Buffers(pixel=7, file=1),
            held=Buffers(pixel=4, file=1),
            writing=Buffers(pixel=22, value=5.5, fixed=16 * 2**20),
        ),
        # What libavif reads unless it is told to read more; beyond that others cannot open it.
        limits=Limits(side=32_768, area=16_384**2),
        pillow="AVIF",
        # Slower than 8 is four times as slow, and not smaller.
        options={"subsampling": "4:4:4", "speed": 8},
        is_rare=True,
        prints=True,
    ),
    "npy": _numbers("NumPy array", (".npy",), rb"\x93NUMPY", "numpy", _CHUNK, is_searched=True),
    "npz": _numbers("NumPy archive", (".npz",), rb"PK\x03\x04", "numpy", _CHUNK),
    "csv": _numbers(
        "CSV", (".csv",), _BLANKS + rb"(?![^\t]*\t)" + _NUMBERS, "text", Memory(reading=_LINES)
    ),
    "tsv": _numbers("TSV", (".tsv",), _BLANKS + _NUMBERS, "text", Memory(reading=_LINES)),
    "json": _numbers(
        "JSON", (".json",), _BLANKS + rb"\[", "text", Memory(reading=_LINES._replace(file=1))
    ),
    "float": _numbers(
        "float TIFF",
        (".tif", ".tiff"),
        rb"(?!)",  # a TIFF's bytes; its pages say what they hold
        "tifffile",
        Memory(),
        module="cnnfilter.files.tiff",
        frames=Pages(),
        holds_vectors=False,
    ),
}


def format_named(name: str) -> str:
    """Return the format of a name or suffix.

    Raises
    ------
    ArgumentError
        If there is none, or its extra is not installed.

    Examples
    --------
    >>> format_named("PNG"), format_named("jpg"), format_named("tiff")
    ('png', 'jpeg', 'tif')
    """
    name = name.lower()
    for known, format in FORMATS.items():
        if name == known or f".{name}" in format.suffixes:
            return _installed(known)
    raise ArgumentError(unknown("format", name, FORMATS))


def format_of(path: str | PurePath) -> str | None:
    """Return the format that a file name's suffix stands for; None if it has none.

    Raises
    ------
    ArgumentError
        If the suffix is not known, or the format's extra is not installed.

    Examples
    --------
    >>> format_of("a.JPG"), format_of("a")
    ('jpeg', None)
    """
    suffix = PurePath(path).suffix.lower()
    if not suffix:
        return None
    for name, format in FORMATS.items():
        if suffix in format.suffixes:
            return _installed(name)
    suffixes = dict.fromkeys(format.suffixes[0] for format in FORMATS.values())
    raise ArgumentError(f"{path}: {unknown('format', suffix, suffixes)}")


def _installed(name: str) -> str:
    if FORMATS[name].missing:
        raise ArgumentError(FORMATS[name].missing)
    return name


def format_of_bytes(head: bytes) -> str | None:
    """Return the format that a file's first bytes show; None if it is not read here.

    Examples
    --------
    >>> format_of_bytes(b"GIF89a"), format_of_bytes(b"1,2"), format_of_bytes(b"%PDF-1.7")
    ('gif', 'csv', None)
    """
    for name, format in FORMATS.items():
        if re.match(format.magic, head, re.DOTALL):
            return name
    return None


def formats_help() -> str:
    """Return the names of all formats, for help."""
    pictures = [_listed(name) for name, format in FORMATS.items() if format.is_picture]
    numbers = [_listed(name) for name, format in FORMATS.items() if not format.is_picture]
    return f"{', '.join(pictures)}; or the numbers as they are: {', '.join(numbers)} (TIFF)"


def _listed(name: str) -> str:
    extra = FORMATS[name].extra
    return name if extra is None else f"{name} (extra {extra})"
