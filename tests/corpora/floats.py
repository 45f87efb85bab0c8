"""TIFFs of fractions: elevation models, pictures in floats, places and pixels without a value."""

import numpy as np

from cnnfilter.arrays import Array

from .structures import Right, Structure, page, pattern, tiff, unmultiplied
from .tiffs import CODECS, EXTRA, by_tifffile, numbers

RGB = np.abs(pattern((6, 9, 3), "float32")) / 4000
ALPHA = np.linspace(0, 1, 54, dtype=np.float32).reshape(6, 9)
#: Where a model has its place on the ground: GeoTIFF's scale, tie point and keys.
PLACE = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 4000000.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32633), True),
]


def _without_value(name: str, values: Array, number: str, **options: object) -> Structure:
    """Return an elevation model with pixels that have no value."""
    values = values.copy()
    values[1:3, 2:5] = values.dtype.type(number)
    absent = np.isnan(values) if number == "nan" else values == values.dtype.type(number)
    top = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    alpha = np.where(absent, 0, top).astype(values.dtype)
    needs = CODECS if "compression" in options else ()
    tag = (42113, 2, 0, number, True)
    make = by_tifffile(values, extratags=[*PLACE, tag], **options)
    return Structure(f"{name}.tif", make, [Right(values, alpha)], EXTRA if needs else "",
                     needs=needs)  # fmt: skip


def _with_alpha(name: str, kind: str) -> Structure:
    """Return a picture of floats with alpha."""
    values = np.dstack([RGB, ALPHA])
    right = RGB
    if kind == "assocalpha":
        values[:, :, :3] *= ALPHA[:, :, None]
        right = unmultiplied(values[:, :, :3], ALPHA)
    make = by_tifffile(values, photometric="rgb", extrasamples=[kind])
    return Structure(f"{name}.tif", make, [Right(right, ALPHA)])


STRUCTURES: list[Structure] = [
    *(numbers(f"{dtype}-{name}", (6, 9), dtype, compression=name)
      for dtype in ("float32", "float64") for name in ("lzw", "zstd", "zlib", "lzma")),
    *(numbers(f"float32-{name}-predictor3", (6, 9), "float32", compression=name, predictor=3)
      for name in ("lzw", "zstd", "deflate")),
    numbers("float32-plain", (6, 9), "float32"),
    numbers("float64-plain", (6, 9), "float64"),
    numbers("float16-plain", (6, 9), "float16"),
    numbers("float32-lerc", (6, 9), "float32", compression="lerc"),
    numbers("float32-tiles-lzw", (40, 50), "float32", compression="lzw", tile=(16, 16)),
    numbers("float32-big-endian", (6, 9), "float32", byteorder=">"),
    numbers("float32-big-endian-lzw", (6, 9), "float32", byteorder=">", compression="lzw"),
    numbers("float32-bigtiff-lzw", (6, 9), "float32", bigtiff=True, compression="lzw"),
    numbers("float32-rgb", (6, 9, 3), "float32", photometric="rgb"),
    numbers("float32-rgb-lzw", (6, 9, 3), "float32", photometric="rgb", compression="lzw"),
    numbers("float32-place", (6, 9), "float32", extratags=PLACE),
    _with_alpha("float32-rgba", "unassalpha"),
    _with_alpha("float32-rgba-assocalpha", "assocalpha"),
    Structure(
        "float32-gray-alpha.tif",
        by_tifffile(np.dstack([RGB[:, :, 0], ALPHA]), extrasamples=["unassalpha"],
                    planarconfig="contig"),
        [Right(RGB[:, :, 0], ALPHA)],
    ),
    Structure(
        "float32-bands2.tif",
        by_tifffile(np.dstack([RGB[:, :, 0], ALPHA]), extrasamples=[0], planarconfig="contig"),
        [Right(np.dstack([RGB[:, :, 0], ALPHA]))],
    ),
    Structure(
        "float32-white-is-zero.tif",
        lambda: tiff((page((6, 9), 32, 0, {339: ("H", [3])}), ALPHA.tobytes())),
        [Right(1 - ALPHA)], "white",
    ),
    _without_value("no-data-float32", pattern((6, 9), "float32"), "-9999"),
    _without_value("no-data-float32-lzw", pattern((6, 9), "float32"), "-9999", compression="lzw"),
    _without_value("no-data-float64", pattern((6, 9), "float64"), "-9999"),
    _without_value("no-data-nan", pattern((6, 9), "float32"), "nan"),
    _without_value("no-data-int16", pattern((6, 9), "int16"), "-32768"),
    _without_value("no-data-uint8", pattern((6, 9), "uint8") | np.uint8(1), "0"),
    _without_value("no-data-uint16", pattern((6, 9), "uint16") & np.uint16(0xFFFE), "65535"),
]  # fmt: skip
