"""Frames of animated PNGs, as the specification composes them, read in any order."""

import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.read import read, read_frames, read_head

from .png_by_hand import GREY, GREY_ALPHA, MAGIC, PALETTE, RGB, RGBA, chunk, head, rows

RNG = np.random.default_rng(29)
SIZE = (12, 15)
NONE, BACKGROUND, PREVIOUS = 0, 1, 2
SOURCE, OVER = 0, 1
KINDS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


class Drawn(NamedTuple):
    """A frame to write: samples at a place."""

    samples: np.ndarray
    top: int = 0
    left: int = 0
    disposal: int = NONE
    blending: int = SOURCE


def animation(
    frames: Sequence[Drawn],
    depth: int,
    kind: int,
    *others: bytes,
    default: np.ndarray | None = None,
    count: int | None = None,
) -> bytes:
    """Lay out an animation; a default picture is no frame of it."""
    parts = [MAGIC, head(SIZE, depth, kind)]
    parts += [chunk(b"acTL", struct.pack(">II", count or len(frames), 0)), *others]
    if default is not None:
        parts.append(chunk(b"IDAT", rows(default, depth)))
    sequence = 0
    for number, frame in enumerate(frames):
        height, width = frame.samples.shape[:2]
        control = struct.pack(
            ">5I2H2B", sequence, width, height, frame.left, frame.top, number + 1, 10,
            frame.disposal, frame.blending,
        )  # fmt: skip
        parts.append(chunk(b"fcTL", control))
        sequence += 1
        data = rows(frame.samples, depth)
        if default is None and not number:
            parts.append(chunk(b"IDAT", data))
            continue
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + part))
            sequence += 1
    return b"".join([*parts, chunk(b"IEND")])


def samples(depth: int, kind: int, size: tuple[int, int] = SIZE, *, mask: bool) -> np.ndarray:
    drawn = RNG.integers(0, 2**depth, (*size, KINDS[kind]), np.uint16)
    if mask and kind in (GREY_ALPHA, RGBA):
        drawn[:, :, -1] = RNG.integers(0, 2, size) * (2**depth - 1)
    return drawn if KINDS[kind] > 1 else drawn[:, :, 0]


def sequence(depth: int, kind: int, *, mask: bool) -> list[Drawn]:
    """Draw frames with every disposal and blending, one after the other."""
    frames = [Drawn(samples(depth, kind, mask=mask), 0, 0, NONE, SOURCE)]
    for disposal in (PREVIOUS, BACKGROUND, NONE, PREVIOUS):
        for blending in (OVER, SOURCE):
            height, width = RNG.integers(1, 11, 2)
            top, left = RNG.integers(0, SIZE[0] - height), RNG.integers(0, SIZE[1] - width)
            drawn = samples(depth, kind, (height, width), mask=mask)
            frames.append(Drawn(drawn, int(top), int(left), disposal, blending))
    return frames


def composed(frames: Iterable[Drawn], depth: int, kind: int) -> list[np.ndarray]:
    """Compose pixel by pixel: PNG specification, 11.3.6 and 13.16; colours first, alpha last."""
    top = 2**depth - 1
    canvas = np.zeros((*SIZE, (1 if kind in (GREY, GREY_ALPHA) else 3) + 1))
    shown = []
    for number, frame in enumerate(frames):
        height, width = frame.samples.shape[:2]
        place = np.s_[frame.top : frame.top + height, frame.left : frame.left + width]
        planes = frame.samples.reshape(height, width, -1).astype(float)
        if kind in (GREY, RGB):
            planes = np.dstack([planes, np.full((height, width), top)])
        before = canvas.copy()
        for row, column in np.ndindex(height, width):
            at, over = (frame.top + row, frame.left + column), planes[row, column]
            under = canvas[at]
            if frame.blending == SOURCE or over[-1] == top:
                canvas[at] = over
            elif over[-1] > 0:
                seen = under[-1] * (top - over[-1]) / top
                total = over[-1] + seen
                canvas[at][:-1] = np.rint((over[:-1] * over[-1] + under[:-1] * seen) / total)
                canvas[at][-1] = np.rint(total)
        shown.append(canvas.copy())
        if frame.disposal == BACKGROUND or (frame.disposal == PREVIOUS and not number):
            canvas[place] = 0
        elif frame.disposal == PREVIOUS:
            canvas = before
    return shown


def planes_of(path: Path, order: Sequence[int]) -> dict[int, np.ndarray]:
    """Read frames by themselves, in an order, with an alpha that is opaque if there is none."""
    found = {}
    for number in order:
        (image,) = read_frames(path, frame=number)
        top = np.iinfo(image.pixels.dtype).max
        alpha = np.full(SIZE, top) if image.alpha is None else image.alpha
        found[number] = np.dstack([image.pixels, alpha])
    return found


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", [GREY, RGB, GREY_ALPHA, RGBA])
def test_frames_are_composed_as_the_format_says(
    kind: int, depth: int, mask: bool, tmp_path: Path
) -> None:
    frames = sequence(depth, kind, mask=mask)
    path = tmp_path / "a.png"
    path.write_bytes(animation(frames, depth, kind))
    expected = composed(frames, depth, kind)
    # Halves may be rounded either way.
    most = 0 if mask or kind in (GREY, RGB) else 1
    images = list(read_frames(path))
    assert len(images) == len(expected)
    assert [image.metadata["duration"] for image in images[:3]] == [100, 200, 300]
    for image, planes in zip(images, expected, strict=True):
        assert image.pixels.dtype == (np.uint16 if depth == 16 else np.uint8)
        top = np.iinfo(image.pixels.dtype).max
        alpha = np.full(SIZE, top) if image.alpha is None else image.alpha
        found = np.dstack([image.pixels, alpha])
        assert np.abs(found.astype(float) - planes).max() <= most
    for number, found in planes_of(path, [3, 8, 1, 0, 5]).items():
        assert np.abs(found.astype(float) - expected[number]).max() <= most
    image, first = read(path), read_head(path)
    assert first.pixels.shape == image.pixels.shape
    assert first.pixels.dtype == image.pixels.dtype
    assert (first.alpha is None) == (image.alpha is None)


