"""Figures for screens and papers: maps with scale and axes, and histograms.

Everything is drawn through Matplotlib's objects in its default style; a program's own figures
and settings stay as they are. Matplotlib is imported when a figure is made.
"""

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.checks import is_finite
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.quantize import RANGES, PixelWriter
from cnnfilter.arrays.rows import Rows, as_rows
from cnnfilter.arrays.titles import titles_of
from cnnfilter.errors import ArgumentError
from cnnfilter.text import printable, shape_text
from cnnfilter.view.canvas import Reducing, reduced
from cnnfilter.view.colours import (
    Look,
    Scale,
    channels_of,
    maps_of,
    picture,
    word,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

FIGURE_FORMATS = ("png", "pdf", "svg")
#: The most feature maps, and values of a vector, in a figure.
_MAX_MAPS, _MAX_BARS = 64, 20

# Inches: the page, the space around a panel, and the largest panels.
_WIDTH, _MARGIN, _GAP = 10.0, 0.55, 0.35
_HEADING, _TITLE, _TICKS = 0.5, 0.3, 0.35
_PANEL, _CELL, _BAR, _HISTOGRAM = 3.3, 1.9, 0.14, 1.5
_DPI = 150
#: Beyond this ratio of its sides, an image is stretched to a strip.
_MAX_RATIO = 12
_CUT, _KEPT = "#d6604d", "#4d4d4d"


def figure(
    before: Array | Rows,
    after: Array | Rows,
    *,
    title: str,
    names: Sequence[str] = (),
    range: str = "clip",
    depth: int = 8,
    white: int | None = None,
) -> "Figure":
    """Draw an image next to its result.

    Parameters
    ----------
    before : ndarray or Rows
        The image: shape (H, W) or (H, W, C).
    after : ndarray or Rows
        The result: shape (H', W') or (H', W', C'); or a vector, (N,), whose largest values
        are drawn as bars. Rows are read twice, and never held as a whole.
    title : str
    names : sequence of str
        Names of the feature maps or of equal groups of channels; a vector's labels. Empty if
        the result is an image, which is then also drawn as it would be stored.
    range, depth, white
        How an image is stored; see `cnnfilter.arrays.quantize.quantize`.

    Returns
    -------
    matplotlib.figure.Figure
        Maps share one scale: grey from 0 if no value is negative, else blue to red with white
        at 0. Of more than 64 maps the first 64 are drawn, as the title states.

    Raises
    ------
    ArgumentError
        If Matplotlib is not installed, or the range is unknown.
    """
    choice("range", range, RANGES)
    source, result = as_rows(before), as_rows(after)
    with _style():
        if len(result.shape) == 1:
            return _bars_page(source, result.whole(), title, names)
        maps = channels_of(result.shape)
        if maps > _MAX_MAPS:
            title = f"{title} ({_MAX_MAPS} of {maps} maps)"
        group = _Group.of(result, titles_of(names, maps), None if names else range, depth, white)
        draw = _one_map_page if maps == 1 else _grid_page
        return draw(source, group, title)


def figure_bytes(figure: "Figure", format: str) -> bytes:
    """Encode a figure, always in the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    format : {"png", "pdf", "svg"}

    Raises
    ------
    ArgumentError
        If the format is unknown.
    """
    choice("format of a figure", format, FIGURE_FORMATS)
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    file = io.BytesIO()
    with _style(), warnings.catch_warnings():
        # Letters of file names that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        figure.savefig(file, format=format, dpi=_DPI, metadata=undated[format])
    return file.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    """Apply Matplotlib's default style, and restore the settings."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise ArgumentError("a figure needs matplotlib: pip install 'cnnfilter[plot]'") from None
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.size": 8, "axes.titlesize": 8, "axes.linewidth": 0.6,
                "xtick.major.width": 0.6, "ytick.major.width": 0.6,
                "xtick.major.size": 2.5, "ytick.major.size": 2.5,
                "text.parse_math": False, "axes.formatter.use_mathtext": False,
                "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "cnnfilter",
            }
        )  # fmt: skip
        yield


@dataclass(frozen=True, eq=False)
class _Group:
    """Maps that share a scale.

    Attributes
    ----------
    storing : PixelWriter or None
        How the maps become a picture; None if they do not, or it would look the same.
    """

    rows: Rows
    names: Sequence[str]
    survey: "Survey"
    storing: PixelWriter | None

    @classmethod
    def of(
        cls,
        rows: Rows,
        names: Sequence[str],
        range: str | None,
        depth: int,
        white: int | None = None,
    ) -> "_Group":
        """Count all values; without a range draw no picture."""
        maps = channels_of(rows.shape)
        survey = Survey.of(rows.bands(), white or 2**depth - 1)
        scale = survey.scale
        is_picture = range is not None and maps in (1, 3) and survey.is_finite
        looks_same = maps == 1 and not scale.signed and scale.high <= survey.top
        storing = None
        if range is not None and is_picture and not looks_same:
            storing = PixelWriter(range, depth, (scale.low, scale.high), white)
        return cls(rows, names, survey, storing)

    def drawn(
        self, size: tuple[int, int], stored_size: tuple[int, int]
    ) -> tuple[list[Array], list[Array], "Spread"]:
        """Return maps, picture and histogram in one pass.

        Sizes are the most pixels of each.
        """
        scale, shape = self.survey.scale, self.rows.shape
        maps = [Reducing(shape, *size) for _ in self.names[:_MAX_MAPS]]
        stored = {} if self.storing is None else {self.storing: Reducing(shape, *stored_size)}
        spread = Spread.of(self.survey)
        for band in self.rows.bands():
            spread.count(band)
            for map, values in zip(maps, maps_of(band), strict=False):
                map.add(scale.colours(values))
            for storing, pixels in stored.items():
                pixels.add(picture(storing.pixels(band)))
        drawn = [small.picture for small in maps]
        return drawn, [small.picture for small in stored.values()], spread


@dataclass(frozen=True)
class Survey:
    """Facts about all values, with `top` as the largest that a picture stores.

    Attributes
    ----------
    finite, below, above : int
        Number of finite values, and of those that are below 0 and above `top` when rounded.
    is_finite, is_integral : bool
        Whether all values are finite, and whether all finite ones are integers.
    """

    scale: Scale
    top: int
    finite: int
    below: int
    above: int
    is_finite: bool
    is_integral: bool

    @classmethod
    def of(cls, bands: Iterable[Array], top: int) -> "Survey":
        """Count values, a band at a time."""
        spans, integral = [], True
        count = finite = below = above = 0
        for band in bands:
            numbers = _numbers(band)
            rounded = np.rint(numbers)
            scale = Scale.of([numbers])
            spans.append(np.array([scale.low, scale.high] if numbers.size else []))
            integral = integral and bool((numbers == rounded).all())
            count, finite = count + band.size, finite + numbers.size
            below += int((rounded < 0).sum())
            above += int((rounded > top).sum())
        return cls(Scale.of(spans), top, finite, below, above, finite == count, integral)


def _numbers(values: Array) -> Array:
    """Return finite values as float64."""
    numbers = values if is_finite(values) else values[np.isfinite(values)]
    return numbers.astype(np.float64).ravel()


@dataclass(eq=False)
class Spread:
    """A histogram of values, and the shares that clipping cuts.

    Values are counted in a unit, a power of ten, so that even the largest numbers can be drawn.
    """

    counts: Array
    edges: Array
    unit: float
    top: int
    below: float
    above: float

    @classmethod
    def of(cls, survey: Survey) -> "Spread":
        """Choose the bins; no value is counted yet."""
        scale, unit = survey.scale, _unit(survey.scale.peak)
        low, high = scale.low / unit, scale.high / unit
        if unit == 1 and high - low < 256 and survey.is_integral:
            edges = np.arange(low - 0.5, high + 1)
        else:
            edges = np.linspace(low, max(high, low + 1e-6), 129)
        size = max(1, survey.finite)
        below, above = survey.below / size, survey.above / size
        counts = np.zeros(len(edges) - 1, int)
        return cls(counts, edges, unit, survey.top, below, above)

    def count(self, values: Array) -> None:
        """Count some values."""
        span = float(self.edges[0]), float(self.edges[-1])
        self.counts += np.histogram(_numbers(values) / self.unit, len(self.counts), span)[0]

    @property
    def words(self) -> str:
        """The shares that clipping would cut, as text."""
        parts = [
            f"{_share(share)} {where}"
            for share, where in ((self.below, "below 0"), (self.above, f"above {self.top}"))
            if share
        ]
        return ", ".join(parts) or f"all within 0..{self.top}"

    @property
    def uneven(self) -> bool:
        """Test whether one bar would flatten the others."""
        filled = self.counts[self.counts > 0]
        return bool(filled.size and filled.max() > 30 * np.median(filled))


def _share(share: float) -> str:
    """Return a share as a percentage.

    Examples
    --------
    >>> _share(0.1234), _share(0.00001)
    ('12.3 %', 'less than 0.1 %')
    """
    return f"{share:.1%}".replace("%", " %") if share >= 0.0005 else "less than 0.1 %"


def _unit(peak: float) -> float:
    """Return the power of ten to draw numbers in.

    Examples
    --------
    >>> _unit(1117.0), _unit(1.5e308), _unit(0.0)
    (1.0, 1e+308, 1.0)
    """
    if peak == 0 or 1e-6 < peak < 1e9:
        return 1.0
    return float(10.0 ** max(-300, np.floor(np.log10(peak))))


class _Page:
    """A page of panels, placed in inches from its upper left corner."""

    def __init__(self, height: float, title: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self._height = height
        text = _shortened(title, 100)
        self.figure.text(
            _MARGIN / _WIDTH, 1 - 0.22 / height, text, size=12, va="center", parse_math=False
        )

    def axes(self, x: float, y: float, width: float, height: float, title: str = "") -> "Axes":
        """Add a panel with its title above it."""
        bottom = self._height - y - height
        axes = self.figure.add_axes(
            (x / _WIDTH, bottom / self._height, width / _WIDTH, height / self._height)
        )
        if title:
            text = _shortened(title, max(4, int(width * 15)))
            axes.set_title(text, loc="left", pad=4, parse_math=False)
        return axes

    def image(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        title: str,
        colours: Array,
        shape: Shape,
    ) -> "Axes":
        """Draw colours with axes in the image's pixels."""
        axes = self.axes(x, y, width, height, title)
        rows, columns = shape[:2]
        axes.imshow(colours, aspect=_aspect(shape), extent=(-0.5, columns - 0.5, rows - 0.5, -0.5))
        for axis, length in ((axes.xaxis, columns), (axes.yaxis, rows)):
            axis.set_major_locator(_pixels(length, width if axis is axes.xaxis else height))
        return axes

    def colour_bar(self, x: float, y: float, height: float, scale: Scale) -> None:
        """Draw a colour bar."""
        from matplotlib.ticker import MaxNLocator

        axes = self.axes(x, y, _BAR, height)
        unit = _unit(scale.peak)
        peak = scale.peak / unit or 1.0
        low = -peak if scale.signed else 0.0
        axes.imshow(
            scale.table[:, None], aspect="auto", origin="lower", extent=(0, 1, low, peak),
            interpolation="nearest",
        )  # fmt: skip
        axes.xaxis.set_visible(False)
        axes.yaxis.tick_right()
        axes.yaxis.set_major_locator(MaxNLocator(max(2, min(8, int(height * 3))), steps=[1, 2, 5]))
        axes.yaxis.set_major_formatter(lambda value, _: _in_unit(value, unit))

    def histogram(self, x: float, y: float, width: float, height: float, spread: Spread) -> None:
        """Draw a histogram, with the clipped ranges shaded."""
        axes = self.axes(x, y, width, height, spread.words)
        edges = spread.edges
        axes.stairs(spread.counts, edges, fill=True, color=_KEPT, lw=0)
        margin = 0.02 * (edges[-1] - edges[0])
        low, high = edges[0] - margin, edges[-1] + margin
        end = spread.top / spread.unit
        if spread.below:
            axes.axvspan(low, 0, color=_CUT, alpha=0.3, lw=0)
        if spread.above:
            axes.axvspan(end, high, color=_CUT, alpha=0.3, lw=0)
        axes.set_xlim(low, high)
        if spread.uneven:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.6g}")
        axes.xaxis.set_major_formatter(lambda value, _: _in_unit(value, spread.unit))
        axes.set_ylabel("values (log)" if spread.uneven else "values")
        axes.spines[["top", "right"]].set_visible(False)


