"""Writing a result, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.core.arguments import choice
from cnnfilter.core.arrays import Array, as_image, convert
from cnnfilter.core.quantize import RANGES, quantize
from cnnfilter.errors import ArgumentError, FileError
from cnnfilter.files import tiff
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.images import write_picture
from cnnfilter.files.output import replacing
from cnnfilter.files.source import ContentError, shown


@dataclass(frozen=True)
class Written:
    """What became of the values.

    Attributes
    ----------
    clipped : float or None
        The share of values that clipping changed; None where they were written as
        they are.
    notes : tuple of str
        What the format could not hold.
    """

    clipped: float | None = None
    notes: tuple[str, ...] = ()


def write(
    path: str | Path,
    values: Array,
    alpha: Array | None,
    format: str,
    *,
    range: str | None = None,
    extremes: tuple[float, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    depth: int = 8,
    compression: str = "fast",
    force: bool = True,
) -> Written:
    """Write a result as a picture or a matrix, at once or not at all.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard output.
    values : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray or None
        Shape (H, W), in the source's 0..255 or 0..65535.
    format : str
        A name from `FORMATS`.
    range, extremes
        See `quantize`; None for ``clip`` in pictures, as they are in matrices.
    metadata : mapping, optional
        The source's.
    depth : {8, 16}
        The source's bits; kept where the format can.
    compression : {"fast", "small"}
        Whether a picture is written quickly, or to a small file.
    force : bool
        Whether an existing file is replaced.

    Raises
    ------
    CnnFilterError
        If the format cannot hold the values, or the place cannot be written to.
    """
    notes: list[str] = []
    clipped = None
    try:
        if FORMATS[format].is_picture:
            pixels, alpha, clipped = _pixels(
                values, alpha, format, range or "clip", extremes, depth, notes
            )
            with replacing(path, force=force) as file:
                _encode(file, pixels, alpha, format, metadata or {}, compression)
        else:
            if alpha is not None:
                notes.append("alpha is left out of a matrix")
            if range is not None:
                values = quantize(values, range, depth, extremes).pixels
            with replacing(path, force=force) as file:
                _write_numbers(file, values, format)
    except ContentError as error:
        raise FileError(f"{shown(path)}: {error}") from None
    return Written(clipped, tuple(notes))


def _write_numbers(file: BinaryIO, values: Array, format: str) -> None:
    if format == "float":
        tiff.write_float(file, values)
    else:
        from cnnfilter.files.matrices import write_matrix

        write_matrix(file, values, format)


def _encode(
    file: BinaryIO,
    pixels: Array,
    alpha: Array | None,
    format: str,
    metadata: Mapping[str, Any],
    compression: str,
) -> None:
    if pixels.dtype == np.uint16 and (pixels.ndim == 3 or alpha is not None):
        planes = pixels if alpha is None else np.dstack([pixels, alpha])
        tiff.write_deep(file, planes, metadata.get("icc_profile"))
    else:
        write_picture(file, pixels, alpha, format, metadata, compression)


def _pixels(
    values: Array,
    alpha: Array | None,
    format: str,
    range: str,
    extremes: tuple[float, float] | None,
    depth: int,
    notes: list[str],
) -> tuple[Array, Array | None, float]:
    """Turn values into what a picture's format holds; gives the share clipped, too."""
    values = _without_single_channel(values)
    if values.ndim == 3 and values.shape[2] != 3:
        raise ContentError(
            f"{format} holds 1 or 3 channels, not {values.shape[2]}; "
            "write .npy, .npz or --format float"
        )
    kept = kept_depth(values, alpha, format, depth)
    scaled = kept < depth and range in ("clip", "abs")
    stored = quantize(values, range, depth if scaled else kept, extremes)
    pixels = convert(stored.pixels / 257, np.uint8) if scaled else stored.pixels
    if kept < depth:
        notes.append(f"16 bits scaled to 8: {format} holds no more here")
    if alpha is not None:
        alpha = _fitting_alpha(convert(alpha / (257 if kept < depth else 1), pixels.dtype), format)
    if format == "gif" and pixels.ndim == 3:
        notes.append("gif holds 256 colours")
    return pixels, alpha, stored.clipped


def _without_single_channel(values: Array) -> Array:
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


def kept_depth(values: Array, alpha: Array | None, format: str, depth: int) -> int:
    """Give the bits that a format can keep of a source's 8 or 16."""
    deep = FORMATS[format].deep
    plain = _without_single_channel(values).ndim == 2 and alpha is None
    return depth if deep == "color" or (deep == "gray" and plain) else 8


def _fitting_alpha(alpha: Array, format: str) -> Array | None:
    """Leave out an alpha that says nothing; refuse one that the format cannot hold."""
    top = np.iinfo(alpha.dtype).max
    holds = FORMATS[format].alpha
    if holds == "full" or (holds == "mask" and np.isin(alpha, (0, top)).all()):
        return alpha
    if (alpha == top).all():
        return None
    lacks = "half-transparent pixels" if holds == "mask" else "transparency"
    raise ContentError(f"{format} cannot hold {lacks}; write png, webp or tif")


def write_image(path: str | Path, array: ArrayLike, range: str = "clip", depth: int = 8) -> None:
    """Write an array as an image; an existing file is replaced.

    Parameters
    ----------
    path : str or Path
        Its suffix says the format. A matrix's format (.npy, .npz, .csv, .tsv, .json)
        holds the numbers as they are, where the range is ``clip``; so does .tif with
        more than four channels.
    array : array_like
        Shape (H, W) or (H, W, C) with 1 to 4 channels; of 2 and 4 the last is alpha.
    range : {"clip", "abs", "minmax", "symmetric"}
        How values become 0..255 or 0..65535: as they are, by magnitude, stretched from
        lowest to highest, or with 0 in the middle. They are rounded half to even and
        saturate.
    depth : {8, 16}
        Bits for each channel.

    Raises
    ------
    ArgumentError
        If the range, the depth or the path's suffix is unknown.
    CnnFilterError
        If the format cannot hold the values, or the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from cnnfilter import read_image
    >>> with TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/a.png", [[-3, 100.5, 300]])
    ...     read_image(f"{folder}/a.png")
    array([[  0, 100, 255]], dtype=uint8)
    """
    values = as_image(array)
    choice("range", range, RANGES)
    if depth not in (8, 16):
        raise ArgumentError(f"depth is 8 or 16, not {depth}")
    format = format_of(path)
    if format is None:
        raise ArgumentError(f"{shown(path)}: has no suffix that says the format, such as .png")
    channels = values.shape[2] if values.ndim == 3 else 1
    if format == "tif" and channels > 4:
        format = "float"
    if not FORMATS[format].is_picture:
        write(path, values, None, format, range=None if range == "clip" else range, depth=depth)
        return
    alpha = None
    if channels in (2, 4):
        values, alpha = values[:, :, :-1], values[:, :, -1]
    if kept_depth(values, alpha, format, depth) < depth:
        raise FileError(f"{shown(path)}: {format} holds no 16 bits here; use .tif or depth 8")
    write(path, values, alpha, format, range=range, depth=depth)
