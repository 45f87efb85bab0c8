"""Planning: which images, which outputs, before anything is read; and the dry run."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter import __version__
from cnnfilter.arrays.geometry import Shape
from cnnfilter.batch.inputs import NOTHING_LISTED, Found, Listed, Search, Source, find_sources
from cnnfilter.batch.job import Recipe, existing_at
from cnnfilter.batch.ledger import (
    Fingerprints,
    Ledger,
    path_fingerprint,
    stamp_of,
    text_fingerprint,
)
from cnnfilter.batch.outputs import SourceInfo, Target, check_sizes, placed, planned_files, root_of
from cnnfilter.batch.task import Task, animated_window
from cnnfilter.errors import ArgumentError, CnnFilterError, FileError
from cnnfilter.files.image import MAX_PIXELS
from cnnfilter.files.opening import with_path
from cnnfilter.files.output import check_target, file_fingerprints
from cnnfilter.files.read import read_head
from cnnfilter.text import shown

if TYPE_CHECKING:
    from cnnfilter.batch.memory import Need


def check_collisions(sources: Sequence[Source], task: Task, target: Target) -> None:
    """Refuse two images that would be written to one file.

    Raises
    ------
    ArgumentError
        Naming the first two.
    """
    if target.file is not None and target.stages is None:
        return
    # Hashes alone are held, since they are small; of suspects, names are compared.
    each = 0 if not sources else len([*_stems(sources[0], task, target)])
    stems = (hash(stem) for source in sources for stem in _stems(source, task, target))
    hashes = np.fromiter(stems, np.int64)
    order = np.argsort(hashes, kind="stable")
    suspects = np.flatnonzero(np.diff(hashes[order]) == 0)
    for one, other in sorted((order[at] // each, order[at + 1] // each) for at in suspects):
        first, second = sources[one], sources[other]
        if one != other and _names(first, task, target) & _names(second, task, target):
            _refuse(first, second)


def _stems(source: Source, task: Task, target: Target) -> Iterator[str]:
    """Give the names of an image's results without their suffixes.

    These are known only when the image is read: a PNG may be called .jpg.
    """
    for name in _paths(source, task, target, target.format or target.named_format):
        yield str(PurePath(name).with_suffix(""))


def _names(source: Source, task: Task, target: Target) -> set[str]:
    format = target.format or target.named_format
    if format is None:
        try:
            format = read_head(source.path).format
        except CnnFilterError:
            return set()  # it will give no result
    return {*_paths(source, task, target, format)}


def _paths(source: Source, task: Task, target: Target, format: str | None) -> Iterator[str]:
    for name in task.names:
        if target.file is None and not target.returns_results:
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
        if (target.returns_results and target.stages is None) or target.file == "-":
            return set()
        ends = {False: not target.returns_results, True: target.stages is not None}
        places = [is_stage for is_stage, wanted in ends.items() if wanted]
        return {
            Path(target.path_for(source, "", None, is_stage=is_stage)).parent
            for source in (*self.sources, *self.done)
            for is_stage in places
        }


def make_plan(
    names: Sequence[str],
    task: Task,
    target: Target,
    *,
    listed: Listed = NOTHING_LISTED,
    protected: Sequence[str] = (),
    output: str | None = None,
    search: Search | None = None,
    max_pixels: int = MAX_PIXELS,
    existing: str = "refuse",
    skip_done: bool = False,
    absolute: bool = False,
    durable: bool = False,
) -> Plan:
    """Plan what is done with each image.

    Parameters
    ----------
    names : sequence of str
        Files, folders and patterns; ``-`` is standard input.
    task : Task
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
    absolute : bool
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
    if task.gives_vector and output is None:
        target = replace(target, returns_results=True)  # a prediction is told
    if absolute:
        names, listed, output, target = _named_absolutely(names, listed, output, target)
    found = find_sources(names, replace(search or Search(), spared=root_of(output)))
    found.sources.extend(map(Source, listed.names))
    found.problems.extend(listed.problems)
    _check_found(found, target, output)
    several = len(found.sources) > 1 or found.is_search or any(listed)
    if not target.returns_results:
        if output is None and [each.path for each in found.sources] == ["-"]:
            output, several = "-", False  # from a pipe into a pipe
        target = placed(task, target, output, several=several)
    if found.folders and target.root is not None:
        _leave_out_results(found, target.root)
        _check_found(found, target, output)
    check_collisions(found.sources, task, target)
    images = [each.path for each in found.sources]
    read: list[str | Path] = [*images, *task.files, *protected]
    inputs = Fingerprints(fingerprint for each in read for fingerprint in file_fingerprints(each))
    recipe = Recipe(task, target, max_pixels, existing, inputs, durable=durable)
    if skip_done and not target.returns_results and target.file != "-":
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
            if each.below is None or path_fingerprint(each.path) not in outputs
        ]


