"""Memory of a run, computed from shapes and types before an image is decoded.

Memory is added up for three moments, the largest of which counts:

=======  ==================================================================================
read     the decoder's buffers, and the image's arrays
compute  the image; each step's input and output; results that are kept
write    the results; the written one's pixels, and the encoder's buffers
=======  ==================================================================================

To them are added a process before it reads anything (`PROCESS`, `MODULES`) and the buffers of
tiles (`SCRATCH`). The buffers of codecs are in the table of formats. All were measured by
``tests/benchmarks/memory.py`` and are upper bounds: its ratios, the figure divided by the peak,
are to lie from 1 to 1.25. The constants are for Python 3.11 and later, NumPy 2, Pillow 11 and
later on 64-bit Linux.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, prod

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.quantize import PixelWriter
from cnnfilter.batch.job import storing_of
from cnnfilter.batch.outputs import OutputFile
from cnnfilter.batch.recipe import Recipe, SourceInfo
from cnnfilter.batch.splitting import SplitTask
from cnnfilter.batch.task import PipelineTask, Result, Task
from cnnfilter.files.capacity import kept_depth
from cnnfilter.files.format import Pages
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import Image
from cnnfilter.layers.base import Layer
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.pooling import Pooling
from cnnfilter.layers.resizing import Resizing

MIB = 2**20
#: Bytes of a process before it reads an image: Python, NumPy, Pillow, the command.
PROCESS = 40 * MIB
#: Bytes of modules that not every run imports.
MODULES = {
    "tifffile": 4 * MIB,
    "Pillow's rarer formats": 3 * MIB,
    "scikit-image": 26 * MIB,
    "imagecodecs": 5 * MIB,
}
#: Bytes, independent of the image's size: for the strips of a picture and the tiles of a kernel;
#: for one more kernel; for kernels that are combined; for values that are stretched.
SCRATCH, KERNEL, COMBINED, STRETCHED = 6 * MIB, 3 * MIB, 12 * MIB, 9 * MIB
#: Bytes of the blocks in which pixels count by their alpha.
VISIBLE = 8 * MIB
#: Bytes that each worker keeps of one image for the next, at most: the C library keeps up to three
#: tenths of freed memory, and returns larger arrays at once.
RETAINED = 20 * MIB
#: The factor by which the C library and the system round up.
MARGIN = 1.03
#: Bytes of the server that starts worker processes, and of the resource tracker.
HELPERS = 50 * MIB
#: Bytes of a drawing, independent of the image's size: computed rows, a page, an encoder.
DRAWN = {
    "plot": 90 * MIB,  # with Matplotlib, which is imported when the image is read
    "sheet": 20 * MIB,
    "preview": 20 * MIB,
    "animate": 25 * MIB,
    "encoder": 65 * MIB,
}
#: Pixels along a panel of an animation, and its frames, at most.
ANIMATED_SIDE, ANIMATED_FRAMES = 352, 150


@dataclass(frozen=True)
class Need:
    """Memory that one image takes.

    Attributes
    ----------
    bytes : int
        At its peak, without imported modules.
    modules : frozenset of str
        Those of `MODULES` that it imports.
    """

    bytes: int
    modules: frozenset[str] = frozenset()


def peak(needs: Sequence[Need], workers: int, *, processes: bool = False) -> int:
    """Return the bytes of a run at its peak.

    Parameters
    ----------
    needs : sequence of Need
        Of its images.
    workers : int
        Number of images at once: the largest may coincide.
    processes : bool
        Whether each worker is a process.
    """
    modules = frozenset[str]().union(*(need.modules for need in needs))
    process = PROCESS + sum(MODULES[name] for name in modules)
    largest_first = sorted((need.bytes for need in needs), reverse=True)[:workers]
    largest = sum(largest_first)
    if len(needs) > workers:
        largest += sum(min(size * 3 // 10, RETAINED) for size in largest_first)
    if processes:
        process = PROCESS + HELPERS + workers * process
    return int(MARGIN * (process + largest))


def need(
    image: Image, recipe: Recipe, results: Sequence[Result], files: Sequence[OutputFile]
) -> Need:
    """Return the memory that one image takes.

    Parameters
    ----------
    image : Image
        Its head.
    recipe : Recipe
    results : sequence of Result
        Blank ones.
    files : sequence of OutputFile
        What would be written.
    """
    job = _Job(image, recipe, results, files)
    return Need(job.bytes, frozenset(job.modules()))


@dataclass(frozen=True, eq=False)
class _Job:
    """An image with what is done to it; see `need`."""

    image: Image
    recipe: Recipe
    results: Sequence[Result]
    files: Sequence[OutputFile]

    @property
    def task(self) -> Task:
        """The recipe's."""
        return self.recipe.task

    @property
    def bytes(self) -> int:
        """Bytes at the peak."""
        computing = self._computing()
        writing = max((self._writing(file) for file in self.files), default=0)
        scratch = SCRATCH + self._kernels()
        if self.recipe.range not in (None, "clip"):
            scratch += STRETCHED
        return scratch + max(self.image.reading, computing, self._kept + writing)

    @cached_property
    def _layers(self) -> list[tuple[Layer, Array, Array]]:
        return list(_steps(self.image, self.task)) if isinstance(self.task, PipelineTask) else []

    @cached_property
    def _storing(self) -> PixelWriter | None:
        """The storing of the last result while it is computed; None if it is not stored then."""
        if not isinstance(self.task, PipelineTask):
            return None
        storing = storing_of(self.image, SourceInfo.of(self.image), self.recipe)
        may_come_apart = storing is not None and self.task.may_come_apart(self.image, storing)
        layer, before, _ = self._layers[-1]
        if may_come_apart:
            return storing if layer.stores_tiles(before) else None
        return storing if self.task.gives_picture else None

    @property
    def _comes_apart(self) -> bool:
        """Test whether maps are computed one by one, when they are written."""
        is_picture = isinstance(self.task, PipelineTask) and self.task.gives_picture
        return self._storing is not None and not is_picture

    @cached_property
    def _kept(self) -> int:
        """Bytes held when all results are computed."""
        if self._comes_apart:  # what the maps are computed of
            return self._layers[-1][1].nbytes + self._alpha
        if self._storing is None:
            return sum(result.pixels.nbytes for result in self.results) + self._alpha
        stored = self.results[-1].pixels.size * self._storing.dtype.itemsize
        return stored + self._alpha

    @property
    def _alpha(self) -> int:
        """Bytes of the last result's alpha, which outlines leave out."""
        if self.image.alpha is None or not isinstance(self.task, PipelineTask):
            return 0
        return prod(self.results[-1].pixels.shape[:2]) * self.image.alpha.itemsize

    @property
    def _alphas(self) -> int:
        """Bytes of the alpha that each further layer, and its result, has."""
        if not self._counts_alpha:
            return 0
        kinds = [isinstance(layer, Pooling) for layer, _, _ in self._layers]
        sizes = [
            max(4, self.image.pixels.itemsize) if any(kinds[:n]) else 1 for n in range(len(kinds))
        ]
        return sum(
            2 * size * prod(before.shape[:2])
            for (layer, before, _), size in zip(self._layers[1:], sizes[1:], strict=True)
            if layer.mixes_pixels
        )

    @property
    def _counts_alpha(self) -> bool:
        """Test whether pixels may count as they are visible."""
        if self.image.alpha is None or not isinstance(self.task, PipelineTask):
            return self.recipe.no_data is not None
        return self.task.alpha == "weight" and not self.task.gives_vector

    def _computing(self) -> int:
        """Return the bytes at the peak of computing."""
        held = most = self.image.nbytes + self._alphas
        stages = isinstance(self.task, PipelineTask) and self.task.stages
        for number, (layer, before, after) in enumerate(self._layers, start=1):
            is_last = number == len(self._layers)
            comes_in = 0 if before is self.image.pixels or stages else before.nbytes
            comes_out = self._coming_out(layer, before, after) if is_last else after.nbytes
            most = max(
                most,
                held
                + comes_in
                + comes_out
                + _less_channels(layer, before)
                + (_of_visible(layer, before) if self._counts_alpha else 0),
            )
            held += after.nbytes if stages else 0
        if isinstance(self.task, SplitTask) and self.task.space != "rgb":
            # Those of rgb are views of the image.
            most += sum(result.pixels.nbytes for result in self.results)
        return most + self._alpha

    def _coming_out(self, layer: Layer, before: Array, after: Array) -> int:
        """Return the bytes that the last layer makes: values, pixels, or both."""
        if self._storing is None:
            return after.nbytes
        pixels = 0 if self._comes_apart else after.size * self._storing.dtype.itemsize
        return pixels if layer.stores_tiles(before) else after.nbytes + pixels

    def _kernels(self) -> int:
        """Return the bytes for the tiles of further kernels."""
        layers = [layer for layer, _, _ in self._layers if isinstance(layer, Convolution)]
        sizes = [
            KERNEL * (len(layer.kernels) - 1) + (COMBINED if layer.combine else 0)
            for layer in layers
        ]
        return 0 if self._comes_apart else max(sizes, default=0)

    def _writing(self, file: OutputFile) -> int:
        """Return the bytes for writing a file: pixels, Pillow's picture, and the encoder.

        Pixels count only if they are not the result itself.
        """
        encoding, part = file.output.encoding, file.part
        format = FORMATS[str(encoding.format)]
        pixels, values = prod(part.pixels.shape[:2]), part.pixels.size
        if not format.is_picture:
            return format.memory.writing.bytes(pixels, values)
        alpha = pixels if self._alpha else 0
        depth = encoding.depth or self.image.depth
        kept = kept_depth(part.pixels, self.image.alpha, str(encoding.format), depth)
        is_stored = self._storing is not None or part.pixels.dtype == np.dtype(f"uint{depth}")
        stored = 0 if is_stored and not self._comes_apart else values * depth // 8
        if kept < depth:
            stored += values
        is_plain = values == pixels and not alpha
        is_pillows = format.library == "pillow"
        picture = 4 * pixels if is_pillows and not is_plain else 0  # a grey one is the array
        encoder = format.memory.writing
        is_deep = kept == 16 and not is_plain and not (format.extra or format.deep_extra)
        if isinstance(format.frames, Pages) or is_deep:  # a strip at a time
            return stored
        if encoding.quality is not None and not alpha:
            encoder = format.memory.writing_lossy or encoder
        if kept == 16:
            encoder = format.memory.writing_deep or encoder
        return stored + picture + encoder.bytes(pixels, values + alpha)

    def modules(self) -> Iterator[str]:
        """Yield the further modules that are imported."""
        source = FORMATS[self.image.format]
        written = [
            FORMATS[name] for name in {str(file.output.encoding.format) for file in self.files}
        ]
        if source.numbers or source.library == "tifffile":
            yield "tifffile"
        if any(format.is_rare for format in (source, *written)):
            yield "Pillow's rarer formats"
        if any(format.library in ("imagecodecs", "pi_heif") for format in (source, *written)):
            yield "imagecodecs"
        if isinstance(self.task, SplitTask) and self.task.space != "rgb":
            yield "scikit-image"


