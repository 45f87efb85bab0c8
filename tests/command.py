"""The installed command, run off a terminal, and what it left."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

import numpy as np

Argument = str | bytes | os.PathLike[str]


class Options(TypedDict, total=False):
    """How a command is run."""

    stdin: bytes
    cwd: Path
    program: Sequence[str]
    columns: int
    timeout: float


class Result(NamedTuple):
    """What one run of the command left."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def line(self) -> str:
        """The one line on standard error."""
        assert self.stderr.endswith("\n"), self.stderr
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr[:-1]

    def numbers(self) -> np.ndarray:
        """Tab-separated output as ``(H, W)``, or ``(H, W, C)`` for several channels."""
        blocks = [
            np.array([[float(cell) for cell in row.split("\t")] for row in block.splitlines()])
            for block in self.text.rstrip("\n").split("\n\n")
        ]
        return blocks[0] if len(blocks) == 1 else np.stack(blocks, axis=-1)


class Run:
    """Runs the command in a folder of its own, off a terminal."""

    def __init__(self, command: str, environment: dict[str, str], folder: Path) -> None:
        self.command = command
        self.environment = environment
        self.folder = folder

    def __call__(self, *arguments: Argument, **options: Unpack[Options]) -> Result:
        columns = str(options.get("columns", 80))
        done = subprocess.run(
            [*options.get("program", (self.command,)), *arguments],
            input=options.get("stdin", b""),
            capture_output=True,
            cwd=options.get("cwd", self.folder),
            env={**self.environment, "COLUMNS": columns},
            timeout=options.get("timeout", 60),
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    def ok(self, *arguments: Argument, **options: Unpack[Options]) -> Result:
        """Run a command that must succeed and print one line on standard error."""
        result = self(*arguments, **options)
        assert result.status == 0, result.stderr
        assert result.line.startswith("cnnfilter: ")
        return result

    def refused(self, *arguments: Argument, status: int, **options: Unpack[Options]) -> str:
        """Check all that holds for every refusal; return its line."""
        before = self.snapshot()
        result = self(*arguments, **options)
        assert "Traceback" not in result.stderr, result.stderr
        assert result.line.startswith("cnnfilter: ")
        assert result.status == status, result.line
        assert result.stdout == b""
        assert self.snapshot() == before
        return result.line

    def each(self, commands: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
        """Run commands in one process; return each one's status and standard error."""
        program = one_process(commands)
        done = subprocess.run(
            program, cwd=self.folder, env=self.environment, capture_output=True, timeout=300
        )
        assert done.returncode == 0, done.stderr.decode()
        errors, statuses = _split(done.stderr.decode())
        assert len(statuses) == len(commands)
        return list(zip(statuses, errors, strict=True))

    def statuses(self, commands: Sequence[Sequence[str]]) -> list[int]:
        """Run commands in one process; return their statuses."""
        return [status for status, _ in self.each(commands)]

    def snapshot(self) -> dict[bytes, object]:
        """Return every name in the folder, with its type and content."""
        found: dict[bytes, object] = {}
        for root, folders, files in os.walk(os.fsencode(self.folder)):
            for name in folders:
                found[os.path.join(root, name)] = "folder"  # noqa: PTH118 - bytes
            for name in files:
                path = os.path.join(root, name)  # noqa: PTH118 - bytes
                if os.path.islink(path):  # noqa: PTH114 - bytes
                    found[path] = ("link", os.readlink(path))  # noqa: PTH115 - bytes
                else:
                    with open(path, "rb") as file:  # noqa: PTH123 - bytes
                        found[path] = file.read()
        return found


#: Runs commands one after the other: a process for each would take a minute.
_PROGRAM = """
import json, sys
from cnnfilter.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["cnnfilter", *words]
    try:
        main()
    except SystemExit as end:
        print(f"status {end.code or 0}", file=sys.stderr, flush=True)
"""


def one_process(commands: Sequence[Sequence[str]]) -> list[str]:
    """Return a program that runs commands, and prints the status of each on standard error."""
    return [sys.executable, "-c", _PROGRAM, json.dumps(commands)]


def _split(errors: str) -> tuple[list[str], list[int]]:
    parts = re.split(r"(?m)^status (\d+)\n", errors)
    return parts[:-1:2], [int(status) for status in parts[1::2]]
