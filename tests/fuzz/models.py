"""ONNX models: small chains of every operator that is read, and changes to their messages."""

from random import Random
from typing import Any

import numpy as np
from mutations import INTEGERS, flipped, reworded
from onnx import ModelProto, TensorProto, helper, numpy_helper

_OPERATORS = (
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "Div",
    "Dropout", "Elu", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool",
    "GlobalMaxPool", "Greater", "Identity", "LeakyRelu", "LpPool", "MatMul", "MaxPool", "Mul",
    "PRelu",
    "ReduceMax", "ReduceMean", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Softmax",
    "Softplus",
    "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where", "Loop", "If", "Expand", "Tile",
    "Pad",
)  # fmt: skip
_WORDS = ("x", "v1", "w", "pads", "strides", "kernel_shape", "axis", "perm", "to", "value", "alpha",
          "group", "auto_pad", "ceil_mode", "dilations", "p", "keepdims", "")  # fmt: skip

Layer = tuple[str, list[tuple[str, Any]], dict[str, Any]]


def _chain(name: str, layers: list[Layer], shape: list[Any], opset: int = 17) -> ModelProto:
    """Make a model of layers that follow each other."""
    nodes, tensors, value = [], [], "x"
    for number, (operator, constants, attributes) in enumerate(layers):
        names = []
        for tensor, array in constants:
            names.append(f"{tensor}{number}")
            tensors.append(numpy_helper.from_array(np.asarray(array), names[-1]))
        result = f"v{number}"
        inputs = names if operator in ("Concat", "Gather") else [value, *names]
        nodes.append(helper.make_node(operator, inputs, [result], f"n{number}", **attributes))
        value = result
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    target = helper.make_tensor_value_info(value, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, name, [source], [target], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def models() -> list[ModelProto]:
    """Valid models."""
    random = np.random.default_rng(5)

    def floats(*shape: int) -> np.ndarray:
        return random.random(shape).astype(np.float32)

    maps = [1, 3, 8, 8]
    conv: Layer = ("Conv", [("w", floats(4, 3, 3, 3)), ("b", floats(4))], {"pads": [1, 1, 1, 1]})
    relu: Layer = ("Relu", [], {})
    return [
        _chain("conv", [conv, relu, ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]})],
            maps),
        _chain("same", [("Conv", [("w", floats(3, 1, 3, 3))], {"auto_pad": "SAME_UPPER",
            "group": 3})], maps),
        _chain("dense", [
            conv, relu, ("GlobalAveragePool", [], {}), ("Flatten", [], {"axis": 1}),
            ("Gemm", [("w", floats(5, 4)), ("b", floats(5))], {"transB": 1, "alpha": 2.0}),
            ("Softmax", [], {"axis": 1}),
        ], maps),
        _chain("norm", [
            ("BatchNormalization", [(each, floats(3)) for each in ("s", "o", "m", "v")], {}),
            ("LeakyRelu", [], {"alpha": 0.1}), ("Elu", [], {}), ("Sigmoid", [], {}), ("Tanh", [],
            {}),
            ("Softplus", [], {}), ("PRelu", [("a", floats(3, 1, 1))], {}),
            ("Clip", [("l", np.float32(0)), ("h", np.float32(6))], {}),
        ], maps),
        _chain("pools", [
            ("AveragePool", [], {"kernel_shape": [3, 3], "ceil_mode": 1, "count_include_pad": 1}),
            ("LpPool", [], {"kernel_shape": [2, 2], "p": 3}), ("Dropout", [], {}), ("Identity", [],
            {}),
            ("Add", [("c", floats(1, 3, 1, 1))], {}), ("Mul", [("c", np.float32(2))], {}),
            ("Sub", [("c", floats(3, 1, 1))], {}), ("Div", [("c", floats(1))], {}),
            ("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}),
        ], maps),
        _chain("turned", [
            ("Transpose", [], {"perm": [0, 3, 1, 2]}), conv, ("Transpose", [], {"perm": [0, 2, 3,
            1]}),
            ("Reshape", [("s", np.array([1, -1]))], {}), ("MatMul", [("w", floats(256, 3))], {}),
        ], ["batch", 8, 8, 3]),
        _chain("vector", [("Gemm", [("w", floats(192, 3)), ("b", floats(3))], {})], [1, 192]),
        _constants(),
    ]  # fmt: skip


