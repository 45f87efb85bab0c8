"""cnnfilter import."""

from pathlib import Path
from typing import Annotated

import typer

from cnnfilter.cli.options import OUTPUT, Force, Quiet, examples, existing_if, option
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
            help="The network's .toml file; default: next to the model. Its weights are "
            "written next to it, as .safetensors.",
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn an ONNX model into a network file that no longer needs onnx.

    The model's graph must be a chain of known operators. How an image is
    prepared (grey or RGB, resized, scaled to 0..1) and the labels are yours to
    edit in the file.
    """
    from cnnfilter.errors import ArgumentError
    from cnnfilter.files.output import fingerprints_of
    from cnnfilter.networks.network import read_network
    from cnnfilter.networks.toml import write_toml
    from cnnfilter.pipeline.pipeline import Pipeline
    from cnnfilter.text import shown

    source = Path(model)
    if source.suffix.lower() != ".onnx":
        raise ArgumentError(f"{shown(model)}: is not an .onnx file; only these are imported")
    target = source.with_suffix(".toml") if output is None else Path(output)
    if target.suffix.lower() != ".toml":
        raise ArgumentError(f"{shown(target)}: a network's file ends in .toml")
    network = read_network(source)
    inputs = fingerprints_of(Pipeline.from_network(network).files)
    existing = existing_if(force=force)
    written = write_toml(network, target, existing=existing, inputs=inputs)
    if not quiet:
        parameters = sum(step.layer.parameters for step in network.steps)
        names = ", ".join(map(shown, written))
        say(
            f"{shown(model)}: {len(network.steps)} layer(s), {parameters} parameters; wrote {names}"
        )
