"""Each channel times a factor plus an offset: input preparation and batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import Number, choice, number
from cnnfilter.arrays.buffers import in_bands
from cnnfilter.arrays.checks import as_features, as_numbers, per_channel
from cnnfilter.arrays.dtypes import float_type
from cnnfilter.arrays.geometry import Place, Shape
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Argument, Numbers, functional

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.layers.explanation import Mapped
    from cnnfilter.layers.records import AffineRecord, BoundsRecord, PlainRecord, ScalingRecord


class Affine(Layer):
    """(x - center) * factor + offset: one of each for all channels, or for each of them.

    Parameters
    ----------
    center, factor, offset : ndarray
    names : (str, str, str)
        What a person calls these.
    """

    learned = 0

    def __init__(
        self,
        center: Array,
        factor: Array,
        offset: Array,
        names: tuple[str, str, str] = ("center", "factor", "offset"),
    ) -> None:
        self.center, self.factor, self.offset, self.names = center, factor, offset, names

    @property
    def parameters(self) -> int:
        """Number of learned values: statistics, scales and offsets."""
        return self.learned

    def multiply_adds(self, shape: Shape) -> int:
        """Return one for each value."""
        return prod(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape; ShapeError if it has other channels than numbers."""
        self._spread(shape)
        return shape

    def _spread(self, shape: Shape, dtype: DType | None = None) -> list[Array]:
        numbers = zip(self.names, (self.center, self.factor, self.offset), strict=True)
        return [
            per_channel(name, values.astype(dtype, copy=False), shape) for name, values in numbers
        ]

    def __call__(self, image: ArrayLike) -> Array:
        """Compute."""
        array = as_features(image)
        return self._applied(array, self._type(array))

    def on_band(self, band: Array, before: Rows) -> Array:
        """Compute some rows in the type that holds all of them."""
        return self._applied(band, self._type(before.extremes if band.dtype.kind != "f" else band))

    def _applied(self, array: Array, work: DType) -> Array:
        return in_bands(_affine, work, array, *self._spread(array.shape, work))

    def _type(self, values: Array) -> DType:
        """Return the result's dtype; each number counts for integers alone."""
        if values.dtype.kind == "f":
            return float_type(values, 1)
        center, factor, offset = (
            float(np.abs(numbers).max()) for numbers in (self.center, self.factor, self.offset)
        )
        return float_type(values, max(factor, 1), factor * center + offset)

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

    def record(self, shape: Shape) -> AffineRecord | ScalingRecord | PlainRecord:
        """Return the numbers, if there is one, or one for each channel."""
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


class Standardization(Affine):
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
        The same shape. Floats keep their type (float16 becomes float32); integers give
        float32 where that holds the results, else float64.

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

    def __init__(self, mean: Numbers, std: Numbers) -> None:
        deviation = as_numbers("std", std)
        if not np.all(deviation > 0):
            raise ArgumentError(f"std {deviation} is not above 0; a standard deviation is")
        names = ("mean", "std", "offset")
        super().__init__(as_numbers("mean", mean), 1 / deviation, np.zeros(()), names)


class BatchNormalization(Affine):
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
        The same shape. Floats keep their type (float16 becomes float32); integers give
        float32 where that holds the results, else float64.

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

    def __init__(
        self,
        mean: Numbers,
        variance: Numbers,
        *,
        scale: Numbers = 1,
        offset: Numbers = 0,
        epsilon: Number = 1e-5,
    ) -> None:
        center, spread = as_numbers("mean", mean), as_numbers("variance", variance)
        gain, shift = as_numbers("scale", scale), as_numbers("offset", offset)
        wide = spread.astype(np.float64) + number("epsilon", epsilon)
        if not np.all(wide > 0):
            raise ArgumentError("variance + epsilon is not above 0 everywhere; check the tensors")
        shapes = {tensor.shape for tensor in (center, spread, gain, shift) if tensor.size > 1}
        if len(shapes) > 1:
            listed = " and ".join(map(str, sorted(shapes)))
            raise ArgumentError(f"mean, variance, scale and offset differ in shape: {listed}")
        super().__init__(center, gain / np.sqrt(wide), shift, ("mean", "variance", "offset"))
        self.learned = sum(tensor.size for tensor in (center, spread, gain, shift) if tensor.ndim)


