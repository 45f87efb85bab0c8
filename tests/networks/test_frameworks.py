"""Networks as people bring them, each layer by layer against its own framework."""

import io
import logging
import warnings
from collections import OrderedDict
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from types import ModuleType

import torch
from safetensors.torch import save_file
from torch import nn

from cnnfilter import Pipeline
from cnnfilter.arrays import Array

from .networks import channels_last, step_of


def named(*layers: nn.Module) -> nn.Sequential:
    """Name layers by their kind and place: conv2d0, relu1."""
    numbered = enumerate(layers)
    return nn.Sequential(
        OrderedDict(
            (f"{type(layer).__name__.lower()}{number}", layer) for number, layer in numbered
        )
    )


def lenet() -> nn.Sequential:
    return named(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10), nn.Softmax(1),
    )  # fmt: skip


def vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for filters in (16, "pool", 32, "pool", 64, 64, "pool"):
        if isinstance(filters, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1),
                nn.BatchNorm2d(filters),
                nn.ReLU(),
            ]
            channels = filters
    return named(*layers, nn.Flatten(), nn.Linear(64 * 16, 50), nn.ReLU(), nn.Linear(50, 10))


def mobilenet() -> nn.Sequential:
    def separable(inputs: int, filters: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs), nn.ReLU6(),
            nn.Conv2d(inputs, filters, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU6(),
        ]  # fmt: skip

    return named(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        *separable(8, 16, 1), *separable(16, 32, 2), *separable(32, 32, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10), nn.Softmax(1),
    )  # fmt: skip


NETWORKS = {
    "lenet": (lenet, (28, 28, 1)),
    "vgg": (vgg, (32, 32, 3)),
    "mobilenet": (mobilenet, (48, 40, 3)),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[nn.Sequential, tuple[int, int, int]]:
    make, shape = NETWORKS[request.param]
    torch.manual_seed(3)
    made = make()
    for layer in made:
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.3, 2)
    return made.eval(), shape


def activations(network: nn.Sequential, image: Array) -> dict[str, Array]:
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    results = {}
    with torch.no_grad():
        for name, layer in network.named_children():
            x = layer(x)
            results[name] = x.numpy()
    return results


def assert_close(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


def toml_of(network: nn.Sequential, weights: str, shape: tuple[int, ...]) -> str:
    """Write the network's file, with its weights by the names that torch gives them."""
    lines = ["[input]", f"shape = {list(shape)}"]
    for name, layer in network.named_children():
        step = step_of(layer)
        lines += ["", "[[steps]]", f'name = "{name}"', f'operation = "{step.operation}"']
        tensors = {
            "kernel": "weight", "weights": "weight", "scale": "weight", "bias": "bias",
            "offset": "bias", "mean": "running_mean", "variance": "running_var",
        }  # fmt: skip
        for argument, value in step.arguments.items():
            if value is None:
                continue
            if isinstance(value, np.ndarray):
                lines.append(f'{argument} = "{weights}:{name}.{tensors[argument]}"')
            else:
                plain = list(value) if isinstance(value, tuple) else value
                lines.append(
                    f"{argument} = {plain!r}".replace("True", "true").replace("False", "false")
                )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_torch_weights(network: Any, suffix: str, tmp_path: Path) -> None:
    module, shape = network
    state = {
        name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()
    }
    if suffix == "npz":
        np.savez(tmp_path / "net.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    else:
        save_file(state, tmp_path / "net.safetensors")
    (tmp_path / "net.toml").write_text(toml_of(module, f"net.{suffix}", shape))
    image = np.random.default_rng(1).random(shape, np.float32)
    traced = Pipeline.from_file(tmp_path / "net.toml").trace(image)
    expected = activations(module, image)
    assert [name for name, _ in traced] == list(expected)
    for name, result in traced:
        assert_close(result, channels_last(torch.from_numpy(expected[name])))


@pytest.mark.parametrize("dynamo", [True, False])
def test_torch_by_way_of_onnx(network: Any, dynamo: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    module, shape = network
    image = np.random.default_rng(2).random(shape, np.float32)
    path = tmp_path / "net.onnx"
    quiet = logging.getLogger("torch.onnx")
    quiet.setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        example = torch.from_numpy(image).permute(2, 0, 1)[None]
        torch.onnx.export(module, (example,), str(path), dynamo=dynamo)
    pipeline = Pipeline.from_file(path)
    assert pipeline.input_shape == shape
    expected = activations(module, image)
    # The exporter folds batch normalisation into the convolution before it.
    kept = [
        result
        for (name, result), after in zip(expected.items(), [*list(expected)[1:], ""], strict=True)
        if not after.startswith("batchnorm")
    ]
    traced = pipeline.trace(image)
    for (_, ours), theirs in zip(traced, kept, strict=True):
        assert_close(ours, channels_last(torch.from_numpy(theirs)))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's
def test_keras_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras: ModuleType = pytest.importorskip("keras")
    layers = keras.layers
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((20, 18, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, activation=None, name="dense"),
            layers.Softmax(name="softmax"),
        ]
    )
    rng = np.random.default_rng(6)
    norm = model.get_layer("norm")
    norm.set_weights([rng.random(8) + 0.5, rng.random(8), rng.random(8), rng.random(8) + 0.5])
    gamma, beta, mean, variance = norm.get_weights()
    kernel, bias = model.get_layer("conv").get_weights()
    depthwise, depthwise_bias = model.get_layer("depthwise").get_weights()
    weights, dense_bias = model.get_layer("dense").get_weights()
    np.savez(
        tmp_path / "net.npz",
        **{"conv/kernel": kernel, "conv/bias": bias, "gamma": gamma, "beta": beta},
        mean=mean, variance=variance, depthwise=depthwise.reshape(3, 3, 1, 16),
        depthwise_bias=depthwise_bias, dense=weights, dense_bias=dense_bias,
    )  # fmt: skip
    (tmp_path / "net.toml").write_text(
        """
        layout = "HWIO"
        steps = [
          {name = "conv", operation = "convolve", kernel = "net.npz:conv/kernel",
           bias = "net.npz:conv/bias", stride = 2, padding = "same"},
          {name = "norm", operation = "batch-norm", mean = "net.npz:mean",
           variance = "net.npz:variance", scale = "net.npz:gamma", offset = "net.npz:beta",
           epsilon = 0.001},
          {name = "relu", operation = "relu"},
          {name = "depthwise", operation = "convolve", kernel = "net.npz:depthwise",
           bias = "net.npz:depthwise_bias", groups = 8, padding = "same"},
          {name = "pool", operation = "pool", size = 2},
          {name = "flatten", operation = "flatten", order = "hwc"},
          {name = "dense", operation = "dense", weights = "net.npz:dense",
           bias = "net.npz:dense_bias"},
          {name = "softmax", operation = "softmax"},
        ]
        [input]
        shape = [20, 18, 3]
        """.replace("\n           ", " ")
    )
    image = rng.random((20, 18, 3), np.float32)
    traced = Pipeline.from_file(tmp_path / "net.toml").trace(image)
    value: object = image[np.newaxis]
    for (name, result), layer in zip(traced, model.layers, strict=True):
        assert name == layer.name
        value = layer(value)
        assert_close(result, keras.ops.convert_to_numpy(value)[0])
