"""Text for people and programs: paths and values that fit on a line, whatever they hold."""

import os
from pathlib import Path
from typing import Any


def shown(path: str | Path) -> str:
    r"""Write a path for a message: on one line, whatever its name holds.

    Examples
    --------
    >>> shown("two\nlines.png")
    'two\\nlines.png'
    """
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, which no file's name can hold
        text = str(path)
    return printable(text)


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor, colour it or turn its text round."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def printable_lines(text: str) -> str:
    r"""Escape the same in text whose lines and columns are meant.

    Examples
    --------
    >>> printable_lines("a\tb\n\x1b[2J\n")
    'a\tb\n\\x1b[2J\n'
    """
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def json_text(value: Any) -> str:
    r"""Write a line of JSON in ASCII, without control codes.

    Examples
    --------
    >>> json_text({"file": "a\x1b\x7f\u202e"})
    '{"file": "a\\u001b\\u007f\\u202e"}'
    """
    import json

    return json.dumps(value).replace("\x7f", "\\u007f")  # the one code that JSON leaves as it is
