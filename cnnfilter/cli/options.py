"""The options that commands share, each declared once."""

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from typing import Annotated, Any, get_type_hints

import typer

from cnnfilter.errors import ArgumentError, brief
from cnnfilter.files.formats import compression_help, formats_help, quality_help

WINDOW, KERNEL, OUTPUT, PRINTING = "Window", "Kernel", "Output", "Printing"
LOOKING = "Looking"
INPUT, RUN = "Input", "Many images"


def option(*names: str, group: str, **settings: Any) -> Any:
    """Return an option in a group of the help."""
    return typer.Option(*names, rich_help_panel=group, **settings)


#: Pillow's limit: larger pictures are taken for decompression bombs.
MAX_PIXELS = 178_956_970

# Options that more than one command has; each dataclass below, and `explain`, name them.

Frame = Annotated[
    int | None,
    option(
        group=INPUT,
        metavar="N",
        min=0,
        help="Read only this frame or page of each file, from 0. Default: all that the output's "
        "format can hold.",
    ),
]
MaxPixels = Annotated[
    int,
    option(group=INPUT, metavar="N", min=1, help="Refuse images with more pixels than this."),
]
Alpha = Annotated[
    str,
    option(
        group=INPUT,
        metavar="weight|keep",
        help="Count pixels as much as they are visible, so that colours of invisible ones do not "
        "bleed into their neighbours, or keep all alike. Alpha itself is not filtered.",
    ),
]
NoData = Annotated[
    str | None,
    option(
        group=INPUT,
        metavar="NUMBER|keep",
        help="Leave out pixels that hold this number (or nan) in every channel, or keep the one "
        "that the file names as one like others. Default: leave out the file's.",
    ),
]
Format = Annotated[
    str | None,
    option(
        group=OUTPUT,
        metavar="NAME",
        help=formats_help(),
    ),
]
Range = Annotated[
    str | None,
    option(
        group=OUTPUT,
        metavar="clip|abs|minmax|symmetric",
        help="How values become pixels: clipped (default for pictures), by magnitude, stretched "
        "from lowest to highest, or with 0 in the middle.",
    ),
]
Depth = Annotated[
    int | None,
    option(
        group=OUTPUT,
        metavar="8|16",
        help="Bits for each channel of a picture. Default: the input's.",
    ),
]
Force = Annotated[
    bool, option("--force", group=OUTPUT, help="Overwrite existing files, but never an input.")
]
Quiet = Annotated[bool, option("-q", "--quiet", group=OUTPUT, help="Print only errors.")]


@dataclass(frozen=True, eq=False)
class InputOptions:
    """Options of the images that are read."""

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
        bool, option("-r", "--recursive", group=INPUT, help="Search folders recursively.")
    ] = False
    hidden: Annotated[
        bool,
        option("--hidden", group=INPUT, help="Take names in folders that begin with a dot, too."),
    ] = False
    files_from: Annotated[
        str | None,
        option(
            group=INPUT,
            metavar="FILE",
            help="Read names of images from a file in UTF-8 or UTF-16, one a line; - is standard "
            "input.",
        ),
    ] = None
    null: Annotated[
        bool,
        option(
            "-0",
            "--null",
            group=INPUT,
            help="Names in --files-from end with NUL, as from find -print0.",
        ),
    ] = False
    frame: Frame = None
    max_pixels: MaxPixels = MAX_PIXELS
    alpha: Alpha = "weight"
    no_data: NoData = None


@dataclass(frozen=True, eq=False)
class OutputOptions:
    """Options of the files that are written."""

    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            group=OUTPUT,
            metavar="PATH",
            help="A file, a folder (always with several images), a template such as "
            "'{stem}-{kernel}.png', or - for standard output. Default: next to each "
            "image.",
        ),
    ] = None
    format: Format = None
    range: Range = None
    depth: Depth = None
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

    @property
    def existing(self) -> str:
        """The policy for existing files; see `cnnfilter.files.encoding.Output`."""
        return existing_if(force=self.force)


