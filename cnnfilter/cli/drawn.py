"""A command's results for one image, read by rows to be drawn; none is held as a whole.

Peak memory in bytes, without the modules and for any number of maps:

- figures, sheets, previews: height * width * channels * item size of the picture, about
  6 * `rows.BAND`, a strip of each layer's maps (some hundred rows), about three times one
  channel if a step resizes, and the reduced pixels of each map shown (of a figure 300 dots an
  inch, of a preview at most 2048 a side, 3 bytes each);
- animations: the same, and 3 bytes a pixel for each of up to 150 frames; while they are
  encoded the picture is freed, and Pillow takes 1 byte a pixel of each for GIF, 4 for WebP.

Decoding the picture may have taken more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import check_finite
from cnnfilter.arrays.colour import over_white
from cnnfilter.arrays.dtypes import opaque_of
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.arrays.rows import Rows
from cnnfilter.arrays.spaces import full_scale
from cnnfilter.batch.task import PipelineTask, Result, Task
from cnnfilter.errors import NotFiniteError
from cnnfilter.files.image import Image
from cnnfilter.layers.channels import rgb
from cnnfilter.pipeline.streaming import rows_of, traced_rows
from cnnfilter.view.canvas import Reducing, reduced_size
from cnnfilter.view.colours import Scale
from cnnfilter.view.preview import LONGEST


class Drawn:
    """A command's results for an image.

    Attributes
    ----------
    result : Result
        The last result without its values; the channels of a split are one result.
    rows : Rows
        Its values.
    """

    def __init__(self, task: Task, image: Image) -> None:
        self._task, self._image = task, image
        self._outlines = task.outline(image)
        self.result = _joined(self._outlines)
        if isinstance(task, PipelineTask):
            self.rows = rows_of(task.pipeline_for(image), task.input_of(image))[-1]
        else:
            self.rows = _ChannelRows(task, image)

    def stages(self) -> list[tuple[Result, Rows]]:
        """Return each layer's result, or the chosen step's."""
        task = self._task
        if not isinstance(task, PipelineTask) or task.layers == 1 or task.single_step:
            return [(self.result, self.rows)]
        pipeline = task.pipeline_for(self._image)
        prepared, maps = traced_rows(pipeline, task.input_of(self._image))
        outlines = replace(task, stages=True).outline(self._image)
        outlines = [outline for outline in outlines if outline.is_stage]
        return list(zip(outlines, [*prepared, *maps[1:]], strict=True))

    def previews(self, range: str, most: int) -> tuple[list["Preview"], int]:
        """Return pictures of the results, and their number.

        Parameters
        ----------
        range : str
            See `quantize`.
        most : int
            The most pictures to return.

        Raises
        ------
        NotFiniteError
            If a value is NaN or infinite.
        """
        first = self._pictures(next(self.rows.bands()))
        spans = [Scale(0, 0)] * len(first)
        if range in ("minmax", "symmetric"):
            bands = ([Scale.of([part.pixels]) for part in parts] for parts in self._bands())
            spans = [
                Scale.of(np.array([scale.low, scale.high]) for scale in scales)
                for scales in zip(*bands, strict=True)
            ]
        depth = first[0].depth or self._image.depth
        white = self._image.white if first[0].depth is None else None
        drawn = [
            Preview(part, self.rows.shape, PixelWriter(range, depth, (span.low, span.high), white))
            for part, span in zip(first[:most], spans, strict=False)
        ]
        alpha = _alpha(self._task, self._image)
        top = 0
        for parts in self._bands():
            here = slice(top, top + len(parts[0].pixels))
            for preview, part in zip(drawn, parts, strict=False):
                try:
                    preview.add(part.pixels, None if alpha is None else alpha[here])
                except NotFiniteError:
                    for whole in self._pictures(self.rows.whole()):
                        check_finite(whole.pixels, "the result")
                    raise
            top = here.stop
        return drawn, len(first)

    def _bands(self) -> Iterator[list[Result]]:
        return map(self._pictures, self.rows.bands())

    def _pictures(self, band: Array) -> list[Result]:
        """Return pictures of some rows of the results."""
        if len(self._outlines) == 1:
            return self._task.pictures(self._outlines[0].with_pixels(band))
        return [
            picture
            for channel, outline in enumerate(self._outlines)
            for picture in self._task.pictures(outline.with_pixels(band[:, :, channel]))
        ]


class Preview:
    """A picture for a terminal, made from bands of a result.

    Attributes
    ----------
    name : str
    shape : tuple of int
        The result's.
    """

    def __init__(self, part: Result, shape: Sequence[int], storing: PixelWriter) -> None:
        self.name, self.shape = part.name, (shape[0], *part.pixels.shape[1:])
        self._storing = storing
        self._small = Reducing(shape, *reduced_size(self.shape, LONGEST))

    def add(self, values: Array, alpha: Array | None) -> None:
        """Add the next rows as stored, in 8 bits."""
        pixels = self._storing.pixels(values)
        if alpha is not None:
            white = full_scale(pixels)
            pixels = over_white(pixels, white * alpha, white)
        if pixels.dtype.itemsize > 1:
            pixels = (pixels // 257).astype(np.uint8)
        self._small.add(rgb(pixels))

    @property
    def pixels(self) -> Array:
        """The picture: uint8, shape (h, w, 3)."""
        return self._small.picture


class _ChannelRows(Rows):
    """An image's channels in a colour space, as one map."""

    def __init__(self, task: Task, image: Image) -> None:
        self._task, self._image = task, image
        outlines = task.outline(image)
        depth = (len(outlines),) if len(outlines) > 1 else ()
        self.shape = (*image.pixels.shape[:2], *depth)
        # A colour space takes several float64 for each value.
        self.row_bytes = image.pixels.shape[1] * len(outlines) * 32

    def compute(self, first: int, stop: int) -> Array:
        """Split some rows into channels."""
        image, here = self._image, slice(first, stop)
        alpha = None if image.alpha is None else image.alpha[here]
        channels = self._task.results(replace(image, pixels=image.pixels[here], alpha=alpha))
        arrays = [channel.pixels for channel in channels]
        return arrays[0] if len(arrays) == 1 else np.dstack(arrays)


def _alpha(task: Task, image: Image) -> Array | None:
    """Return the result's alpha, from 0 to 1, after the geometry of each step."""
    alpha = image.alpha
    if alpha is None or not isinstance(task, PipelineTask):
        return None
    opaque = image.opaque or opaque_of(alpha)
    for step in (*task.pipeline.preparation, *task.pipeline.steps):
        alpha = None if alpha is None else step.layer.carry_alpha(alpha, opaque)
    return None if alpha is None else alpha / np.float32(opaque)


def _joined(results: Sequence[Result]) -> Result:
    """Return the channels of a split as one result."""
    if len(results) == 1:
        return results[0]
    return replace(results[0], name="", channels=tuple(result.name for result in results))
