"""The benchmark's machinery works; what it measures decides no test."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("benchmark.py")


def test_a_table_comes_out_whoever_is_installed() -> None:
    words = "--only", "grey: sharpen, 1 Mpixel", "--quick", "--threads", "1"
    command = [sys.executable, str(SCRIPT), *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for told in ("one thread", "OpenCV", "SciPy", "Pillow", "torch", "its cheapest size"):
        assert told in run.stdout
