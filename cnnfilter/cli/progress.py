"""Progress of a run: a bar on a terminal, a line now and then elsewhere, a summary."""

import sys
import time
from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from cnnfilter.cli.printing import say
from cnnfilter.text import shown

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from cnnfilter.batch.job import Outcome

#: Seconds between two lines, without a terminal.
_PAUSE = 10.0


class Progress:
    """Counts a run's images by what became of them, and shows how far it is.

    Parameters
    ----------
    total : int
        Number of images to process.
    skipped : int
        Number that an earlier run finished.
    failed : int
        Number of names that were not found.
    shows : bool
        Whether anything is shown before the end.
    """

    def __init__(self, total: int, *, skipped: int = 0, failed: int = 0, shows: bool) -> None:
        self.total = total
        self.done = 0
        self.skipped = skipped
        self.failed = failed
        self._shows = shows
        self._pixels = 0
        self._reasons: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._begin = self._shown_at = time.monotonic()
        self._bar: tuple[Bar, TaskID] | None = None

    def __enter__(self) -> "Progress":
        if self._shows and sys.stderr is not None and sys.stderr.isatty():
            self._bar = _bar(self.total)
            self._bar[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    def add(self, outcome: "Outcome") -> None:
        """Count an image, and show how far the run is."""
        if outcome.error is None:
            self.done += 1
            self._pixels += prod(outcome.before[:2]) * outcome.frames
            self._notes.update(outcome.notes)
        else:
            self.failed += 1
            self._reasons[_reason(outcome)] += 1
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, advance=1, pace=self._pace())
        elif self._shows and time.monotonic() - self._shown_at > _PAUSE:
            self._shown_at = time.monotonic()
            say(f"{self.done + self.failed} of {self.total} images, {self._pace()}")

    def _pace(self) -> str:
        """Return the speed, the time left, and the number of failures."""
        tried = self.done + self.failed
        speed = tried / max(1e-3, time.monotonic() - self._begin)
        left = _duration(max(0, self.total - tried) / speed)
        failures = f", {self.failed} failed" if self.failed else ""
        return f"{speed:.3g} a second, {left} left{failures}"

    def summary(self, *, listed: bool, left_out: str = "") -> str:
        """Return a line on all images: what became of them, why some failed, the speed.

        Parameters
        ----------
        listed : bool
            Whether each image had a line with its notes.
        left_out : str
            The words on files that were not read.
        """
        seconds = time.monotonic() - self._begin
        failures = f"{self.failed} failed"
        if self._reasons:
            failures += f" ({_listed(self._reasons)})"
        parts = [f"{self.done} done, {self.skipped} skipped, {failures}"]
        if left := self.total - self.done - self._reasons.total():
            parts.append(f"{left} not done, --skip-existing does the rest")
        if left_out:
            parts.append(left_out)
        if self._notes and not listed:
            parts.append(_listed(self._notes))
        speed = f", {self._pixels / 1e6 / max(1e-3, seconds):.3g} megapixels a second"
        parts.append(_duration(seconds) + speed * bool(self.done))
        return "; ".join(parts)


def _bar(total: int) -> "tuple[Bar, TaskID]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
        expand=True,
    )
    return bar, bar.add_task("", total=total, pace="")


def _reason(outcome: "Outcome") -> str:
    """Return an error's first words without the file's name: many fail alike."""
    error = str(outcome.error)
    own = f"{shown(outcome.source)}: "
    words = error.removeprefix(own) if error.startswith(own) else error.rpartition(": ")[2]
    return words.partition(" (")[0].partition(";")[0]


def _listed(counted: Counter[str], most: int = 4) -> str:
    """Return the most common words with their counts."""
    listed = [f"{count} x {word}" for word, count in counted.most_common(most)]
    rest = sum(count for _, count in counted.most_common()[most:])
    return ", ".join(listed + [f"{rest} x other"] * bool(rest))


def _duration(seconds: float) -> str:
    """Return a duration as people write it: 3.2 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
