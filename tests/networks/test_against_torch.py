"""Random networks, layer by layer against PyTorch."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from cnnfilter import Pipeline

from .networks import channels_last, random_network, step_of

#: Of a layer's largest magnitude: what float32 may be off by.
TOLERANCE = 1e-4


def activations(network: nn.Sequential, x: torch.Tensor) -> list[np.ndarray]:
    results = []
    with torch.no_grad():
        for layer in network:
            x = layer(x)
            results.append(channels_last(x))
    return results


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    largest = np.abs(expected).max(initial=0)
    assert np.abs(actual - expected).max(initial=0) <= TOLERANCE * largest


def assert_same_class(actual: np.ndarray, expected: np.ndarray) -> None:
    tie = expected.max() - expected[actual.argmax()] <= TOLERANCE * np.abs(expected).max()
    assert actual.argmax() == expected.argmax() or tie


@pytest.mark.parametrize("seed", range(120))
def test_a_random_network_agrees_with_torch(seed: int) -> None:
    network, x = random_network(seed)
    pipeline = Pipeline([step_of(layer) for layer in network])
    image = channels_last(x)
    expected = activations(network, x)
    traced = pipeline.trace(image)
    for (_, actual), wanted in zip(traced, expected, strict=True):
        assert_close(actual, wanted)
    result = pipeline.run(image)
    assert_close(result, expected[-1])
    assert_same_class(result, expected[-1])


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_a_summary_of_a_random_network_is_true(seed: int) -> None:
    network, x = random_network(seed)
    pipeline = Pipeline([step_of(layer) for layer in network])
    shapes = [each.shape for each in activations(network, x)]
    for layer, module, shape in zip(
        pipeline.summary(channels_last(x).shape), network, shapes, strict=True
    ):
        assert layer.shape == shape
        numbers = [*module.parameters(), *module.buffers()]
        learned = sum(each.numel() for each in numbers if each.is_floating_point())
        assert layer.parameters == learned
        if isinstance(module, nn.Conv2d):
            assert layer.multiply_adds == np.prod(shape) * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            assert layer.multiply_adds == module.weight.numel()


@pytest.mark.parametrize("seed", range(0, 120, 8))
def test_a_receptive_field_is_where_gradients_reach(seed: int) -> None:
    """The field of a value in the middle holds every pixel that its gradient reaches."""
    rng = np.random.default_rng(seed)
    sizes = [int(size) for size in rng.integers(1, 4, 3)]
    strides = [int(stride) for stride in rng.integers(1, 3, 3)]
    dilations = [int(dilation) for dilation in rng.integers(1, 3, 3)]
    layers = [
        nn.Conv2d(1, 1, size, stride=stride, dilation=dilation, bias=False)
        for size, stride, dilation in zip(sizes, strides, dilations, strict=True)
    ]
    for layer in layers:
        nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 60, 60, requires_grad=True)
    y: torch.Tensor = nn.Sequential(*layers)(x)
    y[0, 0, 1, 1].backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    rows, columns = (np.ptp(axis) + 1 for axis in np.nonzero(x.grad[0, 0].numpy()))
    summary = Pipeline([step_of(layer) for layer in layers]).summary((60, 60))
    assert summary[-1].receptive_field == (rows, columns)
