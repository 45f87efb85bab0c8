"""Files filtered as a command would, in this process."""

from pathlib import Path

from cnnfilter.batch.inputs import Inputs
from cnnfilter.batch.job import Outcome, run_job
from cnnfilter.batch.plan import make_plan
from cnnfilter.batch.recipe import Recipe, Target
from cnnfilter.batch.task import PipelineTask
from cnnfilter.files.encoding import DEFAULT_ENCODING, Encoding
from cnnfilter.pipeline.pipeline import Pipeline


def filtered(
    path: Path,
    steps: str = "convolve identity padding=same",
    suffix: str = ".tif",
    encoding: Encoding = DEFAULT_ENCODING,
) -> tuple[Path, Outcome]:
    """Run steps on a file; return where the result is."""
    task = PipelineTask(Pipeline(steps), "x")
    target = path.with_name(f"out{suffix}")
    recipe = Recipe(task, Target(), encoding, existing="replace")
    plan = make_plan(Inputs([str(path)]), recipe, str(target))
    (source,) = plan.sources
    outcome = run_job(plan.recipe, source)
    assert outcome.error is None, outcome.error
    return target, outcome
