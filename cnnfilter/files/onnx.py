"""ONNX models whose graph is a chain, read as networks."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import MOST, whole
from cnnfilter.arrays.buffers import memory
from cnnfilter.errors import ArgumentError, ContentError, FileError, brief
from cnnfilter.files.networks import MAX_STEPS
from cnnfilter.files.onnx_operators import FLOATS, OPERATORS, Chain, Node
from cnnfilter.files.source import inside, opened, read_all, regular
from cnnfilter.files.weights import widened
from cnnfilter.text import shown

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

#: Operators that are computed beforehand where all they take is constant.
FOLDED = (
    "Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
CONSTANT = ("Constant", "Shape")
#: What ends PyTorch's softplus.
SOFTPLUS = ("Greater", "Where")
#: From here on x and softplus(x) are the same in float32.
LARGE = 20


#: Bytes of a model's file: more than these its format cannot have.
MAX_BYTES = 2**31
#: Bytes of a file that holds weights.
MAX_OFFSET = 2**63
#: What ONNX's own code raises for numbers that do not go together.
MISFITS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
#: Before it, constants were spread over maps in another way.
OLDEST = 7


def read_onnx(path: Path) -> tuple[dict[str, Any], list[Path]]:
    """Read a model as a network's content, and list the files that it is read from.

    For the content see `cnnfilter.files.networks`. Its input is prepared as PyTorch's users
    do, until the network's file says otherwise: grey or RGB, resized, scaled to 0..1.

    Raises
    ------
    ArgumentError
        If it cannot be read, or is no chain of known operators (the node is named).
    """
    try:
        with np.errstate(all="ignore"):  # what becomes infinite is refused as such
            model, files = _load(path)
            return _network(model, path.name), files
    except ContentError as error:
        raise ArgumentError(f"{shown(path)}: {error}") from None
    except FileError as error:
        raise ArgumentError(str(error)) from None
    except ArgumentError as error:
        raise ArgumentError(f"{shown(path)}: {error}") from None
    except UnicodeDecodeError:
        raise ArgumentError(f"{shown(path)}: not an ONNX model: its names are no text") from None


def _load(path: Path) -> "tuple[ModelProto, list[Path]]":
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import checker
        from onnx.external_data_helper import load_external_data_for_model
    except ImportError:
        raise ContentError("needs the extra onnx: pip install 'cnnfilter[onnx]'") from None
    with opened(regular(path)) as file:
        content = read_all(file, MAX_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise ContentError(f"not an ONNX model that can be read ({_brief(error)})") from None
    if not model.graph.node:
        raise ContentError("not an ONNX model: it holds no graph")
    if len(model.graph.node) > MAX_STEPS:
        raise ContentError(f"has {len(model.graph.node)} nodes; the most is {MAX_STEPS}")
    outside = _tensors_outside(model.graph)
    beside = list(dict.fromkeys(_named_beside(outside, path.parent)))
    _check_bytes(outside, path.parent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about keys that it does not know
            load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, TypeError, RuntimeError, checker.ValidationError) as error:
        raise ContentError(f"its weights cannot be read ({_brief(error)})") from None
    return model, [path, *beside]


def _named_beside(tensors: "list[TensorProto]", folder: Path) -> Iterator[Path]:
    """List the files of weights that tensors name."""
    for tensor in tensors:
        if not any(entry.key == "location" for entry in tensor.external_data):
            raise ContentError(
                f"its tensor {brief(tensor.name)} names no file for its numbers; "
                "export the model again"
            )
        for entry in tensor.external_data:
            if entry.key == "location":
                beside = inside(folder / str(entry.value), folder)
                if not os.path.isfile(beside):  # noqa: PTH113 - a name may be too long for Path
                    is_there = os.path.lexists(beside)
                    problem = "no file" if is_there else "missing"
                    advice = "export the model again" if is_there else "copy them along"
                    raise ContentError(
                        f"its weights, {brief(shown(beside), 300)}, are {problem}; {advice}"
                    )
                yield beside


def _tensors_outside(graph: "GraphProto") -> "list[TensorProto]":
    """Return the tensors whose numbers stand in other files."""
    attributes = [each for node in graph.node for each in node.attribute]
    if any(each.HasField("g") or each.graphs for each in attributes):
        raise ContentError("is no chain: one of its nodes holds a graph")
    held = [*graph.initializer, *(each.t for each in attributes)]
    held += [tensor for each in attributes for tensor in each.tensors]
    return [each for each in held if each.external_data]


def _check_bytes(tensors: "list[TensorProto]", folder: Path) -> None:
    """Hold what tensors would read from other files against their shapes, and the memory."""
    total = 0
    for tensor in tensors:
        stated = {str(each.key): str(each.value) for each in tensor.external_data}
        if "location" not in stated:
            raise ContentError(
                f"its tensor {brief(tensor.name)} names no file that its numbers stand in; "
                "export the model again"
            )
        size = _size_of(tensor)
        offset, length = (
            whole(f"its tensor {brief(tensor.name)}: {key}", stated.get(key, start), 0, MAX_OFFSET)
            for key, start in (("offset", 0), ("length", size))
        )
        there = (folder / stated["location"]).stat().st_size - offset
        if length != size or size > there or ("length" not in stated and size != there):
            raise ContentError(
                f"its tensor {brief(tensor.name)} needs {size} bytes, not those that it names in "
                f"{shown(stated['location'])}; export the model again"
            )
        total += size
    if total > memory():
        raise ContentError(f"its weights have {total} bytes, more than the memory")


def _size_of(tensor: "TensorProto") -> int:
    """Return the bytes that a tensor's shape and type need."""
    from onnx import helper

    if min(tensor.dims, default=1) < 0:
        raise ContentError(
            f"its tensor {brief(tensor.name)} has the shape {brief(list(tensor.dims))}"
        )
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, TypeError, ValueError):
        raise ContentError(f"its tensor {brief(tensor.name)} has a type that is unknown") from None
    return prod(tensor.dims) * dtype.itemsize


