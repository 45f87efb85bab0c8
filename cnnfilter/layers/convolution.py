"""Convolution: its arguments, their checks, the type of its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from math import prod
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import TURNED, Number, Pair, choice, flag, integer, number
from cnnfilter.arrays.borders import BORDERS, region_under
from cnnfilter.arrays.buffers import Strips, check_room
from cnnfilter.arrays.checks import as_image, as_numbers, check_finite, not_finite
from cnnfilter.arrays.dtypes import (
    FLOAT32_EXACT,
    FLOAT64_EXACT,
    INT64_END,
    beyond,
    largest_magnitude,
    largest_of,
    magnitude_bound,
    store,
    within,
)
from cnnfilter.arrays.geometry import (
    Axis,
    Padding,
    Place,
    Region,
    Shape,
    Sliding,
    Window,
)
from cnnfilter.arrays.quantize import LaterMap, PixelWriter
from cnnfilter.correlation import Correlated, Filters, correlate, correlated_strips
from cnnfilter.correlation.factors import common_divisor
from cnnfilter.errors import ArgumentError, KernelError, ShapeError, brief
from cnnfilter.kernels.catalogue import KERNELS
from cnnfilter.kernels.parse import list_note, read_kernels
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Argument, functional

if TYPE_CHECKING:
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.layers.explanation import Convolved
    from cnnfilter.layers.records import ConvolutionRecord

#: A name, text, a 2-D array, a list of these, or a 4-D filter bank.
KernelLike = str | ArrayLike | Sequence[str | ArrayLike]

CHANNELS = ("each", "sum", "gray")
#: float32 ends at 2**128: weights beyond this are for float64.
FLOAT32_ROOM = 2.0**64
#: How the values of several kernels are combined.
COMBINED = {
    "max": "the largest of the kernels' values",
    "sum": "the sum of the kernels' values",
    "l2": "sqrt(the sum of the squares of the kernels' values)",
}
COMBINES = tuple(COMBINED)
FLOAT32, FLOAT64, INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)


class Convolution(Layer):
    """Convolve an image with a kernel, several, or a filter bank.

    This is cross-correlation, as in every CNN framework; `flip` makes it the
    convolution of mathematics. Values are filtered as stored, without gamma.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), any real dtype; every channel is filtered.
    kernel : str, array_like or list
        A name or text (see `cnnfilter.kernel`), an array of shape (kH, kW), a list of
        these (one feature map for each), or a filter bank of shape
        (kH, kW, C/groups, C_out), whose filters each sum over their input channels.
    stride : int, (int, int) or str
        Pixels from one window to the next, vertical first.
    padding : str, int or tuple of int
        ``valid`` (none), ``same`` (the size stays, divided by the stride, as in
        TensorFlow), ``same-lower`` (the odd pixel goes before instead of after), ``full``
        (the kernel's extent - 1), or pixels to add: N, VERTICAL,HORIZONTAL or
        TOP,BOTTOM,LEFT,RIGHT.
    dilation : int, (int, int) or str
        Pixels from one tap of the window to the next.
    border : {"zero", "edge", "reflect", "symmetric", "wrap"}
        What padding is filled with; ``reflect`` is cb|abc, ``symmetric`` is ba|abc.
    groups : int
        Number of groups of channels and filters; each filter is applied to its group's
        channels. Needs a filter bank, or channels ``sum``.
    bias : number or array_like, optional
        Added to the maps before they are combined: one number, or one for each kernel,
        filter or feature map, such as 1,2.
    flip : bool
        Turn the kernel by 180 degrees.
    normalize : bool
        Divide the weights by their sum (each filter by its own).
    gain : number
        Multiply the weights.
    channels : {"each", "sum", "gray"}
        What a 2-D kernel does with several channels: filter each by itself, add up
        the filtered channels, or filter the grey image.
    combine : {"max", "sum", "l2"}, optional
        Make one map of several kernels' maps: their maximum, their sum, or the root of
        the sum of squares (a gradient's magnitude).
    dtype : dtype, optional
        The result's type; an integer type rounds half to even and saturates.

    Returns
    -------
    ndarray
        Shape (H', W') for a 2-D kernel on one channel; (H', W', C) where each channel
        gives one; (H', W', maps) for lists (the first kernel's maps come first) and
        filter banks. Float images give their own type (float16 gives float32; a float32
        image with weights beyond 2**64, float64). Integers give float32 where max|x|
        times the sum of |weights| stays below 2**24, float64 below 2**53, and int64 where
        that holds every sum. Integers are added up exactly, also with weights such as
        1/9, and divided once.

    Raises
    ------
    ArgumentError
        If an argument is wrong whatever the image.
    ShapeError
        If the kernel does not fit the image, its channels do not, or sums of integers
        would lose digits.
    NotFiniteError
        If the image holds NaN or infinity.

    Examples
    --------
    >>> impulse = np.zeros((5, 5), np.uint8)
    >>> impulse[2, 2] = 1
    >>> convolve(impulse, "1 2 3; 4 5 6; 7 8 9")
    array([[9., 8., 7.],
           [6., 5., 4.],
           [3., 2., 1.]], dtype=float32)
    >>> photograph = np.ones((480, 640, 3), np.uint8)
    >>> convolve(photograph, "sharpen", padding="same").shape
    (480, 640, 3)
    >>> convolve(photograph, "sobel", channels="gray", combine="l2").shape
    (478, 638)
    """

    mixes_pixels = True

    def __init__(
        self,
        kernel: Annotated[
            KernelLike, Argument(many=True, tensor=True, has_layout=True, example="sharpen")
        ],
        *,
        stride: Pair = 1,
        padding: Padding = "valid",
        dilation: Pair = 1,
        border: Annotated[str, Argument(choices=tuple(BORDERS))] = "zero",
        groups: int | str = 1,
        bias: Annotated[Number | ArrayLike | None, Argument("NUMBER", tensor=True)] = None,
        flip: bool | str = False,
        normalize: bool | str = False,
        gain: Number = 1,
        channels: Annotated[str, Argument(choices=CHANNELS)] = "each",
        combine: Annotated[str | None, Argument(choices=COMBINES)] = None,
        dtype: Annotated[DTypeLike | None, Argument(in_command=False)] = None,
    ) -> None:
        self.sliding = Sliding.of(stride, dilation, padding)
        flipped, summing_to_1 = flag("flip", flip), flag("normalize", normalize)
        factor = number("gain", gain)
        #: Map's name to weights as they are applied (flipped, normalised, times gain): shape
        #: (kH, kW), or one filter bank (kH, kW, C/groups, C_out).
        self.kernels: dict[str, Array] = {}
        read = read_kernels(kernel)
        for name, weights in read.weights.items():
            turned = weights[::-1, ::-1] if flipped else weights
            scaled = _normalized(turned) if summing_to_1 else turned
            self.kernels[name] = scaled if factor == 1 else _multiplied(scaled, factor)
        #: Whether results have an axis of maps, as those of lists and sets have.
        self.stacked = read.is_list
        self.border = choice("border", border, BORDERS)
        self.groups = integer("groups", groups)
        #: One number, or one for each kernel or feature map.
        self.bias = None if bias is None else as_numbers("bias", bias).ravel()
        self.channels = choice("channels", channels, CHANNELS)
        self.combine = None if combine is None else choice("combine", combine, COMBINES)
        self.dtype = _read_dtype(dtype)
        self._check_groups()
        self._check_bias()

    def _check_bias(self) -> None:
        if self.bank is None or self.bias is None or self.bias.size in (1, self.bank.shape[3]):
            return
        raise ArgumentError(
            f"{self.bias.size} biases for the {self.bank.shape[3]} filters of the bank, (height, "
            f"width, channels/groups, filters) = {self.bank.shape}; give one, or one for each"
            + (TURNED if self.bias.size in self.bank.shape[:2] else "")
        )

    def _check_groups(self) -> None:
        if self.groups == 1:
            return
        if self.bank is None and self.channels != "sum":
            raise ArgumentError(
                f"{self.groups} groups need a filter bank, or a 2-D kernel with channels sum"
            )
        if self.bank is not None and self.bank.shape[3] % self.groups:
            raise ArgumentError(
                f"the bank's {self.bank.shape[3]} filters do not divide into {self.groups} groups"
                + (TURNED if self.groups in self._inputs_if_turned() else "")
            )

    @cached_property
    def bank(self) -> Array | None:
        """The filter bank, if the kernel is one."""
        (first, *_) = self.kernels.values()
        return first if first.ndim == 4 else None

    @property
    def notes(self) -> list[str]:
        """Kernels that are lists, and could be squares; a named one is as it is meant."""
        lists = (
            list_note(weights)
            for name, weights in self.kernels.items()
            if name.partition(":")[0] not in KERNELS
        )
        return [note for note in lists if note]

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        weights = sum(each.size for each in self.kernels.values())
        return weights + (0 if self.bias is None else self.bias.size)

    def multiply_adds(self, shape: Shape) -> int:
        """Count each weight once for each place it is applied at; biases are not counted."""
        channels = self._channels_filtered(shape)
        return sum(
            each.size
            * channels
            * prod(axis.count for axis in self.sliding.window(size).axes(shape))
            for each in self.kernels.values()
            for size in [(each.shape[0], each.shape[1])]
        )

    def _channels_filtered(self, shape: Shape) -> int:
        """Return the number of channels for each 2-D kernel; 1 for a bank."""
        if self.bank is not None or len(shape) == 2 or self.channels == "gray":
            return 1
        return self.groups if self.channels == "sum" else shape[2]

    def window_for(self, shape: Shape) -> Window:
        """Return the largest kernel's window."""
        heights, widths = zip(*(each.shape[:2] for each in self.kernels.values()), strict=True)
        return self.sliding.window((max(heights), max(widths)))

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the feature maps, from those before."""
        if self.combine is not None:
            return tuple(before) if self.bank is None and self.channels == "each" else ()
        if self.bank is not None:
            filters = self.bank.shape[3]
            return tuple(str(number).zfill(len(str(filters))) for number in range(1, filters + 1))
        names = tuple(self.kernels) if self.stacked else ()
        if not before or self.channels != "each":
            return names
        return tuple(f"{old}-{new}" for new in names for old in before) or tuple(before)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the result's shape for an image's.

        Raises
        ------
        ShapeError
            If a kernel does not fit, or channels and filters do not go together.
        """
        windows = {self.sliding.window(each.shape[:2]) for each in self.kernels.values()}
        outputs = {tuple(axis.count for axis in window.axes(shape)) for window in windows}
        if len(outputs) > 1:
            raise ShapeError(
                "kernels of different sizes give maps of different sizes; use padding same"
            )
        (height_width,) = outputs
        depth = self._channels_of(shape)
        if self.bank is None:
            self.biases(depth or 1)
        if self.combine is None and (self.stacked or self.bank is not None):
            return *height_width, len(self.kernels) * (depth or 1)
        return height_width if depth is None else (*height_width, depth)

    def _channels_of(self, shape: Shape) -> int | None:
        """Return the channels of one kernel's result; None if it has no such axis."""
        incoming = 1 if len(shape) == 2 or self.channels == "gray" else shape[2]
        if incoming % self.groups:
            raise ShapeError(
                f"{incoming} channel(s) do not divide into {self.groups} groups: "
                "choose groups that divide the channels"
            )
        if self.bank is not None:
            seen, filters = self.bank.shape[2:]
            if seen * self.groups != incoming:
                expected = f"{seen} * {self.groups} = {seen * self.groups}"
                raise ShapeError(
                    f"the filter bank, (height, width, channels/groups, filters) = "
                    f"{self.bank.shape}, expects {expected if self.groups > 1 else seen} "
                    f"channel(s), its input {shape} has {incoming}"
                    + (TURNED if incoming in self._inputs_if_turned() else "")
                )
            return None if self.combine is not None else filters
        if self.channels == "sum":
            return self.groups if self.groups > 1 else None
        return None if len(shape) == 2 or self.channels == "gray" else incoming

    def _inputs_if_turned(self) -> tuple[int, ...]:
        """Return the bank's input channels, had its file another order of axes."""
        return () if self.bank is None else tuple(n * self.groups for n in self.bank.shape[:2])

    def __call__(self, image: ArrayLike) -> Array:
        """Convolve an image."""
        array, shape = self._laid_out(image)
        check_finite(array, "the image")
        result = np.empty(shape, self._result_type(array, self._arithmetic(array)))
        places, rounds = np.atleast_3d(result), result.dtype.kind in "iu"
        # Overflow gives infinity without a warning, as in PyTorch.
        with np.errstate(over="ignore", invalid="ignore"):
            parts = self._correlated(
                array, places.shape, rounds=rounds, finely=self._is_deep(array)
            )
            for place, values, integral in parts:
                store(values, places[place], integral=integral)
        return result

    def stored(self, image: ArrayLike, writer: PixelWriter) -> Array:
        """Compute pixels ready to store; for integers, floats are never held."""
        array, shape = self._laid_out(image)
        comes_apart = writer.maps is not None and self.maps_apart > 0
        if not self.stores_tiles(array):
            return self(image) if comes_apart else super().stored(image, writer)
        if writer.maps is not None and comes_apart:
            writer.maps += self._later_maps(array, writer)
            return np.broadcast_to(np.zeros((), writer.dtype), shape)
        result = np.empty(shape, writer.dtype)
        if writer.looks_first:  # computed twice, the values are never held
            self._look(array, shape, writer)
        places, rounds = np.atleast_3d(result), not writer.stretches
        parts = self._correlated(array, places.shape, rounds=rounds, finely=writer.scales)
        for place, values, integral in parts:
            writer.put(values, places[place], integral=integral)
        return result

    def output_dtype(self, image: Array) -> DType:
        """Return the type of the result for an image; one pixel of it is enough."""
        pixel = np.atleast_3d(image)[:1, :1]
        return self._result_type(pixel, self._arithmetic(pixel))

    def _result_type(self, image: Array, work: DType) -> DType:
        """Return the result's type; quotients need digits."""
        return self.dtype or (FLOAT64 if self._is_deep(image) else work)

    def _is_deep(self, image: Array) -> bool:
        """Return whether float32 would round a 16-bit picture's quotients twice."""
        return self.visibility is not None and image.dtype == np.uint16 and self.dtype is None

    def stores_tiles(self, image: Array) -> bool:
        """Return whether `stored` holds no more of the values than a tile: not of floats."""
        return self.dtype is None and image.dtype.kind in "iu"

    def _look(self, array: Array, shape: Shape, writer: PixelWriter) -> None:
        """Look at all values of a result of a shape, for the lowest and the highest."""
        places = np.broadcast_to(np.zeros((), writer.dtype), (*shape, 1)[:3])
        for place, values, _ in self._correlated(array, places.shape, rounds=False):
            writer.look(within(values, places[place]))

    @property
    def maps_apart(self) -> int:
        """Number of kernels, if each has a map of its own."""
        several = self.bank is None and self.combine is None and len(self.kernels) > 1
        return len(self.kernels) if several else 0

    def _later_maps(self, array: Array, writer: PixelWriter) -> list[LaterMap]:
        """Prepare each kernel's map, which is computed when needed and not held."""
        kernels = [self._alone(index, array.shape) for index in range(len(self.kernels))]
        if writer.looks_first:
            for each in kernels:
                each._look(array, each.output_shape(array.shape), writer)
        return [partial(each._later, array, writer) for each in kernels]

    def _later(self, array: Array, writer: PixelWriter) -> tuple[Array, PixelWriter]:
        """Compute a map; the storing of all of them learns of its values."""
        own = writer.for_one_map()
        pixels = self.stored(array, own)
        if not writer.looks_first:
            writer.look(np.array(own.span))
        return pixels, own

    def _alone(self, index: int, shape: Shape) -> Convolution:
        """Return the convolution with one of the kernels."""
        name, weights = list(self.kernels.items())[index]
        biases = self.biases(self.maps_of_each(shape))
        bias = None if biases is None else biases[index]
        return self.replaced(kernels={name: weights}, stacked=False, bias=bias)

    def _laid_out(self, image: ArrayLike) -> tuple[Array, Shape]:
        """Return the image that is filtered, shape (H, W, C), and the result's shape."""
        array = as_image(image)
        if self.visibility is not None:
            self.visibility.check(array.shape)
        shape = self.output_shape(array.shape)
        check_room("the result", shape, np.dtype(self.dtype or np.float32).itemsize)
        if self.sliding.dilation != (1, 1):
            extent = self.window_for(array.shape).extent
            check_room("the dilated kernel", extent, np.dtype(np.float64).itemsize)
        return self.filtered(array), shape

    def filtered(self, image: Array) -> Array:
        """Return the image under the kernels, shape (H, W, C)."""
        if self.channels == "gray":
            from cnnfilter.layers.channels import gray

            image = gray(image)
        return image[:, :, np.newaxis] if image.ndim == 2 else image

    @property
    def adds_up_channels(self) -> bool:
        """Test whether a 2-D kernel filters the sum of channels."""
        return self.channels == "sum" and self.bank is None

    def summed(self, filtered: Array, dtype: DType) -> Array:
        """Add up each group's channels in a dtype, if kernels filter the sum."""
        if not self.adds_up_channels:
            return filtered
        groups = filtered.reshape(*filtered.shape[:2], self.groups, -1)
        result: Array = groups.sum(axis=-1, dtype=dtype)
        return result

    def _sum_type(self, filtered: Array) -> DType:
        """Return the dtype of sums of channels, which is exact for integers."""
        if filtered.dtype.kind == "f":
            return self._arithmetic(filtered)
        bound = magnitude_bound(filtered) * (filtered.shape[2] // self.groups)
        if bound >= INT64_END:
            return FLOAT64
        return np.dtype(np.int32) if bound < 2**31 else INT64

    def strips(self, before: Rows) -> tuple[Rows, list[Strips]]:
        """Return the map that kernels slide over, and the result in strips.

        Raises
        ------
        NotFiniteError
            If there is NaN or infinity.
        """
        from cnnfilter.arrays.rows import MappedRows

        filtered = MappedRows(before, self.filtered)
        extremes = filtered.extreme_pixels
        check_finite(extremes, "the image")
        dtype = self._result_type(extremes, self._arithmetic(extremes))
        work = self._work(extremes, rounds=dtype.kind in "iu")
        if self.adds_up_channels:
            added = partial(self.summed, dtype=self._sum_type(extremes))
            filtered = MappedRows(filtered, added)
        return filtered, correlated_strips(
            filtered.shape,
            filtered.extreme_pixels,
            self._filters(filtered.shape[2], work, rounds=dtype.kind in "iu")._replace(
                finely=self._is_deep(extremes)
            ),
            (*self.output_shape(before.shape), 1)[:3],
            dtype,
        )

    def carry_alpha(self, alpha: Array, opaque: float) -> Array:
        """Return, for each output pixel, the alpha under the kernel's centre."""
        rows, columns = map(_centres, self.window_for(alpha.shape).axes(alpha.shape))
        return alpha[rows][:, columns]

    def maps_of_each(self, shape: Shape) -> int:
        """Return the number of maps of each kernel, before they are combined."""
        if self.bank is not None:
            return self.bank.shape[3]
        if self.channels == "sum":
            return self.groups
        return shape[2] if self.channels == "each" and len(shape) == 3 else 1

    def biases(self, channels: int) -> Array | None:
        """Return biases of shape (kernels, channels of each)."""
        if self.bias is None:
            return None
        kernels = len(self.kernels)
        if self.bias.size in (1, kernels):
            return np.broadcast_to(self.bias.reshape(-1, 1), (kernels, channels))
        if self.bias.size == kernels * channels:
            return self.bias.reshape(kernels, channels)
        raise ShapeError(
            f"{self.bias.size} biases for {kernels * channels} feature map(s); give one, or one "
            "for each"
        )

    def _fits_float32(self) -> bool:
        """Return whether float32 holds each weight, and leaves room for pixels."""
        return all(
            each.dtype == np.float32 or np.abs(each).max() <= FLOAT32_ROOM
            for each in self.kernels.values()
        )

    @np.errstate(over="ignore", invalid="ignore")
    def _arithmetic(self, image: Array) -> DType:
        """Choose the dtype of sums: the result's, if none was asked for."""
        if self.dtype == np.float64:
            return FLOAT64
        if image.dtype.kind == "f":
            return FLOAT32 if image.dtype.itemsize <= 4 and self._fits_float32() else FLOAT64
        if self._bound(image, largest_of(image.dtype)) < FLOAT32_EXACT:
            return FLOAT32  # of narrow types, whatever the values
        bound = self._bound(image, largest_magnitude(image))
        if bound < FLOAT64_EXACT:
            return FLOAT32 if bound < FLOAT32_EXACT else FLOAT64
        if self.dtype is not None and self.dtype.kind == "f":
            return FLOAT64  # which was asked for
        return self._wide_type(image, bound)

    def _bound(self, image: Array, peak: float) -> float:
        """Return the largest magnitude of a sum, for pixels up to a peak."""
        magnitudes = np.concatenate([_magnitudes(each) for each in self.kernels.values()])
        factor = float(magnitudes.sum() if self.combine == "sum" else magnitudes.max())
        if self.channels == "sum":
            factor *= image.shape[2] // self.groups
        offset = 0.0 if self.bias is None else float(np.abs(self.bias).max())
        if self.combine == "sum":
            offset *= len(magnitudes)
        return peak * _whole(factor) + _whole(offset)

    def _wide_type(self, image: Array, bound: float) -> DType:
        """Return int64 if it holds every sum; float64 for weights that are no fractions.

        Raises
        ------
        ShapeError
            If digits would be lost.
        """
        channels, peak = image.shape[2], largest_magnitude(image)
        if peak < FLOAT64_EXACT and common_divisor(self.kernels.values()) is None:
            return FLOAT64
        span = np.array([image.min(), image.max()], object)
        if self.adds_up_channels:
            peak, span = peak * (channels // self.groups), span * (channels // self.groups)
            channels = self.groups
        filters = self._filters(channels, FLOAT64).apart()
        exact = [each.in_integers(peak, span) for each in filters]
        is_whole = self.dtype is not None or all(each.divisor == 1 for each in exact)
        overflows = self.adds_up_channels and peak >= INT64_END
        if overflows or not (is_whole and all(each.is_exact for each in exact)):
            raise beyond(bound)
        return INT64

    def _work(self, image: Array, *, rounds: bool, finely: bool = False) -> DType:
        """Choose the dtype to compute in where sums are not exact."""
        work = self._arithmetic(image)
        is_narrow = image.dtype.itemsize == 1 and self.bias is None and not finely
        if work.kind != "f" or (rounds and image.dtype.kind in "iu" and not is_narrow):
            return FLOAT64
        return work

    def _correlated(
        self, image: Array, shape: Shape, *, rounds: bool, finely: bool = False
    ) -> Iterator[Correlated]:
        """Compute the result, of shape (H', W', maps), tile by tile.

        Parameters
        ----------
        rounds : bool
            Whether the values are to be rounded to integers.
        finely : bool
            Whether they are scaled before.
        """
        work = self._work(image, rounds=rounds, finely=finely)
        if self.adds_up_channels:
            image = self.summed(image, self._sum_type(image))
        filters = self._filters(image.shape[2], work, rounds=rounds)._replace(finely=finely)
        return correlate(image, filters, shape)

    def _filters(self, channels: int, work: DType, *, rounds: bool = False) -> Filters:
        """Return the kernels as they are laid on an image of so many channels."""
        return Filters(
            kernels=tuple(self.kernels.values()),
            sliding=self.sliding,
            border=self.border,
            groups=self.groups,
            biases=self.biases(channels if self.bank is None else self.bank.shape[3]),
            combine=self.combine,
            work=work,
            rounds=rounds,
            visibility=self.visibility,
        )

    @property
    def formula(self) -> str:
        """A weighted sum, or several that are combined."""
        one = "the sum of x * weight" + ("" if self.bias is None else " + bias")
        return one if self.combine is None else COMBINED[self.combine]

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Convolved:
        """Return patches, weights and bias of each kernel that makes a value."""
        from cnnfilter.layers.explained_convolution import explained

        return explained(self, before, at, names)

    def region_before(self, region: Region, shape: Shape) -> Region | None:
        """Return the region under a region's windows."""
        return region_under(self.window_for(shape), region, shape, self.border)

    @property
    def rows_from(self) -> RowsFrom:
        """The rows under its windows."""
        return "windows"

    def record(self, shape: Shape) -> ConvolutionRecord:
        """Return kernels with their axes, and how their sums are combined."""
        from cnnfilter.layers.explained_convolution import recorded

        return recorded(self, shape)


def _whole(number: float) -> float:
    """Return a whole number as an integer, whose products are exact."""
    return int(number) if number.is_integer() else number


def _centres(axis: Axis) -> slice | Array:
    """Return the pixels under the windows' centres, or those nearest to them."""
    first = (axis.extent - 1) // 2 - axis.before
    last = first + (axis.count - 1) * axis.stride
    if first >= 0 and last < axis.length:
        return slice(first, last + 1, axis.stride)
    return np.arange(first, last + 1, axis.stride).clip(0, axis.length - 1)


def _filters(weights: Array) -> Array:
    """Reshape weights to one column for each filter."""
    return weights.reshape(-1, 1 if weights.ndim == 2 else weights.shape[3])


def _normalized(weights: Array) -> Array:
    """Divide each filter by its sum."""
    # A power of two changes no digit, and keeps large weights from overflowing.
    shrink = -int(np.frexp(np.abs(weights.astype(np.float64)).max())[1])
    scaled = np.ldexp(weights.astype(np.float64), shrink)
    sums = _filters(scaled).sum(axis=0)
    if np.any(np.abs(sums) <= 1e-9 * _magnitudes(scaled)):
        raise KernelError("the kernel's weights sum to 0, so they cannot be normalized to sum 1")
    result = scaled / (sums if weights.ndim == 4 else sums[0])
    return result.astype(np.float32) if weights.dtype == np.float32 else result


def _multiplied(weights: Array, factor: float) -> Array:
    """Multiply weights by a gain."""
    with np.errstate(over="ignore", under="ignore"):
        result: Array = weights * factor
    if not_finite(result):
        raise ArgumentError(f"gain {factor:g} makes weights larger than any float; lower it")
    return result


def _magnitudes(weights: Array) -> Array:
    """Add up the magnitudes of each filter's weights."""
    return np.abs(_filters(weights).astype(np.float64)).sum(axis=0)


def _read_dtype(dtype: DTypeLike | None) -> DType | None:
    if dtype is None:
        return None
    try:
        result = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        raise ArgumentError(
            f"dtype '{brief(dtype)}' is unknown; write uint8, float32, ..."
        ) from None
    if result.kind not in "iuf":
        raise ArgumentError(f"dtype {result} holds no real numbers; write uint8, float32, ...")
    return result


convolve = functional(Convolution, "convolve")
