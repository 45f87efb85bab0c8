"""Maps whose rows are computed where they are needed, so that no map is held as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape

#: Bytes of one band, and of the bands before that it is computed from.
BAND = 8 * 2**20


class Rows(ABC):
    """A map of shape (H, W) or (H, W, C), or a vector, whose rows are computed when needed.

    Attributes
    ----------
    shape : tuple of int
    row_bytes : int
        Memory of one row, with the rows that it is computed from.
    """

    shape: Shape
    row_bytes: int

    @abstractmethod
    def compute(self, first: int, stop: int) -> Array:
        """Compute some of the rows at once."""

    def rows(self, first: int, stop: int) -> Array:
        """Compute some of the rows, a band at a time."""
        bands = self.bands(first, stop)
        band = next(bands)
        if len(band) == stop - first:
            return band
        result = np.empty((stop - first, *band.shape[1:]), band.dtype)
        end = len(band)
        result[:end] = band
        for band in bands:
            result[end : end + len(band)] = band
            end += len(band)
        return result

    def bands(self, first: int = 0, stop: int | None = None) -> Iterator[Array]:
        """Iterate over rows, a band at a time."""
        stop = self.shape[0] if stop is None else stop
        height = max(1, BAND // max(1, self.row_bytes))
        for start in range(first, stop, height):
            yield self.compute(start, min(start + height, stop))

    def only(self, first: int, stop: int) -> Array:
        """Return an array that holds these rows; others are 0.

        The others take no memory on systems that allocate pages when they are first written.
        """
        rows = self.rows(first, stop)
        result = np.zeros(self.shape, rows.dtype)
        result[first:stop] = rows
        return result

    def whole(self) -> Array:
        """Return all rows."""
        return self.rows(0, self.shape[0])

    @cached_property
    def extremes(self) -> Array:
        """The lowest and highest value, or NaN."""
        lows, highs = zip(*((band.min(), band.max()) for band in self.bands()), strict=True)
        return np.array([np.min(lows), np.max(highs)])


class HeldRows(Rows):
    """A map that is held as an array.

    Examples
    --------
    >>> [len(band) for band in HeldRows(np.zeros((4, 5, 3))).bands()]
    [4]
    """

    def __init__(self, array: Array) -> None:
        self._array = array
        self.shape = array.shape
        self.row_bytes = array[:1].nbytes

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._array[first:stop]

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._array[first:stop]

    def only(self, first: int, stop: int) -> Array:
        """Return the map."""
        return self._array


class MappedRows(Rows):
    """The rows of a map, each changed by itself.

    Parameters
    ----------
    before : Rows
    function : callable
        Takes rows, and returns as many.
    """

    def __init__(self, before: Rows, function: Callable[[Array], Array]) -> None:
        self._before, self._function = before, function
        self.shape = (before.shape[0], *function(np.zeros((1, *before.shape[1:]))).shape[1:])
        self.row_bytes = before.row_bytes

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows."""
        return self._function(self._before.rows(first, stop))

    @property
    def extreme_pixels(self) -> Array:
        """The lowest and highest value as two pixels."""
        low_high = self.extremes.reshape(1, 2, 1)
        return np.broadcast_to(low_high, (1, 2, *self.shape[2:]))


def as_rows(map: Array | Rows) -> Rows:
    """Return a map as rows."""
    return map if isinstance(map, Rows) else HeldRows(map)
