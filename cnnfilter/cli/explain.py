"""cnnfilter explain."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import Force, Quiet, examples, option
from cnnfilter.cli.printing import is_terminal, print_text, say
from cnnfilter.errors import ArgumentError, brief
from cnnfilter.text import json_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnnfilter.arrays import Array
    from cnnfilter.arrays.geometry import Place
    from cnnfilter.files.image import Image
    from cnnfilter.pipeline.explain import Explanation
    from cnnfilter.pipeline.forward import ForwardPass
    from cnnfilter.pipeline.pipeline import Pipeline

EXAMPLES = examples(
    'cnnfilter explain "convolve sharpen" img.png --at 3,5',
    'cnnfilter explain "convolve sharpen | relu | pool 2" img.png --at 2,4 --step 3',
    'cnnfilter explain "convolve sharpen" img.png --walk --delay 0.5',
    "cnnfilter explain digits digit.png --step conv2 --at 4,4,7",
    'cnnfilter explain "convolve sharpen | pool 2" img.png --html page.html',
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
    range: Annotated[
        str | None,
        option(
            group=VALUE,
            metavar="clip|abs|minmax|symmetric",
            help="How a picture would store the value; of pictures, clip unless given.",
        ),
    ] = None,
    depth: Annotated[
        int | None,
        option(group=VALUE, metavar="8|16", help="Bits of that picture. Without it the image's."),
    ] = None,
    frame: Annotated[
        int | None,
        option(group=VALUE, metavar="N", min=0, help="A frame or page of the file, from 0."),
    ] = None,
    max_pixels: Annotated[
        int | None,
        option(
            group=VALUE,
            metavar="N",
            min=1,
            help="Refuse larger images. Without it Pillow's limit, 178956970.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        option(
            group=VALUE,
            metavar="tsv|json",
            help="Print plain text or data; off a terminal it is text by itself.",
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
    from cnnfilter.pipeline.forward import ForwardPass
    from cnnfilter.pipeline.pipeline import Pipeline

    _check(walk=walk, delay=delay, html=html, size=size, format=format, preview=preview)
    if depth not in (None, 8, 16):
        raise ArgumentError(f"--depth is 8 or 16, not {brief(depth)}")
    place = parse_place(at)
    way = None if range is None else choice("range", range, RANGES)
    chain = Pipeline.of(steps)
    if step is not None:
        chain = chain.up_to(step)
    given = _read(image, frame, max_pixels, quiet=quiet)
    if html is not None:
        from cnnfilter.cli.pages import reduced, write_page
        from cnnfilter.text import shown

        given, notes = reduced(given, chain, size or _SIZE)
        forward = _run(chain, given, ForwardPass.of)
        write_page(forward, image, html, place, notes=notes, force=force)
        if not quiet:
            say("; ".join([*notes, f"wrote {shown(html)}"]))
        return
    forward = _run(chain, given, ForwardPass.by_rows)
    if preview:
        _preview(forward, place)
    _explain(
        forward, place, walk=walk, delay=delay, format=format,
        range=way or ("clip" if depth or _is_picture(given) else None),
        depth=depth or given.depth,
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


def parse_place(at: str | None) -> "Place | None":
    """Read a position from text such as 3,4 or 3,4,0."""
    if at is None:
        return None
    from cnnfilter.arrays.arguments import whole

    words = at.split(",")
    if not 1 <= len(words) <= 3:
        raise ArgumentError(
            f"--at '{brief(at)}' is not a row and a column, such as 3,5, or with a channel 3,5,0"
        )
    return tuple(whole("--at", word, least=0, most=sys.maxsize) for word in words)


def _read(path: str, frame: int | None, max_pixels: int | None, *, quiet: bool) -> "Image":
    from contextlib import closing

    from cnnfilter.files.image import MAX_PIXELS
    from cnnfilter.files.read import read, read_frames
    from cnnfilter.text import shown

    if frame is None:
        given = read(path, max_pixels or MAX_PIXELS)
    else:
        with closing(read_frames(path, max_pixels or MAX_PIXELS, frame)) as frames:
            given = next(frames)
    if given.notes and not quiet:
        say(f"{shown(path)}: {'; '.join(given.notes)}")
    return given


def _is_picture(image: "Image") -> bool:
    from cnnfilter.files.formats import FORMATS

    return FORMATS[image.format].is_picture


def _run(
    pipeline: "Pipeline", image: "Image", run: "Callable[[Pipeline, Array], ForwardPass]"
) -> "ForwardPass":
    from cnnfilter.batch.task import without_alpha

    return run(pipeline, without_alpha(image) if pipeline.gives_vector else image.pixels)


def _explain(
    forward: "ForwardPass",
    at: "Place | None",
    *,
    walk: bool,
    delay: float | None,
    format: str | None,
    range: str | None,
    depth: int,
) -> None:
    from cnnfilter.pipeline.explain import checked_place, explained

    if not walk:
        _print(explained(forward, at, range=range, depth=depth), format)
        return
    from cnnfilter.cli.walk import Places, on_terminal

    shape = forward.shapes[-1]
    places = Places(checked_place(at or (0,) * min(len(shape), 2), shape), shape)
    explain_at = partial(explained, forward, range=range, depth=depth)
    if format is None and is_terminal():
        on_terminal(explain_at, places, delay)
        return
    for number, place in enumerate(places):
        if number and format != "json":
            print_text("")
        print_text(_text(explain_at(place), format))


def _text(told: "Explanation", format: str | None) -> str:
    """Write plain text, or a line of JSON."""
    from cnnfilter.view.explanation import explanation_data, explanation_text

    if format != "json":
        return explanation_text(told)
    return json_text(explanation_data(told))


def _print(told: "Explanation", format: str | None) -> None:
    """Print for people on a terminal, or for programs."""
    if format is not None or not is_terminal():
        print_text(_text(told, format))
        return
    from cnnfilter.view.explanation import explanation_blocks
    from cnnfilter.view.terminal import terminal

    console = terminal()
    for block in explanation_blocks(told, console.width, console.height):
        console.print(block)


def _preview(forward: "ForwardPass", at: "Place | None") -> None:
    """Show the map that a value is part of, in colours; a vector as one row."""
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
