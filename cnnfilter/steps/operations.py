"""The table of operations that a pipeline is made of."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter
from typing import Annotated

from cnnfilter import layers
from cnnfilter.files.numbers.weights import LAYOUTS
from cnnfilter.layers.base import Layer
from cnnfilter.layers.declaration import Argument, argument_of

#: How a file orders the axes of weights; for the steps that have such weights.
LAYOUT = Parameter(
    "layout",
    Parameter.KEYWORD_ONLY,
    default=LAYOUTS[0],
    annotation=Annotated[
        str,
        Argument(
            choices=LAYOUTS,
            help="The order of a filter bank's axes in a file: PyTorch's and ONNX's, or Keras's.",
        ),
    ],
)


@dataclass(frozen=True, eq=False)
class Operation:
    """A layer that a step can name.

    Attributes
    ----------
    load : callable
        Imports and returns the layer's class.
    """

    load: Callable[[], Callable[..., Layer]]

    @cached_property
    def layer(self) -> Callable[..., Layer]:
        """Makes the layer from its arguments, and checks them."""
        return self.load()

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The arguments of a step: the layer's, and a layout if it has weights with one."""
        own = inspect.signature(self.layer, eval_str=True).parameters
        has_layout = any(argument_of(parameter).has_layout for parameter in own.values())
        return {**own, **({"layout": LAYOUT} if has_layout else {})}

    @cached_property
    def declared(self) -> Mapping[str, Argument]:
        """The facts that are declared about each argument."""
        return {name: argument_of(parameter) for name, parameter in self.parameters.items()}

    @cached_property
    def defaults(self) -> Mapping[str, object]:
        """Each argument's default; `Parameter.empty` if it has none."""
        return {name: parameter.default for name, parameter in self.parameters.items()}

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """The arguments that may name a tensor in a file."""
        return tuple(name for name, argument in self.declared.items() if argument.tensor)

    @cached_property
    def many(self) -> str | None:
        """The argument that takes all positional words."""
        return next((name for name, argument in self.declared.items() if argument.many), None)


class _Operations(Mapping[str, Operation]):
    """Operations by name, the activations after the others; their table is loaded when needed."""

    def __init__(self, others: Mapping[str, Operation]) -> None:
        self._others = others

    @cached_property
    def _all(self) -> Mapping[str, Operation]:
        rows = layers.activations.ACTIVATIONS.items()
        return {**self._others, **{name: Operation(row.layer) for name, row in rows}}

    def __getitem__(self, name: str) -> Operation:
        return self._others.get(name) or self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


#: Every step a pipeline can have, by name; the activations are in a table of their own.
OPERATIONS: Mapping[str, Operation] = _Operations({
    "convolve": Operation(lambda: layers.convolution.Convolution),
    "pool": Operation(lambda: layers.pooling.Pooling),
    "batch-norm": Operation(lambda: layers.scaling.BatchNormalization),
    "flatten": Operation(lambda: layers.dense.Flattening),
    "dense": Operation(lambda: layers.dense.Dense),
    "softmax": Operation(lambda: layers.activations.Softmax),
    "gray": Operation(lambda: layers.channels.Gray),
    "rgb": Operation(lambda: layers.channels.Rgb),
    "select": Operation(lambda: layers.channels.Selection),
    "resize": Operation(lambda: layers.resizing.Resizing),
    "invert": Operation(lambda: layers.inverting.Inversion),
    "scale": Operation(lambda: layers.scaling.Scaling),
    "standardize": Operation(lambda: layers.scaling.Standardization),
    "prelu": Operation(lambda: layers.activations.PRelu),
})  # fmt: skip
