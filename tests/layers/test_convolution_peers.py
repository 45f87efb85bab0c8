"""convolve against SciPy, PyTorch and plain loops on random cases."""

from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, signal

from cnnfilter import convolve

from ..reference import Array, Pair, Sides, convolve_by_loops, filter_by_loops
from ..types import Arguments, Dtype

BORDERS = ["zero", "edge", "reflect", "symmetric", "wrap"]
DTYPES: list[Dtype] = [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64]
SCALE = 1e6  # of float64 images, so that float32 does not hold what comes out


def random_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: Dtype) -> Array:
    if np.issubdtype(dtype, np.floating):
        values = rng.standard_normal(shape) * 100
        return values * SCALE if dtype == np.float64 else values.astype(dtype)
    low = max(np.iinfo(dtype).min, -(2**16))
    high = min(np.iinfo(dtype).max, 2**16)
    return rng.integers(low, high, shape, dtype, endpoint=True)


def random_pair(rng: np.random.Generator, low: int, high: int) -> Pair:
    down, across = rng.integers(low, high + 1, 2)
    return int(down), int(across)


def relative_error(result: Array) -> float:
    """What rounding may add up to in the arithmetic that gave the result."""
    return 1e-5 if result.dtype == np.float32 else 1e-12


@dataclass
class Case:
    """An image, a kernel that fits it, and where the kernel goes."""

    rng: np.random.Generator
    size: Pair
    taps: Pair
    stride: Pair
    dilation: Pair
    padding: Sides
    dtype: Dtype

    @property
    def geometry(self) -> Arguments:
        return {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}

    def image(self, *channels: int) -> Array:
        return random_array(self.rng, (*self.size, *channels), self.dtype)

    def kernel(self, *channels: int, integers: bool) -> Array:
        shape = (*self.taps, *channels)
        return self.rng.integers(-9, 10, shape) if integers else self.rng.standard_normal(shape)

    @property
    def exact(self) -> bool:
        return bool(np.issubdtype(self.dtype, np.integer))

    def check(self, actual: Array, expected: Array) -> None:
        assert actual.shape == expected.shape
        if self.exact:
            assert_array_equal(actual, expected)
        else:
            rtol = relative_error(actual)
            assert_allclose(actual, expected, rtol=rtol, atol=rtol * 10 * np.abs(expected).max())


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    taps, dilation = random_pair(rng, 1, 5), random_pair(rng, 1, 3)
    top, bottom, left, right = (int(side) for side in rng.integers(0, 4, 4))
    down = max(1, dilation[0] * (taps[0] - 1) + 1 - top - bottom)
    across = max(1, dilation[1] * (taps[1] - 1) + 1 - left - right)
    extra = random_pair(rng, 0, 9)
    return Case(
        rng,
        (down + extra[0], across + extra[1]),
        taps,
        random_pair(rng, 1, 4),
        dilation,
        (top, bottom, left, right),
        DTYPES[seed % len(DTYPES)],
    )


def spread(kernel: Array, dilation: Pair) -> Array:
    """Dilate a kernel by zeros between its taps."""
    height, width = ((n - 1) * d + 1 for n, d in zip(kernel.shape, dilation, strict=True))
    result = np.zeros((height, width), kernel.dtype)
    result[:: dilation[0], :: dilation[1]] = kernel
    return result


# The loops


@pytest.mark.parametrize("seed", range(60))
def test_like_plain_loops(seed: int) -> None:
    case = random_case(seed)
    image, kernel = case.image(2), case.kernel(integers=case.exact)
    border = BORDERS[seed % 5]
    case.check(
        convolve(image, kernel, border=border, **case.geometry),
        convolve_by_loops(image, kernel, border=border, **case.geometry),
    )


@pytest.mark.parametrize("seed", range(100, 130))
def test_filter_banks_like_plain_loops(seed: int) -> None:
    case = random_case(seed)
    groups, inputs, filters = (int(n) for n in case.rng.integers(1, 4, 3))
    image = case.image(groups * inputs)
    bank = case.kernel(inputs, groups * filters, integers=case.exact)
    bias = case.rng.integers(-99, 99, groups * filters)
    border = BORDERS[seed % 5]
    case.check(
        convolve(image, bank, groups=groups, bias=bias, border=border, **case.geometry),
        filter_by_loops(image, bank, groups=groups, bias=bias, border=border, **case.geometry),
    )


