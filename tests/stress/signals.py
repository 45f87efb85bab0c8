"""Stress: SIGINT and SIGTERM at random moments of runs by threads, processes and Dask.

Each run is the installed command on images that take from a millisecond to half a second. A
signal comes at a random moment, to the process or to its group, once or twice. Then the run has
to end within five seconds by the status of that signal (or as it would have ended anyway),
without a traceback, a part file or a process that is left, and each result has to be, byte for
byte, the one of a run that nobody disturbed::

    python tests/stress/signals.py --seconds 3600

It prints its seed, a line for each failure, and a table of counts; it exits with 1 if there was a
failure. ``--seed`` repeats the choices, though not the machine's moments.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

COMMAND = Path(sys.executable).with_name("cnnfilter")
WORK = ("pool", "--mode", "median", "--size", "7", "--stride", "1", "--compression", "small")
#: Seconds that a run may take to end after the first signal.
PATIENCE = 5.0
#: Seconds after which a run that was never signalled is taken to hang.
UNDISTURBED = 120.0
EXECUTORS = ("one job", "threads", "processes", "dask")
PART = ".cnnfilter-part"


class Case(NamedTuple):
    """What is done to one run."""

    executor: str
    number: signal.Signals
    to_group: bool
    times: int
    fail_fast: bool
    images: str
    moment: float
    pause: float

    def __str__(self) -> str:
        """Return the case in words, for a report."""
        whom = "group" if self.to_group else "process"
        fast = " --fail-fast" if self.fail_fast else ""
        return (
            f"{self.executor}{fast}, {self.images}: {self.times} x {self.number.name} to the "
            f"{whom} after {self.moment:.3f} s (then {self.pause:.3f} s)"
        )


@dataclass
class Studio:
    """The inputs, the results that they give, and how long that takes."""

    folder: Path
    scheduler: str | None
    durations: dict[tuple[str, str], float]
    expected: dict[str, bytes]


#: Sets of images: how many, and how high and wide.
IMAGES = {"small": (60, 24), "large": (8, 420), "mixed": (40, 0)}


def make_images(folder: Path) -> None:
    """Write the sets of images; the mixed one has a malformed image in the middle."""
    chance = np.random.default_rng(0)
    for name, (count, side) in IMAGES.items():
        (folder / name).mkdir()
        for number in range(count):
            size = side or int(chance.choice([16, 60, 200, 420]))
            pixels = chance.integers(0, 256, (size, size), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}-{number:03}.png")
    (folder / "mixed/mixed-025.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")


def words_of(studio: Studio, executor: str) -> list[str]:
    """Return the options that choose who works."""
    if executor == "dask":
        return ["--scheduler", str(studio.scheduler)]
    if executor == "one job":
        return ["--jobs", "1"]
    return ["--executor", executor, "--jobs", "2"]


@contextlib.contextmanager
def started(
    studio: Studio, case_words: list[str], mark: str, errors: Path
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run the command in a session of its own, and leave nothing of it behind."""
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [COMMAND, *WORK, *case_words],
            cwd=studio.folder,
            env=os.environ | {"CNNFILTER_STRESS": mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for pid in alive(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def alive(mark: str) -> list[int]:
    """Find the processes of a run, which inherit its mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def hears_signals(pid: int) -> bool:
    """Return whether the command has begun to handle SIGTERM: Python itself does not."""
    with contextlib.suppress(OSError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        caught = next(line for line in status if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def results_in(folder: Path) -> dict[str, bytes]:
    """Read what has its final name."""
    paths = folder.iterdir() if folder.exists() else ()
    return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".")}


def faults_of(studio: Studio, case: Case) -> list[str]:
    """Run a case; return what was wrong with it."""
    mark = uuid.uuid4().hex
    out, errors = studio.folder / f"out-{mark}", studio.folder / f"errors-{mark}"
    words = [case.images, "-o", out.name, *words_of(studio, case.executor)]
    words += ["--fail-fast"] * case.fail_fast
    try:
        with started(studio, words, mark, errors) as process:
            faults = _disturb(process, case, mark)
        return faults + _left_behind(studio, case, process.returncode, out, errors)
    finally:
        shutil.rmtree(out, ignore_errors=True)
        errors.unlink()


def _disturb(process: "subprocess.Popen[bytes]", case: Case, mark: str) -> list[str]:
    while process.poll() is None and not hears_signals(process.pid):
        time.sleep(0.001)
    time.sleep(case.moment)
    first = time.monotonic()
    for number in range(case.times):
        if number:
            time.sleep(case.pause)
        with contextlib.suppress(ProcessLookupError):
            if case.to_group:
                os.killpg(process.pid, case.number)
            elif process.poll() is None:
                process.send_signal(case.number)
    try:
        process.wait(max(0.1, first + PATIENCE - time.monotonic()))
    except subprocess.TimeoutExpired:
        return [f"did not end within {PATIENCE:g} s"]
    deadline = time.monotonic() + 2
    while left := alive(mark):
        if time.monotonic() > deadline:
            return [f"{len(left)} processes are left"]
        time.sleep(0.01)
    return []


def _left_behind(studio: Studio, case: Case, status: int, out: Path, errors: Path) -> list[str]:
    said = errors.read_text(errors="replace")
    status = status if status >= 0 else 128 - status  # as a shell has it
    allowed = {0, 128 + case.number}
    if case.images == "mixed" and "mixed-025.png" in said:
        allowed.add(1)
    faults = [] if status in allowed else [f"status {status}"]
    if status == 0 and " not done" in said:
        faults.append(f"status 0, and said {said!r}")
    odd = [line for line in said.splitlines() if not line.startswith("cnnfilter: ")]
    if odd or "Traceback" in said or "Exception ignored" in said:
        faults.append(f"said {said!r}")
    if case.executor == "dask":  # its workers go on with what they are at
        deadline = time.monotonic() + 5
        while [*out.glob(f".*{PART}")] and time.monotonic() < deadline:
            time.sleep(0.01)
    if parts := [*out.glob(f".*{PART}")]:
        faults.append(f"{len(parts)} part files")
    for name, data in results_in(out).items():
        if studio.expected.get(name) != data:
            faults.append(f"{name} is not as an undisturbed run makes it")
    return faults


def measure(studio: Studio, executor: str, images: str) -> float:
    """Run without a signal; keep the results, and return the seconds it took."""
    out = studio.folder / f"{executor}-{images}"
    words = [images, "-o", out.name, *words_of(studio, executor)]
    mark, errors = uuid.uuid4().hex, studio.folder / "errors"
    begin = time.monotonic()
    with started(studio, words, mark, errors) as process:
        status = process.wait(UNDISTURBED)
    seconds = time.monotonic() - begin
    if status != (images == "mixed"):
        raise SystemExit(f"an undisturbed run ended by {status}: {errors.read_text()}")
    studio.expected |= results_in(out)
    return seconds


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a Dask scheduler and two workers on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]]
    worker = [*dask, "worker", address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
    commands += [[*worker, "--no-dashboard"]] * 2
    with (folder / "cluster.log").open("wb") as log:
        processes = [
            subprocess.Popen(words, cwd=folder, stdout=log, stderr=log) for words in commands
        ]
    try:
        yield address
    finally:
        for process in processes:
            process.kill()
            process.wait()


def chosen(chance: random.Random, studio: Studio, executors: list[str]) -> Case:
    """Choose a case at random."""
    executor, images = chance.choice(executors), chance.choice(list(IMAGES))
    return Case(
        executor=executor,
        number=chance.choice([signal.SIGINT, signal.SIGTERM]),
        to_group=chance.random() < 0.5,
        times=chance.choice([1, 2]),
        fail_fast=chance.random() < 0.3,
        images=images,
        moment=chance.uniform(0, studio.durations[executor, images]),
        pause=chance.choice([0, 0.001, 0.03, 0.2, chance.uniform(0, 1)]),
    )


def stress(seconds: float, seed: int, executors: list[str], jobs: int, most: int) -> int:
    """Run random cases for a while; print what fails, and return how many did."""
    chance = random.Random(seed)  # noqa: S311
    print(f"seed {seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_images(folder)
        address = stack.enter_context(cluster(folder)) if "dask" in executors else None
        studio = Studio(folder, address, {}, {})
        for executor in executors:
            for images in IMAGES:
                studio.durations[executor, images] = measure(studio, executor, images)
        counts: Counter[tuple[str, ...]] = Counter()
        failed: Counter[tuple[str, ...]] = Counter()
        end = time.monotonic() + seconds

        def work(case: Case) -> None:
            faults = faults_of(studio, case)
            key = (case.executor, case.number.name, "group" if case.to_group else "process",
                   str(case.times), "--fail-fast" if case.fail_fast else "")  # fmt: skip
            counts[key] += 1
            failed[key] += bool(faults)
            if faults:
                print(f"FAILED {case}: {'; '.join(faults)}", flush=True)

        with contextlib.suppress(KeyboardInterrupt), ThreadPoolExecutor(jobs) as pool:
            pending = set()
            begun = 0
            while time.monotonic() < end and begun < most:
                pending = {each for each in pending if not each.done()}
                if len(pending) < jobs:
                    pending.add(pool.submit(work, chosen(chance, studio, executors)))
                    begun += 1
                time.sleep(0.005)
            for each in pending:
                each.result()
    print_counts(counts, failed)
    return failed.total()


def print_counts(counts: Counter[tuple[str, ...]], failed: Counter[tuple[str, ...]]) -> None:
    """Print how many runs there were, and how many failed, by what was done to them."""
    for executor in EXECUTORS:
        for number in ("SIGINT", "SIGTERM"):
            keys = [key for key in counts if key[:2] == (executor, number)]
            if not keys:
                continue
            runs, faults = sum(counts[key] for key in keys), sum(failed[key] for key in keys)
            group, twice, fast = (
                sum(counts[key] for key in keys if key[place] == value)
                for place, value in ((2, "group"), (3, "2"), (4, "--fail-fast"))
            )
            print(
                f"{executor:10} {number:8} {runs:6} runs ({group} to the group, {twice} twice, "
                f"{fast} with --fail-fast): {faults} failed"
            )
    print(f"{counts.total()} runs, {failed.total()} failed")


def main() -> None:
    """Read the options, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--runs", type=int, default=10**9, help="at most")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("--executor", action="append", choices=EXECUTORS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of ending the cluster
    executors = options.executor or list(EXECUTORS)
    failures = stress(options.seconds, options.seed, executors, options.jobs, options.runs)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
