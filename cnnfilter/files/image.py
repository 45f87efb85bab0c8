"""An image as it was read."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.text import shape_text

if TYPE_CHECKING:
    from cnnfilter.files.tiff.folder import Folder
    from cnnfilter.files.tiff.stack import Stack

#: Pillow's own limit, above which it takes a picture for a decompression bomb.
MAX_PIXELS = 178_956_970


class Metadata(TypedDict, total=False):
    """Parts of a picture's file besides its pixels, by Pillow's names.

    Colours are a PNG's chunks that state them next to a profile, by their kind.
    Durations of frames are in milliseconds; loop is how often all are shown, 0 for ever.
    `no_data` is the number that stands in pixels without a value, where alpha is 0.
    `peak` is for a writer: the number that is white, in a format that states it.
    `rgb_bands` is the number of bands of which the first three are red, green and blue, where
    their number and type do not say so; `geo` are a GeoTIFF's tags, and `stack` how
    a TIFF's pages are arranged.
    `is_premultiplied` says that the file's colours are multiplied by alpha; pixels are not.
    """

    exif: bytes
    icc_profile: bytes
    dpi: tuple[float, float]
    xmp: bytes
    comment: bytes | str
    text: dict[str, str]
    colours: dict[str, bytes]
    duration: float
    loop: int
    no_data: float
    peak: int
    is_premultiplied: bool
    rgb_bands: int
    geo: "Folder"
    stack: "Stack"


@dataclass(frozen=True, eq=False)
class Image:
    """An image as it was read.

    Attributes
    ----------
    pixels : ndarray
        Shape (H, W) or (H, W, C), as stored, without alpha.
    alpha : ndarray or None
        Shape (H, W), the pixels' dtype.
    format : str
        A name from `FORMATS`.
    metadata : Metadata
    notes : tuple of str
        What the person should know about how it was read.
    peak : int or None
        The number that is white, where it is not its type's largest: 1023, 4095.
    frames : int
        Number of frames or pages in its file.
    reading : int
        Of a head: the most bytes that reading takes, with the pixels.
    """

    pixels: Array
    alpha: Array | None = None
    format: str = "png"
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    frames: int = 1
    peak: int | None = field(default=None, kw_only=True)
    reading: int = 0

    @property
    def depth(self) -> int:
        """Bits of each channel of a picture: 16 or 8."""
        return 16 if self.pixels.dtype == np.uint16 else 8

    @property
    def white(self) -> int | None:
        """The number that is white; None of numbers that are no picture's."""
        if self.peak is None and self.pixels.dtype in (np.uint8, np.uint16):
            return int(np.iinfo(self.pixels.dtype).max)
        return self.peak

    @property
    def opaque(self) -> float | None:
        """The largest alpha: white, or 1 of floats."""
        return 1.0 if self.alpha is not None and self.alpha.dtype.kind == "f" else self.white

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.pixels.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    def blanked(self, reading: int = 0) -> "Image":
        """Return its head, pixels of the largest magnitude."""
        alpha = None if self.alpha is None else blank(self.alpha.shape, self.alpha.dtype)
        low, high = self.pixels.min(), self.pixels.max()
        pixels = blank(self.pixels.shape, self.pixels.dtype, low if -float(low) > high else high)
        return replace(self, pixels=pixels, alpha=alpha, metadata={}, reading=reading)


class Frames(Protocol):
    """The frames of an open file."""

    def __len__(self) -> int: ...

    @property
    def pixels(self) -> int:
        """Number of pixels of all frames."""

    def read(self, number: int = 0) -> Image:
        """Decode a frame."""

    def head(self) -> Image:
        """Return the first frame as `read` would, blank."""


def blank(shape: tuple[int, ...], dtype: DTypeLike, value: float = 0) -> Array:
    """Return an array of one value that takes no memory."""
    return np.broadcast_to(np.array(value, dtype), shape)


def upright(pixels: Array, orientation: int) -> Array:
    """Apply EXIF's orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """Check that an image has no unexpected pixels."""
    if width * height > max_pixels:
        raise too_large(f"{shape_text((height, width))} are more than {max_pixels} pixels")


def too_large(problem: str) -> ContentError:
    """Return the error for what may be a decompression bomb."""
    return ContentError(f"{problem}; raise --max-pixels if you trust the file")
