"""Reading arguments as people type them, into checked values.

Each function takes the argument's name first, for its error message.
"""

import math
import operator
from collections.abc import Collection, Iterable
from itertools import count
from typing import Any

from cnnfilter.errors import ArgumentError, brief, unknown

#: An integer, two of them (vertical first), or their text: 2, (2, 1), "2x1", "2,1".
Pair = int | str | tuple[int, int]
#: The form of two integers, for errors.
PAIR = "a pair such as 2x1"
#: The largest side, stride or padding; larger ones are typing errors.
MOST = 1_000_000

#: A number or its text, fractions included: 0.5, "0.5", "1/9".
Number = float | str

#: A hint where a file's weights fit in another order of axes.
TURNED = "; a file in another order needs another layout: OIHW or HWIO"


def choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """Check that a word is allowed.

    Examples
    --------
    >>> choice("mode", "max", ["max", "min"])
    'max'
    """
    words = list(allowed)
    if value not in words:
        raise ArgumentError(unknown(name, brief(value), words))
    return str(value)


def number(name: str, value: Any) -> float:
    """Read a finite number; text may be a fraction.

    Examples
    --------
    >>> number("gain", "1/8")
    0.125
    """
    try:
        if isinstance(value, str):
            if "_" in value:  # 1_000 is a number in Python only
                raise ValueError
            above, slash, below = value.partition("/")
            divisor = float(below) if slash else 1.0
            result = float(above) / divisor if math.isfinite(divisor) else divisor
        else:
            result = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        raise ArgumentError(
            f"{name} '{brief(value)}' is not a number; write 2, 0.5 or 1/9"
        ) from None
    except OverflowError:  # an integer beyond every float
        result = math.inf
    if not math.isfinite(result):
        raise ArgumentError(f"{name} '{brief(value)}' is not a finite number")
    return result


def integer(name: str, value: Any, least: int = 1, most: int = MOST, others: str = "") -> int:
    """Read an integer from `least` to `most`; errors name the other forms, too.

    Examples
    --------
    >>> integer("groups", "3")
    3
    """
    try:
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise TypeError
        result = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        wrong = f"neither a whole number nor {others}" if others else "not a whole number"
        raise ArgumentError(f"{name} '{brief(value)}' is {wrong}") from None
    if not least <= result <= most:
        raise ArgumentError(f"{name} is {brief(result)}; it must be from {least} to {most}")
    return result


def integers(name: str, value: object, least: int = 1, others: str = PAIR) -> tuple[int, ...]:
    """Read integers: a number, a sequence, or text; errors name `others`.

    Examples
    --------
    >>> integers("padding", "1,2,3,4", least=0)
    (1, 2, 3, 4)
    >>> integers("size", (2, 3))
    (2, 3)
    """
    if isinstance(value, str):
        items: Iterable[object] = [item.strip() for item in value.replace("x", ",").split(",")]
        if "" in items:
            raise ArgumentError(f"{name} '{brief(value)}' is neither a whole number nor {others}")
    else:
        items = value if isinstance(value, Iterable) else [value]
    return tuple(integer(name, item, least, others=others) for item in items)


def pair(name: str, value: object, others: str = PAIR) -> tuple[int, int]:
    """Read one integer for both directions, or vertical and horizontal ones.

    Examples
    --------
    >>> pair("stride", 2)
    (2, 2)
    >>> pair("stride", "2x1")
    (2, 1)
    """
    match integers(name, value, others=others):
        case (both,):
            return both, both
        case (vertical, horizontal):
            return vertical, horizontal
    raise ArgumentError(
        f"{name} '{brief(value)}' has the wrong number of values; write N or VERTICALxHORIZONTAL"
    )


def flag(name: str, value: object) -> bool:
    """Read yes or no.

    Examples
    --------
    >>> flag("flip", "true"), flag("flip", False)
    (True, False)
    """
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    answer = words.get(brief(value).lower())
    if answer is None:
        raise ArgumentError(f"{name} is yes or no (true or false), not '{brief(value)}'")
    return answer


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number if it is taken.

    Examples
    --------
    >>> free_name("relu", ["conv"]), free_name("relu", ["relu", "relu-2"])
    ('relu', 'relu-3')
    """
    if name not in taken:
        return name
    return next(free for number in count(2) if (free := f"{name}-{number}") not in taken)