def test_ffmpeg_shows_the_same(tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    frames = sequence(8, RGBA, mask=True)
    (tmp_path / "a.png").write_bytes(animation(frames, 8, RGBA))
    command = "ffmpeg -v error -f apng -i a.png -f rawvideo -fps_mode passthrough -pix_fmt rgba -"
    shown = subprocess.run(
        command.split(), cwd=tmp_path, capture_output=True, check=True, timeout=60
    ).stdout
    planes = np.frombuffer(shown, np.uint8).reshape(-1, *SIZE, 4)[: len(frames)]
    for number, found in planes_of(tmp_path / "a.png", range(len(frames))).items():
        visible = found[:, :, 3:] > 0
        np.testing.assert_array_equal(found * visible, planes[number] * visible)


def test_what_apngasm_makes_is_read(tmp_path: Path) -> None:
    if not shutil.which("apngasm"):
        pytest.skip("needs apngasm")
    pictures = [RNG.integers(0, 256, (*SIZE, 4), np.uint8) for _ in range(3)]
    for picture in pictures:
        picture[:, :, 3] = np.where(picture[:, :, 3] > 99, 255, 0)
    pictures[1][2:5] = pictures[0][2:5]
    pictures[2][:6] = pictures[1][:6]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    subprocess.run(
        ["apngasm", "a.png", "0.png", "1.png", "2.png", "-z0"],
        cwd=tmp_path, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    for number, found in planes_of(tmp_path / "a.png", [2, 0, 1]).items():
        visible = found[:, :, 3:] > 0
        np.testing.assert_array_equal(found * visible, pictures[number] * visible)
        np.testing.assert_array_equal(found[:, :, 3], pictures[number][:, :, 3])


def test_a_transparent_colour_of_a_palette_shows_what_is_behind(tmp_path: Path) -> None:
    colours = RNG.integers(0, 256, (4, 3), np.uint8)
    chunks = [chunk(b"PLTE", colours.tobytes()), chunk(b"tRNS", b"\xff\x00\xff")]
    frames = [
        Drawn(samples(2, PALETTE, mask=True)),
        Drawn(samples(2, PALETTE, (5, 6), mask=True), 3, 4, NONE, OVER),
    ]
    (tmp_path / "a.png").write_bytes(animation(frames, 2, PALETTE, *chunks))
    (image,) = read_frames(tmp_path / "a.png", frame=1)
    behind = frames[0].samples.copy()
    place = np.s_[3:8, 4:10]
    behind[place] = np.where(frames[1].samples == 1, behind[place], frames[1].samples)
    np.testing.assert_array_equal(image.alpha, np.where(behind == 1, 0, 255))
    np.testing.assert_array_equal(image.pixels[behind != 1], colours[behind[behind != 1]])


def test_a_default_picture_is_no_frame_and_the_first_need_not_cover(tmp_path: Path) -> None:
    frames = [Drawn(samples(8, RGB, (4, 5), mask=True), 2, 3)]
    content = animation(frames, 8, RGB, default=samples(8, RGB, mask=True))
    (tmp_path / "a.png").write_bytes(content)
    image, first = read(tmp_path / "a.png"), read_head(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels[2:6, 3:8], frames[0].samples)
    assert image.alpha is not None
    assert image.alpha.sum() == 255 * 20
    assert image.frames == 1
    assert first.alpha is not None
    assert first.pixels.shape == image.pixels.shape == (*SIZE, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_frame_is_turned_after_it_is_composed(orientation: int, tmp_path: Path) -> None:
    frames = sequence(8, RGB, mask=True)[:3]
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = chunk(b"eXIf", b"II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4))
    text = chunk(b"tEXt", b"Title\0Cups")
    (tmp_path / "a.png").write_bytes(animation(frames, 8, RGB, exif, text))
    (image,) = read_frames(tmp_path / "a.png", frame=2)
    still = Image.fromarray(composed(frames, 8, RGB)[2][:, :, :3].astype(np.uint8))
    described = Image.Exif()
    described[0x0112] = orientation
    still.save(tmp_path / "b.png", exif=described)
    np.testing.assert_array_equal(image.pixels, read(tmp_path / "b.png").pixels)
    assert image.metadata["text"] == {"Title": "Cups"}
    assert read_head(tmp_path / "a.png").pixels.shape == image.pixels.shape


def sequence_broken(content: bytes) -> bytes:
    at = content.rindex(b"fcTL")
    broken = b"fcTL" + struct.pack(">I", 99) + content[at + 8 : at + 30]
    return content[:at] + broken + struct.pack(">I", zlib.crc32(broken)) + content[at + 34 :]


BROKEN = {
    "out of order": lambda frames: sequence_broken(animation(frames, 8, RGB)),
    "frame 9 is missing": lambda frames: animation(frames, 8, RGB, count=10),
    "lies beyond the picture": lambda frames: animation(
        [frames[0], frames[1]._replace(left=15)], 8, RGB
    ),
    "corrupt or truncated": lambda frames: animation(frames, 8, RGB)[:-300],
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_animation_is_named(words: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(BROKEN[words](sequence(8, RGB, mask=True)))
    with pytest.raises(FileError, match=rf"a\.png: corrupt or truncated .*{words[:9]}|{words}"):
        list(read_frames(tmp_path / "a.png"))
