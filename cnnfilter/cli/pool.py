"""cnnfilter pool."""

from typing import Annotated

from cnnfilter.cli.options import (
    STRIDE,
    WINDOW,
    Common,
    Dilation,
    Padding,
    examples,
    option,
    takes_common_options,
)

EXAMPLES = examples(
    "cnnfilter pool img.png",
    "cnnfilter pool --size 3 --stride 2 --padding 1 --mode average img.png -o small.png",
    "cnnfilter convolve -k edge img.png -o - --format npy | cnnfilter pool - -o pooled.png",
    "cnnfilter pool --size global --mode average --print img.png",
)


@takes_common_options
def pool(
    size: Annotated[
        str, option(group=WINDOW, metavar="N|VxH|global", help="The pooling window.")
    ] = "2",
    mode: Annotated[
        str,
        option(
            group=WINDOW,
            metavar="max|min|average|median|sum|l2|lp",
            help="What a window is reduced to.",
        ),
    ] = "max",
    stride: Annotated[str | None, STRIDE] = None,
    padding: Padding = "0",
    dilation: Dilation = "1",
    ceil_mode: Annotated[
        bool, option("--ceil-mode", group=WINDOW, help="Keep the last, partial window.")
    ] = False,
    count_include_pad: Annotated[
        bool,
        option("--count-include-pad", group=WINDOW, help="Let the average count padding as 0."),
    ] = False,
    p: Annotated[
        str, option("--p", group=WINDOW, metavar="NUMBER", help="The power of mode lp.")
    ] = "2",
    *,
    common: Common,
) -> None:
    """Pool images: reduce each window to one value.

    The stride is the window's size unless given. For img.png it writes
    img-pool.png.
    """
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.cli.run import run
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step

    step = Step(
        "pool",
        {
            "size": size,
            "mode": mode,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "ceil_mode": ceil_mode,
            "count_include_pad": count_include_pad,
            "p": p,
        },
    )
    run(PipelineTask(Pipeline([step]), "pool"), common)
