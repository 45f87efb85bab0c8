"""Types of numbers: exact, saturated, and as wide as they must be."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import ArrayLike

from cnnfilter import convolve
from cnnfilter.arrays import Array
from cnnfilter.errors import ShapeError

from ..types import Dtype
from .samples import ONE_TO_NINE, pixel, random_image


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
def test_wider_floats_give_float64(dtype: Dtype) -> None:
    assert convolve(pixel(1.5, dtype), [[1]]).dtype == np.float64


def test_decimals_keep_the_digits_that_cancel_out() -> None:
    result = convolve([[1000000.1, 1000000.2, 1000000.4]], "1 -2 1")
    assert result.item() == pytest.approx(0.1, abs=1e-9)
    assert convolve(pixel(1e-300), "2").item() == 2e-300


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


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([2**53 + 1], [1], 2**53 + 1),
        ([2**53 - 1, 2], [1, 1], 2**53 + 1),
        ([2**62 - 1, 2**62 - 2], [1, 1], 2**63 - 3),
        ([-(2**62), -(2**62) + 1], [1, 1], -(2**63) + 1),
        ([3, 5], [2**60 + 1, 1], 3 * 2**60 + 8),
        ([2**61, 2**61, 2**61], [-1, 2, -1], 0),
        ([-(2**63)], [1], -(2**63)),
    ],
)
@pytest.mark.parametrize("dtype", [None, np.int64])
def test_integers_beyond_float64_are_int64(
    values: list[int], weights: list[int], expected: int, dtype: Dtype
) -> None:
    result = convolve([values], [weights], dtype=dtype)
    assert (result.dtype, result.item()) == (np.int64, expected)


def test_every_engine_is_exact_to_64_bits() -> None:
    random = np.random.default_rng(0)
    image = random.integers(-(2**44), 2**44, (80, 90, 2)).astype(object)
    for size in ((3, 3), (1, 40), (12, 12)):
        ones = np.ones(size, np.int64)
        ones[0, 0] = 2**17 + 1
        for weights in (ones, np.ones(size, np.int64) * 1023, random.integers(-1023, 1023, size)):
            bank = np.broadcast_to(weights[:, :, np.newaxis, np.newaxis], (*size, 2, 3))
            windows = np.lib.stride_tricks.sliding_window_view(image, size, axis=(0, 1))
            expected = (windows * weights.astype(object)).sum(axis=(-2, -1))
            image64 = image.astype(np.int64)
            assert_array_equal(convolve(image64, weights).astype(object), expected)
            summed = expected.sum(axis=2)
            assert_array_equal(convolve(image64, bank)[:, :, 2].astype(object), summed)
            total = convolve(image64, weights, channels="sum")
            assert_array_equal(total.astype(object), summed)


@pytest.mark.parametrize(
    ("image", "weights"),
    [
        (pixel(2**63, np.uint64), [[1]]),
        (pixel(2**64 - 1, np.uint64), [[0.25]]),
        (pixel(2**40), np.array([[2**30]])),
        (pixel(2**31 - 1, np.int32), np.array([[2**33]])),
        (pixel(1, np.uint8), np.array([[2**64 - 1]], np.uint64)),
        (np.full((31, 31), 2**55), "box:31"),
        (pixel(2**60), [[0.1234567890123]]),
    ],
)
def test_integers_that_would_lose_digits_are_refused(image: Array, weights: ArrayLike) -> None:
    with pytest.raises(ShapeError, match=r"would lose digits.*convert it to floats"):
        convolve(image, weights)
    assert convolve(image.astype(np.float64), weights).dtype == np.float64
    assert convolve(image, weights, dtype=np.float64).dtype == np.float64


def test_sums_of_64_bits_are_rounded_exactly() -> None:
    image = np.array([[2**60 + 1, 2**60 + 2, 2**60 + 4]])
    assert convolve(image, "1/3 1/3 1/3", dtype=np.int64).item() == 2**60 + 2
    assert convolve(image[:, 1:], "1/2 1/2", dtype=np.int64).item() == 2**60 + 3
    assert convolve(image[:, :2] - 1, "1/2 1/2", dtype=np.int64).item() == 2**60


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
