"""What is done to one image: its results, ready to be written or printed."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from cnnfilter.core.arguments import choice
from cnnfilter.core.arrays import Array
from cnnfilter.core.channels import channel_as_gray, channel_as_tint, split_channels
from cnnfilter.core.spaces import SPACES
from cnnfilter.files.images import Image
from cnnfilter.pipeline.pipeline import Pipeline

LOOKS = ("gray", "tint")


@dataclass(frozen=True, eq=False)
class Result:
    """One array to write or print.

    Attributes
    ----------
    name : str
        What is added to the input's name.
    pixels : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray or None
        Shape (H, W).
    channels : tuple of str
        The channels' names, where they have any.
    is_stage : bool
        Whether it is a layer's result on the way, and not the last.
    depth : {8, 16} or None
        The bits that its values are made for; None for the image's.
    """

    name: str
    pixels: Array
    alpha: Array | None = None
    channels: tuple[str, ...] = ()
    is_stage: bool = False
    depth: int | None = None

    def with_pixels(self, pixels: Array) -> "Result":
        """Give the same result with other values."""
        return replace(self, pixels=pixels)


class Work(Protocol):
    """What a command does to an image."""

    @property
    def maps(self) -> int:
        """How many feature maps come out of any image; 1 where that depends on the image."""

    def results(self, image: Image) -> list[Result]:
        """Compute: the numbers as they are."""

    def pictures(self, result: Result) -> list[Result]:
        """Make of a result what picture files can hold."""


@dataclass(frozen=True)
class Filtering:
    """Run a pipeline.

    Attributes
    ----------
    pipeline : Pipeline
    name : str
        What is added to the input's name.
    stages : bool
        Give every layer's result, too.
    """

    pipeline: Pipeline
    name: str
    stages: bool = False

    @property
    def maps(self) -> int:
        """How many feature maps come out."""
        return max(1, len(self.pipeline.maps()))

    def results(self, image: Image) -> list[Result]:
        """Run the pipeline; alpha follows its geometry, unfiltered."""
        alpha, maps = image.alpha, tuple[str, ...]()
        results: list[Result] = []
        for number, (step, pixels) in enumerate(self.pipeline.results(image.pixels), start=1):
            alpha = None if alpha is None else step.layer.carry_alpha(alpha)
            maps = step.layer.maps(maps)
            if self.stages:
                name = f"{number}-{step.operation}"
                results.append(Result(name, pixels, alpha, maps, is_stage=True))
        return [*results, Result(self.name, pixels, alpha, maps)]

    def pictures(self, result: Result) -> list[Result]:
        """Take feature maps apart: a picture holds one map, of one channel or three."""
        pixels, names = result.pixels, result.channels
        if not names and (pixels.ndim == 2 or pixels.shape[2] in (1, 3)):
            return [result]
        prefix = f"{result.name}-" if result.is_stage or not names else ""
        names = names or tuple(str(number + 1) for number in range(pixels.shape[2]))
        parts = np.split(np.atleast_3d(pixels), len(names), axis=-1)
        return [
            replace(result, name=prefix + name, pixels=part)
            for name, part in zip(names, parts, strict=True)
        ]


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

    def results(self, image: Image) -> list[Result]:
        """Split the image; alpha is a channel."""
        alpha = () if image.alpha is None else (image.alpha,)
        channels = split_channels(np.dstack([image.pixels, *alpha]), self.space)
        depth = None if self.space == "rgb" else 8  # other spaces are stored in 0..255
        return [
            Result(name, each, channels=(name,), depth=depth) for name, each in channels.items()
        ]

    def pictures(self, result: Result) -> list[Result]:
        """Show the channel in grey, or alone in its colour."""
        show = channel_as_tint if self.look == "tint" else channel_as_gray
        return [result.with_pixels(show(result.pixels, result.name, self.space))]
