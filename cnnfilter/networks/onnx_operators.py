"""The table of ONNX's operators: each adds a node's steps to the chain."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from cnnfilter.errors import ContentError, brief
from cnnfilter.files.numbers.weights import to_hwio
from cnnfilter.layers.activations import ACTIVATIONS, Activation
from cnnfilter.networks.onnx_chain import FLOATS, Chain, Node
from cnnfilter.steps.operations import OPERATIONS

PADDINGS = {"SAME_UPPER": "same", "SAME_LOWER": "same-lower", "VALID": None}

#: Adds a node's steps to the chain.
Operator = Callable[[Chain, Node], None]


def _lengths(lengths: list[int]) -> int | str:
    """Return lengths as people write them.

    Examples
    --------
    >>> _lengths([3, 3]), _lengths([2, 1])
    (3, '2x1')
    """
    down, across = lengths
    return down if down == across else f"{down}x{across}"


def _padding(node: Node) -> int | str | None:
    """Return a node's padding as people write it, or None."""
    automatic = node.text("auto_pad", "NOTSET")
    if automatic != "NOTSET":
        if automatic not in PADDINGS:
            raise ContentError(f"has an unknown auto_pad, {brief(automatic)}")
        return PADDINGS[automatic]
    top, left, bottom, right = node.integers("pads", [0, 0, 0, 0])
    sides = [top, left] if (top, left) == (bottom, right) else [top, bottom, left, right]
    if sides == [top, top]:
        return top or None
    return ",".join(map(str, sides))


def _conv(chain: Chain, node: Node) -> None:
    chain.check_map()
    weights = chain.weights(node, 1)
    if weights.ndim != 4:
        raise ContentError(f"has weights of shape {weights.shape}; only 2-D convolutions are run")
    size = list(weights.shape[2:])
    if node.integers("kernel_shape", size) != size:
        raise ContentError(f"has weights of shape {weights.shape}, and another kernel_shape")
    chain.add(
        node,
        "convolve",
        kernel=to_hwio(weights),
        bias=chain.optional(node, 2),
        stride=_lengths(node.integers("strides", [1, 1])),
        padding=_padding(node),
        dilation=_lengths(node.integers("dilations", [1, 1])),
        groups=node.integer("group", 1),
    )


def _pool(chain: Chain, node: Node, mode: str) -> None:
    chain.check_map()
    if "kernel_shape" not in node.attributes:
        raise ContentError("has no kernel_shape")
    size = node.integers("kernel_shape", [1, 1])
    stride = node.integers("strides", [1, 1])
    included = bool(node.integer("count_include_pad", 0)) and mode == "average"
    chain.add(
        node,
        "pool",
        size=_lengths(size),
        mode=mode,
        stride=None if stride == size else _lengths(stride),
        p=node.integer("p", 2) if mode == "lp" else None,
        count_include_pad=included,
        padding=_padding(node),
        dilation=_lengths(node.integers("dilations", [1, 1])),
        ceil_mode=bool(node.integer("ceil_mode", 0)),
    )


def _global_pool(chain: Chain, node: Node, mode: str) -> None:
    chain.check_map()
    power = node.integer("p", 2) if mode == "lp" else None
    chain.add(node, "pool", size="global", mode=mode, p=power)
    chain.is_one_pixel = True


def _reduce(chain: Chain, node: Node, mode: str) -> None:
    if len(chain.order) != 4 or _axes(chain, node) != {"H", "W"}:
        raise ContentError("is known over height and width only")
    chain.add(node, "pool", size="global", mode=mode)
    chain.is_one_pixel = True
    if not node.integer("keepdims", 1):
        _flattened(chain, node)


