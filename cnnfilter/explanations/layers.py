"""How each kind of layer comes to one of its values."""

from functools import singledispatch
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.borders import pixels_under
from cnnfilter.arrays.checks import per_channel
from cnnfilter.arrays.geometry import Axis
from cnnfilter.explanations.explanation import (
    Contribution,
    Convolved,
    Detail,
    KernelSum,
    Mapped,
    Patch,
    Place,
    Pooled,
    Taken,
    Term,
    Weighed,
    nowhere,
    place_text,
)
from cnnfilter.layers.activations import PRelu, Softmax
from cnnfilter.layers.base import Layer
from cnnfilter.layers.channels import GRAY_WEIGHTS, gray, titles_of
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.dense import Dense, Flattening
from cnnfilter.layers.pooling import Pooling, counted_taps, real_taps
from cnnfilter.layers.resizing import Resizing
from cnnfilter.layers.scaling import Affine, Scaling
from cnnfilter.steps.step import Step

#: What activations do, by their operation; their arguments stand in braces.
_FORMULAS = {
    "relu": "max(0, x)",
    "leaky-relu": "x, or {slope} x below 0",
    "elu": "x, or {alpha} (exp(x) - 1) below 0",
    "gelu": "x times the share of a normal distribution below x",
    "sigmoid": "1 / (1 + exp(-x))",
    "tanh": "tanh(x)",
    "softplus": "log(1 + exp(x))",
    "clip": "x, but no less than {low} and no more than {high}",
}


def detail_of(step: Step, before: Array, at: Place, names: tuple[str, ...]) -> Detail:
    """Explain one value of a step's result.

    Parameters
    ----------
    step : Step
    before : ndarray
        What the step takes.
    at : tuple of int
        The value's place in the result.
    names : tuple of str
        What the maps of `before` are called; of a vector, each of its values.
    """
    if step.operation in _FORMULAS:
        arguments = {"slope": 0.01, "alpha": 1, "low": 0, "high": "infinity", **step.arguments}
        return Mapped(_value(before, at), _FORMULAS[step.operation].format(**arguments))
    if step.operation == "invert":
        x, inverted = _value(before, at), _inverted(step, before, at)
        return Mapped(x, "x, as it is" if x == inverted else f"{x + inverted:.6g} - x")
    if step.operation == "gray":
        return _grayed(before, at)
    return _detail(step.layer, before, at, names)


@singledispatch
def _detail(layer: Layer, before: Array, at: Place, names: tuple[str, ...]) -> Detail:
    """Tell what stands at the same place, where no more is known."""
    values = np.atleast_1d(before[at[:2]]) if before.ndim > 1 else before[at[0] : at[0] + 1]
    titles = titles_of(names, len(values)) if before.ndim > 2 else ("x",)
    words = [f"{title} {value:.6g}" for title, value in zip(titles, values[:8], strict=False)]
    return Taken("from " + ", ".join(words) + (", ..." if len(values) > 8 else ""))


@_detail.register
def _convolved(layer: Convolution, before: Array, at: Place, names: tuple[str, ...]) -> Convolved:
    if layer.channels == "gray":
        before, names = gray(before), ()
    planes = np.atleast_3d(before)
    titles = titles_of(names, planes.shape[2])
    alone, maps = layer.bank is None, layer.maps_of_each(before.shape)
    biases = layer.biases(maps)
    channel = at[2] if len(at) > 2 else 0
    if layer.combine is None:
        chosen = [divmod(channel, maps)]
    elif alone:
        chosen = [(kernel, channel) for kernel in range(len(layer.kernels))]
    else:
        chosen = [(0, each) for each in range(maps)]
    sums = []
    kernels = list(layer.kernels.items())
    for kernel, own in chosen:
        name, weights = kernels[kernel]
        axes = layer.window_of((weights.shape[0], weights.shape[1])).axes(planes.shape)
        terms = [
            Term(
                _patch(planes[:, :, each], axes, at, titles[each], layer.border),
                _weights(weights, place, own),
            )
            for place, each in enumerate(_channels_seen(layer, planes.shape[2], maps, own))
        ]
        bias = None if biases is None else float(biases[kernel, own])
        sums.append(KernelSum(name if alone else f"filter {own + 1}", tuple(terms), bias))
    return Convolved(tuple(sums), layer.combine)


