"""Read every file of a folder, and write it in every format, next to independent readers.

    python -m tests.corpora.corpus FOLDER --table table.tsv

Each file is read by cnnfilter and by readers of other people, and the numbers are compared;
then ``cnnfilter convolve -k identity --padding same`` writes it in each format, which is read
back by both. A line of the table says for each: equal, said (less than the file holds, and that
is said), refused, or different. It ends with status 1 if anything differs without a reason in
explained.tsv.
"""

import argparse
import contextlib
import io
import random
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from cnnfilter.errors import CnnFilterError
from cnnfilter.files.formats import FORMATS
from cnnfilter.files.image import MAX_PIXELS, Image
from cnnfilter.files.read import read_frames

from .comparing import difference, turned
from .metadata import orientations, unlike
from .readers import READERS, Facts, Picture, Reader
from .writing import Written, joined, lost, write_all

EXPLAINED = Path(__file__).with_name("explained.tsv")
#: Names that are no image's, and are not asked about.
_PASSED_OVER = {
    ".c", ".cpp", ".h", ".py", ".txt", ".md", ".html", ".rst", ".cmake", ".sh", ".go", ".pm",
    ".pl", ".t", ".out", ".in", ".am", ".ac", ".m4", ".man", ".xml", ".svg", ".css", ".js",
}  # fmt: skip


class Line(NamedTuple):
    """A line of the table: a file, what was tried with it, and how it went."""

    file: str
    task: str
    result: str
    words: str


class Table:
    """The lines, each with its reason where another reader is at fault.

    Parameters
    ----------
    path : Path or None
        A file that gets each line at once.
    """

    def __init__(self, path: Path | None) -> None:
        self.lines: list[Line] = []
        self._file = None if path is None else path.open("w", 1)
        self._reasons = [
            line.split("\t")
            for line in EXPLAINED.read_text().splitlines()
            if line and not line.startswith("#")
        ]

    def add(self, file: str, task: str, result: str, words: str = "") -> None:
        if result == "different":
            for names, tasks, reason in self._reasons:
                if fnmatch(file, names) and fnmatch(f"{task}: {words}", tasks):
                    result, words = "explained", f"{words} ({reason})"
                    break
        line = Line(file, task, result, " ".join(words.split()))
        self.lines.append(line)
        if self._file is not None:
            self._file.write("\t".join(line) + "\n")

    def counts(self, tasks: str) -> Counter[str]:
        return Counter(line.result for line in self.lines if line.task.startswith(tasks))


class Corpus:
    """The files of a folder and what is made of them.

    Parameters
    ----------
    folder : Path
    table : Table
    largest : int
        Pixels of a picture; larger ones are passed over.
    readers : sequence of Reader
    """

    def __init__(self, folder: Path, table: Table, largest: int, readers: Sequence[Reader]) -> None:
        self.table = table
        self._folder, self._largest, self._readers = folder, largest, readers
        self.paths = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix.lower() not in _PASSED_OVER and path.stat().st_size
        ]
        self._turns = orientations(self.paths)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folder))

    def read(self) -> list[Path]:
        """Read every file; return those that were read."""
        return [path for path in self.paths if self._read(path) is not None]

    def _read(self, path: Path) -> Sequence[Image] | None:
        name = self._name(path)
        try:
            images = self._images(path, self._largest)
        except CnnFilterError as error:
            self._add_refusal(name, "read", str(error))
            return None
        except Exception:  # noqa: BLE001 - a bug is what is looked for
            self.table.add(name, "read", "different", traceback.format_exc().splitlines()[-1])
            return None
        said = "; ".join(note for image in images for note in image.notes)
        self._compare(path, name, "read", images)
        self.table.add(name, "read", "said" if said else "equal", said)
        return images

    def _images(self, path: Path, most: int = MAX_PIXELS) -> Sequence[Image]:
        with contextlib.redirect_stderr(io.StringIO()):
            return list(read_frames(path, most))

    def _add_refusal(self, name: str, task: str, words: str) -> None:
        one_line = "\n" not in words and "Traceback" not in words
        if "raise --max-pixels" in words:
            self.table.add(name, task, "passed over", words)
        else:
            self.table.add(name, task, "refused" if one_line else "different", words)

    def _compare(self, path: Path, name: str, task: str, images: Sequence[Image]) -> None:
        """Compare what was read with what others have."""
        facts = Facts(_format(path, images), len(images))
        for reader in self._readers:
            if facts.format not in reader.formats or _is_converted(images):
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    others = reader.read(path, facts)
            except Exception as error:  # noqa: BLE001 - another's failure is no matter of ours
                words = f"{type(error).__name__}: {error}"
                self.table.add(name, f"{task} by {reader.name}", "cannot", words[:150])
                continue
            if others is None:
                continue
            found = difference(images, self._upright(path, facts, reader, others),
                               reader.within.get(facts.format, 0),
                               reader.about.get(facts.format, 0))  # fmt: skip
            self.table.add(
                name, f"{task} by {reader.name}", "different" if found else "equal", found
            )

    def _upright(
        self, path: Path, facts: Facts, reader: Reader, others: Sequence[Picture]
    ) -> Sequence[Picture]:
        turn = 1 if facts.format in reader.turns else self._turns.get(path, 1)
        return [turned(picture, turn) for picture in others]

    def write(self, paths: Sequence[Path], formats: Sequence[str], folder: Path) -> None:
        """Write files in formats, and compare what is read back."""
        made: list[tuple[Path, Path, str]] = []
        for format in formats:
            outcomes = write_all(paths, format, folder / format)
            for path, written in outcomes.items():
                self._judge(path, format, written)
                if len(written.paths) == 1:
                    made.append((path, written.paths[0], written.notes))
        for source, result, words in unlike(made):
            self.table.add(self._name(source), f"metadata in {result.suffix}", "different", words)

    def _judge(self, path: Path, format: str, written: Written) -> None:
        name, task = self._name(path), f"write {format}"
        if not written.paths:
            self._add_refusal(name, task, written.error)
            return
        try:
            before, files = self._images(path), [self._images(file) for file in written.paths]
            found = lost(before, joined(files), format, written.notes)
            self._compare(written.paths[0], name, task, files[0])
        except Exception as error:  # noqa: BLE001 - that it cannot be read back is a finding
            found = f"{type(error).__name__}: {error}"
        result = "different" if found else "said" if written.notes else "equal"
        self.table.add(name, task, result, found or written.notes)


