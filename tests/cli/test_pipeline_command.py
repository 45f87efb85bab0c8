"""The pipeline command: its grammar, its files, its summary and its stages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cnnfilter

from ..command import Run
from ..pictures import Images, pixels


@pytest.fixture
def source(images: Images) -> np.ndarray:
    values = np.random.default_rng(5).integers(0, 255, (14, 12, 3), dtype=np.uint8)
    images.matrix(values)
    return values


def _convolve_pool(source: np.ndarray) -> np.ndarray:
    sharp = cnnfilter.convolve(source, "sharpen", padding="same")
    return cnnfilter.pool(np.maximum(sharp, 0), 2)


GRAMMAR: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "chain": ("convolve sharpen padding=same | relu | pool 2", _convolve_pool),
    "all named": ("convolve kernel=sharpen padding=same | relu | pool size=2", _convolve_pool),
    "single quotes": (
        "convolve '0 -1 0; -1 5 -1; 0 -1 0' padding=same | relu | pool 2",
        _convolve_pool,
    ),
    "double quotes": (
        'convolve "0,-1,0;-1,5,-1;0,-1,0" padding="same"|relu|pool "2"',
        _convolve_pool,
    ),
    "over lines": ("convolve sharpen padding=same\n| relu\n| pool 2\n", _convolve_pool),
    "two kernels": (
        "convolve sobel-x sobel-y combine=l2",
        lambda x: cnnfilter.convolve(x, ["sobel-x", "sobel-y"], combine="l2"),
    ),
    "two named kernels": (
        "convolve kernel=sobel-x kernel='0 1 0; 1 0 1; 0 1 0' channels=gray",
        lambda x: cnnfilter.convolve(x, ["sobel-x", "0 1 0; 1 0 1; 0 1 0"], channels="gray"),
    ),
    "pairs": (
        "convolve box stride=2x1 padding=1,2 dilation=1,2 border=wrap",
        lambda x: cnnfilter.convolve(
            x, "box", stride=(2, 1), padding=(1, 2), dilation=(1, 2), border="wrap"
        ),
    ),
    "flags": (
        "convolve '1 2; 3 4' flip=true normalize=true gain=2 bias=-1",
        lambda x: cnnfilter.convolve(
            x, "1 2; 3 4", flip=True, normalize=True, gain=2, bias=-1
        ),
    ),
    "as in Python and as the options": (
        "pool 3 mode=average padding=1 ceil_mode=true count-include-pad=true",
        lambda x: cnnfilter.pool(
            x, 3, mode="average", padding=1, ceil_mode=True, count_include_pad=True
        ),
    ),
    "global": ("pool size=global mode=l2", lambda x: cnnfilter.pool(x, "global", mode="l2")),
    "channels": ("select 2 0", lambda x: x[..., [2, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("case", GRAMMAR)
def test_steps_in_text_equal_the_functions(
    case: str, run: Run, source: np.ndarray, tmp_path: Path
) -> None:
    steps, function = GRAMMAR[case]
    run.ok("pipeline", steps, "m.npy", "-o", "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), function(source))


def test_activations(run: Run, images: Images) -> None:
    steps = "clip low=-2 high=1.5 | elu | tanh | leaky-relu slope=0.5 | softplus | sigmoid"
    values = np.array([[-3.0, -0.5, 0.0], [0.25, 1.0, 2.0]])
    images.matrix(values)
    x = np.clip(values, -2, 1.5)
    x = np.tanh(np.where(x < 0, np.expm1(x), x))
    x = np.log1p(np.exp(np.where(x < 0, x / 2, x)))
    printed = run.ok("pipeline", steps, "m.npy", "--print").numbers()
    np.testing.assert_allclose(printed, 1 / (1 + np.exp(-x)), rtol=1e-6)


def test_gray_is_itu_r_601_and_channels_have_names(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = np.asarray(images.coffee()).astype(float)
    images.photo()
    run.ok("pipeline", "gray", "img.png", "-o", "gray.npy")
    np.testing.assert_allclose(
        np.load(tmp_path / "gray.npy"), source @ [0.299, 0.587, 0.114], atol=0.51
    )
    run.ok("pipeline", "select blue", "img.png", "-o", "blue.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "blue.npy"), source[..., 2])


def test_a_kernel_file_in_a_step(run: Run, source: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "my kernels").mkdir()
    (tmp_path / "my kernels/k.txt").write_text("1 2\n3 4\n")
    run.ok("pipeline", "convolve 'my kernels/k.txt' | pool 2", "m.npy", "-o", "out.npy")
    expected = cnnfilter.pool(cnnfilter.convolve(source, "1 2; 3 4"))
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


# TOML

TOML = """
[[steps]]
operation = "convolve"
kernel = ["sobel-x", "sobel-y"]
combine = "l2"
padding = [1, 2]
border = "edge"

