"""A pipeline's way through one image: what each step took and gave."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_features
from cnnfilter.arrays.geometry import Shape
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.pipeline.streaming import HeldRows, Rows, rows_of
from cnnfilter.steps.step import Step


@dataclass(frozen=True, eq=False)
class Trace:
    """What each step of a pipeline took and gave.

    Attributes
    ----------
    pipeline : Pipeline
    picture : ndarray
        The image as it was given: shape (H, W) or (H, W, C).
    rows : tuple of Rows
        The image after preparation, which step 1 takes, and then each step's result.
    names : tuple of tuple of str
        For each of these, what its feature maps are called; empty where it is an image or a
        vector.
    """

    pipeline: Pipeline
    picture: Array
    rows: tuple[Rows, ...]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, pipeline: Pipeline, image: Array) -> "Trace":
        """Run a pipeline and hold all that comes out.

        Raises
        ------
        CnnFilterError
            If a step cannot take what it is given; the message names the step.

        Examples
        --------
        >>> import numpy as np
        >>> trace = Trace.of(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
        >>> [each.shape for each in trace.maps]
        [(6, 6), (4, 4), (2, 2)]
        """
        picture = as_features(image)
        first = pipeline.as_input(pipeline.prepare(picture))
        maps = [first, *(result for _, result in pipeline.results(first))]
        return cls._named(pipeline, picture, map(HeldRows, maps))

    @classmethod
    def by_rows(cls, pipeline: Pipeline, image: Array) -> "Trace":
        """Run a pipeline whose maps are computed where they are looked at.

        Raises
        ------
        CnnFilterError
            As `of`.

        Examples
        --------
        >>> import numpy as np
        >>> trace = Trace.by_rows(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
        >>> trace.shapes
        ((6, 6), (4, 4), (2, 2))
        """
        picture = as_features(image)
        trace = cls._named(pipeline, picture, rows_of(pipeline, picture))
        trace.rows[-1].extremes  # noqa: B018 - an error is one wherever it is
        return trace

    @classmethod
    def _named(cls, pipeline: Pipeline, picture: Array, rows: Iterable[Rows]) -> "Trace":
        names: list[tuple[str, ...]] = [()]
        for step in pipeline.preparation:
            names[0] = step.layer.maps(names[0])
        for step in pipeline.steps:
            names.append(step.layer.maps(names[-1]))
        return cls(pipeline, picture, tuple(rows), tuple(names))

    @cached_property
    def maps(self) -> tuple[Array, ...]:
        """Each of the maps as a whole."""
        return tuple(each.whole() for each in self.rows)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Each map's shape."""
        return tuple(each.shape for each in self.rows)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps; number n, from 0, takes ``maps[n]`` and gives ``maps[n + 1]``."""
        return self.pipeline.steps
