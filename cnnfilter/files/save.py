"""Writing a result, whatever its format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.buffers import bands
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.dtypes import convert
from cnnfilter.arrays.quantize import RANGES, PixelWriter, quantize
from cnnfilter.arrays.span import Span
from cnnfilter.errors import ArgumentError, CnnFilterError, ContentError, FileError, brief
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.format import Animation, Pages, install
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.metadata.parts import is_srgb
from cnnfilter.files.output import WithoutDescriptor, replacing
from cnnfilter.files.pillow.writer import write_pictures
from cnnfilter.files.printed import attributed, caught
from cnnfilter.text import shape_text, shown

if TYPE_CHECKING:
    from cnnfilter.files.tiff.writer import Page


@dataclass(frozen=True)
class Written:
    """The effects of writing on the values.

    Attributes
    ----------
    clipped : float or None
        The share of values that clipping changed; None if they were written as they are.
    notes : tuple of str
        Anything that the format could not hold.
    """

    clipped: float | None = None
    notes: tuple[str, ...] = ()


class Origin(NamedTuple):
    """What a page of a TIFF has of its own.

    Attributes
    ----------
    metadata : mapping
        As `Metadata`.
    format : str
        Of the formats with the file's suffix, the one that holds the page.
    depth : {8, 16}
        Its bits.
    """

    metadata: Mapping[str, Any]
    format: str
    depth: int


class Frame(NamedTuple):
    """A frame or page to write, or the only one.

    Attributes
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C).
    alpha : ndarray or None
        Shape (H, W), up to `opaque`.
    duration : float or None
        Milliseconds that it is shown; None for the metadata's.
    page : Origin or None
        Where it differs from the first page of its file.
    white : int or None
        The value that is stored as white; None for the largest number of the depth to write.
    opaque : float or None
        The largest alpha; None for its type's largest, of floats that of the depth to write.
    is_stored : bool
        Whether the values are pixels already, as `levels` says.
    """

    values: Array
    alpha: Array | None = None
    duration: float | None = None
    page: "Origin | None" = None
    white: int | None = None
    opaque: float | None = None
    is_stored: bool = False


def write(
    output: Output,
    frames: Sequence[Frame],
    *,
    metadata: Mapping[str, Any] | None = None,
    extremes: tuple[float, float] | None = None,
) -> Written:
    """Write a result as a picture or a matrix.

    Parameters
    ----------
    output : Output
        The path, the encoding (default: the path's format, 8 bits), and whether a file with this
        name is replaced.
    frames : sequence of Frame
        One, or several if the format holds them; all are scaled alike.
    metadata : mapping, optional
        The source's.
    extremes : (float, float), optional
        See `quantize`.

    Raises
    ------
    CnnFilterError
        If the format cannot hold the values or the frames, or the file cannot be written.
    """
    format = output.encoding.format or _format_of(output.path)
    if len(frames) > 1 and extremes is None:
        extremes = Span.joined(Span.of(frame.values) for frame in frames)
    stored = _Stored(output.encoding, format, extremes)
    try:
        _check_frames(frames, format, stored.depth)
        made = stored.frames(frames)
        with replacing(output.path, output.existing, durable=output.durable) as file:
            stored.notes += _encode(file, made, format, stored.metadata(metadata), output.encoding)
    except ContentError as error:
        raise FileError(f"{shown(output.path)}: {error}") from None
    return Written(stored.clipped, tuple(dict.fromkeys(stored.notes)))


def _format_of(path: str | Path) -> str:
    """Return the format that a path's suffix names, or raise ArgumentError."""
    format = format_of(path)
    if format is None:
        raise ArgumentError(f"{shown(path)}: has no suffix that names a format, such as .png")
    return format


def _check_frames(frames: Sequence[Frame], format: str, depth: int) -> None:
    """Refuse frames that a format cannot hold."""
    if len(frames) > 1 and not FORMATS[format].frames:
        able = [name for name, known in FORMATS.items() if known.modes and known.frames]
        raise ContentError(f"{format} holds one frame; write {', '.join(able)}")
    sizes = list(dict.fromkeys(frame.values.shape[:2] for frame in frames))
    if len(sizes) > 1 and not isinstance(FORMATS[format].frames, Pages):
        raise ContentError(
            f"{format} holds frames of one size; write tif for {shape_text(sizes[0])} and "
            f"{shape_text(sizes[1])}"
        )
    for frame in frames:
        check_size(
            frame.values, format, depth, has_alpha=frame.alpha is not None, frames=len(frames)
        )


def check_size(
    values: Array, format: str, depth: int, *, has_alpha: bool = False, frames: int = 1
) -> None:
    """Refuse a picture larger than its format holds.

    Parameters
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C).
    format : str
        A name from `FORMATS`.
    depth : {8, 16}
        The source's bits.
    has_alpha : bool
    frames : int
        Number of frames in the file.

    Raises
    ------
    ContentError
        If it is larger; it names a format that takes it.
    """
    if not FORMATS[format].is_picture:
        return
    excess = _excess(values, format, depth, has_alpha=has_alpha, frames=frames)
    if excess is None:
        return
    able = [
        name
        for name, known in FORMATS.items()
        if known.modes
        and known.quality is None
        and (known.frames or frames == 1)
        and (known.alpha == "full" or not has_alpha)
        and _excess(values, name, depth, has_alpha=has_alpha, frames=frames) is None
    ]
    height, width = values.shape[:2]
    raise ContentError(
        f"{height}x{width} is larger than {format} holds ({excess}); "
        f"write {' or '.join(able[:2]) or 'npy'}"
    )


def _excess(values: Array, format: str, depth: int, *, has_alpha: bool, frames: int) -> str | None:
    """Return the limit that a picture exceeds, if any."""
    known = FORMATS[format]
    channels = values.shape[2] if values.ndim == 3 else 1
    if has_alpha and known.alpha:
        channels += 1
    alpha = np.empty(0) if has_alpha else None
    kept = kept_depth(values, alpha, format, depth, frames)
    height, width = values.shape[:2]
    return known.limits.excess(height, width, channels * kept // 8)


def _write_matrix(file: BinaryIO, matrix: Array, format: str) -> None:
    from cnnfilter.files.numbers.matrices import write_matrix

    if FORMATS[format].library == "numpy":
        encode_to(file, format, lambda out: write_matrix(out, matrix, format))
    else:
        write_matrix(file, matrix, format)


_Result = TypeVar("_Result")


def encode_to(file: BinaryIO, format: str, encode: Callable[[BinaryIO], _Result]) -> _Result:
    """Run an encoder on a file, and turn any error of a library into one.

    Raises
    ------
    ContentError
        If it cannot encode this.
    OSError
        If the file cannot be written.
    """

    def encoded() -> _Result:
        with caught() as printed:
            try:
                return encode(cast("BinaryIO", WithoutDescriptor(file)))
            except MemoryError:
                raise ContentError(f"{format} takes more memory to write than there is") from None
            except CnnFilterError:
                raise
            except Exception as error:
                from cnnfilter.files.reasons import is_bug, library_words

                if getattr(error, "errno", None) or is_bug(error):
                    raise
                words = library_words(error, printed.words()) or type(error).__name__
                raise ContentError(f"{format} cannot hold this picture ({words})") from None

    def emptied() -> None:
        file.seek(0)
        file.truncate()

    return attributed(encoded, emptied)


def _encode(
    file: BinaryIO,
    frames: Sequence[Frame],
    format: str,
    metadata: Mapping[str, Any],
    encoding: Encoding,
) -> list[str]:
    """Encode pictures or numbers; return notes on metadata that is left out."""
    known, lost = FORMATS[format], []
    if known.is_picture and "colours" in metadata:
        from cnnfilter.files.metadata import colours

        words = colours.lost(metadata, known.metadata)
        lost = [f"{format} cannot hold {name}: left out" for name in words]
    if isinstance(known.frames, Pages):
        write_pages = import_module(known.deep_module).write_pages
        pages = [_page(frame, format, metadata) for frame in frames]
        return lost + encode_to(file, format, lambda out: write_pages(out, pages))
    lost += ["its place on the map is left out"] if metadata.get("geo") else []
    profile = metadata.get("icc_profile")
    if profile and known.is_picture and "icc_profile" not in known.metadata:
        lost += [] if is_srgb(profile) else [f"{format} cannot hold its colour profile: left out"]
    return lost + _encode_picture(file, frames, format, metadata, encoding)


def _encode_picture(
    file: BinaryIO,
    frames: Sequence[Frame],
    format: str,
    metadata: Mapping[str, Any],
    encoding: Encoding,
) -> list[str]:
    """Encode what has no pages of its own."""
    known = FORMATS[format]
    if not known.is_picture:
        _write_matrix(file, frames[0].values, format)
        return []
    if known.library != "pillow" or any(map(_is_deep, frames)):
        known.load_codec()
        is_own = known.library != "pillow"
        options = known.encoder_options(encoding.compression, encoding.quality) if is_own else {}
        write_deep = import_module(known.deep_module).write_deep
        pictures = [(pixels, alpha) for pixels, alpha, *_ in frames]
        return encode_to(file, format, lambda out: write_deep(out, pictures, metadata, **options))
    pictures_ = [(pixels, alpha, duration) for pixels, alpha, duration, *_ in frames]
    return encode_to(
        file,
        format,
        lambda out: write_pictures(
            out, pictures_, format, metadata, encoding.compression, encoding.quality
        ),
    )


def _page(frame: Frame, format: str, metadata: Mapping[str, Any]) -> "Page":
    """Return a page of a TIFF, and the type that its numbers are stored in."""
    from cnnfilter.files.tiff.writer import Page, numbers_dtype

    own = frame.page or Origin(metadata, format, 8)
    is_picture = FORMATS[own.format].is_picture
    dtype = frame.values.dtype if is_picture else numbers_dtype(frame.values)
    return Page(frame.values, frame.alpha, dtype, own.metadata)


def _is_deep(frame: Frame) -> bool:
    """Return whether a frame has 16-bit colours or alpha, which Pillow does not write."""
    return frame.values.dtype == np.uint16 and (frame.values.ndim == 3 or frame.alpha is not None)


class _Stored:
    """Values as a format stores them, and what became of them.

    Attributes
    ----------
    depth : {8, 16}
        The bits that are asked for.
    clipped : float or None
        See `Written`.
    notes : list of str
        What the format cannot hold.
    """

    def __init__(
        self, encoding: Encoding, format: str, extremes: tuple[float, float] | None
    ) -> None:
        self.depth = encoding.depth or 8
        self.clipped: float | None = None
        self.notes: list[str] = []
        self._tops: set[int] = set()
        self._range, self._format, self._extremes = encoding.range, format, extremes

    def frames(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return frames as their formats store them: pixels, or numbers as they are."""
        made, changed, pixels = [], 0.0, 0
        for frame in frames:
            if not FORMATS[frame.page.format if frame.page else self._format].is_picture:
                made.append(self._matrix(frame))
                continue
            depth = frame.page.depth if frame.page else self.depth
            picture, clipped = self._picture(frame, depth, len(frames))
            made.append(picture)
            changed += clipped * frame.values.size
            pixels += frame.values.size
        if pixels:
            self.clipped = changed / pixels
        is_animation = not isinstance(FORMATS[self._format].frames, Pages)
        if pixels and is_animation and any(frame.alpha is not None for frame in made):
            made = [_with_alpha(picture) for picture in made]
        return made

    def _matrix(self, frame: Frame) -> Frame:
        """Return a frame as numbers, which are left as they are unless a range is set."""
        alpha, values = frame.alpha, frame.values
        if alpha is not None and not FORMATS[self._format].alpha:
            self.notes.append("alpha is left out of a matrix")
            alpha = None
        if isinstance(FORMATS[self._format].frames, Pages):
            values = _without_single_channel(values)
        if self._range is not None:
            kept = own_levels(self.depth, frame.white)
            values = quantize(values, self._range, *kept.around(self._extremes)).pixels
        return frame._replace(values=values, alpha=alpha)

    def metadata(self, source: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return the source's metadata, with the number that is white in a format that has one."""
        metadata = source or {}
        if not FORMATS[self._format].holds_peak or len(self._tops) != 1:
            return metadata
        return {**metadata, "peak": max(self._tops)}

    def _picture(self, frame: Frame, depth: int, frames: int) -> tuple[Frame, float]:
        """Return a frame's pixels, and the share of values that was clipped."""
        values, alpha = _without_single_channel(frame.values), frame.alpha
        format = frame.page.format if frame.page else self._format
        if values.ndim == 3 and values.shape[2] != 3 and not FORMATS[format].holds_bands:
            raise ContentError(
                f"{format} holds 1 or 3 channels, not {values.shape[2]}; "
                "write .npy, .npz or --format float"
            )
        kept = levels(values, alpha, format, depth, frame.white, frames)
        self._tops.add(kept.top)
        pixels, clipped = values, 0.0
        if not frame.is_stored:
            range = self._range or "clip"
            pixels, clipped = quantize(values, range, *kept.around(self._extremes))
        self.notes += kept.notes(self._range, depth, format, values)
        if alpha is not None:
            alpha = self._fitting_alpha(_scaled_alpha(alpha, frame.opaque, depth, kept))
        colors = FORMATS[self._format].colors
        if colors is not None and pixels.ndim == 3:
            self.notes.append(f"{self._format} holds {colors} colours")
        return frame._replace(values=pixels, alpha=alpha), clipped

    def _fitting_alpha(self, alpha: Array) -> Array | None:
        """Drop an opaque alpha; make others fit, or refuse one that the format cannot store."""
        top = np.iinfo(alpha.dtype).max
        holds = FORMATS[self._format].alpha
        if holds == "full":
            return alpha
        if (alpha == top).all():
            return None
        if holds != "mask":
            raise ContentError(f"{self._format} cannot hold transparency; write png, webp or tif")
        if np.isin(alpha, (0, top)).all():
            return alpha
        self.notes.append(f"{self._format} holds all or no transparency: the nearer of the two")
        return np.where(alpha > top // 2, top, 0).astype(alpha.dtype)


def _with_alpha(frame: Frame) -> Frame:
    """Return a frame with an opaque alpha if it has none."""
    if frame.alpha is not None:
        return frame
    dtype = frame.values.dtype
    return frame._replace(alpha=np.full(frame.values.shape[:2], np.iinfo(dtype).max, dtype))


def _scaled_alpha(alpha: Array, opaque: float | None, depth: int, kept: "Levels") -> Array:
    """Scale alpha to the pixels' type and white, a band at a time."""
    dtype = np.dtype(f"uint{kept.depth}")
    if opaque is None:
        opaque = 2**depth - 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    if alpha.dtype == dtype and opaque == kept.top:
        return alpha
    result = np.empty(alpha.shape, dtype)
    for rows in bands(alpha):
        wide = alpha[rows].astype(np.float64) * kept.top / opaque
        result[rows] = convert(wide.clip(0, kept.top), dtype)
    return result


def _without_single_channel(values: Array) -> Array:
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


class Levels(NamedTuple):
    """How bright values are stored.

    Attributes
    ----------
    depth : {8, 16}
        The bits of a pixel.
    white : int
        The value that is white.
    top : int
        The number that white is stored as.
    """

    depth: int
    white: int
    top: int

    def around(
        self, extremes: tuple[float, float] | None
    ) -> tuple[int, tuple[float, float] | None, int, int]:
        """Return the arguments of `quantize`."""
        return self.depth, extremes, self.white, self.top

    def writer(self, range: str, extremes: tuple[float, float] | None = None) -> PixelWriter:
        """Return the storing of values."""
        return PixelWriter(range, *self.around(extremes))

    def notes(self, range: str | None, depth: int, format: str, values: Array) -> list[str]:
        """Return what to say of scaling that nobody asked for."""
        notes = []
        if self.depth < depth:
            lack = _unstorable(values, format)
            notes.append(f"scaled from 16 bits to 8: {format} cannot store {lack}")
        is_usual = self.white in (2**8 - 1, 2**16 - 1)
        if self.white != self.top and not is_usual and range in (None, "clip", "abs"):
            notes.append(f"stretched from 0..{self.white} to 0..{self.top}")
        return notes


def levels(
    values: Array,
    alpha: Array | None,
    format: str,
    depth: int,
    white: int | None = None,
    frames: int = 1,
) -> Levels:
    """Return how bright a format stores values.

    Parameters
    ----------
    values : ndarray
        Shape (H, W) or (H, W, C); only the shape counts.
    alpha : ndarray or None
    format : str
        A picture's name from `FORMATS`.
    depth : {8, 16}
        The bits that are asked for.
    white : int, optional
        The value that is white; default: the largest number of the depth.
    frames : int
        Number of frames in the file.

    Examples
    --------
    >>> image = np.zeros((2, 2))
    >>> levels(image, None, "png", 16, 1023), levels(image, None, "ppm", 16, 1023)
    (Levels(depth=16, white=1023, top=65535), Levels(depth=16, white=1023, top=1023))
    """
    kept = kept_depth(values, alpha, format, depth, frames)
    own = own_levels(depth, white)
    if kept == depth and FORMATS[format].holds_peak:
        return own
    return Levels(kept, own.white, 2**kept - 1)


def own_levels(depth: int, white: int | None) -> Levels:
    """Return levels that keep a white of the same depth."""
    largest = 2**depth - 1
    if white is None or (white > 2**8 - 1) == (depth == 16):
        return Levels(depth, white or largest, white or largest)
    return Levels(depth, white, largest)


def kept_depth(values: Array, alpha: Array | None, format: str, depth: int, frames: int = 1) -> int:
    """Return the bits that a format can keep of a source's 8 or 16."""
    deep_modes = FORMATS[format].stored_deep_modes
    # Of an animation, Pillow would take frames for alike that differ in the lower 8 bits.
    if frames > 1 and isinstance(FORMATS[format].frames, Animation):
        return 8
    is_plain = alpha is None and (values.ndim == 2 or values.shape[2] == 1)
    return depth if "color" in deep_modes or ("gray" in deep_modes and is_plain) else 8


def _unstorable(values: Array, format: str) -> str:
    """Return the words for 16-bit values that a format cannot keep."""
    known = FORMATS[format]
    if not known.deep_modes:
        return "16 bits"
    if "color" in known.stored_deep_modes:
        return "16-bit animations"
    is_color = values.ndim == 3 and values.shape[2] > 1
    lack = "16-bit colour" if is_color else "16-bit grey with alpha"
    return f"{lack} without {install(known.deep_extra)}" if known.deep_extra else lack


def write_image(path: str | Path, array: ArrayLike, range: str = "clip", depth: int = 8) -> None:
    """Write an array as an image.

    Parameters
    ----------
    path : str or Path
        Its suffix names the format. A matrix's format (.npy, .npz, .pfm, .csv, .tsv, .json)
        holds the numbers as they are if the range is ``clip``; so does .tif with more than
        four channels.
    array : array_like
        Shape (H, W) or (H, W, C) with 1 to 4 channels; of 2 and 4 the last is alpha.
    range : {"clip", "abs", "minmax", "symmetric"}
        How values become 0..255 or 0..65535: as they are, by magnitude, stretched from
        lowest to highest, or with 0 in the middle. They are rounded half to even and
        saturate.
    depth : {8, 16}
        Bits for each channel. Values are in its range: 255 is white in 8 bits, and dark in 16.
        (The command's ``--depth`` scales a picture; here values are as they are.)

    Raises
    ------
    ArgumentError
        If the range, the depth or the path's suffix is unknown.
    CnnFilterError
        If the format cannot hold the values, or the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from cnnfilter import read_image
    >>> with TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/a.png", [[-3, 100.5, 300]])
    ...     read_image(f"{folder}/a.png")
    array([[  0, 100, 255]], dtype=uint8)
    """
    values = as_image(array)
    choice("range", range, RANGES)
    if depth not in (8, 16):
        raise ArgumentError(f"depth is 8 or 16, not {brief(depth)}")
    format = _format_of(path)
    channels = values.shape[2] if values.ndim == 3 else 1
    if channels > 4:
        format = FORMATS[format].numbers or format
    if not FORMATS[format].is_picture:
        encoding = Encoding(format, None if range == "clip" else range, depth)
        write(Output(path, encoding), [Frame(values)])
        return
    alpha = None
    if channels in (2, 4):
        values, alpha = values[:, :, :-1], values[:, :, -1]
    if kept_depth(values, alpha, format, depth) < depth:
        lack = _unstorable(values, format)
        raise FileError(f"{shown(path)}: {format} cannot store {lack}; write .tif, or use depth 8")
    write(Output(path, Encoding(format, range, depth)), [Frame(values, alpha)])
