"""A head says what an image will be, without its pixels."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import write

from ..formats import formats
from ..types import Arguments
from .animations import DEEP, GRAY, MASKS, ORIENTATION, RGB, RNG, SAMPLES, frames_of


def assert_heads_agree(path: Path) -> None:
    head, image = read_head(path), read(path)
    assert head.pixels.shape == image.pixels.shape
    assert head.pixels.dtype == image.pixels.dtype
    assert not any(head.pixels.strides)
    assert (head.alpha is None) == (image.alpha is None)
    if head.alpha is not None and image.alpha is not None:
        assert head.alpha.shape == image.alpha.shape
        assert head.alpha.dtype == image.alpha.dtype
        assert not any(head.alpha.strides)
    for name in ("format", "depth", "frames", "notes"):
        assert getattr(head, name) == getattr(image, name)


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.*g")), ids=lambda path: path.name)
def test_a_head_agrees_with_a_sample(path: Path) -> None:
    assert_heads_agree(path)


@pytest.mark.parametrize("format", formats())
@pytest.mark.parametrize("frames", [1, 3])
def test_a_head_agrees_with_every_format(format: str, frames: int, tmp_path: Path) -> None:
    if frames > 1 and not FORMATS[format].frames:
        pytest.skip("holds one frame")
    for kind, pixels in {"grey": GRAY, "colour": RGB}.items():
        path = tmp_path / f"{kind}{FORMATS[format].suffixes[0]}"
        write(Output(path, Encoding(format)), frames_of(pixels)[:frames])
        assert_heads_agree(path)
        if FORMATS[format].alpha:
            path = path.with_stem(f"{kind}-alpha")
            write(Output(path, Encoding(format)), frames_of(pixels, MASKS)[:frames])
            assert_heads_agree(path)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "I;16", "F"]
)
@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "tif", "bmp", "gif", "ppm", "webp", "jp2", "avif"]
)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_head_agrees_with_every_mode(
    mode: str, suffix: str, orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"exif": exif} if suffix not in ("bmp", "gif", "ppm", "jp2") else {}
    path = tmp_path / f"a.{suffix}"
    try:
        if mode in ("I;16", "F"):
            picture = Image.fromarray(GRAY[0].astype(np.uint16 if mode == "I;16" else np.float32))
        elif mode == "LAB":
            picture = Image.merge("LAB", Image.fromarray(RGB[0]).split())
        elif mode == "PA":
            picture = Image.fromarray(RGB[0]).quantize(20).convert("PA")
        else:
            picture = Image.fromarray(RGB[0]).convert(mode)
        picture.save(path, **options)
    except (OSError, ValueError):
        pytest.skip("not of this format")
    assert_heads_agree(path)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8", "?"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_head_agrees_with_a_tiff_of_any_numbers(
    samples: int, dtype: str, planar: str, tmp_path: Path
) -> None:
    if dtype == "?" and samples > 1:
        pytest.skip("bits are grey")
    if (dtype, samples) == ("u1", 2):
        pytest.skip("Pillow's versions differ")
    values = RNG.integers(0, 2, (8, 9, samples)).astype(dtype)
    options: Arguments = {} if samples == 1 else {"planarconfig": planar}
    values = values[:, :, 0] if samples == 1 else values
    if planar == "separate" and samples > 1:
        values = np.moveaxis(values, -1, 0)
    options |= {"photometric": "minisblack", "extratags": [(274, "H", 1, 6, True)]}
    tifffile.imwrite(tmp_path / "a.tif", values, metadata=None, **options)
    assert_heads_agree(tmp_path / "a.tif")


@pytest.mark.parametrize("photometric", ["miniswhite", "separated"])
def test_a_head_agrees_with_a_deep_tiff_of_other_colours(photometric: str, tmp_path: Path) -> None:
    values = DEEP[0] if photometric == "separated" else DEEP[0][:, :, 0]
    if photometric == "separated":
        values = np.dstack([values, values[:, :, 0]])
    options = {"planarconfig": "contig"} if photometric == "separated" else {}
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=photometric, **options)
    assert_heads_agree(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "tiff_adobe_deflate"])
def test_a_head_agrees_with_a_tiff_of_any_compression(compression: str, tmp_path: Path) -> None:
    try:
        Image.fromarray(GRAY[0].astype("f4")).save(tmp_path / "a.tif", compression=compression)
    except OSError:
        pytest.skip("this Pillow has it not")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, GRAY[0])
    assert_heads_agree(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["u1", "?", "i2", "f2", ">f4"])
def test_a_head_of_an_array_is_read_without_its_numbers(
    dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(np.ones((4, 5, 2), dtype)))
    assert_heads_agree(tmp_path / "a.npy")
    monkeypatch.setattr(np, "frombuffer", None)
    assert read_head(tmp_path / "a.npy").pixels.shape == (4, 5, 2)


@pytest.mark.parametrize("dtype", ["i4", ">i8", "f8"])
def test_a_head_has_the_largest_value_where_it_decides_the_arithmetic(
    dtype: str, tmp_path: Path
) -> None:
    values = np.arange(-300_000, 200_000).astype(dtype).reshape(1000, 500)
    np.save(tmp_path / "a.npy", values)
    head = read_head(tmp_path / "a.npy").pixels
    assert (head.shape, head.dtype) == (values.shape, np.dtype(dtype).newbyteorder("="))
    assert head[0, 0] == head[-1, -1] == -300_000


def test_a_head_is_read_without_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import ImageFile

    paths = [SAMPLES / "coffee.png", SAMPLES / "rocket.jpg", tmp_path / "a.tif"]
    Image.fromarray(RGB[0]).save(paths[2])
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    for path in paths:
        assert read_head(path).pixels.ndim == 3


def test_what_stands_behind_the_pixels_of_a_png_turns_its_head(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = exif.tobytes()[6:]
    chunk = b"eXIf" + data
    chunk = struct.pack(">I", len(data)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    file = io.BytesIO()
    Image.fromarray(RGB[0]).save(file, "PNG")
    content = file.getvalue()
    (tmp_path / "a.png").write_bytes(content[:-12] + chunk + content[-12:])
    assert read(tmp_path / "a.png").pixels.shape == (24, 20, 3)
    assert_heads_agree(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"I am no image."),
        ("a.png", b""),
        ("a.tif", b"II*\0" + b"\0" * 20),
        ("a.npy", b"\x93NUMPY\x01\x00"),
        ("a.csv", b"1,2\n3\n"),
    ],
)
def test_a_broken_head_is_named_as_the_file_is(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    errors = []
    for reading in (read, read_head, lambda path: list(read_frames(path))):
        with pytest.raises(FileError) as caught:
            reading(tmp_path / name)
        errors.append(str(caught.value))
    assert len(set(errors)) == 1
    assert name in errors[0]


def test_a_head_that_is_too_large_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GRAY[0])
    tifffile.imwrite(tmp_path / "a.tif", DEEP[0], photometric="rgb")
    for path in (tmp_path / "a.npy", tmp_path / "a.tif", SAMPLES / "coffee.png"):
        with pytest.raises(FileError, match="are more than 99 pixels"):
            read_head(path, max_pixels=99)
