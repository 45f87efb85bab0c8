"""A few moments of the stress test of signals, with its seed in what fails."""

import subprocess
import sys
from pathlib import Path

import pytest

if not Path("/proc/self/environ").exists():
    pytest.skip("processes are looked up in /proc", allow_module_level=True)


@pytest.mark.slow
def test_a_few_random_moments_end_each_run() -> None:
    script = Path(__file__).with_name("signals.py")
    done = subprocess.run(
        [sys.executable, script, "--seconds", "99", "--runs", "8", "--executor", "processes"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "8 runs, 0 failed"