def _brief(error: Exception) -> str:
    return brief(" ".join(str(error).split()), 300)


def _network(model: "ModelProto", name: str) -> dict[str, Any]:
    """Follow the chain from input to output, and say what is done to a picture before."""
    graph = model.graph
    constants = {str(each.name): _array(each) for each in graph.initializer}
    if len(constants) < len(graph.initializer):
        raise ContentError("makes no sense: two of its tensors have one name")
    source = _only([each for each in graph.input if each.name not in constants], "input")
    shape = [each.dim_value for each in source.type.tensor_type.shape.dim]
    order = _input_order(graph, shape)
    opset = max((each.version for each in model.opset_import if not each.domain), default=1)
    if opset < OLDEST:
        raise ContentError(f"its opset {opset} is too old; convert it to {OLDEST} or later")
    chain = Chain(str(source.name), order, opset, constants)
    if order == "NF":  # it takes a picture all the same
        chain.steps.append({"name": "flatten", "operation": "flatten"})
    check = _checker(model)
    for number, node in enumerate(graph.node, start=1):
        _follow(chain, node, number, check)
    target = _only(list(graph.output), "output")
    if target.name != chain.value:
        raise ContentError(f"is no chain: its output {brief(target.name)} is not what comes last")
    if not chain.steps:
        operators = brief(", ".join(dict.fromkeys(str(node.op_type) for node in graph.node)))
        raise ContentError(f"computes nothing: it has no other operators than {operators}")
    content: dict[str, Any] = {"description": f"From {name}."}
    if order == "NF":
        return {**content, "prepare": [{"operation": "scale"}], "steps": chain.steps}
    height, width, channels = (shape[order.index(axis)] for axis in "HWC")
    is_float = source.type.tensor_type.elem_type in FLOATS
    return {
        **content,
        "input": {"shape": [height, width, channels]},
        "prepare": _preparation(height, width, channels, is_float=is_float),
        "steps": chain.steps,
    }


def _preparation(height: int, width: int, channels: int, *, is_float: bool) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if channels in (1, 3):
        steps.append({"operation": "gray" if channels == 1 else "rgb"})
    if height and width:
        size = height if height == width else f"{height}x{width}"
        steps.append({"operation": "resize", "size": size})
    # A model that takes integers scales them itself.
    return [*steps, {"operation": "scale", **({} if is_float else {"factor": 1})}]


def _only(values: "list[ValueInfoProto]", what: str) -> "ValueInfoProto":
    if len(values) != 1:
        names = brief(", ".join(each.name for each in values))
        raise ContentError(f"is no chain: it has {len(values)} {what}s ({names}), not one")
    return values[0]


def _input_order(graph: "GraphProto", shape: list[int]) -> str:
    """Tell the order of the input's axes: channels last, where they are turned first."""
    if len(shape) == 2:
        return "NF"
    if len(shape) != 4:
        raise ContentError(
            f"its input has the shape {brief(shape)}; (batch, channels, height, width) is taken"
        )
    if not all(0 <= each <= MOST for each in shape):
        raise ContentError(
            f"its input has the shape {brief(shape)}; each must be from 0 (any) to {MOST}"
        )
    for node in graph.node:
        turns = [list(each.ints) for each in node.attribute if each.name == "perm"]
        if node.op_type == "Transpose" and turns == [[0, 3, 1, 2]]:
            return "NHWC"
        if re.search(r"Conv$|Flatten$|Pool$|Transpose$", str(node.op_type)):
            break
    return "NCHW"


def _checker(model: "ModelProto") -> Callable[["NodeProto"], None]:
    """Make a check of nodes: that their attributes are those of their operator's version."""
    from onnx import checker

    numbers = [model.ir_version, *(each.version for each in model.opset_import)]
    if not all(0 <= each < 2**31 for each in numbers):
        raise ContentError(f"makes no sense: its versions are {brief(numbers)}")
    context = checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {str(each.domain): each.version for each in model.opset_import}

    def check(node: "NodeProto") -> None:
        try:
            checker.check_node(node, context)
        except (checker.ValidationError, ValueError, UnicodeError) as error:
            raise ContentError(f"makes no sense: {_brief(error)}") from None

    return check


