"""A step: an operation's name with its arguments, checked when it is made."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter
from pathlib import Path
from typing import TypeGuard

import numpy as np

from cnnfilter.arrays.arguments import choice
from cnnfilter.errors import ArgumentError, brief, naming, unknown
from cnnfilter.files.numbers.kernels import (
    find_kernels,
    find_weights,
    read_kernel_files,
    read_weights,
)
from cnnfilter.files.numbers.weights import LAYOUTS, WeightsRef
from cnnfilter.layers.base import Layer
from cnnfilter.steps.operations import OPERATIONS, Operation


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a pipeline.

    Attributes
    ----------
    operation : str
        A name from `OPERATIONS`.
    arguments : mapping
        The operation's arguments by name, as text or as Python values, without the
        image. A kernel may be a file's name, weights a tensor's: ``file:tensor``.
        Operations with weights have a ``layout``, too: how files order their axes, OIHW
        (the default) or HWIO.
    folder : Path or None
        The folder that files must lie in; None for anywhere.
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
    arguments: Mapping[str, object] = field(default_factory=dict)
    folder: Path | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ArgumentError(unknown("step", self.operation, OPERATIONS))
        known = self._entry.defaults
        for name in self.arguments:
            if name not in known:
                raise ArgumentError(unknown(f"{self.operation} argument", name, known))
        required = [name for name, default in known.items() if default is Parameter.empty]
        for name in required:
            if name not in self.arguments:
                raise ArgumentError(self._missing(name, required))
        # The values are checked now, not at the first image; too large ones become infinite.
        with np.errstate(all="ignore"):
            self.layer  # noqa: B018

    def _missing(self, name: str, required: Sequence[str]) -> str:
        """Return the message for an argument that is not there."""
        example = self._entry.declared[name].example
        if example:
            return f"{self.operation} needs a {name}, such as: {self.operation} {example}"
        return f"{self.operation} needs {name}: {self.operation} {' '.join(required).upper()}"

    @cached_property
    def _entry(self) -> Operation:
        return OPERATIONS[self.operation]

    @cached_property
    def weights(self) -> dict[str, object]:
        """Its weights, with a `WeightsRef` for files."""
        return {
            name: (find_kernels if name == "kernel" else find_weights)(value, self.folder)
            for name, value in self.arguments.items()
            if name in self._entry.tensors
        }

    @cached_property
    def layer(self) -> Layer:
        """The operation with its arguments read and its weights loaded."""
        values = {**self._entry.defaults, **self.arguments}
        layout = choice("layout", values.pop("layout"), LAYOUTS) if "layout" in values else None
        for name, found in self.weights.items():
            if name == "kernel":
                values[name] = read_kernel_files(found, layout or "")
            else:
                values[name] = read_weights(found, layout)
        return self._entry.layer(**values)

    def with_layer(self, layer: Layer) -> "Step":
        """Return the step with another layer."""
        # For one image: pickling would lose it.
        if layer is self.layer:
            return self
        step = copy(self)
        vars(step)["layer"] = layer
        return step

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without weights; each process loads them once."""
        if self.folder is not None:
            return Step, (self.operation, self.arguments, self.folder.absolute(), self.name)
        found = {name: _absolute(value) for name, value in self.weights.items()}
        return Step, (self.operation, {**self.arguments, **found}, None, self.name)

    @property
    def files(self) -> list[Path]:
        """The files that its weights are read from."""
        found = [
            item
            for value in self.weights.values()
            for item in (value if isinstance(value, list) else [value])
        ]
        return [item.path for item in found if isinstance(item, WeightsRef)]

    @property
    def title(self) -> str:
        """The layer's name, or its operation's."""
        return self.name or self.operation

    def described(self) -> str:
        """Return the step's text without defaults and tensors."""
        # The first is shown even if it is the default.
        others = [*self._entry.defaults.items()][1:]
        usual = {name: str(value) for name, value in others}
        kept = {
            name: value
            for name, value in self.arguments.items()
            if name != "layout"
            and usual.get(name) != str(value)
            and not isinstance(value, np.ndarray)
            and not _is_tensor(self.weights.get(name))
        }
        return _step_text(self.operation, kept)

    def __str__(self) -> str:
        """Return the step as people type it."""
        return _step_text(self.operation, self.arguments)


def _absolute(found: object) -> object:
    if isinstance(found, list):
        return [_absolute(item) for item in found]
    return found.absolute() if isinstance(found, WeightsRef) else found


def _is_tensor(found: object) -> bool:
    return isinstance(found, WeightsRef) and found.is_tensor


def _step_text(operation: str, arguments: Mapping[str, object]) -> str:
    import shlex

    many = OPERATIONS[operation].many
    words = [operation]
    for name, value in arguments.items():
        if value is None:
            continue
        items = [value]
        if isinstance(value, list) and name == many and not _is_matrix(value):
            items = value
        words += [f"{name}={_text(item)}" for item in items]
    return shlex.join(words)


def _is_matrix(value: object) -> TypeGuard[list[list[object]]]:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


def _text(value: object) -> str:
    """Return an argument as people type it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if _is_matrix(value):
        return "; ".join(" ".join(map(str, row)) for row in value)
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def numbered_step(
    number: int,
    operation: str,
    arguments: Mapping[str, object],
    folder: Path | None = None,
    name: str = "",
) -> Step:
    """Return a pipeline's step; its errors name its number."""
    if not operation:
        raise ArgumentError(f"step {number} of the pipeline has no name; name it, such as relu")
    with naming(f"step {number} ({brief(name)})" if name else f"step {number}"):
        return Step(operation, arguments, folder, name)


def in_step(steps: Sequence[Step], number: int, kind: str = "step") -> AbstractContextManager[None]:
    """Name the step in errors, if there are several."""
    if len(steps) == 1 and kind == "step":
        return nullcontext()
    return naming(f"{kind} {number} ({brief(steps[number - 1].title)})")
