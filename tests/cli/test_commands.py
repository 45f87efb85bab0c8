"""Split-channels, convolve, pool and kernels do what the functions do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import cnnfilter

from ..command import Run
from ..pictures import Images, pixels
from ..types import Arguments
from .folders import as_stored, mode_of, names_of

WORKED = Path(__file__).resolve().parents[1] / "data" / "worked-example"


def test_version(run: Run) -> None:
    result = run("--version")
    assert (result.status, result.text) == (0, f"cnnfilter {cnnfilter.__version__}\n")


def test_python_m_is_the_same_command(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    program = (sys.executable, "-m", "cnnfilter")
    run.ok("pool", "img.png", program=program)
    assert names_of(tmp_path) == ["img-pool.png", "img.png"]


def test_split_channels_writes_a_grey_picture_of_each(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    line = run.ok("split-channels", "img.png").line
    assert "img-red.png, img-green.png, img-blue.png" in line
    for index, name in enumerate(["red", "green", "blue"]):
        path = tmp_path / f"img-{name}.png"
        assert mode_of(path) == "L"
        np.testing.assert_array_equal(pixels(path), source[..., index])


def test_alpha_is_a_channel(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.rgba())
    run.ok("split-channels", "img.png", "-o", "out/")
    assert names_of(tmp_path / "out") == [
        "img-alpha.png",
        "img-blue.png",
        "img-green.png",
        "img-red.png",
    ]
    np.testing.assert_array_equal(pixels(tmp_path / "out/img-alpha.png"), source[..., 3])


def test_a_grey_image_has_one_channel(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock()
    run.ok("split-channels", "padlock.png")
    assert names_of(tmp_path) == ["padlock-gray.png", "padlock.png"]


def test_tint_shows_red_as_red(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.photo())
    run.ok("split-channels", "--as", "tint", "img.png", "-o", "out/")
    for index, name in enumerate(["red", "green", "blue"]):
        tinted = pixels(tmp_path / f"out/img-{name}.png")
        expected = np.zeros_like(source)
        expected[..., index] = source[..., index]
        np.testing.assert_array_equal(tinted, expected)


@pytest.mark.parametrize(
    ("space", "offsets"),
    [("hsv", [0, 0, 0]), ("lab", [0, 128, 128]), ("ycbcr", [0, 0, 0])],
)
def test_a_colour_space_gives_its_channels_and_offsets_signed_ones(
    space: str, offsets: list[int], run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    channels = cnnfilter.split_channels(source, space)
    run.ok("split-channels", "--space", space, "img.png", "-o", "out/")
    assert names_of(tmp_path / "out") == sorted(f"img-{name}.png" for name in channels)
    for (name, values), offset in zip(channels.items(), offsets, strict=True):
        written = pixels(tmp_path / f"out/img-{name}.png")
        np.testing.assert_array_equal(written, as_stored(values + offset))


def test_printing_channels_reports_the_number_of_features(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    result = run.ok("split-channels", "--print", "img.png")
    np.testing.assert_array_equal(result.numbers(), source)
    assert str(36 * 48 * 3) in result.line
    assert names_of(tmp_path) == ["img.png"]


def test_results_are_named_after_the_kernel_next_to_the_input(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo("deep/img.png"))
    result = run.ok("convolve", "--kernel", "sharpen", "deep/img.png")
    expected = cnnfilter.convolve(source, "sharpen")
    np.testing.assert_array_equal(pixels(tmp_path / "deep/img-sharpen.png"), as_stored(expected))
    clipped = 100 * np.mean((expected < 0) | (expected > 255))
    assert "36x48x3 -> 34x46x3" in result.line
    assert f"{expected.min():g} to {expected.max():g}" in result.line
    assert f"{clipped:.1f}% clipped" in result.line
    assert "img-sharpen.png" in result.line
    assert result.stdout == b""


def test_quiet_prints_nothing(run: Run, images: Images) -> None:
    images.photo()
    result = run("convolve", "-k", "sharpen", "img.png", "--quiet")
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")


def test_several_kernels_give_a_file_each(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.photo())
    run.ok("convolve", "-k", "box", "-k", "edge", "img.png", "-o", "out/")
    assert names_of(tmp_path / "out") == ["img-box.png", "img-edge.png"]
    for name in ["box", "edge"]:
        np.testing.assert_array_equal(
            pixels(tmp_path / f"out/img-{name}.png"), as_stored(cnnfilter.convolve(source, name))
        )


@pytest.mark.parametrize("name", ["maps.npy", "maps.npz", "maps.tif"])
def test_several_kernels_give_one_array(
    name: str, run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    run.ok("convolve", "-k", "sobel", "-k", "edge", "img.png", "-o", name)
    expected = cnnfilter.convolve(source, ["sobel-x", "sobel-y", "edge"])
    assert expected.min() < 0
    if name.endswith(".tif"):
        maps = tifffile.imread(tmp_path / name)
    else:
        loaded = np.load(tmp_path / name, allow_pickle=False)
        maps = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    np.testing.assert_array_equal(maps, expected)


KERNEL_FILES: dict[str, Callable[[Path], object]] = {
    "mine.txt": lambda path: path.write_text("1 2 0\n-1/2 0.5 3\n"),
    "mine.csv": lambda path: path.write_text("1,2,0\n-0.5,0.5,3\n"),
    "mine.json": lambda path: path.write_text("[[1, 2, 0], [-0.5, 0.5, 3]]"),
    "mine.npy": lambda path: np.save(path, np.array([[1, 2, 0], [-0.5, 0.5, 3]])),
    "libvips.txt": lambda path: path.write_text("3 2 2 0\n2 4 0\n-1 1 6\n"),
    "no-offset.txt": lambda path: path.write_text("3 2 2\n2 4 0\n-1 1 6\n"),
}


def test_kernel_files_of_every_format_are_read(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.photo())
    options = []
    for name, write in KERNEL_FILES.items():
        write(tmp_path / name)
        options += ["-k", name]
    run.ok("convolve", *options, "--channels", "gray", "img.png", "-o", "maps.npy")
    kernel = [[1, 2, 0], [-0.5, 0.5, 3]]
    expected = cnnfilter.convolve(source, [kernel], channels="gray")
    maps = np.load(tmp_path / "maps.npy")
    assert maps.shape[-1] == len(KERNEL_FILES)
    for index in range(len(KERNEL_FILES)):
        np.testing.assert_allclose(maps[..., index], expected.squeeze(), rtol=1e-6)


def test_a_kernel_file_names_the_result(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    KERNEL_FILES["mine.csv"](tmp_path / "mine.csv")
    run.ok("convolve", "-k", "mine.csv", "img.png")
    assert names_of(tmp_path) == ["img-mine.png", "img.png", "mine.csv"]


def test_a_first_line_that_does_not_fit_is_a_row_of_the_kernel(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.table([[1, 10], [100, 1000], [1, 1]])
    (tmp_path / "k.txt").write_text("2 2\n3 4\n")
    assert run.ok("convolve", "-k", "k.txt", "m.csv", "--print").text == "4322\n2207\n"


def test_text_is_a_kernel(run: Run, images: Images) -> None:
    images.table([[9, 18], [27, 36]])
    assert run.ok("convolve", "-k", "1/9 0; 0, -1", "m.csv", "--print").text == "-35\n"


CONVOLUTIONS: dict[str, tuple[list[str], Arguments]] = {
    "same padding": (
        ["-k", "1 2; 3 4", "--padding", "same"],
        {"kernel": "1 2; 3 4", "padding": "same"},
    ),
    "padding of four": (
        ["-k", "box", "--padding", "1,2,3,0"],
        {"kernel": "box", "padding": (1, 2, 3, 0)},
    ),
    "border": (
        ["-k", "box", "--padding", "full", "--border", "reflect"],
        {"kernel": "box", "padding": "full", "border": "reflect"},
    ),
    "stride and dilation": (
        ["-k", "edge", "--stride", "2x3", "--dilation", "2,1"],
        {"kernel": "edge", "stride": (2, 3), "dilation": (2, 1)},
    ),
    "flip": (["-k", "1 2; 3 4", "--flip"], {"kernel": "1 2; 3 4", "flip": True}),
    "normalize and gain": (
        ["-k", "1 2; 3 4", "--normalize", "--gain", "-1/2"],
        {"kernel": "1 2; 3 4", "normalize": True, "gain": -0.5},
    ),
    "bias": (["-k", "edge", "--bias", "-3.5"], {"kernel": "edge", "bias": -3.5}),
    "bias of each map of the grey image": (
        ["-k", "edge", "-k", "box", "--channels", "gray", "--bias", "1,2"],
        {"kernel": ["edge", "box"], "channels": "gray", "bias": [1, 2]},
    ),
    "sum of the channels": (
        ["-k", "edge", "--channels", "sum"],
        {"kernel": "edge", "channels": "sum"},
    ),
    "gradient's magnitude": (
        ["-k", "sobel-x", "-k", "sobel-y", "--combine", "l2"],
        {"kernel": ["sobel-x", "sobel-y"], "combine": "l2"},
    ),
    "most of a set": (["-k", "kirsch", "--combine", "max"], {"kernel": "kirsch", "combine": "max"}),
    "parameters": (["-k", "gaussian:5,1.2"], {"kernel": "gaussian:5,1.2"}),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolve_writes_the_functions_result(
    case: str, run: Run, images: Images, tmp_path: Path
) -> None:
    options, keywords = CONVOLUTIONS[case]
    source = np.random.default_rng(1).integers(0, 255, (13, 11, 3), dtype=np.uint8)
    images.matrix(source)
    run.ok("convolve", *options, "m.npy", "-o", "out.npy")
    expected = cnnfilter.convolve(source, **keywords)
    written = np.load(tmp_path / "out.npy")
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize("layout", ["OIHW", "HWIO"])
@pytest.mark.parametrize(("groups", "inputs"), [(1, 3), (3, 1)])
def test_a_filter_bank_from_a_file(
    groups: int, inputs: int, layout: str, run: Run, images: Images, tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    source = rng.integers(0, 255, (9, 8, 3), dtype=np.uint8)
    bank = rng.integers(-3, 4, (2, 3, inputs, 6)).astype(np.float32)
    images.matrix(source)
    images.matrix(bank if layout == "HWIO" else bank.transpose(3, 2, 0, 1), "bank.npy")
    options = ["--groups", str(groups), *(["--layout", "HWIO"] if layout == "HWIO" else [])]
    run.ok("convolve", "-k", "bank.npy", *options, "m.npy", "-o", "out.npy")
    expected = cnnfilter.convolve(source, bank, groups=groups)
    assert expected.shape == (8, 6, 6)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


POOLINGS: dict[str, tuple[list[str], Arguments]] = {
    "default": ([], {}),
    "size and stride": (["--size", "3x2", "--stride", "2,1"], {"size": (3, 2), "stride": (2, 1)}),
    "min, ceil": (
        ["--mode", "min", "--size", "4", "--ceil-mode"],
        {"mode": "min", "size": 4, "ceil_mode": True},
    ),
    "average": (["--mode", "average", "--padding", "1"], {"mode": "average", "padding": 1}),
    "average with padding": (
        ["--mode", "average", "--padding", "1", "--count-include-pad"],
        {"mode": "average", "padding": 1, "count_include_pad": True},
    ),
    "median": (["--mode", "median", "--padding", "same"], {"mode": "median", "padding": "same"}),
    "sum, dilation": (["--mode", "sum", "--dilation", "2"], {"mode": "sum", "dilation": 2}),
    "global": (["--size", "global", "--mode", "l2"], {"size": "global", "mode": "l2"}),
}


@pytest.mark.parametrize("case", POOLINGS)
def test_pool_writes_the_functions_result(
    case: str, run: Run, images: Images, tmp_path: Path
) -> None:
    options, keywords = POOLINGS[case]
    source = np.random.default_rng(3).integers(0, 255, (13, 11, 3), dtype=np.uint8)
    images.matrix(source)
    run.ok("pool", *options, "m.npy", "-o", "out.npy")
    expected = cnnfilter.pool(source, **keywords)
    written = np.load(tmp_path / "out.npy")
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected)


def test_the_worked_example_is_exact_through_the_commands(run: Run, images: Images) -> None:
    images.padlock()
    image, sharp, pooled = (
        (WORKED / name).read_text().replace(",", "\t")
        for name in ["image-16x16.csv", "sharpen-14x14.csv", "maxpool-7x7.csv"]
    )
    assert run.ok("split-channels", "padlock.png", "--print").text.split() == image.split()
    result = run.ok("convolve", "-k", "sharpen", "padlock.png", "--print")
    assert result.text == sharp
    result = run.ok("pool", "-", "--print", stdin=result.stdout)
    assert result.text == pooled
    result = run.ok("pipeline", "convolve sharpen | pool 2", "padlock.png", "--print")
    assert result.text == pooled


def test_kernels_lists_every_named_kernel(run: Run) -> None:
    result = run("kernels")
    assert result.status == 0
    words = set(result.text.replace("\t", " ").replace(",", " ").replace(":", " ").split())
    assert set(cnnfilter.KERNELS) - words == set()


FACTS = {
    "sharpen": {
        "size": "3x3",
        "sum": "1",
        "range": "-1020 to 1275",
        "separable": "no",
        "symmetric": "yes",
    },
    "sobel-x": {
        "size": "3x3",
        "sum": "0",
        "range": "-1020 to 1020",
        "separable": "yes",
        "symmetric": "no",
    },
    "1 2; 2 4; 3 6": {"size": "3x2", "sum": "18", "range": "0 to 4590", "separable": "yes"},
}


@pytest.mark.parametrize("name", FACTS)
def test_kernels_shows_a_matrix_and_its_facts(name: str, run: Run) -> None:
    result = run("kernels", name)
    assert result.status == 0
    matrix, _, facts = result.text.partition("\n\n")
    rows = [[float(cell) for cell in row.split("\t")] for row in matrix.splitlines()]
    np.testing.assert_array_equal(rows, cnnfilter.kernel(name))
    said = dict(line.split("\t") for line in facts.splitlines())
    assert {fact: said[fact].split(" from ")[0] for fact in FACTS[name]} == FACTS[name]


def test_depth_decides_how_16_bit_matrices_are_written(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.matrix([[0.0, 300.4, 65535.0, 70000.0]])
    assert run("pool", "--size", "1", "m.npy", "-o", "deep.png", "--depth", "16").status == 0
    with Image.open(tmp_path / "deep.png") as deep:
        assert np.asarray(deep).tolist() == [[0, 300, 65535, 65535]]
    assert run("pool", "m.npy", "--depth", "12").status == 2


@pytest.mark.parametrize(("name", "suffix"), [("jpg", ".jpg"), ("TIFF", ".tif"), ("Csv", ".csv")])
def test_a_format_is_known_by_its_suffix_too(
    name: str, suffix: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    assert run("pool", "img.png", "--format", name).status == 0
    assert (tmp_path / f"img-pool{suffix}").exists()


def test_a_result_goes_into_a_pipe_that_is_named(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    command = Path(sys.executable).with_name("cnnfilter")
    shell = f"'{command}' pool img.png -q -o >(cat > copy.png); sleep 1"
    subprocess.run(["bash", "-c", shell], cwd=tmp_path, check=True)
    assert run("pool", "img.png", "-o", "direct.png").status == 0
    assert (tmp_path / "copy.png").read_bytes() == (tmp_path / "direct.png").read_bytes()