def _follow(
    chain: Chain, proto: "NodeProto", number: int, check: Callable[["NodeProto"], None]
) -> None:
    try:
        is_standard = proto.domain in ("", "ai.onnx")
        if not is_standard or proto.op_type not in (*OPERATORS, *FOLDED, *CONSTANT, *SOFTPLUS):
            raise ContentError("is an operator that is not known here")
        check(proto)
        node = Node(
            operator=proto.op_type,
            name=str(proto.name),
            inputs=[str(each) for each in proto.input],
            outputs=[str(each) for each in proto.output],
            attributes=_attributes(proto),
            scope=_scope(proto),
        )
        _check_names(chain, node)
        if node.operator in CONSTANT:
            chain.keep(node.outputs[0], _constant(chain, node))
            return
        dynamic = [each for each in node.inputs if each and each not in chain.constants]
        if not dynamic:
            _fold(chain, proto)
            return
        if _ends_softplus(chain, node):
            return
        if node.operator not in OPERATORS:
            raise ContentError("is known only where all that it takes is constant")
        if dynamic != [chain.value]:
            raise ContentError(f"takes {brief(' and '.join(dynamic))}: only a chain can be run")
        OPERATORS[node.operator](chain, node)
        chain.before, chain.value = chain.value, node.outputs[0]
    except ContentError as error:
        name = brief(proto.name) or f"number {number}"
        domain = f"{proto.domain}." if proto.domain else ""
        operator = brief(f"{domain}{proto.op_type}")
        raise ContentError(f"node {name} ({operator}) {error}") from None


def _check_names(chain: Chain, node: Node) -> None:
    """Refuse a result that has the name of another value, or none."""
    first, *others = node.outputs
    if not first or first in chain.constants or first in chain.given:
        raise ContentError(f"makes no sense: its result's name, '{brief(first)}', is not its own")
    chain.given.update(each for each in (first, *others) if each)


def _ends_softplus(chain: Chain, node: Node) -> bool:
    """Tell the end of PyTorch's softplus, which takes x itself where x is large: no change."""
    if not chain.steps or chain.steps[-1]["operation"] != "softplus":
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
    """Compute a node that takes nothing but constants."""
    from onnx.reference import ReferenceEvaluator

    if proto.op_type not in FOLDED:
        raise ContentError(
            "takes only constants, from which it cannot be computed here; "
            "export the model with constant folding"
        )
    feeds = {name: chain.constants[name] for name in proto.input if name}
    chain.check_size(_most_bytes(proto, [chain.constants[name] for name in proto.input if name]))
    try:
        (result,) = ReferenceEvaluator(proto).run(None, feeds)
    except MISFITS as error:
        raise ContentError(f"cannot be computed ({_brief(error)})") from None
    chain.keep(str(proto.output[0]), _numbers(np.asarray(result)))


def _most_bytes(proto: "NodeProto", inputs: list[Array]) -> int:
    """Return the most bytes that a folded node's result may have."""
    if proto.op_type == "Concat":
        return sum(each.nbytes for each in inputs)
    if proto.op_type == "Gather" and len(inputs) > 1:
        return inputs[1].size * inputs[0].nbytes  # at most all of it for each index
    if proto.op_type == "Cast":
        return inputs[0].size * 8
    return inputs[0].nbytes


def _array(tensor: "TensorProto") -> Array:
    from onnx import numpy_helper

    _size_of(tensor)
    try:
        return _numbers(np.asarray(numpy_helper.to_array(tensor)))
    except (ContentError, *MISFITS) as error:
        name = brief(tensor.name)
        raise ContentError(f"its tensor {name} cannot be read ({_brief(error)})") from None


def _numbers(array: Array) -> Array:
    """Take an array's real numbers; what NumPy has no type for becomes float32."""
    is_foreign = array.dtype.kind == "V" and array.dtype.names is None
    return widened(array.astype(np.float32) if is_foreign else array)


def _scope(node: "NodeProto") -> str:
    """Find the module that a node came from: "['', 'features.1', 'relu']" gives features.1."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            names = re.findall(r"'([^']*)'", str(entry.value))
            return names[-2] if len(names) > 1 else ""
    return ""


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    try:
        return {each.name: _shortest(helper.get_attribute_value(each)) for each in node.attribute}
    except (ValueError, TypeError) as error:
        raise ContentError(f"has an attribute that makes no sense ({_brief(error)})") from None


def _shortest(value: Any) -> Any:
    """Write a float32, as ONNX's attributes are, as a person does: 0.2, not 0.20000000298."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _constant(chain: Chain, node: Node) -> Array:
    if node.operator == "Shape":
        if node.inputs != [chain.value]:
            raise ContentError(f"takes {brief(node.inputs[0])}: only a chain can be run")
        # One image; what else there is, the model need not know beforehand.
        return np.array([1] + [-1] * (len(chain.order) - 1))
    for name in ("value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return _numbers(np.asarray(node.attributes[name]))
    if "value" not in node.attributes:
        raise ContentError("holds no numbers")
    return _array(node.attributes["value"])
