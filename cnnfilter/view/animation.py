"""Animations: a window slides over its input while the output fills."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import is_finite
from cnnfilter.arrays.geometry import Axis, Shape, Window
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.arrays.rows import Rows, as_rows
from cnnfilter.text import printable
from cnnfilter.view.canvas import (
    BLACK,
    GREY,
    PALE,
    Canvas,
    Palette,
    enlarged,
    fitted,
    ink,
    reduced,
    reduced_size,
    text_width,
)
from cnnfilter.view.colours import Look, Scale, picture, word

#: Pixels: the longer side of a panel, the space around it, and a kernel's cells.
_SIDE, _MARGIN, _GAP, _LINE, _KERNEL = 352, 14, 28, 20, 34
#: Sides of cells: the smallest that holds a number, and the largest.
_READABLE, _MAX_CELL = 22, 44
_FRAMES = 150
#: Milliseconds: all frames but the last together; the most and least of one; the last.
_ALL, _LONGEST, _SHORTEST, _LAST = 14_000, 350, 60, 1500
_WINDOW = (230, 110, 0)
_MAX_KERNEL = 7


def animation(
    before: Array | Rows,
    after: Array | Rows,
    window: Window,
    *,
    title: str,
    weights: Array | None = None,
) -> tuple[list[Array], list[int]]:
    """Draw a window that slides over an input.

    Parameters
    ----------
    before : ndarray or Rows
        The step's input: shape (H, W) or (H, W, C). Three channels are drawn as colours, of
        other numbers of channels the first.
    after : ndarray or Rows
        The step's output: shape (H', W') or (H', W', C'). Rows are read twice, and never held
        as a whole.
    window : Window
    title : str
    weights : ndarray, optional
        A kernel, shape (kH, kW), to draw as well if it is small.

    Returns
    -------
    frames : list of ndarray
        uint8, shape (h, w, 3), in few colours: one for each window, or 150 evenly chosen ones.
    durations : list of int
        Milliseconds of each frame.

    Examples
    --------
    >>> frames, durations = animation(
    ...     np.eye(4), np.eye(2), Window((2, 2), (2, 2)), title="pool 2"
    ... )
    >>> len(frames), durations
    (4, [350, 350, 350, 1500])
    """
    axes = window.axes(before.shape)
    scene = _Scene.of(as_rows(before), as_rows(after), axes, title, weights)
    count = axes[0].count * axes[1].count
    chosen = np.unique(np.linspace(0, count - 1, min(count, _FRAMES)).astype(int)).tolist()
    # A finished frame and one that still has its background.
    palette = Palette(np.concatenate([scene.drawn(count - 1), scene.drawn(count // 2)]))
    frames = [palette(scene.drawn(number)) for number in chosen]
    duration = int(min(_LONGEST, max(_SHORTEST, _ALL / len(frames))))
    return frames, [*[duration] * (len(frames) - 1), _LAST]


@dataclass(frozen=True, eq=False)
class _Panel:
    """A map as it is drawn, and the side of its cells."""

    pixels: Array
    cell: float

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True, eq=False)
class _Scene:
    """The static part of all frames, and the places of the moving parts."""

    still: Array
    output: _Panel
    cell: float
    axes: tuple[Axis, Axis]
    result: Rows
    left: tuple[int, int]
    right: tuple[int, int]

    @classmethod
    def of(
        cls,
        before: Rows,
        after: Rows,
        axes: tuple[Axis, Axis],
        title: str,
        weights: Array | None,
    ) -> "_Scene":
        source = _input_panel(before, axes)
        output = _output_panel(after)
        kernel = None if weights is None or max(weights.shape) > _MAX_KERNEL else weights
        middle = 0 if kernel is None else kernel.shape[1] * _KERNEL + _GAP
        top = _MARGIN + _LINE + 6
        height = max(source.size[0], output.size[0], 0 if kernel is None else len(kernel) * _KERNEL)
        x = _MARGIN + source.size[1] + _GAP
        right = top, x + middle
        width = max(right[1] + output.size[1], 360) + _MARGIN
        canvas = Canvas(width, top + height + _LINE + 2 * _MARGIN)
        canvas.text((_MARGIN, _MARGIN), fitted(title, 14, width - 2 * _MARGIN), 14)
        canvas.paste((_MARGIN, top), source.pixels)
        if kernel is not None:
            _draw_kernel(canvas, kernel, (x, top))
        canvas.box((right[1], right[0]), output.size[::-1], outline=GREY, fill=PALE)
        return cls(canvas.pixels, output, source.cell, axes, after, (top, _MARGIN), right)

    def drawn(self, number: int) -> Array:
        """Return the frame of a window."""
        down, across = self.axes
        row, column = divmod(number, across.count)
        pixels = self.still.copy()
        top, left = self.right
        for rows, columns in _filled(row, column, self.output):
            place = (
                slice(top + rows.start, top + rows.stop),
                slice(left + columns.start, left + columns.stop),
            )
            pixels[place] = self.output.pixels[rows, columns]
        canvas = Canvas(pixels.shape[1], pixels.shape[0])
        canvas.paste((0, 0), pixels)
        first_row, first_column = row * down.stride, column * across.stride
        self._outline(canvas, self.left, (first_row, first_column), (down.extent, across.extent))
        self._outline(canvas, self.right, (row, column), (1, 1), self.output.cell)
        value = float(self.result.rows(row, row + 1)[0, column].flat[0])
        words = f"row {row}, column {column}: {word(value)}"
        canvas.text((_MARGIN, pixels.shape[0] - _MARGIN - 14), words, 13, BLACK)
        count = f"{number + 1} of {down.count * across.count}"
        x = pixels.shape[1] - _MARGIN - text_width(count, 12)
        canvas.text((x, pixels.shape[0] - _MARGIN - 13), count, 12, GREY)
        return canvas.pixels

    def _outline(
        self,
        canvas: Canvas,
        corner: tuple[int, int],
        at: tuple[int, int],
        size: tuple[int, int],
        cell: float | None = None,
    ) -> None:
        cell = cell or self.cell
        y, x = (int(start + place * cell) for start, place in zip(corner, at, strict=True))
        height, width = (max(4, round(length * cell)) for length in size)
        canvas.box((x, y), (width, height), outline=_WINDOW, width=2)


def _input_panel(before: Rows, axes: tuple[Axis, Axis]) -> _Panel:
    """Draw the input with the padding that windows reach."""
    down, across = (
        (axis.before, max(0, (axis.count - 1) * axis.stride + axis.extent - axis.before - length))
        for axis, length in zip(axes, before.shape, strict=False)
    )
    width = before.shape[1] + sum(across)
    shape = before.shape[0] + sum(down), width
    look = Look.of(before.bands())

    def padded() -> Iterator[Array]:
        yield _pale(down[0], width)
        for band in before.bands():
            rows = _pale(len(band), width)
            rows[:, across[0] : across[0] + band.shape[1]] = look(band)
            yield rows
        yield _pale(down[1], width)

    panel = _panel(shape, padded())
    if before.shape[2:] == (3,) or panel.cell < _READABLE:
        return panel
    values = np.full(shape, np.nan)
    inside = slice(down[0], shape[0] - down[1]), slice(across[0], width - across[1])
    values[inside] = _first(before.whole())
    return _numbered(panel, values)


def _pale(height: int, width: int) -> Array:
    return np.full((height, width, 3), PALE[0], np.uint8)


def _first(map: Array) -> Array:
    """Return the first channel."""
    return map if map.ndim == 2 else map[:, :, 0]


def _output_panel(after: Rows) -> _Panel:
    """Draw a result as stored, or its first map."""
    if after.shape[2:] == (3,) and all(map(is_finite, after.bands())):
        storing = PixelWriter("clip", 8)
        colours = (picture(storing.pixels(band)) for band in after.bands())
    else:
        scale = Scale.of(_first(band) for band in after.bands())
        colours = (scale.colours(_first(band)) for band in after.bands())
    panel = _panel(after.shape, colours)
    return panel if panel.cell < _READABLE else _numbered(panel, _first(after.whole()))


def _panel(shape: Shape, bands: Iterable[Array]) -> _Panel:
    """Enlarge or reduce a map, whose colours come in bands."""
    longest = max(shape[:2])
    small = reduced(bands, shape, reduced_size(shape, _SIDE))
    if longest > _SIDE:
        return _Panel(small, _SIDE / longest)
    cell = min(_MAX_CELL, _SIDE // longest)
    return _Panel(enlarged(small, cell), cell)


def _numbered(panel: _Panel, values: Array) -> _Panel:
    """Write numbers into a panel's cells."""
    cell = int(panel.cell)
    canvas = Canvas(panel.size[1], panel.size[0])
    canvas.paste((0, 0), panel.pixels)
    for row, column in np.ndindex(values.shape[0], values.shape[1]):
        if not np.isnan(values[row, column]):
            red, green, blue = (int(one) for one in panel.pixels[row * cell, column * cell])
            _number(canvas, float(values[row, column]), (row, column), cell, (red, green, blue))
    return _Panel(canvas.pixels, cell)


