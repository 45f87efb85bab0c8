"""The page as people use it, in headless Chromium."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from cnnfilter import Pipeline, Step, convolve, kernel, pool, read_image
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.pipeline.explain import explained
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.view.page.build import page as page_text

from ..types import Arguments

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("there is no Chromium; install the package chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="there is no playwright")

SAMPLES = Path(__file__).parents[2] / "sample_images"
WORKED = Path(__file__).parents[1] / "data/worked-example"
SHARPENED = np.loadtxt(WORKED / "sharpen-14x14.csv", delimiter=",", dtype=int)
# What Chromium would otherwise ask the network for by itself.
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


class Open(Protocol):
    """Opens the page of a trace."""

    def __call__(
        self,
        trace: ForwardPass,
        title: str = "padlock",
        *,
        size: tuple[int, int] = (1280, 900),
        at: tuple[int, ...] | None = None,
        step: int | None = None,
        notes: Sequence[str] = (),
        **options: object,
    ) -> "Page": ...


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: "Browser", tmp_path: Path) -> Iterator[Open]:
    """Open the page of a trace; nothing may be complained of, or asked for."""
    complaints: list[str] = []
    contexts = []

    def open_page(
        trace: ForwardPass,
        title: str = "padlock",
        *,
        size: tuple[int, int] = (1280, 900),
        at: tuple[int, ...] | None = None,
        step: int | None = None,
        notes: Sequence[str] = (),
        **options: Any,
    ) -> "Page":
        path = tmp_path / "page.html"
        path.write_text(page_text(trace, title=title, at=at, step=step, notes=notes))
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(10_000)
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on(
            "request",
            lambda request: complaints.extend(
                [] if request.url == path.as_uri() else [request.url]
            ),
        )
        opened.goto(path.as_uri())
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def padlock() -> np.ndarray:
    return read_image(SAMPLES / "padlock-16x16.png")


def _hover(opened: "Page", canvas: str, row: int, column: int, shape: tuple[int, int]) -> None:
    """Point at the middle of a value's cell."""
    box = opened.locator(canvas).bounding_box()
    opened.mouse.move(
        box["x"] + (column + 0.5) * box["width"] / shape[1],
        box["y"] + (row + 0.5) * box["height"] / shape[0],
    )


def _numbers(text: str) -> list[int]:
    """Read a table's whole numbers."""
    words = text.replace("\N{MINUS SIGN}", "-").split()
    return [int(word) for word in words if word.lstrip("-").isdigit()]


def _result(opened: "Page", step: int) -> np.ndarray:
    result = opened.evaluate(f"window.cnnfilter.result({step})")
    return np.array(result["values"]).reshape(result["shape"])


def _edit(opened: "Page", weights: np.ndarray) -> None:
    """Type a kernel's numbers."""
    inputs = opened.locator("#kernel input")
    assert inputs.count() == weights.size
    for place, weight in enumerate(weights.ravel().tolist()):
        inputs.nth(place).fill(repr(weight))


def _sharpened(padlock: np.ndarray, **arguments: object) -> ForwardPass:
    return ForwardPass.of(Pipeline([Step("convolve", {"kernel": "sharpen", **arguments})]), padlock)


def test_hovering_shows_the_worked_examples_numbers(open_page: Open, padlock: np.ndarray) -> None:
    opened = open_page(_sharpened(padlock))
    for row, column in np.argwhere(SHARPENED == 394)[:3].tolist():
        _hover(opened, "#output", row, column, (14, 14))
        assert opened.locator("#made-title").inner_text() == f"Row {row}, column {column}: 394"
        patch = padlock[row : row + 3, column : column + 3].astype(int)
        tables = opened.locator("#made table").all_inner_texts()
        numbers = [_numbers(text) for text in tables]
        assert numbers[0] == patch.ravel().tolist()
        assert numbers[2] == (patch * kernel("sharpen")).ravel().astype(int).tolist()
        assert "394" in opened.locator("#made").inner_text()


