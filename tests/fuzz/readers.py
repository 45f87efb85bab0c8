"""What is fuzzed: for each reader a way to make input for it, and a way to read it."""

import atexit
import io
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from inspect import Parameter
from pathlib import Path
from random import Random
from typing import Any

import mutations
import numpy as np
import seeds
from mutations import INTEGERS, NUMBERS, chosen, flipped, renumbered, reworded, spliced

from cnnfilter.errors import CnnFilterError

#: Pictures of more are not decoded: so are those small that claim to be large.
MOST_PIXELS = 2**16
#: Results of more values are not computed.
MOST_VALUES = 2**18

_MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made there
FOLDER = Path(tempfile.mkdtemp(dir=_MEMORY if os.path.isdir(_MEMORY) else None))  # noqa: PTH112
_OWNER = os.getpid()


@atexit.register
def _clear_away() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(FOLDER, ignore_errors=True)


class Refused(Exception):
    """What a command refused, in one line and with a status, as it should."""


@dataclass(frozen=True)
class Target:
    """Something that reads.

    Attributes
    ----------
    name, about : str
    make : callable
        Makes an input of randomness.
    run : callable
        Reads it; raises CnnFilterError, or `Refused`, or what is a failure.
    share : int
        How many of a thousand inputs it gets, about.
    text : callable, optional
        Makes an input of bytes, where a guided fuzzer is to make them.
    """

    name: str
    about: str
    make: Callable[[Random], Any]
    run: Callable[[Any], object]
    share: int
    text: Callable[[bytes], Any] | None = None
    is_shown: bool = False


def _written(name: str, content: bytes) -> Path:
    path = FOLDER / name
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123 - half the time
        file.write(content)
    return path


def _mutated(
    valid: Callable[[], list[bytes]], change: Callable[[bytes, Random], bytes]
) -> Callable[[Random], bytes]:
    def make(random: Random) -> bytes:
        data = random.choice(valid())
        match random.randrange(10):
            case 0:
                return spliced(data, random.choice(valid()), random)
            case 1 | 2:
                return flipped(data, random)
            case 3:
                return change(change(data, random), random)
            case _:
                return change(data, random)

    return make


# Pictures and matrices


def _read_image(suffix: str, again: str, data: bytes) -> None:
    """Read a file in all ways, hold them against each other, and write what was read."""
    from cnnfilter.files.load import read, read_frames, read_head

    path = _written(f"input{suffix}", data)
    problems: list[CnnFilterError] = []

    def attempt(way: Callable[[], Any]) -> Any:
        try:
            return way()
        except CnnFilterError as error:
            problems.append(error)
            return None

    head = attempt(lambda: read_head(path, MOST_PIXELS))
    image = attempt(lambda: read(path, MOST_PIXELS))
    frames = attempt(lambda: list(read_frames(path, MOST_PIXELS)))
    if image is not None:
        assert image.pixels.ndim in (2, 3), image.pixels.shape
        assert image.pixels.dtype.kind in "biuf", image.pixels.dtype
        assert image.pixels.shape[0] * image.pixels.shape[1] <= MOST_PIXELS, image.pixels.shape
        assert image.alpha is None or image.alpha.shape == image.pixels.shape[:2]
        assert head is not None, f"read, though its head is refused: {problems[0]}"
        assert head.pixels.shape == image.pixels.shape, "head and image differ in shape"
        assert head.pixels.dtype == image.pixels.dtype, "head and image differ in type"
        assert (head.alpha is None) == (image.alpha is None), "head and image differ in alpha"
    if frames:
        assert image is not None, f"frames are read, though the first is refused: {problems[0]}"
        assert len(frames) == image.frames
        if len(data) % 4 == 0:  # writing takes longer than reading
            attempt(lambda: _write_again(frames, image, again))
    if problems:
        raise problems[-1]


