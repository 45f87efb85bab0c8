"""The brightness of what is written: depths, whites and numbers that have none."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnfilter import Pipeline, write_image
from cnnfilter.arrays import Array
from cnnfilter.arrays.quantize import quantize
from cnnfilter.batch.inputs import Inputs
from cnnfilter.batch.job import Outcome, run_job
from cnnfilter.batch.plan import make_plan
from cnnfilter.batch.recipe import Recipe, Target
from cnnfilter.batch.splitting import SplitTask
from cnnfilter.batch.task import PipelineTask, without_alpha
from cnnfilter.files.encoding import Encoding
from cnnfilter.files.image import Image as ReadImage
from cnnfilter.files.read import read

RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 2**16, (12, 13), dtype=np.uint16)
BYTES = RANDOM.integers(0, 256, (12, 13, 4), dtype=np.uint8)
SIXTHS = "convolve '1/6 1/6 1/6'"


def done(
    source: Path, result: str, steps: str = "convolve 1", **encoding: str | int | None
) -> Outcome:
    """Filter one image into a file, and return what was said."""
    recipe = Recipe(
        PipelineTask(Pipeline(steps), "x", alpha="keep"), Target(), Encoding(**encoding)
    )  # type: ignore[arg-type]
    plan = make_plan(Inputs([str(source)]), recipe, str(source.parent / result))
    outcome = run_job(plan.recipe, *plan.sources)
    assert outcome.error is None
    return outcome


def pgm(path: Path, values: Array, white: int) -> Path:
    """Write a PGM by hand."""
    height, width = values.shape
    content = values.astype(">u2" if white > 255 else "u1").tobytes()
    path.write_bytes(b"P5\n%d %d\n%d\n" % (width, height, white) + content)
    return path


def sixths(values: Array, factor: Fraction) -> list[list[int]]:
    """Return a row's mean times one half, scaled and rounded once."""
    return [
        [
            round(factor * sum(Fraction(int(x), 6) for x in row[at : at + 3]))
            for at in range(len(row) - 2)
        ]
        for row in values
    ]


@pytest.mark.parametrize("result", ["b.png", "b.tif", "b.pgm"])
def test_16_bits_become_8_by_their_brightness_rounded_once(result: str, tmp_path: Path) -> None:
    Image.fromarray(DEEP).save(tmp_path / "a.png")
    assert done(tmp_path / "a.png", result, SIXTHS, depth=8).notes == []
    expected = sixths(DEEP, Fraction(1, 257))
    np.testing.assert_array_equal(read(tmp_path / result).pixels, expected)


@pytest.mark.parametrize("result", ["b.png", "b.tif"])
def test_8_bits_become_16_by_their_brightness_alpha_too(result: str, tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "a.png")
    done(tmp_path / "a.png", result, SIXTHS, depth=16)
    image = read(tmp_path / result)
    for channel in range(3):
        expected = sixths(BYTES[:, :, channel], Fraction(257))
        np.testing.assert_array_equal(image.pixels[:, :, channel], expected)
    np.testing.assert_array_equal(image.alpha, BYTES[:, 1:-1, 3].astype(int) * 257)


def test_large_averages_are_scaled_and_rounded_once(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (210, 200), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    done(tmp_path / "a.png", "b.png", "pool 15x14 mode=average", depth=16)
    sums = image[:, :196].reshape(14, 15, 14, 14).astype(int).sum(axis=(1, 3))
    expected = [[round(Fraction(257 * int(total), 210)) for total in row] for row in sums]
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, expected)


def test_an_averaged_alpha_is_scaled_likewise(tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "a.png")
    done(tmp_path / "a.png", "b.png", "pool 2 mode=average", depth=16)
    windows = BYTES[:, :12, 3].reshape(6, 2, 6, 2).astype(int).sum(axis=(1, 3))
    np.testing.assert_array_equal(read(tmp_path / "b.png").alpha, np.rint(windows * 257 / 4))


@pytest.mark.parametrize(
    ("result", "top"),
    [("b.png", 65535), ("b.tif", 65535), ("b.bmp", 255), ("b.pgm", 1023)],
)
@pytest.mark.parametrize("steps", ["convolve 1", "relu", "convolve 1.5", "pool 1"])
def test_a_white_of_its_own_stays_white(result: str, top: int, steps: str, tmp_path: Path) -> None:
    values = DEEP % 1024
    values[0, 0] = 1023
    source = pgm(tmp_path / "a.pgm", values, 1023)
    notes = done(source, result, steps).notes
    factor = Fraction(3, 2) if steps.endswith("5") else 1
    expected = [
        [round(min(int(x) * factor, 1023) * Fraction(top, 1023)) for x in row] for row in values
    ]
    image = read(tmp_path / result)
    pixels = image.pixels if image.pixels.ndim == 2 else image.pixels[:, :, 0]
    np.testing.assert_array_equal(pixels, expected)
    assert image.peak == (1023 if top == 1023 else None)
    assert (f"stretched from 0..1023 to 0..{top}" in notes) == (top != 1023)


