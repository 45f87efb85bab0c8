"""Classes with their scores, as bars."""

from collections.abc import Sequence

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

#: Columns of a terminal: what a full bar takes, and what labels and numbers need beside it.
BAR_WIDTH, BESIDE = 40, 24


def classes_table(classes: Sequence[tuple[str, float]], quantity: str, width: int) -> Table:
    """Lay out labels, bars and numbers.

    Parameters
    ----------
    classes : sequence of (str, float)
        Label and score, the likeliest first.
    quantity : {"probability", "score"}
        Bars of probabilities are shares of 1, those of scores of the highest.
    width : int
        Columns that there are.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(8, width - BAR_WIDTH - 12))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    probable = quantity == "probability"
    full = 1.0 if probable else max((score for _, score in classes), default=0.0)
    for label, score in classes:
        share = min(1.0, max(0.0, score / full)) if full > 0 else 0.0
        number = f"{score:.1%}" if probable else f"{score:.6g}"
        bar = ProgressBar(
            1.0, share if share == share else 0.0,
            width=max(4, min(BAR_WIDTH, width - BESIDE)), complete_style="cyan",
            finished_style="cyan",
        )  # fmt: skip
        table.add_row(Text(label), bar, Text(number))
    return table
