"""What an output folder remembers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnfilter.batch.ledger import LEDGER, Ledger, Stamp, stamp_of
from cnnfilter.batch.marks import Marks, path_mark


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
    return path_mark(folder / "a.png") in done, path_mark(folder / "out/a-edge.png") in made


def test_what_was_done_is_remembered(ledger: Ledger, tmp_path: Path) -> None:
    assert remembered(ledger, tmp_path) == (True, True)


@pytest.mark.usefixtures("ledger")
def test_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_mark("./a.png") in Ledger("edge", Path("out")).remembered(["a.png"])[0]


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


def test_without_a_folder_it_lies_beside_each_image(tmp_path: Path) -> None:
    for folder in ("p", "q"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    ledger = Ledger("edge")
    images = [str(tmp_path / folder / "a.png") for folder in ("p", "q")]
    for image in images:
        ledger.remember(image, stamp_of(image) or Stamp(0, 0), [image])
    assert (tmp_path / "p" / LEDGER).is_file()
    done, _ = ledger.remembered(images)
    assert [path_mark(image) in done for image in images] == [True, True]


def test_marks_are_few_bytes() -> None:
    marks = Marks(path_mark(f"/photos/{number}.png") for number in range(1000))
    assert len(marks) == 1000
    assert path_mark("/photos/999.png") in marks
    assert path_mark("/photos/1000.png") not in marks
    assert "/photos/999.png" not in marks
    assert 0 not in Marks()
