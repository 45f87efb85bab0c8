"""Maps whose rows are computed when they are needed, so that no map is held as a whole.

What is drawn of a photograph is small; the float maps on the way to it are large. A map here
is a chain of layers above an image: some rows of it need some rows of the map before, and
these some of the one before that. Rows that lie under two bands are computed twice.

Memory, beside the image: about `BAND` bytes, and what a layer takes to compute that much. A map
is held where its layer needs the whole map before it (resizing, flattening, what depends on the
highest value), and where it takes at most `HELD` bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from cnnfilter.core.activations import PRelu, Softmax
from cnnfilter.core.arrays import Array
from cnnfilter.core.convolution import Convolution
from cnnfilter.core.geometry import Axis, Shape
from cnnfilter.core.layer import Layer
from cnnfilter.core.pooling import Pooling
from cnnfilter.core.scaling import Affine, Scaling
from cnnfilter.core.tiles import pixels_under
from cnnfilter.errors import CnnFilterError
from cnnfilter.pipeline.operations import Pointwise
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.pipeline.steps import Step, in_step

#: Bytes that one band and those before it take, and up to which a map is held.
BAND, HELD = 8 * 2**20, 8 * 2**20


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
        end = 0
        while True:
            wider = np.result_type(result, band)
            if wider != result.dtype:  # wide integers choose their arithmetic by their values
                result = result.astype(wider)
            result[end : end + len(band)] = band
            end += len(band)
            if end == len(result):
                return result
            band = next(bands)

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
        try:
            self.shape = self.layer.output_shape(before.shape)
        except CnnFilterError as error:
            raise in_step(error, *self._place) from None

    def _applied(self, function: Callable[..., Array], *arguments: Any) -> Array:
        """Apply a function of the layer to a band; an error is that of the whole map."""
        try:
            with np.errstate(all="ignore"):
                return function(*arguments)
        except CnnFilterError as error:
            raise in_step(self._error_of_all() or error, *self._place) from None

    def _error_of_all(self) -> CnnFilterError | None:
        """Return what the layer says of the whole map: where and how often, not in a band."""
        before = self.before.whole()
        try:
            with np.errstate(all="ignore"):
                self.layer(before)
        except CnnFilterError as error:
            return error
        return None


class _WholeRows(_LayerRows):
    """A layer's result that is computed at once, when it is first needed, and held."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = 8 * prod(self.shape[1:])

    @cached_property
    def _held(self) -> Array:
        return self._applied(self.layer, self.before.whole())

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._held[first:stop]

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self.compute(first, stop)


class _PointwiseRows(_LayerRows):
    """The result of a layer whose rows depend each on the same row before."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = before.row_bytes + 4 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return what the layer makes of these rows."""
        return self._applied(self.layer, self.before.rows(first, stop))


class _ScaledRows(_PointwiseRows):
    """The result of a scaling by the lowest and highest value of the whole map."""

    layer: Scaling

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        lows, highs = zip(*((band.min(), band.max()) for band in self.before.bands()), strict=True)
        low, high = np.min(lows), np.max(highs)  # NaN stays NaN
        return self.layer.bounds(np.array([low, high]))

    def compute(self, first: int, stop: int) -> Array:
        """Return these rows, scaled."""
        bounds = self._bounds
        return self._applied(self.layer.scaled, self.before.rows(first, stop), bounds)


class _WindowRows(_LayerRows):
    """The result of a convolution or of pooling: a row depends on those under its windows."""

    layer: Convolution | Pooling

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self._parts = _parts(self.layer, before.shape)
        stride = self._parts[0].axes[0].stride
        self.row_bytes = stride * before.row_bytes + 4 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return the rows of some windows, from the rows under them."""
        maps = [
            self._applied(*each.on_band(self.before, slice(first, stop))) for each in self._parts
        ]
        return maps[0] if len(maps) == 1 else np.dstack(maps)


class _Windows:
    """A layer whose windows are all of one size, and where they stand on a map."""

    def __init__(self, layer: Convolution | Pooling, axes: tuple[Axis, Axis]) -> None:
        self.layer = layer
        self.axes = axes
        border = layer.border if isinstance(layer, Convolution) else "zero"
        self._under = pixels_under(axes[0], border)

    def on_band(self, before: Rows, windows: slice) -> tuple[Any, ...]:
        """Return what computes the rows of some windows, and what it takes."""
        down, across = self.axes
        under = down.under(windows)
        first, end = under.start - down.before, under.stop - down.before
        if isinstance(self.layer, Pooling):
            low, high = max(0, first), min(down.length, end)
            part = replace(
                down.part(windows.start, windows.stop - windows.start),
                before=low - first,
                length=high - low,
                after=down.length + down.after - high,
            )
            return self.layer.on_band, before.rows(low, high), (part, across)
        layer = replace(self.layer, padding=(0, 0, across.before, across.after))
        return layer, self._padded(before, first, end)

    def _padded(self, before: Rows, first: int, end: int) -> Array:
        """Return rows, with those that are padding written out."""
        length = self.axes[0].length
        if first >= 0 and end <= length:
            return before.rows(first, end)
        if self._under is not None:
            places = self._under[first + self.axes[0].before : end + self.axes[0].before]
            low = int(places.min())
            return before.rows(low, int(places.max()) + 1)[places - low]
        low, high = max(0, first), min(length, end)
        inside = before.rows(low, high) if low < high else before.rows(0, 1)[:0]
        padded = np.zeros((end - first, *before.shape[1:]), inside.dtype)
        padded[low - first : low - first + len(inside)] = inside
        return padded


def _parts(layer: Convolution | Pooling, shape: Shape) -> list[_Windows]:
    """Return a layer as one whose windows are of one size, or one for each kernel."""
    if isinstance(layer, Pooling) or _has_one_size(layer):
        return [_Windows(layer, layer.window_for(shape).axes(shape))]
    biases = layer.biases(layer.maps_of_each(shape))
    single = [
        replace(
            layer,
            kernels={name: weights},
            stacked=True,
            bias=None if biases is None else biases[index],
        )
        for index, (name, weights) in enumerate(layer.kernels.items())
    ]
    return [_Windows(each, each.window_for(shape).axes(shape)) for each in single]


def _has_one_size(layer: Convolution) -> bool:
    return len({each.shape[:2] for each in layer.kernels.values()}) == 1


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
    is_small = 8 * prod(result.shape) <= HELD
    return _WholeRows(steps, number, kind, before) if is_small else result


def _kind(layer: Layer, step: Step, shape: Shape) -> type[_LayerRows]:
    """Choose how a layer's rows are computed."""
    if len(shape) == 1:
        return _WholeRows
    if isinstance(layer, Pooling):
        return _WindowRows
    if isinstance(layer, Convolution):
        has_parts = _has_one_size(layer) or layer.combine is None
        return _WindowRows if has_parts else _WholeRows
    depends_on_all = step.operation == "invert" and step.arguments.get("when") == "auto"
    if isinstance(layer, Pointwise | PRelu | Affine | Softmax) and not depends_on_all:
        return _PointwiseRows
    return _ScaledRows if isinstance(layer, Scaling) else _WholeRows
