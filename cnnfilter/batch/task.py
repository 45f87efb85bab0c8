"""What is done to one image: its results, ready to be written or printed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.colour import (
    alpha_in,
    channel_as_gray,
    channel_as_tint,
    over_white,
    split_channels,
)
from cnnfilter.arrays.quantize import LaterMap, Storing
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.errors import ArgumentError
from cnnfilter.files.image import Image

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Window
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step


#: Takes an array, and gives each step with its result.
_Steps = Callable[[Array], Iterable[tuple["Step", Array]]]
#: For what is asked of a result's names alone.
_NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class Result:
    """One array to write or print.

    Attributes
    ----------
    name : str
        What is added to the input's name.
    pixels : ndarray
        Shape (H, W), (H, W, C) or (N,).
    alpha : ndarray or None
        Shape (H, W).
    channels : tuple of str
        The channels' names, where they have any.
    classes : tuple of (str, float)
        Of a vector: labels and scores, the likeliest first.
    quantity : str
        What these scores are.
    is_stage : bool
        Whether it is a layer's result on the way, and not the last.
    depth : {8, 16} or None
        The bits that its values are made for; None for the image's.
    stored : Storing or None
        How its values become pixels, if they are these already, or come as these.
    maps : tuple of callable
        What computes its feature maps, each when it is written; `pixels` are blank then.
    """

    name: str
    pixels: Array
    alpha: Array | None = None
    channels: tuple[str, ...] = ()
    is_stage: bool = False
    depth: int | None = None
    classes: tuple[tuple[str, float], ...] = ()
    quantity: str = ""
    stored: Storing | None = None
    maps: tuple[LaterMap, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """What its channels are called; maps that are only numbered go by the result's name."""
        numbered = any(channel.isdecimal() for channel in self.channels)
        return tuple(f"{self.name}-{each}" if numbered else each for each in self.channels)

    def with_pixels(self, pixels: Array) -> "Result":
        """Give the same result with other values."""
        return replace(self, pixels=pixels)


class Task(Protocol):
    """What a command does to an image."""

    @property
    def maps(self) -> int:
        """How many feature maps come out of any image; 1 where that depends on the image."""

    @property
    def gives_vector(self) -> bool:
        """Whether a vector of scores comes out, which is told rather than written."""

    @property
    def names(self) -> Sequence[str]:
        """What its results may be called, as far as that is known before an image is read."""

    @property
    def described(self) -> str:
        """What it does, in words that are the same only where the results are."""

    @property
    def files(self) -> Sequence[Path]:
        """What it reads besides images, and what is never written to."""

    def outline(self, image: Image) -> list[Result]:
        """Give results of the shapes that would come out, without computing them."""

    def results(self, image: Image, storing: Storing | None = None) -> list[Result]:
        """Compute: the numbers as they are; the last may come as pixels, where it is said how."""

    def pictures(self, result: Result) -> list[Result]:
        """Make of a result what picture files can hold."""


