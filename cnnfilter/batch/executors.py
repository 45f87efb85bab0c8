"""Who works: this thread, threads, processes, or the workers of a Dask cluster."""

import os
from pathlib import Path

from cnnfilter.batch.pools import OpenPool
from cnnfilter.batch.workers import processes, threads
from cnnfilter.errors import ArgumentError

EXECUTORS = ("threads", "processes", "dask")
#: For so many images threads are as fast: processes take half a second to start, and then a
#: fifth less for each image.
_MOST_FOR_THREADS = 200


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
    """Read the limit that a container sets (cgroup version 2, then 1); None if there is none."""
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
    """Choose who works.

    Parameters
    ----------
    name : {"threads", "processes", "dask"} or None
        None for what is fastest for so many images.
    workers, images : int
    scheduler : str or None
        A running Dask scheduler's address.

    Returns
    -------
    OpenPool or None
        None where one worker needs no pool.

    Raises
    ------
    ArgumentError
        If there is no scheduler for dask, or no dask.
    """
    if name is None and scheduler is None:
        if workers == 1:
            return None
        name = "threads" if images <= _MOST_FOR_THREADS else "processes"
    if name == "threads":
        return threads
    if name == "processes":
        return processes
    if scheduler is None:
        raise ArgumentError("--executor dask needs --scheduler, such as tcp://127.0.0.1:8786")
    try:
        from cnnfilter.batch.cluster import cluster_pool
    except ImportError:
        raise ArgumentError("a cluster needs dask: pip install 'cnnfilter[dask]'") from None
    return lambda recipe, _: cluster_pool(scheduler, recipe)
