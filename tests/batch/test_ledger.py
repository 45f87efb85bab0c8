"""What an output folder remembers."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnfilter.batch import ledger as ledgers
from cnnfilter.batch.ledger import (
    LEDGER,
    Fingerprints,
    Ledger,
    Stamp,
    path_fingerprint,
    set_aside_damaged,
    stamp_of,
)
from cnnfilter.errors import FileError


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger that remembers what was made of a.png."""
    (tmp_path / "a.png").write_bytes(b"image")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a-edge.png").write_bytes(b"result")
    ledger = Ledger("edge", tmp_path / "out")
    stamp = stamp_of(str(tmp_path / "a.png"))
    assert stamp is not None
    ledger.remember(str(tmp_path / "a.png"), stamp, [str(tmp_path / "out/a-edge.png")])
    return ledger


def remembered(ledger: Ledger, folder: Path) -> tuple[bool, bool]:
    """Whether the image is done, and whether its output is known to be ours."""
    done, made = ledger.remembered([str(folder / "a.png")])
    return path_fingerprint(folder / "a.png") in done, path_fingerprint(
        folder / "out/a-edge.png"
    ) in made


def test_what_was_done_is_remembered(ledger: Ledger, tmp_path: Path) -> None:
    assert remembered(ledger, tmp_path) == (True, True)


@pytest.mark.usefixtures("ledger")
def test_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_fingerprint("./a.png") in Ledger("edge", Path("out")).remembered(["a.png"])[0]


def test_a_changed_image_is_not_done(ledger: Ledger, tmp_path: Path) -> None:
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert remembered(ledger, tmp_path) == (False, True)
    (tmp_path / "a.png").unlink()
    assert remembered(ledger, tmp_path) == (False, True)


@pytest.mark.usefixtures("ledger")
def test_other_steps_are_not_done(tmp_path: Path) -> None:
    assert remembered(Ledger("sharpen", tmp_path / "out"), tmp_path) == (False, True)


@pytest.mark.parametrize("content", [None, b"", b"other result", b"RESULT"])
def test_an_output_that_is_not_as_it_was_is_not_ours(
    content: bytes | None, ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "out/a-edge.png").unlink()
    if content is not None:
        (tmp_path / "out/a-edge.png").write_bytes(content)
    assert remembered(ledger, tmp_path) == (False, False)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_it_writes_through_no_link(
    link: Callable[[Path, Path], None], ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "out" / LEDGER).unlink()
    link(tmp_path / "a.png", tmp_path / "out" / LEDGER)
    with pytest.raises(OSError, match=r"names|links"):
        ledger.remember(str(tmp_path / "a.png"), Stamp(1, 1), [])
    assert (tmp_path / "a.png").read_bytes() == b"image"


def test_the_last_line_counts(ledger: Ledger, tmp_path: Path) -> None:
    ledger.remember(str(tmp_path / "a.png"), Stamp(1, 1), [str(tmp_path / "out/a-edge.png")])
    assert remembered(ledger, tmp_path) == (False, True)


