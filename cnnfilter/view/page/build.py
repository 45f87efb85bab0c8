"""A pipeline's way through one image as a page: one file that needs nothing else."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError
from cnnfilter.explanations.trace import Trace
from cnnfilter.layers.channels import channel_names
from cnnfilter.steps.step import Step
from cnnfilter.text import printable
from cnnfilter.view.page_layers import layer_record, step_record

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
    trace: Trace,
    *,
    title: str,
    notes: Sequence[str] = (),
    at: tuple[int, ...] | None = None,
    step: int | None = None,
) -> str:
    """Write a page that shows each step's maps and how each value comes about.

    It is one file without links, works without a network, and shows the numbers of the
    trace; what a person edits there, it computes by itself.

    Parameters
    ----------
    trace : Trace
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
    >>> text = page(Trace.of(Pipeline("convolve edge"), np.eye(5)), title="a cross")
    >>> text[:15], "<title>a cross</title>" in text
    ('<!doctype html>', True)
    """
    record = _record(trace, title, notes, at, step)
    _check_size(sum(_stored(each).nbytes for each in _arrays_in(record)) * 4 // 3)
    data = json.dumps(record, default=_encoded, allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\x7f", "\\u007f")
    style = _asset("page.css")
    script = "\n".join(map(_asset, SCRIPTS))
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
    trace: Trace, title: str, notes: Sequence[str], at: tuple[int, ...] | None, step: int | None
) -> dict[str, Any]:
    """Gather all that the page is told."""
    chosen = _chosen_step(trace, step)
    pipeline, result = trace.pipeline, trace.maps[-1]
    is_ranked = result.ndim == 1 and bool(np.isfinite(result).all())
    is_as_given = trace.picture.shape == trace.maps[0].shape[: trace.picture.ndim] and bool(
        np.array_equal(trace.picture.ravel(), trace.maps[0].ravel())
    )
    return {
        "title": title,
        "notes": list(notes),
        "network": pipeline.input_shape is not None,
        "description": pipeline.description,
        "probable": pipeline.gives_probabilities,
        "labels": list(pipeline.labels),
        "ranked": pipeline.ranked(result) if is_ranked else [],
        "picture": None if is_as_given else _map_record(trace.picture, ()),
        "preparation": [] if is_as_given else list(_preparation(trace)),
        "maps": [_map_record(*each) for each in zip(trace.maps, trace.names, strict=True)],
        "steps": [
            step_record(each, taken, given)
            for each, taken, given in zip(trace.steps, trace.maps[:-1], trace.maps[1:], strict=True)
        ],
        "chosen": {"step": chosen, **_place(trace.maps[chosen + 1].shape, at)},
    }


def _preparation(trace: Trace) -> Iterator[dict[str, Any]]:
    """Say of each step of the preparation where what it gives comes from."""
    shape = trace.picture.shape
    for step, outline in trace.pipeline.preparation_outlined(trace.picture):
        yield {**_texts(step), **layer_record(step.layer, shape), "takes": shape}
        shape = outline.shape


def _texts(step: Step) -> dict[str, Any]:
    return {"title": step.title, "text": step.described()}


def _chosen_step(trace: Trace, step: int | None) -> int:
    if step is None:
        gives_map = [number for number, each in enumerate(trace.maps[1:]) if each.ndim > 1]
        return gives_map[-1] if gives_map else len(trace.steps) - 1
    if not 0 <= step < len(trace.steps):
        raise ArgumentError(f"there is no step {step}; they are 0 to {len(trace.steps) - 1}")
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
        "names": _channel_names(channels, names),
        "colour": not names and channels in (3, 4),
    }


def _channel_names(channels: int, names: Sequence[str]) -> list[str]:
    """Name all channels, where each of the feature maps may be of several."""
    if not names or channels % len(names):
        return list(channel_names(channels))
    if len(names) == channels:
        return list(names)
    each = channel_names(channels // len(names))
    return [f"{name}, {channel}" for name in names for channel in each]


def _arrays_in(record: Any) -> Iterator[Array]:
    if isinstance(record, np.ndarray):
        yield record
    elif isinstance(record, Mapping | list):
        for each in record.values() if isinstance(record, Mapping) else record:
            yield from _arrays_in(each)


def _stored(array: Array) -> Array:
    """Give an array of a type that browsers have, without loss where there is one."""
    for dtype in STORED:
        if np.can_cast(array.dtype, dtype):
            return array.astype(np.dtype(dtype).newbyteorder("<"), copy=False)
    return array.astype("<f8")


def _encoded(array: Array) -> dict[str, Any]:
    stored = _stored(array)
    return {
        "type": stored.dtype.name,
        "shape": list(stored.shape),
        "data": base64.b64encode(stored.tobytes()).decode(),
    }
