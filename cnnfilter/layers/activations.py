"""Activations: functions of each value by itself, and softmax.

All take an image, a feature map or a vector, and return one of the same shape. relu keeps
the dtype; the others keep that of floats (float16 becomes float32), and of integers return the
float type that holds them. NaN is passed on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Number, choice, number
from cnnfilter.arrays.buffers import in_bands
from cnnfilter.arrays.checks import as_features, as_numbers, per_channel
from cnnfilter.arrays.dtypes import float_type
from cnnfilter.arrays.geometry import Place, Shape
from cnnfilter.errors import ArgumentError, ShapeError
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Numbers, functional

if TYPE_CHECKING:
    from cnnfilter.layers.explanation import Mapped, Weighed
    from cnnfilter.layers.records import FunctionRecord, PlainRecord, PReluRecord


def _in_floats(function: Callable[[Array], Array], image: ArrayLike) -> Array:
    """Apply a function in the float type that holds the image's values."""
    array = as_features(image)
    return in_bands(function, float_type(array, 1), array)


def relu(image: ArrayLike) -> Array:
    """Rectify: max(x, 0).

    Examples
    --------
    >>> relu([[-2, 3]])
    array([[0, 3]])
    """
    array = as_features(image)
    return np.maximum(array, array.dtype.type(0))


def leaky_relu(image: ArrayLike, slope: Number = 0.01) -> Array:
    """Rectify, but let negative values through, multiplied by `slope`.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    slope : number
        The factor of negative values.

    Examples
    --------
    >>> leaky_relu([[-200, 3]])
    array([[-2.,  3.]], dtype=float32)
    """
    factor = number("slope", slope)
    return _in_floats(lambda x: np.where(x < 0, x * x.dtype.type(factor), x), image)


