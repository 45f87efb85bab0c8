"""Records of a run: its ledger and report; and the removal of stray files."""

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnnfilter.cli.printing import say
from cnnfilter.errors import FileError
from cnnfilter.files.encoding import Output
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
    from cnnfilter.batch.job import Outcome
    from cnnfilter.batch.plan import Plan
    from cnnfilter.batch.recipe import Recipe


#: Seconds to wait for workers to exit.
_GRACE = 0.5


class Records:
    """The ledger and the report of a run, while it is entered.

    Parameters
    ----------
    plan : Plan
    report : str or None
        The report's path.
    force : bool
        Whether an existing report is replaced.
    goes_on : bool
        Whether lines are added to an existing report.

    Attributes
    ----------
    has_failed : bool
        Whether the report is not whole.

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
        self.has_failed = False
        self._open = ExitStack()
        self._folders: set[Path] = set()

    def __enter__(self) -> "Records":
        if self._name is not None:
            self._report = self._open.enter_context(self._opened(self._name))
        if self._ledger is not None and self._ledger.folder is not None and self._plan.sources:
            _make_folder(self._ledger.folder)
        self._check_ledgers()
        self._folders = self._plan.folders
        for folder in self._folders:
            remove_strays(folder, self._plan.recipe.inputs)
        if self._report is not None:
            from cnnfilter.batch.job import left_out_line, skipped_line

            for source in self._plan.done:
                self._write(skipped_line(source.name))
            for file in self._plan.left_out:
                self._write(left_out_line(file))
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # which was reported before
            if self._report is not None and self._plan.recipe.durable:
                sync(self._report)
        with suppress(OSError):
            self._open.close()
        self.remove_strays()

    def remove_strays(self) -> None:
        """Remove part files of workers that were ended, which may take a moment to exit."""
        deadline = time.monotonic() + _GRACE
        for folder in self._folders:
            while (
                not remove_strays(folder, self._plan.recipe.inputs) and time.monotonic() < deadline
            ):
                time.sleep(0.01)

    def _check_ledgers(self) -> None:
        """Set damaged ledgers aside; if that fails, keep none in this run."""
        if self._ledger is None:
            return
        from cnnfilter.batch.ledger import LEDGER, set_aside_damaged

        images = [source.path for source in (*self._plan.sources, *self._plan.done)]
        try:
            for folder in self._ledger.folders(images):
                path = folder / LEDGER
                if is_input(path, self._plan.recipe.inputs) and not path.is_symlink():
                    raise FileError(f"{shown(path)}: is an input itself")
                if message := set_aside_damaged(folder):
                    say(message)
        except FileError as error:
            say(f"cannot write the ledger ({error}); --skip-existing will not know this run")
            self._ledger = None

    def _opened(self, name: str) -> IO[str]:
        path = nameable(name)
        existing = "refuse" if self._mode == "x" else "replace"
        check_target(Output(path, existing=existing), self._plan.recipe.inputs)
        try:
            if self._mode == "a" and path.is_file() and not _is_report(path):
                raise FileError(f"{shown(name)}: exists already, and is not a report; name another")
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
        """The plan's recipe, whose outputs may not replace the report."""
        recipe = self._plan.recipe
        if self._name is None:
            return recipe
        return replace(recipe, inputs=recipe.inputs | file_fingerprints(self._name))

    def add(self, outcome: "Outcome") -> None:
        """Record an outcome in the report and in the ledger."""
        if self._report is not None:
            from cnnfilter.batch.job import report_line

            self._write(report_line(outcome))
        if self._ledger is None or outcome.error is not None or outcome.stamp is None:
            return
        try:
            self._ledger.remember(outcome.source, outcome.stamp, outcome.written)
        except OSError as error:
            say(
                f"cannot write the ledger ({reason(error)}); --skip-existing will not know this run"
            )
            self._ledger = None

    def _write(self, line: str) -> None:
        if self._report is None:
            return
        try:
            self._report.write(line + "\n")
            self._report.flush()
        except BrokenPipeError:  # its reader has seen enough
            self._report = None
        except OSError as error:
            say(f"{shown(str(self._name))}: the report ends here ({reason(error)})")
            self._report, self.has_failed = None, True


def _is_report(path: Path) -> bool:
    """Return whether a file is empty or begins as a report does."""
    with path.open("rb") as file:
        return file.read(9) in (b"", b'{"input":')


def _was_cut(path: Path) -> bool:
    """Return whether a report ends within a line: its run was killed."""
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
