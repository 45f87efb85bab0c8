"""Network files: TOML next to its weights.

::

    description = "..."
    labels = ["cat", "dog"]
    layout = "OIHW"              # of the weights' files

    [input]
    shape = [224, 224, 3]        # height, width, channels; 0 for any

    [[prepare]]                  # the steps that bring any image to that shape
    operation = "resize"
    size = 224

    [[steps]]
    name = "conv1"
    operation = "convolve"
    kernel = "weights.safetensors:conv1.weight"
"""

import re
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice, integers
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError, FileError, brief, naming, unknown
from cnnfilter.files.encoding import Output
from cnnfilter.files.numbers.weights import LAYOUTS, to_oihw, write_tensors
from cnnfilter.files.opening import read_text, regular
from cnnfilter.files.output import check_target, replacing
from cnnfilter.networks.network import MAX_STEPS, Network
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step, numbered_step
from cnnfilter.text import shown

ENTRIES = ("description", "labels", "layout", "input", "prepare", "steps")
#: Characters of a network's file: 400 for each step.
MAX_TEXT = 4_000_000
#: Levels of nested tables and lists: steps, a step, a filter bank's four axes.
MAX_DEPTH = 8
#: Dots in a row, as between a key's parts.
MAX_DOTS = 200

#: PyTorch's names for the tensors that are our arguments.
TENSOR_NAMES = {
    "kernel": "weight", "weights": "weight", "scale": "weight", "slope": "weight",
    "offset": "bias", "mean": "running_mean", "variance": "running_var",
}  # fmt: skip


def read_toml(path: Path) -> Network:
    """Read a network from TOML.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or an entry, step or argument is wrong.
    """
    with naming(path, ArgumentError):
        content = _parse(read_text(regular(path)))
        for key in content:
            if key not in ENTRIES:
                raise ArgumentError(unknown("entry", key, ENTRIES))
        if not content.get("steps"):
            raise ArgumentError('has no step; write [[steps]] with operation = "convolve"')
        layout = choice("layout", content.get("layout", LAYOUTS[0]), LAYOUTS)
        return Network(
            path,
            steps=_steps(content, "steps", layout, path.parent),
            preparation=_steps(content, "prepare", layout, path.parent),
            input_shape=_input_shape(content.get("input", {})),
            labels=_labels(content.get("labels", [])),
            description=_description(content.get("description", "")),
        )


def _parse(text: str) -> dict[str, object]:
    if len(text) > MAX_TEXT:
        raise ArgumentError(
            f"has {len(text)} characters; the most is {MAX_TEXT}: keep weights in .safetensors"
        )
    # The time to read a key grows with the square of its parts.
    for piece in re.finditer(r"[\w.\"'\- \t]+", text):
        if piece[0].count(".") > MAX_DOTS:
            raise ArgumentError(f"'{brief(piece[0])}' has more than {MAX_DOTS} parts; no key has")
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"not a TOML file ({brief(error, 200)}); correct it") from None
    for key, value in content.items():
        _check_value(key, value)
    return content


