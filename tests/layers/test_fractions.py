"""Stored integers are the exact sum's rounding, by Python's fractions."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from cnnfilter import convolve, kernel, pool
from cnnfilter.arrays import Array
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.layers.convolution import Convolution

from ..types import Arguments

DEEP = np.random.default_rng(0).integers(0, 2**16, (24, 25), dtype=np.uint16)
FLAT = (DEEP >> 8).astype(np.uint8)
KERNELS = [
    "box", "box:4", "box:2", "1/16 1/8 1/16; 1/8 1/4 1/8; 1/16 1/8 1/16", "1/9 1/16 0.5",
    "1/6 1/6; 1/6 1/6", "0.0625 0.25 0.375 0.25 0.0625", "0.1234 -0.5 1.2", "0.5 0.5",
    "0.077847 0.123317 0.077847", "2/3 1/3; -1/3 1/3", "1/65521 1/2",
]  # fmt: skip


def rational(weight: float) -> Fraction:
    """Return the fraction that a weight was written as."""
    return Fraction(weight).limit_denominator(2**20)


def exact_sums(image: Array, weights: Array) -> list[list[Fraction]]:
    """Return the sums of each window, from the definition."""
    height, width = weights.shape
    taps = [(at, rational(float(weight))) for at, weight in np.ndenumerate(weights)]
    return [
        [
            sum((int(image[row + i, column + j]) * weight for (i, j), weight in taps), Fraction())
            for column in range(image.shape[1] - width + 1)
        ]
        for row in range(image.shape[0] - height + 1)
    ]


def rounded(sums: Sequence[Sequence[Fraction]], top: int) -> list[list[int]]:
    """Round half to even, as Python does, and saturate."""
    return [[min(max(round(value), 0), top) for value in row] for row in sums]


@pytest.mark.parametrize("image", [FLAT, DEEP], ids=["uint8", "uint16"])
@pytest.mark.parametrize("weights", KERNELS)
def test_the_exact_sum_is_rounded_once(weights: str, image: Array) -> None:
    if image is FLAT and weights in ("0.077847 0.123317 0.077847", "1/65521 1/2"):
        pytest.skip("of 8 bits, large divisors are added up in float32")
    sums = exact_sums(image, kernel(weights))
    depth, top = 8 * image.itemsize, int(np.iinfo(image.dtype).max)
    np.testing.assert_array_equal(convolve(image, weights, dtype=image.dtype), rounded(sums, top))
    stored = Convolution(weights).stored(image, PixelWriter("clip", depth))
    np.testing.assert_array_equal(stored, rounded(sums, top))
    values = convolve(image, weights)
    nearest = np.array([[float(value) for value in row] for row in sums])
    # Quotients of more than 24 bits are rounded to float64 before float32.
    np.testing.assert_allclose(values, nearest, rtol=2.0**-24 * (1 + 1e-7))


@pytest.mark.parametrize(
    "options",
    [
        {"bias": "1/2"},
        {"bias": 0.25, "gain": 2},
        {"combine": "sum"},
        {"combine": "max"},
        {"normalize": True, "gain": "1/3"},
    ],
)
def test_bias_gain_and_several_kernels_are_part_of_the_sum(options: Arguments) -> None:
    kernels = [kernel("1/6 1/6; 1/6 0"), kernel("1/4 0; 1/4 1/3")]
    factor = Fraction(1)
    first, second = (
        exact_sums(DEEP, weights / weights.sum() if "normalize" in options else weights)
        for weights in kernels
    )
    if "gain" in options:
        factor = Fraction(options["gain"])
    bias = Fraction(options.get("bias", 0))
    pairs = [
        [(factor * one + bias, factor * other + bias) for one, other in zip(*rows, strict=True)]
        for rows in zip(first, second, strict=True)
    ]
    result = convolve(DEEP, kernels, dtype=np.uint16, **options)
    if "combine" in options:
        join = sum if options["combine"] == "sum" else max
        joined = [[Fraction(join(pair)) for pair in row] for row in pairs]
        np.testing.assert_array_equal(result, rounded(joined, 65535))
        return
    for index in range(2):
        own = [[pair[index] for pair in row] for row in pairs]
        np.testing.assert_array_equal(result[:, :, index], rounded(own, 65535))


def test_halves_go_to_the_even_number() -> None:
    image = np.array([[0, 1, 2, 3, 65535, 65534, 65532]], np.uint16)
    for weights in ("1/2 1/2", "0.5 0.5", "1/6 1/3"):
        expected = rounded(exact_sums(image, kernel(weights)), 65535)
        np.testing.assert_array_equal(convolve(image, weights, dtype=np.uint16), expected)
    assert convolve(image[:, :2], "1/2 1/2", dtype=np.uint16).item() == 0
    assert convolve(image[:, 2:4], "1/2 1/2", dtype=np.uint16).item() == 2


@pytest.mark.parametrize("size", [31, 64])
def test_large_boxes_and_banks_are_exact(size: int) -> None:
    image = np.random.default_rng(size).integers(0, 2**16, (70, 80), dtype=np.uint16)
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.int64), (size, size))
    sums, area = windows.sum(axis=(2, 3)), size * size
    whole, rest = np.divmod(sums, area)
    expected = whole + (2 * rest > area) + ((2 * rest == area) & (whole % 2 == 1))
    box = np.full((size, size), 1 / area)
    for weights in (box, box[:, :, np.newaxis, np.newaxis]):
        result = convolve(image, weights, dtype=np.uint16).reshape(expected.shape)
        np.testing.assert_array_equal(result, expected)
    average = pool(image, size, mode="average", stride=1)
    np.testing.assert_array_equal(np.rint(average), expected)


def test_other_weights_are_right_to_the_last_of_16_bits() -> None:
    weights = kernel("gaussian:7,1.3")
    expected = [
        [
            sum(
                Fraction(int(x)) * Fraction(w)
                for x, w in zip(window.flat, weights.flat, strict=True)
            )
            for window in row
        ]
        for row in np.lib.stride_tricks.sliding_window_view(DEEP, weights.shape)
    ]
    result = convolve(DEEP, weights, dtype=np.uint16)
    np.testing.assert_array_equal(result, rounded(expected, 65535))
