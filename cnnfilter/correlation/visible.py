"""Correlation where pixels count as much as they are visible.

With weights w of the pixels x under a kernel k, and c the pixel under its centre, a sum is

    c * sum(k) + sum(|k|) / sum(|k| w) * sum(k w (x - c))

For kernels of one sign, which smooth, this is sum(k) * sum(k w x) / sum(k w): the colour of
what is invisible has no part in it. Kernels of both signs, whose sum(k w) may be 0, see
differences from the centre: an outline against invisible pixels is no edge. Where nothing
visible lies under the kernel, and where everything is opaque, the sum is the usual one.

Zeros beyond the image count as much as its outermost pixels; other borders repeat the image
with its alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import Tile, tiles
from cnnfilter.arrays.geometry import Shape, Sliding
from cnnfilter.arrays.visibility import Visibility
from cnnfilter.correlation.factors import common_divisor, numerators
from cnnfilter.correlation.padded import Padded
from cnnfilter.correlation.parts import Filters, Part, combined, parts

FLOAT64 = np.dtype(np.float64)
#: The square of larger weights' sums may be infinite.
LARGEST = 2.0**256
#: Columns, and values, to compute at a time.
WIDTH, VALUES = 256, 2**16


@dataclass(eq=False, repr=False)
class VisiblePart(Part):
    """Maps of an image of which some pixels are hidden.

    Attributes
    ----------
    plain : Part
        The maps where all pixels count alike.
    kernels : list of VisibleKernel
    """

    plain: Part
    kernels: list[VisibleKernel]

    @classmethod
    def of(cls, part: Part, filters: Filters, visibility: Visibility, shape: Shape) -> VisiblePart:
        """Return the part for a visibility.

        Parameters
        ----------
        filters : Filters
            The part's, whose weights are no integers over a divisor yet.
        shape : tuple of int
            The image's.
        """
        alpha, border = visibility.alpha[:, :, np.newaxis], of_alpha(filters.border)
        kernels = [
            VisibleKernel(
                index, filters, visibility, own.image,
                Padded(alpha, filters.axes(filters.kernels[index], shape), border),
            )
            for index, own in enumerate(part.filters)
        ]  # fmt: skip
        own = filters._replace(work=FLOAT64)
        return cls(part.filters, part.size, part.shape, part.maps, own, part, kernels)

    @property
    def integral(self) -> bool:
        """False: quotients are no integers."""
        return False

    @property
    def _is_rounded(self) -> bool:
        """Test whether values become integers next, for which float32 has too few digits."""
        return self.given.rounds or self.given.finely

    def __call__(self, tile: Tile) -> Array:
        """Compute a tile."""
        values, (rows, columns) = self.plain(tile), tile
        height, width = rows.stop - rows.start, columns.stop - columns.start
        sizes = zip(*(own.kernel.shape[:2] for own in self.kernels), strict=True)
        down, across = (8 * max(size) for size in sizes)
        across = min(width, max(WIDTH, across))
        down = max(down, VALUES // (across * values.shape[2]))
        seen: Array | None = None
        for block in tiles((height, width), (down, across)):
            place = _moved(block[0], rows.start), _moved(block[1], columns.start)
            # Where all is invisible, too, the sums are the usual ones.
            if any(own.hides_some(place) for own in self.kernels):
                if seen is None:
                    # Of one colour, both kinds of sums are to be equal: as they are rounded.
                    is_rough = values.dtype == np.float32 and not self._is_rounded
                    seen = values[:, :width].astype(np.float32 if is_rough else np.float64)
                self._replace(seen[block], place)
        return values if seen is None else seen

    def _replace(self, values: Array, tile: Tile) -> None:
        """Replace values that hidden pixels contributed to."""
        touched, maps = zip(*(own(tile) for own in self.kernels), strict=True)
        if self.given.combine is None:
            seen = maps[0]
        else:
            seen = combined(iter(maps), self.given)
        if self.given.power:
            seen = np.ldexp(seen, self.given.power)
        # Nothing visible: not a number.
        np.copyto(values, seen, where=np.logical_or.reduce(touched) & ~np.isnan(seen))


@dataclass(eq=False, repr=False)
class VisibleKernel:
    """One kernel's sums over an image of which some pixels are hidden.

    Attributes
    ----------
    index : int
    filters : Filters
        Those that the kernel is one of.
    visibility : Visibility
    image, alpha : Padded
        The pixels, and how visible they are.
    """

    index: int
    filters: Filters
    visibility: Visibility
    image: Padded
    alpha: Padded

    @property
    def kernel(self) -> Array:
        """Its weights: shape (kH, kW), or a filter bank."""
        return self.filters.kernels[self.index]

    @cached_property
    def _integers(self) -> tuple[Array, int]:
        """The weights as integers, and their divisor; as they are, if they are no fractions."""
        divisor = common_divisor([self.kernel])
        return (self.kernel, 1) if divisor is None else (numerators(self.kernel, divisor), divisor)

    @cached_property
    def _sliding(self) -> Sliding:
        return self.filters.sliding._replace(padding="valid")

    @cached_property
    def _taps(self) -> Array:
        """Where a weight is not 0: shape (kH, kW)."""
        weights = self.kernel.reshape(*self.kernel.shape[:2], -1)
        taps: Array = np.logical_or.reduce(weights != 0, axis=2)
        return taps

    def hides_some(self, tile: Tile) -> bool:
        """Return whether something, but not all, is hidden.

        Of a lone pixel the sum is the usual one, to the last bit.
        """
        if np.count_nonzero(self._taps) <= 1:
            return False
        alpha = self.alpha.under(tile, None)
        return bool(alpha.min() < self.visibility.full) and bool(alpha.any())

    def __call__(self, tile: Tile) -> tuple[Array, Array]:
        """Return where something hidden is under the kernel, and the sums."""
        alpha = self.alpha.under(tile, None)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            seen = self._seen(tile, self.visibility.weights(alpha))
        if self.filters.combine is not None and np.isnan(seen).any():
            pixels = self.image.under(tile, FLOAT64)
            np.copyto(seen, self._sums(pixels, self.kernel), where=np.isnan(seen))
        if self.filters.biases is not None:
            seen += self.filters.biases[self.index]
        hidden = (alpha < self.visibility.full).astype(np.uint8)
        return self._sums(hidden, self._taps.astype(np.int64)) > 0, seen

    def _seen(self, tile: Tile, weights: Array) -> Array:
        """Add up what is visible, or return NaN."""
        pixels = self.image.under(tile, FLOAT64)
        kernel, divisor = self._integers
        if kernel.ndim == 4:
            return self._of_bank(pixels, weights, kernel) / divisor
        both = self._sums(np.concatenate([pixels * weights, weights], axis=2), kernel)
        products, shares = both[:, :, :-1], both[:, :, -1:]
        total, reach = float(kernel.sum()), float(np.abs(kernel).sum())
        if abs(total) == reach:  # of one sign
            return total * products / (shares * divisor)
        magnitudes = self._sums(weights, np.abs(kernel))
        centre = self._centres(pixels, products.shape)
        differences = products - centre * shares
        if reach > LARGEST:
            return (centre * total + reach / magnitudes * differences) / divisor
        # One division of integers, which are exact.
        return (centre * total * magnitudes + reach * differences) / (magnitudes * divisor)

    def _of_bank(self, pixels: Array, weights: Array, bank: Array) -> Array:
        """Add up what a bank's filters see."""
        inputs, filters = bank.shape[2:]
        sums = self._sums(pixels * weights, bank)
        magnitudes = self._sums(weights, np.abs(bank).sum(axis=2, keepdims=True))
        totals = np.abs(bank).sum(axis=(0, 1, 2))
        centres = self._centres(pixels, sums.shape)
        for number in range(filters):
            own = bank[:, :, :, number]
            first = number * self.filters.groups // filters * inputs
            centre = centres[:, :, first : first + inputs]
            shares = self._sums(weights, own[:, :, np.newaxis])
            differences = sums[:, :, number] - (centre * shares).sum(axis=2)
            differences *= totals[number] / magnitudes[:, :, number]
            sums[:, :, number] = centre @ own.sum(axis=(0, 1)) + differences
        return sums

    def _centres(self, pixels: Array, shape: tuple[int, ...]) -> Array:
        """Return the pixels under the kernel's centre."""
        sliding = self.filters.sliding
        down, across = (
            slice(first, first + step * (count - 1) + 1, step)
            for first, step, count in zip(
                centre_of(self.kernel, sliding.dilation), sliding.stride, shape, strict=False
            )
        )
        return pixels[down, across]

    def _sums(self, image: Array, kernel: Array) -> Array:
        """Correlate what lies under a tile."""
        groups = self.filters.groups if kernel.ndim == 4 and kernel.shape[2] < image.shape[2] else 1
        filters = Filters((kernel,), self._sliding, groups=groups, work=FLOAT64)
        down, across = filters.axes(kernel, image.shape)
        maps = image.shape[2] if kernel.ndim == 2 else kernel.shape[3]
        result = np.empty((down.count, across.count, maps))
        for part in parts(filters, image, image, result.shape):
            for rows, columns in tiles((down.count, across.count), part.size):
                values = part((rows, columns))
                result[rows, columns] = values[:, : columns.stop - columns.start]
        return result


def of_alpha(border: str) -> str:
    """Return the border of an image's alpha."""
    return "edge" if border == "zero" else border


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def centre_of(kernel: Array, dilation: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Return the place of a kernel's centre."""
    down, across = ((size - 1) // 2 for size in kernel.shape[:2])
    return down * dilation[0], across * dilation[1]


def weights_applied(kernel: Array, weights: Array) -> Array:
    """Return a kernel's weights on weighted pixels.

    Parameters
    ----------
    kernel : ndarray
        Shape (kH, kW, C).
    weights : ndarray
        Of the pixels under it: shape (kH, kW).

    Examples
    --------
    >>> kernel = np.array([[-1.0, 0, 1]])[:, :, np.newaxis]
    >>> weights_applied(kernel, np.array([[0.0, 1, 1]]))[..., 0]
    array([[-0., -2.,  2.]])
    """
    magnitudes = np.abs(kernel)
    visible = float((magnitudes * weights[:, :, np.newaxis]).sum())
    if visible == 0:
        return kernel
    applied: Array = magnitudes.sum() / visible * kernel * weights[:, :, np.newaxis]
    applied[centre_of(kernel)] += kernel.sum(axis=(0, 1)) - applied.sum(axis=(0, 1))
    return applied
