"""Matrices as text are written and read piece by piece, and mean what they do as a whole."""

import io
import json
import tracemalloc

import numpy as np
import pytest
from numpy.typing import ArrayLike

from cnnfilter.errors import NotFiniteError
from cnnfilter.files.numbers import matrices
from cnnfilter.files.numbers.matrices import matrix_text, read_matrix

RNG = np.random.default_rng(0)
TYPES = ["uint8", "uint16", "int64", "float16", "float32", "float64"]


def text_of(array: ArrayLike, format: str) -> str:
    """Give all of a matrix's text."""
    return "".join(matrix_text(array, format))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(7,), (1,), (3, 4), (3, 4, 2), (1, 1, 1), (350, 400)])
def test_json_is_the_text_of_the_nested_lists(shape: tuple[int, ...], dtype: str) -> None:
    whole = np.rint(RNG.random(shape) * 200).astype(dtype)
    assert text_of(whole, "json") == json.dumps(whole.astype(int).tolist()) + "\n"
    halves = whole / np.array(2, dtype)
    if not (halves == np.rint(halves)).all():
        assert text_of(halves, "json") == json.dumps(halves.tolist()) + "\n"


def test_one_fraction_in_the_last_band_makes_floats_of_all_rows() -> None:
    array = np.ones((700, 500))
    array[-1, -1] = 0.5
    assert text_of(array, "json") == json.dumps(array.tolist()) + "\n"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_json_has_no_number_for_is_refused_before_anything_is_written(value: float) -> None:
    array = np.zeros((700, 500))
    array[-1, -1] = value
    with pytest.raises(NotFiniteError, match="699,499"):
        next(matrix_text(array, "json"))


@pytest.mark.parametrize("format", ["json", "csv", "tsv"])
def test_writing_takes_little_next_to_the_matrix(format: str) -> None:
    array = RNG.random((300, 200), np.float32)
    sum(map(len, matrix_text(array[:2], format)))
    tracemalloc.start()
    try:
        sum(map(len, matrix_text(array, format)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * array.nbytes


JSON = [
    "[[1,2],[3,4]]", " [ [1 , 2.5] ,\n[3,4]\t] \n", "[[1],[1.5]]", "[[true],[false]]",
    "[[true],[1]]", "[[9223372036854775808],[1]]", "[[-1],[9223372036854775808]]", "[1, 2]",
    "[[1e400, NaN]]", "[[[1,2],[3,4]],[[5,6],[7,8]]]", "[[1, 2], [-0.0, 4e-300]]",
]  # fmt: skip


@pytest.mark.parametrize("text", JSON)
def test_json_is_read_as_numpy_reads_the_lists(text: str) -> None:
    read, whole = read_matrix(io.BytesIO(text.encode()), "json", 99), np.array(json.loads(text))
    assert (read.dtype, read.shape) == (whole.dtype, whole.shape)
    np.testing.assert_array_equal(read, whole)


TABLES = [
    "1,2\n3,4\n",
    "1 2\r\n3 4\r\n",
    "1\u20282\n",
    "1;2\n\n3;4\n",
    "\n\n1\n\n\n2\n\n",
    "1\r2\x0b3",
]


@pytest.mark.parametrize("piece", [1, 2, 3, 2**20])
@pytest.mark.parametrize("text", TABLES)
def test_lines_are_found_wherever_a_piece_of_the_text_ends(
    text: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "READ_BYTES", piece)
    file = io.BytesIO(b"\xef\xbb\xbf" + text.encode())
    assert list(matrices.text_lines(file)) == text.splitlines()


def test_reading_a_table_uses_a_fraction_of_the_memory_of_lists() -> None:
    text = "\n".join([",".join(["12.5"] * 500)] * 200).encode()
    tracemalloc.start()
    try:
        matrix = read_matrix(io.BytesIO(text), "csv", 10**6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert matrix.shape == (200, 500)
    assert peak < 3 * matrix.nbytes + 2**21
