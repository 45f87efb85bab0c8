"""Options from a layer's declaration: names, defaults, placeholders, choices and help."""

import inspect
from collections.abc import Callable
from functools import wraps
from inspect import Parameter
from types import NoneType
from typing import Annotated, get_args, get_origin

from cnnfilter.arrays.arguments import Number, Pair
from cnnfilter.arrays.geometry import Padding
from cnnfilter.cli.options import WINDOW, option
from cnnfilter.layers.declaration import Argument, descriptions
from cnnfilter.steps.operations import OPERATIONS

#: Placeholders of the types that need none of their own.
METAVARS = {
    frozenset(get_args(Pair)): "N|VxH",
    frozenset(get_args(Padding)): "MODE|N",
    frozenset(get_args(Number)): "NUMBER",
    frozenset((int, str)): "N",
}
#: Arguments of all sliding windows; they have a group of their own in the help.
SLIDING = ("size", "stride", "padding", "dilation", "border")


def with_arguments_of(
    operation: str, group: str, command: Callable[..., None]
) -> Callable[..., None]:
    """Return a command whose ``**arguments`` are the options of a layer, for Typer.

    They are in the layer's order; the command's own take the place of the layer's.

    Parameters
    ----------
    operation : str
        A name from `OPERATIONS`.
    group : str
        The group in the help of all options that are not about the window.
    command : callable
    """

    @wraps(command)
    def with_arguments(**values: object) -> None:
        command(**values)

    own = inspect.signature(command).parameters
    entry = OPERATIONS[operation]
    words = descriptions(entry.layer)
    declared = {
        name: own.get(name) or _option(parameter, entry.declared[name], words.get(name, ""), group)
        for name, parameter in entry.parameters.items()
        if entry.declared[name].in_command
    }
    signature = inspect.Signature([*{**declared, **own}.values()])
    with_arguments.__signature__ = signature  # type: ignore[attr-defined]
    return with_arguments


def _option(parameter: Parameter, argument: Argument, words: str, group: str) -> Parameter:
    """Return an argument as a command's option, as Typer reads it."""
    default = parameter.default
    words = words or argument.help
    group = WINDOW if parameter.name in SLIDING else group
    kind = parameter.annotation
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    kinds = frozenset(get_args(kind)) - {NoneType}
    flag = f"--{parameter.name.replace('_', '-')}"
    metavar = argument.metavar or "|".join(argument.choices) or METAVARS.get(kinds, "TEXT")
    if isinstance(default, bool):
        annotation: object = Annotated[bool, option(flag, group=group, help=words)]
    else:
        kind = str if default is not None else str | None
        annotation = Annotated[kind, option(flag, group=group, metavar=metavar, help=words)]
        default = None if default is None else str(default)
    return Parameter(parameter.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
