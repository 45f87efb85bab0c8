"""Names, templates and the ledger; arguments and whole commands."""

import io
import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache, partial
from random import Random

import numpy as np
import seeds
from chains import put_weights, small_image, some_value
from common import FOLDER, Refused, Target, written
from mutations import NUMBERS, chosen, flipped, reworded

from cnnfilter.errors import CnnFilterError


def _names(random: Random) -> tuple[bytes, bool]:
    names = ("a.png", "photos/a b.jpg", "-", "*.png", "photos/*", "[a-z].png", "x?.png", "é.tif",
        "~",
             "photos", "input.png", "a\\b", "..", ".", "", " ", "[", "**", "a" * 300,
             "\x1b[31m")  # fmt: skip
    separator = random.choice(("\n", "\n", "\r\n", "\0", "\n\n"))
    text = separator.join(chosen(names, random, 6))
    data = text.encode()
    if random.randrange(2):
        data = flipped(data, random)
    return data, bool(random.randrange(3) == 0)


def _read_names(given: tuple[bytes, bool]) -> None:
    from cnnfilter.batch.inputs import Inputs, find_sources, listed_names

    data, null_separated = given
    listed = listed_names(str(written("names", data)), null_separated=null_separated)
    # Names from the root could lead anywhere.
    near = [name for name in listed.names if not name.startswith("/") and ".." not in name]
    find_sources(Inputs(near, recursive=True))


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
    from cnnfilter.batch.inputs import Source
    from cnnfilter.batch.naming import Template, named_after, readable
    from cnnfilter.files.formats import format_named, format_of

    text, path, result = given
    source = Source(path, _below(path))
    readable(result)
    named_after(source, result, None, None)
    for way in (partial(format_of, path), partial(format_named, result)):
        with suppress(CnnFilterError):
            way()
    template = Template(text)
    assert isinstance(template.names_results, bool)
    assert template.root is not None
    template.path(source, readable(result), ".png")


def _below(path: str) -> str | None:
    """Choose, by the path itself, where it lies below a folder."""
    return (None, "", "may/june")[len(path) % 3]


