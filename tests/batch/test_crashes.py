"""Runs that are killed, interrupted, or robbed of disk, workers or terminal: nothing is lost.

What comes out is held against SciPy, plain loops, and runs that nobody disturbed. Where a run has
to be caught at work, a pipe stands among its images: whoever reads it waits until the test writes.
"""

import contextlib
import functools
import io
import itertools
import json
import os
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate2d

if sys.platform == "win32":
    pytest.skip("POSIX signals, pipes, locks and limits", allow_module_level=True)

import fcntl
import resource

PROC = Path("/proc")
on_linux = pytest.mark.skipif(
    not PROC.joinpath("self/environ").exists(), reason="processes are looked up in /proc"
)

#: Seconds after which a run is taken to hang. None takes a fifth of it.
PATIENCE = 30.0
LEDGER = ".cnnfilter-ledger.jsonl"
PART = ".cnnfilter-part"
WAYS = {
    "threads": ("--executor", "threads", "--jobs", "2"),
    "processes": ("--executor", "processes", "--jobs", "2"),
    "one job": ("--jobs", "1"),
}
POOLS = ["threads", "processes"]
SUMMARY = re.compile(r"cnnfilter: (\d+) done, (\d+) skipped, (\d+) failed\b")

Start = Callable[..., "Started"]


# Pictures


def _encoded(values: np.ndarray, suffix: str) -> bytes:
    kinds = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP", ".gif": "GIF"}
    options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    image = Image.fromarray(values)
    if suffix == ".gif" and values.ndim == 3:
        image = image.quantize(64)
    buffer = io.BytesIO()
    image.save(buffer, kinds[suffix], **options)
    return buffer.getvalue()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb(side: int = 60_000) -> bytes:
    """Make a PNG that claims to be larger than what is decoded."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(itertools.starmap(_chunk, chunks))


_NOISE = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
MALFORMED: list[tuple[str, bytes]] = [
    *((suffix, _half(_encoded(_NOISE, suffix))) for suffix in (".png", ".jpg", ".tif", ".webp")),
    (".gif", _half(_encoded(_NOISE[..., 0], ".gif"))),
    (".png", b"I am no image.\n"),
    (".jpg", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
    (".tif", b""),
    (".webp", b"RIFF\x10\0\0\0WEBPVP8L"),
    (".png", _bomb()),
]


def _spoilt() -> bytes:
    """Make a TIFF of whose codes its library complains by itself."""
    buffer = io.BytesIO()
    Image.fromarray(_NOISE).save(buffer, "TIFF", compression="tiff_lzw")
    data = buffer.getvalue()
    return data[:100] + b"\xff" * 60 + data[160:]


def _pictures(folder: Path, count: int, side: int = 24, suffixes: str = ".png") -> list[Path]:
    """Make pictures of noise, each another."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(2)
    paths = []
    for number, suffix in zip(range(count), itertools.cycle(suffixes.split())):
        values = random.integers(0, 256, (side, side, 3), np.uint8)
        paths.append(folder / f"{number:04}{suffix}")
        paths[-1].write_bytes(_encoded(values, suffix))
    return paths


def _pooled(path: Path) -> np.ndarray:
    """Give the largest value of each two by two pixels, by a plain loop."""
    with Image.open(path) as image:
        values = np.asarray(image)
    height, width = values.shape[0] // 2, values.shape[1] // 2
    result = np.empty((height, width, *values.shape[2:]), values.dtype)
    for row in range(height):
        for column in range(width):
            window = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            result[row, column] = window.max((0, 1))
    return result


def _decoded(data: bytes) -> np.ndarray:
    """Decode a whole picture; one that is cut short raises."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def _files(folder: Path) -> dict[str, bytes]:
    """Read what lies below a folder, hidden or not, besides ledgers."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # one being written is renamed or removed
            if path.is_file() and path.name != LEDGER:
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _results(folder: Path) -> dict[str, bytes]:
    """Read what has a final name; all of it can be decoded."""
    found = {name: data for name, data in _files(folder).items() if not name.endswith(PART)}
    for name, data in found.items():
        try:
            _decoded(data)
        except OSError as error:
            raise AssertionError(f"{name} is not whole: {error}") from None
    return found


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f"*{PART}"))


# Processes


