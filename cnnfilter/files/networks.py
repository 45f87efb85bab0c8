"""Network files: TOML beside its weights, as plain dicts.

::

    description = "..."
    labels = ["cat", "dog"]
    layout = "OIHW"              # of the weights' files

    [input]
    shape = [224, 224, 3]        # height, width, channels; 0 for any

    [[prepare]]                  # what brings any picture there
    operation = "resize"
    size = 224

    [[steps]]
    name = "conv1"
    operation = "convolve"
    kernel = "weights.safetensors:conv1.weight"
"""

import json
import re
import tomllib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ArgumentError, FileError, brief
from cnnfilter.files.output import check_target, replacing
from cnnfilter.files.source import read_text, regular
from cnnfilter.files.weights import turned_back, write_tensors
from cnnfilter.text import shown

#: Steps of a network, nodes of a model; the deepest published ones have about a thousand.
MAX_STEPS = 10_000
#: Characters of a network's file: 400 for each step.
MAX_TEXT = 4_000_000
#: Tables and lists within each other: steps, a step, a filter bank's four axes.
MAX_DEPTH = 8
#: Dots in a row, as a key's parts have them.
MAX_DOTS = 200

#: What PyTorch calls the tensors that are our arguments.
TENSOR_NAMES = {
    "kernel": "weight", "weights": "weight", "scale": "weight", "slope": "weight",
    "offset": "bias", "mean": "running_mean", "variance": "running_var",
}  # fmt: skip


class NetworkFile(NamedTuple):
    """What a network's file holds.

    Attributes
    ----------
    content : dict
    files : list of Path
        The files that were read: itself, and the weights that lie next to an ONNX model.
        Those that the content names are read later.
    """

    content: dict[str, Any]
    files: list[Path]


def read_network(path: Path) -> NetworkFile:
    """Read a network or a pipeline's steps; what it means is not looked at.

    Parameters
    ----------
    path : Path
        TOML, or ONNX (.onnx), whose weights are then arrays among the arguments.

    Raises
    ------
    ArgumentError
        If the file cannot be read.
    """
    if path.suffix.lower() == ".onnx":
        from cnnfilter.files.onnx import read_onnx

        return NetworkFile(*read_onnx(path))
    try:
        text = read_text(regular(path))
        if len(text) > MAX_TEXT:
            raise ArgumentError(
                f"has {len(text)} characters; the most is {MAX_TEXT}: keep weights in .safetensors"
            )
        _check_keys(text)
        content = tomllib.loads(text)
        for key, value in content.items():
            _check_value(key, value)
    except FileError as error:
        raise ArgumentError(str(error)) from None
    except ArgumentError as error:
        raise ArgumentError(f"{shown(path)}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ArgumentError(
            f"{shown(path)}: not a TOML file ({brief(error, 200)}); correct it"
        ) from None
    return NetworkFile(content, [path])


def _check_keys(text: str) -> None:
    """Refuse keys of more parts than any; the time to read one grows with their square."""
    for piece in re.finditer(r"[\w.\"'\- \t]+", text):
        if piece[0].count(".") > MAX_DOTS:
            raise ArgumentError(f"'{brief(piece[0])}' has more than {MAX_DOTS} parts; no key has")


def _check_value(key: str, value: Any, depth: int = 0) -> None:
    """Refuse what is nested deeper than any argument, and integers beyond TOML's 64 bits."""
    if depth > MAX_DEPTH:
        raise ArgumentError(f"{brief(key)} is nested more than {MAX_DEPTH} deep; no argument is")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ArgumentError(f"{brief(key)} is {brief(value)}; TOML's integers have 64 bits")
    if isinstance(value, dict):
        for name, each in value.items():
            _check_value(name, each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check_value(key, each, depth + 1)


def write_network(
    path: Path,
    content: Mapping[str, Any],
    *,
    existing: str = "refuse",
    inputs: Container[int] = (),
) -> list[Path]:
    """Write a network's file, and the arrays among its arguments as .safetensors beside it.

    Parameters
    ----------
    path : Path
        The TOML file.
    content : mapping
        That of a `NetworkFile`.
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
    weights = path.with_suffix(".safetensors")
    for each in (path, weights):
        check_target(each, inputs, existing)
    tensors: dict[str, Array] = {}
    steps = [_named_arrays(step, weights.name, tensors) for step in content["steps"]]
    lines = [*_toml({**content, "layout": "OIHW", "steps": steps})]
    try:
        text = "\n".join([*lines, ""]).encode()
    except UnicodeEncodeError:
        raise FileError(f"{shown(path)}: its name is no text, as a network's file is") from None
    with replacing(weights, existing) as file:
        write_tensors(file, tensors)
    with replacing(path, existing) as file:
        file.write(text)
    return [path, weights]


def _toml(content: Mapping[str, Any]) -> Iterator[str]:
    """Write what stands alone first, then tables, then arrays of tables."""
    for name, value in content.items():
        if not isinstance(value, dict | list):
            yield _entry(name, value)
    for name, table in content.items():
        if isinstance(table, dict):
            yield from ("", f"[{name}]", *(_entry(key, value) for key, value in table.items()))
    for name, tables in content.items():
        if isinstance(tables, list):
            for table in tables:
                yield from (
                    "",
                    f"[[{name}]]",
                    *(_entry(key, value) for key, value in table.items()),
                )


def _entry(name: str, value: Any) -> str:
    # JSON's words, numbers and lists are TOML's, but for the one letter that it escapes, too.
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{name} = {text}"


def _named_arrays(step: Mapping[str, Any], file: str, tensors: dict[str, Array]) -> dict[str, Any]:
    """Put a step's arrays among the tensors, in PyTorch's order, and name them instead."""
    written = dict(step)
    for argument, value in step.items():
        if isinstance(value, np.ndarray):
            name = f"{step['name']}.{TENSOR_NAMES.get(argument, argument)}"
            has_layout = argument in ("kernel", "weights")
            tensors[name] = turned_back(value) if has_layout else value
            written[argument] = f"{file}:{name}"
    return written
