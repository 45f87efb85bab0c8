"""Explaining one value of a step's result, as a pipeline computed it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_features, check_finite
from cnnfilter.arrays.geometry import Place, Region, Shape
from cnnfilter.arrays.quantize import quantize
from cnnfilter.arrays.rows import Rows
from cnnfilter.arrays.titles import titles_of
from cnnfilter.errors import ArgumentError, brief
from cnnfilter.layers.dense import Flattening
from cnnfilter.layers.explanation import Detail, place_text
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.steps.step import Step


@dataclass(frozen=True)
class Stored:
    """A value as a picture stores it.

    Attributes
    ----------
    pixel : int
    range : str
    clipped : bool
    """

    pixel: int
    range: str
    clipped: bool


@dataclass(frozen=True, eq=False)
class Explanation:
    """One value of a step's result.

    Attributes
    ----------
    number : int
        The step's, from 1.
    step : Step
    at : tuple of int
        The value's place.
    place : str
        The place in words.
    shape : tuple of int
        The result's.
    value : float
        As the step computed it.
    detail : Detail
        How it was computed.
    seen : tuple of Region or None
        The regions that it depends on: of the pipeline's input, of each result on the way,
        and last of its own step's input; None for padding alone.
    inputs : tuple of tuple of int
        The shapes of these.
    picture : Region or None
        The region of the picture before preparation; None if there was none.
    global_steps : tuple of str
        Steps that depend on the whole picture, for example on its maximum.
    stored : Stored or None
        As a picture would store it.
    """

    number: int
    step: Step
    at: Place
    place: str
    shape: Shape
    value: float
    detail: Detail
    seen: tuple[Region | None, ...]
    inputs: tuple[Shape, ...]
    picture: Region | None
    global_steps: tuple[str, ...]
    stored: Stored | None


def explain(
    pipeline: str | Pipeline,
    image: ArrayLike,
    at: Place | None = None,
    *,
    step: int | None = None,
    range: str | None = None,
    depth: int = 8,
) -> Explanation:
    """Explain how one value of a pipeline's result is computed.

    Parameters
    ----------
    pipeline : str or Pipeline
        Steps, a network's name, or a file; see `Pipeline.of`.
    image : array_like
        Shape (H, W) or (H, W, C).
    at : tuple of int, optional
        Row, column and, if there are several, channel, all from 0; of a vector, the index.
        Default: the middle of the first channel, or a vector's largest value.
    step : int, optional
        Number of the step, from 1, whose result is explained; default: the last.
    range : {"clip", "abs", "minmax", "symmetric"}, optional
        Include the value as a picture would store it; see `write_image`.
    depth : {8, 16}
        Bits of that picture.

    Returns
    -------
    Explanation
        Its ``detail`` holds patch, kernel and products of a convolution, the winner of a
        pooling window, the contributions to a dense layer's output, and so on.

    Raises
    ------
    ArgumentError
        If there is no such step, or the place lies outside its result.
    CnnFilterError
        If a step cannot take its input.

    Examples
    --------
    >>> image = np.arange(25).reshape(5, 5)
    >>> explanation = explain("convolve sharpen | relu", image, (1, 1), step=1)
    >>> explanation.detail.sums[0].terms[0].products.tolist()
    [[0.0, -7.0, 0.0], [-11.0, 60.0, -13.0], [0.0, -17.0, 0.0]]
    >>> explanation.value, explanation.seen[0]
    (12.0, Region(top=1, bottom=3, left=1, right=3))
    """
    chosen = Pipeline.of(pipeline) if isinstance(pipeline, str) else pipeline
    if step is not None:
        chosen = chosen.up_to(step)
    forward = ForwardPass.by_rows(chosen, as_features(image))
    return explained(forward, at, range=range, depth=depth)


def explained(
    forward: ForwardPass,
    at: Place | None = None,
    *,
    range: str | None = None,
    depth: int = 8,
    white: int | None = None,
) -> Explanation:
    """Explain a value of the last step's result; see `explain`."""
    result, step = forward.rows[-1], forward.steps[-1]
    shape = result.shape
    at = default_place(result) if at is None else checked_place(at, shape)
    seen = forward.regions_before(at)
    return Explanation(
        number=len(forward.steps),
        step=step,
        at=at,
        place=place_text(at, titles_of(forward.names[-1], shape[-1]) if at[2:] else ()),
        shape=shape,
        value=result.rows(at[0], at[0] + 1)[(0, *at[1:])].item(),
        detail=step.layer.explain(_input_at(forward, seen[-1]), at, _input_names(forward)),
        seen=seen,
        inputs=forward.shapes[:-1],
        picture=forward.region_in_picture(seen[0]),
        global_steps=forward.global_steps,
        stored=None
        if range is None or len(shape) == 1
        else _stored(result, at, range, depth, white),
    )


