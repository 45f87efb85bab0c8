"""Filters, and the parts of their result: one kernel's maps, or the map that combines several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import frexp, gcd
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import Strips, Tile, tiles
from cnnfilter.arrays.dtypes import largest_magnitude, magnitude_bound, quotients, store
from cnnfilter.arrays.geometry import Axis, Shape, Sliding
from cnnfilter.correlation.choice import choose, choose_for_bank
from cnnfilter.correlation.engines import Engine
from cnnfilter.correlation.factors import common_divisor, dilated, numerators
from cnnfilter.correlation.padded import Padded
from cnnfilter.correlation.sums import Sums

if TYPE_CHECKING:
    from cnnfilter.arrays.visibility import Visibility

#: Powers of two at which sums of float64, or of their squares, come near infinity.
NEAR_INFINITY, SQUARES_NEAR_INFINITY = 1000, 500
FLOAT32 = np.dtype(np.float32)
UNIT = Sliding()


class Filters(NamedTuple):
    """Kernels for `correlate`, all on the same image.

    Attributes
    ----------
    kernels : sequence of ndarray
        Shape (kH, kW) each, or one filter bank (kH, kW, C/groups, C_out).
    sliding : Sliding
    border, groups
        As in `convolve`.
    biases : ndarray or None
        Shape (kernels, maps of each).
    combine : {"max", "sum", "l2"} or None
        Make one map of all.
    work : dtype
        The type to compute in.
    power : int
        The sums are computed divided by 2**power, which keeps them from being infinite.
    factor, divisor : int
        What the sums, with their biases, are multiplied with and divided by.
    is_exact : bool
        Whether pixels, kernels and biases are integers, and `work` holds every sum of them.
    rounds : bool
        Whether the values are to be rounded to integers.
    visibility : Visibility or None
        How much each pixel counts; None for all alike.
    finely : bool
        Whether they are scaled before, so that quotients need all digits of float64.
    """

    kernels: Sequence[Array]
    sliding: Sliding = UNIT
    border: str = "zero"
    groups: int = 1
    biases: Array | None = None
    combine: str | None = None
    work: DType = FLOAT32
    power: int = 0
    factor: int = 1
    divisor: int = 1
    is_exact: bool = False
    rounds: bool = False
    visibility: Visibility | None = None
    finely: bool = False

    @property
    def is_bank(self) -> bool:
        """Test whether the kernel is a filter bank."""
        return self.kernels[0].ndim == 4

    def apart(self) -> list[Filters]:
        """Return the filters of each part of the result: those that are combined, or one."""
        if self.combine is not None or len(self.kernels) == 1:
            return [self]
        biases = self.biases
        return [
            self._replace(
                kernels=[kernel],
                biases=None if biases is None else biases[index : index + 1],
            )
            for index, kernel in enumerate(self.kernels)
        ]

    def in_integers(self, peak: float, values: Array) -> Filters:
        """Return the same filters with weights and biases that are integers, over a divisor.

        Sums of integers are exact, and are divided once. Where weights are not fractions of
        one divisor, pixels are not integers, or a sum may exceed int64, nothing is changed.

        Parameters
        ----------
        peak : int or float
            A bound of the pixels' magnitudes; an int where they are integers.
        values : ndarray
            The pixels, or their lowest and highest.
        """
        numbers = [*self.kernels, *([] if self.biases is None else [self.biases])]
        if not isinstance(peak, int) or self.power or self.is_exact:
            return self
        divisor = common_divisor(numbers)
        if divisor is None:
            return self
        kernels = [numerators(kernel, divisor) for kernel in self.kernels]
        biases = None if self.biases is None else numerators(self.biases, divisor)
        sums = Sums(kernels, biases, divisor, self.combine)
        work = sums.work(peak, values)
        if work is None:
            return self
        if self.finely and divisor > 1 and work == np.float32:
            work = np.dtype(np.float64)
        factor = 1
        if divisor > 1 and biases is None:
            factor = gcd(*(int(np.gcd.reduce(kernel, axis=None)) for kernel in kernels)) or 1
            kernels = [kernel // factor for kernel in kernels]
        return self._replace(
            kernels=kernels,
            biases=biases,
            work=work,
            factor=factor,
            divisor=divisor,
            is_exact=True,
        )

    def axes(self, kernel: Array, shape: Shape) -> tuple[Axis, Axis]:
        """Return a kernel's correlation for images of a shape."""
        size = (kernel.shape[0], kernel.shape[1])
        return self.sliding.window(size).axes(shape)

    def without_overflow(self, values: Array, channels: int) -> Filters:
        """Divide weights and biases so that sums cannot overflow.

        Parameters
        ----------
        values : ndarray
            The image's, or its lowest and highest.
        channels : int
            The image's.
        """
        if self.work != np.float64:
            return self
        magnitude = min(largest_magnitude(values), float(np.finfo(np.float64).max))
        weight = max(float(np.abs(kernel).max()) for kernel in self.kernels)
        taps = max(kernel[..., :1].size for kernel in self.kernels)
        bias = 0.0 if self.biases is None else float(np.abs(self.biases).max())
        factors = (weight, magnitude, taps * channels * len(self.kernels))
        end = SQUARES_NEAR_INFINITY if self.combine == "l2" else NEAR_INFINITY
        power = max(sum(frexp(factor)[1] for factor in factors), frexp(bias)[1]) - end
        if power <= 0:
            return self
        kernels = [np.ldexp(kernel, -power) for kernel in self.kernels]
        biases = None if self.biases is None else np.ldexp(self.biases, -power)
        return self._replace(kernels=kernels, biases=biases, power=power)


