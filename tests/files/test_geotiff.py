"""The place on the map follows the pixels, as GDAL finds it."""

import json
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
import tifffile

from cnnfilter.files.read import read

from .filtering import filtered

HEIGHTS = np.random.default_rng(3).normal(100, 9, (12, 16)).astype(np.float32)


def gdal(program: str, *arguments: object) -> str:
    if which(program) is None:
        pytest.skip("gdal-bin is not installed")
    return subprocess.run(
        [program, *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def info(path: Path) -> dict[str, Any]:
    return json.loads(gdal("gdalinfo", "-json", path))


@pytest.fixture(scope="module")
def elevations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("elevations"), "Area")


def made(tmp_path: Path, raster: str) -> Path:
    """Write an elevation model with GDAL: 12x16 pixels of 30 m, none where it is -9999."""
    values = HEIGHTS.copy()
    values[4, 5:8] = -9999
    tifffile.imwrite(tmp_path / "plain.tif", values, metadata=None)
    gdal(
        "gdal_translate", "-q", "-a_srs", "EPSG:32633", "-a_ullr", 500000, 5000360, 500480, 5000000,
        "-a_nodata", -9999, "-mo", f"AREA_OR_POINT={raster}", "-stats", "-co",
        "COMPRESS=DEFLATE", tmp_path / "plain.tif", tmp_path / "a.tif",
    )  # fmt: skip
    return tmp_path / "a.tif"


@pytest.mark.parametrize(
    ("steps", "corner", "size"),
    [
        ("convolve identity padding=same", (500000, 5000360), (30, 30)),
        ("convolve box:3", (500030, 5000330), (30, 30)),
        ("convolve box:3x5 padding=full", (499940, 5000390), (30, 30)),
        ("convolve box:3 stride=2", (500015, 5000345), (60, 60)),
        ("convolve box:3 dilation=2", (500060, 5000300), (30, 30)),
        ("pool 2 mode=average", (500000, 5000360), (60, 60)),
        ("pool 3x2", (500000, 5000360), (60, 90)),
        ("convolve box:3 | pool 2 | relu", (500030, 5000330), (60, 60)),
        ("resize 6x4 aspect=stretch", (500000, 5000360), (120, 60)),
    ],
    ids=str,
)
def test_the_corner_and_the_pixels_are_where_gdal_finds_them(
    elevations: Path, steps: str, corner: tuple[float, float], size: tuple[float, float]
) -> None:
    path, _ = filtered(elevations, steps)
    found = info(path)
    east, across, _, north, _, down = found["geoTransform"]
    assert (east, north, across, -down) == pytest.approx((*corner, *size))
    assert "32633" in found["coordinateSystem"]["wkt"]
    band = found["bands"][0]
    assert (band["type"], band["noDataValue"]) == ("Float32", -9999)
    assert "STATISTICS" not in str(band)  # which are no more true


def test_numbers_of_the_middles_of_pixels_move_too(tmp_path: Path) -> None:
    path, _ = filtered(made(tmp_path, "Point"), "convolve box:3 | pool 2")
    found = info(path)
    assert found["geoTransform"] == [500030, 60, 0, 5000330, 0, -60]
    assert found["metadata"][""]["AREA_OR_POINT"] == "Point"


def test_no_data_stays_where_it_is(elevations: Path) -> None:
    path, _ = filtered(elevations, "convolve identity padding=same")
    with tifffile.TiffFile(path) as file:
        values = file.pages[0].asarray()
    expected = HEIGHTS.copy()
    expected[4, 5:8] = -9999
    np.testing.assert_array_equal(values, expected)
    image = read(path)
    assert image.alpha is not None
    assert (image.alpha == 0).sum() == 3


def test_ground_control_points_move(elevations: Path) -> None:
    path = elevations.with_name("b.tif")
    points = ["-gcp", 0, 0, 10, 50, "-gcp", 16, 0, 20, 50, "-gcp", 0, 12, 10, 40]
    gdal("gdal_translate", "-q", *points, elevations.with_name("plain.tif"), path)
    moved, _ = filtered(path, "convolve box:3 | pool 2")
    found = [(each["pixel"], each["line"], each["x"]) for each in info(moved)["gcps"]["gcpList"]]
    assert found == [(-0.5, -0.5, 10), (7.5, -0.5, 20), (-0.5, 5.5, 10)]


def test_a_transformation_moves(tmp_path: Path) -> None:
    matrix = (2.0, 1, 0, 100, 1, -2, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1)
    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 1)
    tags = [(34264, "d", 16, matrix), (34735, "H", 12, keys)]
    tifffile.imwrite(tmp_path / "a.tif", HEIGHTS, metadata=None, extratags=tags)
    path, _ = filtered(tmp_path / "a.tif", "convolve box:3 | pool 2")
    with tifffile.TiffFile(path) as file:
        moved = file.pages[0].tags[34264].value
        assert file.pages[0].tags[34735].value == keys
    # Column 1, row 1 of the source is the corner; a pixel is two.
    assert moved == (4, 2, 0, 103, 2, -4, 0, 199, 0, 0, 0, 0, 0, 0, 0, 1)


def test_where_it_is_lost_it_is_said(elevations: Path) -> None:
    _, outcome = filtered(elevations, "convolve identity padding=same", ".png")
    assert "its place on the map is left out" in outcome.notes
