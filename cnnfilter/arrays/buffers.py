"""Memory: its limit, reusable buffers, and arrays in bands, tiles and strips."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ShapeError

#: About one core's share of the cache: bytes to work on at a time.
BAND_BYTES = 2**20
#: Rows and columns of a result.
Tile = tuple[slice, slice]


def check_room(what: str, shape: Shape, itemsize: int) -> None:
    """Raise ShapeError for an array that memory cannot hold."""
    size, most = prod(shape) * itemsize, memory()
    if size > most:
        raise ShapeError(
            f"{what} of {'x'.join(map(str, shape))} takes {size / 2**30:.3g} GiB, the memory is "
            f"{most / 2**30:.3g} GiB; make it smaller"
        )


@lru_cache
def memory() -> int:
    """Return the bytes of memory for this process."""
    limits = [sys.maxsize]
    with suppress(AttributeError, ValueError, OSError):  # not on Windows
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ImportError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [limit] if limit != resource.RLIM_INFINITY else []
    with suppress(OSError, ValueError):  # a container's; "max" is no number
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


class Scratch:
    """Named buffers, reused for every tile and then returned to a shared pool.

    Memory fresh from the system costs more than computing the sums that it will hold.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def __call__(self, name: str, shape: Shape, dtype: DTypeLike) -> Array:
        """Return the buffer with this name; its contents are undefined."""
        size = prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = _POOL.take(size)
        return np.ndarray(shape, dtype, buffer)

    def __del__(self) -> None:
        _POOL.give_back(self._buffers.values())


class _Pool:
    """Unused buffers by their size, a power of two; shared by threads."""

    #: Buffers of each size to keep, and the size in bytes from which on none is kept.
    KEPT, LARGE = 4, 2**23

    def __init__(self) -> None:
        self._free: defaultdict[int, list[Array]] = defaultdict(list)

    def take(self, size: int) -> Array:
        """Return a buffer of at least a size."""
        size = 1 << max(0, size - 1).bit_length()
        try:
            return self._free[size].pop()
        except IndexError:
            return np.empty(size, np.uint8)

    def give_back(self, buffers: Iterable[Array]) -> None:
        """Keep unused buffers, a number of each size."""
        for buffer in buffers:
            if buffer.size < self.LARGE and len(self._free[buffer.size]) < self.KEPT:
                self._free[buffer.size].append(buffer)


_POOL = _Pool()


@contextmanager
def numpy_buffer(elements: int) -> Iterator[None]:
    """Set the length of NumPy's buffer for ufuncs."""
    before = np.setbufsize(elements)
    try:
        yield
    finally:
        np.setbufsize(before)


def bands(array: Array, band_bytes: int = BAND_BYTES) -> Iterator[slice]:
    """Iterate over bands of rows that fit the cache."""
    rows = max(1, band_bytes // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        yield slice(first, first + rows)


def in_bands(function: Callable[..., Array], dtype: DType, array: Array, *others: Array) -> Array:
    """Apply a function to arrays, a band at a time.

    Overflow gives infinity without a warning, as in PyTorch.
    """
    result = np.empty(array.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in bands(result):
            arrays = (one[rows].astype(dtype, copy=False) for one in (array, *others))
            result[rows] = function(*arrays)
    return result


def tiles(shape: tuple[int, int], size: tuple[int, int]) -> Iterator[Tile]:
    """Iterate over tiles; the last may be smaller.

    Examples
    --------
    >>> list(tiles((3, 2), (2, 9)))
    [(slice(0, 2, None), slice(0, 2, None)), (slice(2, 3, None), slice(0, 2, None))]
    """
    for top in range(0, shape[0], size[0]):
        for left in range(0, shape[1], size[1]):
            yield (
                slice(top, min(top + size[0], shape[0])),
                slice(left, min(left + size[1], shape[1])),
            )


class Strips(ABC):
    """A result in strips of rows, each computed alone, bit for bit as in the whole.

    Sums of floats depend on their order, and so on where tiles begin: strips begin where the
    tiles of the whole result do.

    Attributes
    ----------
    height : int
        Rows of a strip; the last one may have fewer.
    """

    height: int

    @abstractmethod
    def under(self, rows: slice) -> slice:
        """Return the rows under a strip, at least one."""

    @abstractmethod
    def compute(self, rows: slice, pixels: Array) -> Array:
        """Compute a strip from the image's rows under it."""
