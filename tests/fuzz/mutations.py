"""Changes to valid input: of bytes, of text, and of what each format is built from."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random

#: Numbers as text that somebody may write, or a program print.
NUMBERS = (
    "0", "1", "2", "3", "-1", "-0", "+1", "0.5", ".5", "1.", "1/3", "1/0", "0/0", "1/1e-320",
    "1e308", "-1e308", "1e300", "1e-300", "1e-320", "5e-324", "1e309", "1e999", "1e5000", "-1e999",
    "nan", "NaN", "inf", "-inf", "Infinity", "1_000", "0x10", "1e", "e", "--1", "1-", "1,5", "1 5",
    "", " ", "\t", "\0", "255", "256", "65535", "65536", "999", "1000", "1000000", "1000001",
    "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "9" * 30, "9" * 400, "1" + "0" * 5000, "0." + "0" * 400 + "1", "²", "\u0661", "\uff19", "½",
    "\u0663/\u0664",
    "None", "True", "false", "[]", "{}", "1j", "π", "∞", "1e+308", "1E2", "007", "1.5e3/2e-3",
)  # fmt: skip
#: Integers at which something changes.
INTEGERS = (
    0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 127, 128, 129, 254, 255, 256, 257,
    511, 512, 1000, 1023, 1024, 4095, 4096, 32767, 32768, 65534, 65535, 65536, 65537, 2**24 - 1,
    2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
#: Letters that mean something somewhere, and some that mean nothing anywhere.
LETTERS = " \t\n\r\0\x1b\x7f,;:=|'\"\\/.{}[]()<>#$%&*?!~^`@+-_xeE0123456789aZé中\u202e\udce9😀"


def flipped(data: bytes, random: Random) -> bytes:
    """Change, put in, take out, double or move some bytes, a few times."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        at = random.randrange(len(changed))
        size = min(random.choice((1, 1, 2, 4, 8, 16, 64)), len(changed) - at)
        match random.randrange(9):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                changed[at] = random.choice((0, 1, 127, 128, 254, 255, random.randrange(256)))
            case 2:
                wide = random.choice((1, 2, 4, 8))
                value = random.choice(INTEGERS) % 2 ** (8 * wide)
                order = random.choice(("little", "big"))
                changed[at : at + wide] = value.to_bytes(wide, order)  # type: ignore[arg-type]
            case 3:
                del changed[at : at + size]
            case 4:
                changed[at:at] = random.randbytes(size)
            case 5:
                changed[at:at] = changed[at : at + size]
            case 6:
                to = random.randrange(len(changed))
                changed[to : to + size] = changed[at : at + size]
            case 7:
                del changed[at:]
            case _:
                changed[at : at + size] = bytes(size)
    return bytes(changed)


def spliced(one: bytes, other: bytes, random: Random) -> bytes:
    """Put the begin of one before the end of another."""
    return one[: random.randrange(len(one) + 1)] + other[random.randrange(len(other) + 1) :]


def reworded(text: str, random: Random) -> str:
    """Change letters and numbers of a text, a few times."""
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        at = random.randrange(len(text) + 1)
        size = random.choice((1, 1, 2, 5, 20))
        match random.randrange(8):
            case 0:
                text = text[:at] + random.choice(LETTERS) + text[at:]
            case 1:
                text = text[:at] + text[at + size :]
            case 2:
                text = text[:at] + text[at : at + size] + text[at:]
            case 3:
                text = text[:at] + random.choice(LETTERS) + text[at + 1 :]
            case 4:
                text = text[:at]
            case 5:
                text = text[:at] + random.choice(NUMBERS) + text[at:]
            case _:
                text = renumbered(text, random)
    return text


def renumbered(text: str, random: Random) -> str:
    """Replace one of a text's numbers by an odd one."""
    begins = [
        at for at, letter in enumerate(text) if letter.isdigit() and not text[at - 1 : at].isdigit()
    ]
    if not begins:
        return text
    begin = end = random.choice(begins)
    while end < len(text) and (text[end].isdigit() or text[end] in ".e-"):
        end += 1
    return text[:begin] + random.choice(NUMBERS) + text[end:]


Part = tuple[bytes, bytes]


