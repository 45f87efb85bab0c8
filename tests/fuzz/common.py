"""What all targets share: what a target is, where input is written, how it is changed."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mutations import flipped, reworded, spliced

#: Pictures of more are not decoded: so are those small that claim to be large.
MOST_PIXELS = 2**16
#: Results of more values are not computed.
MOST_VALUES = 2**18

_MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made there
FOLDER = Path(tempfile.mkdtemp(dir=_MEMORY if os.path.isdir(_MEMORY) else None))  # noqa: PTH112
_OWNER = os.getpid()


@atexit.register
def _clear_away() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(FOLDER, ignore_errors=True)


class Refused(Exception):  # noqa: N818 - no error, but what ought to be
    """What a command refused, in one line and with a status, as it should."""


@dataclass(frozen=True)
class Target:
    """Something that reads.

    Attributes
    ----------
    name, about : str
    make : callable
        Makes an input of randomness.
    run : callable
        Reads it; raises CnnFilterError, or `Refused`, or what is a failure.
    share : int
        How many of a thousand inputs it gets, about.
    text : callable, optional
        Makes an input of bytes, where a guided fuzzer is to make them.
    """

    name: str
    about: str
    make: Callable[[Random], object]
    run: Callable[[Any], object]
    share: int
    text: Callable[[bytes], object] | None = None


def written(name: str, content: bytes) -> Path:
    path = FOLDER / name
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123 - half the time
        file.write(content)
    return path


def mutated(
    valid: Callable[[], list[bytes]], change: Callable[[bytes, Random], bytes]
) -> Callable[[Random], bytes]:
    def make(random: Random) -> bytes:
        data = random.choice(valid())
        match random.randrange(10):
            case 0:
                return spliced(data, random.choice(valid()), random)
            case 1 | 2:
                return flipped(data, random)
            case 3:
                return change(change(data, random), random)
            case _:
                return change(data, random)

    return make


def text_bytes(texts: tuple[str, ...]) -> Callable[[Random], bytes]:
    def make(random: Random) -> bytes:
        text = reworded(random.choice(texts), random)
        return text.encode("utf-8", "surrogateescape" if random.randrange(9) else "surrogatepass")

    def safe(random: Random) -> bytes:
        try:
            return make(random)
        except UnicodeEncodeError:
            return b"1,\xff\n"

    return safe
