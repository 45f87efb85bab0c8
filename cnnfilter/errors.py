"""The errors that a user can cause.

::

    CnnFilterError
    ├── ArgumentError        a value that is wrong for any image
    │   └── KernelError      a kernel that is unknown or cannot be read
    ├── ShapeError           an image that the arguments do not fit
    ├── NotFiniteError       NaN or infinity where numbers are needed
    └── FileError            a file that cannot be read or written

Each carries one line that names the value or file, what is wrong with it and
what to do; `naming` adds the name of a file or a step, here and nowhere else.
Anything else that is raised is a bug and keeps its traceback.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from cnnfilter.text import shown

#: Characters of a value that a message repeats.
MAX_SHOWN = 80
#: Names that are searched for one like an unknown name.
MAX_NAMES = 1000


class CnnFilterError(Exception):
    """An error that the user can correct."""


class ArgumentError(CnnFilterError, ValueError):
    """An argument that is wrong for any image."""


class KernelError(ArgumentError):
    """A kernel that is unknown, malformed or cannot be read."""


class ShapeError(CnnFilterError, ValueError):
    """An image that the arguments do not fit."""


class NotFiniteError(CnnFilterError, ValueError):
    """NaN or infinity where finite numbers are needed."""


class FileError(CnnFilterError):
    """A file that cannot be read or written."""


class ContentError(FileError):
    """Content that cannot be read or written; `naming` adds the file."""


@contextmanager
def naming(name: str | Path, kind: type[CnnFilterError] = CnnFilterError) -> Iterator[None]:
    """Put a file's or step's name before errors.

    Parameters
    ----------
    name : str or Path
        A step's name, or the path of a file. `FileError` names its file already, so a
        path is put before all others only; `ContentError` does not, and becomes
        `FileError`. An empty name adds nothing.
    kind : type
        What an error of another kind becomes: `ArgumentError` where the file was named
        on the command line.

    Examples
    --------
    >>> with naming("step 3 (pool)"):
    ...     raise ShapeError("the window is larger than the image")
    Traceback (most recent call last):
    cnnfilter.errors.ShapeError: step 3 (pool): the window is larger than the image
    >>> with naming(Path("bank.npy"), ArgumentError):
    ...     raise ContentError("holds text, not numbers")
    Traceback (most recent call last):
    cnnfilter.errors.ArgumentError: bank.npy: holds text, not numbers
    """
    try:
        yield
    except CnnFilterError as error:
        made = type(error)
        if isinstance(name, Path):
            message = with_path(name, error)
            made = FileError if made is ContentError else made
        else:
            message = f"{name}: {error}" if name else str(error)
        raise (made if issubclass(made, kind) else kind)(message) from None


def with_path(path: str | Path, error: CnnFilterError) -> str:
    """Return an error's message with its file's name.

    A `FileError` names its own.

    Examples
    --------
    >>> with_path("a.png", ShapeError("is too small"))
    'a.png: is too small'
    >>> with_path("a.png", FileError("out.png: exists already"))
    'out.png: exists already'
    """
    return str(error) if type(error) is FileError else f"{shown(path)}: {error}"


def brief(value: object, most: int = MAX_SHOWN) -> str:
    """Return a value as short text on one line.

    Examples
    --------
    >>> brief("0.5"), brief(2**20000)
    ('0.5', 'an integer of 20001 bits')
    >>> len(brief("9" * 5000))
    80
    """
    try:
        text = str(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return f"an integer of {value.bit_length()} bits" if isinstance(value, int) else "a value"
    text = text if len(text) <= most else f"{text[: most - 4]} ..."
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def unknown(kind: str, name: str, known: Iterable[str], listed: str = "") -> str:
    """Return an unknown name's message, with the nearest known.

    Where none is near, it lists them, or names where they are `listed`.

    Examples
    --------
    >>> unknown("kernel", "sharpne", ["blur", "sharpen"])
    "unknown kernel 'sharpne'; did you mean 'sharpen'?"
    >>> unknown("mode", "x", ["max", "min"])
    "unknown mode 'x'; there are max, min"
    """
    # Only an error needs the matcher, so only an error pays for its import.
    from difflib import get_close_matches

    name, names = brief(name), list(islice(known, MAX_NAMES))
    nearest = get_close_matches(name.lower(), names, n=1)
    if nearest:
        hint = f"did you mean '{nearest[0]}'?"
    else:
        hint = listed or f"there are {', '.join(names) or 'none'}"
    return f"unknown {kind} '{name}'; {hint}"
