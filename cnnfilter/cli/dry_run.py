"""The output of --dry-run."""

from typing import TYPE_CHECKING

import typer

from cnnfilter.cli.printing import print_rows, say
from cnnfilter.text import shape_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cnnfilter.batch.plan import Outline, Plan


def print_plan(
    plan: "Plan", drawings: "Mapping[str, str]", workers: int, *, processes: bool, writes: bool
) -> None:
    """Print every input, output and shape.

    Parameters
    ----------
    plan : Plan
    drawings : mapping of str to str
        Kinds of drawings (plot, sheet, animate, preview) to files.
    workers : int
        Number of images that are processed at once.
    processes : bool
        Whether each worker is a process.
    writes : bool
        Whether there are results besides drawings.
    """
    from cnnfilter.batch.inputs import left_out_text
    from cnnfilter.batch.memory import MIB, peak
    from cnnfilter.batch.plan import outline_job

    outlines = [outline_job(plan.recipe, source, drawings) for source in plan.sources]
    fine = [outline for outline in outlines if outline.error is None]
    rows = [row for outline in fine for row in _rows(outline)]
    print_rows(("input", "output", "shape", "result"), rows, wrapping=("input", "output"))
    for outline in outlines:
        if outline.error is not None:
            say(outline.error)
    memory = peak([need for outline in fine for need in outline.drawings], 1)
    if writes:
        needs = [outline.need for outline in fine if outline.need is not None]
        memory = max(memory, peak(needs, workers, processes=processes))
    files = sum(len(outline.outputs) for outline in fine)
    failed = len(outlines) - len(fine) + len(plan.problems)
    say(
        f"would do {len(fine)} image(s) into {files} file(s), {workers} at once, in about "
        f"{memory / MIB:.0f} MiB; {len(plan.done)} skipped, {failed} would fail"
    )
    if plan.left_out:
        say(left_out_text(plan.left_out))
    if failed:
        raise typer.Exit(1)


def _rows(outline: "Outline") -> list[tuple[str, str, str, str]]:
    before = shape_text(outline.before)
    outputs = outline.outputs or [""] * len(outline.after)
    return [
        (outline.source, output, before, shape_text(shape))
        for output, shape in zip(outputs, outline.after, strict=True)
    ]
