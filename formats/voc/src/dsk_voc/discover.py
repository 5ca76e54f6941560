"""Finding labels by reading all objects, for datasets without a label map."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from dsk.errors import RecordError
from dsk.xmltext import parse_root
from dsk_voc.labelmap import Entry, default_map
from dsk_voc.layouts import xml_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.files import InputRoot
    from dsk_voc.layouts import Listing

__all__ = ["discover"]

_OBJECT = re.compile(rb"<object>\s*<name>([^<]*)</name>")
_ENCODED = re.compile(rb"\xff\xfe|\xfe\xff|<\?xml[^>]*encoding=['\"](?!utf-8['\"])", re.IGNORECASE)
"""How files begin that are not UTF-8."""


class _Found:
    """Names of labels with the parts and actions of their objects, in the order of the files."""

    def __init__(self) -> None:
        self.names: dict[bytes, None] = {}
        self.labels: dict[str, tuple[dict[str, None], dict[str, None]]] = {}

    def scan(self, data: bytes) -> None:
        found = _OBJECT.findall(data)
        rich = b"<part" in data or b"<actions" in data
        if rich or len(found) != data.count(b"<object") or _ENCODED.match(data):
            self._parse(data)
        else:
            self.names.update(dict.fromkeys(found))

    def _parse(self, data: bytes) -> None:
        try:
            root = parse_root(data, "")
        except RecordError:
            return  # said when the item is read
        for element in root.iterfind("object"):
            name = (element.findtext("name") or "").strip()
            if not name:
                continue
            parts, actions = self.labels.setdefault(name, ({}, {}))
            parts.update(
                (p, None) for e in element.iterfind("part/name") if (p := (e.text or "").strip())
            )
            actions.update((action.tag, None) for e in element.iterfind("actions") for action in e)

    def entries(self) -> list[Entry]:
        """Return what was found, by name."""
        for raw in self.names:
            name = unescape(raw.decode("utf-8", "replace")).strip()
            if name:
                self.labels.setdefault(name, ({}, {}))
        return [
            Entry(name, None, tuple(parts), tuple(actions))
            for name, (parts, actions) in sorted(self.labels.items())
        ]


def discover(
    root: InputRoot, listings: Sequence[Listing], listed: Iterable[str], *, kit: bool
) -> list[Entry]:
    """Return the label map of a dataset that has none.

    In the development kit's layout it is the kit's own, as long as it names all labels. With other
    labels, and in loose layouts, it is made of the names that occur; the kit's labels stay where
    masks refer to them by index.

    Args:
        root: The input.
        listings: All subsets.
        listed: Names of classes that have lists of their own.
        kit: Whether the layout is the development kit's.
    """
    found = _Found()
    for listing in listings:
        read = xml_reader(root, listing.home.annotations)
        for item in listing.ids:
            data = read(item)
            if data is not None:
                found.scan(data)
    entries = found.entries()
    names = {entry.name for entry in entries}
    entries += [Entry(name) for name in sorted(set(listed) - names)]
    if not kit:
        return entries
    standard = default_map()
    known = {e.name for e in standard} | {p for e in standard for p in e.parts}
    if all(e.name in known and known.issuperset(e.parts) for e in entries):
        return standard
    if any(listing.home.class_masks for listing in listings):
        return [*standard, *(e for e in entries if e.name not in known)]
    return entries
