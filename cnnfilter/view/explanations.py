"""An explanation for a terminal, as plain text, or as data."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Region, Shape
from cnnfilter.layers.explanation import (
    Contribution,
    Convolved,
    KernelSum,
    Mapped,
    Patch,
    Pooled,
    Taken,
    Term,
    Weighed,
)
from cnnfilter.pipeline.explain import Explanation
from cnnfilter.steps.step import Step
from cnnfilter.text import printable
from cnnfilter.view.matrices import cropped, gap_in, number_text, peak_of, value_style

#: Of many channels under a kernel, or contributions, so many are shown.
_MOST_TERMS, _MOST_LISTED = 3, 10
#: Between blocks that stand side by side.
_BETWEEN = 5


@dataclass(frozen=True, eq=False)
class _Grid:
    """A small matrix with its title; its rows and columns may be numbered."""

    title: str
    values: Array
    rows: Sequence[int] | None = None
    columns: Sequence[int] | None = None
    inside: Array | None = None
    marked: Array | None = None

    def word(self, row: int, column: int, write: Callable[[float], str] = number_text) -> str:
        """Write a value; padding stands in brackets, where it has a value."""
        value = float(self.values[row, column])
        if self.inside is None or self.inside[row, column]:
            return write(value)
        return "·" if np.isnan(value) else f"({write(value)})"


def explanation_blocks(
    told: Explanation, width: int, height: int, *, results_first: bool = False
) -> Iterator[RenderableType]:
    """Lay out an explanation: matrices side by side where they fit, else below each other.

    Parameters
    ----------
    told : Explanation
    width, height : int
        The terminal's columns and rows.
    results_first : bool
        Put sum and value above the matrices, where the end may not be seen.

    Yields
    ------
    rich renderable
    """
    told = _printable(told)
    yield Text.assemble((heading(told), "bold"), f"  {told.place} of {_size(told.shape)}")
    for line in _sight(told):
        yield Text(line, "dim")
    yield Text()
    details = _detail_blocks(told, width, max(5, height // 2))
    if not results_first:
        yield from details
    yield _sums_table(_results(told))
    if results_first:
        yield Text()
        yield from details


def explanation_text(told: Explanation) -> str:
    """Write an explanation as plain text: titles, and values separated by tabs.

    Examples
    --------
    >>> from cnnfilter import explain
    >>> print(explanation_text(explain("pool 2", [[1, 2], [3, 4]])).replace(chr(9), " "))
    pool size=2  row 0, column 0 of 1x1
    sees rows 0-1, columns 0-1 of the picture (2x2)
    <BLANKLINE>
    patch
    1 2
    3 4
    won 4 the max of 4, at row 1, column 1
    value 4
    """
    told = _printable(told)
    lines = [f"{heading(told)}  {told.place} of {_size(told.shape)}", *_sight(told), ""]
    detail = told.detail
    if isinstance(detail, Convolved):
        for each in detail.sums:
            for term in each.terms:
                lines += [line for grid in _grids(each, term, detail) for line in _plain(grid)]
    elif isinstance(detail, Pooled):
        lines += _plain(_patch_grid(detail.patch))
    elif isinstance(detail, Weighed):
        lines.append("\t".join(["name", *detail.headings]))
        for one in detail.contributions:
            lines.append("\t".join([one.name, *map(_exact, _numbers(one))]))
    lines += ["\t".join(filter(None, row)) for row in _results(told, _exact)]
    return "\n".join(lines)


def heading(told: Explanation) -> str:
    """Name the step."""
    name = f" ({told.step.name})" if told.step.name else ""
    number = f"{told.number}. " if len(told.inputs) > 1 else ""
    return printable(f"{number}{told.step.described()}{name}")


def _printable(told: Any) -> Any:
    """Escape all words of an explanation: names of kernels, channels and steps are among them."""
    if isinstance(told, str):
        return printable(told)
    if type(told) is tuple:
        return tuple(map(_printable, told))
    if not is_dataclass(told) or isinstance(told, Step | type):
        return told
    return replace(
        told, **{each.name: _printable(getattr(told, each.name)) for each in fields(told)}
    )


def explanation_data(told: Explanation) -> dict[str, Any]:
    """Give an explanation as what JSON holds; padding that has no value is None.

    Examples
    --------
    >>> from cnnfilter import explain
    >>> data = explanation_data(explain("pool 2", [[1, 2], [3, 4]]))
    >>> data["value"], data["patch"]["values"]
    (4.0, [[1.0, 2.0], [3.0, 4.0]])
    """
    detail = told.detail
    data: dict[str, Any] = {
        "step": told.number,
        "operation": told.step.described(),
        "at": list(told.at),
        "shape": list(told.shape),
        "seen": [None if each is None else each._asdict() for each in told.seen],
        "picture": None if told.picture is None else told.picture._asdict(),
        "sees_all": list(told.global_steps),
        "value": _finite(told.value),
        "stored": None if told.stored is None else told.stored.pixel,
    }
    if isinstance(detail, Convolved):
        data["combine"] = detail.combine
        data["kernels"] = [
            {
                "kernel": each.kernel,
                "terms": [
                    {
                        **_patch_data(term.patch),
                        "weights": term.weights.tolist(),
                        "products": term.products.tolist(),
                        "sum": term.sum,
                    }
                    for term in each.terms
                ],
                "sum": each.sum,
                "bias": each.bias,
                "value": each.value,
            }
            for each in detail.sums
        ]
    elif isinstance(detail, Pooled):
        data["mode"], data["patch"] = detail.mode, _patch_data(detail.patch)
        data["won"] = [
            [detail.patch.rows[row], detail.patch.columns[column]]
            for row, column in np.argwhere(detail.won).tolist()
        ]
    elif isinstance(detail, Weighed):
        names = ("name", *detail.headings)
        data["contributions"] = [
            dict(zip(names, (one.name, *map(_finite, _numbers(one))), strict=True))
            for one in detail.contributions
        ]
        data["bias"] = detail.bias
    elif isinstance(detail, Mapped):
        data["before"] = _finite(detail.before)
    return data


def _patch_data(patch: Patch) -> dict[str, Any]:
    values = [[_finite(one) for one in row] for row in patch.values.tolist()]
    return {
        "channel": patch.channel,
        "rows": list(patch.rows),
        "columns": list(patch.columns),
        "values": values,
    }


def _finite(value: float) -> float | None:
    """Give a number as JSON has them: none for NaN and infinity."""
    return value if np.isfinite(value) else None


def _numbers(one: Contribution) -> tuple[float, float, float]:
    return one.value, one.weight, one.share


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _sight(told: Explanation) -> Iterator[str]:
    """Say what of its step's input, and of the picture, the value sees."""
    source = "the network's input" if told.picture is not None else "the picture"
    is_first = len(told.seen) == 1
    padded = " and padding" if _reaches_padding(told) else ""
    direct = _region_text(told.seen[-1], told.inputs[-1])
    yield f"sees {direct}{padded} of {source if is_first else 'its input'} " + (
        f"({_size(told.inputs[-1])})"
    )
    if not is_first:
        first = _region_text(told.seen[0], told.inputs[0])
        yield f"and so {first} of {source} ({_size(told.inputs[0])})"
    if told.picture is not None:
        yield f"which is {_region_text(told.picture, (1, 1))} of the picture"
    if told.global_steps:
        yield f"all of the picture counts in {', '.join(told.global_steps)}"


