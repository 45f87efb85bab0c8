"""Disks that fill up, and pictures that are larger than their formats."""

import errno
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter.errors import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.output import replacing
from cnnfilter.files.read import read
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

# A disk that takes so many bytes and no more


FILLING = """
import json, resource, sys
from pathlib import Path
import numpy as np
from cnnfilter.errors import FileError
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

def room(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

def told(format, pages, depth):
    output = Output(folder / "a", Encoding(format, depth=depth))
    write(output, pages)
    size = (folder / "a").stat().st_size
    (folder / "a").unlink()
    for most in sorted({*np.linspace(0, size - 1, 20).astype(int).tolist(), 1, size - 2}):
        room(most)
        try:
            write(output, pages)
            yield "nothing"
        except FileError as error:
            yield str(error)
        finally:
            room(resource.RLIM_INFINITY)
        yield from (f"left {path.name}" for path in folder.iterdir())

folder = Path(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 2**16, (2, 90, 110, 3))
for name, known in FORMATS.items():
    if known.unwritable:
        continue
    pages = [Frame(each) for each in noise // 257]
    deep = [Frame(each[..., 0] if known.stored_deep_modes == ("gray",) else each) for each in noise]
    cases = {"": (pages[:1], 8)}
    cases |= {" of frames": (pages, 8)} if known.frames else {}
    cases |= {" in 16 bits": (deep[:1], 16)} if known.stored_deep_modes else {}
    for what, (case, depth) in cases.items():
        print(json.dumps([name + what, *told(name, case, depth)]), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX bounds the size of files")
@pytest.mark.slow
def test_a_disk_that_fills_at_any_byte_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FILLING, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.stderr == ""
    line = f"{tmp_path / 'a'}: cannot be written (larger than a file may be; write elsewhere)"
    cases = [json.loads(case) for case in run.stdout.splitlines()]
    assert {name: set(told) for name, *told in cases} == {name: {line} for name, *_ in cases}
    assert {name.split()[0] for name, *_ in cases} == {
        name for name, format in FORMATS.items() if not format.unwritable
    }


# Pictures that are larger than their formats


def long(length: int, *, is_high: bool) -> np.ndarray:
    """Make a line that ends in another value."""
    line = np.zeros((1, length), np.uint8)
    line[0, -1] = 200
    return line.T if is_high else line


LONGEST = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535, "avif": 32_768}


@pytest.mark.parametrize("is_high", [False, True])
@pytest.mark.parametrize(("format", "longest"), LONGEST.items())
def test_a_picture_has_the_longest_side_that_others_can_read_and_no_longer_one(
    format: str, longest: int, is_high: bool, tmp_path: Path
) -> None:
    file = tmp_path / f"a{FORMATS[format].suffixes[0]}"
    write(Output(file, Encoding(format)), [Frame(long(longest, is_high=is_high))])
    with Image.open(file) as picture:
        assert max(picture.size) == longest
        picture.load()
    file.unlink()
    size = f"{longest + 1}x1" if is_high else f"1x{longest + 1}"
    with pytest.raises(FileError) as caught:
        write(Output(file, Encoding(format)), [Frame(long(longest + 1, is_high=is_high))])
    told = f"{size} is larger than {format} holds (sides of {longest}); write png or tif"
    assert str(caught.value) == f"{file}: {told}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "longest"), LONGEST.items())
def test_pillow_itself_writes_nothing_longer_that_it_reads(format: str, longest: int) -> None:
    def saved_and_read() -> None:
        file = io.BytesIO()
        Image.fromarray(long(longest + 1, is_high=False)).save(file, FORMATS[format].pillow)
        Image.open(file).load()

    with pytest.raises((OSError, ValueError, OverflowError, RuntimeError)):
        saved_and_read()


@pytest.mark.parametrize("is_high", [False, True])
@pytest.mark.parametrize("format", ["png", "tif", "bmp", "ppm", "jp2"])
def test_the_other_formats_take_what_is_long(format: str, is_high: bool, tmp_path: Path) -> None:
    line = long(70_000, is_high=is_high)
    write(Output(tmp_path / "a", Encoding(format)), [Frame(line)])
    np.testing.assert_array_equal(read(tmp_path / "a").pixels, line)


@pytest.mark.parametrize(
    ("format", "height", "width", "pixel_bytes", "excess"),
    [
        # A BMP counts its bytes, 54 of head, 1024 of colours and rows of whole words, in 32 bits.
        ("bmp", 2**32 // 400 - 3, 400, 1, None),
        ("bmp", 2**32 // 400, 400, 1, "4294966217 bytes of pixels"),
        ("bmp", 2**30 - 270, 1, 1, None),
        ("bmp", 2**30 - 269, 1, 1, "4294966217 bytes of pixels"),
        # 16384 x 8192 pixels of 32 bits are 2**32 bits; so many Pillow cannot count.
        ("jp2", 16_384, 8_191, 4, None),
        ("jp2", 16_384, 8_192, 4, "536870911 bytes of pixels"),
        ("avif", 16_384, 16_384, 3, None),
        ("avif", 16_384, 16_385, 3, "268435456 pixels"),
        ("png", 1, 2**28 - 32, 1, None),
        ("png", 1, 2**28, 1, "rows of 268435424 bytes"),
        ("png", 2**31, 1, 1, "sides of 2147483647"),
        ("npy", 2**40, 2**40, 8, None),
    ],
)
def test_limits_of_area_and_bytes(
    format: str, height: int, width: int, pixel_bytes: int, excess: str | None
) -> None:
    assert FORMATS[format].limits.excess(height, width, pixel_bytes) == excess


def test_what_is_named_instead_takes_frames_alpha_and_the_area(tmp_path: Path) -> None:
    def told(shape: tuple[int, ...], format: str, frames: int = 1, *, has_alpha: bool) -> str:
        alpha = np.broadcast_to(np.uint8(), shape[:2]) if has_alpha else None
        blank = Frame(np.broadcast_to(np.uint8(), shape), alpha)
        with pytest.raises(FileError) as caught:
            write(Output(tmp_path / "a", Encoding(format)), [blank] * frames)
        return str(caught.value).rpartition("; ")[2]

    assert told((1, 2**17), "gif", 2, has_alpha=False) == "write png or tif"
    assert told((2**15, 2**14, 3), "jp2", has_alpha=True) == "write png or tif"
    assert told((1, 2**29), "png", has_alpha=False) == "write ppm"


def test_a_frame_is_shown_no_longer_than_its_format_says(tmp_path: Path) -> None:
    # APNG counts a frame's milliseconds in 16 bits, GIF hundredths of a second in 16, WebP in 24.
    for format, longest in (("png", 65_535), ("gif", 655_350), ("webp", 16_777_215)):
        pages = [Frame(np.full((4, 4), value), duration=longest) for value in (0, 255)]
        assert write(Output(tmp_path / "a", Encoding(format)), pages).notes == ()
        beyond = [page._replace(duration=longest * 2) for page in pages]
        note = f"{format} shows no frame longer than {longest / 1000:g} s"
        assert write(Output(tmp_path / "b", Encoding(format)), beyond).notes == (note,)
        for name in "ab":
            with Image.open(tmp_path / name) as picture:
                picture.load()
                assert picture.info["duration"] == longest


# Encoders that refuse


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("Failed to encode image"), "png cannot hold this picture (Failed to encode"),
        (SystemError("tile cannot extend"), "png cannot hold this picture (tile cannot extend"),
        (OverflowError("int too big"), "png cannot hold this picture (int too big)"),
        (struct.error("'H' format"), "png cannot hold this picture ('H' format)"),
        (ValueError(), "png cannot hold this picture (ValueError)"),
        (OSError("encoder error -2"), "png cannot hold this picture (encoder error -2)"),
        (MemoryError(), "png takes more memory to write than there is"),
    ],
)
def test_whatever_an_encoder_refuses_is_one_line(
    error: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(FileError) as caught:
        write(
            Output(tmp_path / "a", Encoding("png", compression="small")), [Frame(np.zeros((4, 4)))]
        )
    assert str(caught.value).startswith(f"{tmp_path / 'a'}: {told}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format", "dpi"),
    [
        ("png", 1e12), ("png", float("inf")), ("png", -5.0), ("png", "a"), ("jpeg", float("nan")),
        ("jpeg", "a"), ("bmp", 1e12), ("bmp", float("inf")), ("bmp", -5.0), ("bmp", "a"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_kept_is_dropped_with_a_notice(
    format: str, dpi: object, tmp_path: Path
) -> None:
    gray = np.full((8, 8), 90, np.uint8)
    written = write(
        Output(tmp_path / "a", Encoding(format)), [Frame(gray)], metadata={"dpi": (dpi, dpi)}
    )
    np.testing.assert_array_equal(read(tmp_path / "a").pixels, gray)
    (note,) = written.notes
    assert note == f"{format} cannot hold its resolution: left out"


# Results that outlast a loss of power


@pytest.mark.skipif(sys.platform == "win32", reason="there, no folder can be synced")
def test_a_durable_file_is_on_the_disk_before_its_name_and_its_name_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    sync, link = os.fsync, os.link

    def spied_sync(descriptor: int) -> None:
        synced = Path(f"/proc/self/fd/{descriptor}").resolve()
        events.append(str(synced.relative_to(tmp_path)) if synced.is_dir() else "content")
        if not synced.is_dir():
            assert synced.stat().st_size == 5, "what is in a buffer is not synced"
        sync(descriptor)

    def spied_link(source: Path, target: Path) -> None:
        events.append("name")
        link(source, target)

    monkeypatch.setattr(os, "fsync", spied_sync)
    monkeypatch.setattr(os, "link", spied_link)
    with replacing(tmp_path / "new" / "newer" / "a", "refuse", durable=True) as file:
        file.write(b"whole")
    assert events == ["content", "name", "new/newer", "new", "."]
    events.clear()
    with replacing(tmp_path / "b", "refuse") as file:
        file.write(b"whole")
    assert events == ["name"]


def test_a_disk_that_cannot_keep_a_durable_file_gives_it_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileError, match=r"cannot be written \(Input/output error\)"):
        write(Output(tmp_path / "a", Encoding("png"), durable=True), [Frame(np.zeros((4, 4)))])
    assert list(tmp_path.iterdir()) == []
