"""Names and modes of written files."""

from pathlib import Path

import numpy as np
from PIL import Image

from cnnfilter.batch.ledger import LEDGER


def names_of(folder: Path) -> list[str]:
    """Return the names in a folder, without the ledger."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER)


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def as_stored(values: np.ndarray, most: int = 255) -> np.ndarray:
    return np.clip(np.rint(values), 0, most).astype(np.uint16 if most > 255 else np.uint8)
