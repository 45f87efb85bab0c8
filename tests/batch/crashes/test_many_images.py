"""Thousands of images, fifty of them malformed."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.signal import correlate2d

from .pictures import MALFORMED, Line, decoded, encoded, files_below, read_report
from .processes import PATIENCE, POOLS, SUMMARY, WAYS

# The tree is made once, by whichever process runs these.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tree")]


class Tree(NamedTuple):
    """A tree of images."""

    folder: Path
    order: list[str]
    bad: set[str]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A nested tree of 2,000 images of 16x16."""
    folder = tmp_path_factory.mktemp("tree") / "in"
    random = np.random.default_rng(0)
    places = ["", "a", "a/b", "a/b/c", "a/d", "z z", "z z/é"]
    kinds = [(".png", 3), (".png", 1), (".png", 16), (".jpg", 3), (".tif", 3), (".tif", 16),
             (".webp", 3), (".gif", 1), (".gif", 3)]  # fmt: skip
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
    ramp = np.add.outer(np.arange(16), np.arange(16))[..., None]
    bad = set()
    for number in range(2000):
        place = places[number % len(places)]
        if number % 40 == 7:
            suffix, data = MALFORMED[number // 40 % len(MALFORMED)]
        else:
            suffix, channels = kinds[number % len(kinds)]
            values = random.integers(0, 256, (16, 16, 3), np.uint8)
            if suffix == ".jpg":  # noise would hide behind what JPEG loses
                values = (ramp * random.uniform(1, 6, 3) + 20).astype(np.uint8)
            elif channels == 1:
                values = values[..., 0]
            elif channels == 16:
                values = random.integers(0, 65536, (16, 16), np.uint16)
            data = encoded(values, suffix)
        path = folder / place / f"{number:04}{suffix}"
        path.write_bytes(data)
        if number % 40 == 7:
            bad.add(path.relative_to(folder).as_posix())
    order = []
    for root, folders, files in os.walk(folder):
        folders.sort()
        order += [(Path(root) / name).relative_to(folder).as_posix() for name in sorted(files)]
    assert len(order) == 2000
    assert len(bad) == 50
    return Tree(folder, order, bad)


class Made(NamedTuple):
    """What a run over the tree left."""

    results: dict[str, bytes]
    report: list[Line]
    lines: list[str]
    status: int


@pytest.fixture(scope="module")
def made(
    tree: Tree, command: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Made]:
    """Undisturbed runs over the tree, in threads and in processes."""
    found = {}
    for way in POOLS:
        folder = tmp_path_factory.mktemp("made")
        done = subprocess.run(
            [command, *SHARPENING, "-r", str(tree.folder), "-o", "out", *WAYS[way]],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        report = read_report(folder / "report.jsonl")
        lines = done.stderr.decode().splitlines()
        found[way] = Made(files_below(folder / "out"), report, lines, done.returncode)
    return found


SHARPENING = ("convolve", "-k", "sharpen", "--report", "report.jsonl")


def sharpened(name: str) -> str:
    path = Path(name)
    return path.with_name(f"{path.stem}-sharpen{path.suffix}").as_posix()


@pytest.mark.parametrize("way", POOLS)
def test_two_thousand_images_are_done_but_for_fifty_malformed(
    way: str, tree: Tree, made: dict[str, Made]
) -> None:
    results, report, lines, status = made[way]
    good = [name for name in tree.order if name not in tree.bad]
    assert status == 1
    assert sorted(results) == sorted(map(sharpened, good))
    assert len(results) == 1950
    assert [line["input"] for line in report] == [str(tree.folder / name) for name in tree.order]
    failed = {line["input"]: line["error"] for line in report if "error" in line}
    assert set(failed) == {str(tree.folder / name) for name in tree.bad}
    assert all(error.startswith(name) for name, error in failed.items())
    *failures, summary = [line for line in lines if "a second," not in line or " done, " in line]
    assert failures == [f"cnnfilter: {error}" for error in failed.values()]
    match = SUMMARY.match(summary)
    assert match
    assert match.groups() == ("1950", "0", "50")
    for line in report:
        if "error" not in line:
            below = Path(line["input"]).relative_to(tree.folder).as_posix()
            assert line["outputs"] == [f"out/{sharpened(below)}"]


def test_two_thousand_results_are_those_of_scipy(tree: Tree, made: dict[str, Made]) -> None:
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    compared = 0
    for name in tree.order:
        if name in tree.bad:
            continue
        values = decoded((tree.folder / name).read_bytes())
        planes = np.atleast_3d(values).astype(np.int64)
        sums = [correlate2d(plane, kernel, "valid") for plane in np.moveaxis(planes, -1, 0)]
        top = 255 if values.dtype == np.uint8 else 65535
        expected = np.stack(sums, -1).clip(0, top).reshape(14, 14, *values.shape[2:])
        result = decoded(made["threads"].results[sharpened(name)])
        if name.endswith(".jpg"):
            assert np.abs(result - expected).mean() < 6
            continue
        assert result.dtype == values.dtype
        np.testing.assert_array_equal(result, expected, name)
        compared += 1
    assert compared > 1500


def test_threads_and_processes_write_the_same_bytes(made: dict[str, Made]) -> None:
    threads, processes = (made[way] for way in POOLS)
    assert processes.results == threads.results

    def without_times(report: list[Line]) -> list[Line]:
        return [{**line, "milliseconds": 0} for line in report]

    assert without_times(processes.report) == without_times(threads.report)
