"""A disk that is full, one that is read-only, and files that may not grow."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pictures import files_below, make_pictures, results_below
from .processes import POOLS, WAYS, Start, Started


class Disk:
    """A small disk in memory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, options: str) -> bool:
        """Mount it, or remount it; return whether that was allowed."""
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        with contextlib.suppress(FileNotFoundError):
            return not subprocess.run(words, capture_output=True, check=False).returncode
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of a quarter of a mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    disk = Disk(place)
    if not disk.mount("size=256k"):
        pytest.skip("this user may not mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def assert_missing_are_named(
    started: Started, out: Path, expected: dict[str, bytes], why: str
) -> None:
    """Check that each image is either there whole, or named as missing in one line."""
    assert started.status == 1
    results = files_below(out)
    assert results.items() <= expected.items()
    missing = sorted(expected.keys() - results.keys())
    assert missing
    assert results
    assert started.counts == (len(results), 0, len(missing))
    named = [line for line in started.lines[:-1] if "will not know this run" not in line]
    assert len(started.lines) - len(named) <= 2  # the summary, and a ledger that is full
    assert all(why in line for line in named)
    assert [line.split(": ")[1] for line in named] == [
        f"{out.parent.name}/out/{n}" for n in missing
    ]


@pytest.mark.parametrize("way", POOLS)
def test_a_run_resumes_once_a_full_disk_has_space(
    way: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    for place in ("in", "in/deep"):
        make_pictures(tmp_path / place, 25, 64)
    words = ["pool", "--size", "1", "-r", "in", *WAYS[way]]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = results_below(tmp_path / "undisturbed")
    started = start(*words, "-o", "disk/out")
    assert_missing_are_named(started, disk.place / "out", expected, "no space is left")
    assert disk.mount("remount,size=4m")
    last = start(*words, "-o", "disk/out", "--skip-existing")
    assert last.status == 0, last.stderr
    done, skipped, failed = last.counts
    assert (done + skipped, failed) == (50, 0)
    assert files_below(disk.place / "out") == expected


def test_a_report_on_a_full_disk_ends_and_the_images_do_not(
    disk: Disk, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 30)
    filler = disk.place / "filler"
    with contextlib.suppress(OSError):
        filler.write_bytes(bytes(2**20))
    started = start("pool", "in", "-o", "out", "--report", "disk/report.jsonl")
    assert started.status in (0, 1)
    *lines, _ = started.lines
    assert started.counts == (30, 0, 0)
    assert len(lines) == 1
    assert "disk/report.jsonl" in lines[0]
    assert len(results_below(tmp_path / "out")) == 30


def test_files_that_may_not_grow_are_named(start: Start, tmp_path: Path) -> None:
    small = make_pictures(tmp_path / "in", 20, 16)
    for path in make_pictures(tmp_path / "large", 20, 96):
        path.rename(tmp_path / "in" / f"large-{path.name}")
    words = ["pool", "--size", "1", "in", *WAYS["one job"]]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = results_below(tmp_path / "undisturbed")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))

    (tmp_path / "here").mkdir()
    started = start(*words, "-o", "here/out", preexec_fn=limit)
    assert_missing_are_named(started, tmp_path / "here/out", expected, "cannot be written")
    assert len(results_below(tmp_path / "here/out")) == len(small)
    last = start(*words, "-o", "here/out", "--skip-existing")
    assert last.status == 0, last.stderr
    assert last.counts == (20, 20, 0)
    assert files_below(tmp_path / "here/out") == expected


@pytest.mark.parametrize("output", ["disk/", "disk/new/", "disk/new.png", "disk/{stem}.png"])
def test_a_read_only_disk_is_named_in_one_line(
    output: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 1)
    (disk.place / "0000-pool.png").write_bytes(b"precious")
    assert disk.mount("remount,ro")
    before = files_below(disk.place)
    started = start("pool", "in/0000.png", "-o", output, "--force")
    assert started.status == 1
    (line,) = started.lines
    assert line.startswith("cnnfilter: disk/")
    assert "cannot be written (Read-only file system)" in line
    assert files_below(disk.place) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_on_a_read_only_disk_is_named(
    way: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 5)
    assert disk.mount("remount,ro")
    below = start("pool", "in", "-o", "disk/out", *WAYS[way])
    assert below.status == 1
    assert len(below.lines) == 1
    assert "disk/out: cannot be written" in below.lines[0]
    inside = start("pool", "in", "-o", "disk", *WAYS[way])
    assert inside.status == 1
    assert inside.counts == (0, 0, 5)
    assert len(inside.lines) == 6
    assert list(disk.place.iterdir()) == []


def test_a_folder_without_write_permission_is_named(start: Start, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 1)
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    started = start("pool", "in", "-o", "locked/out")
    assert started.status == 1
    assert len(started.lines) == 1
    assert "locked/out" in started.lines[0]
    assert list(folder.iterdir()) == []
