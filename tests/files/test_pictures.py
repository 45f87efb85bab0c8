"""What pictures keep on their way through: depth, metadata, orientation, alpha."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

import cnnfilter
from cnnfilter import FileError, read_image, write_image
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import COMPRESSIONS, format_named
from cnnfilter.files.read import read, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame
from cnnfilter.files.tiff import writer as tiff

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (24, 32, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (24, 32, 3), np.uint16)
GRAY16 = DEEP[:, :, 0]
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def through(source: Path, target: Path, values: np.ndarray | None = None) -> None:
    """Write what was read, or other values in its place, as a command would."""
    image = read(source)
    values = image.pixels if values is None else values
    format = "tif" if target.suffix == ".tif" else target.suffix[1:].replace("jpg", "jpeg")
    write(
        Output(target, Encoding(format, depth=image.depth)),
        [Frame(values)],
        metadata=image.metadata,
    )


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "tiff_lzw"}, {"compression": "packbits"}, {"compression": "jpeg"}],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "1"])
def test_a_tiff_comes_out_in_another_size(
    mode: str, options: dict[str, str], tmp_path: Path
) -> None:
    if options.get("compression") == "jpeg" and mode in ("P", "1"):
        pytest.skip("JPEG in TIFF holds no palette and no bits")
    exif = Image.Exif()
    exif[0x010E] = "a cup"
    Image.fromarray(RGB).convert(mode).save(tmp_path / "a.tif", exif=exif, **options)
    through(tmp_path / "a.tif", tmp_path / "b.tif", RGB[:7, :9])
    with Image.open(tmp_path / "b.tif") as written:
        assert written.getexif()[0x010E] == "a cup"
        np.testing.assert_array_equal(np.asarray(written), RGB[:7, :9])


def test_what_lies_in_a_tiff_does_not_reach_a_jpeg(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.tif")
    through(tmp_path / "a.tif", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as written:
        assert not set(written.getexif()) & {256, 257, 259, 273, 279}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_colour_is_turned_upright_as_8_bit_colour_is(
    orientation: int, tmp_path: Path
) -> None:
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "deep.tif", DEEP, photometric="rgb", extratags=tags)
    eight = (DEEP // 257).astype(np.uint8)
    tifffile.imwrite(tmp_path / "eight.tif", eight, photometric="rgb", extratags=tags)
    deep = read_image(tmp_path / "deep.tif")
    assert deep.dtype == np.uint16
    np.testing.assert_array_equal(deep // 257, read_image(tmp_path / "eight.tif"))


def test_16_bit_colour_keeps_its_profile(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb", iccprofile=PROFILE)
    through(tmp_path / "a.tif", tmp_path / "b.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif"), DEEP)
    assert read(tmp_path / "b.tif").metadata["icc_profile"] == PROFILE


def test_white_is_zero_is_turned_round_in_16_bits_too(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY16, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), 65535 - GRAY16)


def test_16_bit_print_colours_become_rgb(tmp_path: Path) -> None:
    inks = np.array([[[0, 0, 0, 0], [65535, 0, 0, 0], [0, 0, 0, 65535]]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", planarconfig="contig")
    expected = [[[65535] * 3, [0, 65535, 65535], [0] * 3]]
    assert read_image(tmp_path / "a.tif").tolist() == expected


def test_alpha_of_16_bit_colour_is_distinct_from_colours(tmp_path: Path) -> None:
    planes = np.dstack([DEEP, GRAY16])
    write_image(tmp_path / "a.tif", planes, depth=16)
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, DEEP)
    np.testing.assert_array_equal(image.alpha, GRAY16)


def test_pillow_reads_what_a_compression_hides_from_tifffile(tmp_path: Path) -> None:
    values = RNG.normal(size=(24, 32)).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("channels", [3, 4, 5])
def test_feature_maps_of_8_bits_are_read_from_a_tiff(channels: int, tmp_path: Path) -> None:
    maps = RNG.integers(0, 256, (6, 7, channels), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", maps, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), maps)


def test_a_tiff_of_many_channels_is_a_bomb_too(tmp_path: Path) -> None:
    maps = np.zeros((40, 40, 900), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", maps, photometric="minisblack", planarconfig="contig",
        compression="zlib",
    )  # fmt: skip
    with pytest.raises(FileError, match=r"900 channels .* --max-pixels"):
        read(tmp_path / "a.tif", max_pixels=2000)


def test_xmp_does_not_turn_a_png_twice(tmp_path: Path) -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    path = tmp_path / "0.png"
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp)
    text.add_itxt("Title", "Ein Tässchen", "de", "Titel")
    Image.fromarray(RGB).save(path, pnginfo=text)
    for step in range(1, 4):
        through(path, tmp_path / f"{step}.png")
        path = tmp_path / f"{step}.png"
        assert read_image(path).shape == (32, 24, 3)
    with Image.open(path) as written:
        assert written.info["Title"] == "Ein Tässchen"


def test_metadata_too_long_for_a_jpeg_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.webp", xmp=b"x" * 70_000)
    through(tmp_path / "a.webp", tmp_path / "b.jpg")
    assert read_image(tmp_path / "b.jpg").shape == RGB.shape


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5, 1, 1), (1, 1)])
def test_16_bits_hold_in_a_png_of_any_grey_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.full(shape, 40000, np.uint16)
    write_image(tmp_path / "a.png", values, depth=16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), values.reshape(shape[:2]))


def test_16_bits_do_not_go_into_a_bmp(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"bmp cannot store 16 bits; write \.tif, or use"):
        write_image(tmp_path / "a.bmp", np.zeros((4, 4, 3), np.uint16), depth=16)
    assert not list(tmp_path.iterdir())


def test_a_range_asked_for_holds_in_a_matrix_too(tmp_path: Path) -> None:
    write_image(tmp_path / "a.npy", [[-3, 4]], range="abs")
    assert np.load(tmp_path / "a.npy").tolist() == [[3, 4]]
    write_image(tmp_path / "b.npy", [[-3, 4]])
    assert np.load(tmp_path / "b.npy").tolist() == [[-3, 4]]


def test_more_than_four_channels_make_a_tif_of_floats(tmp_path: Path) -> None:
    maps = RNG.normal(size=(3, 4, 5)).astype(np.float32)
    write_image(tmp_path / "a.tif", maps)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), maps)


@pytest.mark.parametrize("format", ["png", "tif", "webp", "bmp", "ppm", "jp2"])
def test_lossless_pictures_come_back_exactly(format: str, tmp_path: Path) -> None:
    write_image(tmp_path / f"a.{format}", RGB)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{format}"), RGB)


@pytest.mark.parametrize("suffix", ["tif", "png", "jp2", "pgm"])
def test_16_bit_grey_comes_back_exactly(suffix: str, tmp_path: Path) -> None:
    write_image(tmp_path / f"a.{suffix}", GRAY16, depth=16)
    read_back = read_image(tmp_path / f"a.{suffix}")
    assert read_back.dtype == np.uint16
    np.testing.assert_array_equal(read_back, GRAY16)


@pytest.mark.parametrize(("format", "most"), [("jpeg", 40), ("avif", 60), ("gif", 90)])
def test_lossy_pictures_come_back_about_the_same(format: str, most: int, tmp_path: Path) -> None:
    smooth = cnnfilter.convolve(RGB, "box:9", padding="same", border="reflect", dtype=np.uint8)
    write_image(tmp_path / f"a.{format}", smooth)
    difference = read_image(tmp_path / f"a.{format}").astype(int) - smooth
    assert np.abs(difference).max() < most


SAMPLES = Path(__file__).parents[2] / "sample_images"


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif"])
def test_a_small_picture_is_no_larger_and_shows_the_same(suffix: str, tmp_path: Path) -> None:
    edges = cnnfilter.convolve(read_image(SAMPLES / "coffee.png"), "sharpen")
    sizes, shown = [], []
    for compression in COMPRESSIONS:
        path = tmp_path / f"{compression}.{suffix}"
        write(Output(path, Encoding(format_named(suffix), compression=compression)), [Frame(edges)])
        sizes.append(path.stat().st_size)
        shown.append(read_image(path))
    assert sizes[1] <= sizes[0]
    np.testing.assert_array_equal(*shown)


def text_like() -> np.ndarray:
    """Draw what repeats: one small sign, row after row."""
    sign = RNG.integers(0, 2, (12, 8), np.uint8) * 255
    return np.tile(sign, (30, 40))


@pytest.mark.parametrize(
    ("picture", "most"),
    [
        (read_image(SAMPLES / "coffee.png"), 1.02),
        (cnnfilter.convolve(read_image(SAMPLES / "coffee.png"), "edge", dtype=np.uint8), 1.02),
        (read_image(SAMPLES / "camera.png"), 1.02),
        (text_like(), 1.1),
        (np.full((300, 300, 3), 9, np.uint8), 1.1),
    ],
    ids=["photograph", "edges", "grey", "text", "flat"],
)
def test_a_png_written_quickly_is_hardly_larger_than_pillow_makes_it(
    picture: np.ndarray, most: float, tmp_path: Path
) -> None:
    write_image(tmp_path / "a.png", picture)
    Image.fromarray(picture).save(tmp_path / "b.png")
    sizes = [(tmp_path / name).stat().st_size for name in ("a.png", "b.png")]
    assert sizes[0] <= most * sizes[1]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_a_jpeg_keeps_the_colours_of_edges(tmp_path: Path) -> None:
    edges = np.zeros((32, 32, 3), np.uint8)
    edges[:, ::2, 0] = 255
    write_image(tmp_path / "a.jpg", edges)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - edges).mean() < 10


def test_an_npy_is_held_against_its_header(tmp_path: Path) -> None:
    for shape in ["(-2, -3)", "(0, 1000000000000000000000000000000)", "(10, 10)"]:
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
        header += b" " * (118 - len(header) - 1) + b"\n"
        path = tmp_path / "a.npy"
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        with pytest.raises(FileError, match=r"cut short|holds no numbers"):
            read_image(path)


def test_an_empty_cell_of_a_table_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n4,,6\n")
    with pytest.raises(FileError, match="line 2, column 2 is empty; write a number there"):
        read_image(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1030, 1030), "uint8"), ((1030, 1100, 3), "uint8"), ((1030, 1030), "uint16")],
)
def test_the_tiles_of_a_large_jp2_make_up_the_picture(
    shape: tuple[int, ...], dtype: str, tmp_path: Path
) -> None:
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)
    write_image(tmp_path / "a.jp2", pixels, depth=8 * pixels.itemsize)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jp2"), pixels)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4, 5])
def test_bits_of_several_channels_become_0_and_255(
    channels: int, planes: str, tmp_path: Path
) -> None:
    bits = RGB.reshape(-1)[: 6 * 8 * channels].reshape(6, 8, channels) > 127
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        bits if planes == "contig" else np.moveaxis(bits, -1, 0),
        photometric="rgb" if channels < 5 else "minisblack",
        planarconfig=planes,
        bitspersample=1,
    )
    with tifffile.TiffFile(io.BytesIO(buffer.getvalue())) as file:
        begin = file.pages[0].dataoffsets[0]
    # TIFF 6.0 lays a row's samples next to each other, bit by bit; tifffile writes others.
    packed = np.packbits(
        bits.reshape(6, -1) if planes == "contig" else np.moveaxis(bits, -1, 0), -1
    )
    content = bytearray(buffer.getvalue())
    content[begin : begin + packed.size] = packed.tobytes()
    (tmp_path / "a.tif").write_bytes(content)
    image, head = read(tmp_path / "a.tif"), read_head(tmp_path / "a.tif")
    found = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    np.testing.assert_array_equal(found, np.where(bits, 255, 0))
    assert found.dtype == head.pixels.dtype == np.uint8
    assert head.pixels.shape == image.pixels.shape
    assert head.format == image.format == "tif"
    write(Output(tmp_path / "b.tif", Encoding("float")), [Frame(image.pixels)])


@pytest.mark.parametrize(
    ("type", "value", "note"),
    [
        ("H", 9, None),
        ("H", (6, 6), "orientation cannot be read"),
        ("d", 6.5, "orientation cannot be read"),
        ("s", "six", "orientation cannot be read"),
    ],
)
def test_an_odd_orientation_of_a_deep_tiff_does_not_refuse_it(
    type: str, value: object, note: str | None, tmp_path: Path
) -> None:
    tag = (274, type, 0 if type == "s" else np.size(value), value, True)
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb", extratags=[tag])
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, DEEP)
    assert read_head(tmp_path / "a.tif").notes == image.notes
    assert [each for each in image.notes if note and note in each] == list(image.notes)


@pytest.mark.parametrize("orientation", [0, 5, 6, 8, 9, 282, 4102])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_head_is_turned_as_the_picture_is(suffix: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}", exif=exif)
    image, head = read(tmp_path / f"a.{suffix}"), read_head(tmp_path / f"a.{suffix}")
    turned = 5 <= orientation <= 8
    assert head.pixels.shape == image.pixels.shape == ((32, 24, 3) if turned else RGB.shape)


BIG = {
    "grey": [(GRAY16 >> 8).astype(np.uint8)],
    "colour": [RGB],
    "pages": [RGB, RGB[::-1]],
    "16 bits": [DEEP],
}


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("kind", BIG)
def test_what_may_go_beyond_4_gib_is_a_bigtiff(
    kind: str, is_large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [Frame(each) for each in BIG[kind]]
    if is_large:
        monkeypatch.setattr(tiff, "MAX_CLASSIC", sum(each.values.nbytes for each in frames) - 1)
    metadata = {"icc_profile": PROFILE, "dpi": (72, 72)}
    depth = 16 if kind == "16 bits" else 8
    written = write(
        Output(tmp_path / "a.tif", Encoding("tif", depth=depth)), frames, metadata=metadata
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff is is_large
        for page, frame in zip(file.pages, frames, strict=True):
            np.testing.assert_array_equal(page.asarray(), frame.values)
            assert (page.tags.valueof(34675) is not None) is (frame.values.ndim == 3)
            assert page.tags.valueof(282)[0] == 72 * page.tags.valueof(282)[1]
    assert any("profile of other channels" in note for note in written.notes) is (kind == "grey")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, frames[0].values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32, np.float64])
@pytest.mark.parametrize("is_large", [False, True])
def test_floats_that_may_go_beyond_4_gib_are_a_bigtiff(
    is_large: bool, dtype: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = (RGB - 100.0).astype(dtype)
    size = values.size * (4 if dtype in (np.uint8, np.float32) else 8)
    monkeypatch.setattr(tiff, "MAX_CLASSIC", size - is_large)
    write(Output(tmp_path / "a.tif", Encoding("float")), [Frame(values)])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff is is_large
        np.testing.assert_array_equal(file.asarray(), values)


def test_offsets_of_32_bits_are_left_where_they_may_not_reach() -> None:
    row = np.zeros(2**20, np.uint8)
    assert not tiff.is_big([np.broadcast_to(row, (4000, 2**20))])
    assert tiff.is_big([np.broadcast_to(row, (4090, 2**20)), None])
    assert tiff.is_big([np.broadcast_to(row, (2100, 2**20))] * 2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_avif_is_corrupt_and_no_video(share: float, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FileError, match="corrupt or truncated"):
        read_image(path)
