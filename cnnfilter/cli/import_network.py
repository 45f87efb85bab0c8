"""cnnfilter import."""

from pathlib import Path
from typing import Annotated

import typer

from cnnfilter.cli.options import OUTPUT, Force, Quiet, examples, option
from cnnfilter.cli.printing import say

EXAMPLES = examples(
    "cnnfilter import model.onnx",
    "cnnfilter import model.onnx -o networks/net.toml",
)


def import_network(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="An .onnx file.", show_default=False)
    ],
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            group=OUTPUT,
            metavar="PATH",
            help="The network's .toml file; without it beside the model. Its weights stand "
            "beside it in .safetensors.",
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn an ONNX model into a network file that no longer needs onnx.

    The model's graph must be a chain of operators that cnnfilter knows. How a
    picture is prepared (grey or RGB, resized, scaled to 0..1) and the labels
    are yours to edit in the file.
    """
    from cnnfilter.errors import ArgumentError
    from cnnfilter.files.networks import read_network, write_network
    from cnnfilter.files.output import fingerprints_of
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.text import shown

    source = Path(model)
    if source.suffix.lower() != ".onnx":
        raise ArgumentError(f"{shown(model)}: is no .onnx file, which is what can be imported")
    target = source.with_suffix(".toml") if output is None else Path(output)
    if target.suffix.lower() != ".toml":
        raise ArgumentError(f"{shown(target)}: a network's file ends in .toml")
    content, files = read_network(source)
    network = Pipeline.from_content(content, files, source)
    existing = "replace" if force else "refuse"
    written = write_network(
        target, content, existing=existing, inputs=fingerprints_of(network.files)
    )
    if not quiet:
        parameters = sum(step.layer.parameters for step in network.steps)
        names = ", ".join(shown(path) for path in written)
        say(
            f"{shown(model)}: {len(network.steps)} layer(s), {parameters} parameters; wrote {names}"
        )
