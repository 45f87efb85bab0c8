"""Runs that are killed, interrupted, or robbed of disk, workers or terminal: nothing is lost.

Results are compared with SciPy, plain loops, and runs that nobody disturbed. Where a run has to be
caught at work, a pipe stands among its images: whoever reads it waits until the test writes.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .processes import Start

# POSIX signals, pipes, locks and limits.
collect_ignore_glob = ["test_*"] if sys.platform == "win32" else []


@pytest.fixture
def start(command: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start the command in the test's folder, and leave none of its processes behind."""
    start = Start(command, environment, tmp_path)
    yield start
    for started in start.runs:
        started.kill()
