"""What a run would do, told from the heads of its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cnnfilter.arrays.geometry import Shape
from cnnfilter.batch.jobs import Recipe, existing_at
from cnnfilter.batch.memory import Need, drawing, need
from cnnfilter.batch.sources import Source
from cnnfilter.batch.work import animated_window
from cnnfilter.batch.writings import Origin, check_sizes, writings
from cnnfilter.errors import CnnFilterError
from cnnfilter.files.load import read_head
from cnnfilter.files.output import check_target
from cnnfilter.files.source import told_of


@dataclass
class Outline:
    """What would become of an image.

    Attributes
    ----------
    source : str
    error : str or None
        Why it would fail.
    before : tuple of int
        The image's shape.
    after : list of tuple of int
        The shapes of what is written.
    outputs : list of str
        The files.
    need : Need or None
        What it takes of memory.
    drawings : list of Need
        What each drawing of it takes, which come first.
    """

    source: str
    error: str | None = None
    before: Shape = ()
    after: list[Shape] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    need: Need | None = None
    drawings: list[Need] = field(default_factory=list)


def outline_job(recipe: Recipe, source: Source, drawings: Mapping[str, str]) -> Outline:
    """Tell what would be done with an image, without decoding it.

    Parameters
    ----------
    recipe : Recipe
    source : Source
    drawings : mapping of str to str
        What is drawn of it (plot, sheet, animate, preview), to the file's name; of a preview
        to an empty one.
    """
    outline = Outline(source.path)
    try:
        _outline(recipe, source, outline, drawings)
    except CnnFilterError as error:
        outline.error = told_of(source.path, error)
    return outline


def _outline(recipe: Recipe, source: Source, outline: Outline, drawings: Mapping[str, str]) -> None:
    target = recipe.target
    image = read_head(source.path, recipe.max_pixels)
    outline.before = image.pixels.shape
    results = recipe.work.outline(image)
    origin = Origin.of(image)
    written = [each for each in results if each.is_stage or not target.keep]
    check_sizes(written, recipe.work, image, source, target)
    planned = writings([(each,) for each in written], recipe.work, origin, source, target)
    for each in planned:
        outline.outputs.append(each.path)
        outline.after.append(each.part.pixels.shape)
        if each.path != "-":
            mode = existing_at(each.path, recipe)
            check_target(Path(each.path), recipe.inputs, mode)
    for option, file in drawings.items():
        if option == "animate":
            animated_window(recipe.work, image)
        format = Path(file).suffix.lower().removeprefix(".")
        outline.drawings.append(drawing(image, recipe.work, option, format))
        if file:
            outline.outputs.append(file)
            outline.after.append(results[-1].pixels.shape)
    outline.after = outline.after or [each.pixels.shape for each in results]
    outline.need = need(image, recipe.work, results, planned, target)
