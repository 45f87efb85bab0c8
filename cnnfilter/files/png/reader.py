"""What Pillow loses of a PNG: the lower byte of 16-bit colours, and the exact transparent value."""

from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import bands

#: Pillow's raw modes of 16-bit pixels: the mode that they are, and the raw mode and the channels of
#: their lower bytes. Read as four channels of 8 bits, grey and alpha are two bytes each.
_DEEP = {
    "RGB;16B": ("RGB", "RGB;16L", (0, 1, 2)),
    "RGBA;16B": ("RGBA", "RGBA;16L", (0, 1, 2, 3)),
    "LA;16B": ("LA", "RGBA", (1, 3)),
}
#: Numbers of fewer bits are spread over 0 to 255 by these factors.
_SPREAD = {"1": 255, "L;2": 85, "L;4": 17}


class Stored(NamedTuple):
    """How a file stores its pixels.

    Attributes
    ----------
    mode : str
        Pillow's mode, which says nothing of 16 bits, nor of alpha by a key.
    raw : str
        Pillow's raw mode.
    key : tuple of int or None
        The value of each channel in pixels that are transparent.
    """

    mode: str
    raw: str
    key: tuple[int, ...] | None

    @property
    def is_deep(self) -> bool:
        """Test whether colours or alpha have 16 bits."""
        return self.raw in _DEEP


def stored(picture: ImageFile) -> Stored:
    """Return how the file of a picture that is not loaded stores its pixels."""
    raw = str(picture.tile[0].args)
    mode = _DEEP[raw][0] if raw in _DEEP else {"1": "L"}.get(picture.mode, picture.mode)
    key = picture.info.get("transparency") if mode in ("L", "RGB", "I;16") else None
    if key is None:
        return Stored(mode, raw, None)
    values = key if isinstance(key, tuple) else (key,)
    if raw == "1":  # which Pillow has spread
        return Stored(mode, raw, values)
    spread = _SPREAD.get(raw, 1)
    # Of a key, the bits count that a pixel has.
    mask = 0xFFFF if "16" in raw else 255 // spread
    return Stored(mode, raw, tuple((value & mask) * spread for value in values))


def low_bytes(file: BinaryIO, raw: str) -> Pillow.Image:
    """Decode the lower bytes of 16-bit pixels, in Pillow's mode for their channels."""
    _, other, channels = _DEEP[raw]
    file.seek(0)
    picture = PngImageFile(file, "")
    picture.tile = [picture.tile[0]._replace(args=other)]
    picture.load()
    if len(channels) == len(picture.getbands()):
        return picture
    return Pillow.merge("LA", [picture.getchannel(channel) for channel in channels])


def deepen(pixels: Array, alpha: Array | None, low: Pillow.Image) -> None:
    """Make 16 bits of pixels and alpha that have the upper byte, a band at a time."""
    for rows in bands(pixels):
        bottom = min(rows.stop, low.height)
        planes = np.asarray(low.crop((0, rows.start, low.width, bottom)))
        colours = planes if alpha is None else planes[:, :, :-1]
        pixels[rows] = (pixels[rows] << 8) + colours.reshape(pixels[rows].shape)
        if alpha is not None:
            alpha[rows] = (alpha[rows] << 8) + planes[:, :, -1]


def keyed_alpha(pixels: Array, key: tuple[int, ...]) -> Array:
    """Return alpha: none where a pixel has the key's values, full elsewhere."""
    alpha = np.empty(pixels.shape[:2], pixels.dtype)
    top = np.iinfo(pixels.dtype).max
    for rows in bands(pixels):
        is_key = pixels[rows] == np.array(key, pixels.dtype)
        alpha[rows] = np.where(is_key.all(-1) if pixels.ndim == 3 else is_key, 0, top)
    return alpha
