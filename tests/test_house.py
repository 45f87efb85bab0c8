"""The layout: which room may import which, what is promised, and what a start costs."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer

import cnnfilter
from cnnfilter.arrays.geometry import PADDINGS
from cnnfilter.arrays.quantize import RANGES
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.batch.splitting import LOOKS
from cnnfilter.cli.app import command as command_named
from cnnfilter.cli.options import MAX_PIXELS as OPTIONS_MAX_PIXELS
from cnnfilter.cli.options import common_parameters
from cnnfilter.files.formats import COMPRESSIONS, FORMATS
from cnnfilter.files.image import MAX_PIXELS
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.layers.convolution import BORDERS, CHANNELS, COMBINES, Convolution
from cnnfilter.layers.declaration import descriptions
from cnnfilter.layers.pooling import MODES, Pooling
from cnnfilter.steps.operations import OPERATIONS

convolve_command, pool_command, split_channels_command = map(
    command_named, ("convolve", "pool", "split-channels")
)
PACKAGE = Path(cnnfilter.__file__).parent
#: Top to bottom; a room imports from lower floors only.
FLOORS = {
    "cli": 9, "batch": 8, "view": 8, "pipeline": 7, "networks": 6, "steps": 5, "layers": 4,
    "files": 4, "correlation": 2, "kernels": 2, "arrays": 1, "text": 0, "errors": 0,
}  # fmt: skip
PROMISED = {
    "convolve", "pool", "split_channels", "merge_channels", "flatten", "patches", "kernel",
    "KERNELS", "read_image", "write_image", "Pipeline", "dense", "softmax", "relu", "leaky_relu",
    "prelu", "elu", "gelu", "sigmoid", "tanh", "softplus", "clip",
}  # fmt: skip


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "cnnfilter" and len(parts) > 1 and parts[1] != room:
            assert FLOORS[parts[1]] < FLOORS[room], f"{room} imports {name}"


def test_pillow_is_imported_where_pictures_are_read_resized_and_drawn_alone() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "PIL" for name in imports_of(path))
    }
    assert users == {
        "files/pillow/reader.py",
        "files/png/reader.py",
        "files/metadata/inks.py",
        "files/pillow/writer.py",
        "files/pillow/gif.py",
        "files/metadata/parts.py",
        "layers/resizing.py",
        "view/canvas.py",
    }


def test_what_is_promised_is_there() -> None:
    assert set(cnnfilter.__all__) >= PROMISED
    assert len(cnnfilter.__all__) == len({*cnnfilter.__all__})
    for name in cnnfilter.__all__:
        assert getattr(cnnfilter, name) is not None


def test_type_checkers_see_what_is_exported() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    found = {
        alias.asname: getattr(import_module(f"cnnfilter.{node.module}"), alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    exported = {*cnnfilter.__all__} - {"__version__"}
    assert found == {name: getattr(cnnfilter, name) for name in exported}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="convolv"):
        cnnfilter.convolv  # noqa: B018


COMMANDS = [
    (convolve_command, cnnfilter.convolve, {"dtype"}),
    (pool_command, cnnfilter.pool, set()),
    (split_channels_command, cnnfilter.split_channels, set()),
]
#: What only commands have: how a channel looks as a picture, how a file orders its axes.
ONLY_COMMANDS = {"look", "layout"}


@pytest.mark.parametrize(("command", "function", "only_python"), COMMANDS)
def test_a_command_has_the_arguments_of_its_function(
    command: Callable[..., object], function: Callable[..., object], only_python: set[str]
) -> None:
    options = set(inspect.signature(command).parameters) - set(common_parameters())
    arguments = set(inspect.signature(function).parameters) - {"image"}
    assert options - ONLY_COMMANDS == arguments - only_python


def defaults(callable_: Callable[..., object]) -> dict[str, object]:
    parameters = inspect.signature(callable_).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


@pytest.mark.parametrize(
    ("command", "function", "read", "given"),
    [
        (convolve_command, cnnfilter.convolve, Convolution, {"kernel": "sharpen"}),
        (pool_command, cnnfilter.pool, Pooling, {}),
        (split_channels_command, cnnfilter.split_channels, dict, {}),
    ],
)
def test_a_command_has_the_defaults_of_its_function(
    command: Callable[..., object],
    function: Callable[..., object],
    read: Callable[..., object],
    given: dict[str, object],
) -> None:
    python = defaults(function) | given
    typed = python | {name: value for name, value in defaults(command).items() if name in python}
    assert repr(read(**typed)) == repr(read(**python))


@pytest.mark.parametrize(
    ("command", "words", "declared"),
    [
        (convolve_command, "border", BORDERS),
        (convolve_command, "channels", CHANNELS),
        (convolve_command, "combine", COMBINES),
        (pool_command, "mode", MODES),
        (pool_command, "range", RANGES),
        (pool_command, "compression", COMPRESSIONS),
        (split_channels_command, "look", LOOKS),
    ],
)
def test_help_lists_the_words_that_the_core_knows(
    command: Callable[..., object], words: str, declared: Iterable[str]
) -> None:
    option = inspect.signature(command).parameters[words].annotation.__metadata__[0]
    assert option.metavar == "|".join(declared)


def test_help_names_every_space_format_and_limit() -> None:
    def help_of(command: Callable[..., object], name: str) -> str:
        help_: str = inspect.signature(command).parameters[name].annotation.__metadata__[0].help
        return help_

    for space in SPACES:
        assert re.search(rf"\b{space}\b", help_of(split_channels_command, "space"))
    for format_, row in FORMATS.items():
        assert row.is_read_only or re.search(rf"\b{format_}\b", help_of(pool_command, "format"))
    assert OPTIONS_MAX_PIXELS == MAX_PIXELS
    assert all(padding in help_of(pool_command, "padding") for padding in PADDINGS)


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_a_step_has_the_arguments_of_its_function_and_words_for_each(name: str) -> None:
    public = {"select": "select_channels"}.get(name, name.replace("-", "_"))
    row = ACTIVATIONS.get(name)
    function = getattr(cnnfilter, public) if row is None else row.function
    image, *arguments = inspect.signature(function).parameters
    assert image in ("image", "features")
    operation = OPERATIONS[name]
    assert list(operation.parameters) == [*arguments, *["layout"] * (name in ("convolve", "dense"))]
    words = descriptions(operation.layer)
    assert all(words[argument].endswith(".") for argument in arguments)


def loaded_by(*arguments: str) -> set[str]:
    """Name the modules that a run of the command leaves loaded."""
    code = (
        "import sys\n"
        "from cnnfilter.cli import main\n"
        f"sys.argv = ['cnnfilter', *{list(arguments)!r}]\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


#: What has no place in any run on pictures, nor in help.
HEAVY = {
    "skimage", "scipy", "tifffile", "onnx", "safetensors", "pydantic", "tomllib", "zipfile", "csv",
    "json", "hashlib", "random", "shlex", "importlib.metadata", "matplotlib", "textual_image",
    "imagecodecs", "pi_heif",
}  # fmt: skip
#: What of ours neither `convolve` nor `pool` has a use for.
UNUSED = {
    "cnnfilter.layers.activations", "cnnfilter.layers.channels", "cnnfilter.layers.inverting",
    "cnnfilter.layers.resizing",
    "cnnfilter.layers.scaling",
    "cnnfilter.files.numbers.matrices", "cnnfilter.networks.network", "cnnfilter.networks.toml",
    "cnnfilter.networks.onnx", "cnnfilter.pipeline.comparison", "cnnfilter.pipeline.summary",
    "cnnfilter.pipeline.explain", "cnnfilter.layers.explanation", "cnnfilter.layers.records",
    "cnnfilter.view", "cnnfilter.cli.explain", "cnnfilter.cli.views", "cnnfilter.cli.walk",
    "cnnfilter.cli.kernels",
    "cnnfilter.cli.networks", "cnnfilter.cli.formats",
    "cnnfilter.cli.pipeline", "cnnfilter.cli.import_network", "cnnfilter.cli.split_channels",
}  # fmt: skip


def test_help_loads_neither_numpy_nor_pillow() -> None:
    # What else Rich brings along when it lays out help is its own affair.
    loaded = loaded_by("--help")
    ours = {name for name in loaded if name.startswith("cnnfilter.")}
    assert {name.split(".")[1] for name in ours} == {"cli", "errors", "files", "text"}
    assert {name for name in ours if name.startswith("cnnfilter.files.")} == {
        "cnnfilter.files.format", "cnnfilter.files.formats", "cnnfilter.files.output",
        "cnnfilter.files.printed", "cnnfilter.files.opening",
    }  # fmt: skip
    assert not loaded & {"numpy", "PIL", "skimage", "scipy", "tifffile", "pydantic"}


def test_a_command_loads_no_other_command() -> None:
    loaded = {name for name in loaded_by("kernels", "--help") if name.startswith("cnnfilter.cli.")}
    needed = ("app", "kernels", "options", "printing", "signals")
    assert loaded == {f"cnnfilter.cli.{each}" for each in needed}


@pytest.mark.parametrize(
    ("command", "other"),
    [
        (["convolve", "-k", "identity"], "cnnfilter.layers.pooling"),
        (["pool"], "cnnfilter.layers.convolution"),
    ],
)
def test_a_run_loads_no_more_than_it_uses(command: list[str], other: str, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    cnnfilter.write_image(image, [[0, 255, 0]] * 3)
    loaded = loaded_by(*command, str(image), "--quiet")
    assert len(list(tmp_path.iterdir())) == 2
    assert {"numpy", "PIL"} <= loaded
    assert not loaded & (HEAVY | UNUSED | {"rich", "PIL.TiffImagePlugin", other})


def test_typer_is_a_version_that_starts_quickly() -> None:
    major, minor = (int(part) for part in typer.__version__.split(".")[:2])
    assert (0, 28) <= (major, minor) < (0, 29)
