"""Frames of animations and pages are read one by one."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from .animations import (
    ANIMATED,
    DEEP,
    GRAY,
    MASKS,
    ORIENTATION,
    RGB,
    RNG,
    TIMES,
    animation,
    pixels_of,
)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn as Pillow does."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    from PIL import ImageOps

    with Image.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("suffix", ANIMATED)
def test_every_frame_is_read_with_its_time(suffix: str, tmp_path: Path) -> None:
    path = animation(tmp_path / f"a.{suffix}", loop=3)
    images = list(read_frames(path))
    np.testing.assert_array_equal([each.pixels for each in images], RGB)
    assert [each.metadata["duration"] for each in images] == TIMES
    assert {each.metadata["loop"] for each in images} == {3}
    assert {each.frames for each in images} == {3}
    assert {each.notes for each in images} == {()}


@pytest.mark.parametrize("suffix", [*ANIMATED, "tif"])
def test_a_first_frame_is_read_with_a_notice(suffix: str, tmp_path: Path) -> None:
    options = {"duration": TIMES} if suffix != "tif" else {}
    path = animation(tmp_path / f"a.{suffix}", **options)
    image = read(path)
    np.testing.assert_array_equal(image.pixels, RGB[0])
    assert image.notes == ("the first of 3 frames",)
    assert image.frames == 3


@pytest.mark.parametrize("suffix", [*ANIMATED, "tif"])
def test_a_frame_is_read_alone(suffix: str, tmp_path: Path) -> None:
    path = animation(tmp_path / f"a.{suffix}")
    for number in (0, 2, 1):
        (image,) = read_frames(path, frame=number)
        np.testing.assert_array_equal(image.pixels, RGB[number])


@pytest.mark.parametrize("frame", [3, 7, -1])
def test_a_frame_that_is_not_there_is_named(frame: int, tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif")
    with pytest.raises(FileError) as caught:
        list(read_frames(path, frame=frame))
    expected = f"{path}: has 3 frames, numbered from 0; there is no frame {frame}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.npy", "a.csv"])
def test_a_still_picture_and_a_matrix_have_frame_0_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(Output(path, Encoding({"jpg": "jpeg"}.get(name[2:], name[2:]))), [Frame(GRAY[0])])
    (alone,), (whole,) = read_frames(path, frame=0), read_frames(path)
    np.testing.assert_array_equal(alone.pixels, read(path).pixels)
    np.testing.assert_array_equal(whole.pixels, read(path).pixels)
    assert whole.frames == 1
    with pytest.raises(FileError, match=r"has 1 frame, numbered from 0; there is no frame 1$"):
        list(read_frames(path, frame=1))


def test_what_a_phone_puts_behind_a_jpeg_is_no_frame(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, RGB)
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=others)
    with Image.open(tmp_path / "a.jpg") as picture:
        assert (picture.format, picture.n_frames) == ("MPO", 3)
    (image,) = read_frames(tmp_path / "a.jpg")
    note = "the first of 3 pictures (--frame N)"
    assert (image.frames, image.format, image.notes) == (1, "jpeg", (note,))


def test_a_pngs_default_picture_is_no_frame(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, RGB)
    first.save(
        tmp_path / "a.png", save_all=True, append_images=others, default_image=True, duration=50
    )
    images = list(read_frames(tmp_path / "a.png"))
    np.testing.assert_array_equal([each.pixels for each in images], RGB[1:])
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, RGB[1])
    assert read_head(tmp_path / "a.png").frames == 2


@pytest.mark.parametrize("grey", [True, False])
def test_frames_of_a_gif_are_all_in_colour(grey: bool, tmp_path: Path) -> None:
    ramp = np.arange(240, dtype=np.uint8).reshape(12, 20)
    frames = [np.roll(ramp, each, 1) for each in range(3)] if grey else RGB
    path = animation(tmp_path / "a.gif", frames, optimize=False)
    images = list(read_frames(path))
    assert {each.pixels.ndim for each in images} == {3}
    np.testing.assert_array_equal([each.pixels for each in images], pixels_of(path))
    assert read(path).pixels.shape == read_head(path).pixels.shape == images[0].pixels.shape


def test_each_frame_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import GifImagePlugin, ImageFile

    path = animation(tmp_path / "a.gif", [np.roll(RGB[0], each, 1) for each in range(3)])
    loads = []
    prepare = ImageFile.ImageFile.load_prepare

    def counted(self: Any) -> None:
        loads.append(self)
        prepare(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", counted)
    assert GifImagePlugin.GifImageFile.load_prepare is not counted
    assert len(list(read_frames(path))) == 3
    assert len(loads) == 3


def test_text_of_an_animated_png_is_kept(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Title", "Cups")
    text.add_text("loop", "a word")
    path = animation(tmp_path / "a.png", pnginfo=text)
    assert read(path).metadata["text"]["Title"] == "Cups"


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_a_file_cut_short_in_a_later_frame_is_named(suffix: str, tmp_path: Path) -> None:
    noise = [RNG.integers(0, 256, (50, 50, 3), np.uint8) for _ in range(3)]
    path = animation(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:-3000])
    frames = read_frames(path)
    with pytest.raises(
        FileError, match=rf"a\.{suffix}: .*(corrupt or truncated|not a readable image)"
    ):
        list(frames)


def test_a_tiff_cut_short_in_a_later_page_is_named(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for each in DEEP:
            writer.write(each, photometric="rgb", metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-500])
    frames = read_frames(tmp_path / "a.tif", frame=2)
    with pytest.raises(FileError, match=r"a\.tif: corrupt or truncated"):
        list(frames)


@pytest.mark.parametrize("suffix", ANIMATED)
def test_transparent_frames_are_read_as_pillow_shows_them(suffix: str, tmp_path: Path) -> None:
    planes = [np.dstack(each) for each in zip(RGB, MASKS, strict=True)]
    path = animation(tmp_path / f"a.{suffix}", planes, disposal=2 if suffix == "gif" else 0)
    for image, plane in zip(read_frames(path), pixels_of(path, "RGBA"), strict=True):
        assert image.alpha is not None
        np.testing.assert_array_equal(np.dstack([image.pixels, image.alpha]), plane)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [True, False])
def test_every_page_is_turned_by_its_own_orientation(
    orientation: int, deep: bool, tmp_path: Path
) -> None:
    pages = DEEP if deep else RGB
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, each in enumerate(pages):
            tags = [(274, "H", 1, orientation if number == 1 else 1, True)]
            writer.write(each, photometric="rgb", extratags=tags, metadata=None)
    images = [each.pixels for each in read_frames(tmp_path / "a.tif")]
    np.testing.assert_array_equal(images[0], pages[0])
    np.testing.assert_array_equal(images[2], pages[2])
    np.testing.assert_array_equal(
        images[1] >> 8, turned((pages[1] >> 8).astype(np.uint8), orientation)
    )
    assert images[1].dtype == pages[1].dtype


@pytest.mark.parametrize("suffix", ["webp", "png"])
def test_frames_are_turned_upright_and_stay_so(suffix: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = animation(tmp_path / f"a.{suffix}", exif=exif)
    images = list(read_frames(path))
    for image, pixels in zip(images, RGB, strict=True):
        np.testing.assert_array_equal(image.pixels, turned(pixels, 6))
    frames = [Frame(each.pixels, each.alpha, each.metadata["duration"]) for each in images]
    write(Output(tmp_path / f"b.{suffix}", Encoding(suffix)), frames, metadata=images[0].metadata)
    with Image.open(tmp_path / f"b.{suffix}") as picture:
        assert picture.size == (20, 24)
        assert picture.getexif().get(ORIENTATION, 1) == 1


@pytest.mark.parametrize("suffix", [*ANIMATED, "tif"])
def test_frames_are_counted_before_they_are_decoded(suffix: str, tmp_path: Path) -> None:
    path = animation(tmp_path / f"a.{suffix}")
    limit = 3 * 20 * 24
    assert len(list(read_frames(path, max_pixels=limit))) == 3
    with pytest.raises(FileError, match=r"a\..*3 frames .* --frame N takes one; .*--max-pixels"):
        next(read_frames(path, max_pixels=limit - 1))
    (image,) = read_frames(path, max_pixels=20 * 24, frame=2)
    np.testing.assert_array_equal(image.pixels, RGB[2])
    with pytest.raises(FileError, match="20x24 are more than 479 pixels"):
        next(read_frames(path, max_pixels=479, frame=2))


def test_a_page_that_is_larger_than_the_first_is_a_bomb_too(tmp_path: Path) -> None:
    write(
        Output(tmp_path / "a.tif", Encoding("tif")),
        [Frame(GRAY[0]), Frame(np.zeros((99, 99), np.uint8))],
    )
    with pytest.raises(FileError, match="99x99 are more than 9000 pixels"):
        list(read_frames(tmp_path / "a.tif", max_pixels=9000, frame=1))


def test_a_frame_that_is_larger_than_its_gif_is_a_bomb_too(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif", optimize=False)
    content = bytearray(path.read_bytes())
    with Image.open(path) as picture:
        picture.seek(1)
        left, top, right, bottom = picture.tile[0].extents
        place = struct.pack("<HHHH", left, top, right - left, bottom - top)
        begin = content.rindex(b"," + place, 0, picture.tile[0].offset)
    content[begin + 5 : begin + 9] = struct.pack("<HH", 5000, 5000)
    path.write_bytes(content)
    with pytest.raises(FileError, match="5000x5000 are more than 9000 pixels"):
        list(read_frames(path, max_pixels=9000))


def test_frames_that_a_png_only_claims_are_missed(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.png")
    content = path.read_bytes()
    claim = b"acTL" + struct.pack(">II", 9, 0)
    begin = content.index(b"acTL")
    content = content[:begin] + claim + struct.pack(">I", zlib.crc32(claim)) + content[begin + 16 :]
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"a\.png: corrupt or truncated"):
        list(read_frames(path))