def _in_unit(value: float, unit: float) -> str:
    return f"{float(value) * unit:.6g}".replace("-", "\N{MINUS SIGN}")


def _pixels(length: int, inches: float) -> "Locator":
    """Return as many ticks as there is room for."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    if length == 1:
        return FixedLocator([0])
    return MaxNLocator(max(1, min(8, int(inches * 2.5))), integer=True, steps=[1, 2, 5, 10])


def _aspect(shape: Shape) -> Literal["equal", "auto"]:
    rows, columns = shape[:2]
    return "equal" if rows <= _MAX_RATIO * columns <= _MAX_RATIO**2 * rows else "auto"


def _shortened(text: str, most: int) -> str:
    """Cut a long text in its middle.

    Examples
    --------
    >>> _shortened("a-long-name.png", 9)
    'a-lo….png'
    """
    text = printable(text)
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


def _size(shape: Shape, width: float, height: float) -> tuple[float, float]:
    """Return the size of an image in a box."""
    ratio = shape[0] / shape[1]
    ratio = min(_MAX_RATIO, max(1 / _MAX_RATIO, ratio))
    return min(width, height / ratio), min(height, width * ratio)


def _pixels_drawn(across: float, down: float) -> tuple[int, int]:
    """Return twice a panel's pixels."""
    return ceil(2 * _DPI * down), ceil(2 * _DPI * across)


