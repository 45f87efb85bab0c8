"""What prepares an image for a network, and batch normalisation: PyTorch, Pillow, by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike
from PIL import Image

from cnnfilter import (
    ArgumentError,
    ShapeError,
    batch_norm,
    invert,
    resize,
    rgb,
    scale,
    standardize,
)
from cnnfilter.arrays import Array

from ..types import Arguments, Dtype

RNG = np.random.default_rng(9)
PHOTO = RNG.integers(0, 256, (37, 52, 3), dtype=np.uint8)


def pillow(plane: Array, size: tuple[int, int], filter: str, **options: float) -> Array:
    image = Image.fromarray(plane)
    return np.asarray(image.resize(size[::-1], Image.Resampling[filter.upper()], **options))


# resize

FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("size", [(20, 20), (80, 30), (1, 1)])
def test_stretching_is_pillows_to_the_digit(filter: str, size: tuple[int, int]) -> None:
    result = resize(PHOTO, size, filter=filter, aspect="stretch")
    assert result.dtype == np.uint8
    assert_array_equal(result, pillow(PHOTO, size, filter))
    assert_array_equal(
        resize(PHOTO[:, :, 1], size, filter=filter, aspect="stretch"),
        pillow(PHOTO[:, :, 1], size, filter),
    )


def test_floats_are_pillows_mode_f_in_each_channel() -> None:
    image = RNG.standard_normal((12, 15, 5)).astype(np.float32)
    result = resize(image, (7, 21), aspect="stretch")
    planes = [pillow(image[:, :, channel], (7, 21), "bilinear") for channel in range(5)]
    assert_array_equal(result, np.dstack(planes))


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("aspect", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(7, 21), (29, 3), (40, 41)])
def test_float64_is_resized_by_pillows_weights(
    filter: str, aspect: str, size: tuple[int, int]
) -> None:
    image = RNG.standard_normal((12, 15, 2))
    result = resize(image, size, filter=filter, aspect=aspect)
    narrow = resize(image.astype(np.float32), size, filter=filter, aspect=aspect)
    assert_allclose(result, narrow, rtol=0, atol=1e-5)
    small = resize(image * 1e-300, size, filter=filter, aspect=aspect)
    assert_allclose(small * 1e300, result, rtol=1e-12, atol=1e-12)


def test_wide_integers_are_resized_without_losing_digits() -> None:
    result = resize(np.full((4, 4), 2**40 + 1), 2)
    assert (result.dtype, result[0, 0]) == (np.float64, 2**40 + 1)
    with pytest.raises(ShapeError, match="would lose digits"):
        resize(np.full((4, 4), 2**53), 2)


def test_16_bits_stay_and_are_rounded() -> None:
    image = RNG.integers(0, 65536, (12, 15), dtype=np.uint16)
    result = resize(image, (5, 6), filter="lanczos", aspect="stretch")
    assert result.dtype == np.uint16
    exact = pillow(image.astype(np.float32), (5, 6), "lanczos")
    assert_array_equal(result, np.clip(np.rint(exact), 0, 65535))


def test_padding_keeps_the_proportions_and_centres() -> None:
    result = resize(np.full((10, 20), 9, np.uint8), "8x8", fill=3)
    assert_array_equal(result[2:6], np.full((4, 8), 9))
    assert_array_equal(result[[0, 1, 6, 7]], np.full((4, 8), 3))
    assert resize(np.ones((1, 1000), np.uint8), 10).sum() == 10


def test_padding_with_the_border_is_its_median_in_each_channel() -> None:
    image = np.zeros((4, 8, 2), np.uint8)
    image[...] = (200, 40)
    image[0, 0] = 0
    image[1:3, 1:7] = 0
    assert_array_equal(resize(image, 8, fill="border")[0, 0], (200, 40))


def test_cropping_takes_the_middle() -> None:
    image = np.tile(np.arange(20, dtype=np.float32), (10, 1))
    assert_allclose(resize(image, (10, 10), aspect="crop"), image[:, 5:15])
    assert_allclose(
        resize(image.T, (5, 5), aspect="crop", filter="box")[:, 0], [5.5, 7.5, 9.5, 11.5, 13.5]
    )


@pytest.mark.parametrize("seed", range(200))
def test_any_size_comes_to_any_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full(rng.integers(1, 200, 2), 7, np.uint8)
    size = tuple(int(length) for length in rng.integers(1, 200, 2))
    for aspect in ("crop", "stretch"):
        assert_array_equal(resize(image, size, aspect=aspect), np.full(size, 7))
    padded = resize(image, size)
    assert padded.shape == size
    assert set(np.unique(padded)) <= {0, 7}


def test_the_same_size_is_the_same_image() -> None:
    assert_array_equal(resize(PHOTO, (37, 52)), PHOTO)
    for dtype, kept in ((np.float16, np.float32), (np.int16, np.float32), (float, np.float64)):
        assert resize(np.zeros((2, 2), dtype), 2).dtype == kept
        assert resize(np.zeros((2, 2), dtype), 3).dtype == kept


@pytest.mark.parametrize(("fill", "stored"), [(300, 255), (-1, 0), (1.5, 2), (0.9, 1)])
def test_what_is_padded_is_rounded_and_saturates(fill: float, stored: int) -> None:
    assert resize(np.zeros((1, 2), np.uint8), 2, fill=fill).max() == stored


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"size": 0}, "size"), ({"size": "2x3x4"}, "size"),
        ({"size": 5, "filter": "cubic"}, "bicubic"), ({"size": 5, "aspect": "fit"}, "aspect"),
        ({"size": 5, "fill": "white"}, "fill"),
    ],
)  # fmt: skip
def test_wrong_arguments_of_resize_are_named(arguments: Arguments, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        resize(PHOTO, **arguments)


# scale, standardize, invert, rgb


def test_scale_brings_every_depth_to_0_and_1() -> None:
    torch = pytest.importorskip("torch")
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert_array_equal(scale(values), (torch.from_numpy(values) / 255).numpy())
    assert_array_equal(scale(np.array([[0, 65535]], np.uint16)), [[0, 1]])
    assert scale(values).dtype == np.float32
    floats = RNG.standard_normal((3, 3)).astype(np.float32)
    assert_array_equal(scale(floats), floats)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.float32, np.float64])
def test_minmax_stretches_any_type_from_lowest_to_highest(dtype: Dtype) -> None:
    low, high = (-100, 100) if np.dtype(dtype).kind != "u" else (50, 250)
    image = np.array([[low, (low + high) // 2, high]], dtype)
    assert_array_equal(scale(image, "minmax"), [[0, 0.5, 1]])
    assert_array_equal(scale(image, "minmax", offset=-0.5), [[-0.5, 0, 0.5]])
    assert_array_equal(scale(np.full((2, 2), 9, dtype), "minmax"), np.zeros((2, 2)))


@pytest.mark.parametrize("factor", ["Minmax", "abs"])
def test_a_factor_that_is_no_number_is_refused(factor: str) -> None:
    with pytest.raises(ArgumentError, match="minmax"):
        scale(PHOTO, factor)


def test_scale_by_hand() -> None:
    assert_array_equal(scale([[[1.0, 2.0]]], [2, 10], offset=[0, 1]), [[[2, 21]]])
    assert_array_equal(scale([[0, 255]], "2/255", offset=-1), [[-1, 1]])
    assert_array_equal(scale([1.0, 2.0], offset=[1, 2]), [2, 4])


def test_standardize_is_torchvisions_formula() -> None:
    image = RNG.random((5, 6, 3), np.float32)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    assert_allclose(standardize(image, mean, std), (image - mean) / std, rtol=1e-5, atol=1e-6)
    text = standardize(image, "0.485,0.456,0.406", "0.229, 0.224, 0.225")
    assert_array_equal(text, standardize(image, mean, std))


@pytest.mark.parametrize("std", [0, -1, [1, 0, 1], np.nan])
def test_a_deviation_is_above_0(std: float | list[float]) -> None:
    with pytest.raises(ArgumentError, match="std"):
        standardize(PHOTO, 0, std)


@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 4), (3, 4), (4,)])
def test_as_many_numbers_as_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        standardize(np.zeros(shape), [1, 2], 1)


def test_a_row_of_numbers_is_no_row_of_an_image() -> None:
    with pytest.raises(ShapeError, match="1 channel"):
        scale(np.zeros((4, 5)), np.ones(5))


@pytest.mark.parametrize(
    ("image", "negative"),
    [
        (np.array([[0, 100, 255]], np.uint8), [[255, 155, 0]]),
        (np.array([[0, 65535]], np.uint16), [[65535, 0]]),
        (np.array([[0.25, 1]], np.float32), [[0.75, 0]]),
    ],
)
def test_invert_by_hand(image: Array, negative: ArrayLike) -> None:
    result = invert(image)
    assert result.dtype == image.dtype
    assert_array_equal(result, negative)
    assert_array_equal(invert(image, "no"), image)


@pytest.mark.parametrize(
    "image",
    [np.array([[0.0, 254]]), np.array([[-1.0, 0]]), np.array([[300]]), np.array([[1]], np.int8)],
)
def test_what_has_no_negative_is_refused(image: Array) -> None:
    with pytest.raises(ShapeError, match="invert takes values from 0 to"):
        invert(image)


@pytest.mark.parametrize(("paper", "inverted"), [(200, True), (60, False)])
def test_auto_inverts_where_the_border_is_bright(paper: int, inverted: bool) -> None:
    image = np.full((9, 9), paper, np.uint8)
    image[2:7, 2:7] = 255 - paper
    image[0, :3] = 255 - paper  # ink that touches the border
    expected = 255 - image if inverted else image
    assert_array_equal(invert(image, "auto"), expected)


def test_rgb_makes_grey_three_channels_and_leaves_alpha_out() -> None:
    gray = PHOTO[:, :, 0]
    assert_array_equal(rgb(gray), np.dstack([gray] * 3))
    assert_array_equal(rgb(gray[:, :, None]), np.dstack([gray] * 3))
    assert_array_equal(rgb(PHOTO), PHOTO)
    assert_array_equal(rgb(np.dstack([PHOTO, gray])), PHOTO)
    with pytest.raises(ShapeError):
        rgb(np.zeros((2, 2, 5)))


# batch normalisation


def test_batch_norm_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    image = RNG.standard_normal((6, 7, 4)).astype(np.float32)
    mean, offset, gain = (RNG.standard_normal(4).astype(np.float32) for _ in range(3))
    variance = RNG.random(4).astype(np.float32)
    tensors = [torch.from_numpy(each) for each in (mean, variance, gain, offset)]
    theirs = torch.nn.functional.batch_norm(
        torch.from_numpy(image).permute(2, 0, 1)[None], *tensors, eps=0.001
    )
    ours = batch_norm(image, mean, variance, scale=gain, offset=offset, epsilon=0.001)
    assert_allclose(ours, theirs[0].permute(1, 2, 0).numpy(), rtol=1e-4, atol=1e-5)


def test_batch_norm_of_a_vector_has_numbers_for_each_feature() -> None:
    assert_allclose(batch_norm([4.0, 8.0], [2, 8], [4, 1], epsilon=0), [1, 0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mean": [0, 0], "variance": [1, -1]}, ["variance"]),
        ({"mean": [0, 0], "variance": [1, 1, 1]}, ["(2,)", "(3,)"]),
        ({"mean": [0, np.inf], "variance": [1, 1]}, ["mean"]),
        ({"mean": 0, "variance": 0, "epsilon": 0}, ["variance"]),
    ],
)
def test_wrong_statistics_are_named(arguments: Arguments, words: list[str]) -> None:
    with pytest.raises(ArgumentError) as refused:
        batch_norm(np.zeros((3, 3, 2)), **arguments)
    assert [word for word in words if word not in str(refused.value)] == []
