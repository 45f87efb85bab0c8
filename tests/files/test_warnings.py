"""What libraries warn of while a file is read is no warning of ours; others' warnings stay."""

import io
import struct
import threading
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import CnnFilterError, read_image
from cnnfilter.files.numbers.kernels import read_kernel
from cnnfilter.files.numbers.weights import read_tensors
from cnnfilter.files.printed import caught

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def npy(header: str) -> bytes:
    """Lay out an array of 12 bytes with a header of our own."""
    text = header.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + PIXELS.tobytes()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    return buffer.getvalue()


PYTHON_2 = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 4L), }")
ESCAPED = npy(r"{'descr': '\c|u1', 'fortran_order': False, 'shape': (3, 4), }")

READERS: dict[str, Callable[[Path], object]] = {
    "image": read_image,
    "kernel": read_kernel,
    "weights": lambda path: next(iter(read_tensors(path).values())),
}


@pytest.mark.parametrize("action", ["error", "always", "default"])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("reader", READERS)
def test_an_odd_header_of_an_array_is_read_or_refused(
    reader: str, suffix: str, action: str, tmp_path: Path
) -> None:
    for name, content in (("old", PYTHON_2), ("escaped", ESCAPED)):
        path = tmp_path / f"{name}.{suffix}"
        path.write_bytes(content if suffix == "npy" else zipped(content))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter(action)
        np.testing.assert_array_equal(READERS[reader](tmp_path / f"old.{suffix}"), PIXELS)
        with pytest.raises(CnnFilterError, match="escaped") as refused:
            READERS[reader](tmp_path / f"escaped.{suffix}")
    assert "\n" not in str(refused.value)
    assert warned == []


def odd_pictures() -> dict[str, bytes]:
    """Make pictures that Pillow warns of, though their pixels are whole."""
    made = {}
    # EXIF that ends within its directory
    for format in ("JPEG", "PNG", "WEBP"):
        buffer = io.BytesIO()
        cut = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + struct.pack("<HHII", 271, 2, 99, 500)
        Image.fromarray(PIXELS).convert("RGB").save(buffer, format, exif=cut, lossless=True)
        made[format] = buffer.getvalue()
    return made


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_what_pillow_warns_of_is_a_note_and_no_warning(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(odd_pictures()[format])
    with warnings.catch_warnings(record=True) as by_pillow:
        warnings.simplefilter("always")
        with Image.open(path) as picture:
            dict(picture.getexif())
    assert by_pillow
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).shape == (3, 4, 3)


def test_a_large_picture_is_read_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix in ("png", "gif", "bmp"):
        Image.fromarray(PIXELS).save(tmp_path / f"a.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8)  # Pillow warns up to twice of it
    for suffix in ("png", "gif", "bmp"):
        read_image(tmp_path / f"a.{suffix}")


def test_warnings_of_other_threads_and_of_pillow_elsewhere_stay() -> None:
    def warn() -> None:
        code = compile("import warnings\nwarnings.warn('odd')", "PIL/x.py", "exec")
        exec(code, {"__name__": "PIL.x"})  # noqa: S102 - in the name of a module of Pillow's

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with caught():
            warn()
            assert warned == []
            other = threading.Thread(target=warn)
            other.start()
            other.join()
        assert len(warned) == 1
        warn()
    assert len(warned) == 2


def test_our_warnings_are_shown_while_a_file_is_read() -> None:
    with caught(), pytest.warns(RuntimeWarning, match="divide"):
        np.ones(1) / np.zeros(1)
