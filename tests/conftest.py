"""What is collected, and the fixtures that tests share."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .command import Run
from .golden import Golden
from .pictures import Images
from .terminal import Show

# Scripts are not collected, nor what needs torch where there is none.
collect_ignore_glob = ["training/*", "benchmarks/[!t]*", "fuzz/[!t]*", "corpora/[!t]*"]
if find_spec("torch") is None:
    collect_ignore_glob.append("networks/networks.py")

# What a terminal, a CI service or a developer's shell may say about colours and widths.
_LEFT_OUT = (
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "PY_COLORS",
    "GITHUB_ACTIONS",
    "TTY_COMPATIBLE",
    "TERMINAL_WIDTH",
    "LINES",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "write the golden texts and pictures anew, instead of comparing with them"
    parser.addoption("--update-golden", action="store_true", help=words)


@pytest.fixture(scope="session")
def golden(pytestconfig: pytest.Config) -> Golden:
    """Golden texts and pictures to compare with."""
    return Golden(pytestconfig.getoption("update_golden"))


@pytest.fixture(scope="session")
def command() -> str:
    """The installed command."""
    beside = Path(sys.executable).with_name("cnnfilter")
    found = str(beside) if beside.exists() else shutil.which("cnnfilter")
    assert found, "cnnfilter is not installed in this environment"
    return found


@pytest.fixture(scope="session")
def environment(command: str) -> dict[str, str]:
    """The environment that the command runs in."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    folder = str(Path(command).parent)
    return {
        **kept,
        "PATH": folder + os.pathsep + kept.get("PATH", ""),
        "PYTHONWARNINGS": "error",
        "COLUMNS": "80",
    }


@pytest.fixture
def run(command: str, environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the command in the test's folder, off a terminal."""
    return Run(command, environment, tmp_path)


@pytest.fixture
def show(command: str, environment: dict[str, str], tmp_path: Path) -> Show:
    """Run the command in the test's folder, on a terminal."""
    return Show(command, environment, tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """A maker of images in the test's folder."""
    return Images(tmp_path)
