"""What libraries print and warn of: part of our one line, or nowhere; never beside it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, features

from ..command import Run
from ..types import Arguments

RGB = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)


def corrupt_tiff() -> bytes:
    """Make a TIFF whose compressed pixels are damaged: libtiff prints what it meets."""
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    data = bytearray(buffer.getvalue())
    data[200:240] = b"\xff" * 40
    return bytes(data)


def damaged_tiff(compression: str, at: int) -> bytes:
    """Make a TIFF damaged at one place; by group4 it is read, and libtiff prints of each line."""
    buffer = io.BytesIO()
    mode = "1" if compression == "group4" else "RGB"
    Image.fromarray(RGB).convert(mode).save(buffer, "TIFF", compression=compression)
    data = bytearray(buffer.getvalue())
    data[at : at + 20] = b"\xff" * 20
    return bytes(data)


def damaged_and_whole_tiffs(folder: Path) -> None:
    """Make 12 TIFFs of which libtiff prints, each something else, among as many whole ones."""
    folder.mkdir()
    whole = io.BytesIO()
    Image.fromarray(RGB).save(whole, "TIFF", compression="tiff_lzw")
    kinds = ["tiff_lzw", "tiff_adobe_deflate", "group4"]
    for number in range(12):
        damaged = damaged_tiff(kinds[number % 3], 100 + 5 * number)
        (folder / f"{number:02}-damaged.tif").write_bytes(damaged)
        (folder / f"{number:02}-whole.tif").write_bytes(whole.getvalue())


def odd_jpeg() -> bytes:
    """Make a JPEG whose EXIF is cut: Pillow warns of it."""
    buffer = io.BytesIO()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\xff\0\0\0\xff\0\0\0"
    Image.fromarray(RGB).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def python(code: str, *options: str, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


def test_what_a_decoder_prints_is_the_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(corrupt_tiff())
    result = run("pool", "a.tif", "-o", "out.png")
    assert result.status == 1
    assert "a.tif: corrupt or truncated (" in result.line
    assert "ZIPDecode" in result.line


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_each_file_has_one_line_in_threads_and_processes(
    executor: str, run: Run, tmp_path: Path
) -> None:
    names = [f"{number}.{kind}" for number in range(6) for kind in ("tif", "jpg")]
    for name in names:
        (tmp_path / name).write_bytes(corrupt_tiff() if name.endswith("tif") else odd_jpeg())
    result = run("pool", *names, "-o", "out/", "--executor", executor, "--jobs", "2")
    *lines, summary = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == names
    assert all(line.startswith("cnnfilter: ") for line in lines)
    assert "6 done, 0 skipped, 6 failed" in summary


def test_threads_and_processes_report_a_folder_alike(run: Run, tmp_path: Path) -> None:
    damaged_and_whole_tiffs(tmp_path / "in")

    def told(*options: str) -> tuple[list[str], list[Arguments]]:
        result = run("pool", "in", "-o", "out", "--report", "report.jsonl", "--force", *options)
        *lines, summary = result.stderr.splitlines()
        assert "16 done, 0 skipped, 8 failed" in summary
        report = (tmp_path / "report.jsonl").read_text().splitlines()
        return lines, [{**json.loads(line), "milliseconds": 0} for line in report]

    lines, report = told("--jobs", "1")
    assert sum("may be corrupt (Fax4Decode: " in str(line) for line in report) == 4
    assert sum("corrupt or truncated (decoder error" in line for line in lines) == 8
    assert told("--executor", "processes", "--jobs", "2") == (lines, report)
    for _ in range(3):
        assert told("--executor", "threads", "--jobs", "4") == (lines, report)


def test_threads_read_the_same_words_again_and_again(tmp_path: Path) -> None:
    damaged_and_whole_tiffs(tmp_path / "in")
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from pathlib import Path\n"
        "from cnnfilter.errors import CnnFilterError\n"
        "from cnnfilter.files.read import read\n"
        "from cnnfilter.files.printed import catch_printed\n"
        "catch_printed()\n"
        "def told(path):\n"
        "    try:\n        return read(path).notes\n"
        "    except CnnFilterError as error:\n        return str(error)\n"
        "paths = sorted(Path('in').iterdir())\n"
        "alone = [told(path) for path in paths]\n"
        "assert sum(map(bool, alone)) == len(set(alone)) - 1 == 12\n"
        "with ThreadPoolExecutor(4) as threads:\n"
        "    for _ in range(15):\n"
        "        assert list(threads.map(told, paths)) == alone\n"
    )
    assert python(code, cwd=tmp_path) == (0, "")


def test_a_dry_run_prints_nothing_of_a_decoder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(odd_jpeg())
    assert run("pool", "a.jpg", "-o", "out.png", "--dry-run").stderr.count("\n") <= 1


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the stream")
def test_a_closed_standard_error_stays_closed(command: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(corrupt_tiff())
    result = run("-c", f"'{command}' pool a.tif -o out.png 2>&-", program=("sh",))
    assert (result.status, result.stdout, result.stderr) == (1, b"", "")


def test_a_program_that_imports_us_keeps_its_standard_error(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(corrupt_tiff())
    code = (
        "import os, sys, cnnfilter\n"
        "before = os.fstat(2), sys.stderr\n"
        "try:\n    cnnfilter.read_image('a.tif')\n"
        "except cnnfilter.CnnFilterError:\n    pass\n"
        "assert (os.fstat(2), sys.stderr) == before\n"
    )
    status, stderr = python(code, cwd=tmp_path)
    assert status == 0
    assert "ZIPDecode" in stderr


CAUGHT = (
    "import os, sys, faulthandler\n"
    "from cnnfilter.files.printed import catch_printed, caught\n"
    "catch_printed()\n"
    "with caught() as printed:\n"
)


def test_a_bug_is_reported_while_a_file_is_at_work() -> None:
    status, stderr = python(CAUGHT + "    raise RuntimeError('a bug')")
    assert status == 1
    assert stderr.startswith("Traceback")
    assert stderr.endswith("RuntimeError: a bug\n")


def test_a_crash_is_reported_while_a_file_is_at_work() -> None:
    status, stderr = python(CAUGHT + "    os.abort()", "-X", "faulthandler")
    assert status != 0
    assert stderr.startswith("Fatal Python error: Aborted")


def test_what_is_printed_between_files_is_seen() -> None:
    code = CAUGHT + "    os.write(2, b'within')\nos.write(2, b'after')"
    assert python(code) == (0, "after")


def test_a_library_that_prints_without_end_never_blocks() -> None:
    code = CAUGHT + (
        "    for _ in range(100):\n"
        "        try:\n            os.write(2, b'x' * 65536)\n"
        "        except BlockingIOError:\n            pass\n"
        "    print(len(printed.words()), file=sys.stderr)"
    )
    assert python(code) == (0, "200\n")


def test_a_line_names_no_file_where_several_are_at_work() -> None:
    code = CAUGHT + (
        "    from threading import Thread, Event\n"
        "    begun, done = Event(), Event()\n"
        "    def other():\n"
        "        with caught():\n"
        "            begun.set()\n"
        "            done.wait()\n"
        "    thread = Thread(target=other)\n"
        "    thread.start()\n"
        "    begun.wait()\n"
        "    os.write(2, b'a failure')\n"
        "    assert printed.words() == ''\n"
        "    done.set()\n"
        "    thread.join()\n"
        "with caught() as printed:\n"
        "    os.write(2, b'another failure')\n"
        "    assert printed.words() == 'another failure'\n"
    )
    assert python(code) == (0, "")


#: Another file, at work until it is told to end.
ANOTHER = (
    "import os\n"
    "from threading import Thread, Event\n"
    "from cnnfilter.errors import FileError\n"
    "from cnnfilter.files.printed import attributed, catch_printed, caught\n"
    "catch_printed()\n"
    "begun, done, calls = Event(), Event(), []\n"
    "def another():\n"
    "    with caught():\n"
    "        begun.set()\n"
    "        done.wait()\n"
    "def begin():\n"
    "    Thread(target=another).start()\n"
    "    begun.wait()\n"
    "def work():\n"
    "    calls.append('work')\n"
    "    os.write(2, b'my failure')\n"
    "    done.set()\n"
    "    with caught() as printed:\n"
    "        return printed.words()\n"
    "def afresh():\n"
    "    calls.append('afresh')\n"
)


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        # What may be another's is asked for once more, alone.
        ("assert attributed(work, afresh) == 'my failure'", ["work", "afresh", "work"]),
        (
            "def fails():\n    raise FileError(work())\n"
            "try:\n    attributed(fails, afresh)\n"
            "except FileError as error:\n    assert str(error) == 'my failure'",
            ["work", "afresh", "work"],
        ),
        # A bug is no matter of words.
        (
            "def fails():\n    work()\n    1 / 0\n"
            "try:\n    attributed(fails, afresh)\nexcept ZeroDivisionError:\n    pass",
            ["work"],
        ),
        # Within other work, it is that which is done once more.
        ("with caught():\n    assert attributed(work, afresh) == ''", ["work"]),
        # Words that nobody asks for are nobody's.
        ("attributed(lambda: calls.append(os.write(2, b'x')), afresh)\ndone.set()", [1]),
    ],
)
def test_work_is_done_once_more_only_for_words_in_doubt(code: str, calls: list[str]) -> None:
    assert python(f"{ANOTHER}begin()\n{code}\nassert calls == {calls}, calls") == (0, "")


def test_words_that_are_certain_need_no_second_look() -> None:
    code = "assert attributed(work, afresh) == 'my failure'\nassert calls == ['work'], calls"
    assert python(ANOTHER + code) == (0, "")


def test_no_file_is_begun_while_one_is_worked_on_alone() -> None:
    code = ANOTHER + (
        "later = Thread(target=lambda: caught().__enter__())\n"
        "def work_alone():\n"
        "    if len(calls) == 2:\n"
        "        later.start()\n"
        "        later.join(0.2)\n"
        "        assert later.is_alive()\n"
        "    return work()\n"
        "begin()\n"
        "assert attributed(work_alone, afresh) == 'my failure'\n"
        "later.join(20)\n"
        "assert not later.is_alive()\n"
    )
    assert python(code) == (0, "")


def test_an_encoder_that_fails_is_asked_for_its_words_alone() -> None:
    code = ANOTHER + (
        "import io\n"
        "from cnnfilter.files.save import encode_to\n"
        "def encode(out):\n"
        "    calls.append('encode')\n"
        "    out.write(b'half')\n"
        "    os.write(2, b'my failure')\n"
        "    done.set()\n"
        "    raise OSError('encoder error -2')\n"
        "begin()\n"
        "file = io.BytesIO()\n"
        "try:\n    encode_to(file, 'tif', encode)\n"
        "except FileError as error:\n"
        "    assert str(error).endswith('(encoder error -2: my failure)'), error\n"
        "assert calls == ['encode', 'encode'], calls\n"
        "assert file.getvalue() == b'half'\n"
    )
    assert python(code) == (0, "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.psd", b"8BPS" + b"\0" * 40, "is a Photoshop file"),
        ("a.png", b"\0\0\0\x18ftypavci" + b"\0" * 40, "is an HEIF picture in an unusual coding"),
        ("a.svg", b"<?xml version='1.0'?>\n<svg/>", "is an SVG drawing"),
        ("a.bmp", b"BM" + b"\0" * 12 + b"\x42\0\0\0" + b"\0" * 62, "is a BMP with a header of 66"),
    ],
)
def test_what_is_not_supported_says_what_it_is(
    name: str, content: bytes, words: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("pool", name, "-o", "out.png")
    assert result.status == 1
    assert f"{name}: {words}" in result.line
    assert result.line.endswith("export it as png or tif")


@pytest.mark.skipif(not features.check("avif"), reason="Pillow is built without AVIF")
def test_a_truncated_avif_is_no_video(run: Run, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "AVIF")
    (tmp_path / "a.avif").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert "a.avif: corrupt or truncated" in run("pool", "a.avif").line


@pytest.mark.parametrize("bits", [64, 128])
def test_a_tiff_of_complex_numbers_is_refused_in_one_line(
    bits: int, run: Run, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 5), f"c{bits // 8}"))
    for more in ([], ["--dry-run"]):
        result = run("convolve", "-k", "sharpen", "a.tif", "-o", "out.npy", *more)
        assert result.status == 1
        assert "a.tif: holds complex numbers" in result.stderr
        assert "Warning" not in result.stderr


def test_a_channel_of_no_stated_use_is_a_band(run: Run, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", RGB[..., [0, 1, 2, 0]], photometric="rgb", extrasamples=[0]
    )
    assert run("pool", "a.tif", "-o", "out.npy").status == 0
    assert np.load(tmp_path / "out.npy").shape[2] == 4


def test_a_jpeg_of_12_bits_is_read_by_an_extra(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs", reason="the extra codecs is not installed")
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    assert "stretched from 0..4095 to 0..255" in run("pool", "a.jpg").line


def test_a_tiff_of_an_unknown_compression_is_named_so(run: Run, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "TIFF")
    data = bytearray(buffer.getvalue())
    at = data.index((259).to_bytes(2, "little") + b"\x03\0\x01\0\0\0")
    data[at + 8 : at + 10] = (34661).to_bytes(2, "little")  # JBIG, by libtiff's list
    (tmp_path / "a.tif").write_bytes(data)
    assert "a.tif: is a TIFF compressed with JBIG" in run("pool", "a.tif").line