def _write_again(frames: list[Any], image: Any, format: str) -> None:
    from cnnfilter.files.formats import FORMATS
    from cnnfilter.files.save import Frame, write

    path = FOLDER / f"output{FORMATS[format].suffixes[0]}"
    try:
        several = [Frame(each.pixels, each.alpha, each.metadata.get("duration")) for each in frames]
        kept = several if FORMATS[format].frames else several[:1]
        depth = image.depth if FORMATS[format].is_picture else 8
        write(path, kept, format, metadata=image.metadata, depth=depth)
    finally:
        path.unlink(missing_ok=True)
        left = [each for each in os.listdir(FOLDER) if each.startswith((".output", "output"))]  # noqa: PTH208
        assert not left, left


def _picture(name: str, suffix: str, change: Any, share: int, again: str) -> Target:
    return Target(
        name,
        f"pictures: {suffix}, read whole, by head and by frames, and written again",
        _mutated(partial(seeds.pictures, name), change),
        partial(_read_image, suffix, again),
        share,
        bytes,
    )


@cache
def _npys() -> list[bytes]:
    return [seeds.npy_of(each) for each in seeds.arrays()]


@cache
def _npzs() -> list[bytes]:
    alone = [seeds.npz_of(array=each) for each in seeds.arrays()]
    return [*alone, seeds.npz_of(one=np.ones((2, 2)), two=np.ones((2, 2)))]


def _text_bytes(texts: tuple[str, ...]) -> Callable[[Random], bytes]:
    def make(random: Random) -> bytes:
        text = reworded(random.choice(texts), random)
        return text.encode("utf-8", "surrogateescape" if random.randrange(9) else "surrogatepass")

    def safe(random: Random) -> bytes:
        try:
            return make(random)
        except UnicodeEncodeError:
            return b"1,\xff\n"

    return safe


def _matrix(name: str, make: Callable[[Random], bytes], share: int) -> Target:
    run = partial(_read_image, f".{name}", name)
    return Target(name, f"matrices: .{name}", make, run, share, bytes)


# Kernels


def _kernel_text(random: Random) -> str:
    match random.randrange(4):
        case 0:
            return _named_kernel(random)
        case 1:
            rows = random.randrange(1, 4)
            separators = (" ", ",", ", ", "; ", ";", "\n", "\t")
            return random.choice(separators).join(
                random.choice((" ", ",", "  ")).join(chosen(NUMBERS, random, 4)) for _ in range(rows)
            )
        case 2:
            return renumbered(random.choice(seeds.KERNELS), random)
        case _:
            return reworded(random.choice(seeds.KERNELS), random)


def _named_kernel(random: Random) -> str:
    from cnnfilter.core.catalogue import KERNELS

    name = random.choice([*KERNELS, "nonsense"])
    values = chosen((*NUMBERS, "auto", "3", "5", "9", "1.4", "3x5", "45"), random, 6)
    return f"{name}:{','.join(values)}" if random.randrange(20) else f"{name}{':'.join(values)}"


def _read_kernel_text(text: str) -> None:
    from cnnfilter.core.kernels import kernel_facts, kernel_set, parse_kernel

    for weights in kernel_set(text).values():
        assert np.isfinite(weights).all()
        if weights.size <= 4096:
            facts = kernel_facts(weights)
            assert np.isfinite([facts.sum, facts.lowest, facts.highest]).all(), facts
        if weights.size <= 64:
            again = parse_kernel("; ".join(" ".join(map(repr, row)) for row in weights.tolist()))
            assert np.array_equal(weights, again), "the text of a kernel reads as another"


def _kernel_file(random: Random) -> tuple[str, bytes]:
    suffix = random.choice((".npy", ".npz", ".safetensors", ".json", ".csv", ".txt", ".mat", ".con"))
    if suffix == ".npy":
        return suffix, mutations.npy(random.choice(_npys()), random)
    if suffix in (".npz", ".safetensors"):
        return suffix, _weights_file(suffix, random)
    texts = seeds.NESTED if suffix == ".json" else seeds.KERNELS
    return suffix, _text_bytes(texts)(random)


