"""pool against SciPy, scikit-image, PyTorch and plain loops on random cases."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage.measure import block_reduce

from cnnfilter import pool

from ..reference import REDUCTIONS, Array, pool_by_loops
from ..types import Arguments, Dtype

DTYPES: list[Dtype] = [np.uint8, np.int16, np.uint16, np.int64, np.float32, np.float64]
MODES = list(REDUCTIONS)


def random_image(rng: np.random.Generator, shape: tuple[int, ...], dtype: Dtype) -> Array:
    if np.issubdtype(dtype, np.floating):
        return (rng.standard_normal(shape) * 100).astype(dtype)
    low = max(np.iinfo(dtype).min, -(2**16))
    high = min(np.iinfo(dtype).max, 2**16)
    return rng.integers(low, high, shape, dtype, endpoint=True)


def pair(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    down, across = rng.integers(low, high + 1, 2)
    return int(down), int(across)


def close(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape
    rtol = 1e-12 if actual.dtype == np.float64 else 1e-5
    assert_allclose(actual, expected, rtol=rtol, atol=rtol * 100)


# The loops


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(30))
def test_like_plain_loops(seed: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    size, dilation, stride = pair(rng, 1, 4), pair(rng, 1, 2), pair(rng, 1, 4)
    # The first and the last tap of every window stay on the image: padding is below the
    # distance of two taps, and the image holds a window.
    top, bottom = (int(n) for n in rng.integers(0, dilation[0] if size[0] > 1 else 1, 2))
    left, right = (int(n) for n in rng.integers(0, dilation[1] if size[1] > 1 else 1, 2))
    if dilation == (1, 1):
        top, left = size[0] // 2, size[1] // 2
        bottom, right = size[0] - 1, size[1] - 1
    height, width = pair(rng, 7, 12)
    image = random_image(rng, (height, width, 2), DTYPES[seed % len(DTYPES)])
    arguments: Arguments = {
        "stride": stride,
        "padding": (top, bottom, left, right),
        "dilation": dilation,
        "ceil_mode": bool(seed % 2),
        "count_include_pad": bool(seed % 3 == 0),
        "mode": mode,
    }
    close(pool(image, size, **arguments), pool_by_loops(image, size, **arguments))


# SciPy


@pytest.mark.parametrize("seed", range(100, 115))
@pytest.mark.parametrize(
    ("mode", "function", "outside"),
    [("max", ndimage.maximum_filter, -np.inf), ("min", ndimage.minimum_filter, np.inf)],
)
def test_max_and_min_like_scipys_filters(
    seed: int, mode: str, function: Callable[..., Array], outside: float
) -> None:
    rng = np.random.default_rng(seed)
    size = pair(rng, 1, 5)
    image = random_image(rng, (8, 9), DTYPES[seed % len(DTYPES)])
    expected = function(image.astype(float), size=size, mode="constant", cval=outside)
    # SciPy puts an even window's odd pixel before.
    assert_array_equal(pool(image, size, mode=mode, stride=1, padding="same-lower"), expected)


@pytest.mark.parametrize("seed", range(200, 215))
@pytest.mark.parametrize("mode", ["max", "min", "median", "average"])
def test_windows_inside_the_image_like_scipys_filters(seed: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    down, across = (2 * n + 1 for n in pair(rng, 0, 3))
    image = random_image(rng, (11, 12), DTYPES[seed % len(DTYPES)])
    functions: dict[str, Callable[..., Array]] = {
        "max": ndimage.maximum_filter,
        "min": ndimage.minimum_filter,
        "median": ndimage.median_filter,
        "average": ndimage.uniform_filter,
    }
    whole = functions[mode](image.astype(float), size=(down, across))
    inner = whole[down // 2 : 11 - down // 2, across // 2 : 12 - across // 2]
    close(pool(image, (down, across), mode=mode, stride=1), inner)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_median_of_a_photograph(stride: int) -> None:
    image = random_image(np.random.default_rng(250), (903, 817), np.uint8)
    expected = ndimage.median_filter(image, 3)[1:-1:stride, 1:-1:stride]
    assert_array_equal(pool(image, 3, mode="median", stride=stride), expected)


# scikit-image


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 2), (2, 5), (4, 3)])
def test_exact_multiples_like_block_reduce(mode: str, dtype: Dtype, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(300)
    image = random_image(rng, (3 * size[0], 4 * size[1], 3), dtype)
    functions: dict[str, Callable[..., object]] = {
        "max": np.max,
        "min": np.min,
        "average": np.mean,
        "median": np.median,
        "sum": np.sum,
        "l2": lambda block, axis: np.sqrt(np.sum(block**2, axis=axis)),
    }
    expected = block_reduce(image.astype(float), (*size, 1), functions[mode])
    close(pool(image, size, mode=mode), expected)


# PyTorch


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


def through_torch(
    torch: ModuleType, function: Callable[..., Any], image: Array, **arguments: object
) -> Array:
    """Call a function of PyTorch on our order of axes."""
    dtype = image.dtype if image.dtype == np.float32 else np.float64
    maps = torch.from_numpy(image.astype(dtype).transpose(2, 0, 1).copy())[None]
    result: Array = function(maps, **arguments)[0].numpy().transpose(1, 2, 0)
    return result


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("seed", range(400, 430))
def test_max_like_torch(seed: int, ceil_mode: bool, torch: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    size, stride, dilation = pair(rng, 1, 5), pair(rng, 1, 6), pair(rng, 1, 2)
    # PyTorch takes padding of at most half the window; two taps further apart than the
    # padding's pixels leave windows without a pixel, where it gives -inf.
    padding = tuple(0 if d > 1 and k == 2 else k // 2 for k, d in zip(size, dilation, strict=True))
    shape = pair(rng, 10, 15)
    image = random_image(rng, (*shape, 3), DTYPES[seed % len(DTYPES)])
    expected = through_torch(
        torch,
        torch.nn.functional.max_pool2d,
        image,
        kernel_size=size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )
    result = pool(
        image, size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    assert_array_equal(result, expected)


@pytest.mark.parametrize("count_include_pad", [False, True])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("seed", range(500, 520))
def test_average_like_torch(
    seed: int, ceil_mode: bool, count_include_pad: bool, torch: ModuleType
) -> None:
    rng = np.random.default_rng(seed)
    size, stride = pair(rng, 1, 5), pair(rng, 1, 6)
    padding = size[0] // 2, size[1] // 2
    shape = pair(rng, 6, 13)
    image = random_image(rng, (*shape, 2), DTYPES[seed % len(DTYPES)])
    arguments = {
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
    }
    expected = through_torch(
        torch, torch.nn.functional.avg_pool2d, image, kernel_size=size, **arguments
    )
    result = pool(
        image,
        size,
        mode="average",
        stride=stride,
        padding=padding,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
    )
    close(result, expected)


@pytest.mark.parametrize("seed", range(600, 615))
def test_l2_like_torch(seed: int, torch: ModuleType) -> None:
    rng = np.random.default_rng(seed)
    size, stride = pair(rng, 1, 5), pair(rng, 1, 6)
    shape = pair(rng, 6, 13)
    image = random_image(rng, (*shape, 2), DTYPES[seed % len(DTYPES)])
    expected = through_torch(
        torch, torch.nn.functional.lp_pool2d, image, norm_type=2.0, kernel_size=size, stride=stride
    )
    close(pool(image, size, mode="l2", stride=stride), expected)


@pytest.mark.parametrize(
    ("mode", "name"), [("max", "adaptive_max_pool2d"), ("average", "adaptive_avg_pool2d")]
)
def test_global_like_torchs_adaptive_pooling_to_1(mode: str, name: str, torch: ModuleType) -> None:
    image = random_image(np.random.default_rng(700), (7, 9, 4), np.uint8)
    expected = through_torch(torch, getattr(torch.nn.functional, name), image, output_size=1)
    close(pool(image, "global", mode=mode), expected)


@pytest.mark.parametrize("mode", ["max", "average"])
def test_nan_passes_on_as_in_torch(mode: str, torch: ModuleType) -> None:
    image = random_image(np.random.default_rng(800), (6, 6, 1), np.float64)
    image[2, 3, 0] = np.nan
    name = {"max": "max_pool2d", "average": "avg_pool2d"}[mode]
    function = getattr(torch.nn.functional, name)
    expected = through_torch(torch, function, image, kernel_size=3, stride=1)
    close(pool(image, 3, mode=mode, stride=1), expected)
