"""TIFFs of all kinds are read for what they say, or refused for what they are."""

import io
import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from tifffile import _imagecodecs

from cnnfilter import FileError, write_image
from cnnfilter.files.image import Image
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.tiff import reader as tiff_reader

RNG = np.random.default_rng(14)
RGB = RNG.integers(0, 256, (10, 12, 3), np.uint8)
NEEDS = r"needs an extra: pip install 'cnnfilter\[codecs\]'"


def numbers(dtype: str, *shape: int) -> np.ndarray:
    if dtype.startswith("float"):
        return RNG.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def written(path: Path, values: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, values, metadata=None, **options)
    return path


def assert_head_agrees(path: Path, image: Image) -> None:
    head = read_head(path)
    assert (head.pixels.shape, head.pixels.dtype) == (image.pixels.shape, image.pixels.dtype)
    assert (head.alpha is None) == (image.alpha is None)
    assert (head.format, head.notes, head.peak) == (image.format, image.notes, image.peak)


@pytest.fixture
def without_codecs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what takes imagecodecs away from tifffile and from us."""

    def take() -> None:
        own = tifffile.tifffile
        monkeypatch.setattr(own, "imagecodecs", _imagecodecs)
        monkeypatch.setattr(own.TIFF, "DECOMPRESSORS", own.CompressionCodec(encode=False))
        monkeypatch.setattr(own.TIFF, "UNPREDICTORS", own.PredictorCodec(encode=False))
        monkeypatch.setattr(tiff_reader, "is_installed", lambda _: False)

    return take


DTYPES = (
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
    "float64",
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compression", ["lzw", "zstd", "packbits", "lzma", "lerc"])
def test_any_compression_has_the_numbers_that_deflate_has(
    dtype: str, compression: str, tmp_path: Path
) -> None:
    pytest.importorskip("imagecodecs")
    if compression == "lerc" and dtype in ("int64", "uint64", "float16"):
        pytest.skip("LERC holds none")
    for channels, predictor, order in [((), False, "<"), ((3,), True, ">"), ((5,), False, "<")]:
        if predictor and (compression not in ("lzw", "zstd", "lzma") or "t64" in dtype[:6]):
            continue
        values = numbers(dtype, 10, 12, *channels)
        options = {"photometric": "minisblack", "predictor": predictor, "byteorder": order}
        options |= {"planarconfig": "contig"} if channels else {}
        path = written(tmp_path / "a.tif", values, compression=compression, **options)
        image = read(path)
        np.testing.assert_array_equal(image.pixels, values)
        assert image.pixels.dtype == values.dtype
        assert image.alpha is None
        assert_head_agrees(path, image)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_without_the_extra_numbers_are_the_same_or_it_is_named(
    dtype: str,
    order: str,
    channels: tuple[int, ...],
    tmp_path: Path,
    without_codecs: Callable[[], None],
) -> None:
    pytest.importorskip("imagecodecs")
    values = numbers(dtype, 10, 12, *channels)
    options = {"planarconfig": "contig"} if channels else {}
    path = written(
        tmp_path / "a.tif", values, photometric="minisblack", compression="lzw", byteorder=order,
        **options,
    )  # fmt: skip
    without_codecs()
    is_held = not channels and (
        dtype in ("uint8", "int8", "uint16")
        or (order == "<" and dtype in ("int16", "int32", "uint32", "float32"))
    )
    if not is_held:
        for way in (read, read_head):
            with pytest.raises(FileError, match=rf"compressed with LZW, of .*, which {NEEDS}"):
                way(path)
        return
    image = read(path)
    np.testing.assert_array_equal(image.pixels, values)
    assert image.pixels.dtype == values.dtype
    assert_head_agrees(path, image)


@pytest.mark.parametrize("compression", ["jpeg2000", "webp", "lerc", "jpegxl"])
def test_without_the_extra_other_compressions_are_named(
    compression: str, tmp_path: Path, without_codecs: Callable[[], None]
) -> None:
    pytest.importorskip("imagecodecs")
    path = written(tmp_path / "a.tif", RGB, photometric="rgb", compression=compression)
    without_codecs()
    name = "JPEG2000" if compression == "jpeg2000" else compression.upper()
    with pytest.raises(FileError, match=rf"compressed with {name}, of .*, which {NEEDS}"):
        read(path)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(
    ("colours", "uses"),
    [
        (1, (0,)), (1, (2,)), (1, (0, 2)), (1, (2, 0, 0)), (3, (0,)), (3, (2,)), (3, (0, 2)),
        (3, (2, 0)), (3, (0, 0)), (3, (0, 2, 0)), (3, (2, 2)),
    ],
)  # fmt: skip
def test_only_what_is_said_to_be_alpha_is_alpha(
    dtype: str, planes: str, colours: int, uses: tuple[int, ...], tmp_path: Path
) -> None:
    samples = colours + len(uses)
    values = numbers(dtype, 10, 12, samples)
    path = written(
        tmp_path / "a.tif",
        values if planes == "contig" else np.moveaxis(values, -1, 0),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=planes,
        extrasamples=uses,
    )
    image = read(path)
    alpha = colours + uses.index(2) if 2 in uses else None
    bands = [band for band in range(samples) if band != alpha]
    np.testing.assert_array_equal(np.atleast_3d(image.pixels), values[:, :, bands])
    if alpha is None:
        assert image.alpha is None
    else:
        np.testing.assert_array_equal(image.alpha, values[:, :, alpha])
    assert image.notes == ()
    assert_head_agrees(path, image)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_the_largest_premultiplied_number_of_64_bits_does_not_wrap(
    dtype: str, tmp_path: Path
) -> None:
    top = np.iinfo(dtype).max
    values = np.full((2, 3, 4), top, dtype)
    path = written(tmp_path / "a.tif", values, extrasamples=["assocalpha"], photometric="rgb")
    np.testing.assert_allclose(read(path).pixels.astype(float), float(top), rtol=1e-15)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("colours", [1, 3])
def test_premultiplied_colours_are_divided_by_alpha(
    dtype: str, colours: int, tmp_path: Path
) -> None:
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    alpha = (RNG.random((10, 12)) * top).astype(dtype)
    alpha[0], alpha[1] = 0, top
    stored = (RNG.random((10, 12, colours)) * alpha[:, :, np.newaxis]).astype(dtype)
    path = written(
        tmp_path / "a.tif", np.dstack([stored, alpha]), extrasamples=["assocalpha"],
        planarconfig="contig", photometric="rgb" if colours == 3 else "minisblack",
    )  # fmt: skip
    image = read(path)
    found = np.atleast_3d(image.pixels)
    for at in itertools.product(range(10), range(12), range(colours)):
        share = float(alpha[at[:2]])
        exact = float(stored[at]) * top / share if share else 0
        expected = exact if top == 1 else min(top, round(exact))
        assert found[at] == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(image.alpha, alpha)
    assert image.metadata["is_premultiplied"]
    assert_head_agrees(path, image)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint32", "int16", "float32"])
def test_white_is_high_whatever_it_is_in_the_file(dtype: str, tmp_path: Path) -> None:
    dark = np.zeros((10, 12), dtype)
    dark[3:] = 1 if dtype == "float32" else True if dtype == "bool" else np.iinfo(dtype).max
    path = written(tmp_path / "a.tif", dark, photometric="miniswhite")
    pixels = read(path).pixels
    assert (pixels[0, 0] > pixels[5, 5]) == (dtype != "int16") or pixels[0, 0] == -1
    top = {"float32": 1, "int16": -1}.get(dtype) or np.iinfo(pixels.dtype).max
    np.testing.assert_array_equal(pixels[0], top)
    np.testing.assert_array_equal(pixels[5], top - dark[5].astype(pixels.dtype) * (
        255 if dtype == "bool" else 1
    ))  # fmt: skip


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_numbers_of_odd_bits_are_as_they_stand_and_their_white_is_known(
    bits: int, photometric: str, tmp_path: Path, without_codecs: Callable[[], None]
) -> None:
    pytest.importorskip("imagecodecs")
    values = RNG.integers(0, 2**bits, (10, 12)).astype(np.uint8 if bits < 9 else np.uint16)
    path = written(tmp_path / "a.tif", values, bitspersample=bits, photometric=photometric)
    top = 2**bits - 1
    expected = values if photometric == "minisblack" else top - values
    image = read(path)
    np.testing.assert_array_equal(image.pixels, expected)
    assert (image.peak, image.pixels.dtype) == (top, values.dtype)
    assert_head_agrees(path, image)
    without_codecs()
    if bits in (2, 4) or (bits, photometric) == (12, "minisblack"):
        np.testing.assert_array_equal(read(path).pixels, expected)
    else:
        with pytest.raises(FileError, match=NEEDS):
            read(path)


def test_masks_and_reduced_copies_are_no_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(RGB[:5], photometric="rgb", subfiletype=1, metadata=None)
        file.write(RGB, photometric="rgb", subifds=1, metadata=None)
        file.write(RGB[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        file.write(RGB[:, :, 0] > 99, photometric=4, subfiletype=4, metadata=None)
        file.write(RGB[:, :, 0], photometric="minisblack", metadata=None)
    first, second = read_frames(tmp_path / "a.tif")
    np.testing.assert_array_equal(first.pixels, RGB)
    np.testing.assert_array_equal(second.pixels, RGB[:, :, 0])
    assert first.frames == 2
    assert first.notes == ("its mask is left out",)
    head = read_head(tmp_path / "a.tif")
    assert (head.pixels.shape, head.frames) == (RGB.shape, 2)


def test_a_page_that_is_marked_as_a_copy_and_alone_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", RGB, photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read(path).pixels, RGB)


def test_pages_are_read_whatever_the_others_are(tmp_path: Path) -> None:
    pages = [
        numbers("float64", 4, 5), RGB, numbers("uint16", 6, 7, 5), RGB[:3, :, 0],
        numbers("int8", 3, 3), numbers("uint16", 5, 4),
    ]  # fmt: skip
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            is_rgb = page.ndim == 3 and page.shape[2] == 3
            file.write(
                page, photometric="rgb" if is_rgb else "minisblack", metadata=None,
                planarconfig="contig" if page.ndim == 3 else None,
            )  # fmt: skip
    images = list(read_frames(tmp_path / "a.tif"))
    for image, page in zip(images, pages, strict=True):
        np.testing.assert_array_equal(image.pixels, page)
        assert image.pixels.dtype == page.dtype


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("values", [RGB, RGB[:, :, 0], numbers("uint16", 9, 8), RGB[:, :, 0] > 99])
def test_pages_of_any_layout_are_read(
    order: str, is_big: bool, values: np.ndarray, tmp_path: Path
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=is_big, byteorder=order) as file:
        for page in (values, values[:5]):
            file.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    images = list(read_frames(tmp_path / "a.tif"))
    factor = 255 if values.dtype == bool else 1
    for image, page in zip(images, (values, values[:5]), strict=True):
        np.testing.assert_array_equal(image.pixels, page * factor)
    assert_head_agrees(tmp_path / "a.tif", read(tmp_path / "a.tif"))


CFA = {"photometric": "cfa", "extratags": [(33421, "H", 2, (2, 2)), (33422, "B", 4, b"\0\1\1\2")]}


@pytest.mark.parametrize("kind", ["cfa", "nef", "dng", "cr2"])
def test_camera_raw_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    sensor = numbers("uint16", 10, 12)
    if kind == "cfa":
        written(path, sensor, **CFA)
    elif kind == "dng":
        tags = [(50706, "B", 4, b"\1\4\0\0")]
        written(path, RGB, photometric="rgb", extratags=tags)
    else:
        with tifffile.TiffWriter(path) as file:
            file.write(RGB, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
            file.write(sensor, metadata=None, **CFA)
    if kind == "cr2":
        write_image(path, RGB)  # its pixels come first
        path.write_bytes(path.read_bytes()[:8] + b"CR\2\0" + path.read_bytes()[12:])
    for way in (read, read_head):
        with pytest.raises(FileError, match="camera raw; develop it first"):
            way(path)


@pytest.mark.parametrize("factor", [257, 256, 1])
def test_a_palette_of_8_bits_is_one_however_it_is_stretched(factor: int, tmp_path: Path) -> None:
    palette = RNG.integers(0, 256, (3, 256))
    path = written(
        tmp_path / "a.tif", RGB[:, :, 0], photometric="palette",
        colormap=(palette * factor).astype(np.uint16),
    )  # fmt: skip
    image = read(path)
    np.testing.assert_array_equal(image.pixels, palette.T[RGB[:, :, 0]])
    assert image.pixels.dtype == np.uint8
    assert_head_agrees(path, image)


def test_a_palette_of_16_bits_keeps_them(tmp_path: Path) -> None:
    palette = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    path = written(tmp_path / "a.tif", RGB[:, :, 0], photometric="palette", colormap=palette)
    image = read(path)
    np.testing.assert_array_equal(image.pixels, palette.T[RGB[:, :, 0]])
    assert_head_agrees(path, image)


@pytest.mark.parametrize(
    ("values", "number", "empty"),
    [
        (numbers("float32", 4, 5), "-9999", -9999),
        (numbers("float32", 4, 5), "nan", np.nan),
        (numbers("float32", 4, 5), "-3.4028234663852886e+38", -3.4028234663852886e38),
        (numbers("int16", 4, 5), "-32768", -32768),
        (numbers("uint16", 4, 5), "0", 0),
        (RGB[:4, :5], "0", 0),
    ],
)
def test_pixels_without_data_are_transparent(
    values: np.ndarray, number: str, empty: float, tmp_path: Path
) -> None:
    values = values.copy()
    values[values == empty] = 1
    values[1, 2] = values[3, 4] = empty
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    tags = [(42113, "s", 0, number)]
    path = written(tmp_path / "a.tif", values, photometric=photometric, extratags=tags)
    image = read(path)
    assert image.alpha is not None
    assert sorted(zip(*np.nonzero(image.alpha == 0), strict=True)) == [(1, 2), (3, 4)]
    top = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
    assert set(image.alpha.flat) == {0, top}
    np.testing.assert_equal(image.metadata["no_data"], np.float64(values.dtype.type(empty)))
    seen = image.alpha > 0
    np.testing.assert_array_equal(image.pixels[seen], values[seen])
    assert_head_agrees(path, image)


def test_no_data_that_a_type_cannot_hold_is_none(tmp_path: Path) -> None:
    tags = [(42113, "s", 0, "-9999")]
    path = written(tmp_path / "a.tif", RGB[:, :, 0], photometric="minisblack", extratags=tags)
    assert read(path).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_numbers_are_turned_upright_as_pictures_are(orientation: int, tmp_path: Path) -> None:
    tags = [(274, "H", 1, orientation, True)]
    eight = written(tmp_path / "a.tif", RGB[:, :, 0], photometric="minisblack", extratags=tags)
    with Pillow.open(io.BytesIO(eight.read_bytes())) as picture:  # by name, it is not turned
        picture.load()
        expected = np.asarray(picture)
    for dtype in ("int16", "float32"):
        path = written(
            tmp_path / "b.tif", RGB[:, :, 0].astype(dtype), photometric="minisblack", extratags=tags
        )
        np.testing.assert_array_equal(read(path).pixels, expected)
        assert_head_agrees(path, read(path))


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.ones((4, 4), np.complex64), {}, "complex numbers"),
        (np.ones((16, 32, 32), np.uint8), {"tile": (16, 16, 16), "volumetric": True}, "16 slices"),
        (np.ones((4, 4, 3), np.uint16), {"photometric": "cielab"}, "CIELAB colours in 16 bits"),
    ],
)
def test_what_is_not_read_is_named(
    values: np.ndarray, options: dict[str, object], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.tif", values, **options)
    for way in (read, read_head):
        with pytest.raises(FileError, match=words):
            way(path)


@pytest.mark.parametrize("compression", ["lzw", "zip", "packbits", "zstd"])
def test_what_libtiff_writes_is_read(compression: str, tmp_path: Path) -> None:
    if which("tiffcp") is None:
        pytest.skip("libtiff-tools are not installed")
    pytest.importorskip("imagecodecs")
    values = numbers("uint16", 10, 12, 3)
    written(tmp_path / "a.tif", values, photometric="rgb")
    subprocess.run(
        ["tiffcp", "-c", compression, "-B", tmp_path / "a.tif", tmp_path / "b.tif"], check=True
    )
    np.testing.assert_array_equal(read(tmp_path / "b.tif").pixels, values)
