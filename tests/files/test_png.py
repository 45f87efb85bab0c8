"""PNGs as other programs write them: 16 bits, transparent values."""

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cnnfilter import FileError, read_image, write_image
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.png import writer as png_writer
from cnnfilter.files.read import read, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from .png_by_hand import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

RNG = np.random.default_rng(17)
KINDS = {1: GREY, 2: GREY_ALPHA, 3: RGB, 4: RGBA}


def deep(channels: int, size: tuple[int, int] = (23, 19)) -> np.ndarray:
    noise = RNG.integers(0, 65536, (*size, channels), np.uint16)
    noise[: size[0] // 2] = noise[0] + np.arange(size[0] // 2, dtype=np.uint16)[:, None, None]
    return noise[:, :, 0] if channels == 1 else noise


# 16 bits of colour and alpha


@pytest.mark.parametrize("channels", KINDS)
def test_all_16_bits_are_read(channels: int, tmp_path: Path) -> None:
    samples = deep(channels)
    (tmp_path / "a.png").write_bytes(png(samples, 16, KINDS[channels]))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), samples)
    image, head = read(tmp_path / "a.png"), read_head(tmp_path / "a.png")
    assert image.notes == head.notes == ()
    assert head.pixels.dtype == image.pixels.dtype == np.uint16
    assert head.pixels.shape == image.pixels.shape
    assert (head.alpha is None) == (image.alpha is None) == (channels % 2 == 1)


@pytest.mark.parametrize("channels", KINDS)
def test_an_interlaced_file_is_read_as_any_other(channels: int, tmp_path: Path) -> None:
    if not shutil.which("convert"):
        pytest.skip("needs ImageMagick")
    samples = deep(channels)
    (tmp_path / "a.png").write_bytes(png(samples, 16, KINDS[channels]))
    subprocess.run(
        ["convert", "a.png", "-interlace", "PNG", "b.png"], cwd=tmp_path, check=True, timeout=60
    )
    assert (tmp_path / "b.png").read_bytes()[28] == 1
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), samples)


@pytest.mark.parametrize("orientation", [3, 6, 7])
@pytest.mark.parametrize("channels", [2, 3])
def test_all_16_bits_are_turned_upright(channels: int, orientation: int, tmp_path: Path) -> None:
    samples = deep(channels)
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    turned = {
        3: samples[::-1, ::-1],
        6: np.rot90(samples, -1),
        7: samples.swapaxes(0, 1)[::-1, ::-1],
    }[orientation]
    content = png(samples, 16, KINDS[channels], chunk(b"eXIf", exif))
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), turned)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (37, 29), (300, 200)])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_other_readers_read_what_is_written(
    channels: int, size: tuple[int, int], tmp_path: Path
) -> None:
    imagecodecs, cv2 = pytest.importorskip("imagecodecs"), pytest.importorskip("cv2")
    samples = deep(channels, size)
    write_image(tmp_path / "a.png", samples, depth=16)
    content = (tmp_path / "a.png").read_bytes()
    np.testing.assert_array_equal(imagecodecs.png_decode(content), samples)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), samples)
    if channels > 2:
        order = [2, 1, 0, 3][:channels]
        shown = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(shown[:, :, order], samples)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_what_imagecodecs_writes_is_read(channels: int, tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep(channels)))
    expected = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_a_16_bit_file_cut_short_is_corrupt(tmp_path: Path) -> None:
    content = png(deep(3), 16, RGB)
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="corrupt or truncated"):
        read_image(tmp_path / "a.png")


def test_rows_are_filtered_by_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_writer, "_BAND", 100)  # a row or two at a time
    rows = deep(3, (12, 9)).astype(">u2").view(np.uint8).reshape(12, -1)
    filtered = b"".join(png_writer._filtered(iter([rows[:5], rows[5:6], rows[6:]]), 6))
    above, width = np.zeros(54, int), 55
    for number, row in enumerate(rows.astype(int)):
        kind, *found = filtered[width * number : width * (number + 1)]
        candidates = [by_hand(row, above, each) for each in range(5)]
        sums = [sum(min(value, 256 - value) for value in each) for each in candidates]
        assert found == candidates[kind]
        assert kind == sums.index(min(sums))
        above = row


