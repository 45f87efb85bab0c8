#!/usr/bin/env bash
# PFM, floating point pictures: what the number in the third line of the head does to the pixels is
# settled differently by each reader. OpenCV 5.0.0 and FFmpeg 9.0.2 divide by it, Pillow 13.0.0 leaves
# the pixels alone.
#
# Seen (2026-11-29): a little-endian file whose first pixels are stored as 1 2 3, with the scale -2:
# OpenCV and FFmpeg read 0.5 1 1.5, Pillow 1 2 3. With -0.5: 2 4 6, and Pillow 1 2 3. With -1 all agree.
#
# Why a good guess would be wrong: the sign of this number is the byte order. Its size is, in Netpbm's
# manual, a scale factor that tells the units of the samples: with 2 one takes a stored 1 to stand for
# 2. So the guess is that readers either ignore it or multiply by it, and none here multiplies: two
# divide, four times off from that reading at a scale of 2. Files are mostly written with 1 or -1,
# where nothing shows; where it does show, the picture is whole and only its numbers are others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6 \
    imageio-ffmpeg==0.8.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from PIL import Image

stored = np.arange(1, 41, dtype="<f4").reshape(5, 8)
path = Path(sys.argv[1]) / "picture.pfm"


def by_ffmpeg():
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-f", "rawvideo", "-pix_fmt", "grayf32le", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(output, "<f4").reshape(stored.shape)


print("FFmpeg", imageio_ffmpeg.get_ffmpeg_version())
for scale in (-1, -2, -0.5):
    path.write_bytes(b"Pf\n8 5\n%g\n" % scale + stored[::-1].tobytes())  # rows from the bottom up
    opencv, ffmpeg = cv2.imread(str(path), cv2.IMREAD_UNCHANGED), by_ffmpeg()
    pillow = np.asarray(Image.open(path))
    print(scale, "OpenCV", opencv[0, :3], "FFmpeg", ffmpeg[0, :3], "Pillow", pillow[0, :3])
    assert np.array_equal(opencv, stored / abs(scale)), "OpenCV does not divide"
    assert np.array_equal(ffmpeg, stored / abs(scale)), "FFmpeg does not divide"
    assert np.array_equal(pillow, stored), "Pillow does not leave the pixels alone"
PYTHON
echo "as described: OpenCV and FFmpeg divide by the scale, Pillow ignores it"
