"""Small files of every structure that other people's programs write, and what is right.

Each is made by a library or byte by byte, and states the numbers that it holds by the way it was
made, or the words that a refusal must have. ``python -m tests.corpora.structures FOLDER`` writes
them all.
"""

import argparse
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array


class Right(NamedTuple):
    """The numbers of a frame or page, as they must be read."""

    pixels: Array
    alpha: Array | None = None
    peak: int | None = None


class Structure(NamedTuple):
    """A file and what is right.

    Attributes
    ----------
    name : str
        The file's.
    make : callable
        Returns its bytes.
    frames : sequence of Right
        None where it must be refused.
    refusal : str
        A regular expression of the line that refuses it. With `frames`, either is right.
    said : str
        A regular expression of the notes, or of what is kept; "" for any.
    within : int
        The levels by which lossy decoders may differ.
    needs : tuple of str
        Modules that make it or read it.
    """

    name: str
    make: Callable[[], bytes]
    frames: Sequence[Right] | None
    refusal: str = ""
    said: str = ""
    within: int = 0
    needs: tuple[str, ...] = ()

    @property
    def lacks(self) -> str:
        """The modules that are missing here."""
        return ", ".join(name for name in self.needs if find_spec(name) is None)


def pattern(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Return numbers over a type's whole range, its ends among them."""
    random = np.random.default_rng([seed, *shape])
    if np.dtype(dtype).kind == "f":
        values = random.normal(0, 1000, shape).astype(dtype)
        values.flat[:3] = -0.5, 0.25, 3000
        return values
    limits = np.iinfo(dtype)
    values = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    values.flat[:2] = limits.min, limits.max
    return values


def unmultiplied(colours: Array, alpha: Array) -> Array:
    """Return straight colours of those multiplied by alpha."""
    alpha = alpha.reshape(alpha.shape + (1,) * (colours.ndim - alpha.ndim))
    if colours.dtype.kind == "f":
        return np.divide(colours, alpha, out=np.zeros_like(colours), where=alpha != 0)
    top = np.iinfo(colours.dtype).max
    exact = np.divide(
        colours.astype(np.float64) * top, alpha, out=np.zeros(colours.shape), where=alpha != 0
    )
    return np.clip(np.rint(exact), 0, top).astype(colours.dtype)


def packed(values: Array, bits: int) -> bytes:
    """Return rows of samples of a few bits, each row from a new byte on."""
    rows = values.reshape(len(values), -1)
    shifts = np.arange(bits - 1, -1, -1)
    unpacked = (rows[:, :, None].astype(np.int64) >> shifts) & 1
    return np.packbits(unpacked.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


# A TIFF by hand: tags by number, of the types BYTE, ASCII, SHORT, LONG and so on.
Tags = Mapping[int, tuple[str, Sequence[float] | bytes]]
_TYPES = {"B": 1, "s": 2, "H": 3, "I": 4, "b": 6, "h": 8, "i": 9, "f": 11, "d": 12}


def tiff(*pages: tuple[Tags, bytes], order: str = "<") -> bytes:
    """Return a TIFF of pages, each of tags and one strip."""
    content = bytearray(struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 0))
    link = 4
    for tags, strip in pages:
        place = len(content)
        content += strip + b"\0" * (len(strip) % 2)
        entries = bytearray()
        own: dict[int, tuple[str, Sequence[float] | bytes]] = {
            **tags, 273: ("I", [place]), 279: ("I", [len(strip)])
        }  # fmt: skip
        for number, (kind, values) in sorted(own.items()):
            raw = values if isinstance(values, bytes) else struct.pack(
                f"{order}{len(values)}{kind}", *values
            )  # fmt: skip
            if len(raw) > 4:
                where = struct.pack(f"{order}I", len(content))
                content += raw + b"\0" * (len(raw) % 2)
            else:
                where = raw.ljust(4, b"\0")
            entries += struct.pack(f"{order}HHI", number, _TYPES[kind], len(values)) + where
        content[link : link + 4] = struct.pack(f"{order}I", len(content))
        content += struct.pack(f"{order}H", len(own)) + entries
        link = len(content)
        content += bytes(4)
    return bytes(content)


def page(
    shape: tuple[int, ...], bits: int, photometric: int, more: Tags | None = None
) -> dict[int, tuple[str, Sequence[float] | bytes]]:
    """Return the tags of a page that is stored without compression."""
    samples = shape[2] if len(shape) > 2 else 1
    return {
        256: ("H", [shape[1]]),
        257: ("H", [shape[0]]),
        258: ("H", [bits] * samples),
        259: ("H", [1]),
        262: ("H", [photometric]),
        277: ("H", [samples]),
        278: ("H", [shape[0]]),
        **(more or {}),
    }


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG's chunk."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def filtered(rows: Array, bits: int) -> bytes:
    """Return a PNG's compressed rows, of no filter."""
    if bits == 16:
        raw = [row.astype(">u2").tobytes() for row in rows]
    else:
        raw = [packed(row[None], bits) for row in rows]
    return zlib.compress(b"".join(b"\0" + row for row in raw))


def png(
    values: Array, bits: int, colour: int, chunks: Iterable[bytes] = (), behind: bytes = b""
) -> bytes:
    """Return a PNG with chunks before its pixels and behind them."""
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(chunks)
        + chunk(b"IDAT", filtered(values, bits))
        + behind
        + chunk(b"IEND", b"")
    )


def structures() -> list[Structure]:
    """Return them all."""
    from . import animations, floats, photographs, pixels, tiffs

    return [
        structure
        for module in (tiffs, floats, pixels, animations, photographs)
        for structure in module.STRUCTURES
    ]


def write_structures(folder: Path) -> list[Structure]:
    """Write into a folder those that can be made here; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [structure for structure in structures() if not structure.lacks]
    for structure in made:
        (folder / structure.name).write_bytes(structure.make())
    return made


def main() -> None:
    """Write them into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    print(f"{len(write_structures(parser.parse_args().folder))} files")


if __name__ == "__main__":
    main()
