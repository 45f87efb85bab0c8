"""An ONNX file: the model, and the files next to it that hold its weights."""

import os
import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import integer
from cnnfilter.arrays.buffers import memory
from cnnfilter.errors import ContentError, brief
from cnnfilter.files.numbers.weights import widened
from cnnfilter.files.opening import inside, opened, read_all, regular
from cnnfilter.networks.network import MAX_STEPS
from cnnfilter.text import shown

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

#: Bytes of a model's file: more than these its format cannot have.
MAX_BYTES = 2**31
#: Bytes of a file that holds weights.
MAX_OFFSET = 2**63
#: Errors of ONNX's own code for numbers that do not fit together.
MISFITS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip


def load_model(path: Path) -> "tuple[ModelProto, list[Path]]":
    """Read a model, and list its files of weights.

    Raises
    ------
    ContentError, FileError
        If a file cannot be read, or the weights do not fit their shapes.
    """
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
        raise ContentError(f"not a readable ONNX model ({one_line(error)})") from None
    if not model.graph.node:
        raise ContentError("not an ONNX model: it has no graph")
    if len(model.graph.node) > MAX_STEPS:
        raise ContentError(f"has {len(model.graph.node)} nodes; the most is {MAX_STEPS}")
    external = _external_tensors(model.graph)
    files = list(dict.fromkeys(_external_files(external, path.parent)))
    _check_bytes(external, path.parent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unknown keys
            load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, TypeError, RuntimeError, checker.ValidationError) as error:
        raise ContentError(f"its weights cannot be read ({one_line(error)})") from None
    return model, files


def _external_tensors(graph: "GraphProto") -> "list[TensorProto]":
    """Return the tensors whose numbers are in other files."""
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    if any(attribute.HasField("g") or attribute.graphs for attribute in attributes):
        raise ContentError("is not a chain: one of its nodes holds a graph")
    tensors = [*graph.initializer, *(attribute.t for attribute in attributes)]
    tensors += [tensor for attribute in attributes for tensor in attribute.tensors]
    return [tensor for tensor in tensors if tensor.external_data]


def _external_files(tensors: "list[TensorProto]", folder: Path) -> Iterator[Path]:
    """List the files of weights that tensors name."""
    for tensor in tensors:
        locations = [entry for entry in tensor.external_data if entry.key == "location"]
        if not locations:
            raise ContentError(
                f"its tensor {brief(tensor.name)} names no file for its numbers; "
                "export the model again"
            )
        for entry in locations:
            path = inside(folder / str(entry.value), folder)
            if not os.path.isfile(path):  # noqa: PTH113 - a name may be too long for Path
                exists = os.path.lexists(path)
                problem = "not a file" if exists else "missing"
                advice = "export the model again" if exists else "copy them along"
                raise ContentError(
                    f"its weights, {brief(shown(path), 300)}, are {problem}; {advice}"
                )
            yield path


def _check_bytes(tensors: "list[TensorProto]", folder: Path) -> None:
    """Check tensors' bytes against their shapes and the memory."""
    total = 0
    for tensor in tensors:
        stated = {str(entry.key): str(entry.value) for entry in tensor.external_data}
        size = _size(tensor)
        offset, length = (
            integer(f"its tensor {brief(tensor.name)}: {key}", stated.get(key, at), 0, MAX_OFFSET)
            for key, at in (("offset", 0), ("length", size))
        )
        available = (folder / stated["location"]).stat().st_size - offset
        fits = length == size <= available and ("length" in stated or size == available)
        if not fits:
            raise ContentError(
                f"its tensor {brief(tensor.name)} needs {size} bytes, not those that it names in "
                f"{shown(stated['location'])}; export the model again"
            )
        total += size
    if total > memory():
        raise ContentError(f"its weights have {total} bytes, more than the memory")


def _size(tensor: "TensorProto") -> int:
    """Return the bytes that a tensor's shape and type need."""
    from onnx import helper

    if min(tensor.dims, default=1) < 0:
        raise ContentError(
            f"its tensor {brief(tensor.name)} has the shape {brief(list(tensor.dims))}"
        )
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, TypeError, ValueError):
        raise ContentError(f"its tensor {brief(tensor.name)} has an unknown type") from None
    return prod(tensor.dims) * dtype.itemsize


def array_of(tensor: "TensorProto") -> Array:
    """Read a tensor's numbers."""
    from onnx import numpy_helper

    _size(tensor)
    try:
        return real_numbers(np.asarray(numpy_helper.to_array(tensor)))
    except (ContentError, *MISFITS) as error:
        name = brief(tensor.name)
        raise ContentError(f"its tensor {name} cannot be read ({one_line(error)})") from None


def real_numbers(array: Array) -> Array:
    """Return an array as real numbers of NumPy's types."""
    is_foreign = array.dtype.kind == "V" and array.dtype.names is None
    return widened(array.astype(np.float32) if is_foreign else array)


def one_line(error: Exception) -> str:
    """Return a library's message on one short line."""
    return brief(" ".join(str(error).split()), 300)
