"""Results to look at: in the terminal, as figures, contact sheets and animations."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cnnfilter.arrays.geometry import Shape
from cnnfilter.batch.plan import Plan
from cnnfilter.batch.task import PipelineTask, animated_window
from cnnfilter.cli.drawn import Drawn, taken
from cnnfilter.cli.options import Common
from cnnfilter.cli.preview import print_picture
from cnnfilter.cli.printing import is_terminal, print_classes, say
from cnnfilter.errors import ArgumentError, CnnFilterError
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.image import Image
from cnnfilter.files.opening import with_path
from cnnfilter.files.output import check_target, replacing
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import Frame, write
from cnnfilter.pipeline.streaming import rows_of
from cnnfilter.text import shape_text, shown

#: Of many feature maps, a preview shows so many.
_PREVIEWED = 12
_FIGURES = ("png", "pdf", "svg")


def check_views(plan: Plan, common: Common) -> dict[str, str]:
    """Return what is drawn: plot, sheet, animate and preview to their files' names.

    Raises
    ------
    ArgumentError
        If a file's name says a format that cannot hold it, or one file is for several images.
    FileError
        If a file exists already, or is an input.
    """
    drawn = {"plot": common.plot, "sheet": common.sheet, "animate": common.animate}
    files = {option: file for option, file in drawn.items() if file is not None}
    for option, file in files.items():
        if len(plan.sources) > 1:
            raise ArgumentError(f"--{option} draws one image; name one")
        _check_format(f"--{option}", file)
        check_target(Path(file), plan.recipe.inputs, "replace" if common.force else "refuse")
    if not common.only_looks and any(source.path == "-" for source in plan.sources):
        raise ArgumentError("standard input (-) can be read only once; leave --output out")
    if common.preview and not is_terminal():
        raise ArgumentError("--preview needs a terminal; -o writes a picture")
    if len({*files.values()}) < len(files):
        raise ArgumentError("two drawings would be written to one file; name another")
    return files | ({"preview": ""} if common.preview else {})


def show_views(plan: Plan, common: Common) -> bool:
    """Draw what was asked for of each image; return whether any failed.

    Raises
    ------
    CnnFilterError
        As of `check_views`.
    """
    check_views(plan, common)
    failed = 0
    for source in plan.sources:
        try:
            _show(plan, source.path, common)
        except ArgumentError:
            raise
        except CnnFilterError as error:
            say(with_path(source.path, error))
            failed += 1
    return failed > 0


def _show(plan: Plan, source: str, common: Common) -> None:
    with closing(read_frames(source, plan.recipe.max_pixels, common.frame)) as frames:
        image = next(frames)
    title, name = shown(source), shown(Path(source).name)
    notes = list(image.notes)
    if image.frames > 1 and common.frame is None:
        notes.append(f"the first of {image.frames} frames")
    if notes and not common.quiet:
        say(f"{title}: {'; '.join(notes)}")
    wrote = []
    if common.preview:
        _preview(plan, image, title, common)
    if common.plot is not None:
        _plot(plan, image, name, common)
        wrote.append(common.plot)
    if common.sheet is not None:
        _draw_sheet(plan, image, common)
        wrote.append(common.sheet)
    if common.animate is not None:
        moving = _animation(plan, image, name)
        del image  # whose place the frames may take while they are encoded
        _write_picture(str(common.animate), moving, common)
        wrote.append(common.animate)
    if wrote and not common.quiet:
        say(f"{title}: wrote {', '.join(map(shown, wrote))}")


def _check_format(option: str, file: str) -> None:
    """Refuse a file's name that says no format, or one that cannot hold what is drawn."""
    suffix = Path(file).suffix.lower().removeprefix(".")
    if option == "--plot":
        fits, able = suffix in _FIGURES, ", ".join(f".{each}" for each in _FIGURES)
    elif option == "--sheet":
        format = format_of(file) if suffix != "pdf" else None
        fits, able = format is not None and FORMATS[format].is_picture, "a picture, such as .png"
    else:
        fits, able = suffix in ("gif", "webp"), ".gif or .webp"
    if not fits:
        raise ArgumentError(f"{option} {shown(file)}: its name has to end in {able}")


def _preview(plan: Plan, image: Image, title: str, common: Common) -> None:
    """Show each result as the picture that would be written; a prediction as bars."""
    task = plan.recipe.task
    if task.gives_vector:
        last = task.results(image)[-1]
        print_classes(title, last.classes, last.quantity, top=None, format=None)
        return
    drawn = Drawn(task, image)
    pictures, count = drawn.previews(common.range or "clip", _PREVIEWED)
    for picture in pictures:
        name = f"{title}: {picture.name}" if picture.name else title
        print_picture(f"{name}  {shape_text(picture.shape)}", picture.pixels)
    if count > _PREVIEWED:
        say(f"{title}: {_PREVIEWED} of {count} maps; --sheet draws all of them")


def _plot(plan: Plan, image: Image, title: str, common: Common) -> None:
    from cnnfilter.view.figure import figure, figure_bytes

    made = Drawn(plan.recipe.task, image)
    last = made.result
    drawn = figure(
        image.pixels,
        made.rows,
        title=f"{title}: {last.name}" if last.name else title,
        names=_labels(plan, made.rows.shape) or last.titles,
        range=common.range or "clip",
        depth=common.depth or last.depth or image.depth,
    )
    file = str(common.plot)
    data = figure_bytes(drawn, Path(file).suffix.lower().removeprefix("."))
    existing = "replace" if common.force else "refuse"
    with replacing(file, existing, durable=common.durable) as out:
        out.write(data)


def _labels(plan: Plan, shape: Shape) -> tuple[str, ...]:
    """Return the classes' labels in the order of a prediction's values, where it has any."""
    labels = plan.recipe.task.pipeline.labels if isinstance(plan.recipe.task, PipelineTask) else ()
    return labels if shape == (len(labels),) else ()


def _draw_sheet(plan: Plan, image: Image, common: Common) -> None:
    from cnnfilter.view.sheet import Layer, sheet

    layers = [
        Layer(each.name, rows, _labels(plan, rows.shape) or each.channels)
        for each, rows in Drawn(plan.recipe.task, image).stages()
    ]
    drawn = sheet(layers)
    _write_picture(str(common.sheet), [Frame(drawn)], common)


def _animation(plan: Plan, image: Image, title: str) -> list[Frame]:
    from cnnfilter.layers.convolution import Convolution
    from cnnfilter.view.animation import animation

    task = plan.recipe.task
    window = animated_window(task, image)
    assert isinstance(task, PipelineTask)  # noqa: S101 - which is what slides one
    step = task.pipeline.steps[-1]
    before, after = rows_of(task.pipeline, taken(task, image))[-2:]
    weights = None
    if isinstance(step.layer, Convolution) and len(step.layer.kernels) == 1:
        (weights,) = step.layer.kernels.values()
        weights = weights if weights.ndim == 2 else None
    title = f"{title}: {step.described()}"
    frames, durations = animation(before, after, window, title=title, weights=weights)
    return [Frame(each, None, time) for each, time in zip(frames, durations, strict=True)]


def _write_picture(file: str, frames: Sequence[Frame], common: Common) -> None:
    write(
        file,
        frames,
        str(format_of(file)),
        metadata={"loop": 0} if len(frames) > 1 else {},
        compression="small",
        existing="replace" if common.force else "refuse",
        durable=common.durable,
    )
