"""Capture of what libraries print on standard error while a file is read or written.

Decoders in C print to descriptor 2, past Python's streams. A command keeps its own standard error
on another descriptor; while a file is at work, 2 leads into a pipe that never blocks, and holds no
more than the system's buffer. At other times 2 is the person's, so that output of Python itself or
of a child process is seen.

All threads share descriptor 2. What is printed while several files are at work may be of any of
them; work that needs to know is done once more, while no other file is at work.
"""

import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TypeVar, cast

from cnnfilter.errors import CnnFilterError

_Result = TypeVar("_Result")

#: Letters of a printed line in a message.
_MAX_LINE = 200
#: Parts of lines that report no failure: warnings, and tags that libtiff leaves out.
_HARMLESS = ("warning", "is not read from file")


def catch_printed() -> None:
    """Start to collect what libraries print.

    Only a command and its worker processes call this; as a library, cnnfilter does not touch
    the program's standard error.
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
    """Open a stream on a descriptor, like another stream."""
    return open(descriptor, "w", 1, encoding=stream.encoding, errors=stream.errors, closefd=False)


def _keep_crashes_seen(person: int) -> None:
    """Send Python's report of a crash to the person."""
    import faulthandler

    if faulthandler.is_enabled():
        faulthandler.enable(person)


def ignore_warnings() -> None:
    """Ignore warnings of Pillow, tifffile and NumPy about odd files.

    Filters are a process's own, so each worker calls this, too.
    """
    warnings.filterwarnings("ignore", module=r"(PIL|tifffile)(\.|$)")
    warnings.filterwarnings("ignore", "Reading `.npy`")  # which Python 2 wrote


class Printed:
    """Output of libraries while one file is at work."""

    def __init__(self) -> None:
        self._text = ""
        self._is_shared = False
        #: Whether words were requested that may be another file's.
        self.is_in_doubt = False

    def words(self) -> str:
        """Return the first printed line about a failure.

        "" if there is none, or other files were at work when it was printed: it may be theirs.
        """
        text = self._take()
        lines = (" ".join(line.split()) for line in text.splitlines())
        failures = [line for line in lines if line and not any(map(line.lower().count, _HARMLESS))]
        return failures[0].removeprefix("tempfile.tif: ")[:_MAX_LINE] if failures else ""

    def forget(self) -> None:
        """Drop what was printed so far."""
        self._take()
        self.is_in_doubt = self._is_shared = False

    def add(self, text: str, *, is_shared: bool) -> None:
        """Add what was printed meanwhile."""
        self._text += text
        self._is_shared |= is_shared

    def _take(self) -> str:
        if _catcher is not None:
            _catcher.drain()
        text, self._text = self._text, ""
        self.is_in_doubt |= self._is_shared
        return "" if self._is_shared else text


class _Catcher:
    """Descriptor 2, which leads into a pipe as long as files are at work.

    Files are at work together, except that all wait for a thread that is `alone`.

    Parameters
    ----------
    person : int
        The descriptor that leads where 2 did.
    reading, writing : int
        The pipe's ends.
    """

    def __init__(self, person: int, reading: int, writing: int) -> None:
        self._person, self._reading, self._writing = person, reading, writing
        self._changed = threading.Condition()
        self._at_work: list[Printed] = []
        self._waiting = 0
        self._alone: int | None = None

    def begin(self, printed: Printed) -> None:
        """Start with a file, unless a thread works alone."""
        with self._changed:
            if self._alone is not None or self._waiting:
                self._changed.wait_for(self._may_begin)
            self._read()
            self._at_work.append(printed)
            if len(self._at_work) == 1:
                os.dup2(self._writing, 2)

    def _may_begin(self) -> bool:
        if self._alone is None:
            return not self._waiting
        return self._alone == threading.get_ident()

    def end(self, printed: Printed) -> None:
        """End with a file, and drop its words."""
        with self._changed:
            self._read()
            self._at_work.remove(printed)
            if not self._at_work:
                os.dup2(self._person, 2)
                self._changed.notify_all()

    def drain(self) -> None:
        """Add new words to all files at work."""
        with self._changed:
            self._read()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no file is at work; keep others waiting."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._alone is None and not self._at_work)
            finally:
                self._waiting -= 1
            self._alone = threading.get_ident()
        try:
            yield
        finally:
            with self._changed:
                self._alone = None
                self._changed.notify_all()

    def _read(self) -> None:
        try:
            text = os.read(self._reading, 2**20).decode("utf-8", "replace")
        except BlockingIOError:  # the pipe is empty
            return
        for printed in self._at_work:
            printed.add(text, is_shared=len(self._at_work) > 1)


_catcher: _Catcher | None = None


class _Thread(threading.local):
    """The file that a thread has at work."""

    printed: Printed | None = None


_thread = _Thread()


@contextmanager
def caught() -> Iterator[Printed]:
    """Collect what libraries print in this thread.

    Within itself it does nothing. Lines on descriptor 2 are captured after `catch_printed`;
    libraries' warnings about a file are always ignored, in this thread alone. Nothing that may
    wait for another process, such as a pipe, belongs inside: others may wait for its end.
    """
    if _thread.printed is not None:
        yield _thread.printed
        return
    _filter_warnings()
    catcher, printed = _catcher, Printed()
    if catcher is not None:
        catcher.begin(printed)
    _thread.printed = printed
    try:
        yield printed
    finally:
        _thread.printed = None
        if catcher is not None:
            catcher.end(printed)


def attributed(work: Callable[[], _Result], start_afresh: Callable[[], object]) -> _Result:
    """Work on a file, with its printed words apart.

    If words were requested that may be another file's, the work is done once more while no other
    file is; only that counts. So a result or an error never depends on other files at work.

    Parameters
    ----------
    work : callable
        Reads or writes the file; fails with a `CnnFilterError` if words are part of it.
    start_afresh : callable
        Undoes the work.
    """
    if _catcher is None or _thread.printed is not None:
        return work()
    with caught() as printed:
        try:
            result = work()
        except CnnFilterError:
            if not printed.is_in_doubt:
                raise
        else:
            if not printed.is_in_doubt:
                return result
            del result
    with _catcher.alone():
        start_afresh()
        with caught():
            return work()


class _AtWork:
    """A pattern of a warning filter that matches only where this thread has a file at work.

    Filters are a process's own, and `warnings.catch_warnings` changes them for every thread. A
    filter that looks at the thread never needs to be removed.

    Parameters
    ----------
    modules : str
        A regular expression.
    """

    def __init__(self, modules: str) -> None:
        self._modules = re.compile(modules)

    def match(self, module: str) -> bool:
        """Return whether a warning is about the file at work."""
        return _thread.printed is not None and bool(self._modules.match(module))


#: NumPy has Python's own parser read an array's header, whose code has no file, and warns of
#: old headers in its caller's name.
_FILTERS = (
    ("ignore", None, Warning, _AtWork(r"(PIL|tifffile|numpy\.lib)(\.|$)|<unknown>$"), 0),
    ("ignore", None, UserWarning, _AtWork(""), 0),
)


def _filter_warnings() -> None:
    """Put the filters before others, once."""
    filters = cast("list[object]", warnings.filters)
    for entry in _FILTERS:
        if entry not in filters:
            filters.insert(0, entry)
