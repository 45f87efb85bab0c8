"""A walk through a result's windows on a terminal, like a slow animation."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Place, Shape
    from cnnfilter.pipeline.explain import Explanation

#: Moves of keys: down and across.
_KEYS = {
    " ": (0, 1), "\r": (0, 1), "\n": (0, 1), "n": (0, 1), "\x1b[C": (0, 1), "l": (0, 1),
    "\x1b[D": (0, -1), "b": (0, -1), "h": (0, -1), "\x7f": (0, -1), "\x08": (0, -1),
    "\x1b[A": (-1, 0), "k": (-1, 0), "\x1b[B": (1, 0), "j": (1, 0),
}  # fmt: skip
#: Leaves the alternate screen, and shows the cursor.
_FIRST_SCREEN = b"\x1b[?1049l\x1b[?25h"
_ENDS = ("q", "Q", "\x1b", "\x03", "\x04", "")


class Places(Sequence["Place"]):
    """Places of one channel from a first one on, in a window's order.

    Examples
    --------
    >>> list(Places((1, 1, 0), (2, 3, 8)))
    [(1, 1, 0), (1, 2, 0)]
    """

    def __init__(self, first: "Place", shape: "Shape") -> None:
        self.columns = shape[0] if len(shape) == 1 else shape[1]
        rows = 1 if len(shape) == 1 else shape[0]
        self._rest = first[2:]
        self._is_vector = len(shape) == 1
        row, column = (0, first[0]) if self._is_vector else first[:2]
        self._numbers = range(row * self.columns + column, rows * self.columns)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> "Place":  # type: ignore[override]
        row, column = divmod(self._numbers[index], self.columns)
        return (column,) if self._is_vector else (row, column, *self._rest)


def on_terminal(
    explained: "Callable[[Place], Explanation]", places: Places, delay: float | None
) -> None:
    """Show windows one by one, by keys or with a delay.

    Parameters
    ----------
    explained : callable
        Returns the explanation of a place.
    places : Places
    delay : float or None
        Seconds for each window; None to wait for keys.
    """
    from rich.console import Group
    from rich.text import Text

    from cnnfilter.cli.signals import heard
    from cnnfilter.view.explanation import explanation_blocks
    from cnnfilter.view.terminal import terminal

    console = terminal()
    with heard().cleaning_up(_restoring_terminal()), console.screen() as screen:
        for index in _by_time(places, delay) if delay is not None else _by_keys(places):
            hint = "Ctrl-C ends" if delay is not None else "space, arrows: windows; q: end"
            footer = Text(f"{index + 1} of {len(places)}; {hint}", "dim")
            blocks = explanation_blocks(
                explained(places[index]), console.width, console.height, results_first=True
            )
            screen.update(Group(footer, Text(), *blocks))


def _restoring_terminal() -> Callable[[], None]:
    """Return a function that restores the terminal's mode and screen."""
    if sys.platform == "win32":
        return lambda: None
    import termios

    keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    before = None if keys is None else termios.tcgetattr(keys)

    def restore() -> None:
        if keys is not None and before is not None:
            termios.tcsetattr(keys, termios.TCSANOW, before)
        os.write(sys.stdout.fileno(), _FIRST_SCREEN)

    return restore


def _by_time(places: Places, delay: float) -> Iterator[int]:
    for index in range(len(places)):
        yield index
        time.sleep(delay)


def _by_keys(places: Places) -> Iterator[int]:
    import typer

    index = 0
    while True:
        yield index
        key = typer.getchar()
        if key in _ENDS:
            return
        down, across = _KEYS.get(key, (0, 0))
        index = min(max(index + down * places.columns + across, 0), len(places) - 1)
