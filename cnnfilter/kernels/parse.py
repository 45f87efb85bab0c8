"""Reading kernels: from names, text and arrays."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import free_name, number
from cnnfilter.arrays.checks import as_array, not_finite
from cnnfilter.errors import ArgumentError, KernelError, brief, naming, unknown
from cnnfilter.kernels.catalogue import KERNELS, MAX_SIZE, SQUARES, KernelSet

if TYPE_CHECKING:
    from cnnfilter.kernels.pasted import Pasted

#: Characters of a kernel's text: 16 for each weight of the largest named one.
MAX_TEXT = 16 * MAX_SIZE**2
#: Words of other programs for no weight.
_NOTHING = ("", "-", "x", "X", ".", "nan")


def kernel(name_or_text: str) -> Array | list[Array]:
    """Return a named kernel, or read one from text.

    Parameters
    ----------
    name_or_text : str
        A name from `KERNELS`, with parameters after a colon (``"gaussian:5,1.2"``), or
        a matrix: rows separated by semicolons or line ends, numbers by spaces or
        commas, fractions allowed (``"0 -1 0; -1 5 -1; 0 -1 0"``); or as NumPy, MATLAB,
        C, LaTeX and others write one (``"1/9 * [[1, 1], [1, 1]]"``). Never a path.

    Returns
    -------
    ndarray or list of ndarray
        Shape (kH, kW), int64 where all weights are integers, else float64. A set
        (``"sobel"``, ``"kirsch"``) is a list, one kernel for each feature map.

    Raises
    ------
    KernelError
        If the name is unknown, or the text malformed.

    Examples
    --------
    >>> kernel("sharpen")
    array([[ 0, -1,  0],
           [-1,  5, -1],
           [ 0, -1,  0]])
    >>> kernel("1 2 1; 2 4 2; 1 2 1").sum()
    np.int64(16)
    >>> len(kernel("kirsch"))
    8
    """
    members = list(_named_or_parsed(name_or_text).values())
    return members if len(members) > 1 else members[0]


def _named_or_parsed(name_or_text: str) -> KernelSet:
    """Return the kernels of a name or text."""
    text = name_or_text.strip()
    if not is_name(text):
        return {"kernel": parse_kernel(text)}
    name, _, parameters = text.partition(":")
    if name not in KERNELS:
        raise KernelError(unknown("kernel", name, KERNELS, "cnnfilter kernels lists them"))
    weights = KERNELS[name].weights
    if callable(weights):
        return {text: _from_parameters(name, weights, parameters)}
    if parameters:
        raise KernelError(f"kernel '{name}' takes no parameters, but got '{brief(parameters)}'")
    members = weights if isinstance(weights, dict) else {name: weights}
    return {member: values.copy() for member, values in members.items()}


def is_name(text: str) -> bool:
    """Return whether text is a kernel's name."""
    return re.fullmatch(r"[A-Za-z][\w-]*(:[^\[\](){}\n]*)?", text) is not None


def _from_parameters(name: str, make: Callable[..., Array], text: str) -> Array:
    names = list(inspect.signature(make).parameters)
    values = [value.strip() for value in text.split(",")] if text else []
    if len(values) > len(names):
        raise KernelError(
            f"kernel '{name}' takes at most {len(names)} parameter(s), {', '.join(names)}; "
            f"'{brief(text)}' has {len(values)}"
        )
    # Weights that are not finite are refused here.
    with naming(f"kernel '{brief(f'{name}:{text}')}'", KernelError), np.errstate(all="ignore"):
        weights = make(*values)
        if not_finite(weights):
            raise ArgumentError("its weights are larger than any float; change a parameter")
        return as_weights(weights)


def parse_kernel(text: str) -> Array:
    """Read a matrix from text; see `kernel`.

    Examples
    --------
    >>> parse_kernel("1/2, 1/2")
    array([[0.5, 0.5]])
    >>> parse_kernel("1/4 * [[1, 2], [3, 4]]")
    array([[0.25, 0.5 ],
           [0.75, 1.  ]])
    """
    # Most runs name a kernel, and need no expressions for matrices.
    from cnnfilter.kernels.pasted import pasted

    check_length(text)
    return weights_of(pasted(text))


def weights_of(matrix: Pasted) -> Array:
    """Return the weights of a matrix's words."""
    if not any(matrix.rows):
        raise KernelError('the kernel is empty; write rows such as "0 -1 0; -1 5 -1; 0 -1 0"')
    rows = [
        [_weight(word, row, column) for column, word in enumerate(words, start=1)]
        for row, words in enumerate(matrix.rows, start=1)
    ]
    for place, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise KernelError(
                f"the kernel's row {place} has {len(row)} number(s), row 1 has {len(rows[0])}; "
                "rows must be equally long"
            )
    numerator, denominator = matrix.factor
    if denominator == 0:
        raise KernelError("the kernel is divided by 0; write another factor")
    weights = as_weights(rows)
    if numerator == denominator:
        return weights
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        return as_weights(weights * numerator / denominator)


