"""Lists of subsets that lie beside the folders of a dataset, not in ``ImageSets``."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from dsk.errors import UnsafePathError
from dsk.names import clean_name
from dsk.splits import NUMBERED_SPLIT
from dsk_voc.layouts import Listing, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["list_of_pairs", "split_by_lists"]

_LIST = re.compile(rf"({NUMBERED_SPLIT.pattern})(?:[-_]list)?\.txt", re.IGNORECASE)


def split_by_lists(root: InputRoot, listings: Sequence[Listing], ledger: Ledger) -> list[Listing]:
    """Divide a dataset of one home by the lists ``train.txt``, ``val_list.txt`` and the like.

    Lines name an image by its id, its file, or (PaddleX) its image and annotation file. Items in
    none of the lists stay in their own subset. A list that names no item is not one of subsets.
    """
    if len(listings) != 1:
        return list(listings)
    (whole,) = listings
    known = set(whole.ids)
    by_end = _by_end([*whole.home.names, *whole.ids])
    found: list[Listing] = []
    for subset, name in _lists(root, whole.home.path):
        ids: dict[str, None] = {}
        missed = ""
        for line in filter(None, map(str.strip, root.text(name).split("\n"))):
            item = next((by_end[end] for end in _ends(line) if end in by_end), None)
            if item is None:
                missed = missed or line
            else:
                ids[item] = None
        if known.isdisjoint(ids):
            continue
        if missed:
            ledger.warn(
                f"{name} has lines that name no image and no annotation file, e.g. {missed}"
            )
        found.append(Listing(subset, whole.home, list(ids)))
    listed = {item for listing in found for item in listing.ids}
    left = [item for item in whole.ids if item not in listed]
    return [*found, Listing(whole.subset, whole.home, left)] if left or not found else found


def list_of_pairs(root: InputRoot) -> str | None:
    """Return the first list in the given folder whose first line ends in an XML file that is there.

    PaddleX writes such lists; others' lists of pairs name masks.
    """
    for _, name in _lists(root, ""):
        first = root.read(name, 1 << 12).decode("utf-8", "replace").strip().partition("\n")[0]
        last = first.split()[-1:]
        with suppress(UnsafePathError):
            if last and last[0].lower().endswith(".xml") and root.is_file(clean_name(last[0])):
                return name
    return None


def _lists(root: InputRoot, home: str) -> Iterator[tuple[str, str]]:
    """Yield subset and name of the files named like lists, of the home and of the root."""
    for folder in dict.fromkeys((home, "")):
        names = [join(folder, n) for n in root.listing(folder).pick((".txt",))]
        lists = [(m[1], n) for n in names if (m := _LIST.fullmatch(n.rpartition("/")[2]))]
        if lists:
            yield from lists
            return


def _by_end(ids: Sequence[str]) -> dict[str, str]:
    """Return ids by themselves and by their last parts, where these are of one id only."""
    found = {item: item for item in ids}
    doubled = set()
    for item in found.copy():
        base = item.rpartition("/")[2]
        if base != item and found.setdefault(base, item) != item:
            doubled.add(base)
    for base in doubled.difference(ids):
        del found[base]
    return found


def _ends(line: str) -> Iterator[str]:
    """Yield what may be an id in a line, the longest first."""
    fields = line.split()
    whole = [line] if len(fields) == 1 else [line, fields[-1], fields[0]]
    for text in whole:
        try:
            name = clean_name(text.replace("\\", "/").lstrip("/"))
        except UnsafePathError:
            name = text.replace("\\", "/").rpartition("/")[2]
        parts = name.split("/")
        for n in range(len(parts)):
            end = "/".join(parts[n:])
            yield end
            yield re.sub(r"\.\w+$", "", end)
