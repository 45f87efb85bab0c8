"""The application and its subcommands."""

import gc
from collections.abc import Callable
from importlib import import_module
from inspect import getdoc
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cnnfilter import __version__
from cnnfilter.cli.printing import print_text

#: Every subcommand's module, which has a function of the same name.
_MODULES = {
    "split-channels": "split_channels",
    "convolve": "convolve",
    "pool": "pool",
    "pipeline": "pipeline",
    "explain": "explain",
    "import": "import_network",
    "kernels": "kernels",
    "networks": "networks",
    "formats": "formats",
}


class _Commands(TyperGroup):
    """The subcommands, imported when they are used: a run pays only for its own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _imported(cmd_name)
        return self.commands.get(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the subcommands without their options, which layers declare."""
        for name in _MODULES:
            self.commands[name] = TyperCommand(name, help=getdoc(_function(name)))
        super().format_help(ctx, formatter)


class _Command(TyperCommand):
    """A subcommand; its help may list the operations."""

    def invoke(self, ctx: Any) -> Any:
        """Collect garbage from now on, but none of what is imported."""
        gc.freeze()
        gc.enable()
        return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if self.help and "{operations}" in self.help:
            from cnnfilter.steps.operations import OPERATIONS

            self.help = self.help.replace("{operations}", ", ".join(OPERATIONS))
        super().format_help(ctx, formatter)


def _module(name: str) -> ModuleType:
    return import_module(f"cnnfilter.cli.{_MODULES[name]}")


def _function(name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(_module(name), _MODULES[name])
    return function


def command(name: str) -> Callable[..., None]:
    """Import a subcommand's function, with all its options."""
    module, function = _module(name), _function(name)
    if not hasattr(module, "OPERATION"):
        return function
    from cnnfilter.cli.declared import with_arguments_of

    return with_arguments_of(module.OPERATION, module.GROUP, function)


def _imported(name: str) -> Any:
    """Return a subcommand, made by Typer from its function."""
    alone = typer.Typer(add_completion=False)
    alone.command(name, cls=_Command, epilog=_module(name).EXAMPLES)(command(name))
    return get_command(alone)


app = typer.Typer(
    name="cnnfilter",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


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
