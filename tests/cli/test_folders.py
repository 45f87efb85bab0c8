"""Many images: folders and lists of them, names of results, plans, reports, frames."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnfilter
from cnnfilter.batch.job import Outcome
from cnnfilter.batch.ledger import LEDGER
from cnnfilter.cli.progress import Progress

from ..command import Run
from ..pictures import Images, pixels
from ..types import Arguments

#: The digits that sample images are of.
NAMED = {"two": "2", "four": "4", "five": "5", "seven": "7", "eight": "8", "nine": "9"}


@pytest.fixture
def photos(images: Images) -> list[str]:
    """Make photographs in a tree, besides what is no image."""
    names = ["photos/a.png", "photos/b.jpg", "photos/deep/a.png", "photos/deep/er/c.png"]
    for name in names:
        images.photo(name)
    images.photo("photos/.hidden.png")
    (images.folder / "photos/notes.txt").write_text("no image")
    return names


def files(folder: Path) -> list[str]:
    """Name all files below a folder, but for what the tool remembers of it."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != LEDGER)
    return sorted(path.relative_to(folder).as_posix() for path in found)


@pytest.mark.usefixtures("photos")
def test_a_folder_is_worked_through(run: Run, tmp_path: Path) -> None:
    result = run("pool", "photos", "-o", "out")
    assert result.status == 0, result.stderr
    assert files(tmp_path / "out") == ["a-pool.png", "b-pool.jpg"]
    expected = cnnfilter.pool(pixels(tmp_path / "photos/a.png"))
    np.testing.assert_array_equal(pixels(tmp_path / "out/a-pool.png"), expected)
    assert result.stderr.splitlines()[-1].startswith("cnnfilter: 2 done, 0 skipped, 0 failed; ")


@pytest.mark.parametrize("words", [["pool"], ["convolve", "-k", "edge"], ["pipeline", "relu"]])
@pytest.mark.usefixtures("photos")
def test_a_tree_is_mirrored(words: list[str], run: Run, tmp_path: Path) -> None:
    assert run(*words, "-r", "photos", "-o", "out/", "--format", "webp").status == 0
    name = {"convolve": "edge"}.get(words[0], words[0])
    assert files(tmp_path / "out") == [
        f"a-{name}.webp", f"b-{name}.webp", f"deep/a-{name}.webp", f"deep/er/c-{name}.webp",
    ]  # fmt: skip


@pytest.mark.usefixtures("photos")
def test_channels_of_a_tree(run: Run, tmp_path: Path) -> None:
    assert run("split-channels", "-r", "photos/deep", "-o", "out").status == 0
    assert files(tmp_path / "out") == [
        "a-blue.png", "a-green.png", "a-red.png", "er/c-blue.png", "er/c-green.png", "er/c-red.png",
    ]  # fmt: skip


@pytest.mark.usefixtures("images")
def test_predictions_of_a_folder_are_printed_in_order(run: Run) -> None:
    digits = Path(__file__).parents[2] / "sample_images/digits"
    result = run("pipeline", "digits", digits, "--jobs", "2", "--quiet")
    told = [line.split("\t") for line in result.text.splitlines()]
    assert [Path(name).stem for name, *_ in told] == sorted(NAMED)
    assert [label for _, label, _ in told] == [NAMED[Path(name).stem] for name, *_ in told]


@pytest.mark.usefixtures("photos")
def test_a_folder_needs_a_place_for_results(run: Run) -> None:
    line = run.refused("pool", "photos", status=2)
    assert "photos: is a folder" in line
    assert "-o" in line


def test_an_empty_folder_is_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no image" in run.refused("pool", "empty", "-o", "out", status=1)


