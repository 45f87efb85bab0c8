"""Engines: ways to correlate the tiles of an image with a kernel.

An engine takes the pixels under a tile, shape (h, w, C), and returns the sums, shape
(h', w', maps), before they are multiplied by its scale. Rows may be longer than requested;
callers crop the surplus. Contiguous arrays are much faster. `cnnfilter.correlation.choice`
chooses the engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import Scratch
from cnnfilter.arrays.geometry import Shape

#: Rows and columns.
Size = tuple[int, int]
#: A tap's row and column, and whether its pixels are added or subtracted.
Tap = tuple[int, int, np.ufunc]

#: Multiply-adds up to which OpenBLAS does a matrix product without packing it first.
SMALL_PRODUCT = 10**6
#: Nanoseconds of a NumPy call, and of an operation on a value in the cache.
CALL = 1000.0
PASS = {"int16": 0.06, "int32": 0.1, "float32": 0.11, "float64": 0.25, "int64": 0.3}


@dataclass(eq=False, repr=False, kw_only=True)
class Engine(ABC):
    """One way to correlate.

    Attributes
    ----------
    scale : float
        The factor that the sums still need.
    integral : bool
        Whether the sums are integers, whatever their type.
    scratch : Scratch
        Reusable buffers. The returned sums live in them until the next call.
    """

    scale: float = 1.0
    integral: bool = False
    scratch: Scratch = field(default_factory=Scratch)
    #: Bytes of a result to compute at a time: with the intermediate arrays, the cache.
    BYTES: ClassVar[int] = 2**19

    @property
    def dtype(self) -> DType | None:
        """Type of contiguous pixels, or None for any."""
        return None

    def tile(self, shape: Shape) -> Size:
        """Return the best tile for a result."""
        columns = max(1, min(shape[1], 8192 // shape[2]))
        dtype = self.dtype
        item = 8 if dtype is None else dtype.itemsize
        return max(1, self.BYTES // (item * columns * shape[2])), columns

    def cost(self, values: int) -> float:
        """Estimate the nanoseconds for a number of output values."""
        return 0.0  # where no other engine competes

    @abstractmethod
    def __call__(self, pixels: Array) -> Array:
        """Correlate."""


class Taps:
    """The pixels of a tile under each tap of a kernel.

    Parameters
    ----------
    pixels : ndarray
        Shape (h, w, C), contiguous.
    extent, stride : (int, int)
        The kernel's.
    """

    def __init__(self, pixels: Array, extent: Size, stride: Size = (1, 1)) -> None:
        height, width, channels = pixels.shape
        self._pixels, self._flat, self._stride = pixels, pixels.reshape(-1), stride
        self._rows, self._columns = height - extent[0] + 1, width - extent[1] + 1
        self.shape = (-(-self._rows // stride[0]), -(-self._columns // stride[1]), channels)
        #: The result's shape with the surplus of long rows.
        self.wide_shape: Shape = self.shape
        #: Number of values that `shifted` returns.
        self.length = prod(self.shape)
        if stride == (1, 1):
            self.wide_shape = (self._rows, width, channels)
            self.length = (self._rows * width - extent[1] + 1) * channels

    def strided(self, row: int, column: int) -> Array:
        """Return the pixels under a tap, in the result's shape."""
        down, across = self._stride
        return self._pixels[row : row + self._rows : down, column : column + self._columns : across]

    def shifted(self, row: int, column: int) -> Array:
        """Return the pixels under a tap as one long row.

        Without a stride, a shift by rows and columns is a shift along the whole tile; the
        ends of rows then hold pixels of the next row.
        """
        if self._stride != (1, 1):
            return self.strided(row, column).reshape(-1)
        start = (row * self._pixels.shape[1] + column) * self.shape[2]
        return self._flat[start : start + self.length]


