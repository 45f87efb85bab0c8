"""96 kinds of cameras' EXIF, made by exiftool, go into other formats as exiftool reads them."""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.metadata.exif import cleaned
from cnnfilter.files.read import read
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

MAKES = ["Canon", "NIKON CORPORATION", "SONY", "Apple", "samsung", "Google", "HUAWEI", "FUJIFILM",
         "OLYMPUS CORPORATION", "Panasonic", "PENTAX", "DJI"]  # fmt: skip
KINDS = [(make, orientation) for make in MAKES for orientation in range(1, 9)]
FORMATS = ["jpeg", "png", "webp", "tif"]
PIXELS = np.random.default_rng(37).integers(0, 256, (16, 24, 3), np.uint8)
#: What is not true of the result, and the thumbnail's directory.
LEFT_OUT = {
    "IFD0:Orientation", "IFD0:ImageWidth", "IFD0:ImageHeight", "ExifIFD:ExifImageWidth",
    "ExifIFD:ExifImageHeight", "InteropIFD:RelatedImageWidth", "InteropIFD:RelatedImageHeight",
}  # fmt: skip
GROUPS = ("IFD0", "ExifIFD", "GPS", "InteropIFD", "Canon")
#: A TIFF has a resolution of its own, and no place where makers' notes may have been.
OWN_TAGS = ("IFD0:XResolution", "IFD0:YResolution", "IFD0:ResolutionUnit", "IFD0:YCbCrPositioning")


def with_makers_note() -> bytes:
    """Lay out EXIF with a note whose offsets count from the block's start, as Canon's do."""
    first, folder, note = 8, 8 + 2 + 12 + 4, 8 + 18 + 2 + 12 + 4
    owner = b"Nobody in particular\0"
    where = note + 2 + 12 + 4
    note_bytes = struct.pack("<H2HII", 1, 9, 2, len(owner), where) + bytes(4) + owner
    return (
        b"II*\0"
        + struct.pack("<IH2HII", first, 1, 0x8769, 4, 1, folder)
        + bytes(4)
        + struct.pack("<H2HII", 1, 0x927C, 7, len(note_bytes), note)
        + bytes(4)
        + note_bytes
    )


def arguments(folder: Path, number: int, make: str, orientation: int) -> list[str]:
    """Return what exiftool is told for a kind."""
    tags = {
        "Make": make, "Model": f"{make} {number}", "Orientation#": orientation, "Artist": "Ä. Bë",
        "ImageWidth": 4000, "ExifImageWidth": 4000, "ExifImageHeight": 3000, "ISO": 100 * number,
        "ExposureTime": "1/250", "FNumber": 2.8, "DateTimeOriginal": "2026:01:02 03:04:05",
        "UserComment": "a cup, größer", "LensModel": f"lens {number}", "InteropIndex": "R98",
        "RelatedImageWidth": 4000, "ColorSpace#": 1, "LensInfo": "24 70 2.8 2.8",
    }  # fmt: skip
    if number % 2:
        tags |= {"GPSLatitude": 52.5, "GPSLatitudeRef": "N", "GPSLongitude": 13.25,
                 "GPSLongitudeRef": "E", "GPSAltitude": 34, "GPSAltitudeRef#": 0}  # fmt: skip
    thumbnail = [f"-ThumbnailImage<={folder / 'thumbnail.jpg'}"] if number % 3 else []
    order = "MM" if number % 4 > 1 else "II"
    source = "canon.jpg" if make == "Canon" else "plain.jpg"
    return [
        f"-ExifByteOrder={order}", *(f"-EXIF:{name}={value}" for name, value in tags.items()),
        *thumbnail, "-o", str(folder / f"{number}.jpg"), str(folder / source), "-execute",
    ]  # fmt: skip


