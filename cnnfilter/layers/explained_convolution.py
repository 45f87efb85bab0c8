"""How a convolution's values are computed, as data: for ``explain``, and for its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Axis, Place, Shape
from cnnfilter.arrays.titles import titles_of
from cnnfilter.layers.explanation import Convolved, KernelSum, Patch, Term

if TYPE_CHECKING:
    from cnnfilter.layers.convolution import Convolution
    from cnnfilter.layers.records import ConvolutionRecord


def explained(layer: Convolution, before: Array, at: Place, names: Sequence[str]) -> Convolved:
    """Return patches, weights and bias of each kernel that makes a value."""
    planes = layer.filtered(before)
    titles = titles_of(() if layer.channels == "gray" else names, planes.shape[2])
    maps = layer.maps_of_each(before.shape)
    biases = layer.biases(maps)
    kernels = list(layer.kernels.items())
    sums, by_alpha = [], False
    for kernel, own in _combined_in(layer, at[2] if len(at) > 2 else 0, maps):
        name, weights = kernels[kernel]
        axes = _axes_of(layer, weights, planes.shape)
        stack = weights[:, :, np.newaxis] if layer.bank is None else weights[:, :, :, own]
        applied = _applied(layer, stack.astype(np.float64), axes, at)
        by_alpha = by_alpha or not np.array_equal(applied, stack)
        terms = []
        for index, channel in enumerate(_channels_under(layer, own, planes.shape[2], maps)):
            patch = Patch.under(planes[:, :, channel], axes, at, titles[channel], layer.border)
            terms.append(Term(patch, applied[:, :, index % applied.shape[2]]))
        bias = None if biases is None else float(biases[kernel, own])
        label = name if layer.bank is None else f"filter {own + 1}"
        sums.append(KernelSum(label, tuple(terms), bias))
    return Convolved(tuple(sums), layer.combine, by_alpha)


def _applied(layer: Convolution, weights: Array, axes: tuple[Axis, Axis], at: Place) -> Array:
    """Return the weights that alpha leaves."""
    if layer.visibility is None:
        return weights
    from cnnfilter.correlation.visible import of_alpha, weights_applied

    border = of_alpha(layer.border)
    alpha = Patch.under(layer.visibility.alpha, axes, at, "", border).values
    if alpha.min() >= layer.visibility.full:
        return weights
    return weights_applied(weights, layer.visibility.weights(alpha))


def _combined_in(layer: Convolution, channel: int, maps: int) -> list[tuple[int, int]]:
    """Return the (kernel, map) pairs that a channel of the result combines."""
    if layer.combine is None:
        return [divmod(channel, maps)]
    if layer.bank is None:
        return [(kernel, channel) for kernel in range(len(layer.kernels))]
    return [(0, own) for own in range(maps)]


def _channels_under(layer: Convolution, own: int, channels: int, maps: int) -> range:
    """Return the input channels that one of a kernel's maps is made of."""
    if layer.bank is None and layer.channels != "sum":
        return range(own, own + 1)
    count = channels // layer.groups
    first = own * layer.groups // maps * count
    return range(first, first + count)


def _axes_of(layer: Convolution, weights: Array, shape: Shape) -> tuple[Axis, Axis]:
    return layer.sliding.window((weights.shape[0], weights.shape[1])).axes(shape)


def recorded(layer: Convolution, shape: Shape) -> ConvolutionRecord:
    """Return kernels with their axes, and how their sums are combined."""
    biases = layer.biases(layer.maps_of_each(shape))
    limits = None
    if layer.dtype is not None and layer.dtype.kind in "iu":
        limits = float(np.iinfo(layer.dtype).min), float(np.iinfo(layer.dtype).max)
    return {
        "kind": "convolve",
        "kernels": [
            {"name": name, "weights": weights, "axes": _axes_of(layer, weights, shape)}
            for name, weights in layer.kernels.items()
        ],
        "bank": layer.bank is not None,
        "border": layer.border,
        "groups": layer.groups,
        "bias": None if biases is None else biases.tolist(),
        "channels": layer.channels,
        "combine": layer.combine,
        "limits": limits,
    }