def _check_value(key: str, value: object, depth: int = 0) -> None:
    """Refuse deeper nesting than arguments have, and longer integers."""
    if depth > MAX_DEPTH:
        raise ArgumentError(f"{brief(key)} is nested more than {MAX_DEPTH} deep; no argument is")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ArgumentError(f"{brief(key)} is {brief(value)}; TOML's integers have 64 bits")
    if isinstance(value, dict):
        for name, item in value.items():
            _check_value(name, item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_value(key, item, depth + 1)


def _description(entry: object) -> str:
    if not isinstance(entry, str):
        raise ArgumentError('a description is a text: description = "..."')
    return " ".join(entry.split())


def _labels(entry: object) -> tuple[str, ...]:
    if not isinstance(entry, list) or not all(isinstance(label, str) for label in entry):
        raise ArgumentError('labels are a list of words: labels = ["cat", "dog"]')
    return tuple(entry)


def _input_shape(entry: object) -> Shape | None:
    if entry == {}:
        return None
    if not isinstance(entry, dict) or list(entry) != ["shape"]:
        raise ArgumentError("[input] has one entry, such as shape = [224, 224, 3]")
    shape = integers("input shape", entry["shape"], 0, "lengths such as [28, 28, 1]")
    if len(shape) == 2:
        return (*shape, 1)
    if len(shape) != 3:
        raise ArgumentError(f"the input's shape {shape} is not [HEIGHT, WIDTH, CHANNELS]")
    return shape


def _steps(content: Mapping[str, object], key: str, layout: str, folder: Path) -> tuple[Step, ...]:
    tables = content.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ArgumentError(f"write each step as a [[{key}]] table with an operation")
    if len(tables) > MAX_STEPS:
        raise ArgumentError(f"has {len(tables)} {key}; the most is {MAX_STEPS}")
    steps = [_step(table, number, layout, folder) for number, table in enumerate(tables, start=1)]
    names: set[str] = set()
    for step in steps:
        if step.name and step.name in names:
            raise ArgumentError(
                f"two steps are called '{brief(step.name)}'; each needs a name of its own"
            )
        names.add(step.name)
    return tuple(steps)


def _step(table: Mapping[str, object], number: int, layout: str, folder: Path) -> Step:
    arguments = dict(table)
    name, operation = arguments.pop("name", ""), arguments.pop("operation", None)
    if not isinstance(name, str):
        raise ArgumentError(f'step {number}: a name is a word: name = "conv1"')
    if not isinstance(operation, str):
        raise ArgumentError(f'step {number} has no operation; write operation = "convolve"')
    if operation in OPERATIONS and "layout" in OPERATIONS[operation].defaults:
        arguments.setdefault("layout", layout)
    return numbered_step(number, operation, arguments, folder, name)


def write_toml(
    network: Network, path: Path, *, existing: str = "refuse", inputs: Container[int] = ()
) -> list[Path]:
    """Write a network's TOML file, with its arrays in .safetensors.

    Parameters
    ----------
    network : Network
    path : Path
        The TOML file.
    existing : {"refuse", "replace"}
        What becomes of files that have the names already.
    inputs : container of int
        The marks of files that are never written to.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    FileError
        If a file exists or cannot be written.
    """
    try:
        import safetensors  # noqa: F401 - which writes the weights, at the end
        import tomlkit
    except ImportError:
        raise FileError(
            f"{shown(path)}: needs the extra onnx: pip install 'cnnfilter[onnx]'"
        ) from None
    weights = path.with_suffix(".safetensors")
    for target in (path, weights):
        check_target(Output(target, existing=existing), inputs)
    tensors: dict[str, Array] = {}
    content: dict[str, object] = {"description": network.description, "layout": "OIHW"}
    if network.labels:
        content["labels"] = list(network.labels)
    if network.input_shape is not None:
        content["input"] = {"shape": list(network.input_shape)}
    content["prepare"] = [_table(step, weights.name, tensors) for step in network.preparation]
    content["steps"] = [_table(step, weights.name, tensors) for step in network.steps]
    try:
        text = tomlkit.dumps(content).encode()
    except UnicodeEncodeError:
        raise FileError(f"{shown(path)}: its name is not text; rename the model") from None
    with replacing(weights, existing) as file:
        write_tensors(file, tensors)
    with replacing(path, existing) as file:
        file.write(text)
    return [path, weights]


def _table(step: Step, file: str, tensors: dict[str, Array]) -> dict[str, object]:
    """Return a step's table; its arrays are added to the tensors."""
    table: dict[str, object] = {"name": step.name} if step.name else {}
    table["operation"] = step.operation
    for argument, value in step.arguments.items():
        table[argument] = value
        if isinstance(value, np.ndarray):
            name = f"{step.name}.{TENSOR_NAMES.get(argument, argument)}"
            tensors[name] = to_oihw(value) if argument in ("kernel", "weights") else value
            table[argument] = f"{file}:{name}"
    return table
