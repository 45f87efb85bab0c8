"""What the numbers of a TIFF's page mean: colours, bands, alpha, white, no data."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnfilter.arrays import Array, DType
from cnnfilter.arrays.buffers import bands
from cnnfilter.errors import ContentError
from cnnfilter.files.image import Image, Metadata, blank, upright
from cnnfilter.files.metadata.parts import UPRIGHT, checked_orientation
from cnnfilter.files.premultiplied import divided

if TYPE_CHECKING:
    from tifffile import TiffPage

# TIFF 6.0's numbers of PhotometricInterpretation and ExtraSamples, and tags.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {RGB: 3, YCBCR: 3, CMYK: 4}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_ORIENTATION, _INK_SET, _NO_DATA = 274, 332, 42113
_INKS_OF_CMYK = 1
#: Floats hold all integers up to this one.
_EXACT_INTEGERS = 2**53
#: Bits whose largest number is that of a type, or is made it: bits become 0 and 255.
_WHOLE_BITS = (1, 8, 16, 32, 64)


class Meaning(NamedTuple):
    """What a page's samples are, before its pixels are read.

    Attributes
    ----------
    photometric : int
        TIFF 6.0's number.
    dtype : dtype
    bits : int
    colours : int
        Number of samples that are colours, before any bands.
    alpha : int or None
        The sample that is alpha.
    is_premultiplied : bool
    orientation : int
    no_data : float or None
        The number that stands for no value, if the type holds it.
    """

    photometric: int
    dtype: DType
    bits: int
    colours: int
    alpha: int | None
    is_premultiplied: bool
    orientation: int
    no_data: float | None

    @classmethod
    def of(cls, page: "TiffPage") -> tuple["Meaning", tuple[str, ...]]:
        """Return what a page's samples are, and notes.

        Raises
        ------
        ContentError
            If they cannot be understood.
        """
        dtype, photometric = _checked_dtype(page), int(page.photometric)
        colours = min(_COLOURS.get(photometric, 1), page.samplesperpixel)
        first = page.samplesperpixel - len(page.extrasamples)
        uses = {first + place: int(use) for place, use in enumerate(page.extrasamples)}
        alpha = next(
            (at for at, use in uses.items() if use in (_ASSOCIATED, _UNASSOCIATED) and at), None
        )
        orientation, odd = checked_orientation(page.tags.valueof(_ORIENTATION, UPRIGHT))
        bits = bits_of(page) or 8 * dtype.itemsize
        stored = np.dtype(np.uint8) if dtype == np.bool_ else dtype
        meaning = cls(
            photometric,
            stored,
            bits,
            colours,
            alpha,
            alpha is not None and uses[alpha] == _ASSOCIATED,
            orientation,
            number_of(page.tags.valueof(_NO_DATA), stored),
        )
        return meaning, (odd,) if odd else ()

    @property
    def peak(self) -> int | None:
        """The number that is white, where it is not its type's largest."""
        is_picture = self.dtype in (np.uint8, np.uint16) and self.photometric != PALETTE
        return None if self.bits in _WHOLE_BITS or not is_picture else 2**self.bits - 1

    @property
    def copies(self) -> int:
        """Number of copies of the samples that their meaning takes, at most."""
        if self.is_premultiplied and self.dtype == np.float16:  # becomes float32
            return 5
        is_remade = self.photometric in (WHITE_IS_ZERO, CMYK) or self.is_premultiplied
        # A palette's colours are three samples of one, of twice the bytes at most.
        return 6 if self.photometric == PALETTE else int(is_remade)

    @property
    def top(self) -> int | None:
        """The largest number of its bits; None of floats."""
        if self.dtype.kind != "u":
            return None
        return 2 ** (8 if self.bits == 1 else self.bits) - 1


def bits_of(page: "TiffPage") -> int:
    """Return the bits of a page's samples; 0 if they differ."""
    bits: object = page.bitspersample  # which tifffile's types do not say
    return bits if isinstance(bits, int) else 0


