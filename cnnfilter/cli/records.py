"""What a run leaves behind besides its results: the ledger, the report, and no stray file."""

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnnfilter.cli.printing import say
from cnnfilter.errors import FileError
from cnnfilter.files.opening import nameable, reason
from cnnfilter.files.output import (
    check_target,
    file_fingerprints,
    is_input,
    opened_to_write,
    remove_strays,
    sync,
)
from cnnfilter.text import shown

if TYPE_CHECKING:
    from cnnfilter.batch.job import Outcome, Recipe
    from cnnfilter.batch.plan import Plan


#: Seconds that the end of workers is waited for.
_GRACE = 0.5


class Records:
    """The ledger and the report of a run, while it is entered.

    Parameters
    ----------
    plan : Plan
    report : str or None
        The report's name.
    force : bool
        Whether a report that exists is replaced.
    goes_on : bool
        Whether lines are added to it.

    Raises
    ------
    FileError
        If the report or the folder for results cannot be written to; on entering.
    """

    def __init__(self, plan: "Plan", report: str | None, *, force: bool, goes_on: bool) -> None:
        self._plan = plan
        self._ledger = plan.ledger
        self._name = report
        self._mode = "a" if goes_on else "w" if force else "x"
        self._report: IO[str] | None = None
        self._open = ExitStack()
        self._folders: set[Path] = set()

    def __enter__(self) -> "Records":
        if self._name is not None:
            self._report = self._open.enter_context(self._opened(self._name))
        if self._ledger is not None and self._ledger.folder is not None:
            _make_folder(self._ledger.folder)
        self._check_ledgers()
        self._folders = self._plan.folders
        for folder in self._folders:
            remove_strays(folder, self._plan.recipe.inputs)
        if self._report is not None:
            from cnnfilter.batch.job import skipped_line

            for source in self._plan.done:
                self._write(skipped_line(source.path))
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be written was told
            if self._report is not None and self._plan.recipe.durable:
                sync(self._report)
        with suppress(OSError):
            self._open.close()
        self.remove_strays()

    def remove_strays(self) -> None:
        """Remove what workers that were ended left half written; they may end a moment later."""
        deadline = time.monotonic() + _GRACE
        for folder in self._folders:
            while (
                not remove_strays(folder, self._plan.recipe.inputs) and time.monotonic() < deadline
            ):
                time.sleep(0.01)

    def _check_ledgers(self) -> None:
        """Set aside ledgers that are damaged, and say so; where that fails, keep none."""
        if self._ledger is None:
            return
        from cnnfilter.batch.ledger import LEDGER, set_aside_damaged

        images = [each.path for each in (*self._plan.sources, *self._plan.done)]
        try:
            for folder in self._ledger.folders(images):
                path = folder / LEDGER
                if is_input(path, self._plan.recipe.inputs) and not path.is_symlink():
                    raise FileError(f"{shown(path)}: is an input itself")
                if told := set_aside_damaged(folder):
                    say(told)
        except FileError as error:
            say(f"what is done is not remembered for --skip-existing ({error})")
            self._ledger = None

    def _opened(self, name: str) -> IO[str]:
        path = nameable(name)
        check_target(path, self._plan.recipe.inputs, "refuse" if self._mode == "x" else "replace")
        try:
            if self._mode == "a" and path.is_file() and not _is_report(path):
                raise FileError(f"{shown(name)}: exists already, and is no report; name another")
            if path.exists() and not path.is_file():
                return TextIOWrapper(opened_to_write(path), "utf-8")
            cut = self._mode == "a" and path.exists() and _was_cut(path)
            report = path.open(self._mode, encoding="utf-8")
            if cut:
                report.write("\n")
            return report
        except OSError as error:
            raise FileError(f"{shown(name)}: cannot be written ({reason(error)})") from None

    @property
    def recipe(self) -> "Recipe":
        """The plan's recipe, which does not write to the report either."""
        recipe = self._plan.recipe
        if self._name is None:
            return recipe
        return replace(recipe, inputs=recipe.inputs | file_fingerprints(self._name))

    def add(self, outcome: "Outcome") -> None:
        """Remember an image that is done, and report it."""
        if self._report is not None:
            from cnnfilter.batch.job import report_line

            self._write(report_line(outcome))
        if self._ledger is None or outcome.error is not None or outcome.stamp is None:
            return
        try:
            self._ledger.remember(outcome.source, outcome.stamp, outcome.written)
        except OSError as error:
            say(f"what is done is not remembered for --skip-existing ({reason(error)})")
            self._ledger = None

    def _write(self, line: str) -> None:
        if self._report is None:
            return
        try:
            self._report.write(line + "\n")
            self._report.flush()
        except OSError as error:
            say(f"{shown(str(self._name))}: the report ends here ({reason(error)})")
            self._report = None


def _is_report(path: Path) -> bool:
    """Tell whether a file is empty, or begins as a report does."""
    with path.open("rb") as file:
        return file.read(9) in (b"", b'{"input":')


def _was_cut(path: Path) -> bool:
    """Return whether a report ends in the middle of a line: its run was killed."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _make_folder(folder: Path) -> None:
    try:
        # a/../b is b, also where there is no folder a.
        Path(os.path.realpath(folder)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{shown(folder)}: cannot be written ({reason(error)})") from None
