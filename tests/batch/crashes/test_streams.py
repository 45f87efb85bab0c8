"""Streams that are closed, before a run or during it."""

import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from .pictures import (
    LEDGER,
    MALFORMED,
    files_below,
    make_pictures,
    read_report,
    results_below,
    spoilt_tiff,
)
from .processes import (
    POOLS,
    WAYS,
    Start,
    assert_pooled,
    link_of,
    on_linux,
    until,
    with_a_pipe,
)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("way", WAYS)
def test_no_file_takes_the_number_of_a_closed_stream(
    way: str, closed: str, start: Start, tmp_path: Path
) -> None:
    # Whatever is opened first takes a closed stream's number, and the libraries of image formats
    # write their complaints to that of standard error.
    make_pictures(tmp_path / "in", 12, suffixes=".png .jpg .tif .webp")
    for number, (suffix, data) in enumerate([*MALFORMED, (".tif", spoilt_tiff())]):
        (tmp_path / f"in/bad{number}{suffix}").write_bytes(data)
    words = ["pool", "in", *WAYS[way]]
    usual = start(*words, "-o", "usual", "--report", "usual.jsonl")
    started = start(*words, "-o", "out", "--report", "report.jsonl", shell=closed)
    assert started.status == usual.status == 1
    assert files_below(tmp_path / "out") == files_below(tmp_path / "usual")
    assert len(results_below(tmp_path / "out")) >= 12

    def report(name: str) -> list[tuple[str, str | None]]:
        return [(line["input"], line.get("error")) for line in read_report(tmp_path / name)]

    assert report("report.jsonl") == report("usual.jsonl")
    ledgers = [read_report(tmp_path / name / LEDGER) for name in ("out", "usual")]
    assert [line["input"] for line in ledgers[0]] == [line["input"] for line in ledgers[1]]
    if "2>&-" in closed:
        assert started.stderr == ""
    else:
        found, known = (
            re.findall(r"cnnfilter: in/.*", run.stderr)  # and not what libraries write
            for run in (started, usual)
        )
        assert found == [line.replace("usual/", "out/") for line in known]
    started.wait_for_all()


@on_linux
@pytest.mark.parametrize("way", POOLS)
def test_closed_streams_lead_nowhere_in_every_process(
    way: str, start: Start, tmp_path: Path
) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 12)
    words = ["pool", "--files-from", "list", "-o", "out", *WAYS[way]]
    closed = "<&- >&- 2>&-"
    started = start(*words, shell=closed)
    writer = pipe.opened(started)
    # While a file is at work, what its library writes to 2 leads into a pipe.
    allowed = {0: {os.devnull}, 1: {os.devnull}, 2: {os.devnull, "pipe"}}
    led = {
        pid: {number: link_of(pid, number).partition(":")[0] for number in allowed}
        for pid in started.alive()
    }
    os.write(writer, content)
    os.close(writer)
    assert started.status == 0
    assert len(led) >= {"threads": 1, "processes": 3}[way]
    for pid, descriptors in led.items():
        assert all(descriptors[number] in allowed[number] for number in allowed), (pid, led)
    assert_pooled(tmp_path / "out", expected)
    started.wait_for_all()


def test_damaged_images_do_not_wait_for_a_pipe(start: Start, tmp_path: Path) -> None:
    pipe, content, expected = with_a_pipe(tmp_path / "in", 24)
    names = (tmp_path / "list").read_text().splitlines()
    for number in range(12):
        (tmp_path / f"in/bad{number}.tif").write_bytes(spoilt_tiff())
        names.append(f"in/bad{number}.tif")
    (tmp_path / "list").write_text("".join(f"{name}\n" for name in names))
    words = ["pool", "--files-from", "list", "-o", "out", "--report", "report.jsonl"]
    started = start(*words, "--executor", "threads", "--jobs", "3")
    writer = pipe.opened(started)
    until(lambda: len(results_below(tmp_path / "out")) == 23, "the others are not held up")
    os.write(writer, content)
    os.close(writer)
    assert started.status == 1
    assert started.counts == (24, 0, 12)
    assert (
        sum("decoder error -2: Using code not yet in table" in line for line in started.lines) == 12
    )
    assert_pooled(tmp_path / "out", expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_without_a_word_when_its_reader_leaves(
    way: str, start: Start, tmp_path: Path
) -> None:
    pipe, content, _ = with_a_pipe(tmp_path / "in", 60)
    started = start("pipeline", "digits", "in", *WAYS[way], stdout=subprocess.PIPE)
    assert started.process.stdout is not None
    assert started.process.stdout.readline().startswith(b"in/0000.png\t")
    started.process.stdout.close()
    # It may be noticed before the pipe is read, or after.
    with contextlib.suppress(AssertionError, BrokenPipeError):
        writer = pipe.opened(started)
        os.write(writer, content)
        os.close(writer)
    assert started.status == 141
    assert started.lines == []
    started.wait_for_all()


def test_printing_ends_without_a_word_when_its_reader_leaves(start: Start, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 40, 96)
    started = start("pool", "in", "--print", stdout=subprocess.PIPE)
    assert started.process.stdout is not None
    assert started.process.stdout.read(8)
    started.process.stdout.close()
    assert started.status == 141
    assert started.lines == []


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_is_not_missed_where_nothing_is_printed(
    way: str, start: Start, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "in", 20)
    reader, writer = os.pipe()
    os.close(reader)
    started = start("pool", "in", "-o", "out", *WAYS[way], stdout=writer)
    os.close(writer)
    assert started.status == 0, started.stderr
    assert len(results_below(tmp_path / "out")) == 20
