"""Golden tests: what pool means, one rule of the specification at a time."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike, DTypeLike

from cnnfilter import ArgumentError, ShapeError, max_pool_with_indices, pool

from ..reference import REDUCTIONS, Array, pool_by_loops
from ..types import Arguments, Dtype, Size

MODES = pytest.mark.parametrize("mode", list(REDUCTIONS))
NUMBERED = np.arange(1, 10).reshape(3, 3)


def random_image(*shape: int, dtype: DTypeLike = np.uint8) -> Array:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


# Modes


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("max", 8), ("min", 1), ("average", 4), ("median", 3.5), ("sum", 16), ("l2", 94**0.5)],
)
def test_each_mode_of_one_window(mode: str, expected: float) -> None:
    result = pool([[1, 5], [8, 2]], 2, mode=mode)
    assert result.shape == (1, 1)
    assert result.item() == pytest.approx(expected, rel=1e-6)


def test_max_of_2_by_2_is_the_default() -> None:
    assert_array_equal(pool([[1, 2, 3, 4], [5, 6, 7, 8]]), [[6, 8]])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2], 1.5), ([9, 1, 4, 2], 3), ([5, 1, 3], 3), ([0, 255], 127.5), ([7], 7)],
)
def test_the_median_of_an_even_count_is_the_mean_of_the_middle_two(
    values: list[int], expected: float
) -> None:
    image = np.array([values], np.uint8)
    assert pool(image, (1, len(values)), mode="median").item() == expected


def test_l2_is_the_root_of_the_sum_of_squares() -> None:
    assert pool([[3, -4]], (1, 2), mode="l2").item() == 5
    assert pool(np.array([[255, 0]], np.uint8), (1, 2), mode="l2").item() == 255


def test_sums_of_uint8_do_not_wrap() -> None:
    image = np.full((4, 4), 255, np.uint8)
    assert pool(image, 4, mode="sum").item() == 4080
    assert pool(image, 4, mode="l2").item() == 1020
    assert pool(image, 4, mode="average").item() == 255


def test_the_worked_numbers_of_average_with_same() -> None:
    assert_array_equal(
        pool(NUMBERED, 2, stride=2, mode="average", padding="same"), [[3, 4.5], [7.5, 9]]
    )


# Stride, size and the partial window


def test_stride_is_the_window_unless_given() -> None:
    image = random_image(7, 9)
    assert pool(image, (2, 3)).shape == (3, 3)
    assert_array_equal(pool(image, (2, 3)), pool(image, (2, 3), stride=(2, 3)))
    assert pool(image, (2, 3), stride=1).shape == (6, 7)


@pytest.mark.parametrize("size", ["3x2", "3,2", (3, 2), [3, 2]])
def test_size_is_vertical_first(size: Size) -> None:
    assert pool(np.ones((6, 6)), size).shape == (2, 3)


@pytest.mark.parametrize("stride", ["1x2", "1,2", (1, 2)])
def test_stride_is_vertical_first(stride: Size) -> None:
    assert pool(np.ones((6, 6)), 2, stride=stride).shape == (5, 3)


@pytest.mark.parametrize("size", [2, "2", np.int64(2)])
def test_one_number_holds_for_both_axes(size: Size) -> None:
    assert pool(np.ones((6, 4)), size).shape == (3, 2)


def test_dilation_is_vertical_first_and_spreads_the_taps() -> None:
    image = np.arange(20).reshape(4, 5)
    result = pool(image, 2, dilation="3x2", stride=1, mode="sum")
    # rows 0 and 3; columns 0 and 2, 1 and 3, 2 and 4
    assert_array_equal(result, [[0 + 2 + 15 + 17, 1 + 3 + 16 + 18, 2 + 4 + 17 + 19]])


def test_stride_is_the_windows_taps_not_its_dilated_extent() -> None:
    assert pool(np.ones((7, 7)), 2, dilation=3).shape == (2, 2)


def test_the_last_partial_window_is_dropped() -> None:
    assert_array_equal(pool([[1, 2, 3, 4, 5]], (1, 2)), [[2, 4]])


def test_ceil_mode_keeps_the_last_partial_window() -> None:
    assert_array_equal(pool([[1, 2, 3, 4, 5]], (1, 2), ceil_mode=True), [[2, 4, 5]])


def test_ceil_mode_changes_nothing_where_windows_fit() -> None:
    image = random_image(6, 9)
    assert_array_equal(pool(image, 3, ceil_mode=True), pool(image, 3))


@pytest.mark.parametrize(
    ("n", "taps", "stride", "dilation", "before", "after", "floor", "ceil"),
    [
        (9, 4, 4, 1, 2, 2, 3, 3),  # the fourth window would start at 12, past 9 + 2
        (5, 2, 2, 1, 0, 0, 2, 3),
        (6, 3, 2, 1, 1, 1, 3, 4),
        (7, 3, 2, 1, 0, 0, 3, 3),
        (8, 3, 2, 1, 0, 0, 3, 4),
        (5, 1, 2, 1, 0, 0, 3, 3),
        (6, 1, 2, 1, 0, 0, 3, 3),  # the fourth would start at 6
        (7, 2, 3, 1, 0, 0, 2, 3),
        (5, 2, 4, 1, 0, 0, 1, 2),
        (4, 2, 4, 1, 0, 0, 1, 1),  # the second would start at 4
        (6, 2, 2, 3, 0, 0, 2, 2),
        (7, 2, 2, 3, 0, 0, 2, 3),
        (4, 3, 2, 1, 0, 1, 2, 2),
        (4, 2, 3, 1, 1, 0, 2, 2),
    ],
)
def test_the_output_size_follows_floor_or_ceil(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int, floor: int, ceil: int
) -> None:
    for ceil_mode, expected in ((False, floor), (True, ceil)):
        down = pool(
            np.ones((n, 2)),
            (taps, 1),
            stride=(stride, 1),
            dilation=(dilation, 1),
            padding=(before, after, 0, 0),
            ceil_mode=ceil_mode,
        )
        across = pool(
            np.ones((2, n)),
            (1, taps),
            stride=(1, stride),
            dilation=(1, dilation),
            padding=(0, 0, before, after),
            ceil_mode=ceil_mode,
        )
        assert down.shape == (expected, 2)
        assert across.shape == (2, expected)


def test_ceil_mode_drops_a_whole_window_that_starts_behind_the_image() -> None:
    # ceil((2 + 0 + 2 - 2) / 2) + 1 = 2, and the second starts at 2, where the image ends.
    image = np.array([[3, 4]])
    assert_array_equal(pool(image, (1, 2), padding=(0, 0, 0, 2), ceil_mode=True, mode="sum"), [[7]])
    with pytest.raises(ShapeError):
        pool(image, (1, 2), padding=(0, 0, 0, 2), mode="sum")


@pytest.mark.parametrize("size", ["global", (5, 6)])
@MODES
def test_global_takes_the_whole_map(size: Size, mode: str) -> None:
    image = random_image(5, 6, 3)
    result = pool(image, size, mode=mode)
    assert result.shape == (1, 1, 3)
    expected = [REDUCTIONS[mode](image[..., channel].ravel().astype(float)) for channel in range(3)]
    assert_allclose(result[0, 0], expected, rtol=1e-6)


# Padding


def test_padding_never_wins_the_maximum() -> None:
    image = np.full((3, 3), -7)
    assert_array_equal(pool(image, 3, stride=1, padding=1), image)
    assert_array_equal(pool(image.astype(float), 3, stride=1, padding=1), image)


def test_padding_never_wins_the_minimum() -> None:
    image = np.full((3, 3), 7, np.uint8)
    assert_array_equal(pool(image, 3, stride=1, padding=1, mode="min"), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64, np.uint64, np.float32])
def test_the_types_own_limits_pool_as_pixels(dtype: Dtype) -> None:
    limits = np.finfo(dtype) if np.issubdtype(dtype, np.floating) else np.iinfo(dtype)
    for mode, value in (("max", limits.min), ("min", limits.max)):
        image = np.full((3, 3), value, dtype)
        result = pool(image, 3, stride=1, padding=1, mode=mode)
        assert_array_equal(result, image)


@pytest.mark.parametrize("mode", ["average", "median"])
def test_padding_is_left_out_of_averages_and_medians(mode: str) -> None:
    image = np.full((4, 4), 6, np.uint8)
    assert_array_equal(pool(image, 3, stride=1, padding=1, mode=mode), image)


def test_the_average_divides_by_real_pixels() -> None:
    assert_array_equal(
        pool(NUMBERED, 2, padding=1, mode="average"), [[1, 2.5], [(4 + 7) / 2, (5 + 6 + 8 + 9) / 4]]
    )


def test_count_include_pad_counts_padding_as_zeros() -> None:
    assert_array_equal(
        pool(NUMBERED, 2, padding=1, mode="average", count_include_pad=True),
        [[1 / 4, 5 / 4], [11 / 4, 28 / 4]],
    )


def test_the_overhang_of_ceil_mode_is_never_counted() -> None:
    result = pool(
        np.ones((6, 6)),
        3,
        stride=2,
        padding=1,
        mode="average",
        ceil_mode=True,
        count_include_pad=True,
    )
    assert result.shape == (4, 4)
    assert result[3, 1] == result[1, 3] == 0.5
    assert result[3, 3] == 0.25


@pytest.mark.parametrize("mode", ["average", "median", "max", "min"])
def test_ceil_mode_without_counting_padding_keeps_a_constant(mode: str) -> None:
    image = np.full((6, 6), 5, np.uint8)
    assert_array_equal(
        pool(image, 3, stride=2, padding=1, mode=mode, ceil_mode=True), np.full((4, 4), 5)
    )


@pytest.mark.parametrize("mode", ["max", "min", "median", "sum", "l2"])
def test_count_include_pad_concerns_the_average_only(mode: str) -> None:
    image = random_image(5, 5)
    assert_array_equal(
        pool(image, 3, padding=1, mode=mode, count_include_pad=True),
        pool(image, 3, padding=1, mode=mode),
    )


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        ("valid", (0, 0, 0, 0)),
        (1, (1, 1, 1, 1)),
        ("1", (1, 1, 1, 1)),
        ((1, 2), (1, 1, 2, 2)),
        ("1,2", (1, 1, 2, 2)),
        ((2, 1, 0, 2), (2, 1, 0, 2)),
        ("2,1,0,2", (2, 1, 0, 2)),
        ("full", (2, 2, 2, 2)),
        ("same", (1, 1, 0, 1)),  # 7 and 6 at stride 2 give 4 and 3
        ("same-lower", (1, 1, 1, 0)),
    ],
)
@MODES
def test_padding_accepts_everything_that_convolve_does(
    padding: int | str, sides: tuple[int, ...], mode: str
) -> None:
    image = random_image(7, 6, dtype=np.int16) - np.int16(128)
    assert_allclose(
        pool(image, 3, stride=2, padding=padding, mode=mode),
        pool_by_loops(image, (3, 3), stride=(2, 2), padding=sides, mode=mode),
        rtol=1e-6,
        atol=1e-6,
    )


def test_same_keeps_the_size_at_stride_1() -> None:
    image = np.arange(9).reshape(3, 3)
    assert_array_equal(pool(image, 2, stride=1, padding="same"), [[4, 5, 5], [7, 8, 8], [7, 8, 8]])
    assert_array_equal(
        pool(image, 2, stride=1, padding="same-lower"), [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    )


def test_full_lets_every_window_touch_the_image() -> None:
    assert_array_equal(
        pool([[1, 2], [3, 4]], 2, stride=1, padding="full"), [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    )


@MODES
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((4, 4), {"size": 2, "padding": 2}),
        ((4, 4), {"size": 2, "padding": (0, 2)}),
        ((4, 4), {"size": 2, "padding": (0, 2, 0, 0)}),
        # the taps fall on both sides of the only pixel
        ((1, 1), {"size": (1, 2), "padding": (0, 1), "dilation": 2}),
        ((1, 5), {"size": (2, 1), "padding": (1, 0), "dilation": 2}),
    ],
)
def test_a_window_without_a_real_pixel_is_an_error(
    mode: str, shape: tuple[int, int], arguments: Arguments
) -> None:
    for image in (np.ones(shape), np.ones((*shape, 3), np.uint8)):
        with pytest.raises(ShapeError):
            pool(image, mode=mode, **arguments)


def test_counting_padding_does_not_make_a_window_of_padding_legal() -> None:
    with pytest.raises(ShapeError):
        pool(np.ones((4, 4)), 2, padding=2, mode="average", count_include_pad=True)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_window_larger_than_the_image_gets_the_arithmetic(ceil_mode: bool) -> None:
    with pytest.raises(ShapeError, match=r"window \(7\) is wider than .*, 5 \+ 2\*0 - 7 < 0"):
        pool(np.ones((5, 5)), (1, 7), stride=1, ceil_mode=ceil_mode)


def test_ceil_mode_keeps_a_partial_window_larger_than_the_image() -> None:
    # As PyTorch and ONNX Runtime do.
    assert_array_equal(pool(np.arange(9).reshape(3, 3), 5, ceil_mode=True), [[8]])


# Channels and types of numbers


@MODES
@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_each_channel_is_pooled_by_itself(mode: str, channels: int) -> None:
    image = random_image(6, 7, channels)
    result = pool(image, (2, 3), mode=mode)
    assert result.shape == (3, 2, channels)
    for channel in range(channels):
        assert_array_equal(result[..., channel], pool(image[..., channel], (2, 3), mode=mode))


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(
    "dtype",
    ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"],
)
@pytest.mark.parametrize("padding", [0, 1])
def test_max_and_min_keep_the_dtype(mode: str, dtype: str, padding: int) -> None:
    assert pool(np.ones((4, 4), dtype), 2, mode=mode, padding=padding).dtype == np.dtype(dtype)


def test_large_integers_pass_through_max_and_min_exactly() -> None:
    image = np.array([[2**53 + 1, 2**53]])
    assert pool(image, (1, 2)).item() == 2**53 + 1
    assert pool(np.array([[2**64 - 1, 0]], np.uint64), (1, 2), padding=(0, 1)).max() == 2**64 - 1


@pytest.mark.parametrize("mode", ["average", "median", "sum", "l2"])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, np.float32), (np.uint16, np.float32), (np.float32, np.float32)],
)
def test_the_other_modes_give_float32_where_that_is_exact(
    mode: str, dtype: Dtype, expected: ArrayLike
) -> None:
    assert pool(random_image(4, 4, dtype=dtype), 2, mode=mode).dtype == expected


@pytest.mark.parametrize("mode", ["average", "median", "sum"])
def test_integers_beyond_float32_stay_exact(mode: str) -> None:
    image = np.full((2, 2), 2**40 + 1)
    result = pool(image, 2, mode=mode)
    assert result.dtype == np.float64
    assert result.item() == (2**42 + 4 if mode == "sum" else 2**40 + 1)


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("sum", [2**23 + 1, 2**23 + 1, 1], 2**24 + 3),
        ("median", [2**24 - 1, 2**24 - 2], 2**24 - 1.5),
        ("average", [2**24 - 1, 2**24 - 2], 2**24 - 1.5),
    ],
)
def test_what_pixels_add_up_to_stays_exact(mode: str, values: list[int], expected: float) -> None:
    assert pool([values], (1, len(values)), mode=mode).item() == expected


@MODES
def test_a_bool_image_is_0_and_255(mode: str) -> None:
    image = np.array([[True, False, True, True]])
    assert_array_equal(
        pool(image, (1, 2), mode=mode), pool(image.astype(np.uint8) * 255, (1, 2), mode=mode)
    )


@MODES
@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8"])
def test_the_byte_order_of_the_image_does_not_matter(mode: str, dtype: str) -> None:
    image = random_image(6, 6)
    assert_allclose(pool(image.astype(dtype), 3, mode=mode), pool(image, 3, mode=mode), rtol=1e-6)


@MODES
def test_the_image_is_left_alone_and_shares_nothing_with_the_result(mode: str) -> None:
    image = random_image(4, 4, dtype=np.float32)
    before = image.copy()
    result = pool(image, 1, mode=mode)
    result += 1
    assert_array_equal(image, before)


# NaN and infinity


@MODES
@pytest.mark.parametrize("padding", [0, "full"])
def test_nan_passes_on_to_its_windows_only(mode: str, padding: int | str) -> None:
    image = np.ones((4, 6))
    image[1, 2] = np.nan
    result = pool(image, 2, mode=mode, padding=padding)
    clean = pool(np.ones((4, 6)), 2, mode=mode, padding=padding)
    hit = (0, 1) if padding == 0 else (1, 1)
    assert np.isnan(result[hit])
    result[hit] = clean[hit]
    assert_array_equal(result, clean)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("max", np.inf),
        ("min", -np.inf),
        ("average", np.nan),
        ("median", 1.5),
        ("sum", np.nan),
        ("l2", np.inf),
    ],
)
def test_infinities_pass_on(mode: str, expected: float) -> None:
    assert_array_equal(pool([[np.inf, 1.0, 2.0, -np.inf]], (1, 4), mode=mode), [[expected]])


def test_minus_infinity_in_the_image_is_a_pixel_like_any() -> None:
    image = np.full((2, 2), -np.inf)
    assert_array_equal(pool(image, 2, stride=1, padding=1), np.full((3, 3), -np.inf))
    assert_array_equal(pool(-image, 2, stride=1, padding=1, mode="min"), np.full((3, 3), np.inf))


# Arguments


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"size": 0}, "size"),
        ({"size": "2,2,2"}, "size"),
        ({"size": 1.5}, "size"),
        ({"size": "globl"}, "size"),
        ({"mode": "averag"}, "average"),
        ({"stride": 0}, "stride"),
        ({"dilation": 0}, "dilation"),
        ({"padding": -1}, "padding"),
        ({"padding": "sme"}, "same"),
        ({"ceil_mode": "perhaps"}, "ceil_mode"),
        ({"count_include_pad": "perhaps"}, "count_include_pad"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Arguments, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        pool(random_image(6, 7), **arguments)


@pytest.mark.parametrize("shape", [(), (5,), (0, 5), (5, 5, 0), (2, 2, 2, 2)])
def test_arrays_that_are_no_image_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        pool(np.zeros(shape), 1)


# The p-th power, and where a value came from


@pytest.mark.parametrize("p", [1, 2, 3, 0.5])
def test_lp_is_the_root_of_the_sum_of_powers(p: float) -> None:
    image = np.array([[-1.0, 2], [3, -4]])
    expected = (1 + 2**p + 3**p + 4**p) ** (1 / p)
    assert_allclose(pool(image, 2, mode="lp", p=p), [[expected]], rtol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "avg"])
def test_other_words_for_average_get_a_suggestion(mode: str) -> None:
    with pytest.raises(ArgumentError, match="'average'"):
        pool(np.zeros((4, 4)), mode=mode)


@pytest.mark.parametrize("size", [True, "yes", 2.5])
def test_a_size_is_a_whole_number(size: Size) -> None:
    with pytest.raises(ArgumentError, match="size"):
        pool(np.zeros((4, 4)), size)


def test_lp_of_2_is_l2() -> None:
    image = np.random.default_rng(0).standard_normal((7, 8, 3))
    arguments: Arguments = {"size": 3, "stride": 2, "padding": 1}
    assert_array_equal(pool(image, mode="lp", **arguments), pool(image, mode="l2", **arguments))


@pytest.mark.parametrize(
    "arguments", [{"mode": "l2", "p": 3}, {"mode": "lp", "p": 0}, {"mode": "lp", "p": "x"}]
)
def test_a_power_that_makes_no_sense_is_refused(arguments: Arguments) -> None:
    with pytest.raises(ArgumentError, match="p "):
        pool(np.zeros((4, 4)), **arguments)


@pytest.mark.parametrize("seed", range(30))
def test_indices_are_torchs(seed: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    image = rng.integers(-5, 6, (rng.integers(6, 12), rng.integers(6, 12), 3)).astype(np.float32)
    size, stride = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    padding, dilation = int(rng.integers(0, size // 2 + 1)), int(rng.integers(1, 3))
    ceil_mode = bool(rng.integers(2))
    values, indices = torch.nn.functional.max_pool2d(
        torch.from_numpy(image).permute(2, 0, 1)[None],
        size, stride, padding, dilation, ceil_mode, return_indices=True,
    )  # fmt: skip
    if not np.isfinite(values.numpy()).all():
        pytest.skip("a window of padding alone")
    picked, places = max_pool_with_indices(
        image, size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    assert_array_equal(picked, values[0].permute(1, 2, 0).numpy())
    assert_array_equal(places, indices[0].permute(1, 2, 0).numpy())
    assert places.dtype == np.int64


def test_indices_of_the_minimum_and_of_nan() -> None:
    image = np.array([[3, 1, np.nan], [1, 2, 5]])
    picked, places = max_pool_with_indices(image, (2, 2), stride=1, mode="min")
    assert_array_equal(picked, [[1, np.nan]])
    assert_array_equal(places, [[1, 2]])


def test_indices_of_the_types_least_value_are_pixels() -> None:
    image = np.full((3, 3), -128, np.int8)
    picked, places = max_pool_with_indices(image, 2, stride=2, padding=1)
    assert_array_equal(picked, np.full((2, 2), -128))
    assert_array_equal(places, [[0, 1], [3, 4]])


def test_indices_need_a_mode_that_picks() -> None:
    with pytest.raises(ArgumentError, match="average"):
        max_pool_with_indices(np.zeros((4, 4)), mode="average")
