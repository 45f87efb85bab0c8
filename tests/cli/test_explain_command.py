"""The command explain: on a terminal, piped, as data, step by step."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ..command import Run
from ..pictures import Images
from ..terminal import Show

WORKED = Path(__file__).parents[1] / "data/worked-example"
IMAGE = np.loadtxt(WORKED / "image-16x16.csv", delimiter=",", dtype=int)
SHARPENED = np.loadtxt(WORKED / "sharpen-14x14.csv", delimiter=",", dtype=int)
ROW, COLUMN = (int(each) for each in np.argwhere(SHARPENED == 394)[0])
AT = f"{ROW},{COLUMN}"
README = (Path(__file__).parents[2] / "README.md").read_text()
DIGITS = Path(__file__).parents[2] / "sample_images/digits"


@pytest.fixture
def padlock(images: Images) -> str:
    return str(images.padlock().name)


def test_piped_it_is_plain_text(run: Run, padlock: str) -> None:
    result = run("explain", "convolve sharpen", padlock, "--at", AT)
    patch = IMAGE[ROW : ROW + 3, COLUMN : COLUMN + 3]
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    blocks = {"patch": patch, "kernel": kernel, "products": patch * kernel}
    lines = result.text.splitlines()
    assert result.status == 0
    assert result.stderr == ""
    assert lines[0] == f"convolve kernel=sharpen  row {ROW}, column {COLUMN} of 14x14"
    sees = f"sees rows {ROW}-{ROW + 2}, columns {COLUMN}-{COLUMN + 2} of the picture (16x16)"
    assert lines[1] == sees
    for title, values in blocks.items():
        place = lines.index(title)
        numbers = [[int(word) for word in line.split("\t")] for line in lines[place + 1 :][:3]]
        assert numbers == values.tolist()
    assert lines[-3:] == ["sum\t394", "value\t394", "stored\t255\t(clip, clipped)"]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_wide_terminals_show_matrices_side_by_side(width: int, show: Show, padlock: str) -> None:
    screen = show("explain", "convolve sharpen", padlock, "--at", AT, width=width)
    assert screen.status == 0
    (titles,) = (line for line in screen.lines if "patch" in line)
    assert titles.split() == ["patch", "kernel", "products"]
    (middle,) = (line for line in screen.lines if "\N{MULTIPLICATION SIGN}" in line)
    assert "=" in middle
    assert max(map(len, screen.lines)) <= width
    assert any(line.split() == ["value", "394"] for line in screen.lines)
    assert "\x1b[38;2;" in screen.raw or "\x1b[38;5;" in screen.raw


def test_the_readme_shows_a_real_screen(show: Show, padlock: str) -> None:
    (block,) = re.findall(r"```text\n(convolve kernel=sharpen.*?)```", README, re.S)
    screen = show("explain", "convolve sharpen", padlock, "--at", "0,6")
    assert [line.rstrip() for line in screen.lines] == block.splitlines()


def test_narrow_terminals_show_them_below_each_other(show: Show, padlock: str) -> None:
    screen = show("explain", "convolve sharpen", padlock, "--at", AT, width=30)
    titles = [
        line.strip() for line in screen.lines if line.strip() in {"patch", "kernel", "products"}
    ]
    assert titles == ["patch", "kernel", "products"]
    assert max(map(len, screen.lines)) <= 30


def test_without_colour_there_is_none(show: Show, padlock: str) -> None:
    screen = show("explain", "convolve sharpen", padlock, "--at", AT, NO_COLOR="1")
    assert "394" in screen.raw
    assert "\x1b[38" not in screen.raw


def test_data_for_programs(run: Run, padlock: str) -> None:
    result = run("explain", "convolve sharpen", padlock, "--at", AT, "--format", "json")
    data = json.loads(result.text)
    assert data["value"] == 394
    assert data["stored"] == 255
    assert data["at"] == [ROW, COLUMN]
    ((term,),) = (each["terms"] for each in data["kernels"])
    assert np.sum(term["products"]) == 394
    assert data["seen"] == [{"top": ROW, "bottom": ROW + 2, "left": COLUMN, "right": COLUMN + 2}]


def test_an_earlier_step_sees_a_region_of_the_picture(run: Run, padlock: str) -> None:
    steps = "convolve sharpen | relu | pool 2"
    result = run("explain", steps, padlock, "--at", "2,4", "--step", "3")
    lines = result.text.splitlines()
    assert lines[0] == "3. pool size=2  row 2, column 4 of 7x7"
    assert lines[1] == "sees rows 4-5, columns 8-9 of its input (14x14)"
    assert lines[2] == "and so rows 4-7, columns 8-11 of the picture (16x16)"
    window = SHARPENED[4:6, 8:10].clip(0)
    assert f"value\t{window.max()}" in lines
    first = run("explain", steps, padlock, "--at", "4,8", "--step", "1").text
    assert f"value\t{SHARPENED[4, 8]}\n" in first


def test_the_winner_of_a_pooling_window_is_marked(show: Show, padlock: str) -> None:
    screen = show("explain", "pool 2", padlock, "--at", "2,4")
    window = IMAGE[4:6, 8:10]
    marked = re.findall(r"\x1b\[[0-9;]*\b7;?[0-9;]*m *(\d+)", screen.raw)
    assert marked == [str(window.max())]


def test_data_is_json_for_all_numbers(run: Run, images: Images) -> None:
    images.matrix([[np.nan, np.inf], [1, 2]])
    data = json.loads(
        run("explain", "pool 2", "m.npy", "--format", "json").text, parse_constant=pytest.fail
    )
    assert data["value"] is None
    assert data["patch"]["values"] == [[None, None], [1, 2]]


def test_padding_is_named(run: Run, padlock: str) -> None:
    text = run("explain", "pool 3 stride=2 padding=1", padlock, "--at", "0,1").text
    assert "sees rows 0-1, columns 1-3 and padding of the picture (16x16)" in text
    assert "\n·\t·\t·\n" in text


def test_a_kernels_file_may_be_the_last_word(run: Run, images: Images, padlock: str) -> None:
    images.matrix(np.eye(3))
    assert run("explain", "convolve m.npy", padlock, "--at", "0,0").status == 0


def test_a_networks_prediction_is_explained(run: Run) -> None:
    result = run("explain", "digits", DIGITS / "two.png", "--format", "json")
    data = json.loads(result.text)
    assert data["at"] == [2]
    assert data["contributions"][0]["name"] == "2"
    assert sum(each["share"] for each in data["contributions"]) == pytest.approx(1)
    assert data["picture"] == {"top": 0, "bottom": 111, "left": 0, "right": 111}


def test_steps_have_names(run: Run) -> None:
    result = run("explain", "digits", DIGITS / "two.png", "--step", "conv2", "--at", "4,4,7")
    assert result.text.startswith("5. convolve padding=1 (conv2)  row 4, column 4, channel 7 (08)")


def test_stored_values_are_shown_for_pictures_or_on_request(run: Run, images: Images) -> None:
    images.matrix(np.full((3, 3), 300.0))
    command = ["explain", "convolve identity", "m.npy", "--at", "0,0"]
    assert "stored" not in run(*command).text
    assert "stored\t255\t(clip, clipped)" in run(*command, "--range", "clip").text
    assert "stored\t300\t(clip)" in run(*command, "--range", "clip", "--depth", "16").text


def test_walking_piped_prints_every_window_in_order(run: Run, images: Images) -> None:
    images.matrix(np.arange(12).reshape(3, 4))
    result = run("explain", "pool 2 stride=1", "m.npy", "--walk")
    places = re.findall(r"row (\d+), column (\d+) of 2x3", result.text)
    assert places == [(str(row), str(column)) for row in range(2) for column in range(3)]
    assert re.findall(r"value\t(\d+)", result.text) == ["5", "6", "7", "9", "10", "11"]
    rest = run("explain", "pool 2 stride=1", "m.npy", "--walk", "--at", "1,1", "--format", "json")
    assert [json.loads(line)["value"] for line in rest.text.splitlines()] == [10, 11]


def test_walking_by_keys(show: Show, images: Images) -> None:
    images.matrix(np.arange(12).reshape(3, 4))
    arguments = ("explain", "pool 2 stride=1", "m.npy", "--walk")
    # On, on, back, down, beyond the end, end.
    screen = show(*arguments, keys=[" ", "\x1b[C", "\x1b[D", "\x1b[B", "\x1b[B", " ", "q"])
    assert screen.status == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", screen.raw)
    numbers = re.findall(r"(\d) of 6;", plain)
    assert numbers == ["1", "2", "3", "2", "5", "6", "6"]


def test_walking_by_itself(show: Show, images: Images) -> None:
    images.matrix(np.arange(6).reshape(2, 3))
    screen = show("explain", "pool 2 stride=1", "m.npy", "--walk", "--delay", "0.01")
    assert screen.status == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", screen.raw)
    assert re.findall(r"(\d) of 2;", plain) == ["1", "2"]


WRONG = {
    "outside": ("--at", "14,0"),
    "a-word": ("--at", "here"),
    "too-many": ("--at", "1,2,3,4"),
    "no-step": ("--step", "2"),
    "no-such-step": ("--step", "conv1"),
    "a-range": ("--range", "clam"),
    "a-depth": ("--depth", "12"),
    "a-format": ("--format", "png"),
    "no-delay": ("--walk", "--delay", "nan"),
    "delay-alone": ("--delay", "1"),
    "size-alone": ("--size", "100"),
    "page-and-walk": ("--html", "page.html", "--walk"),
}


@pytest.mark.parametrize("case", WRONG)
def test_options_that_make_no_sense(case: str, run: Run, padlock: str) -> None:
    line = run.refused("explain", "convolve sharpen", padlock, *WRONG[case], status=2)
    assert line.startswith("cnnfilter: ")


@pytest.mark.parametrize("name", ["missing.png", "empty.png"])
def test_files_that_are_no_images(name: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert name in run.refused("explain", "relu", name, status=1)


def test_a_page_is_written(run: Run, padlock: str, tmp_path: Path) -> None:
    result = run("explain", "convolve sharpen", padlock, "--html", "page.html", "--at", AT)
    assert result.status == 0
    assert result.line == "cnnfilter: wrote page.html"
    text = (tmp_path / "page.html").read_text()
    assert text.startswith("<!doctype html>")
    assert f"<title>{padlock}</title>" in text
    assert run("explain", "relu", padlock, "--html", "-").text.startswith("<!doctype html>")


def test_a_page_begins_at_the_value_asked_for(run: Run, padlock: str) -> None:
    steps = "convolve sharpen | flatten | softmax"
    text = run("explain", steps, padlock, "--html", "-", "--at", "5").text
    assert '"chosen": {"step": 2, "column": 5}' in text


def test_a_pages_picture_is_bounded_with_a_notice(run: Run, images: Images, tmp_path: Path) -> None:
    images.matrix(np.zeros((300, 600), np.uint8))
    result = run("explain", "relu", "m.npy", "--html", "page.html")
    words = "the picture was reduced from 600 x 300 pixels to 256 x 128; --size keeps more"
    assert words in result.line
    assert words[1:] in (tmp_path / "page.html").read_text()
    more = run("explain", "relu", "m.npy", "--html", "large.html", "--size", "600")
    assert "reduced" not in more.line
    digits = run("explain", "digits", "m.npy", "--html", "digits.html")
    assert "reduced" not in digits.line


def test_a_page_overwrites_nothing_unasked(run: Run, padlock: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    command = ("explain", "relu", padlock, "--html")
    assert "exists already" in run.refused(*command, "page.html", status=1)
    assert "input" in run.refused(*command, padlock, "--force", status=1)
    assert run(*command, "page.html", "--force").status == 0