def check_length(text: str) -> None:
    """Raise KernelError for text longer than any kernel."""
    if len(text) > MAX_TEXT:
        raise KernelError(
            f"the kernel has {len(text)} characters; the most is {MAX_TEXT}: save it as .npy"
        )


def _weight(word: str, row: int, column: int) -> float:
    try:
        return number("weight", word)
    except ArgumentError:
        raise KernelError(
            f"the kernel's row {row}, column {column}: '{brief(word)}' is not a number; "
            + (
                "write 0 where there is no weight"
                if word in _NOTHING
                else "write numbers or fractions such as 1/9, rows separated by semicolons"
            )
        ) from None


def as_weights(weights: object) -> Array:
    """Convert to kernel weights: int64 or float64.

    A filter bank in float32, as networks have, is returned unchanged.

    Parameters
    ----------
    weights : array_like
        Shape (kH, kW) or (kH, kW, C_in/groups, C_out).

    Raises
    ------
    KernelError
        If the shape is neither, or a weight is not a finite real number.

    Examples
    --------
    >>> as_weights([[0.0, 2.0]])
    array([[0, 2]])
    """
    with naming("", KernelError):
        array = as_array("the kernel", weights)
    if array.dtype.kind not in "biuf":
        raise KernelError(f"a kernel holds real numbers, not {array.dtype}")
    if array.ndim not in (2, 4) or array.size == 0:
        raise KernelError(
            f"a kernel has the shape (height, width), a filter bank (height, width, "
            f"inputs, outputs), not {array.shape}"
        )
    if problem := not_finite(array):
        raise KernelError(f"the kernel {problem}")
    if array.ndim == 4 and array.dtype == np.float32:
        return array
    with np.errstate(over="ignore"):  # NumPy's longer floats
        floats = array.astype(np.float64)
    if problem := not_finite(floats):
        raise KernelError(f"the kernel, as float64, {problem}")
    integers = array.astype(np.int64) if np.all(np.abs(floats) < 2**53) else array
    return integers if np.array_equal(integers, array) else floats


class Kernels(NamedTuple):
    """The kernels that `convolve` applies to one image.

    Attributes
    ----------
    weights : dict
        Name of the feature map to weights: shape (kH, kW), or one filter bank.
    is_list : bool
        Whether they are a list or a set, whose results have an axis of maps.
    """

    weights: KernelSet
    is_list: bool


def read_kernels(kernels: object) -> Kernels:
    """Read the kernels of `convolve` and their names.

    Parameters
    ----------
    kernels : str, array_like, list or dict
        A name or text, an array, a list of these, or a dict that names arrays. A 4-D filter
        bank stands alone.

    Examples
    --------
    >>> list(read_kernels(["sobel", "edge", "edge"]).weights)
    ['sobel-x', 'sobel-y', 'edge', 'edge-2']
    """
    if isinstance(kernels, str):
        weights = _named_or_parsed(kernels)
    elif isinstance(kernels, dict):
        weights = {name: as_weights(values) for name, values in kernels.items()}
    elif _is_list(kernels):
        weights = {}
        for item in kernels:
            for name, values in read_kernels(item).weights.items():
                weights[free_name(name, weights)] = values
    else:
        weights = {"kernel": as_weights(kernels)}
    if not weights:
        raise KernelError("no kernel is given; name one, such as sharpen")
    if len(weights) > 1 and any(values.ndim != 2 for values in weights.values()):
        raise KernelError("a filter bank stands alone; a list holds 2-D kernels")
    return Kernels(weights, is_list=_is_list(kernels) or len(weights) > 1)


def _is_list(kernels: object) -> TypeGuard[Sequence[object]]:
    """Return whether a list holds kernels, not one kernel's rows."""
    if not isinstance(kernels, list | tuple):
        return False
    return not kernels or any(isinstance(item, str | dict) or _is_matrix(item) for item in kernels)


def _is_matrix(item: object) -> bool:
    if isinstance(item, np.ndarray):
        return item.ndim == 2
    return isinstance(item, list | tuple) and any(
        isinstance(row, list | tuple) and not any(isinstance(cell, list | tuple) for cell in row)
        for row in item
    )


def list_note(weights: Array) -> str:
    """Return a note on a row or column that may be meant as a square.

    Examples
    --------
    >>> list_note(np.ones((1, 9)))
    'the kernel is a row of 9 numbers; write its rows with ; between them if it is 3x3'
    >>> list_note(np.ones((3, 3))), list_note(np.ones((1, 3)))
    ('', '')
    """
    side = SQUARES.get(weights.size)
    if weights.ndim != 2 or min(weights.shape) > 1 or side is None:
        return ""
    kind = "row" if len(weights) == 1 else "column"
    return (
        f"the kernel is a {kind} of {weights.size} numbers; write its rows with ; between them "
        f"if it is {side}x{side}"
    )
