"""Every engine gives the plain loop's answer, and each kernel gets the one that suits it."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import ArrayLike

from cnnfilter import convolve, gray, kernel
from cnnfilter.arrays.borders import BORDERS
from cnnfilter.arrays.buffers import tiles
from cnnfilter.arrays.geometry import Sliding
from cnnfilter.correlation import bank_engines
from cnnfilter.correlation.bank_engines import Im2col
from cnnfilter.correlation.choice import Weights, choose, dense_engines
from cnnfilter.correlation.engines import (
    FFT,
    Engine,
    RunningSum,
    Separable,
    ShiftAdd,
    Subsampled,
    Toeplitz,
    ToeplitzRow,
)
from cnnfilter.correlation.factors import integer_multiples, separated
from cnnfilter.correlation.padded import Padded
from cnnfilter.errors import ShapeError

from ..reference import Array, convolve_by_loops, extent, filter_by_loops, same_padding
from ..types import Arguments, Dtype, Size

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def correlate_by_loops(pixels: Array, weights: Array) -> Array:
    """Correlate each channel, in float64, from the definition."""
    height, width = weights.shape
    rows, columns = pixels.shape[0] - height + 1, pixels.shape[1] - width + 1
    sums = np.zeros((rows, columns, pixels.shape[2]))
    for row, column in np.ndindex(height, width):
        under = pixels[row : row + rows, column : column + columns].astype(np.float64)
        sums += under * float(weights[row, column])
    return sums


def applied(engine: Engine, pixels: Array) -> Array:
    """Apply an engine to pixels of its type."""
    taken = pixels if engine.dtype is None else pixels.astype(engine.dtype)
    return engine(taken).astype(np.float64) * engine.scale


def all_engines(
    weights: Array, peak: float, work: np.dtype[np.floating], shape: tuple[int, ...]
) -> Iterator[Engine]:
    """Iterate over every engine that may be chosen."""
    made = Weights.of(weights, peak, work)
    yield ShiftAdd(made.fastest(), scale=made.scale)
    yield from dense_engines(made, (1, 1), shape)


KERNELS = {
    "sharpen": kernel("sharpen"),
    "sobel-x": kernel("sobel-x"),
    "box": kernel("box"),
    "box 9x4": np.full((9, 4), 0.25),
    "gaussian": kernel("gaussian:7,1.3"),
    "one": np.array([[3]]),
    "zeros": np.zeros((3, 2)),
    "row": np.array([[1.5, -2, 0, 4.25]]),
    "column": np.array([[1], [0], [-7]]),
    "ones": np.ones((5, 13), np.int64),
    "ones 12": np.ones((12, 12), np.int64),
    "dense 5x5": np.random.default_rng(5).integers(-9, 10, (5, 5)),
    "dense 7x6": np.random.default_rng(6).normal(size=(7, 6)),
    "dense 11x12": np.random.default_rng(7).integers(-99, 100, (11, 12)),
    "dense 16x10": np.random.default_rng(8).normal(size=(16, 10)),
    "two products": np.add.outer(np.arange(7.0), np.arange(9.0) ** 2),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pixels", ["uint8", "uint16", "int16", "float32"])
def test_engines_agree_with_the_loop(name: str, channels: int, pixels: str) -> None:
    weights, random = KERNELS[name], np.random.default_rng(1)
    image = random.integers(0, 256, (33, 30, channels)).astype(pixels)
    peak: float = 255.0 if pixels == "float32" else int(np.iinfo(pixels).max)
    expected = correlate_by_loops(image, weights)
    scale = np.abs(weights).sum() * 255 or 1
    is_exact = isinstance(peak, int) and weights.dtype.kind == "i"
    seen = set()
    for engine in all_engines(weights, peak, F32, expected.shape):
        seen.add(type(engine))
        result = applied(engine, image)[:, : expected.shape[1]]
        assert result.shape == expected.shape, engine
        tolerance = 0 if is_exact else 2e-6 * scale
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance, err_msg=str(engine))
    assert {ShiftAdd, Toeplitz} <= seen


def test_the_kernels_above_use_every_engine() -> None:
    seen = {
        type(engine)
        for weights in KERNELS.values()
        for engine in all_engines(weights, 255, F32, (999, 999, 1))
    }
    lines = {
        type(each)
        for weights in KERNELS.values()
        for engine in all_engines(weights, 255, F32, (999, 999, 1))
        if isinstance(engine, Separable)
        for each in (engine.column, engine.row)
    }
    assert seen == {ShiftAdd, Toeplitz, Separable, FFT}
    assert lines >= {ShiftAdd, RunningSum, Toeplitz, ToeplitzRow}


@pytest.mark.parametrize("channels", [1, 2, 17])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (3, 2)])
@pytest.mark.parametrize("filters", [2, 40])
def test_im2col_agrees_with_the_loop(
    channels: int, groups: int, stride: Size, dilation: Size, filters: int
) -> None:
    random = np.random.default_rng(channels)
    image = random.normal(size=(20, 21, channels * groups)).astype(np.float32)
    bank = random.normal(size=(3, 2, channels, filters)).astype(np.float32)
    engine = Im2col(bank, stride, dilation, groups)
    arguments: Arguments = {"stride": stride, "dilation": dilation, "groups": groups}
    np.testing.assert_allclose(
        engine(image), filter_by_loops(image, bank, **arguments), rtol=1e-4, atol=1e-4
    )


def test_im2col_gives_the_same_in_small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).normal(size=(12, 13, 3)).astype(np.float32)
    bank = np.random.default_rng(1).normal(size=(3, 3, 3, 5)).astype(np.float32)
    whole = Im2col(bank, (1, 1), (1, 1))(image).copy()
    monkeypatch.setattr(bank_engines, "SMALL_PRODUCT", 27 * 5 * 9)  # 9 windows at a time
    parts = Im2col(bank, (1, 1), (1, 1))(image)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-5)


def chosen(
    weights: ArrayLike, peak: float = 255, stride: Size = (1, 1), side: int = 1000, maps: int = 1
) -> str:
    """Return the name of the engine for a kernel."""
    return type(choose(np.asarray(weights), stride, (side, side, maps), peak, F32)).__name__


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("sharpen", "ShiftAdd"),
        ("sobel-x", "ShiftAdd"),
        ("gaussian:15,2.5", "Separable"),
        ("box:31", "Separable"),
    ],
)
def test_the_engine_of_a_named_kernel(name: str, engine: str) -> None:
    assert chosen(kernel(name)) == engine


def test_larger_dense_kernels_go_from_toeplitz_to_fft() -> None:
    random = np.random.default_rng(0)
    sizes = {size: random.integers(-9, 10, (size, size)) for size in (3, 5, 7, 15, 31, 63)}
    assert [chosen(each) for each in sizes.values()] == [
        "ShiftAdd", "Toeplitz", "Toeplitz", "Toeplitz", "FFT", "FFT",
    ]  # fmt: skip
    assert chosen(sizes[31], peak=1.0) == "Toeplitz"  # one large float would spoil its tile


def test_few_taps_use_shift_and_add_at_any_size() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 2))
    assert {chosen(weights, side=side) for side in (1, 100, 10_000)} == {"ShiftAdd"}


def test_large_kernels_are_subsampled_after_the_sums() -> None:
    large = np.random.default_rng(0).integers(-9, 10, (31, 31))
    assert chosen(large, stride=(2, 2)) == "Subsampled"
    assert chosen(large[:3, :3], stride=(2, 2)) == "ShiftAdd"


def test_fft_gives_exact_zeros() -> None:
    weights = np.random.default_rng(0).integers(-9, 10, (31, 31))
    image = np.zeros((200, 200), np.uint8)
    image[:20, :20] = 255
    assert chosen(weights) == "FFT"
    assert not convolve(image, weights, padding="same")[60:].any()


@pytest.mark.parametrize("size", [31, 64])
@pytest.mark.parametrize("dtype", [None, "uint8", "int32"])
def test_large_kernels_are_exact_on_integers(size: int, dtype: Dtype) -> None:
    random = np.random.default_rng(size)
    image = random.integers(0, 256, (150, 170), dtype=np.uint8)
    weights = random.integers(-50, 51, (size, size))
    assert chosen(weights) == "FFT"
    sums = correlate_by_loops(image[:, :, np.newaxis], weights)[:, :, 0]
    bounds = (0, 255) if dtype == "uint8" else (-(2**31), 2**31 - 1)
    result = convolve(image, weights, dtype=dtype)
    np.testing.assert_array_equal(result, sums if dtype is None else sums.clip(*bounds))


@pytest.mark.parametrize(
    ("image", "weights", "engine"),
    [
        ("uint8", [[0, 127, 1]], "int16"),  # 255 * 128 = 32640 < 2**15
        ("uint8", [[0, 128, 1]], "float32"),
        ("uint16", [[0, 200, 55]], "float32"),
        ("uint16", [[0, 200, 57]], "int32"),
        ("uint16", [[1, 2**15]], "float64"),
        ("int16", [[1, 0]], "float32"),  # -32768 has no int16 counterpart
    ],
)
def test_integer_sums_use_the_narrowest_exact_type(
    image: str, weights: ArrayLike, engine: str
) -> None:
    bounds = np.iinfo(image)
    peak = max(-int(bounds.min), int(bounds.max))
    made = choose(np.array(weights), (1, 1), (9, 9, 1), peak, F64)
    assert made.dtype == engine
    extreme = np.array([[bounds.max] * 3, [bounds.min] * 3], image)
    expected = convolve_by_loops(extreme, np.array(weights))
    np.testing.assert_array_equal(convolve(extreme, weights, dtype="float64"), expected)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("padding", ["valid", "same", "full", (9, 1, 0, 12)])
@pytest.mark.parametrize("stride", [1, 2])
def test_tiles_match_a_padded_image(border: str, padding: int | str, stride: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (14, 15, 2), dtype=np.uint8)
    axes = Sliding.of(stride, 2, padding).window((4, 3)).axes(image.shape)
    amounts = [(axis.before, axis.after) for axis in axes] + [(0, 0)]
    mode = BORDERS[border]
    expected = np.pad(image, amounts, mode=mode)
    padded = Padded(image, axes, border)
    for dtype in (None, np.dtype(np.int16)):
        for tile in tiles((axes[0].count, axes[1].count), (3, 4)):
            at = tuple(axis.under(windows) for axis, windows in zip(axes, tile, strict=True))
            np.testing.assert_array_equal(padded.under(tile, dtype), expected[at])


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (3, 3)),
        ({"stride": (2, 3)}, (3, 3)),
        ({"dilation": (3, 2)}, (3, 2)),
        ({"stride": 2, "dilation": 2}, (12, 12)),
        ({}, (9, 9)),
        ({"stride": 2}, (9, 9)),
        ({"channels": "sum"}, (5, 5)),
        ({"channels": "gray"}, (5, 5)),
        ({"border": "reflect"}, (9, 9)),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_tiles_meet_without_a_seam(options: Arguments, size: Size, dtype: str) -> None:
    """An image of many tiles, against sums over all of it."""
    image = np.random.default_rng(3).integers(0, 256, (200, 2900, 3)).astype(dtype)
    weights = np.random.default_rng(4).integers(-5, 6, size)
    steps, spread = np.broadcast_to(options.get("stride", 1), 2), options.get("dilation", (1, 1))
    spread = np.broadcast_to(spread, 2)
    seen = image
    if "channels" in options:
        planes = gray(image) if options["channels"] == "gray" else image.astype(int).sum(axis=2)
        seen = planes[:, :, np.newaxis]
    dense = np.zeros([extent(taps, step) for taps, step in zip(size, spread, strict=True)])
    dense[:: spread[0], :: spread[1]] = weights
    amounts = [
        same_padding(*lengths)
        for lengths in zip(image.shape, size, steps.tolist(), spread.tolist(), strict=False)
    ]
    mode = BORDERS[options.get("border", "zero")]
    padded = np.pad(seen, [*amounts, (0, 0)], mode=mode)
    expected = correlate_by_loops(padded, dense)[:: steps[0], :: steps[1]]
    result = convolve(image, weights, padding="same", **options)
    np.testing.assert_allclose(result.reshape(expected.shape), expected, rtol=1e-5, atol=2e-2)


def test_a_large_float_changes_only_its_neighbours() -> None:
    image = np.zeros((300, 300), np.float32)
    image[150, 150], image[20, 20] = 1e30, 1
    for weights in (np.ones((31, 31)), kernel("gaussian:31,5"), np.eye(31) + 1):
        far = convolve(image, weights, padding="same")[:60, :60]
        lone = np.zeros((60, 60), np.float32)
        lone[20, 20] = 1
        np.testing.assert_allclose(far, convolve(lone, weights, padding="same"), rtol=1e-5)


def test_multiples_of_one_unit_are_found() -> None:
    for weights in (np.array([[1, 2], [3, 4]]) / 7, np.array([[0.5, 0.75]]), kernel("box:5")):
        found = integer_multiples(weights)
        assert found is not None
        np.testing.assert_allclose(found[0] * found[1], weights, rtol=1e-12)
    assert integer_multiples(kernel("gaussian:5,1")) is None
    assert integer_multiples(np.array([[1e-300, 1.0]])) is None
    assert integer_multiples(np.array([[0.0, 0.0]])) is None


@pytest.mark.parametrize("rank", [1, 2])
def test_only_a_single_product_is_separated(rank: int) -> None:
    random = np.random.default_rng(rank)
    weights = random.normal(size=(9, rank)) @ random.normal(size=(rank, 8))
    factors = separated(weights)
    assert (factors is not None) == (rank == 1)
    if factors:
        np.testing.assert_allclose(np.multiply.outer(*factors), weights, rtol=1e-12)


def test_integer_factors_are_integers() -> None:
    weights = np.multiply.outer([0, -2, 4], [3, 0, -9])
    factors = separated(weights)
    assert factors is not None
    assert factors[0].dtype.kind == factors[1].dtype.kind == "i"
    np.testing.assert_array_equal(np.multiply.outer(*factors), weights)


@pytest.mark.parametrize("stride", [2, (3, 1), (1, 2)])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_stride_selects_from_the_dense_result(name: str, stride: Size, dtype: str) -> None:
    image = np.random.default_rng(2).integers(0, 256, (90, 95, 2)).astype(dtype)
    down, across = (stride, stride) if isinstance(stride, int) else stride
    dense = convolve(image, KERNELS[name])[::down, ::across]
    np.testing.assert_allclose(
        convolve(image, KERNELS[name], stride=stride), dense, rtol=1e-5, atol=1e-2
    )


@pytest.mark.parametrize(
    ("image", "weights", "expected"),
    [
        (np.full((1, 1), 2**63, float), [[1]], 2.0**63),
        (np.full((1, 1), 2**31 - 1, np.int32), np.array([[2**31]]), (2**31 - 1) * 2.0**31),
        (np.ones((1, 1), np.uint8), np.array([[2**63 // 255]], np.uint64), 2.0**63 / 255),
        (np.ones((1, 1), np.uint8), np.array([[-(2**55)]]), -(2.0**55)),
        (np.full((3, 3), 2e38, np.float32), np.full((3, 3), 1 / 9), 2e38),
        (np.full((3, 3), 1e308), np.full((3, 3), 1 / 9), 1e308),
    ],
)
def test_numbers_at_the_ends_of_their_types(
    image: Array, weights: ArrayLike, expected: float
) -> None:
    np.testing.assert_allclose(convolve(image, weights)[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("large", [1e6, 1e15])
def test_small_weights_count_next_to_a_large_one(large: float) -> None:
    line = np.linspace(0.1, 1, 31)
    weights = np.multiply.outer(line, line)
    weights[0, 0] = large
    for image in (np.ones((100, 100)), np.ones((100, 100), np.uint8)):
        image[0, 0] = 0
        expected = weights.sum(where=weights < large)
        np.testing.assert_allclose(convolve(image, weights)[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("combine", [None, "max", "sum", "l2"])
def test_each_kernel_of_a_list_gets_its_own_engine(combine: str | None) -> None:
    random = np.random.default_rng(0)
    image = random.integers(-100, 100, (230, 1200)).astype(np.int16)
    weights = [random.integers(-9, 10, size) for size in ((31, 31), (25, 22), (3, 3))]
    weights.append(np.full((9, 9), 1 / 81))
    assert [chosen(each, 2**15) for each in weights[:2]] == ["FFT", "FFT"]
    alone = np.dstack([convolve(image, each, padding="same") for each in weights])
    reduced = {
        None: alone,
        "max": alone.max(axis=2),
        "sum": alone.sum(axis=2),
        "l2": np.sqrt((alone.astype(float) ** 2).sum(axis=2)),
    }
    together = convolve(image, weights, padding="same", combine=combine)
    np.testing.assert_allclose(together, reduced[combine], rtol=1e-5, atol=0.1)


def test_wide_integers_are_combined() -> None:
    image, weights = np.full((1, 1), 2**40), [np.array([[2**14]]), np.array([[1]])]
    for combine, expected in (("sum", 2**54 + 2**40), ("max", 2**54)):
        assert convolve(image, weights, combine=combine, dtype=np.int64) == expected


def test_a_rounded_bound_is_not_trusted() -> None:
    value, weight = 89547301328687144, 103  # 2**63 + 24 together
    with pytest.raises(ShapeError, match="lose digits"):
        convolve(np.array([[value]]), np.array([[weight]]), dtype=np.int64)
    value -= 1
    assert convolve(np.array([[value]]), np.array([[weight]])).item() == 2**63 - 79


def test_infinity_stays_under_its_windows() -> None:
    random = np.random.default_rng(0)
    image = random.random((100, 100)).astype(np.float32)
    image[50, 50] = 3e38
    for weights in (np.multiply.outer(*random.random((2, 15)) + 1), random.random((7, 7)) + 1):
        result = convolve(image, weights)
        around = np.zeros(result.shape, bool)
        around[50 - weights.shape[0] + 1 : 51, 50 - weights.shape[1] + 1 : 51] = True
        assert np.isfinite(result[~around]).all()
        assert not np.isnan(result).any()


def test_any_convolution_agrees_with_the_loop() -> None:
    random = np.random.default_rng(20)
    for _ in range(400):
        size = tuple(random.integers(1, random.choice([4, 9, 20]), 2))
        weights = {
            "integers": random.integers(-9, 10, size),
            "floats": random.normal(size=size),
            "product": np.multiply.outer(*(random.normal(size=each) for each in size)),
            "integer product": np.multiply.outer(*(random.integers(-5, 6, n) for n in size)),
            "box": np.full(size, 1 / np.prod(size)),
            "multiples": random.integers(-3, 4, size) * 0.37,
            "sparse": random.normal(size=size) * (random.random(size) < 0.1),
        }[str(random.choice(["integers", "floats", "product", "integer product", "box",
                             "multiples", "sparse"]))]  # fmt: skip
        dtype = str(
            random.choice(["uint8", "int8", "uint16", "int32", "float32", "float64", ">u2"])
        )
        image = random.integers(0, 100, (*random.integers(20, 90, 2), 2)).astype(dtype)
        stride, dilation = random.choice([1, 1, 2, 3], 2), random.choice([1, 1, 2], 2)
        dense = np.zeros([step * (taps - 1) + 1 for taps, step in zip(size, dilation, strict=True)])
        dense[:: dilation[0], :: dilation[1]] = weights
        top, left = (int(random.integers(0, length + 1)) for length in dense.shape)
        amounts = ((top, dense.shape[0]), (left, dense.shape[1]), (0, 0))
        padded = np.pad(image, amounts, mode="symmetric")
        expected = correlate_by_loops(padded, dense)[:: stride[0], :: stride[1]]
        sums = correlate_by_loops(padded, np.abs(dense))[:: stride[0], :: stride[1]]
        result = convolve(
            image, weights, stride=tuple(stride.tolist()), dilation=tuple(dilation.tolist()),
            padding=(top, dense.shape[0], left, dense.shape[1]), border="symmetric",
        )  # fmt: skip
        is_exact = weights.dtype.kind == image.dtype.kind.replace("u", "i") == "i"
        apart = np.abs(result - expected)
        assert (apart <= (0 if is_exact else 2e-6 * sums + 1e-30)).all(), (weights, image.dtype)


def test_a_longer_row_costs_more() -> None:
    costs = [ToeplitzRow(np.ones(size, np.float32)).cost(10**7) for size in (3, 15, 16, 31)]
    assert costs == sorted(costs)
    assert len(set(costs)) == 4


def test_very_many_channels() -> None:
    image = np.ones((15, 15, 4097), np.uint8)
    assert (convolve(image, np.ones((7, 7))) == 49).all()
    assert (convolve(image, np.multiply.outer(np.arange(1.5, 8), np.arange(1.5, 8))) > 0).all()


def test_subsampled_keeps_every_nth_sum() -> None:
    pixels = np.random.default_rng(0).normal(size=(20, 20, 2)).astype(np.float32)
    weights = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    dense = Toeplitz(weights)(pixels).copy()
    np.testing.assert_array_equal(Subsampled(Toeplitz(weights), (2, 3))(pixels), dense[::2, ::3])
