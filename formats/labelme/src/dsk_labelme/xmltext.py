"""From the bytes of an XML file to its root element, without entities or anything external."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dsk.xmltext import checked_text, parse_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["FALLBACK", "POINTS", "attribute_list", "numbers_in", "parse_attributes", "parse_file"]
__all__ += ["xml_text"]

POINTS = "dsk.points"
"""The element that stands for points which ``parse_file`` has taken out."""

FALLBACK = "latin-1"
"""The encoding of files that name none and are no UTF-8, as the web tool wrote its first years."""

_S, _NUMBER = "[ \t\r\n]*", "[-+0-9.eE]+"
_POINTS = re.compile(
    f"((?:<pt>{_S}<x>{_S}{_NUMBER}{_S}</x>{_S}<y>{_S}{_NUMBER}{_S}</y>{_S}</pt>{_S})++)"
)
_numbers = re.compile(_NUMBER).findall
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udc7f\udd00-\udfff]")
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def parse_file(data: bytes, where: str) -> tuple[Element, list[str]]:
    """Parse an XML document whose points, most of its text, need no parser.

    Returns:
        The root element, where an element ``POINTS`` stands for each run of plain points, with
        the run's number as its text; and the runs, for ``numbers_in``.

    Raises:
        RecordError: See ``parse_root``.
    """
    text = checked_text(data, where, fallback=FALLBACK)
    if "<!" in text or "<?" in text or f"<{POINTS}" in text:
        return parse_text(text, where), []
    pieces = _POINTS.split(text)
    runs = pieces[1::2]
    pieces[1::2] = [f"<{POINTS}>{n}</{POINTS}>" for n in range(len(runs))]
    try:
        return ET.fromstring("".join(pieces)), runs  # noqa: S314 - see ``parse_text``
    except (ET.ParseError, ValueError):
        return parse_text(text, where), []  # this says where the mistake is


def numbers_in(run: str) -> list[float]:
    """Return the flat coordinates of a run of points.

    Raises:
        ValueError: One is no number.
    """
    return list(map(float, _numbers(run)))


def xml_text(text: str) -> str:
    """Return text for XML; characters that XML cannot hold become U+FFFD."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda m: _NAMES.get(m[0], "\ufffd"), text)


def cannot_hold(text: str) -> bool:
    """Tell whether a text has characters that XML cannot hold."""
    return any(m[0] not in _NAMES for m in _SPECIAL.finditer(text))


# Escaped characters of attribute lists, out of the way while a list is taken apart.
_ASIDE = {"=": "\ue000", '"': "\ue001", ",": "\ue002", "\\": "\ue003"}
_BACK = str.maketrans({aside: char for char, aside in _ASIDE.items()})
_ESCAPED = re.compile(r'\\([=",\\])')
_TO_ESCAPE = re.compile(r'[=",\\]')


def parse_attributes(text: str) -> dict[str, object]:
    r"""Return the attributes of an object's text: ``key=value`` or ``flag``, with commas between.

    Values are flags, numbers if their text is exactly how Python writes the number, or text;
    quotes keep text text. ``\=``, ``\"``, ``\,`` and ``\\`` stand for the characters themselves.
    """
    found: dict[str, object] = {}
    plain = _ESCAPED.sub(lambda m: _ASIDE[m[1]], text) if "\\" in text else text
    for part in plain.split(","):
        stripped = part.strip()
        if not stripped:
            continue
        name, equals, value = stripped.partition("=")
        found[name.translate(_BACK)] = _value(value) if equals else True
    return found


def _value(text: str) -> object:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].translate(_BACK)
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text:
            return number
    return text.translate(_BACK)


def attribute_list(values: dict[str, object]) -> str:
    """Return the text that ``parse_attributes`` reads."""
    return ", ".join(f"{_escape(name)}={_written(value)}" for name, value in values.items())


def _escape(text: str) -> str:
    return _TO_ESCAPE.sub(lambda m: f"\\{m[0]}", text)


def _written(value: object) -> str:
    if not isinstance(value, str):
        return _escape(str(value))
    text = _escape(value)
    if value != value.strip() or not isinstance(_value(text), str):
        return f'"{text}"'
    return text
