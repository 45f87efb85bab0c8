"""The page: one HTML file with a pipeline's maps, which needs nothing else."""

import base64
import hashlib
import html
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from importlib.resources import files

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.geometry import Place
from cnnfilter.arrays.rows import Rows
from cnnfilter.arrays.titles import titles_of
from cnnfilter.errors import ArgumentError
from cnnfilter.layers.activations import ACTIVATIONS
from cnnfilter.pipeline.explain import checked_place, default_place
from cnnfilter.pipeline.forward import ForwardPass
from cnnfilter.steps.operations import OPERATIONS
from cnnfilter.steps.step import Step
from cnnfilter.text import printable

#: Bytes. Browsers open larger files slowly, and mail programs not at all.
MAX_BYTES = 64 * 2**20
#: Types of arrays in browsers, the narrowest first.
DTYPES = ("uint8", "uint16", "int32", "float32", "float64")
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
    at: Place | None = None,
    step: int | None = None,
) -> str:
    """Return a page that explains each value.

    It is one file without links, works offline, and shows the forward pass's numbers; after an edit
    in the browser, it computes them itself.

    Parameters
    ----------
    forward : ForwardPass
    title : str
        The page's title, such as the image's name.
    notes : sequence of str
        Lines to show, such as how the picture was reduced.
    at : tuple of int, optional
        The value that is selected first: row, column and, of several channels, channel; or a
        vector's index. Default: the middle of the map, or a vector's largest value.
    step : int, optional
        Number, from 0, of the step that is selected first. Default: the last whose result is a
        map.

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
    _check_size(sum(_stored(array).nbytes for array in _arrays_in(record)) * 4 // 3)
    data = json.dumps(record, default=_encoded, allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\x7f", "\\u007f")
    style = _asset("page.css")
    script = "\n".join([activations_script(), *map(_asset, SCRIPTS)])
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
    if size > MAX_BYTES:
        raise ArgumentError(
            f"the page would be {size / 2**20:.0f} MiB, more than {MAX_BYTES // 2**20}; "
            "use a smaller picture (--size) or fewer steps (--step)"
        )


def _asset(name: str) -> str:
    return files("cnnfilter.view.page").joinpath(name).read_text("utf-8")


def activations_script() -> str:
    """Return the page's table of activations."""
    lines = []
    for row in ACTIVATIONS.values():
        _, *arguments = inspect.signature(row.function).parameters
        names = f" {', '.join(arguments)} " if arguments else ""
        lines.append(f"  {row.function.__name__}: ({{{names}}}) => (x) => {row.javascript},\n")
    return f'"use strict";\n\nconst ACTIVATIONS = {{\n{"".join(lines)}}};\n'


def _policy(style: str, script: str) -> str:
    """Return a policy for the page's own code alone."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _record(
    forward: ForwardPass, title: str, notes: Sequence[str], at: Place | None, step: int | None
) -> dict[str, object]:
    """Return the page's data."""
    chosen = _chosen_step(forward, step)
    pipeline, result = forward.pipeline, forward.maps[-1]
    is_ranked = result.ndim == 1 and bool(np.isfinite(result).all())
    is_unprepared = forward.picture.shape == forward.maps[0].shape[: forward.picture.ndim] and bool(
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
        "picture": None if is_unprepared else _map_record(forward.picture, ()),
        "preparation": [] if is_unprepared else list(_preparation(forward)),
        "maps": list(map(_map_record, forward.maps, forward.names)),
        "steps": list(map(_step_record, forward.steps, forward.maps[:-1], forward.maps[1:])),
        "chosen": {"step": chosen, **_place(forward.rows[chosen + 1], at)},
    }


def _preparation(forward: ForwardPass) -> Iterator[dict[str, object]]:
    """Yield a record for each step of the preparation."""
    shape = forward.picture.shape
    for step, outline in forward.pipeline.preparation_outlined(forward.picture):
        yield {**_texts(step), **step.layer.record(shape), "takes": shape}
        shape = outline.shape


def _step_record(step: Step, before: Array, after: Array) -> dict[str, object]:
    """Return the page's data of a step."""
    documentation = inspect.getdoc(OPERATIONS[step.operation].layer) or ""
    return {
        **_texts(step),
        "what": documentation.partition("\n")[0],
        "formula": step.layer.formula,
        "parameters": step.layer.parameters,
        **step.layer.record(before.shape),
        **step.layer.record_of_values(before, after),
    }


def _texts(step: Step) -> dict[str, object]:
    return {"title": step.title, "text": step.described()}


def _chosen_step(forward: ForwardPass, step: int | None) -> int:
    if step is None:
        maps = [number for number, map in enumerate(forward.maps[1:]) if map.ndim > 1]
        return maps[-1] if maps else len(forward.steps) - 1
    if not 0 <= step < len(forward.steps):
        raise ArgumentError(f"there is no step {step}; they are 0 to {len(forward.steps) - 1}")
    return step


def _place(result: Rows, at: Place | None) -> dict[str, int]:
    """Return the selected value's indices by axis."""
    place = default_place(result) if at is None else checked_place(at, result.shape)
    names = ("column",) if len(place) == 1 else ("row", "column", "channel")
    return dict(zip(names, map(int, place), strict=False))


def _map_record(values: Array, names: Sequence[str]) -> dict[str, object]:
    channels = values.shape[2] if values.ndim == 3 else 1
    return {
        "values": values,
        "dtype": values.dtype.name,
        "names": titles_of(names, channels),
        "colour": not names and channels in (3, 4),
    }


def _arrays_in(record: object) -> Iterator[Array]:
    if isinstance(record, np.ndarray):
        yield record
    elif isinstance(record, Mapping | list | tuple):
        for part in record.values() if isinstance(record, Mapping) else record:
            yield from _arrays_in(part)


def _stored(array: Array) -> Array:
    """Return an array of a browser's type."""
    for dtype in DTYPES:
        if np.can_cast(array.dtype, dtype):
            return array.astype(np.dtype(dtype).newbyteorder("<"), copy=False)
    return array.astype("<f8")


def _encoded(value: object) -> dict[str, object]:
    """Return the JSON of an array or a dataclass."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    stored = _stored(np.asarray(value))
    return {
        "type": stored.dtype.name,
        "shape": list(stored.shape),
        "data": base64.b64encode(stored.tobytes()).decode(),
    }