@dataclass(eq=False, repr=False)
class Filter:
    """A kernel's engine on an image, and its bias.

    Attributes
    ----------
    bias : ndarray or None
        One number for each map.
    """

    engine: Engine
    image: Padded
    bias: Array | None
    given: Filters

    @property
    def integral(self) -> bool:
        """Test whether its values are integers, whatever their type."""
        return self.given.is_exact and self.divisor == 1

    @property
    def divisor(self) -> int:
        """The divisor of its sums; combined ones are divided afterwards."""
        return self.given.divisor if self.given.combine is None else 1

    def __call__(self, tile: Tile) -> Array:
        """Compute a tile, its rows as long as the engine's."""
        sums = self.engine(self.image.under(tile, self.engine.dtype))
        scale = self.engine.scale if self.given.factor == 1 else self.given.factor
        if scale == 1 and self.bias is None and self.divisor == 1:
            return sums
        values = sums
        if sums.dtype != self.given.work:
            values = self.engine.scratch("values", sums.shape, self.given.work)
            values[...] = sums
        if scale != 1:
            values *= scale
        if self.bias is not None:
            values += self.bias
        return quotients(values, self.divisor, rounds=self.given.rounds)


@dataclass(eq=False, repr=False)
class Part:
    """Maps of a result that are computed together, tile by tile.

    Attributes
    ----------
    filters : list of Filter
        One kernel's, or those that are combined.
    size : (int, int)
        A tile's rows and columns.
    shape : tuple of int
        The maps': (H', W', maps).
    maps : slice
        Where they are in the result.
    given : Filters
        What the part was made of.
    """

    filters: list[Filter]
    size: tuple[int, int]
    shape: Shape
    maps: slice
    given: Filters

    @property
    def integral(self) -> bool:
        """Test whether its values are integers, whatever their type."""
        return self.given.combine != "l2" and self.given.divisor == 1 and self.filters[0].integral

    def __call__(self, tile: Tile) -> Array:
        """Compute a tile, whose rows may be longer."""
        if self.given.combine is None:
            values = self.filters[0](tile)
        else:
            width = tile[1].stop - tile[1].start
            maps = (apply(tile)[:, :width] for apply in self.filters)
            values = combined(maps, self.given)
            values = quotients(values, self.given.divisor, rounds=self.given.rounds)
        return np.ldexp(values, self.given.power) if self.given.power else values


