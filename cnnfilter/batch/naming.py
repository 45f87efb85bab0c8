"""The names of outputs: made from the input's, or from a template."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from string import Formatter

from cnnfilter.batch.inputs import Source
from cnnfilter.errors import ArgumentError, unknown
from cnnfilter.files.formats import FORMATS, format_of

#: A template's fields.
FIELDS = {
    "parent": "the folder an image lies in: below the folder that was named, or that folder's name",
    "stem": "the image's name without its suffix",
    "kernel": "the result's name: the kernel, feature map, channel or step",
    "result": "the same",
}


@dataclass(frozen=True, eq=False)
class Template:
    """Names with fields, such as ``out/{parent}/{stem}-{kernel}.png``.

    Attributes
    ----------
    text : str
        A brace that is not a field's is doubled. Without a suffix the format's is added;
        ending in ``/``, files are named as without a template.

    Raises
    ------
    ArgumentError
        If a field is unknown, or a brace is not closed.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parsed = list(Formatter().parse(self.text))
        except ValueError:
            raise ArgumentError(
                f"{self.text}: a brace is not closed; one that belongs to the name is doubled: {{{{"
            ) from None
        for _, name, form, conversion in parsed:
            if name is not None and name not in FIELDS:
                raise ArgumentError(f"{self.text}: {unknown('field', name, FIELDS)}")
            if form or conversion:
                raise ArgumentError(f"{self.text}: a field is {{{name}}} and nothing more")
        if self.text.endswith(("/", os.sep)):
            object.__setattr__(self, "text", self.text + "{stem}-{result}")

    @property
    def names_results(self) -> bool:
        """Test whether several results of an image get different names."""
        return any(name in ("kernel", "result") for _, name, _, _ in Formatter().parse(self.text))

    @property
    def root(self) -> Path:
        """The folder that all names have in common."""
        start = self.text.replace("{{", "__").partition("{")[0]
        return Path(os.path.dirname(self._plain(self.text[: len(start)])))  # noqa: PTH120

    @property
    def format(self) -> str | None:
        """The suffix's format; None without a suffix."""
        suffix = PurePath(self.text).suffix
        return None if "{" in suffix else format_of(self.text)

    def path(self, source: Source, result: str, suffix: str) -> Path:
        """Return the path of a result."""
        path = _path(source)
        named = self.text.format(
            parent=_parent(source), stem=path.stem, kernel=result, result=result
        )
        return Path(named if self.format else named + suffix)

    @staticmethod
    def _plain(text: str) -> str:
        return text.replace("{{", "{").replace("}}", "}")


def _path(source: Source) -> Path:
    return Path("stdin" if source.is_stdin else source.name)


def _parent(source: Source) -> str:
    if source.below is not None:
        return source.below or "."
    return os.path.basename(os.path.dirname(os.path.abspath(_path(source))))  # noqa: PTH100, PTH119, PTH120


def readable(name: str) -> str:
    """Return a result's name as a part of a file name.

    Examples
    --------
    >>> readable("gaussian:5,1.2")
    'gaussian-5-1.2'
    """
    return re.sub(r"[^\w.+-]+", "-", name).rstrip("-")


def suffix_for(source: Source, format: str | None) -> str:
    """Return an output's suffix: the input's, if it belongs to the format."""
    suffix = _path(source).suffix
    if format is None or suffix.lower() in FORMATS[format].suffixes:
        return suffix
    return FORMATS[format].suffixes[0]


def named_after(source: Source, name: str, format: str | None, folder: Path | None) -> Path:
    """Return an output's path from the input's: ``img.png`` gives ``img-sharpen.png``.

    Parameters
    ----------
    source : Source
        Standard input is named ``stdin``.
    name : str
        Added to the input's name.
    format : str or None
        The output's; the input's suffix is kept if it belongs to it.
    folder : Path or None
        The output's folder, with the subfolders that were searched; None for the input's.

    Examples
    --------
    >>> named_after(Source("photos/img.JPG"), "sharpen", "jpeg", None).as_posix()
    'photos/img-sharpen.JPG'
    >>> named_after(Source("img.png"), "gaussian:5,1.2", "png", None).as_posix()
    'img-gaussian-5-1.2.png'
    >>> named_after(Source("photos/may/img.JPG", "may"), "edge", "npy", Path("out")).as_posix()
    'out/may/img-edge.npy'
    """
    path = _path(source)
    place = path.parent if folder is None else folder / (source.below or "")
    return place / f"{path.stem}-{readable(name)}{suffix_for(source, format)}"
