"""A pseudo-terminal of a given width, and what a person sees on it."""

import os
import re
import select
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest


class Screen(NamedTuple):
    """What one run wrote on a terminal, and what on the other stream."""

    status: int
    raw: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines without their colours, and without what a terminal is asked."""
        return re.sub(r"\x1b\[[0-9;]*[cmt]|\x1b_.*?\x1b\\", "", self.raw).splitlines()

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


class Show:
    """Runs the command with a pseudo-terminal as some of its streams."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path) -> None:
        self.command = command
        self.environment = {name: it for name, it in environment.items() if name != "COLUMNS"}
        self.folder = folder

    def __call__(
        self,
        *arguments: str,
        width: int = 80,
        streams: Sequence[str] = ("stdout",),
        keys: Sequence[str] = (),
        program: Sequence[str] = (),
        **environment: str,
    ) -> Screen:
        """Show these streams; type each key when the command has been quiet for a moment."""
        pty = pytest.importorskip("pty")
        fcntl = pytest.importorskip("fcntl")
        termios = pytest.importorskip("termios")
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        with subprocess.Popen(
            [*(program or [self.command]), *arguments],
            cwd=self.folder,
            env=self.environment | {"TERM": "xterm-256color"} | environment,
            stdin=theirs,
            stdout=theirs if "stdout" in streams else subprocess.PIPE,
            stderr=theirs if "stderr" in streams else subprocess.PIPE,
        ) as process:
            os.close(theirs)
            written = _read(ours, keys)
            piped = process.stderr or process.stdout
            complaint = piped.read().decode() if piped else ""
        return Screen(process.returncode, written.replace("\r\n", "\n"), complaint)


def _read(terminal: int, keys: Sequence[str]) -> str:
    """Read all that is written on a terminal, and close it."""
    written = b""
    try:
        for key in keys:
            while not written or select.select([terminal], [], [], 0.5)[0]:
                written += os.read(terminal, 65536)
            os.write(terminal, key.encode())
        while chunk := os.read(terminal, 65536):
            written += chunk
    except OSError:  # so Linux reports that the other side is closed
        pass
    finally:
        os.close(terminal)
    return written.decode()
