"""Valid files to begin with, made here: small, and of every kind that a format has."""

import io
import json
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike, DTypeLike
from PIL import Image, ImageCms

from cnnfilter.files.png.writer import write_deep

_HEICS = Path(__file__).parents[1] / "data/heic"
_RANDOM = np.random.default_rng(12)
#: What a phone says of a gain map and a video behind a picture.
_PHONE_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:ImageWidth>9</tiff:ImageWidth>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def _values(*shape: int, top: int = 256, dtype: DTypeLike = np.uint8) -> np.ndarray:
    return _RANDOM.integers(0, top, shape, dtype=dtype)


@cache
def _pictures() -> dict[str, Image.Image]:
    colours = Image.fromarray(_values(7, 9, 3))
    clear = Image.fromarray(_values(6, 5, 4))
    return {
        "RGB": colours,
        "L": colours.convert("L"),
        "1": colours.convert("1"),
        "P": colours.quantize(8),
        "RGBA": clear,
        "LA": clear.convert("LA"),
        "CMYK": colours.convert("CMYK"),
        "YCbCr": colours.convert("YCbCr"),
        "I;16": Image.fromarray(_values(5, 6, top=65536, dtype=np.uint16)),
        "I": Image.fromarray(_values(5, 6, top=2**30, dtype=np.int32)),
        "F": Image.fromarray(_RANDOM.random((5, 6)).astype(np.float32)),
        "LAB": colours.convert("RGB").convert("L").convert("RGB"),
    }


@cache
def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@cache
def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x0132] = 6, "A cup", "2026:01:01 00:00:00"
    exif[0x011A], exif[0x011B], exif[0x0128] = 72.0, 72.0, 2
    exif.get_ifd(0x8769).update({0x9003: "2026:01:01 00:00:00", 0xA002: 9, 0xA003: 7, 0x829A: 0.5})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.5), 0: b"\2\3\0\0"})
    return exif.tobytes()


