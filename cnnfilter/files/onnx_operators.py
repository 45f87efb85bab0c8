"""What ONNX's operators become: steps, in our order of axes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import free_name
from cnnfilter.errors import ContentError, brief
from cnnfilter.files.weights import turned

Arguments = dict[str, Any]
#: Bytes of constants that nodes may give: some, and so many times what the tensors have.
SPARE_BYTES, FOLDS = 2**24, 8
#: ONNX's numbers for float32, float16, float64 and bfloat16.
FLOATS = (1, 10, 11, 16)
PADDINGS = {"SAME_UPPER": "same", "SAME_LOWER": "same-lower", "VALID": "valid"}


@dataclass(frozen=True)
class Node:
    """A node of a graph: its operator, what it takes and gives, its attributes.

    Attributes
    ----------
    scope : str
        The module that it came from, where PyTorch has written it down.
    """

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: Arguments
    scope: str = ""


@dataclass
class Chain:
    """A graph on its way to become steps.

    Attributes
    ----------
    value : str
        What the steps so far give, by ONNX's name.
    order : str
        Which axis of it is which: NCHW, NHWC, or NF for a vector of features.
    opset : int
        The operators' version.
    constants : dict
        What is known beforehand, weights among them.
    steps : list of dict
        As a network's file has them.
    before : str
        What the last step was given.
    condition : str
        What PyTorch's softplus chooses by.
    given : set of str
        The names of all values so far.
    """

    value: str
    order: str
    opset: int
    constants: dict[str, Array]
    steps: list[dict[str, Any]] = field(default_factory=list)
    before: str = ""
    condition: str = ""
    given: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.given.add(self.value)
        own = sum(each.nbytes for each in self.constants.values())
        self._room = SPARE_BYTES + FOLDS * own

    def keep(self, name: str, constant: Array) -> None:
        """Keep a constant that a node gives."""
        self.check_size(constant.nbytes)
        self._room -= constant.nbytes
        self.constants[name] = constant

    def check_size(self, size: int) -> None:
        """Refuse constants that grow beyond what a model's weights account for."""
        if size > self._room:
            raise ContentError(
                f"gives a constant of {size} bytes, and {self._room} are left of what this "
                "model's tensors account for; store it as a tensor"
            )

    def name_for(self, node: Node) -> str:
        """Find a name that no step has."""
        return free_name(self._title(node), {step["name"] for step in self.steps})

    def add(self, node: Node, operation: str, **arguments: Any) -> None:
        """Add a step, under a name of its own."""
        name = self.name_for(node)
        kept = {
            argument: _written(value)
            for argument, value in arguments.items()
            if isinstance(value, np.ndarray)
            or _written(value) != DEFAULTS.get((operation, argument))
        }
        self.steps.append({"name": name, "operation": operation, **kept})

    def _title(self, node: Node) -> str:
        """Call a node as the module that it came from, where that can be told."""
        for source in node.inputs:
            if source in self.constants and source.endswith((".weight", ".kernel", ".bias")):
                return source.rpartition(".")[0]
        scoped = re.fullmatch(r"/(?:.*/)?([^/]+)/[A-Z]\w*", node.name)
        return scoped[1] if scoped else node.scope or node.name or node.outputs[0]

    def input(self, node: Node, index: int) -> Array | None:
        """Give a constant input; None where it is left out."""
        name = node.inputs[index] if index < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise ContentError("takes what is no constant where weights are expected")
        if self.constants[name].size == 0:
            raise ContentError(f"takes no number as its input {index + 1}")
        return self.constants[name]

    def weights(self, node: Node, index: int) -> Array:
        """Give a constant input that is needed."""
        array = self.input(node, index)
        if array is None:
            raise ContentError(f"lacks its input {index + 1}")
        return array

    def needs_map(self) -> None:
        """Refuse what is no feature map in ONNX's own order."""
        if self.order != "NCHW":
            raise ContentError(f"takes (batch, channels, height, width), not {self.order}")

    def needs_vector(self) -> None:
        """Refuse what is no vector."""
        if self.order != "NF":
            raise ContentError("takes a vector here; flatten is missing before it")

    def across(self, constant: Array) -> Array | float:
        """Turn a constant, which meets the value by broadcasting, into our order."""
        if constant.size == 1:
            return float(constant.ravel()[0])
        shape = (1,) * (len(self.order) - constant.ndim) + constant.shape
        if len(shape) != len(self.order) or shape[0] != 1:
            raise ContentError(f"has a constant of shape {constant.shape}, which has a batch")
        spread = constant.reshape(shape)
        if spread.dtype.kind != "f":  # the negative of an unsigned integer is none
            spread = spread.astype(np.float64)
        if self.order == "NF":
            return spread.ravel()
        if len(self.order) != 4:
            raise ContentError(f"has a constant for each value of axes in the order {self.order}")
        turned = spread.transpose([self.order.index(axis) for axis in "NHWC"])[0]
        return turned.ravel() if turned.shape[:2] == (1, 1) else np.ascontiguousarray(turned)


