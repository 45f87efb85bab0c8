"""From options to jobs, and from outcomes to lines on the terminal."""

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnfilter.arrays.arguments import choice
from cnnfilter.cli.options import Common, OutputOptions, PrintOptions, RunOptions, read_place
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
    from cnnfilter.batch.plan import Plan
    from cnnfilter.batch.pools import OpenPool
    from cnnfilter.batch.recipe import Recipe
    from cnnfilter.batch.task import Task
    from cnnfilter.files.encoding import Encoding

    Place = tuple[int, int]

#: Number of images up to which each gets a line.
_LISTED = 20


def run(task: "Task", common: Common, *, stages: str | None = None, top: int | None = None) -> None:
    """Run a command's task on all images, and exit with 1 if any failed.

    Parameters
    ----------
    task : Task
    common : Common
    stages : str, optional
        The folder for every layer's result.
    top : int, optional
        Number of classes of a prediction to print.

    Raises
    ------
    ArgumentError
        If the options do not fit, before any image is read.
    typer.Exit
        With status 1 if an image failed, 130 or 143 after a signal.
    """
    at = _place(common.printing)
    plan = _plan(task, common, stages)
    for problem in plan.problems:
        say(problem)
    if not common.output.quiet:
        for note in task.notes:
            say(note)
    writes = not common.only_looks or stages is not None
    if common.run.dry_run:
        _print_plan(plan, common, writes=writes)
        return
    if plan.recipe.target.file == "-" and is_terminal() and common.output.format not in PRINTED:
        raise ArgumentError("standard output is a terminal; name a file with -o, or pipe it")
    failed = bool(plan.problems)
    if common.looks.is_any:
        from cnnfilter.cli.views import Views

        failed = Views.of(plan, common).show() or failed
    if writes:
        failed = _run(plan, common, _Printer(plan, common, at, top)) or failed
    if failed:
        raise typer.Exit(1)


def _print_plan(plan: "Plan", common: Common, *, writes: bool) -> None:
    from cnnfilter.batch.pools import processes
    from cnnfilter.cli.dry_run import print_plan

    drawings = {}
    if common.looks.is_any:
        from cnnfilter.cli.views import Views

        drawings = Views.of(plan, common).files
    workers = _workers(plan, common)
    pool = _open_pool(plan, common.run, workers)
    print_plan(plan, drawings, workers, processes=pool is processes, writes=writes)


def _plan(task: "Task", common: Common, stages: str | None) -> "Plan":
    from cnnfilter.batch.inputs import NOTHING_LISTED, Inputs, listed_names
    from cnnfilter.batch.plan import make_plan

    recipe = _recipe(task, common, stages)
    inputs, run = common.inputs, common.run
    names, list_ = inputs.images or [], inputs.files_from
    if run.report == "-":
        raise ArgumentError("--report names a file; standard output is for results")
    if inputs.null and list_ is None:
        raise ArgumentError("--null is for the list of --files-from")
    if list_ == "-" and "-" in names:
        raise ArgumentError("standard input (-) can be read only once")
    listed = NOTHING_LISTED if list_ is None else listed_names(list_, null_separated=inputs.null)
    return make_plan(
        Inputs(names, listed, inputs.recursive, inputs.hidden),
        recipe,
        common.output.output,
        skip_done=run.skip_existing,
        absolute=run.is_on_cluster,
    )


def _recipe(task: "Task", common: Common, stages: str | None) -> "Recipe":
    """Return what is done to every image, by the options."""
    from cnnfilter.batch.recipe import Recipe, Target
    from cnnfilter.batch.task import PipelineTask

    _check(task, common, stages)
    inputs = common.inputs
    if isinstance(task, PipelineTask):
        task = replace(task, alpha=inputs.alpha)
    elif inputs.alpha != "weight" or inputs.no_data is not None:
        raise ArgumentError("--alpha and --no-data are for filters; alpha is a channel here")
    return Recipe(
        task,
        Target(
            stages=None if stages is None else Path(stages),
            returns_results=common.printing.print or common.only_looks,
        ),
        _encoding(task, common.output),
        inputs.frame,
        inputs.max_pixels,
        common.output.existing,
        durable=common.run.durable,
        no_data=_no_data(inputs.no_data),
    )


