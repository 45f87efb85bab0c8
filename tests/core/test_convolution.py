"""Golden tests: what convolve means, one rule of the specification at a time."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike, DTypeLike
from PIL import Image
from scipy import ndimage

from cnnfilter import ArgumentError, KernelError, NotFiniteError, ShapeError, convolve

from ..types import Arguments, Dtype, Size
from .reference import NUMPY_BORDERS, Array, convolve_by_loops, same_padding

ONE_TO_NINE = "1 2 3; 4 5 6; 7 8 9"
# scipy.ndimage's names of cnnfilter's borders.
SCIPY_BORDERS = {
    "zero": "constant",
    "edge": "nearest",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "wrap",
}
BORDERS = pytest.mark.parametrize("border", list(NUMPY_BORDERS))


def impulse(size: int = 5) -> Array:
    """Black but for a 1 at (2, 2)."""
    image = np.zeros((size, size), np.uint8)
    image[2, 2] = 1
    return image


def random_image(*shape: int, dtype: DTypeLike = np.uint8, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def pixel(value: object, dtype: DTypeLike | None = None) -> Array:
    return np.array([[value]], dtype)


# Cross-correlation


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


# Dilation, stride and the output's size


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


# Vertical first


@pytest.mark.parametrize("stride", ["2x1", "2,1", (2, 1), [2, 1]])
def test_stride_is_vertical_first(stride: Size) -> None:
    assert convolve(np.ones((7, 7)), "1", stride=stride).shape == (4, 7)


@pytest.mark.parametrize("dilation", ["3x1", "3,1", (3, 1)])
def test_dilation_is_vertical_first(dilation: Size) -> None:
    assert convolve(np.ones((7, 7)), "1 1; 1 1", dilation=dilation).shape == (4, 6)


@pytest.mark.parametrize("stride", [2, "2", np.int64(2), (2, 2)])
def test_one_number_holds_for_both_axes(stride: Size) -> None:
    assert convolve(np.ones((7, 5)), "1", stride=stride).shape == (4, 3)


# Padding


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
def test_numbers_pad_exactly(padding: Any, sides: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = sides
    image = random_image(3, 4)
    assert_array_equal(
        convolve(image, "1", padding=padding), np.pad(image, ((top, bottom), (left, right)))
    )


def test_padding_is_dropped_where_the_stride_passes_over_it() -> None:
    assert_array_equal(convolve([[1, 2, 3]], "1 1", padding=(0, 0, 0, 1), stride=3), [[3]])


# Borders


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
    mode: Any = NUMPY_BORDERS[border]
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


# A kernel that does not fit


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (
            np.ones((3, 7)),
            '5 + 2*0 - 7 < 0: the image is 5 wide, the kernel 7; use padding "same" or a smaller '
            "kernel",
        ),
        (
            np.ones((7, 3)),
            '5 + 2*0 - 7 < 0: the image is 5 high, the kernel 7; use padding "same" or a smaller '
            "kernel",
        ),
    ],
)
def test_a_kernel_that_does_not_fit_gets_the_arithmetic(kernel: Array, message: str) -> None:
    with pytest.raises(ShapeError) as error:
        convolve(np.ones((5, 5)), kernel)
    assert str(error.value) == message


def test_the_arithmetic_counts_padding() -> None:
    with pytest.raises(ShapeError, match=r"^5 \+ 2\*1 - 9 < 0: the image is 5 wide"):
        convolve(np.ones((5, 5)), np.ones((1, 9)), padding=1)


def test_the_arithmetic_shows_uneven_padding() -> None:
    with pytest.raises(ShapeError, match=r"^5 \+ 1 \+ 2 - 9 < 0: the image is 5 wide"):
        convolve(np.ones((5, 5)), np.ones((1, 9)), padding=(0, 0, 1, 2))


def test_the_arithmetic_counts_dilation() -> None:
    with pytest.raises(ShapeError, match=r"^5 \+ 2\*0 - 7 < 0: the image is 5 wide, the kernel 7"):
        convolve(np.ones((5, 5)), np.ones((1, 4)), dilation=2)


def test_the_largest_kernel_that_fits_gives_one_pixel() -> None:
    assert_array_equal(convolve(np.ones((5, 7)), np.ones((5, 7))), [[35]])


# Types of numbers


@pytest.mark.parametrize(
    ("value", "dtype", "weight", "expected"),
    [
        (255, np.uint8, 1, np.float32),
        (255, np.uint8, 65793, np.float32),  # 255 * 65793 is 2**24 - 1
        (255, np.uint8, 65794, np.float64),
        (65535, np.uint16, 256, np.float32),
        (65535, np.uint16, 257, np.float64),
        (2**24 - 1, np.int32, 1, np.float32),
        (2**24, np.int32, 1, np.float64),
        (-(2**24), np.int64, 1, np.float64),
        (-128, np.int8, 2**17, np.float64),
        (-128, np.int8, 2**17 - 1, np.float32),
        (1, np.uint64, 2**24 - 1, np.float32),
        (1, np.uint64, 2**24, np.float64),
        (1, np.uint8, -(2**24), np.float64),
        (1, np.uint8, 0.5, np.float32),
        (1.5, np.float32, 1, np.float32),
        (1e30, np.float32, 2.0**20, np.float32),
        (1.5, np.float16, 1, np.float32),
        (2.0**24, np.float64, 1, np.float64),
        (1e300, np.float64, 1e5, np.float64),
    ],
)
def test_results_are_float32_while_that_is_exact(
    value: float, dtype: Dtype, weight: float, expected: ArrayLike
) -> None:
    result = convolve(pixel(value, dtype), [[weight]])
    assert result.dtype == expected
    assert result.item() == pytest.approx(np.float64(dtype(value)) * weight, rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_small_values_give_float32_from_wider_floats_too(dtype: Dtype) -> None:
    assert convolve(pixel(1.5, dtype), [[1]]).dtype == np.float32


def test_the_bound_takes_the_image_at_its_largest_magnitude() -> None:
    assert convolve([[1, -(2**23)]], "1 1").dtype == np.float64
    assert convolve([[1, -(2**23) + 1]], "1 1").dtype == np.float32


def test_the_bound_takes_magnitudes_of_weights() -> None:
    assert convolve(pixel(1), f"{2**23} {-(2**23)}", padding="full").dtype == np.float64


def test_the_bound_takes_every_channel_that_is_summed() -> None:
    image = np.full((1, 1, 4), 2**22)
    assert convolve(image, "1", channels="sum").dtype == np.float64
    assert convolve(image, np.ones((1, 1, 4, 1))).dtype == np.float64
    assert convolve(image, "1").dtype == np.float32


def test_the_bound_takes_gain() -> None:
    assert convolve(pixel(2**12), "1", gain=2**12).dtype == np.float64


def test_the_bound_takes_all_kernels_that_are_combined_by_sum() -> None:
    image = pixel(2**23 - 1)
    assert convolve(image, ["1", "2"], combine="sum").item() == 3 * (2**23 - 1)
    assert convolve(image, ["1", "2"]).dtype == np.float32


def test_integers_stay_exact_beyond_float32() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(-(2**30), 2**30, (6, 6))
    kernel = rng.integers(-(2**18), 2**18, (3, 3))
    result = convolve(image, kernel)
    expected = [
        [
            sum(int(image[y + i, x + j]) * int(kernel[i, j]) for i in range(3) for j in range(3))
            for x in range(4)
        ]
        for y in range(4)
    ]
    assert [[int(value) for value in row] for row in result] == expected


def test_integers_beyond_float64_are_exact_where_the_type_asked_for_holds_them() -> None:
    assert convolve(pixel(2**53 + 1), "1", dtype=np.int64).item() == 2**53 + 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_narrow_integers_never_wrap(dtype: Dtype) -> None:
    largest, smallest = np.iinfo(dtype).max, np.iinfo(dtype).min
    image = np.array([[largest, smallest, largest]], dtype)
    kernel = np.array([[largest, largest, largest]], dtype)
    assert convolve(image, kernel).item() == int(largest) * (2 * int(largest) + int(smallest))


def test_narrow_weights_never_wrap() -> None:
    kernel = np.array([[200, 200]], np.uint8)
    assert convolve([[1, 1]], kernel, gain=2).item() == 800
    assert convolve([[1, 1]], kernel, normalize=True).item() == 1
    assert convolve(pixel(2**17), np.array([[-128]], np.int8)).dtype == np.float64


def test_uint8_goes_below_zero_and_above_255() -> None:
    assert_array_equal(convolve(np.array([[0, 255, 0]], np.uint8), "-1 2 -1"), [[510]])
    assert_array_equal(convolve(np.array([[255, 0, 255]], np.uint8), "-1 2 -1"), [[-510]])


def test_a_bool_image_is_0_and_255() -> None:
    assert_array_equal(convolve(np.array([[True, False]]), "1"), [[255, 0]])


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 3, 5, 7], np.uint8, [0, 2, 2, 4]),
        ([-1, -3, -5, -7], np.int8, [0, -2, -2, -4]),
        ([-1, -600, 600, 510, 511], np.uint8, [0, 0, 255, 255, 255]),
        ([-600, 600, -256, 254], np.int8, [-128, 127, -128, 127]),
        ([-2, 2**18], np.uint16, [0, 65535]),
    ],
)
def test_an_integer_dtype_rounds_half_to_even_and_saturates(
    values: list[int], dtype: Dtype, expected: list[int]
) -> None:
    result = convolve([values], "1/2", dtype=dtype)
    assert result.dtype == dtype
    assert_array_equal(result, [expected])


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (2**31, np.int32, 2**31 - 1),
        (2**31 - 1, np.int32, 2**31 - 1),
        (-(2**31), np.int32, -(2**31)),
        (-(2**31) - 1, np.int32, -(2**31)),
        (2**32, np.uint32, 2**32 - 1),
        (2.0**63, np.int64, 2**63 - 1),
        (1e30, np.int64, 2**63 - 1),
        (-1e30, np.int64, -(2**63)),
        (-(2.0**63), np.int64, -(2**63)),
        (2.0**62, np.int64, 2**62),
        (2.0**64, np.uint64, 2**64 - 1),
        (2.0**63, np.uint64, 2**63),
        (-1.0, np.uint64, 0),
        (np.float32(3e9), np.int32, 2**31 - 1),
        (np.float32(1e30), np.int64, 2**63 - 1),
    ],
)
def test_wide_integer_dtypes_saturate_at_their_limits(
    value: object, dtype: Dtype, expected: int
) -> None:
    assert convolve(pixel(value), "1", dtype=dtype).item() == expected


@pytest.mark.parametrize("dtype", ["uint8", "float64", np.dtype(np.int16), np.float32])
def test_dtype_is_what_numpy_takes(dtype: Dtype) -> None:
    assert convolve(pixel(7), "1", dtype=dtype).dtype == np.dtype(dtype)


def test_a_wider_dtype_is_computed_as_wide() -> None:
    image = np.full((1, 2), 1 + 2.0**-20, np.float32)
    exact = 2 * (1 + 2.0**-20) * (1 + 2.0**-20)
    weight = float(image[0, 0])
    assert convolve(image, [[weight, weight]], dtype=np.float64).item() == exact


def test_bias_and_gain_come_before_rounding() -> None:
    assert convolve(pixel(1), "1/4", gain=2, bias=2, dtype=np.uint8).item() == 2
    assert convolve(pixel(1), "1/4", gain=2, bias=1, dtype=np.uint8).item() == 2


@pytest.mark.parametrize("dtype", [">u2", "<u2", ">f4", ">f8", ">i4"])
def test_the_byte_order_of_the_image_does_not_matter(dtype: str) -> None:
    image = random_image(5, 6)
    assert_array_equal(convolve(image.astype(dtype), ONE_TO_NINE), convolve(image, ONE_TO_NINE))


def test_the_layout_in_memory_does_not_matter() -> None:
    image = random_image(9, 8, 3)
    expected = convolve(image, ONE_TO_NINE)
    assert_array_equal(convolve(np.asfortranarray(image), ONE_TO_NINE), expected)
    assert_array_equal(convolve(image[::-1, ::-1].copy()[::-1, ::-1], ONE_TO_NINE), expected)


def test_the_image_is_left_alone_and_shares_nothing_with_the_result() -> None:
    image = random_image(4, 4, dtype=np.float32)
    before = image.copy()
    result = convolve(image, "1")
    result += 1
    assert_array_equal(image, before)


# NaN and infinity


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


# Channels


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_a_2d_kernel_filters_each_channel_by_itself(channels: int) -> None:
    image = random_image(6, 7, channels)
    result = convolve(image, ONE_TO_NINE)
    assert result.shape == (4, 5, channels)
    for channel in range(channels):
        assert_array_equal(result[..., channel], convolve(image[..., channel], ONE_TO_NINE))


def test_alpha_is_filtered_like_any_channel() -> None:
    image = np.zeros((3, 3, 4), np.uint8)
    image[1, 1, 3] = 90
    assert_allclose(convolve(image, "box"), [[[0, 0, 0, 10]]], rtol=1e-6)


def test_channels_sum_adds_the_filtered_channels() -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ONE_TO_NINE, channels="sum")
    assert result.shape == (4, 5)
    assert_array_equal(result, convolve(image, ONE_TO_NINE).sum(axis=2))


def test_channels_gray_filters_what_pillow_makes_grey() -> None:
    image = random_image(6, 7, 3)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    result = convolve(image, ONE_TO_NINE, channels="gray")
    assert result.shape == (4, 5)
    assert_array_equal(result, convolve(grey, ONE_TO_NINE))


@pytest.mark.parametrize("channels", ["each", "sum", "gray"])
def test_one_plane_is_the_same_whatever_channels_says(channels: str) -> None:
    image = random_image(6, 7)
    assert_array_equal(
        convolve(image, ONE_TO_NINE, channels=channels), convolve(image, ONE_TO_NINE)
    )


def test_groups_with_channels_sum_add_up_each_group() -> None:
    image = random_image(6, 7, 4)
    result = convolve(image, ONE_TO_NINE, channels="sum", groups=2)
    each = convolve(image, ONE_TO_NINE)
    assert_array_equal(result, np.dstack([each[..., :2].sum(2), each[..., 2:].sum(2)]))


# Several kernels


def test_a_list_gives_one_map_for_each_kernel() -> None:
    image = random_image(6, 7)
    kernels: list[Any] = ["sharpen", ONE_TO_NINE, np.eye(3)]
    result = convolve(image, kernels)
    assert result.shape == (4, 5, 3)
    for number, kernel in enumerate(kernels):
        assert_array_equal(result[..., number], convolve(image, kernel))


def test_a_list_of_one_kernel_still_gives_a_map_axis() -> None:
    assert convolve(random_image(6, 7), ["sharpen"]).shape == (4, 5, 1)


def test_the_first_kernels_maps_come_first() -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ["sharpen", "edge"])
    assert result.shape == (4, 5, 6)
    assert_array_equal(result[..., :3], convolve(image, "sharpen"))
    assert_array_equal(result[..., 3:], convolve(image, "edge"))


def test_kernels_of_different_sizes_need_padding_same() -> None:
    image = random_image(6, 7)
    kernels = [np.ones((1, 1), int), np.ones((3, 3), int), np.ones((2, 4), int)]
    result = convolve(image, kernels, padding="same")
    for number, kernel in enumerate(kernels):
        assert_array_equal(result[..., number], convolve(image, kernel, padding="same"))
    with pytest.raises(ShapeError):
        convolve(image, kernels)


def test_a_set_gives_all_its_maps() -> None:
    image = random_image(6, 7)
    assert_array_equal(
        convolve(image, "sobel"),
        np.dstack([convolve(image, "sobel-x"), convolve(image, "sobel-y")]),
    )
    assert convolve(image, ["kirsch", "box"]).shape == (4, 5, 9)


def test_nested_lists_of_numbers_are_one_kernel() -> None:
    image = random_image(6, 7)
    assert_array_equal(convolve(image, [[1, 2], [3, 4]]), convolve(image, "1 2; 3 4"))


@pytest.mark.parametrize(
    ("combine", "expected"), [("max", 4.0), ("sum", 1.0), ("l2", 5.0)], ids=["max", "sum", "l2"]
)
def test_combine_makes_one_map(combine: str, expected: float) -> None:
    result = convolve(pixel(1), ["-3", "4"], combine=combine)
    assert_array_equal(result, [[expected]])


def test_combine_l2_of_sobel_is_the_gradients_magnitude() -> None:
    image = random_image(6, 7)
    assert_allclose(
        convolve(image, "sobel", combine="l2"),
        np.hypot(ndimage.sobel(image.astype(float), 1), ndimage.sobel(image.astype(float), 0))[
            1:-1, 1:-1
        ],
        rtol=1e-6,
    )


@pytest.mark.parametrize("combine", ["max", "sum", "l2"])
def test_combine_keeps_channels_apart(combine: str) -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ["sharpen", "edge"], combine=combine)
    assert result.shape == (4, 5, 3)
    for channel in range(3):
        assert_array_equal(
            result[..., channel],
            convolve(image[..., channel], ["sharpen", "edge"], combine=combine),
        )


def test_combine_of_a_list_of_one_changes_only_l2s_sign() -> None:
    assert convolve(pixel(1), ["-3"], combine="max").item() == -3
    assert convolve(pixel(1), ["-3"], combine="l2").item() == 3


# Filter banks


def test_a_filter_sums_over_its_inputs_and_adds_its_bias() -> None:
    image = np.array([[[1, 2, 3]]])
    bank = np.array([[1, 10], [100, 1000], [5, -5]]).reshape(1, 1, 3, 2)
    assert_array_equal(
        convolve(image, bank, bias=[0.5, -1]), [[[1 + 200 + 15 + 0.5, 10 + 2000 - 15 - 1]]]
    )


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_a_bank_gives_one_map_for_each_filter(filters: int) -> None:
    bank = np.ones((3, 2, 3, filters))
    assert convolve(random_image(6, 7, 3), bank).shape == (4, 6, filters)


def test_a_bank_takes_a_plane_as_one_channel() -> None:
    image = random_image(6, 7)
    bank = np.arange(18).reshape(3, 3, 1, 2)
    assert_array_equal(
        convolve(image, bank),
        np.dstack([convolve(image, bank[:, :, 0, 0]), convolve(image, bank[:, :, 0, 1])]),
    )


def test_groups_let_each_filter_see_its_own_channels() -> None:
    image = np.array([[[1, 2, 3, 4]]])
    bank = np.array([[1, 1, 1, 1], [10, 20, 30, 40]]).reshape(1, 1, 2, 4)
    # filters 1 and 2 see channels 1 and 2, filters 3 and 4 see channels 3 and 4
    assert_array_equal(convolve(image, bank, groups=2), [[[21, 41, 3 + 120, 3 + 160]]])


def test_as_many_groups_as_channels_is_a_depthwise_convolution() -> None:
    image = random_image(6, 7, 3)
    bank = np.arange(27).reshape(3, 3, 1, 3)
    result = convolve(image, bank, groups=3)
    for channel in range(3):
        assert_array_equal(
            result[..., channel], convolve(image[..., channel], bank[:, :, 0, channel])
        )


@pytest.mark.parametrize(
    ("channels", "bank", "groups", "error"),
    [
        (4, (3, 3, 3, 2), 1, ShapeError),
        (4, (3, 3, 4, 2), 2, ShapeError),
        (4, (3, 3, 2, 3), 2, ArgumentError),
        (3, (3, 3, 1, 2), 2, ShapeError),
    ],
)
def test_banks_and_groups_that_do_not_fit_are_refused(
    channels: int, bank: tuple[int, ...], groups: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        convolve(random_image(6, 7, channels), np.ones(bank), groups=groups)


def test_groups_need_a_bank_or_a_sum() -> None:
    with pytest.raises(ArgumentError, match="groups"):
        convolve(random_image(6, 7, 4), "sharpen", groups=2)


@pytest.mark.parametrize("shape", [(3,), (3, 3, 3), (3, 3, 3, 3, 3), (0, 3), (3, 0)])
def test_arrays_that_are_no_kernel_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(KernelError):
        convolve(random_image(6, 7), np.ones(shape))


# Bias, gain, normalize


def test_a_scalar_bias_is_added_to_all() -> None:
    assert_array_equal(convolve([[1, 2]], "3", bias=-10), [[-7, -4]])


def test_a_vector_of_biases_has_one_for_each_map() -> None:
    assert_array_equal(convolve(pixel(1), ["1", "2"], bias=[10, 20]), [[[11, 22]]])
    assert_array_equal(
        convolve(np.ones((1, 1, 2)), ["1", "2"], bias=[10, 20, 30, 40]), [[[11, 21, 32, 42]]]
    )


def test_a_vector_of_biases_may_have_one_for_each_kernel() -> None:
    assert_array_equal(
        convolve(np.ones((1, 1, 2)), ["1", "2"], bias=[10, 20]), [[[11, 11, 22, 22]]]
    )


def test_bias_is_added_once_after_channels_are_summed() -> None:
    assert_array_equal(convolve(np.ones((1, 1, 3)), "1", channels="sum", bias=10), [[13]])


@pytest.mark.parametrize(
    ("combine", "expected"), [("max", 24), ("sum", 13 + 24), ("l2", math.hypot(13, 24))]
)
def test_each_kernel_adds_its_bias_before_maps_are_combined(combine: str, expected: float) -> None:
    result = convolve(pixel(1), ["3", "4"], combine=combine, bias=[10, 20])
    assert result.item() == pytest.approx(expected)


def test_a_bias_is_one_for_each_kernel_filter_or_map() -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    assert convolve(image, ["1", "1"], bias=[1, 2])[0, 0].tolist() == [1, 1, 1, 2, 2, 2]
    assert convolve(image, ["1", "1"], bias=range(6))[0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert convolve(image, "1", bias=[1, 2, 3])[0, 0].tolist() == [1, 2, 3]
    bank = np.zeros((1, 1, 3, 2))
    assert convolve(image, bank, bias=[3, 4], combine="l2")[0, 0] == 5
    with pytest.raises(ShapeError, match="4 biases for 6"):
        convolve(image, ["1", "1"], bias=[1, 2, 3, 4])


@pytest.mark.parametrize("bias", [[1, 2], [1, 2, 3, 4]])
def test_biases_must_be_as_many_as_maps(bias: list[int]) -> None:
    with pytest.raises(ShapeError, match=f"{len(bias)}.*3"):
        convolve(pixel(1), ["1", "2", "3"], bias=bias)


def test_gain_multiplies_the_weights_but_not_the_bias() -> None:
    assert convolve(pixel(5), "3", gain=2, bias=1).item() == 31


def test_normalize_makes_the_weights_sum_to_1() -> None:
    result = convolve(np.full((5, 5), 80, np.uint8), ONE_TO_NINE, normalize=True)
    assert_allclose(result, np.full((3, 3), 80), rtol=1e-6)


def test_normalize_divides_by_a_negative_sum_too() -> None:
    assert_allclose(convolve([[4, 8]], "-1 -3", normalize=True), [[7]])


def test_normalize_takes_each_kernel_by_its_own_sum() -> None:
    assert_allclose(convolve(pixel(6), ["2", "1/3"], normalize=True), [[[6, 6]]], rtol=1e-6)


def test_normalize_takes_each_filter_by_its_own_sum() -> None:
    image = np.full((3, 3, 2), 5)
    bank = np.arange(1, 25).reshape(2, 2, 2, 3)
    assert_allclose(convolve(image, bank, normalize=True), np.full((2, 2, 3), 5), rtol=1e-6)


def test_gain_comes_after_normalize() -> None:
    assert_allclose(convolve(pixel(8), "4", normalize=True, gain=3), [[24]], rtol=1e-6)


@pytest.mark.parametrize("kernel", ["edge", "1 -1", ["box", "sobel-x"], np.zeros((2, 2))])
def test_weights_that_sum_to_0_cannot_be_normalized(kernel: ArrayLike) -> None:
    with pytest.raises(ArgumentError, match="sum to 0"):
        convolve(random_image(6, 7), kernel, normalize=True)


def test_weights_that_sum_to_0_but_for_rounding_cannot_be_normalized() -> None:
    with pytest.raises(ArgumentError, match="sum to 0"):
        convolve(random_image(6, 7), "0.1 0.2 -0.3", normalize=True)


# Arguments


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