def test_keys_choose_values_that_screen_readers_announce(
    open_page: Open, padlock: np.ndarray
) -> None:
    opened = open_page(_sharpened(padlock), at=(3, 5))
    opened.locator("#output").focus()
    for key, place in [
        ("ArrowRight", (3, 6)), ("ArrowDown", (4, 6)), ("ArrowLeft", (4, 5)), ("ArrowUp", (3, 5)),
        ("Home", (3, 0)), ("End", (3, 13)), ("ArrowRight", (3, 13)), ("PageDown", (6, 13)),
    ]:  # fmt: skip
        opened.keyboard.press(key)
        words = f"Row {place[0]}, column {place[1]}: {SHARPENED[place]}"
        title = opened.locator("#made-title").inner_text()
        assert title.replace("\N{MINUS SIGN}", "-") == words
    playwright.expect(opened.locator("#said")).to_contain_text("Row 6, column 13")


def test_a_page_can_be_used_by_keys_alone(open_page: Open, padlock: np.ndarray) -> None:
    trace = ForwardPass.of(Pipeline("convolve sharpen | relu | pool 2"), padlock)
    opened = open_page(trace)
    reached = set()
    for _ in range(40):
        opened.keyboard.press("Tab")
        reached.add(
            opened.evaluate("document.activeElement.id || document.activeElement.innerText")
        )
    assert "output" in reached
    assert any("relu" in str(each) for each in reached)
    opened.get_by_role("button", name="1 convolve").focus()
    opened.keyboard.press("Enter")
    assert opened.evaluate("window.cnnfilter.choice().step") == 0
    assert opened.locator("#kernel input").count() == 9


def test_a_tap_chooses(open_page: Open, padlock: np.ndarray) -> None:
    opened = open_page(_sharpened(padlock), has_touch=True, size=(390, 844))
    box = opened.locator("#output").bounding_box()
    opened.locator("#output").scroll_into_view_if_needed()
    box = opened.locator("#output").bounding_box()
    opened.touchscreen.tap(box["x"] + 6.5 * box["width"] / 14, box["y"] + 0.5 * box["height"] / 14)
    assert opened.locator("#made-title").inner_text() == "Row 0, column 6: 394"


@pytest.mark.parametrize("name", ["edge", "sobel-x", "emboss"])
def test_editing_the_kernel_recomputes(name: str, open_page: Open, padlock: np.ndarray) -> None:
    opened = open_page(_sharpened(padlock))
    _edit(opened, np.asarray(kernel(name)))
    np.testing.assert_array_equal(_result(opened, 0), convolve(padlock, name))
    assert opened.locator("#edited").is_visible()
    opened.locator("#reset").click()
    np.testing.assert_array_equal(_result(opened, 0), SHARPENED)
    assert not opened.locator("#edited").is_visible()


@pytest.mark.parametrize("steps", ["convolve sharpen", "convolve sharpen | flatten"])
def test_a_photographs_kernel_can_be_edited(steps: str, open_page: Open) -> None:
    image = read_image(SAMPLES / "coffee.png")[:256, :256]
    opened = open_page(ForwardPass.of(Pipeline(steps), image), step=0)
    opened.locator("#kernel input").first.fill("2")
    weights = np.array([[2, -1, 0], [-1, 5, -1], [0, -1, 0]])
    np.testing.assert_array_equal(_result(opened, 0), convolve(image, weights))
    assert opened.locator("#edited").is_visible()
    assert opened.locator("#classes").is_visible() == ("flatten" in steps)


def test_what_is_no_number_changes_nothing(open_page: Open, padlock: np.ndarray) -> None:
    opened = open_page(_sharpened(padlock))
    first = opened.locator("#kernel input").first
    first.fill("")
    assert first.get_attribute("aria-invalid") == "true"
    np.testing.assert_array_equal(_result(opened, 0), SHARPENED)
    first.fill("0")
    assert first.get_attribute("aria-invalid") == "false"


