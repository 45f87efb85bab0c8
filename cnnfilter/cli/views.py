"""Results to look at: in the terminal, as figures, contact sheets and animations."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnfilter.batch.plan import Plan
from cnnfilter.batch.work import Filtering, Result, without_alpha
from cnnfilter.cli.options import Common
from cnnfilter.cli.preview import print_picture
from cnnfilter.cli.printing import is_terminal, print_classes, say, shape_text
from cnnfilter.core.channels import rgb
from cnnfilter.core.quantize import quantize
from cnnfilter.errors import ArgumentError, CnnFilterError
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.images import Image
from cnnfilter.files.load import read_frames
from cnnfilter.files.output import check_target, replacing
from cnnfilter.files.save import Frame, write
from cnnfilter.files.source import shown, told_of

if TYPE_CHECKING:
    from cnnfilter.core.arrays import Array

#: Of many feature maps, a preview shows so many.
_PREVIEWED = 12
_FIGURES = ("png", "pdf", "svg")


def show_views(plan: Plan, common: Common) -> bool:
    """Draw what was asked for of each image; tell whether any failed.

    Raises
    ------
    ArgumentError
        If a file's name says a format that cannot hold it, or one file is for several images.
    FileError
        If a file exists already, or is an input.
    """
    drawn = {"--plot": common.plot, "--sheet": common.sheet, "--animate": common.animate}
    files = {option: file for option, file in drawn.items() if file is not None}
    for option, file in files.items():
        if len(plan.sources) > 1:
            raise ArgumentError(f"{option} draws one image; name one")
        _check_format(option, file)
        check_target(Path(file), plan.recipe.inputs, "replace" if common.force else "refuse")
    if not common.only_looks and any(source.path == "-" for source in plan.sources):
        raise ArgumentError("standard input (-) can be read only once; leave --output out")
    if common.preview and not is_terminal():
        raise ArgumentError("--preview needs a terminal; -o writes a picture")
    if len({*files.values()}) < len(files):
        raise ArgumentError("two drawings would be written to one file; name another")
    failed = 0
    for source in plan.sources:
        try:
            _show(plan, source.path, common)
        except ArgumentError:
            raise
        except CnnFilterError as error:
            say(told_of(source.path, error))
            failed += 1
    return failed > 0


def _show(plan: Plan, source: str, common: Common) -> None:
    with closing(read_frames(source, plan.recipe.max_pixels, common.frame)) as frames:
        image = next(frames)
    work, title, name = plan.recipe.work, shown(source), shown(Path(source).name)
    notes = list(image.notes)
    if image.frames > 1 and common.frame is None:
        notes.append(f"the first of {image.frames} frames")
    if notes and not common.quiet:
        say(f"{title}: {'; '.join(notes)}")
    results = work.results(image)
    wrote = []
    if common.preview:
        _preview(plan, image, title, results, common)
    if common.plot is not None:
        _plot(plan, image, name, results, common)
        wrote.append(common.plot)
    if common.sheet is not None:
        _draw_sheet(plan, image, results, common)
        wrote.append(common.sheet)
    if common.animate is not None:
        _animate(plan, image, name, common)
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


def _preview(
    plan: Plan, image: Image, title: str, results: Sequence[Result], common: Common
) -> None:
    """Show each result as the picture that would be written; a prediction as bars."""
    last = [result for result in results if not result.is_stage]
    pictures = []
    for result in last:
        if result.pixels.ndim == 1:
            print_classes(title, result.classes, result.quantity, top=None, format=None)
            continue
        pictures += plan.recipe.work.pictures(result)
    for result in pictures[:_PREVIEWED]:
        name = f"{title}: {result.name}" if result.name else title
        size = shape_text(result.pixels.shape)
        print_picture(f"{name}  {size}", _as_picture(result, image, common))
    if len(pictures) > _PREVIEWED:
        say(f"{title}: {_PREVIEWED} of {len(pictures)} maps; --sheet draws all of them")


def _as_picture(result: Result, image: Image, common: Common) -> "Array":
    """Give what a picture would store, in 8 bits and colours, on white paper."""
    pixels = quantize(result.pixels, common.range or "clip", result.depth or image.depth).pixels
    if result.alpha is not None:
        pixels = without_alpha(Image(pixels, result.alpha))
    if pixels.dtype.itemsize > 1:
        pixels = (pixels // 257).astype("uint8")
    return rgb(pixels)


def _plot(plan: Plan, image: Image, title: str, results: Sequence[Result], common: Common) -> None:
    from cnnfilter.view.figure import figure, figure_bytes

    last = _joined([result for result in results if not result.is_stage])
    drawn = figure(
        image.pixels,
        last.pixels,
        title=f"{title}: {last.name}" if last.name else title,
        names=_labels(plan, last) or last.titles,
        range=common.range or "clip",
        depth=common.depth or last.depth or image.depth,
    )
    file = str(common.plot)
    data = figure_bytes(drawn, Path(file).suffix.lower().removeprefix("."))
    existing = "replace" if common.force else "refuse"
    with replacing(file, existing, durable=common.durable) as out:
        out.write(data)


def _labels(plan: Plan, result: Result) -> tuple[str, ...]:
    """Give the classes' labels in the order of a prediction's values, where it has any."""
    labels = plan.recipe.work.pipeline.labels if isinstance(plan.recipe.work, Filtering) else ()
    return labels if result.pixels.shape == (len(labels),) else ()


def _joined(results: Sequence[Result]) -> Result:
    """Make one result of channels that lie on each other."""
    if len(results) == 1:
        return results[0]
    import numpy as np

    pixels = np.dstack([result.pixels for result in results])
    names = tuple(result.name for result in results)
    return replace(results[0], name="", pixels=pixels, channels=names)


def _draw_sheet(plan: Plan, image: Image, results: Sequence[Result], common: Common) -> None:
    from cnnfilter.view.sheet import Layer, sheet

    work = plan.recipe.work
    if isinstance(work, Filtering) and work.layers > 1 and not work.alone:
        results = [each for each in replace(work, stages=True).results(image) if each.is_stage]
    else:
        results = [_joined([each for each in results if not each.is_stage])]
    layers = [
        Layer(each.name, each.pixels, _labels(plan, each) or each.channels) for each in results
    ]
    drawn = sheet(layers)
    _write_picture(str(common.sheet), [Frame(drawn)], common)


def _animate(plan: Plan, image: Image, title: str, common: Common) -> None:
    from cnnfilter.core.convolution import Convolution
    from cnnfilter.explanations.trace import Trace
    from cnnfilter.view.animation import animation

    work = plan.recipe.work
    if not isinstance(work, Filtering):
        raise ArgumentError("--animate is for convolutions and pooling; channels have no window")
    trace = Trace.of(work.pipeline, without_alpha(image) if work.gives_vector else image.pixels)
    layer, before, after = trace.steps[-1].layer, *trace.maps[-2:]
    window = layer.window_for(before.shape)
    if window is None:
        raise ArgumentError(
            f"--animate: {trace.steps[-1].title} slides no window; end with a convolution or "
            "pooling, or choose one with --step"
        )
    weights = None
    if isinstance(layer, Convolution) and len(layer.kernels) == 1 and layer.bank is None:
        (weights,) = layer.kernels.values()
    title = f"{title}: {trace.steps[-1].described()}"
    frames, durations = animation(before, after, window, title=title, weights=weights)
    timed = [Frame(each, None, time) for each, time in zip(frames, durations, strict=True)]
    _write_picture(str(common.animate), timed, common)


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
