"""pool's ways of computing against plain loops: layouts, types, bands, large windows."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cnnfilter import ShapeError, pool
from cnnfilter.layers import reduction

from ..reference import Array, pool_by_loops
from ..types import Arguments

DTYPES = ["u1", "i1", "u2", "i2", ">u2", "<i4", "i8", "f2", "f4", ">f4", "f8"]
LAYOUTS: list[Callable[[Array], Array]] = [
    lambda image: image,
    np.asfortranarray,
    lambda image: image[::-1, ::-1],
    lambda image: np.repeat(np.repeat(image, 2, axis=0), 3, axis=1)[::2, ::3],
    lambda image: image.swapaxes(0, 1).copy().swapaxes(0, 1),
    lambda image: np.moveaxis(np.moveaxis(image, -1, 0).copy(), 0, -1),
    lambda image: image[..., ::-1],
]


def random_image(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    if np.dtype(dtype).kind == "f":
        return (rng.standard_normal(shape) * 100).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = max(limits.min, -(2**20)), min(limits.max, 2**20)
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def check(image: Array, size: tuple[int, int], arguments: Arguments) -> None:
    result = pool(image, size, **arguments)
    expected = pool_by_loops(image, size, **arguments)
    if image.dtype.kind != "f" or arguments["mode"] in ("max", "min"):
        assert_array_equal(result, expected.astype(result.dtype))
    else:
        rtol = 1e-12 if result.dtype == np.float64 else 1e-6
        assert_allclose(result, expected, rtol=rtol, atol=rtol * 100 * size[0] * size[1])


@pytest.mark.parametrize("mode", ["max", "min", "average", "sum"])
@pytest.mark.parametrize("seed", range(60))
def test_every_way_is_the_plain_loops(
    seed: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    # From one row a band to all in one.
    monkeypatch.setattr(reduction, "BAND_BYTES", int(2 ** rng.uniform(4, 16)))
    channels = [(), (1,), (2,), (3,), (7,), (8,), (11,)][whole(rng, 0, 6)]
    image = random_image(
        rng, (whole(rng, 9, 24), whole(rng, 9, 24), *channels), DTYPES[seed % len(DTYPES)]
    )
    size = whole(rng, 1, 4), whole(rng, 1, 4)
    dilation = (1, 1) if seed % 3 else (whole(rng, 1, 2), whole(rng, 1, 2))
    # Padding that leaves every window a pixel.
    most = [n - 1 if d == 1 else min(n, d) - 1 for n, d in zip(size, dilation, strict=True)]
    arguments: Arguments = {
        "mode": mode,
        "stride": (whole(rng, 1, 5), whole(rng, 1, 5)),
        "dilation": dilation,
        "padding": tuple(whole(rng, 0, most[side // 2]) for side in range(4)),
        "ceil_mode": bool(rng.integers(2)),
        "count_include_pad": mode == "average" and bool(rng.integers(2)),
    }
    check(LAYOUTS[seed % len(LAYOUTS)](image), size, arguments)


@pytest.mark.parametrize("mode", ["max", "min", "average"])
@pytest.mark.parametrize("seed", range(30))
def test_large_windows_are_the_plain_loops(
    seed: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1000 + seed)
    monkeypatch.setattr(reduction, "BAND_BYTES", int(2 ** rng.uniform(8, 16)))
    image = random_image(rng, (30, 33, 3)[: 2 + seed % 2], DTYPES[seed % len(DTYPES)])
    size = whole(rng, 5, 30), whole(rng, 5, 33)
    arguments: Arguments = {
        "mode": mode,
        "stride": (whole(rng, 1, 3), whole(rng, 1, 3)),
        "padding": tuple(whole(rng, 0, size[side // 2] - 1) for side in range(4)),
    }
    check(image, size, arguments)


@pytest.mark.parametrize("size", [(1, 20), (20, 1), (20, 20), (19, 18)])
@pytest.mark.parametrize("mode", ["max", "average"])
def test_a_window_as_wide_or_as_high_as_the_map(size: tuple[int, int], mode: str) -> None:
    for shape in ((20, 20), (20, 20, 3)):
        image = random_image(np.random.default_rng(0), shape, "u1")
        check(image, size, {"mode": mode, "stride": (1, 1)})
        check(image, size, {"mode": mode, "stride": size})


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("u1", (8, 16)), ("u1", (16, 16)), ("u1", (2, 129)), ("u1", (1, 257)),
     ("u1", (1, 258)), ("i1", (16, 16)), ("i1", (1, 257)), ("u2", (1, 256)), ("u2", (1, 257)),
     ("u2", (1, 300)), ("i2", (1, 513)), ("u4", (1, 2)), ("i4", (2, 3))],
)  # fmt: skip
@pytest.mark.parametrize("end", ["min", "max"])
def test_sums_of_the_types_limits_do_not_wrap(dtype: str, size: tuple[int, int], end: str) -> None:
    limit = int(getattr(np.iinfo(dtype), end))
    image = np.full((size[0] + 1, size[1] + 2), limit, dtype)
    for mode, expected in (("sum", limit * size[0] * size[1]), ("average", limit)):
        result = pool(image, size, mode=mode, stride=1)
        assert_array_equal(result, np.full((2, 3), float(expected)))


def test_sums_beyond_float64_are_int64() -> None:
    image = np.array([[2**60 + 1, 2**60 + 3], [2**60 + 5, 2**60 + 9]])
    result = pool(image, 2, mode="sum")
    assert (result.dtype, result.item()) == (np.int64, 2**62 + 18)
    shared = np.array([[2**52 + 1, 2**52 + 2, 2**52 + 4, 2**52 + 1]], np.uint64)
    assert pool(shared, (1, 4), mode="sum").item() == 2**54 + 8
    assert pool(shared, (1, 4), mode="average").item() == 2**52 + 2
    assert pool(shared, (1, 3), mode="median").item() == 2**52 + 2


@pytest.mark.parametrize("mode", ["sum", "average", "median", "l2", "lp"])
@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_integers_that_would_lose_digits_are_refused(mode: str, dtype: str) -> None:
    image = np.full((2, 2), np.iinfo(dtype).max, dtype)
    with pytest.raises(ShapeError, match="would lose digits"):
        pool(image, 2, mode=mode)
    assert pool(image, 2).item() == image.item(0)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (4, 4, 9)])
def test_float32_near_its_end_does_not_overflow_on_the_way(shape: tuple[int, ...]) -> None:
    most = np.finfo(np.float32).max
    image = np.full(shape, most, np.float32)
    assert_array_equal(pool(image, 2, mode="average"), image[::2, ::2])
    assert_array_equal(pool(image, 2, mode="average", padding=1), np.full_like(image[:3, :3], most))
    image[::2, ::2] = image[1::2, ::2] = -most
    assert_array_equal(pool(image, 2, mode="sum"), np.zeros_like(image[::2, ::2]))


def test_float32_averages_are_no_less_exact_than_torchs() -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(0).random((600, 600), np.float32)
    for size in (2, 3, 5, 8, 20):
        exact = pool(image.astype(np.float64), size, mode="average", stride=1)
        theirs = torch.nn.functional.avg_pool2d(torch.from_numpy(image)[None, None], size, 1)
        errors = [
            np.sqrt(np.mean((averages - exact) ** 2))
            for averages in (
                pool(image, size, mode="average", stride=1), theirs[0, 0].numpy()
            )
        ]  # fmt: skip
        assert errors[0] <= errors[1]


def test_numpys_buffer_is_left_as_it_was() -> None:
    before = np.getbufsize()
    pool(np.zeros((50, 50)), 2)
    assert np.getbufsize() == before
