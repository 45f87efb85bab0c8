"""Storing a result as it is computed gives what storing it afterwards does."""

import tracemalloc

import numpy as np
import pytest

from cnnfilter import Pipeline, convolve, pool
from cnnfilter.arrays import Array
from cnnfilter.arrays.quantize import RANGES, PixelWriter, quantize
from cnnfilter.errors import NotFiniteError
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.pooling import Pooling

IMAGE = np.random.default_rng(0).integers(0, 256, (300, 900, 3), dtype=np.uint8)
KERNELS = ["sharpen", "edge", "box", "gaussian:9,2", "box:31", "0.3 0 -1.7", "3"]


def last_layer(steps: str) -> Convolution | Pooling:
    """Return the last layer of a pipeline."""
    layer = Pipeline(steps).steps[-1].layer
    assert isinstance(layer, Convolution | Pooling)
    return layer


def by_hand(values: Array, range: str) -> Array:
    """Round half to even and saturate, from semantics alone."""
    values = values.astype(np.float64)
    if range == "abs":
        values = np.abs(values)
    if range == "minmax":
        values = (values - values.min()) * 255 / ((values.max() - values.min()) or 1)
    if range == "symmetric":
        values = 127.5 + 127.5 * values / (np.abs(values).max() or 1)
    return np.rint(values).clip(0, 255)


@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_convolution_is_stored_as_it_is_computed(kernel: str, range: str) -> None:
    storing = PixelWriter(range, 8)
    stored = last_layer(f"convolve '{kernel}' padding=same").stored(IMAGE, storing)
    values = convolve(IMAGE, kernel, padding="same")
    assert stored.dtype == np.uint8
    apart = np.abs(stored - by_hand(values, range))
    # A float within its error of one half may be rounded to either side.
    assert apart.max() <= (kernel.startswith(("gaussian", "0.3")) or range in RANGES[2:])
    assert np.count_nonzero(apart) <= 2e-5 * apart.size
    assert storing.span == (values.min(), values.max())
    changed = 0.0
    if range in RANGES[:2]:
        rounded = np.rint(np.abs(values) if range == "abs" else values)
        changed = float(np.mean((rounded < 0) | (rounded > 255)))
    assert storing.clipped == pytest.approx(changed, abs=1e-12)


@pytest.mark.parametrize("options", ["dtype=int8", "bias=30", "combine=max", "channels=gray"])
def test_options_mean_the_same_as_elsewhere(options: str) -> None:
    layer = last_layer(f"convolve edge {options}")
    stored = layer.stored(IMAGE, PixelWriter("clip", 8))
    np.testing.assert_array_equal(stored, by_hand(layer(IMAGE), "clip"))


@pytest.mark.parametrize("depth", [8, 16])
def test_other_layers_are_stored_after(depth: int) -> None:
    storing = PixelWriter("clip", depth)
    stored = last_layer("pool 3 mode=average").stored(IMAGE, storing)
    np.testing.assert_array_equal(stored, np.rint(pool(IMAGE, 3, mode="average")))
    assert stored.dtype == f"uint{depth}"


def test_floats_are_stored_after_and_looked_at() -> None:
    image = np.full((4, 4), 3e38, np.float32)
    with pytest.raises(NotFiniteError, match="16 value"):
        last_layer("convolve '9' padding=same").stored(image, PixelWriter("clip", 8))


@pytest.mark.parametrize("range", RANGES)
def test_no_float_image_is_made(range: str) -> None:
    layer, image = last_layer("convolve sharpen"), np.zeros((3000, 3000), np.uint8)
    layer.stored(image[:500, :500], PixelWriter(range, 8))
    tracemalloc.start()
    try:
        layer.stored(image, PixelWriter(range, 8))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < image.nbytes + 16 * 2**20  # as floats the result would be 36 MB


@pytest.mark.parametrize("range", RANGES)
def test_quantizing_is_done_by_the_definition(range: str) -> None:
    values = np.random.default_rng(1).normal(100, 200, (70, 80, 3)).astype(np.float32)
    np.testing.assert_array_equal(quantize(values, range).pixels, by_hand(values, range))


@pytest.mark.parametrize("range", RANGES)
@pytest.mark.parametrize("options", ["", "bias=1,-2", "channels=gray", "channels=sum", "stride=2"])
def test_maps_that_come_one_by_one_are_those_of_the_whole(options: str, range: str) -> None:
    layer = last_layer(f"convolve sobel padding=same {options}")
    together = layer(IMAGE)
    span = together.min(), together.max()
    whole = quantize(together, range, extremes=span).pixels
    storing = PixelWriter(range, 8).for_maps()
    assert layer.stored(IMAGE, storing).shape == whole.shape
    assert storing.maps is not None
    maps = [np.atleast_3d(compute()[0]) for compute in storing.maps]
    np.testing.assert_array_equal(np.dstack(maps), whole)
    assert storing.span == span


def test_maps_of_floats_come_together_and_as_they_are() -> None:
    layer, storing = last_layer("convolve sobel"), PixelWriter("clip", 8).for_maps()
    image = IMAGE[:20, :20] / 3
    np.testing.assert_array_equal(layer.stored(image, storing), layer(image))
    assert storing.maps == []
