"""Names of files, layers, labels and tensors that hold what a terminal would obey."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text

from cnnfilter.view.terminal import terminal

from ..command import Run, one_process
from ..terminal import Show
from ..types import Arguments

#: Colours, a bell, delete, a code of the upper half, text that is turned round, a new line,
#: and rich's markup.
ODD = "e\x1b[31m\x07\x7f\x9b1m\u202evil\nx[red]"
#: As it is told: each code by its number in Python's way.
TOLD = r"e\x1b[31m\x07\x7f\x9b1m\u202evil\nx[red]"


def unescaped(text: str) -> set[str]:
    """Return what of a text a terminal would obey, but for lines and columns."""
    return {each for each in text if not each.isprintable()} - {"\n", "\t"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files, tensors, layers and labels with odd names."""
    image = np.arange(64, dtype=np.float64).reshape(8, 8)
    np.save(tmp_path / f"{ODD}.npy", image)
    np.save(tmp_path / "a.npy", image)
    np.savetxt(tmp_path / f"{ODD}.txt", np.eye(3), "%d")
    named: Arguments = {ODD: np.ones((3, 3)), "dense": np.ones((2, 4)), "one": np.ones((3, 3))}
    np.savez(tmp_path / "w.npz", **named)
    activations: Arguments = {ODD: image, "other": image}
    np.savez(tmp_path / "acts.npz", **activations)
    name, kernel = json.dumps(ODD), json.dumps(f"w.npz:{ODD}")
    name, kernel = (each.replace("\x7f", "\\u007f") for each in (name, kernel))
    (tmp_path / "net.toml").write_text(
        f"description = {name}\nlabels = [{name}, 'b']\n"
        "[[prepare]]\noperation = 'resize'\nsize = 4\n"
        f"[[steps]]\nname = {name}\noperation = 'pool'\nsize = '2'\n"
        "[[steps]]\noperation = 'flatten'\n"
        "[[steps]]\noperation = 'dense'\nweights = 'w.npz:dense'\n"
    )
    (tmp_path / "bank.toml").write_text(
        f"[[steps]]\nname = {name}\noperation = 'convolve'\ncombine = 'l2'\n"
        f"kernel = [{kernel}, 'w.npz:one']\n"
    )
    (tmp_path / "odd.toml").write_text(f"{name} = 3\n")
    return tmp_path


COMMANDS: Sequence[Sequence[str]] = (
    ("pool", f"{ODD}.npy", "--print"),
    ("pool", f"{ODD}.npy", "-o", f"{ODD}.csv"),
    ("pool", f"{ODD}.npy", "--dry-run"),
    ("pool", f"{ODD}.npy", "a.npy", "--print", "--dry-run"),
    ("pool", f"{ODD}.png", "a.npy", "-o", f"{ODD}/"),
    ("pool", f"{ODD}/*.png"),
    ("pool", f"--{ODD}", "a.npy"),
    ("pool", "a.npy", "--mode", ODD),
    ("pool", "a.npy", "--format", ODD),
    ("pool", "a.npy", "--jobs", ODD),
    ("pool", "a.npy", "--report", f"{ODD}/x"),
    ("pool", "a.npy", "-o", "{" + ODD + "}.png"),
    ("pool", "--files-from", ODD),
    ("pool", "a.npy", "--plot", ODD),
    ("pool", f"{ODD}.npy", "--sheet", f"{ODD}.png"),
    ("pool", f"{ODD}.npy", "--animate", f"{ODD}.gif"),
    ("pool", f"{ODD}.npy", "--preview"),
    ("split-channels", f"{ODD}.npy", "--print"),
    ("convolve", "-k", f"{ODD}.txt", "a.npy", "--print"),
    ("convolve", "-k", f"{ODD}.txt", "-k", f"w.npz:{ODD}", "a.npy", "--print"),
    ("convolve", "-k", f"w.npz:{ODD}", "a.npy", "--preview"),
    ("convolve", "-k", f"w.npz:{ODD}2", "a.npy"),
    ("convolve", "-k", ODD, "a.npy"),
    ("pipeline", "net.toml", f"{ODD}.npy"),
    ("pipeline", "net.toml", f"{ODD}.npy", "--format", "json"),
    ("pipeline", "net.toml", f"{ODD}.npy", "--format", "csv"),
    ("pipeline", "net.toml", f"{ODD}.npy", "--summary"),
    ("pipeline", "net.toml", "--summary", "--shape", ODD),
    ("pipeline", "net.toml", f"{ODD}.npy", "--step", ODD, "--print"),
    ("pipeline", "net.toml", "a.npy", "--step", f"{ODD}2"),
    ("pipeline", "net.toml", f"{ODD}.npy", "--sheet", "sheet.png"),
    ("pipeline", "net.toml", "a.npy", "--stages", ODD),
    ("pipeline", "odd.toml", "a.npy"),
    ("pipeline", ODD, "a.npy"),
    ("pipeline", f"relu {ODD}=1", "a.npy"),
    ("pipeline", "relu", "a.npy", "--against", "acts.npz"),
    ("pipeline", "relu", "a.npy", "--against", f"{ODD}.npz"),
    ("explain", "net.toml", f"{ODD}.npy"),
    ("explain", "net.toml", f"{ODD}.npy", "--format", "json"),
    ("explain", "net.toml", f"{ODD}.npy", "--step", "1"),
    ("explain", "net.toml", f"{ODD}.npy", "--walk", "--delay", "0", "--step", "1"),
    ("explain", "bank.toml", "a.npy", "--at", "1,1"),
    ("explain", "net.toml", f"{ODD}.npy", "--html", f"{ODD}.html"),
    ("explain", f"convolve 'w.npz:{ODD}'", "a.npy"),
    ("import", f"{ODD}.onnx"),
    ("kernels", f"w.npz:{ODD}"),
    ("kernels", f"{ODD}.txt"),
    ("kernels", ODD),
    ("networks", ODD),
    ("formats", ODD),
    (ODD,),
)


