"""Rows of words as a table for a terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


def rows_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], wrapping: Sequence[str]
) -> Table:
    """Lay out rows under headings; only columns that are named `wrapping` may be broken."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in headings:
        table.add_column(Text(heading), no_wrap=heading not in wrapping, overflow="fold")
    for row in rows:
        table.add_row(*(Text(word) for word in row))
    return table
