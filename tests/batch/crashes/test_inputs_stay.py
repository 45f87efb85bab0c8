"""Inputs never change, whatever they are called and whoever links to them."""

import itertools
import os
import shlex
from pathlib import Path

import pytest

from .pictures import LEDGER, make_pictures
from .processes import Start


def inputs_of(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return the content of the inputs, their identities, times and modes."""
    return {
        path.name: (
            path.lstat().st_ino,
            path.lstat().st_mtime_ns,
            path.lstat().st_mode,
            path.read_bytes(),
        )
        for path in folder.iterdir()
    }


HARMFUL = {
    "the input": "pool in/0000.png -o in/0000.png",
    "a link to the input": "pool in/0000.png -o symbolic.png",
    "the input that a link led to": "pool symbolic.png -o in/0000.png",
    "another name of the input": "pool in/0000.png -o hard.png",
    "another name of another input": "pool in/0001.png in/0000.png -o out/same-{stem}.png",
    "a folder of inputs": "pool in -o in/{stem}.png",
    "its format added": "pool in -o in/{stem}",
    "a linked folder": "pool in -o linked/{stem}.png",
    "its parent": "pool in/0000.png in/0001.png -o {parent}/{stem}.png",
    "a link in the place of a result": "pool in -o symbols",
    "another name in the place of a result": "pool in -o hards",
    "channels": "split-channels in/0000.png in/0000red.png -o in/{stem}{kernel}.png",
    "stages": "pipeline relu|pool in/0000.png --stages staged -o out/new.png",
    "a report": "pool in -o out --report in/0000.png",
    "a kernel": "convolve -k in/kernel.csv in/0000.png -o in/kernel.csv",
    "a pipeline": "pipeline in/steps.toml in/0000.png -o out/ --report in/steps.toml",
    "a list": "pool --files-from in/list.txt -o out --report in/list.txt",
}


#: What is tried without force, too: that a report is gone on with, and what is done skipped.
SKIPPING = ["a folder of inputs", "a report", "a list", "a link in the place of a result"]


@pytest.mark.parametrize(
    ("case", "options"),
    [
        *((case, "--force") for case in HARMFUL),
        *itertools.product(SKIPPING, ["--skip-existing", "--skip-existing --force"]),
    ],
)
def test_inputs_never_change(case: str, options: str, start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    first, second = make_pictures(folder, 2)
    (folder / "0000red.png").write_bytes(second.read_bytes())
    (folder / "kernel.csv").write_text("0,0,0\n0,1,0\n0,0,0\n")
    (folder / "list.txt").write_text("in/0000.png\nin/0001.png\n")
    (folder / "steps.toml").write_text('[[steps]]\nop = "pool"\n')
    (tmp_path / "symbolic.png").symlink_to("in/0000.png")
    (tmp_path / "kernel-link").symlink_to("in/kernel.csv")
    (tmp_path / "linked").symlink_to("in")
    os.link(first, tmp_path / "hard.png")
    for name in ("out", "symbols", "hards", "staged"):
        (tmp_path / name).mkdir()
    (tmp_path / "symbols/0001-pool.png").symlink_to(first)
    os.link(first, tmp_path / "hards/0001-pool.png")
    os.link(first, tmp_path / "out/same-0001.png")
    os.link(first, tmp_path / "staged/0000-1-relu.png")
    for number, path in enumerate(folder.iterdir()):
        os.utime(path, ns=(number, 10**18 + number))
    before = inputs_of(folder)
    started = start(*shlex.split(HARMFUL[case]), *options.split())
    status = started.status
    after = inputs_of(folder)
    assert {name: after.get(name) for name in before} == before
    assert (tmp_path / "hard.png").read_bytes() == before["0000.png"][3]
    assert status in (1, 2), started.stderr
    assert started.lines


def test_results_that_are_the_next_runs_inputs_never_change(start: Start, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 6)
    assert start("pool", "in", "-o", "out/{stem}.png").status == 0
    before = inputs_of(tmp_path / "out")
    for options in (["--skip-existing"], ["--skip-existing", "--force"]):
        (tmp_path / "out" / LEDGER).unlink(missing_ok=True)
        started = start("pool", "out", "-o", "out/{stem}.png", *options)
        assert started.status == 1
        assert started.counts == (0, 0, 6)
        assert {name: known for name, known in before.items() if name != LEDGER} == {
            name: known for name, known in inputs_of(tmp_path / "out").items() if name != LEDGER
        }
