"""XMP without what is not true of a result: sizes, and promises of pictures that are left out."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from xml.parsers import expat


class _Stale(NamedTuple):
    """What of a namespace is left out.

    Attributes
    ----------
    names : str
        A regular expression of its properties.
    promise : str
        The name of what they say is in the file; "" for none.
    """

    names: str = r"[\w.-]+"
    promise: str = ""


_GAIN_MAP, _DEPTH, _VIDEO = "gain map", "depth map", "video"
#: By the namespace.
_STALE: Mapping[bytes, _Stale] = {
    b"http://ns.adobe.com/tiff/1.0/": _Stale(
        "ImageWidth|ImageLength|BitsPerSample|Compression|PhotometricInterpretation|Orientation"
        "|SamplesPerPixel|PlanarConfiguration|YCbCrSubSampling|YCbCrPositioning|NativeDigest"
    ),
    b"http://ns.adobe.com/exif/1.0/": _Stale(
        "PixelXDimension|PixelYDimension|CompressedBitsPerPixel|NativeDigest"
    ),
    b"http://ns.adobe.com/camera-raw-settings/1.0/": _Stale(),
    b"http://ns.adobe.com/hdr-gain-map/1.0/": _Stale(promise=_GAIN_MAP),
    b"http://ns.apple.com/HDRGainMap/1.0/": _Stale(promise=_GAIN_MAP),
    b"http://ns.google.com/photos/1.0/container/": _Stale(),
    b"http://ns.google.com/photos/1.0/container/item/": _Stale(),
    b"http://ns.google.com/photos/1.0/camera/": _Stale(r"Motion[\w.-]+|Micro[\w.-]+", _VIDEO),
    b"http://ns.google.com/photos/1.0/depthmap/": _Stale(promise=_DEPTH),
    b"http://ns.google.com/photos/1.0/image/": _Stale(),
    b"http://ns.google.com/photos/1.0/audio/": _Stale(promise="sound"),
    b"http://ns.google.com/photos/dd/1.0/device/": _Stale(promise=_DEPTH),
    b"http://ns.google.com/photos/1.0/panorama/": _Stale(
        r"(Cropped|Full|LargestValid|Initial)[\w.-]*(Pixels|Width|Height|Left|Top)"
    ),
    b"http://ns.adobe.com/xmp/note/": _Stale("HasExtendedXMP", "extended XMP"),
    b"http://ns.adobe.com/xap/1.0/": _Stale("Thumbnails"),
    b"http://ns.adobe.com/photoshop/1.0/": _Stale("ColorMode|ICCProfile"),
    b"http://purl.org/dc/elements/1.1/": _Stale("format"),
    b"http://www.metadataworkinggroup.com/schemas/regions/": _Stale("AppliedToDimensions"),
}
_PREFIX = rb"""\sxmlns:([\w.-]+)\s*=\s*["'](%s)["']"""


def cleaned(xmp: bytes) -> tuple[bytes, list[str]]:
    """Return XMP without what is not true of a result.

    Parameters
    ----------
    xmp : bytes

    Returns
    -------
    xmp : bytes
    promises : list of str
        The names of what it promised.

    Raises
    ------
    ValueError
        If it is not well-formed, where something is to be left out.

    Examples
    --------
    >>> cleaned(b'<a xmlns:t="http://ns.adobe.com/tiff/1.0/" t:ImageWidth="9" t:Make="X"/>')
    (b'<a xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Make="X"/>', [])
    """
    spaces = b"|".join(map(re.escape, _STALE))
    prefixes = dict.fromkeys(re.findall(_PREFIX % spaces, xmp))
    if not prefixes:
        return xmp, []
    _check(xmp)
    promises: list[str] = []
    for prefix, space in prefixes:
        stale = _STALE[space]
        result = _without(xmp, re.escape(prefix), stale.names.encode())
        if stale.promise and result != xmp:
            promises.append(stale.promise)
        if stale.names == _Stale().names:
            result = re.sub(_PREFIX % re.escape(space), b"", result)
        xmp = result
    _check(xmp)
    return xmp, list(dict.fromkeys(promises))


def _without(xmp: bytes, prefix: bytes, names: bytes) -> bytes:
    """Remove properties, which are elements or attributes."""
    name = prefix + b":(?:" + names + b")"
    element = rb"<(%s)(?=[\s/>])[^<>]*(?:/>|>.*?</\1\s*>)" % name
    attribute = rb"""\s+%s\s*=\s*(?:"[^"]*"|'[^']*')""" % name
    return re.sub(attribute, b"", re.sub(element, b"", xmp, flags=re.DOTALL))


def _check(xmp: bytes) -> None:
    """Raise ValueError for what is not well-formed, or defines entities."""
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        if b"<!DOCTYPE" in xmp or b"<!ENTITY" in xmp:
            raise ValueError("XMP has no definitions")
        parser.Parse(xmp.rstrip(b"\0"), True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
