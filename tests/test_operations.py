"""Each operation is known everywhere: explained, in the page, read from ONNX, in the README."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cnnfilter import explain
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.networks.onnx_operators import OPERATORS
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step
from cnnfilter.view.page import build

README = Path(__file__).parents[1] / "README.md"
SCRIPTS = Path(build.__file__).parent
#: The arguments that operations cannot do without.
ARGUMENTS: Mapping[str, Mapping[str, object]] = {
    "convolve": {"kernel": "sharpen"},
    "batch-norm": {"mean": 1, "variance": 4},
    "dense": {"weights": np.ones((75, 2))},
    "select": {"channel": 0},
    "resize": {"size": 3},
    "standardize": {"mean": 1, "std": 2},
    "prelu": {"slope": 0.1},
}
IMAGE = np.arange(75).reshape(5, 5, 3)
#: ONNX's operators of what is not an activation.
ONNX = {
    "convolve": "Conv", "pool": "MaxPool", "batch-norm": "BatchNormalization", "scale": "Mul",
    "flatten": "Flatten", "dense": "Gemm", "softmax": "Softmax", "prelu": "PRelu",
}  # fmt: skip
#: Why ONNX has no operator for an operation.
NOT_IN_ONNX = {
    "gray": "an image is prepared before a model takes it",
    "rgb": "an image is prepared before a model takes it",
    "select": "an image is prepared before a model takes it",
    "resize": "its Resize has other filters than Pillow, which a network's users resize with",
    "invert": "an image is prepared before a model takes it",
    "standardize": "its Sub and Div are read as scales",
}
#: Why the page does not compute an operation itself.
NOT_COMPUTED = {"resize": "the page has no filters like Pillow's, and keeps Python's values"}


def step(operation: str) -> Step:
    return Step(operation, ARGUMENTS.get(operation, {}))


def pixels(operation: str) -> np.ndarray:
    return IMAGE.ravel() if operation == "dense" else IMAGE


@cache
def kinds(table: str) -> set[str]:
    """Read the keys of a table of the page's scripts."""
    scripts = "".join(path.read_text() for path in SCRIPTS.glob("*.js"))
    (rows,) = re.findall(rf"const {table} = {{\n(.*?)\n}};", scripts, re.S)
    return set(re.findall(r"^  (\w+)[:(]", rows, re.M))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_a_formula(operation: str) -> None:
    formula = step(operation).layer.formula
    assert formula
    assert "{" not in formula


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_explained(operation: str) -> None:
    steps = [Step("flatten"), step(operation)] if operation == "dense" else [step(operation)]
    assert explain(Pipeline(steps), IMAGE).detail is not None


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_page_computes_and_explains_an_operation(operation: str) -> None:
    layer, before = step(operation).layer, pixels(operation)
    record: Mapping[str, object] = {
        **layer.record(before.shape), **layer.record_of_values(before, layer(before)),
    }  # fmt: skip
    assert record["kind"] in kinds("EXPLAINED")
    assert (record["kind"] in kinds("COMPUTED")) != (operation in NOT_COMPUTED)
    if record["kind"] == "pointwise":
        assert f"\n  {record['function']}: " in build.activations_script()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_read_from_onnx(operation: str) -> None:
    row = ACTIVATIONS.get(operation)
    operator = ONNX.get(operation) if row is None else row.onnx
    assert (operator in OPERATORS) != (operation in NOT_IN_ONNX)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_readme_lists_an_operation(operation: str) -> None:
    (names,) = re.findall(r"^name {2,}=(.*?)^```", README.read_text(), re.S | re.M)
    assert operation in re.split(r"[|\s]+", names)
