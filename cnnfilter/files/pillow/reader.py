"""Pictures decoded by Pillow."""

import errno
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from cnnfilter.arrays import Array
from cnnfilter.errors import CnnFilterError, ContentError
from cnnfilter.files.format import Animation
from cnnfilter.files.formats import FORMATS, format_of_bytes
from cnnfilter.files.image import MAX_PIXELS, Image, Metadata, blank, check_pixels, too_large
from cnnfilter.files.metadata.parts import BROKEN, UPRIGHT, read_metadata, read_orientation
from cnnfilter.files.opening import piped_bytes
from cnnfilter.files.printed import Printed, caught

if TYPE_CHECKING:
    from PIL.ImageFile import _Tile

    from cnnfilter.files.pillow.jpeg import Behind
    from cnnfilter.files.png.reader import Stored

# What decoders log about odd files would stand next to our one line.
for _name in ("PIL", "tifffile"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

#: A format shows in this many bytes.
_HEAD = 512
#: What a disk or a network refuses, with any file.
_DISK_ERRORS = (errno.EIO, errno.EACCES, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT)
#: Bytes that Pillow takes for a pixel of a mode; 4 of all others.
_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
#: Pillow's modes that hold numbers rather than 8-bit colours.
_NUMBERS = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
#: Orientations beyond this one lay a picture on its side.
_LAST_UPRIGHT = 4
#: Where the kind of a PNG's second chunk stands.
_SECOND_KIND = 37
#: Pillow's name of the decoder that is a PNG's alone.
_PNG_CODEC = "zip"
#: Pillow's mode of colours of print, and what turns it to RGB.
_INKS = "CMYK"
Convert = Callable[[Pillow.Image], Pillow.Image]
_WITHOUT_METADATA = "its metadata cannot be read: left out"


class Pictures:
    """The frames of an open picture, each decoded on request.

    Parameters
    ----------
    file : binary file
        It stays open as long as frames are read.
    max_pixels : int
        The most that a frame may have.
    only_first : bool
        Whether to pass over the other frames, of which it may have none that Pillow reads.

    Raises
    ------
    ContentError
        If it is not a picture, is broken, or has more pixels.
    """

    def __init__(
        self, file: BinaryIO, max_pixels: int = MAX_PIXELS, *, only_first: bool = False
    ) -> None:
        self._max_pixels, self._only_first = max_pixels, only_first
        self._notes: tuple[str, ...] = ()
        self._turn = UPRIGHT
        with decoding():
            try:
                self._open(file)
            except BROKEN as error:
                self._open_without_metadata(file, error)

    def _open(self, file: BinaryIO) -> None:
        self._file = file
        self._picture, self._name = _opened(file, self._max_pixels)
        self._format = FORMATS[self._name]
        self._behind = _pictures_behind(file, self._picture)
        has_frames = self._format.frames and not self._only_first
        self._count = getattr(self._picture, "n_frames", 1) if has_frames else 1

    def _open_without_metadata(self, file: BinaryIO, error: Exception) -> None:
        """Open a copy that has pixels alone, if possible."""
        from cnnfilter.files.metadata.bare import without_metadata  # hardly ever needed

        bare = None if self._notes else without_metadata(file)
        if bare is None:
            raise error
        self._notes = (_WITHOUT_METADATA,)
        try:
            self._open(bare)
        except BROKEN:
            raise error from None

    def _either_way(self, read: Callable[[], Image]) -> Image:
        """Read, without the metadata if it fails."""
        with decoding() as printed:
            try:
                image = read()
            except BROKEN as error:
                if self._format.exif == "block":  # else the copy keeps it
                    self._turn, _ = read_orientation(self._picture, before_pixels=True)
                self._open_without_metadata(self._file, error)
                printed.forget()  # what was printed was about the metadata
                try:
                    image = read()
                except BROKEN:
                    raise error from None
            words = printed.words() if self._format.prints else ""
        return replace(image, notes=(*image.notes, f"may be corrupt ({words})")) if words else image

    def __len__(self) -> int:
        return self._count

    @property
    def others(self) -> int:
        """Number of pictures behind the last frame, which are read on request alone."""
        return len(self._behind.places) if self._behind else 0

    @property
    def pixels(self) -> int:
        """Number of pixels of all frames."""
        return self._count * self._picture.width * self._picture.height

    def read(self, number: int = 0) -> Image:
        """Decode a frame, upright and in RGB.

        In their order, each is decoded once.

        Raises
        ------
        ContentError
            If it is broken, or larger than the first and too large.
        """
        return self._either_way(partial(self._read, number))

    def _read(self, number: int) -> Image:
        if self._behind and number >= self._count:
            other = self._behind.opened(self._file, number - self._count + 1)
            return Pictures(other, self._max_pixels).read()
        picture = self._picture
        picture.seek(number)
        check_pixels(picture.height, picture.width, self._max_pixels)
        stored, note = _stored(picture), _depth_note(picture, self._file)
        picture.load()
        orientation, odd = self._orientation(picture)
        metadata, left_out = self._metadata(picture)
        upright = _turned_upright(picture, orientation)
        # The file goes on from the frame that it has drawn, so that must stay as it is; one that
        # is alone takes no room twice.
        if self._count == 1:
            self._picture = picture = upright
        mode = stored.mode if stored else self._plain_mode(upright)
        dtype = self._dtype(mode, stored)
        convert, ink = _inks(picture)
        if picture.mode == _INKS:  # whose profile is not one of RGB
            metadata.pop("icc_profile", None)
        pixels, alpha = _planes(upright.size[::-1], mode, dtype, np.empty)
        _copy(upright, mode, pixels, alpha, convert)
        if stored:
            alpha = self._completed(pixels, alpha, stored, orientation)
        return self._image(pixels, alpha, metadata, (note, ink, odd, *left_out))

    def _completed(
        self, pixels: Array, alpha: Array | None, stored: "Stored", orientation: int
    ) -> Array | None:
        """Add what Pillow loses of a PNG to its pixels; return the alpha."""
        from cnnfilter.files.png import reader as png_reader

        if stored.is_deep:
            low = png_reader.low_bytes(self._file, stored.raw)
            png_reader.deepen(pixels, alpha, _turned_upright(low, orientation))
        return alpha if stored.key is None else png_reader.keyed_alpha(pixels, stored.key)

    @property
    def composer(self) -> str:
        """The module that composes the frames of this file in Pillow's place; "" for none."""
        frames = self._format.frames
        is_animated = getattr(self._picture, "is_animated", False)
        return frames.composer if isinstance(frames, Animation) and is_animated else ""

    def describe(self) -> tuple[int, Metadata, tuple[str, ...]]:
        """Return the orientation, the metadata and notes on them."""
        with decoding():
            orientation, odd = self._orientation(self._picture)
            metadata, left_out = self._metadata(self._picture)
        return orientation, metadata, tuple(filter(None, (odd, *left_out, *self._notes)))

    def _metadata(self, picture: Pillow.Image) -> tuple[Metadata, tuple[str, ...]]:
        """Read the metadata of a picture that is loaded, and notes."""
        metadata, notes = read_metadata(picture, self._format)
        colours, note = self._stated_colours(picture)
        if colours:
            metadata["colours"] = colours
        return metadata, (*notes, note) if note else notes

    def _stated_colours(self, picture: Pillow.Image) -> tuple[dict[str, bytes], str]:
        """Return what a file states of its colours next to a profile; and a note."""
        if picture.format == "AVIF" and "icc_profile" not in picture.info:
            from cnnfilter.files.pillow.avif import stated_colours

            return stated_colours(self._file), ""
        if "colours" not in self._format.metadata or _begins_with_pixels(self._file):
            return {}, ""
        from cnnfilter.files.metadata.colours import stated

        return stated(self._file)

    def head(self) -> Image:
        """Return the first frame with blank pixels.

        Raises
        ------
        ContentError
            If it is broken.
        """
        return self._either_way(self._head)

    def _head(self) -> Image:
        picture = self._picture
        picture.seek(0)
        if self._format.has_late_metadata and _goes_on_behind_pixels(self._file):
            shape = picture.size[::-1]
            image = self._read(0)
            orientation = UPRIGHT if image.pixels.shape[:2] == shape else _LAST_UPRIGHT + 1
            return image.blanked(self._reading(picture, image, orientation))
        orientation, odd = self._orientation(picture, before_pixels=True)
        stored = _stored(picture)
        mode = stored.mode if stored else self._plain_mode(picture)
        # Where Pillow applies the orientation, the size is that of the picture upright.
        is_turned = self._format.exif == "block" and orientation > _LAST_UPRIGHT
        size = picture.size if is_turned else picture.size[::-1]
        pixels, alpha = _planes(size, mode, self._dtype(mode, stored), blank)
        if stored and stored.key is not None:
            alpha = blank(size, pixels.dtype)
        image = self._image(
            pixels, alpha, {}, (_depth_note(picture, self._file), _inks(picture)[1], odd)
        )
        return replace(image, reading=self._reading(picture, image, orientation))

    def _reading(self, picture: Pillow.Image, image: Image, orientation: int) -> int:
        """Count the bytes that decoding takes and keeps."""
        pixels, channels = picture.width * picture.height, len(picture.getbands())
        stored = _STORED_BYTES.get(picture.mode, 4) * pixels
        turned = stored if orientation != UPRIGHT else 0
        lower = stored if picture.mode not in _NUMBERS and image.depth > 8 else 0
        return self._format.reading_bytes(
            image.nbytes,
            pixels,
            pixels * channels,
            self._file.seek(0, io.SEEK_END),
            picture=stored + lower + piped_bytes(self._file),
            more=max(_coefficients(picture), turned),
        )

    def _orientation(
        self, picture: Pillow.Image, *, before_pixels: bool = False
    ) -> tuple[int, str]:
        """Return EXIF's orientation of the file, and a note."""
        orientation, odd = read_orientation(picture, before_pixels=before_pixels)
        return orientation if orientation != UPRIGHT else self._turn, odd

    def _plain_mode(self, picture: Pillow.Image) -> str:
        """Return the mode that a frame is converted to.

        Numbers, grey or RGB, with or without alpha.
        """
        mode = picture.mode
        if mode in _NUMBERS:
            return mode
        if "transparency" in picture.info and mode in ("P", "PA", "1", "L", "RGB"):
            mode = "LA" if mode in ("1", "L") else "RGBA"
        mode = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA", "1": "L"}.get(mode, mode)
        if self._format.colors and self._count > 1:  # Pillow opens frames of one file in both
            mode = {"L": "RGB", "LA": "RGBA"}.get(mode, mode)
        return mode if mode in ("L", "LA", "RGB", "RGBA") else "RGB"

    def _dtype(self, mode: str, stored: "Stored | None") -> DTypeLike:
        """Return a mode's type of numbers."""
        if stored and stored.is_deep:
            return np.uint16
        return {"I": np.int32, "F": np.float32}.get(mode, np.uint16 if ";16" in mode else np.uint8)

    def _image(
        self, pixels: Array, alpha: Array | None, metadata: Metadata, notes: tuple[str, ...]
    ) -> Image:
        behind = self._behind.notes if self._behind else ()
        all_notes = dict.fromkeys((*notes, *self._notes, *behind))
        kept = tuple(note for note in all_notes if note)
        return Image(pixels, alpha, self._name, metadata, kept, self._count)


@contextmanager
def decoding() -> Iterator[Printed]:
    """Turn any error of a library into one error.

    What libraries print meanwhile is part of the message, if it fails.
    """
    with caught() as printed:
        try:
            yield printed
        except Pillow.DecompressionBombError:
            raise too_large(f"more than {MAX_PIXELS} pixels") from None
        except (CnnFilterError, MemoryError):
            raise
        except Exception as error:
            from cnnfilter.files.reasons import decoding_problem, is_bug  # whole files need none

            is_disk = isinstance(error, OSError) and error.errno in _DISK_ERRORS
            if is_disk or is_bug(error):
                raise
            raise ContentError(decoding_problem(error, printed.words())) from None


def _opened(file: BinaryIO, max_pixels: int) -> tuple[Pillow.Image, str]:
    """Read a picture's head; return its format's name, too.

    Pillow's own opening would import all that it has, and hide an odd file's error.
    """
    if max_pixels > MAX_PIXELS:
        # Pillow has its limit nowhere else; whoever asks for more takes it away for good.
        Pillow.MAX_IMAGE_PIXELS = None
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    name = format_of_bytes(head)
    if name is None or not FORMATS[name].is_picture:
        supported = ", ".join(dict.fromkeys(known.suffixes[0] for known in FORMATS.values()))
        raise _foreign(head, file) or ContentError(
            f"not a readable image or matrix; supported are {supported}; export it in one of them"
        )
    format = FORMATS[name]
    format.load_codec()
    try:
        if isinstance(format.frames, Animation) and format.frames.may_grow:
            from cnnfilter.files.pillow.gif import BoundedGif

            picture: Pillow.Image = BoundedGif(file, max_pixels)
        else:
            picture = Pillow.OPEN[format.pillow][0](file, "")
    except BROKEN as error:
        raise _foreign(head, file) or error from None
    check_pixels(picture.height, picture.width, max_pixels)
    return picture, name


def _foreign(head: bytes, file: BinaryIO) -> ContentError | None:
    """Return the error for a format that is not read."""
    from cnnfilter.files.reasons import FOOT, foreign_problem

    file.seek(max(0, file.seek(0, io.SEEK_END) - FOOT))
    problem = foreign_problem(head, file.read(FOOT))
    return ContentError(problem) if problem else None


def numbers_held(file: BinaryIO) -> tuple[str, Array]:
    """Return Pillow's mode of a TIFF's first page, and its numbers, upright."""
    from PIL.TiffImagePlugin import TiffImageFile

    picture = TiffImageFile(file)
    picture.load()  # which turns it upright
    return picture.mode, np.asarray(picture)


def _coefficients(picture: Pillow.Image) -> int:
    """Count the bytes of a progressive JPEG's coefficients."""
    if not picture.info.get("progressive"):
        return 0
    samples = [down * across for _, across, down, *_ in getattr(picture, "layer", [])]
    return 2 * picture.width * picture.height * sum(samples) // max(samples, default=1)


def _depth_note(picture: Pillow.Image, file: BinaryIO) -> str:
    """Return a note of bits that get lost."""
    if picture.format == "AVIF":
        from cnnfilter.files.pillow.avif import stored_bits  # other pictures are read without it

        bits = stored_bits(file)
        return f"its {bits} bits are read as 8" if bits > 8 else ""
    tiles = [tile for tile in getattr(picture, "tile", []) if tile.codec_name != _PNG_CODEC]
    if picture.mode not in _NUMBERS and any(map(_is_deep, tiles)):
        return "16-bit colour is read as 8 bits"
    return ""


def _stored(picture: Pillow.Image) -> "Stored | None":
    """Return how a PNG stores its pixels, if Pillow loses some of it."""
    if not isinstance(picture, ImageFile) or not picture.tile or picture.mode == "P":
        return None
    if picture.tile[0].codec_name != _PNG_CODEC:
        return None
    is_deep = picture.mode not in _NUMBERS and _is_deep(picture.tile[0])
    if not is_deep and "transparency" not in picture.info:
        return None
    from cnnfilter.files.png.reader import stored  # most are as they seem

    return stored(picture)


def _is_deep(tile: "_Tile") -> bool:
    """Return whether a tile is stored in 16 bits."""
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return any(isinstance(argument, str) and ";16" in argument for argument in arguments)


def _pictures_behind(file: BinaryIO, picture: Pillow.Image) -> "Behind | None":
    """Find the pictures behind a JPEG's first, if it has an index of them."""
    if "mp" not in picture.info:
        return None
    from cnnfilter.files.pillow.jpeg import behind

    position = file.tell()
    found = behind(file)
    file.seek(position)
    return found


def _inks(picture: Pillow.Image) -> tuple[Convert | None, str]:
    """Return what turns colours of print to RGB by their profile, if any; and a note."""
    if picture.mode != _INKS:
        return None, ""
    from cnnfilter.files.metadata.inks import converter

    return converter(picture.info.get("icc_profile"))


def _turned_upright(picture: Pillow.Image, orientation: int) -> Pillow.Image:
    """Apply EXIF's orientation, 1 to 8."""
    method = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_270,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_90,
    }.get(orientation)
    return picture if method is None else picture.transpose(method)


