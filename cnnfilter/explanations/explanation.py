"""What an explanation says: one value, and how it came about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.steps.step import Step

#: A row, a column and, of several channels, which: from 0; or a vector's index alone.
Place = tuple[int, ...]


class Region(NamedTuple):
    """A part of a map: its first and last row, and its first and last column.

    Of a vector, which is one row, the columns are indices.
    """

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def all_of(cls, shape: Shape) -> "Region":
        """Give all of a map.

        Examples
        --------
        >>> Region.all_of((4, 5, 3)), Region.all_of((7,))
        (Region(top=0, bottom=3, left=0, right=4), Region(top=0, bottom=0, left=0, right=6))
        """
        height, width = lengths(shape)
        return cls(0, height - 1, 0, width - 1)


def lengths(shape: Shape) -> tuple[int, int]:
    """Give a map's rows and columns; a vector is one row."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])


@dataclass(frozen=True, eq=False)
class Patch:
    """What lies under a window, of one channel.

    Attributes
    ----------
    channel : str
    rows, columns : sequence of int
        Where the window's taps stand, counted from the map's first pixel.
    values : ndarray
        Shape (kH, kW), float64; where a tap stands on padding, what that is filled with.
    inside : ndarray of bool
        Which taps stand on the map.
    """

    channel: str
    rows: Sequence[int]
    columns: Sequence[int]
    values: Array
    inside: Array


@dataclass(frozen=True, eq=False)
class Term:
    """A patch times a kernel."""

    patch: Patch
    weights: Array

    @property
    def products(self) -> Array:
        """Shape (kH, kW)."""
        return self.patch.values * self.weights

    @property
    def sum(self) -> float:
        """All products added up."""
        return float(self.products.sum())


@dataclass(frozen=True, eq=False)
class KernelSum:
    """One kernel's value: its terms, one for each channel that it sees, and its bias.

    Attributes
    ----------
    kernel : str
    terms : tuple of Term
    bias : float or None
    """

    kernel: str
    terms: tuple[Term, ...]
    bias: float | None

    @property
    def sum(self) -> float:
        """All terms added up."""
        return sum(term.sum for term in self.terms)

    @property
    def value(self) -> float:
        """The sum with the bias."""
        return self.sum + (self.bias or 0.0)


@dataclass(frozen=True, eq=False)
class Convolved:
    """A convolution: of one kernel, or of several that are combined."""

    sums: tuple[KernelSum, ...]
    combine: str | None


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pooling window.

    Attributes
    ----------
    patch : Patch
    mode : str
    won : ndarray of bool
        Which values the result is, or lies between; none, where all count.
    words : str
        How the value comes about.
    """

    patch: Patch
    mode: str
    won: Array
    words: str


@dataclass(frozen=True)
class Mapped:
    """A function of the one value that stands at the same place.

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
    """What one value adds: value times weight.

    Attributes
    ----------
    name : str
    value : float
    weight : float
    share : float
        What it comes to.
    """

    name: str
    value: float
    weight: float
    share: float


@dataclass(frozen=True)
class Weighed:
    """A sum of values with weights, or a share of such a sum, the largest first.

    Attributes
    ----------
    contributions : tuple of Contribution
        All of them.
    bias : float or None
    words : str
        How the value comes about.
    headings : tuple of str
        What the contributions' numbers are.
    """

    contributions: tuple[Contribution, ...]
    bias: float | None
    words: str
    headings: tuple[str, str, str]


@dataclass(frozen=True)
class Taken:
    """A value that comes from elsewhere as it is, or in a way that is told in words alone."""

    words: str


Detail = Convolved | Pooled | Mapped | Weighed | Taken


@dataclass(frozen=True)
class Stored:
    """A value as a picture stores it.

    Attributes
    ----------
    pixel : int
    range : str
    clipped : bool
    """

    pixel: int
    range: str
    clipped: bool


@dataclass(frozen=True, eq=False)
class Explanation:
    """One value of a step's result.

    Attributes
    ----------
    number : int
        The step's, from 1.
    step : Step
    at : tuple of int
        The value's place.
    place : str
        The same in words.
    shape : tuple of int
        The result's.
    value : float
        As the step computed it.
    detail : Detail
        How it came about.
    seen : tuple of Region or None
        What of the pipeline's input it sees, of each step's result on the way, and last of
        what its own step took; None for padding alone.
    inputs : tuple of tuple of int
        The shapes of these.
    picture : Region or None
        What of the picture that was prepared it sees; None where that was not.
    leaning : tuple of str
        Steps on the way that depend on all of the picture, such as by its highest value.
    stored : Stored or None
        As a picture would store it.
    """

    number: int
    step: Step
    at: Place
    place: str
    shape: Shape
    value: float
    detail: Detail
    seen: tuple[Region | None, ...]
    inputs: tuple[Shape, ...]
    picture: Region | None
    leaning: tuple[str, ...]
    stored: Stored | None


def nowhere(values: Array) -> Array:
    """Mark no value of a patch."""
    return np.zeros(values.shape, bool)


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
