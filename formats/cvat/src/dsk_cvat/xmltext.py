"""Safe access to the text of CVAT's XML files, which may be hundreds of megabytes long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dsk.errors import InputError, RecordError
from dsk.xmltext import declared_encoding

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Lines", "attributes_of", "open_text", "parse_part"]

_ROOT = re.compile(rb"<annotations(?:\s[^<>]*)?(/?)>")
_ANY_ROOT = re.compile(rb"<([A-Za-z_][^\s<>/]{0,60})")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_PROLOG = 1 << 16
_BLOCK = 1 << 14

_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")


def open_text(data: memoryview, where: str) -> tuple[memoryview, int]:
    """Return the file as UTF-8, and where the content of its root element begins.

    Raises:
        InputError: It is no CVAT file, declares a document type or cannot be decoded.
    """
    data = _as_utf8(data, where)
    head = bytes(data[:_PROLOG])
    found = _ROOT.search(_COMMENT.sub(lambda m: b" " * len(m[0]), head))
    before = head if found is None else head[: found.start()]
    if b"<!DOCTYPE" in before or b"<!ENTITY" in before:
        raise InputError(
            "document type declarations are refused",
            where=where,
            hint="remove <!DOCTYPE …>; annotations need none",
        )
    if found is None:
        other = _ANY_ROOT.search(head)
        what = f"its root element is <{other[1].decode('utf-8', 'replace')}>" if other else "no XML"
        raise InputError(
            f"not a CVAT file: {what}",
            where=where,
            hint="CVAT's files begin with <annotations>",
        )
    return data, found.end()


def _as_utf8(data: memoryview, where: str) -> memoryview:
    encoding = declared_encoding(data)
    if encoding in ("", "utf-8", "utf8", "ascii", "us-ascii"):
        return data
    try:
        return memoryview(bytes(data).decode(encoding).encode())
    except (UnicodeError, LookupError) as error:
        raise InputError(f"text that cannot be decoded: {error}", where=where) from error


def parse_part(data: bytes, where: str, item: str = "") -> Element:
    """Parse some elements of the file, below a root element of their own.

    Without a document type there are no entities to expand, and in the middle of a document
    there can be none.

    Raises:
        RecordError: It is no well-formed XML.
    """
    try:
        return ET.fromstring(b"<part>" + data + b"</part>")  # noqa: S314 - see above
    except (ET.ParseError, ValueError) as error:
        raise RecordError(
            f"no well-formed XML: {_reason(error)}",
            where=where,
            item=item,
            hint="the file may be cut off; export it again",
        ) from error


def _reason(error: Exception) -> str:
    """Return the parser's message without its position, which is relative to the part."""
    return str(error).split(": line ")[0]


def attributes_of(text: bytes) -> dict[str, str]:
    """Return the attributes of a start tag, entities resolved.

    Raises:
        ValueError: They are no UTF-8 or no well-formed XML.
    """
    if b"&" in text:
        try:
            return dict(ET.fromstring(b"<a " + text + b"/>").attrib)  # noqa: S314 - one tag
        except ET.ParseError as error:
            raise ValueError(_reason(error)) from error
    return {name: a or b for name, a, b in _ATTRIBUTE.findall(text.decode())}


class Lines:
    """Numbers of lines in a file, whose line breaks are counted once.

    Args:
        data: The file.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._before = [0]  # line breaks before each block

    def at(self, offset: int) -> int:
        """Return the number of the line, from 1, that holds a byte."""
        data, before = self._data, self._before
        block = min(offset, len(data)) // _BLOCK
        while len(before) <= block:
            start = (len(before) - 1) * _BLOCK
            before.append(before[-1] + bytes(data[start : start + _BLOCK]).count(b"\n"))
        return 1 + before[block] + bytes(data[block * _BLOCK : offset]).count(b"\n")