def _read_kernel_file(given: tuple[str, bytes]) -> None:
    from cnnfilter.files.kernels import read_kernel

    suffix, data = given
    weights = read_kernel(_written(f"kernel{suffix}", data))
    assert weights.ndim in (2, 4)
    assert np.isfinite(weights).all()


# Weights


@cache
def _tensors(suffix: str) -> bytes:
    tensors = seeds.weights()
    return seeds.npz_of(**tensors) if suffix == ".npz" else seeds.safetensors_of(tensors)


def _weights_file(suffix: str, random: Random) -> bytes:
    if suffix == ".npy":
        return mutations.npy(random.choice(_npys()), random)
    if suffix == ".npz":
        return mutations.archive(_tensors(suffix), random, mutations.npy)
    return mutations.safetensors(_tensors(suffix), random)


def _weights(random: Random) -> tuple[str, bytes, str]:
    suffix = random.choice((".npy", ".npz", ".safetensors", ".safetensors"))
    name = random.choice([*seeds.weights(), "weights", "nonsense", ""])
    return suffix, _weights_file(suffix, random), name


def _read_weights(given: tuple[str, bytes, str]) -> None:
    from cnnfilter.files.weights import read_tensor, read_tensors

    suffix, data, name = given
    path = _written(f"weights{suffix}", data)
    problem = None
    try:
        one = read_tensor(path, name)
        assert isinstance(one, np.ndarray)
    except CnnFilterError as error:
        problem = error
    for tensor in read_tensors(path).values():
        assert isinstance(tensor, np.ndarray)
    if problem is not None:
        raise problem


# Pipelines

_STEPS = (
    "convolve sharpen", "convolve '0 -1 0; -1 5 -1; 0 -1 0' padding=same", "convolve sobel-x sobel-y",
    "convolve gaussian:5,1.2 stride=2 border=reflect", "convolve '1 2 1' dilation=2 flip=true bias=1",
    "pool 2", "pool 3 stride=1 mode=average padding=1 count_include_pad=true", "pool global mode=l2",
    "pool 2x3 mode=lp p=3 ceil_mode=yes", "batch-norm mean=0 variance=1 scale=2 offset=1", "flatten",
    "flatten order=hwc", "dense '1 2; 3 4'", "softmax", "gray", "rgb", "select red", "select 0 2",
    "select h space=hsv", "resize 4", "resize 4x6 method=nearest", "invert", "scale", "scale factor=2",
    "scale 1/255 offset=-0.5", "standardize mean=0.5 std=0.25", "relu", "leaky-relu 0.1", "prelu 0.2",
    "elu", "elu alpha=2", "gelu", "gelu approximate=tanh", "sigmoid", "tanh", "softplus", "clip 0 1",
)  # fmt: skip


def _words(operation: str, random: Random) -> Iterator[str]:
    """Write some of an operation's arguments, with odd values."""
    values = (*NUMBERS, "same", "valid", "full", "same-lower", "global", "max", "average", "reflect",
              "wrap", "sharpen", "sobel", "gaussian:5", "2x2", "1,1", "1,2,3,4", "1 2; 3 4", "0;1",
              "a.npy", "w.npz:x", "hsv", "lab", "red", "nearest")  # fmt: skip
    for name, default in _parameters(operation).items():
        if default is Parameter.empty or random.randrange(3) == 0:
            value = random.choice(values)
            quoted = f"'{value}'" if random.randrange(2) else value
            yield f"{name}={quoted}" if random.randrange(2) else quoted


@cache
def _parameters(operation: str) -> dict[str, Any]:
    from cnnfilter.pipeline.steps import parameters_of

    return parameters_of(operation)


def _operations() -> list[str]:
    from cnnfilter.pipeline.operations import OPERATIONS

    return [*OPERATIONS]


