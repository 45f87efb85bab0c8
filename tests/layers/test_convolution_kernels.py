"""Channels, lists of kernels, filter banks, groups, bias, gain and normalization."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike
from PIL import Image
from scipy import ndimage

from cnnfilter import ArgumentError, KernelError, ShapeError, convolve
from cnnfilter.arrays import Array

from .samples import ONE_TO_NINE, pixel, random_image


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_a_2d_kernel_filters_each_channel_by_itself(channels: int) -> None:
    image = random_image(6, 7, channels)
    result = convolve(image, ONE_TO_NINE)
    assert result.shape == (4, 5, channels)
    for channel in range(channels):
        assert_array_equal(result[..., channel], convolve(image[..., channel], ONE_TO_NINE))


def test_alpha_is_filtered_like_any_channel() -> None:
    image = np.zeros((3, 3, 4), np.uint8)
    image[1, 1, 3] = 90
    assert_allclose(convolve(image, "box"), [[[0, 0, 0, 10]]], rtol=1e-6)


def test_channels_sum_adds_the_filtered_channels() -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ONE_TO_NINE, channels="sum")
    assert result.shape == (4, 5)
    assert_array_equal(result, convolve(image, ONE_TO_NINE).sum(axis=2))


def test_channels_gray_filters_pillows_grey() -> None:
    image = random_image(6, 7, 3)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    result = convolve(image, ONE_TO_NINE, channels="gray")
    assert result.shape == (4, 5)
    assert_array_equal(result, convolve(grey, ONE_TO_NINE))


@pytest.mark.parametrize("channels", ["each", "sum", "gray"])
def test_the_option_channels_does_not_change_one_plane(channels: str) -> None:
    image = random_image(6, 7)
    assert_array_equal(
        convolve(image, ONE_TO_NINE, channels=channels), convolve(image, ONE_TO_NINE)
    )


def test_groups_with_channels_sum_add_up_each_group() -> None:
    image = random_image(6, 7, 4)
    result = convolve(image, ONE_TO_NINE, channels="sum", groups=2)
    each = convolve(image, ONE_TO_NINE)
    assert_array_equal(result, np.dstack([each[..., :2].sum(2), each[..., 2:].sum(2)]))


def test_a_list_gives_one_map_for_each_kernel() -> None:
    image = random_image(6, 7)
    kernels: list[str | Array] = ["sharpen", ONE_TO_NINE, np.eye(3)]
    result = convolve(image, kernels)
    assert result.shape == (4, 5, 3)
    for number, kernel in enumerate(kernels):
        assert_array_equal(result[..., number], convolve(image, kernel))


def test_a_list_of_one_kernel_still_gives_a_map_axis() -> None:
    assert convolve(random_image(6, 7), ["sharpen"]).shape == (4, 5, 1)


def test_the_first_kernels_maps_come_first() -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ["sharpen", "edge"])
    assert result.shape == (4, 5, 6)
    assert_array_equal(result[..., :3], convolve(image, "sharpen"))
    assert_array_equal(result[..., 3:], convolve(image, "edge"))


def test_kernels_of_different_sizes_need_padding_same() -> None:
    image = random_image(6, 7)
    kernels = [np.ones((1, 1), int), np.ones((3, 3), int), np.ones((2, 4), int)]
    result = convolve(image, kernels, padding="same")
    for number, kernel in enumerate(kernels):
        assert_array_equal(result[..., number], convolve(image, kernel, padding="same"))
    with pytest.raises(ShapeError):
        convolve(image, kernels)


def test_a_set_gives_all_its_maps() -> None:
    image = random_image(6, 7)
    assert_array_equal(
        convolve(image, "sobel"),
        np.dstack([convolve(image, "sobel-x"), convolve(image, "sobel-y")]),
    )
    assert convolve(image, ["kirsch", "box"]).shape == (4, 5, 9)


def test_nested_lists_of_numbers_are_one_kernel() -> None:
    image = random_image(6, 7)
    assert_array_equal(convolve(image, [[1, 2], [3, 4]]), convolve(image, "1 2; 3 4"))


@pytest.mark.parametrize(
    ("combine", "expected"), [("max", 4.0), ("sum", 1.0), ("l2", 5.0)], ids=["max", "sum", "l2"]
)
def test_combine_makes_one_map(combine: str, expected: float) -> None:
    result = convolve(pixel(1), ["-3", "4"], combine=combine)
    assert_array_equal(result, [[expected]])


def test_combine_l2_of_sobel_is_the_gradients_magnitude() -> None:
    image = random_image(6, 7)
    assert_allclose(
        convolve(image, "sobel", combine="l2"),
        np.hypot(ndimage.sobel(image.astype(float), 1), ndimage.sobel(image.astype(float), 0))[
            1:-1, 1:-1
        ],
        rtol=1e-6,
    )


@pytest.mark.parametrize("combine", ["max", "sum", "l2"])
def test_combine_keeps_channels_apart(combine: str) -> None:
    image = random_image(6, 7, 3)
    result = convolve(image, ["sharpen", "edge"], combine=combine)
    assert result.shape == (4, 5, 3)
    for channel in range(3):
        assert_array_equal(
            result[..., channel],
            convolve(image[..., channel], ["sharpen", "edge"], combine=combine),
        )


def test_combine_of_a_list_of_one_changes_only_l2s_sign() -> None:
    assert convolve(pixel(1), ["-3"], combine="max").item() == -3
    assert convolve(pixel(1), ["-3"], combine="l2").item() == 3


def test_a_filter_sums_over_its_inputs_and_adds_its_bias() -> None:
    image = np.array([[[1, 2, 3]]])
    bank = np.array([[1, 10], [100, 1000], [5, -5]]).reshape(1, 1, 3, 2)
    assert_array_equal(
        convolve(image, bank, bias=[0.5, -1]), [[[1 + 200 + 15 + 0.5, 10 + 2000 - 15 - 1]]]
    )


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_a_bank_gives_one_map_for_each_filter(filters: int) -> None:
    bank = np.ones((3, 2, 3, filters))
    assert convolve(random_image(6, 7, 3), bank).shape == (4, 6, filters)


def test_a_bank_reads_a_plane_as_one_channel() -> None:
    image = random_image(6, 7)
    bank = np.arange(18).reshape(3, 3, 1, 2)
    assert_array_equal(
        convolve(image, bank),
        np.dstack([convolve(image, bank[:, :, 0, 0]), convolve(image, bank[:, :, 0, 1])]),
    )


def test_groups_let_each_filter_see_its_own_channels() -> None:
    image = np.array([[[1, 2, 3, 4]]])
    bank = np.array([[1, 1, 1, 1], [10, 20, 30, 40]]).reshape(1, 1, 2, 4)
    # filters 1 and 2 see channels 1 and 2, filters 3 and 4 see channels 3 and 4
    assert_array_equal(convolve(image, bank, groups=2), [[[21, 41, 3 + 120, 3 + 160]]])


def test_as_many_groups_as_channels_is_a_depthwise_convolution() -> None:
    image = random_image(6, 7, 3)
    bank = np.arange(27).reshape(3, 3, 1, 3)
    result = convolve(image, bank, groups=3)
    for channel in range(3):
        assert_array_equal(
            result[..., channel], convolve(image[..., channel], bank[:, :, 0, channel])
        )


@pytest.mark.parametrize(
    ("channels", "bank", "groups", "error"),
    [
        (4, (3, 3, 3, 2), 1, ShapeError),
        (4, (3, 3, 4, 2), 2, ShapeError),
        (4, (3, 3, 2, 3), 2, ArgumentError),
        (3, (3, 3, 1, 2), 2, ShapeError),
    ],
)
def test_banks_and_groups_that_do_not_fit_are_refused(
    channels: int, bank: tuple[int, ...], groups: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        convolve(random_image(6, 7, channels), np.ones(bank), groups=groups)


def test_groups_need_a_bank_or_a_sum() -> None:
    with pytest.raises(ArgumentError, match="groups"):
        convolve(random_image(6, 7, 4), "sharpen", groups=2)


@pytest.mark.parametrize("shape", [(3,), (3, 3, 3), (3, 3, 3, 3, 3), (0, 3), (3, 0)])
def test_arrays_that_are_no_kernel_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(KernelError):
        convolve(random_image(6, 7), np.ones(shape))


def test_a_scalar_bias_is_added_to_all() -> None:
    assert_array_equal(convolve([[1, 2]], "3", bias=-10), [[-7, -4]])


def test_a_vector_of_biases_has_one_for_each_map() -> None:
    assert_array_equal(convolve(pixel(1), ["1", "2"], bias=[10, 20]), [[[11, 22]]])
    assert_array_equal(
        convolve(np.ones((1, 1, 2)), ["1", "2"], bias=[10, 20, 30, 40]), [[[11, 21, 32, 42]]]
    )


def test_a_vector_of_biases_may_have_one_for_each_kernel() -> None:
    assert_array_equal(
        convolve(np.ones((1, 1, 2)), ["1", "2"], bias=[10, 20]), [[[11, 11, 22, 22]]]
    )


def test_bias_is_added_once_after_channels_are_summed() -> None:
    assert_array_equal(convolve(np.ones((1, 1, 3)), "1", channels="sum", bias=10), [[13]])


@pytest.mark.parametrize(
    ("combine", "expected"), [("max", 24), ("sum", 13 + 24), ("l2", math.hypot(13, 24))]
)
def test_each_kernel_adds_its_bias_before_maps_are_combined(combine: str, expected: float) -> None:
    result = convolve(pixel(1), ["3", "4"], combine=combine, bias=[10, 20])
    assert result.item() == pytest.approx(expected)


def test_a_bias_is_one_for_each_kernel_filter_or_map() -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    assert convolve(image, ["1", "1"], bias=[1, 2])[0, 0].tolist() == [1, 1, 1, 2, 2, 2]
    assert convolve(image, ["1", "1"], bias=range(6))[0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert convolve(image, "1", bias=[1, 2, 3])[0, 0].tolist() == [1, 2, 3]
    bank = np.zeros((1, 1, 3, 2))
    assert convolve(image, bank, bias=[3, 4], combine="l2")[0, 0] == 5
    with pytest.raises(ShapeError, match="4 biases for 6"):
        convolve(image, ["1", "1"], bias=[1, 2, 3, 4])


@pytest.mark.parametrize("bias", [[1, 2], [1, 2, 3, 4]])
def test_biases_must_be_as_many_as_maps(bias: list[int]) -> None:
    with pytest.raises(ShapeError, match=f"{len(bias)}.*3"):
        convolve(pixel(1), ["1", "2", "3"], bias=bias)


def test_gain_multiplies_the_weights_but_not_the_bias() -> None:
    assert convolve(pixel(5), "3", gain=2, bias=1).item() == 31


def test_normalize_makes_the_weights_sum_to_1() -> None:
    result = convolve(np.full((5, 5), 80, np.uint8), ONE_TO_NINE, normalize=True)
    assert_allclose(result, np.full((3, 3), 80), rtol=1e-6)


def test_normalize_divides_by_a_negative_sum_too() -> None:
    assert_allclose(convolve([[4, 8]], "-1 -3", normalize=True), [[7]])


def test_normalize_takes_each_kernel_by_its_own_sum() -> None:
    assert_allclose(convolve(pixel(6), ["2", "1/3"], normalize=True), [[[6, 6]]], rtol=1e-6)


def test_normalize_takes_each_filter_by_its_own_sum() -> None:
    image = np.full((3, 3, 2), 5)
    bank = np.arange(1, 25).reshape(2, 2, 2, 3)
    assert_allclose(convolve(image, bank, normalize=True), np.full((2, 2, 3), 5), rtol=1e-6)


def test_gain_comes_after_normalize() -> None:
    assert_allclose(convolve(pixel(8), "4", normalize=True, gain=3), [[24]], rtol=1e-6)


@pytest.mark.parametrize("kernel", ["edge", "1 -1", ["box", "sobel-x"], np.zeros((2, 2))])
def test_weights_that_sum_to_0_cannot_be_normalized(kernel: ArrayLike) -> None:
    with pytest.raises(ArgumentError, match="sum to 0"):
        convolve(random_image(6, 7), kernel, normalize=True)


def test_weights_that_sum_to_0_but_for_rounding_cannot_be_normalized() -> None:
    with pytest.raises(ArgumentError, match="sum to 0"):
        convolve(random_image(6, 7), "0.1 0.2 -0.3", normalize=True)