def _checked_dtype(page: "TiffPage") -> DType:
    """Return a type of samples, or refuse them."""
    problem = ""
    photometric = page.photometric
    name = getattr(photometric, "name", f"photometric {photometric}")
    known = (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR)
    inks = page.tags.valueof(_INK_SET, _INKS_OF_CMYK)
    if page.dtype is None:
        problem = "numbers of an unusual type or number of bits"
    elif page.dtype.kind == "c":
        raise ContentError("holds complex numbers; write its magnitude or its real part")
    elif page.imagedepth > 1:
        problem = f"{page.imagedepth} slices in one page"
    elif int(photometric) not in known:
        problem = f"{name} colours in {page.bitspersample} bits"
    elif int(photometric) == CMYK and (inks != _INKS_OF_CMYK or page.samplesperpixel < 4):
        problem = "inks that are not cyan, magenta, yellow and black"
    if page.dtype is None or problem:
        raise ContentError(f"is a TIFF with {problem}, which is not supported; export it as png")
    return page.dtype


def number_of(text: object, dtype: DType) -> float | None:
    """Return GDAL's number for no data, if any.

    Examples
    --------
    >>> number_of("-9999", np.dtype(np.int16)), number_of("-9999", np.dtype(np.uint8))
    (-9999.0, None)
    """
    if not isinstance(text, str):
        return None
    try:
        number = float(text.strip("\0 \n"))
    except ValueError:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return float(dtype.type(number))
    info = np.iinfo(dtype)
    is_exact = number.is_integer() and abs(number) <= _EXACT_INTEGERS
    return number if is_exact and info.min <= number <= info.max else None


def image_of(
    page: "TiffPage", meaning: Meaning, samples: Array, *, is_upright: bool = False
) -> Image:
    """Return the image that samples make.

    Parameters
    ----------
    page : TiffPage
    meaning : Meaning
    samples : ndarray
        Shape (H, W) or (H, W, S), as stored.
    is_upright : bool
        Whether the orientation is applied already.
    """
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * np.uint8(255)
    if not is_upright:
        samples = upright(samples, meaning.orientation)
    alpha = None
    if meaning.alpha is not None:
        alpha = samples[:, :, meaning.alpha]
        is_last = meaning.alpha == samples.shape[2] - 1
        samples = samples[:, :, :-1] if is_last else np.delete(samples, meaning.alpha, axis=2)
    colours, metadata = meaning.colours, Metadata()
    notes: tuple[str, ...] = ()
    if meaning.photometric == WHITE_IS_ZERO:
        samples = _inverted(samples, meaning)
    elif meaning.photometric == PALETTE:
        samples, colours = _looked_up(page, samples), 3
    elif meaning.photometric == CMYK:
        samples, notes = _rgb_of_cmyk(samples)
        colours = 3
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    if alpha is not None and meaning.is_premultiplied:
        if samples.dtype == np.float16:  # whose rounding would show, multiplied again
            samples, alpha = samples.astype(np.float32), alpha.astype(np.float32)
        samples = divided(samples, alpha, colours)
        metadata["is_premultiplied"] = True
    is_picture = samples.dtype in (np.uint8, np.uint16)
    if samples.ndim == 3:
        rgb = samples.shape[2] if colours == 3 else 0
        if not (is_picture and rgb == 3):  # which says so by itself
            metadata["rgb_bands"] = rgb
    format = "tif" if is_picture else "float"
    image = Image(samples, alpha, format, metadata, notes, peak=meaning.peak)
    return image if meaning.no_data is None else without_data(image, meaning.no_data)


def _inverted(samples: Array, meaning: Meaning) -> Array:
    """Turn the first sample round: 0 is white."""
    result = samples.copy()
    first = result if result.ndim == 2 else result[:, :, 0]
    if meaning.top is not None:
        first[...] = samples.dtype.type(meaning.top) - first
    elif meaning.dtype.kind == "f":
        first[...] = 1 - first
    else:
        first[...] = ~first
    return result


