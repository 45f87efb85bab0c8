"""The ledger: a record in an output folder of the runs that filled it."""

import errno
import os
import stat
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cnnfilter.errors import FileError
from cnnfilter.files.opening import problem_with, reason
from cnnfilter.files.output import replacing
from cnnfilter.text import shown


class Fingerprints:
    """A set of 64-bit fingerprints, small in memory and when it is sent to a worker.

    Examples
    --------
    >>> known = Fingerprints([path_fingerprint("a.png"), path_fingerprint("b.png")])
    >>> path_fingerprint("./a.png") in known, path_fingerprint("c.png") in known
    (True, False)
    """

    def __init__(self, fingerprints: Iterable[int] = ()) -> None:
        self._sorted = np.sort(np.fromiter(fingerprints, np.uint64))

    def __contains__(self, fingerprint: object) -> bool:
        if not isinstance(fingerprint, int):
            return False
        wanted = np.uint64(fingerprint)
        place = np.searchsorted(self._sorted, wanted)
        return bool(place < len(self._sorted) and self._sorted[place] == wanted)

    def __or__(self, others: Iterable[int]) -> "Fingerprints":
        return Fingerprints([*map(int, self._sorted), *others])

    def __len__(self) -> int:
        return len(self._sorted)


NO_FINGERPRINTS = Fingerprints()


def text_fingerprint(text: str) -> int:
    """Return the fingerprint of a text, the same in every process."""
    from hashlib import blake2b

    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def path_fingerprint(path: str | Path) -> int:
    """Return the fingerprint of a path; the same for all ways to write it from here."""
    return text_fingerprint(os.path.abspath(path))  # noqa: PTH100


#: Hidden, so it is never taken for an image. Each line is a JSON object for one image.
LEDGER = ".cnnfilter-ledger.jsonl"
#: The name of a damaged ledger that is set aside.
ASIDE = ".cnnfilter-ledger-damaged-{}.jsonl"
#: Bytes of a ledger and of a line, which names all outputs of one image.
MAX_BYTES, LONGEST_LINE = 2**30, 2**23


class Stamp(NamedTuple):
    """A file's size and time, which show whether it has changed.

    Attributes
    ----------
    size : int
        Bytes.
    time : int
        Of its last change, nanoseconds since 1970.
    """

    size: int
    time: int


def stamp_of(path: str | Path) -> Stamp | None:
    """Return a file's stamp; None if there is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class Ledger:
    """A record of images, the steps, and the outputs made of them.

    Attributes
    ----------
    steps : str
        This run's: results of other steps are made anew.
    folder : Path or None
        The ledger's; None for one next to the images in each folder.
    """

    steps: str
    folder: Path | None = None

    def remembered(self, images: Iterable[str | Path]) -> tuple[Fingerprints, Fingerprints]:
        """Return the images that are done, and the outputs that have not changed since.

        An image is done if it has not changed, the steps are the same, and its outputs are
        as they were written. Each is identified by its `path_fingerprint`.
        """
        images = list(images)
        wanted = set(map(path_fingerprint, images))
        done: set[int] = set()
        made = array("Q")
        for folder in self.folders(images):
            for entry in _entries(folder / LEDGER):
                image = path_fingerprint(entry["input"])
                done.discard(image)
                outputs = [(folder / name, stamp) for name, stamp in entry["outputs"].items()]
                kept = [path for path, stamp in outputs if _is(path, stamp)]
                made.extend(map(path_fingerprint, kept))
                same = _is(entry["input"], [entry["size"], entry["time"]])
                is_done = same and len(kept) == len(outputs) and entry["steps"] == self.steps
                if is_done and image in wanted:
                    done.add(image)
        return Fingerprints(done), Fingerprints(made)

    def outputs(self) -> Fingerprints:
        """Return the fingerprints of all that was ever written; for a ledger in one folder."""
        if self.folder is None:
            return NO_FINGERPRINTS
        entries = _entries(self.folder / LEDGER)
        return Fingerprints(
            path_fingerprint(self.folder / name) for entry in entries for name in entry["outputs"]
        )

    def folders(self, images: Iterable[str | Path]) -> set[Path]:
        """Return the folders of these images' ledgers."""
        return {self._folder_for(image) for image in images}

    def remember(self, image: str, stamp: Stamp, outputs: Sequence[str]) -> None:
        """Add a line for a finished image.

        Raises
        ------
        OSError
            If the ledger cannot be written to.
        """
        import json

        folder = self._folder_for(image)
        stamps = {os.path.relpath(path, folder): stamp_of(path) for path in outputs}
        entry = {"input": os.path.abspath(image), "size": stamp.size, "time": stamp.time,  # noqa: PTH100
                 "steps": self.steps, "outputs": stamps}  # fmt: skip
        line = f"{json.dumps(entry)}\n".encode()
        if len(line) >= LONGEST_LINE:
            return  # it would not be read back, so the image is done anew
        with open(folder / LEDGER, "r+b", opener=_own_file, buffering=0) as file:
            if not _ends_in_line(file):  # cut by a loss of power or a full disk
                line = b"\n" + line
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _folder_for(self, image: str | Path) -> Path:
        return Path(image).parent if self.folder is None else self.folder


