"""Photographs: JPEG of all kinds, with what phones put beside the picture; HEIC; print colours."""

import io
import re
import struct
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from cnnfilter.arrays import Array

from .structures import Right, Structure, page, pattern, tiff
from .tiffs import CODECS, EXTRA

HEIC = Path(__file__).parents[1] / "data" / "quarters.heic"


def _smooth(*bands: int) -> Array:
    """Return a picture that JPEG changes little."""
    down, across = np.mgrid[0:32, 0:48]
    planes = [(down * (2 + band) + across * (4 - band)) % 256 for band in bands]
    return np.dstack(planes).astype(np.uint8)


def _decoded(content: bytes) -> Array:
    """Return what libjpeg-turbo makes of a JPEG, by imagecodecs."""
    return import_module("imagecodecs").jpeg8_decode(content)


class _Jpeg:
    """A JPEG made once, and its pixels as another reader has them."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self.make = cache(make)

    def structure(self, name: str, **more: object) -> Structure:
        try:
            pixels = _decoded(self.make())
        except ImportError:
            pixels = _smooth(0)
        return Structure(name, self.make, [Right(pixels)], within=1, needs=CODECS)._replace(**more)


def _pillow(values: Array, format: str = "JPEG", **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        file = io.BytesIO()
        Pillow.fromarray(values).save(file, format, **{"quality": 95, **options})
        return file.getvalue()

    return make


def _exif(orientation: int = 1) -> bytes:
    """Return EXIF with its sub-folders, as a camera's."""
    exif = Pillow.Exif()
    exif[271], exif[272], exif[274], exif[305] = "Maker", "Model 1", orientation, "Firmware 1.2"
    inner = exif.get_ifd(0x8769)
    inner[33434], inner[34855], inner[36867] = (1, 250), 200, "2026:11:28 12:00:00"
    inner[37500] = b"Maker\0" + bytes(range(200))
    inner[40962], inner[40963] = 48, 32
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 12.5)
    place[3], place[4] = "E", (13.0, 24.0, 18.25)
    return exif.tobytes()


_GAIN_MAP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
xmlns:Container="http://ns.google.com/photos/1.0/container/"
xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
hdrgm:Version="1.0"><Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"
Item:Mime="image/jpeg"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap"
Item:Mime="image/jpeg" Item:Length="1000"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""


def _several(count: int, xmp: bytes = b"") -> Callable[[], bytes]:
    """Return a maker of a JPEG with other pictures behind it."""

    def make() -> bytes:
        first, *others = (Pillow.fromarray(_smooth(0, 1, number)) for number in range(count))
        file = io.BytesIO()
        options = {"xmp": xmp} if xmp else {}
        first.save(file, "MPO", save_all=True, append_images=others, quality=95, **options)
        return _with_places(file.getvalue())

    return make


def _with_places(content: bytes) -> bytes:
    """Put the right places into the table of pictures: Pillow's are wrong from the third on."""
    starts = [found.start() for found in re.finditer(b"\xff\xd8\xff", content)]
    ends = [*starts[1:], len(content)]
    table = content.index(b"MPF\0") + 4
    entries = bytearray(content)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        offset = start - table if number else 0
        struct.pack_into("<II", entries, table + 50 + 16 * number + 4, end - start, offset)
    return bytes(entries)


def _without_table() -> bytes:
    """Return a gain-map JPEG whose second picture stands in no table, as some write it."""
    primary = _pillow(_smooth(0, 1, 2), xmp=_GAIN_MAP)()
    return primary + _pillow(_smooth(0, 0, 0))()


