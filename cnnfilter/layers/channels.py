"""Layers that make an image of some of each pixel's channels: gray, rgb and select."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice, integer
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.colour import split_channels
from cnnfilter.arrays.geometry import Place, Shape
from cnnfilter.arrays.spaces import SPACES, channel_names
from cnnfilter.arrays.titles import titles_of
from cnnfilter.errors import ArgumentError, ShapeError, brief, unknown
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Argument, functional

if TYPE_CHECKING:
    from cnnfilter.layers.explanation import Detail
    from cnnfilter.layers.records import Record

#: ITU-R BT.601 luma, in 65536ths as Pillow's ``convert("L")`` has it.
GRAY_WEIGHTS = (19595, 38470, 7471)


class _Regrouping(Layer):
    """A layer that makes an image from the channels of each pixel."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape, with as many channels as one pixel's result."""
        pixel = np.zeros((*(1 for _ in shape[:2]), *shape[2:]), np.float32)
        return *shape[:2], *self(pixel).shape[2:]

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return no names: an image has none."""
        return ()

    @property
    def formula(self) -> str:
        """Where a value comes from."""
        return "x of its channel"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Detail:
        """List the channels of the value's pixel."""
        from cnnfilter.layers.explanation import Taken

        values = np.atleast_1d(before[at[:2]])
        titles = titles_of(names, len(values)) if before.ndim > 2 else ("x",)
        words = [f"{title} {value:.6g}" for title, value in zip(titles, values[:8], strict=False)]
        return Taken("from " + ", ".join(words) + (", ..." if len(values) > 8 else ""))

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"


class Gray(_Regrouping):
    """Make an image grey: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as Pillow does.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C) with 1 to 4 channels; alpha is left out.

    Returns
    -------
    ndarray
        Shape (H, W), the image's dtype. Integers are rounded as by Pillow's
        ``convert("L")``.

    Raises
    ------
    ShapeError
        If the image has more than four channels.

    Examples
    --------
    >>> gray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    array([[ 76, 150,  29]], dtype=uint8)
    """

    def __call__(self, image: ArrayLike) -> Array:
        array = as_image(image)
        if array.ndim == 2:
            return array
        if array.shape[2] > 4:
            raise ShapeError(f"{array.shape[2]} channels are no colours; gray takes 1 to 4")
        if array.shape[2] < 3:
            return array[:, :, 0]
        result = np.empty(array.shape[:2], array.dtype)
        for rows in bands(array):
            result[rows] = _luma(array[rows])
        return result

    @property
    def formula(self) -> str:
        """The weighted sum of colours."""
        return "0.299 red + 0.587 green + 0.114 blue"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Detail:
        """Return the colours that a value is mixed of."""
        from cnnfilter.layers.explanation import Taken, Weighed, contributions

        if before.ndim == 2 or before.shape[2] < 3:
            return Taken("the grey that it was")
        values = before[at[0], at[1], :3].astype(np.float64)
        weights = np.array(GRAY_WEIGHTS) / 65536
        parts = contributions(("red", "green", "blue"), values, weights, values * weights)
        return Weighed(parts, None, self.formula, ("value", "weight", "product"))

    def record(self, shape: Shape) -> Record:
        """Return that colours are mixed, or the channel that is grey already."""
        is_colour = shape[2:] > (2,)
        return {"kind": "gray"} if is_colour else {"kind": "channels", "sources": [0]}


def _luma(colours: Array) -> Array:
    """Return the luma of colours of shape (H, W, 3 or 4), integers rounded."""
    red, green, blue = (colours[:, :, index] for index in range(3))
    if colours.dtype.kind == "f":
        luma: Array = 0.299 * red + 0.587 * green + 0.114 * blue
        return luma
    # Upper and lower 16 bits apart, so that no product of a wide integer overflows.
    wide: Any = np.uint32 if colours.dtype in (np.uint8, np.uint16) else np.int64
    low, high = wide(32768), wide(0)
    for plane, weight in zip((red, green, blue), GRAY_WEIGHTS, strict=True):
        values = plane.astype(wide)
        high = high + (values >> wide(16)) * wide(weight)
        low = low + (values & wide(0xFFFF)) * wide(weight)
    gray_: Array = high + (low >> wide(16))
    return gray_