class Started(NamedTuple):
    """A run of the command in a session of its own."""

    process: "subprocess.Popen[bytes]"
    errors: Path
    mark: bytes

    @property
    def status(self) -> int:
        """The status that a shell would tell, once it has ended."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it hangs; so far it said: {self.stderr!r}") from None
        return status if status >= 0 else 128 - status

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return self.errors.read_text()

    @property
    def lines(self) -> list[str]:
        """What it has said, without how far it is, which a slow machine has told."""
        assert "Traceback" not in self.stderr, self.stderr
        pace = re.compile(r"cnnfilter: \d+ of \d+ image")
        return [line for line in self.stderr.splitlines() if not pace.match(line)]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are done, skipped and failed, as the summary says."""
        match = SUMMARY.match(self.lines[-1])
        assert match, self.stderr
        done, skipped, failed = map(int, match.groups())
        return done, skipped, failed

    def alive(self) -> list[int]:
        """Find the run's processes, its orphans too: all inherit its mark."""
        return [pid for pid in _processes() if self.mark in _environment(pid)]

    def kill(self) -> None:
        """End all that is left of it, with no chance to clean up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def _processes() -> list[int]:
    return [int(path.name) for path in PROC.glob("[0-9]*")]


def _environment(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def _command_line(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _has_open(pid: int, path: Path) -> bool:
    try:
        links = [str(each.readlink()) for each in (PROC / str(pid) / "fd").iterdir()]
    except OSError:
        return False
    return str(path.resolve()) in links


def _leads_to(pid: int, number: int) -> str:
    """Name what a process's descriptor leads to; "" where it is closed."""
    try:
        link = (PROC / str(pid) / "fd" / str(number)).readlink()
    except OSError:
        return ""
    return str(link).partition(":")[0]


def _workers(started: Started) -> list[int]:
    """Find the worker processes: children of the run's fork server, or of itself."""
    alive = {pid: _parent(pid) for pid in started.alive() if pid != started.process.pid}
    servers = set(alive.values()) - {started.process.pid}
    helper = b"resource_tracker"
    return [pid for pid in alive if pid not in servers and helper not in _command_line(pid)]


def _until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something is so; it is, sooner or later, on any machine."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.002)
    return found


def _all_end(started: Started) -> None:
    """Wait until no process of a run is left."""
    if PROC.joinpath("self/environ").exists():
        _until(lambda: not started.alive(), "workers are to end with their run")


@pytest.fixture
def start(command: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start the command in the test's folder, and leave none of its processes behind."""
    everyone: list[Started] = []

    def start(*arguments: str, shell: str = "", **options: Any) -> Started:
        mark = uuid.uuid4().hex
        errors = tmp_path / f".errors-{len(everyone)}"
        words = [command, *arguments]
        if shell:
            words = ["sh", "-c", f"exec {shlex.join(words)} {shell}"]
        with errors.open("wb") as file:
            process = subprocess.Popen(
                words,
                cwd=tmp_path,
                # A file that is open where a signal comes is closed, and Python says so.
                env=environment
                | {"CNNFILTER_TEST": mark, "PYTHONWARNINGS": "error,ignore::ResourceWarning"},
                stderr=file,
                start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options},
            )
        everyone.append(Started(process, errors, mark.encode()))
        return everyone[-1]

    yield start
    for each in everyone:
        each.kill()


class Pipe:
    """A named pipe among images; it can be told when someone reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def opened(self, started: Started) -> int:
        """Wait until the run reads it; give the end to write to."""

        def opened() -> int | None:
            assert started.process.poll() is None, f"it ended: {started.stderr}"
            return self._opened()

        return int(_until(opened, "the pipe is to be read"))

    def _opened(self) -> int | None:
        with contextlib.suppress(OSError):  # as long as nobody reads
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        return None

    def serve(self, started: Started, answer: Callable[[int], bytes]) -> int:
        """Answer everyone who reads it, until the run ends; count them.

        The answer is given the reader's process, and gives what is written.
        """

        served = 0
        end = time.monotonic() + PATIENCE
        while started.process.poll() is None:
            assert time.monotonic() < end, f"it hangs; so far it said: {started.stderr!r}"
            if (writer := self._opened()) is None:
                time.sleep(0.002)
                continue
            if reader := self._reader(started, writer):
                with contextlib.suppress(BrokenPipeError):
                    os.write(writer, answer(reader))
                served += 1
            os.close(writer)
            self.wait_until_read(reader)
        return served

    def _reader(self, started: Started, writer: int) -> int:
        """Find the process that reads it; 0 if it has gone by now."""

        def readers() -> list[int]:
            found = [pid for pid in started.alive() if _has_open(pid, self.path)]
            return found or [0] * _is_left(writer)

        return int(_until(readers, "the pipe is to be read")[0])

    def wait_until_read(self, *readers: int) -> None:
        """Wait until these processes have closed it."""

        def is_read() -> bool:
            return not any(_has_open(pid, self.path) for pid in readers)

        _until(is_read, "all is to be read")


def _is_left(writer: int) -> bool:
    """Whether whoever read a pipe has gone."""
    poll = select.poll()
    poll.register(writer, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


# Thousands of images, fifty of them malformed


class Tree(NamedTuple):
    """A tree of images."""

    folder: Path
    order: list[str]
    bad: set[str]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make 2,000 images of 16x16 in a nested tree."""
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
            if suffix == ".jpg":  # noise would not be told from what JPEG loses
                values = (ramp * random.uniform(1, 6, 3) + 20).astype(np.uint8)
            elif channels == 1:
                values = values[..., 0]
            elif channels == 16:
                values = random.integers(0, 65536, (16, 16), np.uint16)
            data = _encoded(values, suffix)
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
    report: list[dict[str, Any]]
    lines: list[str]
    status: int


