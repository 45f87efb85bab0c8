"""Independent readers of pictures, each for the kinds of file that it reads exactly.

A reader returns frames as they are stored, straight and without EXIF's orientation; None is for
what it passes over, an error for what it cannot read.
"""

import csv
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow

from cnnfilter.arrays import Array

from .structures import unmultiplied

#: Seconds that a program may take for a file.
PATIENCE = 60
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK = 0, 1, 2, 3, 4
_NO_DATA = 42113  # a tag of GDAL's
_DECODES_COLOURS = {6, 7, 34892}  # a TIFF's JPEG, whose decoder returns RGB


class Picture(NamedTuple):
    """A frame as another reader has it: alpha is straight."""

    pixels: Array
    alpha: Array | None = None


class Facts(NamedTuple):
    """What a reader must know about a file.

    Attributes
    ----------
    format : str
        The name of cnnfilter's format.
    frames : int
        The number of its frames, as cnnfilter reads it.
    """

    format: str
    frames: int


class Reader(NamedTuple):
    """An independent reader.

    Attributes
    ----------
    name : str
    formats : tuple of str
        cnnfilter's names of the formats that it reads exactly.
    needs : str
        Its module or program.
    read : callable
    within : dict of str to int
        Levels by which decoders differ that are both right.
    about : dict of str to float
        Levels by which they differ on average, where each enlarges colours in its own way.
    turns : tuple of str
        Formats that it turns upright itself.
    """

    name: str
    formats: tuple[str, ...]
    needs: str
    read: Callable[[Path, Facts], Sequence[Picture] | None]
    within: dict[str, int] = {}  # noqa: RUF012 - is not changed
    about: dict[str, float] = {}  # noqa: RUF012 - is not changed
    turns: tuple[str, ...] = ("heic", "avif", "jxl")

    @property
    def is_here(self) -> bool:
        """Test whether it is installed."""
        name = self.needs
        return find_spec(name) is not None if name.islower() and _is_module(name) else bool(
            shutil.which(name)
        )  # fmt: skip


def _is_module(name: str) -> bool:
    return name in ("tifffile", "imagecodecs", "cv2", "pyvips", "numpy")


def split(values: Array, *, swapped: bool = False) -> Picture:
    """Return samples as pixels and alpha, by their number."""
    values = np.squeeze(values, axis=2) if values.shape[2:] == (1,) else values
    if values.ndim == 2:
        return Picture(values)
    colours, alpha = values, None
    if values.shape[2] in (2, 4):
        colours, alpha = values[:, :, :-1], values[:, :, -1]
    if swapped:
        colours = colours[:, :, ::-1]
    return Picture(colours[:, :, 0] if colours.shape[2] == 1 else colours, alpha)


def _by_tifffile(path: Path, facts: Facts) -> Sequence[Picture] | None:
    tifffile = import_module("tifffile")
    with tifffile.TiffFile(path) as file:
        # To go through its pages never ends where one leads back to another.
        if facts.frames > len(file.pages):
            return None  # the pages of one directory
        every = [file.pages[number] for number in range(len(file.pages))]
        pages = [page for page in every if not _is_no_page(page)]
        pictures = [_page(page) for page in pages]
    found = [picture for picture in pictures if picture is not None]
    return found if found and len(found) == len(pictures) else None


def _is_animated(path: Path) -> bool:
    """Return whether a PNG is animated, for readers that know its default picture alone."""
    return b"acTL" in path.read_bytes()[:4096] and path.suffix.lower() != ".gif"


def _is_turned(path: Path) -> bool:
    """Return whether an AVIF is turned by what some readers pass over."""
    return bool(re.search(b"irot|imir", path.read_bytes()[:4096])) and path.suffix == ".avif"


def _has_inks(path: Path) -> bool:
    """Return whether a JPEG has print colours, which each reader turns to RGB in its own way."""
    with Pillow.open(path) as picture:
        return picture.mode == "CMYK"


