"""The page as text: what it holds, and that nothing in it breaks out."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from cnnfilter import Pipeline, Step, convolve
from cnnfilter.errors import ArgumentError
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.view.page.build import page

from ..types import Arguments


def _data(text: str) -> Arguments:
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return dict(json.loads(content))


def _array(stored: Arguments) -> np.ndarray:
    values = np.frombuffer(
        base64.b64decode(stored["data"]), np.dtype(stored["type"]).newbyteorder("<")
    )
    return values.reshape(stored["shape"])


class _Elements(HTMLParser):
    """Counts a page's elements, and gathers what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"]
)
def test_every_number_comes_back(dtype: str) -> None:
    values = np.random.default_rng(4).integers(0, 2, (4, 5)).astype(dtype) * 77
    if dtype.startswith("float"):
        values = (values / 7).astype(dtype)
    trace = ForwardPass.of(Pipeline("relu"), values)
    stored = _data(page(trace, title="x"))["maps"]
    for each, expected in zip(stored, trace.maps, strict=True):
        np.testing.assert_array_equal(_array(each["values"]), expected)


def test_names_do_no_harm() -> None:
    wicked = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028 & {{data}}.png"
    plain = page(ForwardPass.of(Pipeline("relu"), np.eye(3)), title="x")
    named = Pipeline([Step("relu", name=wicked)])
    text = page(ForwardPass.of(named, np.eye(3)), title=wicked, notes=[wicked])
    assert _Elements(text).found == _Elements(plain).found
    data = _data(text)
    assert data["title"] == data["notes"][0] == data["steps"][0]["title"] == wicked


def test_a_page_refers_to_nothing_but_itself() -> None:
    text = page(ForwardPass.of(Pipeline("convolve edge | pool 2"), np.eye(9)), title="x")
    assert all(link.startswith(("#", "data:")) for link in _Elements(text).links)
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)


def test_a_page_that_is_too_large_is_refused() -> None:
    image = np.zeros((3000, 3000))
    with pytest.raises(ArgumentError, match=r"the page would be .* MiB, .*--size"):
        page(ForwardPass.of(Pipeline("relu | relu"), image), title="x")


def test_numbers_that_are_none_are_held_too() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 1]], np.float32)
    data = _data(page(ForwardPass.of(Pipeline("relu"), values), title="x"))
    np.testing.assert_array_equal(_array(data["maps"][0]["values"]), values)


def test_the_step_and_value_that_were_asked_for_are_chosen() -> None:
    image = np.arange(36).reshape(6, 6)
    trace = ForwardPass.of(Pipeline("convolve edge | pool 2"), image)
    chosen = _data(page(trace, title="x", at=(1, 0)))["chosen"]
    assert (chosen["step"], chosen["row"], chosen["column"]) == (1, 1, 0)
    first = _data(page(trace, title="x", step=0, at=(3, 2)))["chosen"]
    assert (first["step"], first["row"], first["column"]) == (0, 3, 2)


def test_kernels_are_as_they_are_applied() -> None:
    steps = [Step("convolve", {"kernel": "sobel-x", "flip": True, "gain": 2, "bias": 3})]
    data = _data(page(ForwardPass.of(Pipeline(steps), np.eye(5)), title="x"))
    (kernel,) = data["steps"][0]["kernels"]
    expected = 2 * np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    np.testing.assert_array_equal(_array(kernel["weights"]), expected)
    result = _array(data["maps"][1]["values"])
    np.testing.assert_array_equal(result, convolve(np.eye(5), "sobel-x", flip=True, gain=2, bias=3))
