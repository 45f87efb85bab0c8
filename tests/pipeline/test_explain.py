"""What an explanation says, against the operations themselves, NumPy, and numbers by hand."""

from pathlib import Path

import numpy as np
import pytest

from cnnfilter import Pipeline, Step, convolve, explain, pool
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.explanation import Convolved, Mapped, Pooled, Taken, Weighed
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.steps.parse import parse_steps

DATA = Path(__file__).parents[1] / "data" / "worked-example"
IMAGE = np.loadtxt(DATA / "image-16x16.csv", delimiter=",", dtype=np.uint8)
SHARPENED = np.loadtxt(DATA / "sharpen-14x14.csv", delimiter=",", dtype=int)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(6)


def test_the_worked_example_where_it_is_394() -> None:
    row, column = np.argwhere(SHARPENED == 394)[0].tolist()
    told = explain("convolve sharpen", IMAGE, (row, column), range="clip")
    assert isinstance(told.detail, Convolved)
    ((term,),) = [each.terms for each in told.detail.sums]
    patch = IMAGE[row : row + 3, column : column + 3].astype(int)
    assert term.patch.values.tolist() == patch.tolist()
    assert term.weights.tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert term.products.tolist() == (patch * term.weights).tolist()
    assert term.sum == told.value == 394
    assert told.stored is not None
    assert (told.stored.pixel, told.stored.clipped) == (255, True)
    assert told.seen == ((row, row + 2, column, column + 2),)


CONVOLUTIONS = [
    {"kernel": "sharpen"},
    {"kernel": "gaussian:5,1", "padding": "same", "border": "reflect"},
    {"kernel": "sobel-x", "padding": "full", "border": "zero", "bias": 7},
    {"kernel": "edge", "stride": (2, 3), "dilation": 2, "padding": "same-lower", "border": "wrap"},
    {"kernel": ["sobel-x", "sobel-y"], "bias": [1, 2]},
    {"kernel": ["sobel-x", "sobel-y"], "combine": "l2", "bias": 3},
    {"kernel": "kirsch", "combine": "max", "channels": "gray"},
    {"kernel": ["sobel-x", "laplacian"], "combine": "sum", "channels": "sum"},
    {"kernel": "box:3", "channels": "sum", "groups": 3, "flip": True, "gain": 2},
    {"kernel": ["box:3", "gaussian:5"], "padding": "same", "border": "edge"},
    {"kernel": np.arange(2 * 3 * 3 * 4).reshape(2, 3, 3, 4) - 20, "bias": [1, 2, 3, 4]},
    {"kernel": np.arange(3 * 3 * 1 * 6).reshape(3, 3, 1, 6) - 20, "groups": 3, "padding": 1},
    {"kernel": np.arange(3 * 3 * 3 * 2).reshape(3, 3, 3, 2) - 20, "combine": "l2"},
]


@pytest.mark.parametrize("arguments", CONVOLUTIONS, ids=lambda each: str(list(each.values())[1:]))
def test_terms_add_up_to_the_convolution(
    arguments: dict[str, object], random: np.random.Generator
) -> None:
    image = random.integers(0, 256, (9, 11, 3), np.uint8)
    result = convolve(image, **arguments)  # type: ignore[arg-type]
    pipeline = Pipeline([Step("convolve", arguments)])
    for place in np.ndindex(result.shape):
        told = explain(pipeline, image, place)
        assert isinstance(told.detail, Convolved)
        values = [each.value for each in told.detail.sums]
        combined = {
            None: values[0],
            "max": max(values),
            "sum": sum(values),
            "l2": np.sqrt(np.sum(np.square(values))),
        }[told.detail.combine]
        assert told.value == result[place]
        np.testing.assert_allclose(combined, result[place], rtol=1e-5, atol=1e-4)
        # What is said of a patch is what stands there.
        for term in (term for each in told.detail.sums for term in each.terms):
            rows, columns = np.array(term.patch.rows), np.array(term.patch.columns)
            real = np.logical_and.outer((rows >= 0) & (rows < 9), (columns >= 0) & (columns < 11))
            np.testing.assert_array_equal(term.patch.inside, real)


POOLINGS = [
    {"size": 2},
    {"size": 3, "stride": 2, "padding": 1, "mode": "min"},
    {"size": 3, "stride": 2, "mode": "median", "ceil_mode": True},
    {"size": 3, "stride": 2, "padding": 1, "mode": "average"},
    {"size": 3, "stride": 2, "padding": 1, "mode": "average", "count_include_pad": True},
    {"size": 2, "mode": "sum", "dilation": 2},
    {"size": 3, "mode": "l2"},
    {"size": 2, "mode": "lp", "p": 3},
    {"size": "global", "mode": "average"},
]


