"""Writing: beside the target first, then renamed, so that no half file is ever seen."""

import io
import os
import stat
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from cnnfilter.errors import FileError
from cnnfilter.files.source import reason, shown


def discard_output() -> None:
    """Send nowhere what is left in the buffer; it would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Write to standard output, all the way.

    Raises
    ------
    FileError
        If it is closed, its reader is gone, or its disk full.
    """
    if sys.stdout is None:
        raise FileError("standard output is closed; write to a file with -o")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        raise FileError(f"standard output: {reason(error)}") from None


@contextmanager
def replacing(path: str | Path, *, force: bool = True) -> Iterator[BinaryIO]:
    """Open a file to write that takes its name only when all is written.

    ``-`` is standard output, which gets everything at once, as do pipes and devices.
    A link's target is replaced, not the link. Missing folders are made.

    Raises
    ------
    FileError
        If the place cannot be written to, or a file came to be there (without `force`).
    """
    if str(path) == "-":
        buffer = io.BytesIO()
        yield buffer
        with standard_output() as stdout:
            stdout.buffer.write(buffer.getbuffer())
        return
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            buffer = io.BytesIO()
            yield buffer
            target.write_bytes(buffer.getbuffer())
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as part:
            with part.open("xb") as file:
                yield file
            _rename(part, target, force=force)
    except OSError as error:
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Name a file beside the target, and leave none behind."""
    part = target.with_name(f".{os.urandom(8).hex()}.cnnfilter-part")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink()


def _rename(part: Path, target: Path, *, force: bool) -> None:
    if not force:
        with suppress(OSError):
            os.link(part, target)  # unlike a renaming, it never replaces
            return
        if target.exists():
            raise _exists(target)
    elif target.exists():
        part.chmod(stat.S_IMODE(target.stat().st_mode))
    part.replace(target)


def identity(path: str | Path) -> tuple[int, int] | None:
    """Tell which file a path is, whatever its name; None if there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def check_target(path: Path, inputs: Container[tuple[int, int]], *, force: bool) -> None:
    """Refuse to write over an input, or over any file without `force`.

    Raises
    ------
    FileError
        If the path is an input by whatever name, or exists.
    """
    found = identity(path)
    if found is None:
        return
    if found in inputs:
        raise FileError(f"{shown(path)}: is an input itself; choose another name")
    if path.is_dir():
        raise FileError(f"{shown(path)}: is a folder; end its name with / to write into it")
    if path.is_file() and not force:
        raise _exists(path)


def _exists(path: Path) -> FileError:
    return FileError(f"{shown(path)}: exists already; --force overwrites it")
