"""The public names, once: for type checkers, and for the package itself."""

from .arrays.colour import merge_channels as merge_channels
from .arrays.colour import split_channels as split_channels
from .arrays.patches import patches as patches
from .errors import ArgumentError as ArgumentError
from .errors import CnnFilterError as CnnFilterError
from .errors import FileError as FileError
from .errors import KernelError as KernelError
from .errors import NotFiniteError as NotFiniteError
from .errors import ShapeError as ShapeError
from .files.read import read_image as read_image
from .files.save import write_image as write_image
from .kernels.catalogue import KERNELS as KERNELS
from .kernels.parse import kernel as kernel
from .layers.activations import clip as clip
from .layers.activations import elu as elu
from .layers.activations import gelu as gelu
from .layers.activations import leaky_relu as leaky_relu
from .layers.activations import prelu as prelu
from .layers.activations import relu as relu
from .layers.activations import sigmoid as sigmoid
from .layers.activations import softmax as softmax
from .layers.activations import softplus as softplus
from .layers.activations import tanh as tanh
from .layers.channels import gray as gray
from .layers.channels import rgb as rgb
from .layers.channels import select_channels as select_channels
from .layers.convolution import convolve as convolve
from .layers.dense import dense as dense
from .layers.dense import flatten as flatten
from .layers.inverting import invert as invert
from .layers.pooling import max_pool_with_indices as max_pool_with_indices
from .layers.pooling import pool as pool
from .layers.resizing import resize as resize
from .layers.scaling import batch_norm as batch_norm
from .layers.scaling import scale as scale
from .layers.scaling import standardize as standardize
from .networks import NETWORKS as NETWORKS
from .pipeline.explain import explain as explain
from .pipeline.pipeline import Pipeline as Pipeline
from .steps.step import Step as Step

__version__: str
