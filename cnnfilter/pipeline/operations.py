"""The table of operations that a pipeline is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core import activations
from cnnfilter.core.activations import PRelu, Softmax
from cnnfilter.core.arguments import choice
from cnnfilter.core.arrays import Array
from cnnfilter.core.channels import gray, rgb, select_channels
from cnnfilter.core.convolution import Convolution, convolve
from cnnfilter.core.dense import Dense, Flattening, dense, flatten
from cnnfilter.core.geometry import Shape
from cnnfilter.core.layer import Layer
from cnnfilter.core.pooling import Pooling, pool
from cnnfilter.core.resizing import Resizing, resize
from cnnfilter.core.scaling import Affine, Scaling, batch_norm, invert, scale, standardize
from cnnfilter.core.spaces import SPACES


class Pointwise(Layer):
    """A function of each value by itself."""

    def __init__(self, function: Callable[..., Array], **arguments: Any) -> None:
        self.function, self.arguments = function, arguments
        self.output_shape((1, 1))

    def __call__(self, image: ArrayLike) -> Array:
        return self.function(image, **self.arguments)

    def output_shape(self, shape: Shape) -> Shape:
        # One pixel tells what happens to the channels, and checks the arguments.
        if len(shape) == 1:
            return self(np.zeros(shape, np.float32)).shape
        pixel = np.zeros((1, 1, *shape[2:]), np.float32)
        return *shape[:2], *self(pixel).shape[2:]


class Regrouping(Pointwise):
    """A function that makes other channels out of a pixel's: an image comes out."""

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        return ()


class Selection(Regrouping):
    """Channels picked by name or number; only an image tells whether it has them."""

    def __init__(self, channel: Any, space: Any) -> None:
        self.function = select_channels
        self.arguments = {"channel": channel, "space": choice("space", space, SPACES)}


@dataclass(frozen=True)
class Operation:
    """What a pipeline can do to an image.

    Attributes
    ----------
    function : callable
        Takes the image first; its signature says which arguments there are.
    layer : callable
        Makes the layer from all arguments but the image; checks them.
    many : str or None
        The argument that takes any number of positional values.
    weights : tuple of str
        The arguments that may name a tensor in a file of weights.
    layout : bool
        Whether those weights have one: whether outputs or inputs come first.
    only_python : tuple of str
        The function's arguments that a step has no use for.
    """

    function: Callable[..., Array]
    layer: Callable[..., Layer]
    many: str | None = None
    weights: tuple[str, ...] = ()
    layout: bool = False
    only_python: tuple[str, ...] = ()


def _pointwise(function: Callable[..., Array], layer: type[Pointwise] = Pointwise) -> Operation:
    return Operation(function, lambda **arguments: layer(function, **arguments))


#: Every step a pipeline can have, by name.
OPERATIONS: Mapping[str, Operation] = {
    "convolve": Operation(
        convolve, Convolution.of, many="kernel", weights=("kernel", "bias"), layout=True
    ),
    "pool": Operation(pool, Pooling.of, only_python=("return_indices",)),
    "batch-norm": Operation(
        batch_norm, Affine.normalizing, weights=("mean", "variance", "scale", "offset")
    ),
    "flatten": Operation(flatten, Flattening.of),
    "dense": Operation(dense, Dense.of, weights=("weights", "bias"), layout=True),
    "softmax": Operation(activations.softmax, Softmax),
    "gray": _pointwise(gray, Regrouping),
    "rgb": _pointwise(rgb, Regrouping),
    "select": Operation(select_channels, Selection, many="channel"),
    "resize": Operation(resize, Resizing.of),
    "invert": _pointwise(invert),
    "scale": Operation(scale, Scaling.of, weights=("factor", "offset")),
    "standardize": Operation(standardize, Affine.standardizing, weights=("mean", "std")),
    "relu": _pointwise(activations.relu),
    "leaky-relu": _pointwise(activations.leaky_relu),
    "prelu": Operation(activations.prelu, PRelu.of, weights=("slope",)),
    "elu": _pointwise(activations.elu),
    "gelu": _pointwise(activations.gelu),
    "sigmoid": _pointwise(activations.sigmoid),
    "tanh": _pointwise(activations.tanh),
    "softplus": _pointwise(activations.softplus),
    "clip": _pointwise(activations.clip),
}
