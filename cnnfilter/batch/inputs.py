"""The images of a run: files, folders, patterns and lists of names."""

import codecs
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import NamedTuple

from cnnfilter.errors import ArgumentError, ContentError, naming
from cnnfilter.files.format import install
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.opening import NOT_TEXT, encoding_of, opened, problem_with, reason
from cnnfilter.text import shown

#: Standard input, where a name or path would stand.
STDIN = "-"
#: Bytes and names of a list; a larger file is not a list of images.
MAX_LISTED, MAX_NAMES = 2**27, 10**6
#: Names of a list that cannot be a path are printed up to this number.
_MAX_PROBLEMS = 10
#: Files of a kind that are not read are named up to this number.
_MAX_LEFT_OUT = 3
#: Suffixes of images in folders; tables and settings in text are not taken.
SUFFIXES = frozenset(
    suffix for format in FORMATS.values() if format.is_searched for suffix in format.suffixes
)


class Source(NamedTuple):
    """An image to process.

    Attributes
    ----------
    name : str
        As it was typed or found, for messages and reports; ``-`` is standard input.
    below : str or None
        The folder it lies in, relative to the folder that was named; None if the image itself
        was named.
    """

    name: str
    below: str | None = None

    @property
    def is_stdin(self) -> bool:
        """Test whether the image comes from standard input."""
        return self.name == STDIN

    @property
    def path(self) -> Path | str:
        """The file; the text ``-`` for standard input, unlike `Path("-")`."""
        # An empty name is no file's, while Path("") is this folder.
        return Path(self.name) if self.name not in ("", STDIN) else self.name


class Listed(NamedTuple):
    """The names in a list of --files-from.

    Attributes
    ----------
    names : sequence of str
        Taken as they are: neither folders nor patterns.
    problems : sequence of str
        Lines that cannot be a path, in words.
    files : tuple of str
        The list itself.
    """

    names: Sequence[str] = ()
    problems: Sequence[str] = ()
    files: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Test whether there was neither a name nor a problem."""
        return not (self.names or self.problems)


NOTHING_LISTED = Listed()


class LeftOut(NamedTuple):
    """A picture's file in a folder that nothing here reads.

    Attributes
    ----------
    name : str
    kind : str
        What it is, and what to install, if anything.
    """

    name: str
    kind: str


@dataclass(frozen=True, eq=False)
class Inputs:
    """The images that a user named.

    Attributes
    ----------
    names : sequence of str
        Files, folders, patterns (``photos/*.png``, ``photos/**/*.png``) that the shell left
        unexpanded, and ``-`` for standard input.
    listed : Listed
    recursive : bool
        Whether subfolders are searched.
    hidden : bool
        Whether names in folders that begin with a dot are taken.
    """

    names: Sequence[str] = ()
    listed: Listed = NOTHING_LISTED
    recursive: bool = False
    hidden: bool = False


@dataclass
class Found:
    """The images that were found.

    Attributes
    ----------
    sources : list of Source
    problems : list of str
        Why others were not found, a line each.
    folders : list of str
        The folders that were searched by name.
    left_out : list of LeftOut
        The files in folders that hold pictures and are not read.
    is_search : bool
        Whether a folder or a pattern was named, which may hold several images.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    is_search: bool = False


def find_sources(inputs: Inputs, spared: Path | None = None) -> Found:
    """Find the images that a user named.

    Parameters
    ----------
    inputs : Inputs
    spared : Path or None
        A folder that is not searched: results go there.

    Returns
    -------
    Found
        In the order of the names, then those of the list; in folders by name.
    """
    search = _Search(inputs, spared)
    for name in inputs.names:
        if os.path.isdir(name):  # noqa: PTH112
            search.take_folder(name)
        elif glob.has_magic(name) and not os.path.lexists(name):
            search.take_pattern(name)
        else:
            search.found.sources.append(Source(name))
    search.found.sources.extend(map(Source, inputs.listed.names))
    search.found.problems.extend(inputs.listed.problems)
    return search.found


def listed_names(path: str, *, null_separated: bool) -> Listed:
    """Read names from a file: one a line, or separated by NUL.

    Raises
    ------
    ArgumentError
        If it cannot be read, is longer than `MAX_LISTED` bytes or holds more than
        `MAX_NAMES` names.
    """
    with naming(Path(path), ArgumentError), opened(path, MAX_LISTED) as file:
        try:
            content = _in_utf8(file.read(MAX_LISTED + 1))
        except UnicodeDecodeError:
            raise ContentError(NOT_TEXT) from None
        except OSError as error:
            raise ContentError(reason(error)) from None
    separators = (b"\0",) if null_separated else (b"\n", b"\r")
    if len(content) > MAX_LISTED or max(map(content.count, separators)) > MAX_NAMES:
        raise ArgumentError(
            f"{shown(path)}: is a list of more than {MAX_NAMES} names or "
            f"{MAX_LISTED // 2**20} MiB; split it"
        )
    lines = content.split(b"\0") if null_separated else content.splitlines()
    names, problems = [], []
    for number, name in enumerate(map(os.fsdecode, lines), start=1):
        if name and (problem := problem_with(name)):
            hint = "; --null reads lists that are separated by it" * ("NUL" in problem)
            problems.append(f"{shown(path)}: line {number} {problem}{hint}")
        elif name:
            names.append(name)
    return Listed(names, _few(problems), (path,))


