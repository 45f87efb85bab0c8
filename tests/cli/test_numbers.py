"""Numbers printed off a terminal."""

import json

import numpy as np

import cnnfilter

from ..command import Run
from ..pictures import Images, pixels


def test_off_a_terminal_all_numbers_are_printed_plainly(run: Run, images: Images) -> None:
    large = images.coffee().resize((120, 90))
    source = np.asarray(large)
    images.save("img.png", large)
    result = run.ok("convolve", "-k", "edge", "--print", "img.png")
    expected = cnnfilter.convolve(source, "edge")
    assert set(result.text) <= set("-0123456789\t\n")
    blocks = result.text.split("\n\n")
    assert len(blocks) == 3
    np.testing.assert_array_equal(result.numbers(), expected)


def test_numbers_are_printed_to_their_last_digit(run: Run, images: Images) -> None:
    values = np.array([[1 / 3, -2e-17, 1.0], [1e21, 123456789.125, np.pi]])
    images.matrix(values)
    result = run.ok("pool", "--size", "1", "m.npy", "--print")
    np.testing.assert_array_equal(result.numbers(), values)


def test_nan_and_infinity_are_printed(run: Run, images: Images) -> None:
    images.matrix(np.array([[np.nan, np.inf], [-np.inf, 1.5]]))
    result = run.ok("pool", "--size", "1", "m.npy", "--print")
    assert result.text == "nan\tinf\n-inf\t1.5\n"


def test_csv_is_printed_as_asked(run: Run, images: Images) -> None:
    images.matrix(np.arange(12).reshape(2, 3, 2))
    result = run.ok("pool", "--size", "1", "m.npy", "--print", "--format", "csv")
    assert result.text == "0,2,4\n6,8,10\n\n1,3,5\n7,9,11\n"


def test_json_is_printed_as_asked(run: Run, images: Images) -> None:
    values = np.arange(12).reshape(2, 3, 2)
    images.matrix(values)
    result = run.ok("pool", "--size", "1", "m.npy", "--print", "--format", "json")
    assert json.loads(result.text) == values.tolist()


def test_channels_are_printed_as_json_line_by_line(run: Run, images: Images) -> None:
    source = pixels(images.photo())
    result = run.ok("split-channels", "img.png", "--print", "--format", "json")
    channels = [json.loads(line) for line in result.text.splitlines()]
    np.testing.assert_array_equal(np.stack(channels, axis=-1), source)