@pytest.mark.parametrize("steps", ["invert", "scale | scale -255 offset=255", "invert auto"])
def test_steps_know_what_is_white(steps: str, tmp_path: Path) -> None:
    values = DEEP % 1024
    values[0, :], values[-1, :], values[:, 0], values[:, -1] = 1023, 1023, 1023, 1023
    source = pgm(tmp_path / "a.pgm", values, 1023)
    if steps.startswith("scale"):
        done(source, "b.npy", steps)
        expected = 255 - 255 * (values / 1023)
        np.testing.assert_allclose(read(tmp_path / "b.npy").pixels, expected, atol=1e-4)
        return
    done(source, "b.pgm", steps)
    np.testing.assert_array_equal(read(tmp_path / "b.pgm").pixels, 1023 - values)


def test_colour_spaces_know_what_is_white(tmp_path: Path) -> None:
    colours = np.repeat(DEEP[:, :, np.newaxis] % 1024, 3, axis=2)
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6\n13 12\n1023\n" + colours.astype(">u2").tobytes())
    (hue, _, value) = SplitTask("hsv").results(read(path))
    assert hue.depth == 8
    np.testing.assert_allclose(value.pixels, colours[:, :, 0] * (255 / 1023), rtol=1e-5)


def test_an_alpha_up_to_a_white_of_its_own_is_opaque(tmp_path: Path) -> None:
    planes = np.dstack([DEEP % 1024, np.full_like(DEEP, 1023)]).astype(">u2")
    head = b"P7\nWIDTH 13\nHEIGHT 12\nDEPTH 2\nMAXVAL 1023\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n"
    (tmp_path / "a.pam").write_bytes(head + planes.tobytes())
    image = read(tmp_path / "a.pam")
    assert (image.peak, image.opaque) == (1023, 1023)
    task = PipelineTask(Pipeline(SIXTHS), "x")
    layer = task.pipeline_for(image).steps[0].layer
    assert layer.visibility is None or not layer.visibility.hidden.any()
    done(tmp_path / "a.pam", "b.png")
    assert read(tmp_path / "b.png").alpha.min() == 65535  # type: ignore[union-attr]


@pytest.mark.parametrize(("dtype", "white"), [("u2", 1023), ("f4", 1.0)])
def test_a_prediction_sees_white_paper_under_what_is_transparent(dtype: str, white: float) -> None:
    pixels, alpha = np.zeros((2, 2), dtype), np.zeros((2, 2), dtype)
    alpha[0] = white
    image = ReadImage(pixels, alpha, peak=1023 if dtype == "u2" else None)
    expected = [[0, 0], [white, white]]
    np.testing.assert_array_equal(without_alpha(image), expected)


def test_a_white_below_255_is_8_bits(tmp_path: Path) -> None:
    values = BYTES[:, :, 0] % 16
    source = pgm(tmp_path / "a.pgm", values, 15)
    assert done(source, "b.png").notes == ["stretched from 0..15 to 0..255"]
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, values * 17)
    assert done(source, "b.pgm").notes == []
    np.testing.assert_array_equal(read(tmp_path / "b.pgm").pixels, values)
    done(source, "c.pgm", depth=16)
    np.testing.assert_array_equal(read(tmp_path / "c.pgm").pixels, values.astype(int) * 4369)


@pytest.mark.parametrize("range", ["minmax", "symmetric"])
def test_stretched_values_fill_the_format_whatever_was_white(range: str, tmp_path: Path) -> None:
    source = pgm(tmp_path / "a.pgm", DEEP % 1024, 1023)
    for result, top in (("b.png", 65535), ("b.pgm", 1023)):
        assert done(source, result, "convolve sharpen", range=range).notes == []
        pixels = read(tmp_path / result).pixels
        assert top == pixels.max() or (range == "symmetric" and pixels.min() == 0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.linspace(0, 1, 12), "nearly black: numbers from 0 to 1 are stored as they are"),
        (np.linspace(-0.5, 0.5, 12), "nearly black: numbers from -0.5 to 0.5 are"),
        (np.linspace(500, 4000, 12), "nearly all black or white: numbers from 500 to 4000"),
        (np.linspace(0, 255, 12), None),
    ],
)
@pytest.mark.parametrize("steps", ["convolve 1", "relu"])
def test_floats_that_make_a_black_picture_are_said(
    values: Array, said: str | None, steps: str, tmp_path: Path
) -> None:
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, np.maximum(values, -9).reshape(3, 4).astype(np.float32))
    steps = steps if values.min() >= 0 else "convolve 1"
    notes = done(source, "b.png", steps).notes
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]
    assert said is None or notes[0].endswith("; --range minmax stretches them")
    assert done(source, "c.png", steps, range="minmax").notes == []
    assert done(source, "d.tif", steps).notes == []
    kept = tifffile.imread(tmp_path / "d.tif")
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, values.reshape(3, 4).astype(np.float32))


def test_scaling_rounds_ties_to_even() -> None:
    halves = np.array([[128.5, 385.5, 642.5, 3 * 128.5 / 5]])
    np.testing.assert_array_equal(quantize(halves, white=65535).pixels, [[0, 2, 2, 0]])
    thirds = np.array([[34.1 * number for number in range(11)]])  # 34.1 is 1023 / 30
    expected = [round(Fraction(341, 10) * number * Fraction(65535, 1023)) for number in range(11)]
    np.testing.assert_array_equal(quantize(thirds, depth=16, white=1023).pixels, [expected])


def test_write_image_stores_numbers_as_they_are(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", BYTES[:, :, 0], depth=16)
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, BYTES[:, :, 0])
    write_image(tmp_path / "a.png", DEEP)
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, np.minimum(DEEP, 255))