#: What goes without saying.
DEFAULTS = {
    ("convolve", "stride"): 1, ("convolve", "dilation"): 1, ("convolve", "padding"): 0,
    ("convolve", "groups"): 1, ("pool", "dilation"): 1, ("pool", "padding"): 0,
    ("pool", "ceil_mode"): False, ("pool", "count_include_pad"): False, ("flatten", "order"): "chw",
}  # fmt: skip


def _written(value: Any) -> Any:
    """Write lengths as a person does: one for both directions, or 2x1; 0,1,1,0 for padding.

    Examples
    --------
    >>> _written([3, 3]), _written([2, 1]), _written([1, 1, 0, 0]), _written([0, 1, 2, 3])
    (3, '2x1', '1,0', '0,1,2,3')
    """
    if not isinstance(value, list):
        return value
    if len(set(value)) == 1:
        return value[0]
    if len(value) == 2:
        return "x".join(map(str, value))
    top, bottom, left, right = value
    sides = [top, left] if (top, left) == (bottom, right) else value
    return ",".join(map(str, sides))


#: Puts a node into steps.
Operator = Callable[[Chain, Node], None]


def _padding(attributes: Arguments) -> str | list[int]:
    automatic = _text(attributes.get("auto_pad", b"NOTSET"))
    if automatic != "NOTSET":
        if automatic not in PADDINGS:
            raise ContentError(f"has an auto_pad that is not known, {brief(automatic)}")
        return PADDINGS[automatic]
    top, left, bottom, right = _whole(attributes, "pads", [0, 0, 0, 0])
    return [top, bottom, left, right]


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _whole(attributes: Arguments, name: str, default: list[int]) -> list[int]:
    """Give integers, as many as by default."""
    values = [int(each) for each in attributes.get(name, default)]
    if len(values) != len(default):
        raise ContentError(f"has {name} {brief(values)}; only two dimensions are run")
    return values


def _conv(chain: Chain, node: Node) -> None:
    chain.needs_map()
    weights, bias = chain.weights(node, 1), chain.input(node, 2)
    if weights.ndim != 4:
        raise ContentError(f"has weights of shape {weights.shape}; only 2-D convolutions are run")
    size = list(weights.shape[2:])
    if _whole(node.attributes, "kernel_shape", size) != size:
        raise ContentError(f"has weights of shape {weights.shape}, and another kernel_shape")
    arguments = {} if bias is None else {"bias": bias}
    chain.add(
        node,
        "convolve",
        kernel=turned(weights, "OIHW"),
        **arguments,
        stride=_whole(node.attributes, "strides", [1, 1]),
        padding=_padding(node.attributes),
        dilation=_whole(node.attributes, "dilations", [1, 1]),
        groups=int(node.attributes.get("group", 1)),
    )


def _pooling(mode: str) -> Operator:
    def pool(chain: Chain, node: Node) -> None:
        chain.needs_map()
        if "kernel_shape" not in node.attributes:
            raise ContentError("has no kernel_shape")
        size = _whole(node.attributes, "kernel_shape", [1, 1])
        stride = _whole(node.attributes, "strides", [1, 1])
        arguments: Arguments = {"mode": mode}
        if stride != size:
            arguments["stride"] = stride
        if mode == "lp":
            arguments["p"] = int(node.attributes.get("p", 2))
        if mode == "average":
            arguments["count_include_pad"] = bool(node.attributes.get("count_include_pad", 0))
        chain.add(
            node,
            "pool",
            size=size,
            **arguments,
            padding=_padding(node.attributes),
            dilation=_whole(node.attributes, "dilations", [1, 1]),
            ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
        )

    return pool


def _global_pooling(mode: str) -> Operator:
    def pool(chain: Chain, node: Node) -> None:
        chain.needs_map()
        arguments = {"p": int(node.attributes.get("p", 2))} if mode == "lp" else {}
        chain.add(node, "pool", size="global", mode=mode, **arguments)

    return pool


