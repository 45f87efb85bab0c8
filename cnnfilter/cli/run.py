"""From options to jobs, and from outcomes to what is written on the terminal."""

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnfilter.arrays.arguments import choice, wholes
from cnnfilter.cli.options import Common
from cnnfilter.cli.printing import (
    PRINTED,
    is_terminal,
    print_array,
    print_classes,
    print_text,
    say,
)
from cnnfilter.errors import ArgumentError, CnnFilterError, brief
from cnnfilter.text import shape_text, shown

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Shape
    from cnnfilter.batch.job import Outcome
    from cnnfilter.batch.outputs import Target
    from cnnfilter.batch.plan import Plan
    from cnnfilter.batch.pools import OpenPool
    from cnnfilter.batch.task import Task

#: Up to so many images, each gets a line.
_LISTED = 20


def run(task: "Task", common: Common, *, stages: str | None = None, top: int | None = None) -> None:
    """Do a command's work on all images, and exit with 1 if any failed.

    Raises
    ------
    ArgumentError
        If the options do not go together, before any image is read.
    typer.Exit
        With status 1 if an image failed, 130 or 143 after a signal.
    """
    at = _place(common)
    plan = _plan(task, common, stages)
    for problem in plan.problems:
        say(problem)
    writes = not common.only_looks or stages is not None
    if common.dry_run:
        _print_plan(plan, common, writes=writes)
        return
    if plan.recipe.target.file == "-":
        _check_stdout(common.format)
    failed = bool(plan.problems)
    if common.looks:
        from cnnfilter.cli.views import Views

        failed = Views.of(plan, common).show() or failed
    if writes:
        failed = _run(plan, common, at, top) or failed
    if failed:
        raise typer.Exit(1)


def _print_plan(plan: "Plan", common: Common, *, writes: bool) -> None:
    from cnnfilter.batch.pools import processes
    from cnnfilter.cli.dry_run import print_plan

    drawings = {}
    if common.looks:
        from cnnfilter.cli.views import Views

        drawings = Views.of(plan, common).files
    workers, pool = _workers(plan, common), _open_pool(plan, common)
    print_plan(plan, drawings, workers, processes=pool is processes, writes=writes)


def _plan(task: "Task", common: Common, stages: str | None) -> "Plan":
    from cnnfilter.batch.inputs import NOTHING_LISTED, Search, listed_names
    from cnnfilter.batch.plan import make_plan
    from cnnfilter.files.image import MAX_PIXELS

    target = _target(task, common, stages)
    if common.report == "-":
        raise ArgumentError("--report names a file; standard output is for results")
    if common.null and common.files_from is None:
        raise ArgumentError("--null is for the list of --files-from")
    if common.files_from == "-" and "-" in (common.images or []):
        raise ArgumentError("standard input (-) can be read only once")
    listed = (
        NOTHING_LISTED
        if common.files_from is None
        else listed_names(common.files_from, null_separated=common.null)
    )
    return make_plan(
        common.images or [],
        task,
        target,
        listed=listed,
        protected=[] if common.files_from is None else [common.files_from],
        output=common.output,
        search=Search(common.recursive, common.hidden),
        max_pixels=common.max_pixels or MAX_PIXELS,
        existing="replace" if common.force else "refuse",
        skip_done=common.skip_existing,
        absolute=_is_on_cluster(common),
        durable=common.durable,
    )


def _is_on_cluster(common: Common) -> bool:
    return common.scheduler is not None or common.executor == "dask"


def _workers(plan: "Plan", common: Common) -> int:
    """Say how many images are worked on at once."""
    from cnnfilter.batch.pools import available_cores

    if common.print:
        return 1  # whoever reads numbers reads one image's after the other
    return max(1, min(common.jobs or available_cores(), len(plan.sources)))


def _open_pool(plan: "Plan", common: Common) -> "OpenPool | None":
    from cnnfilter.batch.pools import EXECUTORS, pool_named

    executor = common.executor
    if executor is not None:
        choice("executor", executor, EXECUTORS)
    if _is_on_cluster(common):
        if executor not in (None, "dask"):
            raise ArgumentError(f"--scheduler is for --executor dask, not {executor}")
        if common.jobs is not None:
            raise ArgumentError("--jobs is for this machine; a cluster's workers say it there")
    if executor is None and common.scheduler is None and _needs_processes(plan):
        executor = "processes"
    return pool_named(executor, _workers(plan, common), len(plan.sources), common.scheduler)


def _needs_processes(plan: "Plan") -> bool:
    """Return whether a codec would keep this process from hearing a signal."""
    from cnnfilter.files.formats import FORMATS

    target, paths = plan.recipe.target, [source.path.lower() for source in plan.sources]
    if "-" in (*paths, target.file):  # standard streams are this process's own
        return False
    written = target.format or target.named_format
    return any(
        format.holds_interpreter and (name == written or any(map(format.has_suffix, paths)))
        for name, format in FORMATS.items()
    )


