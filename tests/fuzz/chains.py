"""Kernels, weights, pipelines, and networks in TOML and ONNX."""

import json
from collections.abc import Iterator
from functools import cache, partial
from importlib.util import find_spec
from inspect import Parameter
from random import Random
from typing import Any

import mutations
import numpy as np
import seeds
from common import FOLDER, MOST_VALUES, Target, text_bytes, written
from mutations import INTEGERS, NUMBERS, chosen, renumbered, reworded
from pictures import npys

from cnnfilter.errors import CnnFilterError


def _kernel_text(random: Random) -> str:
    match random.randrange(4):
        case 0:
            return _named_kernel(random)
        case 1:
            rows = random.randrange(1, 4)
            separators = (" ", ",", ", ", "; ", ";", "\n", "\t")
            return random.choice(separators).join(
                random.choice((" ", ",", "  ")).join(chosen(NUMBERS, random, 4))
                for _ in range(rows)
            )
        case 2:
            return renumbered(random.choice(seeds.KERNELS), random)
        case _:
            return reworded(random.choice(seeds.KERNELS), random)


def _named_kernel(random: Random) -> str:
    from cnnfilter.kernels.catalogue import KERNELS

    name = random.choice([*KERNELS, "nonsense"])
    values = chosen((*NUMBERS, "auto", "3", "5", "9", "1.4", "3x5", "45"), random, 6)
    return f"{name}:{','.join(values)}" if random.randrange(20) else f"{name}{':'.join(values)}"


def _read_kernel_text(text: str) -> None:
    from cnnfilter.kernels.facts import kernel_facts
    from cnnfilter.kernels.parse import parse_kernel, read_kernels

    for weights in read_kernels(text).weights.values():
        assert np.isfinite(weights).all()
        if weights.size <= 4096:
            kernel_facts(weights)
        if weights.size <= 64:
            again = parse_kernel("; ".join(" ".join(map(repr, row)) for row in weights.tolist()))
            assert np.array_equal(weights, again), "the text of a kernel reads as another"


def _kernel_file(random: Random) -> tuple[str, bytes]:
    suffix = random.choice(
        (".npy", ".npz", ".safetensors", ".json", ".csv", ".txt", ".mat", ".con")
    )
    if suffix == ".npy":
        return suffix, mutations.npy(random.choice(npys()), random)
    if suffix in (".npz", ".safetensors"):
        return suffix, _weights_file(suffix, random)
    texts = seeds.NESTED if suffix == ".json" else seeds.KERNELS
    return suffix, text_bytes(texts)(random)


def _read_kernel_file(given: tuple[str, bytes]) -> None:
    from cnnfilter.files.numbers.kernels import read_kernel

    suffix, data = given
    weights = read_kernel(written(f"kernel{suffix}", data))
    assert weights.ndim in (2, 4)
    assert np.isfinite(weights).all()


# Weights


@cache
def _tensors(suffix: str) -> bytes:
    tensors = seeds.weights()
    return seeds.npz_of(**tensors) if suffix == ".npz" else seeds.safetensors_of(tensors)


def _weights_file(suffix: str, random: Random) -> bytes:
    if suffix == ".npy":
        return mutations.npy(random.choice(npys()), random)
    if suffix == ".npz":
        return mutations.archive(_tensors(suffix), random, mutations.npy)
    return mutations.safetensors(_tensors(suffix), random)


def _weights(random: Random) -> tuple[str, bytes, str]:
    suffix = random.choice((".npy", ".npz", ".safetensors", ".safetensors"))
    name = random.choice([*seeds.weights(), "weights", "nonsense", ""])
    return suffix, _weights_file(suffix, random), name


def _read_weights(given: tuple[str, bytes, str]) -> None:
    from cnnfilter.files.numbers.weights import read_tensor, read_tensors

    suffix, data, name = given
    path = written(f"weights{suffix}", data)
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
    "convolve sharpen", "convolve '0 -1 0; -1 5 -1; 0 -1 0' padding=same",
    "convolve sobel-x sobel-y",
    "convolve gaussian:5,1.2 stride=2 border=reflect",
    "convolve '1 2 1' dilation=2 flip=true bias=1",
    "pool 2", "pool 3 stride=1 mode=average padding=1 count_include_pad=true",
    "pool global mode=l2",
    "pool 2x3 mode=lp p=3 ceil_mode=yes", "batch-norm mean=0 variance=1 scale=2 offset=1",
    "flatten",
    "flatten order=hwc", "dense '1 2; 3 4'", "softmax", "gray", "rgb", "select red", "select 0 2",
    "select h space=hsv", "resize 4", "resize 4x6 method=nearest", "invert", "scale",
    "scale factor=2",
    "scale 1/255 offset=-0.5", "standardize mean=0.5 std=0.25", "relu", "leaky-relu 0.1",
    "prelu 0.2",
    "elu", "elu alpha=2", "gelu", "gelu approximate=tanh", "sigmoid", "tanh", "softplus",
    "clip 0 1",
)  # fmt: skip


