"""A file format and its properties: the columns of the table `FORMATS`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from math import ceil
from pathlib import PurePath
from typing import Literal, NamedTuple

from cnnfilter.errors import ContentError

#: The side of the tiles that are encoded one at a time.
TILE = 1024

Library = Literal["pillow", "netpbm", "imagecodecs", "pi_heif", "tifffile", "numpy", "text"]
Mode = Literal["gray", "color", "bands"]
Alpha = Literal["full", "mask", ""]


#: Extras that bring codecs, and the module that each installs.
EXTRAS = {"codecs": "imagecodecs", "heic": "pi_heif"}


def is_installed(module: str) -> bool:
    """Return whether a module can be imported."""
    from importlib.util import find_spec

    return find_spec(module.partition(".")[0]) is not None


def install(extra: str) -> str:
    """Return the command that installs an extra.

    Examples
    --------
    >>> install("codecs")
    "pip install 'cnnfilter[codecs]'"
    """
    return f"pip install 'cnnfilter[{extra}]'"


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
        """Return the bytes held for a picture."""
        tile = min(1, TILE**2 / max(1, pixels)) * self.tile * values
        return self.fixed + ceil(
            self.pixel * pixels + self.value * values + self.file * file + tile
        )


_NOTHING = Buffers()


class Memory(NamedTuple):
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


class Limits(NamedTuple):
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
        """Return the limit that a picture exceeds, if any.

        Examples
        --------
        >>> limits = Limits(side=65535)
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


class Animation(NamedTuple):
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
        Whether frames may be larger than its head promises.
    alpha_bit : (bytes, int) or None
        The end of the file's head, NULs for any byte, and the bit behind its size that says
        that frames have alpha; encoders forget it where no frame covers what is transparent.
    composer : str
        The module of ours whose ``open_frames`` reads them; "" for Pillow's reader.
    """

    unit: int = 1
    longest: int | None = None
    writes_loop: bool = True
    clears_last: bool = False
    may_grow: bool = False
    alpha_bit: tuple[bytes, int] | None = None
    composer: str = ""


class Quality(NamedTuple):
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
    options: Mapping[str, object]
    lowest: int = 1
    highest: int = 100


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Format:
    """A file format. Each row of the table states what has no default.

    Attributes
    ----------
    title : str
        Its name for people.
    suffixes : tuple of str
        The first is written.
    magic : bytes
        A regular expression of the first bytes.
    library : {"pillow", "netpbm", "imagecodecs", "pi_heif", "tifffile", "numpy", "text"}
        What reads and writes it; netpbm is our own. The first four hold pixels; the others numbers
        as they are.
    module : str
        The module that holds the codec; importing it is enough.
    extra : str or None
        The extra of cnnfilter that installs the module; None for none.
    modes : tuple of {"gray", "color", "bands"}
        The pictures that it holds; others are converted. Bands are any number of channels.
        None of a picture that is only read.
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
    deep_module : str
        The module of ours whose ``write_deep`` writes the pictures in 16 bits that Pillow does
        not: colours, or grey with alpha; "" for none. Of a library other than Pillow, all.
    deep_extra : str
        The extra that `deep_module` needs; "" for none.
    partial_extras : mapping of str to str
        The extras that parts of it need, and these parts.
    reader : str
        The module of ours whose ``open_frames`` opens its files; "" for Pillow's alone.
    fallback : str
        The same for files that Pillow refuses, if its ``knows`` says so; "" for none.
    holds_peak : bool
        Whether it states the number that is white; `Metadata` for its writer has a peak then.
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
        What Pillow's save takes, or the encoder.
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
    unread : mapping
        Parts of `Image.metadata` that no library here reads, and the bytes that show them.
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
    deep_module: str = ""
    deep_extra: str = ""
    partial_extras: Mapping[str, str] = field(default_factory=dict)
    reader: str = ""
    fallback: str = ""
    holds_peak: bool = False
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
    unread: Mapping[str, bytes] = field(default_factory=dict)
    is_rare: bool = False
    prints: bool = False
    numbers: str = ""
    holds_vectors: bool = False
    is_searched: bool = True

    @cached_property
    def is_picture(self) -> bool:
        """Test whether it stores pixels, rounded and saturated."""
        return self.library not in ("tifffile", "numpy", "text")

    @cached_property
    def holds_bands(self) -> bool:
        """Test whether a picture may have any number of channels."""
        return "bands" in self.modes

    @cached_property
    def is_read_only(self) -> bool:
        """Test whether it is read and not written."""
        return self.is_picture and not self.modes

    @property
    def missing(self) -> str:
        """Message about an extra that is not installed."""
        if self.extra is None or is_installed(self.module):
            return ""
        return f"{self.title} needs an extra: {install(self.extra)}"

    @property
    def unwritable(self) -> str:
        """Message about why it cannot be written, if so."""
        if self.is_read_only:
            return f"{self.title} is only read here, not written; write png, jpeg or tif"
        return self.missing

    @property
    def stored_deep_modes(self) -> tuple[Mode, ...]:
        """The modes that it holds in 16 bits with what is installed."""
        if self.deep_extra and not is_installed(EXTRAS[self.deep_extra]):
            return tuple(mode for mode in self.deep_modes if mode == "gray")
        return self.deep_modes

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

    def encoder_options(self, compression: str, quality: int | None) -> dict[str, object]:
        """Return what an encoder other than Pillow's takes."""
        if self.library == "pillow":
            return {}
        small = self.options_small if compression == "small" else {}
        chosen = {} if quality is None or self.quality is None else {"quality": quality}
        return {**self.options, **small, **chosen}

    def save_options(self, *, is_deep: bool, quality: int | None) -> dict[str, object]:
        """Return Pillow's save options for this depth."""
        options = {**self.options, **({} if is_deep else self.options_8_bit)}
        if self.quality is not None and quality is not None:
            options |= {**self.quality.options, "quality": quality}
        elif self.quality is not None and self.quality.default is not None:
            options["quality"] = self.quality.default
        return options

    def reading_bytes(
        self, arrays: int, pixels: int, values: int, file: int, picture: int = 0, more: int = 0
    ) -> int:
        """Return the peak of memory while a file is read.

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
