"""The table of file formats.

A new format is a row of `FORMATS`. A row whose codec is a package of its own names the extra that
installs it: without it, files of this format alone fail, in one line that says what to install.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from cnnfilter.errors import ArgumentError, unknown
from cnnfilter.files.format import (
    TILE,
    Alpha,
    Animation,
    Buffers,
    Format,
    Library,
    Limits,
    Memory,
    Mode,
    Pages,
    Quality,
)
from cnnfilter.files.opening import encoding_of
from cnnfilter.text import shown

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
    module: str = "cnnfilter.files.numbers.matrices",
    reader: str = "",
    deep_module: str = "",
    alpha: Alpha = "",
    frames: Pages | None = None,
    holds_vectors: bool = True,
    is_searched: bool = False,
) -> Format:
    """Return a format that holds numbers as they are."""
    return Format(
        title=title,
        suffixes=suffixes,
        magic=magic,
        library=library,
        module=module,
        extra=None,
        modes=(),
        deep_modes=(),
        deep_module=deep_module,
        alpha=alpha,
        frames=frames,
        metadata=(),
        quality=None,
        memory=memory,
        limits=Limits(),
        reader=reader,
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
        deep_modes=_ANY,
        alpha="full",
        frames=Animation(
            longest=2**16 - 1, clears_last=True, composer="cnnfilter.files.png.animation"
        ),
        metadata=("exif", "icc_profile", "dpi", "xmp", "text", "colours"),
        quality=None,
        memory=Memory(writing_deep=Buffers(fixed=16 * 2**20)),
        limits=Limits(side=2**31 - 1, row_bytes=_ROW_BYTES),  # PNG specification, 11.2.1
        pillow="PNG",
        deep_module="cnnfilter.files.png.writer",
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
        quality=Quality(default=92, options={}),
        memory=Memory(),
        limits=Limits(side=65_500),  # libjpeg's JPEG_MAX_DIMENSION; the format's own is 65535
        pillow="JPEG",
        partial_extras={"codecs": "12 and 16 bits"},
        fallback="cnnfilter.files.codecs.jpeg",
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
        modes=(*_ANY, "bands"),
        deep_modes=_ANY,
        alpha="full",
        frames=Pages(),
        metadata=("exif", "icc_profile", "dpi", "xmp"),
        quality=None,
        memory=Memory(reading=Buffers(file=1)),
        limits=Limits(row_bytes=_ROW_BYTES),
        pillow="TIFF",
        deep_module="cnnfilter.files.tiff.writer",
        partial_extras={"codecs": "LZW and others"},
        reader="cnnfilter.files.tiff.reader",
        exif="tags",
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
        frames=Animation(longest=2**24 - 1, alpha_bit=(bytes(12) + b"VP8X", 0x10)),
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
        unread={"icc_profile": b"ICCRGBG1012", "xmp": b"XMP DataXMP"},
    ),
    "ppm": Format(
        title="PPM",
        suffixes=(".ppm", ".pgm", ".pnm", ".pbm", ".pam"),
        magic=rb"P([1-6][\s#]|7\r?\n)",
        library="netpbm",
        module="cnnfilter.files.netpbm.reader",
        extra=None,
        modes=_ANY,
        deep_modes=_ANY,
        alpha="",
        frames=None,
        metadata=(),
        quality=None,
        memory=Memory(),
        limits=Limits(),
        deep_module="cnnfilter.files.netpbm.writer",
        reader="cnnfilter.files.netpbm.reader",
        holds_peak=True,
    ),
    "jp2": Format(
        title="JPEG 2000",
        suffixes=(".jp2", ".j2k", ".jpx"),
        magic=rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
        library="pillow",
        module="PIL.Jpeg2KImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=_ANY,
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
        deep_module="cnnfilter.files.codecs.jpeg2000",
        deep_extra="codecs",
        partial_extras={"codecs": "16-bit colour"},
        reader="cnnfilter.files.codecs.jpeg2000",
        unread={
            "exif": b"uuidJpgTiffExif->JP2",
            "xmp": b"uuid\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac",
            "icc_profile": b"colr\x02",
        },
        # The encoder holds some ten copies of a tile; as one tile a picture takes all of them.
        # Of 16 bits, Pillow mixes up the tiles.
        options_8_bit={"tile_size": (TILE, TILE)},
        is_buffered=True,
        holds_interpreter=True,
        is_rare=True,
        prints=True,
    ),
    "avif": Format(
        title="AVIF",
        suffixes=(".avif",),
        magic=rb".{4}ftyp(avi[fs]|(mif1|msf1)(?!.{4}([a-z0-9 ]{4}){0,30}?hei[cmsx]))",
        library="pillow",
        module="PIL.AvifImagePlugin",
        extra=None,
        modes=_ANY,
        deep_modes=(),
        alpha="full",
        frames=Animation(),
        metadata=("exif", "icc_profile", "xmp"),
        quality=Quality(default=90, options={}),
        memory=Memory(
            reading=Buffers(pixel=7, file=1),
            held=Buffers(pixel=4, file=1),
            writing=Buffers(pixel=22, value=5.5, fixed=16 * 2**20),
        ),
        # What libavif reads by default; others could not open a larger one.
        limits=Limits(side=32_768, area=16_384**2),
        pillow="AVIF",
        # Slower than 8 is four times as slow, and not smaller.
        options={"subsampling": "4:4:4", "speed": 8},
        is_rare=True,
        prints=True,
    ),
    "jxl": Format(
        title="JPEG XL",
        suffixes=(".jxl",),
        magic=rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
        library="imagecodecs",
        module="imagecodecs",
        extra="codecs",
        modes=_ANY,
        deep_modes=_ANY,
        alpha="full",
        frames=None,
        metadata=("exif", "xmp"),
        quality=Quality(default=None, options={}),
        memory=Memory(
            reading=Buffers(value=1, file=1),
            writing=Buffers(value=2.5, tile=30, fixed=36 * 2**20),
            writing_lossy=Buffers(pixel=5, fixed=126 * 2**20),
            writing_deep=Buffers(value=3.5, tile=30, fixed=40 * 2**20),
        ),
        limits=Limits(side=2**18, area=2**28),  # ISO 18181-1, M: level 5
        deep_module="cnnfilter.files.codecs.jpegxl",
        reader="cnnfilter.files.codecs.jpegxl",
        options={"effort": 3},
        options_small={"effort": 7},
    ),
    "heic": Format(
        title="HEIC",
        suffixes=(".heic", ".heif", ".hif"),
        magic=rb".{4}ftyp(hei[cmsx]|hev[cmsx]|(mif1|msf1).{4}([a-z0-9 ]{4}){0,30}?hei[cmsx])",
        library="pi_heif",
        module="pi_heif",
        extra="heic",
        modes=(),
        deep_modes=(),
        alpha="full",
        frames=None,
        metadata=("exif", "icc_profile", "xmp"),
        quality=None,
        memory=Memory(reading=Buffers(pixel=7.5, file=1), held=Buffers(file=1)),
        limits=Limits(),
        reader="cnnfilter.files.codecs.heic",
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
    "pfm": _numbers(
        "PFM",
        (".pfm",),
        rb"P[Ff][\s#]",
        "numpy",
        Memory(),
        reader="cnnfilter.files.netpbm.reader",
        holds_vectors=False,
        is_searched=True,
    ),
    "float": _numbers(
        "float TIFF",
        (".tif", ".tiff"),
        rb"(?!)",  # the bytes are a TIFF's; pages of numbers show when they are read
        "tifffile",
        Memory(),
        module="cnnfilter.files.tiff.writer",
        deep_module="cnnfilter.files.tiff.writer",
        alpha="full",
        frames=Pages(),
        holds_vectors=False,
    ),
}


def format_named(name: str) -> str:
    """Return the format of a name or suffix.

    Raises
    ------
    ArgumentError
        If there is none, it is only read, or its extra is not installed.

    Examples
    --------
    >>> format_named("PNG"), format_named("jpg"), format_named("tiff")
    ('png', 'jpeg', 'tif')
    """
    name = name.lower()
    for known, format in FORMATS.items():
        if name == known or f".{name}" in format.suffixes:
            if format.unwritable:
                raise ArgumentError(format.unwritable)
            return known
    raise ArgumentError(unknown("format", name, FORMATS))


def written_for(format: str) -> str:
    """Return the format of results where none is named: the input's, if it is written.

    Examples
    --------
    >>> written_for("tif"), written_for("heic")
    ('tif', 'png')
    """
    return LOSSLESS_PICTURE if FORMATS[format].is_read_only else format


def format_of(path: str | Path) -> str | None:
    """Return the format of a file name's suffix.

    Raises
    ------
    ArgumentError
        If the suffix is not known, the format is only read, or its extra is not installed.

    Examples
    --------
    >>> format_of("a.JPG"), format_of("a")
    ('jpeg', None)
    """
    suffix = Path(path).suffix.lower()
    if not suffix:
        return None
    for name, format in FORMATS.items():
        if suffix in format.suffixes:
            if format.unwritable:
                raise ArgumentError(format.unwritable)
            return name
    suffixes = dict.fromkeys(format.suffixes[0] for format in FORMATS.values())
    raise ArgumentError(f"{shown(path)}: {unknown('format', suffix, suffixes)}")


def format_of_bytes(head: bytes) -> str | None:
    """Return the format that a file's first bytes show.

    Examples
    --------
    >>> format_of_bytes(b"GIF89a"), format_of_bytes(b"1,2"), format_of_bytes(b"%PDF-1.7")
    ('gif', 'csv', None)
    """
    if (encoding := encoding_of(head)) != "utf-8-sig":
        head = head.decode(encoding, "ignore").encode()
    for name, format in FORMATS.items():
        if re.match(format.magic, head, re.DOTALL):
            return name
    return None


def formats_help() -> str:
    """Return the names of all formats that are written, for help."""
    pictures = [_listed(name) for name, format in FORMATS.items() if format.modes]
    numbers = [_listed(name) for name, format in FORMATS.items() if not format.is_picture]
    return (
        f"{', '.join(pictures)}; or the numbers as they are: {', '.join(numbers)} (TIFF). "
        "Default: the input's."
    )


def quality_help() -> str:
    """Return the formats with a quality and their defaults."""
    words = [
        f"{name} (default {format.quality.default or 'lossless'})"
        for name, format in FORMATS.items()
        if format.quality is not None
    ]
    return f"Quality of {', '.join(words)}."


def compression_help() -> str:
    """Return what the compressions do, for help."""
    names = [name for name, format in FORMATS.items() if format.options_small]
    return f"Write pictures quickly, or take time for small files ({', '.join(names)})."


def _listed(name: str) -> str:
    extra = FORMATS[name].extra
    return name if extra is None else f"{name} (extra {extra})"