# SciPy


@pytest.mark.parametrize("seed", range(200, 240))
def test_like_scipy_signal_with_strides_paddings_and_dilations(seed: int) -> None:
    case = random_case(seed)
    image, kernel = case.image(), case.kernel(integers=case.exact)
    top, bottom, left, right = case.padding
    padded = np.pad(image.astype(float), ((top, bottom), (left, right)))
    expected = signal.correlate2d(padded, spread(kernel, case.dilation), mode="valid")
    case.check(
        convolve(image, kernel, **case.geometry), expected[:: case.stride[0], :: case.stride[1]]
    )


@pytest.mark.parametrize("seed", range(300, 320))
@pytest.mark.parametrize(
    ("border", "mode"),
    [
        ("zero", "constant"),
        ("edge", "nearest"),
        ("reflect", "mirror"),
        ("symmetric", "reflect"),
        ("wrap", "wrap"),
    ],
)
def test_same_like_scipy_ndimage(seed: int, border: str, mode: str) -> None:
    case = random_case(seed)
    image, kernel = case.image(), spread(case.kernel(integers=case.exact), case.dilation)
    # SciPy puts an even kernel's odd pixel before, as same-lower does; origin moves it.
    expected = ndimage.correlate(image.astype(float), kernel, mode=mode)
    case.check(convolve(image, kernel, padding="same-lower", border=border), expected)
    origin = [-1 if n % 2 == 0 else 0 for n in kernel.shape]
    expected = ndimage.correlate(image.astype(float), kernel, mode=mode, origin=origin)
    case.check(convolve(image, kernel, padding="same", border=border), expected)


@pytest.mark.parametrize("seed", range(400, 410))
@pytest.mark.parametrize("mode", ["full", "valid"])
def test_flip_like_scipy_convolve2d(seed: int, mode: Literal["full", "valid", "same"]) -> None:
    case = random_case(seed)
    size = case.size[0] + case.taps[0], case.size[1] + case.taps[1]
    image, kernel = random_array(case.rng, size, case.dtype), case.kernel(integers=case.exact)
    expected = signal.convolve2d(image.astype(float), kernel.astype(float), mode=mode)
    case.check(convolve(image, kernel, padding=mode, flip=True), expected)


# However the result is computed, large and separable kernels mean the same.
LARGE = pytest.mark.parametrize("shape", [(31, 31), (1, 41), (41, 1), (12, 25), (40, 40)])


@LARGE
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_large_kernels_of_integers_are_exact(shape: Pair, dtype: Dtype) -> None:
    rng = np.random.default_rng(5)
    image = random_array(rng, (50, 47), dtype)
    kernel = rng.integers(-50, 51, shape)
    expected = signal.correlate(image.astype(np.int64), kernel, mode="valid", method="direct")
    assert_array_equal(convolve(image, kernel), expected)


@LARGE
@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1), (np.float64, 1e-6), (np.float64, 1)])
def test_large_kernels_of_fractions(shape: Pair, dtype: Dtype, scale: float) -> None:
    rng = np.random.default_rng(6)
    image = random_array(rng, (50, 47), dtype) * dtype(scale)
    kernel = rng.standard_normal(shape)
    expected = signal.correlate(image.astype(float), kernel, mode="valid", method="direct")
    result = convolve(image, kernel)
    assert_allclose(result, expected, atol=relative_error(result) * np.abs(expected).max())


@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.uint8, 1), (np.float32, 1), (np.float64, 1e-6), (np.float64, 1)]
)
def test_separable_kernels(dtype: Dtype, scale: float) -> None:
    rng = np.random.default_rng(7)
    image = random_array(rng, (40, 45), dtype) * dtype(scale)
    column, row = rng.integers(-9, 10, 13), rng.integers(-9, 10, 11)
    expected = ndimage.correlate1d(ndimage.correlate1d(image.astype(float), column, 0), row, 1)
    result = convolve(image, np.outer(column, row), padding="same", border="symmetric")
    tolerance = 0 if dtype == np.uint8 else relative_error(result)
    assert_allclose(result, expected, rtol=0, atol=tolerance * np.abs(expected).max())


