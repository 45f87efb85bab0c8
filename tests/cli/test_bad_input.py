"""Images that are broken, too large or missing are named in one line, and left alone."""

import contextlib
import io
import os
import pickle
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile
from numpy.typing import ArrayLike
from PIL import Image

from ..command import Run
from ..pictures import Images


def _encoded(format: str, **options: object) -> bytes:
    values = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format, **options)
    return buffer.getvalue()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _array(values: ArrayLike, save: Callable[..., None] = np.save) -> bytes:
    buffer = io.BytesIO()
    save(buffer, values)
    return buffer.getvalue()


def _float_tiff(**options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.ones((30, 30), np.float32), **options)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 64)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


class _Trap:
    """Makes a folder where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (os.mkdir, ("sprung",))


def _objects(save: Callable[..., None] = np.save) -> bytes:
    values = np.empty((2, 2), object)
    values[:] = _Trap()
    return _array(values, save)


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    b"(sprung) (w) file closefile\nshowpage\n"
)
BROKEN: dict[str, Callable[[], bytes]] = {
    "text.png": lambda: b"I am no image.\n",
    "text.jpg": lambda: b"I am no image.\n",
    "zero-bytes.png": lambda: b"",
    "zero-bytes.tif": lambda: b"",
    "zero-bytes.npy": lambda: b"",
    "zero-bytes.csv": lambda: b"",
    "cut.png": lambda: _half(_encoded("PNG")),
    "cut-header.png": lambda: _encoded("PNG")[:20],
    "cut.jpg": lambda: _half(_encoded("JPEG")),
    "cut.gif": lambda: _half(_encoded("GIF")),
    "cut.tif": lambda: _half(_encoded("TIFF")),
    "cut-lzw.tif": lambda: _half(_encoded("TIFF", compression="tiff_lzw")),
    "cut-float.tif": lambda: _half(_float_tiff()),
    "cut-header.tif": lambda: _encoded("TIFF")[:20],
    "cut.webp": lambda: _half(_encoded("WEBP")),
    "cut.bmp": lambda: _half(_encoded("BMP")),
    "cut.jp2": lambda: _half(_encoded("JPEG2000")),
    "cut.npy": lambda: _half(_array(np.ones((9, 9)))),
    "cut-header.npy": lambda: _array(np.ones((9, 9)))[:9],
    "cut.npz": lambda: _half(_array(np.ones((9, 9)), np.savez)),
    "encapsulated-postscript.png": lambda: EPS,
    "encapsulated-postscript.eps": lambda: EPS,
    "drawing.svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    "pickle.npy": lambda: pickle.dumps(_Trap()),
    "pickle.npz": lambda: pickle.dumps(_Trap()),
    "pickle.png": lambda: pickle.dumps(_Trap()),
    "objects.npy": _objects,
    "objects.npz": lambda: _objects(np.savez),
    "words.npy": lambda: _array(np.array([["a", "b"]])),
    "complex.npy": lambda: _array(np.ones((4, 4), complex)),
    "one-dimension.npy": lambda: _array(np.ones(4)),
    "four-dimensions.npy": lambda: _array(np.ones((2, 2, 2, 2))),
    "no-rows.npy": lambda: _array(np.ones((0, 4))),
    "words.csv": lambda: b"1,2\n3,x\n",
    "ragged.csv": lambda: b"1,2\n3\n",
    "cut.json": lambda: b"[[1, 2], [3",
    "ragged.json": lambda: b"[[1, 2], [3]]",
    "object.json": lambda: b'{"a": 1}',
}


class Wreckage(NamedTuple):
    """What one run over all broken files did."""

    status: int
    lines: list[str]
    changed: list[str]


@pytest.fixture(scope="module")
def wreckage(
    command: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Wreckage:
    """Every broken file, given to one command: none stops it from seeing the others."""
    folder = tmp_path_factory.mktemp("broken")
    contents = {name: make() for name, make in BROKEN.items()}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [command, "pool", *BROKEN, "-o", "out/"],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    (folder / "out").rmdir()  # which is empty
    left = {path.name: path.is_file() and path.read_bytes() for path in folder.iterdir()}
    changed = [name for name in left.keys() | contents if left.get(name) != contents.get(name)]
    return Wreckage(done.returncode, done.stderr.decode().splitlines(), changed)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_named_in_one_line(name: str, wreckage: Wreckage) -> None:
    (line,) = (line for line in wreckage.lines if line.startswith(f"cnnfilter: {name}: "))
    assert "->" not in line


def test_a_broken_image_is_left_alone(wreckage: Wreckage) -> None:
    assert wreckage.status == 1
    *told, summary = wreckage.lines
    assert len(told) == len(BROKEN)
    assert f"0 done, 0 skipped, {len(BROKEN)} failed" in summary
    assert wreckage.changed == []


@pytest.mark.parametrize("name", ["text.png", "cut.jpg", "encapsulated-postscript.png"])
def test_a_single_broken_image_has_status_1(name: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BROKEN[name]())
    assert name in run.refused("pool", name, "-o", "out/", status=1)


@pytest.mark.parametrize("name", ["pickle.npy", "objects.npy", "objects.npz"])
def test_a_kernel_file_is_never_unpickled(
    name: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / name).write_bytes(BROKEN[name]())
    assert name in run.refused("convolve", "-k", name, "img.png", status=2)


def test_the_trap_springs_where_it_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(_Trap()))  # noqa: S301 - our own
    assert (tmp_path / "sprung").is_dir()


def test_a_missing_file_is_named(run: Run) -> None:
    line = run.refused("pool", "missing.png", status=1)
    assert "missing.png" in line
    assert "no such file" in line


def test_a_folder_is_not_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    line = run.refused("pool", "holiday", status=2)
    assert "holiday" in line
    assert "folder" in line


def test_a_file_that_may_not_be_read_is_named(run: Run, images: Images) -> None:
    path = images.photo("secret.png")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    result = run("pool", "secret.png")
    path.chmod(0o600)
    assert result.status == 1
    assert "secret.png" in result.line


def test_empty_standard_input_is_an_error(run: Run) -> None:
    assert "empty" in run.refused("pool", "-", "-o", "out.png", status=1)


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (15_000, 12_000)])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(
    size: tuple[int, int], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_that_claims(*size))
    line = run.refused("pool", "bomb.png", status=1)
    assert "bomb.png" in line
    assert "--max-pixels" in line


def test_max_pixels_raises_the_limit(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_that_claims(15_000, 12_000))
    line = run.refused("pool", "bomb.png", "--max-pixels", "180000000", status=1)
    assert "bomb.png" in line
    assert "--max-pixels" not in line  # it got as far as the pixels, which are missing


def test_max_pixels_lowers_the_limit_to_the_pixel(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pool", "img.png", "--max-pixels", str(48 * 36 - 1), status=1)
    assert "img.png" in line
    assert "--max-pixels" in line
    assert run("pool", "img.png", "--max-pixels", str(48 * 36)).status == 0


@pytest.mark.parametrize("name", ["m.npz", "m.tif"])
def test_max_pixels_counts_for_packed_matrices_too(name: str, run: Run, tmp_path: Path) -> None:
    data = {
        "m.npz": lambda: _array(np.zeros((30, 30)), np.savez_compressed),
        "m.tif": lambda: _float_tiff(compression="zlib"),
    }
    (tmp_path / name).write_bytes(data[name]())
    line = run.refused("pool", name, "-o", "out.npy", "--max-pixels", "899", status=1)
    assert name in line
    assert "--max-pixels" in line


def test_one_bad_image_does_not_stop_the_others(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("first.png")
    (tmp_path / "second.png").write_text("no image")
    images.photo("fourth.png")
    names = ["first.png", "second.png", "third.png", "fourth.png"]
    result = run("pool", *names, "-o", "out")
    assert result.status == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        "first-pool.png",
        "fourth-pool.png",
    ]
    *lines, summary = result.stderr.splitlines()
    assert "2 done, 0 skipped, 2 failed" in summary
    assert [name for name, line in zip(names, lines, strict=True) if name not in line] == []


def test_one_bad_image_does_not_stop_the_printing_of_others(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.table([[1, 2], [3, 4]], "good.csv")
    (tmp_path / "bad.csv").write_text("1,x\n")
    result = run("pool", "bad.csv", "good.csv", "--print")
    assert result.status == 1
    assert result.text == "4\n"
    assert len(result.stderr.splitlines()) == 2


NAMES: list[str | bytes] = [
    "with spaces in it.png",
    "line\nbreak.png",
    "-dash.png",
    "--force.png",
    "naïve 画像 🖼.png",
    b"latin-\xe9.png",
    "[bold]loud[bold].png",
    "[red].png",
    "tab\tand \x1b[31mred.png",
    "{braces} %s %d.png",
]


def test_any_file_name_can_be_used(run: Run, images: Images, tmp_path: Path) -> None:
    taken = []
    for name in NAMES:
        with contextlib.suppress(OSError, UnicodeError):  # a file system may refuse one
            images.photo(name)
            taken.append(os.fsencode(name))
    assert len(taken) >= len(NAMES) - 1
    result = run("pool", "--", *taken)
    assert result.status == 0, result.stderr
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == len(taken) + 1
    written = [name[: -len(b".png")] + b"-pool.png" for name in taken]
    assert sorted(os.listdir(os.fsencode(tmp_path))) == sorted(taken + written)  # noqa: PTH208


def test_any_missing_name_is_reported_in_one_line(run: Run) -> None:
    names = [*NAMES, "[bold]closed[/bold].png"]
    result = run("pool", "-o", "out/", "--", *names)
    assert result.status == 1
    assert "\x1b" not in result.stderr
    *lines, summary = result.stderr.splitlines()
    assert len(lines) == len(names)
    assert f"{len(names)} failed" in summary
    plain = [name for name in names if isinstance(name, str) and name.isprintable()]
    assert [name for name in plain if not any(name in line for line in lines)] == []
