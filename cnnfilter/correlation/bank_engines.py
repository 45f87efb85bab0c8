"""Engines for filter banks."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.geometry import Shape
from cnnfilter.correlation.engines import SMALL_PRODUCT, Engine, Size, Taps, strided_tile


@dataclass(eq=False, repr=False)
class Im2col(Engine):
    """Windows laid out as a matrix (im2col), multiplied by the filters.

    Few channels are laid out one after the other, so that long rows are copied. A product is
    cut into parts that OpenBLAS does without packing, unless these would be too small.
    """

    bank: Array
    stride: Size
    dilation: Size
    groups: int = 1

    FEW: ClassVar[int] = 16

    @property
    def dtype(self) -> DType:
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
        """Return rows, columns, and windows for each group."""
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
    """Shift-and-add with filters of each channel's own, which are no matrix."""

    bank: Array
    stride: Size
    dilation: Size

    @property
    def dtype(self) -> DType:
        return self.bank.dtype

    def tile(self, shape: Shape) -> Size:
        return strided_tile(super().tile(shape), self.stride)

    def __call__(self, pixels: Array) -> Array:
        height, width = self.bank.shape[:2]
        down, across = self.dilation
        taps = Taps(pixels, (down * (height - 1) + 1, across * (width - 1) + 1), self.stride)
        weights = self.bank.reshape(height, width, pixels.shape[2], -1)
        sums = np.zeros((*taps.shape, weights.shape[3]), self.dtype)
        for row, column, index in np.ndindex(height, width, weights.shape[3]):
            under = taps.strided(row * down, column * across)
            sums[..., index] += under * weights[row, column, :, index]
        return sums.reshape(*taps.shape[:2], -1)