def _begins_with_pixels(file: BinaryIO) -> bool:
    """Return whether a PNG has nothing between its head and its pixels."""
    file.seek(_SECOND_KIND)
    return file.read(4) == b"IDAT"


def _goes_on_behind_pixels(file: BinaryIO) -> bool:
    """Return whether a PNG has data behind its pixels."""
    from cnnfilter.files.png.chunks import chunks

    position = file.tell()
    kinds = [chunk.kind for chunk in chunks(file)]
    file.seek(position)
    behind = kinds[kinds.index(b"IDAT") :] if b"IDAT" in kinds else []
    return not {b"IDAT", b"fcTL", b"fdAT"}.issuperset(behind)


def _planes(
    size: tuple[int, ...],
    mode: str,
    dtype: DTypeLike,
    make: Callable[[tuple[int, ...], DTypeLike], Array],
) -> tuple[Array, Array | None]:
    """Make the arrays that a mode's pixels and alpha take."""
    pixels = make((*size, 3) if mode in ("RGB", "RGBA") else size, dtype)
    return pixels, make(size, dtype) if mode in ("LA", "RGBA") else None


def _copy(
    picture: Pillow.Image,
    mode: str,
    pixels: Array,
    alpha: Array | None,
    convert: Convert | None = None,
) -> None:
    """Convert by strips, which saves copies."""
    height = max(1, 2**18 // picture.width)
    for top in range(0, picture.height, height):
        bottom = min(top + height, picture.height)
        whole = bottom - top == picture.height
        strip = picture if whole else picture.crop((0, top, picture.width, bottom))
        if strip.mode != mode:
            strip = convert(strip) if convert else strip.convert(mode)
        planes = np.asarray(strip)
        if alpha is None:
            pixels[top:bottom] = planes
        else:
            pixels[top:bottom] = planes[:, :, 0] if mode == "LA" else planes[:, :, :3]
            alpha[top:bottom] = planes[:, :, -1]
