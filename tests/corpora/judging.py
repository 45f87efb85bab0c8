"""Whether what is read of a structure is right."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cnnfilter.errors import FileError
from cnnfilter.files.image import Image
from cnnfilter.files.read import read_frames

from .comparing import differing
from .structures import Right, Structure


def problem(structure: Structure, folder: Path) -> str:
    """Return what is wrong with what is read; "" where it is right."""
    path = folder / structure.name
    path.write_bytes(structure.make())
    try:
        images = list(read_frames(path))
    except FileError as error:
        return _wrong_refusal(str(error), structure)
    if structure.frames is None:
        return "is read, and must be refused"
    words = "; ".join(word for image in images for word in (*image.notes, *_colours(image)))
    if structure.said and not re.search(structure.said, words):
        return f"neither keeps nor says {structure.said!r}: {words!r}"
    return difference(images, structure.frames, structure.within)


def _colours(image: Image) -> Iterable[str]:
    """Return the kinds of a PNG's chunks about colours that are kept."""
    colours = image.metadata.get("colours", {})
    return colours if isinstance(colours, dict) else ()


def _wrong_refusal(line: str, structure: Structure) -> str:
    if "\n" in line or structure.name not in line:
        return f"is refused in other than one line with its name: {line!r}"
    if not structure.refusal or not re.search(structure.refusal, line):
        return f"is refused: {line}"
    return ""


def difference(images: Sequence[Image], frames: Sequence[Right], within: int = 0) -> str:
    """Return the first difference between images and what is right."""
    if len(images) != len(frames):
        return f"has {len(images)} frames, not {len(frames)}"
    for number, (image, right) in enumerate(zip(images, frames, strict=True)):
        if found := _difference(image, right, within):
            return found if len(frames) == 1 else f"frame {number} {found}"
    return ""


def _difference(image: Image, right: Right, within: int) -> str:
    got = np.squeeze(image.pixels, axis=2) if image.pixels.shape[2:] == (1,) else image.pixels
    if got.dtype != right.pixels.dtype or got.shape != right.pixels.shape:
        return f"is {got.dtype} {got.shape}, not {right.pixels.dtype} {right.pixels.shape}"
    if image.peak != right.peak:
        return f"has the white {image.peak}, not {right.peak}"
    top = 1 if got.dtype.kind == "f" else np.iinfo(got.dtype).max
    opaque = np.full(got.shape[:2], top, got.dtype)
    alpha = opaque if image.alpha is None else image.alpha
    visible = opaque if right.alpha is None else right.alpha
    if alpha.dtype != visible.dtype or not np.array_equal(alpha, visible):
        return f"has another alpha: {differing(alpha, visible)}"
    # The colour of what cannot be seen is not stored where alpha is multiplied in.
    shown = visible != 0
    found = differing(got[shown], right.pixels[shown], within)
    return f"differs at {found}" if found else ""
