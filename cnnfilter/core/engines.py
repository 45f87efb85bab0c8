"""How a correlation is computed.

All engines work through the image in bands of rows, padded and converted as they are
read, so that what they hold beside the result stays small whatever the image.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnfilter.core.arrays import BAND_BYTES, Array
from cnnfilter.core.geometry import Axis

#: Our border to numpy.pad's mode.
BORDERS = {
    "zero": "constant",
    "edge": "edge",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def correlate(
    image: Array, weights: Array, axes: tuple[Axis, Axis], border: str, out: Array
) -> None:
    """Correlate each channel with a kernel: shifted multiply-adds over whole rows.

    Parameters
    ----------
    image : ndarray
        Shape (H, W, C).
    weights : ndarray
        Shape (kH, kW), or (kH, kW, C) for a kernel of its own for each channel. Taps
        that are zero cost nothing.
    axes : (Axis, Axis)
        Vertical and horizontal.
    border : str
        One of `BORDERS`.
    out : ndarray
        Shape (H', W', C), filled here; its dtype is the arithmetic's.
    """
    taps = [
        (row, column, weights[row, column].astype(out.dtype))
        for row, column in np.ndindex(weights.shape[:2])
        if weights[row, column].any()
    ]
    out[...] = 0
    scratch = (axes[1].length + axes[1].before + axes[1].after) * image.shape[2]
    for rows, views in _bands(image, axes, border, out.dtype, scratch):
        total = out[rows]
        product = np.empty_like(total)
        for row, column, weight in taps:
            total += np.multiply(views[row][:, axes[1].taps(column)], weight, out=product)


def correlate_bank(
    image: Array, bank: Array, axes: tuple[Axis, Axis], border: str, out: Array
) -> None:
    """Correlate with a filter bank: a band's windows become rows of one matrix product.

    Parameters
    ----------
    image : ndarray
        Shape (H, W, C_in).
    bank : ndarray
        Shape (kH, kW, C_in, C_out).
    axes : (Axis, Axis)
        Vertical and horizontal.
    border : str
        One of `BORDERS`.
    out : ndarray
        Shape (H', W', C_out), filled here; its dtype is the arithmetic's.
    """
    vertical, horizontal = axes
    matrix = bank.reshape(-1, bank.shape[-1]).astype(out.dtype, copy=False)
    for rows, views in _bands(image, axes, border, out.dtype, horizontal.count * len(matrix)):
        windows = np.stack(
            [
                views[row][:, horizontal.taps(column)]
                for row in range(vertical.size)
                for column in range(horizontal.size)
            ],
            axis=2,
        )
        total = out[rows]
        total[...] = (windows.reshape(-1, len(matrix)) @ matrix).reshape(total.shape)


def _bands(
    image: Array, axes: tuple[Axis, Axis], border: str, dtype: np.dtype[Any], scratch: int
) -> Iterator[tuple[slice, list[Array]]]:
    """Go through the result in bands of rows; `scratch` is the values held for each row.

    Yields the rows of the result, and for each row of the kernel the rows of the padded
    image under it, converted to the arithmetic's type.
    """
    vertical, horizontal = axes
    count = max(1, BAND_BYTES // (scratch * dtype.itemsize))
    pixels = [_pixels_under(axis, border) for axis in axes]
    for first in range(0, vertical.count, count):
        rows = slice(first, min(first + count, vertical.count))
        start = first * vertical.stride
        steps = (rows.stop - first - 1) * vertical.stride + 1
        under = pixels[0][start : start + steps + vertical.extent - 1]
        band = _padded(image, under, horizontal, pixels[1], dtype)
        yield (
            rows,
            [
                band[tap : tap + steps : vertical.stride]
                for tap in range(0, vertical.extent, vertical.dilation)
            ],
        )


def _pixels_under(axis: Axis, border: str) -> Array:
    """Say which pixel stands at each place of a padded axis; -1 for none, but zero."""
    amounts, mode = (axis.before, axis.after), BORDERS[border]
    if mode == "constant":
        return np.pad(np.arange(axis.length), amounts, constant_values=-1)
    return np.pad(np.arange(axis.length), amounts, mode=mode)  # type: ignore[call-overload]


def _padded(
    image: Array, rows: Array, horizontal: Axis, columns: Array, dtype: np.dtype[Any]
) -> Array:
    """Copy rows of an image, padded on all sides."""
    first, last = horizontal.before, horizontal.before + horizontal.length
    band = np.zeros((len(rows), len(columns), image.shape[2]), dtype)
    inside = np.flatnonzero(rows >= 0)
    if inside.size:
        filled = band[inside[0] : inside[-1] + 1]
        sources = rows[inside]
        if np.all(np.diff(sources) == 1):
            filled[:, first:last] = image[sources[0] : sources[-1] + 1]
        else:
            filled[:, first:last] = image[sources]
        for side in (slice(0, first), slice(last, None)):
            if columns[side].size and columns[side][0] >= 0:
                filled[:, side] = filled[:, first + columns[side]]
    return band