class PRelu(Layer):
    """Rectify with slopes that were learned: x, or slope * x where x is negative.

    He, Zhang, Ren, Sun 2015.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    slope : number or array_like
        One, or one for each channel.

    Raises
    ------
    ShapeError
        If there are not as many slopes as channels.

    Examples
    --------
    >>> prelu([[[-4, -4]]], [0.5, 0.25])
    array([[[-2., -1.]]], dtype=float32)
    """

    def __init__(self, slope: Numbers) -> None:
        self.slope = as_numbers("slope", slope)

    @property
    def parameters(self) -> int:
        """Number of slopes."""
        return self.slope.size

    def multiply_adds(self, shape: Shape) -> int:
        """Return one for each value."""
        return prod(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape; ShapeError if it has other channels than slopes."""
        per_channel("slope", self.slope, shape)
        return shape

    def __call__(self, image: ArrayLike) -> Array:
        """Rectify."""
        array = as_features(image)
        work = float_type(array, 1)
        slopes = per_channel("slope", self.slope.astype(work), array.shape)
        return in_bands(lambda x, slope: np.where(x < 0, x * slope, x), work, array, slopes)

    @property
    def formula(self) -> str:
        """Of each channel's slope."""
        return "x, or slope x below 0"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return the function with the channel's slope."""
        from cnnfilter.layers.explanation import Mapped, value_at

        slopes = np.broadcast_to(per_channel("slope", self.slope, before.shape), before.shape)
        words = self.formula.replace("slope", f"{value_at(slopes, at):.6g}")
        return Mapped(value_at(before, at), words)

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"

    def record(self, shape: Shape) -> PReluRecord | PlainRecord:
        """Return the slopes, if there is one, or one for each channel."""
        if self.slope.size not in (1, shape[-1]):
            return {"kind": "other"}
        return {"kind": "prelu", "slope": [float(slope) for slope in self.slope.ravel()]}


prelu = functional(PRelu, "prelu")


def elu(image: ArrayLike, alpha: Number = 1) -> Array:
    """Apply ELU: x, or alpha * (exp(x) - 1) below 0.

    Clevert, Unterthiner, Hochreiter 2015.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    alpha : number
        Minus the limit of negative values.

    Examples
    --------
    >>> elu([[-100, 2]])
    array([[-1.,  2.]], dtype=float32)
    """
    factor = number("alpha", alpha)
    return _in_floats(
        lambda x: np.where(x < 0, x.dtype.type(factor) * np.expm1(np.minimum(x, 0)), x), image
    )


def gelu(image: ArrayLike, approximate: str = "none") -> Array:
    """Apply GELU: x times the normal distribution below it.

    Hendrycks, Gimpel 2016.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    approximate : {"none", "tanh"}
        ``tanh`` is that paper's approximation, which some networks were trained with.

    Examples
    --------
    >>> gelu([[-100, 0, 100]])
    array([[ -0.,   0., 100.]], dtype=float32)
    """
    if choice("approximate", approximate, ("none", "tanh")) == "tanh":
        return _in_floats(_gelu_by_tanh, image)
    from scipy.special import ndtr

    return _in_floats(lambda x: np.maximum(x, FAR_BELOW) * ndtr(x), image)


#: So far below 0 gelu is 0; minus infinity times 0 would be NaN.
FAR_BELOW = np.float32(-50)


def _gelu_by_tanh(x: Array) -> Array:
    near = np.clip(x, FAR_BELOW, -FAR_BELOW)
    inner = x.dtype.type(np.sqrt(2 / np.pi)) * (near + x.dtype.type(0.044715) * near**3)
    return np.maximum(x, FAR_BELOW) * x.dtype.type(0.5) * (1 + np.tanh(inner))


def sigmoid(image: ArrayLike) -> Array:
    """Apply the logistic function: 1 / (1 + exp(-x)).

    Examples
    --------
    >>> sigmoid([[0, 1000]])
    array([[0.5, 1. ]], dtype=float32)
    """
    return _in_floats(_sigmoid, image)


def _sigmoid(x: Array) -> Array:
    # exp of what is not positive never overflows, and keeps the tail's digits.
    tail = np.exp(-np.abs(x))
    return np.where(x < 0, tail, x.dtype.type(1)) / (1 + tail)


def tanh(image: ArrayLike) -> Array:
    """Apply the hyperbolic tangent.

    Examples
    --------
    >>> tanh([[0, 1000]])
    array([[0., 1.]], dtype=float32)
    """
    return _in_floats(np.tanh, image)


def softplus(image: ArrayLike) -> Array:
    """Apply the smooth rectifier: log(1 + exp(x)).

    Examples
    --------
    >>> softplus([[-1000, 1000]])
    array([[   0., 1000.]], dtype=float32)
    """
    return _in_floats(_softplus, image)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def clip(image: ArrayLike, low: Number = 0, high: Number | None = None) -> Array:
    """Limit values to low..high, or to low and more; 0..6 is known as relu6.

    Parameters
    ----------
    image : array_like
        Shape (H, W), (H, W, C) or (N,).
    low, high : number
        The least and the greatest result; no limit above without `high`.

    Raises
    ------
    ArgumentError
        If low is above high.

    Examples
    --------
    >>> clip([[-5, 3, 10]], 0, 6)
    array([[0., 3., 6.]], dtype=float32)
    """
    least = number("low", low)
    most = np.inf if high is None else number("high", high)
    if least > most:
        raise ArgumentError(f"low {least:g} is above high {most:g}; the lower comes first")
    return _in_floats(lambda x: np.clip(x, x.dtype.type(least), x.dtype.type(most)), image)


class Softmax(Layer):
    """Turn scores into probabilities: exp(x), divided by its sum.

    Parameters
    ----------
    features : array_like
        A vector of scores, shape (N,), or a feature map, shape (H, W, C), whose channels
        at each pixel are the scores.

    Returns
    -------
    ndarray
        The same shape. Floats keep their type (float16 becomes float32); integers give
        float32 where that holds them, else float64. Each sum is 1. NaN is passed on.

    Raises
    ------
    ShapeError
        If there are no channels to choose from: shape (H, W).

    Examples
    --------
    >>> softmax([0, 0, 1000])
    array([0., 0., 1.], dtype=float32)
    """

    def sees_all(self, shape: Shape) -> bool:
        """Return whether every score counts, as in a vector."""
        return len(shape) == 1

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape; ShapeError if there is one channel."""
        if len(shape) == 2:
            raise ShapeError(
                f"softmax takes a vector or several channels, not {shape}; put flatten before it"
            )
        return shape

    def __call__(self, features: ArrayLike) -> Array:
        """Compute."""
        array = as_features(features)
        self.output_shape(array.shape)
        rows = array[np.newaxis] if array.ndim == 1 else array
        return in_bands(_softmax, float_type(array, 1), rows).reshape(array.shape)

    @property
    def formula(self) -> str:
        """Of all scores."""
        return "exp(x) / the sum of exp(scores)"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Weighed:
        """Return each score's share."""
        from cnnfilter.arrays.titles import titles_of
        from cnnfilter.layers.explanation import Weighed, contributions

        scores = (before if before.ndim == 1 else before[at[0], at[1]]).astype(np.float64)
        titles = names if before.ndim == 1 else titles_of(names, len(scores))
        powers = np.exp(scores - scores.max())
        words = f"exp({scores[at[-1]]:.6g} - {scores.max():.6g}) / {powers.sum():.6g}"
        return Weighed(
            contributions(titles, scores, powers, powers / powers.sum()),
            None,
            words,
            ("score", "exp(score - highest)", "share"),
        )

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"

    def record(self, shape: Shape) -> PlainRecord:
        """Return the kind."""
        return {"kind": "softmax"}


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


softmax = functional(Softmax, "softmax", "features")


@dataclass(frozen=True)
class Activation:
    """A function of each value by itself, and how other rooms write it.

    Attributes
    ----------
    function : callable
        Takes the image, then the arguments by name; its signature has their defaults.
    formula : str
        Of x, with the arguments in braces.
    javascript : str
        The page's expression of x and the arguments; may use functions of arithmetic.js.
    onnx : str or None
        ONNX's operator.
    onnx_names : mapping
        Arguments that ONNX calls by other names: ours to its attribute's.
    variants : mapping
        Words that choose another formula: an argument's value to the formula.
    """

    function: Callable[..., Array]
    formula: str
    javascript: str
    onnx: str | None = None
    onnx_names: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)

    def layer(self) -> Callable[..., Layer]:
        """Return the maker of its layer, which takes the function's other arguments."""

        def make(*args: object, **kwargs: object) -> Layer:
            return Elementwise(self, signature.bind(*args, **kwargs))

        declared = inspect.signature(self.function, eval_str=True)
        signature = declared.replace(parameters=[*declared.parameters.values()][1:])
        make.__signature__ = signature  # type: ignore[attr-defined]
        make.__doc__ = self.function.__doc__
        return make

    def formula_for(self, arguments: Mapping[str, object]) -> str:
        """Return the formula with its arguments written in.

        Examples
        --------
        >>> ACTIVATIONS["clip"].formula_for({"low": 0, "high": None})
        'x, but no less than 0 and no more than infinity'
        """
        chosen = [self.variants[str(x)] for x in arguments.values() if str(x) in self.variants]
        words = {name: "infinity" if x is None else x for name, x in arguments.items()}
        return (chosen or [self.formula])[0].format(**words)