@dataclass(eq=False, repr=False)
class ShiftAdd(Engine):
    """Shift-and-add, for few taps: one NumPy call adds a shifted copy of the tile.

    The tile is multiplied once for all weights of the same magnitude.
    """

    weights: Array
    stride: Size = (1, 1)

    BYTES: ClassVar[int] = 2**20

    @property
    def dtype(self) -> DType:
        return self.weights.dtype

    @property
    def passes(self) -> int:
        """Operations on the tile, by tap and magnitude."""
        magnitudes = np.abs(self.weights[self.weights != 0]).tolist()
        return len(magnitudes) + len(set(magnitudes))

    def cost(self, values: int) -> float:
        per_value = PASS[self.dtype.name] * (1 if self.stride == (1, 1) else 4)
        return self.passes * (CALL + per_value * values)

    def tile(self, shape: Shape) -> Size:
        return strided_tile(super().tile(shape), self.stride)

    @cached_property
    def _groups(self) -> list[tuple[float, list[Tap]]]:
        """Taps by their weight's magnitude, the fewest first."""
        groups: dict[float, list[Tap]] = {}
        for row, column in np.argwhere(self.weights).tolist():
            weight = self.weights[row, column]
            ufunc = np.add if weight > 0 else np.subtract
            groups.setdefault(abs(weight), []).append((row, column, ufunc))
        return sorted(groups.items(), key=lambda group: len(group[1]))

    def __call__(self, pixels: Array) -> Array:
        taps = Taps(pixels, self.weights.shape[:2], self.stride)
        result = self.scratch("result", taps.wide_shape, self.dtype)
        total = result.reshape(-1)[: taps.length]
        if not self._groups:
            total[...] = 0
        for index, (magnitude, group) in enumerate(self._groups):
            rest, source = group, taps
            if index == 0:
                (row, column, _), *rest = group
                np.multiply(taps.shifted(row, column), self.weights[row, column], out=total)
            if rest and magnitude != 1:
                scaled = self.scratch("scaled", pixels.shape, self.dtype)
                np.multiply(pixels, magnitude, out=scaled)
                source = Taps(scaled, self.weights.shape[:2], self.stride)
            for row, column, ufunc in rest:
                ufunc(total, source.shifted(row, column), out=total)
        return result


