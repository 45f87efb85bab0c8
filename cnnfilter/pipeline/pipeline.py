"""A pipeline: steps in a row, such as a whole network."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.buffers import check_room
from cnnfilter.arrays.checks import as_features, as_image, check_finite
from cnnfilter.arrays.dtypes import opaque_of
from cnnfilter.arrays.geometry import Shape
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.errors import MAX_SHOWN, ArgumentError, ShapeError, brief, naming, unknown
from cnnfilter.files.numbers.weights import UNREADABLE_WEIGHTS
from cnnfilter.networks import NETWORKS
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.parse import parse_steps
from cnnfilter.steps.step import Step, in_step
from cnnfilter.text import shown

if TYPE_CHECKING:
    from cnnfilter.networks.network import Network
    from cnnfilter.pipeline.summary import LayerSummary


class Pipeline:
    """Steps that follow each other, the result of one being the input of the next.

    Parameters
    ----------
    steps : str or iterable of Step
        Text such as ``"convolve sharpen | relu | pool 2"``: steps separated by ``|``,
        each a name, then arguments by position or as key=value, quoted as in a shell;
        names and values are those of the functions.
    preparation : iterable of Step
        The steps that bring any image to the input's shape.
    input_shape : tuple of int, optional
        (height, width, channels) that the first step takes; 0 for any.
    labels : sequence of str
        The classes, where the result is a vector of scores.
    description : str
    file : Path, optional
        The network's file.
    read : sequence of Path
        All files that were read for it, besides those that the steps name.

    Raises
    ------
    ArgumentError
        If a step or argument is wrong; it says which.
    ShapeError
        If the steps do not fit the input's shape, or the labels the result's.

    Examples
    --------
    >>> import numpy as np
    >>> pipeline = Pipeline("convolve '1 0 -1' padding=same | relu | pool 2")
    >>> pipeline.run(np.arange(16, dtype=np.uint8).reshape(4, 4)).shape
    (2, 2)
    """

    def __init__(
        self,
        steps: str | Iterable[Step],
        *,
        preparation: Iterable[Step] = (),
        input_shape: Shape | None = None,
        labels: Sequence[str] = (),
        description: str = "",
        file: Path | None = None,
        read: Sequence[Path] = (),
    ) -> None:
        self.steps = parse_steps(steps) if isinstance(steps, str) else tuple(steps)
        self.preparation = tuple(preparation)
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.labels = tuple(labels)
        self.description = description
        self.file = file
        self.read = tuple(read)
        if not self.steps:
            raise ArgumentError("the pipeline has no step; name one, such as relu")
        if self.labels and not self.gives_vector:
            raise ArgumentError("labels are for a vector of scores; this ends in a feature map")
        if self.input_shape is not None and all(self.input_shape):
            self._check_labels(self.summary()[-1].shape)

    @classmethod
    def from_file(cls, path: str | Path) -> "Pipeline":
        """Read a pipeline or a network from a file.

        Each ``[[steps]]`` table has an ``operation`` and that operation's arguments; a
        network's input, its preparation and labels stand next to them. Files that it
        names must lie in its own folder.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        ArgumentError
            If the file cannot be read, or a step, an argument, a shape or the labels are
            wrong; it says which.

        Examples
        --------
        >>> from cnnfilter import NETWORKS
        >>> Pipeline.from_file(NETWORKS["digits"]).input_shape
        (28, 28, 1)
        """
        # Only files need it; other pipelines start without.
        from cnnfilter.networks.network import read_network

        return cls.from_network(read_network(Path(path)))

    @classmethod
    def from_network(cls, network: "Network") -> "Pipeline":
        """Return a network's pipeline.

        Raises
        ------
        ArgumentError
            If the steps do not fit the input's shape, or the labels the result's.
        """
        with naming(network.path, ArgumentError):
            return cls(
                network.steps,
                preparation=network.preparation,
                input_shape=network.input_shape,
                labels=network.labels,
                description=network.description,
                file=network.path,
                read=(network.path, *network.weights),
            )

    @classmethod
    def of(cls, text: str) -> "Pipeline":
        """Return a named network, or read a file or steps.

        Parameters
        ----------
        text : str
            A network's name, a file's name, or steps; as for the command ``pipeline``.

        Raises
        ------
        ArgumentError
            If there is no such network or file, or a step is wrong.

        Examples
        --------
        >>> len(Pipeline.of("digits").steps), len(Pipeline.of("relu | pool 2").steps)
        (17, 2)
        """
        if text in NETWORKS:
            return cls.from_file(NETWORKS[text])
        if text.lower().endswith((".toml", ".onnx")):
            return cls.from_file(text)
        is_name = text.partition(" ")[0] not in OPERATIONS
        if is_name and text.lower().endswith((*UNREADABLE_WEIGHTS, ".safetensors", ".npz", ".npy")):
            raise ArgumentError(
                f"{shown(text)}: is not a network's file (.toml, .onnx); name one, whose steps "
                "name their weights"
            )
        if text.isidentifier() and text not in OPERATIONS:
            raise ArgumentError(unknown("network or step", text, [*NETWORKS, *OPERATIONS]))
        return cls(text)

    def up_to(self, step: int | str) -> "Pipeline":
        """Return the pipeline that ends with a step.

        Parameters
        ----------
        step : int or str
            Its number, from 1, or its name.

        Raises
        ------
        ArgumentError
            If there is no such step.

        Examples
        --------
        >>> str(Pipeline("convolve edge | relu | pool 2").up_to(2))
        'convolve kernel=edge | relu'
        """
        number = self._number(str(step))
        if number == len(self.steps):
            return self
        return Pipeline(
            self.steps[:number],
            preparation=self.preparation,
            input_shape=self.input_shape,
            description=self.description,
            file=self.file,
            read=self.files,
        )

    def weighted_by(self, alpha: ArrayLike, opaque: float | None = None) -> "Pipeline":
        """Return the pipeline for an image with this alpha.

        Its layers take the image without alpha. Pixels count as much as they are visible:
        the colour of invisible ones does not bleed into what is visible, as it does without.
        The commands do the same by default.

        Parameters
        ----------
        alpha : array_like
            Shape (H, W), 0 where the image is invisible.
        opaque : number, optional
            The alpha of what is opaque; default: the type's largest integer, or 1 of floats.

        Raises
        ------
        ShapeError
            If a step cannot take an image of this size.

        Examples
        --------
        >>> import numpy as np
        >>> image, alpha = np.array([[90, 90, 0]]), np.array([[1.0, 1.0, 0.0]])
        >>> blur = Pipeline("convolve '1/3 1/3 1/3'")
        >>> blur.run(image).item(), blur.weighted_by(alpha).run(image).item()
        (60.0, 90.0)
        """
        weights: Array | None = as_image(alpha)
        if weights is None or weights.ndim != 2:
            raise ShapeError("alpha has the shape (height, width)")
        opaque = opaque or opaque_of(weights)
        if weights.min() >= opaque:
            return self
        weighted = copy(self)
        weighted.preparation, weights = _weighted(self.preparation, weights, opaque, "preparation")
        weighted.steps, _ = _weighted(self.steps, weights, opaque, "step")
        return weighted

    def with_white(self, white: int | None) -> "Pipeline":
        """Return the pipeline for images whose white is not their type's largest number."""
        if white is None:
            return self
        changed = copy(self)
        changed.preparation, changed.steps = (
            tuple(step.with_layer(step.layer.with_white(white)) for step in steps)
            for steps in (self.preparation, self.steps)
        )
        return changed

    def _number(self, step: str) -> int:
        """Return a step's number, from its number or name."""
        if step.isdecimal():
            if len(step) <= MAX_SHOWN and 1 <= int(step) <= len(self.steps):
                return int(step)
            raise ArgumentError(
                f"there is no step {brief(step)}; the pipeline has {len(self.steps)}"
            )
        titles = [step.title for step in self.steps]
        if step not in titles:
            raise ArgumentError(unknown("step", step, titles))
        return titles.index(step) + 1

    @property
    def gives_vector(self) -> bool:
        """Test whether the result is a vector."""
        return any(step.layer.gives_vector for step in self.steps)

    @property
    def gives_probabilities(self) -> bool:
        """Test whether that vector's values are probabilities."""
        from cnnfilter.layers.activations import Softmax

        return self.gives_vector and isinstance(self.steps[-1].layer, Softmax)

    @property
    def files(self) -> list[Path]:
        """The files that were read."""
        weights = [path for step in (*self.preparation, *self.steps) for path in step.files]
        return list(dict.fromkeys([*self.read, *weights]))

    @property
    def notes(self) -> list[str]:
        """The steps' notes for the person who typed them."""
        return [note for step in self.steps for note in step.layer.notes]

    def __str__(self) -> str:
        """Return the steps as people type them."""
        return " | ".join(str(step) for step in self.steps)

    def prepare(self, image: ArrayLike) -> Array:
        """Prepare an image for the first step.

        Parameters
        ----------
        image : array_like
            Shape (H, W) or (H, W, C).

        Returns
        -------
        ndarray
            The image as it is, where the pipeline has no preparation.

        Raises
        ------
        ShapeError
            If its shape does not fit.
        """
        result = as_features(image)
        for _, prepared in self.preparing(result):
            result = prepared
        return result

    def preparing(self, image: Array) -> Iterator[tuple[Step, Array]]:
        """Iterate over the preparation's steps with their results."""
        return _applied(self.preparation, image, "preparation")

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
            If a step's input does not fit it; the message names the step.

        Examples
        --------
        >>> import numpy as np
        >>> Pipeline.of("digits").run(np.zeros((40, 30), np.uint8)).shape
        (10,)
        """
        result = self.prepare(image)
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
            Each step's name, or its operation where it has none, with its result.

        Examples
        --------
        >>> import numpy as np
        >>> layers = Pipeline("convolve edge | pool 2").trace(np.zeros((6, 6)))
        >>> [(name, result.shape) for name, result in layers]
        [('convolve', (4, 4)), ('pool', (2, 2))]
        """
        return [(step.title, result) for step, result in self.results(self.prepare(image))]

    def results(
        self, prepared: Array, storing: PixelWriter | None = None
    ) -> Iterator[tuple[Step, Array]]:
        """Iterate over the steps with their results for a prepared image.

        With `storing`, the last one's is as a picture stores it.
        """
        return _applied(self.steps, self.as_input(prepared), "step", storing)

    def as_input(self, prepared: Array) -> Array:
        """Return a prepared image with an axis of channels.

        Raises
        ------
        ShapeError
            If its shape is not the network's.
        """
        if self.input_shape is None:
            return prepared
        self._check_input(prepared.shape)
        return prepared[:, :, np.newaxis] if prepared.ndim == 2 else prepared

    def preparation_outlined(self, image: Array) -> Iterator[tuple[Step, Array]]:
        """Iterate over the preparation's steps with placeholders of their results."""
        return _outlined(self.preparation, image, "preparation")

    def outlined(self, prepared: Array) -> Iterator[tuple[Step, Array]]:
        """Iterate over the steps with placeholders of their results."""
        return _outlined(self.steps, self.as_input(prepared), "step")

    def _check_input(self, shape: Shape) -> None:
        if self.input_shape is None:
            return
        given = (*shape, 1) if len(shape) == 2 else shape
        pairs = zip(self.input_shape, given, strict=False)
        if len(given) != 3 or any(length not in (0, here) for length, here in pairs):
            raise ShapeError(
                f"the network takes {_lengths(self.input_shape)} (height, width, channels), "
                f"not {_lengths(given)}"
            )

    def _check_labels(self, shape: Shape) -> None:
        if self.labels and shape != (len(self.labels),):
            raise ShapeError(f"{len(self.labels)} labels for a result of shape {shape}")

    def ranked(self, result: ArrayLike) -> list[tuple[str, float]]:
        """Rank the classes, the likeliest first.

        Parameters
        ----------
        result : array_like
            The result of `run`: shape (N,).

        Returns
        -------
        list of (str, float)
            Label (a number from 0, where there are no labels) and probability or score.

        Raises
        ------
        ShapeError
            If there are not as many labels as values.

        Examples
        --------
        >>> import numpy as np
        >>> Pipeline("flatten | softmax").ranked(np.array([0.25, 0.75]))
        [('1', 0.75), ('0', 0.25)]
        """
        scores = as_features(result)
        if scores.ndim != 1:
            raise ShapeError(f"a vector of scores is ranked, not {scores.shape}")
        self._check_labels(scores.shape)
        check_finite(scores, "the result")
        labels = self.labels or tuple(map(str, range(len(scores))))
        order = np.argsort(-scores.astype(np.float64), kind="stable")
        return [(labels[index], float(scores[index])) for index in order]

    def maps(self) -> tuple[str, ...]:
        """Return the feature maps' names, if any."""
        maps: tuple[str, ...] = ()
        for step in (*self.preparation, *self.steps):
            maps = step.layer.maps(maps)
        return maps

    def summary(self, shape: Shape | None = None) -> "list[LayerSummary]":
        """Return each layer's shape, parameters and receptive field.

        Parameters
        ----------
        shape : tuple of int, optional
            Of the image after preparation: (H, W) or (H, W, C); the network's own, where
            it has one.

        Raises
        ------
        ArgumentError
            If no shape is known.
        ShapeError
            If a step does not fit; the message names it.

        Examples
        --------
        >>> for layer in Pipeline("convolve edge | pool 2").summary((224, 224, 3)):
        ...     print(layer.shape, layer.parameters, layer.receptive_field)
        (222, 222, 3) 9 (3, 3)
        (111, 111, 3) 0 (4, 4)
        >>> sum(layer.parameters for layer in Pipeline.of("digits").summary())
        80106
        """
        from cnnfilter.pipeline.summary import summarize

        if shape is None:
            if self.input_shape is None or not all(self.input_shape):
                raise ArgumentError("the input's shape is not known; give one, such as 224x224x3")
            shape = self.input_shape
        if not 1 <= len(shape) <= 3:
            raise ShapeError(
                f"a shape is (height, width) or (height, width, channels), not {shape}"
            )
        self._check_input(shape)
        return summarize(self.steps, shape)


