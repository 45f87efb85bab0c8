"""Netpbm's pictures and PFM: numbers as the file has them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import FileError, read_image, write_image
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.netpbm.writer import write_deep
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

RNG = np.random.default_rng(23)
WHITES = [1, 15, 100, 255, 256, 1023, 4095, 65535]


def numbers(white: int, channels: int = 1, size: tuple[int, int] = (7, 9)) -> np.ndarray:
    drawn = RNG.integers(0, white + 1, (*size, channels)).astype("u1" if white < 256 else "u2")
    return drawn[:, :, 0] if channels == 1 else drawn


def raw(kind: bytes, samples: np.ndarray, white: int) -> bytes:
    height, width = samples.shape[:2]
    content = samples.astype(">u2" if white > 255 else "u1").tobytes()
    return b"%s\n%d %d\n%d\n" % (kind, width, height, white) + content


@pytest.mark.parametrize("kind", [b"P2", b"P3", b"P5", b"P6"])
@pytest.mark.parametrize("white", WHITES)
def test_numbers_are_as_the_file_has_them(white: int, kind: bytes, tmp_path: Path) -> None:
    samples = numbers(white, 3 if kind in (b"P3", b"P6") else 1)
    content = raw(kind, samples, white)
    if kind in (b"P2", b"P3"):
        content = b"%s # kind\n# a comment\n9 7 %d\n" % (kind, white)
        content += b" ".join(b"%d" % number for number in samples.flat)
    (tmp_path / "a.pnm").write_bytes(content)
    image, head = read(tmp_path / "a.pnm"), read_head(tmp_path / "a.pnm")
    np.testing.assert_array_equal(image.pixels, samples)
    assert image.pixels.dtype == head.pixels.dtype == samples.dtype
    assert image.peak == head.peak == (None if white in (255, 65535) else white)
    assert image.notes == ()
    assert head.pixels.shape == samples.shape


@pytest.mark.parametrize("white", [255, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_opencv_reads_the_same(channels: int, white: int, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    samples = numbers(white, channels)
    write_image(tmp_path / "a.ppm", samples, depth=16 if white > 255 else 8)
    shown = cv2.imread(str(tmp_path / "a.ppm"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(shown[..., ::-1] if channels == 3 else shown, samples)
    np.testing.assert_array_equal(read_image(tmp_path / "a.ppm"), samples)
    cv2.imwrite(str(tmp_path / "b.pnm"), shown)
    np.testing.assert_array_equal(read_image(tmp_path / "b.pnm")[..., 0], samples[..., 0])


@pytest.mark.parametrize("white", WHITES)
def test_white_is_written_as_it_is_stated(white: int, tmp_path: Path) -> None:
    samples = numbers(white, 3)
    with (tmp_path / "a.ppm").open("wb") as file:
        write_deep(file, [(samples, None)], {"peak": white})
    assert (tmp_path / "a.ppm").read_bytes() == raw(b"P6", samples, white)


@pytest.mark.parametrize("width", [1, 7, 8, 9, 17])
@pytest.mark.parametrize("kind", ["P1", "P1 dense", "P4"])
def test_bits_are_black_where_set(kind: str, width: int, tmp_path: Path) -> None:
    bits = RNG.integers(0, 2, (5, width), np.uint8)
    rows = np.packbits(bits, axis=1).tobytes()
    if kind != "P4":
        between = b"" if kind.endswith("dense") else b" "
        rows = b"\n".join(between.join(b"%d" % bit for bit in row) for row in bits)
    (tmp_path / "a.pbm").write_bytes(b"%s\n%d 5\n" % (kind[:2].encode(), width) + rows)
    image = read(tmp_path / "a.pbm")
    np.testing.assert_array_equal(image.pixels, (1 - bits) * 255)
    with Image.open(tmp_path / "a.pbm") as picture:
        np.testing.assert_array_equal(image.pixels, np.asarray(picture.convert("L")))
    assert (image.peak, image.format) == (None, "ppm")


@pytest.mark.parametrize("white", [1, 255, 1000, 65535])
@pytest.mark.parametrize(
    ("kind", "channels"),
    [("GRAYSCALE", 1), ("GRAYSCALE_ALPHA", 2), ("RGB", 3), ("RGB_ALPHA", 4), ("BANDS", 5)],
)
def test_a_pam_is_read(kind: str, channels: int, white: int, tmp_path: Path) -> None:
    samples = numbers(white, channels)
    head = f"P7\n# made\nWIDTH 9\nHEIGHT 7\nDEPTH {channels}\nMAXVAL {white}\nTUPLTYPE {kind}\n"
    content = samples.astype(">u2" if white > 255 else "u1").tobytes()
    (tmp_path / "a.pam").write_bytes(head.encode() + b"ENDHDR\n" + content)
    image = read(tmp_path / "a.pam")
    if not kind.endswith("ALPHA"):
        np.testing.assert_array_equal(image.pixels, samples)
        assert image.alpha is None
        return
    colours = samples[:, :, 0] if channels == 2 else samples[:, :, :3]
    np.testing.assert_array_equal(image.pixels, colours)
    top = np.iinfo(samples.dtype).max
    expected = np.rint(samples[:, :, -1] * (top / white))
    np.testing.assert_array_equal(image.alpha, expected)


def test_pictures_behind_the_first_are_read(tmp_path: Path) -> None:
    several = [numbers(255), numbers(1023, 3), numbers(7, size=(2, 3))]
    contents = [
        raw(b"P5", several[0], 255),
        raw(b"P6", several[1], 1023),
        raw(b"P5", several[2], 7),
    ]
    (tmp_path / "a.pnm").write_bytes(b"".join(contents))
    found = list(read_frames(tmp_path / "a.pnm"))
    assert [image.peak for image in found] == [None, 1023, 7]
    for image, samples in zip(found, several, strict=True):
        np.testing.assert_array_equal(image.pixels, samples)
    assert read(tmp_path / "a.pnm").notes == ("the first of 3 frames",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"P5\n4 4\n255\n123", "corrupt or truncated"),
        (b"P5\n4 4\n", "no end of its head"),
        (b"P5\n4 0\n255\n", "'0' in its head"),
        (b"P5\n4 x4\n255\n", "'x4' in its head"),
        (b"P5\n4 4\n70000\n", "'70000' in its head"),
        (b"P2\n2 1\n9\n1 10\n", "beyond its white of 9"),
        (b"P2\n2 1\n9\n1 -1\n", "beyond its white of 9"),
        (b"P2\n2 2\n9\n1 1 1\n    ", "1 numbers are missing"),
        (b"P2\n2 1\n9\n1 one\n", "corrupt or truncated"),
        (b"P2\n2 1\n9\n1 99999999999999999999\n", "corrupt or truncated"),
        (b"Pf\n2 1\n0\n" + bytes(8), "scale of 0"),
        (b"Pf\n2 1\nnan\n" + bytes(8), "scale of nan"),
        (b"P7\nWIDTH 1\nHEIGHT 1\nMAXVAL 1\nENDHDR\n\1", "no DEPTH in its head"),
        (b"P6\n60000 60000\n255\n123", "are more than .* pixels"),
    ],
)
def test_what_is_corrupt_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.pnm").write_bytes(content)
    with pytest.raises(FileError, match=words) as caught:
        read_image(tmp_path / "a.pnm")
    assert str(caught.value).startswith(f"{tmp_path / 'a.pnm'}: ")


def test_comments_go_over_the_blocks_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnfilter.files.netpbm.reader._BLOCK", 5)
    text = b"P2 # one\r3 2\n#two\n10\n1 #a long comment 7 8\n2 3\r\n#another# 9\n4 5#6\n\n10"
    (tmp_path / "a.pgm").write_bytes(text)
    assert read_image(tmp_path / "a.pgm").tolist() == [[1, 2, 3], [4, 5, 10]]


# Floats


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [-1, 1, -2.5, 3])
def test_floats_are_read_in_both_orders_of_bytes(
    scale: float, channels: int, tmp_path: Path
) -> None:
    values = RNG.normal(0, 1e3, (5, 4, channels)).astype(np.float32)
    values[0, 0] = np.inf
    head = b"%s\n4 5\n%g\n" % (b"PF" if channels == 3 else b"Pf", scale)
    content = values[::-1].astype("<f4" if scale < 0 else ">f4").tobytes()
    (tmp_path / "a.pfm").write_bytes(head + content)
    image = read(tmp_path / "a.pfm")
    expected = values if channels == 3 else values[:, :, 0]
    np.testing.assert_array_equal(image.pixels, expected)
    assert (image.pixels.dtype, image.format) == (np.float32, "pfm")
    is_noted = abs(scale) != 1
    assert image.notes == ((f"its scale of {abs(scale):g} is not applied",) if is_noted else ())
    if not is_noted:
        cv2 = pytest.importorskip("cv2")
        shown = cv2.imread(str(tmp_path / "a.pfm"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(shown[..., ::-1] if channels == 3 else shown, expected)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_floats_are_written_as_they_are(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = RNG.normal(0, 1e3, shape).astype(np.float32)
    values.flat[0] = np.nan
    write(Output(tmp_path / "a.pfm", Encoding("pfm")), [Frame(values)])
    expected = values[:, :, 0] if shape[2:] == (1,) else values
    np.testing.assert_array_equal(read_image(tmp_path / "a.pfm"), expected)
    cv2 = pytest.importorskip("cv2")
    shown = cv2.imread(str(tmp_path / "a.pfm"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(shown[..., ::-1] if shown.ndim == 3 else shown, expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 2, 5), np.float32), "pfm holds 1 or 3 channels, not 5; write npy"),
        (np.full((2, 2), 0.1), "pfm holds 32 bits, not all of these float64; write npy"),
        (np.full((2, 2), 2**24 + 1), "pfm holds 32 bits, not all of these int64; write npy"),
    ],
)
def test_what_floats_do_not_hold_is_refused(values: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=words):
        write(Output(tmp_path / "a.pfm", Encoding("pfm")), [Frame(values)])
    assert not list(tmp_path.iterdir())
    write_image(tmp_path / "b.pfm", np.full((2, 2), 0.5))


def test_xvs_thumbnail_is_no_pam(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"P7 332\n#END_OF_COMMENTS\n1 1 255\n" + struct.pack("B", 1))
    with pytest.raises(FileError, match="not a readable image"):
        read_image(tmp_path / "a")
