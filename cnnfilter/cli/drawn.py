"""What is drawn of one image: a command's results by their rows, none held as a whole.

Memory at the peak, in bytes, beside the modules and whatever the number of maps:

- figures, sheets, previews: height * width * channels * item size of the picture, about
  6 * `rows.BAND`, a strip of each layer's maps (some hundred rows), about three times one
  channel where a step resizes, and for each map shown the few pixels that are kept of it (a
  figure's: 300 dots an inch, a preview's: at most 2048 a side, 3 bytes each);
- animations: the same and, of each of up to 150 frames, 3 bytes a pixel; while they are
  encoded the picture is gone, and Pillow takes 1 byte a pixel of each for GIF, 4 for WebP.

Decoding the picture may have taken more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.checks import check_finite
from cnnfilter.arrays.quantize import Storing
from cnnfilter.arrays.rows import Rows
from cnnfilter.batch.task import PipelineTask, Result, Task, without_alpha
from cnnfilter.cli.preview import preview_size
from cnnfilter.errors import NotFiniteError
from cnnfilter.files.image import Image
from cnnfilter.layers.channels import rgb
from cnnfilter.pipeline.streaming import rows_of, traced_rows
from cnnfilter.view.canvas import Reducing
from cnnfilter.view.colours import Scale


class Drawn:
    """What a command makes of an image.

    Attributes
    ----------
    result : Result
        What is known of the last result without its values; channels that lie on each other
        are one.
    rows : Rows
        Its values.
    """

    def __init__(self, task: Task, image: Image) -> None:
        self._work, self._image = task, image
        self._outlines = task.outline(image)
        self.result = _joined(self._outlines)
        if isinstance(task, PipelineTask):
            self.rows = rows_of(task.pipeline, taken(task, image))[-1]
        else:
            self.rows = _ChannelRows(task, image)

    def stages(self) -> list[tuple[Result, Rows]]:
        """Return every layer's result, where a pipeline has several and no step is chosen."""
        task = self._work
        if not isinstance(task, PipelineTask) or task.layers == 1 or task.single_step:
            return [(self.result, self.rows)]
        prepared, maps = traced_rows(task.pipeline, taken(task, self._image))
        outlines = [one for one in replace(task, stages=True).outline(self._image) if one.is_stage]
        return list(zip(outlines, [*prepared, *maps[1:]], strict=True))

    def previews(self, range: str, most: int) -> tuple[list["Preview"], int]:
        """Return pictures of the results as they would be stored, and how many there are.

        Parameters
        ----------
        range : str
            See `quantize`.
        most : int
            So many are returned.

        Raises
        ------
        NotFiniteError
            If a value is NaN or infinite.
        """
        first = self._pictures(next(self.rows.bands()))
        spans = [Scale(0, 0)] * len(first)
        if range in ("minmax", "symmetric"):
            bands = ([Scale.of([each.pixels]) for each in part] for part in self._bands())
            spans = [
                Scale.of(np.array([one.low, one.high]) for one in scales)
                for scales in zip(*bands, strict=True)
            ]
        depth = first[0].depth or self._image.depth
        drawn = [
            Preview(part, self.rows.shape, Storing(range, depth, (span.low, span.high)))
            for part, span in zip(first[:most], spans, strict=False)
        ]
        alpha = _alpha(self._work, self._image)
        above = 0
        for parts in self._bands():
            here = slice(above, above + len(parts[0].pixels))
            for preview, part in zip(drawn, parts, strict=False):
                try:
                    preview.add(part.pixels, None if alpha is None else alpha[here])
                except NotFiniteError:
                    for each in self._pictures(self.rows.whole()):
                        check_finite(each.pixels, "the result")
                    raise
            above = here.stop
        return drawn, len(first)

    def _bands(self) -> Iterator[list[Result]]:
        return map(self._pictures, self.rows.bands())

    def _pictures(self, band: Array) -> list[Result]:
        """Make pictures of some rows of the results."""
        if len(self._outlines) == 1:
            return self._work.pictures(self._outlines[0].with_pixels(band))
        return [
            picture
            for channel, each in enumerate(self._outlines)
            for picture in self._work.pictures(each.with_pixels(band[:, :, channel]))
        ]


class Preview:
    """A picture for a terminal, made of bands of a result.

    Attributes
    ----------
    name : str
    shape : tuple of int
        The result's.
    """

    def __init__(self, part: Result, shape: Sequence[int], storing: Storing) -> None:
        self.name, self.shape = part.name, (shape[0], *part.pixels.shape[1:])
        self._storing = storing
        self._small = Reducing(shape, *preview_size(self.shape))

    def add(self, values: Array, alpha: Array | None) -> None:
        """Take the next rows: as stored, in 8 bits and colours, on white paper."""
        pixels = self._storing.pixels(values)
        if alpha is not None:
            pixels = without_alpha(Image(pixels, alpha))
        if pixels.dtype.itemsize > 1:
            pixels = (pixels // 257).astype(np.uint8)
        self._small.add(rgb(pixels))

    @property
    def pixels(self) -> Array:
        """The picture: uint8, shape (h, w, 3)."""
        return self._small.picture


class _ChannelRows(Rows):
    """An image's channels, in a colour space, as one map."""

    def __init__(self, task: Task, image: Image) -> None:
        self._work, self._image = task, image
        outlines = task.outline(image)
        depth = (len(outlines),) if len(outlines) > 1 else ()
        self.shape = (*image.pixels.shape[:2], *depth)
        # A colour space takes several float64 of each value.
        self.row_bytes = image.pixels.shape[1] * len(outlines) * 32

    def compute(self, first: int, stop: int) -> Array:
        """Split some rows into channels."""
        image, here = self._image, slice(first, stop)
        alpha = None if image.alpha is None else image.alpha[here]
        channels = self._work.results(replace(image, pixels=image.pixels[here], alpha=alpha))
        arrays = [each.pixels for each in channels]
        return arrays[0] if len(arrays) == 1 else np.dstack(arrays)


def taken(task: PipelineTask, image: Image) -> Array:
    """Return the pixels that a pipeline takes; a prediction's picture lies on white paper."""
    return without_alpha(image) if task.gives_vector else image.pixels


def _alpha(task: Task, image: Image) -> Array | None:
    """Return a result's alpha, which follows the geometry of each step."""
    alpha = image.alpha
    if not isinstance(task, PipelineTask):
        return None
    for step in (*task.pipeline.preparation, *task.pipeline.steps):
        alpha = None if alpha is None else step.layer.carry_alpha(alpha)
    return alpha


def _joined(results: Sequence[Result]) -> Result:
    """Make one result of channels that lie on each other."""
    if len(results) == 1:
        return results[0]
    return replace(results[0], name="", channels=tuple(result.name for result in results))
