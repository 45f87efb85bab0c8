"""Maps by rows: whatever the bands, they are those of the whole maps."""

import numpy as np
import pytest

from cnnfilter import Pipeline
from cnnfilter.errors import CnnFilterError
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


@pytest.fixture(params=[1, 3000])
def small_bands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BAND", request.param)
    monkeypatch.setattr(streaming, "HELD", 0)


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("steps", PIPELINES)
def test_rows_are_those_of_the_whole_map(steps: str, image: str) -> None:
    pipeline = Pipeline(steps)
    whole = pipeline.run(IMAGES[image])
    rows = rows_of(pipeline, IMAGES[image])[-1]
    assert rows.shape == whole.shape
    assert rows.whole().dtype == whole.dtype
    np.testing.assert_allclose(rows.whole(), whole, rtol=1e-5, atol=1e-4)
    last = len(whole) - 1
    np.testing.assert_allclose(rows.rows(last, last + 1), whole[last:], rtol=1e-5, atol=1e-4)


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
    with pytest.raises(CnnFilterError, match=r"step 2 \(pool\): 37 \+ 2\*0 - 40 < 0"):
        rows_of(Pipeline("convolve sharpen padding=same | pool 40"), IMAGES["float32"])


def test_a_small_map_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline("pool 2")
    rows = rows_of(pipeline, IMAGES["uint8"])[-1]
    first = rows.whole()
    monkeypatch.delattr("cnnfilter.core.pooling.Pooling.__call__")
    np.testing.assert_array_equal(rows.whole(), first)


@pytest.mark.usefixtures("small_bands")
def test_only_the_rows_that_are_asked_for_are_there() -> None:
    pipeline = Pipeline("convolve sharpen")
    whole = pipeline.run(IMAGES["uint8"])
    part = rows_of(pipeline, IMAGES["uint8"])[-1].only(3, 6)
    np.testing.assert_array_equal(part[3:6], whole[3:6])
    assert not part[:3].any()
    assert not part[6:].any()