def _channels_seen(layer: Convolution, channels: int, maps: int, own: int) -> range:
    """Say which channels one of a kernel's maps sees."""
    if layer.bank is None and layer.channels != "sum":
        return range(own, own + 1)
    seen = channels // layer.groups
    first = own * layer.groups // maps * seen
    return range(first, first + seen)


def _weights(weights: Array, place: int, own: int) -> Array:
    """Give the kernel for one of the channels that it sees."""
    own_weights = weights if weights.ndim == 2 else weights[:, :, place, own]
    return own_weights.astype(np.float64)


def _patch(
    plane: Array, axes: tuple[Axis, Axis], at: Place, channel: str, border: str | None
) -> Patch:
    """Take what lies under a window; NaN where padding has no value."""
    (rows, own_rows, real_rows), (columns, own_columns, real_columns) = (
        _taps(axis, window, border) for axis, window in zip(axes, at[:2], strict=True)
    )
    inside = np.logical_and.outer(real_rows, real_columns)
    values = plane[np.ix_(own_rows, own_columns)].astype(np.float64)
    if border in (None, "zero"):
        values[~inside] = np.nan if border is None else 0
    return Patch(channel, rows, columns, values, inside)


def _taps(axis: Axis, window: int, border: str | None) -> tuple[range, Array, Array]:
    """Say where a window's taps stand, which pixels these are, and which are real."""
    places = axis.places(window)
    taps = np.array(places)
    real = (taps >= 0) & (taps < axis.length)
    filled = pixels_under(axis, border or "zero")
    pixels = taps.clip(0, axis.length - 1) if filled is None else filled[taps + axis.before]
    return places, pixels, real