def _pipeline_text(random: Random) -> str:
    steps = []
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        if random.randrange(2):
            steps.append(random.choice(_STEPS))
        else:
            operation = random.choice(_operations())
            steps.append(" ".join((operation, *_words(operation, random))))
    text = " | ".join(steps)
    return text if random.randrange(3) == 0 else reworded(text, random)


def _read_pipeline(text: str) -> None:
    from cnnfilter import Pipeline

    pipeline = Pipeline.of(text)
    written = str(pipeline)
    try:
        again = str(Pipeline(written))
    except CnnFilterError as error:
        raise AssertionError(f"{written!r} is what {text!r} is written as: {error}") from None
    assert again == written, (text, written, again)
    _run_pipeline(pipeline)


@cache
def _small_image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def _run_pipeline(pipeline: Any) -> None:
    """Run a pipeline where its results are small, and hold its summary against them."""
    image = _small_image()
    prepared = image
    for _, blank in pipeline.preparation_outlined(image):
        if blank.size > MOST_VALUES:
            return
    prepared = pipeline.prepare(image)
    told = pipeline.summary(prepared.shape)
    if max(int(np.prod([int(n) for n in each.shape], dtype=object)) for each in told) > MOST_VALUES:
        return
    if sum(each.multiply_adds for each in told) > 100 * MOST_VALUES:
        return
    results = [result for _, result in pipeline.results(prepared)]
    assert [each.shape for each in results] == [each.shape for each in told], "summary and results"


def _step(random: Random) -> tuple[str, dict[str, Any]]:
    operation = random.choice(_operations())
    arguments: dict[str, Any] = {}
    for name, default in _parameters(operation).items():
        if default is Parameter.empty or random.randrange(3) == 0:
            arguments[name] = _value(random)
    if random.randrange(30) == 0:
        arguments[random.choice(("x", "", "image", "kernel", "Size"))] = 1
    return operation, arguments


def _value(random: Random, depth: int = 0) -> Any:
    """Make a value as TOML may hold it."""
    match random.randrange(9 if depth < 3 else 6):
        case 0:
            return random.choice(NUMBERS)
        case 1:
            return random.choice(INTEGERS) * random.choice((1, 1, -1))
        case 2:
            return random.choice((0.0, -0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"), 2.0))
        case 3:
            return random.choice((True, False, "same", "sharpen", "max", "reflect", "gaussian:5", "1 2"))
        case 4:
            return random.choice((1, 2, 3))
        case 5:
            return random.choice((10**400, "weights.npz:conv.weight", "weights.npz", "", "a.npy"))
        case 6:
            return {random.choice(("a", "kernel")): _value(random, depth + 1)}
        case _:
            return [_value(random, depth + 1) for _ in range(random.randrange(4))]


def _read_step(given: tuple[str, dict[str, Any]]) -> None:
    from cnnfilter import Pipeline, Step

    operation, arguments = given
    step = Step(operation, arguments, FOLDER)
    str(step)
    step.described()
    _run_pipeline(Pipeline([step]))


# Network files


def _toml_value(random: Random) -> str:
    if random.randrange(4) == 0:
        return random.choice(
            ("1979-05-27", "07:32:00", "0x1F", "0b1", "1_000", "nan", "-inf", "1e400", '"""a\nb"""',
             "'a'", '"\\u0000"', '"\\u001b[31m"', "{}", "{a = 1}", "[[]]", "[[], [1]]",
             "9" * 40, '"' + "9" * 4400 + '"', "9" * 4400, '"weights.npz"', '"weights.npz:scalar"',
             '"weights.safetensors:bn.bias"', '"../weights.npz"', '"/dev/zero"', '"."', '"net.toml"',
             '"weights.npz:kernel"', '"none.npz:a"', '["weights.npz:kernel", "sharpen"]')
        )  # fmt: skip
    return _as_toml(_value(random))


def _as_toml(value: Any) -> str:
    import json

    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key} = {_as_toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_as_toml, value)) + "]"
        case str():
            return json.dumps(value)
        case _:
            return str(value)


