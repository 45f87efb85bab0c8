"""Networks and weights that make no sense: one line that names what, before memory is taken."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cnnfilter import ArgumentError, CnnFilterError, Pipeline, ShapeError
from cnnfilter.arrays import Array
from cnnfilter.files.numbers.weights import read_tensor, read_tensors

from ..types import Arguments

if TYPE_CHECKING:
    from onnx import ModelProto

MEBIBYTE = 2**20


def refused(call: Callable[[], object], *words: str, most: int = 64 * MEBIBYTE) -> None:
    """Hold that a call is refused in one line with these words, and takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(CnnFilterError) as caught:
            call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert message.isprintable()
    assert len(message) < 1000
    assert peak < most


# ONNX


def onnx_of(
    nodes: list[tuple[str, list[str], str, Arguments]],
    constants: dict[str, Array],
    shape: tuple[int, ...] = (1, 4, 9, 8),
    **versions: int,
) -> ModelProto:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    made = [
        helper.make_node(operator, inputs, [output], name=f"n{number}", **attributes)
        for number, (operator, inputs, output, attributes) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", 1, list(shape))],
        [helper.make_tensor_value_info(nodes[-1][2], 1, None)],
        [onnx.numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()],
    )
    opsets = [helper.make_opsetid("", versions.get("opset", 20))]
    return helper.make_model(graph, opset_imports=opsets, ir_version=versions.get("ir", 9))


def loading(model: ModelProto, folder: Path) -> Callable[[], object]:
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return lambda: Pipeline.from_file(folder / "model.onnx")


def doubling(operator: str) -> ModelProto:
    """Make a model whose constants have twice the size, or its square, node by node."""
    nodes, name = [], "c"
    for number in range(60):
        attributes = {"axis": 0}
        nodes.append(
            (operator, [name, name if operator == "Concat" else "i"], f"d{number}", attributes)
        )
        name = f"d{number}"
    constants = {"c": np.zeros(1000, np.float32), "i": np.zeros((2, 2), np.int64)}
    return onnx_of([*nodes, ("Add", ["x", name], "y", {})], constants)


@pytest.mark.parametrize("operator", ["Concat", "Gather"])
def test_constants_that_grow_node_by_node_are_refused_by_name(
    operator: str, tmp_path: Path
) -> None:
    refused(loading(doubling(operator), tmp_path), "model.onnx", "node n", operator, "bytes")


def test_an_operator_that_cannot_be_folded_gets_advice(
    tmp_path: Path,
) -> None:
    model = onnx_of([("Add", ["c", "c"], "k", {}), ("Add", ["x", "k"], "y", {})], {"c": np.ones(1)})
    refused(loading(model, tmp_path), "(Add): has only constant inputs", "constant folding")


def test_constants_that_nodes_turn_and_cast_may_be_as_large_as_weights(tmp_path: Path) -> None:
    weights = np.ones((2048, 1024), np.float16)
    nodes = [
        ("Cast", ["w"], "w1", {"to": 1}),
        ("Transpose", ["w1"], "w2", {"perm": [1, 0]}),
        ("Identity", ["w2"], "w3", {}),
        ("Flatten", ["x"], "f", {}),
        ("MatMul", ["f", "w3"], "y", {}),
    ]
    pipeline = loading(onnx_of(nodes, {"w": weights}, shape=(1, 4, 16, 16)), tmp_path)()
    assert isinstance(pipeline, Pipeline)
    np.testing.assert_array_equal(pipeline.run(np.ones((16, 16, 4))), np.full(2048, 1024.0))


