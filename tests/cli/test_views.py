"""Results to look at: previews in the terminal, figures, sheets and animations."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter.view.preview import graphics

from ..command import Run
from ..pictures import Images
from ..terminal import Screen, Show


def _drawn(screen: Screen) -> list[str]:
    return [line for line in screen.lines if "▀" in line]


@pytest.mark.parametrize(
    "words",
    [
        ["convolve", "-k", "sharpen", "img.png"],
        ["pool", "img.png"],
        ["split-channels", "img.png"],
        ["pipeline", "gray | convolve sobel-x", "img.png"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("width", [80, 200])
def test_every_command_previews_what_it_would_write(
    words: list[str], width: int, show: Show, images: Images, tmp_path: Path
) -> None:
    images.photo()
    screen = show(*words, "--preview", width=width)
    assert screen.status == 0
    assert screen.stderr == ""
    pictures = 3 if words[0] == "split-channels" else 1
    assert len([line for line in screen.lines if line.startswith("img.png")]) == pictures
    rows = _drawn(screen)
    assert 0 < max(map(len, rows)) <= width
    assert len(rows) <= 21 * pictures
    assert [path.name for path in tmp_path.iterdir()] == ["img.png"]


def test_a_previews_colours_are_the_results(show: Show, images: Images) -> None:
    images.matrix(np.full((4, 4), 77, np.uint8))
    screen = show("pool", "m.npy", "--preview", COLORTERM="truecolor")
    assert set(re.findall(r"38;2;([\d;]+?);48;2;([\d;]+?)m", screen.raw)) == {
        ("77;77;77", "77;77;77")
    }


def test_without_colours_a_preview_is_shaded(show: Show, images: Images) -> None:
    images.padlock()
    screen = show("convolve", "-k", "edge", "padlock.png", "--preview", NO_COLOR="1")
    assert "▀" not in screen.raw
    assert "██" in screen.raw
    assert "\x1b[38" not in screen.raw


def test_folders_are_previewed_one_by_one(show: Show, images: Images) -> None:
    images.photo("in/a.png")
    images.photo("in/b.png")
    (images.folder / "in/c.png").write_bytes(b"broken")
    screen = show("pool", "in", "--preview", "-o", "out")
    assert screen.status == 1
    titles = [line for line in screen.lines if line.startswith("in/")]
    assert [title.split(":")[0] for title in titles] == ["in/a.png", "in/b.png"]
    assert sorted(path.name for path in (images.folder / "out").glob("*.png")) == [
        "a-pool.png", "b-pool.png",
    ]  # fmt: skip


def test_a_prediction_is_previewed_as_bars(show: Show) -> None:
    two = Path(__file__).parents[2] / "sample_images/digits/two.png"
    screen = show("pipeline", "digits", str(two), "--preview")
    assert screen.status == 0
    assert "99.9%" in screen.text


def test_an_explanation_is_previewed_by_the_map_it_is_about(show: Show, images: Images) -> None:
    images.padlock()
    screen = show("explain", "convolve kirsch", "padlock.png", "--at", "3,5,2", "--preview")
    assert screen.status == 0
    assert screen.lines[0] == "convolve  14x14x8"
    assert len(_drawn(screen)) == 21
    assert any(line.startswith("value") for line in screen.lines)


def test_a_preview_needs_a_terminal(run: Run, images: Images) -> None:
    images.photo()
    assert "terminal" in run.refused("explain", "relu", "img.png", "--preview", status=2)
    assert "terminal" in run.refused("pool", "img.png", "--preview", status=2)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_a_figure_is_written(suffix: str, run: Run, images: Images, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    images.photo()
    result = run("convolve", "-k", "sobel-x", "img.png", "--plot", f"figure.{suffix}")
    assert result.status == 0, result.stderr
    assert result.line == f"cnnfilter: img.png: wrote figure.{suffix}"
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert (tmp_path / f"figure.{suffix}").read_bytes().startswith(starts[suffix])
    assert not (tmp_path / "img-sobel-x.png").exists()


def test_a_sheet_has_a_tile_for_each_map(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock()
    arguments = ("convolve", "-k", "kirsch", "padlock.png", "--sheet", "sheet.png")
    assert run(*arguments).status == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "RGB"
        assert sheet.width > 8 * 14


def test_a_sheet_of_a_pipeline_has_every_layer_or_the_one_chosen(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.padlock()
    steps = "convolve kirsch | relu | pool 2"
    assert run("pipeline", steps, "padlock.png", "--sheet", "all.png").status == 0
    chosen = run("pipeline", steps, "padlock.png", "--sheet", "one.png", "--step", "2")
    assert chosen.status == 0
    with Image.open(tmp_path / "all.png") as every, Image.open(tmp_path / "one.png") as one:
        assert every.height > one.height
        assert every.width != one.width


@pytest.mark.parametrize("suffix", ["gif", "webp"])
@pytest.mark.parametrize(
    "words",
    [
        ["convolve", "-k", "sharpen"],
        ["pool"],
        ["pipeline", "convolve edge | pool 2 | relu", "--step", "2"],
    ],
    ids=lambda words: words[0],
)
def test_an_animation_moves(
    words: list[str], suffix: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.padlock()
    result = run(*words, "padlock.png", "--animate", f"out.{suffix}")
    assert result.status == 0, result.stderr
    path = tmp_path / f"out.{suffix}"
    with Image.open(path) as moving:
        assert moving.n_frames > 10
        assert moving.info.get("loop") == 0
    assert path.stat().st_size < 3e6


def test_results_are_written_too_where_they_have_a_place(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.padlock()
    run("pool", "padlock.png", "--sheet", "sheet.png", "-o", "out.png")
    assert (tmp_path / "sheet.png").exists()
    assert (tmp_path / "out.png").exists()


def test_stages_are_written_next_to_a_sheet(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock()
    steps = "convolve edge | pool 2"
    run("pipeline", steps, "padlock.png", "--sheet", "sheet.png", "--stages", "layers")
    assert (tmp_path / "sheet.png").exists()
    assert len(list((tmp_path / "layers").iterdir())) == 2
    assert not list(tmp_path.glob("padlock-*"))


WRONG = {
    "a-figure's-format": ("--plot", "figure.jpg"),
    "a-sheet's-format": ("--sheet", "sheet.npy"),
    "a-sheet-without-a-format": ("--sheet", "sheet"),
    "an-animation's-format": ("--animate", "out.mp4"),
    "one-file-for-two": ("--sheet", "a.png", "--plot", "a.png"),
    "two-images": ("img.png", "other.png", "--sheet", "a.png"),
    "standard-input-twice": ("-", "--sheet", "a.png", "-o", "b.png"),
    "report": ("--sheet", "a.png", "--report", "r.jsonl"),
}


@pytest.mark.parametrize("case", WRONG)
def test_views_that_make_no_sense(case: str, run: Run, images: Images) -> None:
    images.photo()
    images.photo("other.png")
    given = (
        WRONG[case] if case in ("two-images", "standard-input-twice") else ("img.png", *WRONG[case])
    )
    assert run.refused("pool", *given, status=2).startswith("cnnfilter: ")


def test_nothing_is_overwritten_unasked(run: Run, images: Images) -> None:
    images.photo()
    images.photo("sheet.png")
    line = run.refused("pool", "img.png", "--sheet", "sheet.png", status=1)
    assert "sheet.png: exists already" in line
    assert run("pool", "img.png", "--sheet", "sheet.png", "--force").status == 0
    line = run.refused("pool", "img.png", "--sheet", "img.png", "--force", status=1)
    assert "input" in line


def test_what_slides_no_window_is_not_animated(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("pipeline", "pool 2 | relu", "img.png", "--animate", "a.gif", status=2)
    assert "--step" in line
    assert "window" in run.refused("split-channels", "img.png", "--animate", "a.gif", status=2)


@pytest.mark.parametrize("name", ["SixelImage", "TGPImage", "HalfcellImage"])
def test_graphics_are_used_where_the_terminal_has_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderable = pytest.importorskip("textual_image.renderable")
    found = getattr(renderable, name)
    monkeypatch.setattr(renderable, "Image", found)
    drawn = graphics(np.zeros((40, 60, 3), np.uint8), 80, 20)
    assert isinstance(drawn, found) == (name != "HalfcellImage")
