"""Writing: beside the target first, then renamed, so that no half file is ever seen.

A file being written is locked, and the lock ends with its process: so a file that a killed
run left behind is told from one that another run is writing now.
"""

import errno
import filecmp
import io
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TextIO

from cnnfilter.errors import FileError
from cnnfilter.files.opening import PATIENCE, nameable, reason
from cnnfilter.text import shown

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: What becomes of a file that has the name already: it is kept and that is an error; kept,
#: and an error unless it holds the same bytes, since then an earlier run was killed after it
#: had written them; or replaced.
EXISTING = ("refuse", "same", "replace")

_PART = re.compile(r"\.[0-9a-f]{16}\.cnnfilter-part")
#: What this process is writing, and the lock under which it begins to.
_parts: set[Path] = set()
_opening = threading.Lock()


def discard(stream: TextIO) -> None:
    """Send nowhere what is left in a buffer; it would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Write to standard output, all the way.

    Raises
    ------
    FileError
        If it is closed, its reader is gone, or its disk full.
    """
    if sys.stdout is None:
        raise FileError("standard output is closed; write to a file instead")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        raise FileError(f"standard output: {reason(error)}") from None


@contextmanager
def replacing(
    path: str | Path, existing: str = "replace", *, durable: bool = False
) -> Iterator[BinaryIO]:
    """Open a file to write that takes its name only when all is written.

    ``-`` is standard output, which gets everything at once, as do pipes and devices.
    A link's target is replaced, not the link. Missing folders are made.

    Parameters
    ----------
    path : str or Path
    existing : {"refuse", "same", "replace"}
        See `EXISTING`.
    durable : bool
        Whether the file is on the disk before it takes its name, and the name when this ends:
        after a loss of power it is whole or absent.

    Raises
    ------
    FileError
        If the place cannot be written to, or a file is there that is not to be replaced.
    """
    if str(path) == "-":
        buffer = io.BytesIO()
        yield buffer
        with standard_output() as stdout:
            stdout.buffer.write(buffer.getbuffer())
        return
    target = nameable(path)
    try:
        if target.exists() and not target.is_file():
            buffer = io.BytesIO()
            yield buffer
            with opened_to_write(target) as file:
                file.write(buffer.getbuffer())
            return
        target = Path(os.path.realpath(path))
        made = _make_folder(target.parent)
        with _beside(target) as (part, file):
            yield file
            if durable:
                sync(file)
            file.close()
            if not _rename(part, target, existing):
                raise _exists(Path(path))
        if durable:
            for folder in (target.parent, *(each.parent for each in made)):
                _sync_folder(folder)
    except OSError as error:
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those it lies in; return those that were made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def sync(file: IO[Any]) -> None:
    """Wait until what was written to a file is on its disk.

    Raises
    ------
    OSError
        If it cannot be stored.
    """
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on its disk."""
    if sys.platform == "win32":  # there, no folder can be opened, and names are kept in a journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a disk that syncs no folders
            raise
    finally:
        os.close(descriptor)


class WithoutDescriptor(io.RawIOBase):
    """A file that encoders can write to only through Python, which writes all or raises.

    By its descriptor they would write on their own, and not notice what is written in part.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of it."""
        return self._file.write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a place."""
        return self._file.seek(offset, whence)

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


def opened_to_write(target: Path) -> BinaryIO:
    """Open a pipe or a device; a pipe that nobody reads is waited for, but not for ever.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    return open(target, "wb", opener=_when_read)


def _when_read(path: str, flags: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            if hasattr(os, "O_NONBLOCK"):
                os.set_blocking(descriptor, True)
            return descriptor


@contextmanager
def _beside(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a file beside the target, locked as long as it is there, and leave none behind."""
    while True:
        part = target.with_name(f".{os.urandom(8).hex()}.cnnfilter-part")
        try:
            with _opened_part(part) as file, _locked(file) as is_ours:
                if is_ours:
                    yield part, file
                    return
        finally:
            with suppress(OSError):
                part.unlink()
            _parts.discard(part)


def _opened_part(part: Path) -> BinaryIO:
    with _opening:
        _parts.add(part)
        return part.open("xb")


