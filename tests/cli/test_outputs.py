"""Results never replace what they must not."""

import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from ..command import Run
from ..pictures import Images


def test_several_results_do_not_go_to_standard_output(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("split-channels", "img.png", "-o", "-", status=1)
    assert "3 results" in line


def test_several_maps_do_not_fit_one_picture(run: Run, images: Images) -> None:
    images.photo()
    line = run.refused("convolve", "-k", "sobel", "img.png", "-o", "out.png", status=2)
    assert "out.png" in line
    assert "2 feature maps" in line


def test_a_missing_output_folder_is_made(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    assert run("pool", "img.png", "-o", "new/deep/small.png").status == 0
    assert run("pool", "img.png", "-o", "newer/deep/").status == 0
    assert (tmp_path / "new/deep/small.png").is_file()
    assert (tmp_path / "newer/deep/img-pool.png").is_file()


def test_what_exists_is_overwritten_only_by_force(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    (tmp_path / "img-pool.png").write_text("precious")
    line = run.refused("pool", "img.png", status=1)
    assert "img-pool.png" in line
    assert "--force" in line
    assert run("pool", "img.png", "--force").status == 0
    with Image.open(tmp_path / "img-pool.png") as written:
        assert written.size == (24, 18)


def test_one_existing_output_of_several_keeps_all_from_being_written(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "img-green.png").write_text("precious")
    assert "img-green.png" in run.refused("split-channels", "img.png", status=1)


@pytest.mark.parametrize("way", ["img.png", "./img.png", "absolute", "symbolic.png", "hard.png"])
def test_the_input_is_never_the_output_even_by_force(
    way: str, run: Run, images: Images, tmp_path: Path
) -> None:
    path = images.photo()
    (tmp_path / "symbolic.png").symlink_to("img.png")
    os.link(path, tmp_path / "hard.png")
    output = str(path) if way == "absolute" else way
    line = run.refused("pool", "img.png", "-o", output, "--force", status=1)
    assert Path(output).name in line
    assert "input" in line


def test_no_input_of_several_is_an_output(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo("img.png")
    kept = images.padlock("img-pool.png").read_bytes()
    result = run("pool", "img.png", "img-pool.png", "--force", "-o", ".")
    assert (tmp_path / "img-pool.png").read_bytes() == kept
    assert result.status != 0


def test_one_output_for_two_inputs_is_refused(run: Run, images: Images) -> None:
    images.photo("a/img.png")
    images.photo("b/img.png")
    line = run.refused("pool", "a/img.png", "b/img.png", "-o", "out/", status=2)
    assert "a/img.png" in line
    assert "b/img.png" in line


@pytest.mark.parametrize("output", ["file/out.png", "file/deep/out.png", "file/"])
def test_a_place_below_a_file_is_named(
    output: str, run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    (tmp_path / "file").write_text("no folder")
    assert "file/" in run.refused("pool", "img.png", "-o", output, status=1)


def test_a_folder_without_write_permission_is_named(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    before = run.snapshot()
    result = run("pool", "img.png", "-o", "locked/out.png")
    assert result.status == 1
    assert "locked" in result.line
    assert run.snapshot() == before


def test_a_folder_in_the_way_of_a_file_is_named(run: Run, images: Images, tmp_path: Path) -> None:
    images.photo()
    (tmp_path / "out/img-pool.png").mkdir(parents=True)
    assert "img-pool.png" in run.refused("pool", "img.png", "-o", "out/", "--force", status=1)


def test_something_that_is_no_file_is_never_replaced(
    run: Run, images: Images, tmp_path: Path
) -> None:
    images.photo()
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run("pool", "img.png", "-o", "pipe.png", "--force")
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
