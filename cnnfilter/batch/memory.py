"""The memory that a run takes, known from shapes and types before an image is decoded.

What is held is added up for each of three moments, the largest of which counts:

=======  ==================================================================================
read     what the decoder holds, and the image's arrays
compute  the image; of each step what goes in and what comes out; results that are kept
write    the results; of the one that is written its pixels, and what the encoder holds
=======  ==================================================================================

Beside them stand what a process takes before it reads anything (`PROCESS`, `MODULES`), and
what tiles are computed in (`SCRATCH`). What codecs hold is in the table of formats. All of
these were measured by ``tests/benchmarks/memory.py`` and are upper bounds: its ratios, the
figure divided by the peak, are to lie from 1 to 1.25. The constants stand for Python 3.11 and
later, NumPy 2, Pillow 11 and later on 64-bit Linux.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from cnnfilter.batch.jobs import storing_of
from cnnfilter.batch.splitting import Splitting
from cnnfilter.batch.target import Target
from cnnfilter.batch.work import Filtering, Result, Work
from cnnfilter.batch.writings import Origin, Writing
from cnnfilter.core.arrays import Array
from cnnfilter.core.convolution import Convolution
from cnnfilter.core.layer import Layer
from cnnfilter.core.quantize import Storing
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.images import Image
from cnnfilter.files.save import kept_depth

MIB = 2**20
#: What a process takes before it reads an image: Python, NumPy, Pillow, the command.
PROCESS = 40 * MIB
#: What modules take that not every run imports.
MODULES = {
    "tifffile": 4 * MIB,
    "Pillow's rarer formats": 3 * MIB,
    "scikit-image": 26 * MIB,
    "Matplotlib": 45 * MIB,
}
#: What the strips of a picture and the tiles of a kernel take, whatever the image's size; those
#: of one more kernel; those of kernels that are combined; those of values that are stretched.
SCRATCH, KERNEL, COMBINED, STRETCHED = 5 * MIB, 3 * MIB, 12 * MIB, 9 * MIB
#: Of workers that are processes: the server that starts them, and the tracker.
HELPERS = 50 * MIB


#: What a drawing takes whatever the image's size: rows that are computed, a page, an encoder.
DRAWN = {
    "plot": 45 * MIB,
    "sheet": 20 * MIB,
    "preview": 20 * MIB,
    "animate": 25 * MIB,
    "encoder": 65 * MIB,
}
#: Pixels along a panel of an animation, and frames, at the most.
ANIMATED_SIDE, ANIMATED_FRAMES = 352, 150


@dataclass(frozen=True)
class Need:
    """What one image takes.

    Attributes
    ----------
    bytes : int
        At its peak, beside what is imported.
    modules : frozenset of str
        Of `MODULES`, those that it imports.
    """

    bytes: int
    modules: frozenset[str] = frozenset()


def peak(needs: Sequence[Need], workers: int, *, processes: bool = False) -> int:
    """Return the bytes that a run takes at its peak.

    Parameters
    ----------
    needs : sequence of Need
        Of its images.
    workers : int
        How many of them are worked on at once: the largest may meet.
    processes : bool
        Whether each worker is a process.
    """
    modules = frozenset[str]().union(*(each.modules for each in needs))
    process = PROCESS + sum(MODULES[each] for each in modules)
    largest = sum(sorted((each.bytes for each in needs), reverse=True)[:workers])
    if processes:
        return PROCESS + HELPERS + workers * process + largest
    return process + largest


def need(
    image: Image,
    work: Work,
    results: Sequence[Result],
    planned: Sequence[Writing],
    target: Target,
) -> Need:
    """Return what an image takes.

    Parameters
    ----------
    image : Image
        Its head.
    work : Work
    results : sequence of Result
        What would come out, blank.
    planned : sequence of Writing
        What would be written.
    target : Target
    """
    storing = None
    if isinstance(work, Filtering) and work.gives_picture:
        storing = storing_of(image, Origin.of(image), target)
    depth = target.depth or image.depth
    frames = max((len(each.frames) for each in planned), default=1)
    kept = frames * sum(map(_size, results))
    if storing is not None:
        kept = frames * _stored(results[-1], storing)
    moments = (
        image.reading,
        _computing(image, work, storing) + (image.reading + kept if frames > 1 else 0),
        kept + max((_writing(each, storing, depth, target.quality) for each in planned), default=0),
    )
    scratch = SCRATCH + _tiles(work) + (STRETCHED if target.range not in (None, "clip") else 0)
    return Need(scratch + max(moments), frozenset(_modules(image, work, planned, depth)))


def drawing(image: Image, work: Work, option: str, format: str = "") -> Need:
    """Return what it takes to draw what comes out of an image, which no map is held for.

    Parameters
    ----------
    image : Image
        Its head.
    work : Work
    option : {"plot", "sheet", "animate", "preview"}
    format : str
        What the drawing is written as.
    """
    held = image.nbytes + DRAWN[option]
    if option == "animate" and isinstance(work, Filtering):
        pixels = _frames_pixels(image, work)
        encoder = 4 * pixels if format == "webp" else 0
        held = 3 * pixels + max(held, DRAWN["encoder"] + encoder)
    modules = frozenset({"Matplotlib"} if option == "plot" else ())
    return Need(max(image.reading, held), modules)


def _frames_pixels(image: Image, work: Filtering) -> int:
    """Count the pixels of all frames of an animation; see `cnnfilter.view.animation`."""
    *_, (layer, before, after) = _steps(image, work)
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


def _size(result: Result) -> int:
    """Count the bytes of a result's arrays."""
    return result.pixels.nbytes + (0 if result.alpha is None else result.alpha.nbytes)


