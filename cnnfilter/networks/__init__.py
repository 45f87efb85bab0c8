"""Named networks, as there are named kernels: data, beside their weights."""

from collections.abc import Mapping
from pathlib import Path

_HERE = Path(__file__).parent

#: Every named network's file, by name.
NETWORKS: Mapping[str, Path] = {"digits": _HERE / "digits.toml"}
