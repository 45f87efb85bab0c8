"""Each channel times a factor plus an offset: input preparation and batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Number, choice, number
from cnnfilter.arrays.buffers import in_bands
from cnnfilter.arrays.checks import as_features, as_image, as_numbers, per_channel
from cnnfilter.arrays.dtypes import float_type
from cnnfilter.arrays.geometry import Place, Shape
from cnnfilter.arrays.patches import border
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.errors import ArgumentError, ShapeError
from cnnfilter.layers.base import Layer, RowsFrom

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.layers.explanation import Mapped
    from cnnfilter.layers.records import AffineRecord, BoundsRecord, PlainRecord, ScalingRecord

#: A number for all channels, or one for each.
Numbers = Number | ArrayLike

INVERSIONS = ("yes", "no", "auto")


def scale(image: ArrayLike, factor: Numbers | None = None, offset: Numbers = 0) -> Array:
    """Multiply values by a factor and add an offset; by default, bring pixels to 0..1.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    factor : number, array_like or "minmax", optional
        One, or one for each channel. Unless given, integers are divided by 255 (16-bit
        images by 65535), and floats stay as they are. ``minmax`` stretches all channels
        together from lowest to highest, whatever they are; a constant image becomes 0.
    offset : number or array_like
        Likewise; it is added after.

    Returns
    -------
    ndarray
        The same shape, float32 where that is exact (or the image is float32), else float64.

    Raises
    ------
    ShapeError
        If there are not as many numbers as channels.

    Examples
    --------
    >>> scale([[0, 51, 255]])
    array([[0. , 0.2, 1. ]], dtype=float32)
    >>> scale([[1, 2]], 2, offset=-1)
    array([[1., 3.]], dtype=float32)
    >>> scale([[50, 60, 90]], "minmax")
    array([[0.  , 0.25, 1.  ]], dtype=float32)
    """
    return Scaling.of(factor, offset)(image)


def standardize(image: ArrayLike, mean: Numbers, std: Numbers) -> Array:
    """Subtract a mean and divide by a standard deviation, as networks' inputs often need.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    mean, std : number or array_like
        One, or one for each channel; in the image's units.

    Returns
    -------
    ndarray
        The same shape, float32 where that is exact (or the image is float32), else float64.

    Raises
    ------
    ArgumentError
        If a standard deviation is not above 0.
    ShapeError
        If there are not as many numbers as channels.

    Examples
    --------
    >>> standardize([[[4, 8, 6]]], mean=[2, 6, 6], std=[2, 4, 1])
    array([[[1. , 0.5, 0. ]]], dtype=float32)
    """
    return Affine.standardizing(mean, std)(image)


def batch_norm(
    image: ArrayLike,
    mean: Numbers,
    variance: Numbers,
    *,
    scale: Numbers = 1,
    offset: Numbers = 0,
    epsilon: Number = 1e-5,
) -> Array:
    """Normalise each channel by statistics of the training data, then scale and shift it.

    (x - mean) / sqrt(variance + epsilon) * scale + offset. Ioffe, Szegedy 2015.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    mean, variance : number or array_like
        One, or one for each channel: PyTorch's running_mean and running_var, Keras's
        moving_mean and moving_variance.
    scale, offset : number or array_like
        Likewise: PyTorch's weight and bias, Keras's gamma and beta.
    epsilon : number
        PyTorch's and ONNX's default; Keras's is 0.001.

    Returns
    -------
    ndarray
        The same shape, float32 where that is exact (or the image is float32), else float64.

    Raises
    ------
    ArgumentError
        If a variance + epsilon is not above 0.
    ShapeError
        If there are not as many numbers as channels.

    Examples
    --------
    >>> batch_norm([[[4.0, 8.0]]], mean=[2, 8], variance=[4, 1], offset=[0, 5], epsilon=0)
    array([[[1., 5.]]])
    """
    return Affine.normalizing(mean, variance, scale=scale, offset=offset, epsilon=epsilon)(image)


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """(x - center) * factor + offset: one of each for all channels, or for each of them.

    Attributes
    ----------
    names : (str, str, str)
        What a person calls these.
    learned : int
        How many numbers it was made from that were learned.
    """

    center: Array
    factor: Array
    offset: Array
    names: tuple[str, str, str]
    learned: int = 0

    @classmethod
    def scaling(cls, factor: Numbers, offset: Numbers) -> Affine:
        """Read a factor and an offset, as a person would type them."""
        multiplied, added = as_numbers("factor", factor), as_numbers("offset", offset)
        return cls(np.zeros(()), multiplied, added, ("center", "factor", "offset"))

    @classmethod
    def standardizing(cls, mean: Numbers, std: Numbers) -> Affine:
        """Read the arguments of `standardize`, as a person would type them."""
        deviation = as_numbers("std", std)
        if not np.all(deviation > 0):
            raise ArgumentError(f"std {deviation} is not above 0; a standard deviation is")
        center = as_numbers("mean", mean)
        return cls(center, 1 / deviation, np.zeros(()), ("mean", "std", "offset"))

    @classmethod
    def normalizing(
        cls, mean: Numbers, variance: Numbers, *, scale: Numbers, offset: Numbers, epsilon: Number
    ) -> Affine:
        """Read the arguments of `batch_norm`, as a person would type them."""
        center, spread = as_numbers("mean", mean), as_numbers("variance", variance)
        gain, shift = as_numbers("scale", scale), as_numbers("offset", offset)
        wide = spread.astype(np.float64) + number("epsilon", epsilon)
        if not np.all(wide > 0):
            raise ArgumentError("variance + epsilon is not above 0 everywhere; check the tensors")
        shapes = {each.shape for each in (center, spread, gain, shift) if each.size > 1}
        if len(shapes) > 1:
            listed = " and ".join(map(str, sorted(shapes)))
            raise ArgumentError(f"mean, variance, scale and offset differ in shape: {listed}")
        learned = sum(each.size for each in (center, spread, gain, shift) if each.ndim)
        return cls(center, gain / np.sqrt(wide), shift, ("mean", "variance", "offset"), learned)

    @property
    def parameters(self) -> int:
        """How many numbers were learned: statistics, scales and offsets."""
        return self.learned

    def multiply_adds(self, shape: Shape) -> int:
        """One for each value."""
        return prod(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Give the shape, if the numbers go with it."""
        self._spread(shape)
        return shape

    def _spread(self, shape: Shape, dtype: Any = None) -> list[Array]:
        numbers = zip(self.names, (self.center, self.factor, self.offset), strict=True)
        return [
            per_channel(name, values.astype(dtype, copy=False), shape) for name, values in numbers
        ]

    def __call__(self, image: ArrayLike) -> Array:
        """Compute."""
        array = as_features(image)
        work = float_type(array, 1)
        return in_bands(_affine, work, array, *self._spread(array.shape, work))

    @property
    def formula(self) -> str:
        """Of each channel's numbers."""
        return "(x - center) * factor + offset"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return the function with the channel's numbers."""
        from cnnfilter.layers.explanation import Mapped, value_at

        center, factor, offset = (
            value_at(np.broadcast_to(numbers, before.shape), at)
            for numbers in self._spread(before.shape)
        )
        words = "x" if center == 0 else f"(x - {center:.6g})"
        words += f" * {factor:.6g}" + (f" + {offset:.6g}" if offset else "")
        return Mapped(value_at(before, at), words)

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"

    def record(self, shape: Shape) -> AffineRecord | PlainRecord:
        """Return the numbers, unless they are of more axes than channels."""
        numbers = self.center, self.factor, self.offset
        if any(values.size not in (1, shape[-1]) for values in numbers):
            return {"kind": "other"}
        center, factor, offset = ([float(x) for x in values.ravel()] for values in numbers)
        return {"kind": "affine", "center": center, "factor": factor, "offset": offset}


