"""The table of operations that a pipeline is made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice, number, whole
from cnnfilter.arrays.geometry import Place, Shape
from cnnfilter.arrays.spaces import SPACES, full_scale
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.base import Layer, RowsFrom

if TYPE_CHECKING:
    from cnnfilter.layers.explanation import Detail, Mapped
    from cnnfilter.layers.records import InversionRecord, PlainRecord, Record


class Pointwise(Layer):
    """A function of each value by itself."""

    def __init__(self, function: Callable[..., Array], **arguments: Any) -> None:
        self.function, self.arguments = function, arguments
        self.output_shape((1, 1))

    def __call__(self, image: ArrayLike) -> Array:
        return self.function(image, **self.arguments)

    def output_shape(self, shape: Shape) -> Shape:
        # One pixel tells what happens to the channels, and checks the arguments.
        if len(shape) == 1:
            self(np.zeros(1, np.float32))
            return shape
        pixel = np.zeros((1, 1, *shape[2:]), np.float32)
        return *shape[:2], *self(pixel).shape[2:]

    @property
    def formula(self) -> str:
        """The function, with its arguments."""
        from cnnfilter.layers.activations import ACTIVATIONS

        name = self.function.__name__.replace("_", "-")
        return ACTIVATIONS[name].formula_for(self.arguments)

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> "Detail":
        """Return x and the function."""
        from cnnfilter.layers.explanation import Mapped, value_at

        return Mapped(value_at(before, at), self.formula)

    @property
    def rows_from(self) -> RowsFrom:
        """The same row."""
        return "row"

    def record(self, shape: Shape) -> "Record":
        """Return the function's name and arguments, as numbers where they are."""
        read: dict[str, float | str | None] = {}
        for name, value in self.arguments.items():
            try:
                read[name] = None if value is None else number(name, value)
            except ArgumentError:
                read[name] = str(value)
        return {"kind": "pointwise", "function": self.function.__name__, "arguments": read}


class Inversion(Pointwise):
    """Turning an image into its negative."""

    formula = "largest - x"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> "Mapped":
        """Return whether a value was inverted: its row decides, or the whole image."""
        from cnnfilter.layers.explanation import Mapped, value_at

        x = value_at(before, at)
        if self.depends_on_all or before.ndim == 1:
            inverted = value_at(self(before), at)
        else:
            inverted = value_at(self(before[at[0] : at[0] + 1]), (0, *at[1:]))
        return Mapped(x, "x, as it is" if x == inverted else f"{x + inverted:.6g} - x")

    @property
    def depends_on_all(self) -> bool:
        """Whether the border decides if it inverts."""
        return bool(self.arguments["when"] == "auto")

    @property
    def rows_from(self) -> RowsFrom:
        """The same row, unless the border decides."""
        return "all" if self.depends_on_all else "row"

    def record(self, shape: Shape) -> "PlainRecord":
        """Return nothing: the values decide."""
        return {"kind": "other"}

    def record_of_values(self, before: Array, after: Array) -> "InversionRecord":
        """Return what the values were multiplied by, and what was added."""
        top = 1.0 if before.dtype.kind == "f" else full_scale(before)
        factor, offset = (1.0, 0.0) if np.array_equal(before, after) else (-1.0, top)
        return {
            "kind": "affine", "center": [0.0], "factor": [factor], "offset": [offset],
            "follows": not self.depends_on_all,
        }  # fmt: skip


class Regrouping(Pointwise):
    """A function that makes other channels out of a pixel's: an image comes out."""

    def maps(self, before: Sequence[str]) -> tuple[str, ...]:
        return ()

    @property
    def formula(self) -> str:
        """The channels' weights, for gray."""
        return "0.299 red + 0.587 green + 0.114 blue" if self._is_gray else "x of its channel"

    @property
    def _is_gray(self) -> bool:
        return self.function.__name__ == "gray"

    def explain(self, before: Array, at: Place, names: Sequence[str]) -> "Detail":
        """Return the channels that a value is made of."""
        from cnnfilter.layers.channels import GRAY_WEIGHTS
        from cnnfilter.layers.explanation import Taken, Weighed, contributions, pixel_detail

        if not self._is_gray:
            return pixel_detail(before, at, names)
        if before.ndim == 2 or before.shape[2] < 3:
            return Taken("the grey that it was")
        values = before[at[0], at[1], :3].astype(np.float64)
        weights = np.array(GRAY_WEIGHTS) / 65536
        parts = contributions(("red", "green", "blue"), values, weights, values * weights)
        return Weighed(parts, None, self.formula, ("value", "weight", "product"))

    def record(self, shape: Shape) -> "Record":
        """Return the input's channel of each of the result's; of colours, that they are mixed."""
        is_colour = shape[2:] > (2,)
        if not self._is_gray:
            return {"kind": "channels", "sources": [0, 1, 2] if is_colour else [0, 0, 0]}
        return {"kind": "gray"} if is_colour else {"kind": "channels", "sources": [0]}


