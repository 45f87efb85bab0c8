"""Workers on this machine: threads and processes."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager

from cnnfilter.batch.allocation import return_freed_memory
from cnnfilter.batch.jobs import Outcome, Recipe, run_job
from cnnfilter.batch.pools import Pool
from cnnfilter.batch.sources import Source


@contextmanager
def threads(recipe: Recipe, workers: int) -> Iterator[Pool]:
    """Work in threads of this process."""
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers)
    try:
        yield Pool(lambda source, again: executor.submit(run_job, recipe, source, again), workers)
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def processes(recipe: Recipe, workers: int) -> Iterator[Pool]:
    """Work in processes, which end with this one, however it ends."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    methods = multiprocessing.get_all_start_methods()
    # A copy of this process would have its locks without the threads that hold them.
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    others = set(multiprocessing.active_children())
    _quieten_tracker()
    if "forkserver" in methods:
        context.set_forkserver_preload([__name__, "cnnfilter.pipeline.pipeline"])
        _start_server()
    executor = ProcessPoolExecutor(workers, context, _begin_worker, (recipe,))

    def submit(source: Source, again: bool) -> "Future[Outcome]":
        try:
            return executor.submit(_run_in_worker, source, again)
        except (EOFError, ConnectionError) as error:  # the server that starts workers is gone
            raise BrokenExecutor from error

    def give_up(_: "Iterable[Future[Outcome]]") -> None:
        # Cancelled one by one, they would surprise the executor if a worker ended then.
        executor.shutdown(wait=False, cancel_futures=True)

    try:
        yield Pool(submit, workers, give_up=give_up)
    finally:
        executor.shutdown(cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - others:
            worker.join()  # when it was shut down before, nobody waits for them


def _start_server() -> None:
    """Start the server that forks workers, all of which Ctrl-C is to leave alone.

    It is sent to all processes; the first decides what becomes of the images at work.
    """
    import signal
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # which lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _quieten_tracker() -> None:
    """Let Python's own helper say nothing of what a killed run leaves: it removes it."""
    quiet = "ignore::UserWarning:multiprocessing.resource_tracker"
    before = os.environ.get("PYTHONWARNINGS", "")
    if quiet not in before:
        os.environ["PYTHONWARNINGS"] = f"{before},{quiet}".lstrip(",")


_recipe: Recipe


def _begin_worker(recipe: Recipe) -> None:
    import signal
    import threading

    global _recipe
    _recipe = recipe
    return_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _run_in_worker(source: Source, again: bool) -> Outcome:
    return run_job(_recipe, source, again)
