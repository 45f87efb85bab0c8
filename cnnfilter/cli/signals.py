"""Ctrl-C and SIGTERM while images are worked on."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


class Signals:
    """While it is entered, the first signal asks a run to stop, and a second ends it at once.

    Parameters
    ----------
    ask : callable or None
        Asks the workers to finish what they are at; None where this process works itself:
        then the image at work is given up, by KeyboardInterrupt.

    Attributes
    ----------
    status : int
        The exit status after a signal; 0 if there was none.
    """

    def __init__(self, ask: Callable[[], None] | None = None) -> None:
        self.status = 0
        self._ask = ask
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.status:
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # the bar has hidden the cursor
            os._exit(128 + number)
        self.status = 128 + number
        if self._ask is None:
            raise KeyboardInterrupt
        self._ask()
