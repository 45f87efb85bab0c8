"""Colours of print turned to RGB by their profile."""

import io
from collections.abc import Callable

from PIL import Image as Pillow
from PIL import ImageCms

#: What says that colours were not turned by a profile.
WITHOUT_PROFILE = "CMYK without a profile: its colours are approximate"
UNUSABLE_PROFILE = "its CMYK profile cannot be used: its colours are approximate"


def converter(profile: bytes | None) -> tuple[Callable[[Pillow.Image], Pillow.Image] | None, str]:
    """Return what turns CMYK to sRGB by a profile, if it can be used; and a note.

    Parameters
    ----------
    profile : bytes or None
        An ICC profile.
    """
    if not profile:
        return None, WITHOUT_PROFILE
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, "CMYK", "RGB")
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError, TypeError):
        return None, UNUSABLE_PROFILE
    return lambda picture: ImageCms.applyTransform(picture, transform) or picture, ""
