"""Writing TIFFs: pages of any depth, type of numbers, bands and alpha, with their metadata."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.files.metadata.parts import profile_fits
from cnnfilter.files.premultiplied import multiplied
from cnnfilter.files.tiff.folder import (
    BYTE,
    EXIF,
    GPS,
    LONG,
    LONG8,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Folder,
    Layout,
    Order,
    Tag,
    folder_of_exif,
    laid_out,
    numbers_tag,
    text_tag,
)

#: Bytes of pages whose offsets surely fit 32 bits; larger ones become a BigTIFF.
MAX_CLASSIC = 2**32 - 2**25
#: Bytes of a strip before it is compressed.
_STRIP_BYTES = 2**18
_LEVEL = 6

# TIFF 6.0's tags.
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _DESCRIPTION = 256, 257, 258, 259, 262, 270
_OFFSETS, _SAMPLES, _ROWS, _COUNTS = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _PLANAR, _UNIT = 282, 283, 284, 296
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _XMP, _PROFILE = 338, 339, 700, 34675
_NO_DATA = 42113
_DEFLATE, _INCH, _BLACK_IS_ZERO, _RGB = 8, 2, 1, 2
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}

#: EXIF's own tags that are about the layout or the look of the pixels they came with.
_LAYOUT = frozenset([
    *range(254, 267), 273, 274, *range(277, 282), 284, *range(288, 294), 297, 301, *range(317, 348),
    *range(400, 404), *range(512, 533), _XMP, *range(32781, 33432), 33550, 33922, 34264, 34377,
    _PROFILE, *range(34735, 34738), 42112, _NO_DATA, *range(50706, 52600), EXIF, GPS,
])  # fmt: skip


class Page(NamedTuple):
    """A page to write.

    Attributes
    ----------
    pixels : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray or None
        Shape (H, W), its largest value opaque: its type's, or a float's 1.
    dtype : dtype
        The type that the numbers are stored in.
    metadata : mapping
        As `Metadata`.
    """

    pixels: Array
    alpha: Array | None
    dtype: DType
    metadata: Mapping[str, Any] = {}

    @property
    def colours(self) -> int:
        """Number of bands that are colours."""
        if self.pixels.ndim == 2:
            return 1
        bands = self.pixels.shape[2]
        rgb = self.metadata.get("rgb_bands", 3 if self.dtype in (np.uint8, np.uint16) else 0)
        return 3 if bands == rgb >= 3 else 1

    @property
    def profile(self) -> bytes:
        """The colour profile, if it fits; else none."""
        profile = self.metadata.get("icc_profile")
        pixels = np.empty((1, 1)) if self.colours == 1 else np.empty((1, 1, 3))
        is_fitting = isinstance(profile, bytes) and profile_fits(profile, pixels)
        return profile if is_fitting and isinstance(profile, bytes) else b""

    @property
    def holds_no_data(self) -> bool:
        """Test whether a number marks its empty pixels."""
        number = self.metadata.get("no_data")
        if number is None or self.alpha is None:
            return False
        if self.dtype.kind == "f":
            return True
        info = np.iinfo(self.dtype)
        return info.min <= number <= info.max and number == int(number)

    @property
    def is_premultiplied(self) -> bool:
        """Test whether colours are stored multiplied by alpha."""
        if self.alpha is None or not self.metadata.get("is_premultiplied"):
            return False
        # Averages of an integer alpha are floats of its range, which no longer shows.
        return self.alpha.dtype.kind != "f" or bool(self.alpha.max(initial=0) <= 1)

    def strips(self, order: Order) -> Iterator[Array]:
        """Yield the stored numbers, a few rows each."""
        row = self.pixels[:1].size * self.dtype.itemsize + self.pixels.shape[1]
        height = max(1, _STRIP_BYTES // row)
        for top in range(0, len(self.pixels), height):
            rows = slice(top, top + height)
            alpha = None if self.alpha is None else self.alpha[rows]
            yield self._stored(self.pixels[rows], alpha).astype(
                self.dtype.newbyteorder(order), copy=False
            )

    def _stored(self, pixels: Array, alpha: Array | None) -> Array:
        if alpha is None:
            return pixels
        if self.holds_no_data:
            empty = alpha == 0 if pixels.ndim == 2 else (alpha == 0)[:, :, np.newaxis]
            number = self.dtype.type(self.metadata["no_data"])
            return np.where(empty, number, pixels.astype(self.dtype, copy=False))
        if self.is_premultiplied:
            pixels = multiplied(pixels, alpha, self.colours)
        return np.dstack([pixels.astype(self.dtype, copy=False), alpha.astype(self.dtype)])


def numbers_dtype(values: Array) -> DType:
    """Return the type that numbers are stored in.

    Examples
    --------
    >>> [numbers_dtype(np.zeros(1, name)).name for name in ("int16", "uint32", "int64")]
    ['float32', 'float64', 'int64']
    """
    if np.can_cast(values.dtype, np.float32):
        return np.dtype(np.float32)
    is_wide = values.dtype.kind in "iu" and values.dtype.itemsize == 8
    return values.dtype if is_wide else np.dtype(np.float64)


def is_big(arrays: Iterable[Array | None]) -> bool:
    """Return whether pages may need a BigTIFF."""
    return sum(array.nbytes for array in arrays if array is not None) > MAX_CLASSIC


def write_pages(file: BinaryIO, pages: Sequence[Page]) -> list[str]:
    """Write pages; return notes on what is left out."""
    stored = [np.broadcast_to(page.dtype.type(), page.pixels.shape) for page in pages]
    exif = [_exif_of(page.metadata) for page in pages]
    # Maker notes have the byte order of the EXIF that they are in, and do not say so.
    order: Order = next((folder.order for folder in exif if folder), "<")
    layout = Layout(order, is_big(chain(stored, (page.alpha for page in pages))))
    _arrange(pages, exif)
    out = _Out(file, layout)
    for page, folder in zip(pages, exif, strict=True):
        out.write_page(page, folder)
    notes = [f"tif cannot hold {name}: left out" for name in _profiles_left_out(pages)]
    if any(page.metadata.get("exif") and not own for page, own in zip(pages, exif, strict=True)):
        notes.append("tif cannot hold its EXIF: left out")
    if any(page.metadata.get("geo", page) is None for page in pages):
        notes.append("its place on the map is left out: the result has none")
    return notes


def _profiles_left_out(pages: Sequence[Page]) -> list[str]:
    is_lost = any("icc_profile" in page.metadata and not page.profile for page in pages)
    return ["a colour profile of other channels"] if is_lost else []


def _arrange(pages: Sequence[Page], folders: Sequence[Folder]) -> None:
    """Describe a stack in the first page, if the pages still make one up."""
    stack, page = pages[0].metadata.get("stack"), pages[0]
    is_alike = all(other.alpha is None and other.dtype == page.dtype for other in pages)
    if stack is None or not is_alike:
        return
    if stack.fits([other.pixels.shape for other in pages], page.dtype):
        described = stack.description(page.pixels.shape, page.dtype)
        folders[0].tags[_DESCRIPTION] = text_tag(described)


class _Out:
    """A TIFF in writing."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self._file, self._layout = file, layout
        self._link = len(layout.header)
        self._at = 0
        self._append(layout.header + layout.offset.pack(0))

    def _append(self, content: bytes) -> int:
        """Write at the end; return where that was."""
        place = self._at
        self._file.write(content)
        self._at += len(content)
        return place

    def write_page(self, page: Page, exif: Folder) -> None:
        """Write a page's strips, and its directory behind them."""
        layout = self._layout
        offsets, counts, rows = [], [], 0
        for strip in page.strips(layout.order):
            rows = rows or len(strip)
            content = zlib.compress(np.ascontiguousarray(strip).data, _LEVEL)
            counts.append(len(content))
            offsets.append(self._append(content))
        folder = _directory(page, exif.in_order(layout.order))
        order, wide = layout.order, LONG8 if layout.is_big else LONG
        folder.tags[_ROWS] = numbers_tag(LONG, rows, order=order)
        folder.tags[_OFFSETS] = numbers_tag(wide, *offsets, order=order)
        folder.tags[_COUNTS] = numbers_tag(LONG, *counts, order=order)
        self._append(bytes(self._at % 2))
        place = self._append(laid_out(folder, self._at, layout))
        self._file.seek(self._link)
        self._file.write(layout.offset.pack(place))
        self._file.seek(self._at)
        entries = len({*folder.tags, *folder.folders})
        self._link = place + layout.count.size + entries * layout.entry.size


