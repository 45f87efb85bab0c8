"""The base of all layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.geometry import SAME_PLACE, Grid, Place, Region, Shape, Window
from cnnfilter.arrays.quantize import PixelWriter

if TYPE_CHECKING:
    from cnnfilter.arrays.buffers import Strips
    from cnnfilter.arrays.rows import Rows
    from cnnfilter.arrays.visibility import Visibility
    from cnnfilter.layers.explanation import Detail
    from cnnfilter.layers.records import Record, ValuesRecord

#: A row of a result needs the input's same row, the rows under its windows, or all.
RowsFrom = Literal["row", "windows", "all"]


class Layer(ABC):
    """An operation with its arguments checked, ready for any number of images.

    The defaults suit element-wise layers without weights; other layers override them.
    """

    #: Whether its result is always a vector.
    gives_vector = False
    #: Whether its values mix those of several pixels, which count as they are visible.
    mixes_pixels = False
    #: How much each pixel of its input counts; None for all alike.
    visibility: Visibility | None = None

    # Without it, the signature of a layer without arguments takes 5 ms to find.
    def __init__(self) -> None:  # noqa: B027
        """Set nothing: other layers declare arguments."""

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({own})"

    def replaced(self, **attributes: object) -> Self:
        """Return a copy with other attributes, which are not checked again."""
        layer, kind = copy(self), type(self)
        for name in [*vars(layer)]:
            if isinstance(getattr(kind, name, None), cached_property):
                del vars(layer)[name]
        vars(layer).update(attributes)
        return layer

    @abstractmethod
    def __call__(self, image: ArrayLike) -> Array:
        """Compute the result for an image."""

    def stored(self, image: ArrayLike, writer: PixelWriter) -> Array:
        """Compute the result as a picture stores it."""
        return writer.take(self(image))

    def stores_tiles(self, image: Array) -> bool:
        """Return whether `stored` holds no more values than a tile's."""
        return False

    @property
    def maps_apart(self) -> int:
        """Number of feature maps that `stored` can compute one by one; 0 if it cannot."""
        return 0

    @property
    def notes(self) -> Sequence[str]:
        """Notes for the person who typed its arguments."""
        return ()

    @property
    def parameters(self) -> int:
        """Number of learned values: weights, biases, statistics."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:
        """Return the number of multiply-adds for an input of this shape."""
        return 0

    def output_shape(self, shape: Shape) -> Shape:
        """Return the result's shape, or raise ShapeError."""
        return shape

    def output_dtype(self, image: Array) -> DType:
        """Return the result's dtype for an image, of which one pixel is enough."""
        pixel = image[:1] if image.ndim == 1 else image[:1, :1]
        # The values of wide integers can decide it; floats are not all taken by every layer.
        return self(np.zeros_like(pixel) if pixel.dtype.kind == "f" else pixel).dtype

    def window_for(self, shape: Shape) -> Window | None:
        """Return the window under an output value; None if that is its own pixel."""
        return None

    def sees_all(self, shape: Shape) -> bool:
        """Return whether every output value depends on all of an input of this shape."""
        return False

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the feature maps, from those before; none for an image."""
        return tuple(before)

    def carry_alpha(self, alpha: Array, opaque: float) -> Array | None:
        """Return the result's alpha; None if it has none.

        Parameters
        ----------
        alpha : ndarray
            Shape (H, W).
        opaque : number
            The alpha of what is opaque, whatever the type.
        """
        return alpha

    def weighted_by(self, alpha: Array, opaque: float) -> Self:
        """Return the layer for inputs with an alpha."""
        from cnnfilter.arrays.visibility import Visibility  # few images have alpha

        visibility = Visibility.of(alpha, opaque) if self.mixes_pixels else None
        return self if visibility is None else self.replaced(visibility=visibility)

    def with_white(self, white: int) -> Self:
        """Return the layer for integers whose white is this number, not their type's."""
        return self

    def grid(self, shape: Shape) -> Grid | None:
        """Return where the result's pixels lie on the input; None if nowhere."""
        window = self.window_for(shape)
        if window is not None:
            return window.grid(shape)
        return SAME_PLACE if self.output_shape(shape)[:2] == shape[:2] else None

    @property
    @abstractmethod
    def formula(self) -> str:
        """One value of the result, as a formula of x or of the values under a window."""

    @abstractmethod
    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Detail:
        """Return how one value of the result is computed.

        Parameters
        ----------
        before : ndarray
            The input.
        at : tuple of int
            The value's place in the result.
        names : sequence of str
            Names of the input's feature maps, or of each value of a vector.
        """

    def region_before(self, region: Region, shape: Shape) -> Region | None:
        """Return the region of the input that a region of the result depends on.

        None if that is padding alone. The shape is the input's.
        """
        return Region.all_of(shape) if self.sees_all(shape) else region

    @property
    def depends_on_all(self) -> bool:
        """Test whether the whole input decides, for example by its maximum."""
        return False

    @property
    def rows_from(self) -> RowsFrom:
        """The part of the input that a row of the result needs."""
        return "all"

    def on_rows(self, before: Rows) -> Array:
        """Compute the result of an input that comes by rows."""
        return self(before.whole())

    def on_band(self, band: Array, before: Rows) -> Array:
        """Compute some rows of the result, from the same rows of the input.

        For layers with ``rows_from == "row"``.
        """
        return self(band)

    def strips(self, before: Rows) -> tuple[Rows, list[Strips]]:
        """Return the map under the windows, and the result in strips.

        For layers with ``rows_from == "windows"``: strips of each part of the channels.
        """
        raise NotImplementedError

    def record(self, shape: Shape) -> Record:
        """Return the numbers from which the page computes the layer."""
        return {"kind": "other"}

    def record_of_values(self, before: Array, after: Array) -> ValuesRecord | Mapping[str, object]:
        """Return the numbers for the page that depend on values."""
        return {}
