"""ONNX models whose graph is a chain, read as networks."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import MOST
from cnnfilter.errors import ArgumentError, ContentError, brief, naming
from cnnfilter.networks.network import Network
from cnnfilter.networks.onnx_chain import FLOATS, Chain, Node
from cnnfilter.networks.onnx_file import MISFITS, array_of, load_model, one_line, real_numbers
from cnnfilter.networks.onnx_operators import OPERATORS
from cnnfilter.steps.step import Step

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

#: Operators that are folded where all their inputs are constant.
FOLDED = (
    "Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
CONSTANT = ("Constant", "Shape")
#: What follows Softplus in PyTorch's softplus: x itself where x is large.
SOFTPLUS_END = ("Greater", "Where")
#: From here on x and softplus(x) are the same in float32.
LARGE = 20
#: The first opset in which constants are broadcast as NumPy does.
OLDEST_OPSET = 7


def read_onnx(path: Path) -> Network:
    """Read a model as a network.

    Its input is prepared as PyTorch's users do, until the network's file says otherwise:
    grey or RGB, resized, scaled to 0..1.

    Raises
    ------
    ArgumentError
        If it cannot be read, or is not a chain of known operators (the node is named).
    """
    # What becomes infinite is refused as such.
    with naming(path, ArgumentError), np.errstate(all="ignore"):
        try:
            model, weights = load_model(path)
            return _network(model, path, weights)
        except UnicodeDecodeError:
            raise ContentError("not an ONNX model: its names are not text") from None


def _network(model: "ModelProto", path: Path, weights: list[Path]) -> Network:
    """Follow the chain from input to output."""
    graph = model.graph
    constants = {str(tensor.name): array_of(tensor) for tensor in graph.initializer}
    if len(constants) < len(graph.initializer):
        raise ContentError("is invalid: two tensors have the same name; export the model again")
    source = _only([value for value in graph.input if value.name not in constants], "input")
    shape = [axis.dim_value for axis in source.type.tensor_type.shape.dim]
    order = _input_order(graph, shape)
    opset = max((entry.version for entry in model.opset_import if not entry.domain), default=1)
    if opset < OLDEST_OPSET:
        raise ContentError(f"its opset {opset} is too old; convert it to {OLDEST_OPSET} or later")
    chain = Chain(str(source.name), order, opset, constants)
    if order == "NF":  # images are flattened for it
        chain.steps.append(Step("flatten", name="flatten"))
    check = _checker(model)
    for number, node in enumerate(graph.node, start=1):
        operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        with naming(f"node {brief(node.name) or number} ({brief(operator)})"):
            _follow(chain, node, check)
    target = _only(list(graph.output), "output")
    if target.name != chain.value:
        raise ContentError(
            f"is not a chain: its output {brief(target.name)} is not its last node's"
        )
    if not chain.steps:
        operators = brief(", ".join(dict.fromkeys(str(node.op_type) for node in graph.node)))
        raise ContentError(f"computes nothing: its only operators are {operators}")
    return Network(
        path,
        steps=tuple(chain.steps),
        preparation=_preparation(source, shape, order),
        input_shape=_lengths(shape, order) if order != "NF" else None,
        description=f"From {path.name}.",
        weights=tuple(weights),
    )


def _lengths(shape: list[int], order: str) -> tuple[int, int, int]:
    height, width, channels = (shape[order.index(axis)] for axis in "HWC")
    return height, width, channels


def _preparation(source: "ValueInfoProto", shape: list[int], order: str) -> tuple[Step, ...]:
    scaling = Step("scale")
    if order == "NF":
        return (scaling,)
    height, width, channels = _lengths(shape, order)
    steps = []
    if channels in (1, 3):
        steps.append(Step("gray" if channels == 1 else "rgb"))
    if height and width:
        size = height if height == width else f"{height}x{width}"
        steps.append(Step("resize", {"size": size}))
    if source.type.tensor_type.elem_type not in FLOATS:
        scaling = Step("scale", {"factor": 1})  # a model of integers scales them itself
    return (*steps, scaling)


def _only(values: "list[ValueInfoProto]", role: str) -> "ValueInfoProto":
    if len(values) != 1:
        names = brief(", ".join(value.name for value in values))
        raise ContentError(f"is not a chain: it has {len(values)} {role}s ({names}), not one")
    return values[0]


def _input_order(graph: "GraphProto", shape: list[int]) -> str:
    """Return the order of the input's axes."""
    if len(shape) == 2:
        return "NF"
    if len(shape) != 4:
        raise ContentError(
            f"its input has the shape {brief(shape)}; it must be (batch, channels, height, width)"
        )
    if not all(0 <= length <= MOST for length in shape):
        raise ContentError(
            f"its input has the shape {brief(shape)}; each must be from 0 (any) to {MOST}"
        )
    for node in graph.node:
        turns = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
        if node.op_type == "Transpose" and turns == [[0, 3, 1, 2]]:
            return "NHWC"
        if re.search(r"Conv$|Flatten$|Pool$|Transpose$", str(node.op_type)):
            break
    return "NCHW"


