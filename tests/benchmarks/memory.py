"""How near the figure of --dry-run is to the memory that a run takes at its peak.

Run from an environment that has cnnfilter::

    python tests/benchmarks/memory.py --quick

Each command is run twice: with --dry-run, whose figure is read, and without, whose peak is
measured. A peak is the sum over a run's processes of what each held at its most (Linux's
VmHWM), so pages that two processes share count twice. A row has the ratio figure / peak,
which is to be from 1 to 1.25; the script ends with status 1 where one is not.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None

#: A process begins with its parent's peak, so each is started by one that is small.
LAUNCHER = """
import os, sys, time

def status(pid):
    peak = 0
    try:
        with open(f"/proc/{pid}/status") as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    peak = int(line.split()[1])
    except OSError:
        pass
    return peak

def family(pid):
    found = [pid]
    for each in found:
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/children") as children:
                    found += map(int, children.read().split())
        except OSError:
            pass
    return found

first = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
peaks = {}
while True:
    for pid in family(first):
        peaks[pid] = status(pid) or peaks.get(pid, 0)  # what it was before exec does not count
    ended, code, usage = os.wait4(first, os.WNOHANG)
    if ended:
        break
    time.sleep(0.004)
peaks[first] = usage.ru_maxrss
with open(os.environ["PEAK"], "w") as file:
    file.write(str(sum(peaks.values())))
sys.exit(os.waitstatus_to_exitcode(code))
"""

#: Bounds of the ratio.
LEAST, MOST = 1.0, 1.25
#: Megapixels to height and width.
SIZES = {1: (866, 1155), 4: (1732, 2309), 24: (4000, 6000), 100: (8334, 12000)}
#: The largest that --quick measures.
QUICK = 4


def waves(size: tuple[int, int], channels: int, seed: int = 0) -> np.ndarray:
    """Make what compresses as photographs do: broad waves, and noise of a few steps."""
    rng = np.random.default_rng(seed)
    height, width = size
    rows = np.sin(np.arange(height) / 97)[:, None] * 50
    columns = np.cos(np.arange(width) / 61)[None] * 50
    planes = []
    for channel in range(channels):
        noise = rng.integers(-4, 5, size, np.int8)
        plane = np.empty(size, np.uint8)
        for top in range(0, height, 256):
            part = slice(top, top + 256)
            plane[part] = 120 + 8 * channel + rows[part] + columns + noise[part]
        planes.append(plane)
    return planes[0] if channels == 1 else np.stack(planes, axis=-1)


def save_picture(path: Path, size: tuple[int, int], mode: str = "RGB", **options: object) -> None:
    """Write a picture of a mode of Pillow's."""
    if mode == "I;16":
        pixels = waves(size, 1).astype(np.uint16) * 200
        Image.fromarray(pixels).save(path, **options)
        return
    if mode == "deep":
        import tifffile

        tifffile.imwrite(path, waves(size, 3).astype(np.uint16) * 200, photometric="rgb")
        return
    pixels = waves(size, 3 if mode == "P" else len(mode))
    picture = Image.fromarray(pixels)
    (picture.quantize(64) if mode == "P" else picture).save(path, **options)


def save_array(path: Path, size: tuple[int, int], dtype: str, channels: int = 3) -> None:
    """Write an array of numbers."""
    numbers = waves(size, channels).astype(dtype)
    if path.suffix == ".npy":
        np.save(path, numbers)
    elif path.suffix == ".npz":
        np.savez_compressed(path, numbers)
    elif path.suffix == ".tif":
        import tifffile

        tifffile.imwrite(path, numbers)
    elif path.suffix == ".json":
        rows = (f"[{', '.join(map(str, row))}]" for row in numbers.tolist())
        path.write_text(f"[{', '.join(rows)}]")
    else:
        np.savetxt(path, numbers, fmt="%d", delimiter="," if path.suffix == ".csv" else "\t")


def save_jxl(path: Path, size: tuple[int, int]) -> None:
    """Write a JPEG XL, with the extra codecs."""
    from imagecodecs import jpegxl_encode

    path.write_bytes(jpegxl_encode(waves(size, 3), lossless=True, effort=3))


