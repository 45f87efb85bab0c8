"""ONNX models against ONNX Runtime: every operator, chains of them, and what is no chain."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cnnfilter import ArgumentError, FileError, Pipeline
from cnnfilter.arrays import Array
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.networks.network import read_network
from cnnfilter.networks.toml import write_toml
from cnnfilter.steps.operations import OPERATIONS

from ..types import Arguments

RNG = np.random.default_rng(7)


def floats(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def node(
    operator: str, *constants: object, **attributes: object
) -> tuple[str, tuple[object, ...], Arguments]:
    """Say what a node of a chain is: arrays are constants, None is left out."""
    return operator, constants, attributes


def model_of(
    nodes: Sequence[Any], shape: Sequence[Any] = (1, 4, 9, 8), opset: int = 20
) -> onnx.ModelProto:
    """Chain nodes; what the chain gives comes first unless ``first`` says otherwise."""
    value, made, constants = "x", [], []
    for number, (operator, inputs, attributes) in enumerate(nodes):
        names = []
        for index, array in enumerate(inputs):
            name = "" if array is None else f"c{number}.{index}"
            if array is not None:
                constants.append(numpy_helper.from_array(np.asarray(array), name))
            names.append(name)
        at = attributes.pop("at", 0)
        names.insert(at, value)
        value = f"v{number}"
        made.append(helper.make_node(operator, names, [value], f"n{number}", **attributes))
        attributes["at"] = at
    graph = helper.make_graph(
        made,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)],
        constants,
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def reference(model: onnx.ModelProto, x: Array) -> list[Array]:
    """Give what ONNX Runtime makes of every node, as our arrays."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    del whole.graph.output[:]
    for each in model.graph.node:
        whole.graph.output.append(onnx.ValueInfoProto(name=each.output[0]))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options)
    results = session.run(None, {session.get_inputs()[0].name: x})
    return [
        np.moveaxis(each[0], 0, -1) if each.ndim == 4 else np.atleast_1d(each)[0]
        for each in results
    ]


def assert_equal_to_runtime(model: onnx.ModelProto, x: Array, folder: Path) -> Pipeline:
    path = folder / "model.onnx"
    onnx.save(model, path)
    pipeline = Pipeline.from_file(path)
    expected = reference(model, x)[-1]
    image = x[0] if x.ndim == 2 else np.moveaxis(x[0], 0, -1)
    actual = pipeline.run(image[np.newaxis] if x.ndim == 2 else image)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    return pipeline


