"""What a person can get wrong: one line, the right status, and nothing half written."""

import contextlib
import io
import os
import pickle
import signal
import stat
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter.batch.ledger import LEDGER

from ..command import Run
from ..pictures import Images


def _encoded(format: str, **options: object) -> bytes:
    values = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format, **options)
    return buffer.getvalue()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _array(values: Any, save: Callable[..., None] = np.save) -> bytes:
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
def test_what_is_not_a_whole_image_is_named_in_one_line(name: str, wreckage: Wreckage) -> None:
    (line,) = (line for line in wreckage.lines if line.startswith(f"cnnfilter: {name}: "))
    assert "->" not in line


def test_what_is_not_a_whole_image_is_left_alone(wreckage: Wreckage) -> None:
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


# Decompression bombs


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


# Command lines that are wrong whatever the image

WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "unknown command": (("convole", "img.png"), ("convole", "convolve")),
    "unknown option": (("pool", "--stribe", "2", "img.png"), ("--stribe", "--stride")),
    "option without a value": (("pool", "img.png", "--size"), ("--size",)),
    "no image": (("pool",), ("image",)),
    "no kernel": (("convolve", "img.png"), ("--kernel",)),
    "no steps": (("pipeline",), ("STEPS",)),
    "unknown kernel": (("convolve", "-k", "sharpn", "img.png"), ("sharpn", "sharpen")),
    "missing kernel file": (("convolve", "-k", "mine.txt", "img.png"), ("mine.txt",)),
    "kernel's parameter": (("convolve", "-k", "gaussian:5,x", "img.png"), ("gaussian", "x")),
    "word in a kernel": (("convolve", "-k", "0 1 0; 1 x 1", "img.png"), ("row 2", "column 2", "x")),
    "ragged kernel": (("convolve", "-k", "0 1 0; 1 1", "img.png"), ("row 2",)),
    "NaN in a kernel": (("convolve", "-k", "1 nan 1", "img.png"), ("row 1", "column 2", "nan")),
    "weights of sum 0": (("convolve", "-k", "edge", "--normalize", "img.png"), ("sum to 0",)),
    "unknown border": (
        ("convolve", "-k", "box", "--border", "reflct", "img.png"),
        ("reflct", "reflect"),
    ),
    "unknown padding": (("convolve", "-k", "box", "--padding", "sme", "img.png"), ("sme", "same")),
    "unknown mode": (("pool", "--mode", "avrage", "img.png"), ("avrage", "average")),
    "size in words": (("pool", "--size", "two", "img.png"), ("size", "two")),
    "unknown compression": (
        ("pool", "--compression", "smal", "img.png"),
        ("smal", "small"),
    ),
    "unknown range": (("pool", "--range", "minmx", "img.png"), ("minmx", "minmax")),
    "unknown format": (("pool", "--format", "pgn", "img.png"), ("pgn", "png")),
    "unknown suffix": (("pool", "img.png", "-o", "out.pgn"), ("out.pgn", ".png")),
    "format against the name": (
        ("pool", "img.png", "-o", "out.npy", "--format", "csv"),
        ("out.npy", "csv"),
    ),
    "unknown space": (("split-channels", "--space", "hsw", "img.png"), ("hsw", "hsv")),
    "printing and writing": (("pool", "--print", "-o", "a.csv", "img.png"), ("--print",)),
    "printing a binary format": (("pool", "--print", "--format", "npy", "img.png"), ("npy",)),
    "malformed --at": (("pool", "--print", "--at", "1;2", "img.png"), ("1;2",)),
    "standard input twice": (("pool", "-", "-", "-o", "out/"), ("-", "once")),
    "several images to standard output": (
        ("pool", "img.png", "img.png", "-o", "-"),
        ("standard output",),
    ),
    "unknown step": (("pipeline", "relu | pol 2", "img.png"), ("step 2", "pol", "pool")),
    "unknown argument": (
        ("pipeline", "convolve box paddin=same", "img.png"),
        ("step 1", "paddin", "padding"),
    ),
    "argument given twice": (("pipeline", "pool size=2 size=3", "img.png"), ("size",)),
    "step without a name": (("pipeline", "relu | | pool", "img.png"), ("step 2",)),
    "open quotation": (("pipeline", "convolve '1 2", "img.png"), ("quot",)),
    "missing pipeline file": (("pipeline", "missing.toml", "img.png"), ("missing.toml",)),
    "summary of nothing": (("pipeline", "relu", "--summary"), ("--shape",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_command_line_has_status_2_and_names_what_is_wrong(
    case: str, run: Run, images: Images
) -> None:
    images.photo()
    arguments, words = WRONG[case]
    line = run.refused(*arguments, status=2)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[steps]]\noperation = 'poool'\n", ("poool", "pool")),
        ("[[steps]]\noperation = 'pool'\nsise = 2\n", ("sise", "size")),
        ("[[step]]\noperation = 'pool'\n", ("step", "steps")),
        ("[[steps]]\noperation = \n", ("line 2",)),
        ("", ("steps",)),
    ],
    ids=["unknown step", "unknown argument", "unknown table", "no TOML", "empty"],
)
def test_a_wrong_pipeline_file_has_status_2_and_is_named(
    content: str, words: tuple[str, ...], run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "steps.toml").write_text(content)
    line = run.refused("pipeline", "steps.toml", "img.png", status=2)
    assert [word for word in ("steps.toml", *words) if word not in line] == []


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("k.txt", "1 2\n3 x\n", "x"),
        ("k.txt", "2 2 1 5\n1 2\n3 4\n", "offset"),
        ("k.csv", "1,2\n3\n", "2"),
        ("k.json", "[[1, 2], [3", "k.json"),
    ],
)
def test_a_malformed_kernel_file_has_status_2_and_is_named(
    name: str, content: str, word: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / name).write_text(content)
    line = run.refused("convolve", "-k", name, "img.png", status=2)
    assert name in line
    assert word in line


