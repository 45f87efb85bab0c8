"""Kernels and other weights that arguments name, in files of any kind."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import number
from cnnfilter.arrays.checks import not_finite
from cnnfilter.errors import ArgumentError, KernelError, naming
from cnnfilter.files.numbers.weights import (
    TENSOR_SUFFIXES,
    WeightsRef,
    find_tensor,
    read_tensor,
    to_hwio,
)
from cnnfilter.files.opening import inside, opened, read_text, regular
from cnnfilter.kernels.parse import as_weights, check_length, is_name, weights_of
from cnnfilter.text import shown

if TYPE_CHECKING:
    from cnnfilter.kernels.pasted import Pasted

_MATLAB = b"MATLAB "
#: Tables, whose cells are separated by the first of , ; and tab that a line has.
_TABLES = (".csv", ".tsv")
SUFFIXES = (*TENSOR_SUFFIXES, ".json", ".csv", ".tsv", ".txt", ".mat", ".con")


def read_kernel(path: Path, tensor: str | None = None, layout: str = "OIHW") -> Array:
    """Read a kernel from a file.

    Parameters
    ----------
    path : Path
        ``.npy``, ``.npz``, ``.safetensors`` and ``.json`` hold an array of shape (kH, kW)
        or a filter bank; any other file is text, a row a line, whose first line may be
        the header of a libvips matrix: width, height, scale, offset.
    tensor : str, optional
        Its name, where the file holds several.
    layout : {"OIHW", "HWIO"}
        The order of a filter bank's axes.

    Returns
    -------
    ndarray
        Shape (kH, kW) or (kH, kW, C/groups, C_out).

    Raises
    ------
    KernelError
        If the file cannot be read or does not hold a kernel.
    """
    with naming(path, KernelError):
        suffix = path.suffix.lower()
        if suffix in TENSOR_SUFFIXES:
            array = find_tensor(path, tensor)
        elif suffix == ".json":
            from cnnfilter.files.numbers.matrices import read_json

            array = read_json(read_text(regular(path)))
        else:
            _check_text(path)
            return weights_of(_without_header(_read_rows(read_text(path), suffix)))
        return as_weights(to_hwio(array) if array.ndim == 4 and layout == "OIHW" else array)


def find_kernels(value: object, folder: Path | None = None) -> object:
    """Find the files among kernels: each becomes a `WeightsRef`.

    Parameters
    ----------
    value : object
        What `convolve` takes as a kernel, or paths, ``file:tensor`` among them. A text
        that is an existing file's name is that file.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.

    Raises
    ------
    KernelError
        If a file lies outside the folder.
    """
    if isinstance(value, list | tuple) and any(
        isinstance(item, str | Path | WeightsRef) for item in value
    ):
        return [find_kernels(item, folder) for item in value]
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    reference = WeightsRef.parse(text, folder) or WeightsRef((folder or Path()) / text)
    is_path = reference.path.suffix.lower() in SUFFIXES and not re.search(r"[;\s]", text)
    if not is_path and not _is_file(reference.path):
        return text
    _check_inside(reference, folder)
    return reference


def read_kernel_files(found: object, layout: str = "OIHW") -> object:
    """Read the files that `find_kernels` found."""
    if isinstance(found, list):
        return [read_kernel_files(item, layout) for item in found]
    if isinstance(found, WeightsRef):
        return {found.label: read_kernel(found.path, found.tensor, layout)}
    return found


def find_weights(value: object, folder: Path | None = None) -> object:
    """Find the file of weights that an argument names.

    Any other argument is returned as it is.

    Raises
    ------
    KernelError
        If the file lies outside the folder.
    """
    reference = WeightsRef.parse(str(value), folder) if isinstance(value, str | Path) else None
    if reference is None:
        return value
    _check_inside(reference, folder)
    return reference


def read_weights(found: object, layout: str | None) -> object:
    """Read the tensor that `find_weights` found.

    Parameters
    ----------
    found : object
    layout : {"OIHW", "HWIO"} or None
        The order of dense weights in files; None for other weights.

    Raises
    ------
    ArgumentError
        If the file cannot be read, has no such tensor, or holds NaN or infinity.
    """
    if not isinstance(found, WeightsRef):
        return found
    array = read_tensor(found.path, found.tensor)
    if problem := not_finite(array):
        raise ArgumentError(f"{shown(str(found))} {problem}")
    return to_hwio(array) if array.ndim == 2 and layout == "OIHW" else array


def _check_inside(reference: WeightsRef, folder: Path | None) -> None:
    if folder is not None:
        with naming("", KernelError):
            inside(reference.path, folder)


def _is_file(path: Path) -> bool:
    """Return whether a path exists, other than as a folder."""
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # a kernel's text can be too long for a name
        return False


def kernels_label(found: object) -> str:
    """Name kernels after their files or names, joined by hyphens.

    Examples
    --------
    >>> kernels_label(["gaussian:5,1.2", "0 1; 1 0", WeightsRef(Path("bank.npy"))])
    'gaussian:5,1.2-kernel-bank'
    """
    if isinstance(found, list):
        return "-".join(map(kernels_label, found))
    if isinstance(found, WeightsRef):
        return found.label
    return found if isinstance(found, str) and is_name(found) else "kernel"


def _check_text(path: Path) -> None:
    """Name MATLAB's own files, which share a suffix with texts."""
    with opened(regular(path)) as file:
        if file.read(len(_MATLAB)) == _MATLAB:
            raise KernelError("is a MATLAB file; save the matrix by writematrix, or as .npy")


def _read_rows(text: str, suffix: str) -> "Pasted":
    """Return a text's rows: a table's, or those of any notation."""
    from cnnfilter.files.numbers.tables import refuse_cell, separated
    from cnnfilter.kernels.pasted import Pasted, pasted

    check_length(text)
    if suffix not in _TABLES:
        return pasted(text)
    rows: list[list[str]] = []
    gap = 0
    for line in separated(text.splitlines()):
        for column, word in enumerate(line.cells, start=1):
            try:
                number("weight", word)
            except ArgumentError:
                refuse_cell(line, column)
        if line.cells and gap:
            raise KernelError(f"line {gap} is empty, and parts two channels; keep one matrix")
        if line.cells:
            rows.append(line.cells)
        elif rows:
            gap = line.number
    return Pasted(rows)


def _without_header(matrix: "Pasted") -> "Pasted":
    """Return a matrix without a libvips header.

    The first row is one only if the rows after it fit it: width, height, then scale and offset.
    """
    try:
        width, height, *rest = (number("header", word) for word in matrix.rows[0])
    except (ValueError, IndexError):
        return matrix
    rows = matrix.rows[1:]
    if len(rest) > 2 or len(rows) != height or any(len(row) != width for row in rows):
        return matrix
    scale, offset = (*rest, *(1.0, 0.0)[len(rest) :])
    if offset != 0:
        raise KernelError(
            f"the libvips header has the offset {offset:g}; it must be 0, use --bias instead"
        )
    if scale == 0:
        raise KernelError("the libvips header has the scale 0; weights cannot be divided by it")
    return matrix._replace(rows=rows, factor=(1.0, scale))
