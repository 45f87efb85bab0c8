"""The images of a run: files, folders, patterns and lists of names."""

import codecs
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from cnnfilter.errors import ArgumentError, ContentError, naming
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.opening import opened, problem_with, reason
from cnnfilter.text import shown

#: Bytes and names of a list; what goes on is no list of images.
MOST_LISTED, MOST_NAMES = 2**27, 10**6
#: So many names of a list that can be no path are told one by one.
_MOST_PROBLEMS = 10
#: What is taken for an image in a folder; tables and settings in text are not.
SUFFIXES = frozenset(
    suffix for format in FORMATS.values() if format.is_searched for suffix in format.suffixes
)


class Source(NamedTuple):
    """An image to work on.

    Attributes
    ----------
    path : str
        ``-`` is standard input.
    below : str or None
        The folder it lies in, seen from the folder that was named; None where the image
        itself was named.
    """

    path: str
    below: str | None = None


@dataclass(frozen=True)
class Search:
    """Where images are looked for.

    Attributes
    ----------
    recursive : bool
        Whether folders in folders are searched.
    hidden : bool
        Whether names that begin with a dot are taken, too.
    spared : Path or None
        A folder that is left out: results go there.
    """

    recursive: bool = False
    hidden: bool = False
    spared: Path | None = None


@dataclass
class Found:
    """What was found.

    Attributes
    ----------
    sources : list of Source
        The images.
    problems : list of str
        What kept others from being found, a line each.
    folders : list of str
        Folders that were named.
    is_search : bool
        Whether there might have been more images than were named.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    is_search: bool = False


def find_sources(names: Sequence[str], search: Search) -> Found:
    """Find the images that names mean.

    Parameters
    ----------
    names : sequence of str
        Files, folders, patterns (``photos/*.png``, ``photos/**/*.png``) that the shell left
        as they are, and ``-``.
    search : Search

    Returns
    -------
    Found
        In the order of the names; in folders by name.
    """
    found = Found()
    for name in names:
        if os.path.isdir(name):  # noqa: PTH112
            _take_folder(name, search, found)
        elif glob.has_magic(name) and not os.path.lexists(name):
            _take_pattern(name, search, found)
        else:
            found.sources.append(Source(name))
    return found


class Listed(NamedTuple):
    """What a list names.

    Attributes
    ----------
    names : sequence of str
    problems : sequence of str
        What is in it and can be no path, a line each.
    """

    names: Sequence[str] = ()
    problems: Sequence[str] = ()


NOTHING_LISTED = Listed()


def listed_names(path: str, *, null_separated: bool) -> Listed:
    """Read names from a file: one a line, or separated by NUL.

    Raises
    ------
    ArgumentError
        If it cannot be read, is longer than `MOST_LISTED` bytes or holds more than
        `MOST_NAMES` names.
    """
    with naming(Path(path), ArgumentError), opened(path, MOST_LISTED) as file:
        try:
            content = file.read(MOST_LISTED + 1).removeprefix(codecs.BOM_UTF8)
        except OSError as error:
            raise ContentError(reason(error)) from None
    separators = (b"\0",) if null_separated else (b"\n", b"\r")
    if len(content) > MOST_LISTED or max(map(content.count, separators)) > MOST_NAMES:
        raise ArgumentError(
            f"{shown(path)}: is a list of more than {MOST_NAMES} names or "
            f"{MOST_LISTED // 2**20} MiB; take it apart"
        )
    lines = content.split(b"\0") if null_separated else content.splitlines()
    names, problems = [], []
    for number, name in enumerate(map(os.fsdecode, lines), start=1):
        if name and (problem := problem_with(name)):
            hint = "; --null reads lists that are separated by it" * ("NUL" in problem)
            problems.append(f"{shown(path)}: line {number} {problem}{hint}")
        elif name:
            names.append(name)
    return Listed(names, _few(problems))


def _few(problems: list[str]) -> list[str]:
    """Leave out what is more of the same."""
    if len(problems) <= _MOST_PROBLEMS:
        return problems
    rest = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], f"and {rest} more lines that can be no path"]


def _take_pattern(pattern: str, search: Search, found: Found) -> None:
    found.is_search = True
    # Path.glob knows no pattern with a root, and takes hidden names.
    matches = glob.glob(pattern, recursive=True, include_hidden=search.hidden)  # noqa: PTH207
    if not matches:
        found.problems.append(f"{shown(pattern)}: no file matches; check the pattern")
    folders: dict[str, str] = {}  # where links lead back, one folder has many names
    for match in sorted(matches, key=len):
        folder = os.path.dirname(match)  # noqa: PTH120
        folders.setdefault(os.path.realpath(folder), folder)
    taken = set(folders.values())
    for match in sorted(matches):
        if os.path.dirname(match) not in taken:  # noqa: PTH120
            continue
        if os.path.isdir(match):  # noqa: PTH112
            # With ** a pattern finds what lies in folders by itself.
            if "**" not in pattern:
                _take_folder(match, search, found)
        else:
            found.sources.append(Source(match))


def _take_folder(folder: str, search: Search, found: Found) -> None:
    found.is_search = True
    found.folders.append(folder)
    spared = None if search.spared is None else os.path.realpath(search.spared)
    entered: set[str] = set() if spared in (None, os.path.realpath(folder)) else {spared}
    waiting = [(folder, "")]
    while waiting:
        path, below = waiting.pop()
        if (real := os.path.realpath(path)) in entered:
            continue  # a link that leads back, or to where results go
        entered.add(real)
        folders = []
        try:
            for entry in _entries(path, search):
                if _is_folder(entry):
                    folders.append((entry.path, os.path.join(below, entry.name)))  # noqa: PTH118
                elif PurePath(entry.name).suffix.lower() in SUFFIXES and not _is_special(entry):
                    found.sources.append(Source(entry.path, below))
        except OSError as error:
            found.problems.append(f"{shown(path)}: {reason(error)}")
        if search.recursive:
            waiting.extend(reversed(folders))


def _entries(folder: str, search: Search) -> "Iterator[os.DirEntry[str]]":
    """Give what lies in a folder, by name."""
    with os.scandir(folder) as entries:
        taken = [each for each in entries if search.hidden or not each.name.startswith(".")]
    yield from sorted(taken, key=lambda each: each.name)


def _is_special(entry: "os.DirEntry[str]") -> bool:
    """Tell a pipe or a device, which might never end; what cannot be looked at is told later."""
    try:
        return not entry.is_file() and os.path.exists(entry.path)  # noqa: PTH110
    except OSError:
        return False


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself; it is told when it cannot be read
