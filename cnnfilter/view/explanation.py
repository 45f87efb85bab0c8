"""Explanations as blocks, which render themselves on a terminal, as text or as JSON."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

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
from cnnfilter.text import number_text, printable, shape_text
from cnnfilter.view.tables import cropped, peak_of, value_style, with_gap

#: Of many channels under a kernel, or contributions, so many are shown.
_MAX_TERMS, _MAX_LISTED = 3, 10
#: Columns between blocks that stand side by side.
_BETWEEN = 5


class Row(NamedTuple):
    """A number with its name, and words that explain it."""

    name: str
    value: float | None
    words: str = ""


class Block(Protocol):
    """A part of an explanation."""

    def render(self, width: int, height: int) -> Iterator[RenderableType]:
        """Yield what a terminal of this size shows."""

    def lines(self) -> Iterator[str]:
        """Yield lines of plain text, with values separated by tabs."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A small matrix with a title; its rows and columns may be numbered."""

    title: str
    values: Array
    rows: Sequence[int] | None = None
    columns: Sequence[int] | None = None
    inside: Array | None = None
    marked: Array | None = None

    @classmethod
    def of(cls, patch: Patch, channel: str = "", marked: Array | None = None) -> "Grid":
        """Return the grid of a patch."""
        title = f"patch{channel}"
        return cls(title, patch.values, patch.rows, patch.columns, patch.inside, marked)

    def cell_text(self, row: int, column: int, write: Callable[[float], str] = number_text) -> str:
        """Return a value as text, with padding marked."""
        value = float(self.values[row, column])
        if self.inside is None or self.inside[row, column]:
            return write(value)
        return "·" if np.isnan(value) else f"({write(value)})"

    @property
    def width(self) -> int:
        """Columns of a terminal that the grid takes."""
        rows, columns = self.values.shape
        numbers = 0 if self.rows is None else max(len(str(row)) for row in self.rows)
        heads = [""] * columns if self.columns is None else list(map(str, self.columns))
        cells = sum(
            max(len(heads[column]), *(len(self.cell_text(row, column)) for row in range(rows))) + 1
            for column in range(columns)
        )
        return max(len(self.title), numbers + 1 + cells)

    def render(self, width: int, height: int) -> Iterator[RenderableType]:
        """Yield the grid and an empty line."""
        yield self.block(width, height)
        yield Text()

    def block(self, width: int, height: int) -> Group:
        """Format the grid under its title."""
        rows, columns = self.values.shape
        shown_rows = cropped(rows, height)
        widest = max(
            len(self.cell_text(row, column)) for row in shown_rows for column in range(columns)
        )
        shown = cropped(columns, max(2, (width - 6) // (widest + 1)))
        table = Table.grid(padding=(0, 1, 0, 0))
        for _ in range(len(shown) + 2):
            table.add_column(justify="right", no_wrap=True)
        heads = ["" if self.columns is None else str(self.columns[column]) for column in shown]
        gap = Text("…", "dim")
        table.add_row("", *with_gap([Text(head, "dim") for head in heads], shown, gap))
        peak = peak_of(self.values)
        lines = []
        for row in shown_rows:
            number = Text("" if self.rows is None else str(self.rows[row]), "dim")
            cells = [self._cell(row, column, peak) for column in shown]
            lines.append([number, *with_gap(cells, shown, gap)])
        dots = [Text(), *(Text("⋮", "dim") for _ in shown)]
        for line in with_gap(lines, shown_rows, dots):
            table.add_row(*line)
        return Group(Text(self.title), table)

    def _cell(self, row: int, column: int, peak: float) -> Text:
        text = self.cell_text(row, column)
        if self.inside is not None and not self.inside[row, column]:
            return Text(text, "dim")
        style = value_style(float(self.values[row, column]), peak)
        marked = self.marked is not None and self.marked[row, column]
        return Text(text, f"{style} reverse" if marked else style)

    def lines(self) -> Iterator[str]:
        """Yield the title and the rows."""
        rows, columns = self.values.shape
        yield self.title
        for row in range(rows):
            yield "\t".join(self.cell_text(row, column, _exact) for column in range(columns))


@dataclass(frozen=True, eq=False)
class Products:
    """A kernel over a patch of each channel: patch, kernel and their products."""

    kernel: str
    terms: Sequence[Term]

    def _grids(self, term: Term) -> tuple[Grid, Grid, Grid]:
        channel = f" {printable(term.patch.channel)}" if len(self.terms) > 1 else ""
        return (
            Grid.of(term.patch, channel),
            Grid(f"kernel{self.kernel}{channel}", term.weights),
            Grid(f"products{self.kernel}{channel}", term.products),
        )

    def render(self, width: int, height: int) -> Iterator[RenderableType]:
        """Yield each channel's grids, or the largest."""
        terms = list(self.terms)
        if len(terms) > _MAX_TERMS:
            terms.sort(key=lambda term: -abs(term.sum))
            rows = [Row(printable(term.patch.channel), term.sum) for term in terms[:_MAX_LISTED]]
            if rest := terms[_MAX_LISTED:]:
                rows.append(Row(f"{len(rest)} others", sum(term.sum for term in rest)))
            yield Text(f"sums of {len(terms)} channels, and the largest of them:")
            yield _rows_table(rows, number_text)
            yield Text()
            terms = terms[:1]
        for term in terms:
            yield self._side_by_side(self._grids(term), width, height)
            yield Text()

    def _side_by_side(self, grids: Sequence[Grid], width: int, height: int) -> RenderableType:
        """Join the grids in one line if possible."""
        blocks = [grid.block(width, height) for grid in grids]
        if sum(grid.width for grid in grids) + _BETWEEN * (len(grids) - 1) > width:
            return Group(*blocks)
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(2 * len(grids) - 1):
            table.add_column(vertical="middle", no_wrap=True)
        times, equals = Text("\N{MULTIPLICATION SIGN}"), Text("=")
        table.add_row(blocks[0], times, blocks[1], equals, blocks[2])
        return table

    def lines(self) -> Iterator[str]:
        """Yield the grids of all channels."""
        for term in self.terms:
            for grid in self._grids(term):
                yield from grid.lines()


@dataclass(frozen=True)
class Contributions:
    """Values with their weights and shares, the largest first."""

    headings: Sequence[str]
    rows: Sequence[Contribution]

    def render(self, width: int, height: int) -> Iterator[RenderableType]:
        """Yield a table of the largest contributions."""
        shown, rest = self.rows[:_MAX_LISTED], self.rows[_MAX_LISTED:]
        cells = [list(map(number_text, _numbers(row))) for row in shown]
        headings = list(self.headings)
        longest = max((len(row.name) for row in shown), default=0)
        if longest + sum(map(len, headings)) + 8 > max(width, 56):
            cells, headings = [row[-1:] for row in cells], headings[-1:]
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(overflow="fold")
        for _ in headings:
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", *(Text(heading, "dim") for heading in headings))
        peak = max((abs(row.share) for row in shown), default=0.0)
        for row, texts in zip(shown, cells, strict=True):
            share = Text(texts[-1], value_style(row.share, peak))
            table.add_row(Text(row.name), *texts[:-1], share)
        if rest:
            total = number_text(sum(row.share for row in rest))
            table.add_row(Text(f"{len(rest)} others", "dim"), *[""] * (len(headings) - 1), total)
        yield table
        yield Text()

    def lines(self) -> Iterator[str]:
        """Yield the headings and all rows."""
        yield "\t".join(["name", *self.headings])
        for row in self.rows:
            yield "\t".join([row.name, *map(_exact, _numbers(row))])


@dataclass(frozen=True, eq=False)
class _Account:
    """How a value comes about, ready for every form of output."""

    blocks: Sequence[Block]
    rows: Sequence[Row]
    data: dict[str, object]
    patches: Sequence[Patch] = ()


def explanation_blocks(
    explanation: Explanation, width: int, height: int, *, results_first: bool = False
) -> Iterator[RenderableType]:
    """Format an explanation for a terminal.

    Parameters
    ----------
    explanation : Explanation
    width, height : int
        The terminal's columns and rows.
    results_first : bool
        Put sum and value above the matrices, for a screen that may be too low.

    Yields
    ------
    rich renderable
    """
    account = _account(explanation)
    title, *lines = _heading_lines(explanation, account)
    yield Text.assemble((title, "bold"), f"  {_place(explanation)}")
    for line in lines:
        yield Text(line, "dim")
    yield Text()
    results = _rows_table(_results(explanation, account), _long)
    if results_first:
        yield results
        yield Text()
    for block in account.blocks:
        yield from block.render(width, max(5, height // 2))
    if not results_first:
        yield results


def explanation_text(explanation: Explanation) -> str:
    """Return an explanation as plain text.

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
    account = _account(explanation)
    title, *lines = _heading_lines(explanation, account)
    lines = [f"{title}  {_place(explanation)}", *lines, ""]
    for block in account.blocks:
        lines += block.lines()
    for name, value, words in _results(explanation, account):
        number = "" if value is None else _exact(value)
        lines.append("\t".join(filter(None, (name, number, words))))
    return "\n".join(lines)


def explanation_data(explanation: Explanation) -> dict[str, object]:
    """Return an explanation as JSON values.

    Examples
    --------
    >>> from cnnfilter import explain
    >>> data = explanation_data(explain("pool 2", [[1, 2], [3, 4]]))
    >>> data["value"], data["patch"]["values"]
    (4, [[1.0, 2.0], [3.0, 4.0]])
    """
    picture, stored = explanation.picture, explanation.stored
    return {
        "step": explanation.number,
        "operation": explanation.step.described(),
        "at": list(explanation.at),
        "shape": list(explanation.shape),
        "seen": [None if region is None else region._asdict() for region in explanation.seen],
        "picture": None if picture is None else picture._asdict(),
        "sees_all": list(explanation.global_steps),
        "value": _finite(explanation.value),
        "stored": None if stored is None else stored.pixel,
        **_account(explanation).data,
    }


def _account(explanation: Explanation) -> _Account:
    detail, value = explanation.detail, explanation.value
    match detail:
        case Convolved():
            return _convolved(detail, value)
        case Pooled():
            return _pooled(detail, value)
        case Weighed():
            return _weighed(detail)
        case Mapped():
            rows = [Row("x", detail.before, printable(detail.words))]
            return _Account((), rows, {"before": _finite(detail.before)})
        case Taken():
            return _Account((), [Row("from", None, _source_text(detail.words))], {})


def _source_text(words: str) -> str:
    return printable(words.removeprefix("from "))


def _convolved(detail: Convolved, value: float) -> _Account:
    is_named = len(detail.sums) > 1 or detail.combine
    blocks, rows = [], []
    for kernel_sum in detail.sums:
        name = f" {printable(kernel_sum.kernel)}"
        blocks.append(Products(name if is_named else "", kernel_sum.terms))
        name = name if detail.combine else ""
        rows.append(Row(f"sum{name}", kernel_sum.sum))
        if kernel_sum.bias is not None:
            rows.append(Row(f"bias{name}", kernel_sum.bias))
    if detail.combine:
        rows.append(Row("combined", value, f"{detail.combine} of the kernels' values"))
    return _Account(
        blocks,
        rows,
        {"combine": detail.combine, "kernels": [_kernel_data(one) for one in detail.sums]},
        [term.patch for kernel_sum in detail.sums for term in kernel_sum.terms],
    )


def _kernel_data(kernel_sum: KernelSum) -> dict[str, object]:
    return {
        "kernel": kernel_sum.kernel,
        "terms": [
            {
                **_patch_data(term.patch),
                "weights": term.weights.tolist(),
                "products": term.products.tolist(),
                "sum": term.sum,
            }
            for term in kernel_sum.terms
        ],
        "sum": kernel_sum.sum,
        "bias": kernel_sum.bias,
        "value": kernel_sum.value,
    }


def _pooled(detail: Pooled, value: float) -> _Account:
    patch, won = detail.patch, detail.won
    winners = [
        [patch.rows[row], patch.columns[column]] for row, column in np.argwhere(won).tolist()
    ]
    return _Account(
        [Grid.of(patch, marked=won)],
        [Row("won" if winners else detail.mode, value, printable(detail.words))],
        {"mode": detail.mode, "patch": _patch_data(patch), "won": winners},
        [patch],
    )


def _weighed(detail: Weighed) -> _Account:
    names = ("name", *detail.headings)
    rows = [] if detail.bias is None else [Row("bias", detail.bias)]
    return _Account(
        [
            Contributions(
                tuple(map(printable, detail.headings)),
                [replace(one, name=printable(one.name)) for one in detail.contributions],
            )
        ],
        [*rows, Row("from", None, printable(detail.words))],
        {
            "contributions": [
                dict(zip(names, (one.name, *map(_finite, _numbers(one))), strict=True))
                for one in detail.contributions
            ],
            "bias": detail.bias,
        },
    )


def _patch_data(patch: Patch) -> dict[str, object]:
    return {
        "channel": patch.channel,
        "rows": list(patch.rows),
        "columns": list(patch.columns),
        "values": [list(map(_finite, row)) for row in patch.values.tolist()],
    }


def _finite(value: float) -> float | None:
    """Return a number, or None for JSON."""
    return value if np.isfinite(value) else None


def _exact(value: float) -> str:
    return number_text(value, digits=None, max_integer=2**53)


def _long(value: float) -> str:
    """Return a result with seven digits."""
    return number_text(value, digits=7)


def _numbers(one: Contribution) -> tuple[float, float, float]:
    return one.value, one.weight, one.share


def _place(explanation: Explanation) -> str:
    return f"{printable(explanation.place)} of {shape_text(explanation.shape)}"


def _heading_lines(explanation: Explanation, account: _Account) -> Iterator[str]:
    """Yield the step's title and its regions."""
    step, inputs, seen = explanation.step, explanation.inputs, explanation.seen
    name = f" ({step.name})" if step.name else ""
    number = f"{explanation.number}. " if len(inputs) > 1 else ""
    yield printable(f"{number}{step.described()}{name}")

    source = "the picture" if explanation.picture is None else "the network's input"
    is_padded = seen[-1] is not None and not all(patch.inside.all() for patch in account.patches)
    direct = _region_text(seen[-1], inputs[-1]) + (" and padding" if is_padded else "")
    yield f"sees {direct} of {source if len(seen) == 1 else 'its input'} ({shape_text(inputs[-1])})"
    if len(seen) > 1:
        yield f"and so {_region_text(seen[0], inputs[0])} of {source} ({shape_text(inputs[0])})"
    if explanation.picture is not None:
        yield f"which is {_region_text(explanation.picture, (1, 1))} of the picture"
    if isinstance(explanation.detail, Convolved) and explanation.detail.by_alpha:
        yield "weights count pixels as much as they are visible (--alpha keep: all alike)"
    if explanation.global_steps:
        yield f"all of the picture counts in {', '.join(map(printable, explanation.global_steps))}"


def _region_text(region: Region | None, shape: Shape) -> str:
    if region is None:
        return "nothing but padding"
    if len(shape) == 1:
        return _span("value", region.left, region.right)
    rows, columns = _span("row", region.top, region.bottom), _span("column", *region[2:])
    return f"{rows}, {columns}"


def _span(kind: str, first: int, last: int) -> str:
    return f"{kind} {first}" if first == last else f"{kind}s {first}-{last}"


def _results(explanation: Explanation, account: _Account) -> Iterator[Row]:
    yield from account.rows
    yield Row("value", explanation.value)
    stored = explanation.stored
    if stored is not None:
        clipped = ", clipped" if stored.clipped else ""
        yield Row("stored", stored.pixel, f"({stored.range}{clipped})")


def _rows_table(rows: Iterable[Row], write: Callable[[float], str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, value, words in rows:
        table.add_row(Text(name), Text("" if value is None else write(value)), Text(words))
    return table
