"""The works that turn arrays into arrays, and how each peer does them."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import cnnfilter

US = "cnnfilter"
#: What is timed. What it gives is compared with what ours gives, unless it is None.
Run = Callable[[], object]
#: How many times as fast as a peer to be, on one thread and on all cores; None is only shown.
Limits = tuple[float | None, float | None]


class Peer(NamedTuple):
    """A module or a program, under any of its names, what makes its run, and our limits."""

    needs: str
    make: Callable[..., Run]
    limits: Limits = (None, None)


@dataclass(frozen=True)
class Work:
    """Something to do; `prepare` gives our run, and what the peers' are made from."""

    group: str
    name: str
    mpixels: float
    peers: dict[str, Peer]
    prepare: Callable[[], tuple[Run, tuple[object, ...]]]
    levels: int = 0  # by which results of 8 bits may differ


def at_least(times: float) -> Limits:
    return times, times


@cache
def installed(names: str) -> Any:
    """Find a module, told its number of threads, or a program's path; None for neither."""
    for name in names.split():
        if program := shutil.which(name):
            return program
        if find_spec(name.partition(".")[0]):
            module = import_module(name)
            tell = getattr(module, "setNumThreads", getattr(module, "set_num_threads", None))
            if tell:
                tell(int(os.environ["OMP_NUM_THREADS"]))
            return module
    return None


