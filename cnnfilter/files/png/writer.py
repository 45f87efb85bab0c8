"""PNGs that Pillow does not write: colours, or grey with alpha, in 16 bits."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands
from cnnfilter.files.metadata.colours import HDR_KINDS
from cnnfilter.files.pillow.writer import write_pictures
from cnnfilter.files.png import chunks as png

#: Colour types by the number of channels.
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
#: Bytes of rows that are filtered together, and of a chunk of compressed pixels at the most.
_BAND, _CHUNK = 2**18, 2**20


def write_deep(
    file: BinaryIO, pages: Sequence[tuple[Array, Array | None]], metadata: Mapping[str, Any]
) -> list[str]:
    """Write a picture of any channels in 8 or 16 bits.

    Parameters
    ----------
    file : binary file
    pages : sequence of (ndarray, ndarray or None)
        Pixels and alpha of the only picture.
    metadata : mapping
        As `Metadata`.

    Returns
    -------
    list of str
        Notes on metadata that is left out.
    """
    ((pixels, alpha),) = pages
    chunks, notes = _metadata_chunks(pixels, metadata)
    channels = (pixels.shape[2] if pixels.ndim == 3 else 1) + (alpha is not None)
    height, width = pixels.shape[:2]
    depth = 8 * pixels.itemsize
    head = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    file.write(png.MAGIC + png.packed(b"IHDR", head) + chunks)
    for content in _compressed(_filtered(_rows(pixels, alpha), channels * pixels.itemsize)):
        file.write(png.packed(b"IDAT", content))
    file.write(png.packed(b"IEND", b""))
    return notes


def _metadata_chunks(pixels: Array, metadata: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """Return the chunks that Pillow writes of metadata, and notes."""
    buffer = io.BytesIO()
    colours = metadata.get("colours")
    own = {kind: colours[kind] for kind in HDR_KINDS if kind in colours} if colours else {}
    if colours:
        others = {kind: colours[kind] for kind in colours if kind not in own}
        metadata = {**metadata, "colours": others}
    tiny = np.zeros((1, 1, *pixels.shape[2:]), np.uint8)
    notes = write_pictures(buffer, [(tiny, None, None)], "png", metadata)
    chunks = [(kind.encode(), content) for kind, content in own.items()]
    chunks += png.contents(buffer.getvalue(), without=(b"IHDR", b"IDAT"))
    return b"".join(png.packed(kind, content) for kind, content in chunks), notes


def _rows(pixels: Array, alpha: Array | None) -> Iterator[Array]:
    """Iterate over bands of rows as bytes, the higher of a number first."""
    order = pixels.dtype.newbyteorder(">")
    for rows in bands(pixels, _BAND):
        planes = pixels[rows] if alpha is None else np.dstack([pixels[rows], alpha[rows]])
        yield planes.reshape(len(planes), -1).astype(order).view(np.uint8)


def _filtered(rows: Iterator[Array], step: int) -> Iterator[bytes]:
    """Filter bands of rows, each row by what leaves the smallest numbers.

    Parameters
    ----------
    rows : iterator of ndarray
        Bands of bytes, shape (rows, bytes).
    step : int
        Bytes of a pixel.
    """
    last: Array | None = None
    for band in rows:
        height, size = band.shape
        # A pixel of zeros in front, and a row of zeros above the first.
        around = np.zeros((height + 1, size + step), np.uint8)
        around[1:, step:] = band
        if last is not None:
            around[0, step:] = last
        last = band[-1]
        left, above, corner = around[1:, :-step], around[:-1, step:], around[:-1, :-step]
        result = np.empty((height, 1 + size), np.uint8)
        result[:, 0], result[:, 1:] = 0, band
        least = _costs(band)
        for number, guess in enumerate(_guesses(left, above, corner), 1):
            filtered = band - guess
            costs = _costs(filtered)
            better = costs < least
            result[better, 0] = number
            result[better, 1:] = filtered[better]
            least = np.minimum(least, costs)
        yield result.tobytes()


def _costs(filtered: Array) -> Array:
    """Return the sum of each row's magnitudes, of bytes with a sign."""
    return np.minimum(filtered, -filtered).sum(1, np.int64)


def _guesses(left: Array, above: Array, corner: Array) -> Iterator[Array]:
    """Iterate over what filters 1 to 4 subtract: PNG specification, 9.2."""
    yield left
    yield above
    yield (left & above) + ((left ^ above) >> 1)  # the average, rounded down, in a byte
    a, b, c = (plane.astype(np.int16) for plane in (left, above, corner))
    to_left, to_above, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    is_left = (to_left <= to_above) & (to_left <= to_corner)
    yield np.where(is_left, left, np.where(to_above <= to_corner, above, corner))


def _compressed(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Iterate over the contents of chunks that hold the compressed parts."""
    first = next(parts)
    compressor = zlib.compressobj(strategy=_strategy(first))
    waiting = b""
    for part in chain([first], parts):
        waiting += compressor.compress(part)
        while len(waiting) >= _CHUNK:
            yield waiting[:_CHUNK]
            waiting = waiting[_CHUNK:]
    yield waiting + compressor.flush()


def _strategy(part: bytes) -> int:
    """Return zlib's strategy: by runs, three times as fast, unless patterns repeat."""
    by_runs, whole = (
        len(compressor.compress(part) + compressor.flush())
        for compressor in (zlib.compressobj(strategy=way) for way in (zlib.Z_RLE, zlib.Z_FILTERED))
    )
    return zlib.Z_RLE if by_runs <= 1.2 * whole else zlib.Z_FILTERED