@cache
def _ledger_lines() -> list[bytes]:
    from cnnfilter.batch.ledger import LEDGER, Ledger, stamp_of

    image, output = written("input.png", b"x"), written("made.png", b"y")
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
        b"{}\n", b"[]\n", b"1\n", b"null\n", b'"x"\n', b"\n", b"\xff\xfe\n", b"{\n",
        b"[" * 5000 + b"\n",
        b'{"input": 1}\n', b"\0" * 100, b"9" * 5000 + b"\n", b"NaN\n",
    )  # fmt: skip
    if random.randrange(3) == 0:
        lines.insert(at, random.choice(odd))
    values = (b'"a"', b"1", b"null", b"[]", b"{}", b'"\\u0000"', b'"\\ud800"', b"1e999", b"9" * 30,
              b'[1, 2]', b'{"x": [1]}', b'{"": null}', b'{"\\u0000": [1, 2]}',
              b'"' + b"a" * 300 + b'"',
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

    written(LEDGER, data)
    ledger = Ledger("convolve sharpen", FOLDER)
    ledger.remembered([str(FOLDER / "input.png")])
    ledger.outputs()


# Values of the command line


def _argument(random: Random) -> tuple[str, object]:
    name = random.choice((*_ARGUMENTS,))
    if random.randrange(3):
        parts = chosen(NUMBERS, random, 4)
        text = random.choice((",", "x", " ", ", ", ";", "x,")).join(parts)
        return name, text if random.randrange(3) else reworded(text, random)
    return name, some_value(random)


def _text_place(value: object) -> object:
    from cnnfilter.cli.options import read_place

    return read_place(value if isinstance(value, str) else str(value), most=3)


def _shape_of_text(value: object) -> object:
    from cnnfilter.arrays.arguments import integers

    return integers("shape", value)


def _reading(function: str) -> Callable[[object], object]:
    def read(value: object) -> object:
        from cnnfilter.arrays import arguments

        return getattr(arguments, function)("value", value)

    return read


def _numbers_of(value: object) -> object:
    from cnnfilter.arrays.checks import as_numbers

    found = as_numbers("value", value)
    assert np.isfinite(found).all()
    return found


def _window_of(value: object) -> object:
    from cnnfilter.arrays.arguments import pair
    from cnnfilter.arrays.geometry import Sliding

    return Sliding.of(value, value, value).window(pair("size", value))


def _channels_of(value: object) -> object:
    from cnnfilter import select_channels

    return select_channels(small_image(), value)


_ARGUMENTS: dict[str, Callable[[object], object]] = {
    "number": _reading("number"), "integer": _reading("integer"), "integers": _reading("integers"),
    "pair": _reading("pair"), "flag": _reading("flag"), "at": _text_place, "shape": _shape_of_text,
    "numbers": _numbers_of, "window": _window_of, "channels": _channels_of,
}  # fmt: skip


def _read_argument(given: tuple[str, object]) -> None:
    name, value = given
    _ARGUMENTS[name](value)


_COMMANDS = (
    ("convolve", "input.png", "-k", "sharpen", "--print"),
    ("convolve", "input.png", "-k", "1 2 1", "-o", "o.png"),
    ("pool", "input.png", "2", "--print"),
    ("split-channels", "input.png", "--print"),
    ("pipeline", "convolve edge | relu", "input.png", "--print"),
    ("pipeline", "pool 2", "--summary", "--shape", "8x8x3"),
    ("pipeline", "net.toml", "input.png", "--print"),
    ("explain", "convolve edge | pool 2", "input.png"),
    ("kernels", "gaussian:5,1.2"),
)  # fmt: skip
_OPTIONS = {
    "convolve": ("--stride", "--padding", "--dilation", "--border", "--bias", "--gain", "--flip",
                 "--groups", "--kernel", "--fill"),
    "pool": ("--mode", "--stride", "--padding", "--dilation", "--p", "--ceil-mode"),
    "split-channels": ("--space", "--channel", "--tint"),
    "pipeline": ("--step", "--shape", "--top", "--summary", "--stages"),
    "explain": ("--at", "--step", "--range", "--depth", "--frame", "--max-pixels", "--format",
                "--walk", "--delay"),
    "kernels": ("--nonsense",),
}  # fmt: skip
_COMMON = (
    "--at", "--range", "--depth", "--format", "--frame", "--max-pixels", "--quality", "--jobs",
    "--compression", "--print", "--dry-run", "--full", "--quiet", "--channels", "-o", "--sheet",
)  # fmt: skip
_VALUES = (
    *NUMBERS, "3,5", "1,1", "1x1", "2", "same", "full", "reflect", "max", "npy", "json", "csv", "8",
    "minmax", "abs", "red", "hsv", "o.png", "o.npy", "o.tif", "out", "sobel", "input.png",
)  # fmt: skip


def _command(random: Random) -> list[str]:
    words = list(random.choice(_COMMANDS))
    options = (
        _OPTIONS[words[0]]
        if words[0] in ("kernels", "explain")
        else (*_OPTIONS[words[0]], *_COMMON)
    )
    for _ in range(random.choice((1, 1, 2, 3))):
        match random.randrange(6):
            case 0:
                at = random.randrange(1, len(words))
                words[at] = reworded(words[at], random)
            case 1:
                words[random.randrange(1, len(words))] = random.choice(_VALUES)
            case _:
                words += [random.choice(options), random.choice(_VALUES)]
    return [word.replace("\0", "").replace("/", "_") for word in words]


def _run_command(words: list[str]) -> None:
    """Run the command in this process: a status of 0, or one line and another status."""
    from cnnfilter.cli import main

    put_weights()
    if not (FOLDER / "input.png").exists() or (FOLDER / "input.png").stat().st_size < 50:
        written("input.png", seeds.pictures("png")[0])
        written("net.toml", seeds.CHAIN.encode())
    before = set(os.listdir(FOLDER))  # noqa: PTH208
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    old, sys.argv = sys.argv, ["cnnfilter", *words]
    handler = signal.getsignal(signal.SIGTERM)
    status: object = 0
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        os.chdir(FOLDER)
        try:
            main()
        except SystemExit as error:
            status = error.code or 0
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


def targets() -> Iterator[Target]:
    """List what is here."""
    yield Target("names", "lists of names, and what they mean", _names, _read_names, 40)
    yield Target(
        "template", "names of results, and formats by name", _template, _read_template, 200
    )
    yield Target("ledger", "the ledger of an output folder", _ledger, _read_ledger, 80, bytes)
    yield Target("argument", "numbers, sizes, places, shapes and channels as arguments", _argument,
                 _read_argument, 450)  # fmt: skip
    yield Target("command", "whole commands with odd values", _command, _run_command, 3)
