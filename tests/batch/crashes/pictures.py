"""Pictures of noise, malformed ones, and what runs make of them."""

import contextlib
import io
import itertools
import json
import struct
import zlib
from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

LEDGER = ".cnnfilter-ledger.jsonl"
PART = ".cnnfilter-part"


def encoded(values: np.ndarray, suffix: str) -> bytes:
    kinds = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP", ".gif": "GIF"}
    image = Image.fromarray(values)
    if suffix == ".gif" and values.ndim == 3:
        image = image.quantize(64)
    buffer = io.BytesIO()
    image.save(buffer, kinds[suffix], lossless=True)  # WebP alone heeds this
    return buffer.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int = 60_000) -> bytes:
    """Make a PNG that claims to be larger than what is decoded."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(itertools.starmap(chunk, chunks))


NOISE = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
MALFORMED: list[tuple[str, bytes]] = [
    *((suffix, half(encoded(NOISE, suffix))) for suffix in (".png", ".jpg", ".tif", ".webp")),
    (".gif", half(encoded(NOISE[..., 0], ".gif"))),
    (".png", b"I am no image.\n"),
    (".jpg", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
    (".tif", b""),
    (".webp", b"RIFF\x10\0\0\0WEBPVP8L"),
    (".png", bomb()),
]


def spoilt_tiff() -> bytes:
    """Make a TIFF whose codes make its library complain."""
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, "TIFF", compression="tiff_lzw")
    data = buffer.getvalue()
    return data[:100] + b"\xff" * 60 + data[160:]


def make_pictures(folder: Path, count: int, side: int = 24, suffixes: str = ".png") -> list[Path]:
    """Make different pictures of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(2)
    paths = []
    for number, suffix in zip(range(count), itertools.cycle(suffixes.split())):
        values = random.integers(0, 256, (side, side, 3), np.uint8)
        paths.append(folder / f"{number:04}{suffix}")
        paths[-1].write_bytes(encoded(values, suffix))
    return paths


def pooled(path: Path) -> np.ndarray:
    """Return the largest value of each two by two pixels, by a plain loop."""
    with Image.open(path) as image:
        values = np.asarray(image)
    height, width = values.shape[0] // 2, values.shape[1] // 2
    result = np.empty((height, width, *values.shape[2:]), values.dtype)
    for row in range(height):
        for column in range(width):
            window = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            result[row, column] = window.max((0, 1))
    return result


def decoded(data: bytes) -> np.ndarray:
    """Decode a whole picture; one that is cut short raises."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def files_below(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, hidden or not, besides ledgers."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # one being written is renamed or removed
            if path.is_file() and path.name != LEDGER:
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def results_below(folder: Path) -> dict[str, bytes]:
    """Read all files with a final name; each can be decoded."""
    found = {name: data for name, data in files_below(folder).items() if not name.endswith(PART)}
    for name, data in found.items():
        try:
            decoded(data)
        except OSError as error:
            raise AssertionError(f"{name} is not whole: {error}") from None
    return found


def parts_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f"*{PART}"))


class Line(TypedDict, total=False):
    """A line of a report."""

    input: str
    outputs: list[str]
    error: str
    milliseconds: float


def read_report(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]