def _looked_up(page: "TiffPage", samples: Array) -> Array:
    """Return the palette's colours of samples."""
    places = samples if samples.ndim == 2 else samples[:, :, 0]
    palette = colours_of(page)
    if places.max(initial=0) >= len(palette):
        raise ContentError("corrupt: its pixels have colours beyond its palette")
    return palette[places]


def colours_of(page: "TiffPage") -> Array:
    """Return a page's palette, shape (N, 3), in 8 bits where it has no more."""
    if page.colormap is None:
        raise ContentError("corrupt: it has no palette; export or copy it again")
    palette = np.asarray(page.colormap, np.uint16).T
    if (palette < 256).all():  # as some writers have them, against TIFF 6.0
        return palette.astype(np.uint8)
    high = palette >> 8
    is_plain = (palette == high * np.uint16(257)).all() or (palette == high << 8).all()
    return high.astype(np.uint8) if is_plain else palette


def _rgb_of_cmyk(inks: Array) -> tuple[Array, tuple[str, ...]]:
    """Turn print colours to RGB; return notes, too."""
    notes = ["CMYK is converted without its profile: its colours are approximate"]
    is_float = inks.dtype.kind == "f"
    top = 1.0 if is_float else float(np.iinfo(inks.dtype).max)
    if inks.shape[2] > 4:
        notes.append(f"{inks.shape[2] - 4} further inks or bands: left out")
    rgb = np.empty((*inks.shape[:2], 3), inks.dtype)
    for rows in bands(rgb):
        left = top - inks[rows, :, :4].astype(np.float64)
        exact = left[:, :, :3] * left[:, :, 3:4] / top
        rgb[rows] = exact if is_float else np.rint(exact)
    return rgb, tuple(notes)


def without_data(image: Image, number: float) -> Image:
    """Return an image that is transparent without data."""
    pixels, notes = image.pixels, image.notes
    is_float = pixels.dtype.kind == "f"
    if pixels.size and not any(pixels.strides[:2]):  # a head
        alpha = blank(pixels.shape[:2], pixels.dtype) if image.alpha is None else image.alpha
        return replace(image, alpha=alpha)
    empty = np.isnan(pixels) if np.isnan(number) else pixels == pixels.dtype.type(number)
    if empty.ndim == 3:
        partly, empty = empty.any(axis=2), empty.all(axis=2)
        if is_float and (partly != empty).any():
            notes = (*notes, "its no-data number in some bands of a pixel counts as a number")
    full = 1 if is_float else np.iinfo(pixels.dtype).max
    if image.alpha is not None:
        alpha = np.where(empty, 0, image.alpha).astype(image.alpha.dtype)
        notes = (*notes, "its no-data number is left out: alpha says the same")
        return replace(image, alpha=alpha, notes=notes)
    alpha = np.where(empty, 0, full).astype(pixels.dtype)
    metadata = Metadata(**image.metadata, no_data=number)
    return replace(image, alpha=alpha, metadata=metadata, notes=notes)


def blank_of(page: "TiffPage", meaning: Meaning) -> Image:
    """Return a page's blank image."""
    shape = (1, 1) if page.samplesperpixel == 1 else (1, 1, page.samplesperpixel)
    pixel = image_of(page, meaning, np.zeros(shape, meaning.dtype))
    height, width = page.imagelength, page.imagewidth
    if meaning.orientation > 4:
        height, width = width, height
    pixels = blank((height, width, *pixel.pixels.shape[2:]), pixel.pixels.dtype)
    alpha = None if pixel.alpha is None else blank((height, width), pixel.alpha.dtype)
    return replace(pixel, pixels=pixels, alpha=alpha)


#: Descriptions that name the sizes and the number of pages, and who writes them.
_STRUCTURED = re.compile(r'\s*(\{"shape"|<\?xml|<OME|ImageJ=|SCIFIO=)')


def is_structured(description: str) -> bool:
    """Return whether a description is about the layout of its file.

    Examples
    --------
    >>> is_structured('{"shape": [6, 5]}'), is_structured("A cup of coffee")
    (True, False)
    """
    return _STRUCTURED.match(description) is not None