# Command lines that do not go with this image


def test_a_kernel_larger_than_the_image_gets_the_arithmetic(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("convolve", "-k", "box:49", "img.png", status=1)
    assert "img.png: 36 + 2*0 - 49 < 0: the image is 36 high, the kernel 49" in line
    line = run.refused("convolve", "-k", "1 " * 50, "--padding", "0,0", "img.png", status=1)
    assert "img.png: 48 + 2*0 - 50 < 0: the image is 48 wide, the kernel 50" in line


def test_a_window_larger_than_the_image_gets_the_arithmetic(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pipeline", "pool 9 | pool 5", "img.png", status=1)
    assert "img.png" in line
    assert "step 2" in line
    assert "4 + 2*0 - 5 < 0" in line


@pytest.mark.parametrize("arguments", [("convolve", "-k", "box"), ("pipeline", "convolve box")])
def test_nan_and_infinity_in_what_is_convolved_are_counted_and_placed(
    arguments: tuple[str, ...], run: Run, images: Images
) -> None:
    values = np.ones((5, 6), np.float32)
    values[1, 3] = np.nan
    values[2, 0] = np.inf
    values[4, 5] = -np.inf
    images.matrix(values, "holes.npy")
    line = run.refused(*arguments, "holes.npy", "-o", "out.png", status=1)
    assert "holes.npy" in line
    assert "3 value" in line
    assert "1,3" in line


def test_a_picture_cannot_hold_nan(run: Run, images: Images) -> None:
    values = np.ones((4, 4))
    values[2, 3] = np.nan
    images.matrix(values, "holes.npy")
    line = run.refused("pool", "--size", "1", "holes.npy", "-o", "out.png", status=1)
    assert "NaN" in line
    assert "1 value" in line
    assert "2,3" in line


def test_jpeg_cannot_hold_alpha(run: Run, images: Images) -> None:
    images.rgba()
    line = run.refused("pool", "img.png", "-o", "out.jpg", status=1)
    assert "out.jpg" in line
    assert "jpeg" in line.lower()
    assert "png" in line


def test_a_pool_without_a_single_pixel_is_refused(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pool", "--size", "2", "--padding", "3", "img.png", status=1)
    assert "img.png" in line
    assert "padding" in line


def test_an_unknown_channel_gets_the_nearest_name(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pipeline", "select gren", "img.png", status=1)
    assert "img.png" in line
    assert "gren" in line
    assert "green" in line


# Where results go


def test_several_results_do_not_go_to_standard_output(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("split-channels", "img.png", "-o", "-", status=1)
    assert "3 results" in line


def test_several_maps_do_not_fit_one_picture(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("convolve", "-k", "sobel", "img.png", "-o", "out.png", status=2)
    assert "out.png" in line
    assert "2 feature maps" in line


def test_a_missing_output_folder_is_made(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    assert run("pool", "img.png", "-o", "new/deep/small.png").status == 0
    assert run("pool", "img.png", "-o", "newer/deep/").status == 0
    assert (tmp_path / "new/deep/small.png").is_file()
    assert (tmp_path / "newer/deep/img-pool.png").is_file()


def test_what_exists_is_overwritten_only_by_force(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    (tmp_path / "img-pool.png").write_text("precious")
    line = run.refused("pool", "img.png", status=1)
    assert "img-pool.png" in line
    assert "--force" in line
    assert run("pool", "img.png", "--force").status == 0
    with Image.open(tmp_path / "img-pool.png") as written:
        assert written.size == (24, 18)


def test_one_existing_output_of_several_keeps_all_from_being_written(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "img-green.png").write_text("precious")
    assert "img-green.png" in run.refused("split-channels", "img.png", status=1)


@pytest.mark.parametrize("way", ["img.png", "./img.png", "absolute", "symbolic.png", "hard.png"])
def test_the_input_is_never_the_output_even_by_force(
    way: str, run: Run, images: Images, tmp_path: Path
) -> None:
    path = images.photo()
    (tmp_path / "symbolic.png").symlink_to("img.png")
    os.link(path, tmp_path / "hard.png")
    output = str(path) if way == "absolute" else way
    line = run.refused("pool", "img.png", "-o", output, "--force", status=1)
    assert Path(output).name in line
    assert "input" in line


def test_no_input_of_several_is_an_output(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("img.png")
    kept = images.padlock("img-pool.png").read_bytes()
    result = run("pool", "img.png", "img-pool.png", "--force", "-o", ".")
    assert (tmp_path / "img-pool.png").read_bytes() == kept
    assert result.status != 0


def test_one_output_for_two_inputs_is_refused(run: Run, images: Images) -> None:
    images.photo("a/img.png")
    images.photo("b/img.png")
    line = run.refused("pool", "a/img.png", "b/img.png", "-o", "out/", status=2)
    assert "a/img.png" in line
    assert "b/img.png" in line


@pytest.mark.parametrize("output", ["file/out.png", "file/deep/out.png", "file/"])
def test_a_place_below_a_file_is_named(
    output: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "file").write_text("no folder")
    assert "file/" in run.refused("pool", "img.png", "-o", output, status=1)


def test_a_folder_without_write_permission_is_named(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    before = run.snapshot()
    result = run("pool", "img.png", "-o", "locked/out.png")
    assert result.status == 1
    assert "locked" in result.line
    assert run.snapshot() == before


def test_a_folder_in_the_way_of_a_file_is_named(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    (tmp_path / "out/img-pool.png").mkdir(parents=True)
    assert "img-pool.png" in run.refused("pool", "img.png", "-o", "out/", "--force", status=1)


def test_something_that_is_no_file_is_never_replaced(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run("pool", "img.png", "-o", "pipe.png", "--force")
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


# Several images


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


# Names

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


def test_any_file_name_works(run: Run, images: Images, tmp_path: Path) -> None:
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


# Broken pipes and signals


def test_a_closed_pipe_ends_the_printing_with_one_line(
    command: str, environment: dict[str, str], images: Images, tmp_path: Path
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(300, 300)))
    with subprocess.Popen(
        [command, "pool", "--size", "1", "--print", "m.npy"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(8)
        process.stdout.close()
        complaint = process.stderr.read().decode()
    assert process.returncode == 1
    assert len(complaint.splitlines()) == 1
    assert "output" in complaint


def test_a_full_disk_is_one_line(
    command: str, environment: dict[str, str], images: Images, tmp_path: Path
) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("there is no /dev/full")
    images.photo()
    with full.open("wb") as sink:
        done = subprocess.run(
            [command, "pool", "img.png", "-o", "-"],
            cwd=tmp_path,
            env=environment,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 1


def _interrupt(
    process: "subprocess.Popen[bytes]", when: Callable[[], bool], number: signal.Signals
) -> tuple[int, str]:
    """Send a signal once something has happened; return the shell's status and stderr."""
    assert process.stderr is not None
    end = time.monotonic() + 30
    while not when():
        assert process.poll() is None, "it ended before the signal"
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(number)
    complaint = process.stderr.read().decode()
    status = process.wait(timeout=30)
    return (status if status >= 0 else 128 - status), complaint


# A signal may come between the opening of a file and the statement that closes it; Python
# closes it all the same, and only says so where warnings are errors.
INTERRUPTED = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_between_images_leaves_only_whole_files(
    number: signal.Signals,
    status: int,
    command: str,
    environment: dict[str, str],
    images: Images,
    tmp_path: Path,
) -> None:
    first = images.padlock("0.png")
    names = [f"{index}.png" for index in range(400)]
    for name in names[1:]:
        os.link(first, tmp_path / name)
    out = tmp_path / "out"
    with subprocess.Popen(
        [command, "pool", *names, "-o", "out/"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:
        ended = _interrupt(process, lambda: any(out.glob("*-pool.png")), number)
    assert ended[0] == status
    assert "Traceback" not in ended[1]
    written = sorted(path.name for path in out.iterdir() if path.name != LEDGER)
    assert 0 < len(written) < len(names)
    assert [name for name in written if not name.endswith("-pool.png")] == []
    for name in written:
        with Image.open(out / name) as image:
            image.load()
            assert image.size == (8, 8)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_while_writing_leaves_the_old_file_and_no_other(
    number: signal.Signals,
    status: int,
    command: str,
    environment: dict[str, str],
    images: Images,
    run: Run,
    tmp_path: Path,
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(1500, 1000)))
    (tmp_path / "out.csv").write_text("precious")
    before = run.snapshot()
    names = {path.name for path in tmp_path.iterdir()}
    with subprocess.Popen(
        [command, "pool", "--size", "1", "m.npy", "-o", "out.csv", "--force"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:

        def busy() -> bool:
            with contextlib.suppress(FileNotFoundError):
                return {path.name for path in tmp_path.iterdir()} != names
            return False

        ended = _interrupt(process, busy, number)
    assert ended[0] == status
    assert "Traceback" not in ended[1]
    assert run.snapshot() == before


def test_an_interrupt_while_computing_leaves_nothing(
    command: str, environment: dict[str, str], images: Images, run: Run, tmp_path: Path
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(1500, 1500)))
    before = run.snapshot()
    with subprocess.Popen(
        [command, "pool", "--size", "15", "--stride", "1", "--mode", "median", "m.npy"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:
        start = time.monotonic()
        ended = _interrupt(process, lambda: time.monotonic() > start + 1, signal.SIGINT)
    assert ended[0] == 130
    assert "Traceback" not in ended[1]
    assert len(ended[1].splitlines()) <= 1
    assert run.snapshot() == before


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX bounds the size of files")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", ["pool img.png -o -", "pool img.png --print --format json", "kernels", "--help"]
)
def test_a_disk_that_takes_a_part_of_standard_output_is_told(
    words: str,
    unbuffered: str,
    command: str,
    environment: dict[str, str],
    images: Images,
    tmp_path: Path,
) -> None:
    import resource

    images.photo()
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [command, *words.split()],
            cwd=tmp_path,
            env={**environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )
    told = "cnnfilter: standard output: larger than a file may be; write elsewhere\n"
    assert (done.returncode, done.stderr.decode()) == (1, told)
    assert (tmp_path / "out").stat().st_size == 100


@pytest.mark.parametrize(
    "option", [("-o", ".png"), ("-o", "/a.png"), ("--report", ".jsonl"), ("--sheet", ".png")]
)
def test_a_name_that_is_too_long_for_the_system_is_told(
    option: tuple[str, str], images: Images, run: Run
) -> None:
    name, suffix = option
    arguments = "pool", images.photo(), "--size", "2", name, "a" * 300 + suffix
    assert "its name is too long" in run.refused(*arguments, status=1)


def test_a_depth_of_very_many_digits_is_told_shortly(run: Run) -> None:
    result = run("convolve", "-k", "sharpen", "a.png", "--depth", "9" * 4000)
    assert result.status == 2
    assert len(result.line) < 200
