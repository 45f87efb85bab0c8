"""How fast cnnfilter is beside its peers, which are measured in the same run.

Run from an environment with the extra ``bench``::

    python tests/benchmarks/benchmark.py

A ratio is a peer's time divided by ours: how many times as fast as the peer we are. After it
stands the least that it is to be, and ✓ or ✗ for whether it is. A dash is a peer that is not
installed: torch is a build of one's own choice, the programs ImageMagick and GraphicsMagick
come from the distribution's packages.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from works import CHEAPEST, US

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"
#: What the libraries and programs read their number of threads from.
VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY",
    "MAGICK_THREAD_LIMIT",
)  # fmt: skip
THREADS = {"1": "one thread", "all": "all cores"}
PACKAGES = {
    "numpy", "scipy", "pillow", "scikit-image", "opencv-python-headless", "pyvips", "torch",
}  # fmt: skip
MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Row:
    """A work's times in seconds, ours and the peers', and the least ratio to each peer."""

    group: str
    name: str
    mpixels: float
    times: dict[str, float]
    limits: dict[str, float | None]

    @property
    def cost(self) -> float:
        """Our milliseconds, for each megapixel if there are any."""
        return self.times[US] * 1000 / (self.mpixels or 1)


def measured(threads: str, only: str, quick: bool) -> Iterator[Row]:
    """Measure in a process of its own: numbers of threads are read when NumPy is imported."""
    count = "1" if threads == "1" else str(os.cpu_count())
    script = str(Path(__file__).with_name("measuring.py"))
    command = [sys.executable, script, threads, only, *["quick"] * quick]
    environment = os.environ | dict.fromkeys(VARIABLES, count)
    with (
        Console(stderr=True).status("") as status,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process,
    ):
        for line in process.stdout or ():
            row = Row(**json.loads(line))
            status.update(f"{THREADS[threads]}: measured {row.name}")
            yield row
    if process.returncode:
        sys.exit("benchmark: the measuring failed")


def compare_sizes(rows: Sequence[Row]) -> None:
    """Give the works of several sizes the cheapest of them as a peer."""
    sizes = [row for row in rows if CHEAPEST in row.limits]
    for row in sizes:
        row.times[CHEAPEST] = min(each.cost for each in sizes) * row.mpixels / 1000


def span(values: Sequence[float]) -> str:
    """Write a value, or the least and the largest of several."""
    ends = min(values), max(values)
    low, high = (f"{end:.0f}" if end >= 10 else f"{end:.3g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def verdict(rows: Sequence[Row], peer: str) -> str:
    """Write the ratios to a peer, and whether all that have a limit reach it."""
    able = [row for row in rows if peer in row.times]
    if not able:
        return MISSING
    ratios = [row.times[peer] / row.times[US] for row in able]
    limits = [row.limits[peer] or 0 for row in able]
    if not any(limits):
        return span(ratios)
    reached = all(ratio >= limit for ratio, limit in zip(ratios, limits, strict=True))
    return f"{span(ratios)} {'✓' if reached else '✗'} {max(limits):.2g}"


def table_lines(runs: dict[str, list[Row]], key: Callable[[Row], str]) -> Iterator[list[str]]:
    """Lay out rows, those of one key together: a line for our time, one for each peer."""
    yield ["", "times as fast as", *(THREADS[threads] for threads in runs)]
    (first, *_) = runs.values()
    for name in dict.fromkeys(map(key, first)):
        columns = [[row for row in rows if key(row) == name] for rows in runs.values()]
        unit = "(our ms per Mpixel)" if columns[0][0].mpixels else "(our ms)"
        yield [name, unit, *(span([row.cost for row in rows]) for rows in columns)]
        for peer in dict.fromkeys(peer for row in columns[0] for peer in row.limits):
            yield ["", peer, *(verdict(rows, peer) for rows in columns)]


def print_tables(runs: dict[str, list[Row]]) -> None:
    """Print a table for each group of works, and who is missing."""
    console = Console()
    rows = [row for each in runs.values() for row in each]
    for group in dict.fromkeys(row.group for row in rows):
        members = {key: [row for row in each if row.group == group] for key, each in runs.items()}
        headings, *lines = table_lines(members, lambda row: row.name)
        table = Table(*headings, title=group, title_justify="left", box=box.SIMPLE_HEAD)
        for line in lines:
            table.add_row(*line)
        console.print(table)
    missing = {peer for row in rows for peer in row.limits if peer not in row.times}
    console.print(f"Not installed: {', '.join(sorted(missing)) or 'none'}")


def write_readme(runs: dict[str, list[Row]]) -> None:
    """Replace the table of tests/benchmarks/README.md."""
    headings, *lines = table_lines(runs, lambda row: row.group)
    rule = ["---"] * len(headings)
    table = "\n".join(f"| {' | '.join(line)} |" for line in [headings, rule, *lines])
    versions = {each.name.lower(): each.version for each in distributions()}
    named = [f"{name} {versions[name]}" for name in sorted(PACKAGES & versions.keys())]
    cores = f"{os.cpu_count()} cores ({platform.machine()})"
    with_ = ", ".join([cores, f"Python {platform.python_version()}", *named])
    text = README.read_text()
    between = f"{BEGIN}\n{table}\n\nMeasured with {with_}.\n{END}"
    README.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: between, text, flags=re.S))


def main() -> None:
    """Measure, print the tables, and write the README's if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", choices=THREADS, help="both, one after the other, if left out")
    parser.add_argument("--only", metavar="WORDS", default="", help="works whose names hold these")
    parser.add_argument("--quick", action="store_true", help="small images, few repetitions")
    parser.add_argument(
        "--write", action="store_true", help="replace the table in tests/benchmarks/README.md"
    )
    asked = parser.parse_args()
    if asked.write and (asked.threads or asked.only or asked.quick):
        parser.error("--write takes the whole benchmark")
    runs = {}
    for threads in [asked.threads] if asked.threads else THREADS:
        runs[threads] = list(measured(threads, asked.only, asked.quick))
        compare_sizes(runs[threads])
        if not runs[threads]:
            parser.error(f"no work's name holds {asked.only!r}")
    print_tables(runs)
    if asked.write:
        write_readme(runs)


if __name__ == "__main__":
    main()
