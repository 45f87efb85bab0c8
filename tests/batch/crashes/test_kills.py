"""Runs and workers that are killed, and what they leave half written."""

import contextlib
import fcntl
import itertools
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from .pictures import PART, files_below, make_pictures, parts_below, read_report, results_below
from .processes import (
    PATIENCE,
    POOLS,
    WAYS,
    Start,
    assert_pooled,
    has_open,
    on_linux,
    state_of,
    until,
    with_a_pipe,
)


@pytest.mark.slow
def test_a_run_killed_ten_times_is_completed(start: Start, tmp_path: Path) -> None:
    # Files take a while to be made small, so that they are being written when the run is killed.
    for place in ("in", "in/deep", "in/deep/er"):
        make_pictures(tmp_path / place, 60, 64, ".png .tif .webp .png")
    words = ["convolve", "-k", "edge", "--compression", "small", "-r", "in"]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = results_below(tmp_path / "undisturbed")
    assert len(expected) == 180
    random = np.random.default_rng(3)
    out = tmp_path / "out"
    killed = 0
    for _, way in zip(range(10), itertools.cycle(POOLS)):
        known = len(files_below(out))
        wanted = known + int(random.integers(0, 10))
        started = start(*words, "-o", "out", *WAYS[way], "--skip-existing")
        while started.process.poll() is None and len(files_below(out)) < wanted:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.03))
        killed += started.process.poll() is None
        started.process.kill()
        started.process.wait(PATIENCE)
        whole = results_below(out)  # while workers may not have ended yet
        assert whole.items() <= expected.items()
        started.wait_for_all()
        assert results_below(out).items() <= expected.items()
    assert killed
    last = start(*words, "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    done, skipped, failed = last.counts
    assert (done + skipped, failed) == (180, 0)
    assert files_below(out) == expected
    assert parts_below(tmp_path) == []
    again = start(*words, "-o", "out", "--skip-existing")
    assert again.status == 0
    assert again.counts == (0, 180, 0)
    again.wait_for_all()


@on_linux
def test_an_image_whose_worker_is_killed_is_done_by_another(start: Start, tmp_path: Path) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 60)
    started = start(
        "pool", "--files-from", "list", "-o", "out", "--report", "report.jsonl", *WAYS["processes"]
    )
    readers: list[int] = []

    def answer(reader: int) -> bytes:
        readers.append(reader)
        if len(readers) == 1:
            assert reader in started.workers()
            os.kill(reader, signal.SIGKILL)
        return content

    assert pipe.serve(started, answer) == 2
    assert started.status == 0, started.stderr
    assert started.counts == (60, 0, 0)
    assert_pooled(tmp_path / "out", expected)
    report = read_report(tmp_path / "report.jsonl")
    assert [Path(line["input"]).stem for line in report] == [f"{number:04}" for number in range(60)]
    started.wait_for_all()


@on_linux
def test_an_image_that_kills_each_worker_is_named_and_the_others_are_done(
    start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 60)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS["processes"])

    def kill(reader: int) -> bytes:
        os.kill(reader, signal.SIGKILL)
        return b""

    assert pipe.serve(started, kill) == 2
    assert started.status == 1
    assert started.counts == (59, 0, 1)
    (line,) = started.lines[:-1]
    assert line.startswith("cnnfilter: in/0005.png: crashed its worker twice")
    missing = expected.pop("0005-pool.png")
    assert_pooled(tmp_path / "out", expected)
    started.wait_for_all()
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    assert start("pool", "--files-from", "list", "-o", "out", "--skip-existing").status == 0
    assert_pooled(tmp_path / "out", expected | {"0005-pool.png": missing})


@on_linux
def test_a_worker_killed_while_idle_loses_nothing(start: Start, tmp_path: Path) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 4)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS["processes"])
    out = tmp_path / "out"
    # One worker is at the pipe, the other has done the rest.
    until(lambda: len(files_below(out)) == 3 and not parts_below(out), "the others are to be done")
    writer = pipe.opened(started)
    busy = until(lambda: [pid for pid in started.alive() if has_open(pid, pipe.path)], "a reader")
    idle = [pid for pid in started.workers() if pid not in busy]
    assert idle
    until(lambda: all(state_of(pid)[0] == "S" for pid in idle), "nothing is left to do")
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    # Whoever is at work is ended with it, and the image is tried once more.
    until(lambda: not set(busy) & set(started.alive()), "the other is to be ended")
    os.close(writer)
    pipe.serve(started, lambda _: content)
    assert started.status == 0, started.stderr
    assert started.counts == (4, 0, 0)
    assert_pooled(out, expected)
    started.wait_for_all()