def _number(
    canvas: Canvas,
    value: float,
    at: tuple[int, int],
    cell: int,
    background: tuple[int, int, int],
    corner: tuple[int, int] = (0, 0),
) -> None:
    """Write a number into its cell, if it fits."""
    text = printable(word(value))
    size = next((size for size in (12, 11, 10, 9, 8) if text_width(text, size) <= cell - 2), None)
    if size is not None:
        y, x = (int(start + (place + 0.5) * cell) for start, place in zip(corner, at, strict=True))
        canvas.text((x, y), text, size, ink(background), "mm")


def _draw_kernel(canvas: Canvas, weights: Array, corner: tuple[int, int]) -> None:
    """Draw a kernel's weights in their cells."""
    x, y = corner
    colours = Scale.of([weights, -weights]).colours(weights)
    canvas.paste((x, y), enlarged(colours, _KERNEL))
    for row, column in np.ndindex(weights.shape[0], weights.shape[1]):
        red, green, blue = (int(one) for one in colours[row, column])
        _number(
            canvas, float(weights[row, column]), (row, column), _KERNEL, (red, green, blue), (y, x)
        )
    canvas.box((x, y), (weights.shape[1] * _KERNEL, len(weights) * _KERNEL), outline=GREY)


def _filled(row: int, column: int, panel: _Panel) -> Iterator[tuple[slice, slice]]:
    """Yield the output's pixels known after each value."""
    height, width = panel.size
    top, bottom = (min(height, round(edge * panel.cell)) for edge in (row, row + 1))
    yield slice(0, top), slice(0, width)
    yield slice(top, max(bottom, top)), slice(0, min(width, round((column + 1) * panel.cell)))
