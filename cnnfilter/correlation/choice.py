"""Which engine a kernel gets: a function of shapes, weights and what values may go in.

The cost of an engine is that of its operations, in nanoseconds for each value of the
result, as measured on one core with AVX-512 (NumPy 2.4, OpenBLAS 0.3.31):

==============  ========================================================================
`Shifted`       0.06 for an addition or multiplication in int16, 0.11 in float32
`Run`           as `Shifted`, and 2 log2(length) additions whatever the length
`Banded`        0.1 for a shifted copy; 0.22 + 0.0215 * columns * (kH + 3) for a product
`BandedAcross`  0.5 + 0.022 kW
`Fourier`       7.5, and what of a tile is lost at its edges
==============  ========================================================================

and a microsecond for each call of NumPy, so that a small map gets what makes few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.dtypes import FLOAT32_EXACT, FLOAT64_EXACT, INT64_END
from cnnfilter.correlation.engines import (
    Banded,
    BandedAcross,
    Depthwise,
    Engine,
    Every,
    Fourier,
    Passes,
    Run,
    Shifted,
    Size,
    Windows,
)
from cnnfilter.correlation.factors import largest_sum, separated, whole_multiples

#: Below these, sums of integers are exact in a type; the fastest comes first.
_EXACT = {
    "int16": 2**15,
    "float32": FLOAT32_EXACT,
    "int32": 2**31,
    "float64": FLOAT64_EXACT,
    "int64": INT64_END,
}
#: Lengths that fast Fourier transforms are fast at.
_LENGTHS = tuple(sorted(part << power for power in range(4, 13) for part in (4, 5, 6)))
#: Operations on whole tiles that nothing is cheaper than.
_FEW_PASSES = 8
#: Taps that are never worth a transform.
_LEAST_FOR_FOURIER = 100
#: With norms whose product is below this, float64's error after two transforms, 2**-53 of
#: it times a few for each of their less than 26 stages, is far below one half.
_FOURIER_EXACT = 2**44


def choose(
    weights: Array,
    stride: Size,
    shape: tuple[int, int, int],
    peak: float,
    work: np.dtype[Any],
) -> Engine:
    """Choose what costs least for one kernel on each channel.

    Parameters
    ----------
    weights : ndarray
        Shape (kH, kW), zeros of dilation included.
    stride : (int, int)
    shape : (int, int, int)
        The result's: rows, columns, channels.
    peak : int or float
        The largest magnitude that the image's values may have; an int where they are
        integers. Integers on integers are added up in the narrowest type that holds them
        by the sum of the weights' magnitudes, and so exactly.
    work : dtype
        The type to compute in, otherwise.

    Examples
    --------
    >>> def chosen(weights, peak=255):
    ...     engine = choose(weights, (1, 1), (1000, 1000, 1), peak, np.dtype(np.float32))
    ...     return type(engine).__name__
    >>> chosen(np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    'Shifted'
    >>> chosen(np.full((31, 31), 1 / 961)), chosen(np.random.default_rng(0).random((7, 7)))
    ('Passes', 'Banded')
    >>> large = np.random.default_rng(0).integers(-9, 9, (31, 31))
    >>> chosen(large), chosen(large, peak=1.0)
    ('Fourier', 'Banded')
    """
    kernel = _Weights.of(weights, peak, work)
    taps = kernel.cast()
    plain = None if taps is None else Shifted(taps, stride, **kernel.after)
    if plain is not None and (plain.passes <= _FEW_PASSES or _may_overflow(kernel, peak)):
        return plain
    engines = filter(None, (plain, *_engines(kernel, stride, shape)))
    return min(engines, key=lambda engine: engine.cost(prod(shape)))


def _may_overflow(kernel: _Weights, peak: float) -> bool:
    """Whether a sum of floats may come near infinity, which spreads where bands hold zeros."""
    if kernel.bound is not None or kernel.work.kind != "f":
        return False
    return peak * float(largest_sum(kernel.values)) >= np.finfo(kernel.work).max / 2


def choose_for_bank(
    bank: Array, stride: Size, dilation: Size, groups: int, work: np.dtype[Any]
) -> Engine:
    """Choose for a filter bank of shape (kH, kW, C/groups, C_out)."""
    if bank.shape[2] == 1 < groups:
        return Depthwise(bank.astype(work), stride, dilation)
    return Windows(bank.astype(work), stride, dilation, groups)


@dataclass(eq=False, repr=False)
class _Weights:
    """A kernel, a column or a row as it is computed with.

    Attributes
    ----------
    values : ndarray
        Integers where the sums are to be exact.
    work : dtype
        The type for what need not be.
    peak : int or None
        The largest magnitude of what they are applied to, if both are integers.
    scale : float
        What sums are multiplied by.
    """

    values: Array
    work: np.dtype[Any]
    peak: int | None
    scale: float = 1.0

    @classmethod
    def of(cls, weights: Array, peak: float, work: np.dtype[Any]) -> _Weights:
        """Take integers, on integers, for what they are: exact."""
        whole = whole_multiples(weights) if isinstance(peak, int) else None
        if whole is None or peak * largest_sum(whole[0]) >= _EXACT["int64"]:
            return cls(weights, work, None)
        return cls(whole[0], work, int(peak), whole[1])

    @property
    def bound(self) -> int | None:
        """The largest magnitude of a sum, where it is exact."""
        return None if self.peak is None else self.peak * int(largest_sum(self.values))

    @property
    def after(self) -> dict[str, Any]:
        """What an engine is told of its sums."""
        return {"scale": self.scale, "integral": self.bound is not None}

    def cast(self, kinds: str = "if") -> Array | None:
        """Give the values in the fastest type, integer or float, that holds every sum."""
        bound = self.bound
        if bound is None:
            return self.values.astype(self.work) if self.work.kind in kinds else None
        fitting = (name for name, end in _EXACT.items() if name[0] in kinds and bound < end)
        name = next(fitting, None)
        return None if name is None else self.values.astype(name)


def _engines(kernel: _Weights, stride: Size, shape: tuple[int, int, int]) -> Iterator[Engine]:
    """Give all for more than a few taps that are right for a kernel."""
    matrix = kernel.cast("f")
    banded = None if matrix is None else Banded(matrix, **kernel.after)
    for engine in (banded, _passes(kernel, prod(shape)), _fourier(kernel, stride, shape)):
        if engine is not None:
            yield engine if stride == (1, 1) else Every.of(engine, stride)


def _passes(kernel: _Weights, values: int) -> Engine | None:
    """Take a kernel apart into a column and a row, where these have fewer taps."""
    factors = separated(kernel.values)
    if factors is None or sum(kernel.values.shape) >= kernel.values.size:
        return None
    down = _Weights(factors[0], kernel.work, kernel.peak)
    across = _Weights(factors[1], kernel.work, down.bound)
    return Passes(_cheapest(down, values, vertical=True), _cheapest(across, values), **kernel.after)


def _cheapest(line: _Weights, values: int, *, vertical: bool = False) -> Engine:
    """Choose what costs least for a column or a row."""
    taps, matrix = line.cast(), line.cast("f")
    engines: list[Engine] = []
    if taps is not None:
        engines.append(Shifted(taps[:, np.newaxis] if vertical else taps[np.newaxis]))
        if line.bound is not None and len(taps) > 2 and (line.values == 1).all():
            engines.append(Run(len(taps), vertical, taps.dtype))
    if matrix is not None:
        engines.append(Banded(matrix[:, np.newaxis]) if vertical else BandedAcross(matrix))
    return min(engines, key=lambda engine: engine.cost(values))


def _fourier(kernel: _Weights, stride: Size, shape: tuple[int, int, int]) -> Engine | None:
    """Give the engine of spectra, if its sums are integers that rounding makes exact."""
    values = kernel.values
    if kernel.peak is None or values.size < _LEAST_FOR_FOURIER or max(values.shape) > _LENGTHS[-1]:
        return None
    rows, columns = (
        _length(size, count * step)
        for size, count, step in zip(values.shape, shape, stride, strict=False)
    )
    error = kernel.peak * (rows * columns) ** 0.5 * float(np.linalg.norm(values))
    if error > _FOURIER_EXACT:
        return None
    return Fourier(values.astype(np.float64), (rows, columns), **kernel.after)


def _length(size: int, count: int) -> int:
    """Choose the length of spectra that is least, in all, for so many sums."""
    fitting = [length for length in _LENGTHS if size <= length <= max(512, 4 * size)]
    return min(fitting, key=lambda length: -(-count // (length - size + 1)) * length)