def _no_data(text: str | None) -> str | float | None:
    """Return --no-data's number, or ``keep``."""
    if text is None:
        return None
    from cnnfilter.files.no_data import read_no_data  # few runs name one

    return read_no_data(text)


def _check(task: "Task", common: Common, stages: str | None) -> None:
    """Refuse options that do not fit together, or not the task."""
    output, run = common.output, common.run
    if common.printing.print and output.output is not None:
        raise ArgumentError("--print writes to standard output; leave --output out")
    if common.printing.print and output.format is not None:
        choice("--print format", output.format, PRINTED)
    if task.gives_vector and stages is None:
        if output.range or output.depth:
            raise ArgumentError("--range and --depth are for pictures; a prediction is not one")
        if output.output is None and output.format not in (None, *PRINTED):
            raise ArgumentError(
                f"--format {output.format}: a prediction is printed as tsv, csv or json; --output "
                "writes the vector"
            )
    if common.printing.print and run.skip_existing:
        raise ArgumentError("--skip-existing is for results that are written; leave --print out")
    if common.only_looks and (run.report or run.skip_existing):
        raise ArgumentError(
            "--report and --skip-existing are for results that are written; add --output"
        )
    if output.depth not in (None, 8, 16):
        raise ArgumentError(f"--depth is 8 or 16, not {brief(output.depth)}")


def _encoding(task: "Task", output: OutputOptions) -> "Encoding":
    from cnnfilter.arrays.quantize import RANGES
    from cnnfilter.files.encoding import Encoding
    from cnnfilter.files.formats import COMPRESSIONS, format_named

    # A prediction is printed in one of these formats; stages are written in another.
    is_printed = task.gives_vector and output.output is None and output.format in PRINTED
    return Encoding(
        None if output.format is None or is_printed else format_named(output.format),
        None if output.range is None else choice("range", output.range, RANGES),
        output.depth,
        choice("compression", output.compression, COMPRESSIONS),
        output.quality,
    )


def _workers(plan: "Plan", common: Common) -> int:
    """Return the number of images that are processed at once."""
    from cnnfilter.batch.pools import available_cores

    if common.printing.print:
        return 1  # a reader of numbers reads one image's after the other
    return max(1, min(common.run.jobs or available_cores(), len(plan.sources)))


def _open_pool(plan: "Plan", options: RunOptions, workers: int) -> "OpenPool | None":
    from cnnfilter.batch.pools import EXECUTORS, pool_named

    executor = options.executor
    if executor is not None:
        choice("executor", executor, EXECUTORS)
    if options.is_on_cluster:
        if executor not in (None, "dask"):
            raise ArgumentError(f"--scheduler is for --executor dask, not {executor}")
        if options.jobs is not None:
            raise ArgumentError("--jobs is for this machine; the cluster's workers decide there")
    elif executor is None and _needs_processes(plan):
        executor = "processes"
    return pool_named(executor, workers, len(plan.sources), options.scheduler)


def _needs_processes(plan: "Plan") -> bool:
    """Return whether a codec would delay signals."""
    from cnnfilter.files.formats import FORMATS

    recipe, names = plan.recipe, [source.name.lower() for source in plan.sources]
    if "-" in (*names, recipe.target.file):  # standard streams are this process's own
        return False
    return any(
        format.holds_interpreter
        and (name == recipe.named_format or any(map(format.has_suffix, names)))
        for name, format in FORMATS.items()
    )