def _saved(mode: str, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    _pictures()[mode].save(buffer, format, **options)
    return buffer.getvalue()


def _animated(format: str, mode: str = "RGB", **options: object) -> bytes:
    others = [Image.fromarray(_values(7, 9, 3)).convert(mode) for _ in range(2)]
    first = _pictures()["RGB"].convert(mode)
    buffer = io.BytesIO()
    first.save(buffer, format, save_all=True, append_images=others, **options)
    return buffer.getvalue()


def _tiff(values: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def _png() -> list[bytes]:
    text = {"exif": _exif(), "icc_profile": _profile(), "dpi": (72, 72)}
    return [
        *(_saved(mode, "PNG") for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "I;16")),
        _saved("RGB", "PNG", **text),
        _saved("P", "PNG", transparency=0),
        _saved("L", "PNG", transparency=5),
        _animated("PNG", duration=50, loop=2),
        _animated("PNG", "RGBA", disposal=2, blend=1, default_image=True),
        _animated("PNG", "RGBA", disposal=[0, 2, 1], blend=[0, 1, 1]),
        *(_deep_png(channels) for channels in (2, 3, 4)),
    ]


def _deep_png(channels: int) -> bytes:
    """Encode 16-bit colours or alpha, with what states its colours."""
    samples = _values(6, 5, channels, top=65536, dtype=np.uint16)
    colours = {"cICP": bytes([9, 16, 0, 1]), "mDCV": bytes(24), "gAMA": bytes([0, 0, 177, 143])}
    alpha = samples[:, :, -1] if channels % 2 == 0 else None
    pixels = samples[:, :, 0] if channels == 2 else samples[:, :, :3]
    buffer = io.BytesIO()
    write_deep(buffer, [(pixels, alpha)], {"colours": colours, "exif": _exif()})
    return buffer.getvalue()


def _jpeg() -> list[bytes]:
    facts = {"exif": _exif(), "icc_profile": _profile(), "dpi": (72, 72), "comment": b"a comment"}
    return [
        *(_saved(mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
        _saved("RGB", "JPEG", **facts),
        _saved("RGB", "JPEG", exif=_exif()),
        _saved("L", "JPEG", exif=_exif(), xmp=b"<x:xmpmeta/>"),
        _saved("RGB", "JPEG", progressive=True, subsampling="4:2:0", restart_marker_blocks=1),
        _animated("MPO"),
        _saved("RGB", "JPEG", xmp=_PHONE_XMP),
    ]


def _tiff_by_pillow() -> list[bytes]:
    compressions = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    return [
        *(_saved(mode, "TIFF") for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "I;16")),
        *(_saved("RGB", "TIFF", compression=each) for each in compressions),
        *(_saved("1", "TIFF", compression=each) for each in ("group3", "group4", "tiff_ccitt")),
        _saved("RGB", "TIFF", icc_profile=_profile(), exif=_exif(), dpi=(72, 72)),
        _saved("L", "TIFF", big_tiff=True),
        _animated("TIFF"),
    ]


def _tiff_by_tifffile() -> list[bytes]:
    deep = _values(6, 5, 3, top=65536, dtype=np.uint16)
    floats = _RANDOM.random((6, 5))
    return [
        _tiff(deep, photometric="rgb"),
        _tiff(deep, photometric="rgb", compression="zlib", predictor=True),
        _tiff(deep, photometric="rgb", byteorder=">", compression="zlib"),
        _tiff(_values(6, 5, 4, top=65536, dtype=np.uint16), photometric="rgb",
              extrasamples=["unassalpha"]),
        _tiff(floats.astype(np.float32)),
        _tiff(floats, compression="zlib", bigtiff=True),
        _tiff(floats.astype(np.float16)),
        _tiff(_RANDOM.random((6, 5, 7)).astype(np.float32), photometric="minisblack",
              planarconfig="contig"),
        _tiff(_RANDOM.random((3, 6, 5)).astype(np.float32), photometric="minisblack",
              planarconfig="separate"),
        _tiff(_values(32, 32, dtype=np.int16), tile=(16, 16)),
        _tiff(_values(6, 5, top=2**31, dtype=np.uint32), rowsperstrip=2),
        _tiff(_values(4, 6, 5, 4, top=65536, dtype=np.uint16)[0], photometric="separated"),
        _tiff(deep[:, :, 0], photometric="miniswhite", iccprofile=_profile()),
        _tiff(_RANDOM.random((2, 6, 5)), photometric="minisblack"),
    ]  # fmt: skip


def _webp() -> list[bytes]:
    facts = {"exif": _exif(), "icc_profile": _profile(), "xmp": b"<x/>"}
    return [
        _saved("RGB", "WEBP"),
        _saved("RGB", "WEBP", lossless=True),
        _saved("RGBA", "WEBP"),
        _saved("RGBA", "WEBP", lossless=True, **facts),
        _saved("RGB", "WEBP", **facts),
        _animated("WEBP", duration=40, loop=1),
    ]


def _bmp() -> list[bytes]:
    return [*(_saved(mode, "BMP") for mode in ("RGB", "L", "1", "P", "RGBA")), _rle_bmp()]


def _rle_bmp() -> bytes:
    """Make a BMP whose rows are runs; no library here writes one."""
    palette = bytes(range(256)) * 4
    rows = b"".join(b"\4" + bytes([row]) + b"\0\0" for row in range(4)) + b"\0\1"
    offset = 54 + len(palette)
    head = b"BM" + (offset + len(rows)).to_bytes(4, "little") + bytes(4)
    info = b"".join(
        value.to_bytes(size, "little")
        for value, size in ((40, 4), (4, 4), (4, 4), (1, 2), (8, 2), (1, 4), (len(rows), 4),
                            (0, 4), (0, 4), (256, 4), (0, 4))
    )  # fmt: skip
    return head + offset.to_bytes(4, "little") + info + palette + rows


def _gif() -> list[bytes]:
    return [
        *(_saved(mode, "GIF") for mode in ("P", "L", "1", "RGB", "RGBA")),
        _saved("P", "GIF", transparency=1, comment=b"a comment"),
        _animated("GIF", "P", duration=40, loop=0, disposal=2),
        _animated("GIF", "RGB", duration=[10, 20, 30]),
    ]


def _ppm() -> list[bytes]:
    return [
        *(_saved(mode, "PPM") for mode in ("RGB", "L", "1", "I;16")),
        b"P1\n# bits\n3 2\n1 0 1\n0 1 0\n",
        b"P2\n# grey\n3 2\n255\n1 2 3\n4 5 6\n",
        b"P2 3 2 65535 1 2 3 40000 5 65535",
        b"P3\n2 2\n255\n1 2 3 4 5 6\n7 8 9 10 11 12\n",
        b"P6 2 1 1000 " + bytes(12),
        b"P5 2 1 7 \1\2",
        b"P5 2 1 255 \1\2P6 1 1 1023 " + bytes(6),
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 9\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(8),
        b"PF 2 1 -1.5 " + bytes(24),
    ]


def _jp2() -> list[bytes]:
    return [
        *(_saved(mode, "JPEG2000") for mode in ("RGB", "L", "RGBA", "LA", "I;16")),
        _saved("RGB", "JPEG2000", no_jp2=True),
        _saved("RGB", "JPEG2000", tile_size=(4, 4), irreversible=True),
    ]


def _jp2_deep() -> list[bytes]:
    """JPEG 2000 of other bits than 8; with the extra only."""
    if find_spec("imagecodecs") is None:
        return _jp2()
    from imagecodecs import jpeg2k_encode

    deep = _values(6, 5, 4, top=4096, dtype=np.uint16)
    options = {"level": 0, "reversible": True, "bitspersample": 12}
    return [
        bytes(jpeg2k_encode(values, codecformat=format, **options))
        for values in (deep, deep[:, :, :3].copy(), deep[:, :, 0].copy(), deep.view(np.int16))
        for format in ("jp2", "j2k")
    ]


def _jpeg_deep() -> list[bytes]:
    """JPEGs that Pillow does not read; with the extra only."""
    if find_spec("imagecodecs") is None:
        return _jpeg()
    from imagecodecs import jpeg8_encode, jpegls_encode

    deep = _values(6, 5, 3, top=4096, dtype=np.uint16)
    gray = deep[:, :, 0].copy()
    facts = _saved("RGB", "JPEG", exif=_exif(), icc_profile=_profile())
    facts = facts[2 : facts.index(b"\xff\xdb")]
    plain = bytes(jpeg8_encode(deep, bitspersample=12))
    return [
        plain, plain[:2] + facts + plain[2:], bytes(jpeg8_encode(gray, bitspersample=12)),
        bytes(jpeg8_encode(deep, bitspersample=12, lossless=True)), bytes(jpegls_encode(deep)),
        bytes(jpegls_encode(gray)),
    ]  # fmt: skip


def _jxl() -> list[bytes]:
    """JPEG XL; with the extra only."""
    if find_spec("imagecodecs") is None:
        return [b"\xff\x0a"]
    from imagecodecs import jpegxl_encode

    deep = _values(6, 5, 4, top=65536, dtype=np.uint16)
    boxes = b"".join(
        (8 + len(inner)).to_bytes(4) + kind + inner
        for kind, inner in ((b"Exif", bytes(4) + _exif()), (b"xml ", b"<x/>"))
    )
    plain = bytes(jpegxl_encode(deep, lossless=True, usecontainer=True))
    return [
        plain, plain + boxes, bytes(jpegxl_encode(deep >> 8, lossless=True)),
        bytes(jpegxl_encode(_values(6, 5, 3), distance=1)),
        bytes(jpegxl_encode(_values(6, 5), lossless=True)),
        bytes(jpegxl_encode(_RANDOM.random((6, 5)).astype(np.float32), lossless=True)),
    ]  # fmt: skip


def _heic() -> list[bytes]:
    """HEICs that the tests have."""
    return [path.read_bytes() for path in sorted(_HEICS.glob("*.heic"))]


def _avif() -> list[bytes]:
    facts = {"exif": _exif(), "icc_profile": _profile(), "xmp": b"<x/>"}
    return [
        _saved("RGB", "AVIF", speed=10),
        _saved("RGBA", "AVIF", speed=10),
        _saved("L", "AVIF", speed=10, **facts),
        _animated("AVIF", speed=10, duration=40),
    ]


def arrays() -> list[np.ndarray]:
    """Arrays of many shapes and types."""
    return [
        _values(3, 4), _values(3, 4, 2), _values(2, 3, top=65536, dtype=np.uint16),
        _RANDOM.random((3, 3)), _RANDOM.random((3, 3, 3)).astype(np.float32),
        _RANDOM.random((2, 2)).astype(np.float16), np.arange(6).reshape(2, 3) - 3,
        np.ones((2, 3), bool), np.asfortranarray(_RANDOM.random((3, 2))),
        _RANDOM.random((2, 2)).astype(">f8"), np.array([[1, np.nan], [np.inf, -0.0]]),
    ]  # fmt: skip


def npy_of(array: object) -> bytes:
    """Write an array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz_of(**tensors: ArrayLike) -> bytes:
    """Write arrays as a .npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **tensors)
    return buffer.getvalue()


def weights() -> dict[str, np.ndarray]:
    """The tensors of a small network, in PyTorch's order of axes."""
    random = np.random.default_rng(1)
    return {
        "conv.weight": random.random((2, 3, 3, 3)).astype(np.float32),
        "conv.bias": random.random(2).astype(np.float32),
        "bn.weight": random.random(2), "bn.bias": random.random(2),
        "bn.running_mean": random.random(2), "bn.running_var": random.random(2),
        "fc.weight": random.random((3, 32)).astype(np.float16), "fc.bias": np.arange(3),
        "kernel": random.random((3, 3)), "scalar": np.float64(2),
    }  # fmt: skip


_SAFE_KINDS = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}


