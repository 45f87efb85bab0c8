"""The help of each command, and its examples as a person copies them into a shell."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter.steps.operations import OPERATIONS

from ..command import Run

COMMANDS = [
    "split-channels",
    "convolve",
    "pool",
    "pipeline",
    "explain",
    "kernels",
    "networks",
    "formats",
    "import",
]
WIDE = 300
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=COMMANDS)
def help_text(request: pytest.FixtureRequest, run: Run) -> str:
    result = run(request.param, "--help", columns=WIDE)
    assert result.status == 0
    assert result.stderr == ""
    return str(result.text)


def _write_model(folder: Path) -> None:
    """Write a model, and its result for the picture that the help names."""
    from onnx import TensorProto, helper, save

    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "H", "W"]) for name in "xy"
    ]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    save(helper.make_model(graph), folder / "model.onnx")
    with Image.open(folder / "sample_images/coffee.png") as image:
        np.savez(folder / "activations.npz", y=np.asarray(image, np.float32) / 255)


def test_the_help_of_the_program_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.status == 0
    assert result.stderr == ""
    assert [name for name in COMMANDS if name not in result.text] == []


def test_every_example_in_the_help_runs_as_written(
    help_text: str, environment: dict[str, str], tmp_path: Path
) -> None:
    _, heading, after = help_text.partition("Examples:")
    assert heading
    examples = [line.strip() for line in after.splitlines() if line.strip().startswith("cnnfilter")]
    assert examples
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        for needed in ("sample_images", "cnnfilter/networks"):  # as in a clone
            shutil.copytree(ROOT / needed, folder / needed)
        if ".onnx" in example:
            if importlib.util.find_spec("onnx") is None:
                continue
            _write_model(folder)
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
        assert done.stdout or len(list(folder.iterdir())) > 2, f"{example} leaves nothing"


def test_the_help_of_pipeline_names_every_step(run: Run) -> None:
    text = " ".join(run("pipeline", "--help", columns=WIDE).text.split())
    assert ", ".join(OPERATIONS) in text


def test_options_stand_in_groups_that_fit_80_columns(run: Run) -> None:
    text = run("convolve", "--help").text
    assert max(map(len, text.splitlines())) <= 80
    groups = [line for line in text.splitlines() if line.startswith("╭")]
    assert len(groups) >= 4
    assert any("Kernel" in line for line in groups)
    assert any("Output" in line for line in groups)


def test_the_required_kernel_comes_first(run: Run) -> None:
    text = run("convolve", "--help", columns=WIDE).text
    options = re.findall(r"^\W*(--[\w-]+)", text, re.M)
    assert options[:2] == ["--help", "--kernel"]


@pytest.mark.parametrize("name", ["convolve", "pool"])
def test_help_of_options_has_no_python(name: str, run: Run) -> None:
    text = run(name, "--help", columns=WIDE).text.partition("Examples:")[0]
    assert re.findall(r'\w+="|`|\b[a-z]+_\w+\b', text) == []


def test_no_command_at_all_is_a_wrong_command_line(run: Run) -> None:
    result = run()
    assert result.status == 2
    assert "Usage" in result.text + result.stderr
