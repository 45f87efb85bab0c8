"""The worked example, to the digit: an image, sharpened, then pooled."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import ArrayLike
from scipy import ndimage

from cnnfilter import Pipeline, convolve, pool, read_image

from ..reference import Array, convolve_by_loops, pool_by_loops
from ..types import Dtype

FOLDER = Path(__file__).parents[1] / "data" / "worked-example"
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])


def matrix(name: str) -> Array:
    return np.loadtxt(FOLDER / name, delimiter=",", dtype=np.int64)


@pytest.fixture
def image() -> Array:
    return matrix("image-16x16.csv")


@pytest.fixture
def sharpened() -> Array:
    return matrix("sharpen-14x14.csv")


@pytest.fixture
def pooled() -> Array:
    return matrix("maxpool-7x7.csv")


def test_the_data_itself_agrees_with_scipy(image: Array, sharpened: Array, pooled: Array) -> None:
    assert image.shape == (16, 16)
    assert_array_equal(ndimage.correlate(image, SHARPEN)[1:-1, 1:-1], sharpened)
    assert_array_equal(sharpened.reshape(7, 2, 7, 2).max(axis=(1, 3)), pooled)
    assert sharpened.min() < 0
    assert sharpened.max() > 255


def test_the_data_itself_agrees_with_the_loops(
    image: Array, sharpened: Array, pooled: Array
) -> None:
    assert_array_equal(convolve_by_loops(image, SHARPEN), sharpened)
    assert_array_equal(pool_by_loops(sharpened, (2, 2)), pooled)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("kernel", ["sharpen", "0 -1 0; -1 5 -1; 0 -1 0", SHARPEN])
def test_convolve(image: Array, sharpened: Array, dtype: Dtype, kernel: ArrayLike) -> None:
    assert_array_equal(convolve(image.astype(dtype), kernel), sharpened)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_pool(sharpened: Array, pooled: Array, dtype: Dtype) -> None:
    assert_array_equal(pool(sharpened.astype(dtype), 2), pooled)


def test_both_in_turn(image: Array, pooled: Array) -> None:
    assert_array_equal(pool(convolve(image.astype(np.uint8), "sharpen"), 2), pooled)


def test_pipeline(image: Array, pooled: Array) -> None:
    pipeline = Pipeline("convolve sharpen | pool 2")
    assert_array_equal(pipeline.run(image.astype(np.uint8)), pooled)


def test_pipeline_from_the_file(pooled: Array) -> None:
    pipeline = Pipeline("convolve sharpen | pool 2")
    assert_array_equal(pipeline.run(read_image(FOLDER / "image-16x16.csv")), pooled)


def test_pipeline_stages(image: Array, sharpened: Array, pooled: Array) -> None:
    stages = Pipeline("convolve sharpen | pool 2").trace(image)
    assert_array_equal(stages[-2][1], sharpened)
    assert_array_equal(stages[-1][1], pooled)
