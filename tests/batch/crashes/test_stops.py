"""Signals: a run ends soon, keeps what is done, and can be resumed."""

import contextlib
import functools
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .pictures import LEDGER, make_pictures, parts_below, results_below
from .processes import (
    POOLS,
    SIGNALS,
    WAYS,
    Pipe,
    Start,
    Started,
    assert_pooled,
    on_linux,
    until,
    with_a_pipe,
)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize(
    ("way", "group"),
    [("one job", False), ("threads", False), ("processes", False), ("processes", True)],
)
def test_a_run_ended_by_a_signal_can_be_resumed(
    way: str, group: bool, number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 80)
    out = tmp_path / "out"
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    # The first are reported before one of their followers is waited for.
    until(lambda: (out / LEDGER).exists(), "something is to be done")
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
    results = results_below(out)
    assert 0 < len(results) < 80
    assert done <= len(results)
    assert (skipped, failed) == (0, 0)
    # What is at work is finished, unless its worker has to end, too.
    finished = way != "one job" and not (group and number == signal.SIGTERM)
    assert ("0005-pool.png" in results) == finished
    assert parts_below(tmp_path) == [] or not finished  # a worker may outlive the run by a moment
    started.wait_for_all()
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    last = start("pool", "--files-from", "list", "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    kept = done - finished  # what stands where the pipe stood is another file
    assert last.counts == (80 - kept, kept, 0)
    assert_pooled(out, expected)
    assert parts_below(tmp_path) == []


@pytest.mark.parametrize("way", POOLS)
def test_a_terminal_that_is_closed_ends_a_run_unless_that_is_ignored(
    way: str, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 300, 48)
    started = start("pool", "in", "-o", "out", *WAYS[way], preexec_fn=heed_hangup)
    until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    os.killpg(started.process.pid, signal.SIGHUP)
    assert started.status == 129
    assert len(started.lines) == 1
    assert 0 < len(results_below(tmp_path / "out")) < 300
    started.wait_for_all()
    assert parts_below(tmp_path) == []
    kept = start("pool", "in", "-o", "kept", *WAYS[way], preexec_fn=ignore_hangup)
    until(lambda: (tmp_path / "kept" / LEDGER).exists(), "something is to be done")
    os.killpg(kept.process.pid, signal.SIGHUP)
    assert kept.status == 0
    assert kept.counts == (300, 0, 0)


def heed_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run where it is ignored


def ignore_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@on_linux
def test_a_worker_killed_after_a_signal_does_not_keep_the_run(start: Start, tmp_path: Path) -> None:
    pipe, content, _ = with_a_pipe(tmp_path / "in", 80)
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
    assert parts_below(tmp_path) == []
    assert len(results_below(tmp_path / "out")) < 80
    started.wait_for_all()


@pytest.mark.parametrize(
    ("way", "number", "status"),
    [("threads", signal.SIGINT, 130), ("processes", signal.SIGTERM, 143)],
)
def test_a_second_signal_ends_a_run_at_once(
    way: str, number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 80)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    # The image at work never ends, so one signal is not enough.
    while started.process.poll() is None:
        started.process.send_signal(number)
        time.sleep(0.05)
    assert started.status == status
    assert started.lines == []
    started.wait_for_all()
    os.close(writer)
    assert len(results_below(tmp_path / "out")) < 80
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    last = start("pool", "--files-from", "list", "-o", "out", "--skip-existing")
    assert last.status == 0, last.stderr
    assert_pooled(tmp_path / "out", expected)


@pytest.mark.parametrize("way", POOLS)
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_an_image_that_never_ends_does_not_keep_a_run_for_long(
    way: str, number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    pipe, _, _ = with_a_pipe(tmp_path / "in", 80)
    started = start("pool", "--files-from", "list", "-o", "out", *WAYS[way])
    writer = pipe.opened(started)
    until(lambda: (tmp_path / "out" / LEDGER).exists(), "something is to be done")
    started.process.send_signal(number)
    assert started.status == status
    (line,) = started.lines
    assert line.startswith("cnnfilter: stopped: images were still in work after 2.5 s;")
    os.close(writer)
    started.wait_for_all()
    assert 0 < len(results_below(tmp_path / "out")) < 80
    assert parts_below(tmp_path) == []


def test_a_codec_that_holds_the_interpreter_does_not_hold_a_run(
    start: Start, tmp_path: Path
) -> None:
    # Pillow encodes JPEG 2000 without letting another thread run: seconds for such a picture.
    noise = np.random.default_rng(1).integers(0, 256, (4000, 4000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.bmp")
    started = start("pool", "--size", "1", "a.bmp", "-o", "out/", "--format", "jp2")
    until(lambda: parts_below(tmp_path), "something is to be written")
    time.sleep(0.3)
    started.process.send_signal(signal.SIGINT)
    assert started.status == 130
    stopped = "cnnfilter: stopped: images were still in work after 2.5 s; "
    assert all(line.startswith(stopped) for line in started.lines)  # a fast machine may finish
    started.wait_for_all()
    assert parts_below(tmp_path) == []


def test_a_signal_ends_the_reading_of_a_silent_pipe(start: Start, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "a.png")
    started = start("pool", "a.png", "-o", "b.png")
    writer = pipe.opened(started)
    started.process.send_signal(signal.SIGINT)
    assert started.status == 130
    assert started.stderr == ""
    os.close(writer)
    assert parts_below(tmp_path) == []


@pytest.mark.parametrize("way", WAYS)
def test_two_signals_at_once_leave_whole_files(way: str, start: Start, tmp_path: Path) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 60)
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
    started.wait_for_all()
    assert len(results_below(tmp_path / "out")) < 60
    pipe.path.unlink()
    pipe.path.write_bytes(content)
    assert start("pool", "--files-from", "list", "-o", "out", "--skip-existing").status == 0
    assert_pooled(tmp_path / "out", expected)


def has_helpers(started: Started) -> bool:
    return len(started.alive()) >= 3


@on_linux
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_to_all_starting_workers_prints_no_traceback(
    number: signal.Signals, status: int, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 300)
    random = np.random.default_rng(5)
    for number_of_run in range(3):
        started = start("pool", "in", "-o", f"out-{number_of_run}", *WAYS["processes"])
        until(functools.partial(has_helpers, started), "helpers are to start")
        time.sleep(random.uniform(0, 0.3))
        os.killpg(started.process.pid, number)
        assert started.status == status
        assert started.lines[:-1] == []
        assert started.counts[2] == 0
        results_below(tmp_path / f"out-{number_of_run}")
        assert parts_below(tmp_path) == []
        started.wait_for_all()
