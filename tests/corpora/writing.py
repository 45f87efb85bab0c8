"""Files written by the command ``convolve -k identity``, and whether they hold what was read."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.files.format import Animation, Format
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import Image

from .comparing import alike, differing, gray

#: Formats whose default encoding loses some: compared on average alone.
LOSSY = ("jpeg", "avif")
#: The levels by which these may differ on average: noise in small tests is at its worst.
_ON_AVERAGE = 40
_PROGRAM = [sys.executable, "-m", "cnnfilter", "convolve", "-k", "identity", "--padding", "same"]


class Written(NamedTuple):
    """What one run of the command said of an image.

    Attributes
    ----------
    paths : list of Path
        The files that were written: several where each channel has its own.
    error : str
    notes : str
    """

    paths: list[Path]
    error: str = ""
    notes: str = ""


def write_all(paths: Sequence[Path], format: str, folder: Path) -> Mapping[Path, Written]:
    """Write files in a format by one run; return what became of each."""
    folder.mkdir(parents=True)
    links = {path: _link(folder / "in", number, path) for number, path in enumerate(paths)}
    names = folder / "names"
    names.write_text("".join(f"{link}\n" for link in links.values()))
    lines = _run(format, names, folder)
    found = {path: _written(lines.get(str(link))) for path, link in links.items()}
    missing = [path for path, written in found.items() if written is None]
    if missing and len(paths) > 1:  # the run ended before them
        for number, path in enumerate(missing):
            found |= write_all([path], format, folder / f"alone{number}")
    return {path: written or Written([], _last_words(folder)) for path, written in found.items()}


def _link(folder: Path, number: int, path: Path) -> Path:
    """Return a link with a name that no other file has."""
    folder.mkdir(exist_ok=True)
    link = folder / f"{number:05}{path.suffix.lower()}"
    link.symlink_to(path.resolve())
    return link


def _run(format: str, names: Path, folder: Path) -> Mapping[str, Mapping[str, object]]:
    report = folder / "report.jsonl"
    command = [*_PROGRAM, "--format", format, "--files-from", names, "-o", f"{folder / 'out'}/",
               "--report", report, "--quiet", "--executor", "threads"]  # fmt: skip
    with (folder / "errors").open("wb") as errors:
        subprocess.run(command, stdout=errors, stderr=errors, check=False)
    if not report.exists():
        return {}
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    return {str(line["input"]): line for line in lines}


def _written(line: Mapping[str, object] | None) -> Written | None:
    if line is None:
        return None
    if "error" in line:
        return Written([], str(line["error"]))
    outputs, notes = line.get("outputs"), line.get("notes", [])
    if not isinstance(outputs, list) or not isinstance(notes, list) or not outputs:
        return Written([], "wrote nothing")
    return Written([Path(path) for path in outputs], notes="; ".join(map(str, notes)))


def _last_words(folder: Path) -> str:
    lines = (folder / "errors").read_text(errors="replace").strip().splitlines()
    traceback = any(line.startswith("Traceback") for line in lines)
    return ("Traceback: " if traceback else "ended: ") + (lines[-1] if lines else "")


def joined(files: Sequence[Sequence[Image]]) -> Sequence[Image]:
    """Return one image of files that hold a channel each."""
    first, *others = files
    if not others:
        return first
    pixels = [np.atleast_3d(gray(image.pixels)) for (image, *_) in files]
    return [replace(first[0], pixels=np.concatenate(pixels, axis=2))]


def lost(before: Sequence[Image], after: Sequence[Image], format: str, notes: str) -> str:
    """Return what was lost, or changed, without a word; "" for nothing."""
    known = FORMATS[format]
    if len(before) > len(after) and isinstance(known.frames, Animation):
        before = _distinct(before)
    if len(before) != len(after):
        if len(after) == 1 and re.search(r"first of|frame", notes):
            before = before[:1]
        else:
            return f"{len(after)} frames of {len(before)}, and says {notes!r}"
    for number, (source, result) in enumerate(zip(before, after, strict=True)):
        if found := _lost(source, result, known, notes):
            return f"frame {number}: {found}" if len(before) > 1 else found
    return ""


def _distinct(frames: Sequence[Image]) -> Sequence[Image]:
    """Return frames without those that are like the one before, which encoders join."""
    return [
        frame
        for before, frame in zip([None, *frames], frames, strict=False)
        if before is None
        or not np.array_equal(before.pixels, frame.pixels)
        or not np.array_equal(before.alpha, frame.alpha)
    ]


def _lost(source: Image, result: Image, format: Format, notes: str) -> str:
    if (not format.is_picture and result.pixels.dtype.kind == "f") or format.library == "text":
        return _numbers_lost(source, result, notes)
    expected, alpha = source.pixels, source.alpha
    shown = _opaque(source) if alpha is None else alpha
    both = shown != 0 if result.alpha is None else (shown != 0) & (result.alpha != 0)
    expected, result_pixels = alike(expected, result.pixels, both)
    if expected.shape != result_pixels.shape:
        return f"shape {source.pixels.shape} became {result.pixels.shape}; says {notes!r}"
    if not format.is_picture:
        visible = shown != 0
        return differing(result_pixels[visible], expected[visible])
    expected = _stored(expected, source, result, notes)
    if isinstance(expected, str):
        return expected
    if found := _alpha_lost(source, shown, result, format, notes):
        return found
    visible = (shown if result.alpha is None else result.alpha) != 0
    if source.metadata.get("is_premultiplied") and format.numbers and result.alpha is not None:
        return _multiplied_lost(result_pixels, expected, result)
    if (format.colors and "colours" in notes) or format.title in _LOSSY_TITLES:
        far = _apart(result_pixels[visible], expected[visible])
        return f"differs by {far:.1f} on average" if far > _ON_AVERAGE else ""
    return differing(result_pixels[visible], expected[visible])


_LOSSY_TITLES = {FORMATS[name].title for name in LOSSY}


def _multiplied_lost(pixels: Array, expected: Array, result: Image) -> str:
    """Compare what was stored multiplied by alpha, which rounds where alpha is small."""
    assert result.alpha is not None
    shown = result.alpha != 0
    part = result.alpha[shown] / _top(result)
    part = part if pixels.ndim == 2 else part[:, None]
    return differing(pixels[shown] * part, expected[shown] * part, 0.51)


def _apart(one: Array, other: Array) -> float:
    """Return by how much numbers differ on average."""
    return float(np.abs(one.astype(float) - other).mean()) if one.size else 0.0


def _numbers_lost(source: Image, result: Image, notes: str) -> str:
    """Compare numbers, whose type may be another one that holds them."""
    pixels, found = alike(source.pixels, result.pixels)
    if pixels.shape != found.shape:
        return f"shape {pixels.shape} became {found.shape}; says {notes!r}"
    is_lost = result.alpha is None and not _is_opaque(source)
    if is_lost and "alpha" not in notes and "without data" not in notes:
        return f"alpha is lost, and says {notes!r}"
    visible = np.full(found.shape[:2], fill_value=True)
    if source.alpha is not None:
        visible = source.alpha != 0
    return differing(found[visible], pixels[visible])


def _stored(pixels: Array, source: Image, result: Image, notes: str) -> Array | str:
    """Return pixels as the format must store them, or what is wrong."""
    white = source.peak or (np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else None)
    top = result.peak or np.iinfo(result.pixels.dtype).max
    if pixels.dtype not in (np.uint8, np.uint16):
        return np.clip(np.rint(pixels), 0, top)
    if white == top:
        return pixels
    if not re.search(r"scaled|8 bits|stretched|white", notes):
        return f"white was {white} and is {top}, and says {notes!r}"
    return np.rint(pixels.astype(np.float64) * (top / (white or top)))


def _alpha_lost(source: Image, shown: Array, result: Image, format: Format, notes: str) -> str:
    if result.alpha is None:
        if _is_opaque(source) or re.search("alpha|transparen|without data", notes):
            return ""
        return f"alpha is lost, and says {notes!r}"
    if source.alpha is None and _is_opaque(result):
        return ""
    top, most = _top(source), _top(result)
    expected = np.rint(shown.astype(np.float64) * (most / top))
    if format.alpha == "mask" and re.search("alpha|transparen", notes):
        expected = np.where(expected * 2 > most, most, 0)
    if format.title in _LOSSY_TITLES:
        return "alpha differs" if _apart(result.alpha, expected) > _ON_AVERAGE else ""
    found = differing(result.alpha, expected)
    return f"alpha: {found}" if found else ""


def _top(image: Image) -> float:
    """Return the alpha of what is opaque."""
    dtype = image.pixels.dtype
    return image.peak or (1 if dtype.kind == "f" else np.iinfo(dtype).max)


def _opaque(image: Image) -> Array:
    return np.full(image.pixels.shape[:2], _top(image), image.pixels.dtype)


def _is_opaque(image: Image) -> bool:
    return image.alpha is None or bool((image.alpha == _top(image)).all())