def _toml(random: Random) -> bytes:
    lines = random.choice((seeds.NETWORK, seeds.CHAIN, seeds.CHAIN)).splitlines()
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(lines))
        match random.randrange(8):
            case 0:
                lines.insert(random.randrange(len(lines)), lines[at])
            case 1:
                del lines[at]
            case 2:
                lines[at] = reworded(lines[at], random)
            case 3:
                operation = random.choice(_operations())
                name = random.choice([*_parameters(operation), "name", "operation"])
                lines.insert(at, f"{name} = {_toml_value(random)}")
            case 4 if "operation" in lines[at]:
                lines[at] = f'operation = "{random.choice(_operations())}"'
            case _ if " = " in lines[at]:
                lines[at] = f"{lines[at].partition(' = ')[0]} = {_toml_value(random)}"
    return "\n".join(lines).encode("utf-8", "replace")


@cache
def _put_weights() -> None:
    _written("weights.npz", _tensors(".npz"))
    _written("weights.safetensors", _tensors(".safetensors"))


def _read_toml(data: bytes) -> None:
    from cnnfilter import Pipeline

    _put_weights()
    _run_pipeline(Pipeline.from_file(_written("net.toml", data)))


def _toml_and_weights(random: Random) -> tuple[bytes, str, bytes]:
    toml = seeds.NETWORK.encode() if random.randrange(2) else _toml(random)
    suffix = random.choice((".npz", ".safetensors"))
    return toml, suffix, _weights_file(suffix, random)


def _read_toml_and_weights(given: tuple[bytes, str, bytes]) -> None:
    toml, suffix, data = given
    _put_weights()
    _written(f"weights{suffix}", data)
    try:
        _read_toml(toml)
    finally:
        _put_weights.cache_clear()


@cache
def _models() -> list[Any]:
    import models

    return models.models()


def _model(random: Random) -> bytes:
    import models

    return models.changed(random.choice(_models()), random)


def _read_model(data: bytes) -> None:
    from cnnfilter import Pipeline

    _run_pipeline(Pipeline.from_file(_written("model.onnx", data)))


# Names


def _names(random: Random) -> tuple[bytes, bool]:
    names = ("a.png", "photos/a b.jpg", "-", "*.png", "photos/*", "[a-z].png", "x?.png", "é.tif", "~",
             "photos", "input.png", "a\\b", "..", ".", "", " ", "[", "**", "a" * 300, "\x1b[31m")  # fmt: skip
    separator = random.choice(("\n", "\n", "\r\n", "\0", "\n\n"))
    text = separator.join(chosen(names, random, 6))
    data = text.encode()
    if random.randrange(2):
        data = flipped(data, random)
    return data, bool(random.randrange(3) == 0)


def _read_names(given: tuple[bytes, bool]) -> None:
    from cnnfilter.batch.sources import Search, find_sources, listed_names

    data, null_separated = given
    names = listed_names(str(_written("names", data)), null_separated=null_separated)
    # Names from the root could lead anywhere.
    near = [name.lstrip("/") for name in names if ".." not in name]
    found = find_sources(near, Search(recursive=True))
    for source in found.sources:
        assert source.path


def _template(random: Random) -> tuple[str, str, str]:
    templates = (
        "out/{parent}/{stem}-{kernel}.png", "{stem}", "{result}.npy", "{{x}}/{stem}.jpg", "out/",
        "{stem}{parent}", "{0}", "{stem!r}", "{stem:>10}", "{stem.x}", "{stem[0]}", "{}", "{{", "}",
    )  # fmt: skip
    sources = ("photos/a b.PNG", "-", "a.tar.gz", ".hidden", "a", "x/.png", "é{stem}.tif", "..")
    results = ("sharpen", "gaussian:5,1.2", "a/b", "0 1; 1 0", "", "\x1b[2J", "..", "{stem}")
    texts = [random.choice(each) for each in (templates, sources, results)]
    at = random.randrange(3)
    texts[at] = reworded(texts[at], random)
    return texts[0], texts[1], texts[2]