class Selection(Regrouping):
    """Channels picked by name or number; only an image tells whether it has them."""

    def __init__(self, function: Callable[..., Array], channel: Any, space: Any) -> None:
        self.function = function
        for each in channel if isinstance(channel, list | tuple) else [channel]:
            if not isinstance(each, str):
                whole("channel", each, least=0)
        self.arguments = {"channel": channel, "space": choice("space", space, SPACES)}

    @property
    def formula(self) -> str:
        """Where values come from."""
        return "x of its channel"

    def record(self, shape: Shape) -> "Record":
        """Return the selected channels; another colour space's are not the input's."""
        from cnnfilter.layers.channels import channel_names

        if self.arguments["space"] != "rgb":
            return {"kind": "other"}
        names = channel_names(shape[2] if len(shape) == 3 else 1)
        wanted = self.arguments["channel"]
        wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
        sources = [names.index(str(each)) if str(each) in names else int(each) for each in wanted]
        return {"kind": "channels", "sources": sources}


@dataclass(frozen=True)
class Operation:
    """What a pipeline can do to an image; the core's part of it is imported when it is used.

    Attributes
    ----------
    home : str
        The module of `cnnfilter.layers` where it lives.
    name : str
        Its function's name there.
    maker : str or type
        What makes the layer: something of that module, or a class that takes the function.
    many : str or None
        The argument that takes any number of positional values.
    weights : tuple of str
        The arguments that may name a tensor in a file of weights.
    layout : bool
        Whether those weights have one: whether outputs or inputs come first.
    only_python : tuple of str
        The function's arguments that a step has no use for.
    """

    home: str
    name: str
    maker: str | type[Pointwise] = Pointwise
    many: str | None = None
    weights: tuple[str, ...] = ()
    layout: bool = False
    only_python: tuple[str, ...] = ()

    @cached_property
    def function(self) -> Callable[..., Array]:
        """Takes the image first; its signature says which arguments there are."""
        return self._of_home(self.name)

    @cached_property
    def layer(self) -> Callable[..., Layer]:
        """Makes the layer from all arguments but the image; checks them."""
        if isinstance(self.maker, str):
            return self._of_home(self.maker)
        return partial(self.maker, self.function)

    def _of_home(self, name: str) -> Any:
        return attrgetter(name)(import_module(f"cnnfilter.layers.{self.home}"))


class _Operations(Mapping[str, Operation]):
    """Operations by name, the activations after the others; their table is loaded when needed."""

    def __init__(self, others: Mapping[str, Operation]) -> None:
        self._others = others

    @cached_property
    def _all(self) -> Mapping[str, Operation]:
        from cnnfilter.layers.activations import ACTIVATIONS

        rows = ACTIVATIONS.items()
        return {
            **self._others,
            **{name: Operation("activations", row.function.__name__) for name, row in rows},
        }

    def __getitem__(self, name: str) -> Operation:
        return self._others.get(name) or self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


#: Every step a pipeline can have, by name; activations are in a table of their own.
OPERATIONS: Mapping[str, Operation] = _Operations({
    "convolve": Operation(
        "convolution", "convolve", "Convolution.of", many="kernel", weights=("kernel", "bias"),
        layout=True,
    ),
    "pool": Operation("pooling", "pool", "Pooling.of", only_python=("return_indices",)),
    "batch-norm": Operation(
        "scaling", "batch_norm", "Affine.normalizing",
        weights=("mean", "variance", "scale", "offset"),
    ),
    "flatten": Operation("dense", "flatten", "Flattening.of"),
    "dense": Operation("dense", "dense", "Dense.of", weights=("weights", "bias"), layout=True),
    "softmax": Operation("activations", "softmax", "Softmax"),
    "gray": Operation("channels", "gray", Regrouping),
    "rgb": Operation("channels", "rgb", Regrouping),
    "select": Operation("channels", "select_channels", Selection, many="channel"),
    "resize": Operation("resizing", "resize", "Resizing.of"),
    "invert": Operation("scaling", "invert", Inversion),
    "scale": Operation("scaling", "scale", "Scaling.of", weights=("factor", "offset")),
    "standardize": Operation(
        "scaling", "standardize", "Affine.standardizing", weights=("mean", "std")
    ),
    "prelu": Operation("activations", "prelu", "PRelu.of", weights=("slope",)),
})  # fmt: skip
