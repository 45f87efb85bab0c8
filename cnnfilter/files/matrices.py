"""Matrices in files: numbers as they are, signed and large ones too."""

import io
import json
import lzma
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tokenize import TokenError
from typing import Any, BinaryIO, cast

import numpy as np

from cnnfilter.core.arrays import Array, check_finite
from cnnfilter.files.source import ContentError

#: What NumPy and zipfile raise on files that are broken.
BROKEN = (
    OSError, ValueError, TypeError, LookupError, SyntaxError, TokenError, EOFError, RuntimeError,
    zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip
_SEPARATORS = {"csv": ",", "tsv": "\t"}


def read_matrix(file: BinaryIO, format: str, max_values: int) -> Array:
    """Read a matrix: shape (H, W) or (H, W, C).

    Raises
    ------
    ContentError
        If the content is not what the format says, or a compressed one unfolds to more
        than `max_values` numbers.
    """
    if format == "npy":
        return read_array(file)
    if format == "npz":
        return _read_npz(file, max_values)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ContentError("not a text file") from None
    return read_json(text) if format == "json" else _read_table(text)


def read_array(file: BinaryIO) -> Array:
    """Read an .npy array, never an object of Python's.

    The header is held against the bytes that are there before any memory is taken.
    """
    with _decoding():
        shape, fortran_order, dtype = _read_header(file)
        content = _content(file, shape, dtype)
        array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)


def _content(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes | Array:
    """Read the bytes behind a header, into their place where their number is known."""
    if isinstance(file, zipfile.ZipExtFile):
        content = file.read()
        _check_header(shape, dtype, len(content))
        return content
    begin = file.tell()
    there = file.seek(0, io.SEEK_END) - begin
    _check_header(shape, dtype, there)
    file.seek(begin)
    # A plain read of a large file holds it twice.
    place = np.empty(there, np.uint8)
    if cast("Any", file).readinto(place) != there:
        raise EOFError("the file became shorter while it was read")
    return place


def read_array_head(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Give the shape and the type of what `read_array` would read, from the header alone."""
    with _decoding():
        shape, _, dtype = _read_header(file)
        begin = file.tell()
        _check_header(shape, dtype, file.seek(0, io.SEEK_END) - begin)
        return shape, dtype.newbyteorder("=")


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn whatever a broken array makes NumPy raise into one error."""
    try:
        yield
    except BROKEN as error:
        raise ContentError(f"not an array of NumPy's that can be read ({error})") from None


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the shape, whether the first axis runs fastest, and the type."""
    readers: Mapping[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    return readers[np.lib.format.read_magic(file)](file)


def _check_header(shape: tuple[int, ...], dtype: np.dtype[Any], there: int) -> None:
    """Hold a header against the bytes that are there."""
    if dtype.hasobject:
        raise ContentError("holds Python objects, which are never unpickled")
    if dtype.kind not in "biuf":
        raise ContentError(f"holds {dtype}, not real numbers")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 1:
        raise ContentError(f"holds no numbers: its shape is {shape}")
    if promised != there:
        cut = "cut short: " if promised > there else ""
        raise ContentError(f"{cut}shape {shape} needs {promised} bytes, there are {there}")


def _read_npz(file: BinaryIO, max_values: int) -> Array:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if len(names) != 1 or not names[0].endswith(".npy"):
                kept = ", ".join(name.removesuffix(".npy") for name in names)
                raise ContentError(f"holds {len(names)} arrays ({kept}); keep one")
            if archive.getinfo(names[0]).file_size > 8 * max_values:
                raise ContentError(
                    f"unfolds to more than {max_values} numbers; raise --max-pixels if you "
                    "trust the file"
                )
            with archive.open(names[0]) as member:
                return read_array(cast("BinaryIO", member))
    except BROKEN as error:
        raise ContentError(f"not an .npz file that can be read ({error})") from None


def read_json(text: str) -> Array:
    """Read nested lists of numbers."""
    try:
        array = np.array(json.loads(text))
    except (ValueError, RecursionError):
        raise ContentError(
            "not a matrix in JSON; write rows that are equally long: [[1, 2], [3, 4]]"
        ) from None
    if array.dtype.kind not in "biuf":
        raise ContentError("not a matrix in JSON: it holds other things than numbers")
    return array


def _read_table(text: str) -> Array:
    """Read lines of numbers; a blank line starts the next channel."""
    channels: list[list[list[float]]] = [[]]
    integral = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            if channels[-1]:
                channels.append([])
            continue
        words = _cells(line)
        try:
            channels[-1].append([float(word) for word in words])
        except ValueError:
            raise ContentError(f"line {number} holds something that is not a number") from None
        if len(words) != len(channels[0][0]):
            raise ContentError(
                f"line {number} has {len(words)} number(s), line 1 has {len(channels[0][0])}"
            )
        integral = integral and all(word.lstrip("+-").isdecimal() for word in words)
    channels = [rows for rows in channels if rows]
    if len({len(rows) for rows in channels}) != 1:
        raise ContentError("is empty, or its channels are not equally high")
    values = np.array(channels)
    if integral and np.abs(values).max() < 2**53:
        values = values.astype(np.int64)
    return values[0] if len(channels) == 1 else np.moveaxis(values, 0, -1)


def _cells(line: str) -> list[str]:
    """Take a line apart at its commas, semicolons or tabs, or else at its spaces."""
    separator = next((each for each in ",;\t" if each in line), None)
    return [word.strip() for word in line.split(separator)]


def write_matrix(file: BinaryIO, array: Array, format: str) -> None:
    """Write an array of shape (H, W), (H, W, C) or (N,) as npy, npz, csv, tsv or json.

    Raises
    ------
    NotFiniteError
        If the format is JSON, which has no NaN or infinity.
    """
    match format:
        case "npy":
            np.lib.format.write_array(file, array, allow_pickle=False)
        case "npz":
            np.savez_compressed(file, array)
        case _:
            for chunk in matrix_text(array, format):
                file.write(chunk.encode())


def matrix_text(array: Array, format: str) -> Iterator[str]:
    r"""Write all numbers as text, a line at a time.

    Parameters
    ----------
    array : ndarray
        Shape (H, W) or (H, W, C); or (N,), a row.
    format : {"csv", "tsv", "json"}
        Tables have a blank line between channels; JSON nests lists as the shape says.

    Examples
    --------
    >>> "".join(matrix_text(np.array([[1.0, -2.0]]), "tsv"))
    '1\t-2\n'
    >>> "".join(matrix_text(np.array([[0.5, 1e-9]], np.float32), "csv"))
    '0.5,1e-09\n'
    """
    if format == "json":
        check_finite(array, "the result")
        yield json.dumps(_plain(array).tolist()) + "\n"
        return
    separator = _SEPARATORS[format]
    channels = list(np.moveaxis(array, -1, 0)) if array.ndim == 3 else [np.atleast_2d(array)]
    for number, channel in enumerate(channels):
        if number:
            yield "\n"
        for row in _plain(channel):
            yield separator.join(_words(row)) + "\n"


def _plain(array: Array) -> Array:
    """Give integers as integers."""
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        return array
    if np.abs(array).max() < 2**53 and np.array_equal(array, np.rint(array)):
        return array.astype(np.int64)
    return array


def _words(row: Array) -> list[str]:
    # NumPy's text of float32 is the shortest that reads back as the same float32.
    if row.dtype.kind == "f":
        return [word.removesuffix(".0") for word in row.astype("U").tolist()]
    return [str(value) for value in row.tolist()]
