"""Contact sheets: all feature maps of layers, with labels."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.rows import Rows, as_rows
from cnnfilter.arrays.titles import titles_of
from cnnfilter.errors import ArgumentError
from cnnfilter.text import shape_text
from cnnfilter.view.canvas import BLACK, GREY, Canvas, Reducing, enlarged, fitted, text_width
from cnnfilter.view.colours import Look, Scale, channels_of, maps_of, word

#: Pixels: a sheet's largest width, and the space around its tiles.
_WIDTH, _GAP, _MARGIN = 1600, 10, 16
#: The sides of tiles for up to 4 maps, up to 16 and more; smaller if there are several layers.
_ALONE, _TOGETHER, _COUNTS = (288, 184, 112), (112, 64, 64), (4, 16)
_HEADING, _LABEL, _NARROWEST = 30, 18, 56
#: Vectors of up to this many values have a tile for each.
_MAX_VALUES = 32
#: The side of a vector's tiles; the cells of longer vectors, and how many make a row.
_VALUE, _CELL, _ROW = 48, 8, 128
#: Pixels of the largest sheet.
_MAX_PIXELS = 40_000_000


@dataclass(frozen=True, eq=False)
class LayerResult:
    """A layer's result, to be drawn.

    Attributes
    ----------
    title : str
    maps : ndarray or Rows
        Shape (H, W), (H, W, C) or, of a vector, (N,). Rows are read twice, and never held as a
        whole.
    names : sequence of str
        Names of the maps, or of equal groups of them; empty for an image's channels.
    """

    title: str
    maps: Array | Rows
    names: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class _Band:
    """A heading and tiles of one size, each with a label; drawn when it is asked for.

    Attributes
    ----------
    size : (int, int)
        A tile's height and width.
    tiles : callable
        Returns the tiles, coloured by a scale.
    """

    title: str
    rows: Rows
    labels: Sequence[str]
    size: tuple[int, int]
    tiles: Callable[[Scale], list[Array]]

    @classmethod
    def of(cls, result: LayerResult, sides: Sequence[int]) -> "_Band":
        """Draw a layer's result in tiles."""
        rows, names = as_rows(result.maps), result.names
        title = f"{result.title}  {shape_text(rows.shape)}".strip()
        if len(rows.shape) == 1:
            vector = rows.whole()
            if len(vector) > _MAX_VALUES:
                size = -(-len(vector) // _ROW) * _CELL, _ROW * _CELL
                return cls(title, rows, [f"{_ROW} values in a row"], size, partial(_cells, vector))
            names = names or list(map(str, range(len(vector))))
            labels = [f"{name}: {word(float(v))}" for name, v in zip(names, vector, strict=True)]
            return cls(title, rows, labels, (_VALUE, _VALUE), partial(_values, vector))
        if not names and rows.shape[2:] == (3,):
            return cls(
                title, rows, [""], _tile_size(rows, sides[0]), partial(_photo, rows, sides[0])
            )
        count = channels_of(rows.shape)
        side = sides[bisect_left(_COUNTS, count)]
        titles = titles_of(names, count) if names or count > 1 else ("",)
        return cls(title, rows, titles, _tile_size(rows, side), partial(_maps, rows, side))

    @cached_property
    def scale(self) -> Scale:
        """The scale of all values."""
        return Scale.of(self.rows.bands())

    @cached_property
    def _pitch(self) -> int:
        """Pixels from one tile to the next."""
        widest = max(text_width(label, 11) for label in self.labels)
        return max(self.size[1], min(_NARROWEST, widest)) + _GAP

    @property
    def _columns(self) -> int:
        return max(1, (_WIDTH - 2 * _MARGIN + _GAP) // self._pitch)

    @property
    def width(self) -> int:
        """Pixels that the tiles take from side to side."""
        return min(len(self.labels), self._columns) * self._pitch - _GAP

    @property
    def height(self) -> int:
        """Pixels from the heading to the next."""
        rows = -(-len(self.labels) // self._columns)
        return _HEADING + rows * (self.size[0] + _LABEL + _GAP)

    @property
    def heading_width(self) -> int:
        """Pixels that the heading takes."""
        return text_width(f"{self.title} {self.scale.words}", 15)

    def draw(self, canvas: Canvas, top: int) -> None:
        """Draw heading, tiles and labels."""
        canvas.text((_MARGIN, top + 4), self.title, 15, BLACK)
        right = _MARGIN + text_width(self.title, 15) + 14
        canvas.text((right, top + 6), self.scale.words, 12, GREY)
        for number, (tile, label) in enumerate(
            zip(self.tiles(self.scale), self.labels, strict=True)
        ):
            row, column = divmod(number, self._columns)
            x = _MARGIN + column * self._pitch
            y = top + _HEADING + row * (self.size[0] + _LABEL + _GAP)
            canvas.paste((x, y), tile)
            canvas.text((x, y + len(tile) + 2), fitted(label, 11, self._pitch - _GAP), 11, GREY)


def sheet(results: Sequence[LayerResult]) -> Array:
    """Draw layers below each other.

    Parameters
    ----------
    results : sequence of LayerResult

    Returns
    -------
    ndarray
        uint8, shape (H, W, 3): grey if no value of a layer is negative, else blue to red.

    Raises
    ------
    ArgumentError
        If there are too many maps for one picture.

    Examples
    --------
    >>> sheet([LayerResult("edges", np.zeros((14, 14, 8)), tuple("abcdefgh"))]).shape
    (272, 1558, 3)
    """
    bands = [_Band.of(result, _ALONE if len(results) == 1 else _TOGETHER) for result in results]
    height = sum(band.height for band in bands) + 2 * _MARGIN
    width = max((band.width for band in bands), default=0) + 2 * _MARGIN
    _check_size(bands, height, width)  # before values are computed, which may take a while
    width = max(width, *(band.heading_width + 2 * _MARGIN for band in bands), 2 * _MARGIN)
    _check_size(bands, height, width)
    canvas = Canvas(width, height)
    top = _MARGIN
    for band in bands:
        band.draw(canvas, top)
        top += band.height
    return canvas.pixels


def _check_size(bands: Sequence[_Band], height: int, width: int) -> None:
    if width * height > _MAX_PIXELS:
        count = sum(len(band.labels) for band in bands)
        raise ArgumentError(f"{count} maps are too many for one sheet; draw one layer, with --step")


def _tile_size(rows: Rows, side: int) -> tuple[int, int]:
    height, width = _reduced_size(rows, side)
    factor = max(1, side // max(rows.shape[:2]))
    return height * factor, width * factor


def _reduced_size(rows: Rows, side: int) -> tuple[int, int]:
    height, width = rows.shape[:2]
    longest = max(height, width, side)
    return max(1, height * side // longest), max(1, width * side // longest)


def _photo(rows: Rows, side: int, _: Scale) -> list[Array]:
    look = Look.of(rows.bands())
    return _tiles(rows, 1, side, lambda band: [look(band)])


def _maps(rows: Rows, side: int, scale: Scale) -> list[Array]:
    return _tiles(
        rows, channels_of(rows.shape), side, lambda band: map(scale.colours, maps_of(band))
    )


def _tiles(
    rows: Rows, count: int, side: int, coloured: Callable[[Array], Iterable[Array]]
) -> list[Array]:
    """Scale maps to about a tile's side.

    Parameters
    ----------
    coloured : callable
        Takes a band of the rows, and returns the colours of each map.
    """
    tiles = [Reducing(rows.shape, *_reduced_size(rows, side)) for _ in range(count)]
    for band in rows.bands():
        for tile, colours in zip(tiles, coloured(band), strict=True):
            tile.add(colours)
    factor = max(1, side // max(rows.shape[:2]))
    return [enlarged(tile.picture, factor) for tile in tiles]


def _values(vector: Array, scale: Scale) -> list[Array]:
    return [enlarged(colour[None, None], _VALUE) for colour in scale.colours(vector)]


def _cells(vector: Array, scale: Scale) -> list[Array]:
    rows = -(-len(vector) // _ROW)
    filled = np.full((rows * _ROW, 3), 255, np.uint8)
    filled[: len(vector)] = scale.colours(vector)
    return [enlarged(filled.reshape(rows, _ROW, 3), _CELL)]
