"""A graph of ONNX on its way to become steps."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import free_name
from cnnfilter.errors import ContentError, brief
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step

#: Bytes of constants that nodes may compute: some, and so many times the tensors' own.
SPARE_BYTES, MAX_GROWTH = 2**24, 8
#: ONNX's numbers for float32, float16, float64 and bfloat16.
FLOATS = (1, 10, 11, 16)


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes
    ----------
    scope : str
        The module that it came from, where PyTorch has written it down.
    """

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, object]
    scope: str = ""

    def integer(self, name: str, default: int) -> int:
        """Return an attribute that is an integer."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise ContentError(f"has {name} {brief(value)}, which is not an integer")
        return value

    def integers(self, name: str, default: list[int]) -> list[int]:
        """Return as many integers as by default."""
        values = self.attributes.get(name, default)
        if not isinstance(values, list) or len(values) != len(default):
            raise ContentError(f"has {name} {brief(values)}; only two dimensions are run")
        return values

    def number(self, name: str, default: float) -> float:
        """Return an attribute that is a number."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise ContentError(f"has {name} {brief(value)}, which is not a number")
        return float(value)

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a word."""
        value = self.attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@dataclass
class Chain:
    """A graph on its way to become steps.

    Attributes
    ----------
    value : str
        The steps' result so far, by ONNX's name.
    order : str
        Its axes: NCHW, NHWC, or NF for a vector of features.
    opset : int
        The operators' version.
    constants : dict
        The values that are known beforehand, weights among them.
    steps : list of Step
    before : str
        The last node's input.
    operator : str
        The last node's operator.
    condition : str
        The condition of PyTorch's softplus.
    is_one_pixel : bool
        Whether height and width are 1, after global pooling.
    names : set of str
        The names of all values so far.
    """

    value: str
    order: str
    opset: int
    constants: dict[str, Array]
    steps: list[Step] = field(default_factory=list)
    before: str = ""
    operator: str = ""
    condition: str = ""
    is_one_pixel: bool = False
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.names.add(self.value)
        own = sum(array.nbytes for array in self.constants.values())
        self._room = SPARE_BYTES + MAX_GROWTH * own

    def claim(self, outputs: Iterable[str]) -> None:
        """Refuse a result without a name of its own."""
        first, *others = outputs
        if not first or first in self.constants or first in self.names:
            raise ContentError(
                f"is invalid: the name of its result, '{brief(first)}', is not its own; "
                "export the model again"
            )
        self.names.update(name for name in (first, *others) if name)

    def advance(self, node: Node) -> None:
        """Continue from a node's result."""
        self.before, self.value, self.operator = self.value, node.outputs[0], node.operator

    def keep(self, name: str, constant: Array) -> None:
        """Keep a node's constant result."""
        self.check_size(constant.nbytes)
        self._room -= constant.nbytes
        self.constants[name] = constant

    def check_size(self, size: int) -> None:
        """Refuse constants that outgrow the model's weights."""
        if size > self._room:
            raise ContentError(
                f"computes a constant of {size} bytes; {self._room} are left for a model "
                "with these tensors: store it as a tensor"
            )

    def add(self, node: Node, operation: str, **arguments: object) -> None:
        """Add a step, without None and defaults among its arguments."""
        # The first is always written.
        defaults = dict([*OPERATIONS[operation].defaults.items()][1:])
        kept = {
            name: value
            for name, value in arguments.items()
            if isinstance(value, np.ndarray)
            or (value is not None and (name not in defaults or defaults[name] != value))
        }
        self.steps.append(Step(operation, kept, name=self._name(node)))

    def add_bias(self, node: Node, bias: Array | float) -> None:
        """Add a bias to the last step, and rename it after the node."""
        last = self.steps[-1]
        arguments = {**last.arguments, "bias": bias}
        self.steps[-1] = Step(last.operation, arguments, name=self._name(node))

    def _name(self, node: Node) -> str:
        """Return a name that no other step has."""
        return free_name(self._title(node), {step.name for step in self.steps})

    def _title(self, node: Node) -> str:
        """Return the name of a node's module, or its own."""
        for source in node.inputs:
            if source in self.constants and source.endswith((".weight", ".kernel", ".bias")):
                return source.rpartition(".")[0]
        scoped = re.fullmatch(r"/(?:.*/)?([^/]+)/[A-Z]\w*", node.name)
        return scoped[1] if scoped else node.scope or node.name or node.outputs[0]

    def optional(self, node: Node, index: int) -> Array | None:
        """Return a constant input; None where it is left out."""
        name = node.inputs[index] if index < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise ContentError("takes weights that are not constant")
        if self.constants[name].size == 0:
            raise ContentError(f"takes no number as its input {index + 1}")
        return self.constants[name]

    def weights(self, node: Node, index: int) -> Array:
        """Return a constant input that is required."""
        array = self.optional(node, index)
        if array is None:
            raise ContentError(f"lacks its input {index + 1}")
        return array

    def check_map(self) -> None:
        """Refuse all but a feature map in ONNX's own order."""
        if self.order != "NCHW":
            raise ContentError(f"takes (batch, channels, height, width), not {self.order}")

    def check_vector(self) -> None:
        """Refuse all but a vector."""
        if self.order != "NF":
            raise ContentError("takes a vector here; flatten is missing before it")

    def across(self, constant: Array) -> Array | float:
        """Return a broadcast constant in our order of axes."""
        if constant.size == 1:
            return float(constant.ravel()[0])
        shape = (1,) * (len(self.order) - constant.ndim) + constant.shape
        if len(shape) != len(self.order) or shape[0] != 1:
            raise ContentError(f"has a constant of shape {constant.shape}, which has a batch")
        spread = constant.reshape(shape)
        if spread.dtype.kind != "f":  # an unsigned integer has no negative
            spread = spread.astype(np.float64)
        if self.order == "NF":
            return spread.ravel()
        if len(self.order) != 4:
            raise ContentError(f"has a constant for each value of axes in the order {self.order}")
        ours = spread.transpose([self.order.index(axis) for axis in "NHWC"])[0]
        return ours.ravel() if ours.shape[:2] == (1, 1) else np.ascontiguousarray(ours)
