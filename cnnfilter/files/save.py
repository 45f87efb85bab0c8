"""Writing a result, whatever its format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.checks import as_image
from cnnfilter.arrays.quantize import RANGES
from cnnfilter.arrays.span import Span
from cnnfilter.errors import ArgumentError, CnnFilterError, ContentError, FileError, brief
from cnnfilter.files.capacity import check_size, kept_depth, unstorable
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.format import Pages
from cnnfilter.files.formats import FORMATS, format_of
from cnnfilter.files.metadata.parts import is_srgb
from cnnfilter.files.output import WithoutDescriptor, replacing
from cnnfilter.files.pillow.writer import write_pictures
from cnnfilter.files.printed import attributed, caught
from cnnfilter.files.stored import Frame, Origin, Stored
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
    stored = Stored(output.encoding, format, extremes)
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
        lack = unstorable(values, format)
        raise FileError(f"{shown(path)}: {format} cannot store {lack}; write .tif, or use depth 8")
    write(Output(path, Encoding(format, range, depth)), [Frame(values, alpha)])
