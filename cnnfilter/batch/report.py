"""The report: a line of JSON for each image."""

from typing import Any

from cnnfilter.batch.jobs import Outcome
from cnnfilter.text import json_text


def report_line(outcome: Outcome) -> str:
    """Write what became of an image as a JSON object.

    Examples
    --------
    >>> report_line(Outcome("a.png", "a.png: is empty", seconds=0.002))
    '{"input": "a.png", "milliseconds": 2.0, "error": "a.png: is empty"}'
    """
    line: dict[str, Any] = {
        "input": outcome.source,
        "milliseconds": round(outcome.seconds * 1000, 3),
    }
    if outcome.error is not None:
        return json_text({**line, "error": outcome.error})
    low, high = outcome.span or (None, None)
    clipped = outcome.clipped
    line |= {
        "outputs": outcome.written,
        "input_shape": outcome.before,
        "output_shapes": outcome.after,
        "frames": outcome.frames,
        "min": low,
        "max": high,
        "not_finite": outcome.not_finite,
        "clipped": sum(clipped) / len(clipped) if clipped else None,
    }
    return json_text(line | ({"notes": outcome.notes} if outcome.notes else {}))


def skipped_line(path: str) -> str:
    """Write that an image was done by an earlier run."""
    return json_text({"input": path, "skipped": True})
