"""Safe XML: from the bytes of a file to its elements, without entities or anything external.

Entities can only come from a document type declaration. None is let through, and text is decoded
here so that none hides in an odd encoding; what remains has nothing to expand or to fetch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import RecordError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = [
    "checked_text",
    "declared_encoding",
    "decode",
    "has_declarations",
    "parse_root",
    "parse_text",
]

_UTF8 = frozenset({"", "utf-8", "utf8"})
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD = 300
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# Comments and CDATA are harmless.
_MARKUP = re.compile(r"<!(?!--|\[CDATA\[)")


def declared_encoding(data: bytes | memoryview) -> str:
    """Return the encoding a document's first bytes name, in lower case, or ""."""
    head = bytes(data[:_HEAD])
    if head.startswith(_UTF16):
        return "utf-16"
    found = _DECLARED.match(head.removeprefix(b"\xef\xbb\xbf"))
    return found[1].decode().lower() if found is not None else ""


def decode(data: bytes, *, fallback: str = "") -> str:
    """Return a document's text without its XML declaration, which speaks of the bytes.

    Args:
        data: The document.
        fallback: The encoding of documents that name none and are no UTF-8.

    Raises:
        UnicodeError: The bytes are not in that encoding.
        LookupError: There is no such encoding.
    """
    encoding = declared_encoding(data)
    try:
        text = data.decode("utf-8-sig" if encoding in _UTF8 else encoding)
    except UnicodeDecodeError:
        if encoding or not fallback:
            raise
        text = data.decode(fallback)
    declaration = _DECLARATION.match(text)
    return text[declaration.end() :] if declaration is not None else text


def has_declarations(text: str) -> bool:
    """Tell whether a text has anything that could declare entities."""
    # A single letter is found at memory speed.
    return "!" in text and _MARKUP.search(text) is not None


def checked_text(data: bytes, where: str, item: str = "", *, fallback: str = "") -> str:
    """Return a document's text, which has no declarations of any kind.

    Args:
        data: The document.
        where: Its place, for errors.
        item: The item it is about, for errors.
        fallback: See ``decode``.

    Raises:
        RecordError: It declares a document type or cannot be decoded.
    """
    try:
        text = decode(data, fallback=fallback)
    except (UnicodeError, LookupError) as error:
        what = f"text that cannot be decoded: {error}"
        raise RecordError(what, where=where, item=item) from error
    if has_declarations(text):
        raise RecordError(
            "document type declarations are refused",
            where=where,
            hint="remove <!DOCTYPE …>; annotations need none",
            item=item,
        )
    return text


def parse_text(text: str, where: str, item: str = "") -> Element:
    """Parse a document's text.

    Args:
        text: From ``checked_text``, or ``decode`` where ``has_declarations`` finds none.
        where: Its place, for errors.
        item: The item it is about, for errors.

    Raises:
        RecordError: It is no well-formed XML.
    """
    from xml.etree import ElementTree as ET  # some formats' files are mostly read without it

    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise RecordError(f"no well-formed XML: {error}", where=where, item=item) from error


def parse_root(data: bytes, where: str, item: str = "", *, fallback: str = "") -> Element:
    """Parse a document, see ``checked_text``.

    Raises:
        RecordError: It is no well-formed XML, declares a document type or cannot be decoded.
    """
    return parse_text(checked_text(data, where, item, fallback=fallback), where, item)
