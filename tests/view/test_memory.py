"""Drawings take little more than what they show, whatever the picture's size."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
HEIGHT, WIDTH = 1600, 2500
#: MiB: the result's float map of 6 channels, never held as a whole, and what bands take.
MAP, BANDS = HEIGHT * WIDTH * 6 * 4 / 2**20, 64

SETTING = f"""
import sys
import numpy as np
from cnnfilter import Pipeline
from cnnfilter.pipeline.explain import explained
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.pipeline.streaming import rows_of
from cnnfilter.view.animation import animation
from cnnfilter.view.figure import figure, figure_bytes
from cnnfilter.view.sheet import LayerResult, sheet

def peak():
    line, = (line for line in open({str(STATUS)!r}) if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024

def draw(image):
    pipeline = Pipeline("convolve sobel-x sobel-y | relu | pool 3 stride=1")
    *_, before, after = rows_of(pipeline, image)
    window = pipeline.steps[-1].layer.window_for(before.shape)
    if sys.argv[1] == "figure":
        figure_bytes(figure(image, after, title="x", names=("sobel-x", "sobel-y")), "png")
    elif sys.argv[1] == "sheet":
        sheet([LayerResult("x", each, ("sobel-x", "sobel-y")) for each in (before, after)])
    elif sys.argv[1] == "animation":
        animation(before, after, window, title="x")
    else:
        explained(ForwardPass.by_rows(pipeline, image), range="minmax")

# What is imported, and an animation's frames, are not what is measured.
draw(np.ones((200, 300, 3), np.uint8))
image = np.ones(({HEIGHT}, {WIDTH}, 3), np.uint8)
image[:, ::5] = 200
before = peak()
draw(image)
print(peak() - before)
"""

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peaks")


@pytest.mark.parametrize("drawing", ["figure", "sheet", "animation", "explanation"])
def test_a_drawing_holds_no_map_as_a_whole(drawing: str) -> None:
    if drawing == "figure":
        pytest.importorskip("matplotlib")
    run = subprocess.run(
        [sys.executable, "-c", SETTING, drawing],
        # Freed arrays go back to the system at once, so that the peak is of what is held.
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**17)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(run.stdout) < BANDS < MAP
