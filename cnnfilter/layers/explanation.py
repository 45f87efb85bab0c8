"""How one value of a layer's result is computed, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.borders import pixels_under
from cnnfilter.arrays.geometry import Axis, Place


@dataclass(frozen=True, eq=False)
class Patch:
    """The values under a window, in one channel.

    Attributes
    ----------
    channel : str
    rows, columns : sequence of int
        Where the window's taps are, counted from the map's first pixel.
    values : ndarray
        Shape (kH, kW), float64; on padding, the value that it is filled with, or NaN.
    inside : ndarray of bool
        Whether each tap is on the map.
    """

    channel: str
    rows: Sequence[int]
    columns: Sequence[int]
    values: Array
    inside: Array

    @classmethod
    def under(
        cls, plane: Array, axes: tuple[Axis, Axis], at: Place, channel: str, border: str | None
    ) -> Patch:
        """Return the patch of a channel under the window at a place.

        Parameters
        ----------
        plane : ndarray
            The channel, shape (H, W).
        axes : (Axis, Axis)
            Vertical and horizontal.
        at : tuple of int
            The window's place in the result.
        channel : str
        border : str or None
            The values of padding; None if it has none.
        """
        (rows, own_rows, real_rows), (columns, own_columns, real_columns) = (
            _taps(axis, window, border) for axis, window in zip(axes, at[:2], strict=True)
        )
        inside = np.logical_and.outer(real_rows, real_columns)
        values = plane[np.ix_(own_rows, own_columns)].astype(np.float64)
        if border in (None, "zero"):
            values[~inside] = np.nan if border is None else 0
        return cls(channel, rows, columns, values, inside)


def _taps(axis: Axis, window: int, border: str | None) -> tuple[range, Array, Array]:
    """Return a window's places, the pixels there, and whether each is on the map."""
    places = axis.places(window)
    taps = np.array(places)
    real = (taps >= 0) & (taps < axis.length)
    filled = pixels_under(axis, border or "zero")
    pixels = taps.clip(0, axis.length - 1) if filled is None else filled[taps + axis.before]
    return places, pixels, real


@dataclass(frozen=True, eq=False)
class Term:
    """A patch times a kernel."""

    patch: Patch
    weights: Array

    @property
    def products(self) -> Array:
        """Patch times weights: shape (kH, kW)."""
        return self.patch.values * self.weights

    @property
    def sum(self) -> float:
        """Sum of the products."""
        return float(self.products.sum())


@dataclass(frozen=True, eq=False)
class KernelSum:
    """One kernel's value: a term for each of its input channels, and its bias."""

    kernel: str
    terms: tuple[Term, ...]
    bias: float | None

    @property
    def sum(self) -> float:
        """Sum of all terms."""
        return sum(term.sum for term in self.terms)

    @property
    def value(self) -> float:
        """Sum plus bias."""
        return self.sum + (self.bias or 0.0)


@dataclass(frozen=True, eq=False)
class Convolved:
    """A convolution with one kernel, or with several that are combined.

    Attributes
    ----------
    sums : tuple of KernelSum
    combine : str or None
    by_alpha : bool
        Whether weights are those that alpha leaves.
    """

    sums: tuple[KernelSum, ...]
    combine: str | None
    by_alpha: bool = False


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pooling window.

    Attributes
    ----------
    patch : Patch
    mode : str
    won : ndarray of bool
        The values that the result is, or lies between; none where all count.
    words : str
        How the value is computed.
    """

    patch: Patch
    mode: str
    won: Array
    words: str


@dataclass(frozen=True)
class Mapped:
    """A function of the one value at the same place.

    Attributes
    ----------
    before : float
    words : str
        The function, of x.
    """

    before: float
    words: str


@dataclass(frozen=True)
class Contribution:
    """One value's share of a sum.

    Attributes
    ----------
    name : str
    value : float
    weight : float
    share : float
        The product, or the probability.
    """

    name: str
    value: float
    weight: float
    share: float


@dataclass(frozen=True)
class Weighed:
    """A weighted sum of values, or a share of such a sum.

    Attributes
    ----------
    contributions : tuple of Contribution
        All of them, the largest first.
    bias : float or None
    words : str
        How the value is computed.
    headings : tuple of str
        Titles of the contributions' numbers.
    """

    contributions: tuple[Contribution, ...]
    bias: float | None
    words: str
    headings: tuple[str, str, str]


@dataclass(frozen=True)
class Taken:
    """A value that comes from elsewhere unchanged, or is explained by words alone."""

    words: str


Detail = Convolved | Pooled | Mapped | Weighed | Taken


def value_at(values: Array, at: Place) -> float:
    """Return the value at a place; a map of one channel may lack that axis."""
    value: float = values[at[: values.ndim]].item()
    return value


def contributions(
    names: Sequence[str], values: Array, weights: Array, shares: Array
) -> tuple[Contribution, ...]:
    """Return named contributions, the largest first."""
    numbers = np.stack([values, weights, shares], axis=1).tolist()
    order = np.argsort(-np.abs(shares), kind="stable").tolist()
    return tuple(Contribution(names[index], *numbers[index]) for index in order)


def place_text(at: Place, names: Sequence[str] = ()) -> str:
    """Write a place as people do.

    Examples
    --------
    >>> place_text((3, 5)), place_text((7,)), place_text((3, 5, 1), ("n", "s"))
    ('row 3, column 5', 'index 7', 'row 3, column 5, channel 1 (s)')
    """
    if len(at) == 1:
        return f"index {at[0]}"
    words = f"row {at[0]}, column {at[1]}"
    if len(at) < 3:
        return words
    return f"{words}, channel {at[2]}" + (f" ({names[at[2]]})" if names else "")
