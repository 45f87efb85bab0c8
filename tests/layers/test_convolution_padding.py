"""Padding as TensorFlow and numbers define it, and borders as NumPy and SciPy do."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from cnnfilter import convolve

from ..reference import NUMPY_BORDERS, convolve_by_loops, same_padding
from .samples import ONE_TO_NINE, impulse, random_image

# scipy.ndimage's names of cnnfilter's borders.
SCIPY_BORDERS = {
    "zero": "constant",
    "edge": "nearest",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "wrap",
}
BORDERS = pytest.mark.parametrize("border", list(NUMPY_BORDERS))


def test_valid_is_the_default_and_pads_nothing() -> None:
    image = random_image(5, 6)
    assert convolve(image, ONE_TO_NINE).shape == (3, 4)
    assert_array_equal(
        convolve(image, ONE_TO_NINE), convolve(image, ONE_TO_NINE, padding="valid", border="wrap")
    )


def test_same_puts_the_odd_pixel_after() -> None:
    expected = np.zeros((5, 5))
    expected[1:3, 1:3] = [[4, 3], [2, 1]]
    assert_array_equal(convolve(impulse(), "1 2; 3 4", padding="same"), expected)


def test_same_lower_puts_the_odd_pixel_before() -> None:
    expected = np.zeros((5, 5))
    expected[2:4, 2:4] = [[4, 3], [2, 1]]
    assert_array_equal(convolve(impulse(), "1 2; 3 4", padding="same-lower"), expected)


# The image is 1 2 ... n and the kernel picks its first tap, so what comes out says where
# each window starts; 0 is padding.
@pytest.mark.parametrize(
    ("n", "taps", "stride", "dilation", "same", "lower"),
    [
        (5, 3, 1, 1, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        (5, 4, 1, 1, [0, 1, 2, 3, 4], [0, 0, 1, 2, 3]),
        (5, 3, 2, 1, [0, 2, 4], [0, 2, 4]),
        (6, 3, 2, 1, [1, 3, 5], [0, 2, 4]),
        (6, 2, 2, 1, [1, 3, 5], [1, 3, 5]),
        (5, 2, 2, 1, [1, 3, 5], [0, 2, 4]),
        (7, 5, 3, 1, [0, 2, 5], [0, 2, 5]),
        (8, 5, 3, 1, [0, 3, 6], [0, 2, 5]),
        # stride beyond the kernel, where onnxruntime differs
        (5, 1, 3, 1, [1, 4], [1, 4]),
        (4, 2, 3, 1, [1, 4], [0, 3]),
        (10, 3, 4, 1, [1, 5, 9], [0, 4, 8]),
        (12, 3, 5, 1, [1, 6, 11], [0, 5, 10]),
        # dilation, where onnxruntime differs
        (5, 2, 1, 3, [0, 1, 2, 3, 4], [0, 0, 1, 2, 3]),
        (7, 3, 2, 2, [0, 1, 3, 5], [0, 1, 3, 5]),
        (6, 2, 2, 3, [0, 2, 4], [0, 2, 4]),
        (6, 2, 2, 4, [0, 2, 4], [0, 1, 3]),
        # kernels wider than the image
        (2, 5, 1, 1, [0, 0], [0, 0]),
        (3, 7, 2, 1, [0, 0], [0, 0]),
    ],
)
def test_same_splits_the_padding_as_tensorflow_does(
    n: int, taps: int, stride: int, dilation: int, same: list[int], lower: list[int]
) -> None:
    image = np.arange(1, n + 1)[np.newaxis]
    first_tap = np.eye(1, taps, dtype=int)
    for padding, expected in (("same", same), ("same-lower", lower)):
        across = convolve(image, first_tap, stride=stride, dilation=dilation, padding=padding)
        down = convolve(image.T, first_tap.T, stride=stride, dilation=dilation, padding=padding)
        assert_array_equal(across, [expected])
        assert_array_equal(down.T, [expected])


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5])
def test_same_gives_the_ceiling_of_n_over_stride(stride: int, dilation: int, taps: int) -> None:
    image = random_image(7, 10)
    kernel = np.random.default_rng(1).integers(-9, 10, (taps, taps))
    result = convolve(image, kernel, stride=stride, dilation=dilation, padding="same")
    top, bottom = same_padding(7, taps, stride, dilation)
    left, right = same_padding(10, taps, stride, dilation)
    assert result.shape == (-(-7 // stride), -(-10 // stride))
    assert_array_equal(
        result,
        convolve_by_loops(
            image,
            kernel,
            stride=(stride, stride),
            dilation=(dilation, dilation),
            padding=(top, bottom, left, right),
        ),
    )


def test_full_pads_the_extent_less_one_on_every_side() -> None:
    assert_array_equal(convolve([[1]], "1 2 3; 4 5 6", padding="full"), [[6, 5, 4], [3, 2, 1]])


@pytest.mark.parametrize(
    ("stride", "dilation", "shape"),
    [(1, 1, (6, 8)), (2, 1, (3, 4)), (1, 2, (7, 10)), (3, 2, (3, 4))],
)
def test_full_counts_stride_and_dilation(
    stride: int, dilation: int, shape: tuple[int, int]
) -> None:
    image = random_image(5, 6)
    kernel = np.array([[1, 2, 3], [4, 5, 6]])
    result = convolve(image, kernel, padding="full", stride=stride, dilation=dilation)
    assert result.shape == shape
    down, across = dilation, 2 * dilation
    assert_array_equal(
        result,
        convolve_by_loops(
            image,
            kernel,
            padding=(down, down, across, across),
            stride=(stride, stride),
            dilation=(dilation, dilation),
        ),
    )


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        (0, (0, 0, 0, 0)),
        (2, (2, 2, 2, 2)),
        ("2", (2, 2, 2, 2)),
        ((1, 3), (1, 1, 3, 3)),
        ("1,3", (1, 1, 3, 3)),
        ("1x3", (1, 1, 3, 3)),
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        ([1, 2, 3, 4], (1, 2, 3, 4)),
        ("1,2,3,4", (1, 2, 3, 4)),
        ("0,0,0,5", (0, 0, 0, 5)),
    ],
)
def test_numbers_pad_exactly(
    padding: int | tuple[int, ...], sides: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = sides
    image = random_image(3, 4)
    assert_array_equal(
        convolve(image, "1", padding=padding), np.pad(image, ((top, bottom), (left, right)))
    )


def test_padding_is_dropped_where_the_stride_passes_over_it() -> None:
    assert_array_equal(convolve([[1, 2, 3]], "1 1", padding=(0, 0, 0, 1), stride=3), [[3]])


@pytest.mark.parametrize(
    ("border", "expected"),
    [
        ("zero", [0, 0, 1, 2, 3, 0, 0]),
        ("edge", [1, 1, 1, 2, 3, 3, 3]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("symmetric", [2, 1, 1, 2, 3, 3, 2]),
        ("wrap", [2, 3, 1, 2, 3, 1, 2]),
    ],
)
def test_borders_as_they_are_drawn(border: str, expected: list[int]) -> None:
    assert_array_equal(convolve([[1, 2, 3]], "1", padding=(0, 0, 2, 2), border=border), [expected])


def test_zero_is_the_default_border() -> None:
    assert_array_equal(convolve([[7]], "1", padding=1), np.pad([[7]], 1))


@BORDERS
@pytest.mark.parametrize("shape", [(4, 5), (1, 3), (1, 1), (2, 2, 3)])
@pytest.mark.parametrize("sides", [(1, 2, 0, 3), (4, 5, 6, 7), (20, 0, 0, 21)])
def test_borders_are_numpys_even_wider_than_the_image(
    border: str, shape: tuple[int, ...], sides: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = sides
    image = random_image(*shape)
    widths = [(top, bottom), (left, right), (0, 0)][: image.ndim]
    mode = NUMPY_BORDERS[border]
    assert_array_equal(
        convolve(image, "1", padding=sides, border=border), np.pad(image, widths, mode=mode)
    )


@BORDERS
@pytest.mark.parametrize("shape", [(6, 7), (2, 3)])
def test_borders_are_scipys_by_its_other_names(border: str, shape: tuple[int, int]) -> None:
    image = random_image(*shape, dtype=np.int64)
    kernel = np.random.default_rng(2).integers(-9, 10, (5, 7))
    assert_array_equal(
        convolve(image, kernel, padding="same", border=border),
        ndimage.correlate(image, kernel, mode=SCIPY_BORDERS[border]),
    )
