"""Maps whose rows are computed when they are needed, so that no map is held as a whole.

What is drawn of a photograph is small; the float maps on the way to it are large. A map here
is a chain of layers above an image: some rows of it need some rows of the map before, and
these some of the one before that.

Values are, to the last bit, those of the whole map. Convolution and pooling are computed in
strips, which begin where the whole map's tiles do, and the type to compute in is chosen by the
lowest and the highest value of all.

Memory, beside the image: about `BAND` bytes, and a strip of each layer. A map is held where its
layer needs the whole map before it (flattening, functions of wide integers, whose type depends
on the highest), and where it takes at most `HELD` bytes. Of a map that is resized, a channel is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any, TypeVar

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.tiles import Strips
from cnnfilter.errors import CnnFilterError
from cnnfilter.layers.activations import PRelu, Softmax
from cnnfilter.layers.base import Layer
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.pooling import Pooling
from cnnfilter.layers.resizing import Resizing
from cnnfilter.layers.scaling import Affine, Scaling
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.steps.operations import Pointwise
from cnnfilter.steps.step import Step, in_step

T = TypeVar("T")

#: Bytes that one band and those before it take, and up to which a map is held.
BAND, HELD = 8 * 2**20, 8 * 2**20
#: Bytes of channels that are held to be resized; one is, whatever its size.
PLANES = 64 * 2**20


class Rows(ABC):
    """A map of shape (H, W), (H, W, C), or a vector, whose rows come when they are needed.

    Attributes
    ----------
    shape : tuple of int
    row_bytes : int
        What one of its rows takes, with those of the maps before that it needs.
    """

    shape: Shape
    row_bytes: int

    @abstractmethod
    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, computed at once."""

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, computed a band at a time."""
        bands = self.bands(first, stop)
        band = next(bands)
        if len(band) == stop - first:
            return band
        result = np.empty((stop - first, *band.shape[1:]), band.dtype)
        end = len(band)
        result[:end] = band
        for band in bands:
            result[end : end + len(band)] = band
            end += len(band)
        return result

    def bands(self, first: int = 0, stop: int | None = None) -> Iterator[Array]:
        """Go through rows from top to bottom, a band at a time."""
        stop = self.shape[0] if stop is None else stop
        height = max(1, BAND // max(1, self.row_bytes))
        for start in range(first, stop, height):
            yield self.compute(start, min(start + height, stop))

    def only(self, first: int, stop: int) -> Array:
        """Return an array of the map's shape, which holds these rows; the others are 0.

        They take no memory where the system gives it out when it is first written to.
        """
        rows = self.rows(first, stop)
        result = np.zeros(self.shape, rows.dtype)
        result[first:stop] = rows
        return result

    def whole(self) -> Array:
        """Return all of it."""
        return self.rows(0, self.shape[0])

    @cached_property
    def extremes(self) -> Array:
        """The lowest and the highest value of all; NaN where there is one."""
        lows, highs = zip(*((band.min(), band.max()) for band in self.bands()), strict=True)
        return np.array([np.min(lows), np.max(highs)])


class HeldRows(Rows):
    """A map that is held as an array.

    Examples
    --------
    >>> [len(band) for band in HeldRows(np.zeros((4, 5, 3))).bands()]
    [4]
    """

    def __init__(self, array: Array) -> None:
        self._array = array
        self.shape = array.shape
        self.row_bytes = array[:1].nbytes

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._array[first:stop]

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._array[first:stop]

    def only(self, first: int, stop: int) -> Array:
        """Return the map."""
        return self._array


def as_rows(map: Array | Rows) -> Rows:
    """Return a map by its rows, whether it is held or not."""
    return map if isinstance(map, Rows) else HeldRows(map)


class _LayerRows(Rows):
    """A layer's result.

    Parameters
    ----------
    steps, number, kind
        The steps, and which of them it is, from 1; see `in_step`.
    before : Rows
        What the layer takes.
    """

    layer: Layer

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        self.layer = steps[number - 1].layer
        self.before = before
        self._place = (steps, number, kind)
        with in_step(*self._place):
            self.shape = self.layer.output_shape(before.shape)

    def _applied(self, function: Callable[..., T], *arguments: Any) -> T:
        """Apply a function of the layer to a band; an error is that of the whole map."""
        try:
            with np.errstate(all="ignore"):
                return function(*arguments)
        except CnnFilterError as error:
            before = self.before.whole()
            with in_step(*self._place), np.errstate(all="ignore"):
                self.layer(before)  # its error counts all values, not those of a band
                raise error

    @cached_property
    def _held(self) -> Array:
        """The whole result, for where its rows cannot be computed by themselves."""
        return self._applied(self.layer, self.before.whole())


class _WholeRows(_LayerRows):
    """A layer's result that is computed at once, when it is first needed, and held."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = 8 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._held[first:stop]

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self.compute(first, stop)


