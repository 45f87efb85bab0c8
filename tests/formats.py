"""Formats to test: those whose extra is missing are skipped."""

from collections.abc import Callable

import pytest

from cnnfilter.files.format import Format
from cnnfilter.files.formats import FORMATS


def formats(wanted: Callable[[Format], object] = lambda _: True) -> list[object]:
    """Return the names of formats that are written as parameters of a test."""
    return [
        pytest.param(name, marks=pytest.mark.skipif(bool(format.missing), reason=format.missing))
        for name, format in FORMATS.items()
        if wanted(format) and not format.is_read_only
    ]
