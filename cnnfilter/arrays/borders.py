"""Borders: what padding is filled with."""

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Axis

#: Our border to numpy.pad's mode.
BORDERS = {
    "zero": "constant",
    "edge": "edge",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def pixels_under(axis: Axis, border: str) -> Array | None:
    """Return the pixel at each place of a padded axis; None where padding is zeros."""
    if border == "zero":
        return None
    amounts = (axis.before, axis.after)
    return np.pad(np.arange(axis.length), amounts, mode=BORDERS[border])  # type: ignore[call-overload]