CONV = floats(6, 4, 3, 2)
FLAT = node("Flatten")
OPERATORS: dict[str, list[Any]] = {
    "Conv": [node("Conv", CONV, floats(6))],
    "Conv without bias": [node("Conv", CONV)],
    "Conv pads": [node("Conv", CONV, pads=[1, 0, 2, 3], strides=[2, 1], dilations=[1, 2])],
    "Conv same upper": [node("Conv", CONV, auto_pad="SAME_UPPER", strides=[2, 2])],
    "Conv same lower": [node("Conv", CONV, auto_pad="SAME_LOWER", strides=[2, 2])],
    "Conv valid": [node("Conv", CONV, auto_pad="VALID")],
    "Conv groups": [node("Conv", floats(6, 2, 3, 3), floats(6), group=2)],
    "Conv depthwise": [node("Conv", floats(8, 1, 3, 3), floats(8), group=4, pads=[1, 1, 1, 1])],
    "MaxPool": [node("MaxPool", kernel_shape=[3, 2])],
    "MaxPool all": [
        node("MaxPool", kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1], dilations=[2, 1])
    ],
    "MaxPool ceil": [node("MaxPool", kernel_shape=[2, 2], strides=[2, 3], ceil_mode=1)],
    "MaxPool same": [node("MaxPool", kernel_shape=[2, 2], auto_pad="SAME_LOWER")],
    "AveragePool": [node("AveragePool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 0])],
    "AveragePool pad": [
        node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    ],
    "AveragePool ceil": [
        node("AveragePool", kernel_shape=[2, 2], strides=[2, 3], ceil_mode=1, count_include_pad=1)
    ],
    "LpPool": [node("LpPool", kernel_shape=[2, 3], p=3, pads=[1, 1, 0, 0])],
    "LpPool 1": [node("LpPool", kernel_shape=[2, 3], p=1, strides=[2, 2])],
    "LpPool 2": [node("LpPool", kernel_shape=[2, 2])],
    "GlobalAveragePool": [node("GlobalAveragePool")],
    "GlobalMaxPool": [node("GlobalMaxPool")],
    "GlobalLpPool": [node("GlobalLpPool", p=3)],
    "ReduceMean": [node("ReduceMean", np.array([2, 3])), FLAT],
    "ReduceMax": [node("ReduceMax", np.array([2, 3]))],
    "Squeeze twice": [
        node("GlobalMaxPool"), node("Squeeze", np.array([-1])), node("Squeeze", np.array([-1])),
    ],
    "Transpose otherwise": [
        node("Transpose", perm=[0, 3, 2, 1]), node("Softmax", axis=3), node("Sigmoid"),
        node("Transpose", perm=[0, 3, 2, 1]),
    ],
    "Mul, Transpose": [
        node("Transpose", perm=[0, 2, 3, 1]), node("Mul", floats(4)),
        node("Transpose", perm=[0, 3, 1, 2]),
    ],
    "ReduceMean flat": [node("ReduceMean", np.array([-1, -2]), keepdims=0)],
    "BatchNormalization": [
        node("BatchNormalization", floats(4), floats(4), floats(4), floats(4) ** 2, epsilon=0.01)
    ],
    "Relu": [node("Relu")],
    "LeakyRelu": [node("LeakyRelu", alpha=0.3)],
    "LeakyRelu default": [node("LeakyRelu")],
    "PRelu channels": [node("PRelu", floats(4, 1, 1))],
    "PRelu one": [node("PRelu", floats(1))],
    "Elu": [node("Elu", alpha=0.7)],
    "Gelu": [node("Gelu")],
    "Gelu tanh": [node("Gelu", approximate="tanh")],
    "Sigmoid": [node("Sigmoid")],
    "Tanh": [node("Tanh")],
    "Softplus": [node("Softplus")],
    "Clip": [node("Clip", np.float32(-0.5), np.float32(0.6))],
    "Clip above": [node("Clip", None, np.float32(0.6))],
    "Clip below": [node("Clip", np.float32(-0.2))],
    "Gemm": [FLAT, node("Gemm", floats(288, 5), floats(5))],
    "Gemm turned": [
        FLAT, node("Gemm", floats(5, 288), floats(1, 5), transB=1, alpha=0.5, beta=2.0)
    ],
    "MatMul": [FLAT, node("MatMul", floats(288, 5))],
    "MatMul, Add": [FLAT, node("MatMul", floats(288, 5)), node("Add", floats(5))],
    "Conv, Add": [node("Conv", CONV), node("Add", floats(1, 6, 1, 1))],
    "Add": [node("Add", floats(4, 1, 1))],
    "Add one": [node("Add", np.float32(2), at=1)],
    "Add map": [node("Add", floats(1, 4, 9, 8))],
    "Add row": [node("Add", floats(8))],
    "Sub": [node("Sub", floats(1, 4, 1, 1))],
    "Sub from": [node("Sub", floats(1, 4, 1, 1), at=1)],
    "Mul": [node("Mul", floats(4, 1, 1), at=1)],
    "Div": [node("Div", floats(4, 1, 1))],
    "Reshape": [node("Reshape", np.array([1, -1]))],
    "Reshape sized": [node("Reshape", np.array([-1, 288]))],
    "Squeeze": [node("GlobalAveragePool"), node("Squeeze", np.array([2, 3]))],
    "Transpose, Flatten": [node("Transpose", perm=[0, 2, 3, 1]), FLAT],
    "Transpose there and back": [
        node("Transpose", perm=[0, 2, 3, 1]), node("Relu"), node("Add", floats(4)),
        node("Transpose", perm=[0, 3, 1, 2]), node("Conv", CONV),
    ],
    "Softmax": [FLAT, node("Softmax")],
    "Softmax channels": [node("Softmax", axis=1)],
    "Dropout": [node("Dropout"), node("Identity"), node("Cast", to=1), node("Relu")],
}  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_agrees_with_the_runtime(operator: str, tmp_path: Path) -> None:
    assert_equal_to_runtime(model_of(OPERATORS[operator]), floats(1, 4, 9, 8), tmp_path)


@pytest.mark.parametrize("opset", [8, 10])
def test_older_operators_have_attributes(opset: int, tmp_path: Path) -> None:
    nodes = [node("Conv", CONV), node("Clip", min=-0.5, max=0.7), FLAT, node("Softmax")]
    assert_equal_to_runtime(model_of(nodes, opset=opset), floats(1, 4, 9, 8), tmp_path)


def test_a_model_with_channels_last_is_turned(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", perm=[0, 3, 1, 2]), node("Conv", CONV, floats(6)), node("Relu"),
        node("Transpose", perm=[0, 2, 3, 1]), FLAT, node("MatMul", floats(294, 3)),
    ]  # fmt: skip
    model = model_of(nodes, shape=(1, 9, 8, 4))
    x = floats(1, 9, 8, 4)
    onnx.save(model, tmp_path / "model.onnx")
    pipeline = Pipeline.from_file(tmp_path / "model.onnx")
    assert pipeline.input_shape == (9, 8, 4)
    np.testing.assert_allclose(pipeline.run(x[0]), reference(model, x)[-1], rtol=1e-4, atol=1e-4)


def test_a_model_of_vectors_flattens_what_it_is_given(tmp_path: Path) -> None:
    model = model_of([node("Gemm", floats(12, 3), floats(3))], shape=("batch", 12))
    assert_equal_to_runtime(model, floats(1, 12), tmp_path)


def test_constants_by_way_of_nodes_are_weights(tmp_path: Path) -> None:
    weights = floats(5, 288)
    made = [
        helper.make_node("Flatten", ["x"], ["flat"], "flatten"),
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(weights)),
        helper.make_node("Identity", ["c"], ["same"]),
        helper.make_node("Transpose", ["same"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["flat", "turned"], ["y"], "dense"),
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", 1, ["N", 4, "H", "W"])],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    pipeline = assert_equal_to_runtime(model, floats(1, 4, 9, 8), tmp_path)
    assert pipeline.input_shape == (0, 0, 4)
    assert [step.title for step in pipeline.steps] == ["flatten", "dense"]


def _layers(rng: np.random.Generator) -> Sequence[Any]:
    """Draw a chain of maps."""
    channels, nodes = 3, []
    plain: list[Callable[[], object]] = [
        lambda: node("Relu"), lambda: node("LeakyRelu", alpha=0.2), lambda: node("Sigmoid"),
        lambda: node("Tanh"), lambda: node("Elu"), lambda: node("Softplus"),
        lambda: node("Gelu"), lambda: node("Clip", np.float32(0), np.float32(6)),
        lambda: node("PRelu", floats(channels, 1, 1)), lambda: node("Mul", np.float32(0.7)),
        lambda: node("Add", floats(channels, 1, 1)), lambda: node("Dropout"),
        lambda: node("MaxPool", kernel_shape=[2, 2], pads=[0, 1, 1, 0]),
        lambda: node("AveragePool", kernel_shape=[3, 2], pads=[1, 0, 1, 1]),
        lambda: node("LpPool", kernel_shape=[2, 2]),
        lambda: node("BatchNormalization", *(floats(channels) for _ in range(3)),
                     floats(channels) ** 2 + 0.1),
    ]  # fmt: skip
    for _ in range(int(rng.integers(2, 9))):
        if rng.random() < 0.4:
            filters = int(rng.integers(1, 7))
            auto = str(rng.choice(["SAME_UPPER", "SAME_LOWER"]))
            nodes.append(
                node("Conv", floats(filters, channels, 3, 2), floats(filters), auto_pad=auto)
            )
            channels = filters
        else:
            nodes.append(plain[int(rng.integers(len(plain)))]())
    nodes += [node("GlobalAveragePool"), FLAT, node("Gemm", floats(channels, 6), floats(6))]
    return [*nodes, node("Softmax")]


@pytest.mark.parametrize("seed", range(60))
def test_a_random_chain_agrees_with_the_runtime(seed: int, tmp_path: Path) -> None:
    nodes = _layers(np.random.default_rng(seed))
    model = model_of(nodes, shape=(1, 3, 14, 15))
    x = floats(1, 3, 14, 15)
    pipeline = assert_equal_to_runtime(model, x, tmp_path)
    expected = [
        each
        for each, (operator, *_) in zip(reference(model, x), nodes, strict=True)
        if operator != "Dropout"
    ]
    traced = pipeline.trace(np.moveaxis(x[0], 0, -1))
    for (_, actual), wanted in zip(traced, expected, strict=False):
        if len(traced) == len(expected):  # an Add after a Conv is its bias
            assert np.abs(actual - wanted).max() <= 1e-4 * np.abs(wanted).max()


ALONG = {
    "Mul by columns": [node("Mul", floats(4))],
    "Mul by rows": [node("Mul", floats(4, 1))],
    "Mul by channels": [node("Mul", floats(4, 1, 1))],
    "PRelu by columns": [node("PRelu", floats(4))],
    "Conv, Add by columns": [node("Conv", floats(4, 4, 1, 1)), node("Add", floats(4))],
}


@pytest.mark.parametrize("case", ALONG)
def test_constants_along_any_axis_are_imported_as_they_are(case: str, tmp_path: Path) -> None:
    model, x = model_of(ALONG[case], shape=(1, 4, 4, 4)), floats(1, 4, 4, 4)
    onnx.save(model, tmp_path / "model.onnx")
    write_toml(read_network(tmp_path / "model.onnx"), tmp_path / "net.toml")
    actual = Pipeline.from_file(tmp_path / "net.toml").run(np.moveaxis(x[0], 0, -1))
    np.testing.assert_allclose(actual, reference(model, x)[-1], rtol=1e-5, atol=1e-5)


def test_an_imported_network_is_the_model_and_needs_no_onnx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [
        node("Conv", CONV, floats(6), pads=[1, 1, 1, 1]), node("PRelu", floats(6, 1, 1)),
        node("MaxPool", kernel_shape=[2, 2], strides=[2, 2]), FLAT,
        node("Gemm", floats(5, 4 * 4 * 6), floats(5), transB=1), node("Softmax"),
    ]  # fmt: skip
    onnx.save(model_of(nodes), tmp_path / "model.onnx")
    model = Pipeline.from_file(tmp_path / "model.onnx")
    write_toml(read_network(tmp_path / "model.onnx"), tmp_path / "net.toml")
    monkeypatch.setitem(sys.modules, "onnx", None)
    network = Pipeline.from_file(tmp_path / "net.toml")
    image = floats(9, 8, 4)
    for (_, ours), (_, theirs) in zip(network.trace(image), model.trace(image), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert network.summary() == model.summary()


WRITTEN = """\
description = "From model.onnx."
layout = "OIHW"

[input]
shape = [9, 8, 4]

[[prepare]]
operation = "resize"
size = "9x8"

[[prepare]]
operation = "scale"

[[steps]]
name = "n0"
operation = "convolve"
kernel = "net.safetensors:n0.weight"
bias = "net.safetensors:n0.bias"
stride = "2x1"
padding = 1

[[steps]]
name = "n1"
operation = "leaky-relu"
slope = 0.2

[[steps]]
name = "n2"
operation = "pool"
size = 2
mode = "average"
stride = 1
"""


def test_a_network_is_written_as_people_write_it(tmp_path: Path) -> None:
    nodes = [
        node("Conv", CONV, floats(6), pads=[1, 1, 1, 1], strides=[2, 1], group=1),
        node("LeakyRelu", alpha=0.2), node("AveragePool", kernel_shape=[2, 2]),
    ]  # fmt: skip
    onnx.save(model_of(nodes), tmp_path / "model.onnx")
    write_toml(read_network(tmp_path / "model.onnx"), tmp_path / "net.toml")
    assert (tmp_path / "net.toml").read_text() == WRITTEN


@pytest.mark.parametrize("package", ["tomlkit", "safetensors"])
def test_writing_a_network_without_a_package_names_the_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(model_of([node("Relu")]), tmp_path / "model.onnx")
    network = read_network(tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FileError, match=r"net\.toml: .*pip install 'cnnfilter\[onnx\]'"):
        write_toml(network, tmp_path / "made/net.toml")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "name", [name for name, row in ACTIVATIONS.items() if row.onnx and name != "clip"]
)
def test_activations_have_the_defaults_of_onnx(name: str) -> None:
    row = ACTIVATIONS[name]
    schema = onnx.defs.get_schema(str(row.onnx))
    theirs = {
        attribute: helper.get_attribute_value(stated.default_value)
        for attribute, stated in schema.attributes.items()
    }
    ours = {
        row.onnx_names.get(ours, ours): value for ours, value in OPERATIONS[name].defaults.items()
    }
    assert set(ours) == set(theirs)
    for attribute, value in theirs.items():
        expected = value.decode() if isinstance(value, bytes) else pytest.approx(value)
        assert ours[attribute] == expected


@pytest.mark.parametrize("opset", [9, 11])
def test_softmax_before_opset_13_is_over_all_that_follows(opset: int, tmp_path: Path) -> None:
    one_pixel = [node("GlobalAveragePool"), node("Softmax", axis=1), FLAT]
    assert_equal_to_runtime(model_of(one_pixel, opset=opset), floats(1, 4, 9, 8), tmp_path)
    onnx.save(model_of([node("Softmax", axis=1)], opset=opset), tmp_path / "model.onnx")
    with pytest.raises(ArgumentError, match="opset 13"):
        Pipeline.from_file(tmp_path / "model.onnx")


def test_a_model_of_integers_scales_them_itself(tmp_path: Path) -> None:
    model = model_of([node("Cast", to=1), node("Mul", np.float32(0.5))], shape=(1, 3, 5, 6))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    x = RNG.integers(0, 256, (1, 3, 5, 6), dtype=np.uint8)
    onnx.save(model, tmp_path / "model.onnx")
    actual = Pipeline.from_file(tmp_path / "model.onnx").run(np.moveaxis(x[0], 0, -1))
    np.testing.assert_array_equal(actual, reference(model, x)[-1])


def test_a_bias_of_its_own_node_gives_the_layer_its_name(tmp_path: Path) -> None:
    nodes = [FLAT, node("MatMul", floats(288, 5)), node("Add", floats(5)), node("Relu")]
    onnx.save(model_of(nodes), tmp_path / "model.onnx")
    steps = Pipeline.from_file(tmp_path / "model.onnx").steps
    assert [step.title for step in steps] == ["n0", "n2", "n3"]


def test_the_modules_that_torch_wrote_down_name_the_layers(tmp_path: Path) -> None:
    model = model_of([node("Relu"), node("Sigmoid")])
    for made, scope in zip(model.graph.node, ["['', 'block.1', 'relu']", "['', 'x']"], strict=True):
        made.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scope)
    onnx.save(model, tmp_path / "model.onnx")
    steps = Pipeline.from_file(tmp_path / "model.onnx").steps
    assert [step.title for step in steps] == ["block.1", "n1"]


@pytest.mark.parametrize("limit", [20, 1])
def test_torchs_softplus_is_three_nodes(limit: float, tmp_path: Path) -> None:
    made = [
        helper.make_node("Softplus", ["x"], ["s"]),
        helper.make_node("Greater", ["x", "limit"], ["large"]),
        helper.make_node("Where", ["large", "x", "s"], ["y"]),
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", 1, [1, 4, 9, 8])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(np.float32(limit), "limit")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if limit == 1:
        onnx.save(model, tmp_path / "model.onnx")
        with pytest.raises(ArgumentError, match="threshold"):
            Pipeline.from_file(tmp_path / "model.onnx")
        return
    pipeline = assert_equal_to_runtime(model, 30 * floats(1, 4, 9, 8), tmp_path)
    assert [step.operation for step in pipeline.steps] == ["softplus"]


def test_a_shape_that_is_looked_up_is_flattened_by(tmp_path: Path) -> None:
    """PyTorch's older exporter writes x.view(x.size(0), -1) so."""
    made = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"], axis=0),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["batches"]),
        helper.make_node("Concat", ["batches", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "axes": np.array([0]), "rest": np.array([-1])}
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", 1, ["N", 4, 9, 8])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    assert_equal_to_runtime(model, floats(1, 4, 9, 8), tmp_path)


def _branching() -> onnx.ModelProto:
    model = model_of([node("Relu"), node("Sigmoid")])
    extra = helper.make_node("Add", ["v1", "v0"], ["sum"], "shortcut")
    model.graph.node.append(extra)
    model.graph.output[0].name = "sum"
    return model


def _two_outputs() -> onnx.ModelProto:
    model = model_of([node("Relu"), node("Sigmoid")])
    model.graph.output.append(helper.make_tensor_value_info("v0", 1, None))
    return model


NO_CHAINS: dict[str, tuple[Callable[[], onnx.ModelProto], list[str]]] = {
    "branch": (_branching, ["shortcut", "Add", "chain"]),
    "two outputs": (_two_outputs, ["2 outputs", "v0", "v1"]),
    "operator": (lambda: model_of([node("Erf")]), ["n0", "Erf"]),
    "domain": (lambda: model_of([node("Relu", domain="com.acme")]), ["n0", "com.acme.Relu"]),
    "training": (
        lambda: model_of([node("Dropout", np.float32(0.5), np.array(True))]), ["n0", "training"]
    ),
    "attribute": (lambda: model_of([node("Elu", alpha="x")]), ["n0", "Elu", "alpha"]),
    "no size": (lambda: model_of([node("MaxPool")]), ["n0", "MaxPool", "kernel_shape"]),
    "other size": (
        lambda: model_of([node("Conv", CONV, kernel_shape=[5, 5])]), ["n0", "kernel_shape"]
    ),
    "division by 0": (lambda: model_of([node("Div", np.float32(0))]), ["n0", "Div", "0"]),
    "nothing to do": (lambda: model_of([node("Identity"), node("Dropout")]), ["Identity, Dropout"]),
    "constant by input": (lambda: model_of([node("Div", np.float32(2), at=1)]), ["n0", "Div"]),
    "no axis": (lambda: model_of([node("Softmax", axis=9)]), ["n0", "axis 9"]),
    "old": (lambda: model_of([node("Relu")], opset=6), ["opset 6"]),
    "softmax over rows": (lambda: model_of([node("Softmax", axis=2)]), ["n0", "Softmax", "axis 2"]),
    "other turn": (
        lambda: model_of([node("Transpose", perm=[1, 0, 2, 3])]), ["n0", "Transpose", "CNHW"]
    ),
    "other shape": (
        lambda: model_of([node("Reshape", np.array([1, 2, 2, 72]))]),
        ["n0", "Reshape", "[1, 2, 2, 72]"],
    ),
    "one dimension": (
        lambda: model_of([node("Conv", floats(2, 4, 3))], shape=(1, 4, 9)), ["shape [1, 4, 9]"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_CHAINS)
def test_what_is_no_chain_is_refused_by_name(case: str, tmp_path: Path) -> None:
    make, words = NO_CHAINS[case]
    onnx.save(make(), tmp_path / "model.onnx")
    with pytest.raises(ArgumentError) as refused:
        Pipeline.from_file(tmp_path / "model.onnx")
    assert [word for word in ["model.onnx", *words] if word not in str(refused.value)] == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short_is_refused(share: float, tmp_path: Path) -> None:
    whole = model_of([node("Conv", CONV, floats(6))]).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ArgumentError, match=r"model\.onnx"):
        Pipeline.from_file(tmp_path / "model.onnx")


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    model = model_of([node("Conv", CONV)])
    (tmp_path / "in").mkdir()
    onnx.save(
        model, tmp_path / "in/model.onnx", save_as_external_data=True, location="w.data",
        size_threshold=0,
    )  # fmt: skip
    assert len(Pipeline.from_file(tmp_path / "in/model.onnx").steps) == 1
    (tmp_path / "in/w.data").rename(tmp_path / "w.data")
    with pytest.raises(ArgumentError, match=r"w\.data, are missing"):
        Pipeline.from_file(tmp_path / "in/model.onnx")
    (tmp_path / "in/w.data").symlink_to("../w.data")
    with pytest.raises(ArgumentError, match="outside"):
        Pipeline.from_file(tmp_path / "in/model.onnx")
