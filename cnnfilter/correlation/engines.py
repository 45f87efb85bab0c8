"""How a correlation is computed: a few strategies behind one class.

An engine is made for a kernel or a filter bank. It is given what lies under a tile of the
result, shape (h, w, C), and gives the sums, shape (h', w', maps), which are still to be
multiplied by its scale. Rows may go on behind what was asked for, with what means nothing:
arithmetic on arrays without gaps is that much faster. Which engine a kernel gets is said in
`cnnfilter.correlation.choice`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import Scratch
from cnnfilter.arrays.geometry import Shape

#: Rows and columns.
Size = tuple[int, int]
#: A tap's row and column, and whether what it sees is added or subtracted.
Tap = tuple[int, int, np.ufunc]

#: Multiply-adds up to which OpenBLAS does a matrix product without packing it first.
SMALL_PRODUCT = 10**6
#: Nanoseconds that a call of NumPy takes, and an operation for each value in the cache.
CALL = 1000.0
PASS = {"int16": 0.06, "int32": 0.1, "float32": 0.11, "float64": 0.25, "int64": 0.3}


@dataclass(eq=False, repr=False, kw_only=True)
class Engine(ABC):
    """One way to correlate.

    Attributes
    ----------
    scale : float
        What its sums are to be multiplied by.
    integral : bool
        Whether its sums are integers, whatever their type.
    scratch : Scratch
        What it computes in. The sums stand there until it is called again, or is no more.
    """

    scale: float = 1.0
    integral: bool = False
    scratch: Scratch = field(default_factory=Scratch)
    #: Bytes of a result that it works on at a time: with what these are made of, the cache.
    BYTES: ClassVar[int] = 2**19

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """What it is to be given its pixels in, contiguous; None for as they come."""
        return None

    def tile(self, shape: Shape) -> Size:
        """Give the rows and columns it works on best, of a result of (rows, columns, maps)."""
        columns = max(1, min(shape[1], 8192 // shape[2]))
        item = 8 if self.dtype is None else self.dtype.itemsize
        return max(1, self.BYTES // (item * columns * shape[2])), columns

    def cost(self, values: int) -> float:
        """Estimate the nanoseconds that so many values of a result take; 0 without a rival."""
        return 0.0

    @abstractmethod
    def __call__(self, pixels: Array) -> Array:
        """Correlate."""


class Taps:
    """The pixels of a tile as each tap of a kernel sees them.

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
        #: The result's shape with what is at the ends of long rows.
        self.wide_shape: Shape = self.shape
        #: How many values `shifted` gives.
        self.length = prod(self.shape)
        if stride == (1, 1):
            self.wide_shape = (self._rows, width, channels)
            self.length = (self._rows * width - extent[1] + 1) * channels

    def strided(self, row: int, column: int) -> Array:
        """Give what a tap sees: the result's shape."""
        down, across = self._stride
        return self._pixels[row : row + self._rows : down, column : column + self._columns : across]

    def shifted(self, row: int, column: int) -> Array:
        """Give what a tap sees as one long row.

        Without a stride, a shift by rows and columns is one along all of the tile; at the
        rows' ends stands what belongs to the next.
        """
        if self._stride != (1, 1):
            return self.strided(row, column).reshape(-1)
        start = (row * self._pixels.shape[1] + column) * self.shape[2]
        return self._flat[start : start + self.length]


@dataclass(eq=False, repr=False)
class Shifted(Engine):
    """Add up shifted copies of the tile, each in one call: for few taps.

    The tile is multiplied once for all weights of one magnitude.
    """

    weights: Array
    stride: Size = (1, 1)

    BYTES: ClassVar[int] = 2**20

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.weights.dtype

    @property
    def passes(self) -> int:
        """How many operations on the tile it takes: one for each tap and each magnitude."""
        magnitudes = np.abs(self.weights[self.weights != 0]).tolist()
        return len(magnitudes) + len(set(magnitudes))

    def cost(self, values: int) -> float:
        a_value = PASS[self.dtype.name] * (1 if self.stride == (1, 1) else 4)
        return self.passes * (CALL + a_value * values)

    def tile(self, shape: Shape) -> Size:
        return _strided(super().tile(shape), self.stride)

    @cached_property
    def _groups(self) -> list[tuple[Any, list[Tap]]]:
        """Group the taps by their weight's magnitude, the fewest first."""
        groups: dict[Any, list[Tap]] = {}
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
        for number, (magnitude, group) in enumerate(self._groups):
            others, seen = group, taps
            if number == 0:
                (row, column, _), *others = group
                np.multiply(taps.shifted(row, column), self.weights[row, column], out=total)
            if others and magnitude != 1:
                scaled = self.scratch("scaled", pixels.shape, self.dtype)
                np.multiply(pixels, magnitude, out=scaled)
                seen = Taps(scaled, self.weights.shape[:2], self.stride)
            for row, column, ufunc in others:
                ufunc(total, seen.shifted(row, column), out=total)
        return result


