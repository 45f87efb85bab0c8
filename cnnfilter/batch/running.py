"""Working through images: in their order, with workers that may die, until told to stop."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, wait
from dataclasses import dataclass

from cnnfilter.batch.jobs import Outcome, Recipe, run_job
from cnnfilter.batch.pools import OpenPool, Pool
from cnnfilter.batch.sources import Source
from cnnfilter.files.source import shown

#: So many images for each worker are handed out before the first of them is done: behind one
#: that takes long, the others go on.
_AHEAD = 16
#: Seconds after which it is looked whether to stop.
_PATIENCE = 0.1

#: Images that were handed out, and what will become of them; None where no worker took it.
_Waiting = deque[tuple[Source, "Future[Outcome] | None"]]


@dataclass
class Stop:
    """Whether to stop: images at work are finished, others are not begun."""

    asked: bool = False

    def ask(self) -> None:
        """Ask to stop."""
        self.asked = True


def run_jobs(
    recipe: Recipe, sources: Iterable[Source], open_pool: OpenPool | None, workers: int, stop: Stop
) -> Generator[Outcome]:
    """Work on images; one that fails does not stop the rest.

    Parameters
    ----------
    recipe : Recipe
    sources : iterable of Source
    open_pool : OpenPool or None
        Called again where a worker ended and took its pool along; None to work here.
    workers : int
    stop : Stop

    Yields
    ------
    Outcome
        In the order of the images. Those that were handed out when a worker ended are tried
        once more, one by one; one that ends its worker again is named.
    """
    if open_pool is None:
        for source in sources:
            if stop.asked:
                return
            yield run_job(recipe, source)
        return
    coming = iter(sources)
    waiting: _Waiting = deque()
    while True:
        try:
            with open_pool(recipe, workers) as pool:
                yield from _in_order(pool, coming, waiting, stop)
            return
        except BrokenExecutor:
            yield from _once_more(recipe, waiting, open_pool, stop)
        if stop.asked:
            return


def _in_order(
    pool: Pool, coming: Iterator[Source], waiting: _Waiting, stop: Stop
) -> Iterator[Outcome]:
    for source in coming:
        waiting.append((source, None))
        waiting[-1] = source, pool.submit(source, False)
        while waiting and (len(waiting) > _AHEAD * pool.workers or _is_done(waiting[0][1])):
            yield from _first(pool, waiting, stop)
        if stop.asked:
            break
    while waiting:
        yield from _first(pool, waiting, stop)


def _first(pool: Pool, waiting: _Waiting, stop: Stop) -> Iterator[Outcome]:
    """Wait for the first image; where it is to stop, one that was not begun is given up."""
    source, future = waiting[0]
    while future is not None and not wait([future], _PATIENCE).done:
        pool.check()
        if stop.asked:
            pool.give_up([each for _, each in waiting if each is not None])
    if future is not None and not (stop.asked and future.cancelled()):
        try:
            outcome = future.result()
        except pool.killed:
            outcome = _ended_its_worker(source)
        yield outcome
    waiting.popleft()


def _is_done(future: "Future[Outcome] | None") -> bool:
    """Tell whether it is known what became of an image."""
    if future is None or not future.done():
        return False
    return not isinstance(future.exception(), BrokenExecutor)


def _once_more(
    recipe: Recipe, waiting: _Waiting, open_pool: OpenPool, stop: Stop
) -> Iterator[Outcome]:
    while waiting and not stop.asked:
        with open_pool(recipe, 1) as pool:
            yield from _one_by_one(pool, waiting, stop)


def _one_by_one(pool: Pool, waiting: _Waiting, stop: Stop) -> Iterator[Outcome]:
    """Work on what was handed out, until a worker ends again."""
    while waiting and not stop.asked:
        source, future = waiting.popleft()
        if future is not None and _is_done(future):
            yield future.result()
            continue
        try:
            yield pool.submit(source, True).result()
        except BrokenExecutor:
            yield _ended_its_worker(source)
            return


def _ended_its_worker(source: Source) -> Outcome:
    return Outcome(
        source.path,
        f"{shown(source.path)}: ended the process that worked on it, twice; it may need more "
        "memory than there is, try --jobs 1",
    )
