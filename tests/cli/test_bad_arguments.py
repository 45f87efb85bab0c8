"""Command lines that are wrong, by themselves or for an image."""

from pathlib import Path

import numpy as np
import pytest

from ..command import Run
from ..pictures import Images

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
    "half a size": (("pool", "--size", "3x", "img.png"), ("'3x'", "2x1", "global")),
    "stride in words": (("pool", "--stride", "2xa", "img.png"), ("stride 'a'", "2x1")),
    "p for another mode": (("pool", "--p", "3", "img.png"), ("only to mode lp",)),
    "p of 0": (("pool", "--mode", "lp", "--p", "0", "img.png"), ("above 0", "not 0")),
    "groups of a 2-D kernel": (
        ("convolve", "-k", "box", "--groups", "2", "img.png"),
        ("2 groups", "bank", "channels sum"),
    ),
    "row in words": (("pool", "--print", "--at", "a,1", "img.png"), ("--at 'a,1'", "3,5")),
    "shape in words": (
        ("pipeline", "relu", "--summary", "--shape", "8xa"),
        ("shape 'a'", "224x224x3"),
    ),
    "step without its kernel": (
        ("pipeline", "convolve", "img.png"),
        ("needs a kernel, such as: convolve sharpen",),
    ),
    "step without its second argument": (
        ("pipeline", "batch-norm 1", "img.png"),
        ("needs variance: batch-norm MEAN VARIANCE",),
    ),
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
    "a word as --at": (
        ("pool", "--print", "--at", "x", "img.png"),
        ("--at 'x' is not a row and a column, such as 3,5",),
    ),
    "a word as explain's --at": (
        ("explain", "pool 2", "--at", "foo", "img.png"),
        ("--at 'foo' is not a row and a column, such as 3,5, or with a channel 3,5,0",),
    ),
    "a mistyped command": (("convlve",), ("Did you mean 'convolve'? See cnnfilter --help",)),
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
def test_a_wrong_command_line_has_status_2_and_names_the_error(
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


def test_a_kernel_larger_than_the_image_gets_the_arithmetic(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("convolve", "-k", "box:49", "img.png", status=1)
    assert "img.png: the kernel (49) is higher than the image (36), 36 + 2*0 - 49 < 0" in line
    line = run.refused("convolve", "-k", "1 " * 50, "--padding", "0,0", "img.png", status=1)
    assert "img.png: the kernel (50) is wider than the image (48), 48 + 2*0 - 50 < 0" in line


def test_a_window_larger_than_the_image_gets_the_arithmetic(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pipeline", "pool 9 | pool 5", "img.png", status=1)
    assert "img.png" in line
    assert "step 2" in line
    assert "4 + 2*0 - 5 < 0" in line


@pytest.mark.parametrize("arguments", [("convolve", "-k", "box"), ("pipeline", "convolve box")])
def test_nan_and_infinity_in_an_image_are_counted_and_placed(
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
