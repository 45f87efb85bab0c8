"""From options to jobs, and from outcomes to what is written on the terminal."""

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnfilter.cli.options import Common
from cnnfilter.cli.printing import (
    PRINTED,
    is_terminal,
    print_array,
    print_classes,
    print_text,
    say,
    shape_text,
)
from cnnfilter.core.arguments import choice, wholes
from cnnfilter.errors import ArgumentError

if TYPE_CHECKING:
    from cnnfilter.batch.jobs import Outcome, Target
    from cnnfilter.batch.work import Work
    from cnnfilter.core.geometry import Shape


def run(work: "Work", common: Common, *, stages: str | None = None, top: int | None = None) -> None:
    """Do a command's work on all images, and exit with 1 if any failed.

    Raises
    ------
    ArgumentError
        If the options do not go together, before any image is read.
    typer.Exit
        With status 1 if an image failed.
    """
    from cnnfilter.batch.jobs import run_jobs
    from cnnfilter.batch.plan import plan_jobs
    from cnnfilter.files.images import MAX_PIXELS
    from cnnfilter.files.source import shown

    at = _place(common)
    jobs = plan_jobs(
        common.images or [],
        work,
        _target(work, common, stages),
        output=common.output,
        max_pixels=common.max_pixels or MAX_PIXELS,
    )
    if any(job.target.file == "-" for job in jobs):
        _check_stdout(common.format)
    failed = printed = False
    for outcome in run_jobs(jobs):
        if error := outcome.error or _outside(at, outcome):
            failed = True
            say(error)
            continue
        if common.print and len(jobs) > 1 and is_terminal() and common.format is None:
            print_text(f"{shown(outcome.source)}:")
        for result in outcome.kept:
            if result.classes and not common.print:
                print_classes(
                    outcome.source, result.classes, result.quantity, top=top, format=common.format
                )
                continue
            if printed and common.format != "json":
                print_text("")
            printed = True
            print_array(
                result.name,
                result.pixels,
                channels=result.titles,
                format=common.format,
                at=at,
                full=common.full,
            )
        predicted = any(result.classes for result in outcome.kept) and not common.print
        if not common.quiet and not (predicted and not outcome.written and not outcome.notes):
            say(_report(outcome))
    if failed:
        raise typer.Exit(1)


def _target(work: "Work", common: Common, stages: str | None) -> "Target":
    from cnnfilter.batch.jobs import Target
    from cnnfilter.core.quantize import RANGES
    from cnnfilter.files.formats import COMPRESSIONS

    if common.print and common.output is not None:
        raise ArgumentError("--print writes to standard output; leave --output out")
    if common.print and common.format is not None:
        choice("--print format", common.format, PRINTED)
    if work.gives_vector and stages is None and (common.range or common.depth):
        raise ArgumentError("--range and --depth are for pictures; a prediction is none")
    told = work.gives_vector and common.output is None
    if told and stages is None and common.format not in (None, *PRINTED):
        raise ArgumentError(
            f"--format {common.format}: a prediction is printed as tsv, csv or json; --output "
            "writes the vector"
        )
    if common.depth not in (None, 8, 16):
        raise ArgumentError(f"--depth is 8 or 16, not {common.depth}")
    return Target(
        format=common.format,
        depth=common.depth,
        range=None if common.range is None else choice("range", common.range, RANGES),
        compression=choice("compression", common.compression, COMPRESSIONS),
        force=common.force,
        stages=None if stages is None else Path(stages),
        # A network's maps are small numbers about 0: as they are, pictures would be black.
        stages_range="minmax" if work.gives_vector else None,
        # What a prediction is printed in is not meant for these.
        stages_format=None if told and common.format in PRINTED else common.format,
        keep=common.print,
    )


def _place(common: Common) -> tuple[int, int] | None:
    """Read --at; what shows numbers says nothing where none are printed."""
    for name in ("at", "full"):
        if getattr(common, name) and not common.print:
            raise ArgumentError(f"--{name} shows numbers; add --print")
    if common.at is None:
        return None
    match wholes("--at", common.at, least=0):
        case (row, column):
            return row, column
    raise ArgumentError(f"--at {common.at} is not a row and a column, such as 3,5")


def _outside(at: tuple[int, int] | None, outcome: "Outcome") -> str | None:
    """Word the error where --at names a place that a result does not have."""
    from cnnfilter.files.source import shown

    for shape in outcome.after:
        shape = (1, *shape) if len(shape) == 1 else shape
        if at is not None and (at[0] >= shape[0] or at[1] >= shape[1]):
            source, place = shown(outcome.source), f"{at[0]},{at[1]}"
            return f"{source}: --at {place} lies outside the result, {shape_text(shape)}"
    return None


def _check_stdout(format: str | None) -> None:
    if is_terminal() and format not in PRINTED:
        raise ArgumentError("standard output is a terminal; name a file with -o, or pipe it")


def _report(outcome: "Outcome") -> str:
    """Say in one line what was done: shapes, range, share clipped, where it is."""
    from cnnfilter.files.source import shown

    parts = [f"{shape_text(outcome.before)} -> {_shapes_text(outcome.after)}"]
    if outcome.kept and not outcome.kept[0].classes:
        parts[0] += f" = {sum(map(prod, outcome.after))} features"
    if outcome.span is not None:
        low, high = outcome.span
        parts.append(f"values {low:.6g} to {high:.6g}")
    if outcome.not_finite:
        parts.append(f"{outcome.not_finite} NaN or infinite")
    if outcome.clipped:
        share = sum(outcome.clipped) / len(outcome.clipped)
        parts.append("<0.1% clipped" if 0 < share < 0.001 else f"{share:.1%} clipped")
    parts.extend(outcome.notes)
    if outcome.written and outcome.written != ["-"]:
        parts.append("wrote " + _files([shown(path) for path in outcome.written]))
    return f"{shown(outcome.source)}: {'; '.join(parts)}"


def _shapes_text(shapes: "list[Shape]") -> str:
    """Write the shape of one result, or of channels that lie on each other."""
    return shape_text(shapes[0] if len(shapes) == 1 else (*shapes[0], len(shapes)))


def _files(paths: list[str]) -> str:
    if len(paths) <= 4:
        return ", ".join(paths)
    return f"{paths[0]} ... {paths[-1]} ({len(paths)} files)"
