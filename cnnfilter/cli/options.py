"""The options that commands share, each declared once."""

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from cnnfilter.files.formats import compression_help, formats_help, quality_help

WINDOW, KERNEL, OUTPUT, PRINTING = "Window", "Kernel", "Output", "Printing"
LOOKING = "Looking"
INPUT, RUN = "Input", "Many images"


def option(*names: str, group: str, **settings: Any) -> Any:
    """Declare an option in a group of the help."""
    return typer.Option(*names, rich_help_panel=group, **settings)


Force = Annotated[
    bool, option("--force", group=OUTPUT, help="Overwrite what exists; never an input.")
]
Quiet = Annotated[bool, option("-q", "--quiet", group=OUTPUT, help="Say nothing but errors.")]


@dataclass(frozen=True)
class Common:
    """What every command that takes images understands."""

    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures, matrices, folders of them, or patterns such as 'photos/*.png'; - is "
            "standard input.",
            show_default=False,
        ),
    ] = None
    recursive: Annotated[
        bool,
        option(
            "-r", "--recursive", group=INPUT, help="Take what lies in the folders of folders, too."
        ),
    ] = False
    hidden: Annotated[
        bool,
        option("--hidden", group=INPUT, help="Take what begins with a dot in folders, too."),
    ] = False
    files_from: Annotated[
        str | None,
        option(
            group=INPUT,
            metavar="FILE",
            help="Take the images that are listed in a file, one a line; - is standard input.",
        ),
    ] = None
    null: Annotated[
        bool,
        option("-0", "--null", group=INPUT, help="That list is separated by NUL (find -print0)."),
    ] = False
    frame: Annotated[
        int | None,
        option(
            group=INPUT,
            metavar="N",
            min=0,
            help="Take one frame or page of each file, from 0. Without it all, where the result's "
            "format holds them.",
        ),
    ] = None
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            group=OUTPUT,
            metavar="PATH",
            help="A file, a folder (always with several images), a template such as "
            "'out/{parent}/{stem}-{kernel}.png', or - for standard output. Without it results "
            "stand beside their images.",
        ),
    ] = None
    format: Annotated[
        str | None,
        option(
            group=OUTPUT,
            metavar="NAME",
            help=formats_help(),
        ),
    ] = None
    range: Annotated[
        str | None,
        option(
            group=OUTPUT,
            metavar="clip|abs|minmax|symmetric",
            help="How values become pixels: clipped (the default for pictures), by magnitude, "
            "stretched from lowest to highest, or with 0 in the middle.",
        ),
    ] = None
    depth: Annotated[
        int | None,
        option(
            group=OUTPUT,
            metavar="8|16",
            help="Bits for each channel of a picture. Without it the image's own.",
        ),
    ] = None
    compression: Annotated[
        str,
        option(
            group=OUTPUT,
            metavar="fast|small",
            help=compression_help(),
        ),
    ] = "fast"
    quality: Annotated[
        int | None,
        option(
            group=OUTPUT,
            metavar="1..100",
            min=1,
            max=100,
            help=quality_help(),
        ),
    ] = None
    force: Force = False
    quiet: Quiet = False
    jobs: Annotated[
        int | None,
        option(
            "-j",
            "--jobs",
            group=RUN,
            metavar="N",
            min=1,
            help="Images to work on at once. Without it as many as there are cores.",
        ),
    ] = None
    executor: Annotated[
        str | None,
        option(
            group=RUN,
            metavar="threads|processes|dask",
            help="Who works: threads (by themselves up to 200 images), processes, or a cluster.",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        option(
            group=RUN,
            metavar="ADDRESS",
            help="Work on the Dask cluster of this scheduler, such as tcp://host:8786.",
        ),
    ] = None
    skip_existing: Annotated[
        bool,
        option(
            "--skip-existing",
            group=RUN,
            help="Leave alone what an earlier run made of the same images by the same steps, and "
            "do the rest.",
        ),
    ] = False
    durable: Annotated[
        bool,
        option(
            "--durable",
            group=RUN,
            help="Have each result on the disk before it gets its name and its image counts as "
            "done, so that after a loss of power it is whole or absent; takes longer.",
        ),
    ] = False
    fail_fast: Annotated[
        bool, option("--fail-fast", group=RUN, help="Stop at the first image that fails.")
    ] = False
    dry_run: Annotated[
        bool,
        option(
            "--dry-run",
            group=RUN,
            help="Print every input, output and shape, and the memory it takes; do nothing.",
        ),
    ] = False
    report: Annotated[
        str | None,
        option(
            group=RUN,
            metavar="FILE.jsonl",
            help="Write a line of JSON for each image: files, shapes, lowest and highest value, "
            "share clipped, milliseconds, or the error.",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        option(
            group=OUTPUT,
            metavar="N",
            min=1,
            help="Refuse larger images. Without it Pillow's limit, 178956970.",
        ),
    ] = None
    print: Annotated[
        bool,
        option(
            "--print",
            group=PRINTING,
            help="Print the numbers instead of writing; off a terminal tab-separated, or as "
            "--format csv or json says.",
        ),
    ] = False
    at: Annotated[
        str | None,
        option(group=PRINTING, metavar="Y,X", help="Show a large matrix around this value."),
    ] = None
    full: Annotated[bool, option("--full", group=PRINTING, help="Show all of a large matrix.")] = (
        False
    )
    preview: Annotated[
        bool,
        option(
            "--preview",
            group=LOOKING,
            help="Show the result in the terminal as a picture. This and the next three write no "
            "result unless --output is given.",
        ),
    ] = False
    plot: Annotated[
        str | None,
        option(
            group=LOOKING,
            metavar="FIGURE",
            help="Draw image and result with axes, colour bar and histogram: .png, .pdf or .svg.",
        ),
    ] = None
    sheet: Annotated[
        str | None,
        option(
            group=LOOKING,
            metavar="PICTURE",
            help="Draw all feature maps on one sheet, with labels; of a pipeline, each layer's.",
        ),
    ] = None
    animate: Annotated[
        str | None,
        option(
            group=LOOKING,
            metavar="FILE.gif|webp",
            help="Draw the window as it slides over the image while the result fills.",
        ),
    ] = None

    @property
    def looks(self) -> bool:
        """Return whether the result is to be looked at."""
        drawings = (self.plot, self.sheet, self.animate)
        return self.preview or any(file is not None for file in drawings)

    @property
    def only_looks(self) -> bool:
        """Whether the result is to be looked at, and neither written nor printed."""
        return self.looks and self.output is None and not self.print

    @property
    def takes_many(self) -> bool:
        """Whether there may be more than one image, as far as names tell."""
        names = self.images or []
        return len(names) != 1 or self.files_from is not None or not os.path.isfile(names[0])  # noqa: PTH113


def _leave_cores_to_jobs() -> None:
    """Limit products of matrices to one core: the others have images of their own.

    The libraries that NumPy uses read the variables when they are loaded; where that is past,
    they are asked.
    """
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    if "numpy" in sys.modules and not any(name in os.environ for name in names):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
    for name in names:
        os.environ.setdefault(name, "1")


def takes_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give Typer a command whose parameter ``common`` is replaced by the options of `Common`."""
    hints = get_type_hints(Common, include_extras=True)
    shared = {
        each.name: inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
        for each in fields(Common)
    }

    @wraps(command)
    def with_common_options(**values: Any) -> None:
        common = Common(**{name: values.pop(name) for name in shared})
        if common.takes_many and common.jobs != 1:
            _leave_cores_to_jobs()
        command(**values, common=common)

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "common" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    signature = inspect.Signature([*own, *shared.values()])
    with_common_options.__signature__ = signature  # type: ignore[attr-defined]
    return with_common_options


def complete_kernel(incomplete: str) -> list[str]:
    """Complete a named kernel for the shell."""
    from cnnfilter.kernels.catalogue import KERNELS

    return [name for name in KERNELS if name.startswith(incomplete)]


def examples(*lines: str) -> str:
    """Lay out examples for the end of a command's help."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
