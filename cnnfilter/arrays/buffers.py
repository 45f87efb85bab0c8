"""Memory: how much there is, and arrays to compute in, a band of rows at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ShapeError

#: About one core's share of the cache: what is worked on at a time.
BAND_BYTES = 2**20


def check_room(what: str, shape: Shape, itemsize: int) -> None:
    """Refuse an array that memory cannot hold, before it is made.

    Raises
    ------
    ShapeError
        With both sizes in it.
    """
    size, most = prod(shape) * itemsize, memory()
    if size > most:
        raise ShapeError(
            f"{what} of {'x'.join(map(str, shape))} takes {size / 2**30:.3g} GiB, the memory is "
            f"{most / 2**30:.3g} GiB; make it smaller"
        )


@lru_cache
def memory() -> int:
    """Return the bytes of memory that this process may take: the machine's, or a limit's."""
    limits = [sys.maxsize]
    with suppress(AttributeError, ValueError, OSError):  # Windows does not tell
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ImportError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [limit] if limit != resource.RLIM_INFINITY else []
    with suppress(OSError, ValueError):  # a container's; "max" is none
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


class Scratch:
    """Arrays to compute in, used again for each tile, and then by who comes next.

    Memory fresh from the system costs more than the sums that are to be put there.
    """

    #: Buffers that nobody uses, by their size in bytes, a power of two.
    _spare: ClassVar[dict[int, list[Array]]] = {2**power: [] for power in range(23)}
    #: How many of each size are kept.
    _KEPT: ClassVar[int] = 4

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def __call__(self, name: str, shape: Shape, dtype: DTypeLike) -> Array:
        """Give an array of a name, whose values are what was left in it."""
        size = prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = self._taken(size)
        return np.ndarray(shape, dtype, buffer)

    def _taken(self, size: int) -> Array:
        size = 1 << max(0, size - 1).bit_length()
        try:
            return self._spare[size].pop()
        except (KeyError, IndexError):
            return np.empty(size, np.uint8)

    def __del__(self) -> None:
        for buffer in self._buffers.values():
            spare = self._spare.get(buffer.size)
            if spare is not None and len(spare) < self._KEPT:
                spare.append(buffer)


def bands(array: Array, band_bytes: int = BAND_BYTES) -> Iterator[slice]:
    """Go through an array's rows in bands that fit the cache, or of so many bytes."""
    rows = max(1, band_bytes // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        yield slice(first, first + rows)


def in_bands(
    function: Callable[..., Array], dtype: np.dtype[Any], array: Array, *others: Array
) -> Array:
    """Apply a function of arrays of one shape, in a type, a band of rows at a time.

    What the type cannot hold becomes infinite, as in PyTorch; nothing is said of it.
    """
    result = np.empty(array.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in bands(result):
            arrays = (each[rows].astype(dtype, copy=False) for each in (array, *others))
            result[rows] = function(*arrays)
    return result
