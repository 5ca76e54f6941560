"""Conversions and comparisons of XPath 1.0 (sections 3.4, 3.5 and 4), on plain Python values.

The value of a leaf is a str, int, float or bool; its string value is ``str`` of it, as in the XML
view. A number with an exponent counts as a number, as in libxml2.
"""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPARE", "SWAPPED", "arithmetic", "number_of", "number_text", "string_of", "truth_of"]

_NUMBER = re.compile(r"[ \t\r\n]*-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t\r\n]*", re.ASCII)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

SWAPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The operator that says the same with its sides exchanged."""


def number_of(leaf: Any) -> float:
    """Return the number that the text of a leaf stands for, NaN if it is none."""
    if isinstance(leaf, float):
        return leaf if math.isfinite(leaf) else math.nan  # "inf" is no number
    if isinstance(leaf, str):
        return float(leaf) if _NUMBER.fullmatch(leaf) else math.nan
    if isinstance(leaf, bool):
        return math.nan  # its text is True or False
    return float(leaf)


def number_text(value: float) -> str:
    """Write a number as ``string()`` does: no exponent, no needless decimals."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def string_of(value: Any) -> str:
    """Return ``string()`` of an XPath number, text or yes/no."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, float) else str(value)


def truth_of(value: Any) -> bool:
    """Return ``boolean()`` of an XPath number, text, yes/no or list of nodes."""
    return bool(value) and value == value  # noqa: PLR0124 - NaN is not true


def arithmetic(op: str, a: float, b: float) -> float:
    """Return ``a op b`` by IEEE 754, for ``+ - * div mod``."""
    if op == "+":
        return a + b
    if op == "-":
        return a - b
    if op == "*":
        return a * b
    if op == "mod":
        return math.nan if b == 0 or math.isinf(a) or math.isnan(a + b) else math.fmod(a, b)
    if b == 0:
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


def round_half_up(value: float) -> float:
    """Return ``round()``: the nearest whole number, the greater of two."""
    return float(math.floor(value + 0.5)) if math.isfinite(value) else value


def substring(text: str, start: float, length: float = math.inf) -> str:
    """Return ``substring()``: characters from position ``start``, counted from 1."""
    first = round_half_up(start)
    last = first + round_half_up(length)
    return "".join(c for n, c in enumerate(text, 1) if first <= n < last)


def translate(text: str, wanted: str, replacement: str) -> str:
    """Return ``translate()``: characters exchanged one for one, or removed."""
    table: dict[int, str | None] = {}
    for n, char in enumerate(wanted):
        table.setdefault(ord(char), replacement[n] if n < len(replacement) else None)
    return text.translate(table)
