"""A pipeline's way through one image: what each step took and gave."""

from dataclasses import dataclass

from cnnfilter.core.arrays import Array, as_features
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.pipeline.steps import Step


@dataclass(frozen=True, eq=False)
class Trace:
    """What each step of a pipeline took and gave.

    Attributes
    ----------
    pipeline : Pipeline
    picture : ndarray
        The image as it was given: shape (H, W) or (H, W, C).
    maps : tuple of ndarray
        The image after preparation, which step 1 takes, and then each step's result.
    names : tuple of tuple of str
        For each of `maps`, what its feature maps are called; empty where it is an image or a
        vector.
    """

    pipeline: Pipeline
    picture: Array
    maps: tuple[Array, ...]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, pipeline: Pipeline, image: Array) -> "Trace":
        """Run a pipeline.

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
        maps = [pipeline.as_input(pipeline.prepare(picture))]
        names: list[tuple[str, ...]] = [()]
        for step in pipeline.preparation:
            names[0] = step.layer.maps(names[0])
        for step, result in pipeline.results(maps[0]):
            maps.append(result)
            names.append(step.layer.maps(names[-1]))
        return cls(pipeline, picture, tuple(maps), tuple(names))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps; number n, from 0, takes ``maps[n]`` and gives ``maps[n + 1]``."""
        return self.pipeline.steps
