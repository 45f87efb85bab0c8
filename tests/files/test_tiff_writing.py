"""What is written to a TIFF: pages of any kind, bands, alpha, EXIF, stacks."""

import json
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from cnnfilter.batch.splitting import SplitTask
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read, read_frames
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame
from cnnfilter.files.tiff import writer as tiff_writer

from .filtering import filtered

RNG = np.random.default_rng(41)
RGB = RNG.integers(0, 256, (10, 12, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (10, 12, 3), np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def numbers(dtype: str, *shape: int) -> np.ndarray:
    if dtype.startswith("float"):
        return RNG.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def exiftool(*arguments: object) -> list[dict[str, Any]]:
    if which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    done = subprocess.run(
        ["exiftool", "-json", "-G1", "-a", *map(str, arguments)], check=True, capture_output=True
    )
    return json.loads(done.stdout) if done.stdout.startswith(b"[") else []


KINDS: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("uint8", (10, 12), {}),
    ("uint16", (10, 12), {}),
    ("uint8", (10, 12, 3), {"photometric": "rgb"}),
    ("uint16", (10, 12, 3), {"photometric": "rgb"}),
    ("uint8", (10, 12, 3), {"photometric": "minisblack"}),
    ("uint8", (10, 12, 2), {"extrasamples": ["unspecified"]}),
    ("uint16", (10, 12, 2), {"extrasamples": ["unassalpha"]}),
    ("uint16", (10, 12, 4), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
    ("uint8", (10, 12, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    ("uint16", (10, 12, 5), {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}),
    ("uint8", (10, 12, 5), {"photometric": "minisblack"}),
    ("float32", (10, 12), {}),
    ("float32", (10, 12, 3), {"photometric": "rgb"}),
    ("float32", (10, 12, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    ("float32", (10, 12, 4), {"photometric": "minisblack"}),
    ("float64", (10, 12), {}),
]


@pytest.mark.parametrize(("dtype", "shape", "options"), KINDS, ids=str)
def test_what_changes_nothing_gives_the_same_samples(
    dtype: str, shape: tuple[int, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    values = numbers(dtype, *shape)
    if "unassalpha" in options.get("extrasamples", ()):
        values[..., -1] = np.maximum(values[..., -1], 1)  # seen, if a little
    planes = {"planarconfig": "contig"} if len(shape) == 3 else {}
    options = {"photometric": "minisblack", **planes, **options}
    tifffile.imwrite(tmp_path / "a.tif", values, metadata=None, **options)
    path, outcome = filtered(tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(path) as after:
        old, new = before.pages[0], after.pages[0]
        np.testing.assert_array_equal(new.asarray(), values)
        assert (new.dtype, new.photometric) == (values.dtype, old.photometric)
        assert tuple(new.extrasamples) == tuple(old.extrasamples)
    assert outcome.notes == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
def test_premultiplied_colours_are_put_back(dtype: str, tmp_path: Path) -> None:
    top = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    alpha = (RNG.random((10, 12)) * top).astype(dtype)
    alpha[0] = 0
    stored = (RNG.random((10, 12, 3)) * alpha[:, :, np.newaxis]).astype(dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([stored, alpha]), photometric="rgb", metadata=None,
        extrasamples=["assocalpha"],
    )  # fmt: skip
    path, _ = filtered(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        assert tuple(file.pages[0].extrasamples) == (1,)
        found = file.pages[0].asarray()
    expected = np.dstack([stored, alpha]).astype(np.float64)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=0)


def test_pages_keep_their_depth_and_their_type(tmp_path: Path) -> None:
    pages = [
        RGB, DEEP, DEEP[:5, :, 0], RGB[:, :6, 1], numbers("float32", 4, 5),
        numbers("float64", 4, 5, 3), numbers("uint16", 6, 5, 4),
    ]  # fmt: skip
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            is_rgb = page.ndim == 3 and page.dtype != np.float64
            file.write(
                page, photometric="rgb" if is_rgb else "minisblack", metadata=None,
                planarconfig="contig" if page.ndim == 3 else None,
                extrasamples=[0] if page.shape[2:] == (4,) else None,
            )  # fmt: skip
    for order in (slice(None), slice(None, None, -1)):
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            values = [page.asarray() for page in file.pages][order]
        with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
            for page in values:
                is_rgb = page.ndim == 3 and page.dtype != np.float64
                writer.write(
                    page, photometric="rgb" if is_rgb else "minisblack", metadata=None,
                    planarconfig="contig" if page.ndim == 3 else None,
                    extrasamples=[0] if page.shape[2:] == (4,) else None,
                )  # fmt: skip
        path, _ = filtered(tmp_path / "b.tif")
        with tifffile.TiffFile(path) as file:
            for page, expected in zip(file.pages, values, strict=True):
                np.testing.assert_array_equal(page.asarray(), expected)
                assert page.dtype == expected.dtype


def test_profile_and_exif_belong_to_the_page_they_lie_on(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(3):
            file.write(
                RGB, photometric="rgb", metadata=None, iccprofile=SRGB if number == 1 else None,
                description=f"page {number}", resolution=(100 + number, 100 + number),
                resolutionunit="inch",
            )  # fmt: skip
    path, _ = filtered(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        tags = [page.tags for page in file.pages]
        assert [each.valueof(34675) for each in tags] == [None, SRGB, None]
        assert [each.valueof(270) for each in tags] == ["page 0", "page 1", "page 2"]
        assert [each.valueof(282)[0] / each.valueof(282)[1] for each in tags] == [100, 101, 102]


@pytest.mark.parametrize("values", [2**53 + 1, -(2**62) - 1, 2**63 + 2**40 + 1])
def test_wide_integers_are_stored_as_they_are(values: int, tmp_path: Path) -> None:
    array = np.array([[values, 1]], np.uint64 if values > 2**63 else np.int64)
    write(Output(tmp_path / "a.tif", Encoding("float")), [Frame(array)])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), array)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, array)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "int64"])
def test_integers_come_through(dtype: str, tmp_path: Path) -> None:
    values = numbers(dtype, 10, 12)
    tifffile.imwrite(tmp_path / "a.tif", values, metadata=None)
    path, _ = filtered(tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(path), values)


DESCRIBED = (
    "-Make=Canon", "-Model=EOS", "-GPSLatitude=10.5", "-GPSLatitudeRef=N", "-ExposureTime=1/60",
    "-InteropIndex=R98", "-DateTimeOriginal=2020:01:01 10:00:00", "-XPTitle=Hi", "-Orientation#=6",
    "-LensModel=50mm", "-ExifIFD:UserComment=ä", "-ImageDescription=A cup",
)  # fmt: skip
KEPT = {
    "IFD0:Make": "Canon", "IFD0:Model": "EOS", "GPS:GPSLatitude": "10 deg 30' 0.00\"",
    "ExifIFD:ExposureTime": "1/60", "InteropIFD:InteropIndex": "R98 - DCF basic file (sRGB)",
    "ExifIFD:DateTimeOriginal": "2020:01:01 10:00:00", "IFD0:XPTitle": "Hi",
    "ExifIFD:LensModel": "50mm", "ExifIFD:UserComment": "ä", "IFD0:ImageDescription": "A cup",
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "order"), [("jpg", "MM"), ("tif", "II")])
def test_all_of_exif_is_written(suffix: str, order: str, tmp_path: Path) -> None:
    source = tmp_path / f"a.{suffix}"
    Pillow.fromarray(RGB).save(source)
    exiftool("-q", "-overwrite_original", f"-ExifByteOrder={order}", *DESCRIBED, source)
    path, outcome = filtered(source)
    (found,) = exiftool(path)
    assert {name: found.get(name) for name in KEPT} == KEPT
    assert "IFD0:Orientation" not in found
    assert (found["IFD0:ImageWidth"], found["IFD0:ImageHeight"]) == (10, 12)
    assert outcome.notes == []
    assert not [name for name in found if "Warning" in name]


@pytest.mark.parametrize("is_deep", [False, True])
def test_maker_notes_stay_as_they_are(is_deep: bool, tmp_path: Path) -> None:
    notes = b"Olympus\0" + bytes(range(200))
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0x927C] = notes
    Pillow.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    metadata = dict(read(tmp_path / "a.jpg").metadata)
    values = DEEP if is_deep else RGB
    output = Output(tmp_path / "b.tif", Encoding("tif", depth=16 if is_deep else 8))
    assert write(output, [Frame(values)], metadata=metadata).notes == ()
    assert notes in (tmp_path / "b.tif").read_bytes()
    with Pillow.open(tmp_path / "b.tif") as picture:
        assert picture.getexif().get_ifd(0x8769)[0x927C] == notes
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), values)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_a_bigtiff_is_in_its_byte_order(
    order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_writer, "MAX_CLASSIC", 0)
    exif = Pillow.Exif()
    exif.endian = order
    exif[271] = "Canon"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    frames = [Frame(DEEP), Frame(DEEP[:5, :, 0])]
    output = Output(tmp_path / "a.tif", Encoding("tif", depth=16))
    write(output, frames, metadata={"exif": exif.tobytes(), "dpi": (300, 300)})
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.is_bigtiff, file.byteorder) == (True, order)
        for page, frame in zip(file.pages, frames, strict=True):
            np.testing.assert_array_equal(page.asarray(), frame.values)
            assert page.tags[271].value == "Canon"
            assert page.tags[34665].value == {"DateTimeOriginal": "2020:01:01 00:00:00"}
            assert page.tags[34853].value == {"GPSLatitudeRef": "N"}
    for image, frame in zip(read_frames(tmp_path / "a.tif"), frames, strict=True):
        np.testing.assert_array_equal(image.pixels, frame.values)
        assert image.metadata["dpi"] == (300, 300)


@pytest.mark.parametrize("kind", ["ome", "imagej", "shaped"])
@pytest.mark.parametrize(("axes", "lengths"), [("ZCYX", (2, 3)), ("TCYX", (4, 2)), ("ZYX", (5,))])
def test_a_stack_has_its_axes_still(
    kind: str, axes: str, lengths: tuple[int, ...], tmp_path: Path
) -> None:
    values = numbers("uint16", *lengths, 10, 12)
    options: dict[str, Any] = {kind: True} if kind != "shaped" else {}
    tifffile.imwrite(
        tmp_path / "a.tif", values, metadata={"axes": axes}, photometric="minisblack", **options
    )
    path, outcome = filtered(tmp_path / "a.tif", "pool 2")
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == np.prod(lengths)
        (series,) = file.series
        assert (series.axes, series.shape) == (axes, (*lengths, 5, 6))
        pooled = values.reshape(*lengths, 5, 2, 6, 2).max(axis=(-1, -3))
        np.testing.assert_array_equal(series.asarray(), pooled)
    assert (outcome.notes == []) == (kind == "shaped")


@pytest.mark.parametrize("kind", ["imagej", "shaped"])
def test_a_stack_of_one_directory_is_read(kind: str, tmp_path: Path) -> None:
    values = numbers("uint16", 4, 10, 12)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        imagej=kind == "imagej",
        metadata={"axes": "ZYX"},
        truncate=True,
        photometric="minisblack",
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
    images = list(read_frames(tmp_path / "a.tif"))
    assert [image.frames for image in images] == [4] * 4
    np.testing.assert_array_equal([image.pixels for image in images], values)


def test_a_described_page_alone_is_no_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, metadata={"axes": "YXS"}, ome=True)
    path, outcome = filtered(tmp_path / "a.tif", "pool 2")
    assert outcome.notes == ["its description is left out, but for its axes"]
    with tifffile.TiffFile(path) as file:
        assert (len(file.pages), file.pages[0].description) == (1, "")
        assert file.series[0].shape == (5, 6, 3)


