"""The help of each command, and its examples as a person copies them into a shell."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ["split-channels", "convolve", "pool", "pipeline", "kernels"]
WIDE = 300


@pytest.fixture(params=COMMANDS)
def help_text(request: pytest.FixtureRequest, run: Callable[..., Any]) -> str:
    result = run(request.param, "--help", columns=WIDE)
    assert result.status == 0
    assert result.stderr == ""
    return str(result.text)


def test_the_help_of_the_program_names_every_command(run: Callable[..., Any]) -> None:
    result = run("--help")
    assert result.status == 0
    assert result.stderr == ""
    assert [name for name in COMMANDS if name not in result.text] == []


def test_every_example_in_the_help_runs_as_written(
    help_text: str, images: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    _, heading, after = help_text.partition("Examples:")
    assert heading
    examples = [line.strip() for line in after.splitlines() if line.strip().startswith("cnnfilter")]
    assert examples
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        images.photo(f"{number}/img.png")
        done = subprocess.run(
            [shutil.which("bash") or "sh", "-c", example],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        complaint = f"{example}\n{done.stderr.decode()}"
        assert done.returncode == 0, complaint
        assert "Traceback" not in complaint
        assert done.stdout or len(list(folder.iterdir())) > 1, f"{example} leaves nothing"


def test_options_stand_in_groups_that_fit_80_columns(run: Callable[..., Any]) -> None:
    text = run("convolve", "--help").text
    assert max(map(len, text.splitlines())) <= 80
    groups = [line for line in text.splitlines() if line.startswith("╭")]
    assert len(groups) >= 4
    assert any("Kernel" in line for line in groups)
    assert any("Output" in line for line in groups)


def test_no_command_at_all_is_a_wrong_command_line(run: Callable[..., Any]) -> None:
    result = run()
    assert result.status == 2
    assert "Usage" in result.text + result.stderr
