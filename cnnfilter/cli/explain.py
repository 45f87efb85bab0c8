"""cnnfilter explain."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import (
    INPUT,
    MAX_PIXELS,
    OUTPUT,
    Alpha,
    Force,
    MaxPixels,
    NoData,
    Quiet,
    examples,
    option,
    read_place,
)
from cnnfilter.cli.printing import is_terminal, print_text, say
from cnnfilter.errors import ArgumentError, brief
from cnnfilter.text import json_text

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Place
    from cnnfilter.files.image import Image
    from cnnfilter.pipeline.explain import Explanation
    from cnnfilter.pipeline.forward import ForwardPass

EXAMPLES = examples(
    'cnnfilter explain "convolve sharpen" sample_images/padlock-16x16.png --at 3,5',
    'cnnfilter explain "convolve sharpen | relu | pool 2" '
    "sample_images/padlock-16x16.png --at 2,4 --step 3",
    'cnnfilter explain "convolve sharpen" sample_images/padlock-16x16.png --walk --delay 0.5',
    "cnnfilter explain digits sample_images/digits/two.png --step conv2 --at 4,4,7",
    'cnnfilter explain "convolve sharpen | pool 2" '
    "sample_images/padlock-16x16.png --html page.html",
)
VALUE, PAGE = "Value", "Page"
#: The longer side of a page's picture, unless asked otherwise.
_SIZE = 256
#: Seconds that --walk shows a window at the most.
_LONGEST = 3600


def explain(
    steps: Annotated[
        str,
        typer.Argument(
            metavar="STEPS",
            help="Steps separated by |, each a name with arguments; a network's name; or a .toml "
            "or .onnx file: what the command pipeline takes.",
            show_default=False,
        ),
    ],
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="A picture or a matrix; - is standard input.", show_default=False
        ),
    ],
    *,
    at: Annotated[
        str | None,
        option(
            group=VALUE,
            metavar="Y,X[,C]",
            help="Row, column and channel of the value, from 0; of a vector its index. Without it "
            "the middle, or a vector's largest value.",
        ),
    ] = None,
    step: Annotated[
        str | None,
        option(
            group=VALUE,
            metavar="N|NAME",
            help="The step whose result it is, by number from 1 or by name. Without it the last.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        option(
            group=VALUE,
            metavar="tsv|json",
            help="Output format: tsv or json. Default: tables on a terminal, plain text in a pipe.",
        ),
    ] = None,
    preview: Annotated[
        bool,
        option(
            "--preview",
            group=VALUE,
            help="Show the result that holds the value as a picture, too; in the terminal.",
        ),
    ] = False,
    walk: Annotated[
        bool,
        option(
            "--walk",
            group=VALUE,
            help="Go through the windows in order, from --at on: by a key, or with --delay.",
        ),
    ] = False,
    delay: Annotated[
        float | None,
        option(group=VALUE, metavar="SECONDS", min=0, help="How long --walk shows each window."),
    ] = None,
    frame: Annotated[
        int | None,
        option(
            group=INPUT,
            metavar="N",
            min=0,
            help="Read this frame or page, from 0. Default: the first.",
        ),
    ] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    alpha: Alpha = "weight",
    no_data: NoData = None,
    range: Annotated[
        str | None,
        option(
            group=OUTPUT,
            metavar="clip|abs|minmax|symmetric",
            help="How the line 'stored' makes the value a pixel: clipped (default for pictures), "
            "by magnitude, stretched from lowest to highest, or with 0 in the middle.",
        ),
    ] = None,
    depth: Annotated[
        int | None,
        option(
            group=OUTPUT,
            metavar="8|16",
            help="Bits of the pixel in the line 'stored'. Default: the input's.",
        ),
    ] = None,
    html: Annotated[
        str | None,
        option(
            group=PAGE,
            metavar="FILE",
            help="Write a page to explore every value in a browser, instead of printing.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        option(
            group=PAGE,
            metavar="N",
            min=1,
            help=f"The most pixels of the page's picture on its longer side: {_SIZE} unless "
            "given. A network's is not reduced.",
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Explain how a value of a result comes about.

    Shows the patch under the window, the kernel, their products, the sum, the
    bias and what a picture would store; for pooling, which value won; for
    activations, dense and softmax, what went in. It says which part of the
    picture the value sees.
    """
    from cnnfilter.arrays.arguments import choice
    from cnnfilter.arrays.quantize import RANGES
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.pipeline.forward import ForwardPass
    from cnnfilter.pipeline.pipeline import Pipeline

    _check(walk=walk, delay=delay, html=html, size=size, format=format, preview=preview)
    if depth not in (None, 8, 16):
        raise ArgumentError(f"--depth is 8 or 16, not {brief(depth)}")
    place = None if at is None else read_place(at, most=3)
    way = None if range is None else choice("range", range, RANGES)
    chain = Pipeline.of(steps)
    if step is not None:
        chain = chain.up_to(step)
    task = PipelineTask(chain, "", alpha=alpha)
    given = _read(image, frame, max_pixels, no_data, quiet=quiet)
    for note in chain.notes if not quiet else ():
        say(note)
    if html is not None:
        from cnnfilter.cli.pages import reduced, write_page
        from cnnfilter.text import shown

        given, notes = reduced(given, task, size or _SIZE)
        forward = ForwardPass.of(chain.with_white(given.peak), task.input_of(given))
        write_page(forward, image, html, place, notes=notes, force=force)
        if not quiet:
            say("; ".join([*notes, f"wrote {shown(html)}"]))
        return
    forward = ForwardPass.by_rows(task.pipeline_for(given), task.input_of(given))
    if preview:
        _preview(forward, place)
    _explain(
        forward, place, walk=walk, delay=delay, format=format,
        range=way or ("clip" if depth or _is_picture(given) else None),
        depth=depth or given.depth, white=given.white,
    )  # fmt: skip


