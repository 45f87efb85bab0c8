"""An image as if it were padded: what lies under each tile, copied once.

A tile's pixels are copied in the type to compute in, so that only a tile is ever held next to
the image and its result.
"""

from itertools import pairwise

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.borders import pixel_span, pixels_under
from cnnfilter.arrays.buffers import Scratch, Tile, check_room
from cnnfilter.arrays.geometry import Axis

#: Places of a tile, and the image's pixels that stand there; None for zeros.
_Segment = tuple[slice, slice | Array | None]


class Padded:
    """An image as if it were padded.

    Parameters
    ----------
    image : ndarray
        Shape (H, W, C).
    axes : (Axis, Axis)
        Vertical and horizontal.
    border : str
        One of `BORDERS`.
    """

    def __init__(self, image: Array, axes: tuple[Axis, Axis], border: str) -> None:
        self._image, self._first = image, 0
        self._axes = axes
        self._scratch = Scratch()
        self._under = [pixels_under(axis, border) for axis in axes]

    def hold(self, rows: Array, first: int) -> None:
        """Keep only some rows of the image."""
        self._image, self._first = rows, first

    def rows_under(self, windows: slice) -> slice:
        """Return the image's rows under rows of windows."""
        (axis, _), (pixels, _) = self._axes, self._under
        extent = axis.under(windows)
        places = range(extent.start - axis.before, extent.stop - axis.before)
        first, last = pixel_span(axis, places, pixels) or (0, 0)
        return slice(first, last + 1)

    def under(self, tile: Tile, dtype: DType | None) -> Array:
        """Return the pixels under a tile.

        Parameters
        ----------
        tile : (slice, slice)
        dtype : dtype or None
            The type of a contiguous result; None for the image's own, in any layout.

        Returns
        -------
        ndarray
            Shape (h, w, C): a view of the image where nothing needs copying, else of a
            buffer that the next tile reuses.
        """
        extents = [axis.under(windows) for axis, windows in zip(self._axes, tile, strict=True)]
        down, across = (
            _segments(axis, pixels, extent, first)
            for axis, pixels, extent, first in zip(
                self._axes, self._under, extents, (self._first, 0), strict=True
            )
        )
        if dtype is None and len(down) == len(across) == 1:
            rows, columns = down[0][1], across[0][1]
            if isinstance(rows, slice) and isinstance(columns, slice):
                return self._image[rows, columns]
        lengths = [extent.stop - extent.start for extent in extents]
        shape = (*lengths, self._image.shape[2])
        check_room("the padded image", shape, np.dtype(dtype or self._image.dtype).itemsize)
        pixels = self._scratch("pixels", shape, dtype or self._image.dtype)
        for at_rows, rows in down:
            for at_columns, columns in across:
                if rows is None or columns is None:
                    pixels[at_rows, at_columns] = 0
                else:
                    pixels[at_rows, at_columns] = self._image[rows][:, columns]
        return pixels


def _segments(axis: Axis, pixels: Array | None, extent: slice, held: int) -> list[_Segment]:
    """Split an extent where the image begins and ends.

    Pixels are counted from row `held`, the first that is kept.
    """
    first, end = axis.before, axis.before + axis.length
    cuts = [extent.start, *(min(max(cut, extent.start), extent.stop) for cut in (first, end))]
    cuts.append(extent.stop)
    segments: list[_Segment] = []
    for start, stop in pairwise(cuts):
        if start == stop:
            continue
        place = slice(start - extent.start, stop - extent.start)
        if start >= first and stop <= end:
            segments.append((place, slice(start - first - held, stop - first - held)))
        else:
            segments.append((place, None if pixels is None else pixels[start:stop] - held))
    return segments
