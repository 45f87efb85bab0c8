"""Metadata of pictures: parts that cannot be read, or written, are left out with a note.

Pixels are decoded without it, so nothing here refuses a picture.
"""

import io
import math
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import BinaryIO, cast

from PIL import Image as Pillow

from cnnfilter.arrays import Array
from cnnfilter.files.format import Format
from cnnfilter.files.image import Metadata
from cnnfilter.files.printed import caught

#: What Pillow and tifffile raise on files that are corrupt.
BROKEN = (
    OSError, ValueError, SyntaxError, TypeError, EOFError, RuntimeError, NotImplementedError,
    LookupError, ArithmeticError, AttributeError, AssertionError, struct.error, zlib.error,
    Pillow.DecompressionBombError,
)  # fmt: skip

#: A TIFF's tags that describe it; the others are about the layout of its bytes.
_DESCRIPTIVE_TAGS = {270, 271, 272, 305, 306, 315, 33432}
_ORIENTATION = 0x0112
_EXIF_FOLDERS = (0x8769, 0x8825)
_SIZE_TAGS = {0xA002, 0xA003}
#: Photoshop's number of captions.
_IPTC = 0x0404
#: Bytes of EXIF that has a header and a directory of no tags.
_EMPTY_EXIF = 14
#: The name that XMP has among a PNG's text.
_XMP_TEXT = "XML:com.adobe.xmp"
#: Text in a PNG that is EXIF or XMP in disguise, its orientation not reset.
_DISGUISE = "Raw profile type "
_DISGUISED = (_XMP_TEXT, *(_DISGUISE + name for name in ("exif", "xmp", "APP1")))
_EXIF_HEADER = b"Exif\0\0"
#: Bytes of a file that are searched for metadata that is not read.
_MOST_SEARCHED = 2**20
#: The highest resolution, in dots per inch, that every format holds.
_HIGHEST_DPI = 65_535
#: A colour profile's header: its length, and where its signature stands in it.
_PROFILE_HEADER, _PROFILE_SIGNATURE = 128, slice(36, 40)

UPRIGHT = 1


def read_orientation(picture: Pillow.Image, *, before_pixels: bool = False) -> tuple[int, str]:
    """Return EXIF's orientation, and a note if unreadable.

    Parameters
    ----------
    picture : PIL.Image.Image
    before_pixels : bool
        Whether to decode no pixels for it, as a PNG's own method does.
    """
    try:
        exif = Pillow.Image.getexif(picture) if before_pixels else picture.getexif()
        value = exif.get(_ORIENTATION, UPRIGHT)
    except BROKEN:
        value = None
    return checked_orientation(value)


def checked_orientation(value: object) -> tuple[int, str]:
    """Return a tag's orientation, and a note if invalid.

    Examples
    --------
    >>> checked_orientation(6), checked_orientation(9)
    ((6, ''), (1, ''))
    >>> checked_orientation("six")
    (1, 'its orientation cannot be read: taken as upright')
    """
    if isinstance(value, int):
        return value if 1 <= value <= 8 else UPRIGHT, ""
    return UPRIGHT, "its orientation cannot be read: taken as upright"


def jpeg_of_metadata(segments: bytes) -> Pillow.Image | None:
    """Return a tiny picture with a JPEG's metadata, if Pillow takes it."""
    from PIL.JpegImagePlugin import JpegImageFile

    tiny = io.BytesIO()
    Pillow.new("L", (1, 1)).save(tiny, "JPEG")
    start, rest = tiny.getvalue()[:2], tiny.getvalue()[2:]
    try:
        return JpegImageFile(io.BytesIO(start + segments + rest), "")
    except BROKEN:
        return None


def read_metadata(picture: Pillow.Image, format: Format) -> tuple[Metadata, tuple[str, ...]]:
    """Return an upright picture's metadata, and notes."""
    kept: dict[str, object] = {}
    notes: list[str] = []
    for name, read in _PARTS.items():
        try:
            kept |= read(picture, format)
        except _Partly as part:
            kept |= part.kept
            notes += part.notes or [f"a part of its {name} cannot be read: left out"]
        except BROKEN:
            notes.append(f"its {name} cannot be read: left out")
    return cast("Metadata", kept), tuple(notes)


def unread_parts(file: BinaryIO, format: Format, metadata: Mapping[str, object]) -> tuple[str, ...]:
    """Return notes on the parts that a file has and no library here reads."""
    place = file.tell()
    file.seek(0)
    head = file.read(_MOST_SEARCHED)
    file.seek(place)
    found = [part for part, sign in format.unread.items() if sign in head and part not in metadata]
    return tuple(f"its {_NAMES[part]} is not read: left out" for part in found)


class _Partly(Exception):  # noqa: N818 - the part that was read is not an error
    def __init__(self, kept: Mapping[str, object], *notes: str) -> None:
        self.kept, self.notes = kept, notes


