"""cnnfilter formats."""

from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import examples
from cnnfilter.cli.printing import print_rows

if TYPE_CHECKING:
    from cnnfilter.files.format import Format

EXAMPLES = examples("cnnfilter formats", "cnnfilter formats png", "cnnfilter formats | cut -f 1-4")

#: What parts of metadata are called.
_METADATA = {"exif": "EXIF", "icc_profile": "ICC", "xmp": "XMP"}
_ALPHA = {"full": "yes", "mask": "mask", "": "no"}


def complete_format(incomplete: str) -> list[str]:
    """Complete a format's name for the shell."""
    from cnnfilter.files.formats import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def formats(
    format: Annotated[
        str | None,
        typer.Argument(
            metavar="FORMAT",
            help="A format's name or suffix; default: list all.",
            autocompletion=complete_format,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the formats of files, or describe one.

    What each holds, whether it is read and written, the extra that it needs, or
    that parts of it need, and whether that is present. A mask is alpha of all
    or nothing; frames are pages of a size of their own, or timed ones of one size.
    """
    from cnnfilter.files.formats import FORMATS

    if format is not None:
        name = _named(format)
        print_rows(("format", name), [*_facts(FORMATS[name]).items()], wrapping=(name,))
        return
    rows = [(name, *_facts(row).values()) for name, row in FORMATS.items()]
    headings = ("format", *_facts(FORMATS["png"]))
    print_rows(headings, rows, wrapping=("files", "metadata", "extra"))


def _named(name: str) -> str:
    """Return the format of a name or suffix, which need not be installed."""
    from cnnfilter.errors import ArgumentError, unknown
    from cnnfilter.files.formats import FORMATS

    suffix = f".{name.lower().removeprefix('.')}"
    for known, row in FORMATS.items():
        if suffix in (f".{known}", *row.suffixes):
            return known
    raise ArgumentError(unknown("format", name, FORMATS))


def _facts(format: "Format") -> dict[str, str]:
    """Return what a format holds, by headings."""
    from cnnfilter.files.format import Animation

    several = "timed" if isinstance(format.frames, Animation) else "pages"
    return {
        "files": " ".join(format.suffixes),
        "read": "yes",
        "write": "no" if format.is_read_only else "yes",
        "bits": _bits(format),
        "alpha": _ALPHA[format.alpha],
        "frames": several if format.frames else "one",
        "metadata": " ".join(_METADATA.get(part, part) for part in format.metadata) or "none",
        "extra": ", ".join(_extras(format)) or "none",
    }


def _bits(format: "Format") -> str:
    """Return the bits of a channel, as read or written."""
    if not format.is_picture:
        return "any"
    return "8 16" if format.deep_modes or format.is_read_only else "8"


def _extras(format: "Format") -> list[str]:
    """Return the extras of a format, each with what it is for."""
    from cnnfilter.files.format import EXTRAS, is_installed

    wanted = {**format.partial_extras, **({format.extra: ""} if format.extra else {})}
    return [
        f"{extra}{f' for {parts}' if parts else ''}: "
        f"{'present' if is_installed(EXTRAS[extra]) else 'missing'}"
        for extra, parts in wanted.items()
    ]
