"""What is written on the terminal, or piped on: tables for people, plain text for programs."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cnnfilter.files.output import discard, standard_output
from cnnfilter.text import json_text, printable, printable_lines, shape_text

if TYPE_CHECKING:
    from cnnfilter.arrays import Array

#: The formats in which numbers are printed.
PRINTED = ("tsv", "csv", "json")


def say(message: str) -> None:
    """Write one line on standard error; where nobody reads it, the work goes on."""
    if sys.stderr is None:
        return
    line = f"cnnfilter: {printable(' '.join(message.splitlines()))}"
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def print_text(text: str) -> None:
    """Print lines on standard output, whatever names they hold."""
    with standard_output() as stdout:
        stdout.write(printable_lines(text) + "\n")


def print_rows(
    headings: Sequence[str], rows: Iterable[Sequence[str]], wrapping: Sequence[str]
) -> None:
    """Print rows under headings: a table, or tab-separated lines off a terminal."""
    headings, *rows = [[printable(word) for word in row] for row in [headings, *rows]]
    wrapping = [printable(word) for word in wrapping]
    if not is_terminal():
        print_text("\n".join("\t".join(row) for row in [headings, *rows]))
        return
    from cnnfilter.view.rows import rows_table
    from cnnfilter.view.terminal import terminal

    terminal().print(rows_table(headings, rows, wrapping))


def print_classes(
    source: str,
    classes: Sequence[tuple[str, float]],
    quantity: str,
    *,
    top: int | None,
    format: str | None,
) -> None:
    """Print a prediction: bars, a line off a terminal, or all of it as JSON.

    Parameters
    ----------
    source : str
        The file.
    classes : sequence of (str, float)
        Label and score, the likeliest first.
    quantity : str
        What the scores are.
    top : int or None
        How many; None for 5, off a terminal 1.
    format : str or None
        ``tsv`` and ``csv`` for a line on a terminal, too; ``json`` for one object a line,
        with all classes.
    """
    if format == "json":
        listed = [{"label": label, quantity: score} for label, score in classes]
        print_text(json_text({"file": source, "classes": listed[:top]}))
        return
    named = [(printable(label), score) for label, score in classes]
    if format is not None or not is_terminal():
        cells = [cell for label, score in named[: top or 1] for cell in (label, f"{score:.4g}")]
        if format != "csv":
            print_text("\t".join([printable(source), *cells]))
            return
        import csv

        with standard_output() as stdout:  # labels such as "tench, Tinca tinca" are quoted
            csv.writer(stdout, lineterminator="\n").writerow([printable(source), *cells])
        return
    from cnnfilter.view.classes import classes_table
    from cnnfilter.view.terminal import terminal

    console = terminal()
    print_text(f"{printable(source)}:")
    console.print(classes_table(named[: top or 5], quantity, console.width))


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
        Shape (H, W), (H, W, C) or (N,).
    channels : sequence of str
        Names of its channels or, if fewer, of equal groups of them.
    format : str or None
        One of `PRINTED` for plain text on a terminal, too.
    at, full
        See `cnnfilter.view.matrices.matrix_tables`.
    """
    if format is not None or not is_terminal():
        from cnnfilter.files.matrices import matrix_text

        with standard_output() as stdout:
            stdout.writelines(matrix_text(array, format or "tsv"))
        return
    from cnnfilter.view.matrices import matrix_tables
    from cnnfilter.view.terminal import terminal

    console = terminal()
    for index, (title, matrix) in enumerate(_titled(name, array, channels)):
        if index:
            console.print()
        for table in matrix_tables(
            matrix, printable(title), width=console.width, height=console.height, at=at, full=full
        ):
            console.print(table)


def _titled(name: str, array: "Array", channels: Sequence[str]) -> "Iterator[tuple[str, Array]]":
    """Take an array's channels apart, each with its title."""
    from cnnfilter.layers.channels import titles_of

    size = shape_text(array.shape[:2])
    if array.ndim == 1:
        yield f"{name}  {len(array)}", array[None]
        return
    if array.ndim == 2:
        yield f"{channels[0] if channels else name}  {size}", array
        return
    titles = titles_of(channels or (name,), array.shape[2])
    for index, title in enumerate(titles):
        yield f"{title}  {size}", array[:, :, index]
