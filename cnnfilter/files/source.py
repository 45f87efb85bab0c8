"""Opening what a person names: a path, or - for standard input."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cnnfilter.errors import CnnFilterError, FileError


class ContentError(FileError):
    """Content that cannot be read or written; whoever opened the file adds its name."""


#: Bytes of text: kernels and networks' files are far smaller.
MOST_TEXT = 2**26
#: Bytes that are read at a time.
READ_BYTES = 2**20

#: What goes wrong with a path, in words that say what to do.
_REASONS = {
    errno.ENOENT: "no such file; check the path",
    errno.EISDIR: "is a folder; name the files in it",
    errno.EACCES: "access is denied; check its permissions",
    errno.EPIPE: "closed by its reader before all was written",
    errno.ENOSPC: "no space is left; free some or write elsewhere",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.ENOTDIR: "no such file; a part of its path is no folder",
}


def shown(path: str | Path) -> str:
    r"""Write a path for a message: on one line, whatever its name holds.

    Examples
    --------
    >>> shown("two\nlines.png")
    'two\\nlines.png'
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return printable(text)


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor or colour it."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


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


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to read; ``-`` is standard input. What cannot be searched is taken whole.

    Raises
    ------
    FileError
        If there is no such file or it may not be read.
    """
    if str(path) == "-":
        yield io.BytesIO(_standard_input())
        return
    if str(path) == "":
        raise FileError("a file's name is empty; check what was to stand there")
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - only the opening is guarded
    except OSError as error:
        raise FileError(f"{shown(path)}: {reason(error)}") from None
    except ValueError:
        raise FileError(f"{shown(path)}: no file can have this name") from None
    with file:
        yield file if file.seekable() else io.BytesIO(file.read())


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise FileError("-: standard input is closed; pipe an image into it")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise FileError(f"-: {reason(error)}") from None


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
    with opened(path) as file:
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
