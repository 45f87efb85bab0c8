"""Cross-correlation: one door before engines, their choice, factors and tiles.

`correlate` computes a result tile by tile; `correlated_strips` prepares the same result, to
the last bit, in strips of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import Strips, tiles
from cnnfilter.arrays.geometry import Shape
from cnnfilter.correlation.parts import CorrelatedStrips, Filters, parts

__all__ = ["Correlated", "Filters", "correlate", "correlated_strips"]


class Correlated(NamedTuple):
    """A tile of a result.

    Attributes
    ----------
    place : (slice, slice, slice)
        Its rows, columns and maps.
    values : ndarray
        May be overwritten until the next tile comes. Rows may be longer than the tile's; the
        surplus is meaningless.
    integral : bool
        Whether the values are integers, whatever their type.
    """

    place: tuple[slice, slice, slice]
    values: Array
    integral: bool


def correlate(image: Array, filters: Filters, shape: Shape) -> Iterator[Correlated]:
    """Correlate an image with filters, tile by tile.

    Parameters
    ----------
    image : ndarray
        Shape (H, W, C).
    filters : Filters
    shape : tuple of int
        The result's: (H', W', maps).

    Examples
    --------
    >>> image, filters = np.eye(2)[:, :, np.newaxis], Filters([np.array([[1, 2]])])
    >>> result = np.empty((2, 1, 1))
    >>> for place, values, _ in correlate(image, filters, result.shape):
    ...     result[place] = values[:, :1]
    >>> result.ravel()
    array([1., 2.])
    """
    for part in parts(filters, image, image, shape):
        for rows, columns in tiles((shape[0], shape[1]), part.size):
            values = part((rows, columns))
            yield Correlated((rows, columns, part.maps), values, part.integral)


def correlated_strips(
    shape: Shape, extremes: Array, filters: Filters, result: Shape, dtype: DType
) -> list[Strips]:
    """Return strips of each kernel's maps, or of their combination.

    Parameters
    ----------
    shape : tuple of int
        The image's: (H, W, C).
    extremes : ndarray
        Its lowest and highest value: shape (1, 2, C).
    filters : Filters
    result : tuple of int
        The result's shape: (H', W', maps).
    dtype : dtype
        The result's type.
    """
    image = np.broadcast_to(extremes[:1, :1], shape)
    return [CorrelatedStrips(part, dtype) for part in parts(filters, image, extremes, result)]
