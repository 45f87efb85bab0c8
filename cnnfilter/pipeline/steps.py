"""A step: an operation's name with its arguments, checked when it is made."""

import inspect
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnnfilter.errors import ArgumentError, unknown
from cnnfilter.files.kernels import kernel_argument
from cnnfilter.pipeline.operations import OPERATIONS, Layer


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a pipeline.

    Attributes
    ----------
    operation : str
        A name from `OPERATIONS`.
    arguments : mapping
        The operation's arguments by name, as text or as Python values; the image is
        none of them. A kernel may be a file's name.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.

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
                    f"{self.operation} needs a {name}: {self.operation} {name.upper()}"
                )
        self.layer  # noqa: B018 - the values are checked now, not at the first image

    @cached_property
    def layer(self) -> Layer:
        """The operation with its arguments read and its weights loaded."""
        operation = OPERATIONS[self.operation]
        values = {**parameters_of(self.operation), **self.arguments}
        for name in operation.files:
            values[name] = kernel_argument(values[name], self.folder)
        return operation.layer(**values)

    def __str__(self) -> str:
        """Write the step as a pipeline's text has it."""
        many = OPERATIONS[self.operation].many
        words = [self.operation]
        for name, value in self.arguments.items():
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
    signature = inspect.signature(OPERATIONS[operation].function)
    return {name: each.default for name, each in list(signature.parameters.items())[1:]}


def parse_steps(text: str) -> tuple[Step, ...]:
    """Read steps from text: names with arguments, separated by ``|``.

    Parameters
    ----------
    text : str
        Such as ``convolve '0 -1 0; -1 5 -1; 0 -1 0' padding=same | relu | pool 2``.
        Words are quoted as in a shell.

    Raises
    ------
    ArgumentError
        If a quotation is not closed, a step is empty, or a step is wrong (it says which).

    Examples
    --------
    >>> [str(step) for step in parse_steps("convolve sharpen | pool 2 mode=max")]
    ['convolve kernel=sharpen', 'pool size=2 mode=max']
    """
    return tuple(_parse_step(number, words) for number, words in enumerate(_split(text), start=1))


def numbered_step(
    number: int, operation: str, arguments: Mapping[str, Any], folder: Path | None = None
) -> Step:
    """Make a pipeline's step, whose errors say which it is."""
    if not operation:
        raise ArgumentError(f"step {number} of the pipeline has no name; name it, such as relu")
    try:
        return Step(operation, arguments, folder)
    except ArgumentError as error:
        raise ArgumentError(f"step {number}: {error}") from None


def _parse_step(number: int, words: Sequence[str]) -> Step:
    if not words or words[0] not in OPERATIONS:
        return numbered_step(number, words[0] if words else "", {})
    try:
        arguments = _arguments(words[0], words[1:])
    except ArgumentError as error:
        raise ArgumentError(f"step {number}: {error}") from None
    return numbered_step(number, words[0], arguments)


def _split(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) == {"|"}:
                for _ in word:
                    yield words
                    words = []
            else:
                words.append(word)
    except ValueError:
        raise ArgumentError(f"the pipeline has a quotation that is not closed: {text}") from None
    yield words


def _arguments(operation: str, words: Sequence[str]) -> dict[str, Any]:
    """Sort a step's words into arguments: key=value, or by position."""
    many = OPERATIONS[operation].many
    names = iter(parameters_of(operation))
    values: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.replace("-", "_").isidentifier():
            values.setdefault(key.replace("-", "_"), []).append(value)
        elif many is not None:
            values.setdefault(many, []).append(word)
        elif (name := next(names, None)) is not None and _positional(operation, name):
            values.setdefault(name, []).append(word)
        else:
            raise ArgumentError(f"{operation} has no place for '{word}'; write NAME={word}")
    loose = values.get("kernel", [])
    if len(loose) > 1 and all(re.fullmatch(r"[-+\d./,;]+", word) for word in loose):
        matrix = " ".join(loose)
        raise ArgumentError(f"{operation}: quote the matrix: {operation} '{matrix}'")
    for name, given in values.items():
        if len(given) > 1 and name != many:
            raise ArgumentError(f"{operation} is given {name} {len(given)} times; once is enough")
    return {name: given if len(given) > 1 else given[0] for name, given in values.items()}


def _positional(operation: str, name: str) -> bool:
    parameter = inspect.signature(OPERATIONS[operation].function).parameters[name]
    return parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
