"""cnnfilter pipeline."""

from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import Common, InputOptions, examples, option, takes_common_options
from cnnfilter.cli.printing import print_rows, say
from cnnfilter.errors import ArgumentError, CnnFilterError, with_path
from cnnfilter.text import shape_text

if TYPE_CHECKING:
    from cnnfilter.arrays.geometry import Shape
    from cnnfilter.pipeline.comparison import Comparison
    from cnnfilter.pipeline.pipeline import Pipeline

GROUP = "Layers"
EXAMPLES = examples(
    "cnnfilter pipeline 'convolve sharpen | relu | pool 2' sample_images/coffee.png -o out/",
    "cnnfilter pipeline 'convolve kirsch | relu | pool 2' "
    "sample_images/coffee.png --stages layers/ -o maps/",
    "cnnfilter pipeline 'convolve edge padding=same | pool 2' --summary --shape 224x224x3",
    "cnnfilter pipeline digits sample_images/digits/two.png",
    "cnnfilter pipeline cnnfilter/networks/digits.toml --top 3 sample_images/digits/*.png",
    "cnnfilter pipeline model.onnx sample_images/coffee.png --against activations.npz",
)


@takes_common_options
def pipeline(
    steps: Annotated[
        str,
        typer.Argument(
            metavar="STEPS",
            help="Steps separated by |, each a name with arguments; a network's name (cnnfilter "
            "networks lists them); or a .toml or .onnx file.",
            show_default=False,
        ),
    ],
    summary: Annotated[
        bool,
        option(
            "--summary",
            group=GROUP,
            help="Print each layer's shape, parameters, multiply-adds and receptive field; run "
            "nothing.",
        ),
    ] = False,
    shape: Annotated[
        str | None,
        option(group=GROUP, metavar="HxWxC", help="The input's shape for --summary."),
    ] = None,
    step: Annotated[
        str | None,
        option(
            group=GROUP,
            metavar="N|NAME",
            help="Stop after this step, by number from 1 or by name: its maps are the result.",
        ),
    ] = None,
    stages: Annotated[
        str | None,
        option(group=GROUP, metavar="FOLDER", help="Write every layer's maps there, too."),
    ] = None,
    top: Annotated[
        int | None,
        option(
            group=GROUP,
            metavar="N",
            min=1,
            help="Number of classes to print. Default: 5; 1 in a pipe.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        option(
            group=GROUP,
            metavar="FILE",
            help="Compare every layer with activations from another framework: .npz, by name or "
            "in order, or .safetensors, by name.",
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Run images through several steps, or through a whole network.

    Steps are {operations}.

    Their arguments are those of the commands and functions: 'convolve
    sharpen padding=same | relu | pool 2'.

    A network's prediction is printed: bars, or off a terminal a line for each
    file; --format json gives all classes, --output writes the vector.
    """
    from cnnfilter.pipeline.pipeline import Pipeline

    chain = Pipeline.of(steps)
    if step is not None:
        chain = chain.up_to(step)
    if top is not None and (
        not chain.gives_vector or common.output.output or common.printing.print
    ):
        raise ArgumentError(
            "--top needs a printed prediction: use a network, without --output or --print"
        )
    if stages == "":
        raise ArgumentError("--stages has no name; name a folder")
    if summary or against is not None:
        mode = "--summary" if summary else "--against"
        own = {"images", "quiet", "max_pixels"}
        if common.changed - own or stages or top or (summary and against):
            raise ArgumentError(f"{mode} only prints; leave out what is for results")
    if summary:
        _print_summaries(chain, common.inputs, shape)
        return
    if shape is not None:
        raise ArgumentError("--shape is for --summary; name images to run")
    if against is not None:
        _print_comparison(chain, common, against)
        return
    from cnnfilter.batch.task import PipelineTask
    from cnnfilter.cli.run import run

    name = "pipeline" if chain.file is None else chain.file.stem
    task = PipelineTask(chain, name, stages is not None, single_step=step is not None)
    run(task, common, stages=stages, top=top)


def _print_summaries(pipeline: "Pipeline", inputs: InputOptions, shape: str | None) -> None:
    """Print a summary for each shape of inputs."""
    from cnnfilter.arrays.arguments import integers
    from cnnfilter.files.read import read

    if shape is not None and inputs.images:
        raise ArgumentError("--summary takes images, or --shape such as 224x224x3, not both")
    if not inputs.images:
        lengths = (
            None if shape is None else integers("shape", shape, others="lengths such as 224x224x3")
        )
        if lengths is not None and not 1 <= len(lengths) <= 3:
            raise ArgumentError(f"shape '{shape}' is not HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS")
        if lengths is None and not all(pipeline.input_shape or (0,)):
            raise ArgumentError("--summary takes images, or --shape such as 224x224x3")
        _print_summary(pipeline, "input", lengths or pipeline.input_shape or ())
        return
    failed = False
    for path in inputs.images:
        try:
            pixels = read(path, inputs.max_pixels).pixels
            _print_summary(pipeline, path, pipeline.prepare(pixels).shape)
        except CnnFilterError as error:
            failed = True
            say(with_path(path, error))
    if failed:
        raise typer.Exit(1)


def _print_summary(pipeline: "Pipeline", name: str, shape: "Shape") -> None:
    """Print a row a layer, and the totals."""
    layers = pipeline.summary(shape)
    headings = ("layer", "step", "output shape", "parameters", "mult-adds", "field")
    rows = [(name, "", shape_text(shape), "0", "0", "1x1")]
    rows += [
        (
            f"{number} {layer.name}".strip(),
            layer.step,
            shape_text(layer.shape),
            str(layer.parameters),
            str(layer.multiply_adds),
            shape_text(layer.receptive_field),
        )
        for number, layer in enumerate(layers, start=1)
    ]
    parameters = sum(layer.parameters for layer in layers)
    products = sum(layer.multiply_adds for layer in layers)
    last = layers[-1]
    total = (shape_text(last.shape), str(parameters), str(products))
    rows.append(("total", "", *total, shape_text(last.receptive_field)))
    print_rows(headings, rows, ("layer", "step"))


def _print_comparison(pipeline: "Pipeline", common: Common, against: str) -> None:
    """Print how far each layer is from saved values."""
    from pathlib import Path

    from cnnfilter.batch.task import without_alpha
    from cnnfilter.files.numbers.weights import read_tensors
    from cnnfilter.files.read import read
    from cnnfilter.pipeline.comparison import compare
    from cnnfilter.text import shown

    if not common.inputs.images or len(common.inputs.images) != 1:
        raise ArgumentError("--against takes the one image that the activations are of")
    (path,) = common.inputs.images
    activations = read_tensors(Path(against))
    try:
        image = read(path, common.inputs.max_pixels)
        pixels = without_alpha(image) if pipeline.gives_vector else image.pixels
        prepared = pipeline.prepare(pixels)
        layers = [(step.title, result) for step, result in pipeline.results(prepared)]
    except CnnFilterError as error:
        say(with_path(path, error))
        raise typer.Exit(1) from None
    ordered = Path(against).suffix.lower() != ".safetensors"
    found = compare([("input", prepared), *layers], activations, in_order=ordered)
    print_rows(
        ("layer", "saved as", "shape", "saved shape", "difference", "largest", ""),
        [_comparison_row(each) for each in found],
        ("layer", "saved as"),
    )
    parts = []
    compared = {each.name for each in found}
    if missing := [name for name, _ in layers if name not in compared]:
        parts.append(f"not saved: {', '.join(missing)}")
    if foreign := [name for name in activations if name not in {each.saved_as for each in found}]:
        parts.append(f"saved without a layer: {', '.join(foreign)}")
    first = next((each.name for each in found if not each.agrees), None)
    if first is not None:
        say("; ".join([f"{shown(against)}: the first layer that differs is {first}", *parts]))
        raise typer.Exit(1)
    if not common.output.quiet:
        every = "" if parts else "all "
        say("; ".join([f"{shown(against)}: {every}{len(found)} layer(s) agree", *parts]))


def _comparison_row(compared: "Comparison") -> tuple[str, ...]:
    difference, verdict = compared.difference, "agrees" if compared.agrees else "differs"
    return (
        compared.name,
        compared.saved_as,
        shape_text(compared.shape),
        shape_text(compared.saved_shape),
        "" if difference is None else f"{difference:.3g}",
        f"{compared.magnitude:.3g}",
        "shape differs" if difference is None else verdict,
    )
