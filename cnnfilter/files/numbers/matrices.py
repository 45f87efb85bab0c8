"""Matrices in files: numbers as they are, signed and large ones too."""

import codecs
import io
import json
import lzma
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tokenize import TokenError
from typing import BinaryIO, Protocol, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import BAND_BYTES, bands, memory
from cnnfilter.arrays.checks import check_finite
from cnnfilter.errors import ContentError, brief
from cnnfilter.files.numbers.tables import (
    BEYOND,
    EXACT,
    ROUNDED,
    changes_as_floats,
    exact_integers,
    read_table,
)
from cnnfilter.files.opening import (
    MAX_PIPED,
    NOT_TEXT,
    READ_BYTES,
    check_size,
    encoding_of,
    read_all,
)
from cnnfilter.files.printed import caught

#: What NumPy and zipfile raise on corrupt files.
BROKEN = (
    OSError, ValueError, TypeError, LookupError, SyntaxError, TokenError, EOFError, RuntimeError,
    zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip
#: An array that claims more bytes is taken for a bomb; of an image, more for each pixel.
MAX_BYTES, _MAX_PIXEL_BYTES = 2**31, 32
#: Bytes of an array's header; NumPy's own reader takes no longer one.
_MAX_HEADER = 10_000
#: What JSON allows between its words.
_SPACES = tuple(" \t\n\r")
#: Types that NumPy chooses for lists of numbers in Python.
_PLAIN = {np.dtype(np.int64), np.dtype(np.float64)}
_SEPARATORS = {"csv": ",", "tsv": "\t"}


def read_matrix(file: BinaryIO, format: str, max_values: int) -> Array:
    """Read a matrix: shape (H, W) or (H, W, C).

    Raises
    ------
    ContentError
        If the content is not of the format, or a compressed one unfolds to more than
        `max_values` numbers.
    """
    if format == "npy":
        return read_array(file, _MAX_PIXEL_BYTES * max_values)
    if format == "npz":
        return _read_npz(file, max_values)
    try:
        return read_table(text_lines(file)) if format != "json" else read_json(_text(file))
    except UnicodeDecodeError:
        raise ContentError(NOT_TEXT) from None


def _text(file: BinaryIO) -> str:
    content = read_all(file, MAX_PIPED)
    return content.decode(encoding_of(content[:4]))


def text_lines(file: BinaryIO) -> Iterator[str]:
    """Yield a text's lines, reading some at a time.

    Raises
    ------
    ContentError
        If it is not text.
    """
    check_size(file, MAX_PIPED)
    decoder = codecs.getincrementaldecoder(encoding_of(file.read(4)))()
    file.seek(0)
    pieces: list[str] = []
    try:
        while content := file.read(READ_BYTES):
            pieces.append(decoder.decode(content))
            if len(pieces[-1].splitlines()) > 1:
                # What ends the last line may go on in the next piece.
                *lines, rest = "".join(pieces).splitlines(keepends=True)
                pieces = [rest]
                yield from (line.splitlines()[0] for line in lines)
        yield from ("".join(pieces) + decoder.decode(b"", final=True)).splitlines()
    except UnicodeDecodeError:
        raise ContentError(NOT_TEXT) from None


def read_array(file: BinaryIO, most: int = MAX_BYTES, size: int | None = None) -> Array:
    """Read an .npy array, never a Python object.

    The header is compared with the bytes that are there before any memory is taken.

    Parameters
    ----------
    file : binary file
    most : int
        Bytes of numbers; more are refused.
    size : int, optional
        Of the whole file, where seeking is slow: in an archive.
    """
    with _decoding():
        shape, fortran_order, dtype = _read_header(file)
        begin = file.tell()
        there = (file.seek(0, io.SEEK_END) if size is None else size) - begin
        _check_header(shape, dtype, there)
        if there > most:
            raise ContentError(f"holds {there} bytes of numbers; more than {most} are not read")
        file.seek(begin)
        content = _content(file, there)
        array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)


class _ReadsInto(Protocol):
    def readinto(self, buffer: Array, /) -> int: ...


def _content(file: BinaryIO, size: int) -> Array:
    """Read bytes into their array, without a copy."""
    place = np.empty(size, np.uint8)
    if cast("_ReadsInto", file).readinto(place) != size:
        raise EOFError("the file became shorter while it was read")
    return place


