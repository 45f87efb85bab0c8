"""Marks: eight bytes for a file or a name, so that a hundred thousand of them are little."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np


class Marks:
    """A set of marks that is small in memory, and when it is sent to a worker.

    Examples
    --------
    >>> marks = Marks([path_mark("a.png"), path_mark("b.png")])
    >>> path_mark("./a.png") in marks, path_mark("c.png") in marks
    (True, False)
    """

    def __init__(self, marks: Iterable[int] = ()) -> None:
        self._sorted = np.sort(np.fromiter(marks, np.uint64))

    def __contains__(self, mark: object) -> bool:
        if not isinstance(mark, int):
            return False
        wanted = np.uint64(mark)
        place = np.searchsorted(self._sorted, wanted)
        return bool(place < len(self._sorted) and self._sorted[place] == wanted)

    def __or__(self, others: Iterable[int]) -> "Marks":
        return Marks([*map(int, self._sorted), *others])

    def __len__(self) -> int:
        return len(self._sorted)


def text_mark(text: str) -> int:
    """Give the mark of a text, the same in every process."""
    from hashlib import blake2b

    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def path_mark(path: str | Path) -> int:
    """Give the mark of a name; the same for all ways to write it from here."""
    return text_mark(os.path.abspath(path))  # noqa: PTH100
