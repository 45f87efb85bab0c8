"""Animations and pages that tests write, and what is read of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnnfilter.files.stored import Frame

RNG = np.random.default_rng(3)
#: Few colours, so that a GIF holds them all.
COLOURS = RNG.integers(0, 256, (40, 3), np.uint8)
RGB = [COLOURS[RNG.integers(0, 40, (20, 24))] for _ in range(3)]
GRAY = [each[:, :, 0] for each in RGB]
MASKS = [RNG.integers(0, 2, (20, 24), np.uint8) * 255 for _ in range(3)]
DEEP = [RNG.integers(0, 65536, (20, 24, 3), np.uint16) for _ in range(3)]
TIMES = [100, 250, 40]
SAMPLES = Path(__file__).parents[2] / "sample_images"
ANIMATED = ["gif", "webp", "png"]
ORIENTATION = 0x0112


def frames_of(
    pixels: Sequence[np.ndarray], alphas: Sequence[np.ndarray | None] | None = None
) -> list[Frame]:
    alphas = alphas or [None] * len(pixels)
    return [Frame(*each) for each in zip(pixels, alphas, TIMES, strict=True)]


def pixels_of(path: Path, mode: str = "RGB") -> list[np.ndarray]:
    """Return every frame as Pillow shows it."""
    with Image.open(path) as picture:
        shown = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            shown.append(np.asarray(picture.convert(mode)))
        return shown


def animation(path: Path, frames: Sequence[np.ndarray] = RGB, **options: Any) -> Path:
    """Save an animation with Pillow."""
    first, *others = map(Image.fromarray, frames)
    if path.suffix == ".webp":
        options = {"lossless": True} | options
    options = {"duration": TIMES[: len(frames)]} | options
    first.save(path, save_all=True, append_images=others, **options)
    return path