ONE = np.ones(1, np.float32)
NO_MODELS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "turn twice": (
        lambda: onnx_of([("Transpose", ["x"], "y", {"perm": [0, 0, 0, 0]})], {}),
        ["n0", "Transpose", "[0, 0, 0, 0]"],
    ),
    "turn of others": (
        lambda: onnx_of([("Transpose", ["x"], "y", {"perm": [0, 9, 2, 3]})], {}),
        ["n0", "Transpose"],
    ),
    "axes of halves": (
        lambda: onnx_of([("ReduceMean", ["x", "a"], "y", {})], {"a": np.array([2.5, 3])}),
        ["n0", "ReduceMean", "axes"],
    ),
    "one axis, no list": (
        lambda: onnx_of([("ReduceMean", ["x", "a"], "y", {})], {"a": np.array(2)}),
        ["n0", "ReduceMean", "height and width"],
    ),
    "shape that is no list": (
        lambda: onnx_of([("Reshape", ["x", "a"], "y", {})], {"a": np.array(-1)}),
        ["n0", "Reshape"],
    ),
    "two least values": (
        lambda: onnx_of([("Clip", ["x", "a"], "y", {})], {"a": np.ones(2, np.float32)}),
        ["n0", "Clip", "min of 2 numbers"],
    ),
    "a least value that is none": (
        lambda: onnx_of([("Clip", ["x", "a"], "y", {})], {"a": ONE * np.nan}),
        ["n0", "Clip", "min of nan"],
    ),
    "a least value above all": (
        lambda: onnx_of([("Clip", ["x", "a"], "y", {})], {"a": ONE * np.inf}),
        ["n0", "Clip", "min of inf"],
    ),
    "a negative input": (
        lambda: onnx_of([("Relu", ["x"], "y", {})], {}, shape=(1, 4, -5, -5)),
        ["its input has the shape [1, 4, -5, -5]"],
    ),
    "a huge input": (
        lambda: onnx_of([("Relu", ["x"], "y", {})], {}, shape=(1, 4, 2**40, 2**40)),
        ["its input has the shape", "1000000"],
    ),
    "no least value": (
        lambda: onnx_of([("Clip", ["x", "a"], "y", {})], {"a": np.zeros(0, np.float32)}),
        ["n0", "Clip", "input 2"],
    ),
    "words for weights": (
        lambda: onnx_of([("Add", ["x", "a"], "y", {})], {"a": np.array(["b"], object)}),
        ["tensor a", "real numbers"],
    ),
    "complex weights": (
        lambda: onnx_of([("Add", ["x", "a"], "y", {})], {"a": np.array([1j], np.complex64)}),
        ["tensor a", "real numbers"],
    ),
    "cast to words": (
        lambda: onnx_of(
            [("Cast", ["a"], "b", {"to": 8}), ("Add", ["x", "b"], "y", {})], {"a": ONE}
        ),
        ["n0", "Cast"],
    ),
    "a row each, after a squeeze": (
        lambda: onnx_of(
            [("Squeeze", ["x", "s"], "z", {}), ("Add", ["z", "a"], "y", {})],
            {"s": np.array([2]), "a": np.ones((1, 4, 8), np.float32)},
            shape=(1, 4, 1, 8),
        ),
        ["n1", "Add", "NCW"],
    ),
    "a result called as its input": (
        lambda: onnx_of([("Relu", ["x"], "x", {})], {}),
        ["n0", "Relu", "'x'", "not its own"],
    ),
    "a result called as a weight": (
        lambda: onnx_of([("Add", ["x", "a"], "a", {})], {"a": ONE}), ["n0", "Add", "'a'"]
    ),
    "a circle": (
        lambda: onnx_of([("Relu", ["z"], "y", {}), ("Relu", ["y"], "z", {})], {}),
        ["n0", "takes z", "chain"],
    ),
    "a graph within": (
        lambda: onnx_of(
            [("If", ["x"], "y", {"then_branch": onnx_of([("Relu", ["x"], "y", {})], {}).graph})],
            {},
        ),
        ["graph"],
    ),
    "a future format": (lambda: onnx_of([("Relu", ["x"], "y", {})], {}, ir=2**40), ["versions"]),
    "a future opset": (
        lambda: onnx_of([("Relu", ["x"], "y", {})], {}, opset=2**62), ["versions"]
    ),
    "too many nodes": (
        lambda: onnx_of(
            [("Relu", [f"v{n}" if n else "x"], f"v{n + 1}", {}) for n in range(10_001)], {}
        ),
        ["10001 nodes"],
    ),
    "huge stride": (
        lambda: onnx_of(
            [("MaxPool", ["x"], "y", {"kernel_shape": [2, 2], "strides": [2**62, 1]})], {}
        ),
        ["node n0", "stride"],
    ),
    "infinite slope": (
        lambda: onnx_of([("LeakyRelu", ["x"], "y", {"alpha": float("inf")})], {}),
        ["node n0", "slope"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_MODELS)
def test_a_model_that_makes_no_sense_is_refused_by_name(case: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    make, words = NO_MODELS[case]
    refused(loading(make(), tmp_path), "model.onnx", *words)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dims", [-1]),
        ("dims", [2**62, 2**62]),
        ("dims", [1] * 100),
        ("dims", [7]),
        ("data_type", 0),
        ("data_type", 99),
        ("raw_data", b"\0"),
    ],
)
def test_a_tensor_that_does_not_fit_its_numbers_is_named(
    field: str, value: object, tmp_path: Path
) -> None:
    model = onnx_of([("Add", ["x", "weight"], "y", {})], {"weight": ONE})
    tensor = model.graph.initializer[0]
    if field == "dims":
        tensor.dims[:] = value
    else:
        setattr(tensor, field, value)
    refused(loading(model, tmp_path), "model.onnx", "weight")


