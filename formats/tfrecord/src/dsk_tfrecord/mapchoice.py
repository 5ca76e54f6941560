"""Finding the label map of some records: folders may hold those of other datasets, too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import InputError
from dsk_tfrecord.labelmap import Entry, parse_label_map
from dsk_tfrecord.layout import DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_tfrecord.layout import Shard

__all__ = ["read_label_maps"]

Pair = tuple[str, int]
"""What an object says of its class: text and number."""

_HEAD = 1 << 12
_ITEM = re.compile(rb"(?:\xef\xbb\xbf)?(?:[\s,;]|#[^\n]*+)*+(?:item\b|\Z)")


def read_label_maps(
    root: InputRoot, shards: Sequence[Shard], pairs: Sequence[Pair], ledger: Ledger
) -> dict[int, Entry]:
    """Return the items of the label maps by id.

    Label maps are those beside the TFRecord files, else any in the dataset; of several in one
    folder those named ``…label_map.pbtxt`` are taken. Where they disagree, or others know more
    of the records' classes, those are taken that know all the classes that any of them knows.

    Raises:
        InputError: One is damaged, or none of several that disagree fits the records.
    """
    names, usual = _find(root, shards)
    maps: dict[str, list[Entry]] = {}
    for name in names:
        if _is_named(name) or _ITEM.match(root.read(name, _HEAD)):
            maps[name] = parse_label_map(root.text(name), root.show(name))
        elif name in usual:
            ledger.warn(f"{root.show(name)} is no label map and is not read")
    usual = [name for name in usual if name in maps]
    matched = {name: _matched(maps[name], pairs) for name in maps}
    known = set().union(*matched.values())
    if _conflict(usual, maps) is None and known == set().union(*(matched[n] for n in usual)):
        return _merged(usual, maps)
    best = [name for name in maps if known and matched[name] == known]
    conflict = _conflict(best or usual, maps)
    if conflict is not None:
        first, second, name = conflict
        if first in maps[name]:
            raise InputError(
                f"the id {first.id} is {first.name!r} and {second.name!r} in one label map",
                where=root.show(name),
            )
        raise InputError(
            f"the id {first.id} is {first.name!r} in another label map and {second.name!r} here",
            where=root.show(name),
            hint="convert the folders one by one, with the label map of the records only",
        )
    left = [root.show(name) for name in usual if best and name not in best]
    if left:
        ledger.warn(f"label maps that do not fit the records are not read: {', '.join(left)}")
    return _merged(best or usual, maps)


def _find(root: InputRoot, shards: Sequence[Shard]) -> tuple[list[str], list[str]]:
    """Return files that may be label maps, and those of them that are so by their places."""
    found: list[str] = []
    usual: list[str] = []
    for folder in dict.fromkeys(shard.name.rpartition("/")[0] for shard in shards):
        prefix = f"{folder}/" if folder else ""
        beside = [prefix + name for name in root.listing(folder).pick((".pbtxt",))]
        found += beside
        usual += [name for name in beside if _is_named(name)] or beside
    if not found:
        found = usual = root.files("", (".pbtxt",), DEPTH)
    return found, usual


def _is_named(name: str) -> bool:
    return "labelmap" in name.rpartition("/")[2].lower().replace("_", "").replace("-", "")


def _matched(entries: Iterable[Entry], pairs: Iterable[Pair]) -> set[Pair]:
    """Return the texts and numbers of records that a label map agrees with."""
    known = {(text, entry.id) for entry in entries for text in (entry.name, entry.display_name)}
    known |= {(text, 0) for text, _ in known}  # records need not have numbers
    return {pair for pair in pairs if pair[0] and pair in known}


def _conflict(
    names: Iterable[str], maps: dict[str, list[Entry]]
) -> tuple[Entry, Entry, str] | None:
    """Return two items of one id that differ, and the label map of the second."""
    entries: dict[int, Entry] = {}
    for name in names:
        for entry in maps[name]:
            known = entries.setdefault(entry.id, entry)
            if known.name != entry.name:
                return known, entry, name
    return None


def _merged(names: Iterable[str], maps: dict[str, list[Entry]]) -> dict[int, Entry]:
    entries: dict[int, Entry] = {}
    for name in names:
        for entry in maps[name]:
            entries.setdefault(entry.id, entry)
    return entries
