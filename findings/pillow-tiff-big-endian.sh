#!/usr/bin/env bash
# Pillow 13.0.0: a big-endian TIFF of float32, int16 or int32 comes back with the bytes of every number
# reversed if it is compressed, and right if it is not.
#
# Seen (2026-11-29): 1.0 in a big-endian LZW file of float32 is read as 4.6e-41, and 1 in one of int16
# as 256. LZW, Deflate and PackBits, written by tifffile, are all wrong; uncompressed big-endian files
# and little-endian files of every kind are right, and so are uint16 and uint8 in either order.
#
# Why a good guess would be wrong: the byte order is in the first two bytes of the file and Pillow
# follows it, as the uncompressed file shows, and uint16, the usual deep picture, is right even when
# compressed. libtiff, which decompresses for Pillow, hands numbers over in the order of the machine;
# Pillow then swaps them a second time for the other types. Tiny floats pass as a dark picture.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 \
    numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
import tifffile
from PIL import Image

numbers = np.random.default_rng(0).integers(1, 100, (8, 9))


def read(dtype, order, compression):
    """Return the picture as stored and as Pillow reads it."""
    stored, file = numbers.astype(dtype), io.BytesIO()
    tifffile.imwrite(file, stored, byteorder=order, compression=compression)
    file.seek(0)
    assert np.array_equal(tifffile.imread(file), stored), "tifffile does not read its own file"
    with Image.open(file) as image:
        return stored, np.asarray(image).astype(dtype)


for dtype in (np.float32, np.int16, np.int32, np.uint16, np.uint8):
    for order in "<>":
        for compression in (None, "lzw", "deflate", "packbits"):
            stored, found = read(dtype, order, compression)
            swapped = (
                order == ">" and compression and dtype in (np.float32, np.int16, np.int32)
            )
            case = f"{np.dtype(dtype)} {order} {compression}"
            if swapped:
                print(f"{case}: {stored[0, 0]} is read as {found[0, 0]}")
            assert np.array_equal(found, stored.byteswap() if swapped else stored), case
PYTHON
echo "as described: compressed big-endian float32, int16 and int32 are byte-swapped, all else is right"
