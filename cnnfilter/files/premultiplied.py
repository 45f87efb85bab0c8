"""Colours that are stored multiplied by alpha."""

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands


def divided(
    pixels: Array, alpha: Array, colours: int | None = None, top: float | None = None
) -> Array:
    """Return pixels with colours divided by alpha.

    Parameters
    ----------
    pixels : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray
        Shape (H, W).
    colours : int, optional
        Number of channels that are colours, before any bands; default: all are.
    top : number, optional
        The largest alpha; default: its type's, of floats 1.

    Examples
    --------
    >>> divided(np.uint8([[100, 100]]), np.uint8([[255, 128]]))
    array([[100, 199]], dtype=uint8)
    """
    top = np.float64(_top(alpha) if top is None else top)
    # The largest of 64 bits is no float64: the next one is too large.
    most = np.nextafter(top, 0) if top >= 2**63 - 1 else top
    result = (pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels).copy()
    for rows in bands(result):
        shares = alpha[rows, :, np.newaxis].astype(np.float64)
        scaled = result[rows, :, :colours] * top
        straight = np.divide(scaled, shares, out=np.zeros_like(scaled), where=shares != 0)
        if pixels.dtype.kind != "f":
            straight = np.clip(np.rint(straight), 0, most)
        result[rows, :, :colours] = straight
    return result.reshape(pixels.shape)


def multiplied(pixels: Array, alpha: Array, colours: int) -> Array:
    """Return pixels with colours multiplied by alpha."""
    share = alpha.astype(np.float64) / _top(alpha)
    result = np.atleast_3d(pixels).copy()
    product = result[:, :, :colours] * share[:, :, np.newaxis]
    result[:, :, :colours] = product if pixels.dtype.kind == "f" else np.rint(product)
    return result.reshape(pixels.shape)


def _top(alpha: Array) -> float:
    return 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