def _read_template(given: tuple[str, str, str]) -> None:
    from cnnfilter.batch.naming import Template, named_after, readable
    from cnnfilter.batch.sources import Source
    from cnnfilter.files.formats import format_named, format_of

    text, path, result = given
    source = Source(path, random_below(path))
    readable(result)
    named_after(source, result, None, None)
    for way in (partial(format_of, path), partial(format_named, result)):
        with suppress(CnnFilterError):
            way()
    template = Template(text)
    assert isinstance(template.names_results, bool)
    assert template.root is not None
    template.path(source, readable(result), ".png")


def random_below(path: str) -> str | None:
    """Choose, by the path itself, where it lies below a folder."""
    return (None, "", "may/june")[len(path) % 3]


@cache
def _ledger_lines() -> list[bytes]:
    from cnnfilter.batch.ledger import LEDGER, Ledger, stamp_of

    image, output = _written("input.png", b"x"), _written("made.png", b"y")
    ledger = Ledger("convolve sharpen", FOLDER)
    (FOLDER / LEDGER).unlink(missing_ok=True)
    stamp = stamp_of(image)
    assert stamp is not None
    for _ in range(3):
        ledger.remember(str(image), stamp, [str(output)])
    return (FOLDER / LEDGER).read_bytes().splitlines(keepends=True)


def _ledger(random: Random) -> bytes:
    lines = [random.choice(_ledger_lines()) for _ in range(random.randrange(4))]
    at = random.randrange(len(lines) + 1)
    odd = (
        b"{}\n", b"[]\n", b"1\n", b"null\n", b'"x"\n', b"\n", b"\xff\xfe\n", b"{\n", b"[" * 5000 + b"\n",
        b'{"input": 1}\n', b"\0" * 100, b"9" * 5000 + b"\n", b"NaN\n",
    )  # fmt: skip
    if random.randrange(3) == 0:
        lines.insert(at, random.choice(odd))
    values = (b'"a"', b"1", b"null", b"[]", b"{}", b'"\\u0000"', b'"\\ud800"', b"1e999", b"9" * 30,
              b'[1, 2]', b'{"x": [1]}', b'{"": null}', b'{"\\u0000": [1, 2]}', b'"' + b"a" * 300 + b'"',
              b"9" * 4400)  # fmt: skip
    keys = (b'"input": ', b'"size": ', b'"time": ', b'"steps": ', b'"outputs": ')
    data = b"".join(lines)
    key = random.choice(keys)
    if random.randrange(2) and key in data:
        before, _, after = data.partition(key)
        ends = {b'"outputs": ': after.find(b"}}") + 1}.get(key, after.find(b","))
        data = before + key + random.choice(values) + after[ends:]
    return flipped(data, random) if random.randrange(3) == 0 else data


def _read_ledger(data: bytes) -> None:
    from cnnfilter.batch.ledger import LEDGER, Ledger

    _written(LEDGER, data)
    ledger = Ledger("convolve sharpen", FOLDER)
    done, made = ledger.remembered([str(FOLDER / "input.png")])
    assert len(done) <= 1
    assert len(made) >= 0
    ledger.outputs()


# Values of the command line


def _argument(random: Random) -> tuple[str, Any]:
    name = random.choice((*_ARGUMENTS,))
    if random.randrange(3):
        parts = chosen(NUMBERS, random, 4)
        text = random.choice((",", "x", " ", ", ", ";", "x,")).join(parts)
        return name, text if random.randrange(3) else reworded(text, random)
    return name, _value(random)


def _text_place(value: Any) -> object:
    from cnnfilter.cli.explain import _place

    return _place(value if isinstance(value, str) else str(value))


def _shape_of_text(value: Any) -> object:
    from cnnfilter.core.arguments import wholes

    return wholes("shape", value)