class Rgb(_Regrouping):
    """Bring an image to three channels: a grey one becomes three that are equal.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C) with 1 to 4 channels; alpha is left out.

    Returns
    -------
    ndarray
        Shape (H, W, 3), the image's dtype.

    Raises
    ------
    ShapeError
        If the image has more than four channels.

    Examples
    --------
    >>> rgb([[7]])
    array([[[7, 7, 7]]])
    """

    def __call__(self, image: ArrayLike) -> Array:
        array = as_image(image)
        if array.ndim == 3 and array.shape[2] in (3, 4):
            return array[:, :, :3]
        if array.ndim == 3 and array.shape[2] > 4:
            raise ShapeError(f"{array.shape[2]} channels are no colours; rgb takes 1 to 4")
        return np.repeat(gray(array)[:, :, np.newaxis], 3, axis=2)

    def record(self, shape: Shape) -> Record:
        """Return the input's channel for each of the result's."""
        return {"kind": "channels", "sources": [0, 1, 2] if shape[2:] > (2,) else [0, 0, 0]}


class Selection(_Regrouping):
    """Select channels by name or number.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    channel : str, int or list of these
        Names as `split_channels` returns them, or numbers from 0.
    space : str
        The colour space that the names belong to.

    Returns
    -------
    ndarray
        Shape (H, W) for one channel, (H, W, selected) for a list of several.

    Raises
    ------
    ArgumentError
        If the colour space is unknown.
    ShapeError
        If the image has no such channel.

    Examples
    --------
    >>> image = np.zeros((2, 2, 3), np.uint8)
    >>> select_channels(image, "red").shape, select_channels(image, [0, "blue"]).shape
    ((2, 2), (2, 2, 2))
    """

    def __init__(
        self,
        channel: Annotated[str | int | Sequence[str | int], Argument(many=True, example="red")],
        *,
        space: Annotated[str, Argument(choices=tuple(SPACES))] = "rgb",
    ) -> None:
        self.channels = list(channel) if isinstance(channel, list | tuple) else [channel]
        if not self.channels:
            raise ArgumentError("no channel is named; name one, such as red")
        for name in self.channels:
            if not isinstance(name, str):
                integer("channel", name, least=0)
        self.space = choice("space", space, SPACES)

    def __call__(self, image: ArrayLike) -> Array:
        planes = split_channels(image, self.space)
        selected = [_channel(planes, name) for name in self.channels]
        return selected[0] if len(selected) == 1 else np.stack(selected, axis=-1)

    def record(self, shape: Shape) -> Record:
        """Return the selected channels; another colour space's are not the input's."""
        if self.space != "rgb":
            return {"kind": "other"}
        names = channel_names(shape[2] if len(shape) == 3 else 1)
        sources = [
            names.index(str(name)) if str(name) in names else int(str(name))
            for name in self.channels
        ]
        return {"kind": "channels", "sources": sources}


def _channel(planes: dict[str, Array], name: object) -> Array:
    text = brief(name)
    if text in planes:
        return planes[text]
    if text.isdecimal() and int(text) < len(planes):
        return list(planes.values())[int(text)]
    listed = f"there are {', '.join(planes)}, or their numbers 0 to {len(planes) - 1}"
    if len(planes) == 1:
        listed = f"there is only {', '.join(planes)}, number 0"
    raise ShapeError(unknown("channel", text, planes, listed))


gray = functional(Gray, "gray")
rgb = functional(Rgb, "rgb")
select_channels = functional(Selection, "select_channels")