def _reaches_padding(told: Explanation) -> bool:
    """Whether a window stands on padding, too."""
    detail = told.detail
    patches: list[Patch] = []
    if isinstance(detail, Convolved):
        patches = [term.patch for each in detail.sums for term in each.terms]
    elif isinstance(detail, Pooled):
        patches = [detail.patch]
    return told.seen[-1] is not None and not all(patch.inside.all() for patch in patches)


def _region_text(region: Region | None, shape: Shape) -> str:
    """Write a region as people do."""
    if region is None:
        return "nothing but padding"
    columns = _span("column", region.left, region.right)
    if len(shape) == 1:
        return columns.replace("columns", "values").replace("column", "value")
    return f"{_span('row', region.top, region.bottom)}, {columns}"


def _span(kind: str, first: int, last: int) -> str:
    if first == last:
        return f"{kind} {first}"
    return f"{kind}s {first}-{last}"


def _detail_blocks(told: Explanation, width: int, height: int) -> Iterator[RenderableType]:
    detail = told.detail
    if isinstance(detail, Convolved):
        for each in detail.sums:
            yield from _kernel_blocks(each, detail, width, height)
    elif isinstance(detail, Pooled):
        yield _block(_patch_grid(detail.patch, detail.won), width, height)
        yield Text()
    elif isinstance(detail, Weighed):
        yield _contributions_table(detail, width)
        yield Text()


