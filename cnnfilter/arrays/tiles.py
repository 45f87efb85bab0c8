"""Results in parts: tiles that fit the cache, and strips of rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from cnnfilter.arrays import Array

#: Rows and columns of a result.
Tile = tuple[slice, slice]


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