@pytest.mark.parametrize("arguments", POOLINGS, ids=str)
def test_what_a_pooling_window_says_gives_its_value(
    arguments: dict[str, object], random: np.random.Generator
) -> None:
    image = random.integers(0, 99, (8, 9, 2))
    result = pool(image, **arguments)  # type: ignore[call-overload]
    for place in np.ndindex(result.shape):
        told = explain(Pipeline([Step("pool", arguments)]), image, place)
        detail = told.detail
        assert isinstance(detail, Pooled)
        values = detail.patch.values[detail.patch.inside]
        assert np.isnan(detail.patch.values[~detail.patch.inside]).all()
        if detail.mode in ("max", "min"):
            assert detail.patch.values[detail.won].tolist() == [result[place]]
        elif detail.mode == "median":
            assert np.median(values) == result[place]
            won = np.unique(detail.patch.values[detail.won])
            assert won.min() <= result[place] <= won.max()
        elif detail.mode == "average":
            total, count = map(float, detail.words.split(" / "))
            assert total == values.sum()
            assert np.isclose(total / count, result[place])
        elif detail.mode == "sum":
            assert values.sum() == result[place]
        else:
            power = 2 if detail.mode == "l2" else 3
            assert np.isclose((values**power).sum() ** (1 / power), result[place])


def test_the_first_of_equal_values_wins() -> None:
    told = explain("pool 2", [[3, 7], [7, 7]], (0, 0))
    assert isinstance(told.detail, Pooled)
    assert told.detail.won.tolist() == [[False, True], [False, False]]
    assert told.detail.words == "the max of 4, at row 0, column 1, the first of 3"


@pytest.mark.parametrize(
    ("step", "value", "words"),
    [
        ("relu", -3.0, "max(0, x)"),
        ("leaky-relu slope=0.2", -3.0, "x, or 0.2 x below 0"),
        ("clip 1 2", -3.0, "x, but no less than 1 and no more than 2"),
        ("scale 2 offset=1", -3.0, "x * 2 + 1"),
        ("standardize 1 2", -3.0, "(x - 1) * 0.5"),
        ("prelu 0.25", -3.0, "x, or 0.25 x below 0"),
        ("scale minmax", -3.0, "(x - -3) / 1"),
        ("invert", 0.25, "1 - x"),
        ("invert no", 0.25, "x, as it is"),
    ],
)
def test_functions_of_a_value(step: str, value: float, words: str) -> None:
    told = explain(step, np.full((2, 2), value), (1, 0))
    assert told.detail == Mapped(value, words)
    assert told.seen == ((1, 1, 0, 0),)


def test_batch_norm_is_explained_with_its_channels_numbers() -> None:
    step = Step("batch-norm", {"mean": [1, 2], "variance": [4, 9], "scale": [1, 3], "epsilon": 0})
    told = explain(Pipeline([step]), np.ones((2, 2, 2)), (0, 1, 1))
    assert told.detail == Mapped(1.0, "(x - 2) * 1")
    assert told.value == -1


def test_dense_is_the_sum_of_its_contributions() -> None:
    weights = np.arange(24).reshape(12, 2) - 10.0
    steps = [Step("flatten"), Step("dense", {"weights": weights, "bias": [5, 6]})]
    image = np.arange(12).reshape(2, 3, 2)
    told = explain(Pipeline(steps), image, (1,))
    assert isinstance(told.detail, Weighed)
    shares = [one.share for one in told.detail.contributions]
    assert sorted(shares, key=abs, reverse=True) == shares
    assert sum(shares) + 6 == told.value
    largest = told.detail.contributions[0]
    assert (largest.value, largest.weight, largest.share) == (11, 13, 143)
    assert largest.name == "row 1, column 2, channel 1 (alpha)"
    assert told.seen == ((0, 1, 0, 2), (0, 0, 0, 11))


def test_softmax_shares_sum_to_one() -> None:
    told = explain("flatten | softmax", np.log([[1.0, 2.0, 5.0]]))
    assert isinstance(told.detail, Weighed)
    assert told.at == (2,)
    shares = {one.name: one.share for one in told.detail.contributions}
    assert shares == pytest.approx(
        {"row 0, column 2": 0.625, "row 0, column 1": 0.25, "row 0, column 0": 0.125}
    )


def test_flatten_names_the_place_of_a_feature() -> None:
    image = np.arange(12).reshape(2, 3, 2)
    for index, value in enumerate(np.moveaxis(image, -1, 0).ravel().tolist()):
        told = explain("flatten", image, (index,))
        assert isinstance(told.detail, Taken)
        row, column, channel = np.argwhere(image == value)[0].tolist()
        place = f"the value at row {row}, column {column}, channel {channel}"
        assert told.detail.words.startswith(place)
        assert told.seen == ((row, row, column, column),)


def test_gray_shows_each_channels_share() -> None:
    told = explain("gray", np.array([[[100.0, 200.0, 50.0]]]), (0, 0))
    assert isinstance(told.detail, Weighed)
    shares = [(one.name, round(one.share, 1)) for one in told.detail.contributions]
    assert shares == [("green", 117.4), ("red", 29.9), ("blue", 5.7)]


