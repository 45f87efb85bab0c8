"""The type of each layer's result: the image's floats, or what holds its integers."""

import numpy as np
import pytest

from cnnfilter import Pipeline, ShapeError, dense
from cnnfilter.pipeline.forward import ForwardPass

from ..types import Dtype

#: Pipelines that change small numbers by a factor, or not at all.
LINEAR = [
    "convolve 2", "convolve box:9 padding=same border=wrap", "convolve gaussian:15,2 padding=same",
    "convolve 'box:31' padding=same border=edge", "convolve edge channels=sum",
    "convolve sobel combine=l2", "convolve sobel combine=max", "pool 2 mode=sum", "pool 2",
    "pool 3 mode=average", "pool 3 mode=median", "pool 3 mode=lp p=1", "pool 3 mode=l2",
    "pool 1 mode=l2", "pool global mode=l2", "resize 5", "gray", "relu", "leaky-relu 0.5",
    "prelu 0.5", "elu", "clip -1 1", "scale", "scale 3", "standardize 0 2", "batch-norm 0 1",
    "tanh", "gelu", "rgb",
]  # fmt: skip
IMAGE = np.random.default_rng(0).random((40, 41, 3)) + 0.5


@pytest.mark.parametrize("steps", LINEAR)
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)],
)
def test_floats_keep_their_type(steps: str, dtype: Dtype, expected: Dtype) -> None:
    pipeline, image = Pipeline(steps), IMAGE.astype(dtype)
    result = pipeline.run(image)
    kept = dtype if steps in ("pool 2", "gray", "relu", "rgb") else expected
    assert result.dtype == kept
    *_, (_, outlined) = pipeline.outlined(image)
    assert outlined.dtype == kept
    by_rows = ForwardPass.by_rows(pipeline, image).rows[-1].whole()
    assert by_rows.dtype == kept
    np.testing.assert_array_equal(by_rows, result)


@pytest.mark.parametrize("steps", LINEAR)
def test_small_and_large_numbers_of_float64_are_not_lost(steps: str) -> None:
    small = Pipeline(steps).run(IMAGE * 1e-300)
    assert np.count_nonzero(small) > 0.2 * small.size
    plain = Pipeline(steps).run(IMAGE)
    if steps not in ("elu", "tanh", "gelu", "clip -1 1"):
        largest = np.abs(plain).max()
        np.testing.assert_allclose(small * 1e300, plain, rtol=1e-9, atol=1e-13 * largest)
        np.testing.assert_allclose(
            Pipeline(steps).run(IMAGE * 1e30) / 1e30, plain, rtol=1e-9, atol=1e-13 * largest
        )


def test_dense_layers_hold_sums_of_integers() -> None:
    vector = np.array([200, 255], np.uint8)
    assert dense(vector, [[2**15], [2**15]]).dtype == np.float32
    result = dense(vector, [[2**16 + 1, 1], [2**16 + 1, 1]], bias=3)
    assert result.dtype == np.float64
    assert result.tolist() == [455 * (2**16 + 1) + 3, 458]
    with pytest.raises(ShapeError, match="would lose digits"):
        dense(np.array([2**53]), [[1.0]])


@pytest.mark.parametrize(
    ("steps", "value", "expected"),
    [
        ("scale 1000", 2**14 + 1, 1000 * (2**14 + 1)),
        ("scale 1000", 2**15 + 1, 1000 * (2**15 + 1)),
        ("standardize 1 0.5", 2**24 + 1, 2**25),
        ("leaky-relu", 2**40 + 1, 2**40 + 1),
        ("relu", 2**62 + 1, 2**62 + 1),
        ("pool 1", 2**62 + 1, 2**62 + 1),
        ("pool 1 mode=sum", 2**62 + 1, 2**62 + 1),
        ("convolve 1", 2**62 + 1, 2**62 + 1),
        ("convolve 1 | relu | convolve '1 -1' padding=0,0,0,1", 2**62 + 1, 2**62 + 1),
    ],
)
def test_integers_keep_every_digit(steps: str, value: int, expected: int) -> None:
    image = np.array([[value]])
    result = Pipeline(steps).run(image)
    assert int(result.item()) == expected
    assert int(ForwardPass.by_rows(Pipeline(steps), image).rows[-1].whole().item()) == expected


@pytest.mark.parametrize(
    "steps", ["leaky-relu", "scale 2", "clip", "resize 2", "convolve 4", "pool 1 mode=average"]
)
def test_an_error_replaces_lost_digits(steps: str) -> None:
    with pytest.raises(ShapeError, match=r"would lose digits.*convert it to floats"):
        Pipeline(steps).run(np.full((3, 3), 2**62))
