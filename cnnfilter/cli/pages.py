"""Writing the page that explain --html is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnfilter.arrays.geometry import Place
from cnnfilter.files.image import Image
from cnnfilter.files.opening import nameable
from cnnfilter.files.output import check_target, fingerprints_of, replacing
from cnnfilter.layers.resizing import resize
from cnnfilter.pipeline.explain import checked_place
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.text import shown
from cnnfilter.view.page.build import page


def reduced(image: Image, pipeline: Pipeline, size: int) -> tuple[Image, list[str]]:
    """Bring a picture's longer side to a size, if it is longer; say so.

    What a network takes is left as it is: its numbers would be others.
    """
    height, width = image.pixels.shape[:2]
    is_fixed = bool(pipeline.preparation) or any(pipeline.input_shape or ())
    if is_fixed or max(height, width) <= size:
        return image, []
    factor = size / max(height, width)
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    note = (
        f"the picture was reduced from {width} x {height} pixels to {columns} x {rows}; --size "
        "keeps more"
    )
    pixels = resize(image.pixels, (rows, columns), aspect="stretch")
    return replace(image, pixels=pixels, alpha=None), [note]


def write_page(
    forward: ForwardPass,
    source: str,
    file: str,
    at: Place | None,
    *,
    notes: Sequence[str],
    force: bool,
) -> None:
    """Write the page of a forward.

    Raises
    ------
    CnnFilterError
        If the place lies outside the result, the page is too large, or the file exists, is an
        input or cannot be written.
    """
    existing = "replace" if force else "refuse"
    if file != "-":
        check_target(nameable(file), fingerprints_of([source, *forward.pipeline.files]), existing)
    if at is not None:
        at = checked_place(at, forward.maps[-1].shape)
    lines = [f"{note[0].upper()}{note[1:]}." for note in notes]
    # A page is handed out: its file's name is enough.
    text = page(forward, title=shown(Path(source).name), notes=lines, at=at)
    with replacing(file, existing) as out:
        out.write(text.encode())
