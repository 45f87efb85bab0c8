"""Tasks: a command's work on one image, and its results."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.dtypes import opaque_of
from cnnfilter.arrays.geometry import SAME_PLACE, Grid
from cnnfilter.arrays.quantize import LaterMap, PixelWriter
from cnnfilter.errors import ArgumentError
from cnnfilter.files.image import Image

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Window
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step


#: Takes an array and yields each step with its result.
_Steps = Callable[[Array], Iterable[tuple["Step", Array]]]
#: Placeholder pixels where only a result's names are needed.
_NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class Result:
    """One array to write or print.

    Attributes
    ----------
    name : str
        Added to the input's name.
    pixels : ndarray
        Shape (H, W), (H, W, C) or (N,).
    alpha : ndarray or None
        Shape (H, W).
    opaque : number
        The alpha of what is opaque.
    no_data : number or None
        Stands for no value where alpha is 0.
    channels : tuple of str
        The channels' names, if they have any.
    classes : tuple of (str, float)
        A vector's labels and scores, the highest first.
    quantity : str
        The scores' name, such as ``probability``.
    is_stage : bool
        Whether it is a layer's result, and not the last.
    depth : {8, 16} or None
        The bits that its values are made for; None for the input's.
    stored : PixelWriter or None
        How its values were stored, if they are pixels already.
    grid : Grid or None
        Where its pixels lie on the image, if anywhere.
    maps : tuple of callable
        Compute its feature maps, each when it is written; `pixels` are blank then.
    """

    name: str
    pixels: Array
    alpha: Array | None = None
    opaque: float = 255
    no_data: float | None = None
    channels: tuple[str, ...] = ()
    is_stage: bool = False
    depth: int | None = None
    classes: tuple[tuple[str, float], ...] = ()
    quantity: str = ""
    stored: PixelWriter | None = None
    maps: tuple[LaterMap, ...] = ()
    grid: Grid | None = SAME_PLACE

    @property
    def titles(self) -> tuple[str, ...]:
        """The channels' names; maps that are only numbered are named after the result."""
        numbered = any(channel.isdecimal() for channel in self.channels)
        return tuple(f"{self.name}-{name}" if numbered else name for name in self.channels)

    @property
    def data(self) -> Array:
        """The values where there are data."""
        if self.no_data is None or self.alpha is None:
            return self.pixels
        return self.pixels[self.alpha != 0]

    def as_numbers(self) -> "Result":
        """Return a result with numbers for no data."""
        if self.no_data is None or self.alpha is None:
            return self
        from cnnfilter.files.no_data import with_no_data  # few images have any

        pixels = with_no_data(self.pixels, self.alpha, self.no_data)
        return replace(self, pixels=pixels, alpha=None)

    def with_pixels(self, pixels: Array) -> "Result":
        """Return the same result with other values."""
        return replace(self, pixels=pixels)


class Task(Protocol):
    """A command's work on one image."""

    @property
    def maps(self) -> int:
        """Number of feature maps of any image; 1 if that depends on the image."""

    @property
    def gives_vector(self) -> bool:
        """Test whether the result is a vector of scores, which is printed by default."""

    @property
    def names(self) -> Sequence[str]:
        """The results' names, as far as they are known before an image is read."""

    @property
    def described(self) -> str:
        """The task as text, which differs if the results may differ."""

    @property
    def files(self) -> Sequence[Path]:
        """The files that it reads besides images."""

    @property
    def notes(self) -> Sequence[str]:
        """Notes for the person who typed it, a line each."""

    def outline(self, image: Image) -> list[Result]:
        """Return blank results of the right shapes, without computing them."""

    def results(self, image: Image, storing: PixelWriter | None = None) -> list[Result]:
        """Compute the results; with `storing`, the last may be stored as pixels."""

    def pictures(self, result: Result) -> list[Result]:
        """Split a result into what picture files can hold."""


