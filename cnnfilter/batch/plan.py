"""Planning: which images, which outputs, before anything is read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnnfilter import __version__
from cnnfilter.batch.collisions import check_collisions
from cnnfilter.batch.jobs import Recipe
from cnnfilter.batch.ledger import Ledger, stamp_of
from cnnfilter.batch.marks import Marks, path_mark, text_mark
from cnnfilter.batch.placing import placed, root_of
from cnnfilter.batch.sources import NOTHING_LISTED, Found, Listed, Search, Source, find_sources
from cnnfilter.batch.target import Target
from cnnfilter.batch.work import Work
from cnnfilter.errors import ArgumentError, FileError
from cnnfilter.files.images import MAX_PIXELS
from cnnfilter.files.output import file_marks
from cnnfilter.text import shown


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes
    ----------
    recipe : Recipe
        What is done to every image.
    sources : list of Source
        The images that are left to do.
    done : list of Source
        Those that an earlier run did.
    problems : list of str
        What kept images from being found.
    ledger : Ledger or None
        Where it is remembered what is done.
    """

    recipe: Recipe
    sources: list[Source]
    done: list[Source]
    problems: list[str]
    ledger: Ledger | None

    @property
    def folders(self) -> set[Path]:
        """The folders that results go to."""
        target = self.recipe.target
        if (target.keep and target.stages is None) or target.file == "-":
            return set()
        ends = {False: not target.keep, True: target.stages is not None}
        places = [is_stage for is_stage, wanted in ends.items() if wanted]
        return {
            Path(target.path_for(source, "", None, is_stage=is_stage)).parent
            for source in (*self.sources, *self.done)
            for is_stage in places
        }


def make_plan(
    names: Sequence[str],
    work: Work,
    target: Target,
    *,
    listed: Listed = NOTHING_LISTED,
    protected: Sequence[str] = (),
    output: str | None = None,
    search: Search | None = None,
    max_pixels: int = MAX_PIXELS,
    existing: str = "refuse",
    skip_done: bool = False,
    everywhere: bool = False,
    durable: bool = False,
) -> Plan:
    """Plan what is done with each image.

    Parameters
    ----------
    names : sequence of str
        Files, folders and patterns; ``-`` is standard input.
    work : Work
    target : Target
        What is asked for besides the place.
    listed : Listed
        Names of files as they are, from a list.
    protected : sequence of str
        Other files that are read, which are never written to either.
    output : str or None
        A file; a folder (one that exists, ends in ``/``, or is meant because there are
        several images); a template; ``-`` for standard output; None for beside each image.
    search : Search, optional
    max_pixels : int
        More are taken for a decompression bomb.
    existing : {"refuse", "replace"}
        What becomes of files that have an output's name.
    skip_done : bool
        Leave out what an earlier run did.
    everywhere : bool
        Name all files so that they are found from any folder.
    durable : bool
        Have each result on the disk before its image counts as done.

    Raises
    ------
    CnnFilterError
        If the images and the output do not go together, or no image is found.
    """
    if output == "":
        raise ArgumentError("the output has no name; leave --output out, or name a file or folder")
    if work.gives_vector and output is None:
        target = replace(target, keep=True)  # a prediction is told
    if everywhere:
        names, listed, output, target = _named_absolutely(names, listed, output, target)
    found = find_sources(names, replace(search or Search(), spared=root_of(output)))
    found.sources.extend(map(Source, listed.names))
    found.problems.extend(listed.problems)
    _check_found(found, target, output)
    several = len(found.sources) > 1 or found.is_search or any(listed)
    if not target.keep:
        if output is None and [each.path for each in found.sources] == ["-"]:
            output, several = "-", False  # from a pipe into a pipe
        target = placed(work, target, output, several=several)
    if found.folders and target.root is not None:
        _leave_out_results(found, target.root)
        _check_found(found, target, output)
    check_collisions(found.sources, work, target)
    images = [each.path for each in found.sources]
    read: list[str | Path] = [*images, *work.files, *protected]
    inputs = Marks(mark for each in read for mark in file_marks(each))
    recipe = Recipe(work, target, max_pixels, existing, inputs, durable=durable)
    if skip_done and not target.keep and target.file != "-":
        root = target.root if target.file is None else Path(target.file).parent
        return _what_is_left(recipe, found, Ledger(_steps(recipe), root))
    # Without a place of their own, results are remembered only when that is asked for.
    remembers = several and target.root is not None
    ledger = Ledger(_steps(recipe), target.root) if remembers else None
    return Plan(recipe, found.sources, [], found.problems, ledger)


def _named_absolutely(
    names: Sequence[str], listed: Listed, output: str | None, target: Target
) -> tuple[list[str], Listed, str | None, Target]:
    """Name everything so that it is found from any folder."""
    if output is not None:
        output = os.path.abspath(output) + os.sep * output.endswith(("/", os.sep))  # noqa: PTH100
    if target.stages is not None:
        target = replace(target, stages=target.stages.absolute())
    absolute = [[os.path.abspath(name) for name in each] for each in (names, listed.names)]  # noqa: PTH100
    return absolute[0], listed._replace(names=absolute[1]), output, target


def _leave_out_results(found: Found, root: Path) -> None:
    """Take no image that an earlier run made, where results lie among the images."""
    if outputs := Ledger("", root).outputs():
        found.sources = [
            each
            for each in found.sources
            if each.below is None or path_mark(each.path) not in outputs
        ]


def _check_found(found: Found, target: Target, output: str | None) -> None:
    if found.folders and output is None and not target.keep:
        raise ArgumentError(
            f"{shown(found.folders[0])}: is a folder; name one for its results with -o, such as "
            "-o out/"
        )
    paths = [each.path for each in found.sources]
    if paths.count("-") > 1:
        raise ArgumentError("standard input (-) can be read only once")
    if paths or found.problems:
        return
    if found.folders:
        raise FileError(
            f"{shown(found.folders[0])}: holds no image; -r looks into its folders, --hidden at "
            "names that begin with a dot"
        )
    raise ArgumentError("no image is given; name one or more, or - for standard input")


def _steps(recipe: Recipe) -> str:
    """Name what is done, so that it can be told from what was done earlier."""
    work, target = recipe.work, replace(recipe.target, folder=None)
    files = [stamp_of(str(path)) for path in work.files]
    return f"{text_mark(repr((__version__, work.described, files, target))):016x}"


def _what_is_left(recipe: Recipe, found: Found, ledger: Ledger) -> Plan:
    """Leave out what is done; what was made of other images or steps may be replaced."""
    done, made = ledger.remembered(each.path for each in found.sources)
    existing = "replace" if recipe.existing == "replace" else "same"
    recipe = replace(recipe, existing=existing, made=made)
    is_done = [path_mark(each.path) in done for each in found.sources]
    left = [each for each, known in zip(found.sources, is_done, strict=True) if not known]
    kept = [each for each, known in zip(found.sources, is_done, strict=True) if known]
    return Plan(recipe, left, kept, found.problems, ledger)