def _applied(
    steps: Sequence[Step], image: Array, kind: str, storing: PixelWriter | None = None
) -> Iterator[tuple[Step, Array]]:
    for number, step in enumerate(steps, start=1):
        with in_step(steps, number, kind), np.errstate(all="ignore"):
            if storing is not None and number == len(steps):
                image = step.layer.stored(image, storing)
            else:
                image = step.layer(image)
        yield step, image


def _weighted(
    steps: Sequence[Step], alpha: Array | None, opaque: float, kind: str
) -> tuple[tuple[Step, ...], Array | None]:
    """Return steps for an alpha, and the result's."""
    weighted = []
    for number, step in enumerate(steps, start=1):
        if alpha is not None:
            with in_step(steps, number, kind):
                weighted.append(step.with_layer(step.layer.weighted_by(alpha, opaque)))
                if kind == "preparation" or number < len(steps):
                    alpha = step.layer.carry_alpha(alpha, opaque)
        else:
            weighted.append(step)
    return tuple(weighted), alpha


def _outlined(steps: Sequence[Step], image: Array, kind: str) -> Iterator[tuple[Step, Array]]:
    for number, step in enumerate(steps, start=1):
        with in_step(steps, number, kind), np.errstate(all="ignore"):
            shape = step.layer.output_shape(image.shape)
            check_room("the result", shape, itemsize=1)
            dtype = step.layer.output_dtype(image)
        image = np.broadcast_to(_largest(image, dtype), shape)
        yield step, image


def _largest(image: Array, dtype: np.dtype[Any]) -> np.generic:
    """Return the largest value: it may decide the next type."""
    if dtype == image.dtype and dtype.kind in "iu":
        return image[(0,) * image.ndim]
    # Wider sums may be an error, which only the values themselves show.
    largest = np.finfo(dtype).max if dtype.kind == "f" else min(np.iinfo(dtype).max, 2**40)
    return dtype.type(largest)


def _lengths(shape: Shape) -> str:
    return " x ".join(str(length) if length else "any" for length in shape)
