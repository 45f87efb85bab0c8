"""A pipeline: steps in a row."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from cnnfilter.core.arrays import Array, as_image
from cnnfilter.core.geometry import Shape
from cnnfilter.errors import ArgumentError, CnnFilterError, FileError, unknown
from cnnfilter.files.source import read_text, shown
from cnnfilter.pipeline.steps import Step, numbered_step, parse_steps


@dataclass(frozen=True)
class LayerSummary:
    """What a layer makes of an image, told without running it.

    Attributes
    ----------
    step : str
        The step, as a pipeline's text has it.
    shape : tuple of int
        The shape of its result.
    parameters : int
        Weights and biases.
    receptive_field : (int, int)
        Rows and columns of the pipeline's input that one value of the result sees.
    """

    step: str
    shape: Shape
    parameters: int
    receptive_field: tuple[int, int]


class Pipeline:
    """Steps that follow each other, the result of one being the input of the next.

    Parameters
    ----------
    steps : str or iterable of Step
        Text such as ``"convolve sharpen | relu | pool 2"``: steps separated by ``|``,
        each a name, then arguments by position or as key=value, quoted as in a shell;
        names and values are those of the functions.

    Raises
    ------
    ArgumentError
        If a step or argument is wrong; it says which.

    Examples
    --------
    >>> import numpy as np
    >>> pipeline = Pipeline("convolve '1 0 -1' padding=same | relu | pool 2")
    >>> pipeline.run(np.arange(16, dtype=np.uint8).reshape(4, 4)).shape
    (2, 2)
    """

    def __init__(self, steps: str | Iterable[Step]) -> None:
        self.steps = parse_steps(steps) if isinstance(steps, str) else tuple(steps)
        if not self.steps:
            raise ArgumentError("the pipeline has no step; name one, such as relu")

    @classmethod
    def from_file(cls, path: str | Path) -> "Pipeline":
        """Read a pipeline from a TOML file.

        Each ``[[steps]]`` table has an ``operation`` and that operation's arguments.
        Files that it names are looked for in its own folder, and cannot lie outside.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        ArgumentError
            If the file cannot be read or is no TOML, or a step or argument is wrong; it
            says which.
        """
        path = Path(path)
        try:
            return cls(_steps_of(tomllib.loads(read_text(path)), path.parent))
        except FileError as error:
            raise ArgumentError(str(error)) from None
        except tomllib.TOMLDecodeError as error:
            raise ArgumentError(f"{shown(path)}: not a TOML file ({error}); mend it") from None
        except ArgumentError as error:
            raise ArgumentError(f"{shown(path)}: {error}") from None

    def __str__(self) -> str:
        """Write the pipeline as text that reads back as the same."""
        return " | ".join(str(step) for step in self.steps)

    def run(self, image: ArrayLike) -> Array:
        """Apply all steps.

        Parameters
        ----------
        image : array_like
            Shape (H, W) or (H, W, C).

        Returns
        -------
        ndarray
            The last step's result.

        Raises
        ------
        CnnFilterError
            If a step cannot take what it is given; the message names the step.
        """
        result = as_image(image)
        for _, layer in self.results(result):
            result = layer
        return result

    def trace(self, image: ArrayLike) -> list[tuple[str, Array]]:
        """Apply all steps and keep every layer's result.

        Parameters
        ----------
        image : array_like
            Shape (H, W) or (H, W, C).

        Returns
        -------
        list of (str, ndarray)
            Each step's operation with its result.

        Examples
        --------
        >>> import numpy as np
        >>> layers = Pipeline("convolve edge | pool 2").trace(np.zeros((6, 6)))
        >>> [(name, result.shape) for name, result in layers]
        [('convolve', (4, 4)), ('pool', (2, 2))]
        """
        return [(step.operation, result) for step, result in self.results(as_image(image))]

    def results(self, image: Array) -> Iterator[tuple[Step, Array]]:
        """Apply all steps, giving each with its result as it comes."""
        for number, step in enumerate(self.steps, start=1):
            try:
                image = step.layer(image)
            except CnnFilterError as error:
                raise self._in_step(number, error) from None
            yield step, image

    def maps(self) -> tuple[str, ...]:
        """Name the feature maps that come out; empty where an image does."""
        maps: tuple[str, ...] = ()
        for step in self.steps:
            maps = step.layer.maps(maps)
        return maps

    def summary(self, shape: Shape) -> list[LayerSummary]:
        """Tell every layer's shape, parameters and receptive field without running.

        Parameters
        ----------
        shape : tuple of int
            The image's: (H, W) or (H, W, C).

        Raises
        ------
        ShapeError
            If a step does not fit; the message names it.

        Examples
        --------
        >>> for layer in Pipeline("convolve edge | pool 2").summary((224, 224, 3)):
        ...     print(layer.shape, layer.parameters, layer.receptive_field)
        (222, 222, 3) 9 (3, 3)
        (111, 111, 3) 0 (4, 4)
        """
        rows, columns, down, across = 1, 1, 1, 1
        layers = []
        for number, step in enumerate(self.steps, start=1):
            try:
                window = step.layer.window_for(shape)
                shape = step.layer.output_shape(shape)
            except CnnFilterError as error:
                raise self._in_step(number, error) from None
            if window is not None:
                rows += (window.extent[0] - 1) * down
                columns += (window.extent[1] - 1) * across
                down, across = down * window.stride[0], across * window.stride[1]
            layers.append(LayerSummary(str(step), shape, step.layer.parameters, (rows, columns)))
        return layers

    def _in_step(self, number: int, error: CnnFilterError) -> CnnFilterError:
        """Say in which step an error happened, where there is more than one."""
        if len(self.steps) == 1:
            return error
        return type(error)(f"step {number} ({self.steps[number - 1].operation}): {error}")


def _steps_of(content: dict[str, Any], folder: Path) -> list[Step]:
    for key in content:
        if key != "steps":
            raise ArgumentError(unknown("entry", key, ["steps"]))
    tables = content.get("steps")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ArgumentError("write each step as a [[steps]] table with an operation")
    steps = []
    for number, table in enumerate(tables, start=1):
        arguments = dict(table)
        operation = arguments.pop("operation", None)
        if not isinstance(operation, str):
            raise ArgumentError(f'step {number} has no operation; write operation = "convolve"')
        steps.append(numbered_step(number, operation, arguments, folder))
    return steps
