"""The ledger: what an output folder remembers of the runs that filled it."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cnnfilter.batch.marks import Marks, path_mark

#: It is hidden, so it is never taken for an image. A line is a JSON object for one image.
LEDGER = ".cnnfilter-ledger.jsonl"


class Stamp(NamedTuple):
    """What tells whether a file is still the one that it was: its size and its time.

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
    """Look at a file; None if there is none, or it is standard input."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Ledger:
    """What has been made, of which images, by which steps.

    Attributes
    ----------
    steps : str
        What is done now: results of other steps are made anew.
    folder : Path or None
        Where it lies; None for one beside the images of each folder.
    """

    steps: str
    folder: Path | None = None

    def remembered(self, images: Iterable[str]) -> tuple[Marks, Marks]:
        """Tell which images are done, and which outputs were made and not changed since.

        An image is done if it has not changed, the steps are the same, and its outputs are
        as they were written. Each is given by its `path_mark`.
        """
        done: set[int] = set()
        made: set[int] = set()
        for folder in {self._folder_for(image) for image in images}:
            for entry in _entries(folder / LEDGER):
                image = path_mark(entry["input"])
                done.discard(image)
                outputs = [(folder / name, stamp) for name, stamp in entry["outputs"].items()]
                kept = [path for path, stamp in outputs if _is(path, stamp)]
                made.update(map(path_mark, kept))
                same = _is(entry["input"], [entry["size"], entry["time"]])
                if same and len(kept) == len(outputs) and entry["steps"] == self.steps:
                    done.add(image)
        return Marks(done), Marks(made)

    def outputs(self) -> Marks:
        """Tell what was ever written, by `path_mark`; of a ledger that lies in one folder."""
        if self.folder is None:
            return Marks()
        entries = _entries(self.folder / LEDGER)
        return Marks(path_mark(self.folder / name) for each in entries for name in each["outputs"])

    def remember(self, image: str, stamp: Stamp, outputs: Sequence[str]) -> None:
        """Add a line for an image that is done.

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
        with open(folder / LEDGER, "ab", opener=_own_file) as file:
            file.write(f"{json.dumps(entry)}\n".encode())

    def _folder_for(self, image: str) -> Path:
        return Path(image).parent if self.folder is None else self.folder


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines; one that a killed run did not finish says nothing."""
    import json

    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for line in file:
            try:
                entry = json.loads(line)
                well_formed = (
                    {"size", "time", "steps"} <= entry.keys()
                    and isinstance(entry["input"], str)
                    and isinstance(entry["outputs"], dict)
                )
            except (ValueError, AttributeError, KeyError):
                continue
            if well_formed:
                yield entry


def _is(path: str | Path, stamp: Any) -> bool:
    """Tell whether a file is as a line has it."""
    found = stamp_of(path)
    return found is not None and [*found] == stamp


def _own_file(path: str, flags: int) -> int:
    """Open a file to write, if it has no other name: an image could lie behind a link.

    Raises
    ------
    OSError
        If it is a link, has several names, or cannot be opened.
    """
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EMLINK, f"{LEDGER} has several names; remove it")
    return descriptor
