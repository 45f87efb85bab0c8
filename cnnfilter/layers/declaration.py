"""Declarations: a layer's constructor names the arguments of all who take them.

From it come the public function, the pipeline's arguments, the keys of a network file, and
the options of the command with their help.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Concatenate, ParamSpec, get_args

from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import Number
from cnnfilter.layers.base import Layer

P = ParamSpec("P")


@dataclass(frozen=True)
class Argument:
    """Facts about an argument beyond its type, in ``Annotated``.

    Attributes
    ----------
    metavar : str
        Placeholder in the command's help, where the type does not decide it.
    choices : tuple of str
        The words that it may be.
    many : bool
        Whether all positional words of a step are its values.
    tensor : bool
        Whether a step may name a tensor in a file instead: ``file:tensor``.
    has_layout : bool
        Whether files order that tensor's axes in one of two ways.
    in_command : bool
        Whether the command has it as an option.
    help : str
        Its description, if no docstring has it.
    example : str
        A value that the error of a step without one shows.
    """

    metavar: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    tensor: bool = False
    has_layout: bool = False
    in_command: bool = True
    help: str = ""
    example: str = ""


#: A number for all channels, or one for each; a step may name a tensor.
Numbers = Annotated[Number | ArrayLike, Argument("NUMBERS", tensor=True)]


def argument_of(parameter: inspect.Parameter) -> Argument:
    """Return the facts that are declared about a parameter."""
    annotation = parameter.annotation
    for part in (annotation, *get_args(annotation)):
        for fact in getattr(part, "__metadata__", ()):
            if isinstance(fact, Argument):
                return fact
    return Argument()


def descriptions(layer: Callable[..., Layer]) -> dict[str, str]:
    """Return the description of each argument, from the docstring's parameters.

    Examples
    --------
    >>> from cnnfilter.layers.inverting import Inversion
    >>> descriptions(Inversion)["when"][:40]
    'auto inverts where more than half of the'
    """
    _, _, section = (inspect.getdoc(layer) or "").partition("\nParameters\n----------\n")
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in section.partition("\n\n")[0].splitlines():
        if line.startswith(" "):
            words += line.replace("`", "").split()
        else:
            names, words = line.partition(" : ")[0].split(", "), []
            found |= dict.fromkeys(names, words)
    return {name: " ".join(words) for name, words in found.items()}


def functional(
    layer: Callable[P, Layer],
    name: str,
    image: str = "image",
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> Callable[Concatenate[ArrayLike, P], Array]:
    """Return a layer as a function of an image and of the layer's arguments.

    The arguments are the constructor's, for type checkers and `inspect` as well; the
    documentation is the layer's.

    Parameters
    ----------
    layer : callable
        The layer's class.
    name : str
        The function's name.
    image : str
        The name of its first argument.
    elsewhere : mapping
        Arguments that people expect, to where these are found.

    Examples
    --------
    >>> import numpy as np
    >>> class Power(Layer):
    ...     formula = "x to the power of exponent"
    ...     explain = None
    ...     def __init__(self, exponent: int = 2) -> None:
    ...         self.exponent = exponent
    ...     def __call__(self, image: ArrayLike) -> Array:
    ...         return np.asarray(image) ** self.exponent
    >>> power = functional(Power, "power")
    >>> power([3, 4]), power(image=[3, 4], exponent=3)
    (array([ 9, 16]), array([27, 64]))
    """
    signature = _signature(layer, image)
    make: Callable[..., Layer] = layer

    def function(*args: object, **kwargs: object) -> Array:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            hints = [f"; {hint}" for other, hint in elsewhere.items() if other in kwargs]
            verb = "" if str(error).startswith(("missing", "got")) else "got "
            raise TypeError(f"{name}() {verb}{error}{''.join(hints)}") from None
        pixels, *values = bound.args
        return make(*values, **bound.kwargs)(pixels)

    function.__name__ = function.__qualname__ = name
    function.__module__, function.__doc__ = layer.__module__, layer.__doc__
    function.__annotations__ = {
        **{key: parameter.annotation for key, parameter in signature.parameters.items()},
        "return": signature.return_annotation,
    }
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__wrapped__ = layer.__init__  # type: ignore[attr-defined]  # where names resolve
    return function


def _signature(layer: Callable[..., Layer], image: str) -> inspect.Signature:
    """Return the signature of a layer's function."""
    first = inspect.Parameter(
        image, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation="ArrayLike"
    )
    shown = [
        parameter.replace(annotation=_plain(parameter.annotation))
        for parameter in inspect.signature(layer).parameters.values()
    ]
    return inspect.Signature([first, *shown], return_annotation="Array")


def _plain(annotation: object) -> object:
    """Return an annotation as it is written, without its `Argument`."""
    if not isinstance(annotation, str):
        return annotation
    return annotation.removeprefix("Annotated[").partition(", Argument(")[0]
