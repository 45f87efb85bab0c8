"""Vectors: a feature map unrolled, and dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import TURNED, choice
from cnnfilter.arrays.checks import as_features, as_numbers, check_finite
from cnnfilter.arrays.dtypes import float_type
from cnnfilter.arrays.geometry import Place, Region, Shape
from cnnfilter.errors import ArgumentError, ShapeError
from cnnfilter.layers.base import Layer
from cnnfilter.layers.declaration import Argument, Numbers, functional

if TYPE_CHECKING:
    from cnnfilter.layers.explanation import Taken, Weighed
    from cnnfilter.layers.records import DenseRecord, FlatteningRecord

ORDERS = ("chw", "hwc")


class Flattening(Layer):
    """Unroll a feature map into a vector of its H * W * C features.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C); a vector stays as it is.
    order : {"chw", "hwc"}
        ``chw``: one channel after the other, each row by row, as PyTorch's dense
        layers expect; ``hwc``: pixel by pixel, as Keras's do.

    Returns
    -------
    ndarray
        Shape (H * W * C,), the image's dtype.

    Raises
    ------
    ArgumentError
        If the order is unknown.

    Examples
    --------
    >>> flatten(np.array([[[1, 10], [2, 20]]]))
    array([ 1,  2, 10, 20])
    >>> flatten(np.array([[[1, 10], [2, 20]]]), order="hwc")
    array([ 1, 10,  2, 20])
    """

    gives_vector = True

    def __init__(self, order: Annotated[str, Argument(choices=ORDERS)] = "chw") -> None:
        self.order = choice("order", order, ORDERS)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the number of features, as a vector's shape."""
        return (prod(shape),)

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return no names: a vector has no feature maps."""
        return ()

    def carry_alpha(self, alpha: Array, opaque: float) -> None:
        """Return None: a vector has no alpha."""

    def place(self, index: int, shape: Shape) -> tuple[int, ...]:
        """Return a feature's place on a map of this shape.

        Examples
        --------
        >>> Flattening("chw").place(5, (2, 2, 3))
        (0, 1, 1)
        """
        if self.order == "chw" and len(shape) == 3:
            channel, *place = np.unravel_index(index, (shape[2], *shape[:2]))
            return *map(int, place), int(channel)
        return tuple(map(int, np.unravel_index(index, shape)))

    def __call__(self, image: ArrayLike) -> Array:
        """Return the features as a vector."""
        array = as_features(image)
        if self.order == "chw" and array.ndim == 3:
            array = np.moveaxis(array, -1, 0)
        return array.flatten()

    @property
    def formula(self) -> str:
        """Where a value comes from."""
        return "x of " + ("channel, row, column" if self.order == "chw" else "row, column, channel")

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Taken:
        """Return where a feature was on the map."""
        from cnnfilter.arrays.titles import titles_of
        from cnnfilter.layers.explanation import Taken, place_text

        titles = titles_of(names, before.shape[2]) if before.ndim == 3 else ()
        return Taken(f"the value at {place_text(self.place(at[0], before.shape), titles)}")

    def region_before(self, region: Region, shape: Shape) -> Region:
        """Return the pixel that a feature was; all of the map for several."""
        if len(shape) == 1:
            return region
        if region.left != region.right:
            return Region.all_of(shape)
        return Region.at(self.place(region.left, shape))

    def record(self, shape: Shape) -> FlatteningRecord:
        """Return the order."""
        return {"kind": "flatten", "order": self.order}


flatten = functional(Flattening, "flatten")


class Dense(Layer):
    """Weigh all features: one sum for each output.

    Parameters
    ----------
    features : array_like
        A vector, shape (N,).
    weights : array_like
        Shape (N, M), inputs first as in Keras; a file in PyTorch's order is transposed
        when it is read.
    bias : number or array_like, optional
        Added: one number, or one for each of M outputs.

    Returns
    -------
    ndarray
        Shape (M,); float features' type (float16 gives float32). Of integers, float32 where
        max|x| times the largest sum of |weights| stays below 2**24, else float64.

    Raises
    ------
    ArgumentError
        If weights or biases are not finite numbers, or do not fit each other.
    ShapeError
        If there are not as many features as weights.
    NotFiniteError
        If the features hold NaN or infinity.

    Examples
    --------
    >>> dense([1.0, 2.0], [[1, 0, 10], [0, 1, 10]], bias=[0.5, 0, 0])
    array([ 1.5,  2. , 30. ])
    """

    gives_vector = True

    def __init__(
        self,
        weights: Annotated[ArrayLike, Argument(tensor=True, has_layout=True)],
        bias: Numbers | None = None,
    ) -> None:
        self.weights = matrix = as_numbers("weights", weights)
        if matrix.ndim != 2:
            raise ArgumentError(
                f"dense weights have the shape (inputs, outputs), not {matrix.shape}"
            )
        self.bias = added = None if bias is None else as_numbers("bias", bias).ravel()
        if added is not None and added.size not in (1, matrix.shape[1]):
            raise ArgumentError(
                f"the bias has the shape {added.shape}, the weights, (inputs, outputs), "
                f"{matrix.shape}: give one number, or one for each of {matrix.shape[1]} outputs"
                + (TURNED if added.size == matrix.shape[0] else "")
            )

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights.size + (0 if self.bias is None else self.bias.size)

    def multiply_adds(self, shape: Shape) -> int:
        """Return one for each weight."""
        return self.weights.size

    def output_dtype(self, image: Array) -> DType:
        """Return the wider of the types that a result may have."""
        return np.dtype(np.float32 if image.dtype in (np.float16, np.float32) else np.float64)

    def sees_all(self, shape: Shape) -> bool:
        """Return True: every output weighs every feature."""
        return True

    def output_shape(self, shape: Shape) -> Shape:
        """Return the number of outputs; ShapeError if the weights have another input."""
        inputs, outputs = self.weights.shape
        if len(shape) != 1:
            raise ShapeError(f"dense takes a vector, not {shape}; put flatten before it")
        if shape[0] != inputs:
            raise ShapeError(
                f"the weights, (inputs, outputs) = {self.weights.shape}, expect {inputs} "
                f"features, there are {shape[0]}" + (TURNED if shape[0] == outputs else "")
            )
        return (outputs,)

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return no names: a vector has no feature maps."""
        return ()

    def __call__(self, features: ArrayLike) -> Array:
        """Compute."""
        vector = as_features(features)
        self.output_shape(vector.shape)
        check_finite(vector, "the input")
        work = self._type(vector)
        # Overflow gives infinity without a warning, as in PyTorch.
        with np.errstate(over="ignore", invalid="ignore"):
            result: Array = vector.astype(work, copy=False) @ self.weights.astype(work, copy=False)
            return result if self.bias is None else result + self.bias.astype(work)

    def _type(self, vector: Array) -> DType:
        """Return the result's dtype."""
        if vector.dtype.kind == "f":
            return float_type(vector, 1)
        sums = np.abs(self.weights).sum(axis=0, dtype=np.float64)
        bias = 0.0 if self.bias is None else float(np.abs(self.bias).max())
        return float_type(vector, float(sums.max()), bias)

    @property
    def formula(self) -> str:
        """A weighted sum."""
        return "the sum of x * weight" + ("" if self.bias is None else " + bias")

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Weighed:
        """Return each feature's product with its weight."""
        from cnnfilter.layers.explanation import Weighed, contributions

        values, weights = before.astype(np.float64), self.weights[:, at[0]].astype(np.float64)
        biases = self._biases()
        return Weighed(
            contributions(names, values, weights, values * weights),
            None if biases is None else biases[at[0]],
            f"the sum of {values.size} products",
            ("value", "weight", "product"),
        )

    def _biases(self) -> list[float] | None:
        """Return the bias of each output."""
        if self.bias is None:
            return None
        return [float(bias) for bias in np.broadcast_to(self.bias, self.weights.shape[1:])]

    def record(self, shape: Shape) -> DenseRecord:
        """Return weights and biases."""
        return {"kind": "dense", "weights": self.weights, "bias": self._biases()}


dense = functional(Dense, "dense", "features")
