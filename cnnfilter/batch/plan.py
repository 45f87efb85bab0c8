"""Planning: which inputs, which outputs, before anything is read."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnfilter.batch.jobs import Job, Target, named_after
from cnnfilter.batch.work import Work
from cnnfilter.errors import ArgumentError
from cnnfilter.files.formats import FORMATS, format_named, format_of
from cnnfilter.files.images import MAX_PIXELS
from cnnfilter.files.output import identity
from cnnfilter.files.source import shown


def plan_jobs(
    sources: Sequence[str],
    work: Work,
    target: Target,
    *,
    output: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> list[Job]:
    """Plan a job for each image.

    Parameters
    ----------
    sources : sequence of str
        Paths; ``-`` is standard input.
    work : Work
    target : Target
        What is asked for besides the place.
    output : str or None
        A file; a folder (one that exists, ends in ``/``, or is meant because there are
        several images); ``-`` for standard output; None for beside each input.
    max_pixels : int
        More are taken for a decompression bomb.

    Raises
    ------
    ArgumentError
        If the images and the output do not go together.
    """
    if not sources:
        raise ArgumentError("no image is given; name one or more, or - for standard input")
    if sources.count("-") > 1:
        raise ArgumentError("standard input (-) can be read only once")
    if target.format is not None:
        target = replace(target, format=format_named(target.format))
    if target.stages_format is not None:
        target = replace(target, stages_format=format_named(target.stages_format))
    if output == "":
        raise ArgumentError("the output has no name; leave --output out, or name a file or folder")
    if work.gives_vector and output is None:
        target = replace(target, keep=True)  # a prediction is told
    read: list[str | Path] = [*sources, *work.files]
    target = replace(target, inputs=frozenset(filter(None, map(identity, read))))
    if target.keep:
        return [Job(source, work, target, max_pixels) for source in sources]
    placed = _placed(target, output, several=len(sources) > 1)
    _check_one_picture(work, placed)
    jobs = [
        Job(source, work, replace(placed, file="-") if _to_stdout(source, placed) else placed,
            max_pixels)
        for source in sources
    ]  # fmt: skip
    _check_collisions(jobs)
    return jobs


def _placed(target: Target, output: str | None, *, several: bool) -> Target:
    """Tell a file from a folder."""
    if output is None:
        return target
    if output == "-":
        if several:
            raise ArgumentError("standard output takes one result; name a folder with -o")
        return replace(target, file="-")
    if several or output.endswith(("/", os.sep)) or os.path.isdir(output):  # noqa: PTH112
        if several and os.path.isfile(output):  # noqa: PTH113
            raise ArgumentError(f"{shown(output)}: is a file; several images need a folder")
        return replace(target, folder=Path(output))
    suffix = Path(output).suffix.lower()
    if target.format is None:
        format_of(output)
    elif suffix not in FORMATS[target.format].suffixes and any(
        suffix in each.suffixes for each in FORMATS.values()
    ):
        raise ArgumentError(
            f"{shown(output)}: is named as another format than --format {target.format}; "
            "leave one out"
        )
    return replace(target, file=output)


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
    if target.file is None or target.file == "-" or work.maps == 1:
        return
    if format and FORMATS[format].is_picture and format != "tif":
        raise ArgumentError(
            f"{shown(target.file)}: one name for {work.maps} feature maps; name a folder such as "
            "out/, an array's format such as .npy, or combine them"
        )


def _to_stdout(source: str, target: Target) -> bool:
    """Tell whether a result is piped on: it came by a pipe and no place is named."""
    return source == "-" and target.file is None and target.folder is None


def _check_collisions(jobs: Sequence[Job]) -> None:
    """Refuse two inputs with one output's name: the second would undo the first."""
    planned: dict[Path, str] = {}
    for job in jobs:
        folders = {job.target.folder, job.target.stages or job.target.folder}
        for path in {named_after(job.source, "", job.target.format, each) for each in folders}:
            if path in planned:
                raise ArgumentError(
                    f"{shown(planned[path])} and {shown(job.source)} would be written to the "
                    "same file; give them different names or folders"
                )
            planned[path] = job.source
