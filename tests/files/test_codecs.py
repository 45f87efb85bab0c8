"""JPEG 2000 and JPEG of other bits than 8: numbers as the file has them."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from cnnfilter import ArgumentError, FileError, read_image, write_image
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from ..extras import take_away
from .test_heads import assert_heads_agree

imagecodecs = pytest.importorskip("imagecodecs", reason="the extra codecs is not installed")

ROWS, COLUMNS = np.mgrid[:24, :31]
RAMPS = np.dstack([COLUMNS * 2100, ROWS * 2800, (ROWS + COLUMNS) * 1200, COLUMNS * 2000])
RAMPS = RAMPS.astype(np.uint16)


def numbers(channels: int, bits: int = 16) -> np.ndarray:
    """Return ramps of so many channels and bits."""
    values = np.dstack([RAMPS, RAMPS[:, :, :1] // 2])[:, :, :channels] >> (16 - bits)
    values = values.astype(np.uint8 if bits <= 8 else np.uint16)
    return values[:, :, 0] if channels == 1 else values


def jpeg2000(values: np.ndarray, **options: object) -> bytes:
    options = {"codecformat": "jp2", **options}
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, reversible=True, **options))


def planes(path: Path) -> np.ndarray:
    """Read a file, alpha last."""
    image = read(path)
    return image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])


# JPEG 2000


@pytest.mark.parametrize("codec", ["jp2", "j2k"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("bits", [9, 10, 12, 16])
def test_a_jpeg_2000_keeps_its_numbers_and_says_what_is_white(
    bits: int, channels: int, codec: str, tmp_path: Path
) -> None:
    path, values = tmp_path / "a.jp2", numbers(channels, bits)
    path.write_bytes(jpeg2000(values, bitspersample=bits, codecformat=codec))
    image = read(path)
    np.testing.assert_array_equal(planes(path), values)
    assert image.pixels.dtype == np.uint16
    assert image.peak == (None if bits == 16 else 2**bits - 1)
    assert (image.alpha is not None) == (channels in (2, 4))
    assert_heads_agree(path)
    assert read_head(path).peak == image.peak


@pytest.mark.parametrize("bits", [1, 4, 7])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_few_bits_are_stretched_to_all_of_8(bits: int, channels: int, tmp_path: Path) -> None:
    path, values = tmp_path / "a.jp2", numbers(channels, bits)
    path.write_bytes(jpeg2000(values, bitspersample=bits))
    expected = np.rint(values * 255.0 / (2**bits - 1)).astype(np.uint8)
    np.testing.assert_array_equal(planes(path), expected)
    assert read(path).notes == (f"stretched from {bits} bit(s) to 8",)
    assert_heads_agree(path)


@pytest.mark.parametrize("dtype", ["i1", "i2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_signed_numbers_stay_signed(dtype: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    values = (numbers(channels, 15).astype(int) - 12_000 >> (9 if dtype == "i1" else 0)).astype(
        dtype
    )
    path.write_bytes(jpeg2000(values))
    image = read(path)
    np.testing.assert_array_equal(image.pixels, values)
    assert (image.pixels.dtype, image.format) == (np.dtype(dtype), "float")
    assert_heads_agree(path)


def test_a_channel_that_is_said_to_be_no_alpha_is_none(tmp_path: Path) -> None:
    values = numbers(4, 8)
    Pillow.fromarray(values).save(tmp_path / "a.jp2", "JPEG2000")
    data = (tmp_path / "a.jp2").read_bytes()
    place = data.index(b"cdef") + 6
    assert data[place + 18 : place + 24] == b"\0\3\0\1\0\0"
    (tmp_path / "b.jp2").write_bytes(data[: place + 20] + b"\xff\xff\xff\xff" + data[place + 24 :])
    np.testing.assert_array_equal(planes(tmp_path / "a.jp2"), values)
    assert read(tmp_path / "a.jp2").alpha is not None
    image = read(tmp_path / "b.jp2")
    assert image.alpha is None
    np.testing.assert_array_equal(image.pixels, values)


def copy_by_vips(path: Path, copy: Path) -> None:
    # pyvips sets VIPSHOME behind Python's back, with which the program finds no modules.
    environment = dict(os.environ)
    subprocess.run(["vips", "copy", path, copy], check=True, capture_output=True, env=environment)


@pytest.mark.parametrize("shape", [(24, 31), (24, 31, 2), (24, 31, 3), (24, 31, 4)])
def test_16_bits_are_written_as_others_read_them(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = numbers(shape[2] if len(shape) == 3 else 1)
    write_image(tmp_path / "a.jp2", values, depth=16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jp2"), values)
    if shutil.which("vips") is None:
        pytest.skip("vips is not installed")
    copy_by_vips(tmp_path / "a.jp2", tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), values)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert len(tiff.pages[0].extrasamples) == (len(shape) == 3 and shape[2] in (2, 4))  # type: ignore[union-attr]


def test_without_the_extra_grey_is_read_and_colour_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grey.jp2").write_bytes(jpeg2000(numbers(1, 12), bitspersample=12))
    (tmp_path / "colour.jp2").write_bytes(jpeg2000(numbers(3, 12), bitspersample=12))
    take_away(monkeypatch, "imagecodecs")
    np.testing.assert_array_equal(read(tmp_path / "grey.jp2").pixels, numbers(1, 12))
    with pytest.raises(FileError) as caught:
        read(tmp_path / "colour.jp2")
    assert str(caught.value) == (
        f"{tmp_path / 'colour.jp2'}: is a 12-bit JPEG 2000 of 3 channels, which needs an "
        "extra: pip install 'cnnfilter[codecs]'"
    )
    write_image(tmp_path / "a.jp2", numbers(1), depth=16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jp2"), numbers(1))
    with pytest.raises(FileError, match=r"jp2 cannot store 16-bit colour"):
        write_image(tmp_path / "b.jp2", numbers(3), depth=16)


def test_a_head_that_claims_much_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    data = jpeg2000(numbers(3), codecformat="j2k")
    wide = data[:8] + (2**31).to_bytes(4) + data[12:]
    (tmp_path / "a.jp2").write_bytes(wide)
    with pytest.raises(FileError, match="--max-pixels"):
        read(tmp_path / "a.jp2")
    many = data[:40] + (2**14).to_bytes(2) + b"\x0f\1\1" * 2**14 + data[51:]
    (tmp_path / "b.jp2").write_bytes(many)
    with pytest.raises(FileError, match=r"16384 channels unfold to .*--max-pixels"):
        read(tmp_path / "b.jp2", max_pixels=10**6)


@pytest.mark.parametrize("end", [*range(0, 200, 7), 300, 600])
def test_a_cut_jpeg_2000_is_refused_in_a_line(end: int, tmp_path: Path) -> None:
    (tmp_path / "a.jp2").write_bytes(jpeg2000(numbers(3, 12), bitspersample=12)[:end])
    with pytest.raises(FileError, match=r"a\.jp2: "):
        read(tmp_path / "a.jp2")


# JPEG

LOSSLESS = {
    "lossless 8": (8, {"lossless": True}),
    "lossless 10": (10, {"lossless": True}),
    "lossless 12": (12, {"lossless": True}),
    "lossless 16": (16, {"lossless": True}),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("bits", "options"), LOSSLESS.values(), ids=LOSSLESS)
def test_a_lossless_jpeg_keeps_its_numbers(
    bits: int, options: dict[str, bool], channels: int, tmp_path: Path
) -> None:
    path, values = tmp_path / "a.jpg", numbers(channels, bits)
    path.write_bytes(imagecodecs.jpeg8_encode(values, bitspersample=bits, **options))
    image = read(path)
    np.testing.assert_array_equal(image.pixels, values)
    assert image.peak == (None if bits in (8, 16) else 2**bits - 1)
    assert_heads_agree(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_ls_keeps_its_numbers(channels: int, tmp_path: Path) -> None:
    path, values = tmp_path / "a.jpg", numbers(channels)
    path.write_bytes(imagecodecs.jpegls_encode(values))
    np.testing.assert_array_equal(read(path).pixels, values)
    assert_heads_agree(path)


def exif(orientation: int) -> bytes:
    """Return the segment of an EXIF."""
    tags = Pillow.Exif()
    tags[0x0112], tags[0x010F] = orientation, "Acme"
    file = io.BytesIO()
    Pillow.new("L", (1, 1)).save(file, "JPEG", exif=tags)
    data = file.getvalue()
    start = data.index(b"\xff\xe1")
    return data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4])]


def test_a_12_bit_jpeg_is_upright_in_12_bits_with_its_metadata(tmp_path: Path) -> None:
    values = numbers(3, 12)
    data = imagecodecs.jpeg8_encode(values, level=99, bitspersample=12, subsampling="444")
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + exif(6) + data[2:])
    image = read(path)
    upright = np.rot90(values, -1)
    assert (image.pixels.shape, image.peak) == (upright.shape, 4095)
    assert np.abs(np.subtract(image.pixels, upright, dtype=int)).max() < 40
    tags = Pillow.Exif()
    tags.load(image.metadata["exif"])
    assert dict(tags) == {0x010F: "Acme"}
    assert_heads_agree(path)


def test_a_12_bit_jpeg_without_the_extra_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(numbers(3, 12), level=99, bitspersample=12))
    take_away(monkeypatch, "imagecodecs")
    with pytest.raises(FileError) as caught:
        read(path)
    needs = "is a 12-bit JPEG, which needs an extra: pip install 'cnnfilter[codecs]'"
    assert str(caught.value) == f"{path}: {needs}"


@pytest.mark.parametrize("end", [20, 100, 300, 500, -2])
def test_a_cut_12_bit_jpeg_is_not_filled_up(end: int, tmp_path: Path) -> None:
    data = imagecodecs.jpeg8_encode(numbers(3, 12), level=99, bitspersample=12)
    (tmp_path / "a.jpg").write_bytes(data[:end])
    with pytest.raises(FileError, match=r"a\.jpg: corrupt or truncated"):
        read(tmp_path / "a.jpg")


# JPEG XL


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_jpeg_xl_is_written_without_a_loss_as_others_read_it(
    channels: int, depth: int, tmp_path: Path
) -> None:
    path, values = tmp_path / "a.jxl", numbers(channels, depth)
    write_image(path, values, depth=depth)
    np.testing.assert_array_equal(read_image(path), values)
    assert read(path).notes == ()
    assert_heads_agree(path)
    if shutil.which("vips") is None:
        pytest.skip("vips is not installed")
    copy_by_vips(path, tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_jpeg_xl_of_a_quality_looks_as_the_picture(depth: int, tmp_path: Path) -> None:
    values, sizes = numbers(4, depth), []
    for quality in (30, 95):
        path = tmp_path / f"{quality}.jxl"
        output = Output(path, Encoding("jxl", depth=depth, quality=quality))
        write(output, [Frame(values[:, :, :3], values[:, :, 3])])
        sizes.append(path.stat().st_size)
        np.testing.assert_array_equal(read(path).alpha, values[:, :, 3])
    assert sizes[0] < sizes[1]
    distance = np.abs(np.subtract(read(path).pixels, values[:, :, :3], dtype=float))
    assert 0 < distance.mean() < 0.02 * 2**depth


def test_a_jpeg_xl_of_floats_is_numbers(tmp_path: Path) -> None:
    values = (numbers(3) / np.float32(1000)).astype(np.float32)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(values, lossless=True))
    image = read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(image.pixels, values)
    assert image.format == "float"
    assert_heads_agree(tmp_path / "a.jxl")


@pytest.mark.parametrize("bits", [1, 4, 10, 12, 14])
def test_a_jpeg_xl_of_other_bits(bits: int, tmp_path: Path) -> None:
    values = numbers(3, bits)
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(values), lossless=True, bitspersample=bits
    )
    (tmp_path / "a.jxl").write_bytes(data)
    image = read(tmp_path / "a.jxl")
    expected = values if bits > 8 else np.rint(values * 255.0 / (2**bits - 1))
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.peak == (2**bits - 1 if bits > 8 else None)
    assert_heads_agree(tmp_path / "a.jxl")


def test_metadata_of_a_jpeg_xl_come_and_go(tmp_path: Path) -> None:
    tags = Pillow.Exif()
    tags[0x010F], tags[0x0112] = "Acme", 6
    metadata = {"exif": tags.tobytes(), "xmp": b"<x/>", "icc_profile": bytes(200)}
    output = Output(tmp_path / "a.jxl", Encoding("jxl"))
    written = write(output, [Frame(numbers(3, 8))], metadata=metadata)
    assert written.notes == ("jxl cannot hold its colour profile: left out",)
    kept = read(tmp_path / "a.jxl").metadata
    assert kept["xmp"] == b"<x/>"
    read_tags = Pillow.Exif()
    read_tags.load(kept["exif"])
    assert dict(read_tags) == {0x010F: "Acme"}
    if shutil.which("exiftool"):
        shown = subprocess.run(
            ["exiftool", "-s3", "-Make", tmp_path / "a.jxl"], check=True, capture_output=True
        )
        assert shown.stdout == b"Acme\n"


def test_metadata_of_a_jpeg_xl_may_be_packed(tmp_path: Path) -> None:
    write(Output(tmp_path / "a.jxl", Encoding("jxl")), [Frame(numbers(3, 8))])
    packed = b"xml " + imagecodecs.brotli_encode(b"<x/>")
    box = (8 + len(packed)).to_bytes(4) + b"brob" + packed
    with (tmp_path / "a.jxl").open("ab") as file:
        file.write(box)
    assert read(tmp_path / "a.jxl").metadata == {"xmp": b"<x/>"}


def test_an_animated_jpeg_xl_says_that_it_is_one(tmp_path: Path) -> None:
    frames = np.stack([numbers(3, 8), 255 - numbers(3, 8)])
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(frames, lossless=True))
    image = read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(image.pixels, frames[0])
    assert image.notes == ("only the first frame of its animation is read",)


@pytest.mark.parametrize("end", range(12, 200, 9))
def test_a_cut_jpeg_xl_is_refused_in_a_line(end: int, tmp_path: Path) -> None:
    write_image(tmp_path / "a.jxl", numbers(3), depth=16)
    data = (tmp_path / "a.jxl").read_bytes()
    (tmp_path / "b.jxl").write_bytes(data[:end])
    with pytest.raises(FileError, match=r"b\.jxl: "):
        read(tmp_path / "b.jxl")


def test_a_jpeg_xl_that_claims_much_is_refused(tmp_path: Path) -> None:
    size = 3 << 1 | (2**30 - 1) << 3  # not small; 30 bits of height
    bits = size | 1 << 33  # as wide as high
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(12, "little"))
    with pytest.raises(FileError, match="--max-pixels"):
        read(tmp_path / "a.jxl")


def test_without_the_extra_a_jpeg_xl_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.jxl", numbers(3, 8))
    take_away(monkeypatch, "imagecodecs")
    needs = "JPEG XL needs an extra: pip install 'cnnfilter[codecs]'"
    with pytest.raises(FileError, match=r"a\.jxl: JPEG XL needs an extra") as caught:
        read(tmp_path / "a.jxl")
    assert str(caught.value) == f"{tmp_path / 'a.jxl'}: {needs}"
    with pytest.raises(ArgumentError) as refused:
        write_image(tmp_path / "b.jxl", numbers(3, 8))
    assert str(refused.value) == needs


def with_profile(data: bytes, profile: bytes) -> bytes:
    """Put a profile in the place of a JPEG 2000's number of colours."""
    size = len(b"colr") + 4 + 3 + 4
    start = data.index(b"colr") - 4
    colours = b"colr\2\0\0" + profile
    colours = (4 + len(colours)).to_bytes(4) + colours
    outer = data.index(b"jp2h") - 4
    length = int.from_bytes(data[outer : outer + 4]) + len(colours) - size
    return (
        data[:outer] + length.to_bytes(4) + data[outer + 4 : start] + colours + data[start + size :]
    )


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_a_profile_of_a_jpeg_2000_is_kept(bits: int, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path, values = tmp_path / "a.jp2", numbers(3, bits)
    path.write_bytes(with_profile(jpeg2000(values, bitspersample=bits), profile))
    assert read(path).metadata["icc_profile"] == profile
    assert read(path).pixels.shape == values.shape
    assert_heads_agree(path)


def test_colours_that_are_not_srgb_are_told(tmp_path: Path) -> None:
    data = jpeg2000(numbers(3, 8))
    place = data.index(b"colr") + 7
    lab = data[:place] + (14).to_bytes(4) + data[place + 4 :]
    (tmp_path / "a.jp2").write_bytes(lab)
    assert read(tmp_path / "a.jp2").notes == (
        "its colours are not sRGB's: their numbers are kept as they are",
    )


@pytest.mark.parametrize("format", ["bmp", "ppm", "gif", "jp2", "jxl"])
def test_a_profile_that_a_format_cannot_hold_is_told(format: str, tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told = f"{format} cannot hold its colour profile: left out"
    for profile, notes in ((lab, [told]), (srgb, [])):
        output = Output(tmp_path / "a", Encoding(format), "replace")
        written = write(output, [Frame(numbers(3, 8))], metadata={"icc_profile": profile})
        assert [note for note in written.notes if "profile" in note] == notes