@dataclass(frozen=True)
class PipelineTask:
    """Run a pipeline.

    Attributes
    ----------
    pipeline : Pipeline
    name : str
        What is added to the input's name.
    stages : bool
        Give every layer's result, too.
    single_step : bool
        One step is asked for, and not the way to it.
    """

    pipeline: "Pipeline"
    name: str
    stages: bool = False
    single_step: bool = False

    @property
    def layers(self) -> int:
        """How many steps there are, with those that prepare the image."""
        return len(self.pipeline.preparation) + len(self.pipeline.steps)

    @property
    def maps(self) -> int:
        """How many feature maps come out."""
        return max(1, len(self.pipeline.maps()))

    @property
    def gives_vector(self) -> bool:
        """Whether the pipeline ends in a vector."""
        return self.pipeline.gives_vector

    @property
    def gives_picture(self) -> bool:
        """Whether one picture comes out, whose values need not be held to be stored."""
        return not (self.stages or self.gives_vector or self.pipeline.maps())

    @property
    def names(self) -> Sequence[str]:
        """The name, and the feature maps'."""
        return [self.name, *Result(self.name, _NOTHING, channels=self.pipeline.maps()).titles]

    @property
    def described(self) -> str:
        """The steps as text, and what their results are called."""
        steps = [*map(str, self.pipeline.preparation), str(self.pipeline)]
        return f"{self.name}: {' | '.join(steps)}" + " with stages" * self.stages

    @property
    def files(self) -> Sequence[Path]:
        """The pipeline's own file, and its weights."""
        return self.pipeline.files

    def outline(self, image: Image) -> list[Result]:
        """Follow the shapes through the pipeline."""
        first = Result(self.name, image.pixels)
        return self._followed(first, self.pipeline.preparation_outlined, self.pipeline.outlined)

    def results(self, image: Image, storing: Storing | None = None) -> list[Result]:
        """Run the pipeline; alpha follows its geometry, unfiltered.

        A prediction has no alpha to be put back: its picture is laid on white paper.
        """
        last = Result(self.name, image.pixels, image.alpha)
        if self.gives_vector:
            last = Result(self.name, without_alpha(image))
        comes_apart = storing is not None and self.may_come_apart(image, storing)
        if storing is not None and comes_apart:
            storing = storing.for_maps()
        elif not self.gives_picture:
            storing = None
        *stages, last = self._followed(
            last,
            self.pipeline.preparing,
            lambda prepared: self.pipeline.results(prepared, storing),
        )
        if last.pixels.ndim == 1:
            classes = tuple(self.pipeline.ranked(last.pixels))
            quantity = "probability" if self.pipeline.gives_probabilities else "score"
            last = replace(last, classes=classes, quantity=quantity)
        if storing is None or not comes_apart:
            return [*stages, replace(last, stored=storing)]
        maps = tuple(storing.maps or ())
        return [replace(last, stored=storing, maps=maps) if maps else last]

    def may_come_apart(self, image: Image, storing: Storing) -> bool:
        """Whether a picture's maps can be computed one by one, each when it is written."""
        maps = len(self.pipeline.maps())
        fits = maps > 0 and self.pipeline.steps[-1].layer.maps_apart == maps
        return fits and not self.stages and image.frames == 1 and storing.maps is not None

    def _followed(self, last: Result, preparing: _Steps, running: _Steps) -> list[Result]:
        """Give every layer's result, where stages are wanted, and the last."""
        stages = []
        width = len(str(len(self.pipeline.steps)))
        for number, (step, pixels) in enumerate(preparing(last.pixels), start=1):
            last = _after(last, step, pixels)
            if self.stages:
                stages.append(_stage(last, f"{0:0{width}}.{number}-{step.title}"))
        for number, (step, pixels) in enumerate(running(last.pixels), start=1):
            last = _after(last, step, pixels)
            if self.stages:
                stages.append(_stage(last, f"{number:0{width}}-{step.title}"))
        return [*stages, last]

    def pictures(self, result: Result) -> list[Result]:
        """Take feature maps apart: a picture holds one map, of one channel or three."""
        pixels, names = result.pixels, result.channels
        if not names and (pixels.ndim == 2 or pixels.shape[2] in (1, 3)):
            return [result]
        if not names:
            names = tuple(f"{result.name}-{number + 1}" for number in range(pixels.shape[2]))
        elif result.is_stage and names == result.titles:
            names = tuple(f"{result.name}-{name}" for name in names)
        else:
            names = result.titles
        parts = np.split(np.atleast_3d(pixels), len(names), axis=-1)
        return [
            replace(result, name=name, pixels=part, maps=result.maps[index : index + 1])
            for index, (name, part) in enumerate(zip(names, parts, strict=True))
        ]


def animated_window(task: Task, image: Image) -> "Window":
    """Return the window that slides over the last step's input.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    if not isinstance(task, PipelineTask):
        raise ArgumentError("--animate is for convolutions and pooling; channels have no window")
    pipeline, step = task.pipeline, task.pipeline.steps[-1]
    *_, prepared = [
        image.pixels,
        *(map_ for _, map_ in pipeline.preparation_outlined(image.pixels)),
    ]
    maps = [pipeline.as_input(prepared), *(map_ for _, map_ in pipeline.outlined(prepared))]
    before = maps[-2]
    window = step.layer.window_for(before.shape)
    if window is None:
        raise ArgumentError(
            f"--animate: {step.title} slides no window; end with a convolution or "
            "pooling, or choose one with --step"
        )
    return window


def without_alpha(image: Image) -> Array:
    """Give an image's pixels; where it is transparent, those of white paper."""
    return image.pixels if image.alpha is None else over_white(image.pixels, image.alpha)


def _after(result: Result, step: "Step", pixels: Array) -> Result:
    """Give what a step makes of a result, given its pixels."""
    alpha = None if result.alpha is None else step.layer.carry_alpha(result.alpha)
    return replace(result, pixels=pixels, alpha=alpha, channels=step.layer.maps(result.channels))


def _stage(result: Result, name: str) -> Result:
    return replace(result, name=name, is_stage=True)


LOOKS = ("gray", "tint")


@dataclass(frozen=True)
class SplitTask:
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
