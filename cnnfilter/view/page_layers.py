"""What the page is told of each layer, so that it can compute and explain it by itself."""

import inspect
from dataclasses import asdict
from functools import singledispatch
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import number
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.activations import PRelu, Softmax
from cnnfilter.layers.base import Layer
from cnnfilter.layers.channels import channel_names
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.dense import Dense, Flattening
from cnnfilter.layers.pooling import Pooling
from cnnfilter.layers.resizing import REACHES, Resizing
from cnnfilter.layers.scaling import Affine, Scaling
from cnnfilter.steps.operations import OPERATIONS, Pointwise
from cnnfilter.steps.step import Step


def step_record(step: Step, taken: Array, given: Array) -> dict[str, Any]:
    """Say what a step is, and what it took and gave where its arithmetic depends on that.

    Examples
    --------
    >>> record = step_record(Step("relu"), np.zeros((2, 2)), np.zeros((2, 2)))
    >>> record["title"], record["kind"], record["function"]
    ('relu', 'pointwise', 'relu')
    """
    documentation = inspect.getdoc(OPERATIONS[step.operation].function) or ""
    return {
        "title": step.title,
        "text": step.described(),
        "what": documentation.partition("\n")[0],
        "parameters": step.layer.parameters,
        **layer_record(step.layer, taken.shape),
        **_from_values(step.layer, taken, given),
    }


def _from_values(layer: Layer, taken: Array, given: Array) -> dict[str, Any]:
    """Say what only the values tell: what they were divided by, whether they were inverted."""
    if isinstance(layer, Scaling):
        low, reach = layer.bounds(taken)
        return {"low": low, "reach": reach} if np.isfinite([low, reach]).all() else {}
    if isinstance(layer, Pointwise) and layer.function.__name__ == "invert":
        top = 1.0 if taken.dtype.kind == "f" else full_scale(taken)
        turned = not np.array_equal(taken, given)
        factor, offset = (-1.0, top) if turned else (1.0, 0.0)
        follows = layer.arguments["when"] not in ("auto",)
        return _affine([0.0], [factor], [offset]) | {"follows": follows}
    return {}


@singledispatch
def layer_record(layer: Layer, shape: Shape) -> dict[str, Any]:
    """Say what a layer computes, of an input of a shape.

    Examples
    --------
    >>> layer_record(Flattening("hwc"), (4, 4, 3))
    {'kind': 'flatten', 'order': 'hwc'}
    """
    return {"kind": "other"}


@layer_record.register
def _(layer: Convolution, shape: Shape) -> dict[str, Any]:
    biases = layer.biases(layer.maps_of_each(shape))
    return {
        "kind": "convolve",
        "kernels": [
            {"name": name, "weights": weights, "axes": _axes(layer, weights, shape)}
            for name, weights in layer.kernels.items()
        ],
        "bank": layer.bank is not None,
        "border": layer.border,
        "groups": layer.groups,
        "bias": None if biases is None else biases.tolist(),
        "channels": layer.channels,
        "combine": layer.combine,
        "limits": _limits(layer.dtype),
    }


def _axes(layer: Convolution, weights: Array, shape: Shape) -> list[dict[str, int]]:
    window = layer.window_of((weights.shape[0], weights.shape[1]))
    return [asdict(axis) for axis in window.axes(shape)]


def _limits(dtype: np.dtype[Any] | None) -> list[float] | None:
    """Between what results are rounded to integers, if they are."""
    if dtype is None or dtype.kind not in "iu":
        return None
    limits = np.iinfo(dtype)
    return [float(limits.min), float(limits.max)]


@layer_record.register
def _(layer: Pooling, shape: Shape) -> dict[str, Any]:
    return {
        "kind": "pool",
        "mode": layer.mode,
        "p": layer.p,
        "counts_padding": layer.count_include_pad,
        "axes": [asdict(axis) for axis in layer.window_for(shape).axes(shape)],
    }


@layer_record.register
def _(layer: Affine, shape: Shape) -> dict[str, Any]:
    values = layer.center, layer.factor, layer.offset
    if any(each.size not in (1, shape[-1]) for each in values):
        return {"kind": "other"}
    return _affine(*([float(number) for number in each.ravel()] for each in values))


def _affine(center: list[float], factor: list[float], offset: list[float]) -> dict[str, Any]:
    return {"kind": "affine", "center": center, "factor": factor, "offset": offset}


@layer_record.register
def _(layer: Scaling, shape: Shape) -> dict[str, Any]:
    offset = layer_record(layer.offset, shape)
    if offset["kind"] != "affine":
        return {"kind": "other"}
    return {"kind": "scale", "stretches": layer.by_values, "offset": offset["offset"]}


@layer_record.register
def _(layer: PRelu, shape: Shape) -> dict[str, Any]:
    if layer.slope.size not in (1, shape[-1]):
        return {"kind": "other"}
    return {"kind": "prelu", "slope": [float(each) for each in layer.slope.ravel()]}


@layer_record.register
def _(layer: Pointwise, shape: Shape) -> dict[str, Any]:
    name = layer.function.__name__
    if name == "gray":
        return {"kind": "gray"} if shape[2:] > (2,) else {"kind": "channels", "sources": [0]}
    if name == "rgb":
        return _rgb(shape)
    if name == "select_channels":
        return _selection(layer.arguments, shape)
    return {"kind": "pointwise", "function": name, "arguments": _numbers(layer.arguments)}


def _rgb(shape: Shape) -> dict[str, Any]:
    return {"kind": "channels", "sources": [0, 1, 2] if shape[2:] > (2,) else [0, 0, 0]}


def _selection(arguments: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Say which channels were picked; of another colour space, where they lie is not plain."""
    if arguments["space"] != "rgb":
        return {"kind": "other"}
    names = channel_names(shape[2] if len(shape) == 3 else 1)
    wanted = arguments["channel"]
    wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
    sources = [names.index(str(each)) if str(each) in names else int(each) for each in wanted]
    return {"kind": "channels", "sources": sources}


def _numbers(arguments: dict[str, Any]) -> dict[str, float | str | None]:
    """Read arguments, as the functions do; words stay words."""
    read: dict[str, float | str | None] = {}
    for name, value in arguments.items():
        try:
            read[name] = None if value is None else number(name, value)
        except ArgumentError:
            read[name] = str(value)
    return read


@layer_record.register
def _(layer: Softmax, shape: Shape) -> dict[str, Any]:
    return {"kind": "softmax"}


@layer_record.register
def _(layer: Flattening, shape: Shape) -> dict[str, Any]:
    return {"kind": "flatten", "order": layer.order}


@layer_record.register
def _(layer: Dense, shape: Shape) -> dict[str, Any]:
    bias = None if layer.bias is None else np.broadcast_to(layer.bias, layer.weights.shape[1:])
    return {
        "kind": "dense",
        "weights": layer.weights,
        "bias": None if bias is None else [float(each) for each in bias],
    }


@layer_record.register
def _(layer: Resizing, shape: Shape) -> dict[str, Any]:
    """Say where a pixel of the result comes from, axis by axis."""
    inner, (left, top, right, bottom) = layer.placed((shape[0], shape[1]))
    if tuple(shape[:2]) == layer.size:
        return {"kind": "same"}
    sides = zip(layer.size, inner, (top, left), (bottom, right), shape, strict=False)
    return {
        "kind": "resize",
        "axes": [
            {"length": length, "inner": part, "before": (whole - part) // 2, "from": start,
             "to": end, "support": REACHES[layer.filter]}
            for whole, part, start, end, length in sides
        ],
    }  # fmt: skip
