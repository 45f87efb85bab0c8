"""Two images with one output's name: the second would undo the first."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

import numpy as np

from cnnfilter.batch.sources import Source
from cnnfilter.batch.target import Target
from cnnfilter.batch.work import Work
from cnnfilter.errors import ArgumentError, CnnFilterError
from cnnfilter.files.load import read_head
from cnnfilter.text import shown


def check_collisions(sources: Sequence[Source], work: Work, target: Target) -> None:
    """Refuse two images that would be written to one file.

    Raises
    ------
    ArgumentError
        Naming the first two.
    """
    if target.file is not None and target.stages is None:
        return
    # Hashes alone are held, since they are small; of suspects, names are compared.
    each = 0 if not sources else len([*_stems(sources[0], work, target)])
    stems = (hash(stem) for source in sources for stem in _stems(source, work, target))
    hashes = np.fromiter(stems, np.int64)
    order = np.argsort(hashes, kind="stable")
    suspects = np.flatnonzero(np.diff(hashes[order]) == 0)
    for one, other in sorted((order[at] // each, order[at + 1] // each) for at in suspects):
        first, second = sources[one], sources[other]
        if one != other and _names(first, work, target) & _names(second, work, target):
            _refuse(first, second)


def _stems(source: Source, work: Work, target: Target) -> Iterator[str]:
    """Give the names of an image's results without their suffixes.

    These are known only when the image is read: a PNG may be called .jpg.
    """
    for name in _paths(source, work, target, target.format or target.named_format):
        yield str(PurePath(name).with_suffix(""))


def _names(source: Source, work: Work, target: Target) -> set[str]:
    format = target.format or target.named_format
    if format is None:
        try:
            format = read_head(source.path).format
        except CnnFilterError:
            return set()  # it will give no result
    return {*_paths(source, work, target, format)}


def _paths(source: Source, work: Work, target: Target, format: str | None) -> Iterator[str]:
    for name in work.names:
        if target.file is None and not target.keep:
            yield target.path_for(source, name, format, is_stage=False)
        if target.stages is not None:
            yield target.path_for(source, name, target.stages_format or format, is_stage=True)


def _refuse(first: Source, second: Source) -> None:
    if first.path == second.path:
        raise ArgumentError(f"{shown(first.path)}: is given twice; name it once")
    raise ArgumentError(
        f"{shown(first.path)} and {shown(second.path)} would be written to the same file; give "
        "them different names or folders, or name results by a template such as "
        "'out/{parent}/{stem}-{kernel}'"
    )
