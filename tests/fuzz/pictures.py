"""Pictures and matrices: read in all ways, which are held against each other, and written again."""

import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from random import Random
from typing import Any

import mutations
import numpy as np
import seeds
from common import FOLDER, MOST_PIXELS, Target, mutated, text_bytes, written
from mutations import flipped

from cnnfilter.errors import CnnFilterError


def _read_image(suffix: str, again: str, data: bytes) -> None:
    """Read a file in all ways, hold them against each other, and write what was read."""
    from cnnfilter.files.read import read, read_frames, read_head

    path = written(f"input{suffix}", data)
    problems: list[CnnFilterError] = []

    def attempt(way: Callable[[], object]) -> object:
        try:
            return way()
        except CnnFilterError as error:
            problems.append(error)
            return None

    head = attempt(lambda: read_head(path, MOST_PIXELS))
    image = attempt(lambda: read(path, MOST_PIXELS))
    frames = attempt(lambda: list(read_frames(path, MOST_PIXELS)))
    if image is not None:
        assert image.pixels.ndim in (2, 3), image.pixels.shape
        assert image.pixels.dtype.kind in "biuf", image.pixels.dtype
        assert image.pixels.shape[0] * image.pixels.shape[1] <= MOST_PIXELS, image.pixels.shape
        assert image.alpha is None or image.alpha.shape == image.pixels.shape[:2]
        assert head is not None, f"read, though its head is refused: {problems[0]}"
        assert head.pixels.shape == image.pixels.shape, "head and image differ in shape"
        assert head.pixels.dtype == image.pixels.dtype, "head and image differ in type"
        assert (head.alpha is None) == (image.alpha is None), "head and image differ in alpha"
    if frames:
        assert image is not None, f"frames are read, though the first is refused: {problems[0]}"
        assert len(frames) == image.frames
        if len(data) % 4 == 0:  # writing takes longer than reading
            attempt(lambda: _write_again(frames, image, again))
    if problems:
        raise problems[-1]


def _write_again(frames: list[Any], image: Any, format: str) -> None:
    from cnnfilter.files.encoding import Encoding, Output
    from cnnfilter.files.formats import FORMATS
    from cnnfilter.files.save import write
    from cnnfilter.files.stored import Frame

    path = FOLDER / f"output{FORMATS[format].suffixes[0]}"
    try:
        several = [Frame(each.pixels, each.alpha, each.metadata.get("duration")) for each in frames]
        kept = several if FORMATS[format].frames else several[:1]
        depth = image.depth if FORMATS[format].is_picture else 8
        write(Output(path, Encoding(format, depth=depth)), kept, metadata=image.metadata)
    finally:
        path.unlink(missing_ok=True)
        left = [each for each in os.listdir(FOLDER) if each.startswith((".output", "output"))]  # noqa: PTH208
        assert not left, left


def _picture(name: str, suffix: str, change: object, share: int, again: str) -> Target:
    return Target(
        name,
        f"pictures: {suffix}, read whole, by head and by frames, and written again",
        mutated(partial(seeds.pictures, name), change),
        partial(_read_image, suffix, again),
        share,
        bytes,
    )


@cache
def npys() -> list[bytes]:
    return [seeds.npy_of(each) for each in seeds.arrays()]


@cache
def _npzs() -> list[bytes]:
    alone = [seeds.npz_of(array=each) for each in seeds.arrays()]
    return [*alone, seeds.npz_of(one=np.ones((2, 2)), two=np.ones((2, 2)))]


def _matrix(name: str, make: Callable[[Random], bytes], share: int) -> Target:
    run = partial(_read_image, f".{name}", name)
    return Target(name, f"matrices: .{name}", make, run, share, bytes)


def targets() -> Iterator[Target]:
    """List what is here."""
    yield _picture("png", ".png", mutations.png, 12, "png")
    yield _picture("jpeg", ".jpg", mutations.jpeg, 12, "jpeg")
    yield _picture("tif-pillow", ".tif", mutations.tiff, 8, "tif")
    yield _picture("tif-tifffile", ".tif", mutations.tiff, 8, "float")
    yield _picture("webp", ".webp", mutations.boxes, 8, "webp")
    yield _picture("bmp", ".bmp", flipped, 10, "bmp")
    yield _picture("gif", ".gif", flipped, 8, "gif")
    yield _picture("ppm", ".ppm", flipped, 12, "ppm")
    yield _picture("jp2", ".jp2", mutations.boxes, 6, "jp2")
    yield _picture("avif", ".avif", mutations.boxes, 6, "avif")
    yield _picture("jp2-deep", ".jp2", mutations.boxes, 6, "jp2")
    yield _picture("jpeg-deep", ".jpg", mutations.jpeg, 6, "jpeg")
    yield _picture("jxl", ".jxl", mutations.boxes, 6, "jxl")
    yield _picture("heic", ".heic", mutations.boxes, 6, "png")
    yield _matrix("npy", mutated(npys, mutations.npy), 30)
    yield _matrix("npz", mutated(_npzs, partial(mutations.archive, change=mutations.npy)), 10)
    yield _matrix("csv", text_bytes(seeds.TABLES), 50)
    yield _matrix("tsv", text_bytes(seeds.TABLES), 20)
    yield _matrix("json", text_bytes(seeds.NESTED), 50)