class _ResizedRows(_WholeRows):
    """A resized map; of the one before it no more than a channel is held, or a few small ones."""

    layer: Resizing

    @cached_property
    def _held(self) -> Array:
        shape = self.before.shape
        if self.shape[:2] == shape[:2]:
            return self._applied(self.layer, self.before.whole())
        dtype = self.before.rows(0, 1).dtype
        return self._applied(self.layer.of_planes, self._planes(dtype), shape, dtype)

    def _planes(self, dtype: np.dtype[Any]) -> Iterator[Array]:
        """Go through the channels; Pillow takes each as a whole, to resize it in either order."""
        height, width, *rest = self.before.shape
        channels = prod(rest)
        at_once = max(1, PLANES // (height * width * dtype.itemsize))
        for first in range(0, channels, at_once):
            planes = np.empty((min(at_once, channels - first), height, width), dtype)
            end = 0
            for band in self.before.bands():
                start, end = end, end + len(band)
                some = band.reshape(*band.shape[:2], -1)[:, :, first : first + at_once]
                planes[:, start:end] = np.moveaxis(some, -1, 0)
            yield from planes


class _PointwiseRows(_LayerRows):
    """The result of a layer whose rows depend each on the same row before."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = before.row_bytes + 4 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return what the layer makes of these rows."""
        band = self.before.rows(first, stop)
        if band.dtype.kind in "iu" and band.dtype.itemsize > 2:
            return self._held[first:stop]  # which float type holds them depends on all
        return self._made(band)

    def _made(self, band: Array) -> Array:
        return self._applied(self.layer, band)


class _ScaledRows(_PointwiseRows):
    """The result of a scaling by the lowest and highest value of the whole map."""

    layer: Scaling

    def _made(self, band: Array) -> Array:
        return self._applied(self.layer.scaled, band, self.layer.bounds(self.before.extremes))


class _PreparedRows(Rows):
    """What a convolution lays its kernels on: a map's channels, made grey or added up."""

    def __init__(self, before: Rows, prepare: Callable[[Array], Array]) -> None:
        self._before, self._prepare = before, prepare
        self.shape = (before.shape[0], *prepare(np.zeros((1, *before.shape[1:]))).shape[1:])
        self.row_bytes = before.row_bytes

    def compute(self, first: int, stop: int) -> Array:
        """Prepare some rows."""
        return self._prepare(self._before.rows(first, stop))

    @property
    def values(self) -> Array:
        """The lowest and the highest value, as an image of two pixels."""
        low_high = self.extremes.reshape(1, 2, 1)
        return np.broadcast_to(low_high, (1, 2, *self.shape[2:]))


class _WindowRows(_LayerRows):
    """The result of a convolution or of pooling, in strips that begin where its tiles do.

    The last strip is kept: rows are mostly asked for from top to bottom.
    """

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        window = self.layer.window_for(before.shape)
        stride = 1 if window is None else window.stride[0]
        self.row_bytes = stride * before.row_bytes + 4 * prod(self.shape[1:])
        self._last: dict[int, tuple[int, Array]] = {}

    @cached_property
    def _parts(self) -> tuple[Rows, list[Strips]]:
        """What the windows lie on, and the strips of each of the maps that lie side by side."""
        return self._applied(self._prepared)

    @abstractmethod
    def _prepared(self) -> tuple[Rows, list[Strips]]:
        """Return what the windows lie on, and the strips."""

    def compute(self, first: int, stop: int) -> Array:
        """Return some rows, cut from the strips that they are in."""
        _, parts = self._parts
        maps = [self._cut(index, first, stop) for index in range(len(parts))]
        result = maps[0] if len(maps) == 1 else np.concatenate(maps, axis=2)
        return result.reshape(stop - first, *self.shape[1:])

    def _cut(self, index: int, first: int, stop: int) -> Array:
        """Return rows of one part's maps."""
        height = self._parts[1][index].height
        pieces = []
        for top in range(first // height * height, stop, height):
            strip = self._strip(index, top)
            pieces.append(strip[max(0, first - top) : stop - top])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _strip(self, index: int, top: int) -> Array:
        """Return the strip of a part that begins at a row."""
        if index not in self._last or self._last[index][0] != top:
            taken, parts = self._parts
            strips = parts[index]
            rows = slice(top, min(top + strips.height, self.shape[0]))
            under = strips.under(rows)
            pixels = taken.rows(under.start, under.stop)
            self._last[index] = top, self._applied(strips.compute, rows, pixels)
        return self._last[index][1]


class _ConvolvedRows(_WindowRows):
    """A convolution's result."""

    layer: Convolution

    def _prepared(self) -> tuple[Rows, list[Strips]]:
        layer = self.layer
        filtered = _PreparedRows(self.before, layer.filtered)
        work = layer.arithmetic(filtered.values)
        taken = filtered
        if layer.adds_up_channels:
            taken = _PreparedRows(filtered, partial(layer.summed, work=work))
        result = (*self.shape, 1)[:3]
        return taken, layer.strips(taken.shape, taken.values, work, result)


class _PooledRows(_WindowRows):
    """A pooling's result."""

    layer: Pooling

    def _prepared(self) -> tuple[Rows, list[Strips]]:
        return self.before, [self.layer.strips(self.before.shape, self.before.extremes)]


def rows_of(pipeline: Pipeline, image: Array) -> list[Rows]:
    """Return the maps of a pipeline: the prepared image, and each step's result.

    Parameters
    ----------
    pipeline : Pipeline
    image : ndarray
        Shape (H, W) or (H, W, C).

    Raises
    ------
    ShapeError
        If a step cannot take what it is given; other errors come with the rows.

    Examples
    --------
    >>> maps = rows_of(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
    >>> [each.shape for each in maps]
    [(6, 6), (4, 4), (2, 2)]
    """
    return traced_rows(pipeline, image)[1]


def traced_rows(pipeline: Pipeline, image: Array) -> tuple[list[Rows], list[Rows]]:
    """Return the results of the preparation's steps, and what `rows_of` returns."""
    prepared = _chained(pipeline.preparation, "preparation", HeldRows(image))
    first = prepared[-1]
    shape = pipeline.as_input(np.broadcast_to(np.float32(), first.shape)).shape
    if shape != first.shape:
        first = HeldRows(pipeline.as_input(first.whole()))
    return prepared[1:], _chained(pipeline.steps, "step", first)


def _chained(steps: Sequence[Step], kind: str, first: Rows) -> list[Rows]:
    """Return a map, and each step's result."""
    maps = [first]
    for number in range(1, len(steps) + 1):
        maps.append(_layer_rows(steps, number, kind, maps[-1]))
    return maps


def _layer_rows(steps: Sequence[Step], number: int, kind: str, before: Rows) -> Rows:
    layer = steps[number - 1].layer
    result = _kind(layer, steps[number - 1], before.shape)(steps, number, kind, before)
    is_small = 8 * prod(result.shape) <= HELD and not isinstance(result, _WholeRows)
    return _WholeRows(steps, number, kind, before) if is_small else result


def _kind(layer: Layer, step: Step, shape: Shape) -> type[_LayerRows]:
    """Choose how a layer's rows are computed."""
    if len(shape) == 1:
        return _WholeRows
    if isinstance(layer, Resizing) and layer.fill is not None:
        return _ResizedRows
    if isinstance(layer, Pooling):
        return _PooledRows
    if isinstance(layer, Convolution):
        return _ConvolvedRows
    depends_on_all = step.operation == "invert" and step.arguments.get("when") == "auto"
    if isinstance(layer, Pointwise | PRelu | Affine | Softmax) and not depends_on_all:
        return _PointwiseRows
    return _ScaledRows if isinstance(layer, Scaling) else _WholeRows
