"""TIFFs of whole numbers: compressions, depths, bands, alpha, pages and what is none."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import tifffile

from cnnfilter.arrays import Array

from .structures import Right, Structure, Tags, packed, page, pattern, tiff, unmultiplied

CODECS = ("imagecodecs",)
#: What a reader without the extra says.
EXTRA = r"cnnfilter\[codecs\]"


def by_tifffile(values: Array, **options: object) -> Callable[[], bytes]:
    """Return a maker of a TIFF by tifffile."""

    def make() -> bytes:
        file = io.BytesIO()
        given = {"photometric": "minisblack", "metadata": None, **options}
        tifffile.imwrite(file, values, **given)
        return file.getvalue()

    return make


def numbers(
    name: str, shape: tuple[int, ...], dtype: str, within: int = 0, **options: object
) -> Structure:
    """Return a TIFF that holds a pattern."""
    values = pattern(shape, dtype)
    needs = CODECS if "compression" in options and options["compression"] != "zlib" else ()
    return Structure(
        f"{name}.tif",
        by_tifffile(values, **options),
        [Right(values)],
        refusal=EXTRA if needs else "",
        within=within,
        needs=needs,
    )


def with_alpha(name: str, dtype: str, kind: str, bands: int = 4, **options: object) -> Structure:
    """Return a TIFF of colours, or grey, and alpha, straight or multiplied."""
    values = pattern((6, 9, bands), dtype)
    alpha = values[:, :, -1]
    alpha[0, :2] = 0, np.iinfo(dtype).max
    colours = values[:, :, 0] if bands == 2 else values[:, :, :-1]
    right = colours
    if kind == "assocalpha":
        np.minimum(values[:, :, :-1], alpha[:, :, None], out=values[:, :, :-1])
        right = unmultiplied(colours, alpha)
    options = {"photometric": "rgb" if bands == 4 else "minisblack", **options}
    make = by_tifffile(values, extrasamples=[kind], planarconfig="contig", **options)
    needs = CODECS if "compression" in options else ()
    refusal = EXTRA if needs else ""
    return Structure(f"{name}.tif", make, [Right(right, alpha)], refusal, needs=needs)


def bands(name: str, shape: tuple[int, ...], dtype: str, **options: object) -> Structure:
    """Return a TIFF of bands, none of them alpha."""
    values = pattern(shape, dtype)
    make = by_tifffile(values, **{"planarconfig": "contig", **options})
    return Structure(f"{name}.tif", make, [Right(values)])


def by_hand(
    name: str, stored: Array, bits: int, photometric: int, right: Right, more: Tags | None = None,
    order: str = "<",
) -> Structure:  # fmt: skip
    """Return a TIFF of one page whose samples are packed."""
    strip = packed(stored, bits)
    if bits == 16:
        strip = stored.astype(f"{order}u2").tobytes()
    make = lambda: tiff((page(stored.shape, bits, photometric, more), strip), order=order)  # noqa: E731
    return Structure(f"{name}.tif", make, [right])


def pages(name: str, *arrays: Array, within: int = 0) -> Structure:
    """Return a TIFF of several pages."""

    def make() -> bytes:
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for array in arrays:
                kind = "rgb" if array.ndim == 3 else "minisblack"
                writer.write(array, photometric=kind, metadata=None)
        return file.getvalue()

    return Structure(f"{name}.tif", make, [Right(array) for array in arrays], within=within)


def refused(name: str, make: Callable[[], bytes], words: str) -> Structure:
    """Return a file that is refused."""
    return Structure(name, make, None, words)


GRAY = pattern((6, 9), "uint8")
RGB = pattern((6, 9, 3), "uint8")
DEEP = pattern((6, 9, 3), "uint16")
FEW = {bits: np.arange(54).reshape(6, 9) % (1 << bits) for bits in (1, 2, 4)}
#: White of 1, 2 and 4 bits is 255.
STRETCHED = {bits: (FEW[bits] * (255 // ((1 << bits) - 1))).astype(np.uint8) for bits in FEW}
TWELVE = np.linspace(0, 4095, 54).astype(np.uint16).reshape(6, 9)
TEN = (TWELVE >> 2).astype(np.uint16)
PALETTE = pattern((256, 3), "uint16")
PALETTE8 = pattern((256, 3), "uint8")
MASK = (page((6, 9), 1, 4, {254: ("I", [4])}), packed(FEW[1], 1))
REDUCED = (page((3, 5), 8, 1, {254: ("I", [1])}), pattern((3, 5), "uint8").tobytes())
WHOLE = (page((6, 9), 8, 1), GRAY.tobytes())


def _raw(make_tag: bytes, more: Tags) -> Callable[[], bytes]:
    """Return a maker of a camera's raw file: a preview, and its numbers in a folder."""

    def made() -> bytes:
        tags = page((6, 9, 3), 8, 2, {254: ("I", [1]), 271: ("s", make_tag + b"\0"), **more})
        sensor = page((6, 9), 16, 32803, {254: ("I", [0]), 33421: ("H", [2, 2])})
        return tiff((tags, RGB.tobytes()), (sensor, DEEP[:, :, 0].tobytes()))

    return made


