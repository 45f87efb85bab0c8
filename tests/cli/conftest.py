"""A pseudo-terminal of a given width, and what a person sees on it."""

import json
import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest


class Screen(NamedTuple):
    """What one run wrote on a terminal, and what on the stream that was none."""

    status: int
    raw: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines without their colours, and without what a terminal is asked."""
        return re.sub(r"\x1b\[[0-9;]*[mc]|\x1b_.*?\x1b\\", "", self.raw).splitlines()

    @property
    def text(self) -> str:
        """All words, one blank between them, as if no line were broken."""
        return " ".join(" ".join(self.lines).split())

    @property
    def table(self) -> dict[tuple[int, int], str]:
        """The values of a matrix, by the row and column numbers that they stand at."""
        found: dict[tuple[int, int], str] = {}
        columns: list[int] = []
        for before, line in zip(["", *self.lines], self.lines, strict=False):
            first, *values = [word for word in line.split() if word != "…"] or [""]
            if set(line.strip()) == {"─"}:
                columns = [int(word) for word in before.split()]
            elif first.isdigit() and len(values) == len(columns):
                found |= {(int(first), at): text for at, text in zip(columns, values, strict=True)}
        return found


@pytest.fixture
def show(command: str, environment: dict[str, str], tmp_path: Path) -> Callable[..., Screen]:
    """Run the command with a terminal as its standard output, or as its standard error.

    Each key is typed when it has been quiet for a moment.
    """
    pty = pytest.importorskip("pty")
    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")

    def show(
        *arguments: str, width: int = 80, told: bool = False, keys: Sequence[str] = (), **more: str
    ) -> Screen:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        kept = {name: value for name, value in environment.items() if name != "COLUMNS"}
        with subprocess.Popen(
            [command, *arguments],
            cwd=tmp_path,
            env={**kept, "TERM": "xterm-256color", **more},
            stdin=theirs,
            stdout=subprocess.PIPE if told else theirs,
            stderr=theirs if told else subprocess.PIPE,
        ) as process:
            os.close(theirs)
            written = b""
            try:
                for key in keys:
                    while not written or select.select([ours], [], [], 0.5)[0]:
                        written += os.read(ours, 65536)
                    os.write(ours, key.encode())
                while chunk := os.read(ours, 65536):
                    written += chunk
            except OSError:  # so Linux says that the other side is closed
                pass
            finally:
                os.close(ours)
            piped = process.stdout if told else process.stderr
            assert piped is not None
            complaint = piped.read().decode()
        return Screen(process.returncode, written.decode().replace("\r\n", "\n"), complaint)

    return show


#: Runs commands one after the other: a process for each would take a minute.
_PROGRAM = """
import contextlib, io, json, sys
from cnnfilter.cli import main
found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["cnnfilter", *words]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            main()
        except SystemExit as end:
            found.append((end.code or 0, told.getvalue()))
print("\\n" + json.dumps(found))
"""


@pytest.fixture
def each_of(
    environment: dict[str, str], tmp_path: Path
) -> Callable[[Sequence[Sequence[str]]], list[tuple[int, str]]]:
    """Run several commands in one process; return each one's status and what it said."""

    def each_of(commands: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, json.dumps(commands)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        found = json.loads(done.stdout.decode().splitlines()[-1])
        return [(status, told) for status, told in found]

    return each_of
