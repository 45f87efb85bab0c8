"""What is written on the terminal, or piped on: tables for people, plain text for programs."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cnnfilter.files.output import standard_output

if TYPE_CHECKING:
    from cnnfilter.core.arrays import Array

#: The formats in which numbers are printed.
PRINTED = ("tsv", "csv", "json")


def say(message: str) -> None:
    """Write one line on standard error."""
    print(f"cnnfilter: {' '.join(message.splitlines())}", file=sys.stderr)


def shape_text(shape: Iterable[int]) -> str:
    """Write a shape as people do: 480x640x3."""
    return "x".join(str(length) for length in shape)


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings: a table, or tab-separated lines off a terminal."""
    if not sys.stdout.isatty():
        with standard_output() as stdout:
            stdout.writelines("\t".join(row) + "\n" for row in [headings, *rows])
        return
    from rich.console import Console

    from cnnfilter.view.rows import rows_table

    Console(highlight=False).print(rows_table(headings, rows))


def print_array(
    name: str,
    array: "Array",
    *,
    channels: Sequence[str] = (),
    format: str | None = None,
    at: tuple[int, int] | None = None,
    full: bool = False,
) -> None:
    """Print an array's numbers: a table a channel, or plain text off a terminal.

    Parameters
    ----------
    name : str
        What it is.
    array : ndarray
        Shape (H, W) or (H, W, C).
    channels : sequence of str
        Names of its channels or, if fewer, of equal groups of them.
    format : str or None
        One of `PRINTED` for plain text on a terminal, too.
    at, full
        See `cnnfilter.view.matrices.matrix_tables`.
    """
    if format is not None or not sys.stdout.isatty():
        from cnnfilter.files.matrices import matrix_text

        with standard_output() as stdout:
            stdout.writelines(matrix_text(array, format or "tsv"))
        return
    from rich.console import Console

    from cnnfilter.view.matrices import matrix_tables

    console = Console(highlight=False, markup=False)
    for title, matrix in _titled(name, array, channels):
        for table in matrix_tables(
            matrix, title, width=console.width, height=console.height, at=at, full=full
        ):
            console.print(table)


def _titled(name: str, array: "Array", channels: Sequence[str]) -> "Iterator[tuple[str, Array]]":
    """Take an array's channels apart, each with its title."""
    if array.ndim == 2:
        yield f"{channels[0] if channels else name}  {shape_text(array.shape)}", array
        return
    names = channels or (name,)
    each = array.shape[2] // len(names)
    for index in range(array.shape[2]):
        number = f", channel {index % each + 1} of {each}" if each > 1 else ""
        title = f"{names[index // each]}{number}  {shape_text(array.shape[:2])}"
        yield title, array[:, :, index]
