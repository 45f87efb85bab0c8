"""Quality of pictures and animations, and GIFs that grow."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.pillow.reader import Pictures
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from ..formats import formats
from .animations import ANIMATED, GRAY, RGB, SAMPLES, frames_of, pixels_of


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
        assert len(pixels_of(tmp_path / "a.webp")) == 3
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
