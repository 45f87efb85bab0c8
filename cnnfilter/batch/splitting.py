"""The task of splitting images into their channels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.colour import alpha_in, channel_as_gray, channel_as_tint, split_channels
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.batch.task import Result
from cnnfilter.files.image import Image

LOOKS = ("gray", "tint")


def _colours_and_bands(image: Image) -> tuple[Array | None, list[Array]]:
    """Return an image's colours, and the bands besides, such as infrared."""
    pixels, rgb = image.pixels, image.metadata.get("rgb_bands")
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    if rgb is None or (bands not in (2, 4) and rgb != bands):
        return pixels, []  # of 2 and 4 the last would be taken for alpha
    colours = 3 if rgb == bands else 0
    others = [pixels[:, :, band] for band in range(colours, bands)]
    return pixels[:, :, :colours] if colours else None, others


@dataclass(frozen=True, eq=False)
class SplitTask:
    """Split an image into its channels.

    Attributes
    ----------
    space : str
        A colour space.
    look : {"gray", "tint"}
        The look of a channel as a picture.
    """

    space: str = "rgb"
    look: str = "gray"

    def __post_init__(self) -> None:
        choice("space", self.space, SPACES)
        choice("as", self.look, LOOKS)

    @property
    def maps(self) -> int:
        """1: channels are known when the image is."""
        return 1

    @property
    def gives_vector(self) -> bool:
        """False: channels are maps."""
        return False

    @property
    def names(self) -> Sequence[str]:
        """The empty one: channels are known when the image is."""
        return [""]

    @property
    def described(self) -> str:
        """The space, and the channels' look."""
        return f"split-channels {self.space} as {self.look}"

    @property
    def files(self) -> Sequence[Path]:
        """None."""
        return ()

    @property
    def notes(self) -> Sequence[str]:
        """None."""
        return ()

    def outline(self, image: Image) -> list[Result]:
        """Split one pixel, whose channels show which there are."""
        pixel = replace(
            image,
            pixels=image.pixels[:1, :1],
            alpha=None if image.alpha is None else image.alpha[:1, :1],
        )
        return [
            result.with_pixels(np.broadcast_to(result.pixels[0, 0], image.pixels.shape[:2]))
            for result in self.results(pixel)
        ]

    def results(self, image: Image, storing: PixelWriter | None = None) -> list[Result]:
        """Split the image; alpha is a channel."""
        colours, bands = _colours_and_bands(image)
        if colours is not None and image.peak is not None and self.space != "rgb":
            colours = colours * np.float32(255 / image.peak)  # floats are of 0..255
        channels = {} if colours is None else split_channels(colours, self.space)
        for number, band in enumerate(bands, start=1 + len(channels)):
            channels[f"band-{number}"] = alpha_in(self.space, band)
        if image.alpha is not None:
            channels["alpha"] = alpha_in(self.space, image.alpha)
        depth = None if self.space == "rgb" else 8  # other spaces are stored in 0..255
        return [
            Result(name, pixels, channels=(name,), depth=depth) for name, pixels in channels.items()
        ]

    def pictures(self, result: Result) -> list[Result]:
        """Return the channel in grey, or in its colour."""
        show = channel_as_tint if self.look == "tint" else channel_as_gray
        return [result.with_pixels(show(result.pixels, result.name, self.space))]
