"""Files that claim to hold more than they do take no memory for it, and warn of nothing."""

import io
import struct
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter.errors import FileError
from cnnfilter.files.read import read, read_head

CLAIM = 2**30
VALUES = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def _saved(path: Path, **options: bool) -> bytes:
    Image.fromarray(VALUES).save(path, **options)
    return path.read_bytes()


def png_pixels(path: Path) -> None:
    """The chunk of the pixels claims a gibibyte."""
    data = _saved(path)
    at = data.index(b"IDAT") - 4
    path.write_bytes(data[:at] + struct.pack(">I", CLAIM) + data[at + 4 :])


def jp2_box(path: Path) -> None:
    """The box of the header claims a gibibyte."""
    data = _saved(path)
    at = data.index(b"jp2h") - 4
    path.write_bytes(data[:at] + struct.pack(">I", CLAIM) + data[at + 4 :])


def float_strip(path: Path) -> None:
    """The only strip of a float TIFF claims a gibibyte."""
    tifffile.imwrite(path, np.ones((4, 4), np.float32), compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags[279].overwrite(CLAIM, dtype="I")


@pytest.fixture
def peak() -> Iterator[Callable[[], float]]:
    """Return a way to ask for the most MiB that Python has held since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("make", "name"), [(png_pixels, "a.png"), (jp2_box, "a.jp2"), (float_strip, "a.tif")]
)
def test_a_claimed_size_allocates_no_memory(
    make: Callable[[Path], None], name: str, tmp_path: Path, peak: Callable[[], float]
) -> None:
    make(tmp_path / name)
    for way in (read_head, read):
        with suppress(FileError):  # what is there may be enough
            way(tmp_path / name)
    assert peak() < 64


def test_bits_of_a_tiff_are_0_and_255_however_many_a_pixel_has(tmp_path: Path) -> None:
    bits = np.arange(4 * 6 * 5).reshape(4, 6, 5) % 3 == 0
    planes = [np.packbits(bits[:, :, plane], axis=1) for plane in range(5)]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(
            iter(plane.tobytes() for plane in planes), shape=(5, 4, 6), dtype=bool,
            photometric="minisblack", planarconfig="separate", metadata=None, rowsperstrip=4,
        )  # fmt: skip
    image = read(path)
    assert image.pixels.dtype == np.uint8
    np.testing.assert_array_equal(image.pixels, bits * 255)
    assert read_head(path).pixels.dtype == np.uint8


@pytest.mark.parametrize("odd", ["'\\<f8'", "(1or)", "0xfor1"])
def test_a_header_that_python_warns_of_is_refused_without_the_warning(
    odd: str, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((2, 2)))
    path = tmp_path / "a.npy"
    longer = len(odd) - len("'<f8'")
    spaces = b" " * longer + b"\n", b"\n"
    path.write_bytes(buffer.getvalue().replace(b"'<f8'", odd.encode()).replace(*spaces, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileError, match="not a readable NumPy array"):
            read(path)
