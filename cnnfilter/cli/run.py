"""From options to jobs, and from outcomes to what is written on the terminal."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnfilter.cli.options import Common
from cnnfilter.core.arguments import pair
from cnnfilter.errors import ArgumentError

if TYPE_CHECKING:
    from cnnfilter.batch.jobs import Outcome
    from cnnfilter.batch.work import Result, Work
    from cnnfilter.core.arrays import Array

#: The formats in which numbers are printed.
PRINTED = ("tsv", "csv", "json")


def run(work: "Work", common: Common, *, stages: str | None = None) -> None:
    """Do a command's work on all images, and exit with 1 if any failed.

    Raises
    ------
    ArgumentError
        If the options do not go together, before any image is read.
    typer.Exit
        With status 1 if an image failed.
    """
    from cnnfilter.batch.jobs import Target, run_jobs
    from cnnfilter.batch.plan import plan_jobs
    from cnnfilter.core.arguments import choice
    from cnnfilter.core.quantize import RANGES
    from cnnfilter.files.images import MAX_PIXELS

    if common.print and common.output is not None:
        raise ArgumentError("--print writes to standard output; leave --output out")
    if common.print and common.format is not None:
        choice("--print format", common.format, PRINTED)
    at = None if common.at is None else pair("at", common.at, least=0)
    jobs = plan_jobs(
        common.images or [],
        work,
        Target(
            format=common.format,
            range=None if common.range is None else choice("range", common.range, RANGES),
            force=common.force,
            stages=None if stages is None else Path(stages),
            keep=common.print,
        ),
        output=common.output,
        max_pixels=common.max_pixels or MAX_PIXELS,
    )
    if any(job.target.file == "-" for job in jobs):
        _check_stdout(common.format)
    failed = False
    for number, outcome in enumerate(run_jobs(jobs)):
        if outcome.error is not None:
            failed = True
            say(outcome.error)
            continue
        _print_results(outcome.kept, common, at, first=number == 0)
        if not common.quiet:
            say(_report(outcome))
    if failed:
        raise typer.Exit(1)


def say(message: str) -> None:
    """Write one line on standard error."""
    print(f"cnnfilter: {message}", file=sys.stderr)


def _check_stdout(format: str | None) -> None:
    if sys.stdout.isatty() and format not in PRINTED:
        raise ArgumentError("standard output is a terminal; name a file with -o, or pipe it")


def _report(outcome: "Outcome") -> str:
    """Say in one line what was done: shapes, range, share clipped, where it is."""
    from cnnfilter.files.source import shown

    several = f"{len(outcome.after)} of " if len(outcome.after) > 1 else ""
    parts = [f"{_shape(outcome.before)} -> {several}{_shape(outcome.after[0])}"]
    if outcome.span is not None:
        low, high = outcome.span
        parts.append(f"values {low:.6g} to {high:.6g}")
    if outcome.clipped:
        share = sum(outcome.clipped) / len(outcome.clipped)
        parts.append(f"{share:.1%} clipped" if share == 0 or share >= 0.001 else "<0.1% clipped")
    parts.extend(outcome.notes)
    if outcome.written and outcome.written != ["-"]:
        parts.append("wrote " + _files([shown(path) for path in outcome.written]))
    return f"{shown(outcome.source)}: {'; '.join(parts)}"


def _files(paths: list[str]) -> str:
    if len(paths) <= 4:
        return ", ".join(paths)
    return f"{paths[0]} ... {paths[-1]} ({len(paths)} files)"


def _shape(shape: Iterable[int]) -> str:
    return "x".join(str(length) for length in shape)


def _print_results(
    results: "list[Result]", common: Common, at: tuple[int, int] | None, *, first: bool
) -> None:
    """Print numbers: as tables on a terminal, else as plain text, one blank line between."""
    from cnnfilter.files.matrices import matrix_text

    for number, result in enumerate(results):
        if common.format is None and sys.stdout.isatty():
            _print_tables(result, at, full=common.full)
            continue
        if not (first and number == 0) and common.format != "json":
            print()
        for line in matrix_text(result.pixels, common.format or "tsv"):
            sys.stdout.write(line)
    sys.stdout.flush()


def _print_tables(result: "Result", at: tuple[int, int] | None, *, full: bool) -> None:
    from rich.console import Console

    from cnnfilter.errors import ShapeError
    from cnnfilter.view.matrices import matrix_tables

    console = Console(highlight=False, markup=False)
    for name, channel in _channels(result):
        if at is not None and not (at[0] < channel.shape[0] and at[1] < channel.shape[1]):
            raise ShapeError(
                f"--at {at[0]},{at[1]} lies outside: the result is {_shape(channel.shape)}"
            )
        for table in matrix_tables(
            channel, f"{name}  {_shape(channel.shape)}", width=console.width,
            height=shutil.get_terminal_size().lines, at=at, full=full,
        ):  # fmt: skip
            console.print(table)


def _channels(result: "Result") -> "list[tuple[str, Array]]":
    """Take a result's channels apart, with a name for each."""
    pixels = result.pixels
    if pixels.ndim == 2:
        return [(result.channels[0] if result.channels else result.name, pixels)]
    count = pixels.shape[2]
    names = result.channels or ("",)
    each = count // len(names)
    return [
        (
            f"{names[index // each] or result.name}"
            + (f", channel {index % each + 1} of {each}" if each > 1 else ""),
            pixels[:, :, index],
        )
        for index in range(count)
    ]
