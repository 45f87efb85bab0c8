"""Fuzz whatever reads: malformed files and odd text end in errors of ours, or in results.

Run one target, or all of them, for a number of inputs or of seconds::

    python tests/fuzz/fuzz.py --list
    python tests/fuzz/fuzz.py --target png --runs 100000
    python tests/fuzz/fuzz.py --runs 10000000 --seconds 3600

Every input is made from the seed, which is printed, and its own number, so any of them is made
again by ``--seed S --target NAME --only NUMBER``. Inputs are tried in child processes, with a
limit on memory and on the CPU time of each: a decoder that crashes or hangs ends a child, which
is counted, and the next one goes on. The inputs that fail are kept in a folder of their own under
the system's folder for temporary files, never beside the tests.
"""

import argparse
import contextlib
import ctypes
import faulthandler
import gc
import hashlib
import json
import logging
import mmap
import os
import re
import resource
import secrets
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from common import Refused, Target  # noqa: E402 - NumPy reads these when it is loaded
from planted import PLANTED  # noqa: E402
from readers import TARGETS  # noqa: E402

from cnnfilter.errors import CnnFilterError  # noqa: E402
from cnnfilter.files.printed import catch_printed, ignore_warnings  # noqa: E402

#: MiB that an input may take beside what the process has already: Pillow's own limit is 683.
MOST_MEMORY = 1024
#: How much longer than its CPU time an input may take in all: others work, too.
PATIENCE = 12
#: Inputs that a child tries before the next one takes over: what leaks goes with it.
BATCH = 20_000
#: Inputs of all targets before it begins with the first again.
ROUND = 200_000


@dataclass
class Failure:
    """A class of failures: what happened, where, and the first input that made it happen."""

    what: str
    details: str
    number: int
    size: int
    count: int = 1


@dataclass(frozen=True)
class Plan:
    """What is tried: inputs of a target that are made from a seed, each for some seconds."""

    target: Target
    seed: int
    each: float = 5.0


@dataclass
class Tally:
    """What became of a target's inputs, and the seconds of CPU time that they took."""

    runs: int = 0
    taken: int = 0
    seconds: float = 0.0
    failures: dict[str, Failure] = field(default_factory=dict)

    def add(self, failure: Failure) -> None:
        known = self.failures.setdefault(failure.what, failure)
        if known is not failure:
            known.count += failure.count
            if failure.size < known.size:
                known.number, known.size = failure.number, failure.size
                known.details = failure.details


def made(target: Target, seed: int, number: int) -> object:
    """Make a target's input again from the seed and its number."""
    digest = hashlib.blake2b(f"{target.name} {seed} {number}".encode(), digest_size=8).digest()
    return target.make(Random(int.from_bytes(digest)))  # noqa: S311 - nothing secret


def tried(target: Target, given: object) -> tuple[bool, BaseException | None]:
    """Try an input: whether it was taken, and what was raised that is no error of ours."""
    try:
        target.run(given)
    except (CnnFilterError, Refused) as error:
        message = str(error)
        if not message or len(message) > 100_000:
            return False, AssertionError(f"an error of {len(message)} characters: {message[:80]}")
        return False, None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - to find these is what it is for
        return False, error
    return True, None


def where(trace: TracebackType | None) -> str:
    """Name the places that tell one kind of failure from another: ours, and the last one."""
    frames = traceback.extract_tb(trace)
    ours = [each for each in frames if f"{os.sep}cnnfilter{os.sep}" in each.filename]
    names = [f"{Path(each.filename).name}:{each.name}" for each in (*ours[-2:], *frames[-1:])]
    return " > ".join(dict.fromkeys(names))


