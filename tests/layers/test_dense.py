"""flatten and dense against NumPy and PyTorch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike

from cnnfilter import ArgumentError, CnnFilterError, NotFiniteError, ShapeError, dense, flatten

from ..types import Dtype

RNG = np.random.default_rng(8)


@pytest.mark.parametrize("channels", [1, 3])
def test_flatten_is_torchs_and_keras(channels: int) -> None:
    features = RNG.standard_normal((4, 5, channels))
    assert_array_equal(flatten(features), features.transpose(2, 0, 1).ravel())
    assert_array_equal(flatten(features, order="hwc"), features.ravel())
    assert_array_equal(flatten(features[:, :, 0]), features[:, :, 0].ravel())


def test_flatten_leaves_a_vector_and_its_dtype() -> None:
    vector = np.arange(5, dtype=np.uint16)
    assert_array_equal(flatten(vector), vector)
    assert flatten(vector).dtype == np.uint16


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dense_is_torchs_linear(dtype: Dtype) -> None:
    torch = pytest.importorskip("torch")
    features = RNG.standard_normal(40).astype(dtype)
    weights, bias = RNG.standard_normal((40, 7)).astype(dtype), RNG.standard_normal(7).astype(dtype)
    expected = torch.nn.functional.linear(
        torch.from_numpy(features), torch.from_numpy(weights.T.copy()), torch.from_numpy(bias)
    ).numpy()
    result = dense(features, weights, bias)
    assert result.dtype == dtype
    assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_dense_by_hand() -> None:
    assert_array_equal(dense([1, 2], [[1, 0, -1], [2, 1, 0]]), [5, 2, -1])
    assert_array_equal(dense([1, 2], [[1], [2]], bias="1/2"), [5.5])
    assert_array_equal(dense(np.array([255], np.uint8), [[255]]), [65025])


def test_dense_gives_floats_of_the_features_width() -> None:
    assert dense(np.array([1], np.uint8), [[1]]).dtype == np.float32
    assert dense(np.array([1], np.float16), [[1]]).dtype == np.float32
    assert dense([1.0], np.ones((1, 1), np.float32)).dtype == np.float64


REFUSED: dict[str, tuple[list[ArrayLike], type[CnnFilterError], list[str]]] = {
    "a map": ([np.zeros((2, 2)), np.zeros((4, 1))], ShapeError, ["(2, 2)", "flatten"]),
    "too few": ([np.zeros(3), np.zeros((4, 2))], ShapeError, ["(4, 2)", "4", "3"]),
    "turned round": ([np.zeros(2), np.zeros((4, 2))], ShapeError, ["(4, 2)", "OIHW"]),
    "no matrix": ([np.zeros(2), np.zeros(2)], ArgumentError, ["(inputs, outputs)", "(2,)"]),
    "biases": ([np.zeros(2), np.zeros((2, 3)), [1, 2]], ArgumentError, ["(2,)", "(2, 3)"]),
    "NaN weights": ([np.zeros(2), [[0.0], [np.nan]]], ArgumentError, ["weights", "1,0"]),
    "NaN bias": ([np.zeros(1), [[0.0]], [np.nan]], ArgumentError, ["bias"]),
    "NaN features": ([[np.nan], [[0.0]]], NotFiniteError, ["1 value"]),
    "words": ([np.zeros(1), [["a"]]], ArgumentError, ["weights"]),
    "nothing": ([[], np.zeros((0, 1))], CnnFilterError, []),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_dense_refuses(case: str) -> None:
    arguments, error, words = REFUSED[case]
    with pytest.raises(error) as refused:
        dense(*arguments)
    assert [word for word in words if word not in str(refused.value)] == []


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ArgumentError, match="hwc"):
        flatten(np.zeros((2, 2)), order="whc")
