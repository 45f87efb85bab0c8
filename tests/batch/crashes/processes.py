"""Runs of the command in sessions of their own, their processes, and pipes that they read."""

import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pytest

from .pictures import decoded, files_below, make_pictures, pooled

PROC = Path("/proc")
on_linux = pytest.mark.skipif(
    not PROC.joinpath("self/environ").exists(), reason="processes are looked up in /proc"
)

#: Seconds after which a run is taken to hang. None takes a tenth of it.
PATIENCE = 60.0


WAYS = {
    "threads": ("--executor", "threads", "--jobs", "2"),
    "processes": ("--executor", "processes", "--jobs", "2"),
    "one job": ("--jobs", "1"),
}
POOLS = ["threads", "processes"]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
SUMMARY = re.compile(r"cnnfilter: (\d+) done, (\d+) skipped, (\d+) failed\b")


class Started(NamedTuple):
    """A run of the command in a session of its own."""

    process: "subprocess.Popen[bytes]"
    errors: Path
    mark: bytes

    @property
    def status(self) -> int:
        """The status that a shell would see, once it has ended."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it hangs; so far it wrote: {self.stderr!r}") from None
        return status if status >= 0 else 128 - status

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return self.errors.read_text()

    @property
    def lines(self) -> list[str]:
        """The lines of standard error without the progress that a slow run reports."""
        assert "Traceback" not in self.stderr, self.stderr
        pace = re.compile(r"cnnfilter: \d+ of \d+ image")
        return [line for line in self.stderr.splitlines() if not pace.match(line)]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Numbers of images done, skipped and failed, from the summary."""
        match = SUMMARY.match(self.lines[-1])
        assert match, self.stderr
        done, skipped, failed = map(int, match.groups())
        return done, skipped, failed

    def alive(self) -> list[int]:
        """Find the run's processes, its orphans too: all inherit its mark."""
        pids = [int(path.name) for path in PROC.glob("[0-9]*")]
        return [pid for pid in pids if self.mark in about(pid, "environ")]

    def workers(self) -> list[int]:
        """Find the worker processes: children of the run's fork server, or of itself."""
        alive = {pid: state_of(pid)[1] for pid in self.alive() if pid != self.process.pid}
        servers = set(alive.values()) - {self.process.pid}
        helper = b"resource_tracker"
        return [pid for pid in alive if pid not in servers and helper not in about(pid, "cmdline")]

    def wait_for_all(self) -> None:
        """Wait until none of its processes is left."""
        if PROC.joinpath("self/environ").exists():
            until(lambda: not self.alive(), "workers are to end with their run")

    def kill(self) -> None:
        """End all that is left of it, with no chance to clean up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def about(pid: int, name: str) -> bytes:
    """Return what the system knows of a process; nothing where it has gone."""
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def state_of(pid: int) -> tuple[str, int]:
    """Return a process's state and its parent; "" and 0 where it has gone."""
    state, parent, *_ = about(pid, "stat").decode().rpartition(")")[2].split() or ["", "0"]
    return state, int(parent)


def link_of(pid: int, descriptor: int | str) -> str:
    """Return what a process's descriptor leads to; "" where it is closed."""
    try:
        return str((PROC / str(pid) / "fd" / str(descriptor)).readlink())
    except OSError:
        return ""


def has_open(pid: int, path: Path) -> bool:
    try:
        descriptors = [entry.name for entry in (PROC / str(pid) / "fd").iterdir()]
    except OSError:
        return False
    return str(path.resolve()) in [link_of(pid, number) for number in descriptors]


T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str) -> T:
    """Wait until a condition holds, as it does sooner or later on any machine."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.002)
    return found


class Start:
    """Starts the command in a folder."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path) -> None:
        self.command = command
        # A file that is open where a signal comes is closed, and Python warns of it.
        warnings = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}
        self.environment = environment | warnings
        self.folder = folder
        self.runs: list[Started] = []

    def __call__(
        self,
        *arguments: str,
        shell: str = "",
        stdout: int = subprocess.DEVNULL,
        preexec_fn: Callable[[], object] | None = None,
    ) -> Started:
        """Start the command, with a shell's redirections or not."""
        mark = uuid.uuid4().hex
        errors = self.folder / f".errors-{len(self.runs)}"
        words = [self.command, *arguments]
        if shell:
            words = ["sh", "-c", f"exec {shlex.join(words)} {shell}"]
        with errors.open("wb") as file:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=self.environment | {"CNNFILTER_TEST": mark},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=file,
                start_new_session=True,
                preexec_fn=preexec_fn,
            )
        self.runs.append(Started(process, errors, mark.encode()))
        return self.runs[-1]


class Pipe:
    """A named pipe among images, which notices its readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def opened(self, started: Started) -> int:
        """Wait until the run reads it; return the end to write to."""

        def opened() -> int | None:
            assert started.process.poll() is None, f"it ended: {started.stderr}"
            return self._opened()

        return until(opened, "the pipe is to be read")

    def _opened(self) -> int | None:
        with contextlib.suppress(OSError):  # as long as nobody reads
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        return None

    def serve(self, started: Started, answer: Callable[[int], bytes]) -> int:
        """Answer everyone who reads it, until the run ends; count them.

        The answer takes the reader's process and returns what is written.
        """

        served = 0
        end = time.monotonic() + PATIENCE
        while started.process.poll() is None:
            assert time.monotonic() < end, f"it hangs; so far it wrote: {started.stderr!r}"
            if (writer := self._opened()) is None:
                time.sleep(0.002)
                continue
            if reader := self._reader(started, writer):
                with contextlib.suppress(BrokenPipeError):
                    os.write(writer, answer(reader))
                served += 1
            os.close(writer)
            self.wait_until_read(reader)
        return served

    def _reader(self, started: Started, writer: int) -> int:
        """Find the process that reads it; 0 if it has gone by now."""

        def readers() -> list[int]:
            found = [pid for pid in started.alive() if has_open(pid, self.path)]
            return found or [0] * is_left(writer)

        return until(readers, "the pipe is to be read")[0]

    def wait_until_read(self, *readers: int) -> None:
        """Wait until these processes have closed it."""

        def is_read() -> bool:
            return not any(has_open(pid, self.path) for pid in readers)

        until(is_read, "all is to be read")


def is_left(writer: int) -> bool:
    """Return whether the reader of a pipe has gone."""
    poll = select.poll()
    poll.register(writer, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def with_a_pipe(folder: Path, count: int) -> tuple[Pipe, bytes, dict[str, np.ndarray]]:
    """Put a pipe in the place of a picture; return its content, and all pooled pictures."""
    paths = make_pictures(folder, count)
    expected = {f"{path.stem}-pool.png": pooled(path) for path in paths}
    held = paths[min(5, count // 2)]
    content = held.read_bytes()
    held.unlink()
    # In a folder a pipe is no image; whoever names one means it.
    names = sorted(f"{folder.name}/{path.name}" for path in [*folder.iterdir(), held])
    (folder.parent / "list").write_text("".join(f"{name}\n" for name in dict.fromkeys(names)))
    return Pipe(held), content, expected


def assert_pooled(folder: Path, expected: dict[str, np.ndarray]) -> None:
    results = {name: decoded(data) for name, data in files_below(folder).items()}
    assert set(results) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(results[name], values, name)
