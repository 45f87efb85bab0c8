#!/usr/bin/env bash
# Pillow 13.0.0: an uncompressed 8-bit TIFF whose Orientation is 5, 6, 7 or 8 comes out scrambled when
# it is opened by its name, and right when the same bytes are opened as a file object.
#
# Seen (2026-11-29): of 2 rows [0 1 2] [3 4 5] with Orientation 6, a file object is read as the 3 rows
# [3 0] [4 1] [5 2], which is right. By its name it is read as 2 rows, [4 2 0] [5 3 1]: neither the
# turned picture nor the stored one, and rows of pixels are mixed. The orientation tag is gone from
# both, so nothing downstream can tell. Orientations 1 to 4, and LZW, are right either way.
#
# Why a good guess would be wrong: opening by name and by file object are documented as the same. That
# Pillow turns TIFFs by itself when they load (and takes the tag away) is surprise enough; the usual
# check, comparing with ImageOps.exif_transpose, finds nothing to do. Only a file on disk is mapped
# into memory, only without compression, and there the sides have already been exchanged for the
# turned picture when the rows are cut: rows of the wrong length. A test with BytesIO, a square
# picture of one colour or a compressed file shows nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 \
    numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import io
import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

ORIENTATION = 274
TURNS = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: a[::-1, ::-1], 4: np.flipud, 5: np.transpose,
    6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].T, 8: np.rot90,
}
stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
path = Path(sys.argv[1]) / "picture.tif"


def pixels(file):
    with Image.open(file) as image:
        image.load()
        assert image.getexif().get(ORIENTATION, 1) == 1, "the tag is kept now"
        return np.asarray(image)


for compression in (None, "lzw"):
    for number, turn in TURNS.items():
        tag = (ORIENTATION, "H", 1, number, True)
        tifffile.imwrite(path, stored, extratags=[tag], compression=compression, metadata=None)
        by_name, by_object = pixels(path), pixels(io.BytesIO(path.read_bytes()))
        assert np.array_equal(by_object, turn(stored)), f"{number}: a file object is not right"
        if number < 5 or compression:
            assert np.array_equal(by_name, by_object), f"{number} {compression} by name is wrong"
            continue
        print(number, "by name", by_name.tolist(), "as an object", by_object.tolist())
        assert np.array_equal(by_name, turn(stored.reshape(3, 2))), f"{number} by name has changed"
PYTHON
echo "as described: Orientation 5 to 8 is scrambled by name, and right from a file object"
