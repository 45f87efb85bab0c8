"""The numbers from which the page of ``explain --html`` computes each kind of layer.

``kind`` names the arithmetic in ``view/page/arithmetic.js``. Lists of numbers hold one for all
channels, or one for each.
"""

from typing import Literal, TypedDict

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Axis
from cnnfilter.layers.resizing import ResizedAxis


class PlainRecord(TypedDict):
    """A layer without numbers; ``other`` if the page does not have its arithmetic."""

    kind: Literal["gray", "same", "softmax", "other"]


class KernelRecord(TypedDict):
    """A kernel, and the axes that it slides along."""

    name: str
    weights: Array
    axes: tuple[Axis, Axis]


class ConvolutionRecord(TypedDict):
    """A convolution; results are rounded and clipped to ``limits``, if there are any."""

    kind: Literal["convolve"]
    kernels: list[KernelRecord]
    bank: bool
    border: str
    groups: int
    bias: list[list[float]] | None
    channels: str
    combine: str | None
    limits: tuple[float, float] | None


class PoolingRecord(TypedDict):
    """A pooling."""

    kind: Literal["pool"]
    mode: str
    p: float
    counts_padding: bool
    axes: tuple[Axis, Axis]


class FunctionRecord(TypedDict):
    """A function of each value: its name and arguments."""

    kind: Literal["pointwise"]
    function: str
    arguments: dict[str, float | str | None]


class AffineRecord(TypedDict):
    """(x - center) * factor + offset."""

    kind: Literal["affine"]
    center: list[float]
    factor: list[float]
    offset: list[float]


class InversionRecord(AffineRecord):
    """An inversion; if it does not follow, other values may not have been inverted."""

    follows: bool


class ScalingRecord(TypedDict):
    """(x - low) / reach + offset; see `BoundsRecord`."""

    kind: Literal["scale"]
    stretches: bool
    offset: list[float]


class BoundsRecord(TypedDict):
    """The numbers that a scaling subtracts from its input, and divides it by."""

    low: float
    reach: float


class PReluRecord(TypedDict):
    """x, or slope * x below 0."""

    kind: Literal["prelu"]
    slope: list[float]


class ChannelsRecord(TypedDict):
    """The input's channel that each channel of the result is."""

    kind: Literal["channels"]
    sources: list[int]


class FlatteningRecord(TypedDict):
    """A map unrolled."""

    kind: Literal["flatten"]
    order: str


class DenseRecord(TypedDict):
    """Weights of shape (inputs, outputs), and biases."""

    kind: Literal["dense"]
    weights: Array
    bias: list[float] | None


class ResizingRecord(TypedDict):
    """A resized map; ``reach`` is the filter's, in pixels to either side."""

    kind: Literal["resize"]
    axes: tuple[ResizedAxis, ResizedAxis]
    reach: float


Record = (
    PlainRecord
    | ConvolutionRecord
    | PoolingRecord
    | FunctionRecord
    | AffineRecord
    | ScalingRecord
    | PReluRecord
    | ChannelsRecord
    | FlatteningRecord
    | DenseRecord
    | ResizingRecord
)
ValuesRecord = BoundsRecord | InversionRecord
