"""A TIFF's directories of tags, byte by byte: those of its pages, and those of EXIF."""

import io
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal

import numpy as np

#: Tags that point to directories: EXIF, GPS and, in EXIF, of interoperability.
EXIF, GPS, INTEROP = 34665, 34853, 40965
#: Types of TIFF 6.0 and BigTIFF: BYTE, ASCII, SHORT, LONG, RATIONAL, ..., and bytes of a value.
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE, LONG8 = 1, 2, 3, 4, 5, 7, 12, 16
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
#: Types whose values are pairs of numbers.
_PAIRS = (5, 10)
#: The last type that TIFFs with offsets of 32 bits have.
_LAST_CLASSIC = 13
#: What a directory and a tag may take; more are left out.
_MAX_ENTRIES, _MAX_BYTES = 4096, 2**24
#: Pages of a file that are looked for.
_MAX_PAGES = 2**20
_EXIF_HEADER = b"Exif\0\0"

Order = Literal["<", ">"]
_ORDERS: dict[bytes, Order] = {b"II": "<", b"MM": ">"}


@dataclass(frozen=True)
class Layout:
    """The byte order of a TIFF, and its offsets' size."""

    order: Order
    is_big: bool = False

    @property
    def count(self) -> struct.Struct:
        """A directory's number of tags."""
        return struct.Struct(self.order + "HQ"[self.is_big])

    @property
    def offset(self) -> struct.Struct:
        """An offset, and a number of values."""
        return struct.Struct(self.order + "IQ"[self.is_big])

    @property
    def entry(self) -> struct.Struct:
        """A directory's entry: number, type, count, value or offset."""
        return struct.Struct(self.order + ("HHI4s", "HHQ8s")[self.is_big])

    @property
    def header(self) -> bytes:
        """A file's bytes before its first offset."""
        mark = b"II" if self.order == "<" else b"MM"
        version = struct.pack(self.order + "H", 43 if self.is_big else 42)
        return mark + version + (struct.pack(self.order + "HH", 8, 0) if self.is_big else b"")


def layout_of(head: bytes) -> Layout | None:
    r"""Return the layout that a file's head shows.

    Examples
    --------
    >>> layout_of(b"MM\0*").order
    '>'
    """
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 4:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    return Layout(order, version == 43)


@dataclass(frozen=True)
class Tag:
    """A tag's type, number of values, and values."""

    type: int
    count: int
    value: bytes

    def swapped(self) -> "Tag":
        """Return it in the other byte order."""
        unit = _SIZES[self.type] // (2 if self.type in _PAIRS else 1)
        if unit == 1:
            return self
        return replace(self, value=np.frombuffer(self.value, f"u{unit}").byteswap().tobytes())

    @property
    def text(self) -> str:
        """The words of a tag of characters."""
        return self.value.split(b"\0")[0].decode("utf-8", "replace")


def numbers_tag(type: int, *values: float, order: Order = "<") -> Tag:
    """Return a tag of numbers; a rational's are in ten-thousandths."""
    if type == RATIONAL:
        pairs = [part for value in values for part in (round(value * 10_000), 10_000)]
        return Tag(type, len(values), struct.pack(f"{order}{len(pairs)}I", *pairs))
    letter = {BYTE: "B", SHORT: "H", LONG: "I", DOUBLE: "d", LONG8: "Q"}[type]
    return Tag(type, len(values), struct.pack(f"{order}{len(values)}{letter}", *values))


def text_tag(text: str) -> Tag:
    """Return a tag of characters."""
    value = text.encode() + b"\0"
    return Tag(ASCII, len(value), value)


@dataclass
class Folder:
    """A directory's tags, and its directories, by number."""

    order: Order
    tags: dict[int, Tag] = field(default_factory=dict)
    folders: dict[int, "Folder"] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tags or self.folders)

    def in_order(self, order: Order) -> "Folder":
        """Return it in a byte order."""
        if order == self.order:
            return self
        tags = {number: tag.swapped() for number, tag in self.tags.items()}
        folders = {number: inner.in_order(order) for number, inner in self.folders.items()}
        return Folder(order, tags, folders)

    def numbers(self, number: int) -> tuple[float, ...]:
        """Return a tag's numbers, if it has any."""
        tag = self.tags.get(number)
        letter = {} if tag is None else {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f",
                                         12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}  # fmt: skip
        if tag is None or tag.type not in letter:
            return ()
        return struct.unpack(f"{self.order}{tag.count}{letter[tag.type]}", tag.value)

    def rational(self, number: int) -> float | None:
        """Return a tag's fraction, if it has one."""
        tag = self.tags.get(number)
        if tag is None or (tag.type, tag.count) != (RATIONAL, 1):
            return None
        above, below = struct.unpack(self.order + "II", tag.value)
        return above / below if below else None


