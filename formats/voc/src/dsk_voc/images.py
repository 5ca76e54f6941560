"""Which image belongs to an item."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from dsk.errors import RecordError, UnsafePathError
from dsk.media import Image
from dsk.names import clean_name
from dsk.xmltext import declared_encoding, parse_root
from dsk_voc.layouts import Home, Listing, in_one_case, join, xml_reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.files import InputRoot
    from dsk_voc.objects import Parsed

__all__ = ["ImageFinder", "used_images"]

_FILENAME = re.compile(rb"<filename>([^<]*)</filename>")


class ImageFinder:
    """Finds the images of a home's items.

    The name that the XML file states counts when there is such a file; else the item's id does, at
    last in another case, as file systems of Windows and macOS have it.
    """

    def __init__(self, root: InputRoot, home: Home) -> None:
        self._locate = root.locate
        self._names = home.names
        self._there = frozenset(home.names.values())
        # Lists and XML files may name images in sub-folders by their own names.
        self._below: dict[str, str] = {}
        doubled = set()
        for name in home.names.values() if any("/" in n for n in home.names) else ():
            base = name.rpartition("/")[2]
            if self._below.setdefault(base, name) != name:
                doubled.add(base)
        for base in doubled:
            del self._below[base]
        self._folded: dict[str, str] | None = None
        self._prefix = f"{home.images}/" if home.images else ""

    def __call__(self, item: str, parsed: Parsed | None) -> Image | None:
        """Return an item's image, which may not be there."""
        size = parsed.size if parsed is not None else None
        name = self.name(item, parsed.filename if parsed is not None else "")
        if name in self._there:
            return Image(name, self._locate(self._prefix + name), None, size)
        return Image(name, None, None, size) if name or size is not None else None

    def name(self, item: str, stated: str) -> str:
        """Return the name of an item's image below the folder of images, or a guess, or ""."""
        name = stated
        if stated and stated not in self._there:
            name = self._cleaned(stated)
        if name not in self._there:
            name = self._names.get(item) or self._below.get(name, name)
        if name not in self._there:
            if self._folded is None:
                self._folded = in_one_case(self._names)
            name = self._folded.get(item.lower(), name)
        return name

    def _cleaned(self, stated: str) -> str:
        """Return a stated name as one below the image folder; tools write whole paths, too."""
        try:
            name = clean_name(stated)
        except UnsafePathError:
            name = ""
        if name in self._there:
            return name
        base = stated.replace("\\", "/").rpartition("/")[2]
        return base if base in self._there else name or base


def used_images(root: InputRoot, listings: Iterable[Listing]) -> set[str]:
    """Return the names of the images that items have, by their ids or by their XML files.

    Only the XML files of items without an image of their name are read.
    """
    used = set()
    for listing in listings:
        home = listing.home
        find, read = ImageFinder(root, home), xml_reader(root, home.annotations)
        for item in listing.ids:
            stated = "" if item in home.names else _stated(read(item) or b"")
            used.add(join(home.images, find.name(item, stated)))
    return used


def _stated(data: bytes) -> str:
    """Return the file name that an XML file states, or ""."""
    if declared_encoding(data) in ("", "utf-8", "utf8"):
        found = _FILENAME.search(data)
        return unescape(found[1].decode("utf-8", "replace")).strip() if found is not None else ""
    try:
        return (parse_root(data, "").findtext("filename") or "").strip()
    except RecordError:
        return ""