def abandon() -> None:
    """Remove what this process has half written, and open no more: it is about to end."""
    _opening.acquire(timeout=1)  # for good
    for part in list(_parts):
        with suppress(OSError):
            part.unlink()


@contextmanager
def _locked(file: BinaryIO) -> Iterator[bool]:
    """Lock a new file, also beyond its closing; False if it was taken for a stray before."""
    if sys.platform == "win32":  # there, a file that is open is not removed
        yield True
        return
    held = os.dup(file.fileno())
    try:
        yield _lock(held)
    finally:
        os.close(held)


def _lock(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
            raise
        return True  # files cannot be locked here, so none is ever told to be a stray
    return os.fstat(descriptor).st_nlink > 0


def remove_strays(folder: Path, inputs: Container[int] = ()) -> bool:
    """Remove what killed runs left half written, and nothing that a run is writing now.

    Parameters
    ----------
    folder : Path
    inputs : container of int
        The `file_fingerprints` of files that are kept whatever they are called.

    Returns
    -------
    bool
        Whether there is nothing of the kind any more.
    """
    try:
        with os.scandir(folder) as entries:
            strays = [
                Path(each.path)
                for each in entries
                if _PART.fullmatch(each.name) and each.is_file(follow_symlinks=False)
            ]
    except OSError:
        return True
    strays = [each for each in strays if not is_input(each, inputs)]
    for stray in strays:
        with suppress(OSError):
            _remove_stray(stray)
    return not any(stray.exists() for stray in strays)


def _remove_stray(stray: Path) -> None:
    with stray.open("r+b") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stray.unlink()
    if sys.platform == "win32":
        stray.unlink()


def _rename(part: Path, target: Path, existing: str) -> bool:
    """Give a file its name; False where another has it that is to be kept."""
    if existing != "replace":
        with suppress(OSError):
            os.link(part, target)  # unlike a renaming, it never replaces
            return True
        if target.exists():
            return existing == "same" and filecmp.cmp(part, target, shallow=False)
    elif target.exists():
        part.chmod(stat.S_IMODE(target.stat().st_mode))
    part.replace(target)
    return True


def file_fingerprints(path: str | Path) -> tuple[int, ...]:
    """Give the marks by which a file is known whatever its name; none if there is no file.

    ``-`` is what standard input is read from.

    The first is of its place on this machine's disks, the second of what other machines see of
    it, too. Each has 64 bits.
    """
    try:
        found = os.fstat(0) if str(path) == "-" else os.stat(path)
    except (OSError, ValueError):
        return ()
    if str(path) == "-" and not stat.S_ISREG(found.st_mode):
        return ()  # a pipe or a terminal, which may be written to as well
    here = hash((found.st_dev, found.st_ino))
    anywhere = hash((found.st_ino, found.st_size, found.st_mtime_ns))
    return here % 2**64, anywhere % 2**64


def fingerprints_of(paths: Iterable[str | Path]) -> set[int]:
    """Return the marks of several files: of all that a run reads."""
    return {mark for path in paths for mark in file_fingerprints(path)}


def is_input(path: Path, inputs: Container[int]) -> bool:
    """Return whether a path leads to one of the files with these marks, by whatever name."""
    # As it is written to: a/../b is b, also where there is no folder a.
    return any(mark in inputs for mark in file_fingerprints(os.path.realpath(path)))


def check_target(path: Path, inputs: Container[int], existing: str) -> None:
    """Refuse to write over an input, or over a file that is not to be replaced.

    Parameters
    ----------
    path : Path
    inputs : container of int
        The `file_fingerprints` of all inputs.
    existing : {"refuse", "same", "replace"}
        See `EXISTING`; what is the same is seen only when it is written.

    Raises
    ------
    FileError
        If the path is an input by whatever name, or exists.
    """
    nameable(path)
    if is_input(path, inputs):
        raise FileError(f"{shown(path)}: is an input itself; choose another name")
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None
    if is_folder:
        raise FileError(f"{shown(path)}: is a folder; end its name with / to write into it")
    if existing == "refuse" and os.path.isfile(os.path.realpath(path)):  # noqa: PTH113
        raise _exists(path)


def _exists(path: Path) -> FileError:
    return FileError(f"{shown(path)}: exists already; --force overwrites it")