@pytest.fixture(scope="module")
def made(
    tree: Tree,
    command: str,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Made]:
    """Work through the tree, in threads and in processes, with nobody disturbing it."""
    found = {}
    for way in POOLS:
        folder = tmp_path_factory.mktemp("made")
        done = subprocess.run(
            [command, *_SHARPENING, "-r", str(tree.folder), "-o", "out", *WAYS[way]],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        report = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
        lines = done.stderr.decode().splitlines()
        found[way] = Made(_files(folder / "out"), report, lines, done.returncode)
    return found


_SHARPENING = ("convolve", "-k", "sharpen", "--report", "report.jsonl")


def _sharpened(name: str) -> str:
    path = Path(name)
    return path.with_name(f"{path.stem}-sharpen{path.suffix}").as_posix()


@pytest.mark.parametrize("way", POOLS)
def test_two_thousand_images_are_worked_through_but_for_fifty(
    way: str, tree: Tree, made: dict[str, Made]
) -> None:
    results, report, lines, status = made[way]
    good = [name for name in tree.order if name not in tree.bad]
    assert status == 1
    assert sorted(results) == sorted(map(_sharpened, good))
    assert len(results) == 1950
    assert [line["input"] for line in report] == [str(tree.folder / name) for name in tree.order]
    failed = {line["input"]: line["error"] for line in report if "error" in line}
    assert set(failed) == {str(tree.folder / name) for name in tree.bad}
    assert all(error.startswith(name) for name, error in failed.items())
    *told, summary = [line for line in lines if "a second," not in line or " done, " in line]
    assert told == [f"cnnfilter: {error}" for error in failed.values()]
    match = SUMMARY.match(summary)
    assert match
    assert match.groups() == ("1950", "0", "50")
    for line in report:
        if "error" not in line:
            below = Path(line["input"]).relative_to(tree.folder).as_posix()
            assert line["outputs"] == [f"out/{_sharpened(below)}"]


def test_two_thousand_results_are_those_of_scipy(tree: Tree, made: dict[str, Made]) -> None:
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    compared = 0
    for name in tree.order:
        if name in tree.bad:
            continue
        values = _decoded((tree.folder / name).read_bytes())
        planes = np.atleast_3d(values).astype(np.int64)
        sums = [correlate2d(plane, kernel, "valid") for plane in np.moveaxis(planes, -1, 0)]
        top = 255 if values.dtype == np.uint8 else 65535
        expected = np.stack(sums, -1).clip(0, top).reshape(14, 14, *values.shape[2:])
        result = _decoded(made["threads"].results[_sharpened(name)])
        if name.endswith(".jpg"):
            assert np.abs(result - expected).mean() < 6
            continue
        assert result.dtype == values.dtype
        np.testing.assert_array_equal(result, expected, name)
        compared += 1
    assert compared > 1500


def test_whoever_works_the_bytes_are_the_same(made: dict[str, Made]) -> None:
    threads, processes = (made[way] for way in POOLS)
    assert processes.results == threads.results

    def without_times(report: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**line, "milliseconds": 0} for line in report]

    assert without_times(processes.report) == without_times(threads.report)


# Runs that are killed


