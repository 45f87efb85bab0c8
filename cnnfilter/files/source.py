"""Opening what a person names: a path, or - for standard input."""

import errno
import io
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cnnfilter.errors import CnnFilterError, ContentError, FileError
from cnnfilter.text import shown

#: Bytes of text: kernels and networks' files are far smaller.
MOST_TEXT = 2**26
#: Bytes that are taken from a pipe: those of the largest RGB picture that is read by default.
MOST_PIPED = 2**29
#: Bytes of a path: no system that this runs on opens a longer one.
LONGEST_PATH = 2**15
#: Seconds that a pipe with a name waits for somebody at its other end.
PATIENCE = 10.0
#: Bytes that are read at a time.
READ_BYTES = 2**20

#: What goes wrong with a path, in words that say what to do.
_REASONS = {
    errno.ENOENT: "no such file; check the path",
    errno.EISDIR: "is a folder; name the files in it",
    errno.EACCES: "access is denied; check its permissions",
    errno.EPIPE: "closed by its reader before all was written",
    errno.ENOSPC: "no space is left; free some or write elsewhere",
    errno.EDQUOT: "no more may be stored by you; free some or write elsewhere",
    errno.EFBIG: "larger than a file may be; write elsewhere",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "a name that is too long; choose a shorter one",
    errno.ENXIO: "nobody is at its other end",
    errno.ELOOP: "is a link that leads nowhere, or is not followed here",
    errno.ENOTDIR: "no such file; a part of its path is no folder",
}


def problem_with(path: str | Path) -> str | None:
    """Return what keeps a name from being a path; None for nothing.

    Examples
    --------
    >>> problem_with("a.png"), problem_with("")
    (None, 'is empty')
    """
    if str(path) == "":
        return "is empty"
    if "\0" in str(path):
        return "holds a NUL"
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError:
        return "holds half a character"
    return f"is longer than {LONGEST_PATH} bytes" if length > LONGEST_PATH else None


def nameable(path: str | Path) -> Path:
    """Refuse a name that no file can have.

    Raises
    ------
    FileError
        If it is empty, too long, or holds a NUL or half a character.
    """
    if str(path) == "":
        raise FileError("a file's name is empty; check what was to stand there")
    if problem := problem_with(path):
        raise FileError(f"{shown(path)[:200]}: no file can have this name: it {problem}")
    return Path(path)


def inside(path: Path, folder: Path) -> Path:
    """Refuse a path that leaves a folder, by whatever way.

    Raises
    ------
    FileError
        If it lies outside, or can be no file.
    """
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # no name that a file can have; a link to itself
        raise FileError(f"{shown(path)}: no such file; check the path") from None
    if not stays:
        raise FileError(f"{shown(path)}: lies outside the network's folder; move it there")
    return path


def regular(path: Path) -> Path:
    """Refuse what exists and is no file: it might never end, or never begin.

    Raises
    ------
    FileError
        If it is a folder, a pipe or a device.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"{shown(path)}: is no file; name one")
    except (OSError, ValueError, RuntimeError):
        raise FileError(f"{shown(path)}: no such file; check the path") from None
    return path


class _Bounded(io.BufferedReader):
    """A file that is never asked for more bytes than it has left.

    Python takes the memory of all that is asked for before it reads, and a corrupt picture asks
    for whatever its chunks say that they hold.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > READ_BYTES and self.seekable():
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


@contextmanager
def opened(path: str | Path, most: int = MOST_PIPED) -> Iterator[BinaryIO]:
    """Open a file to read; ``-`` is standard input. What cannot be searched is taken whole.

    Parameters
    ----------
    path : str or Path
    most : int
        Bytes that are taken of a pipe; one that goes on is refused.

    Raises
    ------
    FileError
        If there is no such file, it may not be read, or is a device, which might never end.
    """
    if str(path) == "-":
        yield _standard_input(most)
        return
    try:
        # Opening a pipe would wait for its writer, who may never come.
        file = _Bounded(open(nameable(path), "rb", 0, opener=_at_once))  # noqa: SIM115
    except OSError as error:
        raise FileError(f"{shown(path)}: {reason(error)}") from None
    with file:
        _check_kind(path, file)
        yield file if file.seekable() else _taken(path, file, most, _first_bytes(path, file))


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(path: str | Path, file: BinaryIO) -> None:
    """Refuse devices, but for a terminal that a person types at."""
    mode = os.fstat(file.fileno()).st_mode
    if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not file.isatty():
        raise FileError(f"{shown(path)}: is a device, not a file or a pipe; name one")


