"""cnnfilter pool."""

from cnnfilter.cli.options import WINDOW, Common, examples, takes_common_options

#: Its arguments become options, in this group of the help.
OPERATION, GROUP = "pool", WINDOW
EXAMPLES = examples(
    "cnnfilter pool sample_images/coffee.png -o out/",
    "cnnfilter pool --size 3 --stride 2 --padding 1 --mode average "
    "sample_images/coffee.png -o small.png",
    "cnnfilter convolve -k edge "
    "sample_images/coffee.png -o - --format npy | cnnfilter pool - -o pooled.png",
    "cnnfilter pool --size global --mode average --print sample_images/coffee.png",
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