def test_a_run_killed_ten_times_is_completed(start: Start, tmp_path: Path) -> None:
    # Files take a while to be made small, so that they are being written when the run is killed.
    for place in ("in", "in/deep", "in/deep/er"):
        _pictures(tmp_path / place, 60, 64, ".png .tif .webp .png")
    words = ["convolve", "-k", "edge", "--compression", "small", "-r", "in"]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = _results(tmp_path / "undisturbed")
    assert len(expected) == 180
    random = np.random.default_rng(3)
    out = tmp_path / "out"
    killed = 0
    for _, way in zip(range(10), itertools.cycle(POOLS)):
        known = len(_files(out))
        wanted = known + int(random.integers(0, 10))
        started = start(*words, "-o", "out", *WAYS[way], "--skip-existing")
        while started.process.poll() is None and len(_files(out)) < wanted:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.03))
        killed += started.process.poll() is None
        started.process.kill()
        started.process.wait(PATIENCE)
        whole = _results(out)  # while workers may not have ended yet
        assert whole.items() <= expected.items()
        _all_end(started)
        assert _results(out).items() <= expected.items()
    assert killed
    last = start(*words, "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    done, skipped, failed = last.counts
    assert (done + skipped, failed) == (180, 0)
    assert _files(out) == expected
    assert _parts(tmp_path) == []
    again = start(*words, "-o", "out", "--skip-existing")
    assert again.status == 0
    assert again.counts == (0, 180, 0)
    _all_end(again)


# Workers that are killed


def _with_a_pipe(folder: Path, count: int) -> tuple[Pipe, bytes, dict[str, np.ndarray]]:
    """Put a pipe in the place of a picture; give its content, and what pooling makes of all."""
    paths = _pictures(folder, count)
    expected = {f"{path.stem}-pool.png": _pooled(path) for path in paths}
    held = paths[min(5, count // 2)]
    content = held.read_bytes()
    held.unlink()
    # In a folder a pipe is no image; whoever names one means it.
    names = sorted(f"{folder.name}/{path.name}" for path in [*folder.iterdir(), held])
    (folder.parent / "list").write_text("".join(f"{name}\n" for name in dict.fromkeys(names)))
    return Pipe(held), content, expected


def _assert_pooled(folder: Path, expected: dict[str, np.ndarray]) -> None:
    results = {name: _decoded(data) for name, data in _files(folder).items()}
    assert set(results) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(results[name], values, name)


@on_linux
def test_an_image_whose_worker_is_killed_is_done_by_another(start: Start, tmp_path: Path) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 60)
    started = start(
        "pool", "--files-from", "list", "-o", "out", "--report", "report.jsonl", *WAYS["processes"]
    )
    readers: list[int] = []

    def answer(reader: int) -> bytes:
        readers.append(reader)
        if len(readers) == 1:
            assert reader in _workers(started)
            os.kill(reader, signal.SIGKILL)
        return content

    assert pipe.serve(started, answer) == 2
    assert started.status == 0, started.stderr
    assert started.counts == (60, 0, 0)
    _assert_pooled(tmp_path / "out", expected)
    report = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [Path(line["input"]).stem for line in report] == [f"{each:04}" for each in range(60)]
    _all_end(started)


@on_linux
def test_an_image_that_kills_each_worker_is_named_and_the_others_are_done(
    start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 60)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS["processes"])

    def kill(reader: int) -> bytes:
        os.kill(reader, signal.SIGKILL)
        return b""

    assert pipe.serve(started, kill) == 2
    assert started.status == 1
    assert started.counts == (59, 0, 1)
    (line,) = started.lines[:-1]
    assert line.startswith("cnnfilter: in/0005.png: ended the process that worked on it")
    missing = expected.pop("0005-pool.png")
    _assert_pooled(tmp_path / "out", expected)
    _all_end(started)
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    assert start("pool", "--files-from", "list", "-o", "out", "--skip-existing").status == 0
    _assert_pooled(tmp_path / "out", expected | {"0005-pool.png": missing})


@on_linux
def test_a_worker_killed_while_it_waits_for_work_takes_nothing_along(
    start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 4)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS["processes"])
    out = tmp_path / "out"
    # One worker is at the pipe, the other has done the rest.
    _until(lambda: len(_files(out)) == 3 and not _parts(out), "the others are to be done")
    writer = pipe.opened(started)
    busy = _until(lambda: [pid for pid in started.alive() if _has_open(pid, pipe.path)], "a reader")
    idle = [pid for pid in _workers(started) if pid not in busy]
    assert idle
    _until(lambda: all(_sleeps(pid) for pid in idle), "nothing is left to do")
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    # Whoever is at work is ended with it, and the image is tried once more.
    _until(lambda: not set(busy) & set(started.alive()), "the other is to be ended")
    os.close(writer)
    pipe.serve(started, lambda _: content)
    assert started.status == 0, started.stderr
    assert started.counts == (4, 0, 0)
    _assert_pooled(out, expected)
    _all_end(started)