def _reduction(mode: str) -> Operator:
    def reduce(chain: Chain, node: Node) -> None:
        if len(chain.order) != 4 or _axes(chain, node) != {"H", "W"}:
            raise ContentError("is known only over height and width")
        chain.add(node, "pool", size="global", mode=mode)
        if not node.attributes.get("keepdims", 1):
            _flattened(chain, node)

    return reduce


def _axes(chain: Chain, node: Node) -> set[str]:
    """Say which axes a node is over, by their letters."""
    axes = chain.input(node, 1)
    listed = node.attributes.get("axes", []) if axes is None else axes.ravel().tolist()
    if not all(isinstance(each, int) for each in listed):
        raise ContentError(f"has axes that are no whole numbers, {brief(listed)}")
    return {chain.order[each % len(chain.order)] for each in listed}


def _batch_norm(chain: Chain, node: Node) -> None:
    if chain.order != "NF":
        chain.needs_map()
    if node.attributes.get("training_mode", 0):
        raise ContentError("is in training mode; export the model in evaluation mode")
    scale, offset, mean, variance = (chain.weights(node, index) for index in range(1, 5))
    chain.add(
        node,
        "batch-norm",
        mean=mean,
        variance=variance,
        scale=scale,
        offset=offset,
        epsilon=float(node.attributes.get("epsilon", 1e-5)),
    )


def _activation(operation: str, **names: tuple[str, float | str]) -> Operator:
    """Make a reader of an activation: our argument to ONNX's attribute and its default."""

    def activate(chain: Chain, node: Node) -> None:
        arguments = {}
        for ours, (theirs, default) in names.items():
            value = node.attributes.get(theirs, default)
            arguments[ours] = _text(value) if isinstance(value, bytes | str) else float(value)
        chain.add(node, operation, **arguments)

    return activate


def _prelu(chain: Chain, node: Node) -> None:
    chain.add(node, "prelu", slope=chain.across(chain.weights(node, 1)))


def _clip(chain: Chain, node: Node) -> None:
    arguments = {"low": float(np.finfo(np.float32).min)}
    bounds = (("low", "min", -np.inf), ("high", "max", np.inf))
    for index, (ours, theirs, unbounded) in enumerate(bounds, start=1):
        given = chain.input(node, index)
        if given is not None and given.size != 1:
            raise ContentError(f"has a {theirs} of {given.size} numbers; it takes one")
        value = node.attributes.get(theirs) if given is None else given.item()
        if value is None or value == unbounded:
            continue
        if not np.isfinite(value):
            raise ContentError(f"has a {theirs} of {value}, which bounds nothing")
        arguments[ours] = float(value)
    chain.add(node, "clip", **arguments)


def _softmax(chain: Chain, node: Node) -> None:
    axis = node.attributes.get("axis", -1 if chain.opset >= 13 else 1)
    if not -len(chain.order) <= axis < len(chain.order):
        raise ContentError(f"is over axis {axis} of {chain.order}, which it has not")
    if chain.order[axis] not in "CF":
        raise ContentError(f"is over axis {axis} of {chain.order}; only over channels is known")
    is_one_pixel = any(step.get("size") == "global" for step in chain.steps)
    if chain.opset < 13 and axis % len(chain.order) < len(chain.order) - 1 and not is_one_pixel:
        raise ContentError("is over the whole map, as it was before opset 13; convert the model")
    chain.add(node, "softmax")


def _gemm(chain: Chain, node: Node) -> None:
    chain.needs_vector()
    if node.attributes.get("transA", 0) or node.inputs[0] != chain.value:
        raise ContentError("is known only with its weights on the right")
    weights, bias = chain.weights(node, 1), chain.input(node, 2)
    matrix = weights.T if node.attributes.get("transB", 0) else weights
    matrix = np.ascontiguousarray(matrix) * np.float32(node.attributes.get("alpha", 1.0))
    arguments = {}
    if bias is not None:
        arguments["bias"] = bias.ravel() * np.float32(node.attributes.get("beta", 1.0))
    chain.add(node, "dense", weights=matrix, **arguments)


def _matmul(chain: Chain, node: Node) -> None:
    chain.needs_vector()
    if node.inputs[0] != chain.value:
        raise ContentError("is known only with its weights on the right")
    chain.add(node, "dense", weights=chain.weights(node, 1))