def _shown(before: Rows, across: float, down: float) -> Array:
    """Return the image, reduced to a panel's size."""
    look = Look.of(before.bands())
    return reduced(map(look, before.bands()), before.shape, _pixels_drawn(across, down))


def _row(
    page: _Page,
    pictures: Sequence[tuple[str, Array, Shape]],
    y: float,
    width: float,
    height: float,
) -> float:
    """Draw pictures side by side in equal boxes."""
    x = _MARGIN
    for title, colours, shape in pictures:
        across, down = _size(shape, width, height)
        page.image(x, y, across, down, title, colours, shape)
        x += max(across, 1.2) + _GAP + _TICKS
    return x


def _one_map_page(before: Rows, group: _Group, title: str) -> "Figure":
    """Draw one map above the histogram."""
    shape, scale = group.rows.shape, group.survey.scale
    panels = 2 if group.storing is None else 3
    room = _WIDTH - _MARGIN - 0.9 - (panels - 1) * (_GAP + _TICKS)
    width = min(room / panels, 4.0)
    height = max(_size(side, width, _PANEL)[1] for side in (before.shape, shape))
    shown = f"before  {shape_text(before.shape)}", _shown(before, width, height), before.shape
    across, down = _size(shape, width, height)
    size = _pixels_drawn(across, down)
    (map,), stored, spread = group.drawn(size, size)
    after = [(f"after  {shape_text(shape[:2])}", pixels, shape) for pixels in stored]
    top = _HEADING + _TITLE
    page = _Page(top + height + _TICKS + 2 * _TITLE + _HISTOGRAM + _TICKS, title)
    x = _row(page, [shown, *after], top, width, height)
    name = "values" if tuple(group.names) == ("gray",) else group.names[0]
    page.image(x, top, across, down, f"{name}  {scale.words}", map, shape)
    page.colour_bar(x + across + 0.1, top, down, scale)
    y = top + height + _TICKS + 2 * _TITLE
    page.histogram(_MARGIN + 0.1, y, _WIDTH - 2 * _MARGIN - 0.1, _HISTOGRAM, spread)
    return page.figure


