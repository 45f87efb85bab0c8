"""Metadata that cannot be read or kept: the pixels are read, and a note says what is left out."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.metadata.bare import without_metadata
from cnnfilter.files.read import read, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

RGB = np.random.default_rng(12).integers(0, 256, (12, 16, 3), np.uint8)
ASCII, SHORT, LONG, RATIONAL, UNKNOWN = 2, 3, 4, 5, 99
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT, MAKE = 0x0112, 0x011A, 0x011B, 0x0128, 0x010F


def tag(number: int, type: int, count: int, value: bytes) -> tuple[int, bytes, bytes]:
    """Lay out an entry of a directory, and what lies behind it."""
    return number, struct.pack("<HHI", number, type, count), value


MADE = tag(MAKE, ASCII, 8, b"Camera1\0")


def exif(*entries: tuple[int, bytes, bytes]) -> bytes:
    """Lay out EXIF by TIFF 6.0, byte by byte."""
    behind, body = b"", b""
    for _, head, value in sorted(entries):
        at = 8 + 2 + 12 * len(entries) + 4 + len(behind)
        body += head + (value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", at))
        behind += value if len(value) > 4 else b""
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + b"\0\0\0\0" + behind


TEXT_RESOLUTION = tag(X_RESOLUTION, ASCII, 3, b"72\0")


def encoded(format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(*entries: tuple[int, bytes, bytes]) -> bytes:
    return encoded("JPEG", exif=b"Exif\0\0" + exif(*entries))


def chunk(kind: bytes, data: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png_with(*chunks: bytes) -> bytes:
    """Put chunks before a PNG's pixels."""
    plain = encoded("PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def tiff_with(number: int, entry: bytes) -> bytes:
    """Replace an entry of a TIFF's directory."""
    data = bytearray(encoded("TIFF", dpi=(72, 72)))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, at)[0] == number:
            data[at : at + 12] = entry
    return bytes(data)


def text_unit() -> bytes:
    """Make a TIFF whose resolution is text, in dots per centimetre: Pillow does not open it."""
    data = tiff_with(X_RESOLUTION, struct.pack("<HHI4s", X_RESOLUTION, ASCII, 3, b"72\0"))
    start = struct.unpack_from("<I", data, 4)[0]
    for at in range(start + 2, len(data) - 12, 12):
        if struct.unpack_from("<H", data, at)[0] == UNIT:
            return data[: at + 8] + struct.pack("<H", 3) + data[at + 10 :]
    raise AssertionError


BIG_TEXT = zlib.compress(b"a" * 2**21)

ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "text-resolution.jpg": (lambda: jpeg(TEXT_RESOLUTION, MADE), "a part of its EXIF"),
    "no-directory.jpg": (lambda: encoded("JPEG", exif=b"Exif\0\0junk"), "its EXIF"),
    "no-number.png": (
        lambda: encoded("PNG", exif=exif(tag(ORIENTATION, ASCII, 2, b"6\0"))),
        "its orientation",
    ),
    "not-a-profile.jpg": (lambda: encoded("JPEG", icc_profile=b"junk" * 40), "its colour profile"),
    "wrong-checksum.png": (lambda: png_with(chunk(b"tEXt", b"a\0b", 7)), "its metadata"),
    "huge-text.png": (lambda: png_with(chunk(b"zTXt", b"a\0\0" + BIG_TEXT)), "its metadata"),
    "cut-resolution.png": (lambda: png_with(chunk(b"pHYs", b"\0\0")), "its metadata"),
    "unknown-compression.png": (
        lambda: png_with(chunk(b"iCCP", b"a\0\7" + BIG_TEXT)),
        "its metadata",
    ),
    "text-resolution.tif": (text_unit, "its metadata"),
}


@pytest.mark.parametrize("name", ODD)
def test_pixels_are_read_under_any_metadata(name: str, tmp_path: Path) -> None:
    make, left_out = ODD[name]
    path = tmp_path / name
    path.write_bytes(make())
    image = read(path)
    with Image.open(io.BytesIO(encoded("JPEG"))) as plain:
        expected = np.asarray(plain) if name.endswith("jpg") else RGB
    np.testing.assert_array_equal(image.pixels, expected)
    assert [note for note in image.notes if note.startswith(f"{left_out} cannot be read")]
    assert read_head(path).pixels.shape == RGB.shape


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("format", ["png", "jpeg", "tif", "webp", "avif", "gif", "bmp", "jp2"])
def test_what_was_read_is_written(name: str, format: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(ODD[name][0]())
    image = read(tmp_path / name)
    write(
        Output(tmp_path / "out", Encoding(format)), [Frame(image.pixels)], metadata=image.metadata
    )
    assert read(tmp_path / "out").pixels.shape == RGB.shape


def test_what_of_exif_can_be_read_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(TEXT_RESOLUTION, MADE))
    kept = Image.Exif()
    kept.load(read(tmp_path / "a.jpg").metadata["exif"])
    assert dict(kept) == {MAKE: "Camera1"}