def _reading(function: str) -> Callable[[Any], object]:
    def read(value: Any) -> object:
        from cnnfilter.core import arguments

        return getattr(arguments, function)("value", value)

    return read


def _numbers_of(value: Any) -> object:
    from cnnfilter.core.arrays import as_numbers

    found = as_numbers("value", value)
    assert np.isfinite(found).all()
    return found


def _window_of(value: Any) -> object:
    from cnnfilter.core.geometry import Window

    return Window.of(value, value, value, value)


def _channels_of(value: Any) -> object:
    from cnnfilter import select_channels

    return select_channels(_small_image(), value)


_ARGUMENTS: dict[str, Callable[[Any], object]] = {
    "number": _reading("number"), "whole": _reading("whole"), "wholes": _reading("wholes"),
    "pair": _reading("pair"), "flag": _reading("flag"), "at": _text_place, "shape": _shape_of_text,
    "numbers": _numbers_of, "window": _window_of, "channels": _channels_of,
}  # fmt: skip


def _read_argument(given: tuple[str, Any]) -> None:
    name, value = given
    _ARGUMENTS[name](value)


_COMMANDS = (
    ("convolve", "-k", "sharpen", "input.png", "--print"), ("pool", "2", "input.png", "--print"),
    ("pipeline", "convolve edge | relu", "input.png", "--print"), ("kernels", "gaussian:5,1.2"),
    ("pipeline", "pool 2", "--summary", "--shape", "8x8x3"), ("explain", "pool 2", "input.png"),
    ("split-channels", "input.png", "--print"), ("convolve", "-k", "1 2 1", "input.png", "-o", "o.png"),
    ("pipeline", "digits", "--summary"), ("networks", "digits"), ("pipeline", "net.toml", "input.png"),
)  # fmt: skip
_OPTIONS = (
    "--at", "--shape", "--step", "--stride", "--padding", "--dilation", "--bias", "--border", "--range",
    "--depth", "--format", "--frame", "--max-pixels", "--top", "--quality", "--compression", "--groups",
    "--mode", "--channels", "--delay", "--jobs", "--print", "--dry-run", "--full", "--quiet", "--dtype",
    "--flip", "-p", "--space", "--nonsense",
)  # fmt: skip


def _command(random: Random) -> list[str]:
    words = list(random.choice(_COMMANDS))
    values = (*NUMBERS, "3,5", "1x1", "8x8x3", "same", "reflect", "npy", "json", "csv", "minmax", "red")
    for _ in range(random.choice((1, 1, 2, 3))):
        match random.randrange(4):
            case 0:
                at = random.randrange(len(words))
                words[at] = reworded(words[at], random)
            case 1:
                words[random.randrange(len(words))] = random.choice(values)
            case _:
                words += [random.choice(_OPTIONS), random.choice(values)]
    return [word.replace("\0", "").replace("/", "_") for word in words]


def _run_command(words: list[str]) -> None:
    """Run the command in this process: a status of 0, or one line and another status."""
    from cnnfilter.cli import main

    _put_weights()
    if not (FOLDER / "input.png").exists() or (FOLDER / "input.png").stat().st_size < 50:
        _written("input.png", seeds.pictures("png")[0])
        _written("net.toml", seeds.CHAIN.encode())
    before = set(os.listdir(FOLDER))  # noqa: PTH208
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    old, sys.argv = sys.argv, ["cnnfilter", *words]
    handler = signal.getsignal(signal.SIGTERM)
    status: Any = None
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        os.chdir(FOLDER)
        try:
            main()
        except SystemExit as error:
            status = error.code
        finally:
            sys.argv = old
            signal.signal(signal.SIGTERM, handler)
            for name in set(os.listdir(FOLDER)) - before:  # noqa: PTH208
                path = FOLDER / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    err.seek(0)
    told = err.read()
    assert status in (0, 1, 2), (status, told)
    for line in told.splitlines():
        assert line.startswith("cnnfilter: "), told
        assert line.isprintable(), told
    if status:
        raise Refused(told or "help")


