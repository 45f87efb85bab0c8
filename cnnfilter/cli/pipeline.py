"""cnnfilter pipeline."""

from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import Common, examples, option, takes_common_options
from cnnfilter.cli.printing import print_rows, say, shape_text
from cnnfilter.errors import ArgumentError, CnnFilterError

if TYPE_CHECKING:
    from cnnfilter.pipeline.pipeline import Pipeline

GROUP = "Layers"
EXAMPLES = examples(
    "cnnfilter pipeline 'convolve sharpen | relu | pool 2' img.png",
    "cnnfilter pipeline 'gray | convolve sobel combine=l2 | pool 3 mode=average' img.png -o e.png",
    "cnnfilter pipeline 'convolve kirsch | relu | pool 2' img.png --stages layers/ -o maps/",
    "cnnfilter pipeline 'convolve edge padding=same | pool 2' --summary --shape 224x224x3",
)


@takes_common_options
def pipeline(
    steps: Annotated[
        str,
        typer.Argument(
            metavar="STEPS",
            help="Steps separated by |, each a name with arguments; or a .toml file of steps.",
            show_default=False,
        ),
    ],
    summary: Annotated[
        bool,
        option(
            "--summary",
            group=GROUP,
            help="Print each layer's shape, parameters and receptive field; run nothing.",
        ),
    ] = False,
    shape: Annotated[
        str | None,
        option(group=GROUP, metavar="HxWxC", help="The input's shape for --summary."),
    ] = None,
    stages: Annotated[
        str | None,
        option(group=GROUP, metavar="FOLDER", help="Write every layer's maps there, too."),
    ] = None,
    *,
    common: Common,
) -> None:
    """Run images through several steps.

    Steps are convolve, pool, gray, select (channels) and the activations relu,
    leaky-relu, elu, sigmoid, tanh, softplus and clip. Their arguments are those
    of the commands: 'convolve sharpen padding=same | relu | pool 2'.
    """
    from pathlib import Path

    from cnnfilter.batch.work import Filtering
    from cnnfilter.cli.run import run
    from cnnfilter.pipeline.pipeline import Pipeline

    is_file = steps.lower().endswith(".toml")
    chain = Pipeline.from_file(steps) if is_file else Pipeline(steps)
    if summary:
        _print_summaries(chain, common, shape)
        return
    if shape is not None:
        raise ArgumentError("--shape is for --summary; name images to run")
    name = Path(steps).stem if is_file else "pipeline"
    run(Filtering(chain, name, stages is not None), common, stages=stages)


def _print_summaries(pipeline: "Pipeline", common: Common, shape: str | None) -> None:
    """Print a summary for a shape, or one for each image."""
    from cnnfilter.core.arguments import wholes
    from cnnfilter.files.images import MAX_PIXELS
    from cnnfilter.files.load import read
    from cnnfilter.files.source import told_of

    if (shape is None) == (not common.images):
        raise ArgumentError("--summary takes images, or --shape such as 224x224x3")
    if shape is not None:
        lengths = wholes("shape", shape)
        if len(lengths) not in (2, 3):
            raise ArgumentError(f"shape '{shape}' is not HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS")
        _print_summary(pipeline, "input", lengths)
        return
    failed = False
    for path in common.images or ():
        try:
            pixels = read(path, common.max_pixels or MAX_PIXELS).pixels
            _print_summary(pipeline, path, pixels.shape)
        except CnnFilterError as error:
            failed = True
            say(told_of(path, error))
    if failed:
        raise typer.Exit(1)


def _print_summary(pipeline: "Pipeline", name: str, shape: tuple[int, ...]) -> None:
    """Print a row a layer."""
    rows = [(name, shape_text(shape), "0", "1x1")]
    rows += [
        (
            f"{number} {layer.step}",
            shape_text(layer.shape),
            str(layer.parameters),
            shape_text(layer.receptive_field),
        )
        for number, layer in enumerate(pipeline.summary(shape), start=1)
    ]
    print_rows(("layer", "output shape", "parameters", "receptive field"), rows, ("layer",))