def save_deep_jp2(path: Path, size: tuple[int, int]) -> None:
    """Write a JPEG 2000 in 16-bit colours, with the extra codecs."""
    from imagecodecs import jpeg2k_encode

    values = waves(size, 3).astype(np.uint16) * 200
    path.write_bytes(jpeg2k_encode(values, level=0, reversible=True, codecformat="jp2"))


PHOTO = "rgb.jpg"
#: The inputs' names to how they are made.
INPUTS: dict[str, Callable[..., None]] = {
    PHOTO: partial(save_picture, quality=92),
    "progressive.jpg": partial(save_picture, quality=92, progressive=True),
    "grey.jpg": partial(save_picture, mode="L", quality=92),
    "rgb.png": partial(save_picture, compress_type=3, compress_level=1),
    "grey.png": partial(save_picture, mode="L", compress_level=1),
    "rgba.png": partial(save_picture, mode="RGBA", compress_level=1),
    "palette.png": partial(save_picture, mode="P", compress_level=1),
    "grey16.png": partial(save_picture, mode="I;16", compress_level=1),
    "rgb.tif": partial(save_picture, compression="tiff_adobe_deflate"),
    "plain.tif": save_picture,
    "grey16.tif": partial(save_picture, mode="I;16"),
    "rgb16.tif": partial(save_picture, mode="deep"),
    "rgb.webp": partial(save_picture, lossless=True, quality=0, method=0),
    "lossy.webp": partial(save_picture, quality=80, method=0),
    "rgb.bmp": save_picture,
    "palette.gif": partial(save_picture, mode="P"),
    "rgb.ppm": save_picture,
    "rgb.jp2": save_picture,
    "rgb.avif": partial(save_picture, quality=80, speed=10),
    "rgb.jxl": save_jxl,
    "rgb16.jp2": save_deep_jp2,
    "uint8.npy": partial(save_array, dtype="uint8"),
    "float32.npy": partial(save_array, dtype="float32"),
    "float64.npy": partial(save_array, dtype="float64"),
    "uint8.npz": partial(save_array, dtype="uint8"),
    "float.tif": partial(save_array, dtype="float32"),
    "grey.csv": partial(save_array, dtype="uint8", channels=1),
    "grey.tsv": partial(save_array, dtype="uint8", channels=1),
    "grey.json": partial(save_array, dtype="uint8", channels=1),
    "rgb.json": partial(save_array, dtype="uint8"),
}


@dataclass(frozen=True)
class Case:
    """A command to measure.

    Attributes
    ----------
    command : str
        Words between ``cnnfilter`` and the image, with ``{out}`` for the folder of results.
    input : str
        Its image, from `INPUTS`.
    output : str
        What stands after ``-o``; nothing where the command says itself what it writes.
    images : int
        How many copies of the image it is given.
    quick : bool
        Whether --quick measures it, too.
    """

    command: str
    input: str = PHOTO
    output: str = "{out}/a.png"
    images: int = 1
    quick: bool = False

    @property
    def title(self) -> str:
        """What a person reads."""
        times = f" x {self.images}" if self.images > 1 else ""
        wrote = self.output.replace("{out}/", "")
        return f"{self.command.replace('{out}/', '')} {self.input}{times} {wrote}".strip()


SHARPEN = "convolve -k sharpen"
#: For the largest inputs of text, which take minutes.
SLOW = {"grey.csv", "grey.tsv", "grey.json", "rgb.json"}
NETWORK = "'convolve kirsch padding=same | relu | pool 2'"
QUICKLY = {PHOTO, "rgb.png", "rgba.png", "grey16.tif", "float32.npy"}


