"""Random networks of torch, and the same as our steps. Tests import this beside them."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from cnnfilter import Step

from ..types import Arguments

Pair = tuple[int, int]


def channels_last(tensor: torch.Tensor) -> np.ndarray:
    """Give a batch of one as our array: (H, W, C) or (N,)."""
    array = tensor.detach().numpy()[0]
    return np.moveaxis(array, 0, -1) if array.ndim == 3 else array


def filters_last(weight: torch.Tensor) -> np.ndarray:
    """Give PyTorch's weights (O, I, kH, kW) as a filter bank, (O, I) as dense weights."""
    array = weight.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def step_of(module: nn.Module) -> Step:
    """Translate a module, by the documentation of both."""
    match module:
        case nn.Conv2d():
            down, across = (int(each) for each in module.padding)
            arguments: Arguments = {
                "kernel": filters_last(module.weight),
                "bias": None if module.bias is None else module.bias.detach().numpy(),
                "stride": module.stride,
                "padding": (down, across),
                "dilation": module.dilation,
                "groups": module.groups,
            }
            return Step("convolve", arguments)
        case nn.BatchNorm2d():
            assert module.running_mean is not None
            assert module.running_var is not None
            statistics = {
                "mean": module.running_mean.numpy(),
                "variance": module.running_var.numpy(),
            }
            learned = {
                "scale": module.weight.detach().numpy(),
                "offset": module.bias.detach().numpy(),
            }
            return Step("batch-norm", {**statistics, **learned, "epsilon": module.eps})
        case nn.Linear():
            bias = None if module.bias is None else module.bias.detach().numpy()
            return Step("dense", {"weights": filters_last(module.weight), "bias": bias})
        case nn.PReLU():
            return Step("prelu", {"slope": module.weight.detach().numpy()})
        case nn.MaxPool2d():
            geometry = {"size": module.kernel_size, "stride": module.stride}
            return Step("pool", {
                **geometry, "padding": module.padding, "dilation": module.dilation,
                "ceil_mode": module.ceil_mode,
            })  # fmt: skip
        case nn.AvgPool2d():
            geometry = {"size": module.kernel_size, "stride": module.stride}
            return Step("pool", {
                **geometry, "mode": "average", "padding": module.padding,
                "ceil_mode": module.ceil_mode, "count_include_pad": module.count_include_pad,
            })  # fmt: skip
        case nn.AdaptiveAvgPool2d():
            return Step("pool", {"size": "global", "mode": "average"})
        case nn.LeakyReLU():
            return Step("leaky-relu", {"slope": module.negative_slope})
        case nn.ELU():
            return Step("elu", {"alpha": module.alpha})
        case nn.GELU():
            return Step("gelu", {"approximate": module.approximate})
        case nn.ReLU6():
            return Step("clip", {"low": 0, "high": 6})
    plain = {
        nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.Softplus: "softplus",
        nn.Flatten: "flatten", nn.Softmax: "softmax",
    }  # fmt: skip
    return Step(plain[type(module)], {})


ACTIVATIONS = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.ReLU6,
    lambda: nn.GELU(approximate="tanh"),
)  # fmt: skip


@dataclass
class Drawing:
    """A network that is drawn at random, layer by layer."""

    rng: np.random.Generator
    height: int
    width: int
    channels: int
    layers: list[nn.Module] = field(default_factory=list)

    def pick(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pair(self, low: int, high: int) -> Pair:
        return self.pick(low, high), self.pick(low, high)

    def add(self, layer: nn.Module) -> None:
        """Keep a layer if its input is large enough."""
        with torch.no_grad():
            try:
                result = layer.eval()(torch.zeros(1, self.channels, self.height, self.width))
            except RuntimeError:
                return
        shape = result.shape
        # torch pools padding alone to -inf; that is an error here.
        if min(shape) > 0 and bool(result.isfinite().all()):
            self.layers.append(layer)
            self.channels, self.height, self.width = shape[1:]

    def add_convolution(self) -> None:
        groups = int(
            self.rng.choice([g for g in (1, 1, 2, 3, self.channels) if self.channels % g == 0])
        )
        self.add(
            nn.Conv2d(
                self.channels,
                groups * self.pick(1, 6),
                self.pair(1, 4),
                stride=self.pair(1, 2),
                padding=self.pair(0, 2),
                dilation=self.pair(1, 2),
                groups=groups,
                bias=bool(self.pick(0, 1)),
            )
        )

    def add_normalization(self) -> None:
        layer = nn.BatchNorm2d(self.channels, eps=10.0 ** -self.pick(2, 5))
        assert layer.running_mean is not None
        assert layer.running_var is not None
        nn.init.normal_(layer.running_mean)
        nn.init.uniform_(layer.running_var, 0.1, 3)
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
        self.add(layer)

    def add_activation(self) -> None:
        if self.pick(0, 5) == 0:
            layer = nn.PReLU(self.channels)
            nn.init.normal_(layer.weight)
            self.add(layer)
        else:
            self.add(ACTIVATIONS[self.pick(0, len(ACTIVATIONS) - 1)]())

    def add_pooling(self) -> None:
        size = self.pair(2, 3)
        options = {
            "stride": self.pair(1, 3),
            "padding": (self.pick(0, 1), self.pick(0, 1)),
            "ceil_mode": bool(self.pick(0, 1)),
        }
        if self.pick(0, 1):
            self.add(nn.MaxPool2d(size, dilation=self.pair(1, 2), **options))  # type: ignore[arg-type]
        else:
            self.add(nn.AvgPool2d(size, count_include_pad=bool(self.pick(0, 1)), **options))  # type: ignore[arg-type]


def random_network(seed: int) -> tuple[nn.Sequential, torch.Tensor]:
    """Draw a network and an input, from its shape to its weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    drawing = Drawing(
        rng, int(rng.integers(9, 30)), int(rng.integers(9, 30)), int(rng.integers(1, 5))
    )
    x = torch.randn(1, drawing.channels, drawing.height, drawing.width)
    for _ in range(drawing.pick(2, 5)):
        drawing.add_convolution()
        if drawing.pick(0, 1):
            drawing.add_normalization()
        drawing.add_activation()
        if drawing.pick(0, 1):
            drawing.add_pooling()
    if drawing.pick(0, 3) == 0:
        drawing.add(nn.AdaptiveAvgPool2d(1))
    features = drawing.channels * drawing.height * drawing.width
    drawing.layers += [nn.Flatten(), nn.Linear(features, 12), nn.Tanh(), nn.Linear(12, 7)]
    if drawing.pick(0, 1):
        drawing.layers.append(nn.Softmax(1))
    return nn.Sequential(*drawing.layers).eval(), x