def test_unsigned_weights_are_subtracted_as_numbers(tmp_path: Path) -> None:
    model = onnx_of([("Sub", ["x", "a"], "y", {})], {"a": np.full((1, 4, 1, 1), 3, np.uint8)})
    pipeline = loading(model, tmp_path)()
    assert isinstance(pipeline, Pipeline)
    np.testing.assert_array_equal(pipeline.run(np.ones((9, 8, 4))), np.full((9, 8, 4), -2.0))


@pytest.mark.parametrize(
    ("stated", "word"),
    [
        ({"length": "-1"}, "length"),
        ({"length": str(2**62)}, "weight"),
        ({"length": "9" * 5000}, "length"),
        ({"length": "x"}, "length"),
        ({"offset": "9999"}, "weight"),
        ({"offset": "-4"}, "offset"),
        ({"offset": "8"}, "weight"),
        ({"offset": "9999", "length": ""}, "weight needs 16 bytes"),
        ({"offset": "8", "length": ""}, "weight needs 16 bytes"),
        ({"length": "-1"}, "weight: length"),
        ({"offset": "x"}, "weight: offset"),
        ({"location": "."}, "are not a file"),
        ({"location": "a" * 5000}, "are missing"),
        ({"location": "none.bin"}, "none.bin"),
        ({"location": "../w.bin"}, "w.bin"),
        ({"location": "\0"}, "no such file"),
        ({"location": ""}, "names no file"),
    ],
)
def test_weights_outside_that_are_not_there_are_reported(
    stated: dict[str, str], word: str, tmp_path: Path
) -> None:
    model = onnx_of([("Add", ["x", "weight"], "y", {})], {"weight": np.ones((1, 4, 1, 1), "f4")})
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (folder / "w.bin", tmp_path / "w.bin"):
        path.write_bytes(b"\0" * 16)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": "w.bin", "offset": "0", "length": "16", **stated}.items():
        if value:
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    refused(loading(model, folder), "model", word)


# TOML

STEP = '[[steps]]\noperation = "relu"\n'
NO_NETWORKS = {
    "digits beyond text": (f"{STEP}x = {'9' * 5000}", "5000 digits"),
    "an integer beyond 64 bits": (f'[[steps]]\noperation = "pool"\nsize = 0x{"f" * 5000}', "size"),
    "infinite shape": (f"{STEP}[input]\nshape = [inf, nan, 3]", "input shape"),
    "large float shape": (f"{STEP}[input]\nshape = [1e308, 1, 1]", "input shape"),
    "negative shape": (f"{STEP}[input]\nshape = [-1, 1, 1]", "input shape"),
    "lists in lists": (f"x = {'[' * 100_000}", "TOML"),
    "closed lists in lists": (f"x = {'[' * 50}{']' * 50}\n{STEP}", "x is nested"),
    "parts of a key": (f"{'a.' * 100_000}a = 1\n{STEP}", "parts"),
    "parts of a table": (f"[{'a.' * 100_000}a]\n{STEP}", "parts"),
    "a day for a mean": (
        '[[steps]]\noperation = "batch-norm"\nmean = 2020-01-01\nvariance = 1',
        "mean holds other things, not real numbers",
    ),
    "text among numbers": (
        '[[steps]]\noperation = "batch-norm"\nmean = [1, "a"]\nvariance = 1',
        "mean holds text, not real numbers",
    ),
    "a large text": (f"{STEP}# {'x' * 2**23}", "characters"),
    "labels of lists": (f"labels = [[1], 2]\n{STEP}", "labels"),
    "a name of numbers": (f"{STEP}name = 5", "name"),
    "a day for a size": ('[[steps]]\noperation = "pool"\nsize = 2020-01-01', "step 1"),
    "too many steps": (STEP * 10_001, "10001 steps"),
    "a weight of numbers": ('[[steps]]\noperation = "dense"\nweights = [[1e308, "a"]]', "step 1"),
    "lowest above highest": ('[[steps]]\noperation = "clip"\nlow = 1e308\nhigh = -1e308', "step 1"),
    "not a number": ('[[steps]]\noperation = "clip"\nlow = nan\nhigh = inf', "step 1"),
}