@pytest.mark.parametrize(
    "line",
    [b'{"input": "/x/a.p', b"\0\0\0", b"[]\n", b"1\n", b'{"input": 3}\n', b"{}\n", b"\xff\n",
     b'{"input": "a", "outputs": {"b": 1}, "size": 1}\n',
     b'{"input": "a", "outputs": [], "size": 1, "time": 1, "steps": ""}\n'],
)  # fmt: skip
def test_a_line_that_is_none_says_nothing(line: bytes, ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "out" / LEDGER
    path.write_bytes(line + b"\n" + path.read_bytes() + line)
    assert remembered(ledger, tmp_path) == (True, True)


def test_without_a_folder_it_lies_next_to_each_image(tmp_path: Path) -> None:
    for folder in ("p", "q"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    ledger = Ledger("edge")
    images = [str(tmp_path / folder / "a.png") for folder in ("p", "q")]
    for image in images:
        ledger.remember(image, stamp_of(image) or Stamp(0, 0), [image])
    assert (tmp_path / "p" / LEDGER).is_file()
    done, _ = ledger.remembered(images)
    assert [path_fingerprint(image) in done for image in images] == [True, True]


def test_marks_are_few_bytes() -> None:
    marks = Fingerprints(path_fingerprint(f"/photos/{number}.png") for number in range(1000))
    assert len(marks) == 1000
    assert path_fingerprint("/photos/999.png") in marks
    assert path_fingerprint("/photos/1000.png") not in marks
    assert "/photos/999.png" not in marks
    assert 0 not in Fingerprints()


def entry(**changed: object) -> bytes:
    """Write a line that is well formed but for what is changed."""
    usual = {"input": "/a.png", "size": 1, "time": 1, "steps": "", "outputs": {"b.png": [1, 1]}}
    return json.dumps(usual | changed).encode()


DAMAGED = {
    "odd bytes": b"\xff\x00\x1b",
    "no JSON": b"a line",
    "a list": b"[]",
    "a line of other things": b"{}",
    "deep lists": b"[" * 200_000,
    "deep lists in a line": b'{"input": ' * 100_000 + b"}}",
    "a number without an end": entry(size=1)[:-1] + b', "size": ' + b"9" * 10_000 + b"}}",
    "a size that is infinite": entry(size=float("inf")),
    "a time that is text": entry(time="1"),
    "outputs in a list": entry(outputs=[]),
    "an empty name": entry(input=""),
    "a NUL in a name": entry(input="/a\0b"),
    "half a character in a name": entry(input="/\ud800"),
    "a NUL in an output's name": entry(outputs={"a\0": None}),
    "half a character in an output's name": entry(outputs={"\ud800": None}),
    "a name that is too long": entry(input="/" + "x" * 40_000),
    "a line without an end": entry()[:-1] + b" " * 2**23,
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_ledger_is_set_aside_and_its_readable_lines_kept(
    line: bytes, ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "out" / LEDGER
    sound = path.read_bytes()
    path.write_bytes(sound + line + b"\n")
    damaged = path.read_bytes()
    assert remembered(ledger, tmp_path) == (True, True)
    told = set_aside_damaged(tmp_path / "out")
    assert told is not None
    assert told.startswith(f"{path}: line 2 is damaged; it was renamed to ")
    (aside,) = (tmp_path / "out").glob("*damaged*")
    assert aside.name in told
    assert aside.read_bytes() == damaged
    assert path.read_bytes() == sound
    assert set_aside_damaged(tmp_path / "out") is None
    assert remembered(ledger, tmp_path) == (True, True)


def test_each_damaged_ledger_gets_a_name_of_its_own(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / LEDGER).write_bytes(b"%d\n" % number)
        assert set_aside_damaged(tmp_path) is not None
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"0\n", b"1\n", b"2\n"]


def test_a_truncated_ledger_is_set_aside_and_resumed(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "out" / LEDGER
    whole = path.read_bytes()
    for length in (1, 20, 60, len(whole) - 3):
        path.write_bytes(whole + whole[:length])
        told = set_aside_damaged(tmp_path / "out")
        assert told is not None
        assert "line 2 is damaged" in told
        assert path.read_bytes() == whole
    path.write_bytes(whole[:60])  # while a run goes on
    stamp = stamp_of(tmp_path / "a.png") or Stamp(0, 0)
    ledger.remember(str(tmp_path / "a.png"), stamp, [str(tmp_path / "out/a-edge.png")])
    assert path.read_bytes() == whole[:60] + b"\n" + whole
    assert remembered(ledger, tmp_path) == (True, True)


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes with names")
    os.mkfifo(path)


def _large(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


IN_ITS_PLACE: dict[str, Callable[[Path], object]] = {
    "a pipe": _pipe,
    "a folder": Path.mkdir,
    "a link to an image": lambda path: path.symlink_to("../a.png"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(LEDGER),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "an image's second name": lambda path: os.link(path.parent.parent / "a.png", path),
    "a terabyte": _large,
}


@pytest.mark.parametrize("put", IN_ITS_PLACE.values(), ids=IN_ITS_PLACE.keys())
def test_what_has_a_ledgers_name_and_is_none_is_set_aside(
    put: Callable[[Path], object], ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "out" / LEDGER
    path.unlink()
    put(path)
    kind = stat.S_IFMT(path.lstat().st_mode)
    assert remembered(ledger, tmp_path) == (False, False)
    told = set_aside_damaged(tmp_path / "out")
    assert told is not None
    (aside,) = (tmp_path / "out").glob("*damaged*")
    assert stat.S_IFMT(aside.lstat().st_mode) == kind
    ledger.remember(str(tmp_path / "a.png"), Stamp(1, 1), [])
    assert path.is_file()
    assert (tmp_path / "a.png").read_bytes() == b"image"


def test_a_ledger_that_cannot_be_set_aside_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / LEDGER).write_bytes(b"a line\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ledgers.Path, "rename", refuse)
    with pytest.raises(FileError, match="line 1 is damaged, and cannot be renamed"):
        set_aside_damaged(tmp_path)