def parts(filters: Filters, image: Array, values: Array, shape: Shape) -> Iterator[Part]:
    """Prepare the parts of a result.

    Parameters
    ----------
    image : ndarray
        Shape (H, W, C).
    values : ndarray
        The image's values, or its lowest and highest.
    """
    filters = filters.without_overflow(values, image.shape[2])
    # Of a network's maps, the largest would take long to find, and decides nothing.
    peak = 0.0 if filters.is_bank and values.dtype.kind == "f" else magnitude_bound(values)
    apart = filters.apart()
    maps = shape[2] // len(apart)
    own = (*shape[:2], maps)
    for number, each in enumerate(apart):
        one = each.in_integers(peak, values)
        made = [_filter(index, one, image, peak) for index in range(len(one.kernels))]
        rows, columns = zip(*(filter.engine.tile(own) for filter in made), strict=True)
        where = slice(number * maps, (number + 1) * maps)
        part = Part(made, (min(rows), min(columns)), own, where, one)
        if each.visibility is not None:
            # Only images with transparency need it.
            from cnnfilter.correlation.visible import VisiblePart

            part = VisiblePart.of(part, each, each.visibility, image.shape)
        yield part


def _filter(index: int, filters: Filters, image: Array, peak: float) -> Filter:
    """Choose a kernel's engine and lay it over the image."""
    kernel, work = filters.kernels[index], filters.work
    axes = filters.axes(kernel, image.shape)
    stride, dilation = filters.sliding.stride, filters.sliding.dilation
    if kernel.ndim == 4:
        engine = choose_for_bank(kernel, stride, dilation, filters.groups, work)
    else:
        shape = (axes[0].count, axes[1].count, image.shape[2])
        engine = choose(dilated(kernel, dilation), stride, shape, peak, work)
    bias = None if filters.biases is None else filters.biases[index].astype(work)
    return Filter(engine, Padded(image, axes, filters.border), bias, filters)


def combined(maps: Iterator[Array], filters: Filters) -> Array:
    """Make one map of several maps."""
    if filters.is_bank:
        maps = (one[:, :, np.newaxis] for one in np.moveaxis(next(maps), -1, 0))
    first = next(maps).astype(filters.work)
    if filters.combine == "l2" and filters.work == np.float64 and not filters.is_exact:
        for other in maps:  # the square of a small number would be 0
            np.hypot(first, other, out=first)
        return np.abs(first, out=first)
    if filters.combine == "l2":
        squares = np.square(first, dtype=np.float64)
        for other in maps:
            squares += np.square(other, dtype=np.float64)
        return np.sqrt(squares, out=squares).astype(filters.work)
    ufunc = np.maximum if filters.combine == "max" else np.add
    for other in maps:
        ufunc(first, other.astype(filters.work, copy=False), out=first)
    return first


class CorrelatedStrips(Strips):
    """A part of a result, a row of tiles at a time."""

    def __init__(self, part: Part, dtype: DType) -> None:
        self._part, self._dtype = part, dtype
        self.height = part.size[0]

    def under(self, rows: slice) -> slice:
        """Return the image's rows under a strip."""
        under = [one.image.rows_under(rows) for one in self._part.filters]
        return slice(min(each.start for each in under), max(each.stop for each in under))

    def compute(self, rows: slice, pixels: Array) -> Array:
        """Compute a strip as the whole result has it."""
        part, first = self._part, self.under(rows).start
        for one in part.filters:
            one.image.hold(pixels, first)
        result = np.empty((rows.stop - rows.start, *part.shape[1:]), self._dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for _, columns in tiles((1, part.shape[1]), part.size):
                store(part((rows, columns)), result[:, columns], integral=part.integral)
        return result
