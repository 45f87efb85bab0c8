"""A pipeline's forward pass through one image: each step's input and result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import as_features
from cnnfilter.arrays.geometry import Place, Region, Shape
from cnnfilter.arrays.rows import HeldRows, Rows
from cnnfilter.pipeline.pipeline import Pipeline
from cnnfilter.pipeline.streaming import rows_of
from cnnfilter.steps.step import Step


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """The input and result of each step of a pipeline.

    Attributes
    ----------
    pipeline : Pipeline
    picture : ndarray
        The image before preparation: shape (H, W) or (H, W, C).
    rows : tuple of Rows
        The prepared image, which step 1 takes, and then each step's result.
    names : tuple of tuple of str
        The names of the feature maps of each of these; empty for an image or a vector.
    """

    pipeline: Pipeline
    picture: Array
    rows: tuple[Rows, ...]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, pipeline: Pipeline, image: Array) -> "ForwardPass":
        """Run a pipeline, and hold all results.

        Raises
        ------
        CnnFilterError
            If a step cannot take its input; the message names the step.

        Examples
        --------
        >>> import numpy as np
        >>> forward = ForwardPass.of(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
        >>> [values.shape for values in forward.maps]
        [(6, 6), (4, 4), (2, 2)]
        """
        picture = as_features(image)
        first = pipeline.as_input(pipeline.prepare(picture))
        maps = [first, *(result for _, result in pipeline.results(first))]
        return cls._named(pipeline, picture, map(HeldRows, maps))

    @classmethod
    def by_rows(cls, pipeline: Pipeline, image: Array) -> "ForwardPass":
        """Run a pipeline, by rows where they are needed.

        Raises
        ------
        CnnFilterError
            As `of`.

        Examples
        --------
        >>> import numpy as np
        >>> forward = ForwardPass.by_rows(Pipeline("convolve edge | pool 2"), np.zeros((6, 6)))
        >>> forward.shapes
        ((6, 6), (4, 4), (2, 2))
        """
        picture = as_features(image)
        forward = cls._named(pipeline, picture, rows_of(pipeline, picture))
        forward.rows[-1].extremes  # noqa: B018 - an error is one wherever it is
        return forward

    @classmethod
    def _named(cls, pipeline: Pipeline, picture: Array, rows: Iterable[Rows]) -> "ForwardPass":
        names: list[tuple[str, ...]] = [()]
        for step in pipeline.preparation:
            names[0] = step.layer.maps(names[0])
        for step in pipeline.steps:
            names.append(step.layer.maps(names[-1]))
        return cls(pipeline, picture, tuple(rows), tuple(names))

    @cached_property
    def maps(self) -> tuple[Array, ...]:
        """The prepared image and the results, as arrays."""
        return tuple(rows.whole() for rows in self.rows)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shapes of the prepared image and of the results."""
        return tuple(rows.shape for rows in self.rows)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, which turn ``maps[n]`` into ``maps[n + 1]``."""
        return self.pipeline.steps

    def regions_before(self, at: Place) -> tuple[Region | None, ...]:
        """Return the regions that a value depends on.

        One for the input of each step; None where it is padding alone.
        """
        return _followed(self.steps, self.shapes[:-1], Region.at(at))

    def region_in_picture(self, region: Region | None) -> Region | None:
        """Return the region of the picture that a region of its input depends on.

        None if that is padding alone, or there was no preparation.
        """
        if not self.pipeline.preparation:
            return None
        shapes = [self.picture.shape]
        for step in self.pipeline.preparation[:-1]:
            shapes.append(step.layer.output_shape(shapes[-1]))
        return _followed(self.pipeline.preparation, shapes, region)[0]

    @property
    def global_steps(self) -> tuple[str, ...]:
        """Steps whose values depend on their whole input."""
        steps = (*self.pipeline.preparation, *self.steps)
        return tuple(dict.fromkeys(s.described() for s in steps if s.layer.depends_on_all))


def _followed(
    steps: Sequence[Step], shapes: Sequence[Shape], region: Region | None
) -> tuple[Region | None, ...]:
    """Follow a region back through the steps."""
    regions: list[Region | None] = []
    for step, shape in zip(reversed(steps), reversed(shapes), strict=True):
        region = None if region is None else step.layer.region_before(region, shape)
        regions.insert(0, region)
    return tuple(regions)
