"""From the bytes of a tracklet file to its elements, without entities or anything external."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk.xmltext import decode, has_declarations

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["document_text", "looks_like_tracklets", "parse_root"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# Boost writes <!DOCTYPE boost_serialization>, which declares nothing. Entities can only come from a
# type declaration that says more; comments and CDATA are harmless.
_PLAIN_DOCTYPE = re.compile(r"<!DOCTYPE\s+[\w.-]+\s*>")
_STARTS = re.compile(rb"<([A-Za-z_][\w.-]*)[\s>/]")


def document_text(data: bytes, where: str) -> str:
    """Return a tracklet file's text without its XML and document type declarations.

    The text is decoded here, so that no declaration hides in an odd encoding; that also accepts
    ``standalone="true"``, which old KITTI tools wrote and XML does not know.

    Raises:
        InputError: It cannot be decoded, or declares entities.
    """
    try:
        text = decode(data)
    except (UnicodeError, LookupError) as error:
        raise InputError(f"text that cannot be decoded: {error}", where=where) from error
    if "!" not in text:  # a single letter is found at memory speed
        return text
    text = _PLAIN_DOCTYPE.sub("", text, count=1)
    if has_declarations(text):
        raise InputError(
            "document type declarations with content are refused",
            where=where,
            hint="remove it; tracklets need no more than <!DOCTYPE boost_serialization>",
        )
    return text


def parse_root(text: str, where: str) -> Element:
    """Parse the text of a tracklet file.

    Raises:
        InputError: It is no well-formed XML.
    """
    from xml.etree import ElementTree as ET  # most files are read without it

    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there is nothing to expand
    except ET.ParseError as error:
        line = error.position[0]
        raise InputError(f"no well-formed XML: {error}", where=f"{where}:{line}") from error
    except ValueError as error:
        raise InputError(f"no well-formed XML: {error}", where=where) from error


def looks_like_tracklets(head: bytes) -> bool:
    """Tell by a file's first bytes whether its first two elements are a tracklet file's."""
    if head.startswith(_UTF16):
        head = head.decode("utf-16", "ignore").encode()
    names = _STARTS.findall(re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL))
    return names[:2] == [b"boost_serialization", b"tracklets"]
