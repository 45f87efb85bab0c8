"""Messages for pictures that cannot be read; a library's own words stand in brackets."""

import re
from pathlib import Path
from traceback import walk_tb

from cnnfilter.text import printable

#: Letters of a library's words in a message.
_MAX_WORDS = 200

_EXPORT = "export it as png or tif"

#: What libraries raise on files that may be whole, and what they cannot read.
_UNSUPPORTED = (
    (r"cannot handle (\d+)-bit layers", r"a \1-bit JPEG"),
    (r"Unsupported JPEG data precision (\d+)", r"a \1-bit JPEG"),
    (r"cannot handle (\d+)-layer images", r"a JPEG of \1 channels"),
    (r"Unsupported BMP pixel depth \((\d+)\)", r"a BMP of \1 bits a pixel"),
    (r"Unsupported BMP compression \((\d+)\)", r"a BMP of compression \1"),
    (r"Unsupported BMP bitfields layout", "a BMP with an unusual layout of colours"),
    (r"Unsupported BMP header type \((\d+)\)", r"a BMP with a header of \1 bytes"),
    (r"unable to determine J2K image mode", "a JPEG 2000 of unusual channels or bits"),
    (r"unknown pixel mode", "a TIFF of unusual channels or bits"),
    (r"unknown data organization", "a TIFF without strips or tiles"),
    (r"data type not supported \(SampleFormat \d+, (.+?)-bit\)", r"a TIFF with \1 bits a channel"),
    (r"data type not supported", "a TIFF of an unusual type of numbers"),
    (r"No '(av1|avc|evc|vvc)C' box|[Uu]nsupported codec", "an HEIC in an unusual coding"),
    (r"Windows Media Photo", "a TIFF with JPEG XR in it"),
    (r"(\w+) compression support is not configured", r"a TIFF compressed with \1"),
    (r"COMPRESSION\.(\w+): \d+>.* (not supported|requires)", r"a TIFF compressed with \1"),
    (r"PREDICTOR\.(\w+): \d+>.* (not supported|requires)", r"a TIFF with predictor \1"),
)

_CAMERA_RAW = "camera raw"
CAMERA_RAW = "is camera raw; develop it first, in a raw converter"

