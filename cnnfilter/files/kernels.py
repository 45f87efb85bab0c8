"""Kernels in files: .npy, .json, .csv and plain text, a libvips matrix among them."""

import re
from pathlib import Path
from typing import Any

from cnnfilter.core.arguments import number
from cnnfilter.core.arrays import Array
from cnnfilter.core.kernels import as_weights, is_name, parse_kernel
from cnnfilter.errors import FileError, KernelError
from cnnfilter.files.matrices import read_array, read_json
from cnnfilter.files.source import ContentError, opened, read_text, shown

SUFFIXES = (".npy", ".json", ".csv", ".tsv", ".txt", ".mat", ".con")


def read_kernel(path: str | Path) -> Array:
    """Read a kernel from a file.

    Parameters
    ----------
    path : str or Path
        ``.npy`` and ``.json`` hold an array of shape (kH, kW) or a filter bank
        (kH, kW, C/groups, C_out); any other file is text, a row a line, whose first line
        may be the header of a libvips matrix: width, height, scale, offset.

    Returns
    -------
    ndarray
        int64 where all weights are integers, else float64.

    Raises
    ------
    KernelError
        If the file cannot be read or holds no kernel.
    """
    try:
        match Path(path).suffix.lower():
            case ".npy":
                with opened(path) as file:
                    return as_weights(read_array(file))
            case ".json":
                return as_weights(read_json(read_text(path)))
        return _read_text_kernel(read_text(path))
    except (ContentError, KernelError) as error:
        raise KernelError(f"{shown(path)}: {error}") from None
    except FileError as error:
        raise KernelError(str(error)) from None


def kernel_argument(value: Any, folder: Path | None) -> Any:
    """Read the files among kernels: an argument that names an existing file is that file.

    Parameters
    ----------
    value : Any
        What `convolve` takes as a kernel, or a path or paths.
    folder : Path or None
        Where files are looked for and must stay; None for anywhere.
    """
    if isinstance(value, list | tuple) and any(isinstance(item, str | Path) for item in value):
        return [kernel_argument(item, folder) for item in value]
    if not isinstance(value, str | Path):
        return value
    path = Path(value) if folder is None else folder / value
    if _is_file(path):
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            raise KernelError(f"{shown(value)}: lies outside the pipeline's folder; move it there")
        return {path.stem: read_kernel(path)}
    if path.suffix.lower() in SUFFIXES and not re.search(r"[;\s]", str(value)):
        raise KernelError(f"{shown(value)}: no such kernel file; check the path")
    return str(value)


def kernel_label(text: str) -> str:
    """Name what a kernel's text stands for: a file's stem, a named kernel, or "kernel".

    Examples
    --------
    >>> kernel_label("gaussian:5,1.2"), kernel_label("0 1; 1 0")
    ('gaussian:5,1.2', 'kernel')
    """
    if _is_file(Path(text)):
        return Path(text).stem
    return text if is_name(text) else "kernel"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a kernel's text can be too long for a name
        return False


def _read_text_kernel(text: str) -> Array:
    lines = [line for line in text.splitlines() if line.strip()]
    scale = _libvips_scale(lines)
    if scale is None:
        return parse_kernel(text)
    weights = parse_kernel("\n".join(lines[1:]))
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
