"""A step: an operation's name with its arguments, checked when it is made."""

import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnnfilter.arrays.arguments import choice
from cnnfilter.errors import ArgumentError, brief, naming, unknown
from cnnfilter.files.kernels import files_named, kernel_argument, named_absolutely, tensor_argument
from cnnfilter.files.weights import LAYOUTS, tensor_reference
from cnnfilter.layers.base import Layer
from cnnfilter.steps.operations import OPERATIONS


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a pipeline.

    Attributes
    ----------
    operation : str
        A name from `OPERATIONS`.
    arguments : mapping
        The operation's arguments by name, as text or as Python values; the image is
        none of them. A kernel may be a file's name, weights a tensor's: ``file:tensor``.
        Operations with weights have a ``layout``, too: how files order their axes, OIHW
        (the default) or HWIO.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.
    name : str
        The layer's name, where it has one.

    Raises
    ------
    ArgumentError
        If the operation or an argument is unknown, or a value wrong.

    Examples
    --------
    >>> Step("pool", {"size": "3", "stride": 2}).layer.output_shape((9, 9))
    (4, 4)
    """

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ArgumentError(unknown("step", self.operation, OPERATIONS))
        known = parameters_of(self.operation)
        for name in self.arguments:
            if name not in known:
                raise ArgumentError(unknown(f"{self.operation} argument", name, known))
        for name, default in known.items():
            if default is inspect.Parameter.empty and name not in self.arguments:
                raise ArgumentError(
                    f"{self.operation} needs {name}: {self.operation} {name.upper()}"
                )
        # The values are checked now, not at the first image; too large ones become infinite.
        with np.errstate(all="ignore"):
            self.layer  # noqa: B018

    @cached_property
    def layer(self) -> Layer:
        """The operation with its arguments read and its weights loaded."""
        operation = OPERATIONS[self.operation]
        values = {**parameters_of(self.operation), **self.arguments}
        layout = choice("layout", values.pop("layout"), LAYOUTS) if operation.layout else None
        for name in operation.weights:
            if name == "kernel":
                values[name] = kernel_argument(values[name], self.folder, layout or "")
            else:
                values[name] = tensor_argument(values[name], self.folder, layout)
        return operation.layer(**values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without weights; each process loads them once, wherever it runs."""
        if self.folder is not None:
            return Step, (self.operation, self.arguments, self.folder.absolute(), self.name)
        weights = OPERATIONS[self.operation].weights
        arguments = {
            name: named_absolutely(value) if name in weights else value
            for name, value in self.arguments.items()
        }
        return Step, (self.operation, arguments, None, self.name)

    @property
    def files(self) -> list[Path]:
        """The files that its weights are read from."""
        named = (self.arguments.get(name) for name in OPERATIONS[self.operation].weights)
        return [path for value in named for path in files_named(value, self.folder)]

    @property
    def title(self) -> str:
        """What the layer is called: its name, or its operation."""
        return self.name or self.operation

    def described(self) -> str:
        """Say what the step does: its text, but for the weights that it names, and defaults."""
        weights = OPERATIONS[self.operation].weights
        # The first says what the step is about, whatever it is.
        usual = {name: str(each) for name, each in [*parameters_of(self.operation).items()][1:]}
        kept = {
            name: value
            for name, value in self.arguments.items()
            if name != "layout"
            and usual.get(name) != str(value)
            and not isinstance(value, np.ndarray)
            and not (name in weights and tensor_reference(str(value)))
        }
        return _step_text(self.operation, kept)

    def __str__(self) -> str:
        """Write the step as a pipeline's text has it."""
        return _step_text(self.operation, self.arguments)


def _step_text(operation: str, arguments: Mapping[str, Any]) -> str:
    import shlex

    many = OPERATIONS[operation].many
    words = [operation]
    for name, value in arguments.items():
        if value is None:
            continue
        several = isinstance(value, list) and name == many and not _is_matrix(value)
        words += [f"{name}={_text(each)}" for each in (value if several else [value])]
    return shlex.join(words)


def _is_matrix(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


def _text(value: Any) -> str:
    """Write an argument as a person would type it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if _is_matrix(value):
        return "; ".join(" ".join(map(str, row)) for row in value)
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def parameters_of(operation: str) -> dict[str, Any]:
    """Give an operation's arguments and their defaults: its function's, less the image."""
    entry = OPERATIONS[operation]
    parameters = list(inspect.signature(entry.function).parameters.items())[1:]
    defaults = {name: each.default for name, each in parameters if name not in entry.only_python}
    return {**defaults, "layout": LAYOUTS[0]} if entry.layout else defaults


def numbered_step(
    number: int,
    operation: str,
    arguments: Mapping[str, Any],
    folder: Path | None = None,
    name: str = "",
) -> Step:
    """Return a pipeline's step; its errors name its number."""
    if not operation:
        raise ArgumentError(f"step {number} of the pipeline has no name; name it, such as relu")
    with naming(f"step {number} ({brief(name)})" if name else f"step {number}"):
        return Step(operation, arguments, folder, name)


def in_step(steps: Sequence[Step], number: int, kind: str = "step") -> AbstractContextManager[None]:
    """Return a context that names the step in errors, if there are several."""
    if len(steps) == 1 and kind == "step":
        return nullcontext()
    return naming(f"{kind} {number} ({brief(steps[number - 1].title)})")