@pytest.mark.parametrize("case", NO_NETWORKS)
def test_a_network_that_makes_no_sense_is_refused_by_name(case: str, tmp_path: Path) -> None:
    text, word = NO_NETWORKS[case]
    (tmp_path / "net.toml").write_text(text)
    refused(lambda: Pipeline.from_file(tmp_path / "net.toml"), "net.toml", word)


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ("relu | convolve edge padding=999999", "step 2 (convolve): the result of 2000000x2000000"),
        ("relu | convolve edge padding=same dilation=999999", "step 2 (convolve): the dilated"),
        ("relu | resize 999999 | relu", "step 2 (resize): the result of 999999x999999"),
        ("convolve edge padding=500000 dilation=300000 stride=400000 | relu", "step 1 (convolve)"),
    ],
)
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_a_map_that_memory_cannot_hold_is_refused_by_its_step(
    steps: str, word: str, shape: tuple[int, ...]
) -> None:
    refused(lambda: Pipeline(steps).run(np.zeros(shape, np.uint8)), word)


def test_a_summary_counts_beyond_64_bits() -> None:
    steps = "scale factor=2 | convolve edge padding=999999 | flatten | relu"
    scaled, convolved, flat, last = Pipeline(steps).summary((10**6, 10**6, 10**6))
    assert scaled.multiply_adds == 10**18
    side = 10**6 + 2 * 999_999 - 2
    assert convolved.multiply_adds == 9 * side**2 * 10**6
    assert flat.shape == last.shape == (side**2 * 10**6,)


# Files of weights


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + content


def npz(folder: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(folder / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return folder / "w.npz"


def safetensors(folder: Path, header: object, content: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


HEADERS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1099511627776)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<U99999999', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1e308,)}",
    f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 4400},)}}",
    f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1,' * 100})}}",
    "-" * 9000 + "1",
    "(" * 9000,
    "",
]


@pytest.mark.parametrize("number", range(len(HEADERS)))
def test_a_header_that_lies_is_refused_alone_and_packed(number: int, tmp_path: Path) -> None:
    content = npy(HEADERS[number], b"\0" * 4)
    (tmp_path / "w.npy").write_bytes(content)
    refused(lambda: read_tensor(tmp_path / "w.npy", None), "w.npy")
    refused(lambda: read_tensor(npz(tmp_path, a=content), "a"), "w.npz", "a")


def test_a_packed_header_is_held_against_its_size_before_it_is_unpacked(tmp_path: Path) -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"
    path = npz(tmp_path, a=npy(header, bytes(256 * MEBIBYTE)))
    refused(lambda: read_tensor(path, "a"), "a", "268435456", most=16 * MEBIBYTE)


def test_archives_that_unfold_to_more_than_any_network_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnfilter.files.numbers.matrices.MAX_BYTES", 2 * MEBIBYTE)
    file = io.BytesIO()
    np.save(file, np.zeros(MEBIBYTE, np.uint8))
    path = npz(tmp_path, a=file.getvalue(), b=file.getvalue())
    refused(lambda: read_tensors(path), "w.npz", "more than")
    assert read_tensor(path, "a").size == MEBIBYTE


SAFETENSORS: Arguments = {
    "beyond the end": {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}},
    "backwards": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}},
    "overlapping": {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in ("a", "b")
    },
    "huge shape": {"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]}},
    "no numbers": {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}},
    "complex": {"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}},
    "float8": {"a": {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}},
    "100 axes": {"a": {"dtype": "F32", "shape": [1] * 99 + [2], "data_offsets": [0, 8]}},
    "unknown type": {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 8]}},
    "no table": b"[" * 10_000,
}


@pytest.mark.parametrize("case", SAFETENSORS)
def test_a_safetensors_file_that_makes_no_sense_is_refused(case: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = safetensors(tmp_path, SAFETENSORS[case], bytes(8))
    refused(lambda: read_tensor(path, "a"), "w.safetensors")


def test_a_missing_tensor_of_very_many_is_reported_at_once(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    path = safetensors(tmp_path, {f"{number}" * 2000: entry for number in range(5000)})
    refused(lambda: read_tensor(path, "x" * 10**6), "5000 in all")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("k.txt", "1e400 1"),
        ("k.txt", "1 " * 10**7),
        ("k.txt", "9" * 10**5),
        ("k.txt", "1 1 1e-320 0\n1e308\n"),
        ("k.json", "[" * 10**5),
        ("k.json", f"[[{'9' * 5000}]]"),
        ("k.json", f"[[{'9' * 400}, 1.5]]"),
        ("k.json", "[[1e400]]"),
        ("k.json", "[[NaN]]"),
        ("k.json", "[[]]"),
    ],
)
def test_a_kernels_file_of_odd_numbers_is_refused(
    name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    refused(lambda: Pipeline(f"convolve {name}"), name, most=128 * MEBIBYTE)


def test_shapes_beyond_any_are_no_shapes() -> None:
    with pytest.raises((ArgumentError, ShapeError), match="no step"):
        Pipeline("relu").up_to("9" * 5000)
