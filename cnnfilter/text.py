"""Text for people and programs: paths, shapes and numbers, each on one line."""

import math
import os
from collections.abc import Iterable
from pathlib import Path


def shape_text(shape: Iterable[int]) -> str:
    """Return a shape as people write it.

    Examples
    --------
    >>> shape_text((480, 640, 3))
    '480x640x3'
    """
    return "x".join(map(str, shape))


def number_text(value: float, digits: int | None = 4, max_integer: float = 1e15) -> str:
    """Return a number as text; integers are not rounded.

    Parameters
    ----------
    value : float
    digits : int or None
        Significant digits of fractions. None for the fewest that read back as the same number:
        a float32 if it is one, else a float64; all of an int.
    max_integer : float
        Integers of this magnitude and larger are rounded as fractions are.

    Examples
    --------
    >>> number_text(-3.0), number_text(1 / 3), number_text(1e-9)
    ('-3', '0.3333', '1e-09')
    >>> number_text(1234567.0, 3, 1e5), number_text(1 / 3, None)
    ('1.23e+06', '0.3333333333333333')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < max_integer:
        return str(int(value))
    if digits is not None:
        return f"{value:.{digits}g}"
    if isinstance(value, int):
        return str(value)
    import numpy as np

    with np.errstate(over="ignore"):
        narrow = np.float32(value)
    return str(narrow) if float(narrow) == value else repr(float(value))


def shown(path: str | Path) -> str:
    r"""Return a path for a message, on one line.

    Examples
    --------
    >>> shown("two\nlines.png")
    'two\\nlines.png'
    """
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a lone surrogate, which no file name can hold
        text = str(path)
    return printable(text)


def printable(text: str) -> str:
    """Replace control codes by visible text."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def printable_lines(text: str) -> str:
    r"""Replace control codes, except line breaks and tabs.

    Examples
    --------
    >>> printable_lines("a\tb\n\x1b[2J\n")
    'a\tb\n\\x1b[2J\n'
    """
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def json_text(value: object) -> str:
    r"""Return a line of JSON in ASCII, without control codes.

    Examples
    --------
    >>> json_text({"file": "a\x1b\x7f\u202e"})
    '{"file": "a\\u001b\\u007f\\u202e"}'
    """
    import json

    return json.dumps(value).replace("\x7f", "\\u007f")  # the one code that JSON leaves as it is