@dataclass(eq=False, repr=False)
class Run(Engine):
    """Add up neighbours along rows or columns: for equal weights, in types that are exact.

    A run is the sum of two half as long, which are one and the same at two places.
    """

    length: int
    vertical: bool
    exact: np.dtype[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.exact

    @cached_property
    def _lengths(self) -> list[int]:
        """The lengths of the runs that it takes, from two on."""
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
        for number, length in enumerate(self._lengths):
            result = self.scratch(f"sums {number % 2}", pixels.shape, self.dtype)
            apart = length // 2 * step
            total = result.reshape(-1)[: len(half) - apart]
            np.add(half[:-apart], half[apart:], out=total)
            if length % 2:  # the halves overlap by one
                total -= row[apart : apart + len(total)]
            half = total
        return result[: height - self.length + 1] if self.vertical else result


def _filled(rows: int, line: int, shape: Shape) -> Size:
    """Give a tile of so many rows of so many values, or of more where rows are shorter."""
    columns = max(1, min(shape[1], line // shape[2]))
    return rows * max(1, line // (columns * shape[2])), columns


@dataclass(eq=False, repr=False)
class Banded(Engine):
    """Multiply rows by banded (Toeplitz) matrices: for dense kernels, and for columns.

    Four rows of a result, one below the other, are a matrix of 4 x (kH + 3) times the rows
    under them, once for each of the kernel's columns. Up to five columns make one product:
    their rows, shifted, are laid between each other. So no window is copied.
    """

    weights: Array

    ROWS: ClassVar[int] = 4

    @cached_property
    def matrices(self) -> list[Array]:
        """Matrices of shape (4, kH + 3, columns), each for some of the kernel's columns."""
        height, width = self.weights.shape
        each = -(-width // -(-width // 5))
        result = []
        for first in range(0, width, each):
            part = self.weights[:, first : first + each]
            matrix = np.zeros((self.ROWS, height + self.ROWS - 1, each), self.weights.dtype)
            for row in range(self.ROWS):
                matrix[row, row : row + height, : part.shape[1]] = part
            result.append(matrix)
        return result

    def tile(self, shape: Shape) -> Size:
        return _filled(128, self._line, shape)

    @property
    def _line(self) -> int:
        """How many values in a row of the result make a small product."""
        return max(1, min(2048, SMALL_PRODUCT // self.matrices[0].size))

    def cost(self, values: int) -> float:
        products, (_, band, each) = len(self.matrices), self.matrices[0].shape
        a_value = 0.1 * each + products * (0.22 + 0.0215 * band * each)
        tiles = 1 + values // (128 * self._line)
        slower = self.weights.itemsize // 4
        return tiles * (15 + 3 * products) * CALL + a_value * slower * values

    def __call__(self, pixels: Array) -> Array:
        height, width, channels = pixels.shape
        _, band, each = self.matrices[0].shape
        rows, columns = height - self.weights.shape[0] + 1, width - self.weights.shape[1] + 1
        blocks = -(-rows // self.ROWS)
        across = columns + (len(self.matrices) - 1) * each
        shape = ((blocks - 1) * self.ROWS + band, each, across, channels)
        lines = self.scratch("lines", shape, self.weights.dtype)
        lines[height:] = 0
        for shift in range(each):
            under = pixels[:, shift : shift + across]
            lines[:height, shift, : under.shape[1]] = under
            lines[:height, shift, under.shape[1] :] = 0
        item = lines.itemsize
        line = across * channels * item
        windows = as_strided(
            lines, (blocks, band * each, line // item), (self.ROWS * each * line, line, item)
        )
        sums, part = (
            self.scratch(name, (blocks, self.ROWS, columns * channels), lines.dtype)
            for name in ("sums", "part")
        )
        for number, matrix in enumerate(self.matrices):
            first = number * each
            under = windows[:, :, first * channels : (first + columns) * channels]
            np.matmul(matrix.reshape(self.ROWS, -1), under, out=part if number else sums)
            if number:
                sums += part
        return sums.reshape(-1, columns, channels)[:rows]


@dataclass(eq=False, repr=False)
class BandedAcross(Engine):
    """Multiply columns by a banded matrix, 16 of the result at a time: for a row of weights."""

    weights: Array

    COLUMNS: ClassVar[int] = 16

    @cached_property
    def matrix(self) -> Array:
        """The matrix of shape (kW + 15, 16)."""
        matrix = np.zeros((len(self.weights) + self.COLUMNS - 1, self.COLUMNS), self.weights.dtype)
        for column in range(self.COLUMNS):
            matrix[column : column + len(self.weights), column] = self.weights
        return matrix

    def tile(self, shape: Shape) -> Size:
        return _filled(128, 2048, shape)

    def cost(self, values: int) -> float:
        tiles = 1 + values // (128 * 2048)
        a_value = 0.5 + 0.022 * len(self.weights)
        return tiles * 10 * CALL + a_value * (self.weights.itemsize // 4) * values

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
class Passes(Engine):
    """Correlate with a column, and what comes out with a row: for separable kernels."""

    down: Engine
    across: Engine

    @property
    def dtype(self) -> np.dtype[Any] | None:
        return self.down.dtype

    def tile(self, shape: Shape) -> Size:
        rows, columns = zip(self.down.tile(shape), self.across.tile(shape), strict=True)
        return min(rows), min(columns)

    def cost(self, values: int) -> float:
        copy = (CALL + PASS["float32"] * values) * (self.down.dtype != self.across.dtype)
        return self.down.cost(values) + self.across.cost(values) + copy

    def __call__(self, pixels: Array) -> Array:
        between = self.down(pixels)
        if self.across.dtype is not None:
            between = np.ascontiguousarray(between, self.across.dtype)
        return self.across(between)


@dataclass(eq=False, repr=False)
class Fourier(Engine):
    """Multiply spectra, a tile at a time (overlap-save): for large kernels of integers.

    Float64 holds the sums of integers to far less than one half, so that rounding makes
    them exact. Floats are not for it: one large pixel would leave its error on all others.
    """

    weights: Array
    lengths: Size

    @cached_property
    def spectrum(self) -> Array:
        """The kernel's, conjugate, so that a product with it is a correlation."""
        return np.conj(np.fft.rfft2(self.weights, s=self.lengths))

    def tile(self, shape: Shape) -> Size:
        rows, columns = self.weights.shape
        return self.lengths[0] - rows + 1, self.lengths[1] - columns + 1

    def cost(self, values: int) -> float:
        tiles = 1 + -(-values // prod(self.tile((0, 0, 1))))
        return tiles * prod(self.lengths) * 7.5 + values

    def __call__(self, pixels: Array) -> Array:
        rows, columns = (
            length - size + 1
            for length, size in zip(pixels.shape, self.weights.shape, strict=False)
        )
        result = self.scratch("result", (rows, columns, pixels.shape[2]), np.float64)
        for channel in range(pixels.shape[2]):
            spectrum = np.fft.rfft2(pixels[:, :, channel], s=self.lengths)
            spectrum *= self.spectrum
            sums = np.fft.irfft2(spectrum, s=self.lengths)
            np.rint(sums[:rows, :columns], out=result[:, :, channel])
        return result


def _strided(tile: Size, stride: Size) -> Size:
    """Give the tile of a result that takes a stride, for as many pixels."""
    return max(1, tile[0] // stride[0]), max(1, tile[1] // stride[1])


@dataclass(eq=False, repr=False)
class Every(Engine):
    """Take some of an engine's sums and leave out the rest: a stride, where that costs less."""

    engine: Engine
    stride: Size

    @classmethod
    def of(cls, engine: Engine, stride: Size) -> Every:
        """Take a stride over an engine's sums, which mean what they did."""
        return cls(engine, stride, scale=engine.scale, integral=engine.integral)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        return self.engine.dtype

    def tile(self, shape: Shape) -> Size:
        return _strided(self.engine.tile(shape), self.stride)

    def cost(self, values: int) -> float:
        return self.engine.cost(values * prod(self.stride))

    def __call__(self, pixels: Array) -> Array:
        return self.engine(pixels)[:: self.stride[0], :: self.stride[1]]


@dataclass(eq=False, repr=False)
class Windows(Engine):
    """Lay windows out as a matrix (im2col) and multiply it by the filters: for filter banks.

    Few channels are laid out one after the other, so that what is copied is long. A product
    is cut into parts that OpenBLAS does without packing, unless these came out too small.
    """

    bank: Array
    stride: Size
    dilation: Size
    groups: int = 1

    FEW: ClassVar[int] = 16

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.bank.dtype

    def tile(self, shape: Shape) -> Size:
        pixels = max(64, 2**18 // (prod(self.bank.shape[:3]) * self.groups))
        columns = min(pixels, shape[1], 512)
        return max(1, pixels // columns), columns

    def __call__(self, pixels: Array) -> Array:
        rows, columns, windows = self._windows(pixels)
        taps, filters = windows.shape[2], self.bank.shape[3] // self.groups
        matrices = self.bank.reshape(taps, self.groups, filters).transpose(1, 0, 2)
        sums = self.scratch("sums", (self.groups, rows * columns, filters), self.dtype)
        part = SMALL_PRODUCT // (taps * filters)
        cut = rows * columns // part * part if part >= 8 else 0
        if cut:
            parts = (self.groups, cut // part, part)
            np.matmul(
                windows[:, :cut].reshape(*parts, taps),
                matrices[:, np.newaxis],
                out=sums[:, :cut].reshape(*parts, filters),
            )
        np.matmul(windows[:, cut:], matrices, out=sums[:, cut:])
        return sums.transpose(1, 0, 2).reshape(rows, columns, -1)

    def _windows(self, pixels: Array) -> tuple[int, int, Array]:
        """Give the result's rows and columns, and the windows as rows, a matrix a group."""
        kernel, channels = self.bank.shape[:2], self.bank.shape[2]
        rows, columns = (
            (length - step * (size - 1) - 1) // stride + 1
            for length, size, step, stride in zip(
                pixels.shape, kernel, self.dilation, self.stride, strict=False
            )
        )
        is_few = pixels.shape[2] < self.FEW
        if is_few:
            pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0)
        row, column, channel = pixels.strides
        within = (self.dilation[0] * row, self.dilation[1] * column, channel)
        between = (self.stride[0] * row, self.stride[1] * column)
        if is_few:
            shape = (self.groups, *kernel, channels, rows, columns)
            view = as_strided(pixels, shape, (channels * channel, *within, *between))
            laid_out = self._copied(view).reshape(self.groups, -1, rows * columns)
            return rows, columns, laid_out.transpose(0, 2, 1)
        shape = (self.groups, rows, columns, *kernel, channels)
        view = as_strided(pixels, shape, (channels * channel, *between, *within))
        return rows, columns, self._copied(view).reshape(self.groups, rows * columns, -1)

    def _copied(self, view: Array) -> Array:
        copy = self.scratch("windows", view.shape, self.dtype)
        copy[...] = view
        return copy


@dataclass(eq=False, repr=False)
class Depthwise(Engine):
    """Add up shifted copies, each channel with filters of its own: one is no matrix."""

    bank: Array
    stride: Size
    dilation: Size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.bank.dtype

    def tile(self, shape: Shape) -> Size:
        return _strided(super().tile(shape), self.stride)

    def __call__(self, pixels: Array) -> Array:
        height, width = self.bank.shape[:2]
        down, across = self.dilation
        taps = Taps(pixels, (down * (height - 1) + 1, across * (width - 1) + 1), self.stride)
        weights = self.bank.reshape(height, width, pixels.shape[2], -1)
        sums = np.zeros((*taps.shape, weights.shape[3]), self.dtype)
        for row, column, number in np.ndindex(height, width, weights.shape[3]):
            under = taps.strided(row * down, column * across)
            sums[..., number] += under * weights[row, column, :, number]
        return sums.reshape(*taps.shape[:2], -1)
