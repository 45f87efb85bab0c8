"""A matrix as lines and tables for a terminal."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from cnnfilter.arrays import Array

#: Rows that a cropped matrix shows at the least, however low the terminal.
FEWEST_ROWS = 8
#: Colours of the largest negative and positive values; smaller ones are nearer to grey.
NEGATIVE, POSITIVE, ZERO = (38, 139, 210), (220, 80, 47), (128, 128, 128)


def matrix_tables(
    matrix: Array,
    title: str,
    *,
    width: int,
    height: int,
    at: tuple[int, int] | None = None,
    full: bool = False,
) -> Iterator[Text | Table]:
    """Lay out a matrix in tables that fit a terminal, between a title and a caption.

    Parameters
    ----------
    matrix : ndarray
        Shape (H, W).
    title : str
        What it is.
    width, height : int
        The terminal's columns and rows.
    at : (int, int), optional
        The row and column around which a large matrix is cropped; without it the middle
        is left out.
    full : bool
        Show all values, in blocks of columns that fit.

    Yields
    ------
    Text or Table
        The title; tables with row and column numbers; what was left out or rounded.
    """
    yield Text(title)
    rows, columns = matrix.shape
    room = width - len(str(rows - 1)) - 2  # beside row numbers and the gap
    around_row, around_column = at or (None, None)
    chosen = list(range(rows)) if full else cropped(rows, max(FEWEST_ROWS, height - 8), around_row)
    candidates = (
        list(range(columns)) if full else cropped(columns, max(1, room // 2), around_column)
    )
    fitting = max(1, room // (_cell_width(matrix, chosen, candidates) + 1))
    peak = peak_of(matrix)
    if full:
        shown = [
            list(range(first, min(first + fitting, columns)))
            for first in range(0, columns, fitting)
        ]
    else:
        shown = [cropped(columns, fitting, around_column)]
    for block in shown:
        yield _table(matrix, chosen, block, peak, at)
    if not full:
        yield from _left_out(matrix, chosen, shown[0])
    if _is_rounded(matrix[np.ix_(chosen, shown[0])]):
        yield Text("Rounded to 4 digits; off a terminal all are given.", "dim")


def cropped(length: int, most: int, around: int | None = None) -> list[int]:
    """Choose what is shown of an axis: all, the part around an index, or both ends."""
    if length <= most:
        return list(range(length))
    if around is not None:
        first = min(max(0, around - most // 2), length - most)
        return list(range(first, first + most))
    most = max(2, most - 1)  # one place is taken by the gap
    return [*range((most + 1) // 2), *range(length - most // 2, length)]


def gap_in(indices: Sequence[int]) -> int | None:
    """Give the place in front of which indices jump."""
    return next((k for k in range(1, len(indices)) if indices[k] != indices[k - 1] + 1), None)


def number_text(value: float) -> str:
    """Write a value: integers as integers, others with four digits.

    Examples
    --------
    >>> number_text(-3.0), number_text(1 / 3), number_text(1e-9)
    ('-3', '0.3333', '1e-09')
    """
    if np.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}"


def _is_rounded(values: Array) -> bool:
    return any(
        float(number_text(value)) != value for value in values.ravel().tolist() if value == value
    )


def _cell_width(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> int:
    shown = matrix[np.ix_(rows, columns)]
    words = max(len(number_text(value)) for value in np.unique(shown).tolist())
    return max(words, len(str(columns[-1])))


def peak_of(matrix: Array) -> float:
    """Give the largest magnitude of finite values; 0 if there is none."""
    finite = np.abs(matrix[np.isfinite(matrix)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def value_style(value: float, peak: float) -> str:
    """Colour a value by its sign, the stronger the larger it is."""
    if not np.isfinite(value):
        return "bold magenta"
    share = (abs(value) / peak) ** 0.5 if peak else 0.0  # so that small values show their sign
    end = NEGATIVE if value < 0 else POSITIVE
    red, green, blue = (
        round(zero + share * (strong - zero)) for zero, strong in zip(ZERO, end, strict=True)
    )
    return f"rgb({red},{green},{blue})"


def _table(
    matrix: Array,
    rows: Sequence[int],
    columns: Sequence[int],
    peak: float,
    at: tuple[int, int] | None,
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    gap_row, gap_column = gap_in(rows), gap_in(columns)
    table.add_column("", style="dim", justify="right", no_wrap=True)
    for place, column in enumerate(columns):
        if place == gap_column:
            table.add_column("", style="dim", no_wrap=True)
        table.add_column(Text(str(column)), header_style="dim", justify="right", no_wrap=True)
    for place, row in enumerate(rows):
        if place == gap_row:
            table.add_row(Text("⋮"), *(Text("⋮") for _ in table.columns[1:]))
        cells = [
            Text(
                number_text(value),
                value_style(value, peak) + (" reverse" if (row, column) == at else ""),
            )
            for column, value in zip(columns, matrix[row, list(columns)].tolist(), strict=True)
        ]
        if gap_column is not None:
            cells.insert(gap_column, Text("…"))
        table.add_row(Text(str(row)), *cells)
    return table


def _left_out(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> Iterator[Text]:
    """Say what is not shown, and how to see it."""
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
    gap = gap_in(indices)
    if gap is None:
        return f"{indices[0]}-{indices[-1]}"
    return f"{indices[0]}-{indices[gap - 1]} and {indices[gap]}-{indices[-1]}"