def _checker(model: "ModelProto") -> "Callable[[NodeProto], None]":
    """Return a check of nodes' attributes against their operator's version."""
    from onnx import checker

    numbers = [model.ir_version, *(entry.version for entry in model.opset_import)]
    if not all(0 <= number < 2**31 for number in numbers):
        raise ContentError(f"is invalid: its versions are {brief(numbers)}")
    context = checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {str(entry.domain): entry.version for entry in model.opset_import}

    def check(node: "NodeProto") -> None:
        try:
            checker.check_node(node, context)
        except (checker.ValidationError, ValueError, UnicodeError) as error:
            raise ContentError(f"is invalid: {one_line(error)}") from None

    return check


def _follow(chain: Chain, proto: "NodeProto", check: "Callable[[NodeProto], None]") -> None:
    """Add a node to the chain: its step, or its constant."""
    known = proto.op_type in (*OPERATORS, *FOLDED, *CONSTANT, *SOFTPLUS_END)
    if proto.domain not in ("", "ai.onnx") or not known:
        raise ContentError("is an unknown operator")
    check(proto)
    node = Node(
        operator=proto.op_type,
        name=str(proto.name),
        inputs=[str(name) for name in proto.input],
        outputs=[str(name) for name in proto.output],
        attributes=_attributes(proto),
        scope=_scope(proto),
    )
    chain.claim(node.outputs)
    if node.operator in CONSTANT:
        chain.keep(node.outputs[0], _constant(chain, node))
        return
    variable = [name for name in node.inputs if name and name not in chain.constants]
    if not variable:
        _fold(chain, proto)
    elif not _ends_softplus(chain, node):
        if node.operator not in OPERATORS:
            raise ContentError("is known with constant inputs only")
        if variable != [chain.value]:
            raise ContentError(f"takes {brief(' and '.join(variable))}: only a chain can be run")
        OPERATORS[node.operator](chain, node)
        chain.advance(node)


def _ends_softplus(chain: Chain, node: Node) -> bool:
    """Pass over the end of PyTorch's softplus, which changes nothing."""
    if chain.operator != "Softplus":
        return False
    if node.operator == "Greater" and node.inputs[0] == chain.before:
        if chain.weights(node, 1).min() < LARGE:
            raise ContentError("changes softplus, as a small threshold does; only 20 is known")
        chain.condition = node.outputs[0]
        return True
    if node.operator == "Where" and node.inputs == [chain.condition, chain.before, chain.value]:
        chain.value = node.outputs[0]
        return True
    return False


def _fold(chain: Chain, proto: "NodeProto") -> None:
    """Compute a node whose inputs are all constant."""
    from onnx.reference import ReferenceEvaluator

    if proto.op_type not in FOLDED:
        raise ContentError(
            "has only constant inputs, but this operator cannot be folded; "
            "export the model with constant folding"
        )
    feeds = {name: chain.constants[name] for name in proto.input if name}
    chain.check_size(_max_bytes(proto, [chain.constants[name] for name in proto.input if name]))
    try:
        (result,) = ReferenceEvaluator(proto).run(None, feeds)
    except MISFITS as error:
        raise ContentError(f"cannot be computed ({one_line(error)})") from None
    chain.keep(str(proto.output[0]), real_numbers(np.asarray(result)))


def _max_bytes(proto: "NodeProto", inputs: list[Array]) -> int:
    """Return the most bytes of a folded node's result."""
    if proto.op_type == "Concat":
        return sum(array.nbytes for array in inputs)
    if proto.op_type == "Gather" and len(inputs) > 1:
        return inputs[1].size * inputs[0].nbytes  # at most all of it for each index
    if proto.op_type == "Cast":
        return inputs[0].size * 8
    return inputs[0].nbytes


def _constant(chain: Chain, node: Node) -> Array:
    if node.operator == "Shape":
        if node.inputs != [chain.value]:
            raise ContentError(f"takes {brief(node.inputs[0])}: only a chain can be run")
        # One image; the other lengths may be unknown.
        return np.array([1] + [-1] * (len(chain.order) - 1))
    for name in ("value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return real_numbers(np.asarray(node.attributes[name]))
    if "value" not in node.attributes:
        raise ContentError("holds no numbers")
    return array_of(cast("TensorProto", node.attributes["value"]))


def _attributes(node: "NodeProto") -> dict[str, object]:
    from onnx import helper

    try:
        values = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    except (ValueError, TypeError) as error:
        raise ContentError(f"has an invalid attribute ({one_line(error)})") from None
    return {name: _shortest(value) for name, value in values.items()}


def _shortest(value: object) -> object:
    """Return a float32 as people write it: 0.2, not 0.20000000298."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _scope(node: "NodeProto") -> str:
    """Return a node's module: "['', 'features.1', 'relu']" is features.1."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            names = re.findall(r"'([^']*)'", str(entry.value))
            return names[-2] if len(names) > 1 else ""
    return ""
