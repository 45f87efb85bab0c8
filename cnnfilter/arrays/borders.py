"""Borders: the values of padding, and the pixels under windows."""

from collections.abc import Sequence

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Axis, Region, Shape, Window

#: Our border to numpy.pad's mode.
BORDERS = {
    "zero": "constant",
    "edge": "edge",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def pixels_under(axis: Axis, border: str) -> Array | None:
    """Return the pixel at each place; None under zeros."""
    if border == "zero":
        return None
    amounts = (axis.before, axis.after)
    return np.pad(np.arange(axis.length), amounts, mode=BORDERS[border])  # type: ignore[call-overload]


def pixel_span(axis: Axis, places: Sequence[int], pixels: Array | None) -> tuple[int, int] | None:
    """Return the first and last pixel at some places.

    Parameters
    ----------
    axis : Axis
    places : sequence of int
        Counted from the axis's first pixel; negative ones are padding.
    pixels : ndarray or None
        What `pixels_under` returns.

    Examples
    --------
    >>> axis = Axis(length=4, size=3, stride=2, dilation=1, before=1, after=1, count=2)
    >>> pixel_span(axis, axis.places(0), None), pixel_span(axis, [-1], None)
    ((0, 1), None)
    >>> pixel_span(axis, [-1], pixels_under(axis, "wrap"))
    (3, 3)
    """
    found = np.asarray(places)
    if pixels is None:
        found = found[(found >= 0) & (found < axis.length)]
    else:
        found = pixels[found + axis.before]
    return (int(found.min()), int(found.max())) if found.size else None


def region_under(window: Window, region: Region, shape: Shape, border: str) -> Region | None:
    """Return the region of a map under some windows.

    Parameters
    ----------
    window : Window
    region : Region
        Of the windows, that is, of the result.
    shape : tuple of int
        The map's.
    border : str
        Which pixels padding repeats; these count.

    Examples
    --------
    >>> region_under(Window((3, 3), padding="same"), Region(0, 0, 3, 4), (9, 9), "zero")
    Region(top=0, bottom=1, left=2, right=5)
    """
    down, across = window.axes(shape)
    rows = _span_under(down, region.top, region.bottom, border)
    columns = _span_under(across, region.left, region.right, border)
    return None if rows is None or columns is None else Region(*rows, *columns)


def _span_under(axis: Axis, first: int, last: int, border: str) -> tuple[int, int] | None:
    """Return the first and last pixel under some taps."""
    places = axis.places(first)
    if first != last:
        places = range(places[0], axis.places(last)[-1] + 1)
    return pixel_span(axis, places, pixels_under(axis, border))