def cases() -> Iterator[Case]:
    """Give all cases: inputs, outputs, commands, workers, drawings."""
    for name in INPUTS:
        yield Case(SHARPEN, name, quick=name in QUICKLY)
    for suffix in ("jpg", "tif", "webp", "bmp", "gif", "ppm", "jp2", "avif", "jxl", "npy", "npz",
                   "csv", "tsv", "json"):  # fmt: skip
        quick = suffix in ("jpg", "tif", "webp", "npy", "json")
        yield Case(SHARPEN, output=f"{{out}}/a.{suffix}", quick=quick)
    for suffix in ("png", "tif", "webp", "jp2", "avif", "npy"):
        yield Case(SHARPEN, "rgba.png", f"{{out}}/a.{suffix}")
    for suffix in ("png", "tif", "ppm", "jp2"):
        yield Case(SHARPEN, "grey16.tif", f"{{out}}/a.{suffix}")
    for suffix in ("tif", "jp2", "jxl"):
        yield Case(SHARPEN, "rgb16.tif", f"{{out}}/a.{suffix}")
    yield Case(f"{SHARPEN} --quality 90", output="{out}/a.jxl")
    yield Case(f"{SHARPEN} --format float", output="{out}/a.tif")
    yield Case(f"{SHARPEN} --compression small")
    yield Case(f"{SHARPEN} --compression small", output="{out}/a.webp")
    for words in (
        "convolve -k sobel-x --range minmax",
        "convolve -k sobel-x --range symmetric",
        "convolve -k sobel-x --range abs",
        "convolve -k sobel-x -k sobel-y --combine l2",
        "convolve -k sobel-x -k sobel-y --combine l2 --channels gray",
        "convolve -k edge --channels gray",
        "convolve -k edge --channels sum",
        "convolve -k gaussian:31,5 --padding same",
        "convolve -k gabor --padding same",
        "convolve -k sharpen --padding same --border reflect",
        "convolve -k sharpen --depth 16",
        "pipeline 'convolve sharpen padding=same | relu | pool 2'",
        "pipeline 'gray | convolve edge | relu'",
        "pipeline 'resize 1000x1000 | convolve edge'",
        "pipeline 'convolve sharpen | convolve sharpen | pool 3 stride=1'",
        "pipeline 'scale | convolve edge | sigmoid'",
    ):
        yield Case(words, quick="gray" in words)
    for words in ("convolve -k kirsch", "convolve -k sobel-x -k sobel-y"):
        yield Case(words, output="{out}/maps/")
        yield Case(words, output="{out}/a.npy")
    for mode in ("max", "min", "average", "median", "sum", "l2"):
        yield Case(f"pool --mode {mode}", quick=mode in ("max", "average"))
    yield Case("pool --size 3 --stride 1 --padding 1")
    yield Case("pool --size 3 --stride 1 --padding 1 --mode average")
    yield Case("pool", "rgba.png")
    yield Case("pool", "float32.npy", "{out}/a.npy")
    for space in ("rgb", "hsv", "lab", "lch", "luv", "xyz", "ycbcr", "yuv", "yiq"):
        quick = space in ("rgb", "lab")
        yield Case(f"split-channels --space {space}", output="{out}/maps/", quick=quick)
    yield Case("split-channels --as tint", output="{out}/maps/")
    yield Case("split-channels --space lab --as tint", output="{out}/maps/")
    yield Case("split-channels", "rgba.png", "{out}/maps/")
    yield Case("pipeline digits", output="", quick=True)
    yield Case("pipeline digits", "rgba.png", output="")
    yield Case("pipeline digits --stages {out}/layers", output="")
    yield Case(f"pipeline {NETWORK}", output="{out}/maps/")
    yield Case(f"pipeline {NETWORK} --stages {{out}}/layers", output="{out}/maps/", quick=True)
    yield Case(f"{SHARPEN} --print", output="")
    yield Case("pool --size 64 --print", output="")
    for executor in ("threads", "processes"):
        yield Case(f"{SHARPEN} --jobs 2 --executor {executor}", images=4, output="{out}/maps/",
                   quick=True)  # fmt: skip
        yield Case(f"{SHARPEN} --jobs 4 --executor {executor}", images=8, output="{out}/maps/")
        yield Case(f"pool --jobs 2 --executor {executor}", "rgb.png", "{out}/maps/", images=4)
    yield Case(f"{SHARPEN} --jobs 1", images=4, output="{out}/maps/")
    for option, suffix in (("plot", "png"), ("plot", "pdf"), ("plot", "svg"), ("sheet", "png"),
                           ("animate", "gif"), ("animate", "webp")):  # fmt: skip
        yield Case(f"{SHARPEN} --{option} {{out}}/a.{suffix}", output="", quick=suffix != "svg")
    for option, suffix in (("plot", "png"), ("sheet", "png"), ("animate", "gif")):
        yield Case(f"pool --{option} {{out}}/a.{suffix}", output="")
        yield Case(f"pipeline {NETWORK} --{option} {{out}}/a.{suffix}", output="")
        yield Case(f"pipeline digits --{option} {{out}}/a.{suffix}", output="")
        if option != "animate":
            yield Case(f"split-channels --space lab --{option} {{out}}/a.{suffix}", output="")
    yield Case(f"{SHARPEN} --plot {{out}}/b.png")


