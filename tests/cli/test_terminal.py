"""Values, colours and bars on a terminal; test_screens.py has whole screens."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import cnnfilter

from ..pictures import Images, pixels
from ..terminal import Screen, Show

WIDTHS = [80, 200]
DIGITS = Path(__file__).parents[2] / "sample_images/digits"


@pytest.fixture
def large(images: Images) -> np.ndarray:
    """A matrix of whole numbers that fits no terminal: 70 rows, 110 columns."""
    values = np.random.default_rng(6).integers(-999, 1000, (70, 110))
    images.matrix(values)
    return values


def _cells(values: np.ndarray) -> dict[tuple[int, int], str]:
    return {at: str(value) for at, value in np.ndenumerate(values)}


def _widest(screen: Screen) -> int:
    return max(map(len, screen.lines))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_small_matrix_is_a_whole_table_with_row_and_column_numbers(
    width: int, show: Show, images: Images
) -> None:
    source = pixels(images.padlock())
    screen = show("convolve", "-k", "sharpen", "--print", "padlock.png", width=width)
    expected = cnnfilter.convolve(source, "sharpen").astype(int)
    assert screen.status == 0
    assert screen.table == _cells(expected)
    assert _widest(screen) <= width
    assert "--full" not in screen.text
    assert "padlock.png: 16x16 -> 14x14" in screen.stderr


@pytest.mark.parametrize("width", WIDTHS)
def test_the_caption_of_a_cropped_matrix_names_the_options_for_the_rest(
    width: int, show: Show, large: np.ndarray
) -> None:
    screen = show("pool", "--size", "1", "--print", "m.npy", width=width)
    assert screen.status == 0
    assert _widest(screen) <= width
    shown = screen.table
    assert shown.items() <= _cells(large).items()
    corners = [(0, 0), (0, 109), (69, 0), (69, 109)]
    assert [corner for corner in corners if corner not in shown] == []
    rows, columns = ({at[axis] for at in shown} for axis in (0, 1))
    assert len(columns) > width // 10
    assert len(shown) == len(rows) * len(columns)
    for axis, (numbers, length) in enumerate([(rows, 70), (columns, 110)]):
        missing = sorted(set(range(length)) - numbers)
        assert missing == list(range(missing[0], missing[-1] + 1))  # one gap, in the middle
        said = f"{('rows', 'columns')[axis]} 0-{missing[0] - 1} and {missing[-1] + 1}-{length - 1}"
        assert f"{said} of {length}" in screen.text
    assert "--at" in screen.text
    assert "--full" in screen.text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_wider_terminal_shows_more(width: int, show: Show, images: Images) -> None:
    images.matrix(np.arange(30 * 10).reshape(10, 30))
    screen = show("pool", "--size", "1", "--print", "m.npy", width=width)
    assert (len(screen.table) == 300) == (width == 200)


@pytest.mark.parametrize("at", [(35, 55), (0, 109)])
def test_at_shows_the_surroundings_of_a_value(
    at: tuple[int, int], show: Show, large: np.ndarray
) -> None:
    screen = show("pool", "--size", "1", "--print", "m.npy", "--at", f"{at[0]},{at[1]}")
    assert screen.status == 0
    assert _widest(screen) <= 80
    assert screen.table.items() <= _cells(large).items()
    near = {
        (y, x)
        for y in range(max(at[0] - 2, 0), min(at[0] + 3, 70))
        for x in range(max(at[1] - 2, 0), min(at[1] + 3, 110))
    }
    assert near - screen.table.keys() == set()


def test_at_a_place_outside_the_matrix_is_an_error(show: Show, large: np.ndarray) -> None:
    assert large.shape == (70, 110)
    screen = show("pool", "--size", "1", "--print", "m.npy", "--at", "70,0")
    assert screen.status != 0
    assert "70,0" in screen.stderr
    assert len(screen.stderr.splitlines()) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_full_shows_every_value(width: int, show: Show, large: np.ndarray) -> None:
    screen = show("pool", "--size", "1", "--print", "m.npy", "--full", width=width)
    assert screen.status == 0
    assert _widest(screen) <= width
    assert screen.table == _cells(large)
    assert "--full" not in screen.text


def test_whole_numbers_are_printed_whole_even_as_floats(show: Show, images: Images) -> None:
    images.matrix(np.array([[1.0, -20.0], [300000.0, 0.0]]))
    screen = show("pool", "--size", "1", "--print", "m.npy")
    assert screen.table == {(0, 0): "1", (0, 1): "-20", (1, 0): "300000", (1, 1): "0"}


def test_fractions_are_readable(show: Show, images: Images) -> None:
    values = np.array([[0.123456789, -20.5], [1e-12, 12345.678]])
    images.matrix(values)
    screen = show("pool", "--size", "1", "--print", "m.npy")
    for at, value in np.ndenumerate(values):
        assert float(screen.table[at]) == pytest.approx(value, rel=1e-3)


def test_nan_and_infinity_are_shown_and_not_eaten_as_markup(show: Show, images: Images) -> None:
    images.matrix(np.array([[np.nan, 1.5], [np.inf, -np.inf]]))
    screen = show("pool", "--size", "1", "--print", "m.npy")
    assert screen.status == 0
    assert screen.table == {(0, 0): "nan", (0, 1): "1.5", (1, 0): "inf", (1, 1): "-inf"}


def test_a_name_with_markup_is_shown_as_it_is(show: Show, images: Images) -> None:
    (images.folder / "[bold]k[red].txt").write_text("1 2\n")
    images.matrix(np.ones((2, 13)))
    screen = show("convolve", "-k", "[bold]k[red].txt", "--print", "m.npy")
    assert screen.status == 0
    assert "[bold]k[red]" in screen.text


def test_values_are_coloured_by_sign_unless_no_colour_is_wanted(show: Show, images: Images) -> None:
    images.matrix(np.array([[-200, 0, 200]]))
    arguments = ("pool", "--size", "1", "--print", "m.npy")
    last = show(*arguments).raw.splitlines()[-1]
    colours = re.findall(r"\x1b\[([0-9;]+)m *(-?200|0)\x1b", last)
    assert [value for _, value in colours][-3:] == ["-200", "0", "200"]
    assert len({colour for colour, _ in colours[-3:]}) == 3
    plain = show(*arguments, NO_COLOR="1")
    assert "\x1b[38" not in plain.raw
    assert plain.table == {(0, 0): "-200", (0, 1): "0", (0, 2): "200"}


def test_formats_are_printed_plainly_on_a_terminal_too(show: Show, images: Images) -> None:
    images.matrix(np.array([[1, -2], [3, 4]]))
    screen = show("pool", "--size", "1", "--print", "--format", "csv", "m.npy")
    assert screen.raw == "1,-2\n3,4\n"


def test_a_picture_is_not_written_onto_a_terminal(show: Show, images: Images) -> None:
    images.photo()
    screen = show("pool", "img.png", "-o", "-")
    assert screen.status == 2
    assert "terminal" in screen.stderr
    assert screen.raw == ""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_kernels_fits_the_terminal(width: int, show: Show) -> None:
    screen = show("kernels", width=width)
    assert screen.status == 0
    assert _widest(screen) <= width
    assert "sharpen" in screen.text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_summary_keeps_its_shapes_whole_next_to_long_steps(width: int, show: Show) -> None:
    steps = (
        "convolve '0 -1 0; -1 5 -1; 0 -1 0' '1 2 1; 2 4 2; 1 2 1' padding=same border=reflect"
        " dilation=2 | pool 2"
    )
    screen = show("pipeline", steps, "--summary", "--shape", "224x224x3", width=width)
    assert screen.status == 0
    assert _widest(screen) <= width
    assert "224x224x6" in screen.text
    assert "112x112x6" in screen.text


# Predictions


@pytest.mark.parametrize("width", WIDTHS)
def test_a_prediction_is_bars_with_labels_top_first(show: Show, tmp_path: Path, width: int) -> None:
    shutil.copy(DIGITS / "two.png", tmp_path)
    screen = show("pipeline", "digits", "two.png", "-q", width=width)
    assert screen.status == 0
    assert screen.lines[0] == "two.png:"
    rows = [line.split() for line in screen.lines[1:] if line.strip()]
    assert len(rows) == 5
    assert rows[0][0] == "2"
    shares = [float(row[-1].removesuffix("%")) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 90
    assert screen.lines[1].count("━") > 30
    assert max(map(len, screen.lines)) < 80


@pytest.mark.parametrize("width", WIDTHS)
def test_the_layers_of_a_network_fit_the_terminal(show: Show, width: int) -> None:
    screen = show("pipeline", "digits", "--summary", width=width)
    assert max(map(len, screen.lines)) <= width
    for word in ("conv3", "55392", "38x38", "total", "80106"):
        assert word in screen.text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bar_shows_how_far_a_run_is(
    width: int, show: Show, images: Images, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    values = np.random.default_rng(0).normal(size=(300, 300))
    for number in range(30):
        images.matrix(values, f"photos/{number:02}.npy")
    (tmp_path / "photos/bad.png").write_text("no image")
    slowly = ["--mode", "median", "--size", "9", "--stride", "1"]
    screen = show("pool", *slowly, "photos", "-o", "out", width=width, streams=["stderr"])
    assert screen.status == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.raw)
    states = [line for line in re.split(r"[\r\n]", plain) if "/31" in line]
    assert max(map(len, states)) <= width
    assert any(re.search(r" \d+/31 .*a second, .* left", state) for state in states)
    assert "━" in screen.raw
    assert "megapixels a second" in screen.text
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")  # the cursor is back
    assert "photos/bad.png: not a readable image" in screen.text


def test_a_quiet_run_shows_no_bar(show: Show, images: Images) -> None:
    for number in range(30):
        images.padlock(f"{number:02}.png")
    assert show("pool", ".", "-o", "out", "--quiet", streams=["stderr"]).raw == ""


def test_a_preview_is_drawn_where_python_does_not_buffer(show: Show, images: Images) -> None:
    images.padlock()
    arguments = ("convolve", "-k", "sharpen", "--preview", "padlock.png")
    assert show(*arguments, PYTHONUNBUFFERED="1").status == 0
