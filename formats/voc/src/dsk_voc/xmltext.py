"""From the bytes of an XML file to its root element, without entities or anything external."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dsk.errors import RecordError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["parse_root"]

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# Entities can only come from a document type declaration; comments and CDATA are harmless.
_DOCTYPE = re.compile(r"<!(?!--|\[CDATA\[)")

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def parse_root(data: bytes, where: str, item: str = "") -> Element:
    """Parse an XML document.

    Text in other encodings than UTF-8 is decoded here, so that a declaration cannot hide in them.

    Raises:
        RecordError: It is no well-formed XML, declares a document type or cannot be decoded.
    """
    try:
        text = _decode(data)
    except (UnicodeError, LookupError) as error:
        raise RecordError(
            f"text that cannot be decoded: {error}", where=where, item=item
        ) from error
    if _DOCTYPE.search(text):
        raise RecordError(
            "document type declarations are refused",
            where=where,
            hint="remove <!DOCTYPE …>; annotations need none",
            item=item,
        )
    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise RecordError(f"no well-formed XML: {error}", where=where, item=item) from error


def _decode(data: bytes) -> str:
    if data.startswith(_UTF16):
        text = data.decode("utf-16")
    else:
        declared = _DECLARED.match(data[:300])
        encoding = declared[1].decode() if declared else "utf-8-sig"
        if encoding.lower() in ("utf-8", "utf8"):
            encoding = "utf-8-sig"
        text = data.decode(encoding)
    # The declaration speaks of the bytes, which are decoded now.
    return _DECLARATION.sub("", text, count=1)