def read_matrix_head(file: BinaryIO, format: str) -> Array | None:
    """Return the largest value in a matrix's shape.

    Returns
    -------
    ndarray or None
        It takes no memory. Of types whose arithmetic does not depend on the values, it is 0;
        of others, the values are read a band at a time.
    """
    if format != "npy":
        return None
    with _decoding():
        shape, _, dtype = _read_header(file)
        begin = file.tell()
        _check_header(shape, dtype, file.seek(0, io.SEEK_END) - begin)
        file.seek(begin)
        is_wide = dtype.itemsize > 4 or (dtype.kind in "iu" and dtype.itemsize > 2)
        largest = _largest(file, dtype) if is_wide else 0
        return np.broadcast_to(np.array(largest, dtype.newbyteorder("=")), shape)


def _largest(file: BinaryIO, dtype: np.dtype[np.generic]) -> np.generic:
    """Return the value of the largest magnitude behind a header."""
    largest: np.generic = dtype.type(0)
    while content := file.read(BAND_BYTES):
        values = np.frombuffer(content, dtype)
        for value in (values.min(), values.max()):
            if not abs(float(value)) <= abs(float(largest)):  # NaN is the largest
                largest = value
    return largest


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn NumPy's errors of corrupt arrays into one."""
    try:
        with caught():
            yield
    except BROKEN as error:
        raise ContentError(
            f"not a readable NumPy array ({brief(error)}); write it with numpy.save"
        ) from None
    except MemoryError:  # which Python raises for nested brackets; arrays are bounded before
        raise ContentError(
            "not a readable NumPy array (its header is nested too deeply); write it with numpy.save"
        ) from None


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read an array's shape, order and type."""
    version = np.lib.format.read_magic(file)
    begin = file.tell()
    if int.from_bytes(file.read(2 * version[0]), "little") > _MAX_HEADER:
        raise ContentError(f"its header is longer than {_MAX_HEADER} bytes")
    file.seek(begin)
    readers: Mapping[
        tuple[int, int], Callable[[BinaryIO], tuple[tuple[int, ...], bool, np.dtype[np.generic]]]
    ] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    return readers[version](file)


def _check_header(shape: tuple[int, ...], dtype: np.dtype[np.generic], there: int) -> None:
    """Compare a header with the bytes that are there."""
    if dtype.hasobject:
        raise ContentError("holds Python objects, which are never unpickled")
    if dtype.kind not in "biuf":
        raise ContentError(f"holds {dtype}, not real numbers")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 1:
        raise ContentError(f"holds no numbers: its shape is {shape}")
    if promised > memory():
        raise ContentError(f"shape {shape} needs {promised} bytes, more than the memory")
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
            size = archive.getinfo(names[0]).file_size
            if size > 8 * max_values:
                raise ContentError(
                    f"unfolds to more than {max_values} numbers; raise --max-pixels if you "
                    "trust the file"
                )
            with archive.open(names[0]) as member:
                return read_array(cast("BinaryIO", member), size, size)
    except BROKEN as error:
        raise ContentError(f"not a readable .npz file ({error})") from None


def read_json(text: str) -> Array:
    """Read nested lists of numbers."""
    try:
        array = _joined(list(_elements(text)))
    except (ValueError, RecursionError):
        array = None
    if array is None:
        array = _read_whole(text)
    if array.dtype.kind not in "biuf":
        raise ContentError(
            "not a matrix in JSON: it holds other things than numbers of up to 64 bits"
        )
    return array


def _read_whole(text: str) -> Array:
    try:
        return _array_of(json.loads(text))
    except (ValueError, RecursionError):
        raise ContentError(
            "not a matrix in JSON; write rows that are equally long: [[1, 2], [3, 4]]"
        ) from None