@_detail.register
def _pooled(layer: Pooling, before: Array, at: Place, names: tuple[str, ...]) -> Pooled:
    axes = layer.window_for(before.shape).axes(before.shape)
    planes = np.atleast_3d(before)
    channel = at[2] if len(at) > 2 else 0
    titles = titles_of(names, planes.shape[2])
    patch = _patch(planes[:, :, channel], axes, at, titles[channel], None)
    values = patch.values[patch.inside]
    if layer.mode in ("max", "min"):
        best = values.max() if layer.mode == "max" else values.min()
        won = patch.inside & (patch.values == best)
        first, words = nowhere(won), f"the {layer.mode} of {values.size}"
        if won.any():
            row, column = (int(each) for each in np.argwhere(won)[0])
            first[row, column] = True
            words += f", at {place_text((patch.rows[row], patch.columns[column]))}"
        also = f", the first of {won.sum()}" if won.sum() > 1 else ""
        return Pooled(patch, layer.mode, first, words + also)
    if layer.mode == "median":
        middle = np.sort(values)[[(values.size - 1) // 2, values.size // 2]]
        won = patch.inside & np.isin(patch.values, middle)
        return Pooled(patch, layer.mode, won, f"the middle of {values.size} in their order")
    return Pooled(patch, layer.mode, nowhere(patch.values), _summed(layer, values, axes, at))


def _summed(layer: Pooling, values: Array, axes: tuple[Axis, Axis], at: Place) -> str:
    """Tell how a sum, an average or a norm comes about."""
    if layer.mode == "sum":
        return f"the sum of {values.size}"
    if layer.mode == "average":
        count = counted_taps if layer.count_include_pad else real_taps
        counts = [count(axis)[place] for axis, place in zip(axes, at[:2], strict=True)]
        return f"{values.sum():.6g} / {counts[0] * counts[1]}"
    total = (np.abs(values) ** layer.p).sum()
    return f"{total:.6g} to the power of 1/{layer.p:g}" if layer.p != 2 else f"sqrt({total:.6g})"


@_detail.register
def _shifted(layer: Affine, before: Array, at: Place, names: tuple[str, ...]) -> Mapped:
    numbers = zip(layer.names, (layer.center, layer.factor, layer.offset), strict=True)
    center, factor, offset = (
        float(np.broadcast_to(per_channel(name, values, before.shape), before.shape)[at])
        for name, values in numbers
    )
    words = "x" if center == 0 else f"(x - {center:.6g})"
    words += f" * {factor:.6g}" + (f" + {offset:.6g}" if offset else "")
    return Mapped(_value(before, at), words)


@_detail.register
def _scaled(layer: Scaling, before: Array, at: Place, names: tuple[str, ...]) -> Mapped:
    low, reach = layer.bounds(before)
    x = f"(x - {low:.6g})" if layer.by_values else "x"
    return Mapped(_value(before, at), f"{x} / {reach:.6g}")


@_detail.register
def _sloped(layer: PRelu, before: Array, at: Place, names: tuple[str, ...]) -> Mapped:
    slopes = np.broadcast_to(per_channel("slope", layer.slope, before.shape), before.shape)
    return Mapped(_value(before, at), f"x, or {slopes[at]:.6g} x below 0")


@_detail.register
def _moved(layer: Resizing, before: Array, at: Place, names: tuple[str, ...]) -> Taken:
    size = f"{before.shape[0]}x{before.shape[1]}"
    return Taken(f"resized from {size} ({layer.filter})")


@_detail.register
def _unrolled(layer: Flattening, before: Array, at: Place, names: tuple[str, ...]) -> Taken:
    titles = titles_of(names, before.shape[2]) if before.ndim == 3 else ()
    return Taken(f"the value at {place_text(layer.place(at[0], before.shape), titles)}")


@_detail.register
def _weighed(layer: Dense, before: Array, at: Place, names: tuple[str, ...]) -> Weighed:
    values = before.astype(np.float64)
    weights = layer.weights[:, at[0]].astype(np.float64)
    products = values * weights
    bias = None
    if layer.bias is not None:
        bias = float(np.broadcast_to(layer.bias, layer.weights.shape[1:])[at[0]])
    return Weighed(
        _ordered(names, values, weights, products),
        bias,
        f"the sum of {values.size} products",
        ("value", "weight", "product"),
    )


@_detail.register
def _chosen(layer: Softmax, before: Array, at: Place, names: tuple[str, ...]) -> Weighed:
    scores = (before if before.ndim == 1 else before[at[0], at[1]]).astype(np.float64)
    titles = names if before.ndim == 1 else titles_of(names, len(scores))
    powers = np.exp(scores - scores.max())
    own = at[-1]
    words = f"exp({scores[own]:.6g} - {scores.max():.6g}) / {powers.sum():.6g}"
    return Weighed(
        _ordered(titles, scores, powers, powers / powers.sum()),
        None,
        words,
        ("score", "exp(score - highest)", "share"),
    )


def _grayed(before: Array, at: Place) -> Detail:
    if before.ndim == 2 or before.shape[2] < 3:
        return Taken("the grey that it was")
    values = before[at[0], at[1], :3].astype(np.float64)
    weights = np.array(GRAY_WEIGHTS) / 65536
    return Weighed(
        _ordered(("red", "green", "blue"), values, weights, values * weights),
        None,
        "0.299 red + 0.587 green + 0.114 blue",
        ("value", "weight", "product"),
    )


def _ordered(
    names: tuple[str, ...], values: Array, weights: Array, shares: Array
) -> tuple[Contribution, ...]:
    """Put contributions in order, the largest first."""
    order = np.argsort(-np.abs(shares), kind="stable").tolist()
    return tuple(
        Contribution(names[each], float(values[each]), float(weights[each]), float(shares[each]))
        for each in order
    )


def _inverted(step: Step, before: Array, at: Place) -> float:
    """Return what is made of a value: of its row alone, but where all of the image decides."""
    if step.arguments.get("when") == "auto" or before.ndim == 1:
        return _value(step.layer(before), at)
    return _value(step.layer(before[at[0] : at[0] + 1]), (0, *at[1:]))


def _value(before: Array, at: Place) -> float:
    value: Any = before[at[: before.ndim]]
    return float(value)
