"""Every structure is read as it was made, or refused by what it is; and the corpus run sees it."""

from pathlib import Path

import pytest

from .judging import problem
from .structures import Structure, structures

STRUCTURES = [
    pytest.param(
        structure,
        id=structure.name,
        marks=pytest.mark.skipif(bool(structure.lacks), reason=f"needs {structure.lacks}"),
    )
    for structure in structures()
]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_structure_is_read_as_it_was_made(structure: Structure, tmp_path: Path) -> None:
    assert not problem(structure, tmp_path)
