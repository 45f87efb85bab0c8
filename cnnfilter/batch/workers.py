"""Workers on this machine: threads and processes."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cnnfilter.batch.jobs import Outcome, Recipe, run_job
from cnnfilter.batch.pools import Pool
from cnnfilter.batch.sources import Source
from cnnfilter.files.output import abandon
from cnnfilter.files.printed import catch_printed, ignore_warnings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


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
    # Workers begin no image once the other end is closed.
    open_end, may_begin = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(workers, context, _begin_worker, (recipe, open_end))

    def submit(source: Source, again: bool) -> "Future[Outcome]":
        try:
            return executor.submit(_run_in_worker, source, again)
        except (EOFError, ConnectionError) as error:  # the server that starts workers is gone
            raise BrokenExecutor from error

    def give_up(_: "Iterable[Future[Outcome]]") -> None:
        # Workers refuse what they are handed from now on. Cancelled here, futures would surprise
        # the executor if a worker ended then; shut down without waiting, it is never waited for.
        may_begin.close()

    def end_workers() -> None:
        workers = set(multiprocessing.active_children()) - others
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + 1
        for worker in workers:
            worker.join(max(0, deadline - time.monotonic()))

    try:
        yield Pool(submit, workers, give_up=give_up, end_workers=end_workers)
    finally:
        executor.shutdown(cancel_futures=True)
        open_end.close()
        may_begin.close()


def _start_server() -> None:
    """Start the server that forks workers, which Ctrl-C and a terminal's end are to leave alone.

    These are sent to all processes; the first decides what becomes of the images at work.
    """
    import signal
    from multiprocessing import forkserver, resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # which lets SIGINT through again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
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
_open_end: "Connection[None, None]"


def _begin_worker(recipe: Recipe, open_end: "Connection[None, None]") -> None:
    import signal
    import threading

    global _recipe, _open_end
    _recipe, _open_end = recipe, open_end
    catch_printed()
    ignore_warnings()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminated, wake = os.pipe()
    os.set_blocking(wake, False)
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, lambda *_: _end())
        signal.set_wakeup_fd(wake)
    threading.Thread(target=_end_when_told, args=(terminated,), daemon=True).start()


def _end_when_told(terminated: int) -> None:
    """End with the parent, or by SIGTERM, whatever the main thread is at; leave no part file."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    wait([terminated] if parent is None else [terminated, parent.sentinel])
    _end()


def _end() -> None:
    abandon()
    os._exit(1)


def _run_in_worker(source: Source, again: bool) -> Outcome:
    if _open_end.poll():
        raise CancelledError
    return run_job(_recipe, source, again)