@pytest.mark.parametrize(
    ("steps", "shape"),
    [
        ("convolve sharpen", (9, 8)),
        ("convolve sobel-x padding=same stride=2 | relu | pool 2", (17, 16)),
        ("convolve gaussian:5 dilation=2 padding=same | pool 3 stride=2 mode=average", (19, 20)),
        ("pool 2 | convolve edge padding=full | convolve box:3", (14, 15)),
        ("resize 7x5 filter=bilinear aspect=stretch | convolve box:3", (23, 31)),
        ("resize 20x24 filter=bicubic aspect=pad | pool 2 mode=average", (10, 12)),
        ("resize 6x6 filter=lanczos aspect=crop", (30, 20)),
        ("convolve gaussian:5 padding=3 border=wrap stride=2 | pool 2", (9, 11)),
        ("convolve gaussian:5 padding=4 border=reflect", (9, 11)),
        ("convolve box:3 padding=5", (7, 7)),
        ("resize 28 filter=nearest fill=0", (13, 17)),
        ("pool 4 ceil_mode=yes mode=average", (13, 17)),
    ],
)
def test_a_value_changes_with_its_receptive_field_alone(
    steps: str, shape: tuple[int, int], random: np.random.Generator
) -> None:
    pipeline = Pipeline(steps)
    image = random.random(shape).astype(np.float32)
    result = pipeline.run(image)
    for place in [(0, 0), tuple(each // 2 for each in result.shape), (-1, -1)]:
        at = tuple(each % length for each, length in zip(place, result.shape, strict=True))
        region = explain(pipeline, image, at).seen[0]
        inside = np.zeros(shape, bool)
        if region is not None:
            inside[region.top : region.bottom + 1, region.left : region.right + 1] = True
        other = random.random(shape).astype(np.float32)
        assert pipeline.run(np.where(inside, image, other))[at] == result[at]
        if region is not None:
            assert pipeline.run(np.where(inside, image + 50, image))[at] != result[at]


def test_a_prepared_pipelines_value_is_followed_to_the_picture(
    random: np.random.Generator,
) -> None:
    preparation = parse_steps("resize 16x20 aspect=crop | scale 0.5")
    pipeline = Pipeline("convolve box:3 | pool 2", preparation=preparation)
    picture = random.integers(0, 200, (57, 83), np.uint8)
    told = explain(pipeline, picture, (3, 4))
    assert told.picture is not None
    top, bottom, left, right = told.picture
    inside = np.zeros(picture.shape, bool)
    inside[top : bottom + 1, left : right + 1] = True
    assert pipeline.run(np.where(inside, picture, 0))[3, 4] == told.value
    assert pipeline.run(np.where(inside, picture + 50, picture))[3, 4] != told.value
    assert 14 < bottom - top < 30


def test_steps_that_look_at_all_of_a_picture_are_named() -> None:
    told = explain("scale minmax | convolve edge", np.arange(25).reshape(5, 5), (0, 0))
    assert told.global_steps == ("scale factor=minmax",)
    digits = explain("digits", np.zeros((28, 28), np.uint8), (4, 4, 0), step=1)
    assert [words.split()[0] for words in digits.global_steps] == ["resize", "scale", "invert"]
    assert explain("scale 2 | convolve edge", np.zeros((5, 5)), (0, 0)).global_steps == ()


def test_a_window_on_padding_alone_sees_nothing() -> None:
    told = explain("convolve box:3 padding=5", np.ones((9, 9)), (0, 0))
    assert told.seen == (None,)


def test_steps_are_named_by_number_and_place_by_default() -> None:
    told = explain("convolve edge | relu | pool 2", IMAGE, step=2)
    assert (told.number, told.step.operation, told.at) == (2, "relu", (7, 7))


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ((14, 0), r"14,0 is outside the result \(14x14\); rows and columns count from 0"),
        ((-1, 0), "-1,0 is outside"),
        ((3,), "the result has shape 14x14: give a row and a column, such as 3,5"),
        ((0, 0, 1), "has shape 14x14: give a row and a column"),
    ],
)
def test_places_that_are_none(at: tuple[int, ...], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        explain("convolve sharpen", IMAGE, at)


@pytest.mark.parametrize(("range", "pixel"), [("abs", 255), ("minmax", None), ("symmetric", None)])
def test_what_is_stored_is_what_a_picture_holds(range: str, pixel: int | None) -> None:
    from cnnfilter.arrays.quantize import quantize

    told = explain("convolve sharpen", IMAGE, (4, 4), range=range)
    expected = quantize(SHARPENED, range).pixels[4, 4]
    assert told.stored is not None
    assert told.stored.pixel == expected
    assert pixel is None or abs(SHARPENED[4, 4]) <= 255 or told.stored.pixel == pixel


def test_a_forward_pass_holds_what_running_gives() -> None:
    forward = ForwardPass.of(Pipeline("convolve sharpen | pool 2"), IMAGE)
    np.testing.assert_array_equal(forward.maps[1], SHARPENED)
    expected = np.loadtxt(DATA / "maxpool-7x7.csv", delimiter=",")
    np.testing.assert_array_equal(forward.maps[2], expected)
