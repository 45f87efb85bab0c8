"""What Pillow cannot of TIFF, by tifffile: floats, 16-bit colour, any number of channels."""

from typing import Any, BinaryIO

import numpy as np

from cnnfilter.core.arrays import Array
from cnnfilter.files.images import Image, check_pixels, decoding, profile_fits, too_large

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# TIFF 6.0's numbers: PhotometricInterpretation, and the tags read here.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
_ORIENTATION, _ICC_PROFILE = 274, 34675


def read_numbers(file: BinaryIO, max_pixels: int) -> Image | None:
    """Read a TIFF that Pillow cannot, or only in 8 bits; None if Pillow does it as well.

    Raises
    ------
    ContentError
        If it is broken or has more than `max_pixels` pixels.
    """
    import tifffile

    with decoding(tifffile.TiffFileError), tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages.first
        if _is_for_pillow(page):
            return None
        check_pixels(page.imagelength, page.imagewidth, max_pixels)
        if page.nbytes > 16 * max_pixels:
            raise too_large(f"{page.samplesperpixel} channels unfold to {page.nbytes} bytes")
        try:
            pixels = page.asarray()
        except ValueError as error:
            if "imagecodecs" in str(error):
                return None  # Pillow knows more compressions
            raise
        frames = len(tiff.pages)
        orientation = page.tags.valueof(_ORIENTATION, 1)
        profile = page.tags.valueof(_ICC_PROFILE)
        photometric, extra = int(page.photometric), bool(page.extrasamples)
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
    notes = (f"the first of {frames} frames",) if frames > 1 else ()
    metadata = {"icc_profile": profile} if isinstance(profile, bytes) else {}
    pixels = _upright(pixels, int(orientation))
    if pixels.dtype not in (np.uint8, np.uint16):
        return Image(pixels, None, "float", {}, notes)
    if photometric == _WHITE_IS_ZERO:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if photometric == _CMYK:
        pixels, metadata = _rgb_of_cmyk(pixels), {}
    colours = pixels.shape[2] if pixels.ndim == 3 else 1
    if extra and photometric in (_BLACK_IS_ZERO, _RGB) and colours in (2, 4):
        plain = pixels[:, :, 0] if colours == 2 else pixels[:, :, :3]
        return Image(plain, pixels[:, :, -1], "tif", metadata, notes)
    return Image(pixels, None, "tif", metadata, notes)


def _is_for_pillow(page: Any) -> bool:
    samples, photometric = page.samplesperpixel, int(page.photometric)
    if page.dtype in (np.uint8, np.bool_):
        return samples <= 2 or (samples <= 4 and photometric > _BLACK_IS_ZERO)
    return page.dtype == np.uint16 and samples == 1 and photometric == _BLACK_IS_ZERO


def _upright(pixels: Array, orientation: int) -> Array:
    """Apply EXIF's orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _rgb_of_cmyk(inks: Array) -> Array:
    """Turn print colours to RGB as Pillow does: (1 - ink) * (1 - black)."""
    top = np.iinfo(inks.dtype).max
    left = (top - inks).astype(np.float64)
    return np.rint(left[:, :, :3] * left[:, :, 3:4] / top).astype(inks.dtype)


def write_deep(file: BinaryIO, planes: Array, profile: bytes | None) -> None:
    """Write 16-bit colours, or grey with alpha: shape (H, W, 2 to 4), alpha last."""
    import tifffile

    channels = planes.shape[2]
    tifffile.imwrite(
        file,
        planes,
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        iccprofile=profile if profile_fits(profile, planes[:, :, :3].squeeze()) else None,
        compression="zlib",
        metadata=None,
    )


def write_float(file: BinaryIO, array: Array) -> None:
    """Write numbers as floats, of any number of channels: shape (H, W) or (H, W, C)."""
    import tifffile

    narrow = np.can_cast(array.dtype, np.float32)
    tifffile.imwrite(
        file,
        array.astype(np.float32 if narrow else np.float64, copy=False),
        photometric="minisblack",
        planarconfig="contig" if array.ndim == 3 else None,
        compression="zlib",
        metadata=None,
    )