def _run(plan: "Plan", common: Common, at: tuple[int, int] | None, top: int | None) -> bool:
    """Work through a plan and tell what becomes of it; whether anything failed."""
    from cnnfilter.batch.loop import Stop, run_jobs
    from cnnfilter.cli.progress import Progress
    from cnnfilter.cli.records import Records
    from cnnfilter.cli.signals import heard

    many = len(plan.sources) + len(plan.done) > 1
    listed = len(plan.sources) <= _LISTED
    stop = Stop()
    open_pool = _open_pool(plan, common)
    printer = _Printer(common, at, top, names=many)
    progress = Progress(
        len(plan.sources),
        skipped=len(plan.done),
        failed=len(plan.problems),
        shows=many and not common.quiet and not plan.recipe.target.returns_results,
    )
    records = Records(plan, common.report, force=common.force, goes_on=common.skip_existing)
    sums_up = many and not common.quiet and not (plan.recipe.target.returns_results and listed)
    signals = heard()
    asked = signals.asked(
        stop.ask if open_pool else None,
        (lambda: progress.summary(told=listed)) if sums_up else None,
    )

    def end() -> None:
        stop.end_workers()
        records.remove_strays()

    ending = signals.cleaning_up(end)
    ended = False
    with ending, records, asked, progress:
        workers = _workers(plan, common)
        outcomes = run_jobs(records.recipe, plan.sources, open_pool, workers, stop)
        try:
            for outcome in outcomes:
                outcome.error = outcome.error or _outside(at, outcome)
                records.add(outcome)
                progress.add(outcome)
                if outcome.error is not None:
                    say(outcome.error)
                    stop.asked = stop.asked or common.fail_fast
                    continue
                printer.print(outcome)
                if listed and not common.quiet and not printer.has_said_all(outcome):
                    say(_report(outcome))
        except CnnFilterError as error:  # of all workers at once
            ended = True
            say(str(error))
        finally:
            outcomes.close()
    if sums_up:
        say(progress.summary(told=listed))
    if signals.status:
        raise typer.Exit(signals.status)
    return ended or progress.failed > 0


class _Printer:
    """Prints the results that are not written."""

    def __init__(
        self, common: Common, at: tuple[int, int] | None, top: int | None, *, names: bool
    ) -> None:
        self._common = common
        self._at = at
        self._top = top
        self._names = names and common.print and is_terminal() and common.format is None
        self._has_printed = False

    def print(self, outcome: "Outcome") -> None:
        """Print what an image's outcome keeps: predictions, or numbers."""
        common = self._common
        if common.only_looks:
            return
        if self._names:
            print_text(f"{shown(outcome.source)}:")
        for result in outcome.kept:
            if result.classes and not common.print:
                print_classes(
                    outcome.source,
                    result.classes,
                    result.quantity,
                    top=self._top,
                    format=common.format,
                )
                continue
            if self._has_printed and common.format != "json":
                print_text("")
            self._has_printed = True
            print_array(
                result.name,
                result.pixels,
                channels=result.titles,
                format=common.format,
                at=self._at,
                full=common.full,
            )

    def has_said_all(self, outcome: "Outcome") -> bool:
        """Whether a prediction is all that there is to say."""
        predicted = any(result.classes for result in outcome.kept) and not self._common.print
        return predicted and not outcome.written and not outcome.notes


def _target(task: "Task", common: Common, stages: str | None) -> "Target":
    from cnnfilter.arrays.quantize import RANGES
    from cnnfilter.batch.outputs import Target
    from cnnfilter.files.formats import COMPRESSIONS, format_named

    if common.print and common.output is not None:
        raise ArgumentError("--print writes to standard output; leave --output out")
    if common.print and common.format is not None:
        choice("--print format", common.format, PRINTED)
    if task.gives_vector and stages is None and (common.range or common.depth):
        raise ArgumentError("--range and --depth are for pictures; a prediction is none")
    told = task.gives_vector and common.output is None
    if told and stages is None and common.format not in (None, *PRINTED):
        raise ArgumentError(
            f"--format {common.format}: a prediction is printed as tsv, csv or json; --output "
            "writes the vector"
        )
    if common.print and common.skip_existing:
        raise ArgumentError("--skip-existing is for what is written; leave --print out")
    if common.only_looks and (common.report or common.skip_existing):
        raise ArgumentError(
            "--report and --skip-existing are for results that are written; add --output"
        )
    if common.depth not in (None, 8, 16):
        raise ArgumentError(f"--depth is 8 or 16, not {brief(common.depth)}")
    format = None if common.format is None else format_named(common.format)
    return Target(
        format=format,
        depth=common.depth,
        range=None if common.range is None else choice("range", common.range, RANGES),
        compression=choice("compression", common.compression, COMPRESSIONS),
        quality=common.quality,
        frame=common.frame,
        stages=None if stages is None else Path(stages),
        # A network's maps are small numbers about 0: as they are, pictures would be black.
        stages_range="minmax" if task.gives_vector else None,
        # What a prediction is printed in is not meant for these.
        stages_format=None if told and common.format in PRINTED else format,
        returns_results=common.print or common.only_looks,
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
