"""The lowest and the highest value: of an array, a band at a time, of several arrays."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

import numpy as np

from cnnfilter.arrays import Array


class Span(NamedTuple):
    """The lowest and the highest of some values.

    Examples
    --------
    >>> Span.of(np.array([3, 1, 2]))
    Span(low=1.0, high=3.0)
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: Array) -> Span:
        """Return the span of an array, or NaN."""
        return cls(float(values.min()), float(values.max()))

    @classmethod
    def of_finite(cls, values: Array) -> Span | None:
        """Return the span of an array's finite values."""
        span = cls.of(values)
        if np.isfinite(span).all():
            return span
        finite = values[np.isfinite(values)]
        return cls.of(finite) if finite.size else None

    @classmethod
    def joined(cls, spans: Iterable[tuple[float, float] | None]) -> Span | None:
        """Return the span of all values, if known.

        Examples
        --------
        >>> Span.joined([(1, 2), None, (0, 1)])
        Span(low=0, high=2)
        """
        known = [span for span in spans if span is not None]
        return cls(min(low for low, _ in known), max(high for _, high in known)) if known else None

    def including(self, values: Array) -> Span:
        """Return the span with an array's values added."""
        return Span(min(self.low, float(values.min())), max(self.high, float(values.max())))


#: The span of no values.
EMPTY = Span(inf, -inf)
