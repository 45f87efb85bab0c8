"""Files of several frames or pages: read, written, and told from their heads."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.pillow_reader import Pictures
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import Frame, write

from ..formats import formats
from ..types import Arguments

RNG = np.random.default_rng(3)
#: Few colours, so that a GIF holds them all.
COLOURS = RNG.integers(0, 256, (40, 3), np.uint8)
RGB = [COLOURS[RNG.integers(0, 40, (20, 24))] for _ in range(3)]
GRAY = [each[:, :, 0] for each in RGB]
MASKS = [RNG.integers(0, 2, (20, 24), np.uint8) * 255 for _ in range(3)]
DEEP = [RNG.integers(0, 65536, (20, 24, 3), np.uint16) for _ in range(3)]
TIMES = [100, 250, 40]
SAMPLES = Path(__file__).parents[2] / "sample_images"

ANIMATED = ["gif", "webp", "png"]
ORIENTATION = 0x0112


def frames_of(
    pixels: Sequence[np.ndarray], alphas: Sequence[np.ndarray | None] | None = None
) -> list[Frame]:
    alphas = alphas or [None] * len(pixels)
    return [Frame(*each) for each in zip(pixels, alphas, TIMES, strict=True)]


def seen(path: Path, mode: str = "RGB") -> list[np.ndarray]:
    """Give what Pillow shows of every frame."""
    with Image.open(path) as picture:
        shown = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            shown.append(np.asarray(picture.convert(mode)))
        return shown


def told(path: Path) -> tuple[list[float], int | None]:
    """Give what Pillow tells of durations and of the loop."""
    with Image.open(path) as picture:
        durations = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
            durations.append(picture.info.get("duration"))
        return durations, picture.info.get("loop")


def animation(path: Path, frames: Sequence[np.ndarray] = RGB, **options: Any) -> Path:
    """Save one with Pillow."""
    first, *others = map(Image.fromarray, frames)
    if path.suffix == ".webp":
        options = {"lossless": True} | options
    options = {"duration": TIMES[: len(frames)]} | options
    first.save(path, save_all=True, append_images=others, **options)
    return path


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn as Pillow does."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    from PIL import ImageOps

    with Image.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


# Reading


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
    assert (image.frames, image.format, image.notes) == (1, "jpeg", ())


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
    np.testing.assert_array_equal([each.pixels for each in images], seen(path))
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
    with pytest.raises(FileError, match=rf"a\.{suffix}: .*(corrupt or truncated|not an image)"):
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


# Transparency and orientation


@pytest.mark.parametrize("suffix", ANIMATED)
def test_transparent_frames_are_read_as_pillow_shows_them(suffix: str, tmp_path: Path) -> None:
    planes = [np.dstack(each) for each in zip(RGB, MASKS, strict=True)]
    path = animation(tmp_path / f"a.{suffix}", planes, disposal=2 if suffix == "gif" else 0)
    for image, plane in zip(read_frames(path), seen(path, "RGBA"), strict=True):
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


# Bombs


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


# Heads


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


# Writing


@pytest.mark.parametrize("format", ANIMATED)
@pytest.mark.parametrize("pixels", [RGB, GRAY], ids=["colour", "grey"])
def test_frames_come_back_with_their_times(
    format: str, pixels: list[np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    written = write(Output(path, Encoding(format)), frames_of(pixels), metadata={"loop": 2})
    assert written.clipped == 0
    np.testing.assert_array_equal(
        seen(path), [each if each.ndim == 3 else np.dstack([each] * 3) for each in pixels]
    )
    assert told(path) == (TIMES, 2)


@pytest.mark.parametrize("format", ANIMATED)
@pytest.mark.parametrize("pixels", [RGB, GRAY], ids=["colour", "grey"])
def test_transparent_frames_do_not_show_those_before(
    format: str, pixels: list[np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of(pixels, MASKS))
    for plane, colours, mask in zip(seen(path, "RGBA"), pixels, MASKS, strict=True):
        np.testing.assert_array_equal(plane[:, :, 3], mask)
        colours = colours if colours.ndim == 3 else np.dstack([colours] * 3)
        np.testing.assert_array_equal(plane[mask > 0, :3], colours[mask > 0])


@pytest.mark.parametrize("format", [*ANIMATED, "tif"])
def test_frames_without_alpha_get_an_opaque_one(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of(RGB, [None, MASKS[1], None]))
    alphas = [each[:, :, 3] for each in seen(path, "RGBA")]
    np.testing.assert_array_equal(alphas[1], MASKS[1])
    assert alphas[0].min() == alphas[2].min() == 255


@pytest.mark.parametrize("source", ANIMATED)
@pytest.mark.parametrize("target", ANIMATED)
@pytest.mark.parametrize("loop", [None, 0, 1, 5])
def test_an_animation_becomes_another(
    source: str, target: str, loop: int | None, tmp_path: Path
) -> None:
    if loop is None and source != "gif":
        pytest.skip("always tells a loop")
    options = {} if loop is None else {"loop": loop}
    path = animation(tmp_path / f"a.{source}", **options)
    images = list(read_frames(path))
    frames = [Frame(each.pixels, each.alpha, each.metadata["duration"]) for each in images]
    write(Output(tmp_path / f"b.{target}", Encoding(target)), frames, metadata=images[0].metadata)
    np.testing.assert_array_equal(seen(tmp_path / f"b.{target}"), RGB)
    once = None if target == "gif" else 1
    assert told(tmp_path / f"b.{target}") == (TIMES, once if loop is None else loop)


@pytest.mark.parametrize("source", ANIMATED)
@pytest.mark.parametrize("target", ANIMATED)
def test_a_transparent_animation_becomes_another(source: str, target: str, tmp_path: Path) -> None:
    planes = [np.dstack(each) for each in zip(RGB, MASKS, strict=True)]
    path = animation(tmp_path / f"a.{source}", planes, disposal=2 if source == "gif" else 0)
    frames = [Frame(each.pixels, each.alpha) for each in read_frames(path)]
    write(Output(tmp_path / f"b.{target}", Encoding(target)), frames)
    for before, after in zip(
        seen(path, "RGBA"), seen(tmp_path / f"b.{target}", "RGBA"), strict=True
    ):
        np.testing.assert_array_equal(before[:, :, 3], after[:, :, 3])
        shown = before[:, :, 3] > 0
        np.testing.assert_array_equal(before[shown], after[shown])


@pytest.mark.parametrize("format", ["gif", "png", "avif"])
@pytest.mark.parametrize("order", [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0)])
def test_frames_that_are_alike_keep_their_time_together(
    format: str, order: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of([RGB[each] for each in order]))
    assert sum(told(path)[0]) == sum(TIMES)


@pytest.mark.parametrize("shifts", [(3, 5, 7), (3,)])
def test_all_colours_of_a_transparent_gif_are_kept(shifts: tuple[int, ...], tmp_path: Path) -> None:
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16)
    frames = []
    for shift in shifts:
        pixels = np.dstack([numbers, numbers * np.uint8(shift), numbers[::-1]])
        frames.append(Frame(pixels, np.where(numbers == shift, 0, 255).astype(np.uint8)))
    write(Output(tmp_path / "a.gif", Encoding("gif")), frames)
    for shown, frame in zip(seen(tmp_path / "a.gif", "RGBA"), frames, strict=True):
        assert frame.alpha is not None
        np.testing.assert_array_equal(shown[:, :, 3], frame.alpha)
        visible = frame.alpha > 0
        np.testing.assert_array_equal(shown[visible, :3], frame.values[visible])


@pytest.mark.parametrize("colour", [(0, 0, 0), (0, 0, 1), (255, 255, 255)])
def test_a_border_of_any_colour_stays_in_a_transparent_gif(
    colour: tuple[int, int, int], tmp_path: Path
) -> None:
    blue, framed = np.full((2, 6, 6, 3), [0, 0, 200], np.uint8)
    framed[:] = colour
    framed[2:4, 2:4] = [200, 0, 0]
    clear = np.zeros((6, 6), np.uint8)
    write(
        Output(tmp_path / "a.gif", Encoding("gif")),
        frames_of([blue, framed, blue], [clear, None, clear]),
    )
    shown = seen(tmp_path / "a.gif", "RGBA")
    np.testing.assert_array_equal(shown[1][:, :, :3], framed)
    assert shown[1][:, :, 3].min() == 255
    assert shown[0][:, :, 3].max() == shown[2][:, :, 3].max() == 0


@pytest.mark.parametrize("order", [(0, 0, 1), (0, 1, 1), (0, 1, 0)])
def test_frames_that_are_alike_keep_their_time_in_webp(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    # Were all of them alike, they would be written as one still picture.
    write(Output(tmp_path / "a.webp", Encoding("webp")), frames_of([RGB[each] for each in order]))
    assert sum(told(tmp_path / "a.webp")[0]) == sum(TIMES)


@pytest.mark.parametrize("format", ANIMATED)
def test_rounded_times_do_not_add_up_to_others(format: str, tmp_path: Path) -> None:
    frames = [Frame(RGB[number % 3], duration=100 / 3) for number in range(30)]
    write(Output(tmp_path / f"a.{format}", Encoding(format)), frames)
    times = told(tmp_path / f"a.{format}")[0]
    assert sum(times) == pytest.approx(1000)
    assert np.abs(np.subtract(times, 100 / 3)).max() < 10


@pytest.mark.parametrize("format", ANIMATED)
def test_frames_of_no_time_are_shown_for_a_tenth_of_a_second(format: str, tmp_path: Path) -> None:
    write(Output(tmp_path / f"a.{format}", Encoding(format)), [Frame(each) for each in RGB])
    assert told(tmp_path / f"a.{format}")[0] == [100, 100, 100]


def test_an_avif_of_frames_comes_back_about_the_same(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    pixels = [np.dstack([np.roll(smooth, 9 * each, 0)] * 3) for each in range(3)]
    write(Output(tmp_path / "a.avif", Encoding("avif")), frames_of(pixels))
    images = list(read_frames(tmp_path / "a.avif"))
    assert [each.metadata["duration"] for each in images] == TIMES
    for image, expected in zip(images, pixels, strict=True):
        assert np.abs(image.pixels.astype(int) - expected).max() < 20


@pytest.mark.parametrize("extremes", [None, (-100.0, 400.0)])
def test_frames_are_scaled_alike(extremes: tuple[float, float] | None, tmp_path: Path) -> None:
    maps = [np.full((4, 4), value) for value in (-100.0, 150.0, 400.0)]
    write(
        Output(tmp_path / "a.png", Encoding("png", range="minmax")),
        frames_of(maps),
        extremes=extremes,
    )
    assert [int(each[0, 0]) for each in seen(tmp_path / "a.png", "L")] == [0, 128, 255]


def test_what_is_clipped_is_counted_over_all_frames(tmp_path: Path) -> None:
    maps = [np.full((4, 4), value) for value in (-100.0, 150.0, 400.0)]
    assert write(
        Output(tmp_path / "a.png", Encoding("png")), frames_of(maps)
    ).clipped == pytest.approx(2 / 3)


def test_16_bits_of_an_animation_are_scaled(tmp_path: Path) -> None:
    frames = [Frame(each[:, :, 0]) for each in DEEP]
    written = write(Output(tmp_path / "a.png", Encoding("png", depth=16)), frames)
    assert written.notes == ("16 bits scaled to 8: png holds no more here",)
    for shown, deep in zip(seen(tmp_path / "a.png", "L"), DEEP, strict=True):
        np.testing.assert_array_equal(shown, np.rint(deep[:, :, 0] / 257))


# Pages


def test_pages_of_8_bits_come_back(tmp_path: Path) -> None:
    pages = [RGB[0], GRAY[1][:7, :9], RGB[2][:5]]
    write(
        Output(tmp_path / "a.tif", Encoding("tif")),
        [Frame(each) for each in pages],
        metadata={"dpi": (72, 72)},
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        for page, expected in zip(tiff.pages, pages, strict=True):
            np.testing.assert_array_equal(page.asarray(), expected)
    for image, expected in zip(read_frames(tmp_path / "a.tif"), pages, strict=True):
        np.testing.assert_array_equal(image.pixels, expected)


def test_pages_of_16_bits_come_back(tmp_path: Path) -> None:
    frames = [Frame(DEEP[0]), Frame(DEEP[1][:, :, 0]), Frame(DEEP[2][:5], DEEP[0][:5, :, 1])]
    write(Output(tmp_path / "a.tif", Encoding("tif", depth=16)), frames)
    images = list(read_frames(tmp_path / "a.tif"))
    for image, frame in zip(images, frames, strict=True):
        np.testing.assert_array_equal(image.pixels, frame.values)
        assert (image.depth, image.frames) == (16, 3)
    np.testing.assert_array_equal(images[2].alpha, DEEP[0][:5, :, 1])
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        np.testing.assert_array_equal(tiff.pages[0].asarray()[:, :, :3], DEEP[0])


def test_pages_of_grey_in_16_bits_come_back(tmp_path: Path) -> None:
    frames = [Frame(each[:, :, 0]) for each in DEEP]
    write(Output(tmp_path / "a.tif", Encoding("tif", depth=16)), frames)
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "a.tif", key=slice(None)), [each.values for each in frames]
    )
    for image, frame in zip(read_frames(tmp_path / "a.tif"), frames, strict=True):
        np.testing.assert_array_equal(image.pixels, frame.values)


def test_pages_of_floats_come_back(tmp_path: Path) -> None:
    pages = [RNG.normal(size=shape).astype(np.float32) for shape in [(6, 7), (5, 4, 3), (3, 3, 8)]]
    write(Output(tmp_path / "a.tif", Encoding("float")), [Frame(each) for each in pages])
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        for page, expected in zip(tiff.pages, pages, strict=True):
            np.testing.assert_array_equal(page.asarray(), expected)
    images = list(read_frames(tmp_path / "a.tif"))
    for image, expected in zip(images, pages, strict=True):
        np.testing.assert_array_equal(image.pixels, expected)
        assert (image.format, image.frames) == ("float", 3)
    (alone,) = read_frames(tmp_path / "a.tif", frame=1)
    np.testing.assert_array_equal(alone.pixels, pages[1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_feature_maps_are_one_page(channels: int, tmp_path: Path) -> None:
    maps = RNG.normal(size=(6, 7, channels)).astype(np.float32)
    write(Output(tmp_path / "a.tif", Encoding("float")), [Frame(maps)])
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert len(tiff.pages) == 1
    (image,) = read_frames(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, maps.squeeze())
    assert (image.frames, image.notes) == (1, ())


def test_pages_of_different_kinds_are_read_together(tmp_path: Path) -> None:
    pages = [RGB[0], DEEP[1], GRAY[2].astype(np.float32), GRAY[0]]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for each in pages:
            photometric = "rgb" if each.ndim == 3 else "minisblack"
            writer.write(each, photometric=photometric, metadata=None)
    images = list(read_frames(tmp_path / "a.tif"))
    for image, expected in zip(images, pages, strict=True):
        np.testing.assert_array_equal(image.pixels, expected)
        assert image.pixels.dtype == expected.dtype
        assert image.frames == 4
    assert [each.format for each in images] == ["tif", "tif", "float", "tif"]


# Refusals


@pytest.mark.parametrize("format", formats(lambda row: not row.frames))
def test_a_format_of_one_frame_takes_no_more(format: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=rf": {format} holds one frame"):
        write(Output(tmp_path / "a", Encoding(format)), frames_of(RGB))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", [*ANIMATED, "avif"])
def test_frames_of_an_animation_have_one_size(format: str, tmp_path: Path) -> None:
    frames = [Frame(RGB[0]), Frame(RGB[1][:5])]
    with pytest.raises(FileError, match=f"{format} holds frames of one size; .*20x24 and 5x24"):
        write(Output(tmp_path / "a", Encoding(format)), frames)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_a_later_frame_is_refused(tmp_path: Path) -> None:
    half = np.full((20, 24), 128, np.uint8)
    with pytest.raises(FileError, match="gif cannot hold half-transparent pixels"):
        write(Output(tmp_path / "a.gif", Encoding("gif")), frames_of(RGB, [None, None, half]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("format", "longest"), [("gif", 655_350), ("png", 65_535)])
def test_a_frame_that_is_shown_too_long_is_shown_as_long_as_may_be(
    format: str, longest: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    written = write(Output(path, Encoding(format)), [Frame(each, duration=1e9) for each in RGB])
    assert any("no frame longer than" in note for note in written.notes)
    with Image.open(path) as picture:
        assert picture.info["duration"] == longest


# Quality


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_less_quality_makes_a_smaller_file(format: str, tmp_path: Path) -> None:
    image = read(SAMPLES / "coffee.png")
    sizes = []
    for quality in (20, 60, 95):
        write(Output(tmp_path / "a", Encoding(format, quality=quality)), [Frame(image.pixels)])
        sizes.append((tmp_path / "a").stat().st_size)
        shown = read(tmp_path / "a").pixels.astype(int)
        assert 0 < np.abs(shown - image.pixels).mean() < 20
    assert sizes == sorted(set(sizes))


def test_quality_is_that_of_jpegs_tables(tmp_path: Path) -> None:
    write(Output(tmp_path / "a.jpg", Encoding("jpeg", quality=37)), [Frame(RGB[0])])
    Image.fromarray(RGB[0]).save(tmp_path / "b.jpg", quality=37)
    with Image.open(tmp_path / "a.jpg") as ours, Image.open(tmp_path / "b.jpg") as pillows:
        assert ours.quantization == pillows.quantization


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_quality_holds_for_animations_and_small_files_too(compression: str, tmp_path: Path) -> None:
    coffee = read(SAMPLES / "coffee.png").pixels[:200, :200]
    frames = [Frame(np.roll(coffee, 9 * each, 1)) for each in range(3)]
    sizes = []
    for quality in (10, 90, None):
        write(
            Output(tmp_path / "a.webp", Encoding("webp", compression=compression, quality=quality)),
            frames,
        )
        sizes.append((tmp_path / "a.webp").stat().st_size)
        assert len(seen(tmp_path / "a.webp")) == 3
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("format", formats(lambda row: row.quality is None))
def test_formats_without_quality_ignore_it(format: str, tmp_path: Path) -> None:
    for name, quality in (("a", None), ("b", 5)):
        write(Output(tmp_path / name, Encoding(format, quality=quality)), [Frame(GRAY[0])])
    np.testing.assert_array_equal(
        *(
            read((tmp_path / name).rename(tmp_path / f"{name}{FORMATS[format].suffixes[0]}")).pixels
            for name in "ab"
        )
    )


def test_one_frame_is_written_as_a_still_picture(tmp_path: Path) -> None:
    for format in ANIMATED:
        write(
            Output(tmp_path / "a", Encoding(format)),
            [Frame(GRAY[0], duration=70)],
            metadata={"loop": 0},
        )
        write(Output(tmp_path / "b", Encoding(format)), [Frame(GRAY[0])])
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def growing_gif(width: int, height: int, disposal: int, before: int) -> bytes:
    """Lay out a GIF of 1x1, a byte a pixel's code, whose last frame has a larger rectangle."""
    frames = [(1, 1)] * before + [(width, height)]
    content = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    for size in frames:
        content += b"!\xf9\4" + bytes([disposal << 2, 1, 0, 0, 0])
        content += b"," + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\2\2\x44\1\0"
    return content + b";"


@pytest.mark.parametrize("disposal", [1, 2, 3])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("sides", [(5000, 5000), (65535, 65535)])
def test_a_gif_that_grows_is_refused_before_memory_is_taken(
    sides: tuple[int, int], before: int, disposal: int, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    (tmp_path / "a.gif").write_bytes(growing_gif(*sides, disposal, before))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileError, match="pixels; raise --max-pixels"):
        list(read_frames(tmp_path / "a.gif", max_pixels=1000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < peak + 2**14


def test_a_gif_that_grows_is_read_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(growing_gif(1, 1, 2, 2))
    assert [each.pixels.shape for each in read_frames(tmp_path / "a.gif")] == [(1, 1, 3)] * 3


def test_pillow_and_tifffile_count_pages_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Output(tmp_path / "a.tif", Encoding("tif")), frames_of(RGB))
    monkeypatch.setattr(Pictures, "__len__", lambda _: 1)  # as Pillow may where links are odd
    counted = [each.frames for each in read_frames(tmp_path / "a.tif")]
    assert counted == [3, 3, 3]
    assert read(tmp_path / "a.tif").frames == read_head(tmp_path / "a.tif").frames == 3
