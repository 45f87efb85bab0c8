"""Grey images, flat vectors and patches."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage import color
from skimage.util import view_as_windows

from cnnfilter import (
    ArgumentError,
    ShapeError,
    flatten,
    gray,
    patches,
    split_channels,
)
from cnnfilter.arrays import spaces
from cnnfilter.arrays.colour import over_white

from ..reference import Array
from ..types import Dtype, Size
from .samples import COLOUR_SPACES, COLOURS, random_image


@COLOURS
def test_gray_is_pillows_l_exactly(image: Array) -> None:
    result = gray(image)
    assert result.dtype == np.uint8
    assert_array_equal(result, np.asarray(Image.fromarray(image).convert("L")))


def test_gray_is_pillows_for_every_level_of_every_pair_of_channels() -> None:
    first, second = np.mgrid[:256, :256].astype(np.uint8)
    for planes in ((first, second, first), (first, second, second), (first, first, second)):
        image = np.dstack(planes)
        assert_array_equal(gray(image), np.asarray(Image.fromarray(image).convert("L")))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gray_of_floats_is_601_unrounded(dtype: Dtype) -> None:
    image = random_image(4, 5, 3, dtype=dtype) - dtype(77.7)
    result = gray(image)
    assert result.dtype == dtype
    assert_allclose(result, image @ np.array([0.299, 0.587, 0.114]), rtol=1e-5, atol=1e-4)


def test_gray_of_sixteen_bits_is_601_rounded() -> None:
    image = np.random.default_rng(0).integers(0, 65536, (20, 20, 3), np.uint16)
    result = gray(image)
    assert result.dtype == np.uint16
    assert np.abs(result - image @ np.array([0.299, 0.587, 0.114])).max() <= 1


@pytest.mark.parametrize("value", [255, 2**16 - 1, 2**32 - 1, 2**40, 2**53, 2**62])
def test_gray_of_equal_integers_is_their_value_however_large(value: int) -> None:
    assert gray(np.full((1, 1, 3), value)).item() == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_gray_of_grey_is_the_plane_itself(channels: int) -> None:
    image = random_image(4, 5, channels)
    assert_array_equal(gray(image), image[..., 0])


def test_gray_leaves_alpha_out() -> None:
    image = random_image(4, 5, 4)
    assert_array_equal(gray(image), gray(image[..., :3]))


def test_gray_leaves_a_plane_unchanged() -> None:
    image = random_image(4, 5)
    assert_array_equal(gray(image), image)


def test_gray_refuses_feature_maps() -> None:
    with pytest.raises(ShapeError):
        gray(random_image(4, 5, 5))


def test_chw_is_the_default_and_goes_channel_by_channel() -> None:
    image = np.array([[[1, 10], [2, 20]], [[3, 30], [4, 40]]])
    assert_array_equal(flatten(image), [1, 2, 3, 4, 10, 20, 30, 40])
    assert_array_equal(flatten(image, "hwc"), [1, 10, 2, 20, 3, 30, 4, 40])


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flatten_is_a_transposed_ravel(shape: tuple[int, ...], dtype: Dtype) -> None:
    image = random_image(*shape, dtype=dtype)
    chw = image if image.ndim == 2 else image.transpose(2, 0, 1)
    assert_array_equal(flatten(image), chw.ravel())
    assert_array_equal(flatten(image, order="hwc"), image.ravel())
    assert flatten(image).dtype == dtype


def test_flatten_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    image = random_image(3, 4, 5)
    maps = torch.from_numpy(image.transpose(2, 0, 1).copy())
    assert_array_equal(flatten(image), torch.nn.Flatten(0)(maps).numpy())


def test_flatten_names_an_unknown_order() -> None:
    with pytest.raises(ArgumentError, match="order"):
        flatten(random_image(3, 4, 5), "cwh")


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3)])
@pytest.mark.parametrize(("size", "stride"), [(2, 1), ((3, 2), 1), (3, 2), ((2, 4), (3, 1))])
def test_patches_are_scikit_images_windows(
    shape: tuple[int, ...], size: Size, stride: Size
) -> None:
    image = random_image(*shape)
    height, width = (size, size) if isinstance(size, int) else size
    down, across = (stride, stride) if isinstance(stride, int) else stride
    if image.ndim == 2:
        expected = view_as_windows(image, (height, width), (down, across))
    else:
        expected = view_as_windows(image, (height, width, 3), (down, across, 1))[:, :, 0]
    assert_array_equal(patches(image, size, stride), expected)


@pytest.mark.parametrize("size", ["3x2", "3,2", (3, 2)])
def test_patches_are_vertical_first(size: Size) -> None:
    assert patches(random_image(6, 7), size, "1x2").shape == (4, 3, 3, 2)


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3)])
def test_patches_are_a_read_only_view(shape: tuple[int, ...]) -> None:
    image = random_image(*shape)
    windows = patches(image, 2)
    assert np.shares_memory(windows, image)
    assert not windows.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        windows[...] = 0
    image[0, 0] = 99
    assert (windows[0, 0, 0, 0] == 99).all()


def test_a_window_as_large_as_the_image_gives_one_patch() -> None:
    image = random_image(3, 4)
    assert_array_equal(patches(image, (3, 4)), image[np.newaxis, np.newaxis])


def test_a_window_larger_than_the_image_gets_the_arithmetic() -> None:
    with pytest.raises(
        ShapeError, match=r"the window \(7\) is wider than the image \(5\), 5 \+ 2\*0 - 7 < 0"
    ):
        patches(random_image(5, 5), (1, 7))


@pytest.mark.parametrize(("size", "stride"), [(0, 1), (2, 0), ("a", 1), (2, "1,2,3")])
def test_patches_of_no_size_or_stride_are_refused(size: Size, stride: Size) -> None:
    with pytest.raises(ArgumentError):
        patches(random_image(5, 5), size, stride)


#: Of several bands, the last one not full.
TALL = np.random.default_rng(5).integers(0, 256, (701, 599, 4), np.uint8)


@COLOUR_SPACES
def test_bands_of_rows_make_up_the_colours_of_the_whole(space: str) -> None:
    unit = TALL[:, :, :3] / 255
    if space == "lch":
        converted = color.lab2lch(color.rgb2lab(unit))
    else:
        converted = getattr(color, f"rgb2{'ypbpr' if space == 'ycbcr' else space}")(unit)
    planes = list(split_channels(TALL, space).values())[:3]
    for index, channel in enumerate(spaces.SPACES[space]):
        stored = (converted[:, :, index] * channel.scale + channel.offset).astype(np.float32)
        np.testing.assert_array_equal(planes[index], stored)


def test_bands_of_rows_make_up_the_whole_in_grey_and_on_white() -> None:
    colours, alpha = TALL[:, :, :3], TALL[:, :, 3]
    np.testing.assert_array_equal(gray(TALL), np.asarray(Image.fromarray(colours).convert("L")))
    share = alpha[:, :, np.newaxis] / 255
    expected = np.rint(colours * share + 255 * (1 - share))
    np.testing.assert_array_equal(over_white(colours, alpha), expected)


def test_floats_are_put_on_a_white_of_1() -> None:
    ink, alpha = np.full((1, 3), 0.5, np.float32), np.array([[0, 0.5, 1]], np.float32)
    assert over_white(ink, alpha, 1).tolist() == [[1, 0.75, 0.5]]