class _Child:
    """Tries a batch of inputs in a process of its own, and says what came of each."""

    def __init__(self, plan: "Plan", place: mmap.mmap, report: int) -> None:
        self.target, self.seed, self.most_seconds = plan.target, plan.seed, plan.each
        self.place, self.report = place, report
        self.warned: list[str] = []
        self.output = os.memfd_create("output")

    def run(self, numbers: range, until: float) -> None:
        """Try inputs until they or the time are at their end."""
        self._guard()
        taken = 0
        for number in numbers:
            self.place[:16] = struct.pack("<qq", number, taken)
            if time.monotonic() > until:
                return
            given = made(self.target, self.seed, number)
            self.warned.clear()
            signal.setitimer(signal.ITIMER_PROF, self.most_seconds)
            was_taken, error = tried(self.target, given)
            signal.setitimer(signal.ITIMER_PROF, 0)
            taken += was_taken
            if error is not None or self.warned or os.lseek(self.output, 0, os.SEEK_CUR):
                self._tell(number, given, error)
        self.place[:16] = struct.pack("<qq", numbers.stop, taken)

    def _guard(self) -> None:
        """Set the limits, and listen to all that may be written."""
        log = os.dup(self.report)
        faulthandler.enable(log)
        faulthandler.register(signal.SIGPROF, log, chain=True)
        for number in (1, 2):
            os.dup2(self.output, number)
        sys.stdout, sys.stderr = (os.fdopen(each, "w", 1, closefd=False) for each in (1, 2))
        sys.__stderr__ = sys.stderr  # type: ignore[misc] - the command asks for it
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = taken + MOST_MEMORY * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.simplefilter("always")
        warnings.showwarning = self._hear
        logging.lastResort = None
        catch_printed()
        ignore_warnings()

    def _hear(self, message: Warning | str, category: type, filename: str, *_: object) -> None:
        words = re.sub(r"-?\d[\d.e+-]*", "N", str(message))
        self.warned.append(f"{category.__name__}: {words} ({Path(filename).name})")

    def _tell(self, number: int, given: object, error: BaseException | None) -> None:
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).fflush(None)
        length = os.lseek(self.output, 0, os.SEEK_CUR)
        written = os.pread(self.output, 2000, 0)
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        size = len(given) if isinstance(given, bytes | str) else len(repr(given))
        for warned in self.warned:
            self._write(f"warning {warned}", warned, number, size)
        self.warned.clear()
        if length:
            words = re.match(rb"\W*\w*", written)[0].decode(errors="replace")  # type: ignore[index]
            self._write(f"output {words!r} ...", written.decode(errors="replace"), number, size)
        if error is not None:
            told = "".join(traceback.format_exception(error, limit=-12))
            what = f"{type(error).__name__} at {where(error.__traceback__)}"
            self._write(what, told, number, size)

    def _write(self, what: str, details: str, number: int, size: int) -> None:
        line = {"what": what, "details": details[-4000:], "number": number, "size": size}
        os.write(self.report, json.dumps(line).encode() + b"\n")


def _batch(plan: Plan, numbers: range, until: float, tally: Tally) -> None:
    """Let a child try a batch."""
    place = mmap.mmap(-1, 16)
    place[:16] = struct.pack("<qq", numbers.start, 0)
    report = os.memfd_create("report")
    child = os.fork()
    if child == 0:
        status = 3
        try:
            _Child(plan, place, report).run(numbers, until)
            status = 0
        finally:
            os._exit(status)
    status, used = _waited(child, place, PATIENCE * plan.each)
    tally.seconds += used
    number, taken = struct.unpack("<qq", place[:16])
    with os.fdopen(report, "rb") as file:
        file.seek(0)
        others = []
        for line in file:
            try:
                tally.add(Failure(**json.loads(line)))
            except ValueError:
                others.append(line.decode(errors="replace"))
    tally.taken += taken
    if status != 0:
        tally.add(Failure(_death(status, plan.each), "".join(others[:40]), number, 0))
        number += 1
    tally.runs = number


def _waited(child: int, place: mmap.mmap, most: float) -> tuple[int, float]:
    """Wait for a child, and end it if it stays at one input for too long; return what it used."""
    last, since = b"", time.monotonic()
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        if (here := place[:8]) != last:
            last, since = here, time.monotonic()
        elif time.monotonic() - since > most:
            os.kill(child, signal.SIGKILL)
            since = time.monotonic()
        time.sleep(0.02)


def _death(status: int, each: float) -> str:
    if status > 0:
        return f"the child ended with status {status}"
    if -status == signal.SIGPROF:
        return f"over {each:g} s"
    if -status == signal.SIGKILL:
        return f"over {PATIENCE * each:g} s of waiting, or killed"
    return f"a crash: {signal.Signals(-status).name}"


