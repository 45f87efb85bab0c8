"""What split-channels, convolve, pool and kernels write and print."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import cnnfilter
from cnnfilter.batch.ledger import LEDGER

from ..command import Run
from ..pictures import Images, pixels
from ..types import Arguments

WORKED = Path(__file__).resolve().parents[1] / "data" / "worked-example"


def _names(folder: Path) -> list[str]:
    """What is in a folder, but for what the tool remembers of it."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER)


def _mode(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def _stored(values: np.ndarray, most: int = 255) -> np.ndarray:
    return np.clip(np.rint(values), 0, most).astype(np.uint16 if most > 255 else np.uint8)


# The program


def test_version(run: Run) -> None:
    result = run("--version")
    assert (result.status, result.text) == (0, f"cnnfilter {cnnfilter.__version__}\n")


def test_python_m_is_the_same_command(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    program = (sys.executable, "-m", "cnnfilter")
    run.ok("pool", "img.png", program=program)
    assert _names(tmp_path) == ["img-pool.png", "img.png"]


# split-channels


def test_split_channels_writes_a_grey_picture_of_each(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    line = run.ok("split-channels", "img.png").line
    assert "img-red.png, img-green.png, img-blue.png" in line
    for index, name in enumerate(["red", "green", "blue"]):
        path = tmp_path / f"img-{name}.png"
        assert _mode(path) == "L"
        np.testing.assert_array_equal(pixels(path), source[..., index])


def test_alpha_is_a_channel(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.rgba())
    run.ok("split-channels", "img.png", "-o", "out/")
    assert _names(tmp_path / "out") == [
        "img-alpha.png",
        "img-blue.png",
        "img-green.png",
        "img-red.png",
    ]
    np.testing.assert_array_equal(pixels(tmp_path / "out/img-alpha.png"), source[..., 3])


def test_a_grey_image_has_one_channel(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock()
    run.ok("split-channels", "padlock.png")
    assert _names(tmp_path) == ["padlock-gray.png", "padlock.png"]


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
def test_a_colour_space_gives_its_channels_and_offsets_what_is_signed(
    space: str, offsets: list[int], run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    channels = cnnfilter.split_channels(source, space)
    run.ok("split-channels", "--space", space, "img.png", "-o", "out/")
    assert _names(tmp_path / "out") == sorted(f"img-{name}.png" for name in channels)
    for (name, values), offset in zip(channels.items(), offsets, strict=True):
        written = pixels(tmp_path / f"out/img-{name}.png")
        np.testing.assert_array_equal(written, _stored(values + offset))


def test_printing_channels_tells_the_number_of_features(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo())
    result = run.ok("split-channels", "--print", "img.png")
    np.testing.assert_array_equal(result.numbers(), source)
    assert str(36 * 48 * 3) in result.line
    assert _names(tmp_path) == ["img.png"]


# convolve


def test_the_default_name_is_that_of_the_kernel_beside_the_input(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo("deep/img.png"))
    result = run.ok("convolve", "--kernel", "sharpen", "deep/img.png")
    expected = cnnfilter.convolve(source, "sharpen")
    np.testing.assert_array_equal(pixels(tmp_path / "deep/img-sharpen.png"), _stored(expected))
    clipped = 100 * np.mean((expected < 0) | (expected > 255))
    assert "36x48x3 -> 34x46x3" in result.line
    assert f"{expected.min():g} to {expected.max():g}" in result.line
    assert f"{clipped:.1f}% clipped" in result.line
    assert "img-sharpen.png" in result.line
    assert result.stdout == b""


def test_quiet_says_nothing(run: Run, images: Images) -> None:
    images.photo()
    result = run("convolve", "-k", "sharpen", "img.png", "--quiet")
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")


def test_several_kernels_give_a_file_each(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.photo())
    run.ok("convolve", "-k", "box", "-k", "edge", "img.png", "-o", "out/")
    assert _names(tmp_path / "out") == ["img-box.png", "img-edge.png"]
    for name in ["box", "edge"]:
        np.testing.assert_array_equal(
            pixels(tmp_path / f"out/img-{name}.png"), _stored(cnnfilter.convolve(source, name))
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
    assert _names(tmp_path) == ["img-mine.png", "img.png", "mine.csv"]


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
def test_convolve_gives_what_the_function_gives(
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


# pool

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
def test_pool_gives_what_the_function_gives(
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


# The worked example


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


# From numbers to pictures

RANGES = {
    # -100 and 300 are clipped; halves go to the even number
    "clip": ([[-100, 0.5, 1.5, 254.5, 300]], [0, 0, 2, 254, 255], "40.0% clipped"),
    "abs": ([[-100, 0, 2.5, -300, 300]], [100, 0, 2, 255, 255], "40.0% clipped"),
    "minmax": ([[-100, 0, 100, 300]], [0, 64, 128, 255], "-100 to 300"),
    "symmetric": ([[-100, 0, 100, 300]], [85, 128, 170, 255], "-100 to 300"),
}


@pytest.mark.parametrize("range", RANGES)
def test_range_says_how_numbers_become_pixels(
    range: str, run: Run, images: Images, tmp_path: Path
) -> None:
    values, expected, said = RANGES[range]
    images.table(values)
    option = [] if range == "clip" else ["--range", range]  # it is the default
    line = run.ok("pool", "--size", "1", "m.csv", "-o", "out.png", *option).line
    assert pixels(tmp_path / "out.png").tolist() == [expected]
    assert said in line


def test_minmax_is_over_all_channels_and_a_constant_is_black(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.matrix(np.array([[[0, 10, 20], [30, 40, 50]]]), "three.npy")
    images.matrix(np.full((2, 2), 77.0), "flat.npy")
    for name in ["three", "flat"]:
        run.ok("pool", "--size", "1", f"{name}.npy", "-o", f"{name}.png", "--range", "minmax")
    assert pixels(tmp_path / "three.png").tolist() == [[[0, 51, 102], [153, 204, 255]]]
    assert set(pixels(tmp_path / "flat.png").flat) == {0}


def test_alpha_is_set_aside_and_put_back_under_the_kernels_centre(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.rgba())
    run.ok("convolve", "-k", "box:5", "--stride", "2", "img.png", "-o", "valid.png")
    run.ok("convolve", "-k", "box:5", "--padding", "same", "img.png", "-o", "same.png")
    valid, same = pixels(tmp_path / "valid.png"), pixels(tmp_path / "same.png")
    np.testing.assert_array_equal(valid[..., 3], source[2:-2:2, 2:-2:2, 3])
    np.testing.assert_array_equal(same[..., 3], source[..., 3])
    colours = cnnfilter.convolve(source[..., :3], "box:5", padding="same")
    np.testing.assert_array_equal(same[..., :3], _stored(colours))


def test_alpha_is_averaged_by_pooling(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.rgba())
    run.ok("pool", "img.png")
    written = pixels(tmp_path / "img-pool.png")
    alpha = cnnfilter.pool(source[..., 3], mode="average")
    np.testing.assert_array_equal(written[..., 3], _stored(alpha))
    np.testing.assert_array_equal(written[..., :3], cnnfilter.pool(source[..., :3]))


def test_alpha_that_is_averaged_is_as_deep_as_its_picture(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.rgba())
    run.ok("pool", "img.png", "--depth", "16", "-o", "deep.tif")
    written = cnnfilter.read_image(tmp_path / "deep.tif")
    alpha = cnnfilter.pool(source[..., 3], mode="average").astype(float)
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written[..., 3], np.rint(alpha * 257))


def test_16_bit_stays_16_bit(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.grey16())
    assert source.max() > 255
    run.ok("convolve", "-k", "sharpen", "img.png")
    written = pixels(tmp_path / "img-sharpen.png")
    assert _mode(tmp_path / "img-sharpen.png") == "I;16"
    np.testing.assert_array_equal(written, _stored(cnnfilter.convolve(source, "sharpen"), 65535))


def test_16_bit_becomes_8_bit_where_the_format_has_no_more(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.grey16()
    run.ok("pool", "img.png", "-o", "out.jpg")
    assert _mode(tmp_path / "out.jpg") == "L"


def test_exif_orientation_is_applied_and_reset_and_the_profile_kept(
    run: Run, images: Images, tmp_path: Path
) -> None:
    with Image.open(images.turned()) as image:
        assert image.size == (48, 36)
    line = run.ok("convolve", "-k", "identity", "img.jpg", "-o", "out.jpg").line
    assert "48x36x3 -> 46x34x3" in line or "48x36x3 -> 48x36x3" in line
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.height > image.width
        assert image.getexif().get(0x0112, 1) == 1
        assert image.getexif()[0x010E] == "A cup of coffee"
        assert image.info["icc_profile"] == images.profile()


def test_exif_orientation_turns_the_pixels_the_right_way(
    run: Run, images: Images, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = pixels(images.photo("img.png", exif=exif))
    run.ok("pool", "--size", "1", "img.png", "-o", "out.png")
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), np.rot90(source, -1))


KINDS: dict[str, tuple[str, str, str]] = {
    "palette": ("palette", "img.png", "RGB"),
    "CMYK": ("cmyk", "img.jpg", "RGB"),
    "1-bit": ("bits", "img.png", "L"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_of_pictures_become_colour_or_grey(
    kind: str, run: Run, images: Images, tmp_path: Path
) -> None:
    make, name, mode = KINDS[kind]
    with Image.open(getattr(images, make)(name)) as image:
        expected = np.asarray(image.convert(mode))
    run.ok("pool", "--size", "1", name)
    path = tmp_path / f"{Path(name).stem}-pool{Path(name).suffix}"
    assert _mode(path) == mode
    difference = np.abs(pixels(path).astype(int) - expected)
    assert difference.mean() <= (10 if path.suffix == ".jpg" else 0)


def test_a_lab_file_becomes_colour(run: Run, images: Images, tmp_path: Path) -> None:
    photo = images.coffee()
    images.save("img.tif", photo.convert("LAB"))
    run.ok("pool", "--size", "1", "img.tif")
    assert _mode(tmp_path / "img-pool.tif") == "RGB"
    written = pixels(tmp_path / "img-pool.tif").astype(int)
    assert np.abs(written - np.asarray(photo)).mean() < 6


# Where results go, and as what


def test_an_output_is_a_folder_that_exists_or_a_file(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "exists").mkdir()
    run.ok("pool", "img.png", "-o", "exists")
    run.ok("pool", "img.png", "-o", "file.bmp")
    assert _names(tmp_path / "exists") == ["img-pool.png"]
    with Image.open(tmp_path / "file.bmp") as image:
        assert image.format == "BMP"


def test_with_several_images_the_output_is_a_folder(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo("one.png")
    images.photo("two.jpg")
    result = run("pool", "one.png", "two.jpg", "-o", "folder")
    assert result.status == 0
    first, second, summary = result.stderr.splitlines()
    assert "one.png" in first
    assert "two.jpg" in second
    assert "2 done, 0 skipped, 0 failed" in summary
    assert _names(tmp_path / "folder") == ["one-pool.png", "two-pool.jpg"]


def test_the_output_keeps_the_inputs_format_unless_told(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo("img.jpg")
    run.ok("pool", "img.jpg")
    run.ok("pool", "img.jpg", "--format", "png")
    run.ok("pool", "img.jpg", "-o", "named.webp")
    run.ok("pool", "img.jpg", "-o", "unnamed")
    formats = {}
    for name in ["img-pool.jpg", "img-pool.png", "named.webp", "unnamed"]:
        with Image.open(tmp_path / name) as image:
            formats[name] = image.format
    assert list(formats.values()) == ["JPEG", "PNG", "WEBP", "JPEG"]


def test_standard_input_tells_its_format_by_its_bytes(run: Run, images: Images) -> None:
    path = images.photo("img.jpg", quality=95)
    result = run.ok("pool", "-", "-o", "-", stdin=path.read_bytes())
    with Image.open(io.BytesIO(result.stdout)) as image:
        assert image.format == "JPEG"
        assert image.size == (24, 18)
    result = run.ok("pool", "-", "-o", "-", "--format", "png", stdin=path.read_bytes())
    np.testing.assert_array_equal(pixels(result.stdout), cnnfilter.pool(pixels(path)))


def test_standard_input_without_an_output_goes_to_standard_output(
    run: Run, images: Images, tmp_path: Path
) -> None:
    path = images.photo()
    result = run.ok("pool", "-", stdin=path.read_bytes())
    np.testing.assert_array_equal(pixels(result.stdout), cnnfilter.pool(pixels(path)))
    assert _names(tmp_path) == ["img.png"]


def test_a_pipe_of_npy_loses_nothing(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.photo())
    edges = run.ok("convolve", "-k", "edge", "img.png", "-o", "-", "--format", "npy").stdout
    expected = cnnfilter.convolve(source, "edge")
    assert expected.min() < 0
    assert expected.max() > 255
    np.testing.assert_array_equal(np.load(io.BytesIO(edges)), expected)
    run.ok("pool", "-", "-o", "pooled.png", "--range", "symmetric", stdin=edges)
    pooled = cnnfilter.pool(expected)
    middle = np.rint(127.5 + 127.5 * pooled / np.abs(pooled).max())
    np.testing.assert_array_equal(pixels(tmp_path / "pooled.png"), middle)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 7)], ids=["grey", "colour", "maps"])
@pytest.mark.slow
def test_a_matrix_survives_every_format_of_numbers(
    shape: tuple[int, ...], run: Run, images: Images, tmp_path: Path
) -> None:
    values = np.random.default_rng(4).normal(0, 1e3, shape)
    values.flat[:4] = [1 / 3, -1e-30, 1e20, -0.1]
    images.matrix(values)
    name = "m.npy"
    for format in ["npz", "csv", "tsv", "json", "float", "npy"]:
        suffix = "tif" if format == "float" else format
        run.ok("pool", "--size", "1", name, "-o", f"{format}/", "--format", format)
        assert _names(tmp_path / format) == [f"{Path(name).stem}-pool.{suffix}"]
        name = f"{format}/{Path(name).stem}-pool.{suffix}"
    np.testing.assert_array_equal(np.load(tmp_path / name), values)


def test_a_float_tif_stays_float(run: Run, tmp_path: Path) -> None:
    values = np.array([[-1.5, 300.25], [0, 1e6]], np.float32)
    tifffile.imwrite(tmp_path / "img.tif", values)
    run.ok("pool", "--size", "1", "img.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "img-pool.tif"), values)


def test_an_8_bit_tif_stays_8_bit_unless_float_is_asked_for(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo("img.tif"))
    expected = cnnfilter.convolve(source, "edge")
    run.ok("convolve", "-k", "edge", "img.tif", "-o", "float.tif", "--format", "float")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "float.tif"), expected)
    run.ok("convolve", "-k", "edge", "img.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "img-edge.tif"), _stored(expected))


# Printing


def test_off_a_terminal_all_numbers_are_printed_plainly(run: Run, images: Images) -> None:
    large = images.coffee().resize((120, 90))
    source = np.asarray(large)
    images.save("img.png", large)
    result = run.ok("convolve", "-k", "edge", "--print", "img.png")
    expected = cnnfilter.convolve(source, "edge")
    assert set(result.text) <= set("-0123456789\t\n")
    blocks = result.text.split("\n\n")
    assert len(blocks) == 3
    np.testing.assert_array_equal(result.numbers(), expected)


def test_numbers_are_printed_to_their_last_digit(run: Run, images: Images) -> None:
    values = np.array([[1 / 3, -2e-17, 1.0], [1e21, 123456789.125, np.pi]])
    images.matrix(values)
    result = run.ok("pool", "--size", "1", "m.npy", "--print")
    np.testing.assert_array_equal(result.numbers(), values)


def test_nan_and_infinity_are_printed(run: Run, images: Images) -> None:
    images.matrix(np.array([[np.nan, np.inf], [-np.inf, 1.5]]))
    result = run.ok("pool", "--size", "1", "m.npy", "--print")
    assert result.text == "nan\tinf\n-inf\t1.5\n"


def test_csv_is_printed_as_asked(run: Run, images: Images) -> None:
    images.matrix(np.arange(12).reshape(2, 3, 2))
    result = run.ok("pool", "--size", "1", "m.npy", "--print", "--format", "csv")
    assert result.text == "0,2,4\n6,8,10\n\n1,3,5\n7,9,11\n"


def test_json_is_printed_as_asked(run: Run, images: Images) -> None:
    values = np.arange(12).reshape(2, 3, 2)
    images.matrix(values)
    result = run.ok("pool", "--size", "1", "m.npy", "--print", "--format", "json")
    assert json.loads(result.text) == values.tolist()


def test_channels_are_printed_as_json_line_by_line(run: Run, images: Images) -> None:
    source = pixels(images.photo())
    result = run.ok("split-channels", "img.png", "--print", "--format", "json")
    channels = [json.loads(line) for line in result.text.splitlines()]
    np.testing.assert_array_equal(np.stack(channels, axis=-1), source)


# kernels


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


def test_depth_says_what_a_matrix_of_16_bit_values_becomes(
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
