"""A pseudo-terminal of a given width, and what a person sees on it."""

import os
import re
import select
import struct
import subprocess
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
