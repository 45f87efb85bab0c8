"""cnnfilter kernels."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import examples

if TYPE_CHECKING:
    from cnnfilter.core.arrays import Array

EXAMPLES = examples(
    "cnnfilter kernels",
    "cnnfilter kernels sharpen",
    "cnnfilter kernels gaussian:5,1.2",
    "cnnfilter kernels '1 2 1; 2 4 2; 1 2 1'",
)


def complete_kernel(incomplete: str) -> list[str]:
    """Complete a named kernel for the shell."""
    from cnnfilter.core.catalogue import KERNELS

    return [name for name in KERNELS if name.startswith(incomplete)]


def kernels(
    kernel: Annotated[
        str | None,
        typer.Argument(
            metavar="KERNEL",
            help="A name with or without parameters, a matrix, or a file; none lists all.",
            autocompletion=complete_kernel,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the named kernels, or show one and what can be said of it.

    Its facts are its size, its sum (the brightness gain), the range in which
    an 8-bit image comes out, whether it is separable (two cheap passes do the
    same) and whether it is symmetric (flipping changes nothing).
    """
    if kernel is None:
        _list()
    else:
        _show(kernel)


def _list() -> None:
    from cnnfilter.cli.tables import print_rows
    from cnnfilter.core.catalogue import KERNELS

    rows = []
    for name, entry in KERNELS.items():
        usage = name + (":" + ",".join(entry.parameters) if entry.parameters else "")
        defaults = ", ".join(f"{key} {value}" for key, value in entry.parameters.items())
        text = entry.description + (f" ({defaults})" if defaults else "")
        rows.append((usage, text, entry.source))
    print_rows(("kernel", "description", "source"), rows)


def _show(text: str) -> None:
    from cnnfilter.core.kernels import labelled
    from cnnfilter.errors import KernelError
    from cnnfilter.files.kernels import kernel_argument

    for name, weights in labelled(kernel_argument(text, None)).items():
        if weights.ndim != 2:
            raise KernelError(f"{text}: is a filter bank {weights.shape}, not one kernel")
        _show_one(name, weights)


def _show_one(name: str, weights: "Array") -> None:
    from cnnfilter.core.kernels import kernel_facts
    from cnnfilter.files.matrices import matrix_text

    facts = kernel_facts(weights)
    lines = {
        "size": f"{facts.size[0]}x{facts.size[1]}",
        "sum": f"{facts.sum:.6g}",
        "range": f"{facts.lowest:.6g} to {facts.highest:.6g} from an 8-bit image",
        "separable": "yes" if facts.separable else "no",
        "symmetric": "yes" if facts.symmetric else "no",
    }
    if not sys.stdout.isatty():
        sys.stdout.writelines(matrix_text(weights, "tsv"))
        print("\n" + "\n".join(f"{key}\t{value}" for key, value in lines.items()))
        return
    from rich.console import Console

    from cnnfilter.view.matrices import matrix_tables

    console = Console(highlight=False, markup=False)
    for table in matrix_tables(weights, name, width=console.width, height=0, full=True):
        console.print(table)
    console.print("\n".join(f"{key:10} {value}" for key, value in lines.items()) + "\n")