class Fuzzing:
    """Trying a target's inputs, from number 0 on, some at a time."""

    def __init__(self, plan: Plan, wanted: int) -> None:
        self.plan, self.wanted, self.tally = plan, wanted, Tally()

    def go_on(self, share: float, until: float) -> None:
        """Try inputs until a share of what is wanted, or the time, is at its end."""
        stop = max(1, round(self.wanted * share))
        if self.tally.runs == 0:
            _batch(self.plan, range(1), until, self.tally)
            if not self.tally.failures:
                self._warm_up()
        while self.tally.runs < stop and time.monotonic() < until:
            begin = self.tally.runs
            _batch(self.plan, range(begin, min(stop, begin + BATCH)), until, self.tally)

    def _warm_up(self) -> None:
        """Import here what the target imports, so that no child has to."""
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tried(self.plan.target, made(self.plan.target, self.plan.seed, 0))
        gc.collect()  # a decoder with threads must end here: a child has none of them
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

    def __str__(self) -> str:
        tally = self.tally
        return (
            f"{self.plan.target.name:16}{tally.runs:9} inputs {tally.taken:9} taken "
            f"{len(tally.failures):4} kinds of failure {tally.seconds:8.1f} s of CPU"
        )


def _kept(fuzzing: Fuzzing, folder: Path) -> Iterator[str]:
    """Keep the inputs that fail, and word what they do."""
    target, seed = fuzzing.plan.target, fuzzing.plan.seed
    for number, failure in enumerate(fuzzing.tally.failures.values()):
        folder.mkdir(parents=True, exist_ok=True)
        given = made(target, seed, failure.number)
        content = given if isinstance(given, bytes) else ascii(given).encode()
        path = folder / f"{target.name}-{number}"
        path.write_bytes(content)
        yield f"  {failure.count} x {failure.what}"
        yield f"    --target {target.name} --seed {seed} --only {failure.number}: {path}"
        yield "    " + "\n    ".join(failure.details.rstrip().splitlines()[-12:])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="list the targets")
    parser.add_argument("--target", action="append", help="one of them; all by default")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs, of all targets together")
    parser.add_argument("--seconds", type=float, default=3600.0, help="the longest that it takes")
    parser.add_argument("--each", type=float, default=5.0, help="the CPU seconds of an input")
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed by default")
    parser.add_argument("--only", type=int, help="show one input, and try it in this process")
    parser.add_argument("--keep", type=Path, help="the folder for inputs that fail")
    return parser.parse_args()


def _show(target: Target, seed: int, number: int) -> None:
    given = made(target, seed, number)
    print(repr(given)[:4000])
    target.run(given)
    print("taken")


def main() -> int:
    """Run what is asked for; return 1 if anything failed."""
    asked = _arguments()
    known = {**TARGETS, **PLANTED}
    if asked.list:
        print("\n".join(f"{each.name:16}{each.share:6} {each.about}" for each in TARGETS.values()))
        return 0
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    targets = [known[name] for name in asked.target or TARGETS]
    if asked.only is not None:
        _show(targets[0], seed, asked.only)
        return 0
    print(f"seed {seed}", flush=True)
    folder = asked.keep or Path(tempfile.gettempdir()) / f"cnnfilter-fuzz-{os.getpid()}"
    shares = sum(each.share for each in targets)
    all_ = [
        Fuzzing(Plan(each, seed, asked.each), max(1, asked.runs * each.share // shares))
        for each in targets
    ]
    with contextlib.suppress(KeyboardInterrupt):  # who has seen enough is told what was seen
        _go_through(all_, -(-asked.runs // ROUND), time.monotonic() + asked.seconds)
    for each in all_:
        print(each)
        print("".join(f"{line}\n" for line in _kept(each, folder)), end="")
    runs, taken = sum(each.tally.runs for each in all_), sum(each.tally.taken for each in all_)
    failed = sum(len(each.tally.failures) for each in all_)
    print(f"{runs} inputs, {taken} taken, {failed} kinds of failure, seed {seed}")
    return 1 if failed else 0


def _go_through(all_: Sequence[Fuzzing], rounds: int, until: float) -> None:
    """Go through all targets in rounds, so that each has had its share whenever it ends."""
    begin = time.monotonic()
    for number in range(1, rounds + 1):
        for each in all_:
            each.go_on(number / rounds, until)
        if number < rounds:
            runs = sum(each.tally.runs for each in all_)
            failed = [
                f"{each.plan.target.name}: {what}" for each in all_ for what in each.tally.failures
            ]
            took = time.monotonic() - begin
            print(f"after {took:.0f} s: {runs} inputs, {len(failed)} kinds of failure", flush=True)
            print("".join(f"  {what}\n" for what in failed), end="", flush=True)
        if time.monotonic() > until:
            break


if __name__ == "__main__":
    sys.exit(main())
