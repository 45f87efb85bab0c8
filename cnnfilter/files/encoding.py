"""Settings of what is written: the encoding of a file, and an output with its place."""

from dataclasses import dataclass
from pathlib import Path

#: Standard output where an output's path would stand; `Path("-")` is a file of this name.
STDOUT = "-"


@dataclass(frozen=True)
class Encoding:
    """How numbers become a file.

    Attributes
    ----------
    format : str or None
        A name from `FORMATS`; None for the input's, or the one that the file's name has.
    range : str or None
        How values become pixels, see `quantize`; None for ``clip`` in pictures, and for values
        as they are in arrays.
    depth : {8, 16} or None
        Bits for each channel of a picture; None for the input's.
    compression : {"fast", "small"}
        Whether a picture is written quickly, or to a small file.
    quality : int or None
        1 to 100, for formats that can lose some of it; None for the format's default.
    """

    format: str | None = None
    range: str | None = None
    depth: int | None = None
    compression: str = "fast"
    quality: int | None = None


DEFAULT_ENCODING = Encoding()


@dataclass(frozen=True)
class Output:
    """A file to write.

    Attributes
    ----------
    path : str or Path
        The text ``-`` is standard output.
    encoding : Encoding
    existing : {"refuse", "same", "replace"}
        A file with this name is kept and an error; kept, and an error if its bytes differ (an
        earlier run may have been killed after it wrote them); or replaced.
    durable : bool
        Whether the file is on the disk when writing ends; see `cnnfilter.files.output.replacing`.
    """

    path: str | Path
    encoding: Encoding = DEFAULT_ENCODING
    existing: str = "replace"
    durable: bool = False
