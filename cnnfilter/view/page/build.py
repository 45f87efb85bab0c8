"""A pipeline's way through one image as a page: one file that needs nothing else."""

import base64
import hashlib
import html
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.layers.channels import titles_of
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step
from cnnfilter.text import printable

#: Bytes. What is larger, browsers open slowly and mail programs not at all.
LARGEST_PAGE = 64 * 2**20
#: What browsers have arrays of, the narrowest first.
STORED = ("uint8", "uint16", "int32", "float32", "float64")
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        "geometry", "arithmetic", "drawing", "data", "explaining", "panels", "layers", "page"
    )
)  # fmt: skip


def page(
    forward: ForwardPass,
    *,
    title: str,
    notes: Sequence[str] = (),
    at: tuple[int, ...] | None = None,
    step: int | None = None,
) -> str:
    """Write a page that shows each step's maps and how each value comes about.

    It is one file without links, works without a network, and shows the numbers of the
    forward pass; what a person edits there, it computes by itself.

    Parameters
    ----------
    forward : ForwardPass
    title : str
        What the page is called, such as the image's name.
    notes : sequence of str
        Lines that it shows, such as how the picture was reduced.
    at : tuple of int, optional
        The value that is chosen at first: row, column and, where there are several,
        channel; or an index into a vector. The middle of the map, unless given.
    step : int, optional
        The number, from 0, of the step that is chosen at first; the last that gives a map,
        unless given.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ArgumentError
        If there is no such step or value, or the page would be larger than 64 MiB.

    Examples
    --------
    >>> from cnnfilter import Pipeline
    >>> text = page(ForwardPass.of(Pipeline("convolve edge"), np.eye(5)), title="a cross")
    >>> text[:15], "<title>a cross</title>" in text
    ('<!doctype html>', True)
    """
    record = _record(forward, title, notes, at, step)
    _check_size(sum(_stored(each).nbytes for each in _arrays_in(record)) * 4 // 3)
    data = json.dumps(record, default=_encoded, allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\x7f", "\\u007f")
    style = _asset("page.css")
    script = "\n".join([_activations(), *map(_asset, SCRIPTS)])
    parts = {
        "title": html.escape(printable(title)),
        "policy": _policy(style, script),
        "style": style,
        "data": data,
        "script": script,
    }
    text = re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _asset("template.html"))
    _check_size(len(text))
    return text


def _check_size(size: int) -> None:
    if size > LARGEST_PAGE:
        raise ArgumentError(
            f"the page would be {size / 2**20:.0f} MiB, more than {LARGEST_PAGE // 2**20}; "
            "give a smaller picture by --size, or fewer steps by --step"
        )


def _asset(name: str) -> str:
    return files("cnnfilter.view.page").joinpath(name).read_text("utf-8")


def _activations() -> str:
    """Return the page's table of activations: of arguments, each returns a function of x."""
    lines = []
    for row in ACTIVATIONS.values():
        _, *arguments = inspect.signature(row.function).parameters
        names = f" {', '.join(arguments)} " if arguments else ""
        lines.append(f"  {row.function.__name__}: ({{{names}}}) => (x) => {row.javascript},\n")
    return f'"use strict";\n\nconst ACTIVATIONS = {{\n{"".join(lines)}}};\n'


def _policy(style: str, script: str) -> str:
    """Allow the page its own style and script, and nothing else."""
    hashes = [
        base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()
        for each in (style, script)
    ]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _record(
    forward: ForwardPass,
    title: str,
    notes: Sequence[str],
    at: tuple[int, ...] | None,
    step: int | None,
) -> dict[str, Any]:
    """Gather all that the page is told."""
    chosen = _chosen_step(forward, step)
    pipeline, result = forward.pipeline, forward.maps[-1]
    is_ranked = result.ndim == 1 and bool(np.isfinite(result).all())
    is_as_given = forward.picture.shape == forward.maps[0].shape[: forward.picture.ndim] and bool(
        np.array_equal(forward.picture.ravel(), forward.maps[0].ravel())
    )
    return {
        "title": title,
        "notes": list(notes),
        "network": pipeline.input_shape is not None,
        "description": pipeline.description,
        "probable": pipeline.gives_probabilities,
        "labels": list(pipeline.labels),
        "ranked": pipeline.ranked(result) if is_ranked else [],
        "picture": None if is_as_given else _map_record(forward.picture, ()),
        "preparation": [] if is_as_given else list(_preparation(forward)),
        "maps": [_map_record(*each) for each in zip(forward.maps, forward.names, strict=True)],
        "steps": [
            _step_record(step, before, after)
            for step, before, after in zip(
                forward.steps, forward.maps[:-1], forward.maps[1:], strict=True
            )
        ],
        "chosen": {"step": chosen, **_place(forward.maps[chosen + 1].shape, at)},
    }


def _preparation(forward: ForwardPass) -> Iterator[dict[str, Any]]:
    """Return the record of each step of the preparation."""
    shape = forward.picture.shape
    for step, outline in forward.pipeline.preparation_outlined(forward.picture):
        yield {**_texts(step), **step.layer.record(shape), "takes": shape}
        shape = outline.shape


def _step_record(step: Step, before: Array, after: Array) -> dict[str, Any]:
    """Return what the page needs of a step, its input and its result."""
    documentation = inspect.getdoc(OPERATIONS[step.operation].function) or ""
    return {
        **_texts(step),
        "what": documentation.partition("\n")[0],
        "formula": step.layer.formula,
        "parameters": step.layer.parameters,
        **step.layer.record(before.shape),
        **step.layer.record_of_values(before, after),
    }


def _texts(step: Step) -> dict[str, Any]:
    return {"title": step.title, "text": step.described()}


def _chosen_step(forward: ForwardPass, step: int | None) -> int:
    if step is None:
        gives_map = [number for number, each in enumerate(forward.maps[1:]) if each.ndim > 1]
        return gives_map[-1] if gives_map else len(forward.steps) - 1
    if not 0 <= step < len(forward.steps):
        raise ArgumentError(f"there is no step {step}; they are 0 to {len(forward.steps) - 1}")
    return step


def _place(shape: Shape, at: tuple[int, ...] | None) -> dict[str, int]:
    """Name the axes of the chosen value's place."""
    if at is None:
        at = (0,) if len(shape) == 1 else (shape[0] // 2, shape[1] // 2)
    lengths = shape[: len(at)]
    is_inside = all(0 <= index < length for index, length in zip(at, lengths, strict=False))
    if len(at) < min(2, len(shape)) or len(at) > len(shape) or not is_inside:
        place, known = (",".join(map(str, each)) for each in (at, shape))
        raise ArgumentError(f"there is no value at {place}; indices are below {known}")
    names = ("column",) if len(shape) == 1 else ("row", "column", "channel")
    return dict(zip(names, map(int, at), strict=False))


def _map_record(values: Array, names: Sequence[str]) -> dict[str, Any]:
    channels = values.shape[2] if values.ndim == 3 else 1
    return {
        "values": values,
        "dtype": values.dtype.name,
        "names": titles_of(names, channels),
        "colour": not names and channels in (3, 4),
    }


def _arrays_in(record: Any) -> Iterator[Array]:
    if isinstance(record, np.ndarray):
        yield record
    elif isinstance(record, Mapping | list | tuple):
        for each in record.values() if isinstance(record, Mapping) else record:
            yield from _arrays_in(each)


def _stored(array: Array) -> Array:
    """Give an array of a type that browsers have, without loss where there is one."""
    for dtype in STORED:
        if np.can_cast(array.dtype, dtype):
            return array.astype(np.dtype(dtype).newbyteorder("<"), copy=False)
    return array.astype("<f8")


def _encoded(value: Any) -> dict[str, Any]:
    """Return what JSON holds of an array, or of a dataclass."""
    if not isinstance(value, np.ndarray):
        return asdict(value)
    stored = _stored(value)
    return {
        "type": stored.dtype.name,
        "shape": list(stored.shape),
        "data": base64.b64encode(stored.tobytes()).decode(),
    }
