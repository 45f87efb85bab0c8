"""Pools of workers: threads, processes, or a Dask cluster."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnnfilter.batch.inputs import Source
from cnnfilter.batch.job import Outcome, run_job
from cnnfilter.batch.recipe import Recipe
from cnnfilter.errors import ArgumentError
from cnnfilter.files.output import abandon
from cnnfilter.files.printed import catch_printed, ignore_warnings

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def _cancel(futures: "Iterable[Future[Outcome]]") -> None:
    for future in futures:
        future.cancel()


class Pool(NamedTuple):
    """An open pool of workers.

    Attributes
    ----------
    submit : callable
        Submits a source (and whether this is a retry); returns its Future.
    workers : int
        Number of images that are processed at once.
    killed : tuple of type
        Exceptions that mean that an image ended its workers, repeatedly.
    check : callable
        Called while waiting for images; raises if no worker will ever answer.
    give_up : callable
        Cancels those of some futures that no worker has begun.
    end_workers : callable
        Ends the workers at once, if they would outlive this process.
    """

    submit: "Callable[[Source, bool], Future[Outcome]]"
    workers: int
    killed: tuple[type[Exception], ...] = ()
    check: Callable[[], None] = lambda: None
    give_up: "Callable[[Iterable[Future[Outcome]]], None]" = _cancel
    end_workers: Callable[[], None] = lambda: None


#: Opens a pool of this many workers for a recipe; leaving it ends them.
OpenPool = Callable[[Recipe, int], AbstractContextManager[Pool]]


@contextmanager
def threads(recipe: Recipe, workers: int) -> Iterator[Pool]:
    """Open a pool of threads in this process."""
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers)
    try:
        yield Pool(lambda source, retry: executor.submit(run_job, recipe, source, retry), workers)
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def processes(recipe: Recipe, workers: int) -> Iterator[Pool]:
    """Open a pool of processes, which end with this one, however it ends."""
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

    def submit(source: Source, retry: bool) -> "Future[Outcome]":
        try:
            return executor.submit(_run_in_worker, source, retry)
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
        deadline = time.monotonic() + 0.5
        for worker in workers:
            worker.join(max(0, deadline - time.monotonic()))
            worker.kill()  # a codec may hold its interpreter
        for worker in workers:
            worker.join(0.1)

    try:
        yield Pool(submit, workers, give_up=give_up, end_workers=end_workers)
    finally:
        executor.shutdown(cancel_futures=True)
        open_end.close()
        may_begin.close()


def _start_server() -> None:
    """Start the server that forks workers, shielded from Ctrl-C and a terminal's end.

    These signals go to all processes; the first one decides about the images in work.
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
    """Silence the resource tracker's warning after a kill; it cleans up by itself."""
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
    threading.Thread(target=_end_when_asked, args=(terminated,), daemon=True).start()


def _end_when_asked(terminated: int) -> None:
    """End with the parent or by SIGTERM, whatever the main thread does; leave no part file."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    wait([terminated] if parent is None else [terminated, parent.sentinel])
    _end()


def _end() -> None:
    abandon()
    os._exit(1)


def _run_in_worker(source: Source, retry: bool) -> Outcome:
    if _open_end.poll():
        raise CancelledError
    return run_job(_recipe, source, retry)


EXECUTORS = ("threads", "processes", "dask")
#: Up to this many images threads are as fast: processes take half a second to start, and then a
#: fifth less for each image.
_MAX_FOR_THREADS = 200


def available_cores() -> int:
    """Count the cores that this process may use: by its affinity and its container's limit.

    Examples
    --------
    >>> 1 <= available_cores() <= os.cpu_count()
    True
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such thing
        cores = os.cpu_count() or 1
    return max(1, min(cores, _container_cores() or cores))


def _container_cores(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the limit that a container sets (cgroup version 2, then 1), if any."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return None
    if not quota.strip().isdecimal():  # "max", or -1
        return None
    return max(1, int(quota) // int(period))


def pool_named(
    name: str | None, workers: int, images: int, scheduler: str | None
) -> OpenPool | None:
    """Return the way to open a pool by its name.

    Parameters
    ----------
    name : {"threads", "processes", "dask"} or None
        None for the fastest for this number of images.
    workers, images : int
    scheduler : str or None
        A running Dask scheduler's address.

    Returns
    -------
    OpenPool or None
        None if one worker needs no pool.

    Raises
    ------
    ArgumentError
        If dask is not installed, or has no scheduler.
    """
    if name is None and scheduler is None:
        if workers == 1:
            return None
        name = "threads" if images <= _MAX_FOR_THREADS else "processes"
    if name == "threads":
        return threads
    if name == "processes":
        return processes
    if scheduler is None:
        raise ArgumentError("--executor dask needs --scheduler, such as tcp://127.0.0.1:8786")
    try:
        from cnnfilter.batch.dask import dask_pool
    except ImportError:
        raise ArgumentError("a cluster needs dask: pip install 'cnnfilter[dask]'") from None
    return lambda recipe, _: dask_pool(scheduler, recipe)
