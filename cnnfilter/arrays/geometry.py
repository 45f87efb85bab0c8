"""Geometry of sliding windows: padding, output sizes, the pixels of each window.

An axis of ``length`` pixels, padded by ``before`` and ``after``, is covered by
``count`` windows that start ``stride`` apart. A window has ``size`` taps that
stand ``dilation`` apart, so it reaches over ``dilation * (size - 1) + 1`` pixels.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from cnnfilter.arrays.arguments import choice, integers, pair
from cnnfilter.errors import ArgumentError, ShapeError, brief

#: The shape of an image or feature map: (height, width) or (height, width, channels).
Shape = tuple[int, ...]
#: A value's index into a map, (row, column) or (row, column, channel), or into a vector, (index,).
Place = tuple[int, ...]
#: Rows before and after an image, then columns: ((top, bottom), (left, right)), as NumPy pads.
Sides = tuple[tuple[int, int], tuple[int, int]]
#: A mode's name, or rows and columns to add, as numbers or text.
Padding = str | int | tuple[int, ...] | Sides

PADDINGS = ("valid", "same", "same-lower", "full")


class Region(NamedTuple):
    """A part of a map: its first and last row, and its first and last column.

    A vector is one row, whose columns are its indices.
    """

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def all_of(cls, shape: Shape) -> "Region":
        """Return all of a map.

        Examples
        --------
        >>> Region.all_of((4, 5, 3)), Region.all_of((7,))
        (Region(top=0, bottom=3, left=0, right=4), Region(top=0, bottom=0, left=0, right=6))
        """
        height, width = (1, shape[0]) if len(shape) == 1 else shape[:2]
        return cls(0, height - 1, 0, width - 1)

    @classmethod
    def at(cls, place: Place) -> "Region":
        """Return the region that is one place."""
        row, column = (0, place[0]) if len(place) == 1 else place[:2]
        return cls(row, row, column, column)


@dataclass(frozen=True)
class Axis:
    """One axis of an image with the windows that cover it."""

    length: int
    size: int
    stride: int
    dilation: int
    before: int
    after: int
    count: int

    @property
    def extent(self) -> int:
        """Pixels from a window's first tap to its last."""
        return self.dilation * (self.size - 1) + 1

    def taps(self, tap: int) -> slice:
        """Return the places of one tap of every window."""
        first = tap * self.dilation
        return slice(first, first + (self.count - 1) * self.stride + 1, self.stride)

    def places(self, window: int) -> range:
        """Return the places of a window's taps.

        Examples
        --------
        >>> axis = Axis(length=4, size=3, stride=2, dilation=1, before=1, after=1, count=2)
        >>> list(axis.places(0)), list(axis.places(1))
        ([-1, 0, 1], [1, 2, 3])
        """
        first = window * self.stride - self.before
        return range(first, first + self.extent, self.dilation)

    def meeting(self, tap: int) -> tuple[slice, slice]:
        """Return the windows with this tap on the image.

        Examples
        --------
        >>> Axis(length=4, size=3, stride=2, dilation=1, before=1, after=1, count=2).meeting(0)
        (slice(1, 2, None), slice(1, 2, 2))
        """
        offset = tap * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.count - 1, (self.length - 1 - offset) // self.stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        start, end = first * self.stride + offset, last * self.stride + offset
        return slice(first, last + 1), slice(start, end + 1, self.stride)

    def under(self, windows: slice) -> slice:
        """Return the places of the padded axis under some windows.

        Examples
        --------
        >>> axis = Axis(length=4, size=3, stride=2, dilation=1, before=1, after=1, count=2)
        >>> axis.under(slice(1, 2))
        slice(2, 5, None)
        """
        return slice(windows.start * self.stride, (windows.stop - 1) * self.stride + self.extent)

    @property
    def covered(self) -> slice | None:
        """Pixels of the only, undilated window."""
        if self.count > 1 or self.dilation > 1:
            return None
        return slice(max(0, -self.before), max(0, self.size - self.before))

    def part(self, first: int, count: int) -> "Axis":
        """Return the axis of `count` windows, from number `first` on."""
        return replace(self, before=self.before - first * self.stride, count=count)


class Sliding(NamedTuple):
    """How windows slide over an image, whatever their size.

    Attributes
    ----------
    stride, dilation : (int, int)
        Vertical, then horizontal.
    padding : str or ((int, int), (int, int))
        One of `PADDINGS`, or rows and columns to add: ((top, bottom), (left, right)).
    """

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str | Sides = "valid"

    @classmethod
    def of(cls, stride: object, dilation: object, padding: object) -> "Sliding":
        """Read the arguments of a layer.

        Examples
        --------
        >>> Sliding.of("2x1", 1, "1,0")
        Sliding(stride=(2, 1), dilation=(1, 1), padding=((1, 1), (0, 0)))
        """
        return cls(pair("stride", stride), pair("dilation", dilation), read_padding(padding))

    @property
    def pads(self) -> bool:
        """Test whether it may add rows or columns."""
        return self.padding not in ("valid", ((0, 0), (0, 0)))

    def window(
        self, size: tuple[int, int], *, ceil_mode: bool = False, name: str = "kernel"
    ) -> "Window":
        """Return a window of this size that slides so.

        Examples
        --------
        >>> [axis.count for axis in Sliding((2, 2)).window((3, 3)).axes((16, 15))]
        [7, 7]
        """
        return Window(size, self.stride, self.dilation, self.padding, ceil_mode, name)


