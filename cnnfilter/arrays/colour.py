"""Colour images: split into the channels of any colour space, merged, laid on white."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.buffers import BAND_BYTES, bands
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import convert
from cnnfilter.arrays.spaces import SPACES, channel_names, from_rgb, full_scale, to_rgb
from cnnfilter.errors import ArgumentError, ShapeError, unknown


def split_channels(image: ArrayLike, space: str = "rgb") -> dict[str, Array]:
    """Split an image into its channels, in a colour space.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C): grey, grey with alpha, RGB or RGBA, or any number
        of feature maps (then named 1, 2, ...).
    space : str
        One of rgb, hsv, lab, lch, luv, xyz, ycbcr, yuv, yiq. Channels of rgb are stored
        as they are. Those of the others are floats, in 0..255 whatever the image's
        depth, as `SPACES` states for each: hue 0..255 is once round the circle,
        lightness 0..255 is L* 0..100, ycbcr is JPEG's. What is signed by nature (a and
        b of lab) keeps its sign and unit.

    Returns
    -------
    dict of str to ndarray
        Channel name to an array of shape (H, W), in order. Alpha is a channel.

    Raises
    ------
    ArgumentError
        If the colour space is unknown.
    ShapeError
        If it is not rgb, and the image has no colours.

    Examples
    --------
    >>> red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    >>> list(split_channels(red))
    ['red', 'green', 'blue']
    >>> split_channels(red, "hsv")["saturation"]
    array([[255., 255.],
           [255., 255.]], dtype=float32)
    """
    array = as_image(image)
    stack = array[:, :, np.newaxis] if array.ndim == 2 else array
    names = channel_names(stack.shape[2], space)
    planes = [stack[:, :, index] for index in range(stack.shape[2])]
    if space != "rgb":
        planes[:3] = from_rgb(stack[:, :, :3], space)
        planes[3:] = [alpha_in(space, alpha) for alpha in planes[3:]]
    return dict(zip(names, planes, strict=True))


def alpha_in(space: str, alpha: Array) -> Array:
    """Return an alpha as a colour space stores it: as it is in rgb, else in 0..255."""
    return alpha if space == "rgb" else alpha / np.float32(full_scale(alpha) / 255)


def merge_channels(
    channels: Mapping[str, ArrayLike], space: str = "rgb", *, dtype: DTypeLike | None = None
) -> Array:
    """Merge channels into an image: the inverse of `split_channels`.

    Parameters
    ----------
    channels : mapping of str to array_like
        Channel name to an array of shape (H, W), as `split_channels` gives them, in
        any order.
    space : str
        The colour space that the channels are in.
    dtype : dtype, optional
        The result's type; an integer type rounds half to even and saturates. uint16
        scales 0..255 of the other spaces to 0..65535.

    Returns
    -------
    ndarray
        Shape (H, W) for one channel, else (H, W, C). rgb keeps the channels' type, the
        others give float32 in 0..255.

    Raises
    ------
    ArgumentError
        If a channel is missing or unknown.
    ShapeError
        If channels differ in shape.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    >>> lab = split_channels(image, "lab")
    >>> np.array_equal(merge_channels(lab, "lab", dtype=np.uint8), image)
    True
    """
    planes = {name: as_image(plane) for name, plane in channels.items()}
    if not planes:
        raise ArgumentError("there are no channels to merge")
    if len({plane.shape for plane in planes.values()}) > 1:
        shapes = ", ".join(f"{name} {plane.shape}" for name, plane in planes.items())
        raise ShapeError(f"channels of different shapes cannot be merged: {shapes}")
    ordered = [planes[name] for name in _in_order(planes, space)]
    if space != "rgb":
        ordered[:3] = np.moveaxis(to_rgb(ordered[:3], space), -1, 0)
    merged = ordered[0] if len(ordered) == 1 else np.stack(ordered, axis=-1)
    if dtype is None:
        return merged
    if space != "rgb" and np.dtype(dtype) == np.uint16:
        merged = merged * np.float64(257)
    return convert(merged, dtype)


def _in_order(names: Collection[str], space: str) -> Sequence[str]:
    """Order the names of channels; ArgumentError if they are not those of an image."""
    choice("space", space, SPACES)
    colours = [channel.name for channel in SPACES[space]]
    complete: list[Sequence[str]] = [colours, [*colours, "alpha"]]
    if space == "rgb":
        complete += [channel_names(1), channel_names(2), channel_names(max(5, len(names)))]
    for order in complete:
        if sorted(order) == sorted(names):
            return order
    for name in names:
        if name not in (*colours, "alpha"):
            raise ArgumentError(unknown("channel", name, colours))
    missing = next(name for name in colours if name not in names)
    raise ArgumentError(f"channel '{missing}' is missing; there are {', '.join(names)}")


def over_white(image: Array, alpha: Array, white: float | None = None) -> Array:
    """Paint an image on white paper.

    Parameters
    ----------
    image : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray
        Shape (H, W), of the same depth.
    white : number, optional
        The value of paper, and of what is opaque; default: the depth's largest.

    Examples
    --------
    >>> ink, alpha = np.zeros((1, 3), np.uint8), np.array([[0, 51, 255]], np.uint8)
    >>> over_white(ink, alpha)
    array([[255, 204,   0]], dtype=uint8)
    """
    top = full_scale(alpha) if white is None else white
    result = np.empty(image.shape, image.dtype)
    for rows in bands(image, BAND_BYTES // 8):  # of several arrays of float64
        part = alpha[rows]
        share = (part / top).reshape(part.shape + (1,) * (image.ndim - 2))
        result[rows] = convert(image[rows] * share + top * (1 - share), image.dtype)
    return result


def channel_as_gray(plane: Array, name: str, space: str) -> Array:
    """Turn a channel into a grey picture: what is signed is shifted by 128."""
    signed = any(channel.name == name and channel.signed for channel in SPACES[space])
    return plane + np.float32(128) if signed else plane


def channel_as_tint(plane: Array, name: str, space: str) -> Array:
    """Turn a channel into a colour picture that shows it alone: red as red.

    Shape (H, W) in, (H, W, 3) out; a channel that is no colour (alpha) stays grey.
    """
    channels = SPACES[space]
    for index, channel in enumerate(channels):
        if channel.name == name:
            planes = [np.full_like(plane, value) for value in channel.neutral]
            planes[index] = plane
            names = (each.name for each in channels)
            return merge_channels(dict(zip(names, planes, strict=True)), space)
    return plane