def _axes(chain: Chain, node: Node) -> set[str]:
    """Return the letters of the axes that a node is over."""
    constant = chain.optional(node, 1)
    axes = node.attributes.get("axes", []) if constant is None else constant.ravel().tolist()
    if not isinstance(axes, list) or not all(isinstance(axis, int) for axis in axes):
        raise ContentError(f"has axes that are not whole numbers, {brief(axes)}")
    return {chain.order[axis % len(chain.order)] for axis in axes}


def _batch_norm(chain: Chain, node: Node) -> None:
    if chain.order != "NF":
        chain.check_map()
    if node.integer("training_mode", 0):
        raise ContentError("is in training mode; export the model in evaluation mode")
    scale, offset, mean, variance = (chain.weights(node, index) for index in range(1, 5))
    chain.add(
        node,
        "batch-norm",
        mean=mean,
        variance=variance,
        scale=scale,
        offset=offset,
        epsilon=node.number("epsilon", 1e-5),
    )


def _activation(chain: Chain, node: Node, operation: str, activation: Activation) -> None:
    """Add an activation; its arguments are ONNX's attributes, by name."""
    ours = {activation.onnx_names.get(name, name): name for name in OPERATIONS[operation].defaults}
    for attribute in node.attributes:
        if attribute not in ours:
            raise ContentError(f"has an unknown attribute, {brief(attribute)}")
    arguments = {
        ours[name]: value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in node.attributes.items()
    }
    chain.add(node, operation, **arguments)


def _prelu(chain: Chain, node: Node) -> None:
    chain.add(node, "prelu", slope=chain.across(chain.weights(node, 1)))


def _clip(chain: Chain, node: Node) -> None:
    low = _bound(chain, node, 1, "min", -np.inf)
    # Our clip begins at 0 by default, ONNX's at the lowest float.
    lowest = float(np.finfo(np.float32).min)
    chain.add(
        node, "clip", low=lowest if low is None else low, high=_bound(chain, node, 2, "max", np.inf)
    )


def _bound(chain: Chain, node: Node, index: int, name: str, unbounded: float) -> float | None:
    constant = chain.optional(node, index)
    if constant is not None and constant.size != 1:
        raise ContentError(f"has a {name} of {constant.size} numbers; it takes one")
    value = node.number(name, unbounded) if constant is None else float(constant.item())
    if value == unbounded:
        return None
    if not np.isfinite(value):
        raise ContentError(f"has a {name} of {value}, which bounds nothing")
    return value


def _softmax(chain: Chain, node: Node) -> None:
    axis, axes = node.integer("axis", -1 if chain.opset >= 13 else 1), len(chain.order)
    if not -axes <= axis < axes:
        raise ContentError(f"is over axis {axis} of {chain.order}, which does not exist")
    if chain.order[axis] not in "CF":
        raise ContentError(f"is over axis {axis} of {chain.order}; only over channels is known")
    if chain.opset < 13 and axis % axes < axes - 1 and not chain.is_one_pixel:
        raise ContentError("is over the whole map, as it was before opset 13; convert the model")
    chain.add(node, "softmax")


def _gemm(chain: Chain, node: Node) -> None:
    chain.check_vector()
    if node.integer("transA", 0) or node.inputs[0] != chain.value:
        raise ContentError("is known with its weights on the right only")
    weights, bias = chain.weights(node, 1), chain.optional(node, 2)
    matrix = weights.T if node.integer("transB", 0) else weights
    chain.add(
        node,
        "dense",
        weights=np.ascontiguousarray(matrix) * np.float32(node.number("alpha", 1)),
        bias=None if bias is None else bias.ravel() * np.float32(node.number("beta", 1)),
    )


def _matmul(chain: Chain, node: Node) -> None:
    chain.check_vector()
    if node.inputs[0] != chain.value:
        raise ContentError("is known with its weights on the right only")
    chain.add(node, "dense", weights=chain.weights(node, 1))


