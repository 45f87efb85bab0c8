"""What a PNG says of its colours is kept in PNGs, and named where it is lost."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.read import read
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from .png_by_hand import GREY, PALETTE, RGB, chunk, png

SAMPLES = np.random.default_rng(43).integers(0, 256, (5, 6, 3), np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BT2020_PQ, SRGB_CODE = bytes([9, 16, 0, 1]), bytes([1, 13, 0, 1])
GAMMA, SRGB_GAMMA = struct.pack(">I", 100_000), struct.pack(">I", 45_455)
SRGB_PLACES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PLACES = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
STATED = {
    "HDR": ({"cICP": BT2020_PQ, "mDCV": bytes(24), "cLLI": bytes(8)}, "its colours (BT.2020, PQ)"),
    "cICP of sRGB": ({"cICP": SRGB_CODE, "gAMA": GAMMA}, ""),
    "gamma": ({"gAMA": GAMMA}, "its colours (gamma 1)"),
    "P3": ({"gAMA": SRGB_GAMMA, "cHRM": P3_PLACES}, "its colours (primaries)"),
    "as sRGB": ({"gAMA": SRGB_GAMMA, "cHRM": SRGB_PLACES}, ""),
    "sRGB": ({"sRGB": b"\0", "gAMA": SRGB_GAMMA}, ""),
}


def written_png(path: Path, chunks: dict[str, bytes], depth: int = 8) -> None:
    others = [chunk(kind.encode(), content) for kind, content in chunks.items()]
    path.write_bytes(png(SAMPLES.astype(np.uint16) * (257 if depth == 16 else 1), depth, RGB,
                         *others))  # fmt: skip


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", STATED)
def test_a_png_keeps_what_states_its_colours(kind: str, depth: int, tmp_path: Path) -> None:
    chunks, _ = STATED[kind]
    written_png(tmp_path / "a.png", chunks, depth)
    image = read(tmp_path / "a.png")
    assert image.notes == ()
    assert image.metadata["colours"] == chunks
    output = Output(tmp_path / "b.png", Encoding("png", depth=depth))
    written = write(output, [Frame(image.pixels)], metadata=image.metadata)
    lost = [kind for kind in ("mDCV", "cLLI") if kind in chunks and depth == 8]
    expected = tuple(f"png cannot hold its {kind} with 8 bits: left out" for kind in lost)
    assert written.notes == expected
    again = read(tmp_path / "b.png")
    np.testing.assert_array_equal(again.pixels, image.pixels)
    assert again.metadata["colours"] == {kind: chunks[kind] for kind in chunks if kind not in lost}


@pytest.mark.parametrize("format", ["jpeg", "tif", "webp", "ppm"])
@pytest.mark.parametrize("kind", STATED)
def test_other_formats_name_what_they_lose(kind: str, format: str, tmp_path: Path) -> None:
    chunks, words = STATED[kind]
    written_png(tmp_path / "a.png", chunks)
    image = read(tmp_path / "a.png")
    output = Output(tmp_path / "b", Encoding(format))
    written = write(output, [Frame(image.pixels)], metadata=image.metadata)
    assert written.notes == ((f"{format} cannot hold {words}: left out",) if words else ())


def test_a_profile_says_enough(tmp_path: Path) -> None:
    metadata = {"icc_profile": PROFILE, "colours": {"gAMA": GAMMA}}
    output = Output(tmp_path / "b.jpg", Encoding("jpeg"))
    assert write(output, [Frame(SAMPLES)], metadata=metadata).notes == ()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_profile_of_colours_does_not_lie_on_grey(format: str, tmp_path: Path) -> None:
    pixels = SAMPLES[:, :, 0]
    output = Output(tmp_path / "b", Encoding(format))
    written = write(output, [Frame(pixels)], metadata={"icc_profile": PROFILE})
    note = f"{format} cannot hold a colour profile of other channels: left out"
    assert written.notes == (note,)
    assert "icc_profile" not in read(tmp_path / "b").metadata


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (12, 13), (1, 13), (1, 1)])
def test_an_avifs_colours_go_into_a_png(primaries: int, transfer: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(SAMPLES).save(buffer, "AVIF")
    content = buffer.getvalue()
    at = content.index(b"colrnclx") + 8
    code = struct.pack(">HH", primaries, transfer)
    (tmp_path / "a.avif").write_bytes(content[:at] + code + content[at + 4 :])
    image = read(tmp_path / "a.avif")
    assert image.notes == ()
    is_foreign = (primaries, transfer) in ((9, 16), (12, 13))
    colours = {"cICP": bytes([primaries, transfer, 0, 1])}
    assert image.metadata.get("colours", {}) == (colours if is_foreign else {})
    write(Output(tmp_path / "b.png", Encoding("png")), [Frame(image.pixels)],
          metadata=image.metadata)  # fmt: skip
    assert read(tmp_path / "b.png").metadata.get("colours") == (colours if is_foreign else None)
    written = write(Output(tmp_path / "c.avif", Encoding("avif")), [Frame(image.pixels)],
                    metadata=image.metadata)  # fmt: skip
    assert bool(written.notes) == is_foreign


@pytest.mark.parametrize(
    ("kind", "depth", "bits", "words"),
    [(RGB, 8, b"\5\6\5", "5, 6, 5 of 8"), (RGB, 8, b"\x08\x08\x08", ""), (GREY, 16, b"\x0c",
     "12 of 16"), (PALETTE, 4, b"\x05\x05\x05", "5, 5, 5 of 8")],
)  # fmt: skip
def test_significant_bits_are_named(
    kind: int, depth: int, bits: bytes, words: str, tmp_path: Path
) -> None:
    samples = SAMPLES if kind == RGB else SAMPLES[:, :, 0] & 15
    others = [chunk(b"sBIT", bits)]
    others += [chunk(b"PLTE", bytes(48))] if kind == PALETTE else []
    (tmp_path / "a.png").write_bytes(png(samples, depth, kind, *others))
    note = f"its number of significant bits ({words}) is left out"
    assert read(tmp_path / "a.png").notes == ((note,) if words else ())


def test_pixels_that_are_not_square_are_named(tmp_path: Path) -> None:
    shape = chunk(b"pHYs", struct.pack(">IIB", 1, 2, 0))
    (tmp_path / "a.png").write_bytes(png(SAMPLES, 8, RGB, shape))
    assert read(tmp_path / "a.png").notes == ("the shape of its pixels (2:1) is left out",)
