"""Tables of numbers in text: lines of cells, as spreadsheets and programs write them."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple, NoReturn

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError, brief

#: Integers below are floats, too.
EXACT = 2**53
#: What separates the cells of a line; the first that is there.
_SEPARATORS = ",;\t"
#: Digits of the longest 64-bit integer, with a sign and zeros before it.
_LONGEST = 40
ROUNDED = (
    "holds integers of 54 bits or more beside fractions, where they would be rounded; write "
    "fewer digits, such as 1.5e18"
)
BEYOND = "holds integers that 64 bits do not hold; write floats, such as 1e20"
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[\s.,'\u2019]\d{3})+(?:[.,]\d*)?")


class Line(NamedTuple):
    """A line of a table: its number from 1, its text and its cells."""

    number: int
    text: str
    cells: list[str]


def separated(lines: Iterable[str]) -> Iterator[Line]:
    r"""Yield each line with its cells; a blank one has none.

    A first line ``sep=;`` names the separator, as spreadsheets understand it.

    Examples
    --------
    >>> [line.cells for line in separated(["1;2", "", '"3","4",'])]
    [['1', '2'], [], ['3', '4']]
    >>> list(separated(["sep=;", "0.5;1"]))
    [Line(number=2, text='0.5;1', cells=['0.5', '1'])]
    """
    coming = iter(lines)
    first = next(coming, "")
    named = re.fullmatch(r'"?sep=([^\w"+.-])"?', first.strip(" "), re.IGNORECASE)
    rest = coming if named else chain([first], coming)
    for number, line in enumerate(rest, start=2 if named else 1):
        yield Line(number, line, cells(line, named[1] if named else None))


def cells(line: str, separator: str | None = None) -> list[str]:
    """Split a line at its separators or spaces.

    One separator may end the line. Cells may be quoted.
    """
    if not line.isascii():
        from cnnfilter.kernels.pasted import with_plain_signs

        line = with_plain_signs(line)
    if not line.strip():
        return []
    is_quoted = '"' in line
    if separator is None:
        outside = re.sub('"[^"]*"', "", line) if is_quoted else line
        separator = next((mark for mark in _SEPARATORS if mark in outside), None)
    if is_quoted:
        import csv

        try:
            words = next(csv.reader([line], delimiter=separator or " ", skipinitialspace=True))
        except csv.Error as error:
            raise ContentError(f"not a table ({error}); write numbers without quotes") from None
    else:
        words = line.split(separator)
    if separator is not None and len(words) > 1 and not words[-1].strip():
        del words[-1]
    return [word.strip() for word in words]


def refuse_cell(line: Line, column: int) -> NoReturn:
    """Refuse a cell that is not a number, with what to type."""
    word = line.cells[column - 1]
    where = f"line {line.number}, column {column}"
    if not word:
        raise ContentError(f"{where} is empty; write a number there, or nan for none")
    # Other separators or spaces show that a comma is none.
    others = re.split(r"[;\s]+", line.text) if re.search(r"\S[;\s]+\S", line.text) else []
    parts = [word, *(part for part in others if "," in part)]
    if comma := next(filter(_DECIMAL_COMMA.fullmatch, parts), None):
        raise ContentError(
            f"line {line.number} holds {brief(comma)}, with a decimal comma; write "
            f"{brief(comma.replace(',', '.'))}"
        )
    if marked := next(filter(_THOUSANDS.fullmatch, parts), None):
        raise ContentError(
            f"line {line.number} holds '{brief(marked)}'; write thousands without a mark, such as "
            "1234"
        )
    heading = "; if it is a heading, delete the line" if line.number == 1 else ""
    raise ContentError(f"{where} holds '{brief(word)}', which is not a number{heading}")


def read_table(lines: Iterable[str]) -> Array:
    """Read lines of numbers, channel by channel.

    Integers are exact to 64 bits.

    Raises
    ------
    ContentError
        If a cell is not a number, or lines differ in length.
    """
    channels: list[list[Array]] = [[]]
    first, is_integral = None, True
    for line in separated(lines):
        if not line.cells:
            if channels[-1]:
                channels.append([])
            continue
        row, has_integers = _row(line)
        channels[-1].append(row)
        is_integral = is_integral and has_integers
        first = first or line
        if len(line.cells) != len(first.cells):
            raise ContentError(
                f"line {line.number} has {len(line.cells)} number(s), line {first.number} has "
                f"{len(first.cells)}"
            )
    channels = [rows for rows in channels if rows]
    if first is None or len({len(rows) for rows in channels}) != 1:
        raise ContentError("is empty, or its channels are not equally high")
    dtype = _common_type([row for rows in channels for row in rows], is_integral=is_integral)
    values = np.empty((len(channels), len(channels[0]), len(first.cells)), dtype)
    for channel, rows in zip(values, channels, strict=True):
        for place, row in zip(channel, rows, strict=True):
            place[:] = row
    return values[0] if len(channels) == 1 else np.moveaxis(values, 0, -1)


def _row(line: Line) -> tuple[Array, bool]:
    """Return a line's numbers, and whether all are integers."""
    words = line.cells
    try:
        row = np.array([float(word) for word in words])
    except ValueError:
        row = None
    if row is None or "_" in line.text:  # 1_000 is a number in Python only
        refuse_cell(line, next(n for n, word in enumerate(words, 1) if not _is_number(word)))
    integral = [word for word in words if word.lstrip("+-").isdecimal()]
    is_integral = len(integral) == len(words)
    if np.abs(row).max() < EXACT:
        return row, is_integral
    if not is_integral:
        if any(len(word) > _LONGEST or int(float(word)) != int(word) for word in integral):
            raise ContentError(ROUNDED)
        return row, False
    # Python reads no integer of thousands of digits.
    integers = exact_integers([int(word) if len(word) <= _LONGEST else 2**64 for word in words])
    if integers is None:
        raise ContentError(f"line {line.number} {BEYOND}")
    return integers, True


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


def _common_type(rows: list[Array], *, is_integral: bool) -> "np.dtype[np.generic]":
    """Return a type that holds all integers exactly."""
    wide = [row for row in rows if row.dtype.kind != "f"]
    if not is_integral and any(map(changes_as_floats, wide)):
        raise ContentError(ROUNDED)
    if not is_integral:
        return np.dtype(np.float64)
    if all(row.dtype == np.int64 for row in wide):
        return np.dtype(np.int64)
    if min(row.min() for row in rows) < 0:
        raise ContentError(BEYOND)
    return np.dtype(np.uint64)


def exact_integers(lists: object) -> Array | None:
    """Return integers as 64 bits hold them, or None.

    Examples
    --------
    >>> exact_integers([2**64 - 1, 1])
    array([18446744073709551615,                    1], dtype=uint64)
    >>> exact_integers([2**64 - 1, -1])
    """
    for dtype in (np.int64, np.uint64):
        with suppress(OverflowError):
            return np.array(lists, dtype)
    return None


def changes_as_floats(integers: Array) -> bool:
    """Return whether float64 would round an integer."""
    if integers.min() > -EXACT and integers.max() < EXACT:
        return False
    return any(int(float(value)) != value for value in integers.ravel().tolist())
