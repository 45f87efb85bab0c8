"""In what order images are worked on, and what becomes of them when workers end."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from cnnfilter import write_image
from cnnfilter.batch.inputs import Source
from cnnfilter.batch.job import Outcome
from cnnfilter.batch.loop import Stop, run_jobs
from cnnfilter.batch.pools import (
    Pool,
    _container_cores,
    available_cores,
    pool_named,
    processes,
    threads,
)
from cnnfilter.batch.recipe import Recipe, Target
from cnnfilter.batch.task import PipelineTask
from cnnfilter.errors import ArgumentError
from cnnfilter.pipeline.pipeline import Pipeline


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    for number in range(60):
        write_image(tmp_path / f"{number:02}.png", np.full((4, 4), number))
    return [Source(str(tmp_path / f"{number:02}.png")) for number in range(60)]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(PipelineTask(Pipeline("relu"), "relu"), Target(folder=tmp_path / "out"))


class Fragile:
    """A pool that breaks at certain images, as one does whose worker is killed."""

    def __init__(self, deadly: set[str], *, once: bool) -> None:
        self.deadly = deadly
        self.once = once
        self.opened = 0

    @contextmanager
    def open(self, _recipe: Recipe, workers: int) -> Iterator[Pool]:
        self.opened += 1
        broken = False

        def submit(source: Source, _retry: bool) -> "Future[Outcome]":
            nonlocal broken
            if broken:
                raise BrokenExecutor
            future: Future[Outcome] = Future()
            if source.name in self.deadly:
                broken = True
                self.deadly -= {source.name} if self.once else set()
                future.set_exception(BrokenExecutor())
            else:
                future.set_result(Outcome(source.name))
            return future

        yield Pool(submit, workers)


NAMES = [f"{number}.png" for number in range(50)]
SOURCES = [Source(name) for name in NAMES]


def run(pool: Fragile, recipe: Recipe) -> list[Outcome]:
    return list(run_jobs(recipe, SOURCES, pool.open, 2, Stop()))


def test_what_ended_its_worker_once_is_done_after_all(recipe: Recipe) -> None:
    pool = Fragile({"7.png", "30.png"}, once=True)
    outcomes = run(pool, recipe)
    assert [each.source for each in outcomes] == NAMES
    assert not any(each.error for each in outcomes)
    assert pool.opened == 5  # each time one for the lost, and one for the rest


def test_what_ends_its_worker_again_is_named(recipe: Recipe) -> None:
    pool = Fragile({"7.png", "8.png", "49.png"}, once=False)
    outcomes = run(pool, recipe)
    assert [each.source for each in outcomes] == NAMES
    failed = [each.source for each in outcomes if each.error]
    assert failed == ["7.png", "8.png", "49.png"]
    assert "7.png: crashed its worker twice" in str(outcomes[7].error)


@pytest.mark.parametrize("open_pool", [None, threads, processes])
def test_outcomes_come_in_order(
    open_pool: object, recipe: Recipe, sources: list[Source], tmp_path: Path
) -> None:
    outcomes = list(run_jobs(recipe, sources, open_pool, 3, Stop()))  # type: ignore[arg-type]
    assert [each.source for each in outcomes] == [source.name for source in sources]
    assert not any(each.error for each in outcomes)
    assert len([*(tmp_path / "out").iterdir()]) == 60


@pytest.mark.parametrize("open_pool", [None, threads, processes])
def test_what_was_not_begun_is_given_up_when_asked_to_stop(
    open_pool: object, recipe: Recipe, sources: list[Source], tmp_path: Path
) -> None:
    stop = Stop()
    outcomes = []
    for outcome in run_jobs(recipe, sources, open_pool, 2, stop):  # type: ignore[arg-type]
        outcomes.append(outcome)
        stop.ask()
    written = {path.stem.removesuffix("-relu") for path in (tmp_path / "out").iterdir()}
    assert written == {Path(each.source).stem for each in outcomes}
    assert 1 <= len(outcomes) < 60


def test_futures_that_nobody_is_notified_of_do_not_keep_a_run(recipe: Recipe) -> None:
    # As an executor that is shut down gives them up: cancelled, and never notified of it.
    handed_out: list[Future[Outcome]] = []
    stop = Stop(asked=True)

    @contextmanager
    def open_pool(_recipe: Recipe, _workers: int) -> Iterator[Pool]:
        def submit(_source: Source, _retry: bool) -> "Future[Outcome]":
            handed_out.append(Future())
            return handed_out[-1]

        def give_up(futures: "Iterable[Future[Outcome]]") -> None:
            assert all(future.cancel() for future in futures)

        yield Pool(submit, 2, give_up=give_up)

    done: list[Outcome] = []
    run = threading.Thread(
        target=lambda: done.extend(run_jobs(recipe, SOURCES, open_pool, 2, stop)), daemon=True
    )
    run.start()
    run.join(20)
    assert not run.is_alive()
    assert done == []
    assert handed_out[0].cancelled()


@pytest.mark.parametrize("open_pool", [threads, processes])
def test_images_that_take_long_are_finished_and_no_more_begun(
    open_pool: Callable[..., AbstractContextManager[Pool]], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000))
    sources = [Source(str(tmp_path / f"{number}.png")) for number in range(9)]
    for source in sources:
        write_image(source.path, noise)
    slow = PipelineTask(Pipeline("pool 7 stride=1 mode=median"), "slow")
    stop = Stop()
    outcomes = []
    for outcome in run_jobs(Recipe(slow, Target(folder=tmp_path)), sources, open_pool, 2, stop):
        outcomes.append(outcome)
        stop.ask()
    written = {path.stem.removesuffix("-slow") for path in tmp_path.glob("*-slow.png")}
    assert written == {Path(each.source).stem for each in outcomes}
    assert 1 <= len(outcomes) <= 4  # the first, the two at work, and one that was just begun


def test_a_bug_keeps_its_traceback(recipe: Recipe, sources: list[Source]) -> None:
    broken = Recipe(None, recipe.target)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        list(run_jobs(broken, sources, threads, 2, Stop()))


def test_cores_are_counted_within_limits(tmp_path: Path) -> None:
    assert available_cores() >= 1
    assert _container_cores(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert _container_cores(tmp_path) is None
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("350000\n")
    assert _container_cores(tmp_path) == 3
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _container_cores(tmp_path) is None
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert _container_cores(tmp_path) == 1


def test_who_works_is_chosen_by_how_much_there_is() -> None:
    assert pool_named(None, 1, 1000, None) is None
    assert pool_named(None, 2, 100, None) is threads
    assert pool_named(None, 2, 1000, None) is processes
    assert pool_named("threads", 1, 1, None) is threads
    with pytest.raises(ArgumentError, match="--scheduler"):
        pool_named("dask", 2, 2, None)
