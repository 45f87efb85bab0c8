"""The table of operations that a pipeline is made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice, whole
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.layers.base import Layer


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
            self(np.zeros(1, np.float32))
            return shape
        pixel = np.zeros((1, 1, *shape[2:]), np.float32)
        return *shape[:2], *self(pixel).shape[2:]


class Regrouping(Pointwise):
    """A function that makes other channels out of a pixel's: an image comes out."""

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        return ()


class Selection(Regrouping):
    """Channels picked by name or number; only an image tells whether it has them."""

    def __init__(self, function: Callable[..., Array], channel: Any, space: Any) -> None:
        self.function = function
        for each in channel if isinstance(channel, list | tuple) else [channel]:
            if not isinstance(each, str):
                whole("channel", each, least=0)
        self.arguments = {"channel": channel, "space": choice("space", space, SPACES)}


@dataclass(frozen=True)
class Operation:
    """What a pipeline can do to an image; the core's part of it is imported when it is used.

    Attributes
    ----------
    home : str
        The module of `cnnfilter.layers` where it lives.
    name : str
        Its function's name there.
    maker : str or type
        What makes the layer: something of that module, or a class that takes the function.
    many : str or None
        The argument that takes any number of positional values.
    weights : tuple of str
        The arguments that may name a tensor in a file of weights.
    layout : bool
        Whether those weights have one: whether outputs or inputs come first.
    only_python : tuple of str
        The function's arguments that a step has no use for.
    """

    home: str
    name: str
    maker: str | type[Pointwise] = Pointwise
    many: str | None = None
    weights: tuple[str, ...] = ()
    layout: bool = False
    only_python: tuple[str, ...] = ()

    @cached_property
    def function(self) -> Callable[..., Array]:
        """Takes the image first; its signature says which arguments there are."""
        return self._of_home(self.name)

    @cached_property
    def layer(self) -> Callable[..., Layer]:
        """Makes the layer from all arguments but the image; checks them."""
        if isinstance(self.maker, str):
            return self._of_home(self.maker)
        return partial(self.maker, self.function)

    def _of_home(self, name: str) -> Any:
        return attrgetter(name)(import_module(f"cnnfilter.layers.{self.home}"))


class _Operations(Mapping[str, Operation]):
    """Operations by name, the activations after the others; their table is loaded when needed."""

    def __init__(self, others: Mapping[str, Operation]) -> None:
        self._others = others

    @cached_property
    def _all(self) -> Mapping[str, Operation]:
        from cnnfilter.layers.activations import ACTIVATIONS

        rows = ACTIVATIONS.items()
        return {
            **self._others,
            **{name: Operation("activations", row.function.__name__) for name, row in rows},
        }

    def __getitem__(self, name: str) -> Operation:
        return self._others.get(name) or self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


#: Every step a pipeline can have, by name; activations are in a table of their own.
OPERATIONS: Mapping[str, Operation] = _Operations({
    "convolve": Operation(
        "convolution", "convolve", "Convolution.of", many="kernel", weights=("kernel", "bias"),
        layout=True,
    ),
    "pool": Operation("pooling", "pool", "Pooling.of", only_python=("return_indices",)),
    "batch-norm": Operation(
        "scaling", "batch_norm", "Affine.normalizing",
        weights=("mean", "variance", "scale", "offset"),
    ),
    "flatten": Operation("dense", "flatten", "Flattening.of"),
    "dense": Operation("dense", "dense", "Dense.of", weights=("weights", "bias"), layout=True),
    "softmax": Operation("activations", "softmax", "Softmax"),
    "gray": Operation("channels", "gray", Regrouping),
    "rgb": Operation("channels", "rgb", Regrouping),
    "select": Operation("channels", "select_channels", Selection, many="channel"),
    "resize": Operation("resizing", "resize", "Resizing.of"),
    "invert": Operation("scaling", "invert"),
    "scale": Operation("scaling", "scale", "Scaling.of", weights=("factor", "offset")),
    "standardize": Operation(
        "scaling", "standardize", "Affine.standardizing", weights=("mean", "std")
    ),
    "prelu": Operation("activations", "prelu", "PRelu.of", weights=("slope",)),
})  # fmt: skip
