"""What people see on a terminal of 80 columns, as golden texts."""

import shlex

import numpy as np
import pytest

from cnnfilter.files.format import is_installed

from ..command import Run
from ..golden import FOLDER, Golden
from ..pictures import Images
from ..terminal import Show

CHAIN = "'convolve sharpen | relu | pool 2'"
LONG = (
    '\'convolve "0 -1 0; -1 5 -1; 0 -1 0" "1 2 1; 2 4 2; 1 2 1" padding=same border=reflect'
    " dilation=2 | pool 2'"
)
SCREENS = {
    "matrix": "convolve -k sharpen --print padlock.png",
    "matrix-cropped": "pool --size 1 --print large.npy",
    "matrix-at-a-value": "pool --size 1 --print large.npy --at 35,55",
    "matrix-at-an-edge": "pool --size 1 --print large.npy --at 0,109",
    "matrix-of-fractions": "pool --size 1 --print fractions.npy",
    "channels": "split-channels --print colour.npy",
    "kernel": "kernels sharpen",
    "kernel-by-a-formula": "kernels gabor:11,45",
    "networks": "networks",
    "format": "formats jp2",
    "formats": "formats",
    "network": "pipeline digits --summary",
    "summary": f"pipeline {LONG} --summary --shape 224x224x3",
    "prediction": "pipeline digits two.png -q",
    "prediction-of-two-classes": "pipeline digits two.png -q --top 2",
    "explain": "explain 'convolve sharpen' padlock.png --at 0,6",
    "explain-a-step": f"explain {CHAIN} padlock.png --at 2,4 --step 3",
    "explain-padding": "explain 'pool 3 stride=2 padding=1' padlock.png --at 0,1",
    "explain-several-channels": "explain 'convolve edge combine=sum' colour.npy --at 1,1",
    "explain-a-prediction": "explain digits two.png",
}
PIPED = {
    "piped-explain": "explain 'convolve sharpen' padlock.png --at 0,6",
    "piped-prediction": "pipeline digits two.png -q",
    "piped-kernel": "kernels sharpen",
    "piped-summary": f"pipeline {LONG} --summary --shape 224x224x3",
    "piped-dry-run": f"pipeline {CHAIN} padlock.png two.png --stages maps -o out --dry-run",
}


@pytest.fixture(autouse=True)
def inputs(images: Images) -> None:
    """The images that the commands read."""
    images.padlock()
    random = np.random.default_rng(6)
    images.matrix(random.integers(-999, 1000, (70, 110)), "large.npy")
    images.matrix([[0.123456789, -20.5, np.nan], [1e-12, 12345.678, np.inf]], "fractions.npy")
    images.matrix(random.integers(0, 256, (4, 5, 3), np.uint8), "colour.npy")
    images.sample("digits/two.png")


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_its_golden_text(name: str, show: Show, golden: Golden) -> None:
    if name.startswith("format") and not all(map(is_installed, ("imagecodecs", "pi_heif"))):
        pytest.skip("the list shows which extras are installed")
    screen = show(*shlex.split(SCREENS[name]))
    assert screen.status == 0
    assert max(map(len, screen.lines)) <= 80
    lines = [line.rstrip() for line in screen.lines]
    golden.text(f"terminal/{name}", "\n".join([f"$ cnnfilter {SCREENS[name]}", *lines, ""]))


@pytest.mark.parametrize("name", PIPED)
def test_what_is_piped_is_its_golden_text(name: str, run: Run, golden: Golden) -> None:
    result = run(*shlex.split(PIPED[name]))
    assert result.status == 0
    golden.text(f"terminal/{name}", f"$ cnnfilter {PIPED[name]} | cat\n{result.text}")


def test_every_golden_text_belongs_to_a_command() -> None:
    names = {path.stem for path in (FOLDER / "terminal").iterdir()}
    assert names == SCREENS.keys() | PIPED.keys()
