"""Kernels: by name, from text or from an array, and facts about any."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import free_name, number
from cnnfilter.arrays.checks import as_array, not_finite
from cnnfilter.errors import ArgumentError, KernelError, ShapeError, brief, unknown
from cnnfilter.kernels.catalogue import KERNELS, MAX_SIZE, KernelSet

#: Characters of a kernel's text: 16 for each weight of the largest named one.
MAX_TEXT = 16 * MAX_SIZE**2


def kernel(name_or_text: str) -> Array | list[Array]:
    """Give a named kernel, or read one from text.

    Parameters
    ----------
    name_or_text : str
        A name from `KERNELS`, with parameters after a colon (``"gaussian:5,1.2"``), or
        a matrix: rows separated by semicolons or line ends, numbers by spaces or
        commas, fractions allowed (``"0 -1 0; -1 5 -1; 0 -1 0"``). Never a path.

    Returns
    -------
    ndarray or list of ndarray
        Shape (kH, kW), int64 where all weights are integers, else float64. A set
        (``"sobel"``, ``"kirsch"``) gives a list, one kernel for each feature map.

    Raises
    ------
    KernelError
        If the name is unknown, or the text malformed (it says where).

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
    members = list(kernel_set(name_or_text).values())
    return members if len(members) > 1 else members[0]


def kernel_set(name_or_text: str) -> KernelSet:
    """Give the kernels that a name or text stands for, by name; one, or all of a set."""
    text = name_or_text.strip()
    if not is_name(text):
        return {"kernel": parse_kernel(text)}
    name, _, parameters = text.partition(":")
    if name not in KERNELS:
        raise KernelError(unknown("kernel", name, KERNELS, "cnnfilter kernels lists them"))
    weights = KERNELS[name].weights
    if callable(weights):
        return {text: _with_parameters(name, weights, parameters)}
    if parameters:
        raise KernelError(f"kernel '{name}' takes no parameters, but got '{brief(parameters)}'")
    members = weights if isinstance(weights, dict) else {name: weights}
    return {member: each.copy() for member, each in members.items()}


def is_name(text: str) -> bool:
    """Tell a kernel's name, with or without parameters, from a matrix."""
    return re.fullmatch(r"[A-Za-z][\w-]*(:.*)?", text) is not None


def _with_parameters(name: str, make: Callable[..., Array], text: str) -> Array:
    names = list(inspect.signature(make).parameters)
    values = [value.strip() for value in text.split(",")] if text else []
    if len(values) > len(names):
        raise KernelError(
            f"kernel '{name}' takes at most {len(names)} parameter(s), {', '.join(names)}; "
            f"'{brief(text)}' has {len(values)}"
        )
    try:
        with np.errstate(all="ignore"):  # weights that are no numbers are refused here
            weights = make(*values)
            if not_finite(weights):
                raise ArgumentError("its weights are larger than any float; change a parameter")
            return as_weights(weights)
    except ArgumentError as error:
        raise KernelError(f"kernel '{brief(f'{name}:{text}')}': {error}") from None


def parse_kernel(text: str) -> Array:
    """Read a matrix from text; see `kernel`.

    Examples
    --------
    >>> parse_kernel("1/2, 1/2")
    array([[0.5, 0.5]])
    """
    check_length(text)
    lines = [line for line in re.split(r"[;\n]", text) if line.strip()]
    if not lines:
        raise KernelError('the kernel is empty; write rows such as "0 -1 0; -1 5 -1; 0 -1 0"')
    rows = [
        [_weight(word, row, column) for column, word in enumerate(_words(line), start=1)]
        for row, line in enumerate(lines, start=1)
    ]
    for row, weights in enumerate(rows, start=1):
        if len(weights) != len(rows[0]):
            raise KernelError(
                f"the kernel's row {row} has {len(weights)} number(s), row 1 has "
                f"{len(rows[0])}; rows must be equally long"
            )
    return as_weights(rows)


def check_length(text: str) -> None:
    """Refuse a kernel's text that is longer than any."""
    if len(text) > MAX_TEXT:
        raise KernelError(
            f"the kernel has {len(text)} characters; the most is {MAX_TEXT}: save it as .npy"
        )


