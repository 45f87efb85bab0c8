"""Maps by rows: whatever the bands, they are those of the whole maps."""

import numpy as np
import pytest

from cnnfilter import Pipeline, explain
from cnnfilter.arrays import Array
from cnnfilter.arrays import rows as rows_module
from cnnfilter.arrays.quantize import quantize
from cnnfilter.errors import CnnFilterError
from cnnfilter.layers import resizing
from cnnfilter.pipeline import streaming
from cnnfilter.pipeline.streaming import rows_of

RANDOM = np.random.default_rng(0)
IMAGES = {
    "uint8": RANDOM.integers(0, 256, (37, 29, 3), np.uint8),
    "uint16": RANDOM.integers(0, 65536, (37, 29), np.uint16),
    "float32": RANDOM.normal(size=(37, 29, 3)).astype(np.float32),
    "float64": RANDOM.normal(size=(37, 29, 2)),
    "int64": RANDOM.integers(0, 70000, (37, 29, 3)),
}
PIPELINES = [
    "convolve sharpen",
    "convolve sharpen padding=same stride=2 border=reflect",
    "convolve sobel-x padding=same border=wrap",
    "convolve sobel-x gaussian:5 padding=same",
    "convolve sobel-x gaussian:5 padding=same dilation=3 combine=l2 bias=2",
    "convolve sobel-x gaussian:5 padding=same-lower dilation=3 stride=3 bias=2,3",
    "convolve kirsch",
    "convolve sobel channels=gray combine=l2 | pool 3 mode=average padding=1 ceil-mode=true "
    "count-include-pad=true",
    "pool 3 stride=2 mode=median padding=same",
    "pool 4x3 mode=average stride=3x1 dilation=2 padding=2 ceil-mode=true",
    "pool global mode=average",
    "convolve sharpen | relu | pool 2 | convolve emboss padding=full | sigmoid",
    "convolve edge | scale minmax | scale 255",
    "convolve sharpen padding=7",
    "convolve box:9 padding=9,8,7,6 border=symmetric | pool 5 mode=lp p=3 stride=1",
    "invert when=no | resize 20x30 | convolve sharpen",
    "convolve sobel-x sobel-y | softmax",
    "convolve '1 2 3; 4 5 6' padding=same dilation=5 border=edge dtype=uint8",
]


#: Of as many values as several tiles and bands of the whole result have.
LARGE = {
    "uint8": RANDOM.integers(0, 256, (500, 330, 3), np.uint8),
    "uint16": RANDOM.integers(0, 65536, (900, 333), np.uint16),
    "float16": RANDOM.normal(size=(640, 420)).astype(np.float16),
    "float32": RANDOM.normal(size=(500, 330, 3)).astype(np.float32),
    "float64": RANDOM.normal(size=(900, 333)) * 1e9,
    "int32": RANDOM.integers(-(10**5), 10**8, (500, 330, 3), np.int32),
}
DENSE = "'0.11 0.7 0.3 0.5; 0.21 0.5 0.9 0.1; 0.3 0.4 0.77 0.9; 0.2 0.1 0.13 0.33'"
LONG = "'0.31 0.3123 0.9 0.1 0.2 0.77 0.41 0.05 0.6 0.12 0.71'"
FAR = {
    "shifted copies": "convolve '0.3 0.77; 0.1 -0.9' padding=same border=wrap",
    "Toeplitz": f"convolve {DENSE} padding=same border=reflect | pool 3 stride=2 mode=average",
    "Toeplitz, a stride": f"convolve {DENSE} stride=3x2 padding=full dilation=2 | sigmoid",
    "a column and a row": "convolve gaussian:31,7 gaussian:9 padding=same border=edge | tanh",
    "a row": f"convolve {LONG} padding=2 | convolve {LONG}",
    "running sums": "convolve box:31 sharpen padding=same border=symmetric | gelu",
    "grey": f"convolve {DENSE} gaussian:5 padding=same channels=gray combine=l2 bias=0.37",
    "added up": f"convolve {DENSE} box:9 padding=same-lower channels=sum bias=0.37,1",
    "near infinity": "convolve '1e30 2e30; 3e30 1e30' padding=1 | softplus",
    "average": "pool 5 stride=1 mode=average padding=same | pool 7x1 stride=2 mode=sum padding=3,0",
    "average, counted": "pool 4x3 mode=average stride=1 dilation=2 padding=1 ceil-mode=true "
    "count-include-pad=true | elu",
    "powers": "pool 3 stride=2 mode=l2 padding=same | pool 5 mode=lp p=1.5 stride=1",
    "median": "pool 3 stride=1 mode=median padding=same | scale minmax | batch-norm 0.1 2.3",
    "all of a map": "relu | pool global mode=average",
    "colours": "gray | rgb | select 0 2 space=lab | softmax",
    "a resized map": f"convolve {DENSE} | resize 200x300 | convolve gaussian:5 | prelu 0.3",
}


