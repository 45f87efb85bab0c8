"""The maps of a pipeline by rows, so that none is held as a whole.

What is drawn of a photograph is small; the float maps on the way to it are large. A map here
is a chain of layers above an image: some of its rows need some rows of the map before, and
these some of the one before that.

Values equal those of the whole map bit for bit. Convolution and pooling are computed in strips,
which begin where the whole map's tiles do, and the lowest and highest value of all choose the
type to compute in.

Memory, next to the image: about `rows.BAND` bytes, and a strip of each layer. A map is held
where its layer needs the whole map before it (flattening; functions of wide integers, whose
highest value decides the type), and where it takes at most `HELD` bytes. Of a map to be resized,
one channel is held, or a few small ones.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import ParamSpec, TypeVar

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import Strips
from cnnfilter.arrays.rows import HeldRows, Rows
from cnnfilter.errors import CnnFilterError
from cnnfilter.layers.base import RowsFrom
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.steps.step import Step, in_step

P = ParamSpec("P")
T = TypeVar("T")

#: A map of at most so many bytes is held.
HELD = 8 * 2**20


class _LayerRows(Rows):
    """A layer's result.

    Parameters
    ----------
    steps, number, kind
        The steps, and the number of the layer's, from 1; see `in_step`.
    before : Rows
        The layer's input.
    """

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        self.layer = steps[number - 1].layer
        self.before = before
        self._place = (steps, number, kind)
        with in_step(*self._place):
            self.shape = self.layer.output_shape(before.shape)

    def _applied(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Apply a function of the layer to a band."""
        try:
            with np.errstate(all="ignore"):
                return function(*arguments, **named)
        except CnnFilterError as error:
            before = self.before.whole()
            with in_step(*self._place), np.errstate(all="ignore"):
                self.layer(before)  # its error counts all values, not those of a band
                raise error

    @cached_property
    def _held(self) -> Array:
        """The whole result."""
        return self._applied(self.layer.on_rows, self.before)


class _WholeRows(_LayerRows):
    """A layer's result that is computed as a whole, when it is first needed, and held."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = 8 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self._held[first:stop]

    def rows(self, first: int, stop: int) -> Array:
        """Return some of the rows, as a view."""
        return self.compute(first, stop)


class _BandRows(_LayerRows):
    """A result of which each row depends on the same row before."""

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        self.row_bytes = before.row_bytes + 4 * prod(self.shape[1:])

    def compute(self, first: int, stop: int) -> Array:
        """Return the result of these rows."""
        band = self.before.rows(first, stop)
        if band.dtype.kind in "iu" and band.dtype.itemsize > 2:
            return self._held[first:stop]  # which float type holds them depends on all
        return self._applied(self.layer.on_band, band, self.before)


class _WindowRows(_LayerRows):
    """A result of windows, in strips that begin where the tiles of the whole do.

    The last strip is kept: rows are mostly needed from top to bottom.
    """

    def __init__(self, steps: Sequence[Step], number: int, kind: str, before: Rows) -> None:
        super().__init__(steps, number, kind, before)
        window = self.layer.window_for(before.shape)
        stride = 1 if window is None else window.stride[0]
        self.row_bytes = stride * before.row_bytes + 4 * prod(self.shape[1:])
        self._last: dict[int, tuple[int, Array]] = {}

    @cached_property
    def _parts(self) -> tuple[Rows, list[Strips]]:
        """The map under the windows, and adjacent strips."""
        return self._applied(self.layer.strips, self.before)

    def compute(self, first: int, stop: int) -> Array:
        """Return some rows, cut from their strips."""
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
        """Return the strip that begins at a row."""
        if index not in self._last or self._last[index][0] != top:
            taken, parts = self._parts
            strips = parts[index]
            rows = slice(top, min(top + strips.height, self.shape[0]))
            under = strips.under(rows)
            pixels = taken.rows(under.start, under.stop)
            self._last[index] = top, self._applied(strips.compute, rows, pixels)
        return self._last[index][1]


def rows_of(pipeline: Pipeline, image: Array) -> list[Rows]:
    """Return the maps of a pipeline as rows.

    Parameters
    ----------
    pipeline : Pipeline
    image : ndarray
        Shape (H, W) or (H, W, C).

    Raises
    ------
    ShapeError
        If a step cannot take its input; other errors are raised with the rows.

    Examples
    --------
    >>> maps = rows_of(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
    >>> [each.shape for each in maps]
    [(6, 6), (4, 4), (2, 2)]
    """
    return traced_rows(pipeline, image)[1]


def traced_rows(pipeline: Pipeline, image: Array) -> tuple[list[Rows], list[Rows]]:
    """Return the preparation's results, then the steps'."""
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
    rows_from = "all" if len(before.shape) == 1 else steps[number - 1].layer.rows_from
    result = _ROWS[rows_from](steps, number, kind, before)
    is_small = 8 * prod(result.shape) <= HELD and not isinstance(result, _WholeRows)
    return _WholeRows(steps, number, kind, before) if is_small else result


#: How a result's rows are computed, by the part of the input that they need.
_ROWS: dict[RowsFrom, type[_LayerRows]] = {
    "row": _BandRows,
    "windows": _WindowRows,
    "all": _WholeRows,
}
