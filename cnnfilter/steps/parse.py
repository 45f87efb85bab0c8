"""A pipeline's text: steps and their arguments, quoted as in a shell."""

import re
from collections.abc import Iterator, Sequence
from inspect import Parameter

from cnnfilter.errors import ArgumentError, brief, naming
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step, numbered_step


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


def _parse_step(number: int, words: Sequence[str]) -> Step:
    if not words or words[0] not in OPERATIONS:
        return numbered_step(number, words[0] if words else "", {})
    with naming(f"step {number}"):
        arguments = _arguments(words[0], words[1:])
    return numbered_step(number, words[0], arguments)


def _split(text: str) -> Iterator[list[str]]:
    import shlex

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
        raise ArgumentError(
            f"the pipeline has a quotation that is not closed: {brief(text)}"
        ) from None
    yield words


def _arguments(operation: str, words: Sequence[str]) -> dict[str, object]:
    """Return a step's words as arguments: key=value, or by position."""
    many = OPERATIONS[operation].many
    names = iter(OPERATIONS[operation].parameters.values())
    values: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.replace("-", "_").isidentifier():
            values.setdefault(key.replace("-", "_"), []).append(value)
        elif many is not None:
            values.setdefault(many, []).append(word)
        elif (place := next(names, None)) and place.kind is Parameter.POSITIONAL_OR_KEYWORD:
            values.setdefault(place.name, []).append(word)
        else:
            raise ArgumentError(f"{operation} has no place for '{brief(word)}'; write NAME=VALUE")
    loose = values.get("kernel", [])
    if len(loose) > 1 and all(re.fullmatch(r"[-+\d./,;]+", word) for word in loose):
        matrix = brief(" ".join(loose))
        raise ArgumentError(f"{operation}: quote the matrix: {operation} '{matrix}'")
    for name, given in values.items():
        if len(given) > 1 and name != many:
            raise ArgumentError(f"{operation} is given {name} {len(given)} times; once is enough")
    return {name: given if len(given) > 1 else given[0] for name, given in values.items()}