class Scaling(Affine):
    """Multiply values by a factor and add an offset; by default, bring pixels to 0..1.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    factor : number, array_like or "minmax", optional
        One, or one for each channel. By default integers are divided by 255 (16-bit
        images by 65535), and floats stay as they are. ``minmax`` stretches all channels
        together from lowest to highest, whatever they are; a constant image becomes 0.
    offset : number or array_like
        Likewise; it is added after.

    Returns
    -------
    ndarray
        The same shape. Floats keep their type (float16 becomes float32); integers give
        float32 where that holds the results, else float64.

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

    def __init__(
        self,
        factor: Annotated[Numbers | None, Argument("NUMBERS|minmax", tensor=True)] = None,
        offset: Numbers = 0,
    ) -> None:
        self.divides_by: Literal["type", "range"] | None = None
        if factor is None:
            self.divides_by = "type"
        elif isinstance(factor, str) and factor.isalpha():
            choice("factor", factor, ["minmax"])
            self.divides_by = "range"
        factors = np.ones(()) if self.divides_by or factor is None else as_numbers("factor", factor)
        super().__init__(np.zeros(()), factors, as_numbers("offset", offset))

    #: The white of integers; None for their type's.
    white: int | None = None

    def bounds(self, array: Array) -> tuple[float, float]:
        """Return the numbers to subtract from an array, and to divide it by."""
        if self.divides_by == "range":
            low = float(array.min())
            return low, (float(array.max()) - low) or 1.0
        return 0.0, (self.white or full_scale(array)) if array.dtype.kind in "iu" else 1.0

    def with_white(self, white: int) -> Self:
        """Return the layer that divides by this number."""
        return self.replaced(white=white) if self.divides_by == "type" else self

    def __call__(self, image: ArrayLike) -> Array:
        if self.divides_by is None:
            return super().__call__(image)
        array = as_features(image)
        return self.scaled(array, self.bounds(array))

    def scaled(self, array: Array, bounds: tuple[float, float]) -> Array:
        """Return values scaled by the bounds of the image that they are part of."""
        low, reach = bounds
        work = float_type(array, 1)
        least, divisor = work.type(low), work.type(reach)
        # A division, not a product with 1/255: equal to PyTorch's to the last digit.
        scaled = in_bands(lambda x: (x - least) / divisor, work, array)
        return super().__call__(scaled) if self.offset.any() else scaled

    @property
    def formula(self) -> str:
        """The factor and the offset, or the input's or its type's range."""
        return {
            None: super().formula,
            "range": "(x - low) / range + offset",
            "type": "x / largest + offset",
        }[self.divides_by]

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return the function with the numbers that were found."""
        from cnnfilter.layers.explanation import Mapped, value_at

        if self.divides_by is None:
            return super().explain(before, at, names)
        low, reach = self.bounds(before)
        x = f"(x - {low:.6g})" if self.depends_on_all else "x"
        return Mapped(value_at(before, at), f"{x} / {reach:.6g}")

    @property
    def depends_on_all(self) -> bool:
        """Test whether it stretches between the lowest and the highest value."""
        return self.divides_by == "range"

    def on_band(self, band: Array, before: Rows) -> Array:
        """Scale some rows by the bounds of the whole input."""
        if self.divides_by is None:
            return super().on_band(band, before)
        return self.scaled(band, self.bounds(before.extremes if self.depends_on_all else band))

    def record(self, shape: Shape) -> AffineRecord | ScalingRecord | PlainRecord:
        """Return the numbers, or the offsets."""
        own = super().record(shape)
        if self.divides_by is None or own["kind"] != "affine":
            return own
        return {"kind": "scale", "stretches": self.depends_on_all, "offset": own["offset"]}

    def record_of_values(self, before: Array, after: Array) -> BoundsRecord | dict[str, object]:
        """Return the bounds, if they are finite."""
        bounds = self.bounds(before)
        if self.divides_by is None or not np.isfinite(bounds).all():
            return {}
        return {"low": bounds[0], "reach": bounds[1]}


scale = functional(Scaling, "scale")
standardize = functional(Standardization, "standardize")
batch_norm = functional(BatchNormalization, "batch_norm")