def _is_plain(path: Path) -> bool:
    """Return whether a TIFF has one page, no more bands than colours and straight alpha."""
    with import_module("tifffile").TiffFile(path) as file:
        page = file.pages[0]
        if _NO_DATA in page.tags or _is_no_page(page):
            return False
        is_palette = int(page.photometric) == _PALETTE  # of which it takes 8 bits
        return len(file.pages) == 1 and tuple(page.extrasamples) in ((), (2,)) and not is_palette


def _is_no_page(page: object) -> bool:
    kind = int(getattr(page, "subfiletype", 0) or 0)
    return bool(kind & 5) or int(page.photometric) == _MASK  # type: ignore[attr-defined]


def _page(page: "object") -> Picture | None:
    """Return a page of a TIFF; None for colours that are not red, green and blue."""
    kind, compression = int(page.photometric), int(page.compression)  # type: ignore[attr-defined]
    is_rgb = kind in (_RGB, _PALETTE) or (kind == 6 and compression in _DECODES_COLOURS)
    if not is_rgb and kind not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return None
    values, bits = page.asarray(), page.bitspersample  # type: ignore[attr-defined]
    if isinstance(bits, tuple) or values.ndim > 3:
        return None
    if page.axes == "SYX":  # type: ignore[attr-defined]
        values = np.moveaxis(values, 0, -1)
    if kind == _PALETTE:
        if values.ndim == 3:
            return None
        return Picture(_colours(page.colormap.T)[values])  # type: ignore[attr-defined]
    values = _of_few_bits(values, bits)
    picture = _of_samples(page, values)
    if kind != _WHITE_IS_ZERO:
        return picture
    white = (1 << bits) - 1 if bits > 8 else 255
    whole = values.dtype.kind in "ui"
    return picture._replace(pixels=(white if whole else 1) - picture.pixels)


def _colours(palette: Array) -> Array:
    """Return a palette in 8 bits, where it has no more."""
    if (palette < 256).all():
        return palette.astype(np.uint8)
    high = palette >> 8
    is_short = (palette == high * 257).all() or (palette == high * 256).all()
    return high.astype(np.uint8) if is_short else palette


