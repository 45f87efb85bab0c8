"""Drawings that are compared with golden pictures."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from cnnfilter import convolve, read_image
from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Window
from cnnfilter.view.animation import animation
from cnnfilter.view.figure import figure, figure_bytes
from cnnfilter.view.sheet import LayerResult, sheet

SAMPLES = Path(__file__).parents[2] / "sample_images"
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])


def padlock() -> Array:
    return read_image(SAMPLES / "padlock-16x16.png")


def drawn_figure(kernels: list[str], name: str = "padlock-16x16.png", **options: str) -> Array:
    image = read_image(SAMPLES / name)
    result = convolve(image, kernels if len(kernels) > 1 else kernels[0])
    names = kernels if len(kernels) > 1 else ()
    drawn = figure(image, result, title=name, names=names, **options)
    with Image.open(io.BytesIO(figure_bytes(drawn, "png"))) as picture:
        return np.asarray(picture.convert("RGB"))


def drawn_sheet(scale: float = 1) -> Array:
    maps = convolve(padlock(), ["sobel-x", "sobel-y", "edge", "sharpen", "box:3", "emboss"])
    names = ("sobel-x", "sobel-y", "edge", "sharpen", "box", "emboss")
    vector = np.array([0.9, -0.4, 0.1])
    layers = [
        LayerResult("picture", read_image(SAMPLES / "coffee.png")),
        LayerResult("filters", maps * scale, names),
        LayerResult("scores", vector, ("cat", "dog", "cup")),
    ]
    return sheet(layers)


def drawn_frame(number: int = 78) -> Array:
    image = padlock()
    frames, _ = animation(
        image, convolve(image, "sharpen"), Window((3, 3)), title="sharpen", weights=SHARPEN
    )
    return frames[number]


DRAWINGS: Mapping[str, Callable[[], Array]] = {
    "figure-one-map": lambda: drawn_figure(["sobel-x"]),
    "figure-several-maps": lambda: drawn_figure(["sobel-x", "sobel-y", "sharpen"]),
    "figure-photo": lambda: drawn_figure(["sharpen"], "coffee.png"),
    "sheet": drawn_sheet,
    "animation-frame": drawn_frame,
}