@pytest.mark.parametrize(
    ("value", "dtype"), [(-9999, "float32"), (np.nan, "float32"), (0, "uint8")]
)
def test_no_data_is_put_back(value: float, dtype: str, tmp_path: Path) -> None:
    values = np.full((10, 12), 7, dtype)
    values[2:4, 3] = value
    tags = [(42113, "s", 0, str(value))]
    tifffile.imwrite(tmp_path / "a.tif", values, metadata=None, extratags=tags)
    path, _ = filtered(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        np.testing.assert_array_equal(file.pages[0].asarray(), values)
        assert file.pages[0].dtype == dtype
        np.testing.assert_equal(float(file.pages[0].tags.valueof(42113)), float(value))


def test_a_profile_of_other_channels_is_left_out_and_said(tmp_path: Path) -> None:
    metadata = {"icc_profile": SRGB}
    written = write(
        Output(tmp_path / "a.tif", Encoding("tif")), [Frame(RGB[:, :, 0])], metadata=metadata
    )
    assert written.notes == ("tif cannot hold a colour profile of other channels: left out",)
    assert "icc_profile" not in read(tmp_path / "a.tif").metadata


def test_numbers_keep_their_alpha(tmp_path: Path) -> None:
    values, alpha = numbers("float32", 10, 12, 3), RNG.random((10, 12)).astype(np.float32)
    output = Output(tmp_path / "a.tif", Encoding("float"))
    assert write(output, [Frame(values, alpha)]).notes == ()
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, values)
    np.testing.assert_array_equal(image.alpha, alpha)


