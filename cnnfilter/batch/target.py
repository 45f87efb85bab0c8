"""Where results go, and as what."""

from dataclasses import dataclass
from pathlib import Path

from cnnfilter.batch.naming import Template, named_after, readable, suffix_for
from cnnfilter.batch.sources import Source
from cnnfilter.batch.work import Result
from cnnfilter.files.formats import FORMATS, format_of


@dataclass(frozen=True)
class Target:
    """Where results go, and as what.

    Attributes
    ----------
    file : str or None
        The one file to write, ``-`` for standard output; None for names made from the
        image's.
    folder : Path or None
        Where those are; None for beside the image.
    template : Template or None
        How results are named, where it is said.
    format : str or None
        A name from `FORMATS`; None for the image's.
    range : str or None
        How values become pixels; None for the format's own way.
    depth : {8, 16} or None
        Bits for each channel of pictures; None for the image's.
    compression : {"fast", "small"}
        Whether pictures are written quickly, or to small files.
    quality : int or None
        1 to 100, of formats that lose something; None for their usual.
    frame : int or None
        The one frame that is taken, from 0; None for all.
    stages : Path or None
        Where the layers' results go.
    stages_range : str or None
        How their values become pixels, where `range` is not given.
    stages_format : str or None
        The format of a network's maps; None for one like the image's that loses nothing.
    keep : bool
        Hand results back instead of writing them.
    """

    file: str | None = None
    folder: Path | None = None
    template: Template | None = None
    format: str | None = None
    range: str | None = None
    depth: int | None = None
    compression: str = "fast"
    quality: int | None = None
    frame: int | None = None
    stages: Path | None = None
    stages_range: str | None = None
    stages_format: str | None = None
    keep: bool = False

    @property
    def root(self) -> Path | None:
        """The folder that all results are in; None for one beside each image."""
        return self.folder if self.template is None else self.template.root

    @property
    def named_format(self) -> str | None:
        """The format that the file's name, or the template, says; None where there is none."""
        if self.template is not None:
            return self.template.format
        return None if self.file in (None, "-") else format_of(str(self.file))

    def range_for(self, result: Result, format: str) -> str | None:
        """Say how values become pixels; None for the format's own way, or where they are."""
        if result.pixels.ndim == 1 or result.stored is not None:
            return None
        stretched = result.is_stage and FORMATS[format].is_picture
        return self.range or (self.stages_range if stretched else None)

    def format_for(self, result: Result, own: str) -> str:
        """Choose a result's format: as is asked for, as the file is named, or the image's own."""
        if result.pixels.ndim == 1:
            return self._format_for_vector(result, own)
        if result.is_stage and self.stages_range is not None:
            lossless = "png" if FORMATS[own].is_picture else own
            return self.stages_format or lossless
        if self.format is not None:
            return self.format
        named = None if result.is_stage else self.named_format
        # A TIFF can hold a matrix, and several maps in one array, as .npy does.
        if named == "tif" and (result.channels or not FORMATS[own].is_picture):
            return "float"
        return named or own

    def _format_for_vector(self, result: Result, own: str) -> str:
        """Choose the format of numbers: as is asked for, or .npy where that is a picture's."""
        asked = self.stages_format if result.is_stage else self.format
        named = None if result.is_stage else self.named_format
        format = asked or named or own
        return "npy" if FORMATS[format].is_picture or format == "float" else format

    def path_for(self, source: Source, name: str, format: str | None, *, is_stage: bool) -> str:
        """Give the place of a result, or of a layer's."""
        if is_stage:
            return str(named_after(source, name, format, self.stages))
        if self.file is not None:
            return self.file
        if self.template is not None:
            return str(self.template.path(source, readable(name), suffix_for(source, format)))
        return str(named_after(source, name, format, self.folder))
