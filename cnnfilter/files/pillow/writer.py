"""Pictures encoded by Pillow."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image as Pillow

from cnnfilter.arrays import Array
from cnnfilter.files.format import Animation, Format
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.metadata.parts import metadata_options

#: Pixels of fewer bytes are encoded in memory, and written at once.
_SMALL_BYTES = 2**20
#: Milliseconds that a frame without a duration is shown, as in browsers.
_DURATION = 100
_MAX_LOOPS = 65535


def write_pictures(
    file: BinaryIO,
    frames: Sequence[tuple[Array, Array | None, float | None]],
    format: str,
    metadata: Mapping[str, object],
    compression: str = "fast",
    quality: int | None = None,
) -> list[str]:
    """Encode a picture, or the frames of one.

    Parameters
    ----------
    file : binary file
    frames : sequence of (ndarray, ndarray or None, float or None)
        Pixels, alpha and duration of each. Pixels have the shape (H, W) or (H, W, 3) and
        are uint8; (H, W) may be uint16 where the format holds it. Alpha has the shape (H, W),
        uint8.
    format : str
        A picture's name from `FORMATS`.
    metadata : mapping
        As `Metadata`; what the format cannot hold is left out.
    compression : {"fast", "small"}
        Whether to write quickly, or a small file.
    quality : int, optional
        1 to 100, of the formats that lose some; default: the format's own.

    Returns
    -------
    list of str
        Notes on the metadata that the format or Pillow does not take.

    Raises
    ------
    ContentError
        If the format's extra is not installed.
    Exception
        Any that Pillow raises where the format cannot hold such a picture.
    """
    known = FORMATS[format]
    known.load_codec()
    first, others = _pillows(frames, known)
    options = _encoding(first, known, compression, quality)
    kept, left_out = metadata_options(metadata, known, [frame[0] for frame in frames], options)
    colours = metadata.get("colours")
    if isinstance(colours, Mapping) and "colours" in known.metadata:
        from cnnfilter.files.metadata.colours import HDR_KINDS

        left_out += [f"its {kind} with 8 bits" for kind in HDR_KINDS if kind in colours]
    notes = [f"{format} cannot hold {name}: left out" for name in left_out]
    options |= kept
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": others}
    if len(frames) > 1 and isinstance(known.frames, Animation):
        options |= _animating(frames, known.frames, known, metadata)
        longest = known.frames.longest
        if longest is not None and any((duration or 0) > longest for _, _, duration in frames):
            notes.append(f"{format} shows no frame longer than {longest / 1000:g} s")
    # A TIFF of several pages is read while it is written.
    in_memory = len(frames) > 1 or known.is_buffered or frames[0][0].nbytes < _SMALL_BYTES
    place = io.BytesIO() if in_memory else file
    first.save(place, known.pillow, **options)
    if isinstance(place, io.BytesIO):
        if len(frames) > 1:
            _set_alpha_bit(place, known, frames)
        file.write(place.getbuffer())
    return notes


def _set_alpha_bit(
    file: io.BytesIO,
    format: Format,
    frames: Sequence[tuple[Array, Array | None, float | None]],
) -> None:
    """Set the bit of an animation that says that frames have alpha."""
    place = format.frames.alpha_bit if isinstance(format.frames, Animation) else None
    if place is not None and any(alpha is not None for _, alpha, _ in frames):
        head, bit = place
        if file.getvalue()[: len(head)].endswith(head.lstrip(b"\0")):  # else one frame is left
            file.getbuffer()[len(head) + 4] |= bit


def _pillows(
    frames: Sequence[tuple[Array, Array | None, float | None]], format: Format
) -> tuple[Pillow.Image, Iterable[Pillow.Image]]:
    """Turn frames into Pillow's, one after the other."""
    pictures = (_picture(pixels, alpha, format) for pixels, alpha, _ in frames)
    first = next(pictures)
    if format.colors and "transparency" not in first.info:
        return first, pictures  # which are gone through once: none is held
    others = list(pictures)
    if "transparency" in first.info:
        from cnnfilter.files.pillow.gif import clear_by_unused_colour

        clear_by_unused_colour([first, *others])
    return first, others


def _picture(pixels: Array, alpha: Array | None, format: Format) -> Pillow.Image:
    if format.colors and alpha is not None:
        from cnnfilter.files.pillow.gif import indexed

        return indexed(pixels, alpha)
    picture = Pillow.fromarray(pixels)
    if "gray" not in format.modes and pixels.ndim == 2:
        picture = picture.convert("RGB")
    if alpha is not None:
        picture.putalpha(Pillow.fromarray(alpha))
    return picture


def _encoding(
    picture: Pillow.Image, format: Format, compression: str, quality: int | None
) -> dict[str, object]:
    """Return Pillow's save options for the encoding."""
    options = format.save_options(is_deep=picture.mode == "I;16", quality=quality)
    if compression == "small":
        chosen = {"quality": options["quality"]} if quality is not None and format.quality else {}
        return {**options, **format.options_small, **chosen}
    if format.options_runs and not _repeats(picture, format):
        return {**options, **format.options_runs}
    return options


def _animating(
    frames: Sequence[tuple[Array, Array | None, float | None]],
    animation: Animation,
    format: Format,
    metadata: Mapping[str, object],
) -> dict[str, object]:
    """Return Pillow's save options for animations."""
    usual, loop = metadata.get("duration"), metadata.get("loop")
    usual = usual if isinstance(usual, int | float) else _DURATION
    longest = animation.longest or math.inf
    durations = [min(usual if duration is None else duration, longest) for _, _, duration in frames]
    options: dict[str, object] = {"duration": _rounded(durations, animation.unit)}
    if animation.writes_loop or loop is not None:
        options["loop"] = min(int(loop) if isinstance(loop, int | float) else 1, _MAX_LOOPS)
    if animation.clears_last:
        # Pillow joins frames that are alike, and a lone one would have no time. Clearing the last
        # one away makes it differ.
        options["disposal"] = [0] * (len(frames) - 1) + [1]
    if format.colors and any(alpha is not None for _, alpha, _ in frames):
        # Transparent pixels would show the frame before. Optimized, a frame without any would have
        # no transparent colour, and Pillow would not clear it away.
        options |= {"disposal": 2, "optimize": False}
    return options


def _rounded(durations: Sequence[float], unit: int) -> list[int]:
    """Round durations to multiples of a unit, keeping their sum.

    Examples
    --------
    >>> _rounded([33, 33, 34], 10)
    [30, 40, 30]
    """
    ends = np.rint(np.cumsum(durations) / unit).astype(int) * unit
    return np.diff(ends, prepend=0).tolist()


def _repeats(picture: Pillow.Image, format: Format) -> bool:
    """Return whether a picture repeats patterns, as text does.

    Photographs, and what filters make of them, are stored as small by runs alone, which is
    three times as fast. A few bands of rows show which it is.
    """
    by_runs, whole = io.BytesIO(), io.BytesIO()
    for eighth in (1, 3, 5, 7):
        top = picture.height * eighth // 8
        band = picture.crop((0, top, picture.width, min(top + 8, picture.height)))
        band.save(by_runs, format.pillow, **format.options_runs)
        band.save(whole, format.pillow)
    return by_runs.tell() > 1.2 * whole.tell()
