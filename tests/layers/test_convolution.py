"""What convolution computes, by hand: taps, strides, sizes, and arguments that are wrong."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnnfilter import ArgumentError, KernelError, NotFiniteError, ShapeError, convolve

from ..reference import Array
from ..types import Arguments, Dtype, Size
from .samples import ONE_TO_NINE, impulse, random_image


def test_an_impulse_gives_the_kernel_turned_round() -> None:
    assert_array_equal(convolve(impulse(), ONE_TO_NINE), [[9, 8, 7], [6, 5, 4], [3, 2, 1]])


def test_flip_gives_the_kernel_itself() -> None:
    assert_array_equal(
        convolve(impulse(), ONE_TO_NINE, flip=True), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    )


def test_flip_turns_a_filter_bank_in_space_only() -> None:
    image = random_image(4, 5, 2)
    bank = np.arange(24).reshape(2, 3, 2, 2)
    assert_array_equal(convolve(image, bank, flip=True), convolve(image, bank[::-1, ::-1]))


def test_flip_turns_even_kernels_before_they_are_padded() -> None:
    assert_array_equal(
        convolve(impulse(), "1 2; 3 4", padding="same", flip=True)[1:3, 1:3], [[1, 2], [3, 4]]
    )


def test_a_value_worked_out_by_hand() -> None:
    image = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    # 1*1 + 2*2 + 3*4 + 4*5 = 37, and so on to the right and down.
    assert_array_equal(convolve(image, "1 2; 3 4"), [[37, 47], [67, 77]])


def test_dilation_spreads_the_taps() -> None:
    image = np.arange(36).reshape(6, 6)
    result = convolve(image, "1 10; 100 1000", dilation=3)
    assert result.shape == (3, 3)
    assert result[0, 0] == 0 + 10 * 3 + 100 * 18 + 1000 * 21
    assert result[2, 1] == 13 + 10 * 16 + 100 * 31 + 1000 * 34


@pytest.mark.parametrize(
    ("n", "taps", "stride", "dilation", "before", "after", "expected"),
    [
        (5, 3, 1, 1, 0, 0, 3),
        (5, 5, 1, 1, 0, 0, 1),
        (5, 3, 2, 1, 0, 0, 2),
        (6, 3, 2, 1, 0, 0, 2),
        (7, 3, 2, 1, 0, 0, 3),
        (5, 1, 3, 1, 0, 0, 2),
        (7, 3, 1, 2, 0, 0, 3),
        (7, 3, 2, 3, 0, 0, 1),
        (9, 2, 1, 5, 0, 0, 4),
        (5, 3, 2, 1, 1, 0, 2),
        (5, 3, 2, 1, 1, 1, 3),
        (5, 3, 2, 1, 1, 2, 3),
        (5, 3, 2, 1, 0, 3, 3),
        (1, 3, 1, 1, 2, 0, 1),
        (4, 3, 5, 2, 3, 4, 2),
        (224, 7, 2, 1, 3, 3, 112),
    ],
)
def test_the_output_size_is_the_floor_formula(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int, expected: int
) -> None:
    down = convolve(
        np.ones((n, 2)),
        np.ones((taps, 1)),
        stride=(stride, 1),
        dilation=(dilation, 1),
        padding=(before, after, 0, 0),
    )
    across = convolve(
        np.ones((2, n)),
        np.ones((1, taps)),
        stride=(1, stride),
        dilation=(1, dilation),
        padding=(0, 0, before, after),
    )
    assert down.shape == (expected, 2)
    assert across.shape == (2, expected)


def test_stride_takes_every_nth_window_from_the_first() -> None:
    image = random_image(9, 10)
    assert_array_equal(
        convolve(image, ONE_TO_NINE, stride=(2, 3)), convolve(image, ONE_TO_NINE)[::2, ::3]
    )


@pytest.mark.parametrize("stride", ["2x1", "2,1", (2, 1), [2, 1]])
def test_stride_is_vertical_first(stride: Size) -> None:
    assert convolve(np.ones((7, 7)), "1", stride=stride).shape == (4, 7)


@pytest.mark.parametrize("dilation", ["3x1", "3,1", (3, 1)])
def test_dilation_is_vertical_first(dilation: Size) -> None:
    assert convolve(np.ones((7, 7)), "1 1; 1 1", dilation=dilation).shape == (4, 6)


@pytest.mark.parametrize("stride", [2, "2", np.int64(2), (2, 2)])
def test_one_number_holds_for_both_axes(stride: Size) -> None:
    assert convolve(np.ones((7, 5)), "1", stride=stride).shape == (4, 3)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (
            np.ones((3, 7)),
            "the kernel (7) is wider than the image (5), 5 + 2*0 - 7 < 0; use a smaller kernel, "
            "or padding same",
        ),
        (
            np.ones((7, 3)),
            "the kernel (7) is higher than the image (5), 5 + 2*0 - 7 < 0; use a smaller kernel, "
            "or padding same",
        ),
    ],
)
def test_a_kernel_that_does_not_fit_gets_the_arithmetic(kernel: Array, message: str) -> None:
    with pytest.raises(ShapeError) as error:
        convolve(np.ones((5, 5)), kernel)
    assert str(error.value) == message


def test_the_arithmetic_counts_padding() -> None:
    with pytest.raises(ShapeError, match=r"image \(5\) with its padding, 5 \+ 2\*1 - 9 < 0"):
        convolve(np.ones((5, 5)), np.ones((1, 9)), padding=1)


def test_the_arithmetic_shows_uneven_padding() -> None:
    with pytest.raises(ShapeError, match=r"image \(5\) with its padding, 5 \+ 1 \+ 2 - 9 < 0"):
        convolve(np.ones((5, 5)), np.ones((1, 9)), padding=(0, 0, 1, 2))


def test_the_arithmetic_counts_dilation() -> None:
    with pytest.raises(
        ShapeError, match=r"^the kernel \(7, 4 dilated\) is wider .*, 5 \+ 2\*0 - 7 < 0"
    ):
        convolve(np.ones((5, 5)), np.ones((1, 4)), dilation=2)


def test_the_largest_kernel_that_fits_gives_one_pixel() -> None:
    assert_array_equal(convolve(np.ones((5, 7)), np.ones((5, 7))), [[35]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_and_infinity_are_counted_and_the_first_is_placed(bad: float, dtype: Dtype) -> None:
    image = np.zeros((40, 50), dtype)
    image[23, 37] = image[31, 8] = image[39, 49] = bad
    with pytest.raises(NotFiniteError, match=r"\b3\b.*\b23\D+37\b") as error:
        convolve(image, "sharpen")
    assert isinstance(error.value, ValueError)


def test_the_first_nan_of_a_colour_image_is_placed_by_row_then_column() -> None:
    image = np.zeros((40, 50, 3))
    image[17, 46, 0] = image[17, 21, 2] = np.nan
    with pytest.raises(NotFiniteError, match=r"\b2\b.*\b17\D+21\b"):
        convolve(image, "sharpen")


@pytest.mark.parametrize("shape", [(30, 30), (30, 30, 1, 1)])
def test_nan_in_the_kernel_is_counted_and_placed_too(shape: tuple[int, ...]) -> None:
    kernel = np.zeros(shape)
    kernel[23, 17] = kernel[28, 3] = np.nan
    with pytest.raises(ValueError, match=r"\b2\b.*\b23\D+17\b"):
        convolve(np.zeros((40, 40)), kernel)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"stride": 0}, "stride"),
        ({"stride": -1}, "stride"),
        ({"stride": 1.5}, "stride"),
        ({"stride": "1,2,3"}, "stride"),
        ({"stride": "x"}, "stride"),
        ({"dilation": 0}, "dilation"),
        ({"padding": -1}, "padding"),
        ({"padding": (1, 2, 3)}, "padding"),
        ({"padding": "sane"}, "same"),
        ({"border": "mirro"}, "border"),
        ({"border": "simmetric"}, "symmetric"),
        ({"groups": 0}, "groups"),
        ({"channels": "eech"}, "each"),
        ({"combine": "summ"}, "sum"),
        ({"gain": "loud"}, "gain"),
        ({"gain": float("nan")}, "gain"),
        ({"bias": "high"}, "bias"),
        ({"bias": float("inf")}, "bias"),
        ({"dtype": "uint7"}, "dtype"),
        ({"dtype": complex}, "dtype"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Arguments, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        convolve(random_image(6, 7), "sharpen", **arguments)


@pytest.mark.parametrize("shape", [(), (5,), (0, 5), (5, 0), (5, 5, 0), (2, 2, 2, 2)])
def test_arrays_that_are_no_image_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        convolve(np.zeros(shape), "identity", padding="same")


@pytest.mark.parametrize("image", [np.zeros((3, 3), complex), np.full((3, 3), "a")])
def test_images_that_are_no_real_numbers_are_refused(image: Array) -> None:
    with pytest.raises(ArgumentError):
        convolve(image, "identity")


def test_an_empty_list_of_kernels_is_refused() -> None:
    with pytest.raises(KernelError):
        convolve(random_image(6, 7), [])
