"""Pictures of half blocks, against pixels read back from the characters' colours."""

import re

import numpy as np
import pytest
from rich.text import Text

from cnnfilter.view.preview import fitted, half_blocks


def _pixels_of(text: Text, width: int) -> np.ndarray:
    """Read the colours of the characters' halves back: shape (2 rows, width, 3)."""
    drawn = []
    for span in text.spans:
        numbers = [int(each) for each in re.findall(r"\d+", str(span.style))]
        drawn += [numbers] * (span.end - span.start)
    halves = np.array(drawn).reshape(-1, width, 2, 3)
    return np.moveaxis(halves, 2, 1).reshape(-1, width, 3)


def test_each_half_is_a_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    text = half_blocks(pixels, 5, 3)
    assert text.plain == "\n".join(["▀" * 5] * 3)
    np.testing.assert_array_equal(_pixels_of(text, 5), pixels)


def test_an_odd_row_is_repeated() -> None:
    pixels = np.arange(9, dtype=np.uint8).reshape(3, 1, 3)
    np.testing.assert_array_equal(_pixels_of(half_blocks(pixels, 1, 2), 1), pixels[[0, 1, 2, 2]])


def test_without_colours_dark_is_empty_and_light_is_full() -> None:
    pixels = np.repeat(np.array([[[0], [60], [130], [190], [255]]], np.uint8), 3, axis=2)
    assert half_blocks(pixels, 10, 1, colours=False).plain == "  ░░▒▒▓▓██"


@pytest.mark.parametrize(
    ("shape", "window", "expected"),
    [
        ((16, 16), (80, 42), (32, 32)),
        ((400, 600), (80, 42), (42, 63)),
        ((10, 1000), (80, 42), (1, 80)),
        ((1000, 1), (80, 42), (42, 1)),
        ((1, 1), (3, 9), (3, 3)),
    ],
)
def test_pictures_fill_the_window_and_keep_their_shape(
    shape: tuple[int, int], window: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted(np.zeros((*shape, 3), np.uint8), *window).shape == (*expected, 3)


def test_reducing_averages() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[:, ::2] = 200
    assert np.abs(fitted(pixels, 10, 10).astype(int) - 100).max() < 12
