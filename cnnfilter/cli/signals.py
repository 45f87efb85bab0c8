"""Ctrl-C, SIGTERM and SIGHUP: they end the command, whatever the main thread does.

A thread listens for signals. Python runs a handler only when the main thread next runs Python,
which may be seconds later (in a decoder) or never (waiting for a worker, a lock or a pipe); and
an exception from a handler can be raised anywhere.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType

#: Seconds that images in work may take after the first signal.
GRACE = 2.5
#: Seconds within which a second signal repeats the first: ``timeout`` sends its signal to the
#: process and then to its group.
_ECHO = 0.02
#: Shows the cursor, which a progress bar hides, on a line of its own.
_SHOW_CURSOR = b"\x1b[?25h\r\x1b[K"


class Signals:
    """SIGINT, SIGTERM and SIGHUP (unless ``nohup`` blocks it), handled until the process ends.

    The first ends the process at once, unless a run asks to be `asked`; a second one, or
    `GRACE` seconds without an end, always do.

    Attributes
    ----------
    status : int
        The exit status after a signal; 0 if there was none.
    """

    def __init__(self) -> None:
        self.status = 0
        self._heard_at: float | None = None
        self._ask: Callable[[], None] | None = None
        self._last_words: Callable[[], str] | None = None
        self._was_asked = self._is_leaving = False
        self._cleaners: list[Callable[[], object]] = []
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        if sys.platform != "win32":  # there, only sockets are woken
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._numbers = {signal.SIGINT, signal.SIGTERM}
        if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            self._numbers.add(signal.SIGHUP)
        for number in self._numbers:
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    @contextmanager
    def asked(
        self, ask: Callable[[], None] | None, last_words: Callable[[], str] | None = None
    ) -> Iterator[None]:
        """Pass the first signal to a run, within this context.

        Parameters
        ----------
        ask : callable or None
            Asks the run to finish the images in work; None to end it at once.
        last_words : callable, optional
            Returns a line to print if the first signal ends the process.
        """
        self._ask, self._last_words = ask, last_words
        try:
            yield
        finally:
            if self._is_leaving:  # another thread ends the process, and has the last word
                time.sleep(GRACE)
            self._ask = self._last_words = None

    @contextmanager
    def cleaning_up(self, clean: Callable[[], object]) -> Iterator[None]:
        """Call a function before a signal ends the process, within this context."""
        self.always_clean_up(clean)
        try:
            yield
        finally:
            self._cleaners.remove(clean)

    def always_clean_up(self, clean: Callable[[], object]) -> None:
        """Call a function before a signal ends the process.

        It must not wait for locks that the main thread may hold.
        """
        self._cleaners.append(clean)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # Before the main thread goes on, which may find workers that the signal has ended.
        self.status = self.status or 128 + number
        self._pass_on()
        if sys.platform == "win32":
            os.write(self._writer, bytes([number]))

    def _listen(self) -> None:
        while True:
            for number in os.read(self._reader, 64):
                if number in self._numbers:
                    self._hear(number)

    def _hear(self, number: int) -> None:
        now = time.monotonic()
        if self._heard_at is not None:
            if now - self._heard_at > _ECHO:
                self._leave()
            return
        self.status, self._heard_at = self.status or 128 + number, now
        self._pass_on()
        if not self._was_asked:
            self._leave(self._last_words)
        overdue = threading.Timer(GRACE, self._leave, [_overdue])
        overdue.daemon = True
        overdue.start()

    def _pass_on(self) -> None:
        ask = self._ask  # which the main thread may take back at any moment
        if ask is not None:
            self._was_asked = True
            ask()

    def _leave(self, last_words: Callable[[], str] | None = None) -> None:
        """End the process, whatever the main thread holds or waits for."""
        self._is_leaving = True
        try:
            for clean in reversed(self._cleaners):
                clean()
            _write_to_stderr(last_words() if last_words else "")
        finally:
            os._exit(self.status)


def _overdue() -> str:
    return f"stopped: images were still in work after {GRACE:g} s; --skip-existing does the rest"


def _write_to_stderr(message: str) -> None:
    """Write a line without Python's buffers, which another thread may hold."""
    if sys.stderr is None:
        return
    number = sys.stderr.fileno()
    line = f"cnnfilter: {message}\n".encode() if message else b""
    with suppress(OSError, ValueError):
        if sys.platform == "win32" or select.select([], [number], [], 0)[1]:
            os.write(number, _SHOW_CURSOR * os.isatty(number) + line)


@cache
def heard() -> Signals:
    """Return the signals of this process, handled from the first call on."""
    return Signals()
