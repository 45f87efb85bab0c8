"""Outputs that people looked at; ``pytest --update-golden`` replaces them."""

import difflib
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "data/golden"


class Golden:
    """Compares texts and pictures with files in a folder, or writes these files."""

    def __init__(self, update: bool, folder: Path = FOLDER) -> None:
        self.update = update
        self.folder = folder

    def text(self, name: str, found: str) -> None:
        """Check that a text equals the golden one to the letter."""
        path = self.folder / f"{name}.txt"
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found)
        texts = path.read_text().splitlines(), found.splitlines()
        diff = "\n".join(difflib.unified_diff(*texts, str(path), "now", lineterm=""))
        assert not diff, f"{diff}\nif this is intended, run pytest --update-golden"

    def picture(self, name: str, pixels: np.ndarray) -> None:
        """Check that a picture looks like the golden one, whatever fonts there are."""
        path = self.folder / f"{name}.png"
        if self.update:
            _small(pixels).save(path, optimize=True)
        with Image.open(path) as golden:
            expected = np.asarray(golden.convert("RGB")).astype(int)
        found = np.asarray(_small(pixels)).astype(int)
        assert np.abs(np.subtract(found.shape, expected.shape)).max() <= 3, (path, found.shape)
        height, width = np.minimum(found.shape, expected.shape)[:2]
        distance = np.abs(found[:height, :width] - expected[:height, :width]).max(axis=-1)
        share = float((distance > 48).mean())
        assert share <= 0.015, f"{share:.1%} of {path} is different"


def _small(pixels: np.ndarray) -> Image.Image:
    """Reduce a picture, so that the edges of letters do not count."""
    image = Image.fromarray(pixels)
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
