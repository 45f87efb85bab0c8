"""The loop over images: in order, with workers that may die, until asked to stop."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cnnfilter.batch.inputs import Source
from cnnfilter.batch.job import Outcome, run_job
from cnnfilter.batch.pools import OpenPool, Pool
from cnnfilter.batch.recipe import Recipe
from cnnfilter.text import shown

#: Images queued per worker ahead of the oldest unfinished one, so that one slow image does not
#: stall the rest.
_AHEAD = 16
#: Seconds between two checks whether to stop, and whether the workers are alive.
_PATIENCE = 0.1

#: Submitted images and their futures; None if no worker took the image.
_Waiting = deque[tuple[Source, "Future[Outcome] | None"]]


@dataclass
class Stop:
    """A request to stop, and a way to end the workers.

    Attributes
    ----------
    asked : bool
        Whether to finish the images in work and begin no others.
    end_workers : callable
        Ends the workers at once; from any thread, before this process ends.
    """

    asked: bool = False
    end_workers: Callable[[], None] = lambda: None

    def ask(self) -> None:
        """Ask the loop to stop."""
        self.asked = True


def run_jobs(
    recipe: Recipe, sources: Iterable[Source], open_pool: OpenPool | None, workers: int, stop: Stop
) -> Generator[Outcome]:
    """Process images; one that fails does not stop the rest.

    Parameters
    ----------
    recipe : Recipe
    sources : iterable of Source
    open_pool : OpenPool or None
        Called again if a worker ended and broke its pool; None to work in this thread.
    workers : int
    stop : Stop

    Yields
    ------
    Outcome
        In the order of the images. Those that were submitted when a worker ended are retried
        one by one; one that ends its worker again is an error.
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
            with _opened(open_pool, recipe, workers, stop) as pool:
                yield from _in_order(pool, coming, waiting, stop)
            return
        except BrokenExecutor:
            yield from _retried(recipe, waiting, open_pool, stop)
        if stop.asked:
            return


@contextmanager
def _opened(open_pool: OpenPool, recipe: Recipe, workers: int, stop: Stop) -> Iterator[Pool]:
    with open_pool(recipe, workers) as pool:
        stop.end_workers = pool.end_workers
        yield pool


def _in_order(
    pool: Pool, coming: Iterator[Source], waiting: _Waiting, stop: Stop
) -> Iterator[Outcome]:
    for source in coming:
        waiting.append((source, None))
        waiting[-1] = source, pool.submit(source, False)
        while waiting and (len(waiting) > _AHEAD * pool.workers or _is_known(waiting[0][1])):
            yield from _first(pool, waiting, stop)
        if stop.asked:
            break
    while waiting:
        yield from _first(pool, waiting, stop)


def _first(pool: Pool, waiting: _Waiting, stop: Stop) -> Iterator[Outcome]:
    """Yield the first image's outcome; none if the loop stops before it is begun."""
    source, future = waiting[0]
    if future is not None:
        yield from _awaited(pool, source, future, waiting, stop)
    waiting.popleft()


def _awaited(
    pool: Pool, source: Source, future: "Future[Outcome]", waiting: _Waiting, stop: Stop
) -> Iterator[Outcome]:
    while True:
        if stop.asked:
            pool.give_up([future for _, future in waiting if future is not None])
        if _is_done(future, _PATIENCE):
            break
        pool.check()
    try:
        yield future.result()
    except CancelledError:
        if not stop.asked:
            raise
    except pool.killed:
        yield _ended_its_worker(source)


def _is_done(future: "Future[Outcome]", patience: float) -> bool:
    """Wait a while for a future; return whether it is done.

    `concurrent.futures.wait` waits on for a future that its executor cancels without a notice.
    """
    with suppress(CancelledError, TimeoutError):
        future.exception(patience)
    return future.done()


def _is_known(future: "Future[Outcome] | None") -> bool:
    """Return whether an image has an outcome or an error."""
    if future is None or not future.done() or future.cancelled():
        return False
    return not isinstance(future.exception(), BrokenExecutor | CancelledError)


def _retried(
    recipe: Recipe, waiting: _Waiting, open_pool: OpenPool, stop: Stop
) -> Iterator[Outcome]:
    """Retry the images that were submitted when a pool broke."""
    while waiting and not stop.asked:
        with _opened(open_pool, recipe, 1, stop) as pool:
            yield from _one_by_one(pool, waiting, stop)
    for _, future in waiting:
        if future is not None and _is_known(future):
            yield future.result()


def _one_by_one(pool: Pool, waiting: _Waiting, stop: Stop) -> Iterator[Outcome]:
    """Retry images one by one, until a worker ends again."""
    while waiting and not stop.asked:
        source, future = waiting.popleft()
        if future is not None and _is_known(future):
            yield future.result()
            continue
        try:
            retry = pool.submit(source, True)
            yield from _awaited(pool, source, retry, deque([(source, retry)]), stop)
        except BrokenExecutor:
            if not stop.asked:  # a signal to all processes ends workers, too
                yield _ended_its_worker(source)
            return


def _ended_its_worker(source: Source) -> Outcome:
    return Outcome(
        source.name,
        f"{shown(source.name)}: crashed its worker twice; it may need more memory: try --jobs 1",
    )