def _rearranged(parts: list[Part], random: Random, change: Callable[[Part], Part]) -> list[Part]:
    """Change, drop, double or move the parts of a file."""
    parts = list(parts)
    for _ in range(random.choice((1, 1, 2, 3))):
        if not parts:
            break
        at = random.randrange(len(parts))
        match random.randrange(7):
            case 0:
                del parts[at]
            case 1:
                parts.insert(random.randrange(len(parts) + 1), parts[at])
            case 2:
                parts.insert(random.randrange(len(parts)), parts.pop(at))
            case _:
                parts[at] = change(parts[at])
    return parts


_PNG_KINDS = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"tEXt",
    b"zTXt", b"iTXt", b"pHYs", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"bKGD", b"sBIT", b"cICP",
)  # fmt: skip


def png(data: bytes, random: Random) -> bytes:
    """Change a PNG's chunks, with sums that are right."""
    parts, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12

    def change(part: Part) -> Part:
        kind, content = part
        match random.randrange(6):
            case 0:
                return random.choice(_PNG_KINDS), content
            case 1 if kind in (b"IDAT", b"fdAT", b"iCCP"):
                skip = {b"IDAT": 0, b"fdAT": 4, b"iCCP": content.find(b"\0") + 2}[kind]
                try:
                    plain = zlib.decompress(content[skip:])
                except zlib.error:
                    return kind, flipped(content, random)
                return kind, content[:skip] + zlib.compress(flipped(plain, random), 1)
            case _:
                return kind, flipped(content, random)

    result = data[:8]
    for kind, content in _rearranged(parts, random, change):
        length = len(content) if random.randrange(30) else random.choice(INTEGERS) % 2**32
        sum_ = zlib.crc32(kind + content) if random.randrange(30) else 0
        result += struct.pack(">I", length) + kind + content + struct.pack(">I", sum_)
    return result


def jpeg(data: bytes, random: Random) -> bytes:
    """Change a JPEG's segments, their lengths right as a rule."""
    parts, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        parts.append((data[at : at + 2], data[at + 4 : at + 2 + length]))
        at += length + 2

    def change(part: Part) -> Part:
        marker, content = part
        if random.randrange(5) == 0:
            return bytes((0xFF, random.randrange(0xC0, 0xFF))), content
        if content.startswith(b"Exif\0\0") and random.randrange(3):
            return marker, content[:6] + tiff(content[6:], random)
        return marker, flipped(content, random)

    result = data[:2]
    for marker, content in _rearranged(parts, random, change):
        length = len(content) + 2 if random.randrange(20) else random.choice(INTEGERS)
        result += marker + struct.pack(">H", length % 65536) + content
    rest = data[at:]
    return result + (flipped(rest, random) if random.randrange(4) == 0 else rest)


def tiff(data: bytes, random: Random) -> bytes:
    """Change entries of a TIFF's directories: tags, types, counts, values."""
    changed = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    first, count_of, size = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    entries: list[int] = []
    seen: set[int] = set()
    try:
        at = struct.unpack_from(order + first, data, 8 if is_big else 4)[0]
        while at and at not in seen:
            seen.add(at)
            count = struct.unpack_from(order + count_of, data, at)[0]
            begin = at + struct.calcsize(count_of)
            entries += [begin + number * size for number in range(min(count, 100))]
            at = struct.unpack_from(order + first, data, begin + count * size)[0]
    except (struct.error, OverflowError):
        pass
    entries = [each for each in entries if each + size <= len(changed)]
    if not entries:
        return flipped(data, random)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.choice(entries)
        field = random.choice((0, 2, 4, size - struct.calcsize(first)))
        kind = {0: "H", 2: "H"}.get(field, first)
        value = random.choice((*INTEGERS, *range(20), *_TAGS)) % 256 ** struct.calcsize(kind)
        if kind == "H" and field == 2:
            value = random.choice((*range(20), value))
        if random.randrange(3) == 0 and field == size - struct.calcsize(first):
            value = (value % 65536) << (16 if order == ">" and not is_big else 0)
        struct.pack_into(order + kind, changed, at + field, value)
    return flipped(bytes(changed), random) if random.randrange(6) == 0 else bytes(changed)


_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 269, 270, 273, 274, 277, 278, 279, 282, 283, 284, 292, 296,
    305, 317, 318, 320, 322, 323, 324, 325, 330, 332, 338, 339, 340, 347, 530, 531, 532, 700,
    32773, 32946, 33723, 34665, 34675, 34853, 34925, 50000, 50838, 51123, 65420, 5, 6, 7, 34712,
)  # fmt: skip