@pytest.mark.usefixtures("photos")
def test_results_in_the_folder_itself_are_no_inputs(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("pool", "-r", "photos", "-o", "photos/out", "--force").status == 0
    made = ["a-pool.png", "b-pool.jpg", "deep/a-pool.png", "deep/er/c-pool.png"]
    assert files(tmp_path / "photos/out") == made


def test_results_among_the_images_are_no_inputs(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("photos/a.png")
    for options in ([], ["--skip-existing"], ["--force"]):
        assert run("pool", "photos", "-o", "photos", *options).status == 0
    assert files(tmp_path / "photos") == ["a-pool.png", "a.png"]


@pytest.mark.usefixtures("photos")
def test_hidden_names_are_read_on_request(run: Run, tmp_path: Path) -> None:
    assert run("pool", "photos", "--hidden", "-o", "out").status == 0
    assert ".hidden-pool.png" in files(tmp_path / "out")


def test_patterns_and_lists(run: Run, photos: list[str], tmp_path: Path) -> None:
    assert run("pool", "photos/*.png", "-o", "glob").status == 0
    assert files(tmp_path / "glob") == ["a-pool.png"]
    (tmp_path / "list").write_text("photos/b.jpg\nphotos/deep/a.png\n")
    assert run("pool", "--files-from", "list", "-o", "listed").status == 0
    assert files(tmp_path / "listed") == ["a-pool.png", "b-pool.jpg"]
    names = "\0".join(photos[:2]).encode()
    assert run("pool", "--files-from", "-", "-0", "-o", "piped", stdin=names).status == 0
    assert files(tmp_path / "piped") == ["a-pool.png", "b-pool.jpg"]


@pytest.mark.usefixtures("photos")
def test_a_template_names_results(run: Run, tmp_path: Path) -> None:
    template = "out/{parent}/{stem}_{kernel}.png"
    kernels = ["-k", "sobel-x", "-k", "sobel-y"]
    assert run("convolve", *kernels, "-r", "photos", "-o", template).status == 0
    assert files(tmp_path / "out") == [
        "a_sobel-x.png", "a_sobel-y.png", "b_sobel-x.png", "b_sobel-y.png",
        "deep/a_sobel-x.png", "deep/a_sobel-y.png",
        "deep/er/c_sobel-x.png", "deep/er/c_sobel-y.png",
    ]  # fmt: skip
    with Image.open(tmp_path / "out/b_sobel-x.png") as image:
        assert image.format == "PNG"


TOGETHER = {
    "the same name in two folders": (["photos/a.png", "photos/deep/a.png"], ["-o", "out"]),
    "another suffix": (["photos/a.png", "photos/a.jpg"], ["-o", "out", "--format", "png"]),
    "a template": (["photos/a.png", "photos/b.jpg"], ["-o", "out/{parent}.png"]),
    "a kernel's name": (["photos/a.png", "photos/a-x.png"], ["-o", "out", "-k", "x-edge.csv"]),
}


@pytest.mark.parametrize("case", TOGETHER)
@pytest.mark.usefixtures("photos")
def test_two_images_for_one_name_are_refused_before_anything_runs(
    case: str, run: Run, images: Images
) -> None:
    names, options = TOGETHER[case]
    images.photo("photos/a.jpg")
    images.photo("photos/a-x.png")
    images.table([[0, 1, 0]], "edge.csv")
    images.table([[0, 1, 0]], "x-edge.csv")
    kernel = ["-k", "edge.csv"]
    line = run.refused("convolve", *kernel, *names, *options, status=2)
    assert all(name in line for name in names)


def test_what_a_suffix_hides_is_seen_before_anything_runs(run: Run, images: Images) -> None:
    images.photo("a.png")
    images.photo("a.jpg", format="PNG")
    assert "same file" in run.refused("pool", "a.png", "a.jpg", "-o", "out", "--force", status=2)
    images.photo("a.jpg")
    assert run("pool", "a.png", "a.jpg", "-o", "out").status == 0


@pytest.mark.usefixtures("photos")
def test_an_image_given_twice_is_reported(run: Run) -> None:
    assert "given twice" in run.refused("pool", "photos", "photos/a.png", "-o", "out", status=2)


@pytest.mark.parametrize("names", [["one"], ["one/*.png"], ["--files-from", "list"]])
def test_one_name_is_for_one_image_however_it_is_found(
    names: list[str], run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo("one/a.png")
    (tmp_path / "list").write_text("one/a.png\n")
    assert run("pool", *names, "-o", "out.png").status == 0
    with Image.open(tmp_path / "one/a.png") as image, Image.open(tmp_path / "out.png") as half:
        assert half.size == (image.width // 2, image.height // 2)
    images.photo("one/b.png")
    (tmp_path / "list").write_text("one/a.png\none/b.png\n")
    assert "name a folder such as new/" in run.refused("pool", *names, "-o", "new.png", status=2)
    assert "several images need" in run.refused("pool", *names, "-o", "out.png", status=2)


def test_a_pattern_without_a_match_is_reported_whatever_the_output(run: Run) -> None:
    for place in ("o.png", "-"):
        reported = run.refused("pool", "nomatch*.png", "-o", place, status=1)
        assert reported.endswith("nomatch*.png: no file matches; check the pattern")


def test_no_folder_is_made_where_nothing_is_found(run: Run, tmp_path: Path) -> None:
    run.refused("pool", "nomatch*.png", "-o", "deep/er/", status=1)
    assert not (tmp_path / "deep").exists()
    run("pool", "nomatch*.png", "-o", "out/", "--skip-existing")
    assert not (tmp_path / "out").exists()


OPTIONS = {
    "an unknown executor": ["--executor", "threds"],
    "no jobs": ["--jobs", "0"],
    "a cluster of threads": ["--executor", "threads", "--scheduler", "tcp://127.0.0.1:1"],
    "a cluster without a scheduler": ["--executor", "dask"],
    "a list that is none": ["--null"],
    "no quality": ["--quality", "0"],
    "a quality of what loses nothing": ["--quality", "50", "--format", "png"],
    "an unknown field": ["-o", "{steam}.png"],
    "a frame before the first": ["--frame", "-1"],
    "skipping what is printed": ["--print", "--skip-existing"],
    "one name for several maps": ["-o", "{stem}.png", "-k", "sharpen"],
    "a report on standard output": ["--report", "-"],
    "no list": ["--files-from", "nowhere"],
}


@pytest.mark.parametrize("case", OPTIONS)
@pytest.mark.usefixtures("photos")
def test_options_that_make_no_sense(case: str, run: Run) -> None:
    place = [] if "-o" in OPTIONS[case] or "--print" in OPTIONS[case] else ["-o", "out"]
    run.refused("convolve", "-k", "edge", "photos", *place, *OPTIONS[case], status=2)


# What is told


@pytest.mark.usefixtures("images")
def test_a_dry_run_prints_the_plan_and_does_nothing(
    run: Run, photos: list[str], tmp_path: Path
) -> None:
    (tmp_path / "photos/bad.png").write_text("no image")
    before = run.snapshot()
    result = run("pool", "-r", "photos", "-o", "out", "--dry-run", "--jobs", "2")
    assert run.snapshot() == before
    assert result.status == 1
    head, *rows = (line.split("\t") for line in result.text.splitlines())
    assert head == ["input", "output", "shape", "result"]
    assert [row[0] for row in rows] == photos
    assert rows[2] == ["photos/deep/a.png", "out/deep/a-pool.png", "36x48x3", "18x24x3"]
    bad, summary = result.stderr.splitlines()
    assert "photos/bad.png: not a readable image" in bad
    assert "would do 4 image(s) into 4 file(s), 2 at once, in about " in summary
    assert "1 would fail" in summary
    (tmp_path / "photos/bad.png").unlink()
    assert run("pool", "-r", "photos", "-o", "out").status == 0
    assert files(tmp_path / "out") == sorted(os.path.relpath(row[1], "out") for row in rows)


def test_a_dry_run_lists_channels_maps_and_stages(run: Run, images: Images, tmp_path: Path) -> None:
    images.rgba("a.png")
    images.photo("b.png")
    commands = [
        ["split-channels"],
        ["convolve", "-k", "kirsch"],
        ["pipeline", "gray | convolve edge | pool 2", "--stages", "stages"],
        ["pipeline", "digits", "--stages", "digits"],
    ]
    for number, command in enumerate(commands):
        place = [] if "digits" in command else ["-o", f"out{number}"]
        planned = run(*command, "a.png", "b.png", *place, "--dry-run")
        rows = [line.split("\t") for line in planned.text.splitlines()[1:]]
        assert run(*command, "a.png", "b.png", *place).status == 0
        for _, output, _, shape in rows:
            if output.endswith(".png"):
                with Image.open(tmp_path / output) as image:
                    assert f"{image.height}x{image.width}" == "x".join(shape.split("x")[:2])
        folders = {Path(row[1]).parts[0] for row in rows if row[1]}
        made = {f"{folder}/{name}" for folder in folders for name in files(tmp_path / folder)}
        assert made == {row[1] for row in rows if row[1]}


def test_a_dry_run_lists_drawings(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("a.png")
    drawn = ["--plot", "p.png", "--sheet", "s.png", "--animate", "m.gif"]
    planned = run("convolve", "-k", "edge", "a.png", *drawn, "--dry-run")
    outputs = [line.split("\t")[1] for line in planned.text.splitlines()[1:]]
    assert files(tmp_path) == ["a.png"]
    assert run("convolve", "-k", "edge", "a.png", *drawn).status == 0
    assert files(tmp_path) == sorted(["a.png", *outputs])


def test_a_dry_run_lists_what_cannot_be_drawn(run: Run, images: Images) -> None:
    images.photo("a.png")
    planned = run("pipeline", "pool 2 | relu", "a.png", "--animate", "m.gif", "--dry-run")
    assert planned.status == 1
    assert "slides no window" in planned.stderr


def test_a_report_has_a_line_for_each_image(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("a.png")
    (tmp_path / "b.png").write_text("no image")
    images.padlock("c.png")
    names = ["a.png", "b.png", "c.png"]
    command = ["convolve", "-k", "sharpen", "-o", "out", "--report", "r.jsonl"]
    assert run(*command, *names).status == 1
    first, second, third = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert [first["input"], second["input"], third["input"]] == names
    exact = cnnfilter.convolve(pixels(tmp_path / "a.png"), "sharpen")
    assert first["outputs"] == ["out/a-sharpen.png"]
    assert (first["input_shape"], first["output_shapes"]) == ([36, 48, 3], [[34, 46, 3]])
    assert (first["min"], first["max"]) == (exact.min(), exact.max())
    assert first["clipped"] == pytest.approx(((exact < 0) | (exact > 255)).mean())
    assert first["milliseconds"] > 0
    assert second["error"].startswith("b.png: not a readable image")
    assert "outputs" not in second
    assert (third["min"], third["max"]) == (-289, 575)


@pytest.mark.usefixtures("photos")
def test_a_report_is_no_input_and_replaces_nothing(run: Run, tmp_path: Path) -> None:
    command = ["pool", "photos", "-o", "out", "--report"]
    assert "input itself" in run.refused(*command, "photos/a.png", "--force", status=1)
    (tmp_path / "r.jsonl").write_text("precious")
    assert "r.jsonl: exists already" in run.refused(*command, "r.jsonl", status=1)
    line = run.refused(*command, "r.jsonl", "--skip-existing", status=1)
    assert "r.jsonl: exists already, and is not a report" in line
    assert run(*command, "r.jsonl", "--force").status == 0
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 2


@pytest.mark.usefixtures("photos")
def test_no_result_replaces_the_report_or_the_list(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = run("pool", "photos", "-o", "out", "--report", "out/a-pool.png", "--force")
    assert result.status == 1
    assert len((tmp_path / "out/a-pool.png").read_text().splitlines()) == 2
    (tmp_path / "list.csv").write_text("photos/a.png\n")
    result = run("pool", "--files-from", "list.csv", "-o", "{stem}/../list.csv", "--force")
    assert result.status == 1
    assert (tmp_path / "list.csv").read_text() == "photos/a.png\n"


def test_many_images_are_reported_in_few_lines(run: Run, images: Images, tmp_path: Path) -> None:
    for number in range(30):
        images.padlock(f"{number:02}.png")
    for number in range(7):
        (tmp_path / f"bad{number}.png").write_text("no image")
    result = run("pool", ".", "-o", "out")
    *told, summary = result.stderr.splitlines()
    assert len(told) == 7
    assert all("bad" in line for line in told)
    assert "30 done, 0 skipped, 7 failed (7 x not a readable image" in summary
    assert "megapixels a second" in summary
    assert run("pool", ".", "-o", "again", "--quiet").stderr.splitlines() == told


def test_fail_fast_stops_at_the_first_failure(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock("a.png")
    (tmp_path / "b.png").write_text("no image")
    for number in range(40):
        images.padlock(f"c{number}.png")
    result = run("pool", ".", "-o", "out", "--fail-fast", "--jobs", "1")
    assert result.status == 1
    assert files(tmp_path / "out") == ["a-pool.png"]
    result = run("pool", ".", "-o", "out2", "--fail-fast", "--jobs", "2")
    assert result.status == 1
    assert 1 <= len(files(tmp_path / "out2")) < 41
    assert "not done, --skip-existing does the rest" in result.stderr
    assert run("pool", ".", "-o", "out3").status == 1
    assert len(files(tmp_path / "out3")) == 41


def test_progress_is_reported_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([100.0, *(100.0 + 4 * number for number in range(1, 99))])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    with Progress(5, failed=1, shows=True) as progress:
        for number in range(4):
            progress.add(Outcome("a.png", before=(1000, 1000), error="x" if number == 2 else None))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert re.fullmatch(r"cnnfilter: \d of 5 images, [\d.]+ a second, .* left, \d failed", told[0])
    assert progress.summary(listed=False).startswith("3 done, 0 skipped, 2 failed (1 x x); ")


def test_products_take_one_core_each_where_images_take_all(run: Run, images: Images) -> None:
    script = (
        "import os; from cnnfilter.cli import main; from threadpoolctl import threadpool_info\n"
        "try: main()\n"
        "finally: print(os.environ.get('OPENBLAS_NUM_THREADS'),\n"
        "               *{pool['num_threads'] for pool in threadpool_info()})"
    )
    program = (sys.executable, "-c", script, "pool", "--quiet")
    images.padlock("a.png")
    images.padlock("b.png")
    environment = ("env", "-u", "OPENBLAS_NUM_THREADS")
    assert run("a.png", "b.png", "-o", "out", program=environment + program).text == "1 1\n"
    cores = len(os.sched_getaffinity(0))
    alone = run("a.png", "-o", "c.png", program=environment + program).text
    assert alone.startswith("None ")
    assert cores == 1 or alone != "None 1\n"
    asked = ("env", "OPENBLAS_NUM_THREADS=3")
    assert run("a.png", "b.png", "-o", "out2", program=asked + program).text.startswith("3 ")


def test_memory_does_not_grow_with_the_number_of_images(
    run: Run, command: str, images: Images, tmp_path: Path
) -> None:
    resource = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    told = "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    program = (
        sys.executable,
        "-c",
        resource + told,
        command,
        "pool",
        "--executor",
        "threads",
        "-q",
    )
    peaks = []
    source = images.photo("photo.png")
    for count in (50, 1000):
        folder = tmp_path / f"photos-{count}"
        folder.mkdir()
        for number in range(count):
            os.link(source, folder / f"{number:04}.png")
        peaks.append(int(run(folder, "-o", f"out{count}", program=program).text))
        assert len(files(tmp_path / f"out{count}")) == count
    assert max(peaks) < 150
    assert peaks[1] - peaks[0] < 10


# Going on


@pytest.mark.usefixtures("photos")
def test_a_second_run_skips_what_is_done(run: Run, tmp_path: Path) -> None:
    command = ["pool", "-r", "photos", "-o", "out", "--skip-existing", "--report", "r.jsonl"]
    assert "4 done, 0 skipped" in run(*command).stderr
    times = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in files(tmp_path / "out")}
    result = run(*command)
    assert result.status == 0
    assert "0 done, 4 skipped, 0 failed" in result.stderr
    assert times == {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in times}
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line.get("skipped", False) for line in lines] == [False] * 4 + [True] * 4


@pytest.mark.usefixtures("photos")
def test_any_first_run_can_be_resumed(run: Run) -> None:
    assert run("pool", "-r", "photos", "-o", "out").status == 0
    absolute = str(Path("out"))
    assert "4 skipped" in run("pool", "-r", "photos", "-o", absolute, "--skip-existing").stderr


@pytest.mark.usefixtures("photos")
def test_what_changed_is_done_anew(run: Run, images: Images, tmp_path: Path) -> None:
    command = ["pool", "photos", "-r", "-o", "out", "--skip-existing"]
    run(*command)
    images.padlock("photos/a.png")
    (tmp_path / "out/deep/a-pool.png").unlink()
    result = run(*command)
    assert "2 done, 2 skipped, 0 failed" in result.stderr, result.stderr
    expected = cnnfilter.pool(pixels(tmp_path / "photos/a.png"))
    np.testing.assert_array_equal(pixels(tmp_path / "out/a-pool.png"), expected)
    result = run(*command, "--size", "3")
    assert "4 done, 0 skipped, 0 failed" in result.stderr, result.stderr


@pytest.mark.usefixtures("photos")
def test_a_kernels_file_that_changed_is_another_step(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.table([[0, 1, 0]], "k.csv")
    command = ["convolve", "-k", "k.csv", "photos", "-o", "out", "--skip-existing"]
    run(*command)
    assert "2 skipped" in run(*command).stderr
    images.table([[0, 2, 0]], "k.csv")
    os.utime(tmp_path / "k.csv", ns=(1, 1))
    assert "2 done, 0 skipped" in run(*command).stderr


@pytest.mark.usefixtures("photos")
def test_a_file_of_the_persons_own_is_never_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a-pool.png").write_text("precious")
    command = ["pool", "photos", "-o", "out", "--skip-existing"]
    result = run(*command)
    assert result.status == 1
    assert "out/a-pool.png: exists already; --force overwrites it" in result.stderr
    assert (tmp_path / "out/a-pool.png").read_text() == "precious"
    (tmp_path / "out/b-pool.jpg").write_text("changed by hand")
    assert run(*command).status == 1
    assert (tmp_path / "out/b-pool.jpg").read_text() == "changed by hand"
    assert "2 done, 0 skipped" in run(*command, "--force").stderr


@pytest.mark.usefixtures("photos")
def test_what_was_written_but_not_remembered_is_taken(run: Run, tmp_path: Path) -> None:
    command = ["pool", "photos", "-o", "out"]
    assert run(*command).status == 0
    (tmp_path / "out" / LEDGER).unlink()
    assert run(*command).status == 1
    assert "2 done, 0 skipped, 0 failed" in run(*command, "--skip-existing").stderr
    assert "0 done, 2 skipped" in run(*command, "--skip-existing").stderr


def test_a_ledger_next_to_the_images_is_kept_on_request(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo("a.png")
    images.photo("b.png")
    assert run("pool", "a.png", "b.png").status == 0
    assert not (tmp_path / LEDGER).exists()
    assert "2 done" in run("pool", "a.png", "b.png", "--skip-existing").stderr
    assert "2 skipped" in run("pool", "a.png", "b.png", "--skip-existing").stderr


def test_one_file_is_skipped_like_many(run: Run, images: Images) -> None:
    images.photo("a.png")
    command = ["pool", "a.png", "-o", "b.png", "--skip-existing"]
    assert run(*command).status == 0
    assert run("pool", "a.png", "-o", "b.png").status == 1
    result = run(*command)
    assert result.status == 0
    assert "wrote" not in result.stderr


# Frames


@pytest.fixture
def animation(images: Images) -> list[np.ndarray]:
    """Save a moving piece of a photograph as GIF, APNG, WebP and TIFF."""
    with Image.open(Path(__file__).parents[2] / "sample_images/coffee.png") as whole:
        frames = [whole.convert("L").crop((x, 0, x + 32, 24)) for x in (40, 80, 120)]
    times: Arguments = {"duration": [50, 100, 250], "loop": 3}
    more: Arguments = {"save_all": True, "append_images": frames[1:]}
    for suffix in ("gif", "png", "webp"):
        images.save(f"m.{suffix}", frames[0], lossless=True, **times, **more)
    images.save("m.tif", frames[0], **more)
    return [np.asarray(frame) for frame in frames]


def shown(path: Path) -> tuple[list[np.ndarray], list[float], int]:
    """Give what Pillow sees of an animation: frames as grey, their times, how often."""
    with Image.open(path) as image:
        frames, times = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("L")))
            times.append(image.info.get("duration", 0))
        return frames, times, image.info.get("loop", 0)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_every_frame_is_worked_on_with_its_time(
    suffix: str, run: Run, animation: list[np.ndarray], tmp_path: Path
) -> None:
    run.ok("pool", f"m.{suffix}")
    frames, times, loop = shown(tmp_path / f"m-pool.{suffix}")
    np.testing.assert_array_equal(frames, [cnnfilter.pool(frame) for frame in animation])
    if suffix != "tif":
        assert times == [50, 100, 250]
        assert loop == 3


def test_frames_go_from_format_to_format(
    run: Run, animation: list[np.ndarray], tmp_path: Path
) -> None:
    run.ok("pool", "m.gif", "-o", "m.webp", "--force")
    frames, times, loop = shown(tmp_path / "m.webp")
    np.testing.assert_array_equal(frames, [cnnfilter.pool(frame) for frame in animation])
    assert (times, loop) == ([50, 100, 250], 3)


def test_one_frame_is_read_on_request(
    run: Run, animation: list[np.ndarray], tmp_path: Path
) -> None:
    run.ok("pool", "m.png", "--frame", "2", "-o", "third.png")
    np.testing.assert_array_equal(pixels(tmp_path / "third.png"), cnnfilter.pool(animation[2]))
    line = run.refused("pool", "m.png", "--frame", "3", "-o", "fourth.png", status=1)
    assert "m.png: has 3 frames" in line


@pytest.mark.usefixtures("animation")
def test_one_frame_of_several_is_written_with_a_notice(run: Run) -> None:
    assert "the first of 3 frames" in run.ok("pool", "m.gif", "-o", "m.jpg").stderr
    assert "the first of 3 frames" in run.ok("pool", "m.gif", "--print").stderr


def test_maps_of_frames_are_scaled_alike(
    run: Run, animation: list[np.ndarray], tmp_path: Path
) -> None:
    options = ["--range", "minmax", "-o", "out/"]
    assert run("convolve", "-k", "sobel-x", "-k", "sobel-y", "m.png", *options).status == 0
    exact = [
        [cnnfilter.convolve(each, name) for each in animation] for name in ("sobel-x", "sobel-y")
    ]
    low, high = np.min(exact), np.max(exact)
    for name, maps in zip(("sobel-x", "sobel-y"), exact, strict=True):
        frames, _, _ = shown(tmp_path / f"out/m-{name}.png")
        stretched = np.rint((np.array(maps, float) - low) * (255 / (high - low)))
        np.testing.assert_allclose(frames, stretched, atol=1)


def test_maps_in_one_tiff_are_no_frames(run: Run, images: Images, tmp_path: Path) -> None:
    images.padlock("a.png")
    run.ok("convolve", "-k", "kirsch", "a.png", "-o", "maps.tif")
    run.ok("pool", "maps.tif", "-o", "pooled.npy")
    assert np.load(tmp_path / "pooled.npy").shape == (7, 7, 8)


def test_quality_decides_how_much_is_lost(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("a.png")
    sizes = []
    for quality in ("20", "90"):
        run.ok("pool", "a.png", "-o", "a.jpg", "--quality", quality, "--force")
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_files_that_are_not_read_are_told(run: Run, images: Images) -> None:
    images.photo("p/a.png")
    (images.folder / "p/b.psd").write_bytes(b"8BPS")
    told = "1 file not read: p/b.psd (Photoshop)"
    alone = run("pool", "p", "-o", "out/", "--report", "a.jsonl")
    assert alone.status == 0
    assert alone.stderr.splitlines()[-1] == f"cnnfilter: {told}"
    lines = [json.loads(line) for line in (images.folder / "a.jsonl").read_text().splitlines()]
    assert lines[0] == {"input": "p/b.psd", "not_read": "Photoshop"}
    assert f"cnnfilter: {told}" in run("pool", "p", "-o", "o/", "--dry-run").stderr.splitlines()
    assert told not in run("pool", "p", "-o", "q/", "-q").stderr
    images.photo("p/c.png")
    several = run("pool", "p", "-o", "several/")
    assert re.search(rf"2 done, 0 skipped, 0 failed; {re.escape(told)}; ", several.stderr)
    (images.folder / "r").mkdir()
    (images.folder / "p/b.psd").rename(images.folder / "r/b.psd")
    nothing = run("pool", "r", "-o", "none/")
    assert nothing.status == 1
    assert nothing.line == (
        "cnnfilter: r: holds no image to read; 1 file not read: r/b.psd (Photoshop)"
    )
