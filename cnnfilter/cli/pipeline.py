"""cnnfilter pipeline."""

from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import Common, examples, option, takes_common_options

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
        _print_summary(chain, common, shape)
        return
    name = Path(steps).stem if is_file else "pipeline"
    run(Filtering(chain, name, stages is not None), common, stages=stages)


def _print_summary(pipeline: "Pipeline", common: Common, shape: str | None) -> None:
    """Print a row a layer, for a shape or for the shapes of images."""
    from cnnfilter.cli.printing import print_rows, shape_text
    from cnnfilter.core.arguments import wholes
    from cnnfilter.errors import ArgumentError
    from cnnfilter.files.load import read

    if (shape is None) == (not common.images):
        raise ArgumentError("--summary takes images, or --shape such as 224x224x3")
    if shape is None:
        shapes = {path: read(path).pixels.shape for path in common.images or ()}
    else:
        shapes = {"": wholes("shape", shape)}
    for lengths in shapes.values():
        if len(lengths) not in (2, 3):
            raise ArgumentError(f"shape '{shape}' is not HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS")
        rows = [("input", shape_text(lengths), "0", "1x1")]
        for number, layer in enumerate(pipeline.summary(lengths), start=1):
            rows.append(
                (
                    f"{number} {layer.step}",
                    shape_text(layer.shape),
                    str(layer.parameters),
                    shape_text(layer.receptive_field),
                )
            )
        print_rows(("layer", "output shape", "parameters", "receptive field"), rows)
