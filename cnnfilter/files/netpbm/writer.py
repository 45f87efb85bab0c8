"""Writing PGM, PPM and PFM."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands
from cnnfilter.errors import ContentError


def write_deep(
    file: BinaryIO, pages: Sequence[tuple[Array, Array | None]], metadata: Mapping[str, object]
) -> list[str]:
    """Write pictures of grey or colours, one behind the other.

    Parameters
    ----------
    file : binary file
    pages : sequence of (ndarray, None)
        uint8 or uint16.
    metadata : mapping
        As `Metadata`; its peak is white, where it is stated.

    Returns
    -------
    list of str
        Nothing: no metadata is for these formats.
    """
    peak = metadata.get("peak")
    for pixels, _ in pages:
        top = np.iinfo(pixels.dtype).max
        white = peak if isinstance(peak, int) and 0 < peak <= top else top
        # Numbers have two bytes where white is above 255.
        dtype = np.dtype("u1" if white < 256 else ">u2")
        kind = b"P6" if pixels.ndim == 3 else b"P5"
        height, width = pixels.shape[:2]
        file.write(b"%s\n%d %d\n%d\n" % (kind, width, height, white))
        _write(file, pixels, dtype)
    return []


def write_floats(file: BinaryIO, numbers: Array) -> None:
    """Write numbers as PFM: floats of 32 bits, rows from the last to the first.

    Raises
    ------
    ContentError
        If they are neither grey nor colours, or 32 bits do not hold them.
    """
    if numbers.ndim == 3 and numbers.shape[2] == 1:
        numbers = numbers[:, :, 0]
    if numbers.ndim == 3 and numbers.shape[2] != 3:
        raise ContentError(f"pfm holds 1 or 3 channels, not {numbers.shape[2]}; write npy")
    with np.errstate(over="ignore"):
        if not all(_is_float32(numbers[rows]) for rows in bands(numbers)):
            raise ContentError(f"pfm holds 32 bits, not all of these {numbers.dtype}; write npy")
    height, width = numbers.shape[:2]
    file.write(b"%s\n%d %d\n-1.0\n" % (b"PF" if numbers.ndim == 3 else b"Pf", width, height))
    _write(file, numbers[::-1], np.dtype("<f4"))


def _is_float32(numbers: Array) -> bool:
    if np.can_cast(numbers.dtype, np.float32):
        return True
    return bool(np.array_equal(numbers.astype(np.float32), numbers, equal_nan=True))


def _write(file: BinaryIO, numbers: Array, dtype: np.dtype[np.generic]) -> None:
    for rows in bands(numbers):
        file.write(np.ascontiguousarray(numbers[rows], dtype).tobytes())
