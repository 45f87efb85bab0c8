"""The table of operations that a pipeline is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core import activations
from cnnfilter.core.arguments import choice
from cnnfilter.core.arrays import Array
from cnnfilter.core.channels import gray, select_channels
from cnnfilter.core.convolution import Convolution, convolve
from cnnfilter.core.geometry import Shape, Window
from cnnfilter.core.pooling import Pooling, pool
from cnnfilter.core.spaces import SPACES


class Layer(Protocol):
    """An operation with its arguments checked, ready for any number of images."""

    @property
    def parameters(self) -> int:
        """How many weights and biases it has."""

    def __call__(self, image: ArrayLike) -> Array:
        """Compute."""

    def output_shape(self, shape: Shape) -> Shape:
        """Give the result's shape, or raise ShapeError."""

    def window_for(self, shape: Shape) -> Window | None:
        """Give what an output value sees of an input; None where that is its own pixel."""

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Name the feature maps, given the names of those before; empty for an image."""

    def carry_alpha(self, alpha: Array) -> Array:
        """Bring an alpha channel to the result's geometry."""


class Pointwise:
    """A function of each pixel by itself."""

    parameters = 0

    def __init__(self, function: Callable[..., Array], **arguments: Any) -> None:
        self.function, self.arguments = function, arguments
        self.output_shape((1, 1))

    def __call__(self, image: ArrayLike) -> Array:
        return self.function(image, **self.arguments)

    def output_shape(self, shape: Shape) -> Shape:
        # One pixel tells what happens to the channels, and checks the arguments.
        pixel = np.zeros((1, 1, *shape[2:]), np.float32)
        return *shape[:2], *self(pixel).shape[2:]

    def window_for(self, shape: Shape) -> Window | None:
        return None

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        return tuple(before)

    def carry_alpha(self, alpha: Array) -> Array:
        return alpha


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
    files : tuple of str
        The arguments that may name a file of weights.
    """

    function: Callable[..., Array]
    layer: Callable[..., Layer]
    many: str | None = None
    files: tuple[str, ...] = ()


def _pointwise(function: Callable[..., Array], layer: type[Pointwise] = Pointwise) -> Operation:
    return Operation(function, lambda **arguments: layer(function, **arguments))


#: Every step a pipeline can have, by name.
OPERATIONS: Mapping[str, Operation] = {
    "convolve": Operation(convolve, Convolution.of, many="kernel", files=("kernel",)),
    "pool": Operation(pool, Pooling.of),
    "gray": _pointwise(gray, Regrouping),
    "select": Operation(select_channels, Selection, many="channel"),
    "relu": _pointwise(activations.relu),
    "leaky-relu": _pointwise(activations.leaky_relu),
    "elu": _pointwise(activations.elu),
    "sigmoid": _pointwise(activations.sigmoid),
    "tanh": _pointwise(activations.tanh),
    "softplus": _pointwise(activations.softplus),
    "clip": _pointwise(activations.clip),
}
