"""The corpus run over a few files finds no difference; and it finds one that is there."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from cnnfilter.files.image import Image

from .comparing import difference
from .corpus import Corpus, Table
from .metadata import unlike
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


def test_results_are_read_back_beyond_what_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rgba = np.arange(64, dtype=np.uint16).reshape(4, 4, 4)  # which become floats of 64 bits
    for name, values in (("a.tif", rgba), ("b.tif", rgba.repeat(2, axis=0))):
        tifffile.imwrite(tmp_path / "in" / name, values, extrasamples=[2], photometric="rgb")
    corpus = Corpus(tmp_path / "in", Table(None), 16, [])
    corpus.write(corpus.read(), ["float"], tmp_path / "out")
    found = [(line.file, line.task, line.result) for line in corpus.table.lines]
    assert found == [
        ("a.tif", "read", "equal"),
        ("b.tif", "read", "passed over"),
        ("a.tif", "write float", "equal"),
    ]


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize(("copyright", "changes"), [("   ", 0), ("Me", 1)])
def test_a_tag_that_is_blank_need_not_be_kept(copyright: str, changes: int, tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[33432] = copyright
    for name, kept in (("a.jpg", exif), ("b.jpg", Pillow.Exif())):
        Pillow.new("L", (4, 4)).save(tmp_path / name, exif=kept)
    made = [(tmp_path / "a.jpg", tmp_path / "b.jpg", "")]
    assert len(list(unlike(made))) == changes
