"""Where results go: into a file, a folder, by a template, or into a pipe."""

import os
from dataclasses import replace
from pathlib import Path

from cnnfilter.batch.naming import Template
from cnnfilter.batch.target import Target
from cnnfilter.batch.work import Work
from cnnfilter.errors import ArgumentError
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.text import shown


def root_of(output: str | None) -> Path | None:
    """Give the folder that results go to, whatever the images are."""
    if output is None or output == "-":
        return None
    return Template(output).root if "{" in output else Path(output)


def placed(work: Work, target: Target, output: str | None, *, several: bool) -> Target:
    """Give a target its place.

    Parameters
    ----------
    work : Work
    target : Target
    output : str or None
        A file, a folder, a template, ``-`` or None; see `cnnfilter.batch.plan.make_plan`.
    several : bool
        Whether there may be several images.

    Raises
    ------
    ArgumentError
        If the place and what is asked for do not go together.
    """
    target = _at(target, output, several=several)
    _check_quality(target)
    _check_one_picture(work, target)
    return target


def _at(target: Target, output: str | None, *, several: bool) -> Target:
    """Tell a file from a folder and from a template."""
    if output is None:
        return target
    if output == "-":
        if several:
            raise ArgumentError("standard output takes one result; name a folder with -o")
        return replace(target, file="-")
    if "{" in output:
        template = Template(output)
        _check_format(output, template.format, target)
        return replace(target, template=template)
    if several or output.endswith(("/", os.sep)) or os.path.isdir(output):  # noqa: PTH112
        if several and os.path.isfile(output):  # noqa: PTH113
            raise ArgumentError(f"{shown(output)}: is a file; several images need a folder")
        return replace(target, folder=Path(output))
    if target.format is None:
        format_of(output)
    else:
        suffix = Path(output).suffix.lower()
        named = [name for name, each in FORMATS.items() if suffix in each.suffixes]
        if target.format not in named:
            _check_format(output, named[0] if named else None, target)
    return replace(target, file=output)


def _check_format(output: str, named: str | None, target: Target) -> None:
    same = named is None or target.format is None or FORMATS[named] == FORMATS[target.format]
    if not same and FORMATS[str(named)].suffixes != FORMATS[str(target.format)].suffixes:
        raise ArgumentError(
            f"{shown(output)}: is named as another format than --format {target.format}; "
            "leave one out"
        )


def _check_quality(target: Target) -> None:
    format = target.format or target.named_format
    if target.quality is not None and format is not None and FORMATS[format].lossy is None:
        able = ", ".join(name for name, each in FORMATS.items() if each.lossy is not None)
        raise ArgumentError(f"--quality is for {able}, not {format}; leave one of both out")


def _check_one_picture(work: Work, target: Target) -> None:
    """Refuse to put a vector or several feature maps into one picture, whatever the image."""
    format = target.format or target.named_format
    if work.gives_vector:
        # With stages, a picture's format is meant for these.
        own = target.named_format if target.stages is not None else format
        if own and (FORMATS[own].is_picture or own == "float"):
            raise ArgumentError(
                f"the result is a vector, which is no picture ({own}); write .npy, .npz, .csv, "
                ".tsv or .json, or leave --output and --format out"
            )
        return
    if work.maps == 1 or (format and not FORMATS[format].is_picture):
        return
    if target.template is not None and not target.template.names_results:
        raise ArgumentError(
            f"{target.template.text}: one name for {work.maps} feature maps; add {{kernel}} to it"
        )
    if target.file is None or target.file == "-":
        return
    if format and FORMATS[format].is_picture and format != "tif":
        raise ArgumentError(
            f"{shown(target.file)}: one name for {work.maps} feature maps; name a folder such as "
            "out/, an array's format such as .npy, or combine them"
        )