@pytest.mark.usefixtures("folder")
def test_what_is_piped_holds_no_control_code(run: Run) -> None:
    result = run(program=one_process(COMMANDS))
    assert result.status == 0
    text = result.text + result.stderr
    assert unescaped(text) == set()
    assert text.count("status 0") > len(COMMANDS) / 2
    assert text.count("status") == len(COMMANDS)


@pytest.mark.usefixtures("folder")
def test_a_terminal_gets_no_control_code(show: Show) -> None:
    program, streams = one_process(COMMANDS), ("stdout", "stderr")
    screen = show(program=program, streams=streams, NO_COLOR="1", TERM="dumb", COLUMNS="100")
    # Libraries that draw pictures ask what the terminal can do.
    text = re.sub(r"\x1b\[[0-9;]*[ct]|\x1b_G.*?\x1b\\", "", screen.raw)
    assert unescaped(text) == set()
    assert text.count("status") == len(COMMANDS)


@pytest.mark.usefixtures("folder")
def test_a_name_is_printed_with_its_codes_as_numbers(run: Run) -> None:
    result = run("pipeline", "net.toml", f"{ODD}.npy", "--format", "tsv")
    assert result.text == f"{TOLD}.npy\t{TOLD}\t158.1\n"
    assert run("kernels", f"w.npz:{ODD}").text.splitlines()[4] == f"kernel\t{TOLD}"


def test_json_and_reports_hold_names_as_they_are_in_ascii(folder: Path, run: Run) -> None:
    printed = run("pipeline", "net.toml", f"{ODD}.npy", "--format", "json").text
    run("pool", f"{ODD}.npy", "-o", "out.npy", "--report", "report.jsonl")
    told = run("explain", "bank.toml", "a.npy", "--format", "json").text
    report = (folder / "report.jsonl").read_text("utf-8")
    for text in (printed, report, told):
        assert all(" " <= each <= "~" for each in text.removesuffix("\n"))
    assert json.loads(printed)["classes"][0]["label"] == ODD
    assert json.loads(report)["input"] == f"{ODD}.npy"
    assert json.loads(told)["kernels"][0]["kernel"] == ODD


def test_a_page_holds_no_control_code(folder: Path, run: Run) -> None:
    assert run("explain", "net.toml", f"{ODD}.npy", "--html", "page.html").status == 0
    assert unescaped((folder / "page.html").read_text("utf-8")) == set()


def test_rich_writes_a_name_with_its_markup_and_each_code_by_its_number() -> None:
    console = terminal()
    with console.capture() as captured:
        console.print(Text("[red]e\x1b[31m\x7f\x9b1m\u202evil:smile:"))
    assert captured.get() == "[red]e\\x1b[31m\\x7f\\x9b1m\\u202evil:smile:\n"
