"""What a picture's file holds besides pixels; what of it cannot be read is left out, and said.

Pixels are decoded without it, so nothing here refuses a picture.
"""

import math
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image as Pillow

#: What Pillow and tifffile raise on files that are corrupt.
BROKEN = (
    OSError, ValueError, SyntaxError, TypeError, EOFError, RuntimeError, NotImplementedError,
    LookupError, ArithmeticError, AttributeError, AssertionError, struct.error, zlib.error,
    Pillow.DecompressionBombError,
)  # fmt: skip

#: What of a TIFF's tags describes it; the others say how its bytes lie.
_DESCRIPTIVE_TAGS = {270, 271, 272, 305, 306, 315, 33432}
_ORIENTATION = 0x0112
_EXIF_FOLDERS = (0x8769, 0x8825)
_SIZE_TAGS = {0xA002, 0xA003}
#: Bytes of EXIF that has a header and a directory of no tags.
_EMPTY_EXIF = 14
#: The name that XMP has among a PNG's text.
XMP_TEXT = "XML:com.adobe.xmp"
#: Text in a PNG that is EXIF or XMP in disguise, its orientation not reset.
_DISGUISED = (XMP_TEXT, "Raw profile type exif", "Raw profile type APP1")
_XMP_ORIENTATION = rb'tiff:Orientation="[0-9]"|<tiff:Orientation>[0-9]</tiff:Orientation>'
#: The highest resolution, in dots per inch, that every format holds.
_HIGHEST_DPI = 65_535
#: A colour profile's header: its length, and where its signature stands in it.
_PROFILE_HEADER, _PROFILE_SIGNATURE = 128, slice(36, 40)

UPRIGHT = 1


def read_orientation(picture: Pillow.Image, *, before_pixels: bool = False) -> tuple[int, str]:
    """Return EXIF's orientation, 1 to 8, and a note if it cannot be read.

    Parameters
    ----------
    picture : PIL.Image.Image
    before_pixels : bool
        As far as it is known before the pixels are; a PNG's own way to ask decodes it.
    """
    try:
        exif = Pillow.Image.getexif(picture) if before_pixels else picture.getexif()
        value = exif.get(_ORIENTATION, UPRIGHT)
    except BROKEN:
        value = None
    return checked_orientation(value)


def checked_orientation(value: Any) -> tuple[int, str]:
    """Return what a tag holds as an orientation, 1 to 8, and a note if it is no number.

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


def read_metadata(picture: Pillow.Image, format: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what `Image.metadata` holds, of a picture that is turned upright, and notes.

    Parameters
    ----------
    picture : PIL.Image.Image
        Its pixels are loaded.
    format : str
        Pillow's name.
    """
    kept: dict[str, Any] = {}
    left_out = []
    for name, read in _PARTS.items():
        try:
            kept |= read(picture, format)
        except _Partly as part:
            kept |= part.kept
            left_out.append(f"a part of its {name}")
        except BROKEN:
            left_out.append(f"its {name}")
    return kept, tuple(f"{name} cannot be read: left out" for name in left_out)


class _Partly(Exception):  # noqa: N818 - what could be read is no error
    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept


def _profile(picture: Pillow.Image, _: str) -> dict[str, Any]:
    profile = picture.info.get("icc_profile")
    if not profile:
        return {}
    if len(profile) < _PROFILE_HEADER or profile[_PROFILE_SIGNATURE] != b"acsp":
        raise ValueError
    return {"icc_profile": bytes(profile)}


def _resolution(picture: Pillow.Image, _: str) -> dict[str, Any]:
    dpi = picture.info.get("dpi")
    if not dpi:
        return {}
    across, down = (float(each) for each in dpi)
    if across == down == 0:
        return {}
    if not (0 < across <= _HIGHEST_DPI and 0 < down <= _HIGHEST_DPI):  # NaN is not, either
        raise ValueError
    return {"dpi": dpi}


def _comment(picture: Pillow.Image, _: str) -> dict[str, Any]:
    comment = picture.info.get("comment")
    return {"comment": comment} if comment and isinstance(comment, bytes | str) else {}


def _xmp(picture: Pillow.Image, _: str) -> dict[str, Any]:
    xmp = picture.info.get("xmp") or picture.info.get(XMP_TEXT)
    if not xmp:
        return {}
    xmp = xmp if isinstance(xmp, bytes) else str(xmp).encode()
    return {"xmp": xmp if _is_upright(picture) else re.sub(_XMP_ORIENTATION, b"", xmp)}


def _is_upright(picture: Pillow.Image) -> bool:
    return read_orientation(picture)[0] == UPRIGHT


def _exif(picture: Pillow.Image, format: str) -> dict[str, Any]:
    exif = picture.getexif()
    if format == "TIFF":
        return _bytes_of(_described(exif))
    if not exif and _holds_something(picture.info.get("exif", b"")):
        raise ValueError  # Pillow passes over what it has failed to read once
    if _EXIF_FOLDERS[0] in exif:
        folder = exif.get_ifd(_EXIF_FOLDERS[0])
        for tag in _SIZE_TAGS & set(folder):
            del folder[tag]  # the result has another size
    orientation = exif.pop(_ORIENTATION, None)
    try:
        return _bytes_of(exif)
    finally:
        if orientation is not None:
            exif[_ORIENTATION] = orientation  # all frames of a file share it


def _holds_something(content: bytes) -> bool:
    """Return if EXIF is more than nothing, or an empty directory."""
    content = content.removeprefix(b"Exif\0\0")
    return bool(content) and not (content[:2] in (b"II", b"MM") and len(content) <= _EMPTY_EXIF)


def _bytes_of(exif: Pillow.Exif) -> dict[str, Any]:
    """Return EXIF as Pillow's save takes it, if there is any."""
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


def exif_without_folders(content: bytes) -> tuple[bytes, bool]:
    """Return EXIF's own tags, and if they are all: Pillow writes no folders to compressed TIFFs."""
    exif = Pillow.Exif()
    exif.load(content)
    folders = [folder for folder in _EXIF_FOLDERS if exif.get_ifd(folder)]
    own = Pillow.Exif()
    for tag in set(exif) - set(_EXIF_FOLDERS):
        own[tag] = exif[tag]
    return own.tobytes(), not folders


def _can_be_kept(exif: Pillow.Exif, tag: int) -> bool:
    alone = Pillow.Exif()
    try:
        alone[tag] = exif[tag]
        alone.tobytes()
    except BROKEN:
        return False
    return True


def _times(picture: Pillow.Image, _: str) -> dict[str, Any]:
    times = {key: picture.info[key] for key in ("duration", "loop") if key in picture.info}
    numbers: dict[str, Any] = {
        key: time for key, time in times.items() if isinstance(time, int | float)
    }
    if any(not math.isfinite(time) or time < 0 for time in numbers.values()):
        raise ValueError
    return numbers


def _text(picture: Pillow.Image, format: str) -> dict[str, Any]:
    # To ask Pillow for the text of an animated PNG decodes all of its frames.
    info = picture.info
    text = {key: info[key] for key in info if isinstance(info[key], str)}
    for key in _DISGUISED:
        text.pop(key, None)
    return {"text": text} if format == "PNG" and text else {}


#: What is read, by its name in a note.
_PARTS: dict[str, Callable[[Pillow.Image, str], dict[str, Any]]] = {
    "colour profile": _profile,
    "resolution": _resolution,
    "comment": _comment,
    "XMP": _xmp,
    "EXIF": _exif,
    "times": _times,
    "text": _text,
}