def _of_few_bits(values: Array, bits: int) -> Array:
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    return values * np.uint8(255 // ((1 << bits) - 1)) if bits in (1, 2, 4) else values


def _of_samples(page: object, values: Array) -> Picture:
    extras = [int(extra) for extra in page.extrasamples]  # type: ignore[attr-defined]
    number = page.tags.valueof(_NO_DATA)  # type: ignore[attr-defined]
    if not extras or extras[-1] not in (1, 2) or any(extras[:-1]) or values.ndim != 3:
        return Picture(values, _with_value(values, number))
    colours, alpha = values[:, :, :-1], values[:, :, -1]
    colours = colours[:, :, 0] if colours.shape[2] == 1 else colours
    return Picture(unmultiplied(colours, alpha) if extras[-1] == 1 else colours, alpha)


def _with_value(values: Array, number: str | None) -> Array | None:
    """Return an alpha that is 0 where a map has no value."""
    try:
        absent = float(str(number).strip("\0 "))
    except ValueError:
        return None
    same = np.isnan(values) if np.isnan(absent) else values == values.dtype.type(absent)
    same = same.all(axis=2) if same.ndim == 3 else same
    top = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    return np.where(same, 0, top).astype(values.dtype)


def _by_imagecodecs(path: Path, facts: Facts) -> Sequence[Picture] | None:
    names = {"jpeg": "jpeg8", "jp2": "jpeg2k", "jxl": "jpegxl"}
    if facts.frames > 1 or _is_animated(path) or _is_turned(path):
        return None
    decode = getattr(
        import_module("imagecodecs"), f"{names.get(facts.format, facts.format)}_decode"
    )
    values = decode(path.read_bytes())
    is_deep_avif = facts.format == "avif" and values.dtype != np.uint8  # which we have in 8
    if is_deep_avif or (facts.format == "jpeg" and _has_inks(path)):
        return None
    return [split(values)]


def _by_opencv(path: Path, facts: Facts) -> Sequence[Picture] | None:
    cv2: ModuleType = import_module("cv2")
    is_keyed = facts.format == "png" and b"tRNS" in path.read_bytes()[:4096]
    if facts.frames > 1 or is_keyed or _is_animated(path) or _is_turned(path):
        return None
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("returns nothing")
    is_deep_avif = facts.format == "avif" and values.dtype != np.uint8
    if is_deep_avif or (facts.format == "jpeg" and _has_inks(path)):
        return None
    return [split(values, swapped=True)]


def _by_vips(path: Path, facts: Facts) -> Sequence[Picture] | None:
    pyvips = import_module("pyvips")
    several = {"n": -1} if facts.format in ("gif", "webp") else {}
    if (facts.frames > 1 and not several) or (facts.format == "tif" and not _is_plain(path)):
        return None
    if _is_animated(path):
        return None
    # By default what it cannot decompress is black.
    image = pyvips.Image.new_from_file(str(path), fail_on="error", **several)
    if image.interpretation in ("cmyk", "lab", "labs", "multiband"):
        return None
    values = image.numpy()
    if facts.format == "avif" and values.dtype != np.uint8:
        return None
    height = (
        image.get("page-height") if several and "page-height" in image.get_fields() else len(values)
    )
    return [split(values[top : top + height]) for top in range(0, len(values), height)]


def _by_imagemagick(path: Path, facts: Facts) -> Sequence[Picture] | None:
    if facts.frames > 1 or _is_animated(path):
        return None
    # It hands on the colours that HEIC stores, which are not RGB.
    options = {"heic": ["-colorspace", "sRGB"], "gif": ["-coalesce"]}
    more = options.get(facts.format, [])
    made = _run("convert", str(path), *more, "pam:-")
    frames = []
    # Comments of the file come first.
    pattern = rb"P7\n(?:#[^\n]*\n)*WIDTH (\d+)\nHEIGHT (\d+)\nDEPTH (\d+)\nMAXVAL (\d+)\n"
    pattern += rb"TUPLTYPE \w+\nENDHDR\n"
    while found := re.match(pattern, made):
        width, height, depth, most = (int(found[number]) for number in range(1, 5))
        dtype = np.dtype(">u2" if most > 255 else "u1")
        size = width * height * depth * dtype.itemsize
        samples = np.frombuffer(made[found.end() : found.end() + size], dtype)
        if most not in (255, 65535):
            return None
        frames.append(split(samples.astype(dtype.newbyteorder("=")).reshape(height, width, depth)))
        made = made[found.end() + size :]
    return frames


def _by_ffmpeg(path: Path, facts: Facts) -> Sequence[Picture] | None:
    if facts.frames == 1 and facts.format != "jxl" and not _is_animated(path):
        return None
    shown = _run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                 "stream=width,height,pix_fmt", "-of", "csv=p=0", str(path)).decode()  # fmt: skip
    width, height, kind = shown.strip().split(",")[:3]
    deep = bool(re.search(r"16|48|64|float|f32", kind))
    raw = _run("ffmpeg", "-v", "error", "-i", str(path), "-vsync", "passthrough",
               "-f", "rawvideo", "-pix_fmt", "rgba64le" if deep else "rgba", "-")  # fmt: skip
    if deep and "f32" in kind:
        return None
    samples = np.frombuffer(raw, "<u2" if deep else "u1").reshape(-1, int(height), int(width), 4)
    return [split(frame) for frame in samples]


def _by_gdal(path: Path, facts: Facts) -> Sequence[Picture] | None:
    """Read the bands of a TIFF's only page, which GDAL neither turns nor multiplies."""
    if facts.frames > 1:
        return None
    with import_module("tifffile").TiffFile(path) as file:
        if _is_no_page(file.pages[0]):
            return None
    about = json.loads(_run("gdalinfo", "-json", str(path)))
    kinds = {band.get("colorInterpretation") for band in about["bands"]}
    structure = about.get("metadata", {}).get("IMAGE_STRUCTURE", {})
    odd = {"Palette", "Alpha", "Cyan", "Hue", "YCbCr_Y"} & kinds
    if odd or "noDataValue" in about["bands"][0] or "MINISWHITE" in structure:
        return None
    stored = about["bands"][0].get("metadata", {}).get("IMAGE_STRUCTURE", {})
    if "NBITS" in stored or "PIXELTYPE" in stored:  # it has signed bytes from 3.7 on
        return None
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        _run("gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP", str(path), str(raw))
        types = {"Byte": "u1", "UInt16": "u2", "Int16": "i2", "UInt32": "u4", "Int32": "i4",
                 "Float32": "f4", "Float64": "f8"}  # fmt: skip
        kind = types.get(about["bands"][0]["type"])
        if kind is None:
            return None
        width, height = about["size"]
        values = np.fromfile(raw, kind).reshape(height, width, len(about["bands"]))
    return [Picture(values[:, :, 0] if values.shape[2] == 1 else values)]


