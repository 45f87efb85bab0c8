#!/usr/bin/env bash
# tifffile 2026.3.3: a boolean picture of three channels, written as RGB, is not read back equal.
#
# Seen (2026-11-29): of 8x16x3 random booleans, imwrite(..., photometric="rgb") and imread return the
# shape and the type, and about half of the values are others. The file holds, for each row and for
# each eight pixels, a byte of red bits, one of green and one of blue. TIFF has the three bits of
# a pixel side by side, and so does imread, so the writer is at fault. Without photometric (three
# pages), with planarconfig="separate", or as uint8, the same picture is right.
#
# Why a good guess would be wrong: bool is in the documentation as a type that imwrite packs to one bit,
# everything that tifffile accepts it reads back exactly, and the shape, the size of the data and all
# the tags are right. A picture of black and white blocks of eight pixels shows nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tifffile==2026.3.3 numpy==2.4.6 imagecodecs==2026.3.6
"$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
import tifffile

mask = np.random.default_rng(0).integers(0, 2, (8, 16, 3)).astype(bool)


def back(values, **options):
    """Return what is read back, and the bytes of the picture."""
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page, found = tiff.pages[0], tiff.asarray()
        start, length = page.dataoffsets[0], page.databytecounts[0]
        print(options, found.shape, found.dtype, "wrong values:", (found != values).sum())
        return found, np.frombuffer(file.getvalue(), np.uint8, length, start)


for options in ({}, {"photometric": "minisblack"}):
    assert np.array_equal(back(mask, **options)[0], mask), "pages of bits are not right"
planes = {"photometric": "rgb", "planarconfig": "separate"}
for values, options in (
    (mask, planes),
    (mask.astype(np.uint8), {"photometric": "rgb"}),
):
    assert np.array_equal(back(values, **options)[0], values), "planes or bytes are not right"
found, stored = back(mask, photometric="rgb")
assert found.shape == mask.shape and found.dtype == mask.dtype, "another shape or type"
assert not np.array_equal(found, mask), "RGB of bits is read back equal"
assert np.array_equal(stored, np.packbits(mask, axis=1).ravel()), "the file holds other bytes"
by_tiff = np.unpackbits(stored).reshape(mask.shape).astype(bool)
assert np.array_equal(found, by_tiff), "the reader takes the bits otherwise"
PYTHON
echo "as described: RGB of bits is written channel by channel and read pixel by pixel"
