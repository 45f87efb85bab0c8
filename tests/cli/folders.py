"""Names and modes of written files."""

from pathlib import Path

import numpy as np
from PIL import Image

from cnnfilter.batch.ledger import LEDGER


def _names(folder: Path) -> list[str]:
    """What is in a folder, but for what the tool remembers of it."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER)


def _mode(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def _stored(values: np.ndarray, most: int = 255) -> np.ndarray:
    return np.clip(np.rint(values), 0, most).astype(np.uint16 if most > 255 else np.uint8)