# Photographs are large enough to be worked through in parts.


def test_a_photograph() -> None:
    image = random_array(np.random.default_rng(8), (403, 517, 3), np.uint8)
    kernel = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    result = convolve(image, kernel, padding="same")
    for channel in range(3):
        expected = ndimage.correlate(image[..., channel].astype(int), kernel, mode="constant")
        assert_array_equal(result[..., channel], expected)


def test_a_photograph_with_stride_and_dilation() -> None:
    rng = np.random.default_rng(9)
    image, kernel = random_array(rng, (1203, 817), np.uint8), rng.integers(-9, 10, (4, 3))
    result = convolve(image, kernel, stride=(2, 3), dilation=(3, 5))
    expected = ndimage.correlate(
        image.astype(int), spread(kernel, (3, 5)), mode="constant", origin=(-1, 0)
    )
    assert_array_equal(result, expected[4 : 4 + 1194 : 2, 5:-5:3])


def test_a_filter_bank_on_a_photograph() -> None:
    rng = np.random.default_rng(10)
    image, bank = random_array(rng, (303, 417, 3), np.uint8), rng.integers(-9, 10, (3, 5, 3, 4))
    result = convolve(image, bank, stride=(2, 1))
    planes = np.moveaxis(image.astype(int), 2, 0)
    for number in range(4):
        kernels = np.moveaxis(bank[..., number], 2, 0)
        expected = sum(map(ndimage.correlate, planes, kernels))
        assert_array_equal(result[..., number], expected[1:-1:2, 2:-2])


# PyTorch


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


def conv2d(
    torch: ModuleType,
    image: Array,
    bank: Array,
    case: Case,
    groups: int = 1,
    bias: Array | None = None,
) -> Array:
    """torch.nn.functional.conv2d on our order of axes."""
    dtype = np.float32 if image.dtype == np.float32 else np.float64
    top, bottom, left, right = case.padding
    maps = torch.from_numpy(image.astype(dtype).transpose(2, 0, 1).copy())[None]
    result = torch.nn.functional.conv2d(
        torch.nn.functional.pad(maps, (left, right, top, bottom)),
        torch.from_numpy(bank.astype(dtype).transpose(3, 2, 0, 1).copy()),
        None if bias is None else torch.from_numpy(bias.astype(dtype)),
        stride=case.stride,
        dilation=case.dilation,
        groups=groups,
    )
    array: Array = result[0].numpy().transpose(1, 2, 0)
    return array


@pytest.mark.parametrize("seed", range(500, 560))
def test_filter_banks_like_torch(seed: int, torch: ModuleType) -> None:
    case = random_case(seed)
    groups, inputs, filters = (int(n) for n in case.rng.integers(1, 5, 3))
    image = case.image(groups * inputs)
    bank = case.kernel(inputs, groups * filters, integers=case.exact)
    bias = case.rng.integers(-99, 99, groups * filters) if seed % 2 else None
    result = convolve(image, bank, groups=groups, bias=bias, **case.geometry)
    case.check(result, conv2d(torch, image, bank, case, groups, bias))


@pytest.mark.parametrize("seed", range(600, 620))
def test_2d_kernels_like_torch(seed: int, torch: ModuleType) -> None:
    case = random_case(seed)
    image, kernel = case.image(3), case.kernel(integers=case.exact)
    depthwise = np.repeat(kernel[:, :, None, None], 3, axis=3)
    case.check(
        convolve(image, kernel, **case.geometry), conv2d(torch, image, depthwise, case, groups=3)
    )
    summed = np.repeat(kernel[:, :, None, None], 3, axis=2)
    case.check(
        convolve(image, kernel, channels="sum", **case.geometry),
        conv2d(torch, image, summed, case)[..., 0],
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("seed", range(700, 720))
def test_same_like_torch_where_torch_has_it(seed: int, torch: ModuleType) -> None:
    case = random_case(seed)
    image, kernel = case.image(), case.kernel(integers=case.exact)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(image.astype(float))[None, None],
        torch.from_numpy(kernel.astype(float))[None, None],
        padding="same",
        dilation=case.dilation,
    )
    case.check(
        convolve(image, kernel, padding="same", dilation=case.dilation), expected[0, 0].numpy()
    )
