"""Output to the terminal: tables for people, plain text for programs in a pipe."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cnnfilter.files.output import discard, standard_output
from cnnfilter.text import json_text, printable, printable_lines, shape_text

if TYPE_CHECKING:
    from cnnfilter.arrays import Array

#: Formats of printed numbers.
PRINTED = ("tsv", "csv", "json")


def say(message: str) -> None:
    """Write a line to standard error, if open."""
    if sys.stderr is None:
        return
    line = f"cnnfilter: {printable(' '.join(message.splitlines()))}"
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def print_text(text: str) -> None:
    """Print lines on standard output, with control codes escaped."""
    with standard_output() as stdout:
        stdout.write(printable_lines(text) + "\n")


def print_rows(
    headings: Sequence[str], rows: Iterable[Sequence[str]], wrapping: Sequence[str]
) -> None:
    """Print rows as a table, or tab-separated in a pipe."""
    headings, *rows = [[printable(word) for word in row] for row in [headings, *rows]]
    wrapping = [printable(word) for word in wrapping]
    if not is_terminal():
        print_text("\n".join("\t".join(row) for row in [headings, *rows]))
        return
    from cnnfilter.view.tables import rows_table
    from cnnfilter.view.terminal import terminal

    terminal().print(rows_table(headings, rows, wrapping))


def print_picture(title: str, pixels: "Array") -> None:
    """Print a picture, fitted to the terminal.

    Parameters
    ----------
    title : str
    pixels : ndarray of uint8
        Shape (H, W, 3).
    """
    from rich.console import Console

    from cnnfilter.view.preview import preview

    print_text(printable(title))
    console = Console(highlight=False, markup=False)
    console.print(preview(pixels, console))


def print_classes(
    source: str,
    classes: Sequence[tuple[str, float]],
    quantity: str,
    *,
    top: int | None,
    format: str | None,
) -> None:
    """Print a prediction as bars, a line or JSON.

    Parameters
    ----------
    source : str
        The file.
    classes : sequence of (str, float)
        Labels and scores, the highest score first.
    quantity : str
        Name of the scores.
    top : int or None
        Number of classes; None for 5, in a pipe 1.
    format : str or None
        ``tsv`` or ``csv`` for a line on a terminal as well; ``json`` for one object a line, with
        all classes.
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
    from cnnfilter.view.tables import classes_table
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
    """Print an array as tables, or text in a pipe.

    Parameters
    ----------
    name : str
        Its title.
    array : ndarray
        Shape (H, W), (H, W, C) or (N,).
    channels : sequence of str
        Names of its channels or, if fewer, of equal groups of them.
    format : str or None
        One of `PRINTED` for plain text on a terminal as well.
    at, full
        See `cnnfilter.view.tables.matrix_tables`.
    """
    if format is not None or not is_terminal():
        from cnnfilter.files.numbers.matrices import matrix_text

        with standard_output() as stdout:
            stdout.writelines(matrix_text(array, format or "tsv"))
        return
    from cnnfilter.view.tables import matrix_tables
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
    """Yield each channel with its title."""
    from cnnfilter.arrays.titles import titles_of

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
