"""Numbers that nobody types on purpose: near 0, near infinity, beyond every float or text."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnfilter import CnnFilterError, KernelError, Pipeline, convolve, kernel
from cnnfilter.arrays import Array, arguments
from cnnfilter.arrays.geometry import Axis
from cnnfilter.kernels.catalogue import KERNELS
from cnnfilter.kernels.facts import kernel_facts
from cnnfilter.layers.pooling import Pooling
from cnnfilter.layers.reduction import counted_taps, real_taps

ODD = (
    "1e-320", "1e-308", "1e-200", "1e-160", "1e-20", "0.3", "1", "1e20", "1e154", "1e160",
    "1e300", "1e308", "1e400", "nan", "inf", "-inf", "-1", "-1e308", "0", "-0.0", "7x2",
    "1000", "9" * 30, "9" * 5000, "", "1/3", "1/1e400", "1e308/1e-308", "auto", "1_0",
)  # fmt: skip
PARAMETERS = [
    (name, position) for name, entry in KERNELS.items() for position in range(len(entry.parameters))
]


def with_parameter(name: str, position: int, value: str) -> str:
    values = ["5", *list(KERNELS[name].parameters.values())[1:]]
    values[position] = value
    return f"{name}:{','.join(values)}"


def kernel_or_problem(text: str) -> tuple[Array | None, str]:
    try:
        return np.asarray(kernel(text)), ""
    except KernelError as error:
        return None, str(error)


def one_line(message: str) -> bool:
    return 0 < len(message) < 400 and "\n" not in message


@pytest.mark.parametrize(("name", "position"), PARAMETERS)
def test_an_odd_parameter_gives_finite_results_or_one_line(name: str, position: int) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for value in ODD:
        weights, problem = kernel_or_problem(with_parameter(name, position, value))
        if weights is None:
            assert one_line(problem)
            continue
        assert np.isfinite(weights).all()
        assert not np.isnan(convolve(image, weights, padding="same")).any()
        kernel_facts(weights)


@pytest.mark.parametrize("size", ["1", "2", "5", "6", "4x7"])
@pytest.mark.parametrize("sigma", ["1e10", "1e160", "1e300", "1e308"])
def test_a_gaussian_without_end_is_the_box(size: str, sigma: str) -> None:
    expected = kernel(f"box:{size}")
    np.testing.assert_allclose(kernel(f"gaussian:{size},{sigma}"), expected, rtol=1e-14)


@pytest.mark.parametrize("sigma", ["1e-3", "1e-20", "1e-170", "1e-308", "1e-320", "5e-324"])
def test_a_gaussian_without_width_picks_the_nearest_pixel(sigma: str) -> None:
    np.testing.assert_array_equal(kernel(f"gaussian:3,{sigma}"), kernel("identity"))
    middle = np.array([[0, 1, 1, 0]]) / 2
    np.testing.assert_array_equal(kernel(f"gaussian:4,{sigma}"), middle * middle.T)


def exact_log(size: int, sigma: str) -> Array:
    """Sample the Laplacian of a gaussian, less its mean, with 400 digits."""
    getcontext().prec, pi = 400, Decimal("3.14159265358979323846264338327950288419716939937510")
    variance, middle = Decimal(sigma) ** 2, Decimal(size - 1) / 2
    values = []
    for row in range(size):
        for column in range(size):
            power = ((row - middle) ** 2 + (column - middle) ** 2) / (2 * variance)
            values.append((1 - power) * (-power).exp() / (pi * variance**2))
    mean = sum(values) / len(values)
    return np.array([float(value - mean) for value in values]).reshape(size, size)


@pytest.mark.parametrize("size", [3, 4, 7])
@pytest.mark.parametrize("sigma", ["0.08", "0.3", "1.4", "30", "1e4", "1e8", "1e30", "1e40"])
def test_a_laplacian_of_gaussian_is_exact_however_wide(size: int, sigma: str) -> None:
    expected = exact_log(size, sigma)
    least = np.abs(expected).max() * 1e-12
    np.testing.assert_allclose(kernel(f"log:{size},{sigma}"), expected, rtol=1e-12, atol=least)


@pytest.mark.parametrize("sigma", ["1e100", "1e160", "1e308"])
def test_a_laplacian_of_gaussian_wider_than_floats_tell_is_0(sigma: str) -> None:
    assert not np.any(kernel(f"log:5,{sigma}"))


def test_a_laplacian_of_gaussian_larger_than_any_float_is_reported_in_one_line() -> None:
    with pytest.raises(KernelError, match=r"'log:5,1e-100': its weights are larger than any float"):
        kernel("log:5,1e-100")


@pytest.mark.parametrize(
    ("odd", "same"),
    [
        ("motion:9,3600000000000090", "motion:9,90"),
        ("motion:9,-324000000000045", "motion:9,-45"),
        ("gabor:7,36000000000030,4", "gabor:7,30,4"),
        ("gabor:7,30,4,2,0.5,-36000000000090", "gabor:7,30,4,2,0.5,-90"),
        # Waves a quarter or a whole pixel long are alike at every pixel.
        (f"gabor:5,0,{2.0**-700},2", "gabor:5,0,1,2"),
        ("gabor:5,0,0.25,2", "gabor:5,0,1,2"),
        # Neither a wave nor a bell is left to see.
        ("gabor:5,0,1e300", "gabor:5,0,1e20"),
        ("gabor:5,0,1e300,1e308,1e-300", "gabor:5,0,1e20"),
        # A bell as flat as it is wide: 0 but on the axis.
        ("gabor:5,0,1e300,1e300,1e308", "gabor:5,0,1e20,1e20,1e28"),
    ],
)
def test_what_is_alike_is_alike_at_the_ends_of_the_numbers(odd: str, same: str) -> None:
    np.testing.assert_allclose(kernel(odd), kernel(same), rtol=1e-9, atol=1e-12)


def test_a_quarter_turn_is_the_transpose_to_the_digit() -> None:
    np.testing.assert_array_equal(kernel("gabor:9,90"), np.transpose(kernel("gabor:9,0")))


@pytest.mark.parametrize(
    "text",
    ["1e400", "1/0", "1/inf", "1/nan", "1e308/1e-308", "9" * 100_000, "1/1e400", "inf", "1_0"],
)
def test_a_weight_that_is_no_finite_number_is_reported_in_one_line(text: str) -> None:
    with pytest.raises(KernelError, match="row 1, column 2") as caught:
        kernel(f"1 {text}")
    assert one_line(str(caught.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e-320 5e-324", [1e-320, 5e-324]), ("1/1e308", [1e-308]), ("1" + " " * 10**6 + "2", [1, 2])],
)
def test_a_weight_near_0_is_kept(text: str, expected: list[float]) -> None:
    np.testing.assert_array_equal(kernel(text), [expected])


def test_a_text_larger_than_any_kernel_is_refused_before_it_is_read() -> None:
    with pytest.raises(KernelError, match="characters"):
        kernel("1 " * 10**7)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_weights_near_infinity_that_cancel_leave_what_is_left(dtype: str) -> None:
    image = np.full((3, 3), 200, dtype)
    np.testing.assert_array_equal(convolve(image, "1e308 -1e308"), np.zeros((3, 2)))
    np.testing.assert_array_equal(convolve(image[:, :1], "1e306"), np.full((3, 1), 2e308))
    image[:, 0] = 0
    np.testing.assert_array_equal(convolve(image, "1e300 1")[:, 0], [200, 200, 200])


def test_a_magnitude_near_infinity_is_no_square() -> None:
    maps = convolve([[0, 3.0, 4.0]], ["1e300 0", "0 1e300"], combine="l2")
    np.testing.assert_allclose(maps, [[3e300, 5e300]], rtol=1e-15)


@pytest.mark.parametrize("weights", ["1e308 1e308", "1e-320 1e-320", "5 5"])
def test_normalized_weights_sum_to_1_however_large(weights: str) -> None:
    result = convolve([[1.0, 1.0]], weights, normalize=True)
    np.testing.assert_array_equal(result, [[1.0]])


def test_facts_of_weights_near_the_ends_are_those_of_like_ones() -> None:
    for scale in ("1e308", "1e-320"):
        facts = kernel_facts(np.asarray(kernel(f"{scale} {scale}; {scale} {scale}")))
        assert facts.separable
        assert facts.symmetric
        assert not kernel_facts(np.asarray(kernel(f"{scale} 0; 0 0"))).symmetric


HUGE: list[object] = [
    10**30,
    10**400,
    10**5000,
    "9" * 5000,
    1e308,
    1e-320,
    float("nan"),
    -1,
    "",
    "²",
]


@pytest.mark.parametrize("value", HUGE, ids=range(len(HUGE)))
@pytest.mark.parametrize(
    "read",
    [
        arguments.number, arguments.integer, arguments.integers, arguments.pair, arguments.flag,
        lambda name, value: arguments.choice(name, value, ["max", "min"]),
    ],
)  # fmt: skip
def test_a_reader_of_arguments_accepts_a_value_or_rejects_it_in_one_line(
    read: Callable[[object], object], value: object
) -> None:
    problem, result = "", None
    try:
        result = read("size", value)
    except CnnFilterError as error:
        problem = str(error)
    if result is None:
        assert one_line(problem)
        assert "size" in problem
    else:
        assert np.all(np.isfinite(result))


def test_a_window_of_very_many_taps_is_laid_out_without_them() -> None:
    layer = Pooling(10**6, stride=1, padding="full")
    assert layer.output_shape((4, 4)) == (10**6 + 3, 10**6 + 3)


@pytest.mark.parametrize("seed", range(30))
def test_taps_are_counted_as_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length, size, stride, dilation, before, after = map(int, rng.integers(1, 9, 6))
    room = length + before + after - (size - 1) * dilation - 1
    axis = Axis(length, size, stride, dilation, before, after, max(1, room // stride + 2))
    taps = [
        [window * stride - before + tap * dilation for tap in range(size)]
        for window in range(axis.count)
    ]
    real = [sum(0 <= place < length for place in window) for window in taps]
    counted = [sum(place < length + after for place in window) for window in taps]
    assert real_taps(axis).tolist() == real
    assert counted_taps(axis).tolist() == counted


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ("pool 999999999999999999999", "size"),
        (f"pool {'9' * 5000}", "size"),
        ("resize 1e9", "size"),
        ("scale factor=1e400", "factor"),
        ("clip nan inf", "low"),
        ("leaky-relu 1/0", "slope"),
        (f"select {'9' * 5000}", "channel"),
        (f"relu {'9' * 5000}", "relu has no place"),
        (f"{'9' * 5000} 2", "unknown step"),
        (f"convolve sharpen {'9' * 5000}=1", "kernel"),
        (f"relu '{'9' * 5000}", "quotation"),
        ("convolve sharpen gain=1e308", "gain"),
        ("batch-norm mean=1e400 variance=1", "mean"),
    ],
)
def test_an_odd_number_in_a_step_is_reported_in_one_line(steps: str, word: str) -> None:
    with pytest.raises(CnnFilterError, match=word) as caught:
        Pipeline(steps).run(np.zeros((4, 4, 3), np.uint8))
    assert one_line(str(caught.value))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet="0123456789.,;-+eEx/ \n_|='\"infaINFA\u0663\u00b2\x00\x1b", max_size=40))
def test_any_text_is_a_kernel_and_a_step_or_one_line(text: str) -> None:
    for read in (kernel, Pipeline, lambda text: Pipeline(f"pool {text}")):
        problem = ""
        try:
            read(text)
        except CnnFilterError as error:
            problem = str(error)
        assert not problem or one_line(problem)
