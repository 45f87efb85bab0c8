"""Contact sheets: all feature maps of layers, with labels."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.rows import Rows, as_rows
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.channels import titles_of
from cnnfilter.view.canvas import BLACK, GREY, Canvas, Reducing, enlarged, fitted, text_width
from cnnfilter.view.colours import Look, Scale, channels_of, maps_of, word

#: Pixels: how wide a sheet is at the most, and around its tiles.
_WIDTH, _GAP, _MARGIN = 1600, 10, 16
#: The sides of tiles, where a layer has up to 4 maps, up to 16, or more; of several layers less.
_ALONE, _TOGETHER, _COUNTS = (288, 184, 112), (112, 64, 64), (4, 16)
_HEADING, _LABEL, _NARROWEST = 30, 18, 56
#: So many values of a vector get a tile each.
_MOST_VALUES = 32
#: The side of a vector's values, with a tile each or in rows.
_VALUE, _CELL, _ROW = 48, 8, 128
#: Pixels of a sheet.
_LARGEST = 40_000_000


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's result, to be drawn.

    Attributes
    ----------
    title : str
    maps : ndarray or Rows
        Shape (H, W), (H, W, C) or, of a vector, (N,). Rows are gone through twice, and never
        held as a whole.
    names : sequence of str
        What the maps are called, or equal groups of them; empty where they are an image's
        channels.
    """

    title: str
    maps: Array | Rows
    names: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, eq=False)
class _Band:
    """A layer's tiles, all of one size, each a picture with a label."""

    title: str
    words: str
    tiles: Sequence[Array]
    labels: Sequence[str]
    size: tuple[int, int]
    columns: int

    @property
    def width(self) -> int:
        """Pixels that its tiles take from side to side."""
        return min(len(self.tiles), self.columns) * (self.size[1] + _GAP) - _GAP

    @property
    def height(self) -> int:
        """Pixels from its heading to the next."""
        rows = -(-len(self.tiles) // self.columns)
        return _HEADING + rows * (self.size[0] + _LABEL + _GAP)

    def draw(self, canvas: Canvas, top: int) -> None:
        """Draw heading, tiles and labels."""
        canvas.text((_MARGIN, top + 4), self.title, 15, BLACK)
        beside = _MARGIN + text_width(self.title, 15) + 14
        canvas.text((beside, top + 6), self.words, 12, GREY)
        height, width = self.size
        for number, (tile, label) in enumerate(zip(self.tiles, self.labels, strict=True)):
            row, column = divmod(number, self.columns)
            x = _MARGIN + column * (width + _GAP)
            y = top + _HEADING + row * (height + _LABEL + _GAP)
            canvas.paste((x, y), tile)
            canvas.text((x, y + tile.shape[0] + 2), fitted(label, 11, width), 11, GREY)


def sheet(layers: Sequence[Layer]) -> Array:
    """Draw layers below each other, the maps of each side by side on one scale.

    Parameters
    ----------
    layers : sequence of Layer

    Returns
    -------
    ndarray
        uint8, shape (H, W, 3): grey where no value of a layer is negative, else blue to red.

    Raises
    ------
    ArgumentError
        If there are too many maps for one picture.

    Examples
    --------
    >>> sheet([Layer("edges", np.zeros((14, 14, 8)), tuple("abcdefgh"))]).shape
    (272, 1558, 3)
    """
    bands = [_band(layer, _ALONE if len(layers) == 1 else _TOGETHER) for layer in layers]
    headings = [text_width(f"{band.title} {band.words}", 15) for band in bands]
    width = max(*(band.width for band in bands), *headings, 0) + 2 * _MARGIN
    height = sum(band.height for band in bands) + 2 * _MARGIN
    if width * height > _LARGEST:
        count = sum(len(band.tiles) for band in bands)
        raise ArgumentError(f"{count} maps are too many for one sheet; draw one layer, with --step")
    canvas = Canvas(width, height)
    top = _MARGIN
    for band in bands:
        band.draw(canvas, top)
        top += band.height
    return canvas.pixels


def _band(layer: Layer, sides: Sequence[int]) -> _Band:
    rows = as_rows(layer.maps)
    heading = f"{layer.title}  {'x'.join(map(str, rows.shape))}".strip()
    scale = Scale.of(rows.bands())
    if len(rows.shape) == 1:
        tiles, labels = _values(rows.whole(), layer.names, scale)
        return _laid(heading, scale.words, tiles, labels)
    if not layer.names and rows.shape[2:] == (3,):
        look = Look.of(rows.bands())
        tiles = _tiles(rows, 1, sides[0], lambda band: [look(band)])
        return _laid(heading, scale.words, tiles, [""])
    count = channels_of(rows.shape)
    side = sides[bisect_left(_COUNTS, count)]
    names = titles_of(layer.names, count) if layer.names or count > 1 else ("",)
    tiles = _tiles(rows, count, side, lambda band: map(scale.colours, maps_of(band)))
    return _laid(heading, scale.words, tiles, names)


def _laid(title: str, words: str, tiles: Sequence[Array], labels: Sequence[str]) -> _Band:
    height, width = tiles[0].shape[:2]
    # Narrow tiles leave room for their labels.
    wide = max(width, min(_NARROWEST, max(text_width(label, 11) for label in labels)))
    columns = max(1, (_WIDTH - 2 * _MARGIN + _GAP) // (wide + _GAP))
    return _Band(title, words, tiles, labels, (height, wide), columns)


def _tiles(
    rows: Rows, count: int, side: int, coloured: Callable[[Array], Iterable[Array]]
) -> list[Array]:
    """Enlarge maps by a whole factor, or reduce them, to about the side of a tile.

    Parameters
    ----------
    coloured : callable
        Takes a band of the rows, and returns the colours of each of the maps.
    """
    height, width = rows.shape[:2]
    longest = max(height, width)
    size = height, width
    if longest > side:
        size = max(1, height * side // longest), max(1, width * side // longest)
    tiles = [Reducing(rows.shape, *size) for _ in range(count)]
    for band in rows.bands():
        for tile, colours in zip(tiles, coloured(band), strict=True):
            tile.add(colours)
    return [enlarged(tile.picture, max(1, side // longest)) for tile in tiles]


def _values(vector: Array, names: Sequence[str], scale: Scale) -> tuple[list[Array], list[str]]:
    """Draw a vector: a tile for each of few values, or rows of small cells."""
    colours = scale.colours(vector)
    if len(colours) <= _MOST_VALUES:
        names = names or [str(index) for index in range(len(colours))]
        labels = [f"{name}: {word(float(v))}" for name, v in zip(names, vector, strict=True)]
        return [enlarged(one[None, None], _VALUE) for one in colours], labels
    rows = -(-len(colours) // _ROW)
    filled = np.full((rows * _ROW, 3), 255, np.uint8)
    filled[: len(colours)] = colours
    return [enlarged(filled.reshape(rows, _ROW, 3), _CELL)], [f"{_ROW} values in a row"]
