"""What libraries print on standard error while a file is read or written.

Decoders in C print to descriptor 2, whatever Python's streams are. A command keeps its own
standard error on another descriptor; while a file is at work, 2 leads into a pipe that never
blocks, and holds no more than the system's buffer. Outside that time 2 is the person's, so what
Python itself or a child process prints there is seen.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

#: A printed line is no longer than this in a message.
_MOST = 200
#: What lines that tell of no failure have in them: warnings, and tags that libtiff leaves out.
_HARMLESS = ("warning", "is not read from file")


def catch_printed() -> None:
    """Catch, from now on, what libraries print while a file is read or written.

    Only a command and its worker processes call this; where cnnfilter is a library, the
    program's standard error is not touched.
    """
    global _catcher
    if _catcher is not None or sys.stderr is not sys.__stderr__:
        return
    try:
        person = os.dup(2)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
    except (OSError, AttributeError):  # no descriptor is left, or the system has no such pipe
        return
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = sys.__stderr__ = _on_descriptor(person, sys.stderr)  # type: ignore[misc]
    _keep_crashes_seen(person)
    _catcher = _Catcher(person, reading, writing)


def _on_descriptor(descriptor: int, stream: TextIOWrapper) -> TextIOWrapper:
    """Open a stream like another one on a descriptor."""
    return open(descriptor, "w", 1, encoding=stream.encoding, errors=stream.errors, closefd=False)


def _keep_crashes_seen(person: int) -> None:
    """Let Python's report of a crash, where somebody asked for it, reach the person."""
    import faulthandler

    if faulthandler.is_enabled():
        faulthandler.enable(person)


def ignore_warnings() -> None:
    """Ignore what Pillow and tifffile find odd about a file: it is not the person's doing.

    Filters are a process's own, so each worker calls this, too.
    """
    import warnings

    warnings.filterwarnings("ignore", module=r"(PIL|tifffile)(\.|$)")


class Printed:
    """What libraries print while one file is at work."""

    def words(self) -> str:
        """Return the first line printed so far that tells of a failure; "" if there is none.

        It is "" also while other files are at work: nothing says whose line it is.
        """
        text = "" if _catcher is None else _catcher.drain()
        lines = (" ".join(line.split()) for line in text.splitlines())
        told = [line for line in lines if line and not any(map(line.lower().count, _HARMLESS))]
        return told[0].removeprefix("tempfile.tif: ")[:_MOST] if told else ""


class _Catcher:
    """Descriptor 2, which leads into a pipe as long as files are at work.

    Parameters
    ----------
    person : int
        The descriptor that leads where 2 did.
    reading, writing : int
        The pipe's ends.
    """

    def __init__(self, person: int, reading: int, writing: int) -> None:
        self._person, self._reading, self._writing = person, reading, writing
        self._lock = threading.Lock()
        self._files = 0
        self._alone = True

    def begin(self) -> None:
        """Begin with a file."""
        with self._lock:
            self._files += 1
            self._alone = self._files == 1
            if self._alone:
                os.dup2(self._writing, 2)

    def end(self) -> None:
        """End with a file, and drop what is left of what was printed."""
        with self._lock:
            self._files -= 1
            if not self._files:
                os.dup2(self._person, 2)
            self._read()

    def drain(self) -> str:
        """Return what was printed since it was last asked for, if one file is at work."""
        with self._lock:
            text = self._read()
            return text if self._alone else ""

    def _read(self) -> str:
        try:
            return os.read(self._reading, 2**20).decode("utf-8", "replace")
        except BlockingIOError:  # the pipe is empty
            return ""


_catcher: _Catcher | None = None
_thread = threading.local()


@contextmanager
def caught() -> Iterator[Printed]:
    """Catch what libraries print while a file is at work in this thread.

    Within itself it is entered once. It does nothing before `catch_printed`.
    """
    if _catcher is None or getattr(_thread, "is_at_work", False):
        yield Printed()
        return
    _catcher.begin()
    _thread.is_at_work = True
    try:
        yield Printed()
    finally:
        _thread.is_at_work = False
        _catcher.end()