def safetensors_of(tensors: dict[str, np.ndarray]) -> bytes:
    """Write arrays as a .safetensors file: a header in JSON, and their bytes."""
    entries, content = {}, b""
    for name, tensor in tensors.items():
        begin, content = len(content), content + tensor.tobytes()
        kind = _SAFE_KINDS[tensor.dtype.name]
        entries[name] = {
            "dtype": kind,
            "shape": tensor.shape,
            "data_offsets": [begin, len(content)],
        }
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + content


_PICTURES: dict[str, Callable[[], list[bytes]]] = {
    "png": _png, "jpeg": _jpeg, "tif-pillow": _tiff_by_pillow, "tif-tifffile": _tiff_by_tifffile,
    "webp": _webp, "bmp": _bmp, "gif": _gif, "ppm": _ppm, "jp2": _jp2, "avif": _avif,
    "jp2-deep": _jp2_deep, "jpeg-deep": _jpeg_deep, "jxl": _jxl, "heic": _heic,
}  # fmt: skip


@cache
def pictures(format: str) -> list[bytes]:
    """Valid pictures of a format."""
    return _PICTURES[format]()


TABLES = (
    "1,2,3\n4,5,6\n", "1.5\t-2\n3\t4e-3\n", "1 2\n3 4\n\n5 6\n7 8\n", "nan;inf\n-1;0\n", "7\n",
    "\ufeff1,2\r\n3,4\r\n",
)  # fmt: skip
NESTED = (
    "[[1, 2], [3, 4]]", "[[[1, 2, 3], [4, 5, 6]]]", "[[0.5, -1e3]]", "[1, 2]", "[[true, false]]",
    "[[1, null]]", '[["a"]]', "[[NaN, Infinity]]", '{"a": [[1]]}',
)  # fmt: skip
KERNELS = (
    "0 -1 0; -1 5 -1; 0 -1 0", "1/9 1/9 1/9; 1/9, 1/9, 1/9; 1/9 1/9 1/9", "1 2 1", "sharpen",
    "sobel", "kirsch", "gaussian:5,1.2", "box:3x5", "motion:9,45", "unsharp:5,1,2", "gabor:9,0,4",
    "log:9,1.4", "dog:9,1,2", "binomial:5", "high-pass:3", "3 3 9 0\n1 2 1\n2 4 2\n1 2 1\n", "1",
    "2 2\n1 0\n0 1\n", "1,2\n3,4\n", "1\t2\n3\t4\n",
)  # fmt: skip

