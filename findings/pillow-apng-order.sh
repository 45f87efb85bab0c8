#!/usr/bin/env bash
# Pillow 13.0.0: what a frame of an animated PNG looks like depends on which frames were looked at
# before. A frame that is to be put away ("previous") and blended ("over") stays in all that follow
# if its pixels were loaded, and not if they were passed over.
#
# Seen (2026-11-29): frame 1 is grey all over, frame 2 draws red in a corner (over, previous), frame 3
# draws green in another. The corner of frame 3 is grey after seek(2) alone, as it has to be, and red
# when frame 2 was loaded first, as in a loop over all frames. FFmpeg 9.0.2 shows grey. With the blend
# "source" both ways are right. And a half-transparent green over a half-transparent red comes out as
# (127, 128, 0, 128) where FFmpeg has (84, 170, 0, 192): Pillow mixes the colours by the upper alpha,
# and the alpha does not grow.
#
# Why a good guess would be wrong: seek and load are documented as positions in a file, without
# history, and the loop over frames is the way everyone reads animations; it is the one that is
# wrong here, and picking one frame, which one would suspect, is right. It looks like the canvas that is
# kept for "previous" is the very one on which the frame is then pasted. Pillow writes this
# disposal and this blend itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0 numpy==2.4.6 imageio-ffmpeg==0.8.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

SIDE, KEEP, PREVIOUS, SOURCE, OVER = 4, 0, 2, 0, 1
path = Path(sys.argv[1]) / "animation.png"


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write(*frames):
    """Write frames: colour, place, side, disposal and blend."""
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">2I5B", SIDE, SIDE, 8, 6, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">2I", len(frames), 0)))
    sequence = 0
    for number, (colour, place, side, disposal, blend) in enumerate(frames):
        control = struct.pack(">5I2H2B", sequence, side, side, place, place, 1, 10, disposal, blend)
        parts.append(chunk(b"fcTL", control))
        data = zlib.compress((b"\0" + bytes(colour) * side) * side)
        if number:
            parts.append(chunk(b"fdAT", struct.pack(">I", sequence + 1) + data))
        else:
            parts.append(chunk(b"IDAT", data))
        sequence += 2 if number else 1
    path.write_bytes(b"".join([*parts, chunk(b"IEND")]))


def by_pillow(*order):
    """Return the first pixel of the last of the frames that are loaded."""
    with Image.open(path) as image:
        for number in order:
            image.seek(number)
            found = image.convert("RGBA").getpixel((0, 0))
    return found


def by_ffmpeg(number):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode"]
    command += ["passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return tuple(np.frombuffer(output, np.uint8).reshape(-1, SIDE * SIDE, 4)[number, 0].tolist())


GREY, RED, GREEN = (9, 9, 9, 255), (200, 0, 0, 255), (0, 100, 0, 255)
for blend in (SOURCE, OVER):
    write((GREY, 0, 4, KEEP, SOURCE), (RED, 0, 2, PREVIOUS, blend), (GREEN, 2, 2, KEEP, blend))
    jumped, walked = by_pillow(2), by_pillow(0, 1, 2)
    print("over" if blend else "source", "jumped", jumped, "walked", walked, "FFmpeg", by_ffmpeg(2))
    assert jumped == by_ffmpeg(2) == GREY, "jumping to the frame is not right"
    assert walked == (RED if blend == OVER else GREY), "walking through the frames has changed"

write(((255, 0, 0, 128), 0, 4, KEEP, SOURCE), ((0, 255, 0, 128), 0, 4, KEEP, OVER))
print("half over half: Pillow", by_pillow(0, 1), "FFmpeg", by_ffmpeg(1))
assert by_pillow(0, 1) == (127, 128, 0, 128), "Pillow blends otherwise"
assert max(abs(np.subtract(by_ffmpeg(1), (85, 170, 0, 192)))) <= 1, "FFmpeg blends otherwise"
PYTHON
echo "as described: the frame depends on those that were loaded before it"
