#!/usr/bin/env bash
# Pillow 13.0.0 (OpenJPEG inside): a 16-bit grey picture saved as JPEG 2000 in tiles is silently
# another picture. Only the first column of tiles is right.
#
# Seen (2026-11-28): of 1030x1030 random 16-bit values, saved with tile_size=(1024, 1024), the six
# columns of the second tile column come back as columns 512 to 517, whatever reads the file: Pillow
# and imagecodecs 2026.3.6 agree, so the file is wrong and not its reader. With 512x512 tiles half of
# the picture is wrong. Saved as one tile it is right, and so are 8-bit pictures in tiles.
#
# Why a good guess would be wrong: JPEG 2000 is lossless here (quality_mode is left alone, and 8 bits
# come back exactly), tiles are documented as a matter of access and memory, not of content, and
# nothing warns. A picture that fits into one tile, as most test pictures do, shows nothing.
# The values that come back, those at half the tile's left edge, look like an offset that is counted
# in bytes where pixels of two bytes are meant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 numpy==2.4.6 imagecodecs==2026.3.6
"$folder/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
from PIL import Image

SIDE, TILE = 1030, 1024
deep = np.random.default_rng(0).integers(0, 65536, (SIDE, SIDE), np.uint16)


def saved(values, **options):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG2000", **options)
    return file.getvalue()


whole, tiled = saved(deep), saved(deep, tile_size=(TILE, TILE))
by_pillow = np.asarray(Image.open(io.BytesIO(tiled)))
by_other = imagecodecs.jpeg2k_decode(tiled)
narrow = (deep >> 8).astype(np.uint8)

print("16 bits, one tile, wrong values:", (imagecodecs.jpeg2k_decode(whole) != deep).sum())
print("16 bits, tiles of 1024, wrong values:", (by_other != deep).sum(), "of", deep.size)
print("8 bits, tiles of 1024, wrong values:",
      (imagecodecs.jpeg2k_decode(saved(narrow, tile_size=(TILE, TILE))) != narrow).sum())

assert np.array_equal(imagecodecs.jpeg2k_decode(whole), deep), "one tile is no longer right"
assert np.array_equal(by_pillow, by_other), "the two readers no longer agree"
assert np.array_equal(by_other[:, :TILE], deep[:, :TILE]), "the first column of tiles is not right"
shifted = deep[:, TILE // 2 : TILE // 2 + SIDE - TILE]
assert np.array_equal(by_other[:, TILE:], shifted), "the second column of tiles has changed"
PYTHON
echo "as described: the second column of tiles holds the picture's columns from half its left edge on"
