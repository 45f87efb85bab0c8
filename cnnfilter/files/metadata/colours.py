"""What a PNG says of its colours next to a profile: cICP, mDCV, cLLI, gAMA, cHRM, sRGB."""

import struct
from collections.abc import Collection, Mapping
from typing import BinaryIO

from cnnfilter.files.png import chunks as png

#: Chunks that are kept; a palette or the pixels end them.
_KEPT = (b"cICP", b"mDCV", b"cLLI", b"gAMA", b"cHRM", b"sRGB")
_END = (b"PLTE", b"IDAT")
#: Those that Pillow does not write.
HDR_KINDS = ("mDCV", "cLLI")
_MOST_BYTES = 64
#: By ITU-T H.273: primaries and transfers that are sRGB's or as good as, and names of others.
_SRGB = ((1, 2), (1, 2, 6, 13, 14, 15))
_PRIMARIES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {8: "linear", 13: "sRGB", 16: "PQ", 18: "HLG"}
#: sRGB's in hundred-thousandths: its gamma, white, red, green and blue; and what others round.
_SRGB_GAMMA = 45455
_SRGB_PLACES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_ROUNDING = 1000


def stated(file: BinaryIO) -> tuple[dict[str, bytes], str]:
    """Return the chunks of an open PNG that state its colours, and a note on what is not kept."""
    kept: dict[str, bytes] = {}
    note = ""
    depth = 8
    for chunk in png.chunks(file):
        if chunk.kind in _END:
            break
        if chunk.size > _MOST_BYTES:
            continue
        if chunk.kind in _KEPT:
            kept[chunk.kind.decode()] = chunk.content(file)
        elif chunk.kind == b"IHDR":
            depth = 8 if chunk.content(file)[9] == png.PALETTE else chunk.content(file)[8]
        elif chunk.kind == b"sBIT" and any(bits < depth for bits in chunk.content(file)):
            bits = ", ".join(map(str, chunk.content(file)))
            note = f"its number of significant bits ({bits} of {depth}) is left out"
    return kept, note


def unlike_srgb(chunks: Mapping[str, bytes], *, has_profile: bool) -> str:
    """Return the words for colours that are lost without these chunks; "" for sRGB's.

    Examples
    --------
    >>> unlike_srgb({"cICP": bytes([9, 16, 0, 1])}, has_profile=False)
    'its colours (BT.2020, PQ)'
    """
    if code := chunks.get("cICP"):
        numbers = tuple(code[:2])
        if all(number in known for number, known in zip(numbers, _SRGB, strict=False)):
            return ""
        return f"its colours ({_name(_PRIMARIES, code[0])}, {_name(_TRANSFERS, code[1])})"
    if has_profile or "sRGB" in chunks:
        return ""
    parts = []
    if len(gamma := chunks.get("gAMA", b"")) == struct.calcsize(">I"):
        (value,) = struct.unpack(">I", gamma)
        parts += [f"gamma {value / 100_000:g}"] if abs(value - _SRGB_GAMMA) > _ROUNDING else []
    if len(places := chunks.get("cHRM", b"")) == struct.calcsize(">8I"):
        pairs = zip(struct.unpack(">8I", places), _SRGB_PLACES, strict=True)
        parts += ["primaries"] if any(abs(one - other) > _ROUNDING for one, other in pairs) else []
    return f"its colours ({', '.join(parts)})" if parts else ""


def lost(metadata: Mapping[str, object], held: Collection[str]) -> list[str]:
    """Return the words for what a format that holds certain parts loses."""
    chunks = metadata.get("colours")
    if not isinstance(chunks, Mapping) or "colours" in held:
        return []
    words = unlike_srgb(chunks, has_profile="icc_profile" in metadata)
    return [words] if words else []


def _name(names: Mapping[int, str], number: int) -> str:
    return names.get(number, f"code {number}")
