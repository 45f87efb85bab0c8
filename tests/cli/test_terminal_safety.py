"""Names of files, layers, labels and tensors that hold what a terminal would obey."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]

#: Colours, a bell, delete, a code of the upper half, text that is turned round, a new line,
#: and rich's markup.
ODD = "e\x1b[31m\x07\x7f\x9b1m\u202evil\nx[red]"
#: As it is told: each code by its number in Python's way.
TOLD = r"e\x1b[31m\x07\x7f\x9b1m\u202evil\nx[red]"
PLAIN = {"NO_COLOR": "1", "TERM": "dumb"}


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
    named = {ODD: np.ones((3, 3)), "dense": np.ones((2, 4)), "bank": np.ones((2, 1, 2, 2))}
    np.savez(tmp_path / "w.npz", **named)
    np.savez(tmp_path / "acts.npz", **{ODD: image, "other": image})
    text = json.dumps(ODD, ensure_ascii=False).replace("\x7f", "\\u007f")
    (tmp_path / "net.toml").write_text(
        f"description = {text}\nlabels = [{text}, 'b']\n"
        "[[prepare]]\noperation = 'resize'\nsize = 4\n"
        f"[[steps]]\nname = {text}\noperation = 'pool'\nsize = '2'\n"
        "[[steps]]\noperation = 'flatten'\n"
        "[[steps]]\noperation = 'dense'\nweights = 'w.npz:dense'\n"
    )
    (tmp_path / "bank.toml").write_text(
        f"[[steps]]\nname = {text}\noperation = 'convolve'\nkernel = ['w.npz:{ODD}', 'w.npz:{ODD}']\n".replace(
            "\x1b", "\\u001b"
        )
        .replace("\x07", "\\u0007")
        .replace("\x7f", "\\u007f")
        .replace("'w.npz", '"w.npz')
        .replace("]\n", "]\n")
    )
    (tmp_path / "odd.toml").write_text(f"{text} = 3\n")
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
    (ODD,),
)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words", COMMANDS, ids=lambda words: " ".join(words).encode("unicode_escape").decode()
)
def test_what_is_piped_holds_no_control_code(words: Sequence[str], run: Run) -> None:
    result = run(*words)
    assert unescaped(result.text + result.stderr) == set()
    assert "Traceback" not in result.stderr
