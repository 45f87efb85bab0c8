"""Whether two readers have the same numbers of a file."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.files.image import Image

from .readers import Picture

#: Words of a note that say that bits were dropped.
_FEWER_BITS = re.compile(r"8 bits|as 8|scaled|stretched")


def turned(picture: Picture, orientation: int) -> Picture:
    """Return a picture upright, by EXIF's orientation."""

    def turn(values: Array) -> Array:
        if orientation > 4:
            values = values.swapaxes(0, 1)
        if orientation in (2, 3, 6, 7):
            values = values[:, ::-1]
        return values[::-1] if orientation in (3, 4, 7, 8) else values

    alpha = None if picture.alpha is None else turn(picture.alpha)
    return Picture(turn(picture.pixels), alpha)


def difference(
    images: Sequence[Image], others: Sequence[Picture], within: int = 0, about: float = 0
) -> str:
    """Return the first difference of what was read from what another reader has.

    Parameters
    ----------
    images, others
        Frames.
    within : int
        The levels that every number may differ by.
    about : float
        Those that they may differ by on average; 0 where each must be within.
    """
    if len(images) != len(others):
        return f"{len(images)} frames, not {len(others)}"
    for number, (image, other) in enumerate(zip(images, others, strict=True)):
        if about and _is_about(image, other, about):
            continue
        if found := _difference(image, other, within):
            return f"frame {number}: {found}" if len(images) > 1 else found
    return ""


def _is_about(image: Image, other: Picture, about: float) -> bool:
    if image.pixels.shape != other.pixels.shape or image.pixels.dtype != other.pixels.dtype:
        return False
    return float(np.abs(image.pixels.astype(float) - other.pixels).mean()) <= about


def _difference(image: Image, other: Picture, within: int) -> str:
    found = _unlike(image, other, within)
    if not found or image.peak is None or image.pixels.dtype.kind != "u":
        return found
    # The other one may have stretched its white to the type's.
    top = np.iinfo(other.pixels.dtype).max
    stretched = [
        None if values is None else np.rint(values * (top / image.peak)).astype(other.pixels.dtype)
        for values in (image.pixels, image.alpha)
    ]
    pixels, alpha = stretched
    assert pixels is not None
    return _unlike(replace(image, pixels=pixels, alpha=alpha, peak=None), other, max(1, within))


def _unlike(image: Image, other: Picture, within: int) -> str:
    pixels, right = alike(image.pixels, other.pixels)
    if pixels.shape != right.shape:
        return f"shape {image.pixels.shape}, not {other.pixels.shape}"
    if found := _types_differ(image, pixels, right):
        return found
    right = _of_told_depth(pixels, right)
    if image.alpha is None and other.alpha is None:
        return differing(pixels, right, within)
    alpha = _visible(image.alpha, pixels)
    visible = _visible(other.alpha, other.pixels)
    if visible.dtype != alpha.dtype and pixels.dtype.kind in "u":
        visible = _of_depth(visible, alpha.dtype)
    if not np.allclose(alpha, visible, rtol=0, atol=within):
        return f"alpha: {differing(alpha, visible, within)}"
    shown = alpha != 0
    return differing(pixels[shown], right[shown], within)


def _types_differ(image: Image, pixels: Array, right: Array) -> str:
    """Return words for types of numbers that are not the same, and not said."""
    if pixels.dtype == right.dtype or image.format in ("csv", "tsv", "json"):
        return ""
    said = any(_FEWER_BITS.search(note) for note in image.notes)
    both_pictures = {pixels.dtype.kind, right.dtype.kind} == {"u"}
    # Programs that compute in 16 bits write 255 times 257 for white.
    stretched = right.dtype == np.uint16 and pixels.dtype == np.uint8 and not (right % 257).any()
    if both_pictures and (said or stretched):
        return ""
    return f"{pixels.dtype}, not {right.dtype}"


def _of_told_depth(pixels: Array, right: Array) -> Array:
    if {pixels.dtype.itemsize, right.dtype.itemsize} == {1, 2} and pixels.dtype.kind == "u":
        return _of_depth(right, pixels.dtype)
    return right


def _of_depth(values: Array, dtype: np.dtype[np.generic]) -> Array:
    top, most = np.iinfo(values.dtype).max, np.iinfo(dtype).max
    if top > most:
        return (
            (values >> 8).astype(dtype) if (values % 257).any() else (values // 257).astype(dtype)
        )
    return values.astype(dtype) * (most // top)


def _visible(alpha: Array | None, pixels: Array) -> Array:
    top = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return np.full(pixels.shape[:2], top, pixels.dtype) if alpha is None else alpha


def alike(one: Array, other: Array, shown: Array | None = None) -> tuple[Array, Array]:
    """Return two pictures, one of three channels that are equal where it shows as grey."""
    one, other = (
        np.squeeze(values, axis=2) if values.shape[2:] == (1,) else values
        for values in (one, other)
    )
    if one.ndim != other.ndim:
        one, other = gray(one, shown), gray(other, shown)
    return one, other


def gray(values: Array, shown: Array | None = None) -> Array:
    """Return a channel of three that are equal where they show."""
    if values.ndim != 3 or values.shape[2] != 3:
        return values
    seen = values if shown is None else values[shown]
    return values[:, :, 0] if (seen == seen[..., :1]).all() else values


def differing(got: Array, right: Array, within: float = 0) -> str:
    """Return how numbers differ; "" where they are the same."""
    if got.dtype.kind == "f" or right.dtype.kind == "f":
        # In 16 bits the tolerance itself would be 0.
        got, right = got.astype(np.float64), right.astype(np.float64)
        same = np.isclose(got, right, rtol=2e-6, atol=within, equal_nan=True)
    else:
        same = np.abs(got.astype(np.float64) - right.astype(np.float64)) <= within
    if same.all():
        return ""
    wrong = np.argwhere(~same)
    place = tuple(wrong[0].tolist())
    most = np.nanmax(np.abs(got.astype(np.float64) - right.astype(np.float64)))
    return f"{len(wrong)} of {same.size} values, {got[place]} for {right[place]}, at most {most:g}"
