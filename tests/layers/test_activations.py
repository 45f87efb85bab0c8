"""Activations against SciPy, PyTorch and their formulas, up to extreme values."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

import cnnfilter
from cnnfilter import (
    ArgumentError,
    ShapeError,
    clip,
    elu,
    gelu,
    leaky_relu,
    prelu,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)

from ..reference import Array
from ..types import Arguments, Dtype

FORMULAS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, 0.01 * x, x),
    "elu": lambda x: np.where(x < 0, special.expm1(np.minimum(x, 0)), x),
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "tanh": np.tanh,
    "clip": lambda x: np.maximum(x, 0),
    "gelu": lambda x: np.where(x > -50, np.maximum(x, -50) * special.ndtr(x), 0),
}
NAMES = pytest.mark.parametrize("name", list(FORMULAS))
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def activation(name: str) -> Callable[..., Array]:
    function: Callable[..., Array] = getattr(cnnfilter, name)
    return function


def tolerance(array: Array) -> float:
    return 1e-6 if array.dtype == np.float32 else 1e-12


@NAMES
@FLOATS
def test_like_the_formula(name: str, dtype: Dtype) -> None:
    image = (np.random.default_rng(0).standard_normal((6, 7, 3)) * 5).astype(dtype)
    result = activation(name)(image)
    assert result.shape == image.shape
    assert result.dtype == dtype
    assert_allclose(result, FORMULAS[name](image.astype(float)), rtol=tolerance(result), atol=1e-7)


@NAMES
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_integers_are_read_as_numbers(name: str, dtype: Dtype) -> None:
    limits = np.iinfo(dtype)
    image = np.array([[limits.min, 0, 1, 2, 3, 100, limits.max]], dtype)
    result = activation(name)(image)
    assert_allclose(result, FORMULAS[name](image.astype(float)), rtol=1e-6, atol=1e-30)


@NAMES
@FLOATS
def test_extreme_values_give_their_limits_without_a_warning(name: str, dtype: Dtype) -> None:
    largest = np.finfo(dtype).max
    smallest = np.finfo(dtype).smallest_subnormal
    image = np.array([[-largest, -1e5, -800, -100, -smallest, 0, smallest, 100, 800, largest]])
    result = activation(name)(image.astype(dtype))
    with np.errstate(all="ignore"):
        expected = FORMULAS[name](image).astype(dtype)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-30)


@NAMES
@FLOATS
def test_infinities_give_their_limits_without_a_warning(name: str, dtype: Dtype) -> None:
    result = activation(name)(np.array([[-np.inf, np.inf]], dtype))
    assert_array_equal(result, FORMULAS[name](np.array([[-np.inf, np.inf]])))


@NAMES
@FLOATS
def test_nan_passes_on(name: str, dtype: Dtype) -> None:
    result = activation(name)(np.array([[np.nan, 1]], dtype))
    assert_array_equal(np.isnan(result), [[True, False]])


@pytest.mark.parametrize(
    ("name", "torchs", "arguments"),
    [
        ("relu", "relu", {}),
        ("leaky_relu", "leaky_relu", {}),
        ("elu", "elu", {}),
        ("sigmoid", "sigmoid", {}),
        ("softplus", "softplus", {"threshold": 1000.0}),
        ("tanh", "tanh", {}),
        ("gelu", "gelu", {}),
    ],
)
@FLOATS
def test_like_torch(name: str, torchs: str, arguments: Arguments, dtype: Dtype) -> None:
    torch = pytest.importorskip("torch")
    image = (np.random.default_rng(1).standard_normal((6, 7)) * 20).astype(dtype)
    function = getattr(torch.nn.functional, torchs)
    expected = function(torch.from_numpy(image), **arguments).numpy()
    result = activation(name)(image)
    # torch's float32 gelu loses digits where 1 + erf(x) is near 0.
    atol = 1e-6 if name == "gelu" else 1e-7
    assert_allclose(result, expected, rtol=tolerance(result), atol=atol)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8"])
def test_relu_keeps_the_dtype(dtype: str) -> None:
    assert relu(np.array([[1, 2]], dtype)).dtype == np.dtype(dtype)


def test_relu_keeps_large_integers_exactly() -> None:
    assert_array_equal(relu([[2**53 + 1, -(2**63)]]), [[2**53 + 1, 0]])


def test_a_bool_image_is_0_and_255() -> None:
    assert_array_equal(relu(np.array([[True, False]])), [[255, 0]])


@pytest.mark.parametrize("slope", [0, 0.2, 1, 3])
def test_leaky_relu_multiplies_what_is_negative_by_slope(slope: float) -> None:
    assert_allclose(leaky_relu([[-10.0, 10.0]], slope), [[-10 * slope, 10]], rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1, 2])
def test_elu_levels_off_at_minus_alpha(alpha: float) -> None:
    assert_allclose(
        elu([[-1000.0, -1.0, 2.0]], alpha), [[-alpha, alpha * np.expm1(-1), 2]], rtol=1e-6
    )


def test_small_arguments_keep_their_precision() -> None:
    image = np.array([[-1e-12, 1e-12]])
    assert_allclose(elu(image), image, rtol=1e-9)
    assert_allclose(tanh(image), image, rtol=1e-9)


def test_sigmoid_and_softplus_do_not_round_their_tails_to_0() -> None:
    image = np.array([[-60.0, -700.0]])
    assert_allclose(sigmoid(image), np.exp(image), rtol=1e-9)
    assert_allclose(softplus(image), np.exp(image), rtol=1e-9)


def test_clip_limits_to_0_and_more_by_default() -> None:
    assert_array_equal(clip([[-5, 3, 10]]), [[0, 3, 10]])
    assert_array_equal(clip([[-5, 3, 10]], 0, 6), [[0, 3, 6]])
    assert_array_equal(clip([[-5, 3, 10]], -1, 4.5), [[-1, 3, 4.5]])
    assert_array_equal(clip([[-5, 3, 10]], low=2, high=2), [[2, 2, 2]])


@pytest.mark.parametrize(("low", "high"), [(3, 2), (0, -1)])
def test_clip_refuses_low_above_high(low: float, high: float) -> None:
    with pytest.raises(ArgumentError):
        clip([[1]], low, high)


@NAMES
def test_the_image_is_left_alone_and_shares_nothing_with_the_result(name: str) -> None:
    image = np.array([[-2.0, 0.5, 3.0]], np.float32)
    before = image.copy()
    result = activation(name)(image)
    result += 1
    assert_array_equal(image, before)


@NAMES
def test_images_of_no_real_numbers_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError):
        activation(name)(np.ones((2, 2), complex))


@FLOATS
def test_gelu_by_tanh_is_torchs(dtype: Dtype) -> None:
    torch = pytest.importorskip("torch")
    image = (np.random.default_rng(4).standard_normal((6, 7)) * 4).astype(dtype)
    expected = torch.nn.functional.gelu(torch.from_numpy(image), approximate="tanh").numpy()
    result = gelu(image, approximate="tanh")
    assert_allclose(result, expected, rtol=10 * tolerance(result), atol=1e-6)
    extremes = np.array([[-np.inf, np.inf, np.finfo(dtype).max]], dtype)
    assert_array_equal(gelu(extremes, "tanh"), [[0, np.inf, np.finfo(dtype).max]])


@NAMES
def test_a_vector_is_read_like_an_image(name: str) -> None:
    image = np.random.default_rng(2).standard_normal((3, 5)).astype(np.float32)
    assert_array_equal(activation(name)(image.ravel()), activation(name)(image).ravel())


def test_a_map_of_many_bands_is_activated_to_its_end() -> None:
    image = np.random.default_rng(3).standard_normal((900, 700)).astype(np.float32)
    assert_allclose(sigmoid(image), special.expit(image), rtol=1e-5)


def test_prelu_has_a_slope_for_each_channel() -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(5).standard_normal((6, 7, 3)).astype(np.float32)
    slopes = np.array([0.5, -0.25, 0], np.float32)
    theirs = torch.nn.functional.prelu(
        torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(slopes)
    )
    assert_array_equal(prelu(image, slopes), theirs[0].permute(1, 2, 0).numpy())
    assert_array_equal(prelu(image, 0.5), leaky_relu(image, 0.5))
    assert_array_equal(prelu([[-2.0, 4]], "1/4"), [[-0.5, 4]])
    assert_array_equal(prelu([-2.0, -2.0], [0.5, 1]), [-1, -2])


@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 4), (4,)])
def test_prelu_refuses_slopes_that_do_not_go_with_the_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"slope .*\(2,\)"):
        prelu(np.zeros(shape), [0.1, 0.2])


@FLOATS
def test_softmax_is_scipys(dtype: Dtype) -> None:
    rng = np.random.default_rng(6)
    vector = (rng.standard_normal(9) * 10).astype(dtype)
    result = softmax(vector)
    assert result.dtype == dtype
    assert_allclose(result, special.softmax(vector), rtol=1e-5)
    features = rng.standard_normal((4, 5, 6)).astype(dtype)
    assert_allclose(softmax(features), special.softmax(features, axis=-1), rtol=1e-5)


def test_softmax_stays_between_0_and_1() -> None:
    assert_array_equal(softmax([-1e30, 0, 1e30]), [0, 0, 1])
    assert_array_equal(softmax(np.array([1000, 1000], np.int32)), [0.5, 0.5])
    assert np.isnan(softmax([np.nan, 1.0])).all()


def test_softmax_refuses_what_has_no_channels() -> None:
    with pytest.raises(ShapeError, match="flatten"):
        softmax(np.zeros((3, 3)))
