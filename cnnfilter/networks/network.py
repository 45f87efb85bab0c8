"""A network as its file describes it, in any format."""

from dataclasses import dataclass
from pathlib import Path

from cnnfilter.arrays.geometry import Shape
from cnnfilter.steps.step import Step

#: Steps of a network, nodes of a model; the deepest published ones have about a thousand.
MAX_STEPS = 10_000


@dataclass(frozen=True)
class Network:
    """Steps, what they take, and what their result means.

    Attributes
    ----------
    path : Path
        The network's file.
    steps : tuple of Step
    preparation : tuple of Step
        The steps that bring any image to `input_shape`.
    input_shape : tuple of int or None
        Height, width and channels; 0 for any.
    labels : tuple of str
        The classes, where the result is a vector of scores.
    description : str
    weights : tuple of Path
        Files next to an ONNX model that hold its weights; a step names its own.
    """

    path: Path
    steps: tuple[Step, ...]
    preparation: tuple[Step, ...] = ()
    input_shape: Shape | None = None
    labels: tuple[str, ...] = ()
    description: str = ""
    weights: tuple[Path, ...] = ()


def read_network(path: Path) -> Network:
    """Read a network, or a pipeline's steps.

    Parameters
    ----------
    path : Path
        An ONNX model (.onnx), or a TOML file.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or an entry, step or argument is wrong.
    """
    if path.suffix.lower() == ".onnx":
        from cnnfilter.networks.onnx import read_onnx

        return read_onnx(path)
    from cnnfilter.networks.toml import read_toml

    return read_toml(path)
