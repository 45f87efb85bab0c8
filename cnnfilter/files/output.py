"""Writing: beside the target first, then renamed, so that no half file is ever seen."""

import io
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from cnnfilter.errors import FileError
from cnnfilter.files.source import reason, shown


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Write to standard output, all the way.

    Raises
    ------
    FileError
        If its reader is gone or its disk full.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise FileError(f"standard output: {reason(error)}") from None


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to write that takes its name only when all is written.

    ``-`` is standard output, which gets everything at once. Missing folders are made.

    Raises
    ------
    FileError
        If the place cannot be written to.
    """
    if str(path) == "-":
        buffer = io.BytesIO()
        yield buffer
        with standard_output() as stdout:
            stdout.buffer.write(buffer.getbuffer())
        return
    path = Path(path)
    beside = path.with_name(f".{secrets.token_hex(8)}.cnnfilter-part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None
    finally:
        with suppress(OSError):
            beside.unlink()


def check_target(path: Path, source: str, *, force: bool) -> None:
    """Refuse to write over the input, or over anything without `force`.

    Raises
    ------
    FileError
        If the path is the source by whatever name, or exists.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise FileError(f"{shown(path)}: cannot be written ({error})") from None
    if source != "-" and os.path.samestat(found, os.stat(source)):
        raise FileError(f"{shown(path)}: is the input itself; choose another name")
    if path.is_dir():
        raise FileError(f"{shown(path)}: is a folder; end its name with / to write into it")
    if not force:
        raise FileError(f"{shown(path)}: exists already; --force overwrites it")