#: Bytes at a file's end that are looked at.
FOOT = 18
#: First bytes of formats that are not read here, and what they are.
_FOREIGN = (
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (rb"%PDF", "a PDF"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<(\w+:)?svg", "an SVG drawing"),
    (rb".{4}ftyp(avc[is]|j2ki|jp(eg|gs)|vvi|evb)", "an HEIF picture in an unusual coding"),
    (rb".{4}ftypcrx", _CAMERA_RAW),
    (rb".{4}ftyp(?!avi[fs])", "a video"),
    (rb"II\xbc", "a JPEG XR picture"),
    (rb"8BPS", "a Photoshop file"),
    (rb"II(RO|RS|U\0)|MMOR|FUJIFILMCCD-RAW|\0MRM|FOVb", _CAMERA_RAW),
    (rb"gimp xcf", "a GIMP file"),
    (rb"\x00\x00\x01\x00", "a Windows icon"),
    (rb"v/1\x01", "an OpenEXR picture"),
    (rb"#\?(RADIANCE|RGBE)", "a Radiance picture"),
    (rb"qoif", "a QOI picture"),
    (rb"DDS ", "a DDS texture"),
    (rb"SIMPLE  =", "a FITS file"),
    (rb"MATLAB ", "a MATLAB file"),
    (rb".{128}DICM", "a DICOM file"),
    (rb"II\x1a\0\0\0HEAPCCDR", _CAMERA_RAW),
    (rb"\x01\xda[\0\x01][\x01\x02]", "an SGI picture"),
    (rb"\x0a[\0-\x05][\0\x01][\x01\x02\x04\x08]", "a PCX picture"),
    (rb"\x59\xa6\x6a\x95", "a Sun raster"),
    (rb"\0\0\x02\0[^\0]", "a Windows cursor"),
    (rb"icns", "an Apple icon"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows drawing"),
    (rb"/\* XPM \*/", "an XPM picture"),
    (rb"#define \w+ \d+\s+#define", "an XBM picture"),
    (rb"SDPX|XPDS", "a DPX picture"),
    (rb"AT&TFORM", "a DjVu document"),
    (rb"BPG\xfb", "a BPG picture"),
    (rb"[\x8a\x8b][MJ]NG\r\n\x1a\n", "an MNG or JNG picture"),
    (rb"id=ImageMagick", "an ImageMagick file"),
    (rb".{4}[\x11\x12]\xaf", "an FLI or FLC animation"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x97JB2\r\n", "a JBIG2 picture"),
    (rb"RIFF.{4}AVI |\x1a\x45\xdf\xa3", "a video"),
    (rb"FLIF", "a FLIF picture"),
    (rb"\xabKTX ", "a KTX texture"),
    (rb"NRRD\d|.{344}n[+i]1\0", "a volume of a scanner"),
    (rb"BA.{4}\0", "an OS/2 bitmap array"),
    (rb"(?i:\s*(<!--.*?-->\s*)?<(!DOCTYPE\s+)?html)", "a web page"),
    (rb"\x1f\x8b|\xfd7zXZ|BZh\d|7z\xbc\xaf|Rar!", "a compressed archive"),
    (rb".*TRUEVISION-XFILE", "a Targa picture"),
)

#: What files are whose suffixes say that they hold pictures, but that are not read here.
_BY_SUFFIX = {
    _CAMERA_RAW: "3fr arw cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw nef nrw orf pef raf "
    "rw2 rwl sr2 srf srw x3f",
    "Photoshop": "psd psb",
    "GIMP": "xcf",
    "Krita": "kra",
    "a drawing": "svg svgz eps ps ai wmf emf cdr",
    "an icon": "ico cur icns",
    "OpenEXR": "exr",
    "Radiance": "hdr",
    "QOI": "qoi",
    "a texture": "dds ktx ktx2",
    "Targa": "tga",
    "PCX": "pcx",
    "SGI": "sgi rgb rgba bw",
    "JPEG XR": "jxr wdp hdp",
    "JPEG-LS": "jls",
    "MPO": "mpo",
    "FITS": "fits fit fts",
    "DICOM": "dcm dicom",
    "a microscope's file": "czi lif nd2 vsi svs ndpi lsm oib oif",
    "DjVu": "djvu djv",
    "BPG": "bpg",
    "FLIF": "flif",
    "XPM": "xbm xpm",
}

#: What means nothing to a person: Pillow's words for anything, and Python's for what a library
#: did not foresee.
_EMPTY = ("not identified by this driver", "cannot load this image")
_UNFORESEEN = (LookupError, TypeError, AttributeError, AssertionError)


#: Where our own code stands, and what is raised there only by a bug.
_OWN = str(Path(__file__).parents[1])
_BUGS = (TypeError, AttributeError, NameError, AssertionError)


def is_bug(error: Exception) -> bool:
    """Return whether an error is our own code's, and no library's.

    Examples
    --------
    >>> try:
    ...     foreign_problem(None)
    ... except TypeError as error:
    ...     is_bug(error)
    True
    """
    files = (frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__))
    own = [file.startswith(_OWN) for file in files]
    # A library may call our own code, too, with what it has read from a broken file.
    return isinstance(error, _BUGS) and True in own and all(own[own.index(True) :])


def decoding_problem(error: Exception, printed: str = "") -> str:
    """Return the message for a decoder's failure.

    Examples
    --------
    >>> decoding_problem(SyntaxError("unknown pixel mode"))[:53]
    'is a TIFF of unusual channels or bits, which is not s'
    >>> decoding_problem(OSError("decoder error -2"), "ZIPDecode: Decoding error")[:58]
    'corrupt or truncated (decoder error -2: ZIPDecode: Decodin'
    """
    words = library_words(error, printed)
    for pattern, kind in _UNSUPPORTED:
        if found := re.search(pattern, words):
            return f"is {found.expand(kind)}, which is not supported ({words}); {_EXPORT}"
    return f"corrupt or truncated{f' ({words})' if words else ''}; export or copy it again"


def library_words(error: Exception, printed: str = "") -> str:
    """Return a library's words on one line."""
    raised = "" if isinstance(error, _UNFORESEEN) else " ".join(str(error).split())
    printed = printed if " " in printed else ""
    parts = [words for words in (raised, printed) if words and words not in _EMPTY]
    words = printable(": ".join(dict.fromkeys(parts)))
    return words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 3] + "..."


def kind_of_suffix(suffix: str) -> str:
    """Return what a picture's file is that is not read here.

    Examples
    --------
    >>> kind_of_suffix(".psd"), kind_of_suffix(".txt")
    ('Photoshop', '')
    """
    word = suffix.removeprefix(".")
    return next((kind for kind, words in _BY_SUFFIX.items() if word in words.split()), "")


def foreign_problem(head: bytes, tail: bytes = b"") -> str:
    """Return the message for a format that is not read, by its first and last bytes.

    Examples
    --------
    >>> foreign_problem(b"%PDF-1.7")
    'is a PDF, which is not read here; export it as png or tif'
    """
    for pattern, kind in _FOREIGN:
        if re.match(pattern, head + tail, re.DOTALL):
            is_raw = kind == _CAMERA_RAW
            return CAMERA_RAW if is_raw else f"is {kind}, which is not read here; {_EXPORT}"
    return ""
