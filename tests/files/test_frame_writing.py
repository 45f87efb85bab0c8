"""Frames are written as animations and pages, or refused."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from ..formats import formats
from .animations import (
    ANIMATED,
    DEEP,
    GRAY,
    MASKS,
    RGB,
    RNG,
    TIMES,
    animation,
    frames_of,
    pixels_of,
)


def times_of(path: Path) -> tuple[list[float], int | None]:
    """Give what Pillow tells of durations and of the loop."""
    with Image.open(path) as picture:
        durations = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            picture.load()
            durations.append(picture.info.get("duration"))
        return durations, picture.info.get("loop")


@pytest.mark.parametrize("format", ANIMATED)
@pytest.mark.parametrize("pixels", [RGB, GRAY], ids=["colour", "grey"])
def test_frames_come_back_with_their_times(
    format: str, pixels: list[np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    written = write(Output(path, Encoding(format)), frames_of(pixels), metadata={"loop": 2})
    assert written.clipped == 0
    np.testing.assert_array_equal(
        pixels_of(path), [each if each.ndim == 3 else np.dstack([each] * 3) for each in pixels]
    )
    assert times_of(path) == (TIMES, 2)


@pytest.mark.parametrize("format", ANIMATED)
@pytest.mark.parametrize("pixels", [RGB, GRAY], ids=["colour", "grey"])
def test_transparent_frames_do_not_show_those_before(
    format: str, pixels: list[np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of(pixels, MASKS))
    for plane, colours, mask in zip(pixels_of(path, "RGBA"), pixels, MASKS, strict=True):
        np.testing.assert_array_equal(plane[:, :, 3], mask)
        colours = colours if colours.ndim == 3 else np.dstack([colours] * 3)
        np.testing.assert_array_equal(plane[mask > 0, :3], colours[mask > 0])


@pytest.mark.parametrize("format", [*ANIMATED, "tif"])
def test_frames_without_alpha_get_an_opaque_one(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of(RGB, [None, MASKS[1], None]))
    alphas = [each[:, :, 3] for each in pixels_of(path, "RGBA")]
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
    np.testing.assert_array_equal(pixels_of(tmp_path / f"b.{target}"), RGB)
    once = None if target == "gif" else 1
    assert times_of(tmp_path / f"b.{target}") == (TIMES, once if loop is None else loop)


@pytest.mark.parametrize("source", ANIMATED)
@pytest.mark.parametrize("target", ANIMATED)
def test_a_transparent_animation_becomes_another(source: str, target: str, tmp_path: Path) -> None:
    planes = [np.dstack(each) for each in zip(RGB, MASKS, strict=True)]
    path = animation(tmp_path / f"a.{source}", planes, disposal=2 if source == "gif" else 0)
    frames = [Frame(each.pixels, each.alpha) for each in read_frames(path)]
    write(Output(tmp_path / f"b.{target}", Encoding(target)), frames)
    for before, after in zip(
        pixels_of(path, "RGBA"), pixels_of(tmp_path / f"b.{target}", "RGBA"), strict=True
    ):
        np.testing.assert_array_equal(before[:, :, 3], after[:, :, 3])
        shown = before[:, :, 3] > 0
        np.testing.assert_array_equal(before[shown], after[shown])


@pytest.mark.parametrize("format", ANIMATED)
def test_what_no_frame_covers_stays_transparent(format: str, tmp_path: Path) -> None:
    masks = np.zeros((2, 50, 100), np.uint8)
    masks[0, :, 50:] = masks[1, :, :50] = 255
    red = np.array([1, 0, 0], np.uint8)
    frames = [Frame(mask[:, :, None] * red, mask) for mask in masks]
    write(Output(tmp_path / "a", Encoding(format)), frames)
    for image, mask in zip(read_frames(tmp_path / "a"), masks, strict=True):
        assert image.alpha is not None
        np.testing.assert_array_equal(image.alpha, mask)


def test_transparent_frames_that_are_alike_are_one_webp(tmp_path: Path) -> None:
    alpha = np.arange(120, dtype=np.uint8).reshape(10, 12)
    write(Output(tmp_path / "a", Encoding("webp")), [Frame(alpha, alpha)] * 2)
    (image,) = read_frames(tmp_path / "a")
    assert image.alpha is not None
    np.testing.assert_array_equal(image.alpha, alpha)


@pytest.mark.parametrize("format", ["gif", "png", "avif"])
@pytest.mark.parametrize("order", [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0)])
def test_frames_that_are_alike_keep_their_time_together(
    format: str, order: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    write(Output(path, Encoding(format)), frames_of([RGB[each] for each in order]))
    assert sum(times_of(path)[0]) == sum(TIMES)


@pytest.mark.parametrize("shifts", [(3, 5, 7), (3,)])
def test_all_colours_of_a_transparent_gif_are_kept(shifts: tuple[int, ...], tmp_path: Path) -> None:
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16)
    frames = []
    for shift in shifts:
        pixels = np.dstack([numbers, numbers * np.uint8(shift), numbers[::-1]])
        frames.append(Frame(pixels, np.where(numbers == shift, 0, 255).astype(np.uint8)))
    write(Output(tmp_path / "a.gif", Encoding("gif")), frames)
    for shown, frame in zip(pixels_of(tmp_path / "a.gif", "RGBA"), frames, strict=True):
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
    shown = pixels_of(tmp_path / "a.gif", "RGBA")
    np.testing.assert_array_equal(shown[1][:, :, :3], framed)
    assert shown[1][:, :, 3].min() == 255
    assert shown[0][:, :, 3].max() == shown[2][:, :, 3].max() == 0


@pytest.mark.parametrize("order", [(0, 0, 1), (0, 1, 1), (0, 1, 0)])
def test_frames_that_are_alike_keep_their_time_in_webp(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    # Were all of them alike, they would be written as one still picture.
    write(Output(tmp_path / "a.webp", Encoding("webp")), frames_of([RGB[each] for each in order]))
    assert sum(times_of(tmp_path / "a.webp")[0]) == sum(TIMES)


@pytest.mark.parametrize("format", ANIMATED)
def test_rounded_times_do_not_add_up_to_others(format: str, tmp_path: Path) -> None:
    frames = [Frame(RGB[number % 3], duration=100 / 3) for number in range(30)]
    write(Output(tmp_path / f"a.{format}", Encoding(format)), frames)
    times = times_of(tmp_path / f"a.{format}")[0]
    assert sum(times) == pytest.approx(1000)
    assert np.abs(np.subtract(times, 100 / 3)).max() < 10


@pytest.mark.parametrize("format", ANIMATED)
def test_frames_of_no_time_are_shown_for_a_tenth_of_a_second(format: str, tmp_path: Path) -> None:
    write(Output(tmp_path / f"a.{format}", Encoding(format)), [Frame(each) for each in RGB])
    assert times_of(tmp_path / f"a.{format}")[0] == [100, 100, 100]


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
    assert [int(each[0, 0]) for each in pixels_of(tmp_path / "a.png", "L")] == [0, 128, 255]


def test_what_is_clipped_is_counted_over_all_frames(tmp_path: Path) -> None:
    maps = [np.full((4, 4), value) for value in (-100.0, 150.0, 400.0)]
    assert write(
        Output(tmp_path / "a.png", Encoding("png")), frames_of(maps)
    ).clipped == pytest.approx(2 / 3)


def test_16_bits_of_an_animation_are_scaled(tmp_path: Path) -> None:
    frames = [Frame(each[:, :, 0]) for each in DEEP]
    written = write(Output(tmp_path / "a.png", Encoding("png", depth=16)), frames)
    assert written.notes == ("scaled from 16 bits to 8: png cannot store 16-bit animations",)
    for shown, deep in zip(pixels_of(tmp_path / "a.png", "L"), DEEP, strict=True):
        np.testing.assert_array_equal(shown, np.rint(deep[:, :, 0] / 257))


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
    bands = np.zeros((20, 24, 5), np.uint8)
    with pytest.raises(FileError, match="gif holds 1 or 3 channels, not 5"):
        write(Output(tmp_path / "a.gif", Encoding("gif")), frames_of([*RGB[:2], bands]))
    assert not list(tmp_path.iterdir())


def test_half_transparent_pixels_of_a_gif_become_all_or_nothing(tmp_path: Path) -> None:
    alphas = [np.arange(480).reshape(20, 24).astype(np.uint8), None, MASKS[0]]
    output = Output(tmp_path / "a.gif", Encoding("gif"))
    written = write(output, frames_of(RGB, alphas))
    assert "gif holds all or no transparency: the nearer of the two" in written.notes
    planes = pixels_of(tmp_path / "a.gif", "RGBA")
    assert alphas[0] is not None
    np.testing.assert_array_equal(planes[0][:, :, 3], np.where(alphas[0] < 128, 0, 255))
    np.testing.assert_array_equal(planes[1][:, :, 3], 255)
    np.testing.assert_array_equal(planes[2][:, :, 3], MASKS[0])
    notes = write(output, frames_of(RGB, [None, None, MASKS[0]])).notes
    assert not [note for note in notes if "transparency" in note]


@pytest.mark.parametrize(("format", "longest"), [("gif", 655_350), ("png", 65_535)])
def test_a_frame_that_is_shown_too_long_is_shown_as_long_as_may_be(
    format: str, longest: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{format}"
    written = write(Output(path, Encoding(format)), [Frame(each, duration=1e9) for each in RGB])
    assert any("no frame longer than" in note for note in written.notes)
    with Image.open(path) as picture:
        assert picture.info["duration"] == longest
