"""What convolutional networks do to images: split, convolve, pool, chain, and show.

Images are arrays of shape (H, W) or (H, W, C), channels last. What is named in
``__all__`` is promised; it is imported when it is first used, so that a command pays
only for what it needs.
"""

from importlib import import_module

TYPE_CHECKING = False  # typing's own would cost a start some milliseconds
if TYPE_CHECKING:
    from cnnfilter.arrays.patches import patches as patches
    from cnnfilter.errors import ArgumentError as ArgumentError
    from cnnfilter.errors import CnnFilterError as CnnFilterError
    from cnnfilter.errors import FileError as FileError
    from cnnfilter.errors import KernelError as KernelError
    from cnnfilter.errors import NotFiniteError as NotFiniteError
    from cnnfilter.errors import ShapeError as ShapeError
    from cnnfilter.files.read import read_image as read_image
    from cnnfilter.files.save import write_image as write_image
    from cnnfilter.kernels.catalogue import KERNELS as KERNELS
    from cnnfilter.kernels.parse import kernel as kernel
    from cnnfilter.layers.activations import clip as clip
    from cnnfilter.layers.activations import elu as elu
    from cnnfilter.layers.activations import gelu as gelu
    from cnnfilter.layers.activations import leaky_relu as leaky_relu
    from cnnfilter.layers.activations import prelu as prelu
    from cnnfilter.layers.activations import relu as relu
    from cnnfilter.layers.activations import sigmoid as sigmoid
    from cnnfilter.layers.activations import softmax as softmax
    from cnnfilter.layers.activations import softplus as softplus
    from cnnfilter.layers.activations import tanh as tanh
    from cnnfilter.layers.channels import gray as gray
    from cnnfilter.layers.channels import merge_channels as merge_channels
    from cnnfilter.layers.channels import rgb as rgb
    from cnnfilter.layers.channels import select_channels as select_channels
    from cnnfilter.layers.channels import split_channels as split_channels
    from cnnfilter.layers.convolution import convolve as convolve
    from cnnfilter.layers.dense import dense as dense
    from cnnfilter.layers.dense import flatten as flatten
    from cnnfilter.layers.pooling import pool as pool
    from cnnfilter.layers.resizing import resize as resize
    from cnnfilter.layers.scaling import batch_norm as batch_norm
    from cnnfilter.layers.scaling import invert as invert
    from cnnfilter.layers.scaling import scale as scale
    from cnnfilter.layers.scaling import standardize as standardize
    from cnnfilter.networks import NETWORKS as NETWORKS
    from cnnfilter.pipeline.explain import explain as explain
    from cnnfilter.pipeline.pipeline import Pipeline as Pipeline
    from cnnfilter.steps.step import Step as Step

__version__ = "0.1.0"

_HOMES = {
    "cnnfilter.layers.activations": (
        "clip", "elu", "gelu", "leaky_relu", "prelu", "relu", "sigmoid", "softmax", "softplus",
        "tanh",
    ),
    "cnnfilter.arrays.patches": ("patches",),
    "cnnfilter.kernels.catalogue": ("KERNELS",),
    "cnnfilter.layers.channels": (
        "gray", "merge_channels", "rgb", "select_channels", "split_channels",
    ),
    "cnnfilter.layers.convolution": ("convolve",),
    "cnnfilter.layers.dense": ("dense", "flatten"),
    "cnnfilter.kernels.parse": ("kernel",),
    "cnnfilter.layers.pooling": ("pool",),
    "cnnfilter.layers.resizing": ("resize",),
    "cnnfilter.layers.scaling": ("batch_norm", "invert", "scale", "standardize"),
    "cnnfilter.errors": (
        "ArgumentError", "CnnFilterError", "FileError", "KernelError", "NotFiniteError",
        "ShapeError",
    ),
    "cnnfilter.pipeline.explain": ("explain",),
    "cnnfilter.files.read": ("read_image",),
    "cnnfilter.files.save": ("write_image",),
    "cnnfilter.networks": ("NETWORKS",),
    "cnnfilter.pipeline.pipeline": ("Pipeline",),
    "cnnfilter.steps.step": ("Step",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> object:
    """Import a promised name from its home, once."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'cnnfilter' has no attribute '{name}'")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
