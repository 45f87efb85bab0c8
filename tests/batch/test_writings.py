"""What is refused before it is computed, and what is on the disk before it counts as done."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from cnnfilter import Pipeline
from cnnfilter.batch.inputs import Inputs
from cnnfilter.batch.job import run_job
from cnnfilter.batch.plan import Plan, make_plan, outline_job
from cnnfilter.batch.recipe import Recipe, Target
from cnnfilter.batch.splitting import SplitTask
from cnnfilter.batch.task import PipelineTask, Task
from cnnfilter.files.encoding import Encoding


def plan_of(path: Path, task: Task, format: str, *, durable: bool = False) -> Plan:
    """Plan to write results of one image into a folder."""
    recipe = Recipe(task, Target(), Encoding(format), durable=durable)
    return make_plan(Inputs([str(path)]), recipe, f"{path.parent / 'out'}/")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Write a small picture."""
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("steps", "format", "told"),
    [
        ("resize 2x70000 aspect=stretch", "jpeg", "2x70000 is larger than jpeg holds (sides of"),
        ("resize 17000x2 aspect=stretch", "webp", "17000x2 is larger than webp holds (sides of"),
        ("convolve box:3 padding=32800", "gif", "65606x65606 is larger than gif holds (sides of"),
        ("convolve box:3 padding=9000", "avif", "18006x18006 is larger than avif holds (268435456"),
        ("convolve box:3 padding=9000", "jp2", "18006x18006 is larger than jp2 holds (536870911"),
        ("convolve box:3 padding=20000", "bmp", "40006x40006 is larger than bmp holds (4294966217"),
    ],
)  # fmt: skip
def test_a_result_that_no_file_could_hold_is_not_computed(
    steps: str, format: str, told: str, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*_: object) -> NoReturn:
        raise AssertionError("computed")

    plan = plan_of(photo, PipelineTask(Pipeline(steps), "wide"), format)
    monkeypatch.setattr(PipelineTask, "results", compute)
    for done in (outline_job(plan.recipe, *plan.sources, {}), run_job(plan.recipe, *plan.sources)):
        assert done.error is not None
        assert done.error.startswith(f"{photo}: {told}")
        assert done.error.endswith("; write png or tif")
    assert not (photo.parent / "out").exists()


def test_channels_that_no_file_could_hold_are_not_split(tmp_path: Path) -> None:
    Image.new("RGB", (70_000, 1)).save(tmp_path / "a.png")
    plan = plan_of(tmp_path / "a.png", SplitTask("rgb", "tint"), "gif")
    told = f"{tmp_path / 'a.png'}: 1x70000 is larger than gif holds (sides of 65535); "
    for done in (outline_job(plan.recipe, *plan.sources, {}), run_job(plan.recipe, *plan.sources)):
        assert done.error == f"{told}write png or tif"


def test_what_fits_its_format_is_written_as_before(photo: Path) -> None:
    task = PipelineTask(Pipeline("resize 2x16383 aspect=stretch"), "wide")
    plan = plan_of(photo, task, "webp")
    done = run_job(plan.recipe, *plan.sources)
    assert done.error is None
    with Image.open(done.written[0]) as picture:
        assert picture.size == (16_383, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="there, no folder can be synced")
@pytest.mark.parametrize("format", ["png", "npy", "csv", "float"])
def test_a_durable_run_syncs_each_result_before_its_image_is_done(
    format: str, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = [], os.fsync

    def spied(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", spied)
    plain = plan_of(photo, PipelineTask(Pipeline("relu"), "plain"), format)
    assert run_job(plain.recipe, *plain.sources).error is None
    assert synced == []
    plan = plan_of(photo, PipelineTask(Pipeline("relu"), "kept"), format, durable=True)
    done = run_job(plan.recipe, *plan.sources)
    (written,) = map(Path, done.written)
    assert synced == [written.stat().st_ino, written.parent.stat().st_ino]


def test_whether_a_run_is_durable_makes_no_result_of_another_kind(photo: Path) -> None:
    task = PipelineTask(Pipeline("relu"), "relu")
    Image.open(photo).save(photo.parent / "b.png")
    images = [str(photo), str(photo.parent / "b.png")]
    steps = set()
    for durable in (False, True):
        recipe = Recipe(task, Target(), durable=durable)
        plan = make_plan(Inputs(images), recipe, f"{photo.parent / 'out'}/")
        assert plan.ledger is not None
        steps.add(plan.ledger.steps)
    assert len(steps) == 1
