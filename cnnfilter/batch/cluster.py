"""A Dask cluster: workers on other machines, which see the same files."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast
from uuid import uuid4

from distributed import Client, KilledWorker, Worker, WorkerPlugin, get_worker
from distributed.comm.addressing import get_address_host_port
from distributed.comm.core import CommClosedError

from cnnfilter.batch.jobs import Outcome, Recipe, run_job
from cnnfilter.batch.pools import Pool
from cnnfilter.batch.sources import Source
from cnnfilter.errors import CnnFilterError
from cnnfilter.files.printed import ignore_warnings
from cnnfilter.files.source import shown

#: Seconds until a scheduler that does not answer is told to be none.
_TIMEOUT = 10


class _Recipe(WorkerPlugin):
    """The recipe, which every worker gets once, also one that comes later."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def setup(self, worker: Worker) -> None:
        """Prepare a worker; its standard error is its own log."""
        ignore_warnings()


@contextmanager
def cluster_pool(address: str, recipe: Recipe) -> Iterator[Pool]:
    """Work on a cluster that runs.

    Parameters
    ----------
    address : str
        Its scheduler's.
    recipe : Recipe

    Raises
    ------
    CnnFilterError
        If no scheduler answers, it has no worker, or it goes away.
    """
    logging.disable()  # what is logged of a lost connection would stand beside our one line
    client = _connected(address)
    name = f"cnnfilter-{uuid4()}"
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise CnnFilterError(f"--scheduler {address}: has no worker; start one: dask worker")
        client.register_plugin(_Recipe(recipe), name=name)
        executor = client.get_executor(pure=False)  # a pure one does equal work only once

        def submit(source: Source, _again: bool) -> "Future[Outcome]":
            return executor.submit(_run_on_worker, name, source)

        yield Pool(submit, threads, (KilledWorker,), lambda: _check_connected(client))
        client.unregister_worker_plugin(name)
    except (CommClosedError, CancelledError, _LostError):
        raise CnnFilterError(
            f"--scheduler {address}: went away; once it is there again, --skip-existing does "
            "the rest"
        ) from None
    finally:
        with suppress(Exception):
            client.close(timeout=2)
        logging.disable(logging.NOTSET)


class _LostError(Exception):
    """The scheduler is gone."""


def _connected(address: str) -> Client:
    try:
        get_address_host_port(address)  # a client of what is none would never be closed
        return Client(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        words = " ".join(str(error).split())
        raise CnnFilterError(f"--scheduler {address}: no scheduler answers ({words})") from None


def _check_connected(client: Client) -> None:
    """Look at the connection: an executor's futures wait for ever when it is lost."""
    if client.status not in ("running", "connecting"):
        raise _LostError


def _run_on_worker(name: str, source: Source) -> Outcome:
    """Do a job, which another worker may have begun before it ended."""
    worker = get_worker()
    recipe = cast("_Recipe", worker.plugins[name]).recipe
    root = recipe.target.root
    paths: list[str | Path] = [source.path] if root is None else [source.path, root]
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110
            return Outcome(
                source.path,
                f"{shown(path)}: no such file where the worker {worker.address} runs; check the "
                "path, or share its disk",
            )
    return run_job(recipe, source, again=True)
