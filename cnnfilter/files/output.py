"""Atomic writing: into a part file next to the target, which is then renamed.

A part file is locked, and the lock ends with its process: this distinguishes the stray of a
killed run from a file that another run is writing.
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

    from cnnfilter.files.encoding import Output

_PART = r"\.[0-9a-f]{16}\.cnnfilter-part"
#: The part files of this process, and the lock for adding one.
_parts: set[Path] = set()
_opening = threading.Lock()


def discard(stream: TextIO) -> None:
    """Discard a stream's buffer, which would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Open standard output, and flush it at the end.

    Raises
    ------
    FileError
        If it is closed, or its disk full.
    BrokenPipeError
        If its reader is gone, which is no fault of anybody: the command ends.
    """
    if sys.stdout is None:
        raise FileError("standard output is closed; write to a file instead")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
        raise
    except OSError as error:
        discard(sys.stdout)
        raise FileError(f"standard output: {reason(error)}") from None


@contextmanager
def replacing(
    path: str | Path, existing: str = "replace", *, durable: bool = False
) -> Iterator[BinaryIO]:
    """Open a file that gets its name once complete.

    The text ``-`` is standard output, which gets everything at once, as do pipes and devices.
    A link's target is replaced, not the link. Missing folders are made.

    Parameters
    ----------
    path : str or Path
    existing : {"refuse", "same", "replace"}
        See `cnnfilter.files.encoding.Output`.
    durable : bool
        Whether to sync the file before it takes its name, and then the name: after a loss of
        power it is whole or absent.

    Raises
    ------
    FileError
        If the path cannot be written to, or has a file that is not to be replaced.
    """
    if path == "-":
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
            for folder in (target.parent, *(path.parent for path in made)):
                _sync_folder(folder)
    except BrokenPipeError:  # a pipe with a name, whose reader is gone
        raise
    except OSError as error:
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those that were missing, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def sync(file: IO[Any]) -> None:
    """Sync a file to its disk.

    Raises
    ------
    OSError
        If it cannot be stored.
    """
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the names in a folder to its disk."""
    if sys.platform == "win32":  # folders cannot be opened, and names are in a journal
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
    """A file without a descriptor, so that encoders write through Python: all or an error.

    Through a descriptor they would not notice a partial write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of the data."""
        return self._file.write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position."""
        return self._file.seek(offset, whence)

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


def opened_to_write(target: Path) -> BinaryIO:
    """Open a pipe or a device; wait for a pipe's reader, but not for ever.

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
    """Open a locked part file next to the target, and leave none behind."""
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
    """Remove this process's part files, and open no more: it is about to end."""
    _opening.acquire(timeout=1)  # for good
    for part in list(_parts):
        with suppress(OSError):
            part.unlink()


@contextmanager
def _locked(file: BinaryIO) -> Iterator[bool]:
    """Lock a new file, also beyond its closing; yield False if it was removed as a stray."""
    if sys.platform == "win32":  # an open file cannot be removed
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
        return True  # files cannot be locked here, so none is ever taken for a stray
    return os.fstat(descriptor).st_nlink > 0


def remove_strays(folder: Path, inputs: Container[int] = ()) -> bool:
    """Remove part files of killed runs, but none that a run is writing now.

    Parameters
    ----------
    folder : Path
    inputs : container of int
        The `file_fingerprints` of files that are kept whatever their names.

    Returns
    -------
    bool
        Whether none is left.
    """
    try:
        with os.scandir(folder) as entries:
            strays = [
                Path(entry.path)
                for entry in entries
                if re.fullmatch(_PART, entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return True
    strays = [stray for stray in strays if not is_input(stray, inputs)]
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
    """Rename a part file; return False if another file has the name and is kept."""
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
    """Return a file's fingerprints, the same for all its names; none if there is no file.

    The text ``-`` is the file that standard input is read from. The first fingerprint is of the
    place on this machine's disks; the second is the same on other machines. Both have 64 bits.
    """
    try:
        found = os.fstat(0) if path == "-" else os.stat(path)
    except (OSError, ValueError):
        return ()
    if path == "-" and not stat.S_ISREG(found.st_mode):
        return ()  # a pipe or a terminal, which may be written to as well
    here = hash((found.st_dev, found.st_ino))
    anywhere = hash((found.st_ino, found.st_size, found.st_mtime_ns))
    return here % 2**64, anywhere % 2**64


def fingerprints_of(paths: Iterable[str | Path]) -> set[int]:
    """Return the fingerprints of several files."""
    return {fingerprint for path in paths for fingerprint in file_fingerprints(path)}


def is_input(path: Path, inputs: Container[int]) -> bool:
    """Return whether a path is one of the files with these fingerprints, by any name."""
    # As it is written to: a/../b is b, also where there is no folder a.
    return any(known in inputs for known in file_fingerprints(os.path.realpath(path)))


def check_target(output: "Output", inputs: Container[int]) -> None:
    """Refuse to write over inputs and files to keep.

    Parameters
    ----------
    output : Output
        Whether an existing file holds the same bytes is checked only when it is written.
    inputs : container of int
        The `file_fingerprints` of all inputs.

    Raises
    ------
    FileError
        If the path is an input by any name, or exists.
    """
    if output.path == "-":
        return
    path = nameable(output.path)
    if is_input(path, inputs):
        raise FileError(f"{shown(path)}: is an input itself; choose another name")
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long, or a folder that may not be searched
        raise FileError(f"{shown(path)}: cannot be written ({reason(error)})") from None
    if is_folder:
        raise FileError(f"{shown(path)}: is a folder; end its name with / to write into it")
    if output.existing == "refuse" and os.path.isfile(os.path.realpath(path)):  # noqa: PTH113
        raise _exists(path)


def _exists(path: Path) -> FileError:
    return FileError(f"{shown(path)}: exists already; --force overwrites it")