def _profile(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    profile = picture.info.get("icc_profile")
    if not profile:
        return {}
    if not is_profile(profile):
        raise ValueError
    return {"icc_profile": bytes(profile)}


def is_profile(content: bytes) -> bool:
    """Return whether bytes have a colour profile's header."""
    return len(content) >= _PROFILE_HEADER and content[_PROFILE_SIGNATURE] == b"acsp"


def _resolution(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    dpi = picture.info.get("dpi")
    if not dpi:
        across, down = picture.info.get("aspect", (1, 1))
        if across != down:
            raise _Partly({}, f"the shape of its pixels ({down}:{across}) is left out")
        return {}
    across, down = map(float, dpi)
    if across == down == 0:
        return {}
    if not (0 < across <= _HIGHEST_DPI and 0 < down <= _HIGHEST_DPI):  # NaN is not, either
        raise ValueError
    return {"dpi": dpi}


def _comment(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    comment = picture.info.get("comment")
    return {"comment": comment} if comment and isinstance(comment, bytes | str) else {}


def _in_utf8(xmp: bytes) -> bytes:
    """Return XMP in the encoding that all formats hold; it may be in UTF-16."""
    for start, encoding in ((b"\0<", "utf-16-be"), (b"<\0", "utf-16-le")):
        if xmp.startswith(start):
            return xmp.decode(encoding, "replace").encode()
    return xmp


def _xmp(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    xmp = picture.info.get("xmp") or picture.info.get(_XMP_TEXT) or _in_text(picture, "xmp")
    if not xmp:
        return {}
    kept, notes = xmp_upright(_in_utf8(xmp if isinstance(xmp, bytes) else str(xmp).encode()))
    if notes:
        raise _Partly(kept, *notes)
    return kept


def xmp_upright(xmp: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Return XMP of a picture that is upright now, of another size and alone; and notes."""
    from cnnfilter.files.metadata.xmp import cleaned  # many have none

    try:
        kept, promises = cleaned(xmp)
    except ValueError:
        return {}, ("its XMP cannot be read: left out",)
    return {"xmp": kept}, tuple(f"its {name} is left out" for name in promises)


def _exif(picture: Pillow.Image, format: Format) -> Mapping[str, object]:
    exif = picture.getexif()
    if format.exif == "tags":
        return _bytes_of(_described(exif))
    if not exif and (
        _holds_something(picture.info.get("exif", b"")) or _DISGUISE + "APP1" in picture.info
    ):
        raise ValueError  # Pillow passes over what it has failed to read once, or does not know
    return _cleaned_exif(exif, _exif_block(picture)) if exif else {}


def _cleaned_exif(exif: Pillow.Exif, block: bytes) -> Mapping[str, object]:
    """Return EXIF as bytes without what is of the old picture."""
    from cnnfilter.files.metadata.exif import cleaned  # many have none

    if _EXIF_FOLDERS[0] in exif:
        folder = exif.get_ifd(_EXIF_FOLDERS[0])
        for tag in _SIZE_TAGS & set(folder):
            del folder[tag]  # the result has another size
    orientation = exif.pop(_ORIENTATION, None)
    try:
        kept = _bytes_of(exif)  # raises if a part cannot be read
        with suppress(ValueError):  # then it is odd, and Pillow's is better than none
            kept = kept and {"exif": _EXIF_HEADER + cleaned(block)}
        return kept
    finally:
        if orientation is not None:
            exif[_ORIENTATION] = orientation  # all frames of a file share it


def exif_upright(content: bytes) -> Metadata:
    """Return EXIF without the orientation that a decoder has applied.

    Raises
    ------
    Exception
        Any that Pillow raises where it is corrupt.
    """
    exif = Pillow.Exif()
    exif.load(content)
    return cast("Metadata", _cleaned_exif(exif, content.removeprefix(_EXIF_HEADER)))


def _exif_block(picture: Pillow.Image) -> bytes:
    """Return EXIF as it stands in the file."""
    block = picture.info.get("exif")
    return (_in_text(picture, "exif") if block is None else bytes(block)).removeprefix(_EXIF_HEADER)


def _in_text(picture: Pillow.Image, name: str) -> bytes:
    """Return what stands in a PNG's text as a name, a length, and digits."""
    text = str(picture.info.get(_DISGUISE + name, ""))
    return bytes.fromhex("".join(text.split("\n")[3:]))


def _holds_something(content: bytes) -> bool:
    """Return whether EXIF is more than an empty directory."""
    content = content.removeprefix(_EXIF_HEADER)
    return bool(content) and not (content[:2] in (b"II", b"MM") and len(content) <= _EMPTY_EXIF)


def _bytes_of(exif: Pillow.Exif) -> Mapping[str, object]:
    """Return EXIF as bytes, if there is any."""
    if not exif:
        return {}
    try:
        return {"exif": exif.tobytes()}
    except BROKEN:
        for tag in [tag for tag in exif if not _can_be_kept(exif, tag)]:
            del exif[tag]
        raise _Partly({"exif": exif.tobytes()} if exif else {}) from None


def _described(tags: Pillow.Exif) -> Pillow.Exif:
    """Keep the tags that describe a picture."""
    kept = Pillow.Exif()
    for tag in _DESCRIPTIVE_TAGS & set(tags):
        kept[tag] = tags[tag]
    for folder in _EXIF_FOLDERS:
        if inner := tags.get_ifd(folder):
            for tag in inner.keys() - _SIZE_TAGS:  # the result has another size
                kept.get_ifd(folder)[tag] = inner[tag]
    return kept


def _can_be_kept(exif: Pillow.Exif, tag: int) -> bool:
    alone = Pillow.Exif()
    try:
        alone[tag] = exif[tag]
        alone.tobytes()
    except BROKEN:
        return False
    return True


def _captions(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    """Name IPTC, which no format holds here."""
    resources = picture.info.get("photoshop")
    if isinstance(resources, dict) and _IPTC in resources:
        raise _Partly({}, "its IPTC is left out")
    return {}


def _times(picture: Pillow.Image, _: Format) -> Mapping[str, object]:
    times = {key: picture.info.get(key) for key in ("duration", "loop")}
    numbers: dict[str, float] = {
        key: time for key, time in times.items() if isinstance(time, int | float)
    }
    if any(not math.isfinite(time) or time < 0 for time in numbers.values()):
        raise ValueError
    return numbers


def _text(picture: Pillow.Image, format: Format) -> Mapping[str, object]:
    if "text" not in format.metadata:
        return {}
    # To ask Pillow for the text of an animated PNG decodes all of its frames.
    info = picture.info
    text = {
        key: value
        for key, value in info.items()
        if isinstance(value, str) and key not in _DISGUISED
    }
    return {"text": text} if text else {}


#: Readers of the parts, by their names in a note.
_PARTS: Mapping[str, Callable[[Pillow.Image, Format], Mapping[str, object]]] = {
    "colour profile": _profile,
    "resolution": _resolution,
    "comment": _comment,
    "XMP": _xmp,
    "EXIF": _exif,
    "IPTC": _captions,
    "times": _times,
    "text": _text,
}


#: What parts are called in a note.
_NAMES = {
    "exif": "EXIF",
    "icc_profile": "colour profile",
    "dpi": "resolution",
    "xmp": "XMP",
    "comment": "comment",
}


def metadata_options(
    metadata: Mapping[str, object],
    format: Format,
    frames: Iterable[Array],
    encoding: Mapping[str, object],
) -> tuple[dict[str, object], list[str]]:
    """Return Pillow's save options, and the omitted parts.

    Parameters
    ----------
    metadata : mapping
        As `Metadata`.
    format : Format
    frames : iterable of ndarray
        The frames' pixels.
    encoding : mapping
        What Pillow's save takes of the encoding.
    """
    options = {key: metadata[key] for key in format.metadata if key in metadata}
    profile, left_out = options.get("icc_profile"), []
    if profile is not None and not all(profile_fits(profile, pixels) for pixels in frames):
        del options["icc_profile"]
        left_out.append("a colour profile of other channels")
    text = _text_options(options) if "text" in format.metadata else {}
    for key in _refused(options, format, encoding):
        del options[key]
        left_out.append(f"its {_NAMES[key]}")
    return options | text, left_out


def _refused(
    options: Mapping[str, object], format: Format, encoding: Mapping[str, object]
) -> Collection[str]:
    """Find the parts that Pillow does not write."""
    if not options or _is_written(options, format, encoding):
        return []
    return [key for key in options if not _is_written({key: options[key]}, format, encoding)]


def _is_written(
    options: Mapping[str, object], format: Format, encoding: Mapping[str, object]
) -> bool:
    blocks = [options[key] for key in ("exif", "xmp", "comment") if key in options]
    if format.metadata_bytes is not None and any(
        isinstance(block, bytes | str) and len(block) > format.metadata_bytes for block in blocks
    ):
        return False
    with caught():
        try:
            picture = Pillow.new("L" if "gray" in format.modes else "RGB", (1, 1))
            picture.save(io.BytesIO(), format.pillow, **{**encoding, **options})
        except BROKEN:
            return False
    return True


def is_srgb(profile: bytes) -> bool:
    """Return whether a colour profile says that it is sRGB's."""
    return any("sRGB".encode(code) in profile for code in ("ascii", "utf-16-be"))


def profile_fits(profile: object, pixels: Array) -> bool:
    """Return whether a colour profile fits the pixels."""
    colours = b"GRAY" if pixels.ndim == 2 else b"RGB "
    return isinstance(profile, bytes) and profile[16:20] == colours


def _text_options(options: dict[str, object]) -> dict[str, object]:
    """Remove the parts that a PNG holds as text."""
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    text, xmp = options.pop("text", {}), options.pop("xmp", None)
    for kind, content in cast("Mapping[str, bytes]", options.pop("colours", {})).items():
        chunks.add(kind.encode(), content)
    for key, value in cast("Mapping[str, str]", text).items():
        chunks.add_text(key, value)
    if isinstance(xmp, bytes):
        chunks.add_itxt(_XMP_TEXT, xmp.decode("utf-8", "replace"))
    return {"pnginfo": chunks}
