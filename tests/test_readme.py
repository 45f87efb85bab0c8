"""What the README shows is what happens."""

import re
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import cnnfilter

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_images"
WHOLE = (ROOT / "README.md").read_text()
#: The chapter whose blocks build on each other, and the rest, whose blocks do not.
CHAPTER = re.findall(r"^## Networks\n.*?(?=^## )", WHOLE, re.M | re.S)[0]
README = WHOLE.replace(CHAPTER, "")
COMMANDS = re.findall(
    # A cluster has tests of its own.
    r"^(cnnfilter (?!.*--scheduler).*)$",
    "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)),
    re.M,
)
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(SAMPLES / "coffee.png", tmp_path / "img.png")
    shutil.copy(SAMPLES / "padlock-16x16.png", tmp_path)
    shutil.copytree(SAMPLES / "digits", tmp_path / "sample_images/digits")
    shutil.copytree(SAMPLES / "digits", tmp_path / "photos/deep")
    shutil.copy(SAMPLES / "padlock-16x16.png", tmp_path / "photos")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run_as_written(command: str, folder: Path) -> None:
    run = shell(command, folder)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_sessions_print_what_is_shown(command: str, output: str, folder: Path) -> None:
    run = shell(command, folder)
    told = output.splitlines()
    said = [line for line in run.stderr.splitlines() if line in told]
    assert said + run.stdout.splitlines() == told


def test_the_pipeline_file_runs(folder: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (folder / "edges.toml").write_text(text)
    run = shell("cnnfilter pipeline edges.toml img.png", folder)
    assert run.returncode == 0, run.stderr
    assert (folder / "img-edges.png").exists()


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    shutil.copytree(SAMPLES, tmp_path / "sample_images")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    assert np.shape(names["small"]) == (195, 210, 3)
    assert list(names["hsv"]) == ["hue", "saturation", "value"]  # type: ignore[call-overload]
    digits, scores = names["digits"], names["scores"]
    assert isinstance(digits, cnnfilter.Pipeline)
    assert isinstance(scores, np.ndarray)
    label, probability = digits.ranked(scores)[0]
    assert f"# ('{label}', {probability:.3f})" in README


@pytest.mark.filterwarnings("ignore")  # PyTorch's exporter has many
def test_the_chapter_on_networks_runs_from_torch_save_to_a_prediction(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    for module in ("onnx", "onnxscript", "safetensors"):
        pytest.importorskip(module)
    monkeypatch.chdir(folder)
    torch.manual_seed(0)
    state = torch.nn.Sequential(
        OrderedDict(
            conv1=torch.nn.Conv2d(1, 6, 5), flatten=torch.nn.Flatten(),
            dense1=torch.nn.Linear(6 * 14 * 14, 10),
        )
    ).state_dict()  # fmt: skip
    torch.save(state, folder / "lenet.pt")
    names: dict[str, object] = {}
    told = []
    for language, block in re.findall(r"```(\w+)\n(.*?)```", CHAPTER, re.S):
        if language == "toml":
            (folder / "lenet.toml").write_text(block)
        elif language == "python":
            exec(compile(block, "README.md", "exec"), names)  # noqa: S102
        else:
            run = shell(block, folder)
            assert run.returncode == 0, run.stderr
            told.append(run)
    summary, against, models = told
    assert summary.stdout.splitlines()[-1].startswith("img.png\t")
    assert "6 layer(s) agree" in against.stderr
    assert (folder / "network.safetensors").exists()
    probability = summary.stdout.splitlines()[-1].split("\t")[2]
    assert models.stdout.split("\t")[2].strip()
    assert 0 < float(probability) <= 1


MADE = {
    "coffee-sharpen.png": "convolve -k sharpen",
    "coffee-edges.png": "convolve -k sobel --combine l2 --channels gray",
    "coffee-pipeline.png": "pipeline 'gray | convolve laplacian | relu | pool 2'",
}


@pytest.mark.parametrize(("name", "command"), MADE.items())
def test_pictures_are_what_the_commands_make(name: str, command: str, folder: Path) -> None:
    assert command in README
    assert shell(f"cnnfilter {command} img.png -o made.png", folder).returncode == 0
    made = cnnfilter.read_image(folder / "made.png")
    np.testing.assert_array_equal(made, cnnfilter.read_image(SAMPLES / "made" / name))


def test_tinted_pictures_are_what_the_command_makes(folder: Path) -> None:
    assert shell("cnnfilter split-channels --as tint img.png", folder).returncode == 0
    for name in ("red", "green", "blue"):
        made = cnnfilter.read_image(folder / f"img-{name}.png")
        shown = cnnfilter.read_image(SAMPLES / "made" / f"coffee-{name}.png")
        np.testing.assert_array_equal(made, shown)


def test_every_command_and_promised_name_stands_in_it() -> None:
    for command in (
        "split-channels", "convolve", "pool", "pipeline", "kernels", "networks", "import",
    ):  # fmt: skip
        assert f"### {command}" in WHOLE or f"cnnfilter {command}" in WHOLE
    for name in cnnfilter.__all__:
        if not name.startswith("__") and not name.endswith("Error"):
            assert f"`{name}`" in WHOLE, name


def test_the_samples_are_of_the_kinds_promised() -> None:
    kinds = {
        path.name: cnnfilter.read_image(path)
        for path in SAMPLES.iterdir()
        if path.suffix in (".png", ".jpg")
    }
    listed = (SAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in listed for name in kinds)
    assert {image.dtype.name for image in kinds.values()} == {"uint8", "uint16"}
    assert {image.ndim == 3 and image.shape[2] for image in kinds.values()} == {False, 3, 4}
    reference = ROOT / "tests" / "data" / "worked-example" / "image-16x16.csv"
    np.testing.assert_array_equal(kinds["padlock-16x16.png"], cnnfilter.read_image(reference))
