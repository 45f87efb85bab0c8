"""Pixels count as much as they are visible: against plain loops, and ImageMagick."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import Pipeline, ShapeError, convolve, explain, kernel, pool
from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Axis
from cnnfilter.arrays.quantize import PixelWriter, quantize
from cnnfilter.layers.convolution import Convolution
from cnnfilter.layers.explanation import Convolved
from cnnfilter.layers.pooling import Pooling
from cnnfilter.pipeline.streaming import rows_of

RNG = np.random.default_rng(14)
FULL = {"uint8": 255, "uint16": 65535, "int16": 32767, "float32": 1.0}


def partly_visible(
    dtype: str = "uint8", shape: tuple[int, ...] = (17, 23, 3)
) -> tuple[Array, Array]:
    """Return an image and its alpha, with opaque and invisible parts."""
    low = 0 if dtype.startswith("u") else -90
    image = (RNG.random(shape) * 250 + low).astype(dtype)
    alpha = RNG.choice([0, 0, 0, 0.2, 0.5, 1, 1, 1], shape[:2])
    alpha[:7, :7], alpha[8:, 9:20] = 0, 1
    return image, (alpha * FULL[dtype]).astype(dtype)


def layer(steps: str, alpha: Array | None = None) -> Convolution | Pooling:
    """Return a step's layer, for an alpha."""
    pipeline = Pipeline(steps)
    found = (pipeline if alpha is None else pipeline.weighted_by(alpha)).steps[0].layer
    assert isinstance(found, Convolution | Pooling)
    return found


def padded(values: Array, axes: tuple[Axis, Axis], border: str) -> Array:
    mode = {"zero": "constant"}.get(border, border)
    sides = [(axis.before, axis.after) for axis in axes] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values.astype(float), sides, mode=mode)  # type: ignore[call-overload,no-any-return]


