"""Tables for a terminal: rows of words, predictions, matrices."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from rich import box
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cnnfilter.arrays import Array
from cnnfilter.text import number_text

T = TypeVar("T")

#: Columns of a terminal: a full bar, and what its label and number need.
_BAR, _LABEL_AND_NUMBER = 40, 24
#: Rows that a cropped matrix shows at least, however low the terminal.
_MIN_ROWS = 8
#: Colours of the largest negative and positive values; smaller ones are nearer to grey.
_NEGATIVE, _POSITIVE, _ZERO = (38, 139, 210), (220, 80, 47), (128, 128, 128)


def rows_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], wrapping: Sequence[str]
) -> Table:
    """Make a table of rows under headings."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in headings:
        table.add_column(Text(heading), no_wrap=heading not in wrapping, overflow="fold")
    for row in rows:
        table.add_row(*(Text(word) for word in row))
    return table


def classes_table(classes: Sequence[tuple[str, float]], quantity: str, width: int) -> Table:
    """Show a prediction as labels, bars and numbers.

    Parameters
    ----------
    classes : sequence of (str, float)
        Labels and scores, the highest score first.
    quantity : {"probability", "score"}
        Probabilities are drawn as shares of 1, scores as shares of the highest.
    width : int
        The terminal's columns.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(8, width - _BAR - 12))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    is_probability = quantity == "probability"
    full = 1.0 if is_probability else max((score for _, score in classes), default=0.0)
    for label, score in classes:
        share = min(1.0, max(0.0, score / full)) if full > 0 else 0.0
        number = f"{score:.1%}" if is_probability else f"{score:.6g}"
        bar = ProgressBar(
            1.0, share if share == share else 0.0,
            width=max(4, min(_BAR, width - _LABEL_AND_NUMBER)), complete_style="cyan",
            finished_style="cyan",
        )  # fmt: skip
        table.add_row(Text(label), bar, Text(number))
    return table


def matrix_tables(
    matrix: Array,
    title: str,
    *,
    width: int,
    height: int,
    at: tuple[int, int] | None = None,
    full: bool = False,
) -> Iterator[Text | Table]:
    """Show a matrix in tables that fit a terminal.

    Parameters
    ----------
    matrix : ndarray
        Shape (H, W).
    title : str
    width, height : int
        The terminal's columns and rows.
    at : (int, int), optional
        The row and column around which a large matrix is cropped. By default its middle is left
        out.
    full : bool
        Show all values, in blocks of columns that fit.

    Yields
    ------
    Text or Table
        The title; tables with row and column numbers; what was left out or rounded.
    """
    yield Text(title)
    rows, columns = matrix.shape
    room = width - len(str(rows - 1)) - 2  # next to row numbers and the gap
    row, column = at or (None, None)
    shown_rows = list(range(rows)) if full else cropped(rows, max(_MIN_ROWS, height - 8), row)
    candidates = list(range(columns)) if full else cropped(columns, max(1, room // 2), column)
    fitting = max(1, room // (_cell_width(matrix, shown_rows, candidates) + 1))
    if full:
        starts = range(0, columns, fitting)
        blocks = [list(range(start, min(start + fitting, columns))) for start in starts]
    else:
        blocks = [cropped(columns, fitting, column)]
    peak = peak_of(matrix)
    for block in blocks:
        yield _matrix_table(matrix, shown_rows, block, peak, at)
    if not full:
        yield from _left_out(matrix, shown_rows, blocks[0])
    if _is_rounded(matrix[np.ix_(shown_rows, blocks[0])]):
        yield Text("Rounded to 4 digits; piped output has all of them.", "dim")


def cropped(length: int, most: int, around: int | None = None) -> list[int]:
    """Choose indices: all, a neighbourhood, or both ends.

    Examples
    --------
    >>> cropped(100, 5), cropped(100, 3, around=7)
    ([0, 1, 98, 99], [6, 7, 8])
    """
    if length <= most:
        return list(range(length))
    if around is not None:
        first = min(max(0, around - most // 2), length - most)
        return list(range(first, first + most))
    most = max(2, most - 1)  # one place is taken by the gap
    return [*range((most + 1) // 2), *range(length - most // 2, length)]


def _gap_in(indices: Sequence[int]) -> int | None:
    return next((k for k in range(1, len(indices)) if indices[k] != indices[k - 1] + 1), None)


def with_gap(cells: Sequence[T], indices: Sequence[int], sign: T) -> list[T]:
    """Insert a sign where indices are left out.

    Examples
    --------
    >>> with_gap(["a", "b", "z"], [0, 1, 25], "…")
    ['a', 'b', '…', 'z']
    """
    gap = _gap_in(indices)
    return list(cells) if gap is None else [*cells[:gap], sign, *cells[gap:]]


def _is_rounded(values: Array) -> bool:
    return any(
        float(number_text(value)) != value for value in values.ravel().tolist() if value == value
    )


def _cell_width(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> int:
    shown = matrix[np.ix_(rows, columns)]
    words = max(len(number_text(value)) for value in np.unique(shown).tolist())
    return max(words, len(str(columns[-1])))


def peak_of(matrix: Array) -> float:
    """Return the largest finite magnitude; 0 if there is none."""
    finite = np.abs(matrix[np.isfinite(matrix)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def value_style(value: float, peak: float) -> str:
    """Return a colour by a value's sign and size."""
    if not np.isfinite(value):
        return "bold magenta"
    share = (abs(value) / peak) ** 0.5 if peak else 0.0  # so that small values show their sign
    end = _NEGATIVE if value < 0 else _POSITIVE
    red, green, blue = (
        round(zero + share * (strong - zero)) for zero, strong in zip(_ZERO, end, strict=True)
    )
    return f"rgb({red},{green},{blue})"


def _matrix_table(
    matrix: Array,
    rows: Sequence[int],
    columns: Sequence[int],
    peak: float,
    at: tuple[int, int] | None,
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("", style="dim", justify="right", no_wrap=True)
    gap_column = _gap_in(columns)
    for place, column in enumerate(columns):
        if place == gap_column:
            table.add_column("", style="dim", no_wrap=True)
        table.add_column(Text(str(column)), header_style="dim", justify="right", no_wrap=True)

    def cells(row: int) -> Iterator[Text]:
        for column, value in zip(columns, matrix[row, list(columns)].tolist(), strict=True):
            mark = " reverse" if (row, column) == at else ""
            yield Text(number_text(value), value_style(value, peak) + mark)

    lines = [[Text(str(row)), *with_gap([*cells(row)], columns, Text("…"))] for row in rows]
    for line in with_gap(lines, rows, [Text("⋮") for _ in table.columns]):
        table.add_row(*line)
    return table


def _left_out(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> Iterator[Text]:
    parts = [
        f"{kind} {_span(indices)} of {length}"
        for kind, indices, length in zip(
            ("rows", "columns"), (rows, columns), matrix.shape, strict=True
        )
        if len(indices) < length
    ]
    if parts:
        words = f"Only {', '.join(parts)}; --at Y,X shows others, --full all."
        yield Text(words, "dim")


def _span(indices: Sequence[int]) -> str:
    gap = _gap_in(indices)
    if gap is None:
        return f"{indices[0]}-{indices[-1]}"
    return f"{indices[0]}-{indices[gap - 1]} and {indices[gap]}-{indices[-1]}"
