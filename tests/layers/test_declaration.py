"""Functions of layers: their signatures, the names of their arguments, their errors."""

import inspect
from collections.abc import Callable
from typing import get_type_hints

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import cnnfilter
from cnnfilter import max_pool_with_indices, pool
from cnnfilter.arrays import Array

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
#: Functions of layers, with an input and the arguments that they need.
FUNCTIONS: dict[str, tuple[str, Array, dict[str, object]]] = {
    "convolve": ("image", PIXELS, {"kernel": "edge"}),
    "pool": ("image", PIXELS, {}),
    "gray": ("image", PIXELS, {}),
    "rgb": ("image", PIXELS, {}),
    "resize": ("image", PIXELS, {"size": 2}),
    "invert": ("image", PIXELS, {}),
    "scale": ("image", PIXELS, {}),
    "standardize": ("image", PIXELS, {"mean": 1, "std": 2}),
    "select_channels": ("image", PIXELS, {"channel": "red"}),
    "batch_norm": ("image", PIXELS, {"mean": 1, "variance": 2}),
    "flatten": ("image", PIXELS, {}),
    "dense": ("features", np.ones(2), {"weights": np.eye(2)}),
    "prelu": ("image", PIXELS, {"slope": 0.5}),
    "softmax": ("features", np.ones(2), {}),
}


@pytest.mark.parametrize("name", [*FUNCTIONS, "max_pool_with_indices"])
def test_annotations_resolve(name: str) -> None:
    function: Callable[..., Array] = getattr(cnnfilter, name)
    assert {*get_type_hints(function)} == {*inspect.signature(function).parameters, "return"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_input_may_be_named(name: str) -> None:
    function: Callable[..., Array] = getattr(cnnfilter, name)
    first, pixels, arguments = FUNCTIONS[name]
    named = function(**{first: pixels}, **arguments)
    assert_array_equal(named, function(pixels, **arguments), strict=True)
    assert_array_equal(named, function(pixels, *arguments.values()), strict=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_shows_the_input_and_the_result(name: str) -> None:
    function = getattr(cnnfilter, name)
    first, _, arguments = FUNCTIONS[name]
    signature = inspect.signature(function)
    assert signature.return_annotation == function.__annotations__["return"] == "Array"
    assert [*signature.parameters][: len(arguments) + 1] == [first, *arguments]
    assert function.__annotations__.keys() == {*signature.parameters, "return"}
    documented = inspect.cleandoc(function.__doc__).partition("Parameters\n----------\n")[2]
    assert documented.startswith(f"{first} : array_like\n    ")
    assert function.__doc__.count("(H, W, C)") <= 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f["convolve"](PIXELS), "convolve() missing a required argument: 'kernel'"),
        (lambda f: f["convolve"](), "convolve() missing a required argument: 'image'"),
        (lambda f: f["gray"](PIXELS, 1), "gray() got too many positional arguments"),
        (
            lambda f: f["pool"](PIXELS, 2, size=2),
            "pool() got multiple values for argument 'size'",
        ),
        (
            lambda f: f["dense"](image=PIXELS),
            "dense() missing a required argument: 'features'",
        ),
        (
            lambda f: f["pool"](PIXELS, return_indices=True),
            "pool() got an unexpected keyword argument 'return_indices'; max_pool_with_indices "
            "returns the indices",
        ),
    ],
)
def test_wrong_arguments_are_errors_of_the_public_function(
    call: Callable[[dict[str, Callable[..., Array]]], Array], message: str
) -> None:
    with pytest.raises(TypeError) as error:
        call({name: getattr(cnnfilter, name) for name in FUNCTIONS})
    assert str(error.value) == message


def test_indices_have_only_arguments_that_matter() -> None:
    arguments = inspect.signature(max_pool_with_indices).parameters.keys()
    assert inspect.signature(pool).parameters.keys() - arguments == {"count_include_pad", "p"}
