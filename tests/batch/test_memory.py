"""A command holds the image, what it computes of it, and little more."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

STATUS = Path("/proc/self/status")
HEIGHT, WIDTH = 2000, 3000
MEGA = HEIGHT * WIDTH / 2**20
#: MiB of buffers, and of what the system keeps.
SCRATCH = 12

CODE = f"""
import sys
from cnnfilter.cli import main

def peak():
    line, = (line for line in open({str(STATUS)!r}) if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024

def run(image, folder):
    sys.argv = ["cnnfilter", *(word.format(image=image, out=folder) for word in arguments)]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code

small, large, folder, *arguments = sys.argv[1:]
run(small, folder + "/small/")  # what is imported is not what is measured
before = peak()
run(large, folder + "/large/")
print(peak() - before, file=sys.stderr)
"""

#: Command to bytes for a pixel: to decode takes 7, to write a picture in colours 7.
COMMANDS = {
    "convolve -k sharpen {image} -q -o {out}": 7,
    "convolve -k sobel-x --channels gray {image} -q -o {out}": 7,
    "convolve -k kirsch --format bmp {image} -q -o {out}": 10,
    "convolve -k kirsch --range minmax --format bmp {image} -q -o {out}": 10,
    "split-channels --space yuv --format bmp {image} -q -o {out}": 15,
    "split-channels --space yuv --as tint --range minmax --format bmp {image} -q -o {out}": 19,
    "pipeline digits {image} -q": 7,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a small and a large picture of the kind."""
    folder = tmp_path_factory.mktemp("pictures")
    waves = np.sin(np.arange(WIDTH) / 99) * 100 + 128
    pixels = np.broadcast_to(waves[:, np.newaxis], (HEIGHT, WIDTH, 3)).astype(np.uint8)
    Image.fromarray(pixels[:64, :64].copy()).save(folder / "small.jpg")
    Image.fromarray(pixels).save(folder / "large.jpg")
    return folder / "small.jpg", folder / "large.jpg"


@pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peaks")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_so_many_bytes_for_a_pixel(
    command: str, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, pictures), str(tmp_path), *command.split()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    taken = float(run.stderr.split()[-1])
    assert taken <= COMMANDS[command] * MEGA + SCRATCH