class Elementwise(Layer):
    """An activation with its arguments.

    Attributes
    ----------
    arguments : dict
        All by name, those by default included.
    """

    def __init__(self, activation: Activation, arguments: inspect.BoundArguments) -> None:
        arguments.apply_defaults()
        self.activation, self.arguments = activation, arguments.arguments
        self(np.zeros(1, np.float32))  # which checks the arguments

    def __call__(self, image: ArrayLike) -> Array:
        return self.activation.function(image, **self.arguments)

    @property
    def formula(self) -> str:
        """The function, with its arguments."""
        return self.activation.formula_for(self.arguments)

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return x and the function."""
        from cnnfilter.layers.explanation import Mapped, value_at

        return Mapped(value_at(before, at), self.formula)

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"

    def record(self, shape: Shape) -> FunctionRecord:
        """Return the function's name and arguments, as numbers where they are."""
        read: dict[str, float | str | None] = {}
        for name, value in self.arguments.items():
            try:
                read[name] = None if value is None else number(name, value)
            except ArgumentError:
                read[name] = str(value)
        function = self.activation.function.__name__
        return {"kind": "pointwise", "function": function, "arguments": read}


#: Every activation, by its operation's name. To add one, add a row (and a line to README.md):
#: pipelines, network files, ONNX models, explanations and the page have it from here.
ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation(relu, "max(0, x)", "Math.max(x, 0)", "Relu"),
    "leaky-relu": Activation(
        leaky_relu, "x, or {slope} x below 0", "x < 0 ? x * slope : x", "LeakyRelu",
        {"slope": "alpha"},
    ),
    "elu": Activation(
        elu, "x, or {alpha} (exp(x) - 1) below 0", "x < 0 ? alpha * Math.expm1(x) : x", "Elu"
    ),
    "gelu": Activation(
        gelu,
        "x times the share of a normal distribution below x",
        'approximate === "tanh" ? geluByTanh(x) : Math.max(x, -50) * normalBelow(x)',
        "Gelu",
        variants={"tanh": "x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))"},
    ),
    "sigmoid": Activation(sigmoid, "1 / (1 + exp(-x))", "sigmoidOf(x)", "Sigmoid"),
    "tanh": Activation(tanh, "tanh(x)", "Math.tanh(x)", "Tanh"),
    "softplus": Activation(
        softplus, "log(1 + exp(x))", "Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))",
        "Softplus",
    ),
    "clip": Activation(
        clip, "x, but no less than {low} and no more than {high}",
        "Math.min(high === null ? Infinity : high, Math.max(low, x))", "Clip",
    ),
}  # fmt: skip
