"""HEIC: read in its bits, upright once, the picture to be shown first; never written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from cnnfilter import ArgumentError, FileError, write_image
from cnnfilter.files.read import read, read_frames, read_head

from ..command import Run
from ..extras import take_away
from .test_heads import assert_heads_agree

pytest.importorskip("pi_heif", reason="the extra heic is not installed")

FOLDER = Path(__file__).parents[1] / "data/heic"
#: What the files were made of; see the folder's README.
ROWS, COLUMNS = np.mgrid[:16, :24]
PLAIN = np.dstack([10 * COLUMNS, 15 * ROWS, 6 * (ROWS + COLUMNS)])
DEEP = np.dstack([170 * COLUMNS, 256 * ROWS, 100 * (ROWS + COLUMNS)])

EXPECTED = {
    "alpha": (PLAIN, None),
    "bits-10": (DEEP >> 2, 1023),
    "bits-12": (DEEP, 4095),
    "grey": (PLAIN[:, :, 0], None),
    "grey-10": (DEEP[:, :, 0] >> 2, 1023),
    "several": (PLAIN, None),
    "turned": (np.rot90(PLAIN, -1), None),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_numbers_are_the_files(name: str) -> None:
    values, peak = EXPECTED[name]
    image = next(read_frames(FOLDER / f"{name}.heic"))
    np.testing.assert_array_equal(image.pixels, values)
    assert image.pixels.dtype == (np.uint8 if peak is None else np.uint16)
    told = ("the first of 2 pictures (--frame N)",) if name == "several" else ()
    assert (image.peak, image.notes) == (peak, told)
    assert_heads_agree(FOLDER / f"{name}.heic")


def test_alpha_is_set_aside() -> None:
    np.testing.assert_array_equal(read(FOLDER / "alpha.heic").alpha, 10 * COLUMNS)


def test_several_pictures_begin_with_the_one_to_be_shown() -> None:
    (first,) = read_frames(FOLDER / "several.heic")
    (second,) = read_frames(FOLDER / "several.heic", frame=1)
    np.testing.assert_array_equal(first.pixels, PLAIN)
    np.testing.assert_array_equal(second.pixels, PLAIN[:8])
    assert second.notes == ()
    with pytest.raises(FileError, match="there is no frame 2"):
        next(read_frames(FOLDER / "several.heic", frame=2))


def test_metadata_are_kept_and_turn_it_no_second_time() -> None:
    metadata = read(FOLDER / "turned.heic").metadata
    tags = Pillow.Exif()
    tags.load(metadata["exif"])
    assert dict(tags) == {0x010F: "Acme"}
    assert metadata["xmp"].startswith(b"<x:xmpmeta")
    assert metadata["icc_profile"][36:40] == b"acsp"


def test_too_many_pixels_are_refused() -> None:
    with pytest.raises(FileError, match="16x24 are more than 383 pixels; raise --max-pixels"):
        read(FOLDER / "alpha.heic", max_pixels=383)


@pytest.mark.parametrize("end", [12, 40, 200, 600, 1500, 3000])
def test_a_cut_file_is_refused_in_a_line(end: int, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes((FOLDER / "alpha.heic").read_bytes()[:end])
    with pytest.raises(FileError, match=r"a\.heic: "):
        read(path)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch, "pi_heif")
    for read_ in (read, read_head):
        with pytest.raises(FileError) as caught:
            read_(FOLDER / "alpha.heic")
        needs = "HEIC needs an extra: pip install 'cnnfilter[heic]'"
        assert str(caught.value) == f"{FOLDER / 'alpha.heic'}: {needs}"


def test_it_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        write_image(tmp_path / "a.heic", PLAIN)
    assert str(caught.value) == "HEIC is only read here, not written; write png, jpeg or tif"


def test_a_result_of_one_is_a_png_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes((FOLDER / "turned.heic").read_bytes())
    done = run("convolve", "-k", "identity", "--padding", "same", "a.heic")
    assert done.status == 0, done.stderr
    np.testing.assert_array_equal(read(tmp_path / "a-identity.png").pixels, np.rot90(PLAIN, -1))


@pytest.mark.parametrize(("word", "odd"), [(b"mime\0", b"mim\xfe\0"), (b"/rdf", b"/rd\x80")])
def test_items_whose_words_are_no_text_are_refused(word: bytes, odd: bytes, tmp_path: Path) -> None:
    data = (FOLDER / "turned.heic").read_bytes()
    assert word in data
    (tmp_path / "a.heic").write_bytes(data.replace(word, odd))
    with pytest.raises(FileError, match="corrupt or truncated"):
        read_head(tmp_path / "a.heic")


def test_no_result_takes_the_name_of_a_pngs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "grey.heic").write_bytes((FOLDER / "grey.heic").read_bytes())
    write_image(tmp_path / "grey.png", PLAIN)
    line = run.refused("pool", ".", "-o", "out", "--force", status=2)
    assert "grey.heic and grey.png would be written to the same file" in line.replace("./", "")
    assert run("pool", ".", "-o", "out", "--format", "npy").status == 2
    (tmp_path / "grey.png").rename(tmp_path / "gray.png")
    assert run("pool", ".", "-o", "out").status == 0
