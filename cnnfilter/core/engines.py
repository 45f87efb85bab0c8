"""How a correlation is computed.

Both engines take an image that is padded already and work through it in bands of
rows, so that what they hold beside the result stays small whatever the image.
"""

from collections.abc import Iterator

import numpy as np

from cnnfilter.core.arrays import BAND_BYTES, Array
from cnnfilter.core.geometry import Axis


def correlate(padded: Array, weights: Array, axes: tuple[Axis, Axis], out: Array) -> None:
    """Correlate each channel with one kernel: shifted multiply-adds over whole rows.

    Parameters
    ----------
    padded : ndarray
        Shape (H + padding, W + padding, C).
    weights : ndarray
        Shape (kH, kW); zeros cost nothing.
    axes : (Axis, Axis)
        Vertical and horizontal.
    out : ndarray
        Shape (H', W', C), filled here; its dtype is the arithmetic's.
    """
    horizontal = axes[1]
    taps = [(*at, out.dtype.type(weights[tuple(at)])) for at in np.argwhere(weights).tolist()]
    out[...] = 0
    for total, views in _bands(padded, axes, out, scratch=padded[0].size):
        product = np.empty_like(total)
        for row, column, weight in taps:
            total += np.multiply(views[row][:, horizontal.taps(column)], weight, out=product)


def correlate_bank(padded: Array, bank: Array, axes: tuple[Axis, Axis], out: Array) -> None:
    """Correlate with a filter bank: a band's windows become rows of one matrix product.

    Parameters
    ----------
    padded : ndarray
        Shape (H + padding, W + padding, C_in).
    bank : ndarray
        Shape (kH, kW, C_in, C_out).
    axes : (Axis, Axis)
        Vertical and horizontal.
    out : ndarray
        Shape (H', W', C_out), filled here; its dtype is the arithmetic's.
    """
    vertical, horizontal = axes
    filters = bank.shape[-1]
    matrix = bank.reshape(-1, filters).astype(out.dtype)
    for total, views in _bands(padded, axes, out, scratch=horizontal.count * len(matrix)):
        windows = np.stack(
            [
                views[row][:, horizontal.taps(column)]
                for row in range(vertical.size)
                for column in range(horizontal.size)
            ],
            axis=2,
        )
        total[...] = (windows.reshape(-1, len(matrix)) @ matrix).reshape(total.shape)


def _bands(
    padded: Array, axes: tuple[Axis, Axis], out: Array, scratch: int
) -> Iterator[tuple[Array, list[Array]]]:
    """Go through the result in bands of rows; `scratch` is the values held for each row.

    Yields the band of the result, and for each row of the kernel the rows of the image
    under it, converted to the arithmetic's type.
    """
    vertical = axes[0]
    rows = max(1, BAND_BYTES // (scratch * out.itemsize))
    for first in range(0, vertical.count, rows):
        total = out[first : first + rows]
        start = first * vertical.stride
        reach = (len(total) - 1) * vertical.stride + vertical.extent
        band = padded[start : start + reach].astype(out.dtype)
        yield (
            total,
            [
                band[tap : tap + reach - vertical.extent + 1 : vertical.stride]
                for tap in range(0, vertical.extent, vertical.dilation)
            ],
        )