def _words(operation: str, random: Random) -> Iterator[str]:
    """Write some of an operation's arguments, with odd values."""
    values = (*NUMBERS, "same", "valid", "full", "same-lower", "global", "max", "average",
        "reflect",
              "wrap", "sharpen", "sobel", "gaussian:5", "2x2", "1,1", "1,2,3,4", "1 2; 3 4", "0;1",
              "a.npy", "w.npz:x", "hsv", "lab", "red", "nearest")  # fmt: skip
    for name, default in _parameters(operation).items():
        if default is Parameter.empty or random.randrange(3) == 0:
            value = random.choice(values)
            quoted = f"'{value}'" if random.randrange(2) else value
            yield f"{name}={quoted}" if random.randrange(2) else quoted


@cache
def _parameters(operation: str) -> dict[str, Any]:
    from cnnfilter.steps.operations import OPERATIONS

    return dict(OPERATIONS[operation].defaults)


def _operations() -> list[str]:
    from cnnfilter.steps.operations import OPERATIONS

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
def small_image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def _run_pipeline(pipeline: object) -> None:
    """Run a pipeline where its results are small, and hold its summary against them."""
    image = small_image()
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
            arguments[name] = some_value(random)
    if random.randrange(30) == 0:
        arguments[random.choice(("x", "", "image", "kernel", "Size"))] = 1
    return operation, arguments


def some_value(random: Random, depth: int = 0) -> object:
    """Make a value as TOML may hold it."""
    match random.randrange(9 if depth < 3 else 6):
        case 0:
            return random.choice(NUMBERS)
        case 1:
            return random.choice(INTEGERS) * random.choice((1, 1, -1))
        case 2:
            return random.choice(
                (0.0, -0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"), 2.0)
            )
        case 3:
            return random.choice(
                (True, False, "same", "sharpen", "max", "reflect", "gaussian:5", "1 2")
            )
        case 4:
            return random.choice((1, 2, 3))
        case 5:
            return random.choice((10**400, "weights.npz:conv.weight", "weights.npz", "", "a.npy"))
        case 6:
            return {random.choice(("a", "kernel")): some_value(random, depth + 1)}
        case _:
            return [some_value(random, depth + 1) for _ in range(random.randrange(4))]


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
             '"weights.safetensors:bn.bias"', '"../weights.npz"', '"/dev/zero"', '"."',
             '"net.toml"',
             '"weights.npz:kernel"', '"none.npz:a"', '["weights.npz:kernel", "sharpen"]')
        )  # fmt: skip
    return _as_toml(some_value(random))


def _as_toml(value: object) -> str:
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
def put_weights() -> None:
    written("weights.npz", _tensors(".npz"))
    written("weights.safetensors", _tensors(".safetensors"))


def _read_toml(data: bytes) -> None:
    from cnnfilter import Pipeline

    put_weights()
    _run_pipeline(Pipeline.from_file(written("net.toml", data)))


def _toml_and_weights(random: Random) -> tuple[bytes, str, bytes]:
    toml = seeds.NETWORK.encode() if random.randrange(2) else _toml(random)
    suffix = random.choice((".npz", ".safetensors"))
    return toml, suffix, _weights_file(suffix, random)


def _read_toml_and_weights(given: tuple[bytes, str, bytes]) -> None:
    toml, suffix, data = given
    put_weights()
    written(f"weights{suffix}", data)
    try:
        _read_toml(toml)
    finally:
        put_weights.cache_clear()


@cache
def _models() -> list[object]:
    import models

    return models.models()


def _model(random: Random) -> bytes:
    import models

    return models.changed(random.choice(_models()), random)


def _read_model(data: bytes) -> None:
    from cnnfilter import Pipeline

    _run_pipeline(Pipeline.from_file(written("model.onnx", data)))


def targets() -> Iterator[Target]:
    """List what is here."""
    text = partial(bytes.decode, encoding="utf-8", errors="surrogateescape")
    yield Target("kernel-text", "kernels: text and names with parameters", _kernel_text,
                 _read_kernel_text, 220, text)  # fmt: skip
    yield Target("kernel-file", "kernels: files", _kernel_file, _read_kernel_file, 40)
    yield Target("weights", "weights: .npy, .npz, .safetensors", _weights, _read_weights, 20)
    yield Target("pipeline-text", "pipelines: text, written and read again, and run",
                 _pipeline_text, _read_pipeline, 40, text)  # fmt: skip
    yield Target("step", "pipelines: a step of values as TOML holds them", _step, _read_step, 60)
    yield Target("toml", "networks: TOML with its weights", _toml, _read_toml, 15, bytes)
    yield Target("toml-weights", "networks: TOML, and weights that are changed", _toml_and_weights,
                 _read_toml_and_weights, 5)  # fmt: skip
    if find_spec("onnx") is not None:
        yield Target("onnx", "networks: ONNX", _model, _read_model, 15, bytes)
