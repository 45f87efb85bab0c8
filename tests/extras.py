"""Extras that are not there, for tests of what is said then."""

import dataclasses
import importlib.util
from typing import cast

import pytest

from cnnfilter.files.format import Format
from cnnfilter.files.formats import FORMATS


def take_away(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Make a module one that is not installed; rows remember what is."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find_spec(name)
    )
    rows = cast("dict[str, Format]", FORMATS)
    for name, row in FORMATS.items():
        monkeypatch.setitem(rows, name, dataclasses.replace(row))
