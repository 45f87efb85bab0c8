"""The recipe of a run: a task, places and settings, the same for every image."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnfilter.batch.inputs import Source
from cnnfilter.batch.ledger import NO_FINGERPRINTS, Fingerprints, path_fingerprint
from cnnfilter.batch.naming import Template, named_after, readable, suffix_for
from cnnfilter.batch.task import Result, Task
from cnnfilter.errors import ArgumentError
from cnnfilter.files.encoding import DEFAULT_ENCODING, STDOUT, Encoding
from cnnfilter.files.format import Pages
from cnnfilter.files.formats import ANY_NUMBERS, FORMATS, LOSSLESS_PICTURE, format_of, written_for
from cnnfilter.files.image import MAX_PIXELS, Image
from cnnfilter.files.stored import Origin
from cnnfilter.text import shown


@dataclass(frozen=True, eq=False)
class SourceInfo:
    """Properties of an image that its outputs inherit; see `Image`.

    Attributes
    ----------
    duration : float or None
        How long it is shown, in milliseconds, if the file has it.
    white, opaque
        As of `Image`.
    """

    format: str
    depth: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    duration: float | None = None
    white: int | None = None
    opaque: float | None = None

    @classmethod
    def of(cls, image: Image) -> "SourceInfo":
        """Return this of an image, without its pixels."""
        return cls(
            image.format,
            image.depth,
            image.metadata,
            image.metadata.get("duration"),
            image.white,
            image.opaque,
        )

    def white_of(self, result: Result) -> int | None:
        """Return the white of a result's values, which may be made for a depth of their own."""
        return self.white if result.depth is None else 2**result.depth - 1


@dataclass(frozen=True, eq=False)
class Target:
    """Where results go; by default next to each image.

    Attributes
    ----------
    file : Path, "-" or None
        The one file to write; the text ``-`` is standard output.
    folder : Path or None
        The folder for files that are named after their images.
    template : Template or None
        How files are named.
    stages : Path or None
        The folder for every layer's result.
    returns_results : bool
        Whether results are returned instead of written; stages are written in any case.
    """

    file: Path | str | None = None
    folder: Path | None = None
    template: Template | None = None
    stages: Path | None = None
    returns_results: bool = False

    @property
    def root(self) -> Path | None:
        """The folder that all results are in; None where they lie next to their images."""
        return self.folder if self.template is None else self.template.root

    @cached_property
    def format(self) -> str | None:
        """The format that the file's name or the template has, if any."""
        if self.template is not None:
            return self.template.format
        return None if self.file in (None, STDOUT) else format_of(str(self.file))

    def path_for(
        self, source: Source, name: str, format: str | None, *, is_stage: bool
    ) -> Path | str:
        """Return the path of a result, or of a layer's."""
        if is_stage:
            return named_after(source, name, format, self.stages)
        if self.file is not None:
            return self.file
        if self.template is not None:
            return self.template.path(source, readable(name), suffix_for(source, format))
        return named_after(source, name, format, self.folder)


@dataclass(frozen=True, eq=False)
class Recipe:
    """A task with places and settings, and never pixels.

    Attributes
    ----------
    task : Task
    target : Target
    encoding : Encoding
        The options; see `encoding_for`.
    frame : int or None
        The one frame to read, from 0; None for all.
    max_pixels : int
        Larger images are refused as decompression bombs.
    no_data : number, "keep" or None
        See `cnnfilter.files.no_data.without_no_data`.
    existing : {"refuse", "same", "replace"}
        See `cnnfilter.files.encoding.Output`.
    inputs : Fingerprints
        Of all images and the files that the steps read, which are never written to.
    earlier_outputs : Fingerprints
        Of the paths of an earlier run's outputs, which are replaced.
    durable : bool
        Whether each result is on the disk before its image counts as done.
    """

    task: Task
    target: Target
    encoding: Encoding = DEFAULT_ENCODING
    frame: int | None = None
    max_pixels: int = MAX_PIXELS
    existing: str = "refuse"
    inputs: Fingerprints = NO_FINGERPRINTS
    earlier_outputs: Fingerprints = NO_FINGERPRINTS
    durable: bool = False
    no_data: str | float | None = None

    @property
    def named_format(self) -> str | None:
        """The format of results whatever the image: the option's, or the file name's."""
        return self.encoding.format or self.target.format

    @property
    def range(self) -> str | None:
        """The range of stages: a network's maps are small numbers around 0, and stretched."""
        return self.encoding.range or ("minmax" if self.task.gives_vector else None)

    def format_for(self, result: Result, input_format: str) -> str:
        """Return a result's format: the option's, the file name's, or the input's."""
        input_format = written_for(input_format)
        option = self.encoding.format
        named = None if result.is_stage else self.target.format
        input_is_picture = FORMATS[input_format].is_picture
        if result.pixels.ndim == 1:
            format = option or named or input_format
            return format if FORMATS[format].holds_vectors else ANY_NUMBERS
        if result.is_stage and self.task.gives_vector:  # a lossy picture would spoil its maps
            return option or (LOSSLESS_PICTURE if input_is_picture else input_format)
        # A TIFF can hold a matrix, and several maps in one array, as .npy does.
        if option is None and named and (result.channels or not input_is_picture):
            return FORMATS[named].numbers or named
        return option or named or input_format

    def page_for(self, result: Result, info: SourceInfo, format: str) -> Origin | None:
        """Return what a frame keeps of its own in a file of a format, if that holds pages."""
        if not isinstance(FORMATS[format].frames, Pages):
            return None
        encoding = self.encoding_for(result, info)
        own = str(encoding.format)
        fits = FORMATS[own].suffixes == FORMATS[format].suffixes
        own, depth = own if fits else format, encoding.depth or info.depth
        metadata = dict(info.metadata)
        if (own, depth) != (info.format, info.depth):
            # Rounded to other steps, what is multiplied by a low alpha would lose its colour.
            metadata.pop("is_premultiplied", None)
            is_rgb = not result.channels and result.pixels.shape[2:] == (3,)
            if is_rgb and FORMATS[info.format].is_picture:
                metadata["rgb_bands"] = 3
        if "geo" in metadata:
            from cnnfilter.files.tiff.geo import moved  # few pictures lie on a map

            metadata = moved(metadata, result.grid)
        return Origin(metadata, own, depth)

    def encoding_for(self, result: Result, info: SourceInfo) -> Encoding:
        """Return how a result is written: by the options, else like the input."""
        format = self.format_for(result, info.format)
        is_stretched = result.is_stage and FORMATS[format].is_picture
        range = self.range if is_stretched else self.encoding.range
        if result.pixels.ndim == 1:
            range = None
        depth = self.encoding.depth or result.depth or info.depth
        return replace(self.encoding, format=format, range=range, depth=depth)

    def existing_for(self, path: Path | str, *, retry: bool = False) -> str:
        """Return the policy for an existing file; a retry may find its first attempt's."""
        if len(self.earlier_outputs) and path_fingerprint(path) in self.earlier_outputs:
            return "replace"
        return "same" if retry and self.existing == "refuse" else self.existing


