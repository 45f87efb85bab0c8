"""Explaining one value of a step's result, as a pipeline computed it."""

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_features, check_finite
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.quantize import quantize
from cnnfilter.errors import ArgumentError, brief
from cnnfilter.explanations.explanation import Explanation, Place, Region, Stored, place_text
from cnnfilter.explanations.layers import detail_of
from cnnfilter.explanations.regions import (
    depends_on_all,
    region_in_picture,
    regions_seen,
    steps_that_see_all,
)
from cnnfilter.explanations.trace import Trace
from cnnfilter.layers.channels import titles_of
from cnnfilter.layers.dense import Flattening
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.pipeline.streaming import Rows


def explain(
    pipeline: str | Pipeline,
    image: ArrayLike,
    at: Place | None = None,
    *,
    step: int | None = None,
    range: str | None = None,
    depth: int = 8,
) -> Explanation:
    """Tell how one value of a pipeline's result, or of a step's on the way, comes about.

    Parameters
    ----------
    pipeline : str or Pipeline
        Steps, a network's name, or a file; see `Pipeline.of`.
    image : array_like
        Shape (H, W) or (H, W, C).
    at : tuple of int, optional
        Row, column and, of several channels, which, all from 0; a vector's index alone.
        Without it the middle of the first channel, or a vector's largest value.
    step : int, optional
        The step's number, from 1; the last unless given.
    range : {"clip", "abs", "minmax", "symmetric"}, optional
        Tell, too, how a picture would store the value; see `write_image`.
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
        If a step cannot take what it is given.

    Examples
    --------
    >>> image = np.arange(25).reshape(5, 5)
    >>> told = explain("convolve sharpen | relu", image, (1, 1), step=1)
    >>> told.detail.sums[0].terms[0].products.tolist()
    [[0.0, -7.0, 0.0], [-11.0, 60.0, -13.0], [0.0, -17.0, 0.0]]
    >>> told.value, told.seen[0]
    (12.0, Region(top=1, bottom=3, left=1, right=3))
    """
    chosen = Pipeline.of(pipeline) if isinstance(pipeline, str) else pipeline
    if step is not None:
        chosen = chosen.up_to(step)
    return explained(Trace.by_rows(chosen, as_features(image)), at, range=range, depth=depth)


def explained(
    trace: Trace, at: Place | None = None, *, range: str | None = None, depth: int = 8
) -> Explanation:
    """Explain a value of the last step's result; see `explain`."""
    number = len(trace.steps) - 1
    shape = trace.shapes[-1]
    at = default_place(trace.rows[-1]) if at is None else checked_place(at, shape)
    step = trace.steps[number]
    seen = regions_seen(trace, number, at)
    after = trace.rows[-1].rows(at[0], at[0] + 1)
    return Explanation(
        number=number + 1,
        step=step,
        at=at,
        place=place_text(at, titles_of(trace.names[-1], shape[-1]) if at[2:] else ()),
        shape=shape,
        value=float(after[(0, *at[1:])]),
        detail=detail_of(step, _taken(trace, number, seen[-1]), at, _names(trace, number)),
        seen=seen,
        inputs=trace.shapes[:-1],
        picture=region_in_picture(trace, seen[0]),
        leaning=steps_that_see_all(trace, number),
        stored=None if range is None or len(shape) == 1 else _stored(trace, at, range, depth),
    )


def _taken(trace: Trace, number: int, seen: Region | None) -> Array:
    """Return what a step takes, of which the rows are known that a value depends on."""
    rows, step = trace.rows[number], trace.steps[number]
    if depends_on_all(step) or len(rows.shape) == 1 or step.layer.sees_all(rows.shape):
        return rows.whole()
    # Where a window sees nothing but padding, any row will do.
    first, last = (0, 0) if seen is None else (seen.top, seen.bottom)
    return rows.only(first, last + 1)


def default_place(result: Rows) -> Place:
    """Choose the middle of a map, or a vector's largest value."""
    shape = result.shape
    if len(shape) == 1:
        return (int(np.argmax(result.whole())),)
    return shape[0] // 2, shape[1] // 2, *((0,) if len(shape) == 3 else ())


def checked_place(at: Place, shape: Shape) -> Place:
    """Complete a place by channel 0, where there are several.

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
    if len(place) != len(shape):
        wanted = {1: "an index, such as 7", 2: "a row and a column, such as 3,5"}
        needed = wanted.get(len(shape), "a row and a column, such as 3,5, or with a channel 3,5,0")
        raise ArgumentError(f"a value of a result of shape {_text(shape)} is named by {needed}")
    if any(not 0 <= index < length for index, length in zip(place, shape, strict=True)):
        named = ",".join(map(brief, place))
        raise ArgumentError(
            f"{named} lies outside the result, {_text(shape)}; counting begins at 0"
        )
    return place


def _names(trace: Trace, number: int) -> tuple[str, ...]:
    """Name the maps that a step takes, or the values of a vector: by where they come from."""
    shape = trace.shapes[number]
    if len(shape) > 1:
        return trace.names[number]
    for earlier in reversed(range(number)):
        layer, before = trace.steps[earlier].layer, trace.shapes[earlier]
        if isinstance(layer, Flattening) and len(before) > 1:
            titles = titles_of(trace.names[earlier], before[2]) if len(before) == 3 else ()
            return tuple(place_text(layer.place(index, before), titles) for index in range(*shape))
        if layer.sees_all(before):
            break
    is_last = number == len(trace.pipeline.steps) - 1
    labels = trace.pipeline.labels if is_last else ()
    if len(labels) == shape[0]:
        return labels
    return tuple(f"index {index}" for index in range(*shape))


def _stored(trace: Trace, at: Place, range: str, depth: int) -> Stored:
    """Tell how a picture stores a value: all of them decide how they are stretched."""
    rows = trace.rows[-1]
    value = rows.rows(at[0], at[0] + 1)[(0, *at[1:])].reshape(1, 1)
    if not np.isfinite(rows.extremes).all():
        check_finite(rows.whole(), "the result")
    low, high = map(float, rows.extremes)
    own = quantize(value, range, depth, (low, high))
    return Stored(int(own.pixels[0, 0]), range, range in ("clip", "abs") and own.clipped > 0)


def _text(lengths: tuple[int, ...], separator: str = "x") -> str:
    return separator.join(map(str, lengths))
