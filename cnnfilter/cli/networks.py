"""cnnfilter networks."""

from typing import Annotated

import typer

from cnnfilter.cli.options import examples
from cnnfilter.cli.printing import print_rows
from cnnfilter.text import shape_text

EXAMPLES = examples(
    "cnnfilter networks",
    "cnnfilter networks digits",
    "cnnfilter pipeline digits --summary",
    "cnnfilter pipeline digits sample_images/digits/two.png",
)


def complete_network(incomplete: str) -> list[str]:
    """Complete a named network for the shell."""
    from cnnfilter.networks import NETWORKS

    return [name for name in NETWORKS if name.startswith(incomplete)]


def networks(
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="NETWORK",
            help="A network's name; default: list all.",
            autocompletion=complete_network,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the named networks, or describe one."""
    from cnnfilter.errors import ArgumentError, unknown
    from cnnfilter.networks import NETWORKS

    if network is None:
        rows = [_facts(name) for name in NETWORKS]
        listed = ("network", "input", "classes", "parameters", "description")
        cells = [(row["network"], row["input"], row["classes"], row["parameters"],
                  row["description"]) for row in rows]  # fmt: skip
        print_rows(listed, cells, wrapping=("classes", "description"))
        return
    if network not in NETWORKS:
        raise ArgumentError(unknown("network", network, NETWORKS))
    facts = _facts(network)
    print_rows(("network", facts.pop("network")), list(facts.items()), wrapping=(network,))


def _facts(name: str) -> dict[str, str]:
    from cnnfilter.pipeline.pipeline import Pipeline

    network = Pipeline.of(name)
    layers = network.summary()
    return {
        "network": name,
        "input": shape_text(network.input_shape or ()),
        "classes": " ".join(network.labels),
        "layers": str(len(layers)),
        "parameters": str(sum(layer.parameters for layer in layers)),
        "mult-adds": str(sum(layer.multiply_adds for layer in layers)),
        "preparation": " | ".join(map(str, network.preparation)),
        "description": network.description,
    }