def _arithmetic(chain: Chain, node: Node) -> None:
    """Add a bias, or a step of arithmetic with a constant."""
    is_first = node.inputs[0] == chain.value
    constant = chain.across(chain.weights(node, 1 if is_first else 0))
    match node.operator:
        case "Add" if np.ndim(constant) <= 1 and _lacks_bias(chain):
            chain.add_bias(node, constant)
        case "Add":
            chain.add(node, "scale", factor=1.0, offset=constant)
        case "Sub" if is_first:
            chain.add(node, "scale", factor=1.0, offset=-constant)
        case "Sub":
            chain.add(node, "scale", factor=-1.0, offset=constant)
        case "Mul":
            chain.add(node, "scale", factor=constant)
        case "Div" if is_first:
            if not np.all(constant):
                raise ContentError("divides by 0")
            chain.add(node, "scale", factor=1 / constant)
        case _:
            raise ContentError("divides a constant by its input, which no step does")


def _lacks_bias(chain: Chain) -> bool:
    if not chain.steps:
        return False
    last = chain.steps[-1]
    return "bias" in OPERATIONS[last.operation].defaults and "bias" not in last.arguments


def _flattened(chain: Chain, node: Node) -> None:
    if chain.order == "NF":
        return
    if chain.order not in ("NCHW", "NHWC"):
        raise ContentError(f"flattens axes in the unknown order {chain.order}")
    chain.add(node, "flatten", order="hwc" if chain.order == "NHWC" else None)
    chain.order = "NF"


def _flatten(chain: Chain, node: Node) -> None:
    if node.integer("axis", 1) % len(chain.order) != 1:
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
    axes = _axes(chain, node)
    if chain.order == "NF" or not axes or not axes <= {"H", "W"}:
        raise ContentError("is known over height and width only")
    chain.order = "".join(axis for axis in chain.order if axis not in axes)
    if chain.order == "NC":  # height and width are 1, so any order is the same
        chain.add(node, "flatten")
        chain.order = "NF"


def _transpose(chain: Chain, node: Node) -> None:
    axes = range(len(chain.order))
    turns = node.attributes.get("perm", [*reversed(axes)])
    if not isinstance(turns, list) or sorted(turns) != list(axes):
        raise ContentError(f"transposes the axes {brief(turns)} of {chain.order}")
    order = "".join(chain.order[axis] for axis in turns)
    if order[0] != "N":
        raise ContentError(f"transposes the axes to {order}; the batch comes first")
    chain.order = order


def _cast(_chain: Chain, node: Node) -> None:
    if node.integer("to", 0) not in FLOATS:
        raise ContentError("casts to another type than floats; only floats are computed with")


def _dropout(chain: Chain, node: Node) -> None:
    training = chain.optional(node, 2)
    if training is not None and training.any():
        raise ContentError("is in training mode; export the model in evaluation mode")


def _pass(chain: Chain, node: Node) -> None:
    """Pass values on, as in evaluation mode."""


#: Every operator, by name. Those of activations are rows of `ACTIVATIONS`; the ones
#: here come before them.
OPERATORS: Mapping[str, Operator] = {
    **{
        activation.onnx: partial(_activation, operation=name, activation=activation)
        for name, activation in ACTIVATIONS.items()
        if activation.onnx is not None
    },
    "Add": _arithmetic,
    "AveragePool": partial(_pool, mode="average"),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Conv": _conv,
    "Div": _arithmetic,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": partial(_global_pool, mode="average"),
    "GlobalLpPool": partial(_global_pool, mode="lp"),
    "GlobalMaxPool": partial(_global_pool, mode="max"),
    "Identity": _pass,
    "LpPool": partial(_pool, mode="lp"),
    "MatMul": _matmul,
    "MaxPool": partial(_pool, mode="max"),
    "Mul": _arithmetic,
    "PRelu": _prelu,
    "ReduceMax": partial(_reduce, mode="max"),
    "ReduceMean": partial(_reduce, mode="average"),
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Squeeze": _squeeze,
    "Sub": _arithmetic,
    "Transpose": _transpose,
}