def weighed(weights: Array, pixels: Array, shares: Array) -> float:
    """Return one sum, of pixels (kH, kW, C) under weights (kH, kW, C)."""
    magnitudes = np.abs(weights) * shares[:, :, np.newaxis]
    touched = (weights != 0).any(axis=2)
    if not magnitudes.any() or (shares[touched] == 1).all():
        return float((weights * pixels).sum())
    row, column = ((size - 1) // 2 for size in shares.shape)
    centre = pixels[row, column]
    differences = (weights * shares[:, :, np.newaxis] * (pixels - centre)).sum()
    scaled = np.abs(weights).sum() / magnitudes.sum() * differences
    return float((centre * weights.sum(axis=(0, 1))).sum() + scaled)


def convolved_by_loops(image: Array, alpha: Array, full: float, layer: Convolution) -> Array:
    """Filter each channel with the layer's one kernel."""
    axes = layer.window_for(image.shape).axes(image.shape)
    (weights,) = layer.kernels.values()
    pixels = padded(image, axes, layer.border)
    # Beyond the image, zeros count as much as its outermost pixels.
    shares = padded(alpha / full, axes, "edge" if layer.border == "zero" else layer.border)
    result = np.empty((axes[0].count, axes[1].count, image.shape[2]))
    for row, column, channel in np.ndindex(*result.shape):
        window = tuple(
            slice(first * axis.stride, first * axis.stride + axis.extent, axis.dilation)
            for first, axis in zip((row, column), axes, strict=True)
        )
        under = pixels[window][:, :, channel : channel + 1]
        result[row, column, channel] = weighed(weights[:, :, np.newaxis], under, shares[window])
    return result


def pooled_by_loops(image: Array, alpha: Array, full: float, layer: Pooling) -> Array:
    """Pool each channel."""
    down, across = layer.window_for(image.shape).axes(image.shape)
    result = np.empty((down.count, across.count, image.shape[2]))
    for row, column, channel in np.ndindex(*result.shape):
        places = [(y, x) for y in down.places(row) for x in across.places(column)]
        real = [(y, x) for y, x in places if 0 <= y < down.length and 0 <= x < across.length]
        counted = sum(y < down.length + down.after and x < across.length + across.after
                      for y, x in places)  # fmt: skip
        values = np.array([float(image[y, x, channel]) for y, x in real])
        shares = np.array([alpha[y, x] / full for y, x in real])
        shares = shares if shares.any() else np.ones(len(real))
        n = counted if layer.count_include_pad else len(real)
        match layer.mode:
            case "max" | "min" | "median":
                visible = values[shares > 0]
                value = getattr(np, layer.mode)(visible)
            case "average":
                value = (values * shares).sum() / shares.sum() * len(real) / n
            case "sum":
                value = (values * shares).sum() / shares.sum() * len(real)
            case _:
                powers = np.abs(values) ** layer.p
                value = ((powers * shares).sum() / shares.sum() * len(real)) ** (1 / layer.p)
        result[row, column, channel] = value
    return result


SLIDES = [
    "", "padding=same", "padding=same border=reflect", "padding=full stride=2",
    "padding=same-lower dilation=2 border=wrap", "stride=2x3 padding=1,2 border=edge flip=yes",
]  # fmt: skip


@pytest.mark.parametrize("slides", SLIDES)
@pytest.mark.parametrize("name", ["sharpen", "edge", "box", "gaussian:5,1.3", "1 2; 3 4", "3 0 -1"])
def test_convolution_is_a_loops(name: str, slides: str) -> None:
    dtype = str(RNG.choice([*FULL]))
    image, alpha = partly_visible(dtype)
    own = layer(f"convolve '{name}' {slides}", alpha)
    assert isinstance(own, Convolution)
    expected = convolved_by_loops(image, alpha, FULL[dtype], own)
    np.testing.assert_allclose(own(image), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    ["size=2", "size=3 stride=1 padding=same", "size=global", "size=9 stride=1",
     "size=3x2 stride=2 padding=1 dilation=2 ceil_mode=yes",
     "size=4 padding=1 count_include_pad=1"],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["max", "min", "average", "median", "sum", "l2", "lp"])
def test_pooling_is_a_loops(mode: str, options: str) -> None:
    dtype = str(RNG.choice([*FULL]))
    image, alpha = partly_visible(dtype)
    own = layer(f"pool mode={mode} {options}" + " p=3" * (mode == "lp"), alpha)
    assert isinstance(own, Pooling)
    if mode != "average":
        own.count_include_pad = False
    expected = pooled_by_loops(image, alpha, FULL[dtype], own)
    np.testing.assert_allclose(own(image), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_filter_bank_is_a_loop(groups: int) -> None:
    image, alpha = partly_visible(shape=(9, 11, 4))
    bank = RNG.normal(size=(3, 3, 4 // groups, 6))
    bank[..., 0] = np.abs(bank[..., 0])
    pipeline = Pipeline("relu")
    own = Convolution(bank, groups=groups, bias=np.arange(6), padding="same", border="edge")
    own = own.weighted_by(alpha, 255)
    pixels = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)), mode="edge")
    shares = np.pad(alpha / 255, 1, mode="edge")
    expected = np.empty((9, 11, 6))
    for row, column, number in np.ndindex(*expected.shape):
        first = number * groups // 6 * (4 // groups)
        window = slice(row, row + 3), slice(column, column + 3)
        under = pixels[window][:, :, first : first + 4 // groups]
        expected[row, column, number] = number + weighed(bank[..., number], under, shares[window])
    assert pipeline.weighted_by(alpha).run(image).dtype == np.uint8
    np.testing.assert_allclose(own(image), expected, rtol=1e-4, atol=1e-3)


def test_kernels_are_combined_after_they_are_weighed() -> None:
    image, alpha = partly_visible()
    each = [
        Pipeline(f"convolve {name}").weighted_by(alpha).run(image)
        for name in ("sobel-x", "sobel-y")
    ]
    for combine, expected in {
        "l2": np.hypot(*each),
        "max": np.maximum(*each),
        "sum": sum(each),
    }.items():
        made = Pipeline(f"convolve sobel-x sobel-y combine={combine}").weighted_by(alpha).run(image)
        np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-3)
    gray = Pipeline("convolve box channels=gray").weighted_by(alpha).run(image)
    np.testing.assert_array_equal(
        gray, Pipeline("gray | convolve box").weighted_by(alpha).run(image)
    )


@pytest.mark.parametrize(
    "steps", ["convolve box:3", "convolve sharpen bias=3", "pool 3 mode=average"]
)
def test_where_all_is_opaque_nothing_changes(steps: str) -> None:
    image, alpha = partly_visible(shape=(60, 70, 3))
    alpha[20:] = 255
    plain, own = Pipeline(steps), Pipeline(steps).weighted_by(alpha)
    first = 30 if "convolve" in steps else 10
    np.testing.assert_array_equal(own.run(image)[first:], plain.run(image)[first:])
    assert plain.weighted_by(np.full((60, 70), 255, np.uint8)).steps == plain.steps
    nothing = plain.weighted_by(np.zeros((60, 70), np.uint8)).run(image)
    np.testing.assert_array_equal(nothing, plain.run(image))


def test_what_is_stored_is_rounded_once() -> None:
    image, alpha = partly_visible()
    alpha = np.where(alpha < 200, alpha // 51 * 51, alpha).astype(np.uint8)
    own = layer("convolve box padding=same", alpha)
    assert isinstance(own, Convolution)
    pixels = np.pad(image.astype(int), ((1, 1), (1, 1), (0, 0)))
    shares = np.pad(alpha.astype(int), 1, mode="edge")
    stored = own.stored(image, PixelWriter("clip", 8))
    for row, column, channel in np.ndindex(*stored.shape):
        window = slice(row, row + 3), slice(column, column + 3)
        weights, under = shares[window], pixels[window][:, :, channel]
        if not weights.any():
            weights = np.ones((3, 3), int)
        above, below = int((weights * under).sum()), int(weights.sum())
        half_even = (2 * above + below) // (2 * below)
        if (2 * above + below) % (2 * below) == 0 and half_even % 2:
            half_even -= 1
        assert stored[row, column, channel] == half_even


@pytest.mark.parametrize(
    "steps",
    ["convolve gaussian:5 padding=same | relu | pool 2 mode=average",
     "convolve edge sharpen | pool 3 stride=1", "resize 9x9 | convolve box"],
)  # fmt: skip
def test_drawings_show_the_same_values(steps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnfilter.pipeline.streaming.HELD", 0)
    monkeypatch.setattr("cnnfilter.arrays.rows.BAND", 4000)
    image, alpha = partly_visible(shape=(80, 50, 3))
    own = Pipeline(steps).weighted_by(alpha)
    np.testing.assert_array_equal(rows_of(own, image)[-1].whole(), own.run(image))


@pytest.mark.parametrize(
    "steps", ["convolve sharpen padding=same", "convolve '1 2; 3 4' dilation=2"]
)
def test_the_products_that_are_explained_add_up(steps: str) -> None:
    image, alpha = partly_visible()
    own = Pipeline(steps).weighted_by(alpha)
    for at in [(2, 2, 0), (6, 7, 1), (5, 9, 2), (12, 12, 0)]:
        explained = explain(own, image, at)
        assert isinstance(explained.detail, Convolved)
        assert explained.detail.sums[0].sum == pytest.approx(explained.value, abs=1e-3)


def test_an_outline_against_invisible_pixels_is_no_edge() -> None:
    image, alpha = np.full((9, 9), 200, np.uint8), np.zeros((9, 9), np.uint8)
    alpha[3:6, 3:6], image[3:6, 3:6] = 255, 40
    assert convolve(image, "edge", padding="same")[3:6, 3:6].any()
    own = Pipeline("convolve edge padding=same").weighted_by(alpha).run(image)
    assert not own[3:6, 3:6].any()


@pytest.mark.parametrize("filter", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_resizing_leaves_hidden_colours_out(filter: str) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[...], alpha = (255, 0, 0), np.zeros((40, 60), np.uint8)
    image[10:30, 10:40], alpha[10:30, 10:40] = (0, 180, 40), 255
    step = f"resize 17x21 aspect=stretch filter={filter}"
    small = Pipeline(step).steps[0].layer.carry_alpha(alpha, 255)
    assert small is not None
    seen = Pipeline(step).weighted_by(alpha).run(image)[small > 20]
    np.testing.assert_allclose(seen, np.broadcast_to((0, 180, 40), seen.shape), atol=1)


def test_alpha_has_the_images_size() -> None:
    with pytest.raises(ShapeError, match="alpha of 4x4 for an image of 5x5 pixels"):
        Pipeline("convolve box").weighted_by(np.zeros((4, 4))).run(np.zeros((5, 5)))
    with pytest.raises(ShapeError, match="alpha of 4x4"):
        Pipeline("pool 2").weighted_by(np.zeros((4, 4))).run(np.zeros((5, 5)))
    with pytest.raises(ShapeError, match=r"alpha has the shape \(height, width\)"):
        Pipeline("pool 2").weighted_by(np.zeros((4, 4, 1)))


@pytest.mark.skipif(shutil.which("convert") is None, reason="ImageMagick is not installed")
@pytest.mark.parametrize("name", ["1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9", "0.5 0.25 0.25"])
def test_smoothing_is_imagemagicks(name: str, tmp_path: Path) -> None:
    image, alpha = partly_visible(shape=(20, 30, 3))
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / "in.png")
    weights = kernel(name)
    text = f"{weights.shape[1]}x{weights.shape[0]}: " + ",".join(map(str, np.ravel(weights)))
    subprocess.run(
        ["convert", "in.png", "-morphology", "Correlate", text, "out.png"],
        cwd=tmp_path,
        check=True,
    )
    with Image.open(tmp_path / "out.png") as out:
        theirs = np.asarray(out.convert("RGBA")).astype(int)
    own = Pipeline(f"convolve '{name}' padding=same border=edge").weighted_by(alpha).run(image)
    seen = theirs[..., 3] > 0
    assert np.abs(own - theirs[..., :3])[seen].max() <= 1


def test_functions_filter_what_they_are_given() -> None:
    image, alpha = partly_visible()
    four = np.dstack([image, alpha])
    np.testing.assert_array_equal(convolve(four, "box")[..., :3], convolve(image, "box"))
    np.testing.assert_array_equal(pool(four)[..., :3], pool(image))


@pytest.mark.parametrize("range", ["clip", "minmax"])
@pytest.mark.parametrize("mode", ["max", "average", "median"])
def test_pooling_is_stored_as_it_is_computed(
    mode: str, range: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnfilter.layers.reduction.BAND_BYTES", 500)
    image, alpha = partly_visible()
    own = layer(f"pool 2 mode={mode}", alpha)
    expected = quantize(own(image), range)
    stored = own.stored(image, PixelWriter(range, 8))
    np.testing.assert_array_equal(stored, expected.pixels)


@pytest.mark.parametrize(
    "step", ["convolve '0.3 0.1234 0.7'", "convolve sobel combine=l2", "pool 3 mode=average"]
)
def test_what_is_of_one_colour_stays_so(step: str) -> None:
    _, alpha = partly_visible()
    own = layer(step, alpha)
    assert not own.stored(np.full((17, 23), 77, np.uint8), PixelWriter("minmax", 8)).any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint16])
@pytest.mark.parametrize("kernel", ["identity", "0 0 0; 0 0 3; 0 0 0"])
def test_a_lone_pixel_is_as_it_is_however_visible(dtype: type, kernel: str) -> None:
    generator = np.random.default_rng(14)
    image = (generator.random((9, 11, 3)) * 2**15).astype(dtype)
    image[0, 0] += np.asarray(2**45 + 1 if dtype == np.int64 else 0, dtype)
    alpha = generator.random((9, 11))
    pipeline = Pipeline(f"convolve '{kernel}' padding=same")
    result = pipeline.weighted_by(alpha).run(image)
    np.testing.assert_array_equal(result, pipeline.run(image))
    if kernel == "identity":
        np.testing.assert_array_equal(result, image)
