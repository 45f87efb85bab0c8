"""A Dask cluster: workers on other machines that share the files.

Each call to the cluster has a time limit: a scheduler may be gone, or just silent.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast
from uuid import uuid4

from distributed import Client, KilledWorker, Security, Worker, WorkerPlugin, get_worker
from distributed.comm.core import CommClosedError, connect

from cnnfilter.batch.inputs import Source
from cnnfilter.batch.job import Outcome, run_job
from cnnfilter.batch.pools import Pool
from cnnfilter.batch.recipe import Recipe
from cnnfilter.errors import CnnFilterError
from cnnfilter.files.printed import ignore_warnings
from cnnfilter.text import shown

#: Seconds after which a silent scheduler counts as gone.
_TIMEOUT = 10
#: Attempts to connect.
_TRIES = 3
#: Seconds that a cluster may be without a worker, as while one restarts.
_WITHOUT_WORKERS = 10
#: Seconds between two checks for workers.
_PAUSE = 1
#: Seconds that images in work may take after the run has ended.
_GRACE = 2.0

_T = TypeVar("_T")


class _LostError(Exception):
    """The scheduler is gone."""


class _Run(WorkerPlugin):
    """A run's state on each worker, also on one that joins later."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.stopped = False
        self.at_work: set[str] = set()

    def outcome(self, source: Source, address: str) -> Outcome:
        """Run a job, which another worker may have begun before it ended."""
        if self.stopped:
            raise CancelledError
        self.at_work.add(source.name)
        try:
            missing = _missing(self.recipe, source, address)
            return missing or run_job(self.recipe, source, retry=True)
        finally:
            self.at_work.discard(source.name)

    def setup(self, worker: Worker) -> None:
        """Prepare a worker; its standard error is its own log."""
        ignore_warnings()


@contextmanager
def dask_pool(address: str, recipe: Recipe) -> Iterator[Pool]:
    """Open the workers of a running cluster.

    Parameters
    ----------
    address : str
        The scheduler's.
    recipe : Recipe

    Raises
    ------
    CnnFilterError
        If no scheduler answers, or it or its workers are missing or lost.
    """
    logging.disable()  # logs of a lost connection would drown our one line
    try:
        client = _connected(address)
        try:
            yield from _open_pool(client, address, recipe)
        finally:
            with suppress(Exception):
                client.close(timeout=2)
    except (CommClosedError, CancelledError, _LostError):
        raise CnnFilterError(
            f"--scheduler {address}: went away; once it is there again, --skip-existing does "
            "the rest"
        ) from None
    finally:
        logging.disable(logging.NOTSET)


def _open_pool(client: Client, address: str, recipe: Recipe) -> Iterator[Pool]:
    threads = sum(_within(_TIMEOUT, client.nthreads).values())
    if not threads:
        raise CnnFilterError(f"--scheduler {address}: has no worker; start one: dask worker")
    name = f"cnnfilter-{uuid4()}"
    _within(_TIMEOUT, lambda: client.register_plugin(_Run(recipe), name=name))
    executor = client.get_executor(pure=False)  # a pure one does equal work only once

    def submit(source: Source, _retry: bool) -> "Future[Outcome]":
        return executor.submit(_run_on_worker, name, source)

    def give_up(futures: "Iterable[Future[Outcome]]") -> None:
        _within(_TIMEOUT, lambda: [future.cancel() for future in futures])

    yield Pool(submit, threads, (KilledWorker,), _Watch(client, address).check, give_up)
    _stop_workers(client, name)
    _within(_TIMEOUT, lambda: client.unregister_worker_plugin(name))


def _connected(address: str) -> Client:
    """Connect to a scheduler, once it answers: closing an unconnected client hangs."""
    try:
        asyncio.run(_check_answers(address))
        for _ in range(_TRIES):
            # While others connect, Dask mistakes a first message with a second for an error.
            with suppress(AssertionError):
                return Client(address, timeout=_TIMEOUT, set_as_default=False)
        raise OSError("it does not answer as schedulers do")
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, ImportError) as error:
        words = " ".join(str(error).split())
        raise CnnFilterError(f"--scheduler {address}: no scheduler answers ({words})") from None


async def _check_answers(address: str) -> None:
    arguments = Security().get_connection_args("client")
    comm = await connect(address, timeout=_TIMEOUT, **arguments)
    comm.abort()


class _Watch:
    """Checks a cluster while we wait for answers: its futures would wait for ever."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._checked_at = self._alive_at = time.monotonic()

    def check(self) -> None:
        """Raise an error if the scheduler or all workers are gone."""
        if self._client.status not in ("running", "connecting"):
            raise _LostError
        now = time.monotonic()
        if now - self._checked_at < _PAUSE:
            return
        if _within(_TIMEOUT, self._client.nthreads):
            self._alive_at = now
        elif now - self._alive_at > _WITHOUT_WORKERS:
            raise CnnFilterError(
                f"--scheduler {self._address}: its last worker went away; once there is one "
                "again, --skip-existing does the rest"
            )
        self._checked_at = time.monotonic()


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """Return a call's result, or raise _LostError if it takes too long."""
    answer: Future[_T] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised below
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(seconds)
    except (TimeoutError, OSError):
        raise _LostError from None


def _stop_workers(client: Client, name: str) -> None:
    """Stop workers from beginning images; wait a while for those in work."""
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        counts = _within(_TIMEOUT, lambda: client.run(_stop, name, on_error="ignore"))
        if not any(counts.values()):
            return
        time.sleep(0.05)


def _stop(name: str, dask_worker: Worker) -> int:
    """Stop a run on a worker; return the number of its images in work."""
    run = cast("_Run | None", dask_worker.plugins.get(name))
    if run is None:
        return 0
    run.stopped = True
    return len(run.at_work)


def _run_on_worker(name: str, source: Source) -> Outcome:
    worker = get_worker()
    run = cast("_Run | None", worker.plugins.get(name))
    if run is None:  # the run has ended
        raise CancelledError
    return run.outcome(source, worker.address)


def _missing(recipe: Recipe, source: Source, address: str) -> Outcome | None:
    """Return an error outcome if a file or folder is missing on a worker."""
    root = recipe.target.root
    paths: list[str | Path] = [source.name] if root is None else [source.name, root]
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110
            return Outcome(
                source.name,
                f"{shown(path)}: no such file where the worker {address} runs; check the path, "
                "or share its disk",
            )
    return None