@dataclass(frozen=True, eq=False)
class RunOptions:
    """Options of runs over many images."""

    jobs: Annotated[
        int | None,
        option(
            "-j",
            "--jobs",
            group=RUN,
            metavar="N",
            min=1,
            help="Images to process at once. Default: one for each core.",
        ),
    ] = None
    executor: Annotated[
        str | None,
        option(
            group=RUN,
            metavar="threads|processes|dask",
            help="Where images are processed: threads (default up to 200 images), processes, or a "
            "Dask cluster.",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        option(
            group=RUN,
            metavar="ADDRESS",
            help="Use the Dask cluster of this scheduler, such as tcp://host:8786.",
        ),
    ] = None
    skip_existing: Annotated[
        bool,
        option(
            "--skip-existing",
            group=RUN,
            help="Skip images that an earlier run finished with the same steps, and do the rest.",
        ),
    ] = False
    durable: Annotated[
        bool,
        option(
            "--durable",
            group=RUN,
            help="Sync each result to the disk before it gets its name, so that after a loss of "
            "power it is whole or absent; takes longer.",
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
            help="Print each input, output and shape, and the memory needed; do nothing.",
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

    @property
    def is_on_cluster(self) -> bool:
        """Test whether a Dask cluster processes the images."""
        return self.scheduler is not None or self.executor == "dask"


@dataclass(frozen=True, eq=False)
class PrintOptions:
    """Options of printed numbers."""

    print: Annotated[
        bool,
        option(
            "--print",
            group=PRINTING,
            help="Print the numbers instead of writing files: tables on a terminal, tab-separated "
            "in a pipe, or as --format csv or json.",
        ),
    ] = False
    at: Annotated[
        str | None,
        option(group=PRINTING, metavar="Y,X", help="Show a large matrix around this value."),
    ] = None
    full: Annotated[bool, option("--full", group=PRINTING, help="Show all of a large matrix.")] = (
        False
    )


@dataclass(frozen=True, eq=False)
class LookOptions:
    """Options of drawings."""

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
    def files(self) -> dict[str, str]:
        """The drawings that are asked for, to their files."""
        drawings = {"plot": self.plot, "sheet": self.sheet, "animate": self.animate}
        return {drawing: file for drawing, file in drawings.items() if file is not None}

    @cached_property
    def is_any(self) -> bool:
        """Test whether anything is drawn."""
        return self.preview or bool(self.files)


@dataclass(frozen=True, eq=False)
class Common:
    """The options of every command that takes images, in groups for those who need them."""

    inputs: InputOptions = InputOptions()
    output: OutputOptions = OutputOptions()
    run: RunOptions = RunOptions()
    printing: PrintOptions = PrintOptions()
    looks: LookOptions = LookOptions()

    @cached_property
    def only_looks(self) -> bool:
        """Test whether results are drawn, and neither written nor printed."""
        return self.looks.is_any and self.output.output is None and not self.printing.print

    @property
    def changed(self) -> set[str]:
        """The names of options that differ from their defaults."""
        return {
            option.name
            for group in fields(self)
            for option in fields(getattr(self, group.name))
            if getattr(getattr(self, group.name), option.name) != option.default
        }

    @property
    def takes_many(self) -> bool:
        """Test whether there may be more than one image, by the names alone."""
        names = self.inputs.images or []
        return (
            len(names) != 1 or self.inputs.files_from is not None or not os.path.isfile(names[0])  # noqa: PTH113
        )


def existing_if(*, force: bool) -> str:
    """Return the policy for existing files; see `cnnfilter.files.encoding.Output`."""
    return "replace" if force else "refuse"


def common_parameters() -> dict[str, inspect.Parameter]:
    """Return the parameters of all groups in `Common`, by name, as Typer reads them."""
    return {
        option.name: inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=hints[option.name],
        )
        for group in _GROUPS.values()
        for hints in [get_type_hints(group, include_extras=True)]
        for option in fields(group)
    }


_GROUPS = {
    "inputs": InputOptions,
    "output": OutputOptions,
    "run": RunOptions,
    "printing": PrintOptions,
    "looks": LookOptions,
}


def _leave_cores_to_jobs() -> None:
    """Limit each product of matrices to one core; the others have images of their own.

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
    """Replace a command's parameter ``common`` by the options of `Common`, for Typer."""

    @wraps(command)
    def with_common_options(**values: object) -> None:
        common = Common(
            **{
                name: group(**{option.name: values.pop(option.name) for option in fields(group)})
                for name, group in _GROUPS.items()
            }
        )
        if common.takes_many and common.run.jobs != 1:
            _leave_cores_to_jobs()
        command(**values, common=common)

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "common" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    signature = inspect.Signature([*own, *common_parameters().values()])
    with_common_options.__signature__ = signature  # type: ignore[attr-defined]
    return with_common_options


def read_place(text: str, most: int = 2) -> tuple[int, ...]:
    """Read --at: row and column, and in places of up to `most` numbers a channel or an index.

    Raises
    ------
    ArgumentError
        If it has another form.
    """
    from cnnfilter.arrays.arguments import integer

    words = text.replace("x", ",").split(",")
    is_place = len(words) == 2 or (most > 2 and len(words) in (1, most))
    if is_place and all(word.strip().lstrip("+-").isdecimal() for word in words):
        return tuple(integer("--at", word, least=0, most=sys.maxsize) for word in words)
    hint = ", or with a channel 3,5,0" * (most > 2)
    raise ArgumentError(f"--at '{brief(text)}' is not a row and a column, such as 3,5{hint}")


def complete_kernel(incomplete: str) -> list[str]:
    """Return the named kernels that the shell may complete this to."""
    from cnnfilter.kernels.catalogue import KERNELS

    return [name for name in KERNELS if name.startswith(incomplete)]


def examples(*lines: str) -> str:
    """Return examples for the end of a command's help."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
