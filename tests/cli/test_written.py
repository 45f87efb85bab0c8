"""How numbers become pictures, and where results go."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import cnnfilter

from ..command import Run
from ..pictures import Images, pixels
from .folders import as_stored, mode_of, names_of

RANGES = {
    # -100 and 300 are clipped; halves go to the even number
    "clip": ([[-100, 0.5, 1.5, 254.5, 300]], [0, 0, 2, 254, 255], "40.0% clipped"),
    "abs": ([[-100, 0, 2.5, -300, 300]], [100, 0, 2, 255, 255], "40.0% clipped"),
    "minmax": ([[-100, 0, 100, 300]], [0, 64, 128, 255], "-100 to 300"),
    "symmetric": ([[-100, 0, 100, 300]], [85, 128, 170, 255], "-100 to 300"),
}


@pytest.mark.parametrize("range", RANGES)
def test_range_decides_how_numbers_become_pixels(
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
    command = ("convolve", "-k", "box:5", "--padding", "same", "--alpha", "keep")
    run.ok(*command, "img.png", "-o", "same.png")
    valid, same = pixels(tmp_path / "valid.png"), pixels(tmp_path / "same.png")
    np.testing.assert_array_equal(valid[..., 3], source[2:-2:2, 2:-2:2, 3])
    np.testing.assert_array_equal(same[..., 3], source[..., 3])
    colours = cnnfilter.convolve(source[..., :3], "box:5", padding="same")
    np.testing.assert_array_equal(same[..., :3], as_stored(colours))


def test_alpha_is_averaged_by_pooling(run: Run, images: Images, tmp_path: Path) -> None:
    source = pixels(images.rgba())
    run.ok("pool", "img.png")
    written = pixels(tmp_path / "img-pool.png")
    alpha = cnnfilter.pool(source[..., 3], mode="average")
    np.testing.assert_array_equal(written[..., 3], as_stored(alpha))
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
    assert mode_of(tmp_path / "img-sharpen.png") == "I;16"
    np.testing.assert_array_equal(written, as_stored(cnnfilter.convolve(source, "sharpen"), 65535))


def test_16_bit_becomes_8_bit_where_the_format_has_no_more(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.grey16()
    run.ok("pool", "img.png", "-o", "out.jpg")
    assert mode_of(tmp_path / "out.jpg") == "L"


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
    assert mode_of(path) == mode
    difference = np.abs(pixels(path).astype(int) - expected)
    assert difference.mean() <= (10 if path.suffix == ".jpg" else 0)


def test_a_lab_file_becomes_colour(run: Run, images: Images, tmp_path: Path) -> None:
    photo = images.coffee()
    images.save("img.tif", photo.convert("LAB"))
    run.ok("pool", "--size", "1", "img.tif")
    assert mode_of(tmp_path / "img-pool.tif") == "RGB"
    written = pixels(tmp_path / "img-pool.tif").astype(int)
    assert np.abs(written - np.asarray(photo)).mean() < 6


def test_an_output_is_a_folder_that_exists_or_a_file(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "exists").mkdir()
    run.ok("pool", "img.png", "-o", "exists")
    run.ok("pool", "img.png", "-o", "file.bmp")
    assert names_of(tmp_path / "exists") == ["img-pool.png"]
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
    assert names_of(tmp_path / "folder") == ["one-pool.png", "two-pool.jpg"]


def test_the_output_keeps_the_inputs_format_by_default(
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


def test_standard_inputs_format_is_known_by_its_bytes(run: Run, images: Images) -> None:
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
    assert names_of(tmp_path) == ["img.png"]


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
        assert names_of(tmp_path / format) == [f"{Path(name).stem}-pool.{suffix}"]
        name = f"{format}/{Path(name).stem}-pool.{suffix}"
    np.testing.assert_array_equal(np.load(tmp_path / name), values)


def test_a_float_tif_stays_float(run: Run, tmp_path: Path) -> None:
    values = np.array([[-1.5, 300.25], [0, 1e6]], np.float32)
    tifffile.imwrite(tmp_path / "img.tif", values)
    run.ok("pool", "--size", "1", "img.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "img-pool.tif"), values)


def test_an_8_bit_tif_stays_8_bit_unless_float_is_requested(
    run: Run, images: Images, tmp_path: Path
) -> None:
    source = pixels(images.photo("img.tif"))
    expected = cnnfilter.convolve(source, "edge")
    run.ok("convolve", "-k", "edge", "img.tif", "-o", "float.tif", "--format", "float")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "float.tif"), expected)
    run.ok("convolve", "-k", "edge", "img.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "img-edge.tif"), as_stored(expected))