@pytest.mark.parametrize("program", ["tiffinfo", "gdalinfo", "identify"])
def test_other_programs_find_nothing_odd(program: str, tmp_path: Path) -> None:
    if which(program) is None:
        pytest.skip(f"{program} is not installed")
    pixels = RNG.integers(0, 256, (700, 500, 3), np.uint8)  # several strips
    metadata = {"icc_profile": SRGB, "dpi": (72.5, 300)}
    write(Output(tmp_path / "a.tif", Encoding("tif")), [Frame(pixels)] * 2, metadata=metadata)
    done = subprocess.run([program, tmp_path / "a.tif"], check=True, capture_output=True, text=True)
    assert "arning" not in done.stdout + done.stderr
    assert "700" in done.stdout


@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
def test_bands_that_are_no_colours_are_split_off_too(photometric: str, tmp_path: Path) -> None:
    values = numbers("uint8", 10, 12, 5)
    values[:, :, 4] = np.maximum(values[:, :, 4], 1)
    extra = [0, 2] if photometric == "rgb" else [0, 0, 0, 2]
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric=photometric, planarconfig="contig", metadata=None,
        extrasamples=extra,
    )  # fmt: skip
    results = SplitTask().results(read(tmp_path / "a.tif"))
    colours = ["red", "green", "blue"] if photometric == "rgb" else ["band-1", "band-2", "band-3"]
    assert [result.name for result in results] == [*colours, "band-4", "alpha"]
    for plane, result in enumerate(results):
        np.testing.assert_array_equal(result.pixels, values[:, :, plane])


def test_colours_are_not_multiplied_where_steps_change(tmp_path: Path) -> None:
    alpha = RNG.integers(1, 256, (10, 12), np.uint8)
    stored = (RNG.random((10, 12, 3)) * alpha[:, :, np.newaxis]).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([stored, alpha]), photometric="rgb", metadata=None,
        extrasamples=["assocalpha"],
    )  # fmt: skip
    path, _ = filtered(tmp_path / "a.tif", encoding=Encoding("float"))
    before, after = read(tmp_path / "a.tif"), read(path)
    np.testing.assert_array_equal(after.pixels, before.pixels)
    np.testing.assert_array_equal(after.alpha, alpha)
    with tifffile.TiffFile(path) as file:
        assert (file.pages[0].photometric, tuple(file.pages[0].extrasamples)) == (2, (2,))
