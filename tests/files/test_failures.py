"""Whatever a library raises is its image's line; a bug of ours keeps its traceback."""

import importlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfilter import FileError, NotFiniteError, convolve, write_image
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.job import run_job
from cnnfilter.batch.recipe import Recipe, Target
from cnnfilter.batch.task import PipelineTask
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame
from cnnfilter.pipeline.pipeline import Pipeline

HEIC = Path(__file__).parents[1] / "data/heic/alpha.heic"


class OddError(Exception):
    """An error of a class that nobody knows."""


ERRORS = [
    KeyError("x"), IndexError("list index out of range"), RuntimeError("went astray"),
    OddError("went astray"), struct.error("went astray"), zlib.error("went astray"),
    TypeError("went astray"), AssertionError(), NotImplementedError("went astray"),
    ImportError("went astray"), RecursionError("went astray"), OSError("went astray"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "went astray"), SystemError("went astray"),
]  # fmt: skip


def failing(error: Exception) -> Callable[..., Any]:
    """Return a function that fails as a library may."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def break_library(monkeypatch: pytest.MonkeyPatch, place: str, error: Exception) -> None:
    module, _, names = place.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = names.split(".")
    for each in classes:
        owner = getattr(owner, each)
    monkeypatch.setattr(owner, name, failing(error))


READING = {
    "a.png": "PIL.ImageFile:ImageFile.load",
    "b.png": "PIL.PngImagePlugin:PngImageFile._open",
    "a.jpg": "PIL.JpegImagePlugin:JpegImageFile._open",
    "a.tif": "tifffile:TiffPage.asarray",
    "b.tif": "tifffile:TiffFile.__init__",
    "a.jp2": "imagecodecs:jpeg2k_decode",
    "a.jxl": "imagecodecs:jpegxl_decode",
    "a.heic": "pi_heif:HeifFile",
}
WRITING = {
    "a.webp": "PIL.Image:Image.save",
    "a.tif": "zlib:compress",
    "a.jp2": "imagecodecs:jpeg2k_encode",
    "a.jxl": "imagecodecs:jpegxl_encode",
}
PIXELS = np.arange(48, dtype=np.uint16).reshape(4, 4, 3) * 1000
DEEP = (".tif", ".jp2")


def make(path: Path) -> None:
    if path.suffix == ".heic":
        path.write_bytes(HEIC.read_bytes())
    elif path.suffix in DEEP:
        write_image(path, PIXELS, depth=16)
    else:
        write_image(path, PIXELS >> 8)


def needs(place: str) -> None:
    pytest.importorskip(place.partition(":")[0].partition(".")[0])


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("name", "place"), READING.items(), ids=READING)
def test_any_error_while_reading_is_a_line(
    name: str, place: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(place)
    make(tmp_path / name)
    break_library(monkeypatch, place, error)
    with pytest.raises(FileError) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    if "astray" in str(error) and not isinstance(error, TypeError):
        assert "went astray" in str(caught.value)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("name", "place"), WRITING.items(), ids=WRITING)
def test_any_error_while_writing_is_a_line_and_leaves_nothing(
    name: str, place: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(place)
    path = tmp_path / name
    depth = 16 if path.suffix in DEEP else 8
    break_library(monkeypatch, place, error)
    values = PIXELS if depth == 16 else (PIXELS >> 8).astype(np.uint8)
    with pytest.raises(FileError) as caught:
        write(Output(path, Encoding(depth=depth)), [Frame(values)])
    assert str(caught.value).startswith(f"{path}: ")
    if "astray" in str(error) and not isinstance(error, TypeError):
        assert "went astray" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_a_library_fails_on_does_not_end_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.png", PIXELS >> 8)
    break_library(monkeypatch, "PIL.ImageFile:ImageFile.load", OddError("went astray"))
    outcome = run_job(recipe(tmp_path), Source(str(tmp_path / "a.png")))
    assert outcome.error == (
        f"{tmp_path / 'a.png'}: corrupt or truncated (went astray); export or copy it again"
    )


def recipe(folder: Path) -> Recipe:
    task = PipelineTask(Pipeline.of("convolve sharpen"), "sharpen")
    return Recipe(task, Target(folder=folder / "out"))


@pytest.mark.parametrize(
    "place",
    [
        "cnnfilter.files.pillow.reader:_planes",
        "cnnfilter.files.pillow.writer:_encoding",
        "cnnfilter.batch.job:survey",
    ],
)
def test_a_bug_of_ours_keeps_its_traceback(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.png", PIXELS >> 8)
    module, _, name = place.partition(":")
    monkeypatch.setattr(importlib.import_module(module), name, None)
    with pytest.raises(TypeError, match="NoneType"):
        run_job(recipe(tmp_path), Source(str(tmp_path / "a.png")))


FOREIGN = {
    "avci.heif": (b"\0\0\0\x18ftypavci\0\0\0\0avcimif1", "an HEIF picture in an unusual coding"),
    "a.flif": (b"FLIF" + bytes(9), "a FLIF picture"),
    "a.gz": (b"\x1f\x8b\x08" + bytes(30), "a compressed archive"),
    "a.nrrd": (b"NRRD0004\n", "a volume of a scanner"),
    "a.nii": (b"\x5c\1\0\0" + bytes(340) + b"n+1\0", "a volume of a scanner"),
    "a.bmp": (b"BA" + bytes(60), "an OS/2 bitmap array"),
    "a.html": (b"<!doctype html><html>", "a web page"),
    "a.webm": (b"\x1a\x45\xdf\xa3" + bytes(20), "a video"),
    "a.ktx": (b"\xabKTX 11\xbb\r\n\x1a\n", "a KTX texture"),
    "a.tga": (bytes(2000) + b"TRUEVISION-XFILE.\0", "a Targa picture"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_not_read_is_named_for_what_it_is(name: str, tmp_path: Path) -> None:
    content, kind = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError) as caught:
        read(tmp_path / name)
    told = f"is {kind}, which is not read here; export it as png or tif"
    assert str(caught.value) == f"{tmp_path / name}: {told}"


@pytest.mark.parametrize("coding", [b"vvc1", b"av01"])
def test_an_heic_of_another_coding_is_named(coding: bytes, tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "a.heic").write_bytes(HEIC.read_bytes().replace(b"hvc1", coding))
    with pytest.raises(FileError, match="is an HEIC in an unusual coding"):
        read(tmp_path / "a.heic")


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_a_place_in_a_grey_picture_has_two_numbers(shape: tuple[int, ...]) -> None:
    values = np.ones(shape)
    values[2, 3] = np.nan
    place = "2,3,0" if shape[-1] == 3 else "2,3"
    with pytest.raises(NotFiniteError, match=rf"the first at {place};"):
        convolve(values, "sharpen")
