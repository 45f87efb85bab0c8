"""What a format can hold: sizes and depths."""

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import ContentError
from cnnfilter.files.format import Animation, install
from cnnfilter.files.formats import FORMATS


def check_size(
    values: Array, format: str, depth: int, *, has_alpha: bool = False, frames: int = 1
) -> None:
    """Refuse a picture larger than its format holds.

    Parameters
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C).
    format : str
        A name from `FORMATS`.
    depth : {8, 16}
        The source's bits.
    has_alpha : bool
    frames : int
        Number of frames in the file.

    Raises
    ------
    ContentError
        If it is larger; it names a format that takes it.
    """
    if not FORMATS[format].is_picture:
        return
    excess = _excess(values, format, depth, has_alpha=has_alpha, frames=frames)
    if excess is None:
        return
    able = [
        name
        for name, known in FORMATS.items()
        if known.modes
        and known.quality is None
        and (known.frames or frames == 1)
        and (known.alpha == "full" or not has_alpha)
        and _excess(values, name, depth, has_alpha=has_alpha, frames=frames) is None
    ]
    height, width = values.shape[:2]
    raise ContentError(
        f"{height}x{width} is larger than {format} holds ({excess}); "
        f"write {' or '.join(able[:2]) or 'npy'}"
    )


def _excess(values: Array, format: str, depth: int, *, has_alpha: bool, frames: int) -> str | None:
    """Return the limit that a picture exceeds, if any."""
    known = FORMATS[format]
    channels = values.shape[2] if values.ndim == 3 else 1
    if has_alpha and known.alpha:
        channels += 1
    alpha = np.empty(0) if has_alpha else None
    kept = kept_depth(values, alpha, format, depth, frames)
    height, width = values.shape[:2]
    return known.limits.excess(height, width, channels * kept // 8)


def kept_depth(values: Array, alpha: Array | None, format: str, depth: int, frames: int = 1) -> int:
    """Return the bits that a format can keep of a source's 8 or 16."""
    deep_modes = FORMATS[format].stored_deep_modes
    # Of an animation, Pillow would take frames for alike that differ in the lower 8 bits.
    if frames > 1 and isinstance(FORMATS[format].frames, Animation):
        return 8
    is_plain = alpha is None and (values.ndim == 2 or values.shape[2] == 1)
    return depth if "color" in deep_modes or ("gray" in deep_modes and is_plain) else 8


def unstorable(values: Array, format: str) -> str:
    """Return the words for 16-bit values that a format cannot keep."""
    known = FORMATS[format]
    if not known.deep_modes:
        return "16 bits"
    if "color" in known.stored_deep_modes:
        return "16-bit animations"
    is_color = values.ndim == 3 and values.shape[2] > 1
    lack = "16-bit colour" if is_color else "16-bit grey with alpha"
    return f"{lack} without {install(known.deep_extra)}" if known.deep_extra else lack
