#!/usr/bin/env bash
# imagecodecs 2026.3.6 (libjxl 0.11.2): jpegxl_encode tags a picture of 16 bits or of floats as linear
# light, and the same picture in 8 bits as sRGB. Whatever minds the tag shows the two differently.
#
# Seen (2026-11-29): a ramp, lossless, in 8 and in 16 bits. imagecodecs gives back the same numbers
# for both. pillow-jxl-plugin 1.3.8 reads from the files the profiles "sRGB" and
# "RGB_D65_SRG_Rel_Lin"; taken to sRGB by these, as a viewer does, middle grey is 128 in the first
# and 188 in the second. Grey and float32 pictures are tagged in the same way.
#
# Why a good guess would be wrong: numbers are numbers, the round trip through imagecodecs is exact, and
# widening a picture to 16 bits (or asking for no loss) does not change what it shows in PNG or TIFF.
# jpegxl_encode has no argument for the colour space and its help says nothing of one; the tag is
# libjxl's default, which follows the type of the buffer that comes in. So a 16-bit PNG brought to
# JPEG XL is far too bright in viewers, and the library that has written it does not show it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imagecodecs==2026.3.6 numpy==2.4.6 pillow==13.0.0 \
    pillow-jxl-plugin==1.3.8
"$folder/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401  (adds JPEG XL to Pillow)
from PIL import Image, ImageCms

print(imagecodecs.jpegxl_version())
ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
narrow = np.stack([ramp] * 3, axis=-1)
deep = narrow.astype(np.uint16) * 257


def profile(values):
    """Return a lossless file's picture and colour profile."""
    file = imagecodecs.jpegxl_encode(values, lossless=True)
    assert np.array_equal(imagecodecs.jpegxl_decode(file).reshape(values.shape), values), "lossy"
    image = Image.open(io.BytesIO(file))
    return image, ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))


def shown(values):
    image, source = profile(values)
    assert np.array_equal(np.asarray(image), narrow), "the numbers are not those of the ramp"
    seen = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    name = ImageCms.getProfileDescription(source).strip()
    print(f"{values.dtype}: {name}, middle grey is shown as {np.asarray(seen)[8, 0].tolist()}")
    return name, int(np.asarray(seen)[8, 0, 0])


assert shown(narrow) == ("sRGB", 128), "8 bits are not tagged as sRGB"
name, grey = shown(deep)
assert name.endswith("_Lin"), "16 bits are not tagged as linear any more"
assert 186 <= grey <= 190, "middle grey is shown otherwise"
for values, ending in (
    (ramp, "SRG"), (ramp.astype(np.uint16) * 257, "Lin"), ((ramp / 255).astype(np.float32), "Lin"),
):
    name = ImageCms.getProfileDescription(profile(values)[1]).strip()
    print(f"grey {values.dtype}: {name}")
    assert name.endswith(ending), "grey is tagged otherwise"
PYTHON
echo "as described: 16 bits and floats are tagged as linear, 8 bits as sRGB"