class Grid(NamedTuple):
    """The pixels of a result on its input, by axis: down, across.

    Attributes
    ----------
    steps : (float, float)
        Pixels of the input from one of the result to the next.
    starts : (float, float)
        Where the result's first edge lies, in pixels of the input.
    """

    steps: tuple[float, float] = (1, 1)
    starts: tuple[float, float] = (0, 0)

    def then(self, later: "Grid") -> "Grid":
        """Return the grid of a result of this result.

        Examples
        --------
        >>> Grid((2, 2), (1, 0)).then(Grid((3, 1), (1, 5)))
        Grid(steps=(6, 2), starts=(3, 10))
        """
        down, across = (
            (step * inner, start + step * place)
            for step, start, inner, place in zip(*self, *later, strict=True)
        )
        return Grid((down[0], across[0]), (down[1], across[1]))


#: The grid of a result whose pixels are the input's.
SAME_PLACE = Grid()


class Window(NamedTuple):
    """A sliding window of some size, for any image.

    Attributes
    ----------
    size : (int, int)
        Height and width.
    stride, dilation, padding
        As in `Sliding`.
    ceil_mode : bool
        Keep the last, partial window.
    name : str
        The window's name in errors.
    """

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str | Sides = "valid"
    ceil_mode: bool = False
    name: str = "kernel"

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of a window, with dilation."""
        (height, width), (down, across) = self.size, self.dilation
        return down * (height - 1) + 1, across * (width - 1) + 1

    def grid(self, shape: Shape) -> Grid:
        """Return the result's pixels on an image: each in the middle of its window.

        Examples
        --------
        >>> Window((3, 3), (2, 2)).grid((16, 15))
        Grid(steps=(2, 2), starts=(0.5, 0.5))
        """
        down, across = self.axes(shape)
        starts = [(axis.extent - axis.stride) / 2 - axis.before for axis in (down, across)]
        return Grid((down.stride, across.stride), (starts[0], starts[1]))

    def axes(self, shape: Shape) -> tuple[Axis, Axis]:
        """Return the windows over an image, by axis.

        Raises
        ------
        ShapeError
            If no window fits.

        Examples
        --------
        >>> [axis.count for axis in Window((3, 3), (2, 2)).axes((16, 15))]
        [7, 7]
        """
        check_map(shape)
        return _axis(self, shape[0], 0), _axis(self, shape[1], 1)

    def padded(self, length: int, extent: int, direction: int) -> tuple[int, int]:
        """Return the pixels to add before and after an axis."""
        if not isinstance(self.padding, str):
            return self.padding[direction]
        if self.padding == "valid":
            return 0, 0
        if self.padding == "full":
            return extent - 1, extent - 1
        stride = self.stride[direction]
        count = -(-length // stride)
        total = max(0, (count - 1) * stride + extent - length)
        less, more = total // 2, total - total // 2
        return (less, more) if self.padding == "same" else (more, less)

    def misfit(self, length: int, before: int, after: int, direction: int) -> str:
        """Return the message for an axis that is too short."""
        extent, size = self.extent[direction], self.size[direction]
        added = f"2*{before}" if before == after else f"{before} + {after}"
        reach = f"{extent}" if extent == size else f"{extent}, {size} dilated"
        larger = ("higher", "wider")[direction]
        padded = " with its padding" if before or after else ""
        return (
            f"the {self.name} ({reach}) is {larger} than the image ({length}){padded}, "
            f"{length} + {added} - {extent} < 0; use a smaller {self.name}, or padding same"
        )


@lru_cache
def _axis(window: Window, length: int, direction: int) -> Axis:
    """Return a window's places on an axis, from the cache if known."""
    size, stride, dilation = (
        of_both[direction] for of_both in (window.size, window.stride, window.dilation)
    )
    extent = dilation * (size - 1) + 1
    before, after = window.padded(length, extent, direction)
    room = length + before + after - extent
    count = room // stride + 1
    if window.ceil_mode:
        count = -(-room // stride) + 1
        if (count - 1) * stride >= length + before:
            count -= 1
    if count < 1:
        raise ShapeError(window.misfit(length, before, after, direction))
    return Axis(length, size, stride, dilation, before, after, count)


def check_map(shape: Shape) -> None:
    """Raise ShapeError for a vector."""
    if len(shape) < 2:
        raise ShapeError(f"a vector, {shape}, has no rows and columns; this step takes a map")


def read_padding(padding: object) -> str | Sides:
    """Read a padding: a mode, N, (vertical, horizontal), or four amounts.

    Four are (top, bottom, left, right), or as NumPy has them, ((top, bottom), (left, right)).

    Examples
    --------
    >>> read_padding("same"), read_padding("1,2"), read_padding((1, 2, 3, 4))
    ('same', ((1, 1), (2, 2)), ((1, 2), (3, 4)))
    """
    if isinstance(padding, str) and padding[:1].isalpha():
        return choice("padding", padding, PADDINGS)
    match padding:
        case ((top, bottom), (left, right)):
            padding = (top, bottom, left, right)
    match integers("padding", padding, 0, "two or four such as 1,2"):
        case (all_sides,):
            return (all_sides, all_sides), (all_sides, all_sides)
        case (vertical, horizontal):
            return (vertical, vertical), (horizontal, horizontal)
        case (top, bottom, left, right):
            return (top, bottom), (left, right)
    raise ArgumentError(
        f"padding '{brief(padding)}' has the wrong number of values; "
        "write N, VERTICAL,HORIZONTAL or TOP,BOTTOM,LEFT,RIGHT"
    )