def _steps(image: Image, task: PipelineTask) -> Iterator[tuple[Layer, Array, Array]]:
    """Yield each layer with its blank input and output."""
    before = image.pixels
    for outlined in (task.pipeline.preparation_outlined, task.pipeline.outlined):
        for step, after in outlined(before):
            yield step.layer, before, after
            before = after


def _less_channels(layer: Layer, before: Array) -> int:
    """Return the bytes of a convolution's grey or summed input."""
    if not isinstance(layer, Convolution) or before.ndim == 2 or layer.channels == "each":
        return 0
    pixels = before.shape[0] * before.shape[1]
    if layer.channels == "gray":
        return pixels * before.itemsize
    return pixels * layer.groups * layer.output_dtype(before).itemsize if layer.bank is None else 0


def _of_visible(layer: Layer, before: Array) -> int:
    """Return the bytes in which pixels count by their alpha."""
    if isinstance(layer, Convolution):
        return VISIBLE
    if isinstance(layer, Pooling):
        rows = min(before.shape[0], layer.window_for(before.shape).extent[0])
        bytes = (prod(before.shape[2:]) + 1) * before.itemsize + 3
        strip = rows * before.shape[1] * (bytes + (8 if layer.mode == "median" else 0))
        return VISIBLE + strip
    columns = 0 if not isinstance(layer, Resizing) else layer.size[1]
    return 3 * 8 * before.shape[0] * columns


