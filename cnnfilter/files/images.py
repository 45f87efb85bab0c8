"""Pictures: the one place that knows Pillow."""

import errno
import io
import logging
import math
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, BinaryIO

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.metadata import (
    BROKEN,
    UPRIGHT,
    XMP_TEXT,
    exif_without_folders,
    read_metadata,
    read_orientation,
)
from cnnfilter.files.printed import Printed, caught
from cnnfilter.files.source import piped_bytes

# What decoders log about odd files would stand beside our one line.
for _name in ("PIL", "tifffile"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

#: Pillow's own limit, above which it takes a picture for a decompression bomb.
MAX_PIXELS = 178_956_970

#: Pillow's names of the formats on the allow-list.
_READABLE = [each.pillow for each in FORMATS.values() if each.is_picture]
#: What a format is found out by lies in so many bytes.
_HEAD = 512
#: What a disk or a network refuses, whatever the file holds.
_OF_THE_DISK = (errno.EIO, errno.EACCES, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT)
#: Those of them that Pillow imports whatever it is to open.
_USUAL = ("PNG", "JPEG", "BMP", "GIF", "PPM")
#: How GIFs begin.
_GIF_MAGIC = (b"GIF87a", b"GIF89a")
#: Bytes that Pillow takes for a pixel of a mode; 4 of all others.
_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
#: Those whose decoders print nothing of what they read nevertheless.
_SILENT = (*_USUAL, "MPO")
#: Pillow's modes that hold numbers rather than 8-bit colours.
_NUMBERS = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


#: Orientations beyond this one lay a picture on its side.
_LAST_UPRIGHT = 4
_WITHOUT_METADATA = "its metadata cannot be read: left out"


@dataclass(frozen=True, eq=False)
class Image:
    """An image as it was read.

    Attributes
    ----------
    pixels : ndarray
        Shape (H, W) or (H, W, C), as stored, without alpha.
    alpha : ndarray or None
        Shape (H, W), the pixels' dtype.
    format : str
        A name from `FORMATS`.
    metadata : dict
        What Pillow's save takes: exif, icc_profile, dpi, xmp, comment, text; of a frame its
        duration (in milliseconds), too, and loop, how often all of them are shown (0 is for
        ever), where the file tells.
    notes : tuple of str
        What the person should know about how it was read.
    frames : int
        How many frames or pages its file has.
    reading : int
        Of a head: the bytes that reading takes at the most, with the pixels.
    """

    pixels: Array
    alpha: Array | None = None
    format: str = "png"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    frames: int = 1
    reading: int = 0

    @property
    def depth(self) -> int:
        """Bits for each channel, where they are integers of a picture: 16, else 8."""
        return 16 if self.pixels.dtype == np.uint16 else 8

    @property
    def nbytes(self) -> int:
        """The bytes of its arrays."""
        return self.pixels.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    def blanked(self, reading: int = 0) -> "Image":
        """Give its head: the same without its pixels, but for the largest, and its metadata."""
        alpha = None if self.alpha is None else blank(self.alpha.shape, self.alpha.dtype)
        low, high = self.pixels.min(), self.pixels.max()
        pixels = blank(self.pixels.shape, self.pixels.dtype, low if -float(low) > high else high)
        return replace(self, pixels=pixels, alpha=alpha, metadata={}, reading=reading)


def blank(shape: tuple[int, ...], dtype: np.dtype[Any], value: float = 0) -> Array:
    """Make an array that has a shape, a type and one value, and takes no room."""
    return np.broadcast_to(np.array(value, dtype), shape)


class Pictures:
    """The frames of an open picture, each decoded when it is asked for.

    Parameters
    ----------
    file : binary file
        It stays open as long as frames are read.
    max_pixels : int
        The most that a frame may have.

    Raises
    ------
    ContentError
        If it is no picture, is broken, or has more pixels.
    """

    def __init__(self, file: BinaryIO, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._notes: tuple[str, ...] = ()
        self._turn = UPRIGHT
        with decoding():
            try:
                self._take(file)
            except BROKEN as error:
                self._take_without_metadata(file, error)

    def _take(self, file: BinaryIO) -> None:
        """Open a picture's file."""
        self._file = file
        self._picture = _open(file, self._max_pixels)
        self._first, self._count = _numbered(self._picture)
        self._format = str(self._picture.format)

    def _take_without_metadata(self, file: BinaryIO, error: Exception) -> None:
        """Open a copy that has pixels alone; raise the error again if there is none."""
        from cnnfilter.files.bare import without_metadata  # hardly ever needed

        bare = None if self._notes else without_metadata(file)
        if bare is None:
            raise error
        self._notes = (_WITHOUT_METADATA,)
        try:
            self._take(bare)
        except BROKEN:
            raise error from None

    def _either_way(self, read: Callable[[], Image]) -> Image:
        """Read from the file or, where it is metadata that fails, without them."""
        with decoding() as printed:
            try:
                image = read()
            except BROKEN as error:
                if self._format != "TIFF":  # whose orientation stays
                    self._turn, _ = read_orientation(self._picture, before_pixels=True)
                self._take_without_metadata(self._file, error)
                printed.forget()  # what was printed of the metadata says nothing of the pixels
                try:
                    image = read()
                except BROKEN:
                    raise error from None
            words = "" if self._format in _SILENT else printed.words()
        return replace(image, notes=(*image.notes, f"may be corrupt ({words})")) if words else image

    def __len__(self) -> int:
        return self._count

    @property
    def pixels(self) -> int:
        """How many pixels all frames have together."""
        return len(self) * self._picture.width * self._picture.height

    def read(self, number: int = 0) -> Image:
        """Decode a frame: orientation applied, palettes and print colours turned to RGB.

        One after the other, each is decoded once.

        Raises
        ------
        ContentError
            If it is broken, or larger than the first and too large.
        """
        return self._either_way(lambda: self._read(number))

    def _read(self, number: int) -> Image:
        picture = self._picture
        picture.seek(self._first + number)
        check_pixels(picture.height, picture.width, self._max_pixels)
        notes = _notes(picture)
        picture.load()
        orientation, odd = self._orientation(picture)
        metadata, left_out = read_metadata(picture, self._format)
        upright = _turned_upright(picture, orientation)
        # The file goes on from the frame that it has drawn, so that must stay as it is; one that
        # is alone takes no room twice.
        if len(self) == 1:
            self._picture = picture = upright
        pixels, alpha = _to_arrays(upright, self._plain_mode(upright))
        return self._image(pixels, alpha, metadata, (*notes, odd, *left_out))

    def head(self) -> Image:
        """Give what `read` would of the first frame, with blank pixels and no metadata.

        Raises
        ------
        ContentError
            If it is broken.
        """
        return self._either_way(self._head)

    def _head(self) -> Image:
        picture = self._picture
        picture.seek(self._first)
        if self._format == "PNG" and _goes_on_behind_pixels(self._file):
            stored = picture.size[::-1]
            image = self._read(0)
            orientation = UPRIGHT if image.pixels.shape[:2] == stored else _LAST_UPRIGHT + 1
            return image.blanked(self._reading(picture, image, orientation))
        orientation, odd = self._orientation(picture, before_pixels=True)
        mode = self._plain_mode(picture)
        # A TIFF's size is that of the picture upright.
        turned = self._format != "TIFF" and orientation > _LAST_UPRIGHT
        size = picture.size if turned else picture.size[::-1]
        pixels, alpha = _planes(size, mode, _dtype(picture, mode), blank)
        image = self._image(pixels, alpha, {}, (*_notes(picture), odd))
        return replace(image, reading=self._reading(picture, image, orientation))

    def _reading(self, picture: Pillow.Image, image: Image, orientation: int) -> int:
        """Count what decoding takes at the most, and then what is held beside the arrays."""
        pixels, channels = picture.width * picture.height, len(picture.getbands())
        stored = _STORED_BYTES.get(picture.mode, 4) * pixels
        turned = stored if orientation != 1 else 0
        return FORMATS[image.format].reading_bytes(
            image.nbytes,
            pixels,
            pixels * channels,
            self._file.seek(0, io.SEEK_END),
            picture=stored + piped_bytes(self._file),
            more=max(_coefficients(picture), turned),
        )

    def _orientation(
        self, picture: Pillow.Image, *, before_pixels: bool = False
    ) -> tuple[int, str]:
        """Return EXIF's orientation, of a copy without metadata that of the file, and a note."""
        orientation, odd = read_orientation(picture, before_pixels=before_pixels)
        return orientation if orientation != UPRIGHT else self._turn, odd

    def _plain_mode(self, picture: Pillow.Image) -> str:
        """Choose what a frame is converted to; those of one GIF differ in Pillow's hands."""
        mode = _plain_mode(picture)
        if self._format == "GIF" and len(self) > 1:
            return {"L": "RGB", "LA": "RGBA"}.get(mode, mode)
        return mode

    def _image(
        self, pixels: Array, alpha: Array | None, metadata: dict[str, Any], notes: tuple[str, ...]
    ) -> Image:
        told = tuple(note for note in (*notes, *self._notes) if note)
        return Image(pixels, alpha, _format_named(self._format), metadata, told, len(self))


@contextmanager
def decoding(*own: type[Exception]) -> Iterator[Printed]:
    """Turn whatever a corrupt file makes a decoder raise, its own too, into one error.

    What libraries print meanwhile is part of the message, if it fails.
    """
    broken: tuple[type[Exception], ...] = (*BROKEN, *own)
    with caught() as printed:
        try:
            yield printed
        except UnidentifiedImageError:
            kinds = ", ".join(FORMATS)
            raise ContentError(f"not an image or matrix that can be read ({kinds})") from None
        except Pillow.DecompressionBombError:
            raise too_large(f"more than {MAX_PIXELS} pixels") from None
        except broken as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                raise
            from cnnfilter.files.reasons import told_of_decoding  # whole files need none

            raise ContentError(told_of_decoding(error, printed.words())) from None


def _open(file: BinaryIO, max_pixels: int) -> Pillow.Image:
    if max_pixels > MAX_PIXELS:
        # Pillow has its limit nowhere else; whoever asks for more takes it away for good.
        Pillow.MAX_IMAGE_PIXELS = None
    picture = _identified(file, max_pixels)
    check_pixels(picture.height, picture.width, max_pixels)
    return picture


def _identified(file: BinaryIO, max_pixels: int) -> Pillow.Image:
    """Find the format on the allow-list that a file has, and read its head."""
    file.seek(0)
    if file.read(len(_GIF_MAGIC[0])) in _GIF_MAGIC:
        from cnnfilter.files.gif import BoundedGif

        return BoundedGif(file, max_pixels)
    try:
        return Pillow.open(file, formats=_USUAL)
    except UnidentifiedImageError:
        _import_rare()
    try:
        return Pillow.open(file, formats=_READABLE)
    except UnidentifiedImageError:
        from cnnfilter.files.reasons import foreign_kind, told_of_foreign

        file.seek(0)
        head = file.read(_HEAD)
        file.seek(0)
        if kind := foreign_kind(head):
            raise ContentError(told_of_foreign(kind)) from None
        return _opened_by_its_own(head, file)


def _opened_by_its_own(head: bytes, file: BinaryIO) -> Pillow.Image:
    """Open a file by the format that its first bytes name: that says what is wrong with it."""
    for name in _READABLE:
        make, accepts = Pillow.OPEN[name]
        if accepts is not None and accepts(head[:16]) is True:
            return make(file, "")
    raise UnidentifiedImageError


def _import_rare() -> None:
    """Import the rarer formats on the allow-list; Pillow by itself would import all it has."""
    from PIL import (  # noqa: F401
        AvifImagePlugin,
        Jpeg2KImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )


def known_compressions() -> Collection[int]:
    """Return TIFF's numbers of the compressions that Pillow knows."""
    from PIL.TiffImagePlugin import COMPRESSION_INFO

    return COMPRESSION_INFO.keys()


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """Refuse an image that unfolds to more pixels than are expected."""
    if width * height > max_pixels:
        raise too_large(f"{height}x{width} are more than {max_pixels} pixels")


def too_large(what: str) -> ContentError:
    """Word the error for what may be a decompression bomb."""
    return ContentError(f"{what}; raise --max-pixels if you trust the file")


def _numbered(picture: Pillow.Image) -> tuple[int, int]:
    """Give Pillow's number of the first frame, and how many there are."""
    if picture.format == "MPO":
        return 0, 1  # a phone's previews, or what its other lens saw
    # A PNG's default picture may stand for an animation where none is shown, and be no part of it.
    first = int(getattr(picture, "default_image", False))
    return first, getattr(picture, "n_frames", 1) - first


def _coefficients(picture: Pillow.Image) -> int:
    """Count the bytes of a progressive JPEG's coefficients, which are held until the last scan."""
    if not picture.info.get("progressive"):
        return 0
    samples = [down * across for _, across, down, *_ in getattr(picture, "layer", [])]
    return 2 * picture.width * picture.height * sum(samples) // max(samples, default=1)


def _format_named(pillow: str | None) -> str:
    # A phone's MPO opens as a JPEG that has more behind it.
    wanted = "JPEG" if pillow == "MPO" else pillow
    return next(name for name, each in FORMATS.items() if each.pillow == wanted)


def _notes(picture: Pillow.Image) -> tuple[str, ...]:
    """Tell, before it is decoded, what of it gets lost."""
    if picture.mode not in _NUMBERS and any(map(_is_deep, getattr(picture, "tile", []))):
        return ("16-bit colour is read as 8 bits",)
    return ()


def _is_deep(tile: Any) -> bool:
    """Tell whether a tile is stored in 16 bits: its raw mode or its largest value says so."""
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return any(
        (isinstance(each, str) and ";16" in each)
        or (tile.codec_name == "ppm" and isinstance(each, int) and each > 255)
        for each in arguments
    )


def _turned_upright(picture: Pillow.Image, orientation: int) -> Pillow.Image:
    """Apply EXIF's orientation, 1 to 8."""
    method = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_270,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_90,
    }.get(orientation)
    return picture if method is None else picture.transpose(method)


def _goes_on_behind_pixels(file: BinaryIO) -> bool:
    """Tell whether a PNG has more than its end behind its pixels: that may turn it."""
    position = file.tell()
    file.seek(8)
    kinds = []
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        kinds.append(head[4:])
        file.seek(int.from_bytes(head[:4]) + 4, io.SEEK_CUR)
    file.seek(position)
    behind = kinds[kinds.index(b"IDAT") :] if b"IDAT" in kinds else []
    return not {b"IDAT", b"fcTL", b"fdAT"}.issuperset(behind)


def _plain_mode(picture: Pillow.Image) -> str:
    """Choose what a picture is converted to: numbers, grey or RGB, with or without alpha."""
    mode = picture.mode
    if mode in _NUMBERS:
        return mode
    if "transparency" in picture.info and mode in ("P", "PA", "1", "L", "RGB"):
        return "LA" if mode in ("1", "L") else "RGBA"
    kept = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA", "1": "L"}.get(mode, mode)
    return kept if kept in ("L", "LA", "RGB", "RGBA") else "RGB"


def _to_arrays(picture: Pillow.Image, mode: str) -> tuple[Array, Array | None]:
    """Copy pixels and alpha, converted, by strips; as a whole they would be copied three times."""
    pixels, alpha = _planes(picture.size[::-1], mode, _dtype(picture, mode), np.empty)
    for top, strip in _strips(picture):
        planes = np.asarray(strip if strip.mode == mode else strip.convert(mode))
        rows = slice(top, top + strip.height)
        if alpha is None:
            pixels[rows] = planes
        else:
            pixels[rows] = planes[:, :, 0] if mode == "LA" else planes[:, :, :3]
            alpha[rows] = planes[:, :, -1]
    return pixels, alpha


def _planes(
    size: tuple[int, int], mode: str, dtype: np.dtype[Any], make: Callable[..., Array]
) -> tuple[Array, Array | None]:
    """Make the arrays that a mode's pixels and alpha take."""
    pixels = make((*size, 3) if mode in ("RGB", "RGBA") else size, dtype)
    return pixels, make(size, dtype) if mode in ("LA", "RGBA") else None


def _strips(picture: Pillow.Image) -> Iterator[tuple[int, Pillow.Image]]:
    """Cut a picture into strips of about 1 MiB, each with its first row."""
    rows = max(1, 2**18 // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        whole = bottom - top == picture.height
        yield top, picture if whole else picture.crop((0, top, picture.width, bottom))


def _dtype(picture: Pillow.Image, mode: str) -> np.dtype[Any]:
    """Tell which numbers a mode holds, in the machine's order of bytes."""
    if mode == "I" and picture.format == "PPM":
        return np.dtype(np.uint16)  # Pillow opens a 16-bit PGM in its 32-bit mode
    return np.dtype(
        {"I": np.int32, "F": np.float32}.get(mode, np.uint16 if ";16" in mode else np.uint8)
    )


def write_pictures(
    file: BinaryIO,
    frames: Sequence[tuple[Array, Array | None, float | None]],
    format: str,
    metadata: Mapping[str, Any],
    compression: str = "fast",
    quality: int | None = None,
) -> list[str]:
    """Encode a picture, or the frames of one.

    Parameters
    ----------
    file : binary file
    frames : sequence of (ndarray, ndarray or None, float or None)
        Of each its pixels, alpha and duration. Pixels have the shape (H, W) or (H, W, 3) and
        are uint8; (H, W) may be uint16 where the format holds it. Alpha has the shape (H, W),
        uint8.
    format : str
        A picture's name from `FORMATS`.
    metadata : mapping
        As `Image.metadata`; what the format cannot hold is left out.
    compression : {"fast", "small"}
        Whether it is to be written quickly, or to a small file.
    quality : int, optional
        1 to 100, of the formats that lose some; the format's own unless given.

    Returns
    -------
    list of str
        What of the metadata is left out, as the format or Pillow does not take it.

    Raises
    ------
    Exception
        Whatever Pillow raises where the format cannot hold such a picture.
    """
    if FORMATS[format].pillow not in _USUAL:
        _import_rare()
    first, others = _pillows(frames, format)
    options = _encoding(first, format, compression, quality)
    kept, notes = _save_options(metadata, format, [pixels for pixels, _, _ in frames], options)
    options |= kept
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": others}
        options |= _animating(frames, format, metadata)
        longest = FORMATS[format].duration
        if longest is not None and any((duration or 0) > longest for _, _, duration in frames):
            notes.append(f"{format} shows no frame longer than {longest / 1000:g} s")
    elif not FORMATS[format].is_buffered:
        first.save(file, FORMATS[format].pillow, **options)
        return notes
    buffer = io.BytesIO()  # a TIFF of several pages is read while it is written
    first.save(buffer, FORMATS[format].pillow, **options)
    file.write(buffer.getbuffer())
    return notes


def _pillows(
    frames: Sequence[tuple[Array, Array | None, float | None]], format: str
) -> tuple[Pillow.Image, Iterable[Pillow.Image]]:
    """Turn the first frame and the others into Pillow's, which take 4 bytes for a pixel."""
    pictures = (_picture(pixels, alpha, format) for pixels, alpha, _ in frames)
    first = next(pictures)
    if format == "gif" and "transparency" not in first.info:
        return first, pictures  # which are gone through once: none is held
    others = list(pictures)
    if "transparency" in first.info:
        _clear_by_unused_colour([first, *others])
    return first, others


def _picture(pixels: Array, alpha: Array | None, format: str) -> Pillow.Image:
    if format == "gif" and alpha is not None:
        return _indexed(pixels, alpha)
    picture = Pillow.fromarray(pixels)
    if alpha is not None:
        picture.putalpha(Pillow.fromarray(alpha))
    return picture


#: A GIF's last colour, which is not to be seen.
_TRANSPARENT = 255


def _indexed(pixels: Array, alpha: Array) -> Pillow.Image:
    """Choose a GIF's other 255 colours; Pillow would round colours that have alpha."""
    clear = alpha == 0
    if not clear.all():
        pixels = pixels.copy()
        pixels[clear] = pixels[~clear][0]  # no other colour than is seen
    picture = Pillow.fromarray(pixels).convert("RGB")
    picture = picture.convert("P", palette=Pillow.Palette.ADAPTIVE, colors=_TRANSPARENT)
    picture.paste(_TRANSPARENT, mask=Pillow.fromarray(clear))
    picture.info["transparency"] = _TRANSPARENT
    return picture


def _clear_by_unused_colour(pictures: Sequence[Pillow.Image]) -> None:
    """Give what is transparent a colour that no frame has.

    Pillow leaves out of a frame what has the colour that it takes for the background's.
    """
    palettes = [(each.getpalette() or [])[: 3 * _TRANSPARENT] for each in pictures]
    used = {tuple(each[at : at + 3]) for each in palettes for at in range(0, len(each), 3)}
    unused = next(each for each in product(range(256), repeat=3) if each not in used)
    for picture, palette in zip(pictures, palettes, strict=True):
        picture.putpalette([*palette, *(3 * _TRANSPARENT - len(palette)) * [0], *unused])


def _encoding(
    picture: Pillow.Image, format: str, compression: str, quality: int | None
) -> dict[str, Any]:
    """Choose what Pillow's save is told of the way pixels are encoded."""
    known = FORMATS[format]
    options = dict(known.options)
    if picture.mode in _NUMBERS:
        options.pop("tile_size", None)  # Pillow mixes up the tiles of 16 bits
    lossy = quality is not None and known.lossy is not None
    if lossy:
        options.update(known.lossy or {})
    if compression == "small":
        options.update(known.small)
    elif format == "png" and not _repeats(picture):
        options["compress_type"] = zlib.Z_RLE
    return options | {"quality": quality} if lossy else options


#: Milliseconds that a frame is shown where nothing says how long, as browsers do.
_DURATION = 100
#: What a GIF counts time in, of milliseconds.
_HUNDREDTHS = 10
_MOST_LOOPS = 65535


def _animating(
    frames: Sequence[tuple[Array, Array | None, float | None]],
    format: str,
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """Choose what Pillow's save is told of time, and of how a frame replaces the last one."""
    if format == "tif":
        return {}
    usual = metadata.get("duration", _DURATION)
    longest = FORMATS[format].duration or math.inf
    durations = [min(usual if duration is None else duration, longest) for _, _, duration in frames]
    options: dict[str, Any] = {
        "duration": _rounded(durations, _HUNDREDTHS if format == "gif" else 1)
    }
    if format != "gif" or "loop" in metadata:
        options["loop"] = min(metadata.get("loop", 1), _MOST_LOOPS)
    if format == "png":
        # Pillow joins frames that are alike, and a lone one would have no time; the last is told
        # apart by being cleared away behind it.
        options["disposal"] = [0] * (len(frames) - 1) + [1]
    if format == "gif" and any(alpha is not None for _, alpha, _ in frames):
        # What is transparent would show the frame before. Optimized, a frame where nothing is
        # would not say what transparency is, and Pillow would not clear it away.
        options |= {"disposal": 2, "optimize": False}
    return options


def _rounded(durations: Sequence[float], unit: int) -> list[int]:
    """Round durations to multiples of a unit, so that together they stay as long.

    Examples
    --------
    >>> _rounded([33, 33, 34], 10)
    [30, 40, 30]
    """
    ends = np.rint(np.cumsum(durations) / unit).astype(int) * unit
    return np.diff(ends, prepend=0).tolist()


def _repeats(picture: Pillow.Image) -> bool:
    """Tell whether a picture holds patterns that repeat, as text and diagrams do.

    Photographs, and what filters make of them, are stored as small by runs alone, which is
    found out three times as fast. A few bands of rows say which it is.
    """
    tops = [picture.height * eighth // 8 for eighth in (1, 3, 5, 7)]
    bands = [picture.crop((0, top, picture.width, min(top + 8, picture.height))) for top in tops]
    by_runs = sum(_deflated(band, compress_type=zlib.Z_RLE) for band in bands)
    return by_runs > 1.2 * sum(_deflated(band) for band in bands)


def _deflated(picture: Pillow.Image, **options: Any) -> int:
    """Count the bytes that a picture takes as a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.tell()


#: Which metadata each format holds.
_TAKES: Mapping[str, tuple[str, ...]] = {
    "png": ("exif", "icc_profile", "dpi"),
    "jpeg": ("exif", "icc_profile", "dpi", "xmp", "comment"),
    "tif": ("exif", "icc_profile", "dpi"),
    "webp": ("exif", "icc_profile", "xmp"),
    "avif": ("exif", "icc_profile", "xmp"),
    "gif": ("comment",),
    "bmp": ("dpi",),
}
#: What each is called in a note.
_NAMES = {
    "exif": "EXIF",
    "icc_profile": "colour profile",
    "dpi": "resolution",
    "xmp": "XMP",
    "comment": "comment",
}
#: A segment of a JPEG is no longer than this; a colour profile may take several.
_JPEG_SEGMENT = 65_000


def _save_options(
    metadata: Mapping[str, Any],
    format: str,
    frames: Sequence[Array],
    encoding: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """Choose what Pillow's save is told of the metadata; gives notes on what is left out, too."""
    options = {key: metadata[key] for key in _TAKES.get(format, ()) if key in metadata}
    if not all(profile_fits(options.get("icc_profile"), pixels) for pixels in frames):
        options.pop("icc_profile", None)
    left_out = []
    if format == "tif" and "exif" in options:
        options["exif"], is_whole = exif_without_folders(options["exif"])
        left_out = [] if is_whole else ["a part of its EXIF"]
    for key in _refused(options, format, encoding):
        del options[key]
        left_out.append(f"its {_NAMES[key]}")
    if format == "png":
        options["pnginfo"] = _png_text(metadata)
    return options, [f"{format} cannot hold {name}: left out" for name in left_out]


def left_out_notes(metadata: Mapping[str, Any], format: str, kept: Collection[str]) -> list[str]:
    """Return a note on each part of the metadata that a format holds and this file will not."""
    lost = [key for key in _TAKES.get(format, ()) if key in metadata and key not in kept]
    return [f"{format} cannot hold its {_NAMES[key]} here: left out" for key in lost]


def _refused(
    options: Mapping[str, Any], format: str, encoding: Mapping[str, Any]
) -> Collection[str]:
    """Find what metadata Pillow does not write, by a picture of one pixel."""
    if not options or _is_written(options, format, encoding):
        return []
    return [key for key in options if not _is_written({key: options[key]}, format, encoding)]


def _is_written(options: Mapping[str, Any], format: str, encoding: Mapping[str, Any]) -> bool:
    if format == "jpeg" and any(
        len(options.get(key, b"")) > _JPEG_SEGMENT for key in ("exif", "xmp", "comment")
    ):
        return False
    with caught():
        try:
            picture = Pillow.new("L", (1, 1))
            picture.save(io.BytesIO(), FORMATS[format].pillow, **{**encoding, **options})
        except BROKEN:
            return False
    return True


def profile_fits(profile: bytes | None, pixels: Array) -> bool:
    """Tell whether a colour profile is for grey or for RGB, as the pixels are."""
    colours = b"GRAY" if pixels.ndim == 2 else b"RGB "
    return profile is not None and profile[16:20] == colours


def _png_text(metadata: Mapping[str, Any]) -> PngInfo:
    chunks = PngInfo()
    for key, value in metadata.get("text", {}).items():
        chunks.add_text(key, value)
    if "xmp" in metadata:
        chunks.add_itxt(XMP_TEXT, metadata["xmp"].decode("utf-8", "replace"))
    return chunks