def _description(kind: str) -> Sequence[Structure]:
    """Return stacks of six pages as a program writes them."""
    stack = pattern((6, 6, 9), "uint8" if kind == "json" else "uint16")
    options: dict[str, dict[str, object]] = {
        "json": {"metadata": {}},
        "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
        "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    }
    whole = by_tifffile(stack, **options[kind])
    frames = [Right(page) for page in stack]
    one = by_tifffile(stack, **{**options[kind], "truncate": True})
    found = [Structure(f"stack-{kind}.{'ome.' * (kind == 'ome')}tif", whole, frames)]
    if kind == "json":
        found.append(Structure(f"stack-{kind}-one-folder.tif", one, frames, "pages|images"))
    return found


def _pyramid() -> bytes:
    """Return a TIFF whose smaller copy stands in a folder of its page."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GRAY, subifds=1, metadata=None)
        writer.write(GRAY[::2, ::2], subfiletype=1, metadata=None)
    return file.getvalue()


STRUCTURES: list[Structure] = [
    # Whole numbers, which Pillow clips or wraps.
    *(numbers(f"{dtype}-{name}", (6, 9), dtype, compression=name, predictor=predictor)
      for dtype in ("int8", "int16", "uint16", "int32", "uint32")
      for name, predictor in (("lzw", False), ("zstd", 2 if dtype == "int16" else False))),
    *(numbers(f"{dtype}-plain", (6, 9), dtype)
      for dtype in ("int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")),
    numbers("int16-deflate", (6, 9), "int16", compression="zlib", predictor=2),
    numbers("int16-rgb", (6, 9, 3), "int16", photometric="rgb"),
    numbers("uint16-big-endian", (6, 9), "uint16", byteorder=">"),
    numbers("uint16-big-endian-lzw", (6, 9), "uint16", byteorder=">", compression="lzw"),
    numbers("int16-big-endian-tiles", (40, 50), "int16", byteorder=">", tile=(16, 16)),
    # Compressions.
    *(numbers(f"rgb16-{name}", (6, 9, 3), "uint16", photometric="rgb", compression=name, **more)
      for name, more in (
          ("lzw", {}), ("zstd", {}), ("packbits", {}), ("lzma", {}), ("jpeg2000", {}),
          ("jpegxl", {}), ("png", {}), ("lerc", {}),
      )),
    numbers("rgb16-lzw-predictor", (6, 9, 3), "uint16",
            photometric="rgb", compression="lzw", predictor=2),
    numbers("rgb16-zip-predictor", (6, 9, 3), "uint16",
            photometric="rgb", compression="zlib", predictor=2),
    numbers("rgb16-big-endian-lzw", (6, 9, 3), "uint16",
            photometric="rgb", compression="lzw", byteorder=">"),
    numbers("rgb16-tiles-lzw", (40, 50, 3), "uint16",
            photometric="rgb", compression="lzw", tile=(16, 16)),
    numbers("rgb16-strips", (40, 50, 3), "uint16", photometric="rgb", rowsperstrip=7),
    numbers("rgb8-bigtiff", (6, 9, 3), "uint8", photometric="rgb", bigtiff=True),
    numbers("rgb8-zstd", (6, 9, 3), "uint8", photometric="rgb", compression="zstd"),
    numbers("rgb8-webp", (6, 9, 3), "uint8", photometric="rgb", compression="webp",
            compressionargs={"lossless": True}),
    numbers("gray8-lerc", (6, 9), "uint8", compression="lerc"),
    *(Structure(f"{name}-planes.tif",
                by_tifffile(np.moveaxis(values, -1, 0), photometric="rgb", planarconfig="separate",
                            **more),
                [Right(values)], EXTRA if more else "", needs=CODECS if more else ())
      for name, values, more in (
          ("rgb8", RGB, {}), ("rgb16", DEEP, {}), ("rgb16-lzw", DEEP, {"compression": "lzw"}),
      )),
    # Alpha, and bands that are none.
    *(with_alpha(f"rgba{8 * np.dtype(dtype).itemsize}-{kind}", dtype, kind)
      for dtype in ("uint8", "uint16") for kind in ("unassalpha", "assocalpha")),
    *(with_alpha(f"gray-alpha{8 * np.dtype(dtype).itemsize}-{kind}", dtype, kind, 2)
      for dtype in ("uint8", "uint16") for kind in ("unassalpha", "assocalpha")),
    with_alpha("rgba16-lzw", "uint16", "unassalpha", compression="lzw"),
    with_alpha("rgba16-lzw-assocalpha", "uint16", "assocalpha", compression="lzw"),
    with_alpha("rgba8-lzw-assocalpha", "uint8", "assocalpha", compression="lzw"),
    *(bands(f"bands{count}-{dtype}", (6, 9, count), dtype, extrasamples=[0] * (count - 1))
      for count in (2, 3, 4, 5, 8) for dtype in ("uint8", "uint16")),
    bands("bands2-int16", (6, 9, 2), "int16", extrasamples=[0]),
    *(bands(f"rgb-infrared-{dtype}", (6, 9, 4), dtype, photometric="rgb", extrasamples=[0])
      for dtype in ("uint8", "uint16", "int16")),
    Structure("bands4-planes.tif",
              by_tifffile(np.moveaxis(pattern((6, 9, 4), "uint8"), -1, 0),
                          planarconfig="separate", extrasamples=[0, 0, 0]),
              [Right(pattern((6, 9, 4), "uint8"))]),
    # White is zero; few bits.
    by_hand("white-is-zero-1", FEW[1], 1, 0, Right(255 - STRETCHED[1])),
    by_hand("black-is-zero-1", FEW[1], 1, 1, Right(STRETCHED[1])),
    *(by_hand(f"white-is-zero-{bits}", FEW[bits], bits, 0,
              Right(((1 << bits) - 1 - FEW[bits]).astype(np.uint8), peak=(1 << bits) - 1))
      for bits in (2, 4)),
    *(by_hand(f"black-is-zero-{bits}", FEW[bits], bits, 1,
              Right(FEW[bits].astype(np.uint8), peak=(1 << bits) - 1))
      for bits in (2, 4)),
    by_hand("white-is-zero-8", GRAY, 8, 0, Right(255 - GRAY)),
    by_hand("white-is-zero-16", DEEP[:, :, 0], 16, 0, Right(65535 - DEEP[:, :, 0])),
    by_hand("white-is-zero-16-big-endian", DEEP[:, :, 0], 16, 0, Right(65535 - DEEP[:, :, 0]),
            order=">"),
    by_hand("white-is-zero-12", TWELVE, 12, 0, Right(4095 - TWELVE, peak=4095),
            )._replace(refusal="12 bits|12-bit"),
    Structure("white-is-zero-16-zip.tif",
              by_tifffile(DEEP[:, :, 0], photometric="miniswhite", compression="zlib"),
              [Right(65535 - DEEP[:, :, 0])]),
    by_hand("gray12", TWELVE, 12, 1, Right(TWELVE, peak=4095)),
    by_hand("gray10", TEN, 10, 1, Right(TEN, peak=1023))._replace(refusal="10 bits|10-bit"),
    by_hand("rgb12", np.dstack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]]), 12, 2,
            Right(np.dstack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]]), peak=4095),
            )._replace(refusal="12 bits|12-bit"),
    *(by_hand(f"palette8-{name}", GRAY, 8, 3, Right(colours[GRAY]),
              {320: ("H", (colours.T * np.uint16(times)).ravel().tolist())})
      for name, times, colours in (
          ("of-16-bits", 1, PALETTE), ("times-257", 257, PALETTE8), ("times-256", 256, PALETTE8),
          ("of-8-bits", 1, PALETTE8),
      )),
    by_hand("palette4", FEW[4], 4, 3, Right(PALETTE8[FEW[4]]),
            {320: ("H", (PALETTE8[:16].T * np.uint16(257)).ravel().tolist())}),
    # Turned by the orientation.
    *(Structure(f"orientation{number}-{values.dtype}.tif",
                by_tifffile(values, photometric="rgb", extratags=[(274, 3, 1, number, True)]),
                [Right(np.ascontiguousarray(turned))])
      for values in (RGB, DEEP)
      for number, turned in ((3, values[::-1, ::-1]), (6, values.swapaxes(0, 1)[:, ::-1]))),
    # Pages that differ.
    pages("pages-8-16", GRAY, DEEP[:, :, 0]),
    pages("pages-16-8", DEEP[:, :, 0], GRAY),
    pages("pages-8-float", GRAY, pattern((6, 9), "float32")),
    pages("pages-float-8", pattern((6, 9), "float32"), GRAY),
    pages("pages-rgb8-rgb16", RGB, DEEP),
    pages("pages-gray8-int16", GRAY, pattern((6, 9), "int16")),
    pages("pages-gray16-rgb8", DEEP[:, :, 0], RGB),
    pages("pages-sizes", GRAY, pattern((4, 5), "uint8")),
    *_description("json"), *_description("imagej"), *_description("ome"),
    # Not pages.
    Structure("mask-behind.tif", lambda: tiff(WHOLE, MASK), [Right(GRAY)]),
    Structure("mask-before.tif", lambda: tiff(MASK, WHOLE), [Right(GRAY)]),
    Structure("reduced-behind.tif", lambda: tiff(WHOLE, REDUCED), [Right(GRAY)]),
    Structure("reduced-before.tif", lambda: tiff(REDUCED, WHOLE), [Right(GRAY)]),
    Structure("pyramid.tif", _pyramid, [Right(GRAY)]),
    # Cameras' raw files.
    refused("raw.dng", _raw(b"Google", {50706: ("B", [1, 4, 0, 0])}), "camera raw"),
    refused("raw.nef", _raw(b"NIKON CORPORATION", {}), "camera raw"),
    refused("raw.arw", _raw(b"SONY", {}), "camera raw"),
    refused("raw-by-its-content.tif", _raw(b"Leaf", {50706: ("B", [1, 4, 0, 0])}), "camera raw"),
    refused("complex.tif", by_tifffile(pattern((6, 9), "float32").astype("complex64")), "complex"),
]  # fmt: skip