def run(words: list[str]) -> tuple[int, str]:
    """Run cnnfilter; give the bytes of its peak and what it says on standard error."""
    with tempfile.NamedTemporaryFile("r") as file:
        small = [sys.executable, "-S", "-E", "-c", LAUNCHER]
        cnnfilter = [sys.executable, "-m", "cnnfilter", *words]
        done = subprocess.run(
            [*small, *cnnfilter],
            env=os.environ | {"PEAK": file.name},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"memory: {' '.join(words)}\n{done.stderr}")
        return int(file.read()) * 1024, done.stderr


def measured(case: Case, image: Path, folder: Path) -> tuple[float, float]:
    """Measure a case in MiB: the figure beforehand, and the peak."""
    import shlex

    copies = [image]
    if case.images > 1:
        copies = [folder / f"{number}{image.suffix}" for number in range(case.images)]
        for copy in copies:
            os.link(image, copy)
    command = shlex.split(case.command.format(out=folder))
    output = ["-o", case.output.format(out=folder)] if case.output else []
    words = [*command, *map(str, copies), *output]
    _, told = run([*words, "--dry-run"])
    figure = re.search(r"about ([\d,]+) MiB", told)
    if figure is None:
        sys.exit(f"memory: no figure in {told!r}")
    peak, _ = run(words)
    return float(figure[1].replace(",", "")), peak / 2**20


def main() -> None:
    """Measure, and print a row for each case and size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"a few cases, {QUICK} megapixels")
    parser.add_argument("--sizes", default="", help="megapixels, such as 1,24")
    parser.add_argument("--only", default="", help="cases whose title has these words")
    parser.add_argument("--images", help="a folder that keeps the images for the next time")
    asked = parser.parse_args()
    sizes = [int(each) for each in asked.sizes.split(",") if each]
    sizes = sizes or ([QUICK] if asked.quick else list(SIZES))
    chosen = [
        each for each in cases() if asked.only in each.title and (each.quick or not asked.quick)
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        images = Path(asked.images or f"{scratch}/images")
        images.mkdir(parents=True, exist_ok=True)
        print(f"{'ratio':>6} {'figure':>7} {'peak':>7}  MP  command")
        for size in sizes:
            for case in chosen:
                if size > 24 and case.input in SLOW:
                    continue
                image = images / f"{size}-{case.input}"
                if not image.exists():
                    INPUTS[case.input](image, SIZES[size])
                results = Path(scratch, "results")
                results.mkdir()
                figure, peak = measured(case, image, results)
                shutil.rmtree(results)
                ratio = figure / peak
                fits = LEAST <= ratio <= MOST
                wrong += not fits
                mark = " " if fits else "*"
                print(
                    f"{ratio:6.2f}{mark}{figure:7.0f} {peak:7.0f} {size:3d}  {case.title}",
                    flush=True,
                )
    if wrong:
        sys.exit(f"memory: {wrong} figure(s) outside {LEAST} to {MOST}")


if __name__ == "__main__":
    main()
