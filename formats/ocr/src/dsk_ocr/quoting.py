"""Text in quotes, which are escaped inside it."""

from __future__ import annotations

import re

__all__ = ["one_line", "quoted", "unquoted"]

_ESCAPED = re.compile(r'\\(["\\])')
_BREAKS = re.compile(r"[\0\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_PAIR = 2


def unquoted(text: str) -> str:
    """Return text without the quotes around it, and without the escapes in them."""
    if len(text) >= _PAIR and text[0] == text[-1] == '"':
        inner = text[1:-1]
        return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
    return text


def quoted(text: str) -> str:
    """Return text in quotes; quotes and backslashes in it are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def one_line(text: str) -> str:
    """Return text that a line can hold."""
    return text if text.isprintable() else _BREAKS.sub(" ", text)
