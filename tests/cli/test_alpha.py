"""Colours of invisible pixels, and numbers that stand for no data, have no part in results."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..command import Run
from ..pictures import Images, pixels


@pytest.fixture
def sprite(images: Images) -> Path:
    """Return a green square; what is around it is red, but invisible."""
    colours = np.zeros((24, 30, 4), np.uint8)
    colours[..., 0] = 255
    colours[8:16, 10:20] = (0, 180, 40, 255)
    return images.save("img.png", Image.fromarray(colours))


@pytest.mark.parametrize(
    "words",
    [("convolve", "-k", "gaussian:5", "--padding", "same"), ("pool", "--size", "3"),
     ("pool", "--mode", "average", "--size", "3"),
     ("pipeline", "convolve box padding=same | pool 3 mode=average | convolve box padding=same")],
)  # fmt: skip
def test_what_is_invisible_does_not_bleed(
    words: tuple[str, ...], sprite: Path, run: Run, tmp_path: Path
) -> None:
    run.ok(*words, sprite, "-o", "out.png")
    run.ok(*words, sprite, "-o", "kept.png", "--alpha", "keep")
    out, kept = pixels(tmp_path / "out.png"), pixels(tmp_path / "kept.png")
    visible = out[..., 3] > 0
    assert set(map(tuple, out[visible][:, :3].tolist())) == {(0, 180, 40)}
    assert kept[visible][:, 0].max() > 0
    np.testing.assert_array_equal(out[..., 3], kept[..., 3])


def test_numbers_drawings_and_explanations_are_those_of_the_picture(
    sprite: Path, run: Run, tmp_path: Path
) -> None:
    command = ("convolve", "-k", "sharpen", "--padding", "same", sprite)
    printed = run.ok(*command, "--print").numbers()
    assert printed[8:16, 10:20].reshape(-1, 3).tolist() == [[0, 180, 40]] * 80
    text = run("explain", "convolve sharpen padding=same", sprite, "--at", "8,10,1").text
    assert "\nvalue\t180\n" in text
    assert "weights count pixels as much as they are visible" in text
    text = run(
        "explain", "convolve sharpen padding=same", sprite, "--at", "8,10,1", "--alpha", "keep"
    ).text
    assert "\nvalue\t540\n" in text
    text = run("explain", "pool 4", sprite, "--at", "1,2,0").text
    assert "the max of" in text
    page = run.ok("explain", "pool 4", sprite, "--html", "page.html")
    assert "on this page all pixels count alike" in page.line
    run.ok(*command, "--sheet", "weighted.png")
    run.ok(*command, "--sheet", "kept.png", "--alpha", "keep")
    assert not np.array_equal(pixels(tmp_path / "weighted.png"), pixels(tmp_path / "kept.png"))


def test_an_opaque_alpha_changes_nothing(run: Run, images: Images, tmp_path: Path) -> None:
    photo = images.photo("opaque.png")
    with Image.open(photo) as image:
        images.save("rgba.png", image.convert("RGBA"))
    for name in ("opaque", "rgba"):
        run.ok("convolve", "-k", "sharpen", f"{name}.png", "-o", f"{name}-out.png")
    out = pixels(tmp_path / "rgba-out.png")
    np.testing.assert_array_equal(out[..., :3], pixels(tmp_path / "opaque-out.png"))
    assert (out[..., 3] == 255).all()


def test_options_that_do_not_fit_are_one_line(sprite: Path, run: Run) -> None:
    refused = {
        "unknown alpha 'no'": ("convolve", "-k", "box", sprite, "--alpha", "no"),
        "--alpha and --no-data are for filters": ("split-channels", sprite, "--alpha", "keep"),
        "write -9999, nan or keep": ("pool", sprite, "--no-data", "x"),
    }
    for problem, words in refused.items():
        assert problem in run.refused(*words, status=2)


@pytest.fixture
def heights(images: Images) -> np.ndarray:
    """Return heights of which some were not measured, which are in heights.npy, too."""
    values = np.random.default_rng(0).uniform(500, 600, (20, 30)).astype(np.float32)
    values[3:7, 4:10] = -9999
    images.matrix(values, "heights.npy")
    return values


def test_pixels_without_data_are_left_out(heights: np.ndarray, run: Run, tmp_path: Path) -> None:
    command = ("convolve", "-k", "box", "--padding", "same", "--border", "edge", "heights.npy")
    line = run.ok(*command, "-o", "out.npy", "--no-data", "-9999", "--report", "r.jsonl").line
    assert "24 pixels without data left out" in line
    report = json.loads((tmp_path / "r.jsonl").read_text())
    assert report["notes"] == ["24 pixels without data left out"]
    assert 500 < report["min"] < report["max"] < 600
    out, missing = np.load(tmp_path / "out.npy"), heights == -9999
    np.testing.assert_array_equal(out == -9999, missing)
    padded = np.pad(np.where(missing, np.nan, heights), 1, mode="edge")
    for row, column in np.argwhere(~missing):
        mean = np.nanmean(padded[row : row + 3, column : column + 3])
        assert out[row, column] == pytest.approx(mean, rel=1e-6)
    run.ok("pool", "heights.npy", "--size", "2", "--no-data", "-9999", "-o", "pooled.csv")
    pooled = np.loadtxt(tmp_path / "pooled.csv", delimiter=",")
    assert ((pooled == -9999) == missing[1::2, 1::2] & missing[::2, ::2]).all()


def test_not_a_number_may_stand_for_no_data(
    heights: np.ndarray, images: Images, run: Run, tmp_path: Path
) -> None:
    images.matrix(np.where(heights < 0, np.nan, heights), "heights.npy")
    assert "NaN" in run.refused("convolve", "-k", "box", "heights.npy", status=1)
    run.ok("convolve", "-k", "box", "heights.npy", "-o", "out.npy", "--no-data", "nan")
    assert np.isnan(np.load(tmp_path / "out.npy")).sum() == 24
    printed = run.ok("convolve", "-k", "box", "heights.npy", "--no-data", "nan", "--print")
    assert printed.text.count("nan") == 24
    # A picture shows no number there, but what is invisible.
    run.ok("convolve", "-k", "box", "heights.npy", "--no-data", "nan", "-o", "out.png",
           "--range", "minmax", "--alpha", "keep")  # fmt: skip
    assert (pixels(tmp_path / "out.png")[..., 1] == 0).sum() == 24


@pytest.mark.usefixtures("heights")
def test_another_number_is_only_said(run: Run) -> None:
    line = run.ok("convolve", "-k", "box", "heights.npy", "-o", "out.npy", "--no-data", "7").line
    assert "no pixel is 7" in line
