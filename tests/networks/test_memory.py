"""A layer takes its input, its output and a bounded scratch, whatever the image."""

import tracemalloc

import numpy as np
import pytest

from cnnfilter import Step

from ..types import Arguments

MIB = 2**20
#: Beside input and output; the im2col of the convolutions below would take 288 MiB or more.
SCRATCH = 16 * MIB
RNG = np.random.default_rng(0)
BANK = RNG.standard_normal((3, 3, 32, 16)).astype(np.float32)
DEPTHWISE = RNG.standard_normal((3, 3, 1, 32)).astype(np.float32)
NUMBERS = RNG.random(32)

LAYERS: dict[str, tuple[str, Arguments]] = {
    "filter bank": ("convolve", {"kernel": BANK, "padding": "same"}),
    "filter bank, reflected": (
        "convolve", {"kernel": BANK, "padding": "same", "border": "reflect", "bias": 1}
    ),
    "groups": ("convolve", {"kernel": BANK[:, :, :8], "groups": 4, "padding": 1}),
    "depthwise": ("convolve", {"kernel": DEPTHWISE, "groups": 32, "padding": 1}),
    "kernel": ("convolve", {"kernel": "sharpen", "padding": "same"}),
    "batch-norm": ("batch-norm", {"mean": NUMBERS, "variance": NUMBERS, "scale": NUMBERS}),
    "prelu": ("prelu", {"slope": NUMBERS}),
    **{name: (name, {}) for name in (
        "relu", "leaky-relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "clip", "softmax",
        "scale",
    )},
    **{
        f"pool {mode}": ("pool", {"size": 3, "stride": 2, "padding": 1, "mode": mode})
        for mode in ("max", "min", "average", "median", "sum", "l2", "lp")
    },
    **{
        f"pool {mode}, global": ("pool", {"size": "global", "mode": mode})
        for mode in ("max", "average", "l2")
    },
    "flatten": ("flatten", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_needs_little_next_to_its_input_and_output(name: str) -> None:
    operation, arguments = LAYERS[name]
    layer = Step(operation, arguments).layer
    image = RNG.random((500, 520, 32), np.float32)
    layer(image[:8, :8])
    tracemalloc.start()
    try:
        result = layer(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= result.nbytes + SCRATCH, f"{(peak - result.nbytes) / MIB:.1f} MiB beside"