[[steps]]
operation = "relu"

[[steps]]
operation = "pool"
size = "3x2"
mode = "average"
ceil_mode = true
"""
SAME_AS_TOML = (
    "convolve sobel-x sobel-y combine=l2 padding=1,2 border=edge"
    " | relu | pool 3x2 mode=average ceil_mode=true"
)


def test_a_toml_file_equals_its_text(run: Run, images: Images, tmp_path: Path) -> None:
    images.matrix(np.random.default_rng(7).integers(0, 255, (14, 12, 3), dtype=np.uint8))
    (tmp_path / "edges.toml").write_text(TOML)
    run.ok("pipeline", "edges.toml", "m.npy", "-o", "file.npy")
    run.ok("pipeline", SAME_AS_TOML, "m.npy", "-o", "text.npy")
    from_file, from_text = np.load(tmp_path / "file.npy"), np.load(tmp_path / "text.npy")
    assert from_file.shape == (5, 7, 3)
    np.testing.assert_array_equal(from_file, from_text)


@pytest.mark.parametrize("kernel", ['"near.txt"', "[[1, 2], [3, 4]]", '"1 2; 3 4"'])
def test_a_kernel_in_a_toml_file_is_next_to_it_or_written_out(
    kernel: str, run: Run, source: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/near.txt").write_text("1 2\n3 4\n")
    (tmp_path / "sub/steps.toml").write_text(
        f'[[steps]]\noperation = "convolve"\nkernel = {kernel}\n'
    )
    run.ok("pipeline", "sub/steps.toml", "m.npy", "-o", "out.npy")
    np.testing.assert_array_equal(
        np.load(tmp_path / "out.npy"), cnnfilter.convolve(source, "1 2; 3 4")
    )


@pytest.mark.parametrize("way", ["../far.txt", "absolute", "link.txt"])
def test_a_toml_file_names_no_kernel_outside_its_folder(
    way: str, run: Run, source: np.ndarray, tmp_path: Path
) -> None:
    assert source.size
    far = tmp_path / "far.txt"
    far.write_text("1 2\n3 4\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/link.txt").symlink_to("../far.txt")
    kernel = str(far) if way == "absolute" else way
    (tmp_path / "sub/steps.toml").write_text(
        f"[[steps]]\noperation = 'convolve'\nkernel = '{kernel}'\n"
    )
    line = run.refused("pipeline", "sub/steps.toml", "m.npy", status=2)
    assert "sub/steps.toml" in line
    assert kernel in line
    assert "outside" in line


# Summary and stages

SUMMED = "gray | convolve kirsch bias=1 | pool 2 stride=3 | convolve box:5 dilation=2"
LAYERS = [
    ["input", "", "64x50x3", "0", "0", "1x1"],
    ["1", "gray", "64x50", "0", "0", "1x1"],
    ["2", "convolve kernel=kirsch bias=1", "62x48x8", "73", str(62 * 48 * 8 * 9), "3x3"],
    ["3", "pool size=2 stride=3", "21x16x8", "0", "0", "4x4"],
    ["4", "convolve kernel=box:5 dilation=2", "13x8x8", "25", str(13 * 8 * 8 * 25), "28x28"],
    ["total", "", "13x8x8", "98", str(62 * 48 * 8 * 9 + 13 * 8 * 8 * 25), "28x28"],
]


def test_a_summary_of_a_shape(run: Run, tmp_path: Path) -> None:
    result = run("pipeline", SUMMED, "--summary", "--shape", "64x50x3")
    assert result.status == 0
    heading, *rows = [line.split("\t") for line in result.text.splitlines()]
    assert len(heading) == 6
    assert rows == LAYERS
    assert list(tmp_path.iterdir()) == []


def test_a_summary_of_an_image_has_the_shapes_of_a_run(
    run: Run, source: np.ndarray, tmp_path: Path
) -> None:
    steps = "convolve edge padding=same stride=2 | pool 2 ceil_mode=true"
    result = run("pipeline", steps, "m.npy", "--summary")
    assert result.status == 0
    shapes = [line.split("\t")[2] for line in result.text.splitlines()[1:]]
    assert shapes == ["14x12x3", "7x6x3", "4x3x3", "4x3x3"]
    assert [path.name for path in tmp_path.iterdir()] == ["m.npy"]
    run("pipeline", steps, "m.npy", "-o", "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (4, 3, 3)
    assert source.shape == (14, 12, 3)


def test_a_summary_of_a_photograph_with_alpha_leaves_alpha_out(run: Run, images: Images) -> None:
    images.rgba()
    result = run("pipeline", "relu", "img.png", "--summary")
    assert result.text.splitlines()[1].split("\t")[2] == "30x37x3"


def test_a_summary_of_what_does_not_fit_gets_the_arithmetic(run: Run) -> None:
    line = run.refused("pipeline", "relu | convolve box", "--summary", "--shape", "2x9", status=1)
    assert "step 2" in line
    assert "2 + 2*0 - 3 < 0" in line


def test_stages_writes_every_map_in_between(run: Run, source: np.ndarray, tmp_path: Path) -> None:
    steps = "convolve edge | relu | pool 2"
    line = run.ok("pipeline", steps, "m.npy", "--stages", "layers", "-o", "out.npy").line
    names = sorted(path.name for path in (tmp_path / "layers").iterdir())
    assert names == ["m-1-convolve.npy", "m-2-relu.npy", "m-3-pool.npy"]
    assert all(name in line for name in names)
    stages = [np.load(tmp_path / "layers" / name) for name in names]
    np.testing.assert_array_equal(stages[0], cnnfilter.convolve(source, "edge"))
    np.testing.assert_array_equal(stages[1], np.maximum(stages[0], 0))
    np.testing.assert_array_equal(stages[2], cnnfilter.pool(stages[1]))
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), stages[2])


def test_stages_of_a_picture_are_a_picture_each_map(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    run.ok("pipeline", "gray | convolve sobel", "img.png", "--stages", "layers", "-o", "maps/")
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "img-sobel-x.png",
        "img-sobel-y.png",
    ]
    assert sorted(path.name for path in (tmp_path / "layers").iterdir()) == [
        "img-1-gray.png",
        "img-2-convolve-sobel-x.png",
        "img-2-convolve-sobel-y.png",
    ]


def test_stages_that_exist_are_overwritten_only_by_force(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers/img-1-pool.png").write_text("precious")
    line = run.refused("pipeline", "pool", "img.png", "--stages", "layers", status=1)
    assert "img-1-pool.png" in line
    assert "--force" in line


def test_the_default_name_and_alpha_of_a_pipeline(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.rgba())
    run.ok("pipeline", "convolve box | pool 2", "img.png")
    written = pixels(tmp_path / "img-pipeline.png")
    alpha = cnnfilter.pool(source[1:-1, 1:-1, 3], mode="average")
    np.testing.assert_array_equal(written[..., 3], np.rint(alpha))


def test_a_matrix_that_is_not_quoted_is_no_row_of_kernels(run: Run, images: Images) -> None:
    images.photo()
    result = run("pipeline", "convolve 0 -1 0; -1 5 -1; 0 -1 0 | pool", "img.png")
    assert result.status == 2
    assert "step 1: convolve: quote the matrix: convolve '0 -1 0; -1 5 -1; 0 -1 0'" in result.line
