"""What a value sees: its region of every map before it, and of the picture."""

from collections.abc import Sequence
from math import ceil, floor

from cnnfilter.arrays.borders import pixels_under
from cnnfilter.arrays.geometry import Axis, Shape
from cnnfilter.explanations.explanation import Place, Region
from cnnfilter.explanations.trace import Trace
from cnnfilter.layers.base import Layer
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.dense import Flattening
from cnnfilter.layers.resizing import REACHES, Resizing
from cnnfilter.layers.scaling import Scaling
from cnnfilter.steps.step import Step


def regions_seen(trace: Trace, number: int, at: Place) -> tuple[Region | None, ...]:
    """Follow a value back to the pipeline's input.

    Parameters
    ----------
    trace : Trace
    number : int
        The step's whose result the value is part of, from 0.
    at : tuple of int
        The value's place.

    Returns
    -------
    tuple of Region or None
        Of each map from the input to the one that the step takes; None where it sees nothing
        but padding.
    """
    shapes = trace.shapes[: number + 1]
    return _followed(trace.steps[: number + 1], shapes, region_at(at))


def region_in_picture(trace: Trace, region: Region | None) -> Region | None:
    """Follow a region of the prepared input back to the picture; None if it was not prepared."""
    if not trace.pipeline.preparation:
        return None
    shapes = [trace.picture.shape]
    for step in trace.pipeline.preparation[:-1]:
        shapes.append(step.layer.output_shape(shapes[-1]))
    return _followed(trace.pipeline.preparation, shapes, region)[0]


def steps_that_see_all(trace: Trace, number: int) -> tuple[str, ...]:
    """Name the steps up to one that depend on all of a picture, beyond what a value sees."""
    return tuple(
        dict.fromkeys(
            step.described()
            for step in (*trace.pipeline.preparation, *trace.steps[: number + 1])
            if depends_on_all(step)
        )
    )


def region_at(at: Place) -> Region:
    """Give the region that is a place."""
    row, column = (0, at[0]) if len(at) == 1 else at[:2]
    return Region(row, row, column, column)


def region_before(layer: Layer, region: Region, shape: Shape) -> Region | None:
    """Say what of a layer's input, of some shape, a region of its result sees.

    Examples
    --------
    >>> from cnnfilter.steps.step import Step
    >>> layer = Step("convolve", {"kernel": "sharpen", "padding": 1}).layer
    >>> region_before(layer, Region(0, 0, 3, 4), (9, 9))
    Region(top=0, bottom=1, left=2, right=5)
    """
    window = layer.window_for(shape)
    if window is not None:
        border = layer.border if isinstance(layer, Convolution) else "zero"
        down, across = window.axes(shape)
        rows = _under(down, region.top, region.bottom, border)
        columns = _under(across, region.left, region.right, border)
        return None if rows is None or columns is None else Region(*rows, *columns)
    if layer.sees_all(shape):
        return Region.all_of(shape)
    if isinstance(layer, Flattening) and len(shape) > 1:
        if region.left != region.right:
            return Region.all_of(shape)
        return region_at(layer.place(region.left, shape))
    if isinstance(layer, Resizing) and shape[:2] != layer.size:
        return _before_resizing(layer, region, shape)
    return region


def _followed(
    steps: Sequence[Step], shapes: Sequence[Shape], region: Region | None
) -> tuple[Region | None, ...]:
    """Follow a region of the last step's result back; give it of what each step takes."""
    seen: list[Region | None] = []
    for step, shape in zip(reversed(steps), reversed(shapes), strict=True):
        region = None if region is None else region_before(step.layer, region, shape)
        seen.insert(0, region)
    return tuple(seen)


def _under(axis: Axis, first: int, last: int, border: str) -> tuple[int, int] | None:
    """Say which pixels lie under some windows, those that padding repeats among them."""
    filled = pixels_under(axis, border)
    places = {place for window in (first, last) for place in axis.places(window)}
    if first != last:
        places.update(range(min(places), max(places) + 1))
    if filled is None:
        real = [place for place in places if 0 <= place < axis.length]
    else:
        real = [int(filled[place + axis.before]) for place in places]
    return (min(real), max(real)) if real else None


def depends_on_all(step: Step) -> bool:
    """Return whether a step's values depend on all of its input, beyond what each sees."""
    layer = step.layer
    if isinstance(layer, Resizing):
        return layer.fill is None and layer.aspect == "pad"
    if isinstance(layer, Scaling):
        return layer.by_values
    return step.operation == "invert" and step.arguments.get("when") == "auto"


def _before_resizing(layer: Resizing, region: Region, shape: Shape) -> Region | None:
    """Say which pixels were mixed; None where all was filled."""
    inner, (left, top, right, bottom) = layer.placed((shape[0], shape[1]))
    spans: list[int] = []
    for length, whole, part, first, last, start, end in (
        (shape[0], layer.size[0], inner[0], region.top, region.bottom, top, bottom),
        (shape[1], layer.size[1], inner[1], region.left, region.right, left, right),
    ):
        before = (whole - part) // 2
        if last < before or first >= before + part:
            return None
        factor = (end - start) / part
        reach = REACHES[layer.filter] * max(1.0, factor)
        low = start + (max(first - before, 0) + 0.5) * factor
        high = start + (min(last - before, part - 1) + 0.5) * factor
        spans.append(max(0, floor(low - reach + 1e-9)))
        spans.append(min(length - 1, max(floor(low), ceil(high + reach - 1e-9) - 1)))
    return Region(*spans)
