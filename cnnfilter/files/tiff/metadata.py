"""Metadata of a TIFF's page: EXIF and its folders, XMP, profile, resolution, place on a map."""

import re
from typing import TYPE_CHECKING, BinaryIO

from cnnfilter.files.image import Metadata
from cnnfilter.files.metadata.parts import UPRIGHT, is_profile, xmp_upright
from cnnfilter.files.tiff.folder import (
    EXIF,
    GPS,
    Folder,
    FolderReader,
    Layout,
    exif_block,
    layout_of,
)
from cnnfilter.files.tiff.page import is_structured

if TYPE_CHECKING:
    from tifffile import TiffPage

_DESCRIPTION, _ORIENTATION, _X, _Y, _UNIT = 270, 274, 282, 283, 296
_XMP, _PHOTOSHOP, _PROFILE = 700, 34377, 34675
_SOFTWARE = 305
_SIZES = (40962, 40963)
#: What describes a picture: TIFF 6.0, EXIF's ImageHistory, IPTC, and Windows' titles.
_DESCRIPTIVE = (
    269, 270, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, 33432, 33723,
    *range(40091, 40096),
)  # fmt: skip
#: GeoTIFF's scale, tie points, transformation and keys, and GDAL's metadata.
GEO = (33550, 33922, 34264, 34735, 34736, 34737, 42112)
_CENTIMETRE, _INCH = 3, 2
_CENTIMETRES_IN_INCH = 2.54
#: GDAL's statistics of a band, which a filter changes.
_STATISTICS = re.compile(rb'\s*<Item name="STATISTICS_[^>]*>[^<]*</Item>')


def metadata_of(page: "TiffPage", file: BinaryIO) -> tuple[Metadata, tuple[str, ...]]:
    """Return a page's metadata, and notes."""
    file.seek(0)
    layout = layout_of(file.read(4)) or Layout("<")
    wanted = (*_DESCRIPTIVE, *GEO, _ORIENTATION, _X, _Y, _UNIT, _XMP, _PROFILE)
    folder = FolderReader(file, layout).folder(page.offset, wanted, (EXIF, GPS))
    metadata, notes = Metadata(), []
    if _PHOTOSHOP in page.tags:
        notes.append("its Photoshop resources are left out")
    description = folder.tags.get(_DESCRIPTION)
    if description is not None and is_structured(description.text):
        del folder.tags[_DESCRIPTION]
        if not description.text.lstrip().startswith('{"shape"'):
            notes.append("its description is left out, but for its axes")
    is_upright = folder.numbers(_ORIENTATION) in ((), (UPRIGHT,))
    if exif := _exif(folder):
        metadata["exif"] = exif_block(exif)
    if (profile := folder.tags.get(_PROFILE)) is not None:
        if is_profile(profile.value):
            metadata["icc_profile"] = profile.value
        else:
            notes.append("its colour profile cannot be read: left out")
    if (xmp := folder.tags.get(_XMP)) is not None:
        described, promised = xmp_upright(xmp.value)
        metadata.update(described)
        notes += promised
    if dpi := _resolution(folder):
        metadata["dpi"] = dpi
    if geo := _geo(folder):
        if is_upright:
            metadata["geo"] = geo
        else:
            notes.append("its place on the map is left out: it is turned")
    return metadata, tuple(notes)


def _exif(folder: Folder) -> Folder:
    """Return the tags that describe a picture, whatever its size."""
    tags = {number: tag for number, tag in folder.tags.items() if number in _DESCRIPTIVE}
    software = tags.get(_SOFTWARE)
    if software is not None and software.text == "tifffile.py":  # what was written by default
        del tags[_SOFTWARE]
    exif = Folder(folder.order, tags, dict(folder.folders))
    for number in _SIZES:
        if EXIF in exif.folders:
            exif.folders[EXIF].tags.pop(number, None)
    return exif


def _resolution(folder: Folder) -> tuple[float, float] | None:
    """Return the dots per inch, if a unit is named."""
    unit = folder.numbers(_UNIT) or (_INCH,)
    values = [folder.rational(number) for number in (_X, _Y)]
    across, down = values
    if across is None or down is None or unit[0] not in (_INCH, _CENTIMETRE):
        return None
    factor = _CENTIMETRES_IN_INCH if unit[0] == _CENTIMETRE else 1
    across, down = across * factor, down * factor
    return (across, down) if 0 < across <= 65_535 and 0 < down <= 65_535 else None


def _geo(folder: Folder) -> Folder:
    tags = {number: tag for number, tag in folder.tags.items() if number in GEO}
    if (items := tags.get(GEO[-1])) is not None:
        value = _STATISTICS.sub(b"", items.value)
        tags[GEO[-1]] = type(items)(items.type, len(value), value)
    return Folder(folder.order, tags)
