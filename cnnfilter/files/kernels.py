"""Kernels and other weights that arguments name, in files of any kind."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import number
from cnnfilter.arrays.checks import not_finite
from cnnfilter.errors import ArgumentError, ContentError, FileError, KernelError, brief
from cnnfilter.files.opening import inside, read_text, regular
from cnnfilter.files.weights import UNREADABLE_WEIGHTS, read_tensor, tensor_reference, to_hwio
from cnnfilter.kernels.parse import as_weights, check_length, is_name, parse_kernel
from cnnfilter.text import shown

SUFFIXES = (".npy", ".npz", ".safetensors", ".json", ".csv", ".tsv", ".txt", ".mat", ".con")


def read_kernel(path: str | Path, tensor: str | None = None, layout: str = "OIHW") -> Array:
    """Read a kernel from a file.

    Parameters
    ----------
    path : str or Path
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
        If the file cannot be read or holds no kernel.
    """
    try:
        if tensor_reference(str(path)):
            array = read_tensor(path, tensor)
        elif Path(path).suffix.lower() == ".json":
            from cnnfilter.files.matrices import read_json

            array = read_json(read_text(path))
        else:
            return _read_text_kernel(read_text(path))
        return as_weights(to_hwio(array) if array.ndim == 4 and layout == "OIHW" else array)
    except (ContentError, KernelError) as error:
        raise KernelError(f"{shown(path)}: {error}") from None
    except (ArgumentError, FileError) as error:
        raise KernelError(str(error)) from None


def kernel_argument(value: Any, folder: Path | None, layout: str = "OIHW") -> Any:
    """Read the files among kernels: an argument that names an existing file is that file.

    Parameters
    ----------
    value : Any
        What `convolve` takes as a kernel, or a path or paths, ``file:tensor`` among them.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.
    layout : {"OIHW", "HWIO"}
        The order of filter banks in files.
    """
    if isinstance(value, list | tuple) and any(isinstance(item, str | Path) for item in value):
        return [kernel_argument(item, folder, layout) for item in value]
    if not isinstance(value, str | Path):
        return value
    name, tensor = tensor_reference(str(value)) or (value, None)
    path = _path(name, folder)
    if _is_file(path):
        _check_inside(path, folder)
        return {tensor or path.stem: read_kernel(path, tensor, layout)}
    is_path = path.suffix.lower() in (*SUFFIXES, *UNREADABLE_WEIGHTS) and not re.search(
        r"[;\s]", str(value)
    )
    if is_path or _is_special(path):
        try:
            regular(path)
        except FileError as error:
            raise KernelError(str(error)) from None
        raise KernelError(f"{brief(value)}: no such file; check the path")
    return str(value)


def tensor_argument(value: Any, folder: Path | None, layout: str | None) -> Any:
    """Read the tensor that an argument names; what names no file of weights stays.

    Parameters
    ----------
    value : Any
        Numbers, or ``file:tensor``.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.
    layout : {"OIHW", "HWIO"} or None
        The order of dense weights in files; None for what has none.

    Raises
    ------
    ArgumentError
        If the file cannot be read or has no such tensor.
    """
    reference = tensor_reference(str(value)) if isinstance(value, str | Path) else None
    if reference is None:
        return value
    name, tensor = reference
    path = _path(name, folder)
    _check_inside(path, folder)
    array = read_tensor(path, tensor)
    if problem := not_finite(array):
        raise ArgumentError(f"{brief(value)} {problem}")
    return to_hwio(array) if array.ndim == 2 and layout == "OIHW" else array


def files_named(value: Any, folder: Path | None) -> list[Path]:
    """List the files that an argument names."""
    if isinstance(value, list | tuple):
        return [path for each in value for path in files_named(each, folder)]
    if not isinstance(value, str | Path):
        return []
    name, _ = tensor_reference(str(value)) or (value, None)
    path = _path(name, folder)
    return [path] if _is_file(path) else []


def named_absolutely(value: Any) -> Any:
    """Name the files of an argument so that they are found from any folder."""
    if isinstance(value, list | tuple):
        return [named_absolutely(each) for each in value]
    if not files_named(value, None):
        return value
    name, tensor = tensor_reference(str(value)) or (value, None)
    path = Path(name).absolute()
    return path if tensor is None else f"{path}:{tensor}"


def _path(name: str | Path, folder: Path | None) -> Path:
    return Path(name) if folder is None else folder / name


def _check_inside(path: Path, folder: Path | None) -> None:
    """Refuse what leaves the folder of the network's file that names it."""
    try:
        if folder is not None:
            inside(path, folder)
    except FileError as error:
        raise KernelError(str(error)) from None


def kernel_label(text: str) -> str:
    """Name what a kernel's text stands for: a file's stem, a named kernel, or "kernel".

    Examples
    --------
    >>> kernel_label("gaussian:5,1.2"), kernel_label("0 1; 1 0")
    ('gaussian:5,1.2', 'kernel')
    """
    name, tensor = tensor_reference(text) or (text, None)
    if _is_file(Path(name)):
        return tensor or Path(name).stem
    return text if is_name(text) else "kernel"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a kernel's text can be too long for a name
        return False


def _is_special(path: Path) -> bool:
    """Return whether a path is a pipe or a device."""
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _read_text_kernel(text: str) -> Array:
    check_length(text)
    lines = [line for line in text.splitlines() if line.strip()]
    scale = _libvips_scale(lines)
    if scale is None:
        return parse_kernel(text)
    weights = parse_kernel("\n".join(lines[1:]))
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        return weights if scale == 1 else as_weights(weights / scale)


def _libvips_scale(lines: list[str]) -> float | None:
    """Give the scale of a libvips header; None if the first line is none.

    It is one only if what follows fits it: width, height, then scale and offset.
    """
    rows = [[word for word in re.split(r"[\s,]+", line.strip()) if word] for line in lines]
    try:
        width, height, *rest = (number("header", word) for word in rows[0])
    except (ValueError, IndexError):
        return None
    fits = len(rows) - 1 == height and all(len(row) == width for row in rows[1:])
    if len(rest) > 2 or not fits:
        return None
    scale = rest[0] if rest else 1.0
    offset = rest[1] if len(rest) > 1 else 0.0
    if offset != 0:
        raise KernelError(
            f"the libvips header has the offset {offset:g}; only 0 is taken, use --bias instead"
        )
    if scale == 0:
        raise KernelError("the libvips header has the scale 0; weights cannot be divided by it")
    return scale