def _stored(result: Result, storing: Storing) -> int:
    """Count the bytes of a result whose values became pixels."""
    return result.pixels.size * storing.dtype.itemsize + _size(result) - result.pixels.nbytes


def _computing(image: Image, work: Work, storing: Storing | None) -> int:
    """Count what is held at the most while results are computed."""
    if isinstance(work, Splitting):
        planes = work.outline(image) if work.space != "rgb" else []  # those are the image's own
        return image.nbytes + sum(each.pixels.nbytes for each in planes)
    if not isinstance(work, Filtering):
        return image.nbytes
    held = most = image.nbytes
    steps = list(_steps(image, work))
    for layer, before, after in steps:
        is_held = before is image.pixels or work.stages
        outs = _coming_out(layer, before, after, storing if layer is steps[-1][0] else None)
        most = max(most, held + (0 if is_held else before.nbytes) + outs)
        held += after.nbytes if work.stages else 0
    return most + (0 if image.alpha is None else image.alpha.nbytes)


def _tiles(work: Work) -> int:
    """Count what the tiles of more than one kernel take."""
    steps = work.pipeline.steps if isinstance(work, Filtering) else []
    layers = [step.layer for step in steps if isinstance(step.layer, Convolution)]
    return max(
        (
            KERNEL * (len(each.kernels) - 1) + (0 if each.combine is None else COMBINED)
            for each in layers
        ),
        default=0,
    )


def _steps(image: Image, work: Filtering) -> Iterator[tuple[Layer, Array, Array]]:
    """Yield each layer with what goes in and what comes out, blank."""
    before = image.pixels
    for outlined in (work.pipeline.preparation_outlined, work.pipeline.outlined):
        for step, after in outlined(before):
            yield step.layer, before, after
            before = after


def _coming_out(layer: Layer, before: Array, after: Array, storing: Storing | None) -> int:
    """Count what a layer holds beside its input."""
    values = after.nbytes
    if storing is not None:
        pixels = after.size * storing.dtype.itemsize
        values = pixels if layer.stores_tiles(before) else values + pixels
    if isinstance(layer, Convolution) and before.ndim == 3:
        pixel = before.shape[0] * before.shape[1]
        if layer.channels == "gray":
            values += pixel * before.itemsize
        elif layer.channels == "sum" and layer.bank is None:
            values += pixel * layer.groups * layer.output_dtype(before).itemsize
    return values


def _writing(writing: Writing, storing: Storing | None, depth: int, quality: int | None) -> int:
    """Count what is held beside the results while a file is written.

    The pixels, unless the result is these; Pillow's picture; what the encoder holds.
    """
    format, part = FORMATS[writing.format], writing.part
    pixels, values = prod(part.pixels.shape[:2]), part.pixels.size
    if not format.is_picture:
        return format.writing.bytes(pixels, values)
    alpha = 0 if part.alpha is None else pixels
    depth = part.depth or depth
    kept = kept_depth(part.pixels, part.alpha, writing.format, depth)
    stored = 0
    if storing is None and part.pixels.dtype != np.dtype(f"uint{depth}"):
        stored = values * depth // 8
    if kept < depth:
        stored += values
    picture = 0 if values == pixels and not alpha else 4 * pixels  # a grey one is the array
    is_lossy = quality is not None and not alpha and format.losing is not None
    encoder = format.losing if is_lossy and format.losing is not None else format.writing
    return len(writing.frames) * (stored + picture) + encoder.bytes(pixels, values + alpha)


def _modules(image: Image, work: Work, planned: Sequence[Writing], depth: int) -> Iterator[str]:
    """Yield what is imported besides."""
    written = {each.format for each in planned}
    if image.format in ("tif", "float") or "float" in written or (depth > 8 and "tif" in written):
        yield "tifffile"
    if {image.format, *written} & {"tif", "webp", "jp2", "avif"}:
        yield "Pillow's rarer formats"
    if isinstance(work, Splitting) and work.space != "rgb":
        yield "scikit-image"
