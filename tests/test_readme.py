"""Every example of the README runs as written, in a clone's folder."""

import importlib.util
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
README = (ROOT / "README.md").read_text()
#: The page whose blocks build on each other.
NETWORKS = (ROOT / "cnnfilter/networks/README.md").read_text()
COMMANDS = re.findall(
    # A cluster has tests of its own.
    r"^((?:cnnfilter|find) (?!.*--scheduler).*)$",
    "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)),
    re.M,
)
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, re.S)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with the clone's pictures, in an activated environment."""
    shutil.copytree(SAMPLES, tmp_path / "sample_images")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_commands_run_as_written_one_after_the_other(clone: Path) -> None:
    for command in COMMANDS:
        if "--plot" in command and importlib.util.find_spec("matplotlib") is None:
            continue
        run = shell(command, clone)
        assert run.returncode == 0, f"{command}\n{run.stderr}"


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_sessions_print_what_is_shown(command: str, output: str, clone: Path) -> None:
    run = shell(command, clone)
    shown = output.splitlines()
    reported = [line for line in run.stderr.splitlines() if line in shown]
    assert reported + run.stdout.splitlines() == shown


def test_the_pipeline_file_runs(clone: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (clone / "edges.toml").write_text(text)
    (command,) = re.findall("run by: (.*)", text)
    run = shell(command, clone)
    assert run.returncode == 0, run.stderr
    assert (clone / "out/coffee-edges.png").exists()


@pytest.mark.usefixtures("clone")
def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
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
def test_the_page_on_networks_runs_from_torch_save_to_a_prediction(clone: Path) -> None:
    torch = pytest.importorskip("torch")
    for module in ("onnx", "onnxscript", "safetensors"):
        pytest.importorskip(module)
    torch.manual_seed(0)
    state = torch.nn.Sequential(
        OrderedDict(
            conv1=torch.nn.Conv2d(1, 6, 5), flatten=torch.nn.Flatten(),
            dense1=torch.nn.Linear(6 * 14 * 14, 10),
        )
    ).state_dict()  # fmt: skip
    torch.save(state, clone / "lenet.pt")
    names: dict[str, object] = {}
    runs = []
    for language, block in re.findall(r"```(\w+)\n(.*?)```", NETWORKS, re.S):
        if language == "toml":
            (clone / "lenet.toml").write_text(block)
        elif language == "python":
            exec(compile(block, "README.md", "exec"), names)  # noqa: S102
        else:
            run = shell(block, clone)
            assert run.returncode == 0, run.stderr
            runs.append(run)
    summary, against, models = runs
    assert summary.stdout.splitlines()[-1].startswith("sample_images/digits/two.png\t")
    assert "6 layer(s) agree" in against.stderr
    assert (clone / "network.safetensors").exists()
    probability = summary.stdout.splitlines()[-1].split("\t")[2]
    assert models.stdout.split("\t")[2].strip()
    assert 0 < float(probability) <= 1


MADE = {
    "coffee-sharpen.png": "convolve -k sharpen",
    "coffee-edges.png": "convolve -k sobel --combine l2 --channels gray",
    "coffee-pipeline.png": "pipeline 'gray | convolve laplacian | relu | pool 2'",
}


@pytest.mark.parametrize(("name", "command"), MADE.items())
def test_pictures_are_what_the_commands_make(name: str, command: str, clone: Path) -> None:
    assert command in README
    made = f"cnnfilter {command} sample_images/coffee.png -o made.png"
    assert shell(made, clone).returncode == 0
    np.testing.assert_array_equal(
        cnnfilter.read_image(clone / "made.png"), cnnfilter.read_image(SAMPLES / "made" / name)
    )


def test_tinted_pictures_are_what_the_command_makes(clone: Path) -> None:
    (command,) = (command for command in COMMANDS if "--as tint" in command)
    assert shell(command, clone).returncode == 0
    for name in ("red", "green", "blue"):
        made = cnnfilter.read_image(clone / f"out/tinted/coffee-{name}.png")
        shown = cnnfilter.read_image(SAMPLES / "made" / f"coffee-{name}.png")
        np.testing.assert_array_equal(made, shown)


def test_every_command_and_promised_name_stands_in_it() -> None:
    for command in (
        "split-channels", "convolve", "pool", "pipeline", "kernels", "networks", "explain",
    ):  # fmt: skip
        assert f"### {command}" in README
        assert f"cnnfilter {command}" in README
    assert "cnnfilter import" in NETWORKS
    for name in cnnfilter.__all__:
        if not name.startswith("__") and not name.endswith("Error"):
            assert f"`{name}`" in README, name


@pytest.mark.parametrize(
    "page",
    [
        "README.md", "cnnfilter/networks/README.md", "tests/benchmarks/README.md",
        "sample_images/README.md", "findings/README.md", ".github/CONTRIBUTING.md",
    ],
)  # fmt: skip
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    headings = [heading.lower() for heading in re.findall(r"^#+ (.*)$", text, re.M)]
    anchors = {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        if path:
            assert (ROOT / page).parent.joinpath(path).exists(), link
        elif anchor:
            assert anchor in anchors, link


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
