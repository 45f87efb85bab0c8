"""Planning: which images, which outputs, before anything is read; and the dry run."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from cnnfilter import __version__
from cnnfilter.arrays.geometry import Shape
from cnnfilter.batch.inputs import Found, Inputs, LeftOut, Source, find_sources, left_out_text
from cnnfilter.batch.ledger import (
    Fingerprints,
    Ledger,
    path_fingerprint,
    stamp_of,
    text_fingerprint,
)
from cnnfilter.batch.outputs import planned_files, written_of
from cnnfilter.batch.recipe import Recipe, SourceInfo, Target, root_of, target_at
from cnnfilter.batch.task import animated_window
from cnnfilter.errors import ArgumentError, CnnFilterError, FileError, with_path
from cnnfilter.files.encoding import STDOUT
from cnnfilter.files.formats import written_for
from cnnfilter.files.output import check_target, fingerprints_of
from cnnfilter.files.read import read_head
from cnnfilter.text import shown

if TYPE_CHECKING:
    from cnnfilter.batch.memory import Need


@dataclass(frozen=True, eq=False)
class Plan:
    """A run, before it begins.

    Attributes
    ----------
    recipe : Recipe
    sources : list of Source
        The images to process.
    done : list of Source
        Those that an earlier run processed.
    problems : list of str
        Why other images were not found, a line each.
    ledger : Ledger or None
        Where finished images are recorded.
    left_out : list of LeftOut
        The pictures' files in folders that nothing here reads.
    """

    recipe: Recipe
    sources: list[Source]
    done: list[Source]
    problems: list[str]
    ledger: Ledger | None
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def folders(self) -> set[Path]:
        """The folders that results go to."""
        target = self.recipe.target
        if (target.returns_results and target.stages is None) or target.file == STDOUT:
            return set()
        ends = {False: not target.returns_results, True: target.stages is not None}
        return {
            Path(target.path_for(source, "", None, is_stage=is_stage)).parent
            for source in (*self.sources, *self.done)
            for is_stage, is_written in ends.items()
            if is_written
        }


def make_plan(
    inputs: Inputs,
    recipe: Recipe,
    output: str | None = None,
    *,
    skip_done: bool = False,
    absolute: bool = False,
) -> Plan:
    """Plan a run.

    Parameters
    ----------
    inputs : Inputs
    recipe : Recipe
        All but the place of results and the files that are read, which are added.
    output : str or None
        A file; a folder (one that exists, ends in ``/``, or is meant because there are
        several images); a template; ``-`` for standard output; None for next to each image.
    skip_done : bool
        Leave out what an earlier run did.
    absolute : bool
        Use absolute paths, so that files are found from any folder.

    Raises
    ------
    CnnFilterError
        If the images and the output do not fit, or no image is found.
    """
    if output == "":
        raise ArgumentError("--output is empty; give a file or folder, or leave it out")
    target, task = recipe.target, recipe.task
    if task.gives_vector and output is None:
        target = replace(target, returns_results=True)  # a prediction is printed
    if absolute:
        inputs, output, target = _absolute(inputs, output, target)
    found = find_sources(inputs, spared=root_of(output))
    _check_found(found, target, output)
    is_search = found.is_search or not inputs.listed.is_empty
    if not target.returns_results:
        if output is None and [source.is_stdin for source in found.sources] == [True]:
            output = STDOUT  # from a pipe into a pipe
        target = target_at(
            target, output, task, recipe.encoding,
            images=len(found.sources), is_search=is_search,
        )  # fmt: skip
    if found.folders and target.root is not None:
        _leave_out_results(found, target.root)
        _check_found(found, target, output)
    read = [*(source.path for source in found.sources), *task.files, *inputs.listed.files]
    recipe = replace(recipe, target=target, inputs=Fingerprints(fingerprints_of(read)))
    _check_collisions(found.sources, recipe)
    if skip_done and not target.returns_results and target.file != STDOUT:
        root = target.root if target.file is None else Path(target.file).parent
        return _without_done(recipe, found, Ledger(_steps(recipe), root))
    # Next to their images, results are recorded only when that is asked for.
    is_recorded = (is_search or len(found.sources) > 1) and target.root is not None
    ledger = Ledger(_steps(recipe), target.root) if is_recorded else None
    return Plan(recipe, found.sources, [], found.problems, ledger, found.left_out)


def _absolute(
    inputs: Inputs, output: str | None, target: Target
) -> tuple[Inputs, str | None, Target]:
    """Return the same with absolute paths."""
    if output is not None:
        output = os.path.abspath(output) + os.sep * output.endswith(("/", os.sep))  # noqa: PTH100
    if target.stages is not None:
        target = replace(target, stages=target.stages.absolute())
    names, listed = (
        [os.path.abspath(name) for name in given]  # noqa: PTH100
        for given in (inputs.names, inputs.listed.names)
    )
    inputs = replace(inputs, names=names, listed=inputs.listed._replace(names=listed))
    return inputs, output, target


def _leave_out_results(found: Found, root: Path) -> None:
    """Drop images that an earlier run wrote, if results lie among the images."""
    if outputs := Ledger("", root).outputs():
        found.sources = [
            source
            for source in found.sources
            if source.below is None or path_fingerprint(source.path) not in outputs
        ]


def _check_found(found: Found, target: Target, output: str | None) -> None:
    """Check that there are images, and a place for results of folders."""
    if found.folders and output is None and not target.returns_results:
        raise ArgumentError(
            f"{shown(found.folders[0])}: is a folder; name one for its results with -o, such as "
            "-o out/"
        )
    if sum(source.is_stdin for source in found.sources) > 1:
        raise ArgumentError("standard input (-) can be read only once")
    if found.sources or found.problems:
        return
    if found.left_out:
        folder = shown(found.folders[0] if found.folders else found.left_out[0].name)
        raise FileError(f"{folder}: holds no image to read; {left_out_text(found.left_out)}")
    if found.folders:
        raise FileError(
            f"{shown(found.folders[0])}: holds no image; -r searches its subfolders, --hidden "
            "takes names that begin with a dot"
        )
    raise ArgumentError("no image is given; name one or more, or - for standard input")


def _check_collisions(sources: list[Source], recipe: Recipe) -> None:
    """Refuse two images that would be written to one file."""
    if recipe.target.file is not None and recipe.target.stages is None:
        return
    first_with: dict[int, Source] = {}
    rivals: dict[int, list[Source]] = {}
    for source in sources:
        for path in _paths(source, recipe):
            # A hash is smaller than a name. The suffix may be known only when the image is read.
            stem = hash(PurePath(path).with_suffix(""))
            first = first_with.setdefault(stem, source)
            if first is source:
                continue
            for other in rivals.setdefault(stem, [first]):
                _check_different(other, source, recipe)
            rivals[stem].append(source)


def _check_different(first: Source, second: Source, recipe: Recipe) -> None:
    """Refuse a second image that would be written to a file of the first."""
    if first is second or not _final_paths(first, recipe) & _final_paths(second, recipe):
        return
    if first.name == second.name:
        raise ArgumentError(f"{shown(first.name)}: is given twice; name it once")
    raise ArgumentError(
        f"{shown(first.name)} and {shown(second.name)} would be written to the same file; give "
        "them different names or folders, or name results by a template such as "
        "'out/{parent}/{stem}-{kernel}'"
    )


def _final_paths(source: Source, recipe: Recipe) -> set[Path | str]:
    """Return the paths of an image's results, with the suffix of its own format."""
    try:
        format = recipe.named_format or written_for(read_head(source.path).format)
    except CnnFilterError:
        return set()  # it will have no result
    return {*_paths(source, recipe, format)}


