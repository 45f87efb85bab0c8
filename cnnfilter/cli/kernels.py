"""cnnfilter kernels."""

from typing import TYPE_CHECKING, Annotated

import typer

from cnnfilter.cli.options import complete_kernel, examples

if TYPE_CHECKING:
    from cnnfilter.arrays import Array
    from cnnfilter.kernels.catalogue import NamedKernel

EXAMPLES = examples(
    "cnnfilter kernels",
    "cnnfilter kernels sharpen",
    "cnnfilter kernels gaussian:5,1.2",
    "cnnfilter kernels '1 2 1; 2 4 2; 1 2 1'",
)


def kernels(
    kernel: Annotated[
        str | None,
        typer.Argument(
            metavar="KERNEL",
            help="A name with or without parameters, a matrix, or a file. Default: list all.",
            autocompletion=complete_kernel,
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the named kernels, or show one and its facts.

    The facts are its size, its sum (the brightness gain), the range of results
    from an 8-bit image, whether it is separable (two cheap passes do the same)
    and whether it is symmetric (flipping changes nothing).
    """
    if kernel is None:
        _list()
    else:
        _show(kernel)


def _list() -> None:
    from cnnfilter.cli.printing import print_rows
    from cnnfilter.kernels.catalogue import KERNELS

    sets = [entry.weights for entry in KERNELS.values() if isinstance(entry.weights, dict)]
    members = {name for weights in sets for name in weights}
    rows = [
        (name, _described(entry), entry.source)
        for name, entry in KERNELS.items()
        if name not in members  # its set's row names it
    ]
    print_rows(("kernel", "description", "source"), rows, wrapping=("description", "source"))


def _described(entry: "NamedKernel") -> str:
    """Return the description, with the parameters after the colon."""
    if not entry.parameters:
        return entry.description
    parameters = ", ".join(f"{name} {default}" for name, default in entry.parameters.items())
    return f"{entry.description}; parameters: {parameters}"


def _show(text: str) -> None:
    from cnnfilter.errors import KernelError
    from cnnfilter.files.numbers.kernels import find_kernels, read_kernel_files
    from cnnfilter.kernels.catalogue import KERNELS
    from cnnfilter.kernels.parse import read_kernels
    from cnnfilter.text import shape_text

    for name, weights in read_kernels(read_kernel_files(find_kernels(text))).weights.items():
        if weights.ndim != 2:
            raise KernelError(
                f"{text}: is a filter bank, {shape_text(weights.shape)}, not one kernel"
            )
        _show_one(name, weights, KERNELS.get(name.partition(":")[0]))


def _show_one(name: str, weights: "Array", entry: "NamedKernel | None") -> None:
    from cnnfilter.cli.printing import print_array, print_rows, print_text, say
    from cnnfilter.kernels.facts import kernel_facts
    from cnnfilter.kernels.parse import list_note
    from cnnfilter.text import shape_text

    facts = kernel_facts(weights)
    rows = [
        ("size", shape_text(facts.size)),
        ("sum", f"{facts.sum:.6g}"),
        ("range", f"{facts.lowest:.6g} to {facts.highest:.6g} from an 8-bit image"),
        ("separable", "yes" if facts.separable else "no"),
        ("symmetric", "yes" if facts.symmetric else "no"),
    ]
    if entry is not None:
        rows += [("description", _described(entry)), ("source", entry.source or "none")]
    print_array(name, weights, full=True)
    if entry is None and (note := list_note(weights)):
        say(note)
    print_text("")
    print_rows(("kernel", name), rows, wrapping=(name,))
