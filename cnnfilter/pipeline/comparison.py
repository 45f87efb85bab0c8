"""Layers compared with activations that another framework saved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError

#: Differences up to this share of a layer's largest magnitude are float32's rounding.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """A layer compared with the activation saved of it.

    Attributes
    ----------
    name : str
        The layer's.
    saved_as : str
        The activation's.
    shape, saved_shape : tuple of int
        The layer's; the activation's, as saved.
    difference : float or None
        The largest; None where the shapes do not fit.
    magnitude : float
        The largest magnitude of the activation.
    """

    name: str
    saved_as: str
    shape: Shape
    saved_shape: Shape
    difference: float | None
    magnitude: float

    @property
    def agrees(self) -> bool:
        """Test whether the difference is no more than rounding."""
        if self.difference is None or not np.isfinite(self.difference):
            return False
        return self.difference <= TOLERANCE * self.magnitude


def compare(
    layers: Sequence[tuple[str, Array]], activations: Mapping[str, Array], *, in_order: bool = True
) -> list[Comparison]:
    """Compare layers with activations by name, or in order.

    Parameters
    ----------
    layers : sequence of (str, ndarray)
        The input, then the result of `Pipeline.trace`.
    activations : mapping of str to ndarray
        Channels first or last, with or without a batch of one. In order, they begin with
        the input, or with the first layer.
    in_order : bool
        Whether their order counts.

    Returns
    -------
    list of Comparison
        In the layers' order; layers that were not saved are left out.

    Raises
    ------
    ArgumentError
        If no name is shared, and there are not as many as layers.

    Examples
    --------
    >>> layers = [("input", np.zeros((2, 2))), ("conv1", np.ones((2, 2, 3)))]
    >>> (found,) = compare(layers, {"conv1": np.full((1, 3, 2, 2), 1.5)})
    >>> found.difference, found.agrees
    (0.5, False)
    """
    times = Counter(name for name, _ in layers)
    if any(times[name] == 1 for name in activations):
        pairs = [
            (name, array, name)
            for name, array in layers
            if name in activations and times[name] == 1
        ]
    else:
        steps = list(layers if _begin_with_the_input(layers, activations) else layers[1:])
        if len(activations) != len(steps) or not in_order:
            raise ArgumentError(
                f"{len(activations)} activations ({_few(list(activations))}) for {len(steps)} "
                f"layers ({_few([name for name, _ in steps])}); give them the layers' names, or "
                "save one for each layer in order (.npz)"
            )
        pairs = [
            (name, array, saved_as)
            for (name, array), saved_as in zip(steps, activations, strict=True)
        ]
    return [
        _compared(name, layer, saved_as, activations[saved_as]) for name, layer, saved_as in pairs
    ]


def _begin_with_the_input(
    layers: Sequence[tuple[str, Array]], activations: Mapping[str, Array]
) -> bool:
    if len(activations) != len(layers):
        return False
    first = next(iter(activations.values()))
    return _compared("", layers[0][1], "", first).difference is not None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 4 else [*names[:2], "...", names[-1]])


def _compared(name: str, layer: Array, saved_as: str, activation: Array) -> Comparison:
    ours, theirs = (np.squeeze(array).astype(np.float64) for array in (layer, activation))
    readings = [theirs] if theirs.ndim < 2 else [theirs, np.moveaxis(theirs, 0, -1)]
    with np.errstate(invalid="ignore"):
        differences = [
            float(np.max(np.abs(array - ours))) for array in readings if array.shape == ours.shape
        ]
    return Comparison(
        name=name,
        saved_as=saved_as,
        shape=layer.shape,
        saved_shape=activation.shape,
        difference=min(differences, default=None),
        magnitude=float(np.max(np.abs(theirs), initial=0)),
    )