def _paths(source: Source, recipe: Recipe, format: str | None = None) -> Iterator[Path | str]:
    target, format = recipe.target, format or recipe.named_format
    for name in recipe.task.names:
        if target.file is None and not target.returns_results:
            yield target.path_for(source, name, format, is_stage=False)
        if target.stages is not None:
            yield target.path_for(source, name, format, is_stage=True)


def _steps(recipe: Recipe) -> str:
    """Return a fingerprint of what is done: results of other steps are made anew."""
    files = [stamp_of(path) for path in recipe.task.files]
    settings = replace(recipe.target, folder=None), recipe.encoding, recipe.frame, recipe.no_data
    done = repr((__version__, recipe.task.described, files, settings))
    return f"{text_fingerprint(done):016x}"


def _without_done(recipe: Recipe, found: Found, ledger: Ledger) -> Plan:
    """Plan what an earlier run left; outputs of other images or steps may be replaced."""
    done, made = ledger.remembered(source.path for source in found.sources)
    existing = "replace" if recipe.existing == "replace" else "same"
    recipe = replace(recipe, existing=existing, earlier_outputs=made)
    plan = Plan(recipe, [], [], found.problems, ledger, found.left_out)
    for source in found.sources:
        (plan.done if path_fingerprint(source.path) in done else plan.sources).append(source)
    return plan


@dataclass
class Outline:
    """The outline of an image's job.

    Attributes
    ----------
    source : str
        The image's name, as in `Source`.
    error : str or None
        Why it would fail.
    before : tuple of int
        The image's shape.
    after : list of tuple of int
        The shapes of what is written.
    outputs : list of str
        The files.
    need : Need or None
        The memory that it takes.
    drawings : list of Need
        The memory that each drawing of it takes; they are made first.
    """

    source: str
    error: str | None = None
    before: Shape = ()
    after: list[Shape] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    need: "Need | None" = None
    drawings: "list[Need]" = field(default_factory=list)


def outline_job(recipe: Recipe, source: Source, drawings: Mapping[str, str]) -> Outline:
    """Return the outline of an image's job, without decoding it.

    Parameters
    ----------
    recipe : Recipe
    source : Source
    drawings : mapping of str to str
        Kinds of drawings (plot, sheet, animate, preview) to files; a preview's is empty.
    """
    outline = Outline(source.name)
    try:
        _fill(outline, recipe, source, drawings)
    except CnnFilterError as error:
        outline.error = with_path(source.name, error)
    return outline


def _fill(outline: Outline, recipe: Recipe, source: Source, drawings: Mapping[str, str]) -> None:
    from cnnfilter.batch.memory import drawing, need

    image = read_head(source.path, recipe.max_pixels)
    outline.before = image.pixels.shape
    results = recipe.task.outline(image)
    info = SourceInfo.of(image)
    written, has_alpha = written_of(results, recipe), image.alpha is not None
    planned = planned_files(written, recipe, info, source, has_alpha=has_alpha)
    files = [file for files in planned for file in files]
    for file in files:
        outline.outputs.append(str(file.output.path))
        outline.after.append(file.part.pixels.shape)
        check_target(file.output, recipe.inputs)
    for option, path in drawings.items():
        if option == "animate":
            animated_window(recipe.task, image)
        format = Path(path).suffix.lower().removeprefix(".")
        outline.drawings.append(drawing(image, recipe.task, option, format))
        if path:
            outline.outputs.append(path)
            outline.after.append(results[-1].pixels.shape)
    outline.after = outline.after or [result.pixels.shape for result in results]
    outline.need = need(image, recipe, results, files)