def tags_of(paths: Iterable[Path]) -> dict[str, Mapping[str, Any]]:
    """Read files' EXIF by exiftool."""
    command = ["exiftool", "-json", "-n", "-G1", "-a", "-EXIF:all", "-MakerNotes:all"]
    run = subprocess.run(
        [*command, "-warning", *map(str, paths)], capture_output=True, check=True, timeout=120
    )
    return {Path(tags["SourceFile"]).name: tags for tags in json.loads(run.stdout)}


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file of each kind, and its copies in all formats."""
    if not shutil.which("exiftool"):
        pytest.skip("needs exiftool")
    folder = tmp_path_factory.mktemp("cameras")
    picture = Image.fromarray(PIXELS)
    picture.save(folder / "plain.jpg")
    picture.save(folder / "canon.jpg", exif=b"Exif\0\0" + with_makers_note())
    picture.resize((12, 8)).save(folder / "thumbnail.jpg")
    lines = [line for number, kind in enumerate(KINDS) for line in arguments(folder, number, *kind)]
    (folder / "arguments").write_text("\n".join(lines), "utf-8")
    subprocess.run(
        ["exiftool", "-q", "-charset", "exif=UTF8", "-@", str(folder / "arguments")],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    for number in range(len(KINDS)):
        image = read(folder / f"{number}.jpg")
        assert image.notes == ()
        for format in FORMATS:
            output = Output(folder / f"{number}.{format}", Encoding(format))
            written = write(output, [Frame(image.pixels)], metadata=image.metadata)
            assert written.notes == ()
    return folder


def test_what_is_kept_is_equal_and_the_rest_is_gone(cameras: Path) -> None:
    # Each kind in one format; each maker in all.
    copies = [f"{number}.{FORMATS[(number + number // 8) % 4]}" for number in range(len(KINDS))]
    sources = [f"{number}.jpg" for number in range(len(KINDS))]
    tags = tags_of(cameras / name for name in (*sources, *copies))
    for source, copy in zip(sources, copies, strict=True):
        before, after = tags[source], tags[copy]
        is_tiff = copy.endswith("tif")
        for name in before.keys() - LEFT_OUT:
            group = name.partition(":")[0]
            if group in GROUPS and not (is_tiff and (name in OWN_TAGS or group == "Canon")):
                assert after.get(name) == before[name], (copy, name)
        assert is_tiff or not LEFT_OUT & after.keys()
        assert after.get("IFD0:ImageWidth") in (None, 16, 24)
        assert not [name for name in after if name.startswith("IFD1")]
        assert is_tiff or "ExifTool:Warning" not in after
    assert tags["0.jpeg"]["Canon:OwnerName"] == "Nobody in particular"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_in_every_format(orientation: int, cameras: Path) -> None:
    number = 8 * 3 + orientation - 1
    expected = read(cameras / f"{number}.jpg").pixels
    assert expected.shape == ((16, 24, 3) if orientation < 5 else (24, 16, 3))
    for format in FORMATS[1:]:
        image = read(cameras / f"{number}.{format}")
        np.testing.assert_array_equal(image.pixels, expected)


def test_no_byte_of_a_thumbnail_is_left(cameras: Path) -> None:
    thumbnail = (cameras / "thumbnail.jpg").read_bytes()
    scan = thumbnail[thumbnail.index(b"\xff\xda") :]
    assert scan in (cameras / "1.jpg").read_bytes()
    for format in FORMATS:
        assert scan not in (cameras / f"1.{format}").read_bytes()


def test_exif_in_a_pngs_text_is_cleaned_too(cameras: Path, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    with Image.open(cameras / "1.jpg") as picture:
        block = picture.info["exif"][6:]
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{lines}\n", zip=True)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=text)
    image = read(tmp_path / "a.png")
    assert image.metadata["exif"] == read(cameras / "1.jpg").metadata["exif"]
    assert "text" not in image.metadata


def test_a_damaged_block_is_cleaned_or_refused() -> None:
    rng = np.random.default_rng(41)
    whole = with_makers_note()
    for _ in range(300):
        block = bytearray(whole)
        for at in rng.integers(0, len(block), 4):
            block[at] = rng.integers(256)
        with suppress(ValueError):
            assert len(cleaned(bytes(block))) <= len(block)
        with suppress(ValueError):
            cleaned(whole[: rng.integers(0, len(whole))])
