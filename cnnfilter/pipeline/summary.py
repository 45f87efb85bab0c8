"""Layers' results, parameters and receptive fields, without running them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnfilter.arrays.geometry import Shape
from cnnfilter.layers.base import Layer
from cnnfilter.steps.step import Step, in_step


@dataclass(frozen=True)
class LayerSummary:
    """A layer's result and costs, without running it.

    Attributes
    ----------
    name : str
        The step's name; empty where it has none.
    step : str
        The step as a pipeline's text has it, without weights and defaults.
    shape : tuple of int
        The shape of its result.
    parameters : int
        Learned numbers: weights, biases, batch normalisation's statistics.
    multiply_adds : int
        Products with weights.
    receptive_field : (int, int)
        Rows and columns of the pipeline's input that one value of the result depends
        on, padding included.
    """

    name: str
    step: str
    shape: Shape
    parameters: int
    multiply_adds: int
    receptive_field: tuple[int, int]


def summarize(steps: Sequence[Step], shape: Shape) -> list[LayerSummary]:
    """Return every layer's summary.

    The receptive field grows from layer to layer by the window's extent, times the
    distance of neighbouring values in the input; where a layer sees all, by the whole
    map that was flattened before it.

    Raises
    ------
    ShapeError
        If a step does not fit; the message names it.
    """
    field = jump = (1, 1)
    spread = _size(shape)  # of the map that a vector was flattened from
    layers = []
    for number, step in enumerate(steps, start=1):
        layer, before = step.layer, shape
        with in_step(steps, number):
            shape = layer.output_shape(before)
            extent, stride = _seen(layer, before, spread)
        field = field[0] + (extent[0] - 1) * jump[0], field[1] + (extent[1] - 1) * jump[1]
        jump = jump[0] * stride[0], jump[1] * stride[1]
        if layer.sees_all(before):
            spread = 1, 1
        elif len(shape) > 1:
            spread = _size(shape)
        products = layer.multiply_adds(before)
        layers.append(
            LayerSummary(step.name, step.described(), shape, layer.parameters, products, field)
        )
    return layers


def _size(shape: Shape) -> tuple[int, int]:
    return (shape[0], shape[1]) if len(shape) > 1 else (1, 1)


def _seen(
    layer: Layer, before: Shape, spread: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the extent of a value's window, and its stride."""
    window = layer.window_for(before)
    if window is not None:
        return window.extent, window.stride
    return (spread if layer.sees_all(before) else (1, 1)), (1, 1)
