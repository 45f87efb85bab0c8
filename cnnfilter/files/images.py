"""Pictures: the one place that knows Pillow (and tifffile, for what Pillow cannot)."""

import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from cnnfilter.core.arrays import Array
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.source import ContentError

# What they log about odd files would stand beside our one line.
for _name in ("PIL", "tifffile"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

#: Pillow's own limit, above which it takes a picture for a decompression bomb.
MAX_PIXELS = 178_956_970

#: What Pillow and tifffile raise on files that are broken.
BROKEN = (
    OSError, ValueError, SyntaxError, TypeError, EOFError, RuntimeError, NotImplementedError,
    LookupError, struct.error, zlib.error, Pillow.DecompressionBombError,
)  # fmt: skip
#: Pillow's names of the formats on the allow-list.
_READABLE = [each.pillow for each in FORMATS.values() if each.is_picture]
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Pillow's modes that hold numbers rather than 8-bit colours.
_NUMBERS = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
#: What a colour profile's header calls the colours it is for, by the number of channels.
_PROFILE_COLOURS = {1: b"GRAY", 3: b"RGB "}


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
        What Pillow's save takes: exif, icc_profile, dpi, xmp, comment, text.
    notes : tuple of str
        What the person should know about how it was read.
    """

    pixels: Array
    alpha: Array | None = None
    format: str = "png"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Bits for each channel, where they are integers of a picture: 16, else 8."""
        return 16 if self.pixels.dtype == np.uint16 else 8


def read_picture(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Image:
    """Decode a picture: orientation applied, palettes and print colours turned to RGB.

    Raises
    ------
    ContentError
        If it is no picture, is broken, or has more than `max_pixels` pixels.
    """
    is_tiff = file.read(4) in _TIFF_MAGIC
    file.seek(0)
    if is_tiff and (numbers := _read_tiff(file, max_pixels)) is not None:
        return numbers
    file.seek(0)
    with _guarded():
        picture = _open(file, max_pixels)
        notes = _notes(picture)
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        pixels, alpha = _to_arrays(picture)
        return Image(pixels, alpha, _format_named(picture.format), _metadata(picture), notes)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn whatever a broken file makes the decoder raise into one error."""
    try:
        yield
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ContentError(f"not an image or matrix that can be read ({kinds})") from None
    except BROKEN as error:
        raise ContentError(f"broken or cut short ({' '.join(str(error).split())})") from None


def _open(file: BinaryIO, max_pixels: int) -> Pillow.Image:
    if max_pixels > MAX_PIXELS:
        # Pillow has its limit nowhere else; whoever asks for more takes it away for good.
        Pillow.MAX_IMAGE_PIXELS = None
    try:
        picture = Pillow.open(file, formats=_READABLE)
    except Pillow.DecompressionBombError:
        raise ContentError(f"more than {max_pixels} pixels; {_BOMB_ADVICE}") from None
    _check_pixels(picture.width, picture.height, max_pixels)
    return picture


_BOMB_ADVICE = "raise --max-pixels if you trust the file"


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ContentError(f"{width}x{height} are more than {max_pixels} pixels; {_BOMB_ADVICE}")


def _format_named(pillow: str | None) -> str:
    # A phone's MPO opens as a JPEG that has more behind it.
    wanted = "JPEG" if pillow == "MPO" else pillow
    return next(name for name, each in FORMATS.items() if each.pillow == wanted)


def _notes(picture: Pillow.Image) -> tuple[str, ...]:
    """Tell, before it is decoded, what of it gets lost."""
    notes = []
    tiles = [tile for tile in getattr(picture, "tile", []) if picture.mode not in _NUMBERS]
    arguments = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in tiles]
    deep = any(
        (isinstance(each, str) and ";16" in each)
        or (tile.codec_name == "ppm" and isinstance(each, int) and each > 255)
        for tile, given in zip(tiles, arguments, strict=True)
        for each in given
    )
    if deep:
        notes.append("16-bit colour is read as 8 bits")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":
        notes.append(f"the first of {frames} frames")
    return tuple(notes)


def _to_arrays(picture: Pillow.Image) -> tuple[Array, Array | None]:
    """Give pixels and alpha; whatever is neither grey nor RGB becomes RGB."""
    mode = picture.mode
    if mode in _NUMBERS:
        return _numbers(picture), None
    if mode in ("P", "PA", "1", "L", "RGB") and "transparency" in picture.info:
        picture = picture.convert("LA" if mode in ("1", "L") else "RGBA")
    elif mode in ("PA", "RGBa"):
        picture = picture.convert("RGBA")
    elif mode == "La":
        picture = picture.convert("LA")
    elif mode == "1":
        picture = picture.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if picture.mode == "LA":
        return array[:, :, 0], array[:, :, 1]
    if picture.mode == "RGBA":
        return array[:, :, :3], array[:, :, 3]
    return array, None


def _numbers(picture: Pillow.Image) -> Array:
    array = np.asarray(picture)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    # Pillow opens a 16-bit PGM in its 32-bit mode.
    return array.astype(np.uint16) if picture.format == "PPM" and picture.mode == "I" else array


def _metadata(picture: Pillow.Image) -> dict[str, Any]:
    info = picture.info
    kept = {key: info[key] for key in ("icc_profile", "dpi", "xmp", "comment") if info.get(key)}
    exif = picture.getexif()
    if exif:
        kept["exif"] = exif.tobytes()
    text = getattr(picture, "text", None)
    if text:
        kept["text"] = dict(text)
    return kept


def _read_tiff(file: BinaryIO, max_pixels: int) -> Image | None:
    """Read what Pillow cannot of TIFF: floats, 16-bit colour, many channels. Else None."""
    import tifffile

    with _guarded(), tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if page.dtype is None:
            return None
        samples = page.samplesperpixel
        if page.dtype in (np.uint8, np.bool_) and samples <= 4:
            return None
        if page.dtype == np.uint16 and samples == 1:
            return None
        _check_pixels(page.imagewidth, page.imagelength, max_pixels)
        pixels = page.asarray()
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        notes = (f"the first of {len(tiff.pages)} frames",) if len(tiff.pages) > 1 else ()
        name = "tif" if page.dtype.kind == "u" else "float"
        has_alpha = name == "tif" and samples in (2, 4) and page.extrasamples
        if has_alpha:
            colours = pixels[:, :, 0] if samples == 2 else pixels[:, :, :3]
            return Image(colours, pixels[:, :, -1], name, {}, notes)
        return Image(pixels, None, name, {}, notes)


def write_picture(
    file: BinaryIO, pixels: Array, alpha: Array | None, format: str, metadata: Mapping[str, Any]
) -> None:
    """Encode a picture.

    Parameters
    ----------
    file : binary file
    pixels : ndarray
        Shape (H, W) or (H, W, 3), uint8 or, where the format holds it, uint16.
    alpha : ndarray or None
        Shape (H, W), the same dtype.
    format : str
        A picture's name from `FORMATS`.
    metadata : mapping
        As `Image.metadata`; what the format cannot hold is left out.

    Raises
    ------
    ContentError
        If the format cannot hold such a picture.
    """
    planes = pixels
    if alpha is not None:
        planes = np.dstack([pixels, alpha])
    if pixels.dtype == np.uint16 and planes.ndim == 3:
        _write_deep_tiff(file, planes)
        return
    options = dict(FORMATS[format].options or {}) | _save_options(metadata, format, pixels)
    picture = Pillow.fromarray(planes, "LA") if _is_la(planes) else Pillow.fromarray(planes)
    try:
        picture.save(file, FORMATS[format].pillow, **options)
    except (ValueError, Pillow.DecompressionBombError, OverflowError) as error:
        raise ContentError(f"{format} cannot hold this picture ({error})") from None


def _is_la(planes: Array) -> bool:
    return planes.ndim == 3 and planes.shape[2] == 2


def _save_options(metadata: Mapping[str, Any], format: str, pixels: Array) -> dict[str, Any]:
    """Choose what Pillow's save is told of the metadata; a profile must fit the colours."""
    takes = _TAKES.get(format, ())
    options = {key: value for key, value in metadata.items() if key in takes}
    colours = _PROFILE_COLOURS[1 if pixels.ndim == 2 else 3]
    if options.get("icc_profile", b"")[16:20] != colours:
        options.pop("icc_profile", None)
    if format == "png" and "text" in metadata:
        options["pnginfo"] = PngInfo()
        for key, value in metadata["text"].items():
            options["pnginfo"].add_text(key, str(value))
    return options


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


def _write_deep_tiff(file: BinaryIO, planes: Array) -> None:
    import tifffile

    tifffile.imwrite(
        file,
        planes,
        photometric="rgb" if planes.shape[2] > 2 else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"] if planes.shape[2] in (2, 4) else None,
        compression="zlib",
        metadata=None,
    )


def write_float_tiff(file: BinaryIO, array: Array) -> None:
    """Write numbers as a float TIFF of any number of channels, shape (H, W) or (H, W, C)."""
    import tifffile

    wide = array.dtype == np.float64 or (array.dtype.itemsize > 2 and array.dtype.kind in "iu")
    tifffile.imwrite(
        file,
        array.astype(np.float64 if wide else np.float32, copy=False),
        photometric="minisblack",
        planarconfig="contig" if array.ndim == 3 else None,
        compression="zlib",
        metadata=None,
    )