def by_hand(row: np.ndarray, above: np.ndarray, kind: int) -> list[int]:
    """Filter a row of pixels of 6 bytes: PNG specification, 9.2 and 9.4."""
    filtered = []
    for at, value in enumerate(row):
        left, corner = (row[at - 6], above[at - 6]) if at >= 6 else (0, 0)
        guess = left + above[at] - corner
        nearest = min((left, above[at], corner), key=lambda each: abs(guess - each))
        expected = [0, left, above[at], (left + above[at]) // 2, nearest][kind]
        filtered.append(int(value - expected) % 256)
    return filtered


@pytest.mark.parametrize(("fill", "most"), [("flat", 0.01), ("noise", 1.01)])
def test_a_16_bit_file_is_small_where_it_can_be(fill: str, most: float, tmp_path: Path) -> None:
    samples = deep(3, (200, 200)) if fill == "noise" else np.full((200, 200, 3), 999, np.uint16)
    write_image(tmp_path / "a.png", samples, depth=16)
    assert (tmp_path / "a.png").stat().st_size <= most * samples.nbytes


def test_metadata_lie_on_16_bits_too(tmp_path: Path) -> None:
    from PIL import Image, ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Camera1"
    metadata = {
        "icc_profile": profile, "exif": exif.tobytes(), "dpi": (300, 150), "xmp": b"<x/>",
        "text": {"Title": "Cups"},
    }  # fmt: skip
    output = Output(tmp_path / "a.png", Encoding("png", depth=16))
    assert write(output, [Frame(deep(3))], metadata=metadata).notes == ()
    kept = read(tmp_path / "a.png").metadata
    assert kept["icc_profile"] == profile
    assert kept["text"] == {"Title": "Cups"}
    assert kept["xmp"] == b"<x/>"
    assert np.rint(kept["dpi"]).tolist() == [300, 150]
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.getexif()[0x010F] == "Camera1"
    assert "icc_profile" not in written_grey(tmp_path / "b.png", metadata)


def written_grey(path: Path, metadata: dict[str, object]) -> object:
    """Write grey with alpha, to which a profile of colours does not belong."""
    frame = Frame(deep(1), deep(1))
    write(Output(path, Encoding("png", depth=16)), [frame], metadata=metadata)
    return read(path).metadata


# A transparent value


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("noise", [0, 0xFF00])
def test_a_grey_value_is_transparent(depth: int, noise: int, tmp_path: Path) -> None:
    samples = RNG.integers(0, 2**depth, (9, 11), np.uint16)
    samples[2, 3] = key = 2**depth * 2 // 3
    bits_above = noise if depth < 16 else 0  # which mean nothing
    trns = chunk(b"tRNS", struct.pack(">H", key | bits_above))
    (tmp_path / "a.png").write_bytes(png(samples, depth, GREY, trns))
    image, head = read(tmp_path / "a.png"), read_head(tmp_path / "a.png")
    assert image.alpha is not None
    assert head.alpha is not None
    top = 65535 if depth == 16 else 255
    np.testing.assert_array_equal(image.pixels, samples * (top // (2**depth - 1)))
    np.testing.assert_array_equal(image.alpha, np.where(samples == key, 0, top))
    assert head.alpha.dtype == image.alpha.dtype == image.pixels.dtype


@pytest.mark.parametrize("depth", [8, 16])
def test_a_colour_is_transparent(depth: int, tmp_path: Path) -> None:
    samples = RNG.integers(0, 2**depth, (9, 11, 3), np.uint16)
    samples[4:6, 5] = key = samples[4, 5]
    samples[0, 0] = key ^ np.uint16([0, 0, 1])  # as near as can be
    trns = chunk(b"tRNS", struct.pack(">3H", *key))
    (tmp_path / "a.png").write_bytes(png(samples, depth, RGB, trns))
    image = read(tmp_path / "a.png")
    assert image.alpha is not None
    np.testing.assert_array_equal(image.pixels, samples)
    expected = np.where((samples == key).all(-1), 0, 2**depth - 1)
    assert (expected[4:6, 5] == 0).all()
    np.testing.assert_array_equal(image.alpha, expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_each_colour_of_a_palette_has_its_alpha(depth: int, tmp_path: Path) -> None:
    colours = RNG.integers(0, 256, (2**depth, 3), np.uint8)
    alphas = RNG.integers(0, 256, 2**depth, np.uint8)
    samples = RNG.integers(0, 2**depth, (9, 11), np.uint8)
    given = len(alphas) - 1  # those that are not given are opaque
    chunks = [chunk(b"PLTE", colours.tobytes()), chunk(b"tRNS", alphas[:given].tobytes())]
    (tmp_path / "a.png").write_bytes(png(samples, depth, PALETTE, *chunks))
    image = read(tmp_path / "a.png")
    alphas[given:] = 255
    np.testing.assert_array_equal(image.pixels, colours[samples])
    np.testing.assert_array_equal(image.alpha, alphas[samples])