def root_of(output: str | None) -> Path | None:
    """Return the folder that results go to, if it does not depend on the images."""
    if output is None or output == STDOUT:
        return None
    return Template(output).root if "{" in output else Path(output)


def target_at(
    target: Target,
    output: str | None,
    task: Task,
    encoding: Encoding,
    *,
    images: int,
    is_search: bool,
) -> Target:
    """Return a target with its place.

    Parameters
    ----------
    target : Target
    output : str or None
        A file, a folder, a template, ``-`` or None; see `cnnfilter.batch.plan.make_plan`.
    task : Task
    encoding : Encoding
    images : int
        How many there are.
    is_search : bool
        Whether another run may find more: a name without a suffix is a folder's.

    Raises
    ------
    ArgumentError
        If the place does not fit the images, the encoding or the results.
    """
    target = _placed(target, output, encoding, several=images > 1, is_search=is_search)
    format = encoding.format or target.format
    if encoding.quality is not None and format is not None and FORMATS[format].quality is None:
        able = ", ".join(name for name, known in FORMATS.items() if known.quality is not None)
        raise ArgumentError(f"--quality is for {able}, not {format}; drop one of them")
    if task.gives_vector:
        # With stages, a picture's format is meant for these.
        _check_vector(target.format if target.stages is not None else format)
    elif task.maps > 1 and (format is None or FORMATS[format].is_picture):
        _check_room_for_maps(target, format, task.maps)
    return target


def _placed(
    target: Target, output: str | None, encoding: Encoding, *, several: bool, is_search: bool
) -> Target:
    """Set a target's file, folder or template."""
    if output is None:
        return target
    if output == STDOUT:
        if several:
            raise ArgumentError("standard output takes one result; name a folder with -o")
        return replace(target, file=STDOUT)
    if "{" in output:
        template = Template(output)
        _check_format(output, template.format, encoding.format)
        return replace(target, template=template)
    path = Path(output)
    # Unlike Path's methods, these take a name that is too long for one that does not exist.
    if output.endswith(("/", os.sep)) or os.path.isdir(path):  # noqa: PTH112
        return replace(target, folder=path)
    has_suffix = any(format.has_suffix(output) for format in FORMATS.values())
    if several or (is_search and not has_suffix):
        if os.path.isfile(path):  # noqa: PTH113
            raise ArgumentError(f"{shown(output)}: is a file; several images need a folder")
        if has_suffix:
            raise ArgumentError(
                f"{shown(output)}: one name for several images; name a folder such as "
                f"{shown(path.stem)}/, or a template such as '{{stem}}-{{kernel}}{path.suffix}'"
            )
        return replace(target, folder=path)
    if encoding.format is not None:
        suffix = path.suffix.lower()
        named = [name for name, known in FORMATS.items() if suffix in known.suffixes]
        if encoding.format not in named:
            _check_format(output, named[0] if named else None, encoding.format)
    return replace(target, file=path)


def _check_format(output: str, named: str | None, option: str | None) -> None:
    """Refuse a name whose suffix contradicts --format."""
    if named is None or option is None or FORMATS[named] == FORMATS[option]:
        return
    if FORMATS[named].suffixes != FORMATS[option].suffixes:
        raise ArgumentError(
            f"{shown(output)}: its suffix contradicts --format {option}; drop one of them"
        )


def _check_vector(format: str | None) -> None:
    if format and not FORMATS[format].holds_vectors:
        raise ArgumentError(
            f"the result is a vector, which is not a picture ({format}); write .npy, .npz, .csv, "
            ".tsv or .json, or drop --output and --format"
        )


def _check_room_for_maps(target: Target, format: str | None, maps: int) -> None:
    """Refuse one picture's name for several feature maps, whatever the image."""
    if target.template is not None and not target.template.names_results:
        raise ArgumentError(
            f"{target.template.text}: one name for {maps} feature maps; add {{kernel}} to it"
        )
    if target.file in (None, STDOUT) or format is None or FORMATS[format].numbers:
        return
    raise ArgumentError(
        f"{shown(str(target.file))}: one name for {maps} feature maps; name a folder such as "
        "out/, an array's format such as .npy, or combine them"
    )
