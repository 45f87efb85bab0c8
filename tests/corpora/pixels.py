"""Pictures of one frame: PNG, PNM, PFM, JPEG 2000, JPEG XL, AVIF, HEIC and BMP."""

import struct
from collections.abc import Callable
from importlib import import_module

import numpy as np

from cnnfilter.arrays import Array

from .structures import Right, Structure, chunk, pattern, png
from .tiffs import CODECS, DEEP, EXTRA, FEW, GRAY, RGB, STRETCHED, TEN, TWELVE

RGBA16 = pattern((6, 9, 4), "uint16")
LA16 = pattern((6, 9, 2), "uint16")
COLOURS = np.dstack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]])


def _keyed(values: Array, key: object, top: int) -> Array:
    """Return alpha that is 0 where all of a pixel is the transparent one."""
    same = values == np.array(key)
    same = same.all(axis=-1) if values.ndim == 3 else same
    return np.where(same, 0, top).astype(np.uint16 if top > 255 else np.uint8)


def _transparent(bits: int) -> Structure:
    """Return a grey PNG with one transparent value."""
    values = {**FEW, 8: GRAY, 16: DEEP[:, :, 0]}[bits].copy()
    key = int(values[2, 3])
    values[3, 3:6] = key
    values[4, 3:6] = key ^ 1  # beside the key
    right = {**STRETCHED, 8: values, 16: values}[bits]
    if bits < 8:
        right = (values * (255 // ((1 << bits) - 1))).astype(np.uint8)
    alpha = _keyed(values, key, 65535 if bits == 16 else 255)
    made = png(values, bits, 0, [chunk(b"tRNS", struct.pack(">H", key))])
    return Structure(f"transparent-gray{bits}.png", lambda: made, [Right(right, alpha)],
                     EXTRA if bits == 16 else "")  # fmt: skip


def _transparent_colour(bits: int) -> Structure:
    values = {8: RGB, 16: DEEP}[bits].copy()
    values[3, 3:6] = values[2, 3]
    values[4, 3:6] = values[2, 3] ^ 1
    alpha = _keyed(values, values[2, 3], 65535 if bits == 16 else 255)
    key = struct.pack(">3H", *values[2, 3].tolist())
    made = png(values, bits, 2, [chunk(b"tRNS", key)])
    return Structure(f"transparent-rgb{bits}.png", lambda: made, [Right(values, alpha)],
                     EXTRA if bits == 16 else "")  # fmt: skip


def _palette(bits: int) -> Structure:
    """Return a PNG of a palette some of whose colours are half transparent."""
    count = min(1 << bits, 200)
    colours = pattern((count, 3), "uint8")
    alphas = np.full(count, 255, np.uint8)
    alphas[:2] = 0, 100
    values = (GRAY if bits == 8 else FEW[bits]) % count
    made = png(
        values, bits, 3, [chunk(b"PLTE", colours.tobytes()), chunk(b"tRNS", alphas[:2].tobytes())]
    )
    return Structure(f"palette{bits}.png", lambda: made, [Right(colours[values], alphas[values])])


def _png(name: str, values: Array, bits: int, colour: int, right: Right, *chunks: bytes,
         said: str = "") -> Structure:  # fmt: skip
    deep = bits == 16 and colour != 0
    made = png(values, bits, colour, chunks)
    return Structure(f"{name}.png", lambda: made, [right], EXTRA if deep else "", said)


def _netpbm(name: str, values: Array, top: int) -> Structure:
    """Return a binary PGM or PPM of a white that is `top`."""
    kind = b"P6" if values.ndim == 3 else b"P5"
    head = b"%s %d %d %d\n" % (kind, values.shape[1], values.shape[0], top)
    made = head + values.astype(">u2" if top > 255 else "u1").tobytes()
    return Structure(name, lambda: made, [_of_white(values, top)])


def _netpbm_text(name: str, values: Array, top: int) -> Structure:
    kind = "P3" if values.ndim == 3 else "P2"
    numbers = "\n".join(" ".join(map(str, row)) for row in values.reshape(len(values), -1).tolist())
    made = f"{kind}\n# made by hand\n{values.shape[1]} {values.shape[0]}\n{top}\n{numbers}\n"
    return Structure(name, made.encode, [_of_white(values, top)])


def _of_white(values: Array, top: int) -> Right:
    dtype = np.uint16 if top > 255 else np.uint8
    return Right(values.astype(dtype), peak=None if top == np.iinfo(dtype).max else top)


def _floats(name: str, values: Array, scale: float) -> Structure:
    """Return a PFM, whose rows go upwards; a negative scale is little-endian."""
    kind = b"PF" if values.ndim == 3 else b"Pf"
    head = b"%s\n%d %d\n%g\n" % (kind, values.shape[1], values.shape[0], scale)
    made = head + values[::-1].astype("<f4" if scale < 0 else ">f4").tobytes()
    return Structure(name, lambda: made, [Right(values)])


def _coded(name: str, codec: str, values: Array, right: Right, within: int = 0,
           **options: object) -> Structure:  # fmt: skip
    """Return a file by a codec of imagecodecs."""

    def make() -> bytes:
        return getattr(import_module("imagecodecs"), f"{codec}_encode")(values, **options)

    return Structure(name, make, [right], EXTRA, within=within, needs=CODECS)


def _with_alpha(values: Array) -> Right:
    return Right(values[:, :, 0] if values.shape[2] == 2 else values[:, :, :3], values[:, :, -1])


def _bmp32() -> Callable[[], bytes]:
    """Return a maker of a BMP of 32 bits with masks for alpha, as GIMP exports."""
    stored = RGBA[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, 9, 6, 1, 32, 3, len(stored), 2835, 2835, 0, 0)
    info += masks + b"BGRs" + bytes(48)
    return lambda: struct.pack("<2sIHHI", b"BM", 14 + 108 + len(stored), 0, 0, 122) + info + stored


RGBA = pattern((6, 9, 4), "uint8")
#: JPEG 2000 is made of larger ones.
BIG = {
    name: values.repeat(8, axis=0).repeat(8, axis=1)
    for name, values in (("rgb", RGB), ("gray", GRAY), ("twelve", TWELVE), ("deep", DEEP))
}


def _deep_avif(bits: int) -> Array:
    return (BIG["twelve"][:, :, None] >> (12 - bits)).repeat(3, axis=2).astype(np.uint16)


def _jp2_with_exif() -> bytes:
    encode = import_module("imagecodecs").jpeg2k_encode
    content = b"JpgTiffExif->JP2II*\0\x08\0\0\0\0\0\0\0\0\0"
    box = struct.pack(">I4s", 8 + len(content), b"uuid") + content
    return encode(BIG["gray"], level=0, reversible=True) + box


STRUCTURES: list[Structure] = [
    *map(_transparent, (1, 2, 4, 8, 16)),
    *map(_transparent_colour, (8, 16)),
    *map(_palette, (2, 4, 8)),
    *(_png(f"gray{bits}", FEW[bits], bits, 0, Right(STRETCHED[bits])) for bits in FEW),
    _png("gray16", DEEP[:, :, 0], 16, 0, Right(DEEP[:, :, 0])),
    _png("gray-alpha16", LA16, 16, 4, _with_alpha(LA16)),
    _png("rgb16", DEEP, 16, 2, Right(DEEP)),
    _png("rgba16", RGBA16, 16, 6, _with_alpha(RGBA16)),
    _png("rgba8", RGBA, 8, 6, _with_alpha(RGBA)),
    _png("gamma", RGB, 8, 2, Right(RGB), chunk(b"gAMA", struct.pack(">I", 100000)),
         said="gAMA|gamma"),
    _png("primaries", RGB, 8, 2, Right(RGB), chunk(b"gAMA", struct.pack(">I", 45455)),
         chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)),
         said="cHRM|primaries"),
    _png("rec2100", RGB, 8, 2, Right(RGB), chunk(b"cICP", bytes([9, 16, 0, 1])),
         said="cICP|2020|PQ"),
    _netpbm("white1023.pgm", TEN, 1023),
    _netpbm("white4095.pgm", TWELVE, 4095),
    _netpbm("white100.pgm", GRAY % 101, 100),
    _netpbm("white255.pgm", GRAY, 255),
    _netpbm("white65535.pgm", DEEP[:, :, 0], 65535),
    _netpbm("white1023.ppm", COLOURS >> 2, 1023),
    _netpbm("white65535.ppm", DEEP, 65535)._replace(refusal=EXTRA),
    _netpbm("white15.ppm", RGB % 16, 15),
    _netpbm_text("text4095.pgm", TWELVE, 4095),
    _netpbm_text("text255.ppm", RGB, 255),
    _floats("gray-little.pfm", pattern((6, 9), "float32"), -1),
    _floats("gray-big.pfm", pattern((6, 9), "float32"), 1),
    _floats("rgb-little.pfm", pattern((6, 9, 3), "float32"), -1),
    *(_coded(f"{name}.jp2", "jpeg2k", BIG[key], Right(BIG[key]), level=0, reversible=True)
      for name, key in (("gray8", "gray"), ("rgb8", "rgb"), ("rgb16", "deep"))),
    _coded("gray16.jp2", "jpeg2k", BIG["deep"][:, :, 0], Right(BIG["deep"][:, :, 0]), level=0,
           reversible=True),
    _coded("gray12.jp2", "jpeg2k", BIG["twelve"], Right(BIG["twelve"], peak=4095), level=0,
           reversible=True, bitspersample=12),
    _coded("rgba8.jp2", "jpeg2k", RGBA, _with_alpha(RGBA), level=0, reversible=True),
    Structure("exif.jp2", _jp2_with_exif, [Right(BIG["gray"])], EXTRA, "its EXIF is not read",
              needs=CODECS),
    _coded("codestream.j2k", "jpeg2k", BIG["rgb"], Right(BIG["rgb"]), level=0, reversible=True,
           codecformat="j2k"),
    *(_coded(f"{name}.jxl", "jpegxl", values, Right(values), lossless=True)
      for name, values in (
          ("gray8", GRAY), ("rgb8", RGB), ("gray16", DEEP[:, :, 0]), ("rgb16", DEEP),
          ("gray-float", np.abs(pattern((6, 9), "float32"))),
      )),
    _coded("rgba16.jxl", "jpegxl", RGBA16, _with_alpha(RGBA16), lossless=True),
    *(_coded(f"rgb{bits}.avif", "avif", _deep_avif(bits),
             Right(np.rint(_deep_avif(bits) * (255 / ((1 << bits) - 1))).astype(np.uint8)),
             within=2, level=100, bitspersample=bits)._replace(said=f"{bits} bits are read as 8")
      for bits in (10, 12)),
    Structure("rgba8.bmp", _bmp32(), [_with_alpha(RGBA)]),
]  # fmt: skip
