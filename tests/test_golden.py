"""Golden texts fail where an output differs, and are written where that is wanted."""

from pathlib import Path

import numpy as np
import pytest

from .golden import Golden


def test_another_text_fails_and_shows_the_difference(tmp_path: Path) -> None:
    Golden(update=True, folder=tmp_path).text("a/b", "one\ntwo\n")
    Golden(update=False, folder=tmp_path).text("a/b", "one\ntwo\n")
    with pytest.raises(AssertionError, match=r"-two\n\+2\n.*--update-golden"):
        Golden(update=False, folder=tmp_path).text("a/b", "one\n2\n")
    assert (tmp_path / "a/b.txt").read_text() == "one\ntwo\n"


def test_a_missing_text_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Golden(update=False, folder=tmp_path).text("a", "")


def test_another_picture_fails(tmp_path: Path) -> None:
    black = np.zeros((20, 20, 3), np.uint8)
    Golden(update=True, folder=tmp_path).picture("a", black)
    Golden(update=False, folder=tmp_path).picture("a", black)
    for other in (black + 255, black[:10]):
        with pytest.raises(AssertionError):
            Golden(update=False, folder=tmp_path).picture("a", other)