def test_a_picture_is_turned_though_its_resolution_cannot_be_read(tmp_path: Path) -> None:
    turned = tag(ORIENTATION, SHORT, 1, struct.pack("<H", 6))
    (tmp_path / "a.png").write_bytes(encoded("PNG", exif=exif(turned, TEXT_RESOLUTION)))
    image = read(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, np.rot90(RGB, -1))
    assert image.notes == ("a part of its EXIF cannot be read: left out",)
    assert read_head(tmp_path / "a.png").pixels.shape == (16, 12, 3)


@pytest.mark.parametrize("dpi", [(float("nan"), 72), (-1, 72), (float("inf"), 1)])
def test_a_resolution_that_is_no_number_is_left_out(dpi: tuple[float, float]) -> None:
    from cnnfilter.files.metadata.parts import read_metadata

    picture = Image.fromarray(RGB)
    picture.info["dpi"] = dpi
    assert read_metadata(picture, FORMATS["png"]) == (
        {},
        ("its resolution cannot be read: left out",),
    )


def test_corrupt_pixels_are_refused_with_or_without_metadata(tmp_path: Path) -> None:
    data = png_with(chunk(b"pHYs", b"\0\0"))
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match=r"corrupt or truncated"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_a_bare_copy_has_the_same_pixels_and_no_tags(format: str, compression: str) -> None:
    options = {"compression": compression} if format == "TIFF" else {}
    described = Image.Exif()
    described[MAKE] = "Camera1"
    file = io.BytesIO(encoded(format, exif=described, dpi=(300, 300), **options))
    bare = without_metadata(file)
    assert bare is not None
    with Image.open(file) as whole, Image.open(bare) as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(whole))
        assert MAKE not in picture.getexif()
        assert "dpi" not in picture.info or picture.info["dpi"] == (1, 1)


@pytest.mark.parametrize("source", ["jpeg", "png", "webp"])
def test_a_photograph_with_exif_is_written_as_tiff(source: str, tmp_path: Path) -> None:
    described = Image.Exif()
    described[MAKE] = "Camera1"
    described.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
    path = tmp_path / f"a.{source}"
    path.write_bytes(encoded(source.upper(), exif=described))
    image = read(path)
    written = write(
        Output(tmp_path / "a.tif", Encoding("tif")), [Frame(image.pixels)], metadata=image.metadata
    )
    assert written.notes == ()
    with Image.open(tmp_path / "a.tif") as picture:
        assert picture.getexif()[MAKE] == "Camera1"
        assert picture.getexif().get_ifd(0x8769)[0x9003] == "2026:01:01 00:00:00"
        np.testing.assert_array_equal(np.asarray(picture), image.pixels)


def test_metadata_that_a_format_lacks_is_dropped_with_a_notice(tmp_path: Path) -> None:
    metadata = {"exif": b"Exif\0\0" + b"x" * 70_000, "dpi": (72, 72)}
    written = write(Output(tmp_path / "a.jpg", Encoding("jpeg")), [Frame(RGB)], metadata=metadata)
    assert written.notes == ("jpeg cannot hold its EXIF: left out",)
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.info["dpi"] == (72, 72)


def test_a_picture_whose_other_metadata_breaks_it_is_turned_upright_all_the_same(
    tmp_path: Path,
) -> None:
    data = jpeg(tag(ORIENTATION, SHORT, 1, struct.pack("<H", 6)))
    tables = data.index(b"\xff\xdb")
    # A second start of an image, with a length as only metadata have one.
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:tables] + b"\xff\xd8\0\x04ab" + data[tables:])
    assert read_head(path).pixels.shape == (16, 12, 3)
    image = read(path)
    assert image.pixels.shape == (16, 12, 3)
    assert image.notes == ("its metadata cannot be read: left out",)
