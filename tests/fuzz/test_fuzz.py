"""A few thousand inputs of the fuzzer for each reader; and the fuzzer finds what is planted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fuzz.py")
SEED = "12"
PLANTED = {
    "error": "ZeroDivisionError at planted.py:<lambda>",
    "crash": "a crash: SIGSEGV",
    "loop": "over 0.2 s",
    "sleep": "over 2.4 s of waiting",
    "memory": "MemoryError at planted.py:_leak",
    "output": "output 'a'",
    "warning": "warning UserWarning: beware of N (planted.py)",
}

pytestmark = pytest.mark.skipif(
    not hasattr(os, "memfd_create"), reason="children are watched by what Linux alone has"
)


def _fuzz(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--keep", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_malformed_input_ends_in_results_or_in_errors_of_ours(tmp_path: Path) -> None:
    run = _fuzz("--runs", "40000", "--seed", SEED, folder=tmp_path)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"seed {SEED}" in run.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_the_fuzzer_finds_what_is_planted(name: str, tmp_path: Path) -> None:
    wanted = "--target", f"planted-{name}", "--runs", "2", "--seed", SEED, "--each", "0.2"
    run = _fuzz(*wanted, folder=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"2 x {PLANTED[name]}" in run.stdout
    assert (tmp_path / f"planted-{name}-0").exists()


def test_an_input_is_made_again_by_its_seed_and_number(tmp_path: Path) -> None:
    wanted = "--target", "planted-error", "--runs", "3", "--seed", SEED
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        assert _fuzz(*wanted, folder=folder).returncode == 1
    one, two = ((folder / "planted-error-0").read_bytes() for folder in folders)
    assert one == two
