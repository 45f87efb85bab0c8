"""Ctrl-C and SIGTERM where no folder is worked through: while modules load, and on terminals."""

import os
import random
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cnnfilter import write_image

from ..pictures import Images

STATUS = Path("/proc/self/status")
if not STATUS.exists():
    pytest.skip("whether signals are heard is looked up in /proc", allow_module_level=True)

#: Commands of all kinds; each takes some tenths of a second, most of them for imports.
COMMANDS = (
    "kernels",
    "--help",
    "networks",
    "pool a.png -o {out}.png",
    "convolve -k sobel a.png -o {out}.avif",
    "pipeline digits a.png",
    "explain 'convolve sharpen' a.png --html {out}.html",
    "convolve -k sharpen a.png --sheet {out}.png",
    "convolve -k sharpen a.png --plot {out}.svg",
)


def _hears_signals(pid: int) -> bool:
    """Return whether a process has begun to handle SIGTERM, which Python itself does not."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next((line for line in lines if line.startswith("SigCgt:")), "SigCgt: 0")
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_modules_load_ends_the_command_without_a_word(
    number: signal.Signals, status: int, command: str, environment: dict[str, str], tmp_path: Path
) -> None:
    write_image(tmp_path / "a.png", np.add.outer(np.arange(60), np.arange(60)))
    seed = int(time.time())
    chance = random.Random(seed)  # noqa: S311
    ended = 0
    for count, words in enumerate(COMMANDS * 2):
        process = subprocess.Popen(
            [command, *shlex.split(words.format(out=f"out{count}"))],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and not _hears_signals(process.pid):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        told = f"{words} (seed {seed}): {said.decode()}"
        # A signal that comes while Python itself ends is answered by the system.
        assert process.returncode in (0, status, -number), told
        assert all(line.startswith("cnnfilter: ") for line in said.decode().splitlines()), told
        ended += process.returncode != 0
        assert [*tmp_path.glob(".*part")] == [], told
    assert ended


def test_a_terminal_is_as_before_when_a_signal_ends_a_walk(
    command: str, environment: dict[str, str], images: Images, tmp_path: Path
) -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    images.padlock("a.png")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [command, "explain", "convolve sharpen", "a.png", "--walk"],
        cwd=tmp_path,
        env=environment | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        written = b""
        while b"of 196" not in written:
            written += os.read(ours, 65536)
        while termios.tcgetattr(theirs) == before:  # until it reads keys
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    while select.select([ours], [], [], 0.2)[0]:
        written += os.read(ours, 65536)
    assert termios.tcgetattr(theirs) == before
    assert written.rindex(b"\x1b[?1049l") > written.rindex(b"\x1b[?1049h")
    assert written.rindex(b"\x1b[?25h") > written.rindex(b"\x1b[?25l")
    os.close(ours)
    os.close(theirs)


def test_ctrl_c_before_signals_are_heard_ends_the_command_without_a_word(
    environment: dict[str, str],
) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cnnfilter.cli.signals':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from cnnfilter.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