def set_aside_damaged(folder: Path) -> str | None:
    """Rename a folder's ledger if it is damaged, and keep its readable lines.

    Returns
    -------
    str or None
        A message; None if there is no ledger, or it is intact.

    Raises
    ------
    FileError
        If it is damaged and cannot be renamed.
    """
    path = folder / LEDGER
    problem = _problem_with(path)
    if problem is None:
        return None
    try:
        names = (folder / ASIDE.format(number) for number in count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        path.rename(aside)
    except OSError as error:
        raise FileError(
            f"{shown(path)}: {problem}, and cannot be renamed ({reason(error)})"
        ) from None
    line = f"{shown(path)}: {problem}; it was renamed to {aside.name}"
    if not any(True for _ in _entries(aside)):
        return line
    with replacing(path, "refuse") as file:
        file.writelines(line + b"\n" for line, entry in _lines(aside) if entry is not None)
    return f"{line}, and what can be read of it was kept"


def _problem_with(path: Path) -> str | None:
    """Return a ledger's damage in words; None if it is intact or missing."""
    try:
        with _opened(path):
            pass
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read ({reason(error)})"
    for number, (_, entry) in enumerate(_lines(path), start=1):
        if entry is None:
            return f"line {number} is damaged"
    return None


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the readable entries of a ledger."""
    return (entry for _, entry in _lines(path) if entry is not None)


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Yield each line with its entry; None if it cannot be read."""
    try:
        file = _opened(path)
    except OSError:
        return
    with file:
        while line := file.readline(LONGEST_LINE):
            if line == b"\n":
                continue
            if len(line) == LONGEST_LINE:
                yield line, None
                return  # the rest is not readable either
            yield line.rstrip(b"\n"), _entry(line)


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return a line's entry; None unless `Ledger.remember` could have written it."""
    import json

    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    match entry:
        case {"input": str(), "size": int(), "time": int(), "steps": str(), "outputs": dict()}:
            names = [entry["input"], *entry["outputs"]]
            return entry if not any(map(problem_with, names)) else None
    return None


def _ends_in_line(file: FileIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _is(path: str | Path, stamp: object) -> bool:
    """Return whether a file has the stamp in a line."""
    found = stamp_of(path)
    return found is not None and [*found] == stamp


def _opened(path: Path) -> BinaryIO:
    """Open a ledger to read, without waiting and through no link, or raise OSError."""
    return open(path, "rb", opener=_own_file)


def _own_file(path: str, flags: int) -> int:
    """Open a file that has no other name: an image could lie behind a link.

    Raises
    ------
    OSError
        If it is a link, not a file, too large, has several names, or cannot be opened.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if flags & os.O_RDWR:
        flags |= os.O_APPEND | os.O_CREAT
    descriptor = os.open(path, flags, 0o666)
    found = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(found.st_mode):
        problem = "is not a file"
    elif found.st_nlink > 1:
        problem = f"{LEDGER} has several names; remove it"
    elif found.st_size > MAX_BYTES:
        problem = f"is larger than {MAX_BYTES // 2**20} MiB"
    if problem is not None:
        os.close(descriptor)
        raise OSError(errno.EMLINK, problem)
    return descriptor
