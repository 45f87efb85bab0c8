"""Tables of numbers as spreadsheets and programs write them: read as they stand, or refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnnfilter.errors import ContentError, KernelError
from cnnfilter.files.numbers.kernels import read_kernel
from cnnfilter.files.numbers.matrices import read_matrix

TABLE = [[1, -2.5], [3, 4]]

SPELLINGS = {
    "commas": ("csv", "1,-2.5\n3,4\n"),
    "semicolons": ("csv", "1;-2.5\n3;4\n"),
    "tabs": ("tsv", "1\t-2.5\n3\t4\n"),
    "spaces": ("csv", "1   -2.5\n3    4\n"),
    "a named separator": ("csv", "sep=;\r\n1;-2.5\r\n3;4\r\n"),
    "a named bar": ("csv", '"sep=|"\n1|-2.5\n3|4\n'),
    "quotes": ("csv", '"1","-2.5"\n"3","4"\n'),
    "quotes and semicolons": ("csv", '"1";"-2.5"\n3;4\n'),
    "separators at the end": ("csv", "1,-2.5,\n3,4,\n"),
    "tabs at the end": ("tsv", "1\t-2.5\t\n3\t4\t\n"),
    "exponents": ("csv", "1e0,-25E-1\n+3,4.\n"),
    "a minus sign": ("csv", "1,\u22122.5\n3,4\n"),
    "full width": ("csv", "\uff11\uff0c-2.5\n3,4\n"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark", "utf-32"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_table_is_read_in_any_spelling(spelling: str, encoding: str) -> None:
    format, text = SPELLINGS[spelling]
    if encoding == "utf-16-be-mark":
        content = b"\xfe\xff" + text.encode("utf-16-be")
    else:
        content = text.encode(encoding)
    assert_array_equal(read_matrix(io.BytesIO(content), format, 99), TABLE)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_any_encoding(encoding: str) -> None:
    content = "[[1, -2.5], [3, 4]]".encode(encoding)
    assert_array_equal(read_matrix(io.BytesIO(content), "json", 99), TABLE)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1,5;2,5\n", r"line 1 holds 1,5, with a decimal comma; write 1\.5"),
        ("1,5\t2,5\n", r"line 1 holds 1,5, with a decimal comma; write 1\.5"),
        ("1,5 2,5\n", r"line 1 holds 1,5, with a decimal comma; write 1\.5"),
        ("1;2\n3;4,5\n", r"line 2 holds 4,5, with a decimal comma; write 4\.5"),
        ('"0,5","1,5"\n', r"line 1 holds 0,5, with a decimal comma; write 0\.5"),
        ("sep=;\n0,5;1\n", r"line 2 holds 0,5, with a decimal comma; write 0\.5"),
        ("1;1 234\n", "line 1 holds '1 234'.*thousands"),
        ('"1,234",2\n', "line 1 holds 1,234, with a decimal comma"),
        ('"1,234,567",2\n', "line 1 .*thousands"),
        ("1'234;2\n", "line 1 .*thousands"),
        ("1;2\n1.234,5;2\n", "line 2 .*thousands"),
        ("a,b\n1,2\n", "line 1, column 1 holds 'a', which is not a number; if it is a heading"),
        ("1,2\n3,x\n", "line 2, column 2 holds 'x', which is not a number"),
        ("1,2\n3,0x10\n", "line 2, column 2 holds '0x10'"),
        ("1,2\n3,1_0\n", "line 2, column 2 holds '1_0'"),
        ("1,2\n,4\n", "line 2, column 1 is empty"),
        ("1,,2\n", "line 1, column 2 is empty"),
        ("1\t\t2\n", "line 1, column 2 is empty"),
        (",0,1\n0,5,6\n", "line 1, column 1 is empty"),
        ("1,2\n3,,\n", "line 2, column 2 is empty"),
        ("1,2\n3\n", "line 2 has 1 number.*line 1 has 2"),
        ("1,2\n3,4,5\n", "line 2 has 3 number.*line 1 has 2"),
        ("sep=,\n1,2\n3\n", "line 3 has 1 number.*line 2 has 2"),
        ('"' + "1" * 200_000 + '",2\n', "not a table"),
        ("sep=1\n1,2\n", "line 1, column 1 holds 'sep=1'"),
        ("", "empty"),
        ("\n\n", "empty"),
    ],
)
def test_what_is_no_table_is_answered_with_what_to_type(text: str, answer: str) -> None:
    with pytest.raises(ContentError, match=answer):
        read_matrix(io.BytesIO(text.encode()), "csv", 99)


@pytest.mark.parametrize("content", [b"\xff\xfe1", b"1,\xff\n", b"1,2\n\xe9"])
@pytest.mark.parametrize("format", ["csv", "json"])
def test_what_is_no_text_is_refused(content: bytes, format: str) -> None:
    with pytest.raises(ContentError, match="save it as UTF-8"):
        read_matrix(io.BytesIO(content), format, 99)


def test_missing_values_and_infinities_have_words() -> None:
    read = read_matrix(io.BytesIO(b"nan,inf\n-inf,NaN\n"), "csv", 99)
    assert_array_equal(read, [[np.nan, np.inf], [-np.inf, np.nan]])


LARGE = [9007199254740993, 9223372036854775807]


@pytest.mark.parametrize("format", ["csv", "json"])
@pytest.mark.parametrize(
    ("rows", "dtype"),
    [
        ([LARGE, [0, -1]], np.int64),
        ([[0, -1], LARGE], np.int64),
        ([[-9223372036854775808, 1]], np.int64),
        ([[18446744073709551615, 1], [0, 3]], np.uint64),
    ],
)
def test_integers_are_exact_to_64_bits(
    rows: list[list[int]], dtype: type[np.generic], format: str
) -> None:
    text = str(rows) if format == "json" else "\n".join(",".join(map(str, row)) for row in rows)
    read = read_matrix(io.BytesIO(text.encode()), format, 99)
    assert read.tolist() == rows
    assert read.dtype == dtype


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("18446744073709551616,1\n", "csv"),
        ("-9223372036854775809,1\n", "csv"),
        ("18446744073709551615,1\n-1,0\n", "csv"),
        ("9007199254740993,0.5\n", "csv"),
        ("9007199254740993,1\n0.5,1\n", "csv"),
        ("9007199254740993,nan\n", "csv"),
        ("9" * 5000 + ",1\n", "csv"),
        ("9" * 5000 + ",0.5\n", "csv"),
        ("[[18446744073709551616]]", "json"),
        ("[[9007199254740993, 0.5]]", "json"),
        ("[[9007199254740993], [0.5]]", "json"),
        ("[9007199254740993, 0.5]", "json"),
        ("[[18446744073709551615, -1]]", "json"),
    ],
)
def test_integers_that_would_be_rounded_are_refused(text: str, format: str) -> None:
    with pytest.raises(ContentError, match=r"64 bits|rounded|JSON"):
        read_matrix(io.BytesIO(text.encode()), format, 99)


def test_large_integers_that_floats_hold_stand_beside_fractions() -> None:
    read = read_matrix(io.BytesIO(b"9007199254740994,0.5\n"), "csv", 99)
    assert read.tolist() == [[9007199254740994.0, 0.5]]


# The same rules for kernels


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("k.csv", "1;-2.5\n3;4\n"),
        ("k.csv", '"1","-2.5"\n"3","4"\n'),
        ("k.csv", "sep=;\n1;-2.5\n3;4\n"),
        ("k.csv", "\n1,-5/2\n3,4\n\n\n"),
        ("k.csv", "2;2;2;0\n2;-5\n6;8\n"),  # the header of libvips
        ("k.tsv", "1\t-2.5\t\n3\t4\t\n"),
        ("k.txt", "1 -2.5; 3 4\n"),
        ("k.txt", "1 -2.5\n3 4\n"),
        ("k.txt", "# mine\nk = [1 -2.5; 3 4]\n"),
        ("k.mat", "2 2 2 0\n2 -5\n6 8\n"),
        ("k.json", "[[1, -2.5], [3, 4]]"),
        ("mine", "float k[2][2] = {{1, -2.5f}, {3, 4}};"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_kernels_file_is_read_as_an_images(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding)
    assert_array_equal(read_kernel(path), TABLE)


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("k.csv", "0,5;1,5\n", r"k\.csv: line 1 holds 0,5, with a decimal comma; write 0\.5"),
        ("k.tsv", "0,5\t1,5\n", r"k\.tsv: line 1 holds 0,5, with a decimal comma; write 0\.5"),
        ("k.txt", "0,5 1,5\n", r"k\.txt: .*write 0\.5 1\.5"),
        ("k.csv", "1;2\n3;\n", "row 2 has 1"),
        ("k.csv", "1;2\n;3\n", "line 2, column 1 is empty"),
        ("k.csv", "1,2\n\n3,4\n", "line 2 is empty, and parts two channels"),
        ("k.csv", "x;y\n1;2\n", "line 1, column 1 holds 'x'.*heading"),
    ],
)
def test_a_kernels_file_is_refused_as_an_images(
    tmp_path: Path, name: str, text: str, answer: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(KernelError, match=answer):
        read_kernel(path)


def test_a_file_of_matlab_is_named(tmp_path: Path) -> None:
    path = tmp_path / "k.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64\x00\x01IM\xff\xfe")
    with pytest.raises(KernelError, match=r"k\.mat: is a MATLAB file; save .*\.npy"):
        read_kernel(path)
