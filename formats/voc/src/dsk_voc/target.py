"""The label map of an export: its labels, their colours, and what they are called."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dsk.errors import DskError, OptionError
from dsk.files import DirectoryRoot
from dsk.labelmaps import palette
from dsk.names import fitting
from dsk_voc.labelmap import VOID, Entry, default_map, parse_label_map, read_label_map
from dsk_voc.tasks import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.categories import Categories
    from dsk.loss import Ledger

__all__ = ["XML_REFUSES", "Target", "make_target", "with_labels"]

BACKGROUND = "background"

XML_REFUSES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML 1.0 document can hold."""

# What the grammar of labelmap.txt cannot hold in a name.
_NO_NAME = re.compile(r"[:\r\n\t]|^[\s#]|\s$|^$")
_NO_PART = re.compile(r"[:,\r\n\t]|^\s|\s$|^$")
_XML_NAME = re.compile(r"[^\W\d][\w.-]*")


class Target(Struct):
    """The label map and how the source's labels fit it.

    Attributes:
        entries: The label map; the background comes first, all have colours.
        names: Name by source label: that of its entry or part; None when it is in neither.
        index: Index of the entry by source label; None for parts and labels that are not there.
        actions: Names of actions by source label.
        void: Index of the entry for void pixels, or None.
    """

    entries: list[Entry]
    names: list[str | None]
    index: list[int | None]
    actions: list[frozenset[str]]
    void: int | None = None

    def owns(self, owner: int, part: int) -> bool:
        """Tell whether a label has another one for a part."""
        number = self.index[owner]
        return number is not None and self.names[part] in self.entries[number].parts


def make_target(categories: Categories, label_map: str, *, meta: bool, ledger: Ledger) -> Target:
    """Return the label map of an export.

    Args:
        categories: The source's.
        label_map: "source", "voc" (or the name of a VOC format), or the path of a file.
        meta: It will be written as JSON, which can hold any name.
        ledger: For names and colours that change.

    Raises:
        OptionError: There is no such map.
    """
    if label_map == "source":
        entries = _from_source(categories)
    elif label_map in FORMATS:
        entries = default_map()
    else:
        entries = _from_file(label_map)
    before = [entry.name for entry in entries]
    if not meta:
        entries = _writable(entries, ledger)
    renamed = dict(zip(before, [entry.name for entry in entries], strict=True))
    entries = _with_colors(_with_background(entries), ledger)
    by_name = {entry.name: n for n, entry in enumerate(entries)}
    parts = {part for entry in entries for part in entry.parts}
    names: list[str | None] = []
    index: list[int | None] = []
    for label in categories.labels:
        name = renamed.get(label.name, label.name)
        there = by_name.get(name)
        names.append(name if there is not None or name in parts else None)
        index.append(there)
    actions = [
        frozenset(a for a in entries[n].actions if _XML_NAME.fullmatch(a))
        if n is not None
        else frozenset()
        for n in index
    ]
    void = by_name.get(VOID)
    return Target(entries, names, index, actions, void)


def stated_names(value: Any) -> tuple[str, ...]:
    """Return the names that a label's extra fields list; other formats may bring anything there."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _from_source(categories: Categories) -> list[Entry]:
    """Take the source's labels; VOC's own say which of them are parts and actions."""
    entries: dict[str, Entry] = {}
    for number, label in enumerate(categories.labels):
        own = (label.extra or {}).get("voc") or {}
        parts, actions = stated_names(own.get("parts")), stated_names(own.get("actions"))
        entries.setdefault(
            label.name, Entry(label.name, categories.colors.get(number), parts, actions)
        )
    parts_of = {part for entry in entries.values() for part in entry.parts}
    return [
        entry
        for entry in entries.values()
        if entry.name not in parts_of or entry.color is not None or entry.parts
    ]


def _from_file(path: str) -> list[Entry]:
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    if not os.path.isfile(path):  # noqa: PTH113
        raise OptionError(
            f"label_map {path!r} is no file", hint="source, voc, or a labelmap.txt file"
        )
    root = DirectoryRoot(folder)
    try:
        if name.endswith(".json"):
            return read_label_map(root, "") or []
        return parse_label_map(root.text(name), path)
    except DskError as error:
        raise OptionError(f"label_map: {error}") from error


def _writable(entries: Iterable[Entry], ledger: Ledger) -> list[Entry]:
    """Change names that labelmap.txt cannot hold."""
    changed: list[Entry] = []
    taken: set[str] = set()
    for entry in entries:
        name = fitting(XML_REFUSES.sub("_", entry.name), _NO_NAME, taken)
        taken.add(name)
        new = replace(
            entry,
            name=name,
            parts=tuple(fitting(XML_REFUSES.sub("_", part), _NO_PART) for part in entry.parts),
            actions=tuple(
                fitting(XML_REFUSES.sub("_", action), _NO_PART) for action in entry.actions
            ),
        )
        for old, now in zip((entry.name, *entry.parts), (new.name, *new.parts), strict=True):
            if old != now:
                ledger.add(
                    "DSK-L010",
                    f"label name {old!r} becomes {now!r}",
                    hint="save_dataset_meta can hold any name",
                )
        changed.append(new)
    return changed


def _with_background(entries: list[Entry]) -> list[Entry]:
    found = next((e for e in entries if e.name == BACKGROUND), None) or next(
        (e for e in entries if e.color == (0, 0, 0)), None
    )
    if found is None:
        return [Entry(BACKGROUND, (0, 0, 0)), *entries]
    return [found, *(e for e in entries if e is not found)]


def with_labels(entries: Sequence[Entry], names: Iterable[str]) -> list[Entry]:
    """Return a label map with further labels behind the others, in colours of their own."""
    used = {entry.color for entry in entries}
    more = sorted(names)
    free = [color for color in palette(len(used) + len(more) + 1) if color not in used]
    return [*entries, *map(Entry, more, free)]


def _with_colors(entries: Sequence[Entry], ledger: Ledger) -> list[Entry]:
    """Give every label a colour of its own, or readers could not tell their masks apart."""
    fresh = palette(2 * len(entries) + 256)
    if all(e.color is None or (n == 0 and e.name == BACKGROUND) for n, e in enumerate(entries)):
        return [replace(e, color=fresh[n]) for n, e in enumerate(entries)]
    used = {e.color for e in entries}
    free = (color for color in fresh if color not in used)
    seen: set[tuple[int, int, int]] = set()
    done = []
    for entry in entries:
        color = entry.color
        if color is None or color in seen:
            if color is not None:
                ledger.add("DSK-L010", f"colour of label {entry.name!r}, which another one has")
            color = next(free)
        seen.add(color)
        done.append(replace(entry, color=color))
    return done
