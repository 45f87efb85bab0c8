"""The table of formats: each row is complete, the lists derive from it, extras may be missing."""

import dataclasses
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_type_hints

import numpy as np
import pytest
from PIL import Image

from cnnfilter import ArgumentError, FileError, read_image, write_image
from cnnfilter.cli.options import OutputOptions
from cnnfilter.files.encoding import Encoding, Output
from cnnfilter.files.format import Animation, Format, Limits
from cnnfilter.files.formats import FORMATS, format_named, format_of, formats_help, quality_help
from cnnfilter.files.read import read_frames
from cnnfilter.files.save import write
from cnnfilter.files.stored import Frame

from ..golden import Golden

ROOT = Path(__file__).parents[2]
#: What every row states. A default would let a new row say nothing of it.
STATED = {
    "title", "suffixes", "magic", "library", "module", "extra", "modes", "deep_modes", "alpha",
    "frames", "metadata", "quality", "memory", "limits",
}  # fmt: skip

# Rows are complete


def test_what_a_row_states_has_no_default() -> None:
    missing = dataclasses.MISSING
    assert {
        field.name
        for field in dataclasses.fields(Format)
        if field.default is missing and field.default_factory is missing
    } == STATED


@pytest.mark.parametrize("field", sorted(STATED))
def test_a_row_that_leaves_a_field_out_is_refused(field: str) -> None:
    row = {name: getattr(FORMATS["png"], name) for name in STATED - {field}}
    with pytest.raises(TypeError, match=f"'{field}'"):
        Format(**row)


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_makes_sense(name: str) -> None:
    format = FORMATS[name]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all(re.fullmatch(r"\.[a-z0-9]+", suffix) for suffix in format.suffixes)
    assert bool(format.pillow) == (format.library == "pillow")
    assert format.is_picture or not format.modes
    assert not format.deep_extra or format.deep_module
    assert set(format.partial_extras) <= set(extras["optional-dependencies"])
    assert format.deep_extra in ("", *format.partial_extras)
    assert set(format.deep_modes) <= set(format.modes)
    assert not format.numbers or format.suffixes == FORMATS[format.numbers].suffixes
    assert format.extra is None or format.extra in extras["optional-dependencies"]


# Lists derive from the table


def help_of(option: str) -> str:
    annotations = get_type_hints(OutputOptions, include_extras=True)
    return str(annotations[option].__metadata__[0].help)


def test_help_lists_every_format_and_what_has_a_quality() -> None:
    for name, format in FORMATS.items():
        assert bool(re.search(rf"\b{name}\b", help_of("format"))) != format.is_read_only
        assert bool(re.search(rf"\b{name}\b", help_of("quality"))) == bool(format.quality)
        assert bool(re.search(rf"\b{name}\b", help_of("compression"))) == bool(format.options_small)


def test_the_docstring_of_read_image_lists_every_format_that_needs_no_extra() -> None:
    for format in FORMATS.values():
        words = [format.title] if format.is_picture else [format.title, format.suffixes[0]]
        words += ["installed extra"] if format.extra else []
        assert any(word in str(read_image.__doc__) for word in words)


def cells(name: str) -> list[str]:
    """Write a row of the README's table."""
    format = FORMATS[name]
    modes = {"gray": "grey", "color": "colour", "bands": "bands"}
    pictures = " or ".join(modes[mode] for mode in format.modes)
    frames = "several" if format.frames else "one"
    if isinstance(format.frames, Animation):
        longest = format.frames.longest
        frames = "animation" + (f", each up to {longest / 1000:g} s" if longest else "")
    kept = {"exif": "EXIF", "icc_profile": "colour profile", "dpi": "resolution", "xmp": "XMP"}
    quality = format.quality and f"{format.quality.default or 'lossless'}"
    return [
        f"`{name}`",
        ", ".join(format.suffixes),
        "read only" if format.is_read_only else pictures or "numbers as they are",
        " or ".join(modes[mode] for mode in format.deep_modes) or "-",
        {"full": "yes", "mask": "all or nothing", "": "-"}[format.alpha],
        frames,
        ", ".join(kept.get(part, part) for part in format.metadata) or "-",
        quality or "-",
        str(format.limits.side or "-"),
        format.extra
        or ", ".join(f"{extra} for {parts}" for extra, parts in format.partial_extras.items())
        or "-",
    ]


