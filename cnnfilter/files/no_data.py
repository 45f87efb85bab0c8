"""Pixels without data: a number in a file that stands for no value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.arguments import number
from cnnfilter.arrays.dtypes import opaque_of
from cnnfilter.errors import ArgumentError, brief

if TYPE_CHECKING:
    from cnnfilter.files.image import Image

#: Says that the file's own number is one like others.
KEEP = "keep"


def read_no_data(text: str | None) -> str | float | None:
    """Read --no-data: a number or ``keep``.

    Raises
    ------
    ArgumentError
        If it is something else.

    Examples
    --------
    >>> read_no_data("-9999"), read_no_data("nan"), read_no_data("keep")
    (-9999.0, nan, 'keep')
    """
    if text is None or text == KEEP:
        return text
    if text.lower().lstrip("+-") in ("nan", "inf"):
        return float(text)
    try:
        return number("--no-data", text)
    except ArgumentError:
        problem = f"--no-data '{brief(text)}' is no number; write -9999, nan or keep"
        raise ArgumentError(problem) from None


def without_no_data(image: Image, choice: str | float | None) -> Image:
    """Return an image without no-data numbers.

    Its pixels without data are invisible, and hold some harmless number.

    Parameters
    ----------
    image : Image
    choice : number, "keep" or None
        The number that stands for no data, in every channel of a pixel; None for the file's.

    Returns
    -------
    Image
        Its notes say how many there are.
    """
    own = image.metadata.get("no_data")
    if choice == KEEP:
        return image if own is None else _as_number(image)
    value = own if choice is None else float(choice)
    if value is None:
        return image
    if choice is not None:
        is_missing = _equal(image.pixels, value)
    elif image.alpha is not None:
        is_missing = image.alpha == 0
    else:
        return image
    count = int(np.count_nonzero(is_missing))
    if not count:
        if choice is None:
            return image
        return replace(image, notes=(*image.notes, f"no pixel is {value:.15g}"))
    alpha = _opaque(image) if image.alpha is None else image.alpha.copy()
    alpha[is_missing] = 0
    pixels = image.pixels.copy()
    pixels[is_missing] = _harmless(image.pixels[~is_missing])
    note = f"{count} pixel{'s' * (count > 1)} without data left out"
    metadata = image.metadata | {"no_data": value}
    notes = (*image.notes, note)
    return replace(image, pixels=pixels, alpha=alpha, metadata=metadata, notes=notes)


def with_no_data(values: Array, alpha: Array, value: float) -> Array:
    """Return values with the number for no data.

    It stands where alpha is 0, in a type that holds it.

    Examples
    --------
    >>> with_no_data(np.array([[1, 2]], np.uint8), np.array([[0, 255]]), -9999).tolist()
    [[-9999.0, 2.0]]
    """
    is_missing = alpha == 0
    if not is_missing.any():
        return values
    result = values.astype(_type_for(values, value))
    result[is_missing] = value
    return result


def _type_for(values: Array, value: float) -> DType:
    if values.dtype.kind == "f":
        return values.dtype
    limits = np.iinfo(values.dtype)
    fits = float(value).is_integer() and limits.min <= value <= limits.max
    return values.dtype if fits else np.dtype(np.float64)


def _equal(pixels: Array, value: float) -> Array:
    """Return where all channels are a number."""
    planes = pixels.reshape(*pixels.shape[:2], -1)
    with np.errstate(over="ignore"):
        equal = np.isnan(planes) if np.isnan(value) else planes == value
    return np.logical_and.reduce(equal, axis=2)


def _opaque(image: Image) -> Array:
    alpha = np.empty(image.pixels.shape[:2], image.pixels.dtype)
    is_float = alpha.dtype.kind == "f"
    alpha[...] = opaque_of(alpha) if is_float or image.white is None else image.white
    return alpha


def _harmless(values: Array) -> float:
    """Return a number within a range."""
    finite = values[np.isfinite(values)]
    return float(finite.min()) if finite.size else 0.0


def _as_number(image: Image) -> Image:
    """Return an image with data everywhere."""
    metadata = image.metadata.copy()
    del metadata["no_data"]
    alpha = image.alpha
    if alpha is not None and ((alpha == 0) | (alpha >= (image.opaque or opaque_of(alpha)))).all():
        alpha = None  # it stood for the number alone
    return replace(image, alpha=alpha, metadata=metadata)
