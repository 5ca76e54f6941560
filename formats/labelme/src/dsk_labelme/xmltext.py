"""From the bytes of an XML file to its root element, without entities or anything external."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dsk.errors import RecordError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["POINTS", "attribute_list", "numbers_in", "parse_attributes", "parse_file", "parse_root"]
__all__ += ["xml_text"]

POINTS = "dsk.points"
"""The element that stands for points which ``parse_file`` has taken out."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_DOCTYPE = re.compile(r"<!(?!--|\[CDATA\[)")
_S, _NUMBER = "[ \t\r\n]*", "[-+0-9.eE]+"
_POINTS = re.compile(
    f"((?:<pt>{_S}<x>{_S}{_NUMBER}{_S}</x>{_S}<y>{_S}{_NUMBER}{_S}</y>{_S}</pt>{_S})++)"
)
_numbers = re.compile(_NUMBER).findall
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udc7f\udd00-\udfff]")
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def parse_root(data: bytes, where: str, item: str = "") -> Element:
    """Parse an XML document.

    Raises:
        RecordError: It is no well-formed XML, declares a document type or cannot be decoded.
    """
    return _parse(_checked(data, where, item), where, item)


def parse_file(data: bytes, where: str) -> tuple[Element, list[str]]:
    """Parse an XML document whose points, most of its text, need no parser.

    Returns:
        The root element, where an element ``POINTS`` stands for each run of plain points, with
        the run's number as its text; and the runs, for ``numbers_in``.

    Raises:
        RecordError: See ``parse_root``.
    """
    text = _checked(data, where, "")
    if "<!" in text or "<?" in text or f"<{POINTS}" in text:
        return _parse(text, where, ""), []
    pieces = _POINTS.split(text)
    runs = pieces[1::2]
    pieces[1::2] = [f"<{POINTS}>{n}</{POINTS}>" for n in range(len(runs))]
    try:
        return ET.fromstring("".join(pieces)), runs  # noqa: S314 - see ``_parse``
    except (ET.ParseError, ValueError):
        return _parse(text, where, ""), []  # this says where the mistake is


def numbers_in(run: str) -> list[float]:
    """Return the flat coordinates of a run of points.

    Raises:
        ValueError: One is no number.
    """
    return list(map(float, _numbers(run)))


def _checked(data: bytes, where: str, item: str) -> str:
    """Return the text of a document without its declaration."""
    try:
        text = _decode(data)
    except (UnicodeError, LookupError) as error:
        what = f"text that cannot be decoded: {error}"
        raise RecordError(what, where=where, item=item) from error
    if "<!" in text and _DOCTYPE.search(text):
        raise RecordError(
            "document type declarations are refused",
            where=where,
            hint="remove <!DOCTYPE …>; annotations need none",
            item=item,
        )
    return text


def _parse(text: str, where: str, item: str) -> Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise RecordError(f"no well-formed XML: {error}", where=where, item=item) from error


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16")
    else:
        declared = _DECLARED.match(data[:300])
        encoding = declared[1].decode().lower() if declared else ""
        if encoding in ("", "utf-8", "utf8"):
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                if encoding:
                    raise
                text = data.decode("latin-1")  # as the web tool wrote its first years
        else:
            text = data.decode(encoding)
    # The declaration speaks of the bytes, which are decoded now.
    declaration = _DECLARATION.match(text)
    return text[declaration.end() :] if declaration else text


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