def _elements(text: str) -> Iterator[Array]:
    """Yield each list of a list as an array.

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    decoder, end = json.JSONDecoder(), _skipped(text, 0)
    separator = "["
    while text[end : end + 1] == separator:
        start = _skipped(text, end + 1)
        if text[start : start + 1] != "[":
            raise ValueError("not a list of lists")
        element, end = decoder.raw_decode(text, start)
        yield _array_of(element)
        end, separator = _skipped(text, end), ","
    if text[end : end + 1] != "]" or _skipped(text, end + 1) < len(text):
        raise ValueError("not a list of lists")


def _array_of(lists: object) -> Array:
    """Return lists as an array, unless it would round integers."""
    array = np.array(lists)
    if array.dtype != np.float64 or np.abs(array).max(initial=0) < EXACT:
        return array
    integers = list(_integers(lists))
    if all(int(float(value)) == value for value in integers):
        return array
    # NumPy makes floats of numbers from 2^63 beside smaller ones.
    exact = exact_integers(lists) if len(integers) == array.size else None
    if exact is None:
        raise ContentError(BEYOND if len(integers) == array.size else ROUNDED)
    return exact


def _integers(lists: object) -> Iterator[int]:
    """Yield the integers in nested lists."""
    if isinstance(lists, list):
        for item in lists:
            yield from _integers(item)
    elif isinstance(lists, int):
        yield lists


def _skipped(text: str, position: int) -> int:
    """Return the position behind JSON's spaces."""
    while text[position : position + 1] in _SPACES:
        position += 1
    return position


def _joined(rows: list[Array]) -> Array | None:
    """Join rows of plain numbers, if possible."""
    dtypes = {row.dtype for row in rows}
    if not dtypes or not dtypes <= _PLAIN or len({row.shape for row in rows}) > 1:
        return None
    if len(dtypes) > 1 and any(row.dtype.kind == "i" and changes_as_floats(row) for row in rows):
        raise ContentError(ROUNDED)
    return np.stack(rows, dtype=np.result_type(*dtypes))


def write_matrix(file: BinaryIO, array: Array, format: str) -> None:
    """Write an array as npy, npz, pfm, csv, tsv or json.

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
        case "pfm":
            from cnnfilter.files.netpbm.writer import write_floats

            write_floats(file, array)
        case _:
            for chunk in matrix_text(array, format):
                file.write(chunk.encode())


def matrix_text(array: Array, format: str) -> Iterator[str]:
    r"""Yield all numbers as text, a line at a time.

    Parameters
    ----------
    array : ndarray
        Shape (H, W) or (H, W, C); or (N,), a row.
    format : {"csv", "tsv", "json"}
        Tables have a blank line between channels; JSON nests lists by the shape.

    Examples
    --------
    >>> "".join(matrix_text(np.array([[1.0, -2.0]]), "tsv"))
    '1\t-2\n'
    >>> "".join(matrix_text(np.array([[0.5, 1e-9]], np.float32), "csv"))
    '0.5,1e-09\n'
    """
    if format == "json":
        check_finite(array, "the result")
        yield from _json(array)
        return
    separator = _SEPARATORS[format]
    channels = list(np.moveaxis(array, -1, 0)) if array.ndim == 3 else [np.atleast_2d(array)]
    for number, channel in enumerate(channels):
        if number:
            yield "\n"
        for row in _plain_rows(channel):
            yield separator.join(_words(row)) + "\n"


def _json(array: Array) -> Iterator[str]:
    """Yield nested lists, row by row."""
    if array.ndim == 1:
        (row,) = _plain_rows(array[np.newaxis])
        yield json.dumps(row.tolist()) + "\n"
        return
    before = "["
    for row in _plain_rows(array):
        yield before + json.dumps(row.tolist())
        before = ", "
    yield "]\n"


def _plain_rows(array: Array) -> Iterator[Array]:
    """Yield rows; of floats that are all integers, as integers."""
    integral = _holds_integers(array)
    return (row.astype(np.int64) if integral else row for row in array)


def _holds_integers(array: Array) -> bool:
    """Return whether an array of floats holds exact integers only."""
    return array.dtype.kind == "f" and all(_are_integers(array[rows]) for rows in bands(array))


def _are_integers(floats: Array) -> bool:
    # Neither NaN nor infinity is below.
    return float(np.abs(floats).max()) < 2**53 and np.array_equal(floats, np.rint(floats))


def _words(row: Array) -> list[str]:
    # NumPy's text of float32 is the shortest that reads back as the same float32.
    if row.dtype.kind == "f":
        return [word.removesuffix(".0") for word in row.astype("U").tolist()]
    return [str(value) for value in row.tolist()]
