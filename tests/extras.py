"""Extras that are not there, for tests of what is said then."""

import importlib.util

import pytest


def take_away(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Make a module one that is not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find_spec(name)
    )