def _constants() -> ModelProto:
    """Make a model whose shape is reckoned out of constants before it is used."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Gather", ["s", "zero"], ["batch"], axis=0),
        helper.make_node("Constant", [], ["rest"], value=numpy_helper.from_array(np.array([-1]))),
        helper.make_node("Concat", ["batch", "rest"], ["shape"], axis=0),
        helper.make_node("Cast", ["shape"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["x", "whole"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["y"]),
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "constants", [source], [target], [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def changed(model: ModelProto, random: Random) -> bytes:
    """Change fields of a model's messages, or a few of its bytes."""
    if random.randrange(6) == 0:
        return flipped(model.SerializeToString(), random)
    copy = ModelProto()
    copy.CopyFrom(model)
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        _change(_message(copy, random), random)
    try:
        return copy.SerializeToString()
    except (ValueError, UnicodeError):
        return model.SerializeToString()


def _message(message: Any, random: Random) -> Any:
    """Choose a message within a message."""
    while True:
        inner = [
            each
            for field, value in message.ListFields()
            if field.type == field.TYPE_MESSAGE
            for each in (value if hasattr(value, "add") else [value])
        ]
        if not inner or (random.randrange(4) == 0 and message.DESCRIPTOR.name != "ModelProto"):
            return message
        message = random.choice(inner)


def _change(message: Any, random: Random) -> None:
    name = message.DESCRIPTOR.name
    if name == "NodeProto" and random.randrange(3) == 0:
        message.op_type = random.choice(_OPERATORS)
        return
    if name == "AttributeProto" and random.randrange(2):
        _change_attribute(message, random)
        return
    fields = list(message.DESCRIPTOR.fields)
    present = [field for field, _ in message.ListFields()]
    field = random.choice(present if present and random.randrange(4) else fields)
    try:
        _change_field(message, field, random)
    except (ValueError, TypeError, AttributeError, OverflowError, UnicodeError):
        message.ClearField(field.name)


def _change_field(message: Any, field: Any, random: Random) -> None:
    value = getattr(message, field.name)
    if not hasattr(value, "append") and not hasattr(value, "add"):
        if field.type == field.TYPE_MESSAGE or random.randrange(8) == 0:
            message.ClearField(field.name)
        else:
            setattr(message, field.name, _odd(field, value, random))
        return
    if field.type == field.TYPE_MESSAGE:
        _change_messages(value, random)
        return
    match random.randrange(4):
        case 0 if value:
            del value[random.randrange(len(value))]
        case 1:
            value.append(_odd(field, value[0] if value else "", random))
        case _ if value:
            at = random.randrange(len(value))
            value[at] = _odd(field, value[at], random)
        case _:
            value.extend(_odd(field, "", random) for _ in range(random.randrange(5)))


def _change_messages(values: Any, random: Random) -> None:
    match random.randrange(3):
        case 0 if len(values):
            del values[random.randrange(len(values))]
        case 1 if len(values) > 1:
            one, other = random.sample(range(len(values)), 2)
            kept = type(values[one])()
            kept.CopyFrom(values[one])
            values[one].CopyFrom(values[other])
            values[other].CopyFrom(kept)
        case _ if len(values):
            values.add().CopyFrom(random.choice(list(values)))
        case _:
            values.add()


def _change_attribute(attribute: Any, random: Random) -> None:
    match random.randrange(4):
        case 0:
            attribute.name = random.choice(_WORDS)
        case 1:
            attribute.type = random.randrange(15)
        case 2:
            attribute.i = random.choice((*INTEGERS[:-2], -1)) % 2**63
        case _:
            attribute.ints[:] = [
                random.choice((-1, 0, 1, 2, 3, 2**31, 2**62)) for _ in range(random.randrange(5))
            ]


def _odd(field: Any, value: object, random: Random) -> Any:
    """Choose an odd value of a field's type."""
    match field.cpp_type:
        case field.CPPTYPE_STRING if field.type == field.TYPE_BYTES:
            return flipped(value, random) if isinstance(value, bytes) else random.randbytes(4)
        case field.CPPTYPE_STRING:
            if random.randrange(2):
                return random.choice(_WORDS)
            return reworded(str(value), random).encode(errors="replace").decode()
        case field.CPPTYPE_FLOAT | field.CPPTYPE_DOUBLE:
            return random.choice((0.0, -1.0, 1e38, 1e-45, float("nan"), float("inf"), 0.5))
        case field.CPPTYPE_ENUM:
            return random.choice([each.number for each in field.enum_type.values])
        case field.CPPTYPE_INT64:
            return random.choice((*INTEGERS[:-3], -1, -(2**63)))
        case field.CPPTYPE_UINT64:
            return random.choice(INTEGERS)
        case _:
            return random.choice((-1, 0, 1, 2, 3, 7, 8, 10, 11, 16, 17, 2**31 - 1))
