"""What the fuzzer itself is tried with: each of these failures must be found."""

import os
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

from common import Target

# ruff: noqa: ARG005 - they fail whatever they are given


def _leak(_: bytes) -> None:
    bytearray(2**32)


def _plant(name: str, run: Callable[[Any], object]) -> Target:
    return Target(name, "a planted failure", lambda random: random.randbytes(4), run, 1)


PLANTED = {
    each.name: each
    for each in (
        _plant("planted-error", lambda given: 1 / (len(given) - 4)),
        _plant("planted-crash", lambda given: os.kill(os.getpid(), signal.SIGSEGV)),
        _plant("planted-loop", lambda given: all(True for _ in iter(int, 1))),
        _plant("planted-sleep", lambda given: time.sleep(3600)),
        _plant("planted-memory", _leak),
        _plant("planted-output", lambda given: os.write(2, b"a library's own words\n")),
        _plant("planted-warning", lambda given: warnings.warn("beware of 7", stacklevel=1)),
    )
}
