"""Writing the tree of an item as XML: what ``dsk filter --dry-run`` shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from dsk_transforms.filtering.tree import Node, item_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk_transforms.filtering.values import Scope

__all__ = ["item_xml"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can hold; U+FFFD stands for them."""


def item_xml(scope: Scope) -> str:
    """Return an item as indented XML, ending with a line break."""
    return "".join(f"{line}\n" for line in _lines(item_tree(scope).children[0], ""))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _lines(node: Node, indent: str) -> Iterator[str]:
    value = node.value
    head = "".join(f" {a.name}={quoteattr(_clean(text_of(a.value)))}" for a in node.attributes)
    if not isinstance(value, list):
        text = escape(_clean(text_of(value)))
        yield f"{indent}<{node.name}{head}>{text}</{node.name}>"
        return
    yield f"{indent}<{node.name}{head}>"
    for child in node.children:
        if child.is_there:
            yield from _lines(child, indent + "  ")
    yield f"{indent}</{node.name}>"
