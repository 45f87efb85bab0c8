"""Which images are meant: folders, patterns, lists, and names of any kind."""

import codecs
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnfilter import ArgumentError
from cnnfilter.batch.inputs import (
    Inputs,
    LeftOut,
    Source,
    find_sources,
    left_out_text,
    listed_names,
)

from ..extras import take_away

Tree = Callable[..., None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Make empty files, and be where they are."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def found(*names: str, recursive: bool = False, hidden: bool = False) -> list[str]:
    return [
        source.name
        for source in find_sources(Inputs(names, recursive=recursive, hidden=hidden)).sources
    ]


def test_a_folder_is_its_images_by_name(tree: Tree) -> None:
    tree("p/b.png", "p/a.JPG", "p/notes.txt", "p/data.csv", "p/map.npy", "p/.c.png", "p/deep/d.png")
    assert found("p") == ["p/a.JPG", "p/b.png", "p/map.npy"]
    assert found("p", hidden=True) == ["p/.c.png", "p/a.JPG", "p/b.png", "p/map.npy"]


def test_recursively_each_folder_follows_its_files(tree: Tree) -> None:
    tree("p/z.png", "p/b/2.png", "p/b/c/3.png", "p/a/1.png", "p/.git/4.png")
    assert found("p", recursive=True) == ["p/z.png", "p/a/1.png", "p/b/2.png", "p/b/c/3.png"]
    assert "p/.git/4.png" in found("p", recursive=True, hidden=True)
    below = [each.below for each in find_sources(Inputs(["p"], recursive=True)).sources]
    assert below == ["", "a", "b", os.path.join("b", "c")]  # noqa: PTH118


def test_a_hidden_folder_that_is_named_is_searched(tree: Tree) -> None:
    tree(".cache/a.png")
    assert found(".cache") == [".cache/a.png"]


def test_links_that_lead_back_are_entered_once(tree: Tree, tmp_path: Path) -> None:
    tree("p/a.png", "p/deep/b.png")
    (tmp_path / "p/deep/up").symlink_to("..")
    (tmp_path / "p/self").symlink_to("self")
    assert found("p", recursive=True) == ["p/a.png", "p/deep/b.png"]
    assert found("p/**/*.png") == ["p/a.png", "p/deep/b.png"]


def test_a_link_to_an_image_is_an_image_and_a_dangling_link_fails_later(
    tree: Tree, tmp_path: Path
) -> None:
    tree("a.png", "p/b.png")
    (tmp_path / "p/link.png").symlink_to("../a.png")
    (tmp_path / "p/gone.png").symlink_to("nowhere")
    assert found("p") == ["p/b.png", "p/gone.png", "p/link.png"]


def test_the_folder_for_results_is_left_out(tree: Tree) -> None:
    tree("p/a.png", "p/out/a-edge.png", "p/out/deep/b-edge.png")
    inputs = Inputs(["p"], recursive=True)
    spared = find_sources(inputs, spared=Path("p/out"))
    assert [source.name for source in spared.sources] == ["p/a.png"]
    assert len(find_sources(inputs, spared=Path("p")).sources) == 3


def test_a_files_name_is_no_pattern(tree: Tree) -> None:
    tree("p/a.png", "p/b.png", "p/.c.png", "p/[ab].png", "q/d.png")
    assert found("p/?.png") == ["p/a.png", "p/b.png"]
    assert found("p/[ab].png") == ["p/[ab].png"]
    assert found("*") == ["p/[ab].png", "p/a.png", "p/b.png", "q/d.png"]
    missing = find_sources(Inputs(["p/*.jpg", "p/a.png"]))
    assert missing.sources == [Source("p/a.png")]
    assert missing.problems == ["p/*.jpg: no file matches; check the pattern"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_in_a_folder_is_no_image(tree: Tree, tmp_path: Path) -> None:
    tree("p/a.png")
    os.mkfifo(tmp_path / "p/pipe.png")
    assert found("p") == ["p/a.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_searched_is_a_problem(tree: Tree, tmp_path: Path) -> None:
    tree("p/a.png", "p/locked/b.png")
    (tmp_path / "p/locked").chmod(0)
    search = find_sources(Inputs(["p"], recursive=True))
    (tmp_path / "p/locked").chmod(0o700)
    assert [source.name for source in search.sources] == ["p/a.png"]
    assert search.problems == ["p/locked: access is denied; check its permissions"]


def test_a_list_holds_names_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"a b.png\n\n-x.png\r\nlatin-\xe9.png\n*.png")
    names = listed_names(str(file), null_separated=False).names
    assert names == ["a b.png", "-x.png", os.fsdecode(b"latin-\xe9.png"), "*.png"]
    file.write_bytes(b"line\nbreak.png\0a.png\0")
    assert listed_names(str(file), null_separated=True).names == ["line\nbreak.png", "a.png"]


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("a.png\nb.png\n", encoding="utf-8-sig")
    listed = listed_names(str(tmp_path / "list"), null_separated=False)
    assert listed.names == ["a.png", "b.png"]


MARKED = {
    "UTF-8": codecs.BOM_UTF8 + "a.png\nb\u00e9.png\n".encode(),
    "UTF-16, little": codecs.BOM_UTF16_LE + "a.png\nb\u00e9.png\n".encode("utf-16-le"),
    "UTF-16, big": codecs.BOM_UTF16_BE + "a.png\r\nb\u00e9.png\r\n".encode("utf-16-be"),
    "UTF-16, separated by NUL": codecs.BOM_UTF16_LE + "a.png\0b\u00e9.png\0".encode("utf-16-le"),
    "UTF-32": "a.png\nb\u00e9.png".encode("utf-32"),
}


@pytest.mark.parametrize("encoding", MARKED)
def test_a_list_may_be_in_utf_16(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(MARKED[encoding])
    listed = listed_names(str(tmp_path / "list"), null_separated="NUL" in encoding)
    assert listed.names == ["a.png", "b\u00e9.png"]
    assert not listed.problems


def test_names_that_are_no_text_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"caf\xe9.png\n")
    assert listed_names(str(tmp_path / "list"), null_separated=False).names == ["caf\udce9.png"]


def test_a_list_that_is_cut_within_a_character_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(codecs.BOM_UTF16_LE + b"a\0.")
    with pytest.raises(ArgumentError, match="list: not a text file in UTF-8 or UTF-16"):
        listed_names(str(tmp_path / "list"), null_separated=False)


def test_pictures_that_nothing_reads_are_told_by_their_kind(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, "pi_heif")
    tree("p/a.png", "p/b.heic", "p/c.PSD", "p/d.txt", "p/e.nef", "p/deep/f.heif", "p/.g.psd")
    found = find_sources(Inputs(["p"], recursive=True))
    assert [source.name for source in found.sources] == ["p/a.png"]
    heic = "HEIC: pip install 'cnnfilter[heic]'"
    assert found.left_out == [
        ("p/b.heic", heic), ("p/c.PSD", "Photoshop"), ("p/e.nef", "camera raw"),
        ("p/deep/f.heif", heic),
    ]  # fmt: skip
    assert left_out_text(found.left_out) == (
        "4 files not read: p/b.heic, p/deep/f.heif (HEIC: pip install 'cnnfilter[heic]'), "
        "p/c.PSD (Photoshop), p/e.nef (camera raw)"
    )
    assert find_sources(Inputs(["*"])).left_out == found.left_out[:3]


def test_of_many_files_that_nothing_reads_the_first_are_named() -> None:
    files = [LeftOut(f"{number}.psd", "Photoshop") for number in range(9)]
    words = "9 files not read: 0.psd, 1.psd, 2.psd and 6 more (Photoshop)"
    assert left_out_text(files) == words
    assert left_out_text(files[:1]) == "1 file not read: 0.psd (Photoshop)"