HEADINGS = [
    "Format", "Files", "Channels", "16 bits", "Alpha", "Frames", "Metadata", "Quality",
    "Longest side", "Extra",
]  # fmt: skip


def test_the_table_of_formats_in_the_readme_is_that_of_the_rows(golden: Golden) -> None:
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(cells, FORMATS)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    readme = (ROOT / "README.md").read_text()
    begin = readme.index("| Format | Files |")
    end = readme.index("\n\n", begin) + 1
    if golden.update:
        (ROOT / "README.md").write_text(readme[:begin] + table + readme[end:])
    else:
        assert readme[begin:end] == table, "run pytest --update-golden"


# A format whose extra is missing

JXL = b"\xff\x0a" + bytes(30)
NEEDS = "JPEG XL needs an extra: pip install 'cnnfilter[jxl]'"


@pytest.fixture
def jxl(monkeypatch: pytest.MonkeyPatch) -> None:
    row = dataclasses.replace(
        FORMATS["webp"], title="JPEG XL", suffixes=(".jxl",), magic=rb"\xff\x0a", pillow="JXL",
        module="no_such_codec", extra="jxl",
    )  # fmt: skip
    monkeypatch.setitem(cast("dict[str, Format]", FORMATS), "jxl", row)


@pytest.mark.usefixtures("jxl")
def test_reading_and_writing_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(JXL)
    with pytest.raises(FileError) as caught:
        read_image(tmp_path / "a.jxl")
    assert str(caught.value) == f"{tmp_path / 'a.jxl'}: {NEEDS}"
    with pytest.raises(ArgumentError) as refused:
        write_image(tmp_path / "b.jxl", [[1]])
    assert str(refused.value) == NEEDS
    with pytest.raises(FileError) as failed:
        write(Output(tmp_path / "b.jxl", Encoding("jxl")), [Frame(np.zeros((2, 2), np.uint8))])
    assert str(failed.value) == f"{tmp_path / 'b.jxl'}: {NEEDS}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.jxl"]


@pytest.mark.usefixtures("jxl")
@pytest.mark.parametrize("find", [format_named, lambda name: format_of(f"a.{name}")])
def test_naming_it_says_what_to_install(find: Callable[[str], object]) -> None:
    with pytest.raises(ArgumentError) as caught:
        find("jxl")
    assert str(caught.value) == NEEDS


@pytest.mark.usefixtures("jxl")
def test_it_is_listed_and_breaks_nothing_else(tmp_path: Path) -> None:
    assert "jxl (extra jxl)" in formats_help()
    assert "jxl (default lossless)" in quality_help()
    (tmp_path / "a").write_bytes(b"neither nor")
    with pytest.raises(FileError, match=r"not a readable image or matrix; .*jxl"):
        read_image(tmp_path / "a")
    with pytest.raises(ArgumentError, match="jxl"):
        format_named("no-such-format")
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for suffix in (".png", ".bmp", ".tif", ".npy"):
        write_image(tmp_path / f"b{suffix}", pixels)
        np.testing.assert_array_equal(read_image(tmp_path / f"b{suffix}"), pixels)


# A format whose extra is installed


@pytest.fixture
def qoi(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL.QoiImagePlugin")
    if "QOI" not in Image.SAVE:
        pytest.skip("this Pillow writes no QOI")
    row = dataclasses.replace(
        FORMATS["bmp"], title="QOI", suffixes=(".qoi",), magic=rb"qoif", pillow="QOI",
        module="PIL.QoiImagePlugin", extra="qoi", modes=("color",), alpha="full", metadata=(),
        limits=Limits(),
    )  # fmt: skip
    monkeypatch.setitem(cast("dict[str, Format]", FORMATS), "qoi", row)


@pytest.mark.usefixtures("qoi")
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
def test_one_row_is_all_that_a_format_of_colours_takes(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    pixels = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    write_image(tmp_path / "a.qoi", pixels)
    colours = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
    with Image.open(tmp_path / "a.qoi") as picture:
        assert picture.format == "QOI"
        np.testing.assert_array_equal(np.asarray(picture), colours)
    np.testing.assert_array_equal(read_image(tmp_path / "a.qoi"), colours)
    assert [image.format for image in read_frames(tmp_path / "a.qoi")] == ["qoi"]
