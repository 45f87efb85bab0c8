#!/usr/bin/env bash
# libvips 8.18.7 as its own wheel ships it (pyvips 3.2.0, pyvips-binary 8.18.7): TIFFs compressed with
# Zstandard, LZMA, LERC, JPEG 2000 or JPEG XL open without an exception, and all their pixels are 0.
#
# Seen (2026-11-29): of a 32x40 grey picture with values 1 to 255, written by tifffile, each of the
# five comes back with the right size and type and a maximum of 0. LZW, Deflate and PackBits are
# right. With fail_on="error" the same five raise ("ZSTD compression support is not configured").
#
# Why a good guess would be wrong: a codec that is missing is no damage to the file, so one expects an
# exception from new_from_buffer, as libvips raises for a format that it does not know, and as
# libtiff's own call returns an error. fail_on reads as a matter of broken files: its default, "none",
# is meant to get as much as possible out of these. Here it turns "cannot decode" into black, and a
# mean or a threshold over such a picture is a number like any other. libvips 8.14.1 of Debian 12 does
# read Zstandard: the same line of Python is right there, and black with the wheel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyvips==3.2.0 pyvips-binary==8.18.7 cffi==2.1.1 \
    tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import logging

import numpy as np
import pyvips
import tifffile

logging.disable(logging.WARNING)
picture = np.random.default_rng(0).integers(1, 256, (32, 40), np.uint8)


def read(compression, fail_on):
    file = io.BytesIO()
    tifffile.imwrite(file, picture, compression=compression)
    file.seek(0)
    assert np.array_equal(tifffile.imread(file), picture), "tifffile does not read its own file"
    try:
        image = pyvips.Image.new_from_buffer(file.getvalue(), "", fail_on=fail_on)
        return image.numpy().reshape(image.height, image.width)
    except pyvips.Error:
        return None


for compression in ("lzw", "deflate", "packbits"):
    assert np.array_equal(read(compression, "none"), picture), f"{compression} is not right"
    print(f"{compression}: right")
for compression in ("zstd", "lzma", "lerc", "jpeg2000", "jpegxl"):
    found = read(compression, "none")
    assert found is not None, f"{compression} raises by default now"
    print(f"{compression}: {found.shape}, {found.dtype}, maximum {found.max()}")
    assert found.shape == picture.shape, f"{compression} has another size"
    assert not found.any(), f"{compression} is not black any more"
    assert read(compression, "error") is None, f"{compression} does not raise with fail_on"
PYTHON
echo "as described: five compressions are read as black, and only fail_on=\"error\" says so"
