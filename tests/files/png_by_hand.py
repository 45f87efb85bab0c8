"""PNGs laid out chunk by chunk, by the specification."""

import struct
import zlib

import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def head(size: tuple[int, ...], depth: int, kind: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", size[1], size[0], depth, kind, 0, 0, 0))


def rows(samples: np.ndarray, depth: int) -> bytes:
    """Pack samples into rows without a filter, and compress them."""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8)
    else:
        bits = np.unpackbits(flat.astype(np.uint8)[:, :, None], axis=2)[:, :, 8 - depth :]
        packed = np.packbits(bits.reshape(len(samples), -1), axis=1)
    return zlib.compress(np.insert(packed, 0, 0, axis=1).tobytes())


def png(samples: np.ndarray, depth: int, kind: int, *others: bytes) -> bytes:
    """Return a file of samples, with other chunks before the pixels."""
    return b"".join(
        [
            MAGIC,
            head(samples.shape, depth, kind),
            *others,
            chunk(b"IDAT", rows(samples, depth)),
            chunk(b"IEND"),
        ]
    )