def drawing(image: Image, task: Task, option: str, format: str = "") -> Need:
    """Return the memory for drawing an image's results, of which no map is held.

    Parameters
    ----------
    image : Image
        Its head.
    task : Task
    option : {"plot", "sheet", "animate", "preview"}
    format : str
        The drawing's format.
    """
    held = image.nbytes + DRAWN[option]
    if option == "animate" and isinstance(task, PipelineTask):
        pixels = _frames_pixels(image, task)
        encoder = 4 * pixels if format == "webp" else 0
        held = 3 * pixels + max(held, DRAWN["encoder"] + encoder)
    if isinstance(task, SplitTask) and task.space != "rgb":
        held += MODULES["scikit-image"]
    return Need(max(image.reading, held))


def _frames_pixels(image: Image, task: PipelineTask) -> int:
    """Return the pixels of all frames of an animation; see `cnnfilter.view.animation`."""
    *_, (layer, before, after) = _steps(image, task)
    height = width = 0
    for panel in (before, after):
        side = ANIMATED_SIDE / max(panel.shape[:2])
        height = max(height, ceil(side * panel.shape[0]))
        width += ceil(side * panel.shape[1])
    kernel = isinstance(layer, Convolution) and len(layer.kernels) == 1
    margins = (270 if kernel else 60), 90
    return (
        min(ANIMATED_FRAMES, prod(after.shape[:2])) * (width + margins[0]) * (height + margins[1])
    )