class FolderReader:
    """Reads the directories of an open TIFF.

    Parameters
    ----------
    file : binary file
    layout : Layout
    """

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self._file, self._layout = file, layout

    def pages(self, wanted: Collection[int]) -> Iterator[tuple[int, Folder]]:
        """Yield each page's place, and its wanted tags."""
        at, seen = self._offset(8 if self._layout.is_big else 4), set[int]()
        while at and at not in seen and len(seen) < _MAX_PAGES:
            seen.add(at)
            entries, following = self._entries(at)
            yield at, self._folder(entries, wanted)
            at = following

    def folder(
        self, at: int, wanted: Collection[int] | None = None, inner: Collection[int] = ()
    ) -> Folder:
        """Read a directory's wanted tags, and directories in it."""
        entries, _ = self._entries(at)
        folder = self._folder(entries, wanted)
        for number in inner:
            if number in entries and (place := self._place(entries[number])):
                folder.folders[number] = self.folder(place, None, {INTEROP} - {number})
                folder.tags.pop(number, None)
        return folder

    def _folder(
        self, entries: Mapping[int, tuple[int, int, bytes]], wanted: Collection[int] | None
    ) -> Folder:
        tags = {
            number: tag
            for number, entry in entries.items()
            if (wanted is None or number in wanted) and (tag := self._tag(*entry)) is not None
        }
        return Folder(self._layout.order, tags)

    def _entries(self, at: int) -> tuple[dict[int, tuple[int, int, bytes]], int]:
        """Return a directory's entries, and the next one's place."""
        layout = self._layout
        (count,) = self._unpacked(layout.count, at)
        if count > _MAX_ENTRIES:
            return {}, 0
        content = self._file.read(count * layout.entry.size)
        whole = content[: len(content) // layout.entry.size * layout.entry.size]
        entries = {number: entry for number, *entry in layout.entry.iter_unpack(whole)}
        following = self._file.read(layout.offset.size)
        is_whole = len(following) == layout.offset.size
        (after,) = layout.offset.unpack(following) if is_whole else (0,)
        return {number: (entry[0], entry[1], entry[2]) for number, entry in entries.items()}, after

    def _tag(self, type: int, count: int, value: bytes) -> Tag | None:
        """Return a tag, if it can be read."""
        size = _SIZES.get(type, 0) * count
        if not size or size > _MAX_BYTES:
            return None
        if size > len(value):
            (place,) = self._layout.offset.unpack(value)
            self._file.seek(place)
            value = self._file.read(size)
        return Tag(type, count, value[:size]) if len(value) >= size else None

    def _place(self, entry: tuple[int, int, bytes]) -> int:
        """Return the place that a tag points to."""
        tag = self._tag(*entry)
        if tag is None or tag.count != 1 or len(tag.value) not in (4, 8):
            return 0
        letter = "I" if len(tag.value) == 4 else "Q"
        return struct.unpack(self._layout.order + letter, tag.value)[0]

    def _offset(self, at: int) -> int:
        return self._unpacked(self._layout.offset, at)[0]

    def _unpacked(self, struct_: struct.Struct, at: int) -> tuple[int, ...]:
        self._file.seek(at)
        content = self._file.read(struct_.size)
        return struct_.unpack(content) if len(content) == struct_.size else (0,)


def laid_out(folder: Folder, at: int, layout: Layout, following: int = 0) -> bytes:
    """Encode a directory for a place in a file."""
    folder = folder.in_order(layout.order)
    tags = {
        number: tag
        for number, tag in folder.tags.items()
        if layout.is_big or tag.type <= _LAST_CLASSIC
    }
    numbers = sorted({*tags, *folder.folders})
    head = layout.count.size + len(numbers) * layout.entry.size + layout.offset.size
    entries, behind = b"", bytearray()
    for number in numbers:
        place = at + head + len(behind)
        if number in folder.folders:
            type = LONG8 if layout.is_big else LONG
            entries += layout.entry.pack(number, type, 1, layout.offset.pack(place))
            behind += laid_out(folder.folders[number], place, layout)
        elif len(tags[number].value) <= layout.offset.size:
            tag = tags[number]
            entries += layout.entry.pack(
                number, tag.type, tag.count, tag.value
            )  # struct pads it with zeros
        else:
            tag = tags[number]
            entries += layout.entry.pack(number, tag.type, tag.count, layout.offset.pack(place))
            behind += tag.value
        behind += bytes(len(behind) % 2)  # directories and values begin at even places
    return layout.count.pack(len(numbers)) + entries + layout.offset.pack(following) + behind


def exif_block(folder: Folder) -> bytes:
    """Return a folder as a JPEG's EXIF."""
    layout = Layout(folder.order)
    return _EXIF_HEADER + layout.header + layout.offset.pack(8) + laid_out(folder, 8, layout)


def folder_of_exif(block: bytes) -> Folder:
    """Return EXIF's first directory; an empty one if corrupt."""
    content = block.removeprefix(_EXIF_HEADER)
    layout = layout_of(content[:4])
    if layout is None:
        return Folder("<")
    reader = FolderReader(io.BytesIO(content), layout)
    first = next(reader.pages(()), None)
    return Folder(layout.order) if first is None else reader.folder(first[0], None, (EXIF, GPS))