def _kernel_blocks(
    each: KernelSum, detail: Convolved, width: int, height: int
) -> Iterator[RenderableType]:
    """Show a kernel's terms; of many channels the one that adds most, and a list of sums."""
    terms = each.terms
    if len(terms) > _MOST_TERMS:
        terms = tuple(sorted(terms, key=lambda term: -abs(term.sum)))
        rows = [(term.patch.channel, number_text(term.sum), "") for term in terms]
        shown = rows[:_MOST_LISTED]
        if rest := terms[_MOST_LISTED:]:
            total = number_text(sum(term.sum for term in rest))
            shown.append((f"{len(rest)} others", total, ""))
        yield Text(f"what each of {len(terms)} channels adds, and the largest of them:")
        yield _sums_table(shown)
        yield Text()
        terms = terms[:1]
    for term in terms:
        yield _side_by_side(_grids(each, term, detail), width, height)
        yield Text()


def _grids(each: KernelSum, term: Term, detail: Convolved) -> tuple[_Grid, _Grid, _Grid]:
    many = len(each.terms) > 1
    channel = f" {term.patch.channel}" if many else ""
    kernel = f" {each.kernel}" if len(detail.sums) > 1 or detail.combine else ""
    return (
        _patch_grid(term.patch, channel=channel),
        _Grid(f"kernel{kernel}{channel}", term.weights),
        _Grid(f"products{kernel}{channel}", term.products),
    )


def _patch_grid(patch: Patch, won: Array | None = None, channel: str = "") -> _Grid:
    title = f"patch{channel}"
    return _Grid(title, patch.values, patch.rows, patch.columns, patch.inside, won)


def _side_by_side(grids: Sequence[_Grid], width: int, height: int) -> RenderableType:
    """Put patch, kernel and products into one line, where it is wide enough."""
    blocks = [_block(grid, width, height) for grid in grids]
    if sum(map(_width, grids)) + _BETWEEN * (len(grids) - 1) > width:
        return Group(*blocks)
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2 * len(grids) - 1):
        table.add_column(vertical="middle", no_wrap=True)
    times, equals = Text("\N{MULTIPLICATION SIGN}"), Text("=")
    table.add_row(blocks[0], times, blocks[1], equals, blocks[2])
    return table


def _width(grid: _Grid) -> int:
    """How many columns of the terminal a grid takes."""
    rows, columns = grid.values.shape
    numbers = 0 if grid.rows is None else max(len(str(row)) for row in grid.rows)
    heads = [0] * columns if grid.columns is None else [len(str(each)) for each in grid.columns]
    cells = sum(
        max(heads[column], *(len(grid.word(row, column)) for row in range(rows))) + 1
        for column in range(columns)
    )
    return max(len(grid.title), numbers + 1 + cells)