def _sleeps(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "S"
    except OSError:
        return False


# A disk that is full, one that is read-only


class Disk:
    """A small disk in memory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, options: str) -> bool:
        """Mount it, or mount it with other options; whether that was allowed."""
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        with contextlib.suppress(FileNotFoundError):
            return not subprocess.run(words, capture_output=True, check=False).returncode
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Give a disk of a quarter of a mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    disk = Disk(place)
    if not disk.mount("size=256k"):
        pytest.skip("this user may not mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _assert_told(started: Started, out: Path, expected: dict[str, bytes], why: str) -> None:
    """Insist that each image is either there whole, or told to be missing in one line."""
    assert started.status == 1
    results = _files(out)
    assert results.items() <= expected.items()
    missing = sorted(expected.keys() - results.keys())
    assert missing
    assert results
    assert started.counts == (len(results), 0, len(missing))
    told = [line for line in started.lines[:-1] if "is not remembered" not in line]
    assert len(started.lines) - len(told) <= 2  # the summary, and a ledger that is full
    assert all(why in line for line in told)
    assert [line.split(": ")[1] for line in told] == [f"{out.parent.name}/out/{n}" for n in missing]


@pytest.mark.parametrize("way", POOLS)
def test_a_disk_that_is_full_is_told_and_gone_on_with_when_it_is_not(
    way: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    for place in ("in", "in/deep"):
        _pictures(tmp_path / place, 25, 64)
    words = ["pool", "--size", "1", "-r", "in", *WAYS[way]]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = _results(tmp_path / "undisturbed")
    started = start(*words, "-o", "disk/out")
    _assert_told(started, disk.place / "out", expected, "no space is left")
    assert disk.mount("remount,size=4m")
    last = start(*words, "-o", "disk/out", "--skip-existing")
    assert last.status == 0, last.stderr
    done, skipped, failed = last.counts
    assert (done + skipped, failed) == (50, 0)
    assert _files(disk.place / "out") == expected


def test_a_report_on_a_full_disk_ends_and_the_images_do_not(
    disk: Disk, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 30)
    filler = disk.place / "filler"
    with contextlib.suppress(OSError):
        filler.write_bytes(bytes(2**20))
    started = start("pool", "in", "-o", "out", "--report", "disk/report.jsonl")
    assert started.status in (0, 1)
    *lines, _ = started.lines
    assert started.counts == (30, 0, 0)
    assert len(lines) == 1
    assert "disk/report.jsonl" in lines[0]
    assert len(_results(tmp_path / "out")) == 30


def test_files_that_may_not_grow_are_told(start: Start, tmp_path: Path) -> None:
    small = _pictures(tmp_path / "in", 20, 16)
    for path in _pictures(tmp_path / "large", 20, 96):
        path.rename(tmp_path / "in" / f"large-{path.name}")
    words = ["pool", "--size", "1", "in", *WAYS["one job"]]
    assert start(*words, "-o", "undisturbed").status == 0
    expected = _results(tmp_path / "undisturbed")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))

    (tmp_path / "here").mkdir()
    started = start(*words, "-o", "here/out", preexec_fn=limit)
    _assert_told(started, tmp_path / "here/out", expected, "cannot be written")
    assert len(_results(tmp_path / "here/out")) == len(small)
    last = start(*words, "-o", "here/out", "--skip-existing")
    assert last.status == 0, last.stderr
    assert last.counts == (20, 20, 0)
    assert _files(tmp_path / "here/out") == expected


@pytest.mark.parametrize("output", ["disk/", "disk/new/", "disk/new.png", "disk/{stem}.png"])
def test_a_read_only_disk_is_told_in_one_line(
    output: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 1)
    (disk.place / "0000-pool.png").write_bytes(b"precious")
    assert disk.mount("remount,ro")
    before = _files(disk.place)
    started = start("pool", "in/0000.png", "-o", output, "--force")
    assert started.status == 1
    (line,) = started.lines
    assert line.startswith("cnnfilter: disk/")
    assert "cannot be written (Read-only file system)" in line
    assert _files(disk.place) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_on_a_read_only_disk_is_told(
    way: str, disk: Disk, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 5)
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


def test_a_folder_that_may_not_be_written_to_is_told(start: Start, tmp_path: Path) -> None:
    _pictures(tmp_path / "in", 1)
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    started = start("pool", "in", "-o", "locked/out")
    assert started.status == 1
    assert len(started.lines) == 1
    assert "locked/out" in started.lines[0]
    assert list(folder.iterdir()) == []


# What killed runs leave half written

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
        _pictures(tmp_path / place, 3)
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
    _pictures(tmp_path / "in", 3)
    assert start("pool", "in", "-o", "out").status == 0
    (tmp_path / "out" / STRAY).write_bytes(b"half")
    again = start("pool", "in", "-o", "out", "--skip-existing")
    assert again.status == 0
    assert again.counts == (0, 3, 0)
    assert _parts(tmp_path) == []


def test_a_link_or_a_folder_called_like_a_part_costs_nobody_a_file(
    start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 2)
    (tmp_path / "out" / STRAY.replace("0", "a")).mkdir(parents=True)
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out" / STRAY).symlink_to(tmp_path / "precious")
    started = start("pool", "in", "-o", "out")
    assert started.status == 0, started.stderr
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert len(_results(tmp_path / "out")) == 2


def test_a_killed_runs_own_parts_are_removed_by_the_next(start: Start, tmp_path: Path) -> None:
    # One large file takes long enough to be written for the run to be killed meanwhile.
    values = np.random.default_rng(4).normal(size=(1500, 1000))
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/large.npy", values)
    _pictures(tmp_path / "in", 3)
    words = ["pool", "--size", "1", "in", "--format", "csv", "-o", "out"]
    started = start(*words)
    _until(lambda: _parts(tmp_path), "something is to be written")
    started.kill()
    last = start(*words, "--skip-existing")
    assert last.status == 0, last.stderr
    assert _parts(tmp_path) == []
    np.testing.assert_allclose(
        np.loadtxt(tmp_path / "out/large-pool.csv", delimiter=","), values, rtol=1e-6
    )


# Signals

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(
    ("way", "group"),
    [("one job", False), ("threads", False), ("processes", False), ("processes", True)],
)
def test_a_signal_ends_a_run_that_can_be_gone_on_with(
    way: str,
    group: bool,
    number: signal.Signals,
    status: int,
    start: Start,
    tmp_path: Path,
) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 80)
    out = tmp_path / "out"
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    # The first are told of before one of their followers is waited for.
    _until(lambda: (out / LEDGER).exists(), "something is to be done")
    if group:
        os.killpg(started.process.pid, number)  # as Ctrl-C on a terminal, or a service's stop
    else:
        started.process.send_signal(number)
    with contextlib.suppress(BrokenPipeError):
        os.write(writer, content)
    os.close(writer)
    assert started.status == status
    done, skipped, failed = started.counts
    assert len(started.lines) == 1
    results = _results(out)
    assert 0 < len(results) < 80
    assert done <= len(results)
    assert (skipped, failed) == (0, 0)
    # What is at work is finished, unless its worker is told to end, too.
    finished = way != "one job" and not (group and number == signal.SIGTERM)
    assert ("0005-pool.png" in results) == finished
    assert _parts(tmp_path) == [] or not finished  # a worker may outlive the run by a moment
    _all_end(started)
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    last = start("pool", "--files-from", "list", "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    kept = done - finished  # what stands where the pipe stood is another file
    assert last.counts == (80 - kept, kept, 0)
    _assert_pooled(out, expected)
    assert _parts(tmp_path) == []


@pytest.mark.parametrize("way", POOLS)
def test_a_terminal_that_is_closed_ends_a_run_unless_that_is_ignored(
    way: str, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 300, 48)
    started = start("pool", "in", "-o", "out", *WAYS[way], preexec_fn=_heed_hangup)
    _until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    os.killpg(started.process.pid, signal.SIGHUP)
    assert started.status == 129
    assert len(started.lines) == 1
    assert 0 < len(_results(tmp_path / "out")) < 300
    _all_end(started)
    assert _parts(tmp_path) == []
    kept = start("pool", "in", "-o", "kept", *WAYS[way], preexec_fn=_ignore_hangup)
    _until(lambda: (tmp_path / "kept" / LEDGER).exists(), "something is to be done")
    os.killpg(kept.process.pid, signal.SIGHUP)
    assert kept.status == 0
    assert kept.counts == (300, 0, 0)


def _heed_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run where it is ignored


def _ignore_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@on_linux
def test_a_worker_killed_after_a_signal_does_not_keep_the_run(start: Start, tmp_path: Path) -> None:
    pipe, content, _ = _with_a_pipe(tmp_path / "in", 80)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS["processes"])
    killed: list[int] = []

    def answer(reader: int) -> bytes:
        if not killed:
            started.process.send_signal(signal.SIGINT)
            os.kill(reader, signal.SIGKILL)
            killed.append(reader)
        return content

    pipe.serve(started, answer)
    assert started.status == 130
    assert started.counts[0] < 80
    assert _parts(tmp_path) == []
    assert len(_results(tmp_path / "out")) < 80
    _all_end(started)


@pytest.mark.parametrize(
    ("way", "number", "status"),
    [("threads", signal.SIGINT, 130), ("processes", signal.SIGTERM, 143)],
)
def test_a_second_signal_ends_a_run_at_once(
    way: str, number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 80)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    _until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    # The image at work never ends, so one signal is not enough.
    while started.process.poll() is None:
        started.process.send_signal(number)
        time.sleep(0.05)
    assert started.status == status
    assert started.lines == []
    _all_end(started)
    os.close(writer)
    assert len(_results(tmp_path / "out")) < 80
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    last = start("pool", "--files-from", "list", "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    _assert_pooled(tmp_path / "out", expected)


@pytest.mark.parametrize("way", POOLS)
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_an_image_that_never_ends_does_not_keep_a_run_for_long(
    way: str, number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    pipe, _, _ = _with_a_pipe(tmp_path / "in", 80)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    _until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    started.process.send_signal(number)
    assert started.status == status
    (line,) = started.lines
    assert line.startswith("cnnfilter: stopped: images were still at work after 2.5 s;")
    os.close(writer)
    _all_end(started)
    assert 0 < len(_results(tmp_path / "out")) < 80
    assert _parts(tmp_path) == []


def test_a_codec_that_holds_the_interpreter_does_not_hold_a_run(
    start: Start, tmp_path: Path
) -> None:
    # Pillow encodes JPEG 2000 without letting another thread run: seconds for such a picture.
    noise = np.random.default_rng(1).integers(0, 256, (4000, 4000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.bmp")
    started = start("pool", "--size", "1", "a.bmp", "-o", "out/", "--format", "jp2")
    _until(lambda: _parts(tmp_path), "something is to be written")
    time.sleep(0.3)
    started.process.send_signal(signal.SIGINT)
    assert started.status == 130
    stopped = "cnnfilter: stopped: images were still at work after 2.5 s; "
    assert all(line.startswith(stopped) for line in started.lines)  # a fast machine may finish
    _all_end(started)
    assert _parts(tmp_path) == []


def test_a_signal_ends_what_reads_a_pipe_that_nobody_writes(start: Start, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "a.png")
    started = start("pool", "a.png", "-o", "b.png")
    writer = pipe.opened(started)
    started.process.send_signal(signal.SIGINT)
    assert started.status == 130
    assert started.stderr == ""
    os.close(writer)
    assert _parts(tmp_path) == []


@pytest.mark.parametrize("way", WAYS)
def test_two_signals_at_once_leave_whole_files(way: str, start: Start, tmp_path: Path) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 60)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    time.sleep(0.2)  # Python hears no signal that comes just before it begins to wait
    started.process.send_signal(signal.SIGINT)
    # One right behind the other, a thread of NumPy's may take both, and who reads a pipe sleeps on.
    time.sleep(0.02 if way == "one job" else 0)
    started.process.send_signal(signal.SIGTERM)
    # Two threads may each take one, and then the second may be heard first.
    assert started.status in (130, 143)
    assert "Traceback" not in started.stderr
    os.close(writer)
    _all_end(started)
    assert len(_results(tmp_path / "out")) < 60
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    assert start("pool", "--files-from", "list", "-o", "out", "--skip-existing").status == 0
    _assert_pooled(tmp_path / "out", expected)


def _has_helpers(started: Started) -> bool:
    return len(started.alive()) >= 3


@on_linux
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_to_all_while_workers_start_is_no_traceback(
    number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 300)
    random = np.random.default_rng(5)
    for each in range(3):
        started = start("pool", "in", "-o", f"out-{each}", *WAYS["processes"])
        _until(functools.partial(_has_helpers, started), "helpers are to start")
        time.sleep(random.uniform(0, 0.3))
        os.killpg(started.process.pid, number)
        assert started.status == status
        assert started.lines[:-1] == []
        assert started.counts[2] == 0
        _results(tmp_path / f"out-{each}")
        assert _parts(tmp_path) == []
        _all_end(started)


# Inputs


def _inputs(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Tell all there is to know of the inputs, their times included."""
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
    first, second = _pictures(folder, 2)
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
    before = _inputs(folder)
    started = start(*shlex.split(HARMFUL[case]), *options.split())
    status = started.status
    after = _inputs(folder)
    assert {name: after.get(name) for name in before} == before
    assert (tmp_path / "hard.png").read_bytes() == before["0000.png"][3]
    assert status in (1, 2), started.stderr
    assert started.lines


def test_results_that_are_the_next_runs_inputs_never_change(start: Start, tmp_path: Path) -> None:
    _pictures(tmp_path / "in", 6)
    assert start("pool", "in", "-o", "out/{stem}.png").status == 0
    before = _inputs(tmp_path / "out")
    for options in (["--skip-existing"], ["--skip-existing", "--force"]):
        (tmp_path / "out" / LEDGER).unlink(missing_ok=True)
        started = start("pool", "out", "-o", "out/{stem}.png", *options)
        assert started.status == 1
        assert started.counts == (0, 0, 6)
        assert {name: known for name, known in before.items() if name != LEDGER} == {
            name: known for name, known in _inputs(tmp_path / "out").items() if name != LEDGER
        }


# Streams that are closed


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("way", WAYS)
def test_closed_streams_are_no_one_elses_files(
    way: str, closed: str, start: Start, tmp_path: Path
) -> None:
    # Whatever is opened first takes a closed stream's number, and the libraries of image formats
    # write their complaints to that of standard error.
    _pictures(tmp_path / "in", 12, suffixes=".png .jpg .tif .webp")
    for number, (suffix, data) in enumerate([*MALFORMED, (".tif", _spoilt())]):
        (tmp_path / f"in/bad{number}{suffix}").write_bytes(data)
    words = ["pool", "in", *WAYS[way]]
    usual = start(*words, "-o", "usual", "--report", "usual.jsonl")
    started = start(*words, "-o", "out", "--report", "report.jsonl", shell=closed)
    assert started.status == usual.status == 1
    assert _files(tmp_path / "out") == _files(tmp_path / "usual")
    assert len(_results(tmp_path / "out")) >= 12

    def report(name: str) -> list[tuple[str, str | None]]:
        lines = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        return [(line["input"], line.get("error")) for line in lines]

    assert report("report.jsonl") == report("usual.jsonl")
    ledgers = [(tmp_path / name / LEDGER).read_text().splitlines() for name in ("out", "usual")]
    assert [json.loads(line)["input"] for line in ledgers[0]] == [
        json.loads(line)["input"] for line in ledgers[1]
    ]
    if "2>&-" in closed:
        assert started.stderr == ""
    else:
        told, known = (
            re.findall(r"cnnfilter: in/.*", each.stderr)  # beside what libraries complain of
            for each in (started, usual)
        )
        assert told == [line.replace("usual/", "out/") for line in known]
    _all_end(started)


@on_linux
@pytest.mark.parametrize("way", POOLS)
def test_closed_streams_lead_nowhere_in_every_process(
    way: str, start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 12)
    words = ["pool", "--files-from", "list", "-o", "out", *WAYS[way]]
    closed = "<&- >&- 2>&-"
    started = start(*words, shell=closed)
    writer = pipe.opened(started)
    # While a file is at work, what its library writes to 2 leads into a pipe.
    allowed = {0: {os.devnull}, 1: {os.devnull}, 2: {os.devnull, "pipe"}}
    led = {pid: {number: _leads_to(pid, number) for number in allowed} for pid in started.alive()}
    os.write(writer, content)
    os.close(writer)
    assert started.status == 0
    assert len(led) >= {"threads": 1, "processes": 3}[way]
    for pid, descriptors in led.items():
        assert all(descriptors[number] in allowed[number] for number in allowed), (pid, led)
    _assert_pooled(tmp_path / "out", expected)
    _all_end(started)


def test_a_pipe_that_is_waited_for_holds_no_damaged_image_up(start: Start, tmp_path: Path) -> None:
    pipe, content, expected = _with_a_pipe(tmp_path / "in", 24)
    names = (tmp_path / "list").read_text().splitlines()
    for number in range(12):
        (tmp_path / f"in/bad{number}.tif").write_bytes(_spoilt())
        names.append(f"in/bad{number}.tif")
    (tmp_path / "list").write_text("".join(f"{name}\n" for name in names))
    words = ["pool", "--files-from", "list", "-o", "out", "--report", "report.jsonl"]
    started = start(*words, "--executor", "threads", "--jobs", "3")
    writer = pipe.opened(started)
    _until(lambda: len(_results(tmp_path / "out")) == 23, "the others are not held up")
    os.write(writer, content)
    os.close(writer)
    assert started.status == 1
    assert started.counts == (24, 0, 12)
    assert (
        sum("decoder error -2: Using code not yet in table" in line for line in started.lines) == 12
    )
    _assert_pooled(tmp_path / "out", expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_that_has_seen_enough_is_told_of_in_one_line(
    way: str, start: Start, tmp_path: Path
) -> None:
    pipe, content, _ = _with_a_pipe(tmp_path / "in", 60)
    started = start("pipeline", "digits", "in", *WAYS[way], stdout=subprocess.PIPE)
    assert started.process.stdout is not None
    assert started.process.stdout.readline().startswith(b"in/0000.png\t")
    started.process.stdout.close()
    # It may be noticed before the pipe is read, or after.
    with contextlib.suppress(AssertionError, BrokenPipeError):
        writer = pipe.opened(started)
        os.write(writer, content)
        os.close(writer)
    assert started.status == 1
    told = [line for line in started.lines if not SUMMARY.match(line)]
    assert told == ["cnnfilter: standard output: closed by its reader before all was written"]
    _all_end(started)


def test_a_reader_that_has_seen_enough_of_numbers_is_told_of(start: Start, tmp_path: Path) -> None:
    _pictures(tmp_path / "in", 40, 96)
    started = start("pool", "in", "--print", stdout=subprocess.PIPE)
    assert started.process.stdout is not None
    assert started.process.stdout.read(8)
    started.process.stdout.close()
    assert started.status == 1
    told = [line for line in started.lines if not SUMMARY.match(line)]
    assert told == ["cnnfilter: standard output: closed by its reader before all was written"]


@pytest.mark.parametrize("way", WAYS)
def test_nobody_who_reads_what_nobody_writes_is_missed(
    way: str, start: Start, tmp_path: Path
) -> None:
    _pictures(tmp_path / "in", 20)
    reader, writer = os.pipe()
    os.close(reader)
    started = start("pool", "in", "-o", "out", *WAYS[way], stdout=writer)
    os.close(writer)
    assert started.status == 0, started.stderr
    assert len(_results(tmp_path / "out")) == 20
