"""Rows on standard output: a table on a terminal, else tab-separated lines."""

import sys
from collections.abc import Iterable, Sequence


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings."""
    if not sys.stdout.isatty():
        for row in [headings, *rows]:
            print("\t".join(row))
        return
    from rich.console import Console

    from cnnfilter.view.rows import rows_table

    Console(highlight=False).print(rows_table(headings, rows))
