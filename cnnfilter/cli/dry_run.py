"""What --dry-run prints."""

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
    """Print every input, output and shape; exit with 1 if an image would fail.

    Parameters
    ----------
    plan : Plan
    drawings : mapping of str to str
        What is drawn of each image (plot, sheet, animate, preview) to the file's name.
    workers : int
        How many images are worked on at once.
    processes : bool
        Whether each worker is a process.
    writes : bool
        Whether anything but drawings comes out.
    """
    from cnnfilter.batch.memory import MIB, peak
    from cnnfilter.batch.plan import outline_job

    outlines = [outline_job(plan.recipe, source, drawings) for source in plan.sources]
    fine = [each for each in outlines if each.error is None]
    rows = [row for each in fine for row in _rows(each)]
    print_rows(("input", "output", "shape", "result"), rows, wrapping=("input", "output"))
    for each in outlines:
        if each.error is not None:
            say(each.error)
    memory = peak([need for each in fine for need in each.drawings], 1)
    if writes:
        needs = [each.need for each in fine if each.need is not None]
        memory = max(memory, peak(needs, workers, processes=processes))
    files = sum(len(each.outputs) for each in fine)
    failed = len(outlines) - len(fine) + len(plan.problems)
    say(
        f"would do {len(fine)} image(s) into {files} file(s), {workers} at once, in about "
        f"{memory / MIB:.0f} MiB; {len(plan.done)} skipped, {failed} would fail"
    )
    if failed:
        raise typer.Exit(1)


def _rows(outline: "Outline") -> list[tuple[str, str, str, str]]:
    before = shape_text(outline.before)
    outputs = outline.outputs or [""] * len(outline.after)
    return [
        (outline.source, output, before, shape_text(shape))
        for output, shape in zip(outputs, outline.after, strict=True)
    ]
