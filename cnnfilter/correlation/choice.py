"""The choice of an engine: by the kernel, the shapes and the range of the pixels.

The cost of an engine is the time of its operations, in nanoseconds for each value of the
result, as measured on one core with AVX-512 (NumPy 2.4, OpenBLAS 0.3.31):

=============  =========================================================================
`ShiftAdd`     0.06 for an addition or multiplication in int16, 0.11 in float32
`RunningSum`   as `ShiftAdd`, with about 2 log2(length) additions
`Toeplitz`     0.1 for a shifted copy; 0.22 + 0.0215 * columns * (kH + 3) for a product
`ToeplitzRow`  0.5 + 0.022 kW
`FFT`          7.5, and the part of a tile that is lost at its edges
=============  =========================================================================

and a microsecond for each call of NumPy, so that small maps prefer few calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.dtypes import FLOAT32_EXACT, FLOAT64_EXACT, INT64_END
from cnnfilter.correlation.engines import (
    FFT,
    Engine,
    RunningSum,
    Separable,
    ShiftAdd,
    Size,
    Subsampled,
    Toeplitz,
    ToeplitzRow,
)
from cnnfilter.correlation.factors import integer_multiples, largest_sum, separated

#: Below these, sums of integers are exact in a type; the fastest comes first.
_EXACT = {
    "int16": 2**15,
    "float32": FLOAT32_EXACT,
    "int32": 2**31,
    "float64": FLOAT64_EXACT,
    "int64": INT64_END,
}
#: Lengths of fast Fourier transforms that are fast.
_LENGTHS = tuple(sorted(part << power for power in range(4, 13) for part in (4, 5, 6)))
#: So few operations on whole tiles are always the cheapest.
_FEW_PASSES = 8
#: Fewer taps are never worth a transform.
_LEAST_FOR_FFT = 100
#: With norms whose product is below this, float64's error after two transforms, 2**-53 of
#: it times a few for each of their less than 26 stages, is far below one half.
_FFT_EXACT = 2**44


def choose(
    weights: Array, stride: Size, shape: tuple[int, int, int], peak: float, work: DType
) -> Engine:
    """Choose the cheapest engine for one kernel on each channel.

    Parameters
    ----------
    weights : ndarray
        Shape (kH, kW), zeros of dilation included.
    stride : (int, int)
    shape : (int, int, int)
        The result's: rows, columns, channels.
    peak : int or float
        The largest magnitude of the image's values; an int where they are integers.
        Integers times integers are added up in the narrowest type that holds them, by the
        sum of the weights' magnitudes, and so exactly.
    work : dtype
        The type to compute in, otherwise; int64 if that is known to hold every sum.

    Examples
    --------
    >>> def chosen(weights, peak=255):
    ...     engine = choose(weights, (1, 1), (1000, 1000, 1), peak, np.dtype(np.float32))
    ...     return type(engine).__name__
    >>> chosen(np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    'ShiftAdd'
    >>> chosen(np.full((31, 31), 1 / 961)), chosen(np.random.default_rng(0).random((7, 7)))
    ('Separable', 'Toeplitz')
    >>> large = np.random.default_rng(0).integers(-9, 9, (31, 31))
    >>> chosen(large), chosen(large, peak=1.0)
    ('FFT', 'Toeplitz')
    """
    kernel = Weights.of(weights, peak, work)
    few = ShiftAdd(kernel.fastest(), stride, scale=kernel.scale, integral=kernel.is_exact)
    if few.passes <= _FEW_PASSES or kernel.may_overflow(peak):
        return few
    engines = (few, *dense_engines(kernel, stride, shape))
    return min(engines, key=lambda engine: engine.cost(prod(shape)))


def choose_for_bank(bank: Array, stride: Size, dilation: Size, groups: int, work: DType) -> Engine:
    """Choose the engine of a filter bank."""
    from cnnfilter.correlation.bank_engines import Depthwise, Im2col

    if bank.shape[2] == 1 < groups:
        return Depthwise(bank.astype(work), stride, dilation)
    return Im2col(bank.astype(work), stride, dilation, groups)


@dataclass(eq=False, repr=False)
class Weights:
    """The weights of a kernel, a column or a row, and the types to compute in.

    Attributes
    ----------
    values : ndarray
        Integers where the sums are to be exact.
    work : dtype
        The type for sums that need not be exact.
    peak : int or None
        The largest magnitude of the pixels, where pixels and weights are integers.
    scale : float
        The factor that the sums still need.
    """

    values: Array
    work: DType
    peak: int | None
    scale: float = 1.0

    @classmethod
    def of(cls, weights: Array, peak: float, work: DType) -> Weights:
        """Choose exact arithmetic where pixels and weights are integers."""
        multiples = integer_multiples(weights) if isinstance(peak, int) else None
        if multiples is not None:
            exact = cls(multiples[0], work, int(peak), multiples[1])
            if work == np.int64 or (exact.bound is not None and exact.bound < INT64_END):
                return exact
        return cls(weights, work, None)

    @property
    def is_exact(self) -> bool:
        """Test whether the sums are exact."""
        return self.peak is not None

    @cached_property
    def bound(self) -> int | None:
        """The largest magnitude of a sum, where it is exact."""
        return None if self.peak is None else self.peak * int(largest_sum(self.values))

    def may_overflow(self, peak: float) -> bool:
        """Return whether float sums come near infinity."""
        if self.is_exact or self.work.kind != "f":
            return False
        return peak * float(largest_sum(self.values)) >= np.finfo(self.work).max / 2

    def fastest(self) -> Array:
        """Return the values in the fastest exact type."""
        bound = self.bound
        if bound is None:
            return self.values.astype(self.work)
        fitting = (name for name, end in _EXACT.items() if bound < end)
        return self.values.astype(next(fitting, "int64"))

    def floats(self) -> Array | None:
        """Return the values in the fastest exact float type."""
        bound = self.bound
        if bound is None:
            return self.values.astype(self.work) if self.work.kind == "f" else None
        fitting = (name for name in ("float32", "float64") if bound < _EXACT[name])
        name = next(fitting, None)
        return None if name is None else self.values.astype(name)


def dense_engines(kernel: Weights, stride: Size, shape: tuple[int, int, int]) -> Iterator[Engine]:
    """Iterate over the engines for kernels of many taps."""
    floats = kernel.floats()
    toeplitz = None if floats is None else Toeplitz(floats)
    for engine in (toeplitz, _separable(kernel, prod(shape)), _fft(kernel, stride, shape)):
        if engine is not None:
            dense = engine if stride == (1, 1) else Subsampled(engine, stride)
            dense.scale, dense.integral = kernel.scale, kernel.is_exact
            yield dense


def _separable(kernel: Weights, values: int) -> Engine | None:
    """Split a kernel into column and row, if cheaper."""
    factors = separated(kernel.values)
    if factors is None or sum(kernel.values.shape) >= kernel.values.size:
        return None
    column = Weights(factors[0], kernel.work, kernel.peak)
    row = Weights(factors[1], kernel.work, column.bound)
    return Separable(_cheapest(column, values, vertical=True), _cheapest(row, values))


def _cheapest(line: Weights, values: int, *, vertical: bool = False) -> Engine:
    """Choose the cheapest engine for a column or a row."""
    taps, floats = line.fastest(), line.floats()
    engines: list[Engine] = [ShiftAdd(taps[:, np.newaxis] if vertical else taps[np.newaxis])]
    if line.is_exact and len(taps) > 2 and (line.values == 1).all():
        engines.append(RunningSum(len(taps), vertical, taps.dtype))
    if floats is not None:
        engines.append(Toeplitz(floats[:, np.newaxis]) if vertical else ToeplitzRow(floats))
    return min(engines, key=lambda engine: engine.cost(values))


def _fft(kernel: Weights, stride: Size, shape: tuple[int, int, int]) -> Engine | None:
    """Return the FFT engine where rounding makes its sums exact."""
    values = kernel.values
    if kernel.peak is None or values.size < _LEAST_FOR_FFT or max(values.shape) > _LENGTHS[-1]:
        return None
    rows, columns = (
        _fft_length(size, count * step)
        for size, count, step in zip(values.shape, shape, stride, strict=False)
    )
    error = kernel.peak * (rows * columns) ** 0.5 * float(np.linalg.norm(values))
    if error > _FFT_EXACT:
        return None
    return FFT(values.astype(np.float64), (rows, columns))


def _fft_length(size: int, count: int) -> int:
    """Choose the cheapest length of transforms."""
    fitting = [length for length in _LENGTHS if size <= length <= max(512, 4 * size)]
    return min(fitting, key=lambda length: -(-count // (length - size + 1)) * length)