NETWORK = """description = "A network to test"
labels = ["cat", "dog", "bird"]
layout = "OIHW"

[input]
shape = [8, 8, 3]

[[prepare]]
operation = "rgb"

[[prepare]]
operation = "resize"
size = "8x8"

[[steps]]
name = "conv"
operation = "convolve"
kernel = "weights.npz:conv.weight"
bias = "weights.npz:conv.bias"
stride = 2
padding = "same"

[[steps]]
name = "bn"
operation = "batch-norm"
mean = "weights.safetensors:bn.running_mean"
variance = "weights.npz:bn.running_var"
scale = "weights.npz:bn.weight"
offset = [0.5, -0.5]

[[steps]]
operation = "relu"

[[steps]]
operation = "pool"
size = 1
mode = "max"

[[steps]]
operation = "flatten"
order = "chw"

[[steps]]
operation = "dense"
weights = "weights.safetensors:fc.weight"
bias = [0, 1, 2]

[[steps]]
operation = "softmax"
"""
CHAIN = """[[steps]]
name = "blur"
operation = "convolve"
kernel = ["gaussian:5,1.2", "sobel-x"]
padding = "same"
border = "reflect"

[[steps]]
operation = "convolve"
kernel = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
bias = 0.5

[[steps]]
operation = "clip"
low = 0
high = 255.0

[[steps]]
operation = "pool"
size = [2, 2]
mode = "average"
ceil_mode = true
"""