def _check(
    *,
    walk: bool,
    delay: float | None,
    html: str | None,
    size: int | None,
    format: str | None,
    preview: bool,
) -> None:
    """Refuse options that do not go together."""
    from cnnfilter.arrays.arguments import choice

    if format is not None:
        choice("format", format, ("tsv", "json"))
    if delay is not None and not walk:
        raise ArgumentError("--delay is for --walk")
    if delay is not None and not delay <= _LONGEST:
        raise ArgumentError(f"--delay {delay:g} is not a number of seconds up to {_LONGEST}")
    if size is not None and html is None:
        raise ArgumentError("--size is for the picture of --html")
    if preview and not is_terminal():
        raise ArgumentError("--preview needs a terminal; --html writes a page")
    if html is not None and (walk or format or preview):
        raise ArgumentError("--html writes a page; leave out what is for printing")


def _read(
    path: str, frame: int | None, max_pixels: int, no_data: str | None, *, quiet: bool
) -> "Image":
    from contextlib import closing

    from cnnfilter.files.no_data import read_no_data, without_no_data
    from cnnfilter.files.read import read, read_frames
    from cnnfilter.text import shown

    if frame is None:
        given = read(path, max_pixels)
    else:
        with closing(read_frames(path, max_pixels, frame)) as frames:
            given = next(frames)
    given = without_no_data(given, read_no_data(no_data))
    if given.notes and not quiet:
        say(f"{shown(path)}: {'; '.join(given.notes)}")
    return given


def _is_picture(image: "Image") -> bool:
    from cnnfilter.files.formats import FORMATS

    return FORMATS[image.format].is_picture


def _explain(
    forward: "ForwardPass",
    at: "Place | None",
    *,
    walk: bool,
    delay: float | None,
    format: str | None,
    range: str | None,
    depth: int,
    white: int | None,
) -> None:
    from cnnfilter.pipeline.explain import checked_place, explained

    if not walk:
        _print(explained(forward, at, range=range, depth=depth, white=white), format)
        return
    from cnnfilter.cli.walk import Places, on_terminal

    shape = forward.shapes[-1]
    places = Places(checked_place(at or (0,) * min(len(shape), 2), shape), shape)
    explain_at = partial(explained, forward, range=range, depth=depth, white=white)
    if format is None and is_terminal():
        on_terminal(explain_at, places, delay)
        return
    for number, place in enumerate(places):
        if number and format != "json":
            print_text("")
        print_text(_text(explain_at(place), format))


def _text(explanation: "Explanation", format: str | None) -> str:
    """Return plain text, or a line of JSON."""
    from cnnfilter.view.explanation import explanation_data, explanation_text

    if format != "json":
        return explanation_text(explanation)
    return json_text(explanation_data(explanation))


def _print(explanation: "Explanation", format: str | None) -> None:
    """Print for people on a terminal, or for programs."""
    if format is not None or not is_terminal():
        print_text(_text(explanation, format))
        return
    from cnnfilter.view.explanation import explanation_blocks
    from cnnfilter.view.terminal import terminal

    console = terminal()
    for block in explanation_blocks(explanation, console.width, console.height):
        console.print(block)


def _preview(forward: "ForwardPass", at: "Place | None") -> None:
    """Show the map that a value is part of."""
    from cnnfilter.cli.printing import print_picture
    from cnnfilter.pipeline.explain import checked_place, default_place
    from cnnfilter.text import shape_text
    from cnnfilter.view.canvas import reduced, reduced_size
    from cnnfilter.view.colours import Scale, maps_of
    from cnnfilter.view.preview import LONGEST

    rows = forward.rows[-1]
    shape = rows.shape
    title = f"{forward.steps[-1].title}  {shape_text(shape)}"
    if len(shape) == 1:
        row = rows.whole()[None]
        print_picture(title, Scale.of([row]).colours(row))
        return
    place = default_place(rows) if at is None else checked_place(at, shape)
    channel = place[2] if place[2:] else 0
    scale = Scale.of(maps_of(band)[channel] for band in rows.bands())
    colours = (scale.colours(maps_of(band)[channel]) for band in rows.bands())
    print_picture(title, reduced(colours, shape, reduced_size(shape, LONGEST)))
