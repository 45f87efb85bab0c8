"""A Dask cluster: workers on other machines, which see the same files.

Whatever is asked of the cluster has a time limit: a scheduler may be gone, or just silent.
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
from cnnfilter.batch.job import Outcome, Recipe, run_job
from cnnfilter.batch.pools import Pool
from cnnfilter.errors import CnnFilterError
from cnnfilter.files.printed import ignore_warnings
from cnnfilter.text import shown

#: Seconds until a scheduler that does not answer is taken to be gone.
_TIMEOUT = 10
#: How often it is tried to connect.
_TRIES = 3
#: Seconds that a cluster may be without a worker: one that restarts is back before.
_ALONE = 10
#: Seconds between two looks at whether there is a worker.
_PAUSE = 1
#: Seconds that images at work may take when the run ends before them.
_GRACE = 2.0

_T = TypeVar("_T")


class _LostError(Exception):
    """The scheduler is gone."""


class _Run(WorkerPlugin):
    """A run as each worker has it, also one that joins later."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.stopped = False
        self.at_work: set[str] = set()

    def outcome(self, source: Source, address: str) -> Outcome:
        """Do a job, which another worker may have begun before it ended."""
        if self.stopped:
            raise CancelledError
        self.at_work.add(source.path)
        try:
            missing = _missing(self.recipe, source, address)
            return missing or run_job(self.recipe, source, retry=True)
        finally:
            self.at_work.discard(source.path)

    def setup(self, worker: Worker) -> None:
        """Prepare a worker; its standard error is its own log."""
        ignore_warnings()


@contextmanager
def dask_pool(address: str, recipe: Recipe) -> Iterator[Pool]:
    """Work on a cluster that runs.

    Parameters
    ----------
    address : str
        Its scheduler's.
    recipe : Recipe

    Raises
    ------
    CnnFilterError
        If no scheduler answers, it has no worker, or it or its workers go away.
    """
    logging.disable()  # what is logged of a lost connection would stand beside our one line
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
        _within(_TIMEOUT, lambda: [each.cancel() for each in futures])

    yield Pool(submit, threads, (KilledWorker,), _Watch(client, address).check, give_up)
    _stop_workers(client, name)
    _within(_TIMEOUT, lambda: client.unregister_worker_plugin(name))


def _connected(address: str) -> Client:
    """Connect to a scheduler; a client that cannot would wait for itself when it is closed."""
    try:
        asyncio.run(_check_answers(address))
        for _ in range(_TRIES):
            # Where others connect at the same moment, a first message that brings a second one
            # along is taken for a mistake.
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
    """Looks after a cluster while its answers are waited for: its futures would wait for ever."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._looked_at = self._seen_at = time.monotonic()

    def check(self) -> None:
        """Raise an error where nobody is there any more."""
        if self._client.status not in ("running", "connecting"):
            raise _LostError
        now = time.monotonic()
        if now - self._looked_at < _PAUSE:
            return
        if _within(_TIMEOUT, self._client.nthreads):
            self._seen_at = now
        elif now - self._seen_at > _ALONE:
            raise CnnFilterError(
                f"--scheduler {self._address}: its last worker went away; once there is one "
                "again, --skip-existing does the rest"
            )
        self._looked_at = time.monotonic()


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """Return what a call returns; a cluster that does not answer in time is lost."""
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
    """Let workers begin no more images, and wait a while for those at work."""
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        counts = _within(_TIMEOUT, lambda: client.run(_stop, name, on_error="ignore"))
        if not any(counts.values()):
            return
        time.sleep(0.05)


def _stop(name: str, dask_worker: Worker) -> int:
    """Stop a run on a worker; return how many of its images are at work there."""
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
    """Return an outcome that names the file or folder that a worker does not see, if any."""
    root = recipe.target.root
    paths: list[str | Path] = [source.path] if root is None else [source.path, root]
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110
            return Outcome(
                source.path,
                f"{shown(path)}: no such file where the worker {address} runs; check the path, "
                "or share its disk",
            )
    return None
