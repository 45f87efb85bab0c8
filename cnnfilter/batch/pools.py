"""A pool of workers, wherever they are.

Each way to work is a context that gives a pool; when it is left, no worker is left behind.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import NamedTuple

from cnnfilter.batch.jobs import Outcome, Recipe
from cnnfilter.batch.sources import Source


def _cancel(futures: "Iterable[Future[Outcome]]") -> None:
    for each in futures:
        each.cancel()


class Pool(NamedTuple):
    """Workers that are there.

    Attributes
    ----------
    submit : callable
        Takes a source and whether it may have been worked on before; gives what will become
        of it.
    workers : int
        How many images are worked on at once.
    killed : tuple of type
        What is raised for an image whose workers ended, again and again.
    check : callable
        Is called while images are waited for; raises where no worker will ever answer.
    give_up : callable
        Cancels what no worker has begun of the futures that it is given.
    end_workers : callable
        Ends the workers at once, where they would outlive this process.
    """

    submit: "Callable[[Source, bool], Future[Outcome]]"
    workers: int
    killed: tuple[type[Exception], ...] = ()
    check: Callable[[], None] = lambda: None
    give_up: "Callable[[Iterable[Future[Outcome]]], None]" = _cancel
    end_workers: Callable[[], None] = lambda: None


#: Opens so many workers for a recipe.
OpenPool = Callable[[Recipe, int], AbstractContextManager[Pool]]
