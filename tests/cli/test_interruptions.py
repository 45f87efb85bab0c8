"""Broken pipes, full disks and signals leave nothing half written."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter.batch.ledger import LEDGER

from ..command import Run
from ..pictures import Images


def test_a_closed_pipe_ends_the_printing_without_a_word(
    command: str, environment: dict[str, str], images: Images, tmp_path: Path
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(300, 300)))
    with subprocess.Popen(
        [command, "pool", "--size", "1", "--print", "m.npy"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(8)
        process.stdout.close()
        complaint = process.stderr.read().decode()
    assert process.returncode == 141
    assert complaint == ""


def test_a_full_disk_is_one_line(
    command: str, environment: dict[str, str], images: Images, tmp_path: Path
) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("there is no /dev/full")
    images.photo()
    with full.open("wb") as sink:
        done = subprocess.run(
            [command, "pool", "img.png", "-o", "-"],
            cwd=tmp_path,
            env=environment,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 1


def _interrupt(
    process: "subprocess.Popen[bytes]", when: Callable[[], bool], number: signal.Signals
) -> tuple[int, str]:
    """Send a signal once something has happened; return the shell's status and stderr."""
    assert process.stderr is not None
    end = time.monotonic() + 30
    while not when():
        assert process.poll() is None, "it ended before the signal"
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(number)
    complaint = process.stderr.read().decode()
    status = process.wait(timeout=30)
    return (status if status >= 0 else 128 - status), complaint


# A signal may come between the opening of a file and the statement that closes it; Python
# closes it all the same, and only says so where warnings are errors.
INTERRUPTED = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_between_images_leaves_only_whole_files(
    number: signal.Signals,
    status: int,
    command: str,
    environment: dict[str, str],
    images: Images,
    tmp_path: Path,
) -> None:
    first = images.padlock("0.png")
    names = [f"{index}.png" for index in range(400)]
    for name in names[1:]:
        os.link(first, tmp_path / name)
    out = tmp_path / "out"
    with subprocess.Popen(
        [command, "pool", *names, "-o", "out/"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:
        ended = _interrupt(process, lambda: any(out.glob("*-pool.png")), number)
    assert ended[0] == status
    assert "Traceback" not in ended[1]
    written = sorted(path.name for path in out.iterdir() if path.name != LEDGER)
    assert 0 < len(written) < len(names)
    assert [name for name in written if not name.endswith("-pool.png")] == []
    for name in written:
        with Image.open(out / name) as image:
            image.load()
            assert image.size == (8, 8)


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_while_writing_leaves_the_old_file_and_no_other(
    number: signal.Signals,
    status: int,
    command: str,
    environment: dict[str, str],
    images: Images,
    run: Run,
    tmp_path: Path,
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(1500, 1000)))
    (tmp_path / "out.csv").write_text("precious")
    before = run.snapshot()
    names = {path.name for path in tmp_path.iterdir()}
    with subprocess.Popen(
        [command, "pool", "--size", "1", "m.npy", "-o", "out.csv", "--force"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:

        def busy() -> bool:
            with contextlib.suppress(FileNotFoundError):
                return {path.name for path in tmp_path.iterdir()} != names
            return False

        ended = _interrupt(process, busy, number)
    assert ended[0] == status
    assert "Traceback" not in ended[1]
    assert run.snapshot() == before


def test_an_interrupt_while_computing_leaves_nothing(
    command: str, environment: dict[str, str], images: Images, run: Run, tmp_path: Path
) -> None:
    images.matrix(np.random.default_rng(0).normal(size=(1500, 1500)))
    before = run.snapshot()
    with subprocess.Popen(
        [command, "pool", "--size", "15", "--stride", "1", "--mode", "median", "m.npy"],
        cwd=tmp_path,
        env=environment | INTERRUPTED,
        stderr=subprocess.PIPE,
    ) as process:
        start = time.monotonic()
        ended = _interrupt(process, lambda: time.monotonic() > start + 1, signal.SIGINT)
    assert ended[0] == 130
    assert "Traceback" not in ended[1]
    assert len(ended[1].splitlines()) <= 1
    assert run.snapshot() == before


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX bounds the size of files")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", ["pool img.png -o -", "pool img.png --print --format json", "kernels", "--help"]
)
def test_a_disk_that_fills_during_standard_output_is_reported(
    words: str,
    unbuffered: str,
    command: str,
    environment: dict[str, str],
    images: Images,
    tmp_path: Path,
) -> None:
    import resource

    images.photo()
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [command, *words.split()],
            cwd=tmp_path,
            env={**environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )
    told = "cnnfilter: standard output: larger than a file may be; write elsewhere\n"
    assert (done.returncode, done.stderr.decode()) == (1, told)
    assert (tmp_path / "out").stat().st_size == 100


@pytest.mark.parametrize(
    "option", [("-o", ".png"), ("-o", "/a.png"), ("--report", ".jsonl"), ("--sheet", ".png")]
)
def test_a_name_that_is_too_long_for_the_system_is_reported(
    option: tuple[str, str], images: Images, run: Run
) -> None:
    name, suffix = option
    arguments = "pool", images.photo(), "--size", "2", name, "a" * 300 + suffix
    assert "its name is too long" in run.refused(*arguments, status=1)


def test_a_depth_of_very_many_digits_is_reported_briefly(run: Run) -> None:
    result = run("convolve", "-k", "sharpen", "a.png", "--depth", "9" * 4000)
    assert result.status == 2
    assert len(result.line) < 200