def _first_bytes(path: str | Path, file: BinaryIO) -> bytes:
    """Wait until a pipe has a writer; return what came meanwhile."""
    descriptor = file.fileno()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            first = os.read(descriptor, READ_BYTES)
        except BlockingIOError:  # somebody is about to write
            first = b""
            break
        if first or _was_closed(descriptor):
            break
        if time.monotonic() > deadline:
            raise FileError(f"{shown(path)}: is a pipe that nobody writes to; name a file")
        time.sleep(0.01)
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    return first


def _was_closed(descriptor: int) -> bool:
    """Return whether a pipe without a writer has had one."""
    import select

    if not hasattr(select, "poll"):
        return True
    ends = select.poll()
    ends.register(descriptor, select.POLLIN)
    return bool(ends.poll(0))


def piped_bytes(file: BinaryIO) -> int:
    """Return the bytes that a file takes of memory: what came through a pipe is held."""
    return len(file.getbuffer()) * 9 // 8 if isinstance(file, io.BytesIO) else 0


def _taken(path: str | Path, file: BinaryIO, most: int, first: bytes = b"") -> io.BytesIO:
    """Read all that comes from a pipe, and no more than `most` bytes."""
    content = io.BytesIO()
    content.write(first)
    try:
        while content.tell() <= most:
            chunk: bytes | None = file.read(READ_BYTES)
            if not chunk and chunk is not None:
                content.seek(0)
                return content
            content.write(chunk or _waited_for(file))
    except OSError as error:
        raise FileError(f"{shown(path)}: {reason(error)}") from None
    advice = "write it to a file and name that" if most == MOST_PIPED else "take it apart"
    raise FileError(
        f"{shown(path)}: goes on beyond {most // 2**20} MiB, the most that is taken from a pipe; "
        f"{advice}"
    )


def _waited_for(file: BinaryIO) -> bytes:
    """Wait for a pipe that was handed over as one that does not wait."""
    import select

    select.select([file], [], [])
    return b""


def read_all(file: BinaryIO, most: int) -> bytes:
    """Read all of a file, whose size is looked at first.

    Raises
    ------
    ContentError
        If it is larger than `most` bytes.
    """
    check_size(file, most)
    return file.read()


def check_size(file: BinaryIO, most: int) -> None:
    """Refuse a file of more than `most` bytes; then it is read from its beginning."""
    size = file.seek(0, io.SEEK_END)
    if size > most:
        raise ContentError(f"is {size} bytes; more than {most // 2**20} MiB are not read")
    file.seek(0)


def _standard_input(most: int) -> BinaryIO:
    if sys.stdin is None:
        raise FileError("-: standard input is closed; pipe an image into it")
    with suppress(io.UnsupportedOperation):  # a program may have put something in its place
        _check_kind("-", sys.stdin.buffer)
    return _taken("-", sys.stdin.buffer, most)


def told_of(path: str | Path, error: CnnFilterError) -> str:
    """Word an error that came up with a file; an error of reading or writing names its own.

    Examples
    --------
    >>> told_of("a.png", CnnFilterError("is too small"))
    'a.png: is too small'
    >>> told_of("a.png", FileError("out.png: exists already"))
    'out.png: exists already'
    """
    return str(error) if isinstance(error, FileError) else f"{shown(path)}: {error}"


def reason(error: OSError) -> str:
    """Say in words what the system refused."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def read_text(path: str | Path) -> str:
    """Read a small text file: UTF-8, with or without a byte order mark.

    Raises
    ------
    FileError
        If it cannot be read, or is no text.
    """
    with opened(path, MOST_TEXT) as file:
        try:
            content = bytearray()
            while part := file.read(READ_BYTES):  # a read of all takes the memory of most
                content += part
                if len(content) > MOST_TEXT:
                    raise FileError(f"{shown(path)}: larger than any text that is read here")
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise FileError(f"{shown(path)}: not a text file") from None
        except OSError as error:
            raise FileError(f"{shown(path)}: {reason(error)}") from None