# What the harness itself is tried with: each must be found.


def _leak(_: bytes) -> None:
    bytearray(2**31)


def _plant(name: str, run: Callable[[Any], object]) -> Target:
    return Target(name, "a planted failure", lambda random: random.randbytes(4), run, 1)


PLANTED = {
    each.name: each
    for each in (
        _plant("planted-error", lambda given: 1 / (len(given) - 4)),
        _plant("planted-crash", lambda given: os.kill(os.getpid(), signal.SIGSEGV)),
        _plant("planted-loop", lambda given: [None for _ in iter(int, 1)]),
        _plant("planted-sleep", lambda given: time.sleep(3600)),
        _plant("planted-memory", _leak),
        _plant("planted-output", lambda given: os.write(2, b"a library's own words\n")),
        _plant("planted-warning", lambda given: warnings.warn("beware of 7", stacklevel=1)),
    )
}


def _targets() -> Iterator[Target]:
    text = partial(bytes.decode, encoding="utf-8", errors="surrogateescape")
    yield _picture("png", ".png", mutations.png, 16, "png")
    yield _picture("jpeg", ".jpg", mutations.jpeg, 16, "jpeg")
    yield _picture("tif-pillow", ".tif", mutations.tiff, 12, "tif")
    yield _picture("tif-tifffile", ".tif", mutations.tiff, 12, "float")
    yield _picture("webp", ".webp", mutations.boxes, 12, "webp")
    yield _picture("bmp", ".bmp", flipped, 14, "bmp")
    yield _picture("gif", ".gif", flipped, 12, "gif")
    yield _picture("ppm", ".ppm", flipped, 16, "ppm")
    yield _picture("jp2", ".jp2", mutations.boxes, 8, "jp2")
    yield _picture("avif", ".avif", mutations.boxes, 4, "png")
    yield _matrix("npy", _mutated(_npys, mutations.npy), 40)
    yield _matrix("npz", _mutated(_npzs, partial(mutations.archive, change=mutations.npy)), 10)
    yield _matrix("csv", _text_bytes(seeds.TABLES), 50)
    yield _matrix("tsv", _text_bytes(seeds.TABLES), 20)
    yield _matrix("json", _text_bytes(seeds.NESTED), 50)
    yield Target("kernel-text", "kernels: text and names with parameters", _kernel_text,
                 _read_kernel_text, 150, text)  # fmt: skip
    yield Target("kernel-file", "kernels: files", _kernel_file, _read_kernel_file, 40)
    yield Target("weights", "weights: .npy, .npz, .safetensors", _weights, _read_weights, 20)
    yield Target("pipeline-text", "pipelines: text, written and read again, and run",
                 _pipeline_text, _read_pipeline, 40, text)  # fmt: skip
    yield Target("step", "pipelines: a step of values as TOML holds them", _step, _read_step, 60)
    yield Target("toml", "networks: TOML with its weights", _toml, _read_toml, 15, bytes)
    yield Target("toml-weights", "networks: TOML, and weights that are changed", _toml_and_weights,
                 _read_toml_and_weights, 10)  # fmt: skip
    if find_spec("onnx") is not None:
        yield Target("onnx", "networks: ONNX", _model, _read_model, 15, bytes)
    yield Target("names", "lists of names, and what they mean", _names, _read_names, 80)
    yield Target("template", "names of results, and formats by name", _template, _read_template, 100)
    yield Target("ledger", "the ledger of an output folder", _ledger, _read_ledger, 60, bytes)
    yield Target("argument", "numbers, sizes, places, shapes and channels as arguments", _argument,
                 _read_argument, 250)  # fmt: skip
    yield Target("command", "whole commands with odd values", _command, _run_command, 3)


TARGETS = {target.name: target for target in _targets()}