def boxes(data: bytes, random: Random) -> bytes:
    """Change boxes or chunks wherever four letters stand: their lengths, names, contents."""
    found = [
        at for at in range(4, len(data) - 4)
        if data[at : at + 4].isalnum() or data[at : at + 4] in (b"VP8 ", b"VP8L", b"jP  ")
    ]  # fmt: skip
    if not found or random.randrange(3) == 0:
        return flipped(data, random)
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2))):
        at = random.choice(found)
        match random.randrange(4):
            case 0:
                changed[at : at + 4] = changed[(other := random.choice(found)) : other + 4]
            case 1:
                changed[at - 4 : at] = struct.pack(">I", random.choice(INTEGERS) % 2**32)
            case 2:
                changed[at + 4 : at + 8] = struct.pack("<I", random.choice(INTEGERS) % 2**32)
            case _:
                begin, size = at + 4 + random.randrange(40), random.choice((1, 2, 4))
                value = random.choice(INTEGERS) % 256**size
                changed[begin : begin + size] = value.to_bytes(size)
    return bytes(changed)


def npy(data: bytes, random: Random) -> bytes:
    """Change the words of an array's header, its length right."""
    if random.randrange(3) == 0 or len(data) < 10:
        return flipped(data, random)
    length = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + length].decode("latin-1")
    kinds = ("<f4", "<f8", ">i2", "|u1", "<U3", "|O", "|V8", "<c8", "|b1", "<f2", "<M8[s]", "<i8",
             "|S5", "<f16", "<u8", ">f8")  # fmt: skip
    if random.randrange(3) == 0:
        for kind in kinds:
            header = header.replace(kind, random.choice(kinds))
    else:
        header = reworded(header, random)
    begin = header.encode("latin-1", "replace")
    return data[:8] + struct.pack("<H", len(begin) % 65536) + begin + data[10 + length :]


#: What zipfile raises on what was changed before.
BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError, struct.error,
)  # fmt: skip


def archive(data: bytes, random: Random, change: Callable[[bytes, Random], bytes]) -> bytes:
    """Change the members of an archive, or their names; or its bytes as they are."""
    if random.randrange(3) == 0:
        return flipped(data, random)
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            members = {entry.filename: old.read(entry) for entry in old.infolist()}
    except BROKEN:
        return flipped(data, random)
    with zipfile.ZipFile(buffer, "w") as new:
        for name, content in members.items():
            if random.randrange(2):
                content = change(content, random)
            if random.randrange(8) == 0:
                name = reworded(name, random).encode(errors="replace").decode() or "x"
            if random.randrange(10):
                kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
                new.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


_SAFE_KINDS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I8", "U8", "BOOL", "F8_E4M3", "C64", "")


def safetensors(data: bytes, random: Random) -> bytes:
    """Change entries of the header, its length right as a rule."""
    if random.randrange(3) == 0 or len(data) < 8:
        return flipped(data, random)
    length = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + length])
    name = random.choice([each for each in entries if each != "__metadata__"])
    entry = entries[name]
    match random.randrange(6):
        case 0:
            entry["dtype"] = random.choice(_SAFE_KINDS)
        case 1:
            entry["shape"] = [random.choice((*INTEGERS, -1)) for _ in range(random.randrange(5))]
        case 2:
            entry["data_offsets"] = [random.choice((*INTEGERS, -1)) for _ in range(2)]
        case 3:
            entries[reworded(name, random)] = entries.pop(name)
        case 4:
            entry.pop(random.choice(("dtype", "shape", "data_offsets")))
        case _:
            entries["__metadata__"] = random.choice(({"a": "b"}, {"a": 1}, [], None, "x"))
    header = json.dumps(entries).encode()
    if random.randrange(6) == 0:
        header = flipped(header, random)
    stated = len(header) if random.randrange(10) else random.choice(INTEGERS)
    return struct.pack("<Q", stated % 2**64) + header + data[8 + length :]


def chosen(words: Sequence[str], random: Random, at_most: int) -> list[str]:
    """Draw some of the words, each as often as it comes."""
    return [random.choice(words) for _ in range(random.randrange(at_most + 1))]
