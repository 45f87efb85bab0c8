"""Turning an image into its negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.geometry import Place
from cnnfilter.arrays.patches import border
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.errors import ShapeError
from cnnfilter.layers.base import Layer, RowsFrom
from cnnfilter.layers.declaration import Argument, functional

if TYPE_CHECKING:
    from cnnfilter.layers.explanation import Mapped
    from cnnfilter.layers.records import InversionRecord

WHEN = ("yes", "no", "auto")


class Inversion(Layer):
    """Turn an image into its negative, always or where its border is bright.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C).
    when : {"yes", "no", "auto"}
        ``auto`` inverts where more than half of the border's values are nearer to the
        brightest than to the darkest: ink on paper becomes light on dark, as networks
        that read handwriting expect.

    Returns
    -------
    ndarray
        255 - x for integers, 65535 - x for 16-bit images, 1 - x for floats. The same
        shape, (H, W) or (H, W, C), and dtype.

    Raises
    ------
    ShapeError
        If values lie outside 0 and that maximum.

    Examples
    --------
    >>> paper = np.full((3, 3), 250, np.uint8)
    >>> paper[1, 1] = 10
    >>> invert(paper, "auto")
    array([[  5,   5,   5],
           [  5, 245,   5],
           [  5,   5,   5]], dtype=uint8)
    """

    #: The white of integers; None for their type's.
    white: int | None = None

    def __init__(self, when: Annotated[str | bool, Argument(choices=WHEN)] = "yes") -> None:
        if isinstance(when, bool):  # as TOML has it
            when = "yes" if when else "no"
        self.when = choice("when", when, WHEN)

    def __call__(self, image: ArrayLike) -> Array:
        array = as_image(image)
        if self.when == "no" or (self.when == "auto" and not _has_bright_border(array)):
            return array
        top = self._top(array)
        holds = array.dtype.kind == "f" or np.iinfo(array.dtype).max >= top
        if not holds or array.min() < 0 or array.max() > top:
            raise ShapeError(
                f"invert takes values from 0 to {top:g}, these ({array.dtype}) are from "
                f"{array.min():g} to {array.max():g}; put scale minmax before it"
            )
        return array.dtype.type(top) - array

    def _top(self, values: Array) -> float:
        """Return the value that becomes 0."""
        return 1.0 if values.dtype.kind == "f" else self.white or full_scale(values)

    def with_white(self, white: int) -> Self:
        """Return the layer that subtracts from this number."""
        return self.replaced(white=white)

    formula = "largest - x"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> Mapped:
        """Return whether a value was inverted: its row decides, or the whole image."""
        from cnnfilter.layers.explanation import Mapped, value_at

        x = value_at(before, at)
        if self.depends_on_all:
            inverted = value_at(self(before), at)
        else:
            inverted = value_at(self(before[at[0] : at[0] + 1]), (0, *at[1:]))
        return Mapped(x, "x, as it is" if x == inverted else f"{x + inverted:.6g} - x")

    @property
    def depends_on_all(self) -> bool:
        """Test whether the border decides if it inverts."""
        return self.when == "auto"

    @property
    def rows_from(self) -> RowsFrom:
        """The same row; all if the border decides."""
        return "all" if self.depends_on_all else "row"

    def record_of_values(self, before: Array, after: Array) -> InversionRecord:
        """Return the factor and the offset that were applied."""
        factor, offset = (1.0, 0.0) if np.array_equal(before, after) else (-1.0, self._top(before))
        return {
            "kind": "affine", "center": [0.0], "factor": [factor], "offset": [offset],
            "follows": not self.depends_on_all,
        }  # fmt: skip


def _has_bright_border(image: Array) -> bool:
    middle = (float(image.min()) + float(image.max())) / 2
    return bool(np.median(border(image)) > middle)


invert = functional(Inversion, "invert")