def _words(line: str) -> list[str]:
    return re.split(r"\s*,\s*|\s+", line.strip().strip(","))


def _weight(word: str, row: int, column: int) -> float:
    try:
        return number("weight", word)
    except ArgumentError:
        raise KernelError(
            f"the kernel's row {row}, column {column}: '{brief(word)}' is not a number; "
            "write numbers or fractions such as 1/9, rows separated by semicolons"
        ) from None


def as_weights(weights: ArrayLike) -> Array:
    """Take an array as kernel weights: int64 where all are integers, else float64.

    A filter bank in float32, as networks have, is taken as it is.

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
    try:
        array = as_array("the kernel", weights)
    except ShapeError as error:
        raise KernelError(str(error)) from None
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


@dataclass(frozen=True)
class KernelFacts:
    """What can be said of a kernel without an image.

    Attributes
    ----------
    size : (int, int)
        Height and width.
    sum : float
        The brightness gain: what a flat area is multiplied by.
    lowest, highest : float
        The range that an 8-bit image can come out in.
    separable : bool
        A column times a row: it can be applied in two cheap passes.
    symmetric : bool
        Flipping changes nothing: convolution and cross-correlation agree.
    """

    size: tuple[int, int]
    sum: float
    lowest: float
    highest: float
    separable: bool
    symmetric: bool


def kernel_facts(weights: Array) -> KernelFacts:
    """State the facts of one kernel.

    Parameters
    ----------
    weights : ndarray
        Shape (kH, kW).

    Examples
    --------
    >>> facts = kernel_facts(kernel("sharpen"))
    >>> facts.sum, facts.lowest, facts.highest, facts.separable, facts.symmetric
    (1.0, -1020.0, 1275.0, False, True)
    """
    height, width = weights.shape
    floats = weights.astype(np.float64)
    relative = floats / (np.abs(floats).max() or 1.0)
    with np.errstate(over="ignore"):  # sums beyond every float are infinite
        return KernelFacts(
            size=(height, width),
            sum=float(weights.sum() if weights.dtype.kind in "iu" else floats.sum()),
            lowest=float(255 * np.minimum(floats, 0).sum()),
            highest=float(255 * np.maximum(floats, 0).sum()),
            separable=bool(np.linalg.matrix_rank(relative) == 1),
            symmetric=bool(np.allclose(relative, relative[::-1, ::-1], rtol=1e-12, atol=1e-15)),
        )


def labelled(kernels: Any) -> dict[str, Array]:
    """Read whatever `convolve` takes as kernels: each with the name of its feature map.

    A name or text, an array, a list of these, or a dict that names arrays. A 4-D filter
    bank stands alone.
    """
    if isinstance(kernels, str):
        return kernel_set(kernels)
    if isinstance(kernels, dict):
        result = {name: as_weights(weights) for name, weights in kernels.items()}
    elif is_list_of_kernels(kernels):
        result = {}
        for item in kernels:
            for name, weights in labelled(item).items():
                result[free_name(name, result)] = weights
    else:
        result = {"kernel": as_weights(kernels)}
    if not result:
        raise KernelError("no kernel is given; name one, such as sharpen")
    if len(result) > 1 and any(weights.ndim != 2 for weights in result.values()):
        raise KernelError("a filter bank stands alone; a list holds 2-D kernels")
    return result


def is_list_of_kernels(kernels: Any) -> bool:
    """Tell [[0, 1], [1, 0]] (one kernel's rows) from ["edge", [[1]]] (two kernels)."""
    if not isinstance(kernels, list | tuple):
        return False
    return not kernels or any(isinstance(item, str | dict) or _is_matrix(item) for item in kernels)


def _is_matrix(item: Any) -> bool:
    if isinstance(item, np.ndarray):
        return item.ndim == 2
    return isinstance(item, list | tuple) and any(
        isinstance(row, list | tuple) and not any(isinstance(each, list | tuple) for each in row)
        for row in item
    )
