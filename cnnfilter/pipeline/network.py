"""What a network's file says, as the parts of a pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnfilter.arrays.arguments import choice, wholes
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError, brief, unknown
from cnnfilter.files.networks import MAX_STEPS
from cnnfilter.files.weights import LAYOUTS
from cnnfilter.pipeline.operations import OPERATIONS
from cnnfilter.pipeline.steps import Step, numbered_step

ENTRIES = ("description", "labels", "layout", "input", "prepare", "steps")


def parts_of(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make sense of what a network's file says: the arguments of `Pipeline`.

    Parameters
    ----------
    content : mapping
        As `cnnfilter.files.networks.read_network` gives it.
    folder : Path
        Where the files that it names are looked for and must stay.

    Raises
    ------
    ArgumentError
        If an entry, a step or an argument is unknown or wrong; it says which.
    """
    for key in content:
        if key not in ENTRIES:
            raise ArgumentError(unknown("entry", key, ENTRIES))
    if not content.get("steps"):
        raise ArgumentError('has no step; write [[steps]] with an operation, such as "convolve"')
    layout = choice("layout", content.get("layout", LAYOUTS[0]), LAYOUTS)
    if not isinstance(content.get("description", ""), str):
        raise ArgumentError('a description is a text: description = "..."')
    labels = content.get("labels", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ArgumentError('labels are a list of words: labels = ["cat", "dog"]')
    return {
        "steps": _steps_of(content, "steps", layout, folder),
        "preparation": _steps_of(content, "prepare", layout, folder),
        "input_shape": _input_shape(content.get("input", {})),
        "labels": labels,
        "description": " ".join(str(content.get("description", "")).split()),
    }


def _input_shape(entry: Any) -> Shape | None:
    if entry == {}:
        return None
    if not isinstance(entry, dict) or list(entry) != ["shape"]:
        raise ArgumentError("[input] has one entry, such as shape = [224, 224, 3]")
    shape = wholes("input shape", entry["shape"], least=0)
    if len(shape) == 2:
        return (*shape, 1)
    if len(shape) != 3:
        raise ArgumentError(f"the input's shape {shape} is not [HEIGHT, WIDTH, CHANNELS]")
    return shape


def _steps_of(content: Mapping[str, Any], key: str, layout: Any, folder: Path) -> list[Step]:
    tables = content.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ArgumentError(f"write each step as a [[{key}]] table with an operation")
    if len(tables) > MAX_STEPS:
        raise ArgumentError(f"has {len(tables)} {key}; the most is {MAX_STEPS}")
    steps: list[Step] = []
    names: set[str] = set()
    for number, table in enumerate(tables, start=1):
        arguments = dict(table)
        name, operation = arguments.pop("name", ""), arguments.pop("operation", None)
        if not isinstance(name, str):
            raise ArgumentError(f'step {number}: a name is a word: name = "conv1"')
        if not isinstance(operation, str):
            raise ArgumentError(f'step {number} has no operation; write operation = "convolve"')
        if operation in OPERATIONS and OPERATIONS[operation].layout:
            arguments.setdefault("layout", layout)
        if name and name in names:
            raise ArgumentError(
                f"two steps are called '{brief(name)}'; each needs a name of its own"
            )
        names.add(name)
        steps.append(numbered_step(number, operation, arguments, folder, name))
    return steps
