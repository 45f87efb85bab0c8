"""Properties of a kernel, without an image."""

from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array


@dataclass(frozen=True)
class KernelFacts:
    """Properties of a kernel.

    Attributes
    ----------
    size : (int, int)
        Height and width.
    sum : float
        The brightness gain: the factor for a flat area.
    lowest, highest : float
        The range of results from an 8-bit image.
    separable : bool
        Whether it is a column times a row, which takes two cheap passes.
    symmetric : bool
        Whether flipping changes nothing: convolution and cross-correlation agree.
    """

    size: tuple[int, int]
    sum: float
    lowest: float
    highest: float
    separable: bool
    symmetric: bool


def kernel_facts(weights: Array) -> KernelFacts:
    """Return the properties of a kernel of shape (kH, kW).

    Examples
    --------
    >>> facts = kernel_facts(np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    >>> facts.sum, facts.lowest, facts.highest, facts.separable, facts.symmetric
    (1.0, -1020.0, 1275.0, False, True)
    """
    height, width = weights.shape
    floats = weights.astype(np.float64)
    relative = floats / (np.abs(floats).max() or 1.0)
    with np.errstate(over="ignore"):  # sums beyond every float are infinite
        return KernelFacts(
            size=(height, width),
            sum=float(weights.sum() if weights.dtype.kind in "iu" else floats.sum()),
            lowest=float(255 * np.minimum(floats, 0).sum()),
            highest=float(255 * np.maximum(floats, 0).sum()),
            separable=bool(np.linalg.matrix_rank(relative) == 1),
            symmetric=bool(np.allclose(relative, relative[::-1, ::-1], rtol=1e-12, atol=1e-15)),
        )
