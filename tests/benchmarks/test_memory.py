"""The figure of --dry-run is an upper bound within 25 % of what a run takes at its peak."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("memory.py")
SPEC = importlib.util.spec_from_file_location("memory", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
memory = importlib.util.module_from_spec(SPEC)
sys.modules["memory"] = memory
SPEC.loader.exec_module(memory)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="the system tells no peaks"
)
Case = memory.Case
CASES = [
    Case("convolve -k sharpen"),
    Case("convolve -k sharpen", "rgba.png", "{out}/a.webp"),
    Case("convolve -k sharpen", "grey16.tif", "{out}/a.npy"),
    Case("convolve -k sharpen", output="{out}/a.json"),
    Case("pipeline 'convolve sharpen padding=same | relu | pool 2'", "grey.jpg", "{out}/a.csv"),
    Case("split-channels --space lab", output="{out}/maps/"),
    Case("pool --jobs 2 --executor processes", images=2, output="{out}/maps/"),
    Case("convolve -k sharpen --plot {out}/a.png", output=""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
@pytest.mark.slow
def test_a_dry_run_knows_the_memory_that_a_run_takes(case: "Case", tmp_path: Path) -> None:
    image = tmp_path / case.input
    memory.INPUTS[case.input](image, memory.SIZES[4])
    (tmp_path / "out").mkdir()
    figure, peak = memory.measured(case, image, tmp_path / "out")
    assert peak <= figure <= memory.MOST * peak
