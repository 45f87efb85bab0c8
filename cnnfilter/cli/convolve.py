"""cnnfilter convolve."""

from typing import Annotated

from cnnfilter.cli.options import (
    KERNEL,
    STRIDE,
    WINDOW,
    Common,
    Dilation,
    Padding,
    complete_kernel,
    examples,
    option,
    takes_common_options,
)

EXAMPLES = examples(
    "cnnfilter convolve --kernel sharpen img.png",
    "cnnfilter convolve -k '0 -1 0; -1 5 -1; 0 -1 0' --padding same img.png -o sharp.png",
    "cnnfilter convolve -k gaussian:9,2 --padding same --border reflect img.png -o blurred.jpg",
    "cnnfilter convolve -k sobel-x -k sobel-y --combine l2 --channels gray img.png -o edges.png",
    "cnnfilter convolve -k edge --print img.png",
)


@takes_common_options
def convolve(
    kernel: Annotated[
        list[str],
        option(
            "-k",
            "--kernel",
            group=KERNEL,
            metavar="KERNEL",
            autocompletion=complete_kernel,
            help="A name (cnnfilter kernels lists them), a matrix such as '0 1 0; 1 -4 1; 0 1 0', "
            "or a file with one (weights.npz:conv1.weight). Repeat it for several feature maps.",
        ),
    ],
    stride: Annotated[str, STRIDE] = "1",
    padding: Padding = "valid",
    dilation: Dilation = "1",
    border: Annotated[
        str,
        option(
            group=WINDOW,
            metavar="zero|edge|reflect|symmetric|wrap",
            help="What padding is filled with.",
        ),
    ] = "zero",
    groups: Annotated[
        str, option(group=KERNEL, metavar="N", help="Groups of channels, for filter banks.")
    ] = "1",
    flip: Annotated[
        bool, option("--flip", group=KERNEL, help="Turn the kernel by 180 degrees.")
    ] = False,
    normalize: Annotated[
        bool, option("--normalize", group=KERNEL, help="Divide the weights by their sum.")
    ] = False,
    gain: Annotated[
        str, option(group=KERNEL, metavar="NUMBER", help="Multiply the weights.")
    ] = "1",
    bias: Annotated[
        str | None,
        option(group=KERNEL, metavar="NUMBER", help="Add to the result; one, or one a map: 1,2."),
    ] = None,
    channels: Annotated[
        str,
        option(
            group=KERNEL,
            metavar="each|sum|gray",
            help="Filter each channel by itself, add them up, or filter the grey image.",
        ),
    ] = "each",
    layout: Annotated[
        str,
        option(
            group=KERNEL,
            metavar="OIHW|HWIO",
            help="The order of a filter bank's axes in a file: PyTorch's and ONNX's, or Keras's.",
        ),
    ] = "OIHW",
    combine: Annotated[
        str | None,
        option(
            group=KERNEL,
            metavar="max|sum|l2",
            help="Make one map of several kernels' (l2: the gradient's magnitude).",
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Convolve images with a kernel, or several.

    This is cross-correlation, as in CNN frameworks. Alpha is not filtered.
    For img.png it writes img-sharpen.png, named after the kernel.
    """
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.cli.run import run
    from cnnfilter.files.kernels import kernels_label
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step

    step = Step(
        "convolve",
        {
            "kernel": kernel if len(kernel) > 1 else kernel[0],
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "border": border,
            "groups": groups,
            "flip": flip,
            "normalize": normalize,
            "gain": gain,
            "bias": bias,
            "channels": channels,
            "combine": combine,
            "layout": layout,
        },
    )
    name = "-".join([kernels_label(step.weights["kernel"]), *([combine] if combine else [])])
    run(PipelineTask(Pipeline([step]), name), common)
