"""What a JSON decoder raises, in a user's words."""

from __future__ import annotations

import re

import msgspec

from dsk.errors import InputError
from dsk.lfs import HINT, MESSAGE, is_pointer

__all__ = ["UNDECODABLE", "has_constant", "json_error", "record_message"]

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
        hint = "put null in their place"
        return InputError(f"{_NO_NUMBERS} (byte {place[1]})", where=where, hint=hint)
    return InputError(f"not valid JSON: {text}", where=where)


def record_message(error: Exception, text: memoryview) -> str:
    """Return what a decoder's error about a record says, in a user's words."""
    if isinstance(error, msgspec.ValidationError):
        return _PLACE.sub("", str(error)).replace(" - at ``", "")
    if has_constant(text):
        return _NO_NUMBERS
    return json_error(error, "").message


_NO_NUMBERS = "NaN and Infinity are no JSON numbers"
_BYTE = re.compile(r"\(byte (\d+)\)")
_PLACE = re.compile(r"\$\[(?:\d+|\.\.\.)\]\.?")
_CONSTANT = re.compile(rb"[:\[,\s](?:NaN|-?Infinity|nan|-?inf)\b")


def has_constant(text: memoryview | bytes) -> bool:
    """Tell whether a text has a number that JSON does not know, as Python's writer makes them."""
    return _CONSTANT.search(text) is not None
