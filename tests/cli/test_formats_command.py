"""The list of formats, which says what is read and written here."""

import pytest

from cnnfilter.files.format import is_installed
from cnnfilter.files.formats import FORMATS

from ..command import Run


def test_formats_are_listed_with_what_they_hold(run: Run) -> None:
    heading, *lines = (line.split("\t") for line in run("formats").text.splitlines())
    assert heading == [
        "format", "files", "read", "write", "bits", "alpha", "frames", "metadata", "extra",
    ]  # fmt: skip
    rows = {line[0]: dict(zip(heading, line, strict=True)) for line in lines}
    assert list(rows) == list(FORMATS)
    heic = "present" if is_installed("pi_heif") else "missing"
    assert rows["heic"] == {
        "format": "heic", "files": ".heic .heif .hif", "read": "yes", "write": "no",
        "bits": "8 16", "alpha": "yes", "frames": "one", "metadata": "EXIF ICC XMP",
        "extra": f"heic: {heic}",
    }  # fmt: skip
    assert rows["png"]["frames"] == "timed"
    assert rows["gif"]["alpha"] == "mask"
    assert rows["npy"]["bits"] == "any"
    assert rows["bmp"]["extra"] == "none"


@pytest.mark.parametrize("name", ["jpeg", "jpg", ".JPE"])
def test_a_format_is_described_by_its_name_or_suffix(name: str, run: Run) -> None:
    facts = dict(line.split("\t") for line in run("formats", name).text.splitlines())
    assert facts["format"] == "jpeg"
    assert facts["files"] == ".jpg .jpeg .jpe"


def test_an_unknown_format_is_an_error(run: Run) -> None:
    assert run("formats", "pgn").line == "cnnfilter: unknown format 'pgn'; did you mean 'png'?"