def _run(plan: "Plan", common: Common, printer: "_Printer") -> bool:
    """Process a plan's images, report on them, and return whether anything failed."""
    from cnnfilter.batch.inputs import left_out_text
    from cnnfilter.batch.loop import Stop, run_jobs
    from cnnfilter.cli.progress import Progress
    from cnnfilter.cli.records import Records
    from cnnfilter.cli.signals import heard

    options, quiet, prints = common.run, common.output.quiet, plan.recipe.target.returns_results
    many = len(plan.sources) + len(plan.done) > 1
    listed = len(plan.sources) <= _LISTED
    workers = _workers(plan, common)
    open_pool = _open_pool(plan, options, workers)
    progress = Progress(
        len(plan.sources),
        skipped=len(plan.done),
        failed=len(plan.problems),
        shows=many and not quiet and not prints,
    )
    records = Records(
        plan, options.report, force=common.output.force, goes_on=options.skip_existing
    )
    left_out = left_out_text(plan.left_out) if plan.left_out else ""
    sums_up = many and not quiet and not (prints and listed)
    stop, signals = Stop(), heard()
    asked = signals.asked(
        stop.ask if open_pool else None,
        (lambda: progress.summary(listed=listed, left_out=left_out)) if sums_up else None,
    )

    def end() -> None:
        stop.end_workers()
        records.remove_strays()

    ended = False
    with signals.cleaning_up(end), records, asked, progress:
        outcomes = run_jobs(records.recipe, plan.sources, open_pool, workers, stop)
        try:
            for outcome in outcomes:
                outcome.error = outcome.error or printer.problem(outcome)
                records.add(outcome)
                progress.add(outcome)
                if outcome.error is not None:
                    say(outcome.error)
                    stop.asked = stop.asked or options.fail_fast
                    continue
                printer.print(outcome)
                if listed and not quiet and not printer.has_said_all(outcome):
                    say(_report(outcome))
        except CnnFilterError as error:  # of all workers at once
            ended = True
            say(str(error))
        finally:
            outcomes.close()
    if sums_up:
        say(progress.summary(listed=listed, left_out=left_out))
    elif left_out and not quiet:
        say(left_out)
    if signals.status:
        raise typer.Exit(signals.status)
    return ended or records.has_failed or progress.failed > 0


class _Printer:
    """Prints the results that are not written.

    Parameters
    ----------
    plan : Plan
    common : Common
    at : (int, int) or None
        The place that large matrices are shown around.
    top : int or None
        Number of classes of a prediction to print.
    """

    def __init__(self, plan: "Plan", common: Common, at: "Place | None", top: int | None) -> None:
        self._options = common.printing
        self._format = common.output.format
        self._is_off = common.only_looks
        self._at = at
        self._top = top
        many = len(plan.sources) + len(plan.done) > 1
        self._prints_names = many and self._options.print and is_terminal() and self._format is None
        self._has_printed = False

    def problem(self, outcome: "Outcome") -> str | None:
        """Return the error if --at lies outside a result."""
        if self._at is None:
            return None
        row, column = self._at
        for shape in outcome.after:
            shape = (1, *shape) if len(shape) == 1 else shape
            if row >= shape[0] or column >= shape[1]:
                source = shown(outcome.source)
                return f"{source}: --at {row},{column} is outside the result ({shape_text(shape)})"
        return None

    def print(self, outcome: "Outcome") -> None:
        """Print an image's predictions or numbers."""
        if self._is_off:
            return
        if self._prints_names:
            print_text(f"{shown(outcome.source)}:")
        for result in outcome.kept:
            if result.classes and not self._options.print:
                print_classes(
                    outcome.source,
                    result.classes,
                    result.quantity,
                    top=self._top,
                    format=self._format,
                )
                continue
            if self._has_printed and self._format != "json":
                print_text("")
            self._has_printed = True
            print_array(
                result.name,
                result.pixels,
                channels=result.titles,
                format=self._format,
                at=self._at,
                full=self._options.full,
            )

    def has_said_all(self, outcome: "Outcome") -> bool:
        """Return whether a prediction was printed, and there is no more to say."""
        predicted = any(result.classes for result in outcome.kept) and not self._options.print
        return predicted and not outcome.written and not outcome.notes


def _place(options: PrintOptions) -> "Place | None":
    """Return the place that --at names."""
    for name in ("at", "full"):
        if getattr(options, name) and not options.print:
            raise ArgumentError(f"--{name} shows numbers; add --print")
    if options.at is None:
        return None
    row, column = read_place(options.at)
    return row, column


def _report(outcome: "Outcome") -> str:
    """Return a line on an image: shapes, values, share clipped, files."""
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
    """Return the shape of one result, or of channels stacked on each other."""
    return shape_text(shapes[0] if len(shapes) == 1 else (*shapes[0], len(shapes)))


def _files(paths: list[str]) -> str:
    if len(paths) <= 4:
        return ", ".join(paths)
    return f"{paths[0]} ... {paths[-1]} ({len(paths)} files)"