STRAY = f".0123456789abcdef{PART}"
SIMILAR = [
    f".0123456789ABCDEF{PART}",
    f".0123456789abcde{PART}",
    f".0123456789abcdef0{PART}",
    f"0123456789abcdef{PART}",
    f"{STRAY}s",
    f"{STRAY}\n",
    f"x{STRAY}",
]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["-r", "in", "-o", "out"], ["out", "out/deep"]),
        (["-r", "in", "-o", "out", "--skip-existing"], ["out", "out/deep"]),
        (["-r", "in", "-o", "out/{parent}/{stem}.png"], ["out", "out/deep"]),
        (["in/0000.png", "-o", "out/result.png"], ["out"]),
        (["in/0000.png"], ["in"]),
        (["in/0000.png", "in/deep/0000.png"], ["in", "in/deep"]),
    ],
)
def test_a_part_is_removed_unless_someone_writes_it(
    words: list[str], places: list[str], start: Start, tmp_path: Path
) -> None:
    for place in ("in", "in/deep"):
        make_pictures(tmp_path / place, 3)
    spared: dict[Path, bytes] = {}
    strays = []
    with contextlib.ExitStack() as held:
        for place in places:
            folder = tmp_path / place
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STRAY).write_bytes(b"half")
            strays.append(folder / STRAY)
            locked = folder / STRAY.replace("0", "f")
            locked.write_bytes(b"being written")
            fcntl.flock(held.enter_context(locked.open("r+b")), fcntl.LOCK_EX)
            spared[locked] = b"being written"
            spared |= dict.fromkeys((folder / name for name in SIMILAR), b"mine")
        for path, content in spared.items():
            path.write_bytes(content)
        started = start("pool", *words)
        assert started.status == 0, started.stderr
        assert [path for path in strays if path.exists()] == []
        assert {path: path.read_bytes() for path in spared} == spared
    assert start("pool", *words, "--force").status == 0
    assert [path for path in spared if path.name in SIMILAR and not path.exists()] == []


def test_a_part_is_removed_where_nothing_is_left_to_do(start: Start, tmp_path: Path) -> None:
    # It may be of other steps: they were tried on what is done, and killed.
    make_pictures(tmp_path / "in", 3)
    assert start("pool", "in", "-o", "out").status == 0
    (tmp_path / "out" / STRAY).write_bytes(b"half")
    again = start("pool", "in", "-o", "out", "--skip-existing")
    assert again.status == 0
    assert again.counts == (0, 3, 0)
    assert parts_below(tmp_path) == []


def test_links_and_folders_named_like_parts_are_harmless(start: Start, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 2)
    (tmp_path / "out" / STRAY.replace("0", "a")).mkdir(parents=True)
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out" / STRAY).symlink_to(tmp_path / "precious")
    started = start("pool", "in", "-o", "out")
    assert started.status == 0, started.stderr
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert len(results_below(tmp_path / "out")) == 2


def test_a_killed_runs_own_parts_are_removed_by_the_next(start: Start, tmp_path: Path) -> None:
    # One large file takes long enough to be written for the run to be killed meanwhile.
    values = np.random.default_rng(4).normal(size=(1500, 1000))
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/large.npy", values)
    make_pictures(tmp_path / "in", 3)
    words = ["pool", "--size", "1", "in", "--format", "csv", "-o", "out"]
    started = start(*words)
    until(lambda: parts_below(tmp_path), "something is to be written")
    started.kill()
    last = start(*words, "--skip-existing")
    assert last.status == 0, last.stderr
    assert parts_below(tmp_path) == []
    np.testing.assert_allclose(
        np.loadtxt(tmp_path / "out/large-pool.csv", delimiter=","), values, rtol=1e-6
    )
