"""Channels and colour spaces: split, merged and selected, against scikit-image and Pillow."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage import color

from cnnfilter import (
    ArgumentError,
    CnnFilterError,
    ShapeError,
    merge_channels,
    select_channels,
    split_channels,
)

from ..reference import Array
from ..types import Dtype
from .samples import COLOUR_SPACES, COLOURS, NAMES, cube, random_image

SPACES = pytest.mark.parametrize("space", list(NAMES))


def stacked(channels: dict[str, Array]) -> Array:
    return np.dstack(list(channels.values()))


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((4, 5), ["gray"]),
        ((4, 5, 1), ["gray"]),
        ((4, 5, 2), ["gray", "alpha"]),
        ((4, 5, 3), ["red", "green", "blue"]),
        ((4, 5, 4), ["red", "green", "blue", "alpha"]),
        ((4, 5, 5), ["1", "2", "3", "4", "5"]),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_rgb_gives_the_channels_as_stored_and_in_order(
    shape: tuple[int, ...], names: list[str], dtype: Dtype
) -> None:
    image = random_image(*shape, dtype=dtype)
    channels = split_channels(image)
    assert list(channels) == names
    for number, channel in enumerate(channels.values()):
        assert channel.shape == (4, 5)
        assert channel.dtype == dtype
        assert_array_equal(channel, image.reshape(4, 5, -1)[..., number])


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 2), (4, 5, 3), (4, 5, 4), (4, 5, 7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_merging_gives_the_image_back(shape: tuple[int, ...], dtype: Dtype) -> None:
    image = random_image(*shape, dtype=dtype)
    merged = merge_channels(split_channels(image))
    assert merged.dtype == dtype
    assert_array_equal(merged, image)


def test_merging_one_channel_gives_a_plane() -> None:
    assert merge_channels(split_channels(random_image(4, 5, 1))).shape == (4, 5)


@SPACES
def test_every_space_has_its_channels_in_order_and_alpha_last(space: str) -> None:
    assert list(split_channels(random_image(2, 2, 3), space)) == NAMES[space]
    assert list(split_channels(random_image(2, 2, 4), space)) == [*NAMES[space], "alpha"]


@SPACES
def test_channels_may_be_merged_in_any_order(space: str) -> None:
    image = random_image(4, 5, 4)
    channels = split_channels(image, space)
    turned = dict(reversed(channels.items()))
    assert_array_equal(merge_channels(turned, space), merge_channels(channels, space))


def test_a_bool_image_is_0_and_255() -> None:
    assert_array_equal(split_channels(np.array([[True, False]]))["gray"], [[255, 0]])


@COLOURS
@pytest.mark.parametrize(
    ("space", "function", "scales"),
    [
        ("hsv", color.rgb2hsv, [255, 255, 255]),
        ("lab", color.rgb2lab, [2.55, 1, 1]),
        ("luv", color.rgb2luv, [2.55, 1, 1]),
        ("xyz", color.rgb2xyz, [255 / 0.95047, 255, 255 / 1.08883]),
        ("yuv", color.rgb2yuv, [255, 255, 255]),
        ("yiq", color.rgb2yiq, [255, 255, 255]),
    ],
)
def test_values_are_scikit_images_at_the_stated_scale(
    image: Array, space: str, function: Callable[..., Array], scales: list[float]
) -> None:
    expected = function(image / 255) * scales
    result = split_channels(image, space)
    assert all(channel.dtype == np.float32 for channel in result.values())
    assert_allclose(stacked(result), expected, atol=2e-3)


def test_lch_is_lab_in_polar_coordinates() -> None:
    image = random_image(9, 8, 3)
    lab, lch = split_channels(image, "lab"), split_channels(image, "lch")
    assert_allclose(lch["lightness"], lab["lightness"], atol=1e-3)
    assert_allclose(lch["chroma"], np.hypot(lab["a"], lab["b"]), atol=1e-3)
    angle = lch["hue"] / 255 * 2 * np.pi
    assert_allclose(lch["chroma"] * np.cos(angle), lab["a"], atol=1e-2)
    assert_allclose(lch["chroma"] * np.sin(angle), lab["b"], atol=1e-2)


@COLOURS
def test_ycbcr_is_within_1_of_pillows(image: Array) -> None:
    pillow = np.asarray(Image.fromarray(image).convert("YCbCr")).astype(float)
    assert np.abs(stacked(split_channels(image, "ycbcr")) - pillow).max() <= 1


def test_ycbcr_is_jpegs_formula() -> None:
    image = random_image(9, 8, 3)
    red, green, blue = np.moveaxis(image.astype(float), 2, 0)
    result = split_channels(image, "ycbcr")
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert_allclose(result["luma"], luma, atol=1e-3)
    assert_allclose(result["cb"], 128 + (blue - luma) / 1.772, atol=1e-3)
    assert_allclose(result["cr"], 128 + (red - luma) / 1.402, atol=1e-3)


def test_hsv_is_within_1_of_pillows() -> None:
    image = random_image(32, 33, 3)
    pillow = np.asarray(Image.fromarray(image).convert("HSV")).astype(float)
    assert np.abs(stacked(split_channels(image, "hsv")) - pillow).max() <= 1


@COLOUR_SPACES
def test_values_stay_in_0_to_255_but_for_what_is_signed_by_nature(space: str) -> None:
    signed = {"a", "b", "u", "v", "i", "q"}
    for name, channel in split_channels(cube(0, 64, 128, 255), space).items():
        if name in signed:
            assert channel.min() < 0 < channel.max()
        else:
            # JPEG's cb and cr of pure blue and red are 255.5 before rounding.
            assert channel.min() >= -1e-3
            assert channel.max() <= 255.5 + 1e-3


def test_the_hue_of_an_image_is_not_black() -> None:
    hue = split_channels(cube(0, 255), "hsv")["hue"]
    assert hue.max() == pytest.approx(212.5, abs=1e-3)  # magenta: 300 of 360 degrees


@COLOUR_SPACES
def test_sixteen_bits_give_the_same_values(space: str) -> None:
    image = random_image(6, 7, 3)
    wide = image.astype(np.uint16) * 257
    assert_allclose(
        stacked(split_channels(wide, space)), stacked(split_channels(image, space)), atol=1e-3
    )


@COLOUR_SPACES
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_other_types_are_read_as_0_to_255(space: str, dtype: Dtype) -> None:
    image = random_image(6, 7, 3)
    assert_allclose(
        stacked(split_channels(image.astype(dtype), space)),
        stacked(split_channels(image, space)),
        atol=1e-3,
    )


@SPACES
@COLOURS
def test_there_and_back_gives_the_image(space: str, image: Array) -> None:
    result = merge_channels(split_channels(image, space), space, dtype=np.uint8)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - image).max() <= 1


@COLOUR_SPACES
def test_merging_gives_float32_in_0_to_255(space: str) -> None:
    image = random_image(6, 7, 3)
    result = merge_channels(split_channels(image, space), space)
    assert result.dtype == np.float32
    assert_allclose(result, image, atol=0.1)


@SPACES
def test_alpha_goes_there_and_back_untouched(space: str) -> None:
    image = random_image(6, 7, 4)
    channels = split_channels(image, space)
    assert_array_equal(channels["alpha"], image[..., 3])
    merged = merge_channels(channels, space, dtype=np.uint8)
    assert_array_equal(merged[..., 3], image[..., 3])
    assert np.abs(merged.astype(int) - image).max() <= 1


def test_sixteen_bits_with_alpha_come_back_at_one_scale() -> None:
    image = random_image(6, 7, 4).astype(np.uint16) * 257
    merged = merge_channels(split_channels(image, "hsv"), "hsv")
    assert_allclose(merged, image / 257, atol=0.1)


def test_an_integer_dtype_rounds_half_to_even_and_saturates() -> None:
    halves = np.array([[0.5, 1.5, 2.5, 3.5]])
    channels = {"red": halves, "green": -halves - 7, "blue": halves + 300}
    result = merge_channels(channels, dtype=np.uint8)
    assert_array_equal(result, [[[0, 0, 255], [2, 0, 255], [2, 0, 255], [4, 0, 255]]])


PLANE = np.zeros((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("names", "space", "word"),
    [
        (["red", "green"], "rgb", "blue"),
        (["red", "green", "blue", "gold"], "rgb", "gold"),
        (["hue", "saturation"], "hsv", "value"),
        (["hue", "saturation", "value"], "rgb", "red"),
        (["red", "green", "blue"], "hsv", "hue"),
        ([], "rgb", "channel"),
    ],
)
def test_missing_and_unknown_channels_are_named(names: list[str], space: str, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        merge_channels(dict.fromkeys(names, PLANE), space)


def test_channels_of_different_shapes_do_not_merge() -> None:
    with pytest.raises(ShapeError):
        merge_channels({"red": PLANE, "green": PLANE, "blue": PLANE[:1]})


@pytest.mark.parametrize("function", [split_channels, merge_channels])
def test_an_unknown_space_suggests_the_nearest(function: Callable[..., Array]) -> None:
    image = random_image(2, 2, 3)
    given = image if function is split_channels else split_channels(image)
    with pytest.raises(ArgumentError, match="'ycbcr'"):
        function(given, "ycbr")


@COLOUR_SPACES
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 5)])
def test_colour_spaces_need_colours(space: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        split_channels(random_image(*shape), space)


@pytest.mark.parametrize(
    ("channel", "number"), [("red", 0), ("blue", 2), ("alpha", 3), (1, 1), (np.int64(3), 3)]
)
def test_one_channel_gives_a_plane(channel: int | str, number: int) -> None:
    image = random_image(4, 5, 4)
    assert_array_equal(select_channels(image, channel), image[..., number])


@pytest.mark.parametrize(
    ("channels", "numbers"),
    [
        (["blue", "red"], [2, 0]),
        ([0, "alpha"], [0, 3]),
        (("green", 1), [1, 1]),
        ([3, 2, 1], [3, 2, 1]),
    ],
)
def test_several_channels_come_in_the_order_asked_for(
    channels: list[int | str], numbers: list[int]
) -> None:
    image = random_image(4, 5, 4)
    assert_array_equal(select_channels(image, channels), image[..., numbers])


@COLOUR_SPACES
def test_names_of_a_space_select_from_it(space: str) -> None:
    image = random_image(4, 5, 3)
    channels = split_channels(image, space)
    for name in NAMES[space]:
        assert_array_equal(select_channels(image, name, space=space), channels[name])


@pytest.mark.parametrize(
    ("channel", "word"), [("rad", "red"), (4, "4"), ("hue", "hue"), (["red", "grean"], "green")]
)
def test_a_channel_that_is_not_there_is_named(channel: int | str, word: str) -> None:
    with pytest.raises(ShapeError, match=word):
        select_channels(random_image(4, 5, 4), channel)


def test_selecting_from_an_unknown_space_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="'lab'"):
        select_channels(random_image(4, 5, 4), "a", space="lap")


def test_selecting_nothing_is_an_error_of_ours() -> None:
    with pytest.raises(CnnFilterError):
        select_channels(random_image(4, 5, 4), [])
