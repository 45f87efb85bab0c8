"""A kernel of a single 1 changes no bit of a picture, of any depth and channels."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cnnfilter.files.read import read

from ..command import one_process
from .png_by_hand import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

RNG = np.random.default_rng(47)
KINDS = {GREY: 1, GREY_ALPHA: 2, RGB: 3, RGBA: 4}
SIZE = (9, 11)


def samples(top: int, channels: int) -> np.ndarray:
    drawn = RNG.integers(0, top + 1, (*SIZE, channels), np.uint16)
    return drawn[:, :, 0] if channels == 1 else drawn


def pictures() -> dict[str, bytes]:
    """Lay out a file of each depth and number of channels."""
    made = {}
    for depth in (1, 2, 4, 8, 16):
        for kind, channels in KINDS.items():
            if depth >= 8 or kind == GREY:
                drawn = samples(2**depth - 1, channels)
                made[f"{depth} bits {channels}.png"] = png(drawn, depth, kind)
        key = chunk(b"tRNS", struct.pack(">H", 1))
        made[f"{depth} bits key.png"] = png(samples(2**depth - 1, 1), depth, GREY, key)
    colours = [chunk(b"PLTE", RNG.bytes(48)), chunk(b"tRNS", RNG.bytes(9))]
    made["palette.png"] = png(samples(15, 1), 4, PALETTE, *colours)
    for white in (1, 15, 100, 255, 1023, 4095, 65535):
        for kind_, channels in ((b"P5", 1), (b"P6", 3)):
            content = samples(white, channels).astype(">u2" if white > 255 else "u1").tobytes()
            made[f"white {white} {channels}.ppm"] = b"%s 11 9 %d\n" % (kind_, white) + content
    for kind_, channels in ((b"Pf", 1), (b"PF", 3)):
        floats = RNG.normal(size=(*SIZE, channels)).astype("<f4")
        made[f"floats {channels}.pfm"] = kind_ + b" 11 9 -1\n" + floats.tobytes()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the identity over all of them."""
    place = tmp_path_factory.mktemp("identity")
    (place / "in").mkdir()
    for name, content in pictures().items():
        (place / "in" / name).write_bytes(content)
    words = ["convolve", "-k", "identity", "--padding", "same", "in", "-o", "out"]
    subprocess.run(one_process([words]), cwd=place, check=True, timeout=120, capture_output=True)
    return place


@pytest.mark.parametrize("name", pictures())
def test_the_identity_is_bit_equal(name: str, folder: Path) -> None:
    before = read(folder / "in" / name)
    stem, _, suffix = name.rpartition(".")
    after = read(folder / "out" / f"{stem}-identity.{suffix}")
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert after.pixels.dtype == before.pixels.dtype
    assert (after.peak, after.notes) == (before.peak, ())
    assert (after.alpha is None) == (before.alpha is None)
    if before.alpha is not None:
        np.testing.assert_array_equal(after.alpha, before.alpha)