@lru_cache(maxsize=1)
def photograph(mpixels: float, channels: int = 1) -> np.ndarray:
    """Make a picture like a photograph: smooth at several scales, and a little noisy."""
    rng = np.random.default_rng(1)
    side = round(1000 * mpixels**0.5)
    part = min(side, 2000)  # repeated in large pictures
    planes = rng.normal(128, 2, (channels, part, part))
    for grain, contrast in ((250, 40), (60, 25), (15, 12), (5, 6)):
        for plane in planes:
            coarse = rng.normal(0, contrast, (part // grain,) * 2).astype(np.float32)
            plane += Image.fromarray(coarse).resize((part, part), Image.Resampling.BICUBIC)
    pixels = np.moveaxis(planes, 0, -1).clip(0, 255).astype(np.uint8)
    picture = np.ascontiguousarray(np.tile(pixels, (side // part, side // part, 1)))
    return picture if channels > 1 else picture[:, :, 0]


def tensor(torch: ModuleType, image: np.ndarray) -> Any:
    """Copy an image as a batch of one, in torch's order."""
    return torch.from_numpy(np.moveaxis(np.atleast_3d(image), -1, 0).copy())[None]


# Kernels


def opencv_filter(cv2: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    return lambda: cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)


def opencv_gaussian(cv2: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    return lambda: cv2.GaussianBlur(image, kernel.shape, 2.5, borderType=cv2.BORDER_CONSTANT)


def opencv_box(cv2: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    return lambda: cv2.boxFilter(image, -1, kernel.shape, borderType=cv2.BORDER_CONSTANT)


def scipy_filter(ndimage: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    weights = kernel if image.ndim == 2 else kernel[:, :, None]
    return lambda: ndimage.correlate(image, weights, output=np.uint8, mode="constant")


def pillow_filter(filters: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    picture, weights = Image.fromarray(image), kernel[::-1].ravel().tolist()
    return partial(picture.filter, filters.Kernel(kernel.shape, weights, scale=1))


def torch_filter(torch: ModuleType, image: np.ndarray, kernel: np.ndarray) -> Run:
    maps = tensor(torch, image.astype(np.float32))
    weights = torch.from_numpy(kernel.astype(np.float32)).expand(maps.shape[1], 1, -1, -1)
    return lambda: torch.conv2d(maps, weights, padding="same", groups=maps.shape[1])


def dense_kernel(size: int) -> np.ndarray:
    """Make a kernel of integers without symmetry, whose sum is 1."""
    kernel = np.random.default_rng(size).choice([-2.0, -1.0, 1.0, 2.0], (size, size))
    kernel[size // 2, size // 2] += 1 - kernel.sum()
    return kernel


DENSE = {f"dense {size}x{size}": dense_kernel(size) for size in (5, 7, 15, 31)}
#: A peer without a run: ours, on the size that takes least for a pixel.
CHEAPEST = "its cheapest size"
GREY, RGB = (1, "grey"), (3, "RGB")
FILTER2D = Peer("cv2", opencv_filter, at_least(1))
NAMED = {
    "OpenCV": Peer("cv2", opencv_filter, (1 / 1.5, 1 / 2.5)),
    "SciPy": Peer("scipy.ndimage", scipy_filter, at_least(5)),
    "Pillow": Peer("PIL.ImageFilter", pillow_filter, at_least(8)),
    "torch": Peer("torch", torch_filter, at_least(10)),
}
SMALL = {"OpenCV": Peer("cv2", opencv_filter, (1 / 1.5, None))}
LARGE = {"OpenCV": FILTER2D}
GAUSSIAN = {
    "OpenCV GaussianBlur": Peer("cv2", opencv_gaussian, at_least(1 / 1.5)),
    "OpenCV filter2D": FILTER2D,
}
BOX = {
    "OpenCV boxFilter": Peer("cv2", opencv_box, at_least(1 / 1.5)),
    "OpenCV filter2D": FILTER2D,
}
SIZES = {CHEAPEST: Peer("", lambda: None, at_least(1 / 1.25))}
#: Group, kernels, channels, sizes in megapixels, peers.
KERNELS: tuple[tuple[str, list[str], list[tuple[int, str]], list[int], dict[str, Peer]], ...] = (
    ("3x3", ["sharpen", "edge", "sobel-x", "box"], [GREY, RGB], [4], NAMED),
    ("3x3, other sizes", ["sharpen"], [GREY, RGB], [1, 16], NAMED),
    ("5x5 and 7x7", ["dense 5x5", "dense 7x7"], [GREY, RGB], [4], SMALL),
    ("15x15 and 31x31", ["dense 15x15", "dense 31x31"], [GREY, RGB], [4], LARGE),
    ("gaussian 15x15", ["gaussian:15,2.5"], [GREY, RGB], [4], GAUSSIAN),
    ("box 31x31", ["box:31"], [GREY, RGB], [4], BOX),
    ("sharpen by size", ["sharpen"], [GREY], [1, 4, 16, 64, 100], SIZES),
)


def filtering(name: str, mpixels: float, channels: int) -> tuple[Run, tuple[object, ...]]:
    image, kernel = photograph(mpixels, channels), DENSE.get(name, name)
    ours = partial(cnnfilter.convolve, image, kernel, padding="same", dtype="uint8")
    return ours, (image, cnnfilter.kernel(name) if kernel is name else kernel)


def kernel_works(quick: bool) -> Iterator[Work]:
    for group, names, colours, sizes, peers in KERNELS:
        chosen = sizes[:1] if quick else sizes
        for mpixels, (channels, colour), name in product(chosen, colours, names):
            yield Work(
                f"{group}, uint8, {colour}",
                f"{name}, {mpixels} Mpixel",
                mpixels,
                peers,
                partial(filtering, name, mpixels, channels),
                levels=int(name.startswith(("box", "gaussian"))),  # others are of integers
            )


# Filter banks


def torch_bank(layout: str, torch: ModuleType, image: np.ndarray, bank: np.ndarray) -> Run:
    order = getattr(torch, layout)
    maps = tensor(torch, image).contiguous(memory_format=order)
    weights = torch.from_numpy(bank.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=order)
    return lambda: torch.conv2d(maps, weights, padding="same")


def filter_bank(side: int, *shape: int) -> tuple[Run, tuple[object, ...]]:
    rng = np.random.default_rng(1)
    image = rng.standard_normal((side, side, shape[2]), np.float32)
    bank = rng.standard_normal(shape, np.float32)
    return partial(cnnfilter.convolve, image, bank, padding="same"), (image, bank)


def bank_works() -> Iterator[Work]:
    level = at_least(0.95)  # but for the noise of timing
    banks = [(512, size, 3, filters, level) for size in (3, 7) for filters in (32, 64)]
    for side, size, inputs, filters, limits in [*banks, (56, 3, 64, 128, at_least(1 / 1.5))]:
        yield Work(
            f"filter bank from {inputs} channels, float32",
            f"to {filters} channels, {size}x{size}, on {side}x{side}",
            side**2 / 1e6,
            {
                "torch": Peer("torch", partial(torch_bank, "contiguous_format"), limits),
                "torch, channels last": Peer("torch", partial(torch_bank, "channels_last"), limits),
            },
            partial(filter_bank, side, size, size, inputs, filters),
        )


# Pooling


def torch_pool(torch: ModuleType, image: np.ndarray, mode: str, size: int) -> Run:
    functional = torch.nn.functional
    reduce = {"max": functional.max_pool2d, "average": functional.avg_pool2d}[mode]
    return partial(reduce, tensor(torch, image), size, 2)


def skimage_pool(measure: ModuleType, image: np.ndarray, mode: str, size: int) -> Run:
    return partial(measure.block_reduce, image, size, {"max": np.max, "average": np.mean}[mode])


def pooling(mpixels: float, dtype: str, mode: str, size: int) -> tuple[Run, tuple[object, ...]]:
    image = photograph(mpixels).astype(dtype)
    return partial(cnnfilter.pool, image, size, stride=2, mode=mode), (image, mode, size)


def pool_works(quick: bool) -> Iterator[Work]:
    mpixels = 1 if quick else 4
    for mode, size, dtype in product(("max", "average"), (2, 3), ("float32", "uint8")):
        peers = {}
        if (mode, dtype) != ("average", "uint8"):  # torch averages no bytes
            peers["torch"] = Peer("torch", torch_pool, at_least(5))
        if size == 2:  # scikit-image's blocks do not overlap
            peers["scikit-image"] = Peer("skimage.measure", skimage_pool, at_least(20))
        name = f"{size}x{size} stride 2, {mpixels} Mpixel"
        prepare = partial(pooling, mpixels, dtype, mode, size)
        yield Work(f"{mode} pooling, {dtype}, grey", name, mpixels, peers, prepare)


def array_works(quick: bool) -> Iterator[Work]:
    """List the works, none of them prepared."""
    yield from kernel_works(quick)
    yield from bank_works()
    yield from pool_works(quick)
