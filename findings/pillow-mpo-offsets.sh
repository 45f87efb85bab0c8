#!/usr/bin/env bash
# Pillow 13.0.0: an MPO (several JPEGs in one file, as stereo cameras and telephones write them) of
# three or more pictures gets a directory whose lengths and places are wrong from the third picture
# on. Pillow cannot read the fourth picture of its own file.
#
# Seen (2026-11-29): five pictures saved with save_all=True. All five JPEGs lie whole in the file, one
# after the other. The directory states the right lengths for the first two. The third's is the end of
# the second plus its own, the fourth's is off likewise, and a place is the sum of the lengths before,
# so that the fourth and the fifth are looked for elsewhere. n_frames is 5; seek(3) raises
# "not a JPEG file" and seek(4) "No data found for frame".
#
# Why a good guess would be wrong: MPO is in Pillow's table of formats as readable and writable, with
# save_all and append_images documented, n_frames counts right, and the usual case, the two
# pictures of a stereo camera, is exact. Three come back right as well, since the third's place needs
# two lengths only: just its stated length is wrong, which Pillow does not use and other readers may.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import itertools

import numpy as np
from PIL import Image

ENTRIES = 0xB002
noise = np.random.default_rng(0).integers(0, 256, (5, 24, 32, 3), np.uint8)
pictures = [Image.fromarray(values) for values in noise]
jpegs = []
for picture in pictures:
    picture.save(file := io.BytesIO(), "JPEG")
    jpegs.append(file.getvalue())


def saved(count):
    """Return an MPO with its true and its stated lengths."""
    file = io.BytesIO()
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:count])
    data = file.getvalue()
    starts = [0, *(data.index(jpeg) for jpeg in jpegs[1:count]), len(data)]
    true = [end - start for start, end in itertools.pairwise(starts)]
    image = Image.open(file)
    return image, true, [entry["Size"] for entry in image.mpinfo[ENTRIES]]


def read(image, number):
    try:
        image.seek(number)
        return np.asarray(image)
    except (SyntaxError, ValueError) as error:
        return str(error)


_, true, stated = saved(2)
assert stated == true, "two pictures are not right"
image, true, stated = saved(5)
print("true lengths:  ", true)
print("stated lengths:", stated)
assert image.n_frames == 5, "the number of pictures is another"
assert stated[:2] == true[:2], "the first two are not right"
assert stated[2] == sum(true[:3]) - true[1], "the third's length has changed"
for number in range(5):
    found = read(image, number)
    if number > 2:
        print(f"picture {number + 1}: {found}")
        assert isinstance(found, str), f"picture {number + 1} can be read"
    else:
        right = np.asarray(Image.open(io.BytesIO(jpegs[number])))
        assert np.array_equal(found, right), f"picture {number + 1} is not right"
PYTHON
echo "as described: lengths are wrong from the third picture on, the fourth and fifth are lost"
