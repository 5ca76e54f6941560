"""Numbers in the attributes of CVAT's elements."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

__all__ = ["floats_of", "integer_of", "numbers_of", "whole_number"]


def numbers_of(text: str) -> list[float]:
    """Return the flat coordinates of ``x,y;x,y``.

    Raises:
        ValueError: They are no pairs of finite numbers.
    """
    pairs = text.strip().rstrip(";")
    values = list(map(float, pairs.replace(";", ",").split(",")))
    if pairs.count(",") != pairs.count(";") + 1:
        raise ValueError(f"points={text[:60]!r} are no pairs of numbers")
    if not isfinite(sum(values)):
        raise ValueError(f"points={text[:60]!r} are not finite")
    return values


def whole_number(text: str | None) -> int:
    """Return a number that other tools may write as ``0.0``; 0 for none.

    Raises:
        ValueError: It is no whole number.
    """
    try:
        return int(text or 0)
    except ValueError:
        number = float(text or 0)
        if not number.is_integer():
            raise
        return int(number)


def floats_of(element: Element, names: Sequence[str]) -> list[float]:
    """Return the numbers that an element has in some attributes.

    Raises:
        ValueError: One is missing or no finite number.
    """
    values = []
    for name in names:
        text = element.get(name)
        if text is None:
            raise ValueError(f"the attribute {name} is missing")
        values.append(float(text))
    if not isfinite(sum(values)):
        raise ValueError(f"{', '.join(names[:4])} are not finite")
    return values


def integer_of(element: Element, name: str) -> int:
    """Return the whole number that an element has in an attribute.

    Raises:
        ValueError: It is missing, no number, or too large.
    """
    text = element.get(name)
    if text is None:
        raise ValueError(f"the attribute {name} is missing")
    number = int(float(text))
    if abs(number) > 1 << 31:
        raise ValueError(f"{name}={text} is too large")
    return number
