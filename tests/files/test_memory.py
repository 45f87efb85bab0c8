"""Reading and writing take what Pillow decodes, the pixels, and little more."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter.files.pillow.reader import Pictures

STATUS = Path("/proc/self/status")
HEIGHT, WIDTH = 3000, 4000
MEGA = HEIGHT * WIDTH / 2**20
#: MiB, beside what Pillow and the pixels take.
SCRATCH = 32
#: Bytes that Pillow takes for a pixel, and bytes of the pixels.
BYTES = {"L": (1, 1), "LA": (4, 2), "RGB": (4, 3), "RGBA": (4, 4), "CMYK": (4, 3), "P": (1, 3)}

SETTING = f"""
import sys
import numpy as np
from cnnfilter.files.pillow.reader import Pictures
from cnnfilter.files.pillow.writer import write_pictures

def peak():
    line, = (line for line in open({str(STATUS)!r}) if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
"""
READING = """
with open(sys.argv[2], "rb") as file:
    Pictures(file).read()  # a small one of the kind: what is imported is not what is measured
before = peak()
with open(sys.argv[1], "rb") as file:
    Pictures(file).read()
print(peak() - before)
"""
WRITING = """
height, width, colours, has_alpha = map(int, sys.argv[2:6])
pixels = np.ones((height, width, 3) if colours == 3 else (height, width), np.uint8)
alpha = np.ones((height, width), np.uint8) if has_alpha else None
before = peak()
with open(sys.argv[1], "wb") as file:
    write_pictures(file, [(pixels, alpha, None)], sys.argv[6], {})
print(peak() - before)
"""

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peaks")


def taken(code: str, *arguments: object) -> float:
    """Give the MiB that the code prints, run by itself."""
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(run.stdout)


@pytest.mark.parametrize(
    ("mode", "suffix", "options"),
    [
        ("L", "png", {}),
        ("LA", "png", {}),
        ("RGB", "png", {}),
        ("RGB", "jpg", {}),
        ("RGBA", "png", {}),
        ("CMYK", "jpg", {}),
        ("P", "png", {}),
        ("RGB", "tif", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_picture_is_read_into_its_array_at_once(
    mode: str, suffix: str, options: dict[str, str], tmp_path: Path
) -> None:
    for name, size in [("large", (WIDTH, HEIGHT)), ("small", (4, 4))]:
        Image.new(mode, size).save(tmp_path / f"{name}.{suffix}", **options)
    paths = [tmp_path / f"{name}.{suffix}" for name in ("large", "small")]
    assert taken(SETTING + READING, *paths) <= sum(BYTES[mode]) * MEGA + SCRATCH


def test_a_turned_picture_is_turned_in_place_of_the_first(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, size in [("large", (WIDTH, HEIGHT)), ("small", (4, 4))]:
        Image.new("RGB", size).save(tmp_path / f"{name}.jpg", exif=exif)
    paths = [tmp_path / "large.jpg", tmp_path / "small.jpg"]
    assert taken(SETTING + READING, *paths) <= 8 * MEGA + SCRATCH


@pytest.mark.parametrize("format", ["png", "jpeg", "tif", "bmp"])
def test_a_picture_is_copied_once_for_pillow(format: str, tmp_path: Path) -> None:
    arguments = (tmp_path / "a", HEIGHT, WIDTH, 3, 0, format)
    assert taken(SETTING + WRITING, *arguments) <= 4 * MEGA + SCRATCH


@pytest.mark.parametrize(("colours", "bytes_"), [(3, 4), (1, 5)])
def test_alpha_is_put_to_the_pixels_without_a_third_copy(
    colours: int, bytes_: int, tmp_path: Path
) -> None:
    arguments = (tmp_path / "a", HEIGHT, WIDTH, colours, 1, "png")
    assert taken(SETTING + WRITING, *arguments) <= bytes_ * MEGA + SCRATCH


def noise(mode: str) -> Image.Image:
    """Make a picture of several strips."""
    bands = np.random.default_rng(0).integers(0, 256, (300, 3000, 4), np.uint8)
    if mode == "I;16B":
        return Image.fromarray(bands[:, :, :2].copy().view(">u2")[:, :, 0])
    if mode == "LAB":
        return Image.merge("LAB", Image.fromarray(bands).split()[:3])
    if mode == "PA":
        return Image.fromarray(bands[:, :, :3]).quantize(20).convert("PA")
    return Image.fromarray(bands[:, :, :3]).convert(mode)


@pytest.mark.parametrize(
    ("mode", "read_as"),
    [
        ("1", "L"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("PA", "RGBA"), ("RGB", "RGB"),
        ("RGBA", "RGBA"), ("CMYK", "RGB"), ("LAB", "RGB"), ("I;16B", "I;16B"),
    ],
)  # fmt: skip
def test_strips_make_up_the_whole_picture(mode: str, read_as: str) -> None:
    whole, file = noise(mode), io.BytesIO()
    whole.save(file, "TIFF")
    image = Pictures(file).read()
    planes = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    expected = np.asarray(whole if mode == read_as else whole.convert(read_as))
    np.testing.assert_array_equal(planes, expected)
    assert planes.dtype.isnative