def assert_same(rows: Array, whole: Array) -> None:
    """Raise AssertionError where a bit differs, that of a zero's sign included."""
    np.testing.assert_array_equal(rows, whole, strict=True)
    np.testing.assert_array_equal(np.signbit(rows), np.signbit(whole))


@pytest.fixture(params=[1, 3000])
def small_bands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "BAND", request.param)
    monkeypatch.setattr(streaming, "HELD", 0)


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("steps", PIPELINES)
def test_rows_are_those_of_the_whole_map(steps: str, image: str) -> None:
    pipeline = Pipeline(steps)
    whole = pipeline.run(IMAGES[image])
    rows = rows_of(pipeline, IMAGES[image])[-1]
    assert rows.shape == whole.shape
    assert_same(rows.whole(), whole)
    last = len(whole) - 1
    assert_same(rows.rows(last, last + 1), whole[last:])


@pytest.mark.parametrize("image", LARGE)
@pytest.mark.parametrize("engine", FAR)
def test_no_bit_of_a_large_map_depends_on_the_rows_that_are_asked_for(
    engine: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "BAND", 2**19)
    monkeypatch.setattr(streaming, "HELD", 0)
    monkeypatch.setattr(resizing, "PLANES", 1)
    pipeline, pixels = Pipeline(FAR[engine]), LARGE[image]
    whole = pipeline.run(pixels)
    assert_same(np.concatenate(list(rows_of(pipeline, pixels)[-1].bands())), whole)
    for row in {len(whole) // 3, len(whole) - 1}:
        assert_same(rows_of(pipeline, pixels)[-1].rows(row, row + 1), whole[row : row + 1])


@pytest.mark.parametrize("image", ["uint8", "float32"])
@pytest.mark.parametrize("engine", ["Toeplitz", "average", "a column and a row"])
def test_a_value_that_is_explained_is_the_one_of_the_result(
    engine: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HELD", 0)
    pipeline, pixels = Pipeline(FAR[engine]), LARGE[image]
    whole = pipeline.run(pixels)
    for row in RANDOM.integers(len(whole), size=4).tolist():
        at = (row, whole.shape[1] // 2, *(0 for _ in whole.shape[2:]))
        explained = explain(pipeline, pixels, at, range="minmax")
        assert explained.value == float(whole[at])
        assert explained.stored is not None
        assert explained.stored.pixel == quantize(whole, "minmax").pixels[at]


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize(
    "steps",
    [
        "convolve sharpen | convolve edge",
        "relu | convolve sharpen",
        "convolve edge | invert",
        "gray | softmax",
        "select 5",
    ],
)
def test_an_error_is_that_of_the_whole_map(steps: str) -> None:
    image = IMAGES["float32"].copy()
    image[30, 5:7] = np.nan
    with pytest.raises(CnnFilterError) as whole:
        Pipeline(steps).run(image)
    with pytest.raises(CnnFilterError) as by_rows:
        rows_of(Pipeline(steps), image)[-1].whole()
    assert str(by_rows.value) == str(whole.value)
    assert type(by_rows.value) is type(whole.value)


def test_shapes_are_looked_at_before_anything_is_computed() -> None:
    with pytest.raises(CnnFilterError, match=r"step 2 \(pool\): .*37 \+ 2\*0 - 40 < 0"):
        rows_of(Pipeline("convolve sharpen padding=same | pool 40"), IMAGES["float32"])


def test_a_small_map_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline("pool 2")
    rows = rows_of(pipeline, IMAGES["uint8"])[-1]
    first = rows.whole()
    monkeypatch.delattr("cnnfilter.layers.pooling.Pooling.__call__")
    np.testing.assert_array_equal(rows.whole(), first)


@pytest.mark.usefixtures("small_bands")
def test_only_the_rows_that_are_asked_for_are_there() -> None:
    pipeline = Pipeline("convolve sharpen")
    whole = pipeline.run(IMAGES["uint8"])
    part = rows_of(pipeline, IMAGES["uint8"])[-1].only(3, 6)
    np.testing.assert_array_equal(part[3:6], whole[3:6])
    assert not part[:3].any()
    assert not part[6:].any()
