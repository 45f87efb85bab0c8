"""Networks: the named ones, and the files that describe them, which yield steps."""

from collections.abc import Mapping
from pathlib import Path

_HERE = Path(__file__).parent

#: Every named network's file, by name.
NETWORKS: Mapping[str, Path] = {"digits": _HERE / "digits.toml"}