@dataclass(eq=False, repr=False)
class RunningSum(Engine):
    """Running sums along rows or columns: for equal weights, in types that are exact.

    A run of n values is two overlapping runs of ceil(n / 2): about log2(n) additions.
    """

    length: int
    vertical: bool
    exact: DType

    @property
    def dtype(self) -> DType:
        return self.exact

    @cached_property
    def _lengths(self) -> list[int]:
        """Lengths of the runs on the way, from two on."""
        lengths = [self.length]
        while lengths[0] > 2:
            lengths.insert(0, (lengths[0] + 1) // 2)
        return lengths

    def tile(self, shape: Shape) -> Size:
        return super().tile((shape[0], min(shape[1], max(1, 1024 // shape[2])), shape[2]))

    def cost(self, values: int) -> float:
        passes = sum(1 + length % 2 for length in self._lengths)
        return passes * (CALL + PASS[self.dtype.name] * values)

    def __call__(self, pixels: Array) -> Array:
        height, width, channels = pixels.shape
        step = channels * (width if self.vertical else 1)
        row = half = pixels.reshape(-1)
        for index, length in enumerate(self._lengths):
            result = self.scratch(f"sums {index % 2}", pixels.shape, self.dtype)
            apart = length // 2 * step
            total = result.reshape(-1)[: len(half) - apart]
            np.add(half[:-apart], half[apart:], out=total)
            if length % 2:  # the halves overlap by one
                total -= row[apart : apart + len(total)]
            half = total
        return result[: height - self.length + 1] if self.vertical else result


@dataclass(eq=False, repr=False)
class Toeplitz(Engine):
    """Products of Toeplitz (banded) matrices with rows: for dense kernels and columns.

    Four rows of a result, one below the other, are a matrix of 4 x (kH + 3) times the rows
    under them, once for each of the kernel's columns. Up to five columns make one product:
    their rows, shifted, are interleaved. So no window is copied.
    """

    weights: Array

    ROWS: ClassVar[int] = 4

    @cached_property
    def matrices(self) -> list[Array]:
        """Matrices of shape (4, kH + 3, columns) of kernel columns."""
        height, width = self.weights.shape
        columns = -(-width // -(-width // 5))
        result = []
        for first in range(0, width, columns):
            part = self.weights[:, first : first + columns]
            matrix = np.zeros((self.ROWS, height + self.ROWS - 1, columns), self.weights.dtype)
            for row in range(self.ROWS):
                matrix[row, row : row + height, : part.shape[1]] = part
            result.append(matrix)
        return result

    def tile(self, shape: Shape) -> Size:
        return _tile_of_rows(128, self._line, shape)

    @property
    def _line(self) -> int:
        """Values in a row that make a small product."""
        return max(1, min(2048, SMALL_PRODUCT // self.matrices[0].size))

    def cost(self, values: int) -> float:
        products, (_, band, columns) = len(self.matrices), self.matrices[0].shape
        per_value = 0.1 * columns + products * (0.22 + 0.0215 * band * columns)
        tiles = 1 + values // (128 * self._line)
        slower = self.weights.itemsize // 4
        return tiles * (15 + 3 * products) * CALL + per_value * slower * values

    def __call__(self, pixels: Array) -> Array:
        rows, columns = (n - k + 1 for n, k in zip(pixels.shape, self.weights.shape, strict=False))
        channels, together = pixels.shape[2], self.matrices[0].shape[2]
        windows = self._windows(pixels, rows, columns + (len(self.matrices) - 1) * together)
        sums, part = (
            self.scratch(name, (len(windows), self.ROWS, columns * channels), windows.dtype)
            for name in ("sums", "part")
        )
        for index, matrix in enumerate(self.matrices):
            first = index * together
            under = windows[:, :, first * channels : (first + columns) * channels]
            np.matmul(matrix.reshape(self.ROWS, -1), under, out=part if index else sums)
            if index:
                sums += part
        return sums.reshape(-1, columns, channels)[:rows]

    def _windows(self, pixels: Array, rows: int, across: int) -> Array:
        """Return the rows under each block of the result."""
        height, _, channels = pixels.shape
        _, band, together = self.matrices[0].shape
        blocks = -(-rows // self.ROWS)
        shape = ((blocks - 1) * self.ROWS + band, together, across, channels)
        lines = self.scratch("lines", shape, self.weights.dtype)
        lines[height:] = 0
        for shift in range(together):
            under = pixels[:, shift : shift + across]
            lines[:height, shift, : under.shape[1]] = under
            lines[:height, shift, under.shape[1] :] = 0
        item = lines.itemsize
        line = across * channels * item
        return as_strided(
            lines,
            (blocks, band * together, line // item),
            (self.ROWS * together * line, line, item),
        )


@dataclass(eq=False, repr=False)
class ToeplitzRow(Engine):
    """A product with a Toeplitz matrix, 16 columns of the result at a time: for a row."""

    weights: Array

    COLUMNS: ClassVar[int] = 16

    @cached_property
    def matrix(self) -> Array:
        """Matrix of shape (kW + 15, 16)."""
        matrix = np.zeros((len(self.weights) + self.COLUMNS - 1, self.COLUMNS), self.weights.dtype)
        for column in range(self.COLUMNS):
            matrix[column : column + len(self.weights), column] = self.weights
        return matrix

    def tile(self, shape: Shape) -> Size:
        return _tile_of_rows(128, 2048, shape)

    def cost(self, values: int) -> float:
        tiles = 1 + values // (128 * 2048)
        per_value = 0.5 + 0.022 * len(self.weights)
        return tiles * 10 * CALL + per_value * (self.weights.itemsize // 4) * values

    def __call__(self, pixels: Array) -> Array:
        height, width, channels = pixels.shape
        columns = width - len(self.weights) + 1
        blocks = -(-columns // self.COLUMNS)
        band = len(self.matrix)
        shape = (height, (blocks - 1) * self.COLUMNS + band)
        line = self.scratch("line", shape, self.weights.dtype)
        line[:, width:] = 0
        row, item = line.strides
        windows = as_strided(line, (blocks, height, band), (self.COLUMNS * item, row, item))
        sums = self.scratch("sums", (height, blocks, self.COLUMNS), line.dtype)
        result = self.scratch("result", (height, blocks * self.COLUMNS, channels), line.dtype)
        for channel in range(channels):
            line[:, :width] = pixels[:, :, channel]
            np.matmul(windows, self.matrix, out=sums.transpose(1, 0, 2))
            if channels == 1:
                return sums.reshape(result.shape)
            result[:, :, channel] = sums.reshape(height, -1)
        return result


@dataclass(eq=False, repr=False)
class Separable(Engine):
    """A column's sums, correlated with a row: for separable kernels."""

    column: Engine
    row: Engine

    @property
    def dtype(self) -> DType | None:
        return self.column.dtype

    def tile(self, shape: Shape) -> Size:
        rows, columns = zip(self.column.tile(shape), self.row.tile(shape), strict=True)
        return min(rows), min(columns)

    def cost(self, values: int) -> float:
        copy = (CALL + PASS["float32"] * values) * (self.column.dtype != self.row.dtype)
        return self.column.cost(values) + self.row.cost(values) + copy

    def __call__(self, pixels: Array) -> Array:
        between = self.column(pixels)
        if self.row.dtype is not None:
            between = np.ascontiguousarray(between, self.row.dtype)
        return self.row(between)


@dataclass(eq=False, repr=False)
class FFT(Engine):
    """Fast Fourier transforms, a tile at a time (overlap-save): for large integer kernels.

    Float64 holds the sums of integers to far less than one half, so rounding makes them
    exact. For floats, one large pixel would leave its rounding error on all others.
    """

    weights: Array
    lengths: Size

    @cached_property
    def spectrum(self) -> Array:
        """The kernel's conjugate spectrum."""
        return np.conj(np.fft.rfft2(self.weights, s=self.lengths))

    def tile(self, shape: Shape) -> Size:
        rows, columns = self.weights.shape
        return self.lengths[0] - rows + 1, self.lengths[1] - columns + 1

    def cost(self, values: int) -> float:
        tiles = 1 + -(-values // prod(self.tile((0, 0, 1))))
        return tiles * prod(self.lengths) * 7.5 + values

    def __call__(self, pixels: Array) -> Array:
        rows, columns = (n - k + 1 for n, k in zip(pixels.shape, self.weights.shape, strict=False))
        result = self.scratch("result", (rows, columns, pixels.shape[2]), np.float64)
        for channel in range(pixels.shape[2]):
            spectrum = np.fft.rfft2(pixels[:, :, channel], s=self.lengths)
            spectrum *= self.spectrum
            sums = np.fft.irfft2(spectrum, s=self.lengths)
            np.rint(sums[:rows, :columns], out=result[:, :, channel])
        return result


@dataclass(eq=False, repr=False)
class Subsampled(Engine):
    """An engine that computes without the stride, where that costs less."""

    engine: Engine
    stride: Size

    @property
    def dtype(self) -> DType | None:
        return self.engine.dtype

    def tile(self, shape: Shape) -> Size:
        return strided_tile(self.engine.tile(shape), self.stride)

    def cost(self, values: int) -> float:
        return self.engine.cost(values * prod(self.stride))

    def __call__(self, pixels: Array) -> Array:
        return self.engine(pixels)[:: self.stride[0], :: self.stride[1]]


def strided_tile(tile: Size, stride: Size) -> Size:
    """Return the strided rows and columns in a tile."""
    return max(1, tile[0] // stride[0]), max(1, tile[1] // stride[1])


def _tile_of_rows(rows: int, line: int, shape: Shape) -> Size:
    """Return a tile of about this many values."""
    columns = max(1, min(shape[1], line // shape[2]))
    return rows * max(1, line // (columns * shape[2])), columns
