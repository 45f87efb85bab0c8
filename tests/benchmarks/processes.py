"""The works of whole processes: a picture from file to file, and the help.

ImageMagick and GraphicsMagick come from the distribution's packages.
"""

import subprocess
import sys
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image
from works import Peer, Run, Work, at_least, photograph

import cnnfilter
from cnnfilter.files.formats import FORMATS

SCRIPT = Path(sys.executable).with_name("cnnfilter")
COMMAND = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "cnnfilter"]
OURS = [*COMMAND, "convolve", "-k", "sharpen", "--padding", "same", "--force", "--quiet"]
#: What no run of the command can do without. It encodes our result, not the picture, which
#: takes PNG three times as long.
BARE = """import sys, numpy, typer
from PIL import Image
numpy.asarray(Image.open(sys.argv[1]))
Image.fromarray(numpy.load("filtered.npy")).save(sys.argv[2], **{options})
"""
VIPS = """import sys, pyvips
kernel = pyvips.Image.new_from_array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
image = pyvips.Image.new_from_file(sys.argv[1], access="sequential")
image.conv(kernel, precision="integer").write_to_file(sys.argv[2], **{options})
"""
TWO_LINES = "import typer\ntyper.run(lambda: None)\n"
MORPHOLOGY = ["-morphology", "Convolve", "3x3: 0,-1,0 -1,5,-1 0,-1,0"]
MATRIX = ["-convolve", "0,-1,0,-1,5,-1,0,-1,0"]
#: PNG is written as they do by themselves, JPEG in our quality and with all colours.
MAGICK_OPTIONS = {"png": [], "jpeg": ["-quality", "92", "-sampling-factor", "1x1"]}
VIPS_OPTIONS = {"png": {}, "jpeg": {"Q": 92, "subsample_mode": "off"}}


def process(*command: str, makes: str = "") -> Path | None:
    """Run a program; give the file it makes."""
    subprocess.run([*command, *[makes] * bool(makes)], check=True, capture_output=True)
    return Path(makes) if makes else None


def saving(format: str) -> dict[str, Any]:
    by_runs = {"compress_type": zlib.Z_RLE} if format == "png" else {}
    return {**FORMATS[format].save_options(is_deep=False, quality=None), **by_runs}


def bare(_pillow: ModuleType, source: str, format: str) -> Run:
    script = BARE.format(options=saving(format))
    return partial(process, sys.executable, "-c", script, source, makes=f"bare.{format}")


def image_magick(program: str, source: str, format: str) -> Run:
    options = MORPHOLOGY + MAGICK_OPTIONS[format]
    return partial(process, program, source, *options, makes=f"image-magick.{format}")


def graphics_magick(program: str, source: str, format: str) -> Run:
    options = MATRIX + MAGICK_OPTIONS[format]
    return partial(process, program, "convert", source, *options, makes=f"gm.{format}")


def libvips(_pyvips: ModuleType, source: str, format: str) -> Run:
    script = VIPS.format(options=VIPS_OPTIONS[format])
    return partial(process, sys.executable, "-c", script, source, makes=f"vips.{format}")


def from_file_to_file(mpixels: float, format: str) -> tuple[Run, tuple[object, ...]]:
    source = f"picture.{format}"
    Image.fromarray(photograph(mpixels, 3)).save(source, **saving(format))
    pixels = cnnfilter.read_image(source)
    np.save("filtered", cnnfilter.convolve(pixels, "sharpen", padding="same", dtype="uint8"))
    return partial(process, *OURS, source, "-o", makes=f"ours.{format}"), (source, format)


def two_lines(_typer: ModuleType) -> Run:
    return partial(process, sys.executable, "-c", TWO_LINES, "--help")


def process_works(quick: bool) -> Iterator[Work]:
    """List the works, none of them prepared."""
    for mpixels, format in product((0.25,) if quick else (0.25, 4), ("png", "jpeg")):
        faster = at_least(1) if mpixels == 4 else (None, None)
        yield Work(
            f"process, sharpen {format} to {format}, RGB",
            f"{mpixels} Mpixel",
            mpixels,
            {
                "imports and codec": Peer("PIL", bare, at_least(1 / 1.1)),
                "ImageMagick": Peer("magick convert-im6 convert", image_magick, faster),
                "GraphicsMagick": Peer("gm", graphics_magick),
                "libvips": Peer("pyvips", libvips),
            },
            partial(from_file_to_file, mpixels, format),
            levels=0 if format == "png" else 16,  # coders of JPEG round each in their own way
        )
    typer = {"two lines of Typer": Peer("typer", two_lines, at_least(1 / 1.15))}
    help_ = partial(process, *COMMAND, "--help")
    yield Work("process", "cnnfilter --help", 0, typer, lambda: (help_, ()))