@dataclass(frozen=True, eq=False)
class PipelineTask:
    """Run a pipeline.

    Attributes
    ----------
    pipeline : Pipeline
    name : str
        Added to the input's name.
    stages : bool
        Whether every layer's result is returned, too.
    single_step : bool
        Whether one step was chosen, and not the way to it.
    alpha : {"weight", "keep"}
        Whether pixels count as much as they are visible, or all alike.
    """

    pipeline: "Pipeline"
    name: str
    stages: bool = False
    single_step: bool = False
    alpha: str = "weight"

    def __post_init__(self) -> None:
        choice("alpha", self.alpha, ALPHAS)

    @property
    def layers(self) -> int:
        """Number of steps, with those that prepare the image."""
        return len(self.pipeline.preparation) + len(self.pipeline.steps)

    @cached_property
    def map_names(self) -> tuple[str, ...]:
        """The feature maps' names, if the result has several."""
        return self.pipeline.maps()

    @property
    def maps(self) -> int:
        """Number of feature maps of the result."""
        return max(1, len(self.map_names))

    @cached_property
    def gives_vector(self) -> bool:
        """Test whether the pipeline ends in a vector."""
        return self.pipeline.gives_vector

    @property
    def gives_picture(self) -> bool:
        """Test whether the result is one picture, which can be stored while it is computed."""
        return not (self.stages or self.gives_vector or self.map_names)

    @property
    def names(self) -> Sequence[str]:
        """The name, and the feature maps'."""
        return [self.name, *Result(self.name, _NOTHING, channels=self.map_names).titles]

    @property
    def described(self) -> str:
        """The steps as text, and the results' names."""
        steps = [*map(str, self.pipeline.preparation), str(self.pipeline)]
        kept = " keeping alpha" * (self.alpha == "keep")
        return f"{self.name}: {' | '.join(steps)}" + " with stages" * self.stages + kept

    @property
    def files(self) -> Sequence[Path]:
        """The pipeline's own file, and its weights."""
        return self.pipeline.files

    @property
    def notes(self) -> Sequence[str]:
        """The steps' notes."""
        return self.pipeline.notes

    def outline(self, image: Image) -> list[Result]:
        """Follow the shapes through the pipeline."""
        first = Result(self.name, image.pixels)
        return self._followed(first, self.pipeline.preparation_outlined, self.pipeline.outlined)

    def results(self, image: Image, storing: PixelWriter | None = None) -> list[Result]:
        """Run the pipeline; alpha follows its geometry, unfiltered.

        A prediction has no alpha: its picture is put on white.
        """
        pipeline, last = self.pipeline_for(image), Result(self.name, self.input_of(image))
        if image.alpha is not None and not self.gives_vector:
            no_data, opaque = image.metadata.get("no_data"), image.opaque or opaque_of(image.alpha)
            last = replace(last, alpha=image.alpha, opaque=opaque, no_data=no_data)
        comes_apart = storing is not None and self.may_come_apart(image, storing)
        if storing is not None and comes_apart:
            storing = storing.for_maps()
        elif not self.gives_picture:
            storing = None
        *stages, last = self._followed(
            last,
            pipeline.preparing,
            partial(pipeline.results, storing=storing),
        )
        if last.pixels.ndim == 1:
            classes = tuple(self.pipeline.ranked(last.pixels))
            quantity = "probability" if self.pipeline.gives_probabilities else "score"
            last = replace(last, classes=classes, quantity=quantity)
        if storing is None or not comes_apart:
            return [*stages, replace(last, stored=storing)]
        maps = tuple(storing.maps or ())
        return [replace(last, stored=storing, maps=maps) if maps else last]

    def pipeline_for(self, image: Image) -> "Pipeline":
        """Return the pipeline for an image's alpha and white."""
        pipeline = self.pipeline.with_white(image.peak)
        is_kept = self.alpha == "keep" and image.metadata.get("no_data") is None
        if image.alpha is None or is_kept or self.gives_vector:
            return pipeline
        if self.alpha == "keep":
            return pipeline.weighted_by(image.alpha > 0)
        return pipeline.weighted_by(image.alpha, image.opaque)

    def input_of(self, image: Image) -> Array:
        """Return the input; on white for a prediction."""
        return without_alpha(image) if self.gives_vector else image.pixels

    def may_come_apart(self, image: Image, storing: PixelWriter) -> bool:
        """Return whether maps can be computed one by one, each when it is written."""
        maps = len(self.map_names)
        fits = maps > 0 and self.pipeline.steps[-1].layer.maps_apart == maps
        return fits and not self.stages and image.frames == 1 and storing.maps is not None

    def _followed(self, last: Result, preparing: _Steps, running: _Steps) -> list[Result]:
        """Return the last result, and every layer's before it if there are stages."""
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
        """Split feature maps: a picture holds one, of one channel or three."""
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
    """Return an image's pixels on white, where it is transparent."""
    if image.alpha is None:
        return image.pixels
    from cnnfilter.arrays.colour import over_white

    return over_white(image.pixels, image.alpha, image.opaque)


def _after(result: Result, step: "Step", pixels: Array) -> Result:
    """Return a step's result with its alpha and channels, given its pixels."""
    alpha = result.alpha
    if alpha is not None:
        alpha = step.layer.carry_alpha(alpha, result.opaque)
    grid = None if result.grid is None else step.layer.grid(result.pixels.shape)
    return replace(
        result,
        pixels=pixels,
        alpha=alpha,
        channels=step.layer.maps(result.channels),
        grid=None if grid is None or result.grid is None else result.grid.then(grid),
    )


def _stage(result: Result, name: str) -> Result:
    return replace(result, name=name, is_stage=True)


ALPHAS = ("weight", "keep")
