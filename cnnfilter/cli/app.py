"""The application: its subcommands, and what it says when run without one."""

from typing import Annotated

import typer

from cnnfilter import __version__
from cnnfilter.cli import (
    convolve,
    import_network,
    kernels,
    networks,
    pipeline,
    pool,
    split_channels,
)
from cnnfilter.cli.printing import print_text

app = typer.Typer(
    name="cnnfilter",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("split-channels", epilog=split_channels.EXAMPLES)(split_channels.split_channels)
app.command("convolve", epilog=convolve.EXAMPLES)(convolve.convolve)
app.command("pool", epilog=pool.EXAMPLES)(pool.pool)
app.command("pipeline", epilog=pipeline.EXAMPLES)(pipeline.pipeline)
app.command("import", epilog=import_network.EXAMPLES)(import_network.import_network)
app.command("kernels", epilog=kernels.EXAMPLES)(kernels.kernels)
app.command("networks", epilog=networks.EXAMPLES)(networks.networks)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"cnnfilter {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def cnnfilter(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """See what convolutional networks do to images.

    Split an image into channels, convolve it with named, hand-written or
    learned kernels, pool it, chain these into pipelines and whole networks,
    and write the result or print its numbers.
    """
    if context.invoked_subcommand is None:
        print_text(context.get_help())
        raise typer.Exit(2)
