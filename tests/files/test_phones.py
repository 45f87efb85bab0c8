"""JPEGs of phones, cameras and printers: several pictures, gain maps, colours of print."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnfilter import FileError
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.metadata.xmp import cleaned
from cnnfilter.files.read import read, read_frames, read_head
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

RNG = np.random.default_rng(31)
PICTURES = [RNG.integers(0, 256, (16, 24, 3), np.uint8) for _ in range(4)]
HDRGM, CONTAINER = "http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.google.com/photos/1.0/"
GAIN_MAP_XMP = f"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}" xmlns:Container="{CONTAINER}container/"
 xmlns:Item="{CONTAINER}container/item/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" hdrgm:Version="1.0" tiff:ImageWidth='24'>
<Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Length="9"/></rdf:li>
</rdf:Seq></Container:Directory><hdrgm:GainMapMin>0</hdrgm:GainMapMin>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Cups</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def shown(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture)


def mpo(contents: list[bytes], order: str = "<") -> bytes:
    """Lay out several pictures by CIPA DC-007."""
    first = contents[0]
    entries, at = b"", 0
    size = 4 + 4 + 8 + 2 + 12 * 3 + 4 + 16 * len(contents)
    for number, content in enumerate(contents):
        # Offsets count from the index, which begins behind the marker, its length and "MPF\0".
        offset = at - 10 if number else 0
        length = len(content) + (size if not number else 0)
        entries += struct.pack(order + "IIIHH", 0x030000 if not number else 0, length, offset, 0, 0)
        at += length
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, struct.pack(order + "I", len(contents)))]
    tags.append((0xB002, 7, len(entries), struct.pack(order + "I", 8 + 2 + 36 + 4)))
    index = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 3)
    index += b"".join(struct.pack(order + "HHI", *tag[:3]) + tag[3] for tag in tags)
    segment = b"MPF\0" + index + bytes(4) + entries
    head = b"\xff\xe2" + struct.pack(">H", len(segment) + 2)
    return first[:2] + head + segment + first[2:] + b"".join(contents[1:])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_pictures_behind_the_first_are_read_on_request(
    count: int, order: str, tmp_path: Path
) -> None:
    contents = [jpeg(pixels) for pixels in PICTURES[:count]]
    path = tmp_path / "a.jpg"
    path.write_bytes(mpo(contents, order))
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == count
    image = read(path)
    np.testing.assert_array_equal(image.pixels, shown(contents[0]))
    assert image.notes == read_head(path).notes == (f"the first of {count} pictures (--frame N)",)
    (alone,) = read_frames(path)
    np.testing.assert_array_equal(alone.pixels, image.pixels)
    for number in reversed(range(count)):
        (image,) = read_frames(path, frame=number)
        np.testing.assert_array_equal(image.pixels, shown(contents[number]))
        assert image.frames == 1
    with pytest.raises(FileError, match=f"has {count} frames, .* there is no frame {count}"):
        list(read_frames(path, frame=count))


def test_a_picture_behind_has_its_own_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = [jpeg(PICTURES[0], exif=exif), jpeg(PICTURES[1])]
    (tmp_path / "a.jpg").write_bytes(mpo(contents))
    assert [image.pixels.shape for number in (0, 1)
            for image in read_frames(tmp_path / "a.jpg", frame=number)] == [
        (24, 16, 3), (16, 24, 3)]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_cut_index_or_picture_hides_no_first(cut: int, tmp_path: Path) -> None:
    contents = [jpeg(pixels) for pixels in PICTURES[:2]]
    content = mpo(contents)
    (tmp_path / "a.jpg").write_bytes(content[: -len(contents[1]) + cut - 1])
    np.testing.assert_array_equal(read(tmp_path / "a.jpg").pixels, shown(contents[0]))
    at = content.index(b"MPF\0") + 8
    (tmp_path / "b.jpg").write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
    np.testing.assert_array_equal(read(tmp_path / "b.jpg").pixels, shown(contents[0]))


# Gain maps


@pytest.mark.parametrize("suffix", ["jpeg", "png", "webp"])
def test_what_promises_a_gain_map_is_left_out_with_it(suffix: str, tmp_path: Path) -> None:
    contents = [jpeg(PICTURES[0], xmp=GAIN_MAP_XMP.encode()), jpeg(PICTURES[1][:, :, 0])]
    (tmp_path / "a.jpg").write_bytes(mpo(contents))
    image = read(tmp_path / "a.jpg")
    np.testing.assert_array_equal(image.pixels, shown(contents[0]))
    assert image.notes == ("its gain map is left out",)
    output = Output(tmp_path / "b", Encoding(suffix))
    assert write(output, [Frame(image.pixels)], metadata=image.metadata).notes == ()
    content = (tmp_path / "b").read_bytes()
    for promise in (b"hdrgm", b"GainMap", b"Container", b"MPF\0", b"ImageWidth"):
        assert promise not in content
    assert b"Cups" in content
    (second,) = read_frames(tmp_path / "a.jpg", frame=1)
    assert second.pixels.shape == (16, 24)


def test_a_gain_map_by_iso_is_named_too(tmp_path: Path) -> None:
    second = jpeg(PICTURES[1][:, :, 0])
    name = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(8)
    marked = second[:2] + b"\xff\xe2" + struct.pack(">H", len(name) + 2) + name + second[2:]
    for number, contents in enumerate([[marked], [jpeg(PICTURES[2]), marked]]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(mpo([jpeg(PICTURES[0]), *contents]))
        others = ("the first of 3 pictures (--frame N)",) if number else ()
        assert read(path).notes == ("its gain map is left out", *others)


# XMP

HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a:D xmlns:a="b" '
STALE = {
    "tiff": ("http://ns.adobe.com/tiff/1.0/", ["ImageWidth", "ImageLength", "Orientation"]),
    "exif": ("http://ns.adobe.com/exif/1.0/", ["PixelXDimension", "PixelYDimension"]),
    "crs": ("http://ns.adobe.com/camera-raw-settings/1.0/", ["CropTop", "HasCrop"]),
    "GPano": (
        "http://ns.google.com/photos/1.0/panorama/",
        ["FullPanoWidthPixels", "CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels"],
    ),
    "xmpNote": ("http://ns.adobe.com/xmp/note/", ["HasExtendedXMP"]),
    "photoshop": ("http://ns.adobe.com/photoshop/1.0/", ["ColorMode"]),
    "other": ("http://ns.adobe.com/tiff/1.0/", ["ImageWidth"]),
}


@pytest.mark.parametrize("prefix", STALE)
@pytest.mark.parametrize("form", ["attribute", "element", "empty", "nested"])
def test_sizes_and_promises_in_xmp_are_left_out(prefix: str, form: str) -> None:
    space, names = STALE[prefix]
    head = HEAD + f'xmlns:{prefix}="{space}"'
    kept = f"<{prefix}:Kept>1 &lt; 2</{prefix}:Kept>" if prefix != "crs" else ""
    written = {
        "attribute": "{}:{}='9'",
        "element": "<{0}:{1}>9</{0}:{1}>",
        "empty": "<{}:{} a:x=\"1\" />",
        "nested": "<{0}:{1}><a:S><a:i>4</a:i>\n</a:S></{0}:{1}>",
    }[form]  # fmt: skip
    parts = [written.format(prefix, name) for name in names]
    if form == "attribute":
        xmp = f"{head} {' '.join(parts)} >{kept}</a:D></x:xmpmeta>"
    else:
        xmp = f"{head} >{''.join(parts)}{kept}</a:D></x:xmpmeta>"
    found, promises = cleaned(xmp.encode())
    assert not [name for name in names if name.encode() in found]
    assert kept.encode() in found
    assert promises == (["extended XMP"] if prefix == "xmpNote" else [])


@pytest.mark.parametrize("xmp", ["<a", "<a></b>", '<!DOCTYPE a [<!ENTITY e "x">]><a/>'])
def test_xmp_that_is_not_well_formed_is_left_out(xmp: str, tmp_path: Path) -> None:
    xmp += ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    (tmp_path / "a.jpg").write_bytes(jpeg(PICTURES[0], xmp=xmp.encode()))
    image = read(tmp_path / "a.jpg")
    assert "xmp" not in image.metadata
    assert image.notes == ("its XMP cannot be read: left out",)


def test_xmp_and_exif_disguised_as_text_are_read_or_named(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    space = STALE["tiff"][0]
    xmp = f'<a xmlns:tiff="{space}" tiff:ImageWidth="9" tiff:Make="X"/>'.encode()
    for name in ("xmp", "APP1"):
        text = PngInfo()
        text.add_text(f"Raw profile type {name}", f"\n{name}\n{len(xmp):8}\n{xmp.hex()}\n")
        Image.fromarray(PICTURES[0]).save(tmp_path / f"{name}.png", pnginfo=text)
    image, odd = read(tmp_path / "xmp.png"), read(tmp_path / "APP1.png")
    expected = f'<a xmlns:tiff="{space}" tiff:Make="X"/>'.encode()
    assert (image.metadata["xmp"], image.notes) == (expected, ())
    assert "text" not in image.metadata
    assert odd.notes == ("its EXIF cannot be read: left out",)


def test_captions_are_named_as_they_are_left_out(tmp_path: Path) -> None:
    plain = jpeg(PICTURES[0])
    caption = b"\x1c\x02\x78\0\4Cups"
    resources = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption
    segment = b"\xff\xed" + struct.pack(">H", len(resources) + 2) + resources
    (tmp_path / "a.jpg").write_bytes(plain[:2] + segment + plain[2:])
    assert read(tmp_path / "a.jpg").notes == ("its IPTC is left out",)


# Colours of print


def cmyk(tmp_path: Path, **options: object) -> Path:
    """Write a picture of print by libvips, with its profile."""
    pyvips = pytest.importorskip("pyvips")
    down, across = np.mgrid[0:16, 0:24]
    ramps = np.dstack([down * 16, across * 10, 255 - down * 16]).astype(np.uint8)
    picture = pyvips.Image.new_from_array(ramps).icc_transform("cmyk", input_profile="srgb")
    picture.jpegsave(str(tmp_path / "a.jpg"), Q=98, **options)
    return tmp_path / "a.jpg"


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_colours_of_print_go_through_their_profile(suffix: str, tmp_path: Path) -> None:
    pyvips = pytest.importorskip("pyvips")
    path = cmyk(tmp_path)
    with Image.open(path) as picture:
        assert picture.mode == "CMYK"
        profile, inks = picture.info["icc_profile"], np.asarray(picture)
    if suffix == "tif":
        path = tmp_path / "a.tif"
        Image.fromarray(inks, "CMYK").save(path, icc_profile=profile)
    expected = pyvips.Image.new_from_file(str(tmp_path / "a.jpg")).icc_transform(
        "srgb", intent="perceptual", embedded=True
    )
    image = read(path)
    assert np.abs(image.pixels.astype(int) - expected.numpy()).max() <= 2
    assert "icc_profile" not in image.metadata
    assert image.notes == ()
    naive = np.asarray(Image.fromarray(inks, "CMYK").convert("RGB"))
    assert np.abs(naive.astype(int) - expected.numpy()).max() > 40
    write(Output(tmp_path / "b.png", Encoding("png")), [Frame(image.pixels)],
          metadata=image.metadata)  # fmt: skip
    assert "icc_profile" not in read(tmp_path / "b.png").metadata


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        (None, "CMYK without a profile: its colours are approximate"),
        (b"\0" * 16 + b"CMYK" + b"\0" * 16 + b"acsp" + bytes(99),
         "its CMYK profile cannot be used: its colours are approximate"),
    ],
)  # fmt: skip
def test_colours_of_print_without_a_profile_are_said_to_be_so(
    profile: bytes | None, note: str, tmp_path: Path
) -> None:
    inks = Image.fromarray(RNG.integers(0, 256, (16, 24, 4), np.uint8), "CMYK")
    inks.save(tmp_path / "a.jpg", icc_profile=profile)
    image = read(tmp_path / "a.jpg")
    assert note in image.notes
    assert note in read_head(tmp_path / "a.jpg").notes
    assert "icc_profile" not in image.metadata
    with Image.open(tmp_path / "a.jpg") as picture:
        np.testing.assert_array_equal(image.pixels, np.asarray(picture.convert("RGB")))
