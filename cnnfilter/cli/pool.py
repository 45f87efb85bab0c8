"""cnnfilter pool."""

from cnnfilter.cli.options import WINDOW, Common, examples, takes_common_options

#: Its arguments become options, in this group of the help.
OPERATION, GROUP = "pool", WINDOW
EXAMPLES = examples(
    "cnnfilter pool img.png",
    "cnnfilter pool --size 3 --stride 2 --padding 1 --mode average img.png -o small.png",
    "cnnfilter convolve -k edge img.png -o - --format npy | cnnfilter pool - -o pooled.png",
    "cnnfilter pool --size global --mode average --print img.png",
)


@takes_common_options
def pool(*, common: Common, **arguments: object) -> None:
    """Pool images: reduce each window to one value.

    For img.png it writes img-pool.png.
    """
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.cli.run import run
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step

    run(PipelineTask(Pipeline([Step("pool", arguments)]), "pool"), common)