def _format(path: Path, images: Sequence[Image]) -> str:
    """Return the format of a file, for the choice of its readers."""
    return "pfm" if path.suffix.lower() == ".pfm" else images[0].format


def _is_converted(images: Sequence[Image]) -> bool:
    """Return whether colours went through a profile, which each reader does in its own way."""
    return any(
        "CMYK" in note or "print colours" in note for image in images for note in image.notes
    )


def _show(table: Table) -> int:
    for line in table.lines:
        if line.result == "different":
            print(*line, sep="\t")
    tasks = {line.task.split(" by ")[0] for line in table.lines}
    for task in sorted(tasks):
        own = Counter(line.result for line in table.lines if line.task == task)
        others = table.counts(f"{task} by ")
        print(f"{task}: {_words(own)}" + (f"; next to others: {_words(others)}" if others else ""))
    total = Counter(line.result for line in table.lines)
    print(f"in all: {_words(total)}")
    return 1 if total["different"] else 0


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {result}" for result, number in sorted(counts.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    able = [name for name, format in FORMATS.items() if not format.unwritable]
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--formats",
        nargs="*",
        choices=able,
        default=able,
        metavar="FORMAT",
        help="to write; all by default",
    )
    parser.add_argument("--readers", nargs="*", help="names of those to ask; all by default")
    parser.add_argument("--largest", type=int, default=4_000_000, help="pixels of a picture")
    parser.add_argument("--sample", type=int, help="of the read ones, how many to write")
    parser.add_argument("--table", type=Path, help="a file for all lines, as TSV")
    parser.add_argument("--keep", type=Path, help="a folder for what is written")
    return parser.parse_args()


@contextlib.contextmanager
def _room(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> int:
    """Go through a folder; return 1 if anything differs."""
    asked = _arguments()
    here = [reader for reader in READERS if reader.is_here]
    for reader in READERS:
        if reader not in here:
            print(f"passed over, as it is not installed: {reader.name} ({reader.needs})")
    if asked.readers is not None:
        here = [reader for reader in here if reader.name in asked.readers]
    with _room(asked.keep) as folder:
        corpus = Corpus(asked.folder, Table(asked.table), asked.largest, here)
        readable = corpus.read()
        print(f"{len(corpus.paths)} files, {len(readable)} read", flush=True)
        if asked.sample is not None and asked.sample < len(readable):
            readable = sorted(random.Random(0).sample(readable, asked.sample))  # noqa: S311
            print(f"{len(readable)} of them written", flush=True)
        corpus.write(readable, asked.formats, folder)
    return _show(corpus.table)


if __name__ == "__main__":
    sys.exit(main())
