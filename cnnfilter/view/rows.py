"""Rows of words as a table for a terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


def rows_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Lay out rows under headings; the first column is never cut."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(Text(heading), no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(word) for word in row))
    return table
