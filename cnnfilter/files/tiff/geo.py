"""The place of a GeoTIFF on the map, moved with its pixels."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnfilter.arrays.geometry import SAME_PLACE, Grid
from cnnfilter.files.tiff.folder import DOUBLE, Folder, Tag, numbers_tag

# GeoTIFF 1.1: tags, and the key that says that numbers are of pixels' middles, not corners.
_SCALE, _TIE_POINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
_RASTER_TYPE, _POINTS = 1025, 2
#: Numbers of a tie point: column, row, level, and the three on the map.
_TIE_POINT = 6


def moved(metadata: Mapping[str, Any], grid: Grid | None) -> dict[str, Any]:
    """Return metadata whose place on the map is that of a result.

    Parameters
    ----------
    metadata : mapping
        As `Metadata`, with ``geo``.
    grid : Grid or None
        Where the result's pixels lie; None if nowhere: the place is left out.
    """
    geo: Folder = metadata["geo"]
    if grid == SAME_PLACE:
        return {**metadata}
    if grid is None:
        return {**metadata, "geo": None}
    shift = 0.5 if _is_of_points(geo) else 0.0
    # Numbers of middles are those of edges, less a half of a pixel.
    starts = [
        start + step * shift - shift for start, step in zip(grid.starts, grid.steps, strict=True)
    ]
    place = Grid(grid.steps, (starts[0], starts[1]))
    tags = {**geo.tags, **_moved_tags(geo, place)}
    return {**metadata, "geo": Folder(geo.order, tags)}


def _is_of_points(geo: Folder) -> bool:
    keys = geo.numbers(_KEYS)
    quadruples = zip(*(keys[start::4] for start in range(4)), strict=False)
    return any(key[0] == _RASTER_TYPE and key[3] == _POINTS for key in quadruples)


def _moved_tags(geo: Folder, grid: Grid) -> dict[int, Tag]:
    """Return the tags that name pixels, for the result's."""
    (down, across), (top, left) = grid
    tags = {}
    if len(scale := geo.numbers(_SCALE)) == 3:
        tags[_SCALE] = _doubles(geo, (scale[0] * across, scale[1] * down, scale[2]))
    if points := geo.numbers(_TIE_POINTS):
        tags[_TIE_POINTS] = _doubles(geo, _moved_points(points, scale, grid))
    if len(matrix := geo.numbers(_TRANSFORMATION)) == 16:
        rows = [matrix[start : start + 4] for start in range(0, 16, 4)]
        tags[_TRANSFORMATION] = _doubles(
            geo,
            [
                value
                for row in rows
                for value in (
                    row[0] * across,
                    row[1] * down,
                    row[2],
                    row[3] + row[0] * left + row[1] * top,
                )
            ],
        )
    return tags


def _moved_points(points: Sequence[float], scale: Sequence[float], grid: Grid) -> list[float]:
    (down, across), (top, left) = grid
    if len(points) == _TIE_POINT and len(scale) == 3:
        # The map's place of the result's corner, as most programs have it.
        column, row, level, x, y, z = points
        east, south = (left - column) * scale[0], (top - row) * scale[1]
        return [0, 0, level, x + east, y - south, z]
    tied = [points[start : start + _TIE_POINT] for start in range(0, len(points), _TIE_POINT)]
    return [
        value
        for column, row, *others in tied
        for value in ((column - left) / across, (row - top) / down, *others)
    ]


def _doubles(geo: Folder, values: Sequence[float]) -> Tag:
    return numbers_tag(DOUBLE, *values, order=geo.order)
