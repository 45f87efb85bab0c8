"""The options that commands share, each declared once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

WINDOW, KERNEL, OUTPUT, PRINTING = "Window", "Kernel", "Output", "Printing"


def option(*names: str, group: str, **settings: Any) -> Any:
    """Declare an option in a group of the help."""
    return typer.Option(*names, rich_help_panel=group, **settings)


PADDING_HELP = (
    "valid (none), same (the size stays, divided by the stride), same-lower, full, or pixels to "
    "add: N, VERTICAL,HORIZONTAL or TOP,BOTTOM,LEFT,RIGHT."
)
Padding = Annotated[str, option(group=WINDOW, metavar="MODE|N", help=PADDING_HELP)]
Dilation = Annotated[
    str,
    option(group=WINDOW, metavar="N|VxH", help="Pixels from one tap of the window to the next."),
]
STRIDE = option(group=WINDOW, metavar="N|VxH", help="Pixels from one window to the next.")


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
            help="Pictures or matrices; - is standard input.",
            show_default=False,
        ),
    ] = None
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            group=OUTPUT,
            metavar="PATH",
            help="A file, a folder (always with several images), or - for standard output. "
            "Without it results stand beside their images.",
        ),
    ] = None
    format: Annotated[
        str | None,
        option(
            group=OUTPUT,
            metavar="NAME",
            help="png, jpeg, tif, webp, bmp, gif, ppm, jp2 or avif; or the numbers as they are: "
            "npy, npz, csv, tsv, json, float (TIFF). Without it the image's own.",
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
            help="Whether pictures are written quickly, or take time to become small files (png "
            "and webp; the others are written in one way).",
        ),
    ] = "fast"
    force: Force = False
    quiet: Quiet = False
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
        command(**values, common=common)

    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "common"
    ]
    signature = inspect.Signature([*own, *shared.values()])
    with_common_options.__signature__ = signature  # type: ignore[attr-defined]
    return with_common_options


def complete_kernel(incomplete: str) -> list[str]:
    """Complete a named kernel for the shell."""
    from cnnfilter.core.catalogue import KERNELS

    return [name for name in KERNELS if name.startswith(incomplete)]


def examples(*lines: str) -> str:
    """Lay out examples for the end of a command's help."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
