"""Docstrings speak plain English: functions in the imperative, properties as noun phrases.

A property that is true or false begins with "Test whether".
"""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "cnnfilter"
#: Imperatives of ordinary English, which say what a function does.
VERBS = frozenset(
    """
    Add Apply Ask Buffer Build Call Check Choose Close Collect Combine Compare Complete Compute
    Connect Continue Convert Convolve Copy Correlate Count Crop Cut Decode Describe Discard
    Divide Draw Drop Encode End Enlarge Estimate Explain Fill Filter Find Flatten Follow Format
    Ignore Import Insert Iterate Join Keep Limit List Load Lock Look Make Measure Merge Move
    Multiply Name Normalize Open Order Pad Paint Parse Pass Pickle Plan Pool Prepare Print
    Process Put Raise Rank Read Record Rectify Reduce Refuse Remove Rename Render Repeat Replace
    Report Reshape Resize Restore Retry Return Round Run Save Scale See Send Separate Set
    Shorten Show Silence Skip Sort Split Start Stop Store Stretch Sync Take Trace Turn Update
    Validate Wait Work Write Yield
    """.split()  # noqa: SIM905 - a list would be as many lines
)
#: Verbs that a noun phrase does not begin with.
NOT_NOUNS = {
    "Return", "Get", "Give", "Tell", "Say", "Compute", "Make", "Read", "What", "How", "Whether",
}  # fmt: skip
DECORATORS = {"property", "cached_property"}


class Function(NamedTuple):
    """The first line of a function's docstring, and where it stands."""

    place: str
    line: str
    is_property: bool

    @property
    def word(self) -> str:
        return self.line.split()[0].rstrip(",.:;")


def documented() -> Iterator[Function]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                names = {
                    ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list
                }
                place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
                yield Function(place, text.splitlines()[0], bool(names & DECORATORS))


FUNCTIONS = list(documented())


def places(wrong: Iterator[Function]) -> str:
    return "\n".join(f"{function.place}: {function.line}" for function in wrong)


def test_a_functions_docstring_begins_with_an_imperative() -> None:
    functions = (function for function in FUNCTIONS if not function.is_property)
    assert not places(function for function in functions if function.word not in VERBS)


def test_a_propertys_docstring_is_a_noun_phrase() -> None:
    properties = (function for function in FUNCTIONS if function.is_property)
    assert not places(function for function in properties if function.word in NOT_NOUNS)


def test_a_docstrings_first_line_is_a_sentence() -> None:
    assert not places(function for function in FUNCTIONS if not function.line.endswith((".", "?")))


def test_first_lines_have_nine_words_on_average() -> None:
    assert statistics.mean(len(function.line.split()) for function in FUNCTIONS) <= 9


@pytest.mark.parametrize("word", ["Give", "Tell", "Say", "Let", "Whether", "How", "What", "One"])
def test_a_word_that_begins_no_instruction_is_no_verb(word: str) -> None:
    assert word not in VERBS
