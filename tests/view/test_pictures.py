"""Figures, sheets and animations: golden pictures, and what can be counted."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import Pipeline, convolve, pool, read_image
from cnnfilter.arrays import Array
from cnnfilter.arrays import rows as rows_module
from cnnfilter.arrays.geometry import Window
from cnnfilter.errors import ArgumentError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame
from cnnfilter.pipeline import streaming
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.pipeline.streaming import rows_of
from cnnfilter.view import figure as figure_module
from cnnfilter.view.animation import animation
from cnnfilter.view.canvas import Reducing
from cnnfilter.view.colours import Scale, picture
from cnnfilter.view.figure import figure, figure_bytes
from cnnfilter.view.sheet import LayerResult, sheet

from ..golden import Golden
from . import drawings

pytest.importorskip("matplotlib")
SAMPLES = Path(__file__).parents[2] / "sample_images"


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_drawings_look_like_their_golden_pictures(name: str, golden: Golden) -> None:
    golden.picture(name, drawings.DRAWINGS[name]())


WRONG: dict[str, Callable[[], Array]] = {
    "figure-one-map": lambda: drawings.drawn_figure(["sobel-y"]),
    "figure-several-maps": lambda: drawings.drawn_figure(["sobel-x", "sobel-y", "edge"]),
    "figure-photo": lambda: drawings.drawn_figure(["edge"], "coffee.png"),
    "sheet": lambda: drawings.drawn_sheet(-1),
    "animation-frame": lambda: drawings.drawn_frame(100),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_drawing_does_not_look_like_a_golden_picture(name: str) -> None:
    with pytest.raises(AssertionError, match=name):
        Golden(update=False).picture(name, WRONG[name]())


def test_a_figure_has_one_scale_for_all_maps() -> None:
    image = read_image(SAMPLES / "padlock-16x16.png")
    maps = convolve(image, ["sobel-x", "sobel-y"])
    drawn = figure(image, maps, title="padlock", names=["sobel-x", "sobel-y"])
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert [title for title in titles if title.startswith("sobel")] == ["sobel-x", "sobel-y"]
    assert titles[0] == "before  16x16"
    (bar,) = (axes for axes in drawn.axes if axes.images and not axes.xaxis.get_visible())
    low, high = bar.get_ylim()
    assert low == -high
    assert high == np.abs(maps).max()


def test_a_histogram_shows_the_shares_that_clipping_cuts() -> None:
    result = np.array([[-5.0, 0, 100, 255, 256, 300, 7, 8]])
    drawn = figure(np.zeros((1, 8)), result, title="x")
    words = [axes.get_title(loc="left") for axes in drawn.axes]
    assert "12.5 % below 0, 25.0 % above 255" in words


def test_a_prediction_is_drawn_as_bars_by_their_labels() -> None:
    drawn = figure(
        np.zeros((2, 2)), np.array([0.1, 0.7, 0.2]), title="x", names=("cat", "cup", "dog")
    )
    axes = drawn.axes[-1]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    widths = [bar.get_width() for bar in axes.patches]
    assert dict(zip(labels, widths, strict=True)) == {"cup": 0.7, "dog": 0.2, "cat": 0.1}


@pytest.mark.parametrize("format", ["png", "pdf", "svg"])
def test_the_same_figure_has_the_same_bytes(format: str) -> None:
    image = read_image(SAMPLES / "padlock-16x16.png")
    first, second = (
        figure_bytes(figure(image, convolve(image, "edge"), title="$x_1$ [a]"), format)
        for _ in range(2)
    )
    assert first == second
    assert not re.search(rb"20[23]\d-\d\d-\d\d", first)


@pytest.mark.parametrize(
    "result",
    [
        np.zeros((1, 1)),
        np.full((3, 100), 1e300),
        np.array([[np.nan, np.inf, -np.inf, 1]]),
        np.zeros((2, 2, 70)),
        np.full((200, 1), -3, np.int64),
        np.array([2**63 - 1, 0, -5.0]),
    ],
    ids=lambda result: str(result.shape),
)
def test_all_that_can_come_out_can_be_drawn(result: np.ndarray) -> None:
    names = [f"map {number}" for number in range(70)] if result.ndim == 3 else ()
    assert figure_bytes(figure(np.zeros((4, 4)), result, title="字 $", names=names), "png")
    assert sheet([LayerResult("layer", result, names)]).dtype == np.uint8


def test_a_figure_shows_64_maps_at_most() -> None:
    drawn = figure(np.zeros((4, 4)), np.zeros((2, 2, 70)), title="x", names=["a"] * 70)
    assert any("64 of 70 maps" in text.get_text() for text in drawn.texts)


def test_colours_are_those_of_the_scale() -> None:
    scale = Scale.of([np.array([[-2.0, 0, 1]]), np.array([[4.0]])])
    colours = scale.colours(np.array([-4.0, 0, 4, np.nan]))
    assert colours[1].tolist() == [247, 247, 247]
    assert colours[0, 2] > colours[0, 0]  # blue
    assert colours[2, 0] > colours[2, 2]  # red
    assert colours[3].tolist() == [255, 0, 255]
    grey = Scale.of([np.array([[0, 10]])]).colours(np.array([0, 5, 10]))
    assert grey.tolist() == [[0] * 3, [128] * 3, [255] * 3]


def test_pictures_are_shown_as_they_are() -> None:
    image = np.random.default_rng(1).integers(0, 256, (3, 4, 3), np.uint8)
    np.testing.assert_array_equal(picture(image), image)
    np.testing.assert_array_equal(picture(image / np.float64(255)), image)
    np.testing.assert_array_equal(picture(image.astype(np.uint16) * 257), image)


def test_a_sheet_draws_every_map_in_its_colours() -> None:
    random = np.random.default_rng(2)
    maps = random.normal(size=(5, 7, 20))
    drawn = sheet([LayerResult("layer", maps, [str(number) for number in range(20)])])
    colours = Scale.of([maps]).colours(maps)
    found = {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in colours.reshape(-1, 3).tolist()} <= found


def test_a_networks_layers_fit_one_sheet() -> None:
    trace = ForwardPass.of(Pipeline.of("digits"), read_image(SAMPLES / "digits/two.png"))
    layers = [
        LayerResult(step.title, maps, names)
        for step, maps, names in zip(trace.steps, trace.maps[1:], trace.names[1:], strict=True)
    ]
    drawn = sheet(layers)
    assert drawn.shape[1] <= 1600
    assert drawn.shape[0] < 4000


def test_a_sheet_that_is_too_large_is_refused() -> None:
    layer = LayerResult("layer", np.zeros((100, 100, 5000), np.uint8), ["map"] * 5000)
    with pytest.raises(ArgumentError, match="5000 maps are too many"):
        sheet([layer])


def test_the_window_slides_and_the_output_fills() -> None:
    image = np.arange(36).reshape(6, 6)
    result = pool(image, 2)
    frames, durations = animation(image, result, Window((2, 2), (2, 2)), title="pool 2")
    assert len(frames) == len(durations) == result.size
    assert durations[-1] == 1500
    grey = [int((np.abs(frame.astype(int) - 226).max(axis=-1) < 6).sum()) for frame in frames]
    assert grey == sorted(grey, reverse=True)
    assert grey[0] > grey[-1]
    orange = np.array([230, 110, 0])
    outlined = [
        np.argwhere(np.abs(frame.astype(int) - orange).max(axis=-1) < 9) for frame in frames
    ]
    lefts = [int(places[:, 1].min()) for places in outlined]
    tops = [int(places[:, 0].min()) for places in outlined]
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[::3] == [lefts[0]] * 3
    assert tops[0] < tops[3] < tops[6]


@pytest.mark.parametrize("size", [16, pytest.param(1500, marks=pytest.mark.slow)])
def test_animations_stay_small(size: int, tmp_path: Path) -> None:
    image = np.random.default_rng(3).integers(0, 256, (size, size, 3), np.uint8)
    frames, durations = animation(image, convolve(image, "sharpen"), Window((3, 3)), title="noise")
    assert len(frames) <= 150
    timed = [Frame(each, None, time) for each, time in zip(frames, durations, strict=True)]
    for suffix in ("gif", "webp"):
        path = tmp_path / f"noise.{suffix}"
        write(Output(path, Encoding(suffix, compression="small")), timed, metadata={"loop": 0})
        assert path.stat().st_size < 3e6
        with Image.open(path) as moving:
            assert moving.n_frames > 100


@pytest.mark.parametrize(
    ("shape", "window"),
    [
        ((1, 1), Window((1, 1))),
        ((1, 60), Window((1, 3))),
        ((5, 5), Window((3, 3), (2, 2), (2, 2), "full")),
    ],
    ids=str,
)
def test_windows_of_all_kinds_are_drawn(shape: tuple[int, int], window: Window) -> None:
    image = np.ones(shape)
    axes = window.axes(shape)
    result = np.ones([axis.count for axis in axes])
    frames, _ = animation(image, result, window, title="a title that is longer than the picture")
    assert len({frame.shape for frame in frames}) == 1
    assert len(frames) == min(150, result.size)


def test_a_picture_that_comes_in_bands_is_reduced_as_pillow_reduces_it() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        rows, columns = (int(side) for side in random.integers(1, 90, 2))
        height, width = int(random.integers(1, rows + 1)), int(random.integers(1, columns + 1))
        whole = random.integers(0, 256, (rows, columns, 3), np.uint8)
        small = Reducing((rows, columns), height, width)
        cuts = np.unique(random.integers(0, rows, 4))
        for band in np.split(whole, cuts):
            small.add(band)
        narrow = Image.fromarray(whole).resize((width, rows), Image.Resampling.BOX)
        expected = narrow.resize((width, height), Image.Resampling.BOX)
        np.testing.assert_array_equal(small.picture, np.asarray(expected))


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(6).normal(100, 90, (83, 20, 3)).astype(np.float32),
        np.random.default_rng(7).integers(-100, 120, (83, 20)),
        np.random.default_rng(8).normal(size=(83, 20)) * 1e12,
        np.full((83, 20), np.nan),
        np.array([[np.nan, np.inf, 3.5], [2, 2, 300]]),
    ],
    ids=["floats", "integers", "large", "nan", "some"],
)
def test_values_counted_by_bands_are_those_of_the_whole(values: np.ndarray) -> None:
    bands = [values[row : row + 7] for row in range(0, len(values), 7)]
    survey = figure_module.Survey.of(bands, 255)
    finite = values[np.isfinite(values)].astype(float)
    assert survey.scale == Scale.of([values])
    assert survey.is_finite == np.isfinite(values).all()
    assert survey.is_integral == bool((finite % 1 == 0).all())
    assert (survey.finite, survey.below, survey.above) == (
        finite.size, (np.rint(finite) < 0).sum(), (np.rint(finite) > 255).sum(),
    )  # fmt: skip
    spread = figure_module.Spread.of(survey)
    for band in bands:
        spread.count(band)
    expected, _ = np.histogram(finite / spread.unit, spread.edges)
    np.testing.assert_array_equal(spread.counts, expected)
    assert spread.counts.sum() == finite.size


@pytest.mark.parametrize("shape", [(61, 45), (61, 45, 3), (61, 45, 2)], ids=str)
@pytest.mark.slow
def test_drawings_by_rows_are_those_of_the_whole(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "BAND", 5000)
    monkeypatch.setattr(streaming, "HELD", 0)
    image = np.random.default_rng(9).integers(0, 256, shape, np.uint8)
    steps = "convolve sharpen padding=1 | relu | convolve sobel-x padding=2"
    maps = [image, *(result for _, result in Pipeline(steps).trace(image))]
    before, after = rows_of(Pipeline(steps), image)[-2:]
    window = Window((3, 3), padding=((2, 2), (2, 2)))
    by_rows, _ = animation(before, after, window, title="x")
    whole, _ = animation(maps[-2], maps[-1], window, title="x")
    np.testing.assert_array_equal(by_rows, whole)
    np.testing.assert_array_equal(
        sheet([LayerResult("x", after)]), sheet([LayerResult("x", maps[-1])])
    )
    drawn = [figure(image, result, title="x") for result in (after, maps[-1])]
    assert figure_bytes(drawn[0], "png") == figure_bytes(drawn[1], "png")


def test_a_large_pictures_axes_are_in_its_own_pixels() -> None:
    image = np.random.default_rng(10).integers(0, 256, (1300, 2600), np.uint8)
    drawn = figure(image, image - np.float32(128), title="x")
    axes = [each for each in drawn.axes if each.images and each.xaxis.get_visible()]
    for each in axes:
        assert (each.get_xlim(), each.get_ylim()) == ((-0.5, 2599.5), (1299.5, -0.5))
        assert each.images[0].get_array().shape[1] < 1300
    assert len(axes) == 3
