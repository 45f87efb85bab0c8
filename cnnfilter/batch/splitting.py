"""What split-channels does to one image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.quantize import Storing
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.batch.work import Result
from cnnfilter.files.images import Image
from cnnfilter.layers.channels import alpha_in, channel_as_gray, channel_as_tint, split_channels

LOOKS = ("gray", "tint")


@dataclass(frozen=True)
class Splitting:
    """Split an image into its channels.

    Attributes
    ----------
    space : str
        A colour space.
    look : {"gray", "tint"}
        How a channel looks as a picture.
    """

    space: str = "rgb"
    look: str = "gray"

    def __post_init__(self) -> None:
        choice("space", self.space, SPACES)
        choice("as", self.look, LOOKS)

    @property
    def maps(self) -> int:
        """1: an image's channels are known when it is."""
        return 1

    @property
    def gives_vector(self) -> bool:
        """False: channels are maps."""
        return False

    @property
    def names(self) -> Sequence[str]:
        """One: an image's channels are known when it is."""
        return [""]

    @property
    def described(self) -> str:
        """The space, and how channels look."""
        return f"split-channels {self.space} as {self.look}"

    @property
    def files(self) -> Sequence[Path]:
        """None."""
        return ()

    def outline(self, image: Image) -> list[Result]:
        """Split one pixel to see which channels there are."""
        pixel = replace(
            image,
            pixels=image.pixels[:1, :1],
            alpha=None if image.alpha is None else image.alpha[:1, :1],
        )
        return [
            each.with_pixels(np.broadcast_to(each.pixels[0, 0], image.pixels.shape[:2]))
            for each in self.results(pixel)
        ]

    def results(self, image: Image, storing: Storing | None = None) -> list[Result]:
        """Split the image; alpha is a channel."""
        channels = split_channels(image.pixels, self.space)
        if image.alpha is not None:
            channels["alpha"] = alpha_in(self.space, image.alpha)
        depth = None if self.space == "rgb" else 8  # other spaces are stored in 0..255
        return [
            Result(name, each, channels=(name,), depth=depth) for name, each in channels.items()
        ]

    def pictures(self, result: Result) -> list[Result]:
        """Show the channel in grey, or alone in its colour."""
        show = channel_as_tint if self.look == "tint" else channel_as_gray
        return [result.with_pixels(show(result.pixels, result.name, self.space))]
