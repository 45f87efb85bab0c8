"""The page that explain --html writes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnfilter.arrays.geometry import Place
from cnnfilter.batch.task import PipelineTask
from cnnfilter.cli.options import existing_if
from cnnfilter.files.encoding import Output
from cnnfilter.files.image import Image
from cnnfilter.files.output import check_target, fingerprints_of, replacing
from cnnfilter.layers.resizing import resize
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.text import shown
from cnnfilter.view.canvas import reduced_size
from cnnfilter.view.page.build import page


def reduced(image: Image, task: PipelineTask, size: int) -> tuple[Image, list[str]]:
    """Reduce a picture; return notes for people.

    A network's input keeps its size, since its numbers would change.
    """
    height, width = image.pixels.shape[:2]
    pipeline = task.pipeline
    notes = []
    if image.alpha is not None and task.pipeline_for(image) is not pipeline:
        notes = ["on this page all pixels count alike, also invisible ones (as --alpha keep)"]
    is_fixed = bool(pipeline.preparation) or any(pipeline.input_shape or ())
    if is_fixed or max(height, width) <= size:
        return image, notes
    rows, columns = reduced_size(image.pixels.shape, size)
    note = (
        f"the picture was reduced from {width} x {height} pixels to {columns} x {rows}; --size "
        "keeps more"
    )
    pixels = resize(image.pixels, (rows, columns), aspect="stretch")
    return replace(image, pixels=pixels, alpha=None), [*notes, note]


def write_page(
    forward: ForwardPass,
    source: str,
    file: str,
    at: Place | None,
    *,
    notes: Sequence[str],
    force: bool,
) -> None:
    """Write the page of a forward pass.

    Raises
    ------
    CnnFilterError
        If the place lies outside the result, the page is too large, or the file exists, is an
        input or cannot be written.
    """
    existing = existing_if(force=force)
    check_target(
        Output(file, existing=existing), fingerprints_of([source, *forward.pipeline.files])
    )
    lines = [f"{note[0].upper()}{note[1:]}." for note in notes]
    # Pages are passed on, so they name the file without its folder.
    step = None if at is None else len(forward.steps) - 1  # the one whose result --at names
    text = page(forward, title=shown(Path(source).name), notes=lines, at=at, step=step)
    with replacing(file, existing) as out:
        out.write(text.encode())