def _affine(x: Array, center: Array, factor: Array, offset: Array) -> Array:
    result: Array = x - center
    result *= factor
    result += offset
    return result


@dataclass(frozen=True, eq=False)
class Scaling(Layer):
    """What `scale` was asked for, checked, where the factor depends on the image.

    Attributes
    ----------
    by_values : bool
        Whether it stretches what values there are, or else divides by the type's largest.
    offset : Affine
        What is added then.
    """

    by_values: bool
    offset: Affine

    @staticmethod
    def of(factor: Numbers | None, offset: Numbers) -> Layer:
        """Read the arguments of `scale`, as a person would type them."""
        added = Affine.scaling(1, offset)
        if factor is None:
            return Scaling(False, added)
        if isinstance(factor, str) and factor.isalpha():
            return Scaling(choice("factor", factor, ["minmax"]) == "minmax", added)
        return Affine.scaling(factor, offset)

    def multiply_adds(self, shape: Shape) -> int:
        """One for each value."""
        return prod(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Give the shape, if the offset goes with it."""
        return self.offset.output_shape(shape)

    def bounds(self, array: Array) -> tuple[float, float]:
        """Say what is taken from an array's values, and what they are divided by then."""
        if self.by_values:
            low = float(array.min())
            return low, (float(array.max()) - low) or 1.0
        return 0.0, full_scale(array) if array.dtype.kind in "iu" else 1.0

    def __call__(self, image: ArrayLike) -> Array:
        """Scale."""
        array = as_features(image)
        return self.scaled(array, self.bounds(array))

    def scaled(self, array: Array, bounds: tuple[float, float]) -> Array:
        """Scale values by the bounds of the image that they are part of."""
        low, reach = bounds
        work = float_type(array, 1)
        least, divisor = work.type(low), work.type(reach)
        # A division, and no product with 1/255: to the digit what PyTorch's users expect.
        scaled = in_bands(lambda x: (x - least) / divisor, work, array)
        return self.offset(scaled) if self.offset.offset.any() else scaled

    @property
    def formula(self) -> str:
        """Of the input's, or its type's, lowest value and range."""
        return "(x - low) / range + offset" if self.by_values else "x / largest + offset"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return the function with the numbers that were found."""
        from cnnfilter.layers.explanation import Mapped, value_at

        low, reach = self.bounds(before)
        x = f"(x - {low:.6g})" if self.by_values else "x"
        return Mapped(value_at(before, at), f"{x} / {reach:.6g}")

    @property
    def depends_on_all(self) -> bool:
        """Whether it stretches between the lowest and the highest value."""
        return self.by_values

    @property
    def rows_from(self) -> RowsFrom:
        """The same row; the bounds are those of the input."""
        return "row"

    def on_band(self, band: Array, before: Rows) -> Array:
        """Scale some rows by the bounds of the whole input."""
        return self.scaled(band, self.bounds(before.extremes if self.by_values else band))

    def record(self, shape: Shape) -> ScalingRecord | PlainRecord:
        """Return the offsets."""
        added = self.offset.record(shape)
        if added["kind"] != "affine":
            return {"kind": "other"}
        return {"kind": "scale", "stretches": self.by_values, "offset": added["offset"]}

    def record_of_values(self, before: Array, after: Array) -> BoundsRecord | dict[str, object]:
        """Return the bounds, if they are finite."""
        low, reach = self.bounds(before)
        return {"low": low, "reach": reach} if np.isfinite([low, reach]).all() else {}


def invert(image: ArrayLike, when: str | bool = "yes") -> Array:
    """Turn an image into its negative, always or where its border is bright.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    when : {"yes", "no", "auto"}
        ``auto`` inverts where more than half of the border's values are nearer to the
        brightest than to the darkest: ink on paper becomes light on dark, as networks
        that read handwriting expect.

    Returns
    -------
    ndarray
        255 - x for integers, 65535 - x for 16-bit images, 1 - x for floats. The same
        shape and dtype.

    Raises
    ------
    ShapeError
        If values lie outside 0 and that most.

    Examples
    --------
    >>> paper = np.full((3, 3), 250, np.uint8)
    >>> paper[1, 1] = 10
    >>> invert(paper, "auto")
    array([[  5,   5,   5],
           [  5, 245,   5],
           [  5,   5,   5]], dtype=uint8)
    """
    array = as_image(image)
    if isinstance(when, bool):  # as TOML has it
        when = "yes" if when else "no"
    word = choice("when", when, INVERSIONS)
    if word == "no" or (word == "auto" and not _has_a_bright_border(array)):
        return array
    top = 1.0 if array.dtype.kind == "f" else full_scale(array)
    holds = array.dtype.kind == "f" or np.iinfo(array.dtype).max >= top
    if not holds or array.min() < 0 or array.max() > top:
        raise ShapeError(
            f"invert takes values from 0 to {top:g}, these ({array.dtype}) are from "
            f"{array.min():g} to {array.max():g}; put scale minmax before it"
        )
    return array.dtype.type(top) - array


def _has_a_bright_border(image: Array) -> bool:
    middle = (float(image.min()) + float(image.max())) / 2
    return bool(np.median(border(image)) > middle)