def _by_hand(path: Path, _: Facts) -> Sequence[Picture] | None:
    """Read a binary or plain PNM or a PFM by a few lines of our own."""
    content = re.sub(rb"#[^\n]*\n", b"\n", path.read_bytes()[:200]) + path.read_bytes()[200:]
    found = re.match(rb"P([2356Ff])\s+(\d+)\s+(\d+)\s+(\S+)\s", content)
    if not found:
        return None
    kind, width, height = found[1], int(found[2]), int(found[3])
    shape = (height, width, 3) if kind in b"36F" else (height, width)
    count, body = int(np.prod(shape)), content[found.end() :]
    if kind in b"Ff":
        order = "<f4" if float(found[4]) < 0 else ">f4"
        return [Picture(np.frombuffer(body, order, count).reshape(shape)[::-1].astype(np.float32))]
    most = int(found[4])
    dtype = np.uint16 if most > 255 else np.uint8
    if kind in b"23":
        values = np.array(body.split()[:count], np.int64)
    else:
        values = np.frombuffer(body, ">u2" if most > 255 else "u1", count)
    return [Picture(values.astype(dtype).reshape(shape))]


def _by_numpy(path: Path, _: Facts) -> Sequence[Picture] | None:
    loaded = np.load(path, allow_pickle=False)
    values = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    return [Picture(values)]


def _by_python(path: Path, facts: Facts) -> Sequence[Picture] | None:
    """Read numbers from text by the standard library."""
    if facts.format == "json":
        return [Picture(np.array(json.loads(path.read_text("utf-8-sig"))))]
    text = path.read_text("utf-8-sig")
    if "\n\n" in text.strip():
        return None  # a table for each channel
    rows = csv.reader(text.splitlines(), delimiter="," if facts.format == "csv" else "\t")
    return [Picture(np.array([[float(cell) for cell in row] for row in rows if row]))]


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise ValueError(" ".join(done.stderr.decode(errors="replace").split())[:120])
    return done.stdout


READERS = (
    Reader("tifffile", ("tif", "float"), "tifffile", _by_tifffile, {"tif": 1}),
    Reader("imagecodecs", ("png", "jpeg", "webp", "jp2", "jxl", "avif"), "imagecodecs",
           _by_imagecodecs, {"avif": 2, "jpeg": 1, "webp": 1}),
    Reader("OpenCV", ("png", "jpeg", "webp", "bmp", "jp2", "pfm", "avif"), "cv2",
           _by_opencv, {"avif": 2, "jpeg": 1, "webp": 1}),
    Reader("libvips", ("png", "jpeg", "webp", "gif", "avif", "tif"), "pyvips", _by_vips,
           {"jpeg": 1, "webp": 1, "tif": 1}, {"avif": 5}, turns=("heic", "avif", "jxl")),
    Reader("ImageMagick", ("png", "gif", "bmp", "heic"), "convert", _by_imagemagick,
           {"heic": 2, "bmp": 1}, {"heic": 4}),
    Reader("FFmpeg", ("png", "gif", "jxl"), "ffmpeg", _by_ffmpeg, {"jxl": 1}),
    Reader("GDAL", ("tif", "float"), "gdal_translate", _by_gdal, {"tif": 1}),
    Reader("a few lines", ("ppm", "pfm"), "numpy", _by_hand),
    Reader("NumPy", ("npy", "npz"), "numpy", _by_numpy),
    Reader("Python", ("csv", "tsv", "json"), "numpy", _by_python),
)  # fmt: skip
