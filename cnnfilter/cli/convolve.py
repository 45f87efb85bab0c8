"""cnnfilter convolve."""

from typing import Annotated

from cnnfilter.cli.options import (
    KERNEL,
    Common,
    complete_kernel,
    examples,
    option,
    takes_common_options,
)

#: Its arguments become options, in this group of the help.
OPERATION, GROUP = "convolve", KERNEL
EXAMPLES = examples(
    "cnnfilter convolve --kernel sharpen sample_images/coffee.png -o out/",
    "cnnfilter convolve -k '0 -1 0; -1 5 -1; 0 -1 0' --padding same "
    "sample_images/coffee.png -o sharp.png",
    "cnnfilter convolve -k gaussian:9,2 --padding same --border reflect "
    "sample_images/coffee.png -o blur.jpg",
    "cnnfilter convolve -k sobel-x -k sobel-y --combine l2 sample_images/coffee.png -o edges.png",
    "cnnfilter convolve -k edge --print sample_images/padlock-16x16.png",
)
Kernels = Annotated[
    list[str],
    option(
        "-k",
        "--kernel",
        group=KERNEL,
        metavar="KERNEL",
        autocompletion=complete_kernel,
        help="A name (cnnfilter kernels lists them), a matrix such as '0 1 0; 1 -4 1; 0 1 0', also "
        "as NumPy, MATLAB, C or LaTeX write it, or a file with one (weights.npz:conv1.weight). "
        "Repeat it for several feature maps.",
    ),
]


@takes_common_options
def convolve(*, kernel: Kernels, common: Common, **arguments: object) -> None:
    """Convolve images with a kernel, or several.

    This is cross-correlation, as in CNN frameworks. Alpha is not filtered.
    For img.png it writes img-sharpen.png, named after the kernel.
    """
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.cli.run import run
    from cnnfilter.files.numbers.kernels import kernels_label
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.steps.step import Step

    step = Step("convolve", {"kernel": kernel if len(kernel) > 1 else kernel[0], **arguments})
    combine = arguments["combine"]
    label = kernels_label(step.weights["kernel"])
    name = f"{label}-{combine}" if combine else label
    run(PipelineTask(Pipeline([step]), name), common)