def _in_utf8(content: bytes) -> bytes:
    """Return a list in UTF-8, or as it is: names need not be text."""
    encoding = encoding_of(content)
    if encoding == "utf-8-sig":
        return content.removeprefix(codecs.BOM_UTF8)
    return content.decode(encoding).encode()


def _few(problems: list[str]) -> list[str]:
    """Shorten a long list of problems."""
    if len(problems) <= _MAX_PROBLEMS:
        return problems
    rest = len(problems) - _MAX_PROBLEMS
    return [*problems[:_MAX_PROBLEMS], f"and {rest} more lines that cannot be a path"]


class _Search:
    """Finds images in folders and by patterns."""

    def __init__(self, inputs: Inputs, spared: Path | None) -> None:
        self.found = Found()
        self._inputs = inputs
        self._spared = None if spared is None else os.path.realpath(spared)

    def take_pattern(self, pattern: str) -> None:
        """Take the files that match a pattern, and the images in matching folders."""
        self.found.is_search = True
        # Path.glob has no patterns from the root, and takes hidden names.
        matches = glob.glob(pattern, recursive=True, include_hidden=self._inputs.hidden)  # noqa: PTH207
        if not matches:
            self.found.problems.append(f"{shown(pattern)}: no file matches; check the pattern")
        folders: dict[str, str] = {}  # where links lead back, one folder has many names
        for match in sorted(matches, key=len):
            folder = os.path.dirname(match)  # noqa: PTH120
            folders.setdefault(os.path.realpath(folder), folder)
        taken = set(folders.values())
        for match in sorted(matches):
            if os.path.dirname(match) not in taken:  # noqa: PTH120
                continue
            if not os.path.isdir(match):  # noqa: PTH112
                self.found.sources.append(Source(match))
            elif "**" not in pattern:  # which matches the files in folders, too
                self.take_folder(match)

    def take_folder(self, folder: str) -> None:
        """Take the images in a folder, by name; each subfolder's after its folder's."""
        self.found.is_search = True
        self.found.folders.append(folder)
        entered: set[str] = set()
        if self._spared is not None and self._spared != os.path.realpath(folder):
            entered.add(self._spared)
        waiting = [(folder, "")]
        while waiting:
            path, below = waiting.pop()
            if (real := os.path.realpath(path)) in entered:
                continue  # a link that leads back, or to where results go
            entered.add(real)
            folders = self._take_entries(path, below)
            if self._inputs.recursive:
                waiting.extend(reversed(folders))

    def _take_entries(self, folder: str, below: str) -> list[tuple[str, str]]:
        """Take a folder's images; return its subfolders."""
        folders = []
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry in entries if self._is_wanted(entry.name)]
            for entry in sorted(found, key=lambda entry: entry.name):
                if _is_folder(entry):
                    folders.append((entry.path, os.path.join(below, entry.name)))  # noqa: PTH118
                elif not _is_special(entry):
                    self._take_file(entry, below)
        except OSError as error:
            self.found.problems.append(f"{shown(folder)}: {reason(error)}")
        return folders

    @cached_property
    def _missing(self) -> dict[str, str]:
        """Suffixes of formats whose extra is missing, and what to install."""
        return {
            suffix: f"{format.title}: {install(format.extra)}"
            for format in FORMATS.values()
            if format.extra and format.missing
            for suffix in format.suffixes
        }

    def _take_file(self, entry: "os.DirEntry[str]", below: str) -> None:
        """Take a file if it is an image; note one that is not read."""
        suffix = PurePath(entry.name).suffix.lower()
        missing = self._missing.get(suffix)
        if suffix in SUFFIXES and missing is None:
            self.found.sources.append(Source(entry.path, below))
        elif kind := missing or _kind(suffix):
            self.found.left_out.append(LeftOut(entry.path, kind))

    def _is_wanted(self, name: str) -> bool:
        return self._inputs.hidden or not name.startswith(".")


def _kind(suffix: str) -> str:
    from cnnfilter.files.reasons import kind_of_suffix  # of files that are no images

    return kind_of_suffix(suffix)


def left_out_text(files: Sequence[LeftOut]) -> str:
    """Return the words on files that are not read: how many, and the first of each kind.

    Examples
    --------
    >>> left_out_text([LeftOut("p/a.psd", "Photoshop"), LeftOut("p/b.psd", "Photoshop")])
    '2 files not read: p/a.psd, p/b.psd (Photoshop)'
    """
    kinds: dict[str, list[str]] = {}
    for file in files:
        kinds.setdefault(file.kind, []).append(shown(file.name))
    parts = []
    for kind, names in kinds.items():
        rest = len(names) - _MAX_LEFT_OUT
        more = f" and {rest} more" if rest > 0 else ""
        parts.append(f"{', '.join(names[:_MAX_LEFT_OUT])}{more} ({kind})")
    return f"{len(files)} file{'s' * (len(files) != 1)} not read: {', '.join(parts)}"


def _is_special(entry: "os.DirEntry[str]") -> bool:
    """Return whether this is a pipe or a device, which might never end."""
    try:
        return not entry.is_file() and os.path.exists(entry.path)  # noqa: PTH110
    except OSError:
        return False  # the error is reported when it is read


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself; the error is reported when it is read