def _check_found(found: Found, target: Target, output: str | None) -> None:
    if found.folders and output is None and not target.returns_results:
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
    task, target = recipe.task, replace(recipe.target, folder=None)
    files = [stamp_of(str(path)) for path in task.files]
    return f"{text_fingerprint(repr((__version__, task.described, files, target))):016x}"


def _what_is_left(recipe: Recipe, found: Found, ledger: Ledger) -> Plan:
    """Leave out what is done; what was made of other images or steps may be replaced."""
    done, made = ledger.remembered(each.path for each in found.sources)
    existing = "replace" if recipe.existing == "replace" else "same"
    recipe = replace(recipe, existing=existing, made=made)
    is_done = [path_fingerprint(each.path) in done for each in found.sources]
    left = [each for each, known in zip(found.sources, is_done, strict=True) if not known]
    kept = [each for each, known in zip(found.sources, is_done, strict=True) if known]
    return Plan(recipe, left, kept, found.problems, ledger)


@dataclass
class Outline:
    """What would become of an image.

    Attributes
    ----------
    source : str
    error : str or None
        Why it would fail.
    before : tuple of int
        The image's shape.
    after : list of tuple of int
        The shapes of what is written.
    outputs : list of str
        The files.
    need : Need or None
        What it takes of memory.
    drawings : list of Need
        What each drawing of it takes, which come first.
    """

    source: str
    error: str | None = None
    before: Shape = ()
    after: list[Shape] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    need: "Need | None" = None
    drawings: "list[Need]" = field(default_factory=list)


def outline_job(recipe: Recipe, source: Source, drawings: Mapping[str, str]) -> Outline:
    """Tell what would be done with an image, without decoding it.

    Parameters
    ----------
    recipe : Recipe
    source : Source
    drawings : mapping of str to str
        What is drawn of it (plot, sheet, animate, preview), to the file's name; of a preview
        to an empty one.
    """
    outline = Outline(source.path)
    try:
        _outline(recipe, source, outline, drawings)
    except CnnFilterError as error:
        outline.error = with_path(source.path, error)
    return outline


def _outline(recipe: Recipe, source: Source, outline: Outline, drawings: Mapping[str, str]) -> None:
    from cnnfilter.batch.memory import drawing, need

    target = recipe.target
    image = read_head(source.path, recipe.max_pixels)
    outline.before = image.pixels.shape
    results = recipe.task.outline(image)
    origin = SourceInfo.of(image)
    written = [each for each in results if each.is_stage or not target.returns_results]
    check_sizes(written, recipe.task, image, source, target)
    planned = planned_files([(each,) for each in written], recipe.task, origin, source, target)
    for each in planned:
        outline.outputs.append(each.path)
        outline.after.append(each.part.pixels.shape)
        if each.path != "-":
            mode = existing_at(each.path, recipe)
            check_target(Path(each.path), recipe.inputs, mode)
    for option, file in drawings.items():
        if option == "animate":
            animated_window(recipe.task, image)
        format = Path(file).suffix.lower().removeprefix(".")
        outline.drawings.append(drawing(image, recipe.task, option, format))
        if file:
            outline.outputs.append(file)
            outline.after.append(results[-1].pixels.shape)
    outline.after = outline.after or [each.pixels.shape for each in results]
    outline.need = need(image, recipe.task, results, planned, target)