def _exif_of(metadata: Mapping[str, Any]) -> Folder:
    exif = metadata.get("exif")
    return folder_of_exif(exif) if isinstance(exif, bytes) else Folder("<")


def _directory(page: Page, exif: Folder) -> Folder:
    """Return a page's directory, but for its strips."""
    order, (height, width) = exif.order, page.pixels.shape[:2]
    bands = page.pixels.size // (height * width)
    extra = [_UNSPECIFIED] * (bands - page.colours)
    if page.alpha is not None and not page.holds_no_data:
        extra.append(_ASSOCIATED if page.is_premultiplied else _UNASSOCIATED)
    samples = page.colours + len(extra)
    kept = {number: tag for number, tag in exif.tags.items() if number not in _LAYOUT}
    folder = Folder(order, kept, dict(exif.folders))

    def put(number: int, type: int, *values: float) -> None:
        folder.tags[number] = numbers_tag(type, *values, order=order)

    put(_WIDTH, LONG, width)
    put(_LENGTH, LONG, height)
    put(_BITS, SHORT, *[8 * page.dtype.itemsize] * samples)
    put(_COMPRESSION, SHORT, _DEFLATE)
    put(_PHOTOMETRIC, SHORT, _RGB if page.colours == 3 else _BLACK_IS_ZERO)
    put(_SAMPLES, SHORT, samples)
    put(_PLANAR, SHORT, 1)
    put(_SAMPLE_FORMAT, SHORT, *[_SAMPLE_FORMATS[page.dtype.kind]] * samples)
    if extra:
        put(_EXTRA_SAMPLES, SHORT, *extra)
    _describe(folder, page)
    return folder


def _describe(folder: Folder, page: Page) -> None:
    """Add what a page's metadata have besides EXIF."""
    metadata, order = page.metadata, folder.order
    if dpi := metadata.get("dpi"):
        across, down = map(float, dpi)
        folder.tags[_X_RESOLUTION] = numbers_tag(RATIONAL, across, order=order)
        folder.tags[_Y_RESOLUTION] = numbers_tag(RATIONAL, down, order=order)
        folder.tags[_UNIT] = numbers_tag(SHORT, _INCH, order=order)
    if profile := page.profile:
        folder.tags[_PROFILE] = Tag(UNDEFINED, len(profile), profile)
    if isinstance(xmp := metadata.get("xmp"), bytes):
        folder.tags[_XMP] = Tag(BYTE, len(xmp), xmp)
    if geo := metadata.get("geo"):
        folder.tags |= cast("Folder", geo).in_order(order).tags
    if page.holds_no_data:
        number = metadata["no_data"]
        folder.tags[_NO_DATA] = text_tag(f"{number:.17g}")