def _arithmetic(chain: Chain, node: Node) -> None:
    """Add, subtract, multiply or divide by a constant: a bias, or a step of its own."""
    first = node.inputs[0] == chain.value
    constant = chain.across(chain.weights(node, 1 if first else 0))
    last = chain.steps[-1] if chain.steps else {}
    weighted = last.get("operation") in ("convolve", "dense") and "bias" not in last
    match node.operator:
        case "Add" if weighted and np.ndim(constant) <= 1:
            last["bias"] = constant
            last["name"] = chain.name_for(node)
        case "Add":
            chain.add(node, "scale", factor=1.0, offset=constant)
        case "Sub" if first:
            chain.add(node, "scale", factor=1.0, offset=-constant)
        case "Sub":
            chain.add(node, "scale", factor=-1.0, offset=constant)
        case "Mul":
            chain.add(node, "scale", factor=constant)
        case "Div" if first:
            if not np.all(constant):
                raise ContentError("divides by 0")
            chain.add(node, "scale", factor=1 / constant)
        case _:
            raise ContentError("divides a constant by what comes in, which no step does")


def _flattened(chain: Chain, node: Node) -> None:
    if chain.order == "NF":
        return
    orders = {"NCHW": "chw", "NHWC": "hwc"}
    if chain.order not in orders:
        raise ContentError(f"flattens axes in the order {chain.order}, which is not known here")
    chain.add(node, "flatten", order=orders[chain.order])
    chain.order = "NF"


def _flatten(chain: Chain, node: Node) -> None:
    if node.attributes.get("axis", 1) % len(chain.order) != 1:
        raise ContentError("flattens the batch, too; only axis 1 is known")
    _flattened(chain, node)


def _reshape(chain: Chain, node: Node) -> None:
    shape = chain.weights(node, 1).ravel().tolist()
    if len(shape) != 2 or shape[0] not in (-1, 0, 1):
        raise ContentError(
            f"reshapes to {brief(shape)}; only flattening to (batch, features) is known"
        )
    _flattened(chain, node)


def _squeeze(chain: Chain, node: Node) -> None:
    gone = _axes(chain, node)
    if chain.order == "NF" or not gone or not gone <= {"H", "W"}:
        raise ContentError("is known only over height and width")
    chain.order = "".join(axis for axis in chain.order if axis not in gone)
    if chain.order == "NC":  # height and width are 1, so any order is the same
        chain.add(node, "flatten")
        chain.order = "NF"


def _transpose(chain: Chain, node: Node) -> None:
    turns = node.attributes.get("perm", list(range(len(chain.order)))[::-1])
    if sorted(turns) != list(range(len(chain.order))):
        raise ContentError(f"turns the axes {brief(turns)} of {chain.order}, which are others")
    order = "".join(chain.order[each] for each in turns)
    if order[0] != "N":
        raise ContentError(f"turns the axes to {order}; the batch comes first")
    chain.order = order


def _cast(_chain: Chain, node: Node) -> None:
    if node.attributes.get("to") not in FLOATS:
        raise ContentError("casts to what is no float; only floats are computed with")


def _dropout(chain: Chain, node: Node) -> None:
    training = chain.input(node, 2)
    if training is not None and training.any():
        raise ContentError("is in training mode; export the model in evaluation mode")


def _pass(chain: Chain, node: Node) -> None:
    """Change nothing, as these operators do where nothing is trained."""


#: What each operator becomes.
OPERATORS: Mapping[str, Operator] = {
    "Add": _arithmetic,
    "AveragePool": _pooling("average"),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Conv": _conv,
    "Div": _arithmetic,
    "Dropout": _dropout,
    "Elu": _activation("elu", alpha=("alpha", 1.0)),
    "Flatten": _flatten,
    "Gelu": _activation("gelu", approximate=("approximate", "none")),
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pooling("average"),
    "GlobalLpPool": _global_pooling("lp"),
    "GlobalMaxPool": _global_pooling("max"),
    "Identity": _pass,
    "LeakyRelu": _activation("leaky-relu", slope=("alpha", 0.01)),
    "LpPool": _pooling("lp"),
    "MatMul": _matmul,
    "MaxPool": _pooling("max"),
    "Mul": _arithmetic,
    "PRelu": _prelu,
    "ReduceMax": _reduction("max"),
    "ReduceMean": _reduction("average"),
    "Relu": _activation("relu"),
    "Reshape": _reshape,
    "Sigmoid": _activation("sigmoid"),
    "Softmax": _softmax,
    "Softplus": _activation("softplus"),
    "Squeeze": _squeeze,
    "Sub": _arithmetic,
    "Tanh": _activation("tanh"),
    "Transpose": _transpose,
}