def _input_at(forward: ForwardPass, region: Region | None) -> Array:
    """Return the last step's input, for some rows."""
    rows, layer = forward.rows[-2], forward.steps[-1].layer
    if layer.depends_on_all or len(rows.shape) == 1 or layer.sees_all(rows.shape):
        return rows.whole()
    # For a window on padding alone, any row will do.
    first, last = (0, 0) if region is None else (region.top, region.bottom)
    return rows.only(first, last + 1)


def default_place(result: Rows) -> Place:
    """Return the middle of a map, or a vector's largest value."""
    shape = result.shape
    if len(shape) == 1:
        return (int(np.argmax(result.whole())),)
    return shape[0] // 2, shape[1] // 2, *((0,) if len(shape) == 3 else ())


def checked_place(at: Place, shape: Shape) -> Place:
    """Check a place, and add channel 0 if missing.

    Raises
    ------
    ArgumentError
        If it lies outside the result.

    Examples
    --------
    >>> checked_place((3, 5), (14, 14, 8))
    (3, 5, 0)
    """
    place = tuple(at)
    if len(shape) == 3 and len(place) == 2:
        place = (*place, 0)
    if len(shape) == 2 and len(place) == 3 and place[2] == 0:
        place = place[:2]
    size = "x".join(map(str, shape))
    if len(place) != len(shape):
        wanted = {1: "an index, such as 7", 2: "a row and a column, such as 3,5"}
        needed = wanted.get(len(shape), "a row and a column, such as 3,5, or with a channel 3,5,0")
        raise ArgumentError(f"the result has shape {size}: give {needed}")
    if any(not 0 <= index < length for index, length in zip(place, shape, strict=True)):
        named = ",".join(map(brief, place))
        axes = {1: "indices", 2: "rows and columns"}.get(len(shape), "rows, columns and channels")
        raise ArgumentError(f"{named} is outside the result ({size}); {axes} count from 0")
    return place


def _input_names(forward: ForwardPass) -> tuple[str, ...]:
    """Return names of the last step's input maps."""
    number = len(forward.steps) - 1
    shape = forward.shapes[number]
    if len(shape) > 1:
        return forward.names[number]
    for earlier in reversed(range(number)):
        layer, before = forward.steps[earlier].layer, forward.shapes[earlier]
        if isinstance(layer, Flattening) and len(before) > 1:
            titles = titles_of(forward.names[earlier], before[2]) if len(before) == 3 else ()
            return tuple(place_text(layer.place(index, before), titles) for index in range(*shape))
        if layer.sees_all(before):
            break
    labels = forward.pipeline.labels
    if len(labels) == shape[0]:
        return labels
    return tuple(f"index {index}" for index in range(*shape))


def _stored(result: Rows, at: Place, range: str, depth: int, white: int | None) -> Stored:
    """Return a value as a picture stores it."""
    value = result.rows(at[0], at[0] + 1)[(0, *at[1:])].reshape(1, 1)
    if not np.isfinite(result.extremes).all():
        check_finite(result.whole(), "the result")
    low, high = map(float, result.extremes)
    own = quantize(value, range, depth, (low, high), white)
    return Stored(int(own.pixels[0, 0]), range, range in ("clip", "abs") and own.clipped > 0)
