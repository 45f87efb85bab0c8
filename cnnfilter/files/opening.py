"""Opening files to read: a path, or - for standard input."""

import codecs
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

from cnnfilter.errors import ContentError, FileError
from cnnfilter.text import shown

#: Bytes of a text; kernels and networks' files are far smaller.
MAX_TEXT = 2**26
#: Bytes taken from a pipe: those of the largest RGB picture that is read by default.
MAX_PIPED = 2**29
#: Bytes of a path; no system that this runs on opens a longer one.
MAX_PATH = 2**15
#: Seconds that a named pipe waits for somebody at its other end.
PATIENCE = 10.0
#: Bytes that are read at a time; smaller files are read at once.
READ_BYTES = 2**20

#: How a text begins that is not in UTF-8, and its encoding; UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_TEXT = "not a text file in UTF-8 or UTF-16; save it as UTF-8"

#: Errors of the system, with what to do.
_REASONS = {
    errno.ENOENT: "no such file; check the path",
    errno.EISDIR: "is a folder; name the files in it",
    errno.EACCES: "access is denied; check its permissions",
    errno.EPIPE: "closed by its reader before all was written",
    errno.ENOSPC: "no space is left; free some or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some or write elsewhere",
    errno.EFBIG: "larger than a file may be; write elsewhere",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.ENXIO: "nobody is at its other end",
    errno.ELOOP: "is a link that leads nowhere, or is not followed here",
    errno.ENOTDIR: "no such file; a part of its path is not a folder",
}


def problem_with(path: str | Path) -> str | None:
    """Return why a name cannot be a path, if so.

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
    return f"is longer than {MAX_PATH} bytes" if length > MAX_PATH else None


def nameable(path: str | Path) -> Path:
    """Return a name as a possible path.

    Raises
    ------
    FileError
        If it is empty, too long, or holds a NUL or half a character.
    """
    if str(path) == "":
        raise FileError("a file name is empty; check the command line")
    if problem := problem_with(path):
        raise FileError(f"{shown(path)[:200]}: no file can have this name: it {problem}")
    return Path(path)


def inside(path: Path, folder: Path) -> Path:
    """Return a path that stays in a folder, links followed.

    Raises
    ------
    FileError
        If it lies outside, or cannot be a file.
    """
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # an impossible name; a link to itself
        raise FileError(f"{shown(path)}: no such file; check the path") from None
    if not stays:
        raise FileError(f"{shown(path)}: lies outside the network's folder; move it there")
    return path


def regular(path: Path) -> Path:
    """Return a path of a regular file.

    Raises
    ------
    FileError
        If it is a folder, a pipe or a device.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"{shown(path)}: is not a file; name one")
    except (OSError, ValueError, RuntimeError):
        raise FileError(f"{shown(path)}: no such file; check the path") from None
    return path


class _Bounded(io.BufferedReader):
    """A file that is never asked for more bytes than it has left.

    Python allocates what is asked for before it reads, and a corrupt picture asks for as much as
    its chunks claim.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > READ_BYTES and self.seekable():
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


@contextmanager
def opened(path: str | Path, max_piped: int = MAX_PIPED) -> Iterator[BinaryIO]:
    """Open a file to read; ``-`` is standard input.

    Parameters
    ----------
    path : str or Path
    max_piped : int
        Bytes taken from a pipe; more are refused.

    Raises
    ------
    FileError
        If there is no such file, it may not be read, or is a device, which might never end.
    """
    if path == "-":  # unlike Path("-"), a file of this name
        yield _standard_input(max_piped)
        return
    try:
        # Opening a pipe would wait for its writer, who may never come.
        file = _Bounded(open(nameable(path), "rb", 0, opener=_at_once))  # noqa: SIM115
    except OSError as error:
        raise FileError(f"{shown(path)}: {reason(error)}") from None
    with file:
        _check_kind(path, file)
        if not file.seekable():
            yield _piped(path, file, max_piped, _first_bytes(path, file))
        else:
            yield _read_small(path, file) or file


def _read_small(path: str | Path, file: BinaryIO) -> BinaryIO | None:
    """Read a small file at once."""
    if os.fstat(file.fileno()).st_size > READ_BYTES:
        return None
    try:
        content = file.read(READ_BYTES + 1)
        file.seek(0)
    except OSError as error:
        raise FileError(f"{shown(path)}: {reason(error)}") from None
    return io.BytesIO(content) if len(content) <= READ_BYTES else None


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(path: str | Path, file: BinaryIO) -> None:
    """Check that a file is not a device."""
    mode = os.fstat(file.fileno()).st_mode
    if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not file.isatty():
        raise FileError(f"{shown(path)}: is a device, not a file or a pipe; name one")


def _first_bytes(path: str | Path, file: BinaryIO) -> bytes:
    """Wait for a pipe's writer; return its first bytes."""
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
    """Return the memory that a file's content takes."""
    return len(file.getbuffer()) * 9 // 8 if isinstance(file, io.BytesIO) else 0


def _piped(path: str | Path, file: BinaryIO, most: int, first: bytes = b"") -> io.BytesIO:
    """Read a pipe to its end, within a bound."""
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
    advice = "write it to a file and name that" if most == MAX_PIPED else "take it apart"
    raise FileError(
        f"{shown(path)}: has more than {most // 2**20} MiB, the most that is taken from a pipe; "
        f"{advice}"
    )


def _waited_for(file: BinaryIO) -> bytes:
    """Wait for a pipe that does not wait."""
    import select

    select.select([file], [], [])
    return b""


def read_all(file: BinaryIO, most: int) -> bytes:
    """Read all of a file, within a bound.

    Raises
    ------
    ContentError
        If it is larger than `most` bytes.
    """
    check_size(file, most)
    return file.read()


def check_size(file: BinaryIO, most: int) -> None:
    """Check a file's size, and go to its beginning."""
    size = file.seek(0, io.SEEK_END)
    if size > most:
        raise ContentError(f"is {size} bytes; more than {most // 2**20} MiB are not read")
    file.seek(0)


def _standard_input(most: int) -> BinaryIO:
    if sys.stdin is None:
        raise FileError("-: standard input is closed; pipe an image into it")
    with suppress(io.UnsupportedOperation):  # a program may have put something in its place
        _check_kind("-", sys.stdin.buffer)
    return _piped("-", sys.stdin.buffer, most)


def reason(error: OSError) -> str:
    """Return an error of the system in words for people."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def encoding_of(first: bytes) -> str:
    r"""Return a text's encoding by its first bytes.

    Each drops the byte order mark, which Windows programs write.

    Examples
    --------
    >>> b"\xff\xfe1\x00".decode(encoding_of(b"\xff\xfe1\x00"))
    '1'
    """
    return next((name for mark, name in _MARKS if first.startswith(mark)), "utf-8-sig")


def read_text(path: str | Path) -> str:
    """Read a small text file in UTF-8 or UTF-16.

    Raises
    ------
    FileError
        If it cannot be read, or is not text.
    """
    with opened(path, MAX_TEXT) as file:
        try:
            content = bytearray()
            while part := file.read(READ_BYTES):  # a read of all takes the memory of most
                content += part
                if len(content) > MAX_TEXT:
                    raise FileError(f"{shown(path)}: larger than {MAX_TEXT // 2**20} MiB")
            return content.decode(encoding_of(bytes(content[:4])))
        except UnicodeDecodeError:
            raise FileError(f"{shown(path)}: {NOT_TEXT}") from None
        except OSError as error:
            raise FileError(f"{shown(path)}: {reason(error)}") from None
