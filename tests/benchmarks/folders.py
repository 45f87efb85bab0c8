"""How fast folders of photographs are worked through, beside programs under ``xargs -P``.

Run from an environment with cnnfilter::

    python tests/benchmarks/folders.py

All sharpen the same photographs into the same format on all cores: cnnfilter by one command,
the others by as many processes as there are cores. ImageMagick and GraphicsMagick get many
files at a time, libvips one, as its program takes no more; each process has one thread. All
four come from the distribution's packages. A ratio is a peer's time divided by ours.
"""

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from processes import COMMAND, MAGICK_OPTIONS, MATRIX, MORPHOLOGY
from rich import box
from rich.console import Console
from rich.table import Table
from skimage import data
from works import US, Run

SUFFIXES = {"jpeg": "jpg", "png": "png"}
SHARPEN = "3 3\n0 -1 0\n-1 5 -1\n0 -1 0\n"
VIPS_OPTIONS = {"jpeg": "[Q=92,subsample-mode=off]", "png": ""}
#: By which JPEG's coders may differ; what was sharpened beyond 0 to 255 rings.
LEVELS = {"jpeg": 24, "png": 0}
#: Of the border, which each fills in its own way.
BORDER = 8
#: Rounds, and the seconds after which no other is begun.
ROUNDS, LONG = 3, 60
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MAGICK_THREAD_LIMIT", "VIPS_CONCURRENCY"), "1")


@dataclass(frozen=True)
class Folder:
    """Photographs to be made, and how fast we are to be beside each peer."""

    count: int
    size: int
    format: str
    limits: Mapping[str, float]

    @property
    def name(self) -> str:
        return f"{self.count} of {self.size}x{self.size}, {self.format}"


def photographs(folder: Folder) -> None:
    """Write photographs: pieces of a few, each turned and placed in its own way."""
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    chance = np.random.default_rng(0)
    Path("in").mkdir()
    for number in range(folder.count):
        picture = Image.fromarray(sources[number % 4])
        scale = 1.3 * folder.size / min(picture.size)
        picture = picture.resize([round(length * scale) for length in picture.size])
        left, top = (int(chance.integers(0, length - folder.size)) for length in picture.size)
        picture = picture.crop((left, top, left + folder.size, top + folder.size))
        if number % 8 >= 4:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture.save(f"in/{number:04}.{SUFFIXES[folder.format]}", quality=90)


def under_xargs(command: list[str], at_once: int, out: str) -> Path:
    """Give the names of all photographs to as many processes as there are cores."""
    xargs = ["xargs", "-0", "-P", str(os.cpu_count()), "-n", str(at_once)]
    names = "\0".join(sorted(map(str, Path("in").iterdir())))
    Path(out).mkdir()
    subprocess.run(
        [*xargs, *command], input=names.encode(), check=True, env=os.environ | ONE_THREAD
    )
    return Path(out)


def ours(out: str) -> Path:
    options = ["convolve", "-k", "sharpen", "--padding", "same", "--quiet"]
    subprocess.run([*COMMAND, *options, "in", "-o", out], check=True)
    return Path(out)


def peers(folder: Folder) -> Iterator[tuple[str, Run]]:
    """Give what is installed."""
    at_once = max(1, folder.count // (4 * (os.cpu_count() or 1)))
    magick = MAGICK_OPTIONS[folder.format]
    for program in ("mogrify", "mogrify-im6"):
        if shutil.which(program):
            command = [program, "-path", "im", *MORPHOLOGY, *magick]
            yield "ImageMagick", partial(under_xargs, command, at_once, "im")
            break
    if shutil.which("gm"):
        command = [
            "gm",
            "mogrify",
            "-create-directories",
            "-output-directory",
            "gm",
            *MATRIX,
            *magick,
        ]
        yield "GraphicsMagick", partial(under_xargs, command, at_once, "gm")
    if shutil.which("vips"):
        Path("sharpen.mat").write_text(SHARPEN)
        result = f"vips/$(basename $0){VIPS_OPTIONS[folder.format]}"
        script = f'vips conv $0 "{result}" sharpen.mat --precision integer'
        yield "libvips", partial(under_xargs, ["sh", "-c", script], 1, "vips")


def results(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("[!.]*") if path.is_file())


def check_agreement(wanted: Path, given: Path, levels: int) -> None:
    """Raise AssertionError unless the first photographs are sharpened alike."""
    assert len(results(wanted)) == len(results(given)), given
    for pair in list(zip(results(wanted), results(given), strict=True))[:4]:
        one, other = (np.asarray(Image.open(path), np.int16) for path in pair)
        difference = np.abs(one - other)[BORDER:-BORDER, BORDER:-BORDER]
        assert np.quantile(difference, 0.999) <= levels, f"{given}: {difference.max()} levels"


def measured(folder: Folder) -> dict[str, tuple[float, float]]:
    """Give each one's median seconds and the megabytes of its results, timed in turn."""
    begin = time.perf_counter()
    with TemporaryDirectory() as place, chdir(place):
        photographs(folder)
        runs: dict[str, Run] = {US: partial(ours, US), **dict(peers(folder))}
        times: dict[str, list[float]] = {name: [] for name in runs}
        sizes = {}
        while len(times[US]) < ROUNDS and time.perf_counter() - begin < LONG:
            for name, run in runs.items():
                start = time.perf_counter()
                made = run()
                times[name].append(time.perf_counter() - start)
                sizes[name] = sum(path.stat().st_size for path in results(made)) / 1e6
                if name != US:
                    check_agreement(Path(US), made, LEVELS[folder.format])
                    shutil.rmtree(made)
            shutil.rmtree(US)
        return {name: (median(each), sizes[name]) for name, each in times.items()}


def folders(quick: bool) -> Iterator[Folder]:
    limits = {"ImageMagick": 3, "GraphicsMagick": 3, "libvips": 0.95}
    for format in SUFFIXES:
        for count, size in ((4, 64),) if quick else ((500, 512), (50, 2048)):
            yield Folder(count, size, format, {} if quick else limits)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few small pictures, once")
    quick = parser.parse_args().quick
    headings = ("photographs", "", "images a second", "MB written", "times as fast as it")
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for folder in folders(quick):
        figures = measured(folder)
        for name, (seconds, megabytes) in figures.items():
            ratio = seconds / figures[US][0]
            limit = folder.limits.get(name)
            verdict = "" if limit is None else f" {'✓' if ratio >= limit else '✗'} {limit:g}"
            cells = (f"{folder.count / seconds:.1f}", f"{megabytes:.1f}", f"{ratio:.2f}{verdict}")
            table.add_row(folder.name if name == US else "", name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