ARGUMENTS: list[Arguments] = [
    {"stride": (2, 3), "padding": "same"},
    {"dilation": 2, "padding": "same-lower", "border": "edge"},
    {"padding": 3, "border": "reflect"},
    {"padding": 2, "border": "symmetric", "bias": 5},
    {"padding": "full", "border": "wrap"},
    {"channels": "sum"},
    {"channels": "gray"},
    {"channels": "sum", "groups": 3, "gain": 2},
    {"kernel": ["sharpen", "sobel-x"], "bias": [1, 2]},
    {"kernel": ["sharpen", "sobel-x"], "combine": "l2"},
    {"kernel": ["sharpen", "sobel-x", "edge"], "combine": "max", "channels": "gray"},
    {"kernel": ["sharpen", "sobel-x"], "combine": "sum", "padding": 1},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_the_pages_arithmetic_is_pythons(arguments: Arguments, open_page: Open) -> None:
    image = np.random.default_rng(8).integers(0, 256, (9, 11, 3), np.uint8)
    opened = open_page(_sharpened(image, **arguments))
    edited = np.array([[1, -2, 3], [0, 4, -5], [2, 2, -7]])
    _edit(opened, edited)
    kernels = [edited, *map(kernel, arguments.get("kernel", [""])[1:])]
    others = {name: value for name, value in arguments.items() if name not in ("kernel", "gain")}
    expected = convolve(image, kernels if len(kernels) > 1 else edited, **others)
    found = _result(opened, 0)
    if arguments.get("combine") == "l2":
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


def test_floats_agree_as_far_as_float32_goes(open_page: Open) -> None:
    random = np.random.default_rng(9)
    image = random.normal(size=(8, 9)).astype(np.float32)
    opened = open_page(_sharpened(image))
    edited = random.normal(size=(3, 3)).round(4)
    _edit(opened, edited)
    np.testing.assert_allclose(_result(opened, 0), convolve(image, edited), rtol=1e-4, atol=1e-5)


def test_of_a_filter_bank_the_edited_filter_alone_changes(open_page: Open) -> None:
    random = np.random.default_rng(10)
    image = random.integers(0, 9, (6, 7, 2))
    bank = random.integers(-3, 4, (3, 3, 2, 3))
    trace = ForwardPass.of(Pipeline([Step("convolve", {"kernel": bank, "bias": [1, 2, 3]})]), image)
    opened = open_page(trace, at=(1, 1, 1))
    changed = bank.copy()
    changed[:, :, 0, 1] = np.arange(9).reshape(3, 3)
    _edit(opened, changed[:, :, 0, 1])
    np.testing.assert_array_equal(_result(opened, 0), convolve(image, changed, bias=[1, 2, 3]))


FOLLOWING = [
    "pool 2",
    "pool 3 stride=2 padding=1 mode=average",
    "pool 3 stride=2 padding=1 mode=average count_include_pad=yes",
    "pool 3 stride=2 mode=min ceil_mode=yes",
    "pool 2 mode=median",
    "pool 2 mode=sum dilation=2",
    "pool 2 mode=l2",
    "pool 2 mode=lp p=3",
    "relu",
    "leaky-relu 0.2",
    "elu",
    "clip 0 100",
    *(f"scale 0.01 | {name}" for name in ACTIVATIONS),
    "scale 0.01 | gelu approximate=tanh",
    "prelu 0.25",
    "standardize 100 50",
    "convolve box:3 padding=same | relu | pool 2",
    "scale minmax | invert",
    "batch-norm 100 400 scale=2 offset=1",
    "scale 0.001 | flatten hwc | softmax",
]


@pytest.mark.parametrize("following", FOLLOWING)
def test_steps_after_an_edited_kernel_follow(
    following: str, open_page: Open, padlock: np.ndarray
) -> None:
    steps = f"convolve sharpen | {following}"
    opened = open_page(ForwardPass.of(Pipeline(steps), padlock), step=0)
    _edit(opened, np.asarray(kernel("sobel-x")))
    expected = Pipeline(steps.replace("sharpen", "sobel-x")).run(padlock)
    number = len(Pipeline(steps).steps) - 1
    np.testing.assert_allclose(_result(opened, number), expected, rtol=2e-5, atol=2e-5)


def test_a_pipelines_value_is_traced_back_to_the_picture(
    open_page: Open, padlock: np.ndarray
) -> None:
    trace = ForwardPass.of(Pipeline("convolve sharpen | relu | pool 2"), padlock)
    opened = open_page(trace)
    for place in [(0, 0), (2, 4), (6, 6)]:
        _hover(opened, "#output", *place, (7, 7))
        told = explained(trace, place)
        assert told.seen[0] is not None
        top, bottom, left, right = told.seen[0]
        words = opened.locator("#seen").inner_text().replace("\N{EN DASH}", "-")
        assert f"sees rows {top}-{bottom}, columns {left}-{right} of the picture" in words
    fields = opened.evaluate("window.cnnfilter.fields()")
    assert [len(field["rows"]) for field in fields][:4] == [4, 2, 2, 1]


def test_a_networks_probabilities_are_pythons_and_one_step_alone_is_recomputed(
    open_page: Open,
) -> None:
    network = Pipeline.of("digits")
    trace = ForwardPass.of(network, read_image(SAMPLES / "digits/two.png"))
    opened = open_page(trace, step=0)
    first = opened.locator("#ranked li").first
    assert first.inner_text().split() == ["2", "99.9%"]
    titles = [
        float(each.get_attribute("title")) for each in opened.locator("#ranked .number").all()
    ]
    assert titles == [score for _, score in network.ranked(trace.maps[-1])]
    _edit(opened, np.zeros((3, 3)))
    changed = _result(opened, 0)
    assert not np.array_equal(changed[:, :, 0], trace.maps[1][:, :, 0])
    np.testing.assert_array_equal(changed[:, :, 1:], trace.maps[1][:, :, 1:])
    for number in range(1, len(network.steps)):
        np.testing.assert_array_equal(_result(opened, number), trace.maps[number + 1])
    assert "remain as Python" in opened.locator("#later").inner_text()


def test_every_map_of_a_network_can_be_looked_into(open_page: Open) -> None:
    trace = ForwardPass.of(Pipeline.of("digits"), read_image(SAMPLES / "digits/two.png"))
    opened = open_page(trace)
    buttons = opened.locator("#steps button")
    assert buttons.count() == len(trace.steps)
    for number, maps in enumerate(trace.maps[1:]):
        buttons.nth(number).click()
        np.testing.assert_array_equal(_result(opened, number), maps)
        chosen = opened.evaluate("window.cnnfilter.choice()")
        place = (
            (chosen["column"],)
            if maps.ndim == 1
            else (chosen["row"], chosen["column"], chosen["channel"])
        )
        assert chosen["value"] == pytest.approx(float(maps[place]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1280])
def test_no_width_scrolls_sideways(scheme: str, width: int, open_page: Open) -> None:
    trace = ForwardPass.of(Pipeline.of("digits"), read_image(SAMPLES / "digits/two.png"))
    opened = open_page(trace, size=(width, 844), color_scheme=scheme)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    background = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    numbers = [int(word) for word in background.strip("rgb()").split(",")[:3]]
    assert (max(numbers) < 80) == (scheme == "dark")


def test_wicked_names_are_only_text(open_page: Open, padlock: np.ndarray) -> None:
    wicked = "<script>alert(1)</script>.png"
    opened = open_page(_sharpened(padlock), title=wicked, notes=[wicked])
    assert opened.locator("h1").inner_text() == wicked
    assert opened.title() == wicked


def test_pooling_names_the_winner(open_page: Open, padlock: np.ndarray) -> None:
    opened = open_page(ForwardPass.of(Pipeline("pool 2"), padlock), at=(2, 4))
    window = padlock[4:6, 8:10]
    assert str(window.max()) in opened.locator("#made").inner_text()
    np.testing.assert_array_equal(_result(opened, 0), pool(padlock, 2))
