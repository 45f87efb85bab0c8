"""The corpus run over a few files finds no difference; and it finds one that is there."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnfilter.files.image import Image

from .comparing import difference
from .readers import Picture
from .structures import write_structures

ROOT = Path(__file__).parents[2]
FILES = {
    "white-is-zero-16.tif", "rgb12.tif", "rgba16.png", "transparent-gray4.png", "white1023.pgm",
    "pages-8-16.tif", "gray-profile-rgb.jpg", "float32-rgba.tif", "no-data-int16.tif",
    "rgba8-assocalpha.tif", "xmp-utf-16.jpg",
    "previous-over.png", "orientation6-uint16.tif", "exif-orientation6.jpg",
}  # fmt: skip


def test_a_run_over_files_of_many_kinds_finds_no_difference(tmp_path: Path) -> None:
    write_structures(tmp_path / "all")
    (tmp_path / "some").mkdir()
    for name in FILES:
        if (tmp_path / "all" / name).exists():
            shutil.copy(tmp_path / "all" / name, tmp_path / "some")
    run = subprocess.run(
        [sys.executable, "-m", "tests.corpora.corpus", tmp_path / "some", "--table",
         tmp_path / "table", "--formats", "png", "tif", "npy"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "different" not in run.stdout
    assert (tmp_path / "table").read_text().count("\twrite tif\t") >= 12


GRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)
CLEAR = np.where(GRAY > 5, 255, 0).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "other", "words"),
    [
        (Image(GRAY), Picture(GRAY), ""),
        (Image(GRAY), Picture(np.dstack([GRAY] * 3)), ""),
        (Image(GRAY), Picture(GRAY.astype(np.uint16) * np.uint16(257)), ""),
        (Image(GRAY), Picture(GRAY.astype(np.uint16)), "uint8, not uint16"),
        (Image(GRAY), Picture(GRAY + np.uint8(1)), "12 of 12 values"),
        (Image(GRAY), Picture(GRAY.T), "shape (3, 4), not (4, 3)"),
        (Image(GRAY), Picture(GRAY, CLEAR), "alpha: 6 of 12 values"),
        (Image(GRAY, CLEAR), Picture(np.where(CLEAR, GRAY, 9), CLEAR), ""),
        (Image(GRAY.astype(np.int16)), Picture(GRAY), "int16, not uint8"),
    ],
)
def test_a_difference_is_found(image: Image, other: Picture, words: str) -> None:
    assert difference([image], [other])[: len(words) or None] == words
    assert difference([image, image], [other]) == "2 frames, not 1"
