"""What results are called."""

from pathlib import Path

import pytest

from cnnfilter.batch.inputs import Source
from cnnfilter.batch.naming import Template
from cnnfilter.errors import ArgumentError


@pytest.mark.parametrize(
    ("text", "source", "path"),
    [
        ("out/{stem}-{kernel}.png", Source("p/a.jpg"), "out/a-edge.png"),
        ("out/{parent}/{stem}.png", Source("/x/p/a.jpg"), "out/p/a.png"),
        ("out/{parent}/{stem}.png", Source("p/may/a.jpg", "may"), "out/may/a.png"),
        ("out/{parent}/{stem}.png", Source("p/a.jpg", ""), "out/a.png"),
        ("out/{parent}/", Source("p/may/a.jpg", "may"), "out/may/a-edge.jpg"),
        ("{kernel}/{stem}", Source("a.jpg"), "edge/a.jpg"),
        ("{stem}.{result}", Source("a.jpg"), "a.edge.jpg"),
        ("{{{stem}}}.png", Source("a.b.jpg"), "{a.b}.png"),
        ("{stem}.png", Source("{parent}.jpg"), "{parent}.png"),
        ("{stem}.png", Source("-"), "stdin.png"),
    ],
)
def test_a_templates_fields_are_filled(text: str, source: Source, path: str) -> None:
    assert Template(text).path(source, "edge", ".jpg") == Path(path)


def test_a_parent_never_leads_out_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Template("out/{parent}/{stem}.png").path(Source("../../a.png"), "edge", ".png")
    assert ".." not in path.parts
    assert path.parts[0] == "out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{foo}.png", "unknown field 'foo'"),
        ("{}.png", "unknown field ''"),
        ("{stem.__class__}.png", "unknown field"),
        ("{stem[0]}.png", "unknown field"),
        ("{stem!r}.png", "nothing more"),
        ("{stem:>9}.png", "nothing more"),
        ("{stem.png", "brace"),
        ("stem}.png", "brace"),
        ("{kernl}.png", "did you mean 'kernel'"),
    ],
)
def test_other_fields_are_refused(text: str, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        Template(text)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("out/{stem}.png", "out"),
        ("out/x-{stem}.png", "out"),
        ("{stem}.png", "."),
        ("a/b/{parent}/{stem}.png", "a/b"),
        ("/a/{stem}/b.png", "/a"),
        ("a{{b}}/{stem}.png", "a{b}"),
    ],
)
def test_all_names_have_a_folder_in_common(text: str, root: str) -> None:
    assert Template(text).root == Path(root)


def test_the_suffix_decides_the_format() -> None:
    assert Template("{stem}.JPG").format == "jpeg"
    assert Template("{stem}").format is None
    assert Template("{stem}.{kernel}").format is None
    with pytest.raises(ArgumentError, match=r"\.xyz"):
        _ = Template("{stem}.xyz").format
