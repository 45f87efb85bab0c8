"""A real Dask cluster on this machine: a scheduler and two workers, some of which are killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("distributed")

pytestmark = pytest.mark.slow

COUNT = 300
PYTHON = Path(sys.executable)


class Cluster:
    """A scheduler and two workers, each a process of its own, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._folder = folder
        self._open = ExitStack()
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port)
        self.workers = [self.add_worker() for _ in range(2)]

    def add_worker(self) -> "subprocess.Popen[bytes]":
        options = ["--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
        return self._start("worker", self.address, *options)

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        name = f"{words[0]}-{time.monotonic_ns()}.log"
        log = self._open.enter_context((self._folder / name).open("wb"))
        command = [str(PYTHON), "-m", "dask", *words, "--no-dashboard"]
        return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()
        self._open.close()


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(COUNT):
        noise = chance.integers(0, 256, (200, 200), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"photos/{number:03}.png")
    return tmp_path


def start(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = [str(PYTHON), "-m", "cnnfilter", "pool", "--mode", "median", "--size", "5",
               "photos", "-o", "out", *words]  # fmt: skip
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)


def finish(process: "subprocess.Popen[bytes]") -> tuple[int, list[str]]:
    _, told = process.communicate(timeout=120)
    pace = re.compile(r"cnnfilter: \d+ of \d+ images, ")  # which a slow machine has told
    lines = [line for line in told.decode().splitlines() if not pace.match(line)]
    return process.returncode, lines


def written(folder: Path) -> dict[str, bytes]:
    """Read the results that have their names, and are not the ledger."""
    names = [*(folder / "out").glob("[!.]*")]
    return {path.name: path.read_bytes() for path in names}


def wait_for_some(folder: Path) -> None:
    """Wait until a few results are there, and most are not."""
    deadline = time.monotonic() + 60
    while len(written(folder)) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 5 <= len(written(folder)) < COUNT


def test_a_cluster_writes_what_one_process_writes(cluster: Cluster, photos: Path) -> None:
    status, told = finish(start(photos, "--scheduler", cluster.address))
    assert status == 0, told
    assert told[-1].startswith(f"cnnfilter: {COUNT} done, 0 skipped, 0 failed")
    assert len(told) == 1
    results = written(photos)
    os.rename(photos / "out", photos / "elsewhere")  # noqa: PTH104
    assert finish(start(photos, "--jobs", "1"))[0] == 0
    assert written(photos) == results


def test_a_worker_that_dies_loses_no_image_and_doubles_none(cluster: Cluster, photos: Path) -> None:
    process = start(photos, "--scheduler", cluster.address, "--report", "r.jsonl")
    wait_for_some(photos)
    cluster.workers[0].kill()
    status, told = finish(process)
    assert status == 0, told
    assert told[-1].startswith(f"cnnfilter: {COUNT} done, 0 skipped, 0 failed")
    assert len(written(photos)) == COUNT
    assert len((photos / "r.jsonl").read_text().splitlines()) == COUNT


def test_a_run_resumes_after_its_scheduler_went_away(cluster: Cluster, photos: Path) -> None:
    process = start(photos, "--scheduler", cluster.address)
    wait_for_some(photos)
    cluster.scheduler.kill()
    status, told = finish(process)
    assert status == 1
    assert any("went away" in line and "--skip-existing" in line for line in told)
    assert not any("Traceback" in line for line in told)
    status, told = finish(start(photos, "--skip-existing"))
    assert status == 0, told
    assert " 0 failed" in told[-1]
    assert len(written(photos)) == COUNT


def test_ctrl_c_leaves_whole_files_and_a_cluster_that_goes_on(
    cluster: Cluster, photos: Path
) -> None:
    process = start(photos, "--scheduler", cluster.address)
    wait_for_some(photos)
    process.send_signal(signal.SIGINT)
    status, told = finish(process)
    assert status == 130
    assert "done" in told[-1]
    for path in (photos / "out").glob("*.png"):
        with Image.open(path) as image:
            image.load()
    status, told = finish(start(photos, "--scheduler", cluster.address, "--skip-existing"))
    assert status == 0, told
    assert len(written(photos)) == COUNT


def test_a_worker_that_cannot_find_a_file_names_it(cluster: Cluster, photos: Path) -> None:
    (photos / "list").write_text("photos/000.png\nphotos/gone.png\n")
    command = [str(PYTHON), "-m", "cnnfilter", "pool", "--files-from", "list", "-o", "out",
               "--scheduler", cluster.address]  # fmt: skip
    run = subprocess.run(command, cwd=photos, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "photos/gone.png: no such file where the worker tcp://127.0.0.1" in run.stderr
    assert "1 done, 0 skipped, 1 failed" in run.stderr


def test_where_no_scheduler_answers_it_is_said(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "a.png")
    command = [str(PYTHON), "-m", "cnnfilter", "pool", "a.png", "--scheduler", "nonsense"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("cnnfilter: --scheduler nonsense: no scheduler answers")
    assert len(run.stderr.splitlines()) == 1


def test_a_cluster_whose_workers_are_all_gone_is_reported_in_one_line(
    cluster: Cluster, photos: Path
) -> None:
    process = start(photos, "--scheduler", cluster.address)
    wait_for_some(photos)
    for worker in cluster.workers:
        worker.kill()
    status, told = finish(process)
    assert status == 1
    assert not any("Traceback" in line for line in told)
    assert [line for line in told if "its last worker went away" in line] == [told[0]]
    assert "--skip-existing does the rest" in told[0]


@pytest.mark.parametrize(
    "address",
    [
        "tls://127.0.0.1:1",
        "inproc://1/2/3",
        "ucx://127.0.0.1:1",
        "http://127.0.0.1:1",
        "tcp://",
        "",
    ],
)
def test_an_address_of_another_kind_is_reported_in_one_line(address: str, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "a.png")
    command = [str(PYTHON), "-m", "cnnfilter", "pool", "a.png", "--scheduler", address]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"cnnfilter: --scheduler {address}: no scheduler answers (")
    assert len(run.stderr.splitlines()) == 1
