"""Pages that differ from the first keep what they hold, through a whole command."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cnnfilter.arrays import Array

from .filtering import filtered

RNG = np.random.default_rng(41)
GRAY = RNG.integers(0, 256, (6, 8), np.uint8)
DEEP = RNG.integers(0, 65536, (5, 7, 3), np.uint16)
BANDS = RNG.integers(0, 65536, (6, 8, 5), np.uint16)
HEIGHTS = RNG.normal(0, 500, (4, 6)).astype(np.float32)
SIGNED = RNG.integers(-9000, 9000, (5, 9), np.int16)


def written(path: Path, *arrays: Array) -> Path:
    """Write pages by tifffile."""
    with tifffile.TiffWriter(path) as writer:
        for array in arrays:
            photometric = "rgb" if array.ndim == 3 else "minisblack"
            planes = {"planarconfig": "contig"} if array.ndim == 3 else {}
            writer.write(array, photometric=photometric, metadata=None, **planes)
    return path


@pytest.mark.parametrize(
    "arrays",
    [
        (HEIGHTS, DEEP),
        (SIGNED, DEEP[:, :, 0]),
        (HEIGHTS, BANDS),
        (GRAY, BANDS),
        (DEEP, BANDS, GRAY),
        (BANDS, HEIGHTS),
    ],
)
def test_each_page_keeps_its_depth_and_its_bands(arrays: tuple[Array, ...], tmp_path: Path) -> None:
    target, outcome = filtered(written(tmp_path / "a.tif", *arrays))
    assert not outcome.notes
    with tifffile.TiffFile(target) as tiff:
        for page, expected in zip(tiff.pages, arrays, strict=True):
            found = page.asarray()
            assert found.dtype == (np.float32 if expected is SIGNED else expected.dtype)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("arrays", [(GRAY, BANDS), (BANDS[:, :, :3], BANDS)])
@pytest.mark.parametrize("format", ["png", "webp", "gif"])
def test_an_animation_refuses_frames_of_other_bands(
    arrays: tuple[Array, ...], format: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.tif", *arrays)
    with pytest.raises(AssertionError, match=r"a\.tif: its frames have different channels; .*--fr"):
        filtered(path, suffix=f".{format}")
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]