def _grid_page(before: Rows, group: _Group, title: str) -> "Figure":
    """Draw a row of panels above a grid of maps."""
    shape, count = group.rows.shape, min(_MAX_MAPS, len(group.names))
    pictured = [before.shape, *([] if group.storing is None else [shape])]
    height = max(1.6, *(_size(size, 2.6, 2.4)[1] for size in pictured))
    columns, across, down = _grid(shape, count)
    shown = f"before  {shape_text(before.shape)}", _shown(before, 2.6, height), before.shape
    maps, stored, spread = group.drawn(_pixels_drawn(across, down), _pixels_drawn(2.6, height))
    after = [("after  as stored", pixels, shape) for pixels in stored]
    rows = -(-count // columns)
    top = _HEADING + _TITLE
    grid = top + height + _TICKS + 2 * _TITLE
    step = down + (0.26 if count > 3 else _TITLE)
    page = _Page(grid + rows * step + _TICKS, title)
    x = _row(page, [shown, *after], top, 2.6, height) + 0.25
    page.histogram(x, top, _WIDTH - _MARGIN - x, height, spread)
    gap = 0.12
    for number, map in enumerate(maps):
        row, column = divmod(number, columns)
        axes = page.image(
            _MARGIN + column * (across + gap), grid + row * step, across, down, group.names[number],
            map, shape,
        )  # fmt: skip
        axes.tick_params(labelleft=column == 0, labelbottom=number + columns >= count)
    right = _MARGIN + min(count, columns) * (across + gap)
    tall = min(rows * step - (step - down), 3.0)
    page.colour_bar(right + 0.05, grid, tall, group.survey.scale)
    return page.figure


def _grid(shape: Shape, count: int) -> tuple[int, float, float]:
    """Return a grid's columns, and a map's size."""
    ratio = min(3.0, max(1 / _MAX_RATIO, shape[0] / shape[1]))
    least = max(1, min(8, round((count * ratio) ** 0.5)))
    columns = min(
        (columns for columns in range(least, min(2 * least, 8, count) + 1)),
        key=lambda columns: (-count % columns, -columns),
        default=min(least, count),
    )
    room = (_WIDTH - _MARGIN - 0.8) / columns - 0.12
    across = min(room, max(_CELL, _CELL / ratio**0.5))
    return columns, across, across * ratio


def _bars_page(before: Rows, after: Array, title: str, names: Sequence[str]) -> "Figure":
    """Draw the image next to a vector's largest values."""
    numbers = np.where(np.isnan(after), -np.inf, after.astype(np.float64))
    largest = np.argsort(-numbers, kind="stable")[:_MAX_BARS]
    if len(largest) < len(after):
        title = f"{title} (the largest {len(largest)} of {len(after)} values)"
    labels = names if len(names) == len(after) else [str(place) for place in range(len(after))]
    shape = before.shape
    across, down = _size(shape, _PANEL, _PANEL)
    image = _shown(before, across, down)
    top, height = _HEADING + _TITLE, max(0.3, 0.19 * len(largest))
    page = _Page(top + max(height, down) + 2 * _TICKS, title)
    page.image(_MARGIN, top, across, down, f"before  {shape_text(shape)}", image, shape)
    x = _MARGIN + max(across, 1.2) + 2.3
    axes = page.axes(x, top, _WIDTH - _MARGIN - 0.4 - x, height)
    values = after[largest].astype(np.float64)
    finite = np.where(np.isfinite(values), values, 0)
    unit = _unit(float(np.abs(finite).max()))
    places = np.arange(len(largest))
    axes.barh(places, finite / unit, color=np.where(finite < 0, "#4393c3", _KEPT), height=0.7)
    axes.set_yticks(places, [_shortened(labels[place], 32) for place in largest], parse_math=False)
    axes.set_ylim(len(largest) - 0.4, -0.6)
    axes.axvline(0, color="black", lw=0.6)
    for place, value in zip(places, values, strict=True):
        text = word(float(value)) if np.isfinite(value) else str(value)
        axes.annotate(
            text.replace("-", "\N{MINUS SIGN}"), (max(0.0, finite[place] / unit), place), (3, 0),
            textcoords="offset points", va="center",
        )  # fmt: skip
    axes.xaxis.set_major_formatter(lambda value, _: _in_unit(value, unit))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    return page.figure