def _block(grid: _Grid, width: int, height: int) -> Group:
    """Lay out a grid under its title; of a large one the middle is left out."""
    rows, columns = grid.values.shape
    shown_rows = cropped(rows, height)
    widest = max(len(grid.word(row, column)) for row in shown_rows for column in range(columns))
    shown = cropped(columns, max(2, (width - 6) // (widest + 1)))
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(len(shown) + 2):
        table.add_column(justify="right", no_wrap=True)
    heads = ["" if grid.columns is None else str(grid.columns[column]) for column in shown]
    table.add_row("", *_with_gap([Text(head, "dim") for head in heads], shown, "…"))
    peak = peak_of(grid.values)
    for place, row in enumerate(shown_rows):
        if place == gap_in(shown_rows):
            table.add_row("", *(Text("⋮", "dim") for _ in shown))
        number = Text("" if grid.rows is None else str(grid.rows[row]), "dim")
        cells = [_cell(grid, row, column, peak) for column in shown]
        table.add_row(number, *_with_gap(cells, shown, "…"))
    return Group(Text(grid.title), table)


def _with_gap(cells: list[Text], indices: Sequence[int], sign: str) -> list[Text]:
    gap = gap_in(indices)
    return cells if gap is None else [*cells[:gap], Text(sign, "dim"), *cells[gap:]]


def _cell(grid: _Grid, row: int, column: int, peak: float) -> Text:
    word = grid.word(row, column)
    if grid.inside is not None and not grid.inside[row, column]:
        return Text(word, "dim")
    style = value_style(float(grid.values[row, column]), peak)
    marked = grid.marked is not None and grid.marked[row, column]
    return Text(word, f"{style} reverse" if marked else style)


def _contributions_table(detail: Weighed, width: int) -> Table:
    """List the largest contributions; where it is narrow, what they come to alone."""
    shown, rest = detail.contributions[:_MOST_LISTED], detail.contributions[_MOST_LISTED:]
    rows = [[number_text(each) for each in _numbers(one)] for one in shown]
    headings = list(detail.headings)
    longest = max((len(one.name) for one in shown), default=0)
    if longest + sum(map(len, headings)) + 8 > max(width, 56):
        rows, headings = [row[-1:] for row in rows], headings[-1:]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    for _ in headings:
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", *(Text(heading, "dim") for heading in headings))
    peak = max((abs(one.share) for one in shown), default=0.0)
    for one, row in zip(shown, rows, strict=True):
        share = Text(row[-1], value_style(one.share, peak))
        table.add_row(Text(one.name), *row[:-1], share)
    if rest:
        total = number_text(sum(one.share for one in rest))
        empty = [""] * (len(headings) - 1)
        table.add_row(Text(f"{len(rest)} others", "dim"), *empty, total)
    return table


def _long(value: float) -> str:
    """Write a result: with seven digits, so that it can be told what is stored of it."""
    if np.isfinite(value) and value == np.rint(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.7g}"


def _results(
    told: Explanation, write: Callable[[float], str] = _long
) -> Iterator[tuple[str, str, str]]:
    """Say in rows of a name, a number and words how the value comes about."""
    detail = told.detail
    if isinstance(detail, Convolved):
        for each in detail.sums:
            name = f" {each.kernel}" if detail.combine else ""
            yield f"sum{name}", write(each.sum), ""
            if each.bias is not None:
                yield f"bias{name}", write(each.bias), ""
        if detail.combine:
            yield "combined", write(told.value), f"{detail.combine} of the kernels' values"
    elif isinstance(detail, Pooled):
        won = "won" if detail.won.any() else detail.mode
        yield won, write(told.value), detail.words
    elif isinstance(detail, Mapped):
        yield "x", write(detail.before), detail.words
    elif isinstance(detail, Weighed):
        if detail.bias is not None:
            yield "bias", write(detail.bias), ""
        yield "from", "", detail.words
    elif isinstance(detail, Taken):
        yield "from", "", detail.words.removeprefix("from ")
    yield "value", write(told.value), ""
    if told.stored is not None:
        clipped = ", clipped" if told.stored.clipped else ""
        yield "stored", str(told.stored.pixel), f"({told.stored.range}{clipped})"


def _sums_table(rows: Iterable[tuple[str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _plain(grid: _Grid) -> list[str]:
    """Write a grid's title, and its rows separated by tabs."""
    rows, columns = grid.values.shape
    lines = [[grid.word(row, column, _exact) for column in range(columns)] for row in range(rows)]
    return [grid.title, *map("\t".join, lines)]


def _exact(value: float) -> str:
    """Write a value with all its digits, as few as tell it from its neighbours in its type.

    Examples
    --------
    >>> _exact(394.0), _exact(float(np.float32(0.1))), _exact(0.1)
    ('394', '0.1', '0.1')
    """
    if value == np.rint(value) and abs(value) < 2**53:
        return str(int(value))
    narrow = np.float32(value)
    return str(narrow) if float(narrow) == value else repr(value)
