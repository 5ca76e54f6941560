"""What a JSON decoder raises, in a user's words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.errors import InputError
from dsk.lfs import HINT, MESSAGE, is_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UNDECODABLE", "constant_error", "has_constant", "json_error", "record_message"]

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for text that is no JSON, not of the wanted sort, no UTF-8, too deep."""


def json_error(error: Exception, where: str, view: memoryview | bytes = b"") -> InputError:
    """Turn a decoder's error into one that says where.

    Args:
        error: One of ``UNDECODABLE``.
        where: The file.
        view: What was decoded, if numbers that JSON does not know shall be called by their names.
    """
    if is_pointer(view):
        return InputError(MESSAGE, where=where, hint=HINT)
    text = "it nests too deep" if isinstance(error, RecursionError) else str(error)
    if "truncated" in text.lower() or "unexpected end" in text.lower():
        return InputError("the JSON ends early: the file is truncated", where=where)
    place = _BYTE.search(text)
    if place and has_constant(view[max(int(place[1]) - 2, 0) : int(place[1]) + 12]):
        named = constant_error(view, where)
        return named or InputError(f"{_NO_NUMBERS} (byte {place[1]})", where=where, hint=_NULL)
    return InputError(f"not valid JSON: {text}", where=where)


def constant_error(text: memoryview | bytes, where: str) -> InputError | None:
    """Return an error that points to the first NaN or infinity of a JSON value; None without one.

    Args:
        text: The value, which is decoded by the slow way.
        where: The file.
    """
    steps = _steps_to_constant(text)
    if not steps:
        return None
    return InputError(_NO_NUMBERS, where=f"{where}#/{'/'.join(steps)}", hint=_NULL)


def record_message(error: Exception, text: memoryview) -> str:
    """Return what a decoder's error about a record says, in a user's words."""
    if isinstance(error, msgspec.ValidationError):
        return _PLACE.sub("", str(error)).replace(" - at ``", "")
    if has_constant(text):
        names = [step for step in _steps_to_constant(text) if not step.isdigit()]
        return f"{_NO_NUMBERS}; one is in its {'/'.join(names)}" if names else _NO_NUMBERS
    return json_error(error, "").message


_NO_NUMBERS = "NaN and Infinity are no JSON numbers"
_NULL = "put null in their place"
_PARSED = 16 << 20
"""Bytes of JSON that are decoded once more to name a place in it."""
_BYTE = re.compile(r"\(byte (\d+)\)")
_PLACE = re.compile(r"\$\[(?:\d+|\.\.\.)\]\.?")
_CONSTANT = re.compile(rb"[:\[,\s](?:NaN|-?Infinity|nan|-?inf)\b")


def has_constant(text: memoryview | bytes) -> bool:
    """Tell whether a text has a number that JSON does not know, as Python's writer makes them."""
    return _CONSTANT.search(text) is not None


class _Constant:
    """Stands for a number that JSON does not know."""

    def __init__(self, name: str) -> None:
        self.name = name


def _steps_to_constant(text: memoryview | bytes) -> list[str]:
    """Return the keys and indices that lead to the first such number; none if there is none."""
    if len(text) > _PARSED:
        return []
    try:
        value = json.loads(bytes(text), parse_constant=_Constant)
    except (ValueError, RecursionError):
        return []
    steps: list[str] = []
    open_values = [_children(value)]
    while open_values:
        for key, child in open_values[-1]:
            if isinstance(child, _Constant):
                return [*steps, str(key)]
            if isinstance(child, dict | list):
                steps.append(str(key))
                open_values.append(_children(child))
                break
        else:
            open_values.pop()
            steps = steps[:-1]
    return []


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value)) if isinstance(value, list) else iter(())