def _ink_profile() -> bytes:
    """Return a small colour profile of four inks, of the sixteen corners alone."""
    corners = []
    for inks in np.ndindex(2, 2, 2, 2):
        cyan, magenta, yellow, black = inks
        light = 235 * (1 - 0.35 * cyan) * (1 - 0.45 * magenta) * (1 - 0.1 * yellow)
        light *= 1 - 0.8 * black
        corners.append([
            round(light),
            128 - 40 * cyan + 60 * magenta,
            128 - 35 * cyan - 10 * magenta + 70 * yellow,
        ])  # fmt: skip
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += ramp * 4 + bytes(np.array(corners, np.uint8).tobytes()) + ramp * 3
    table += bytes(-len(table) % 4)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"Inks\0" + bytes(78)
    text += bytes(-len(text) % 4)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    places, offset = [], 128 + 4 + 12 * 4
    for name, content in ((b"desc", text), (b"wtpt", white), (b"A2B0", table), (b"cprt", text)):
        places.append(struct.pack(">4sII", name, offset, len(content)))
        offset += len(content)
    body = struct.pack(">I", 4) + b"".join(places) + text + white + table + text
    head = struct.pack(
        ">I4sI4s4s4s", 128 + len(body), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head += struct.pack(">6H", 2026, 11, 28, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + body


INKS = pattern((6, 9, 4), "uint8")
PROFILE = _ink_profile()


def _through_profile(inks: Array) -> Array:
    """Return print colours in sRGB, by LittleCMS."""
    transformed = ImageCms.profileToProfile(
        Pillow.frombytes("CMYK", (inks.shape[1], inks.shape[0]), inks.tobytes()),
        io.BytesIO(PROFILE), ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.PERCEPTUAL, outputMode="RGB",
    )  # fmt: skip
    return np.asarray(transformed)


def _enlarged(values: Array) -> Array:
    return np.kron(values, np.ones((8, 8, 1), values.dtype))


def _inks_jpeg() -> bytes:
    """Return a JPEG of print colours that are stored inverted, as Photoshop does."""
    inks = _enlarged(INKS)
    file = io.BytesIO()
    picture = Pillow.frombytes("CMYK", (72, 48), inks.tobytes())
    picture.save(file, "JPEG", quality=100, subsampling=0, icc_profile=PROFILE)
    return file.getvalue()


def _inks_tiff(*, profiled: bool) -> bytes:
    more = {332: ("H", [1]), **({34675: ("B", list(PROFILE))} if profiled else {})}
    return tiff((page((6, 9, 4), 8, 5, more), INKS.tobytes()))


def _naive(inks: Array) -> Array:
    left = 255 - inks.astype(np.float64)
    return np.rint(left[:, :, :3] * left[:, :, 3:] / 255).astype(np.uint8)


def _quarters() -> Array:
    values = np.zeros((48, 64, 3), np.uint8)
    values[:24, :32], values[:24, 32:] = (200, 60, 40), (40, 180, 70)
    values[24:, :32], values[24:, 32:] = (30, 60, 190), (128, 128, 128)
    return values


def _twelve() -> Array:
    return (np.mgrid[0:32, 0:48].sum(axis=0) * 50).astype(np.uint16)


def _deep_jpeg() -> bytes:
    return import_module("imagecodecs").jpeg8_encode(_twelve(), level=100, bitspersample=12)


def _lossless_jpeg() -> bytes:
    return import_module("imagecodecs").ljpeg_encode(_smooth(0)[:, :, 0])


def _of_codec(codec: str) -> Callable[[], bytes]:
    return lambda: getattr(import_module("imagecodecs"), f"{codec}_encode")(_smooth(0, 1, 2))


def _turned(orientation: int) -> Structure:
    jpeg = _Jpeg(_pillow(_smooth(0, 1, 2), exif=_exif(orientation)))
    whole = jpeg.structure(f"exif-orientation{orientation}.jpg")
    (right,) = whole.frames or ()
    turned = {
        1: right.pixels,
        6: np.rot90(right.pixels, -1),
        7: right.pixels[::-1, ::-1].swapaxes(0, 1),
    }
    return whole._replace(frames=[Right(np.ascontiguousarray(turned[orientation]))])


def _tiff_with_exif() -> bytes:
    file = io.BytesIO()
    picture = Pillow.fromarray(pattern((6, 9, 3), "uint8"))
    picture.save(file, "TIFF", exif=_exif(), compression=None)
    return file.getvalue()


_TITLE = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF
xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about=''
xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title><rdf:Alt><rdf:li
xml:lang='x-default'>A title</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF>
</x:xmpmeta><?xpacket end='w'?>"""
_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

#: First bytes of files that are not read here, and what they are.
_FOREIGN = (
    ("canon.crw", b"II\x1a\0\0\0HEAPCCDR", "camera raw"),
    ("fuji.raf", b"FUJIFILMCCD-RAW 0201", "camera raw"),
    ("panasonic.rw2", b"IIU\0\x18\0\0\0", "camera raw"),
    ("olympus.orf", b"IIRO\x08\0\0\0", "camera raw"),
    ("picture.sgi", b"\x01\xda\x01\x01\0\x03", "SGI"),
    ("picture.pcx", b"\x0a\x05\x01\x08", "PCX"),
    ("picture.ras", b"\x59\xa6\x6a\x95", "Sun raster"),
    ("picture.xpm", b"/* XPM */\nstatic char *a[] = {", "XPM"),
    ("picture.xbm", b"#define a_width 8\n#define a_height 8\n", "XBM"),
    ("picture.icns", b"icns\0\0\1\0", "Apple icon"),
    ("picture.cur", b"\0\0\x02\0\1\0", "Windows cursor"),
    ("picture.dpx", b"SDPX\0\0\x08\0", "DPX"),
    ("picture.emf", b"\1\0\0\0" + bytes(36) + b" EMF", "Windows drawing"),
    ("picture.mng", b"\x8aMNG\r\n\x1a\n", "MNG"),
    ("film.avi", b"RIFF\0\0\0\0AVI LIST", "a video"),
    ("metadata-alone.jpg", b"\xff\xd8\xff\xe1\0\x0cExif\0\0II*\0", "corrupt or truncated"),
)

STRUCTURES: list[Structure] = [
    *map(_turned, (1, 6, 7)),
    _Jpeg(_pillow(_smooth(0)[:, :, 0])).structure("gray.jpg"),
    _Jpeg(_pillow(_smooth(0)[:, :, 0], icc_profile=_PROFILE)).structure("gray-profile-rgb.jpg"),
    _Jpeg(_pillow(_smooth(0, 1, 2), subsampling="4:2:0", progressive=True)
          ).structure("progressive.jpg"),
    _Jpeg(_pillow(_smooth(0, 1, 2), xmp=_TITLE.encode("utf-16-be"))).structure("xmp-utf-16.jpg"),
    _Jpeg(_pillow(_smooth(0, 1, 2), keep_rgb=True)).structure("colours-as-they-are.jpg"),
    Structure("exif-gps.tif", _tiff_with_exif, [Right(pattern((6, 9, 3), "uint8"))]),
    _Jpeg(_several(2)).structure("two.mpo", said="first of 2"),
    _Jpeg(_several(4)).structure("four.jpg", said="first of 4"),
    _Jpeg(_several(2, _GAIN_MAP)).structure("gain-map.jpg", said="gain map"),
    _Jpeg(_without_table).structure("gain-map-without-table.jpg", said="gain map"),
    Structure("inks.jpg", _inks_jpeg, [Right(_through_profile(_enlarged(INKS)))], within=6,
              ),
    Structure("inks.tif", lambda: _inks_tiff(profiled=True), [Right(_through_profile(INKS))],
              within=1),
    Structure("inks-without-profile.tif", lambda: _inks_tiff(profiled=False), [Right(_naive(INKS))],
              within=1, said="CMYK|print"),
    Structure("twelve-bits.jpg", _deep_jpeg, [Right(_twelve(), peak=4095)],
              r"12-bit JPEG.*" + EXTRA, within=2, needs=CODECS),
    Structure("lossless.jpg", _lossless_jpeg, [Right(_smooth(0)[:, :, 0])], "lossless JPEG",
              needs=CODECS),
    Structure("lossless.jls", _of_codec("jpegls"), [Right(_smooth(0, 1, 2))], "JPEG-LS",
              needs=CODECS),
    Structure("extended.jxr", _of_codec("jpegxr"), None, "JPEG XR", needs=CODECS),
    Structure("quarters.heic", HEIC.read_bytes, [Right(_quarters())], r"HEIC.*cnnfilter\[heic\]",
              within=2),
    *(Structure(name, partial(bytes.ljust, head, 64, b"\0"), None, words)
      for name, head, words in _FOREIGN),
]  # fmt: skip
