"""The lists below ``ImageSets``: gathered per partition, written at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dsk.errors import OutputError, UnsafePathError
from dsk.names import clean_name
from dsk_voc.tasks import ACTION, CLASSIFICATION, LAYOUT, LISTS, SEGMENTATION, SETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.output import WriteContext
    from dsk_voc.labelmap import Entry

__all__ = ["Share", "SubsetLists", "merge", "write_lists"]

MANY_LINES = 20_000_000
"""With more lines than this, class lists name only the images that have the class."""

_BAD_SUBSET = re.compile(r"[_/\\:\x00-\x1f]+")


class SubsetLists(Struct):
    """What the lists of one subset say.

    Attributes:
        main: Ids of its items.
        segmentation: Ids of items with masks, and of items without annotations.
        layout: Ids of items, with the numbers of objects that have parts.
        action: Ids of items, with the actions of objects by number.
        classes: Ids of items that have labels, with the names of these.
    """

    main: list[str] = field(default_factory=list)
    segmentation: list[str] = field(default_factory=list)
    layout: list[tuple[str, list[int]]] = field(default_factory=list)
    action: list[tuple[str, dict[int, list[str]]]] = field(default_factory=list)
    classes: list[tuple[str, frozenset[str]]] = field(default_factory=list)


class Share(Struct):
    """What one partition leaves for the end.

    Attributes:
        subsets: Lists by subset.
        content: Checksum of what was written, by id and subset; empty when ids cannot meet.
        alone: Names of parts that are objects of their own, see ``Assembled``.
    """

    subsets: dict[str, SubsetLists] = field(default_factory=dict)
    content: list[tuple[str, str, int]] = field(default_factory=list)
    alone: set[str] = field(default_factory=set)


def merge(shares: Iterable[Share]) -> dict[str, SubsetLists]:
    """Join the shares of all partitions.

    Raises:
        OutputError: Two subsets have items of the same id and different content.
    """
    subsets: dict[str, SubsetLists] = {}
    content: dict[str, tuple[str, int]] = {}
    for share in shares:
        for name, lists in share.subsets.items():
            whole = subsets.setdefault(name, SubsetLists())
            for key in SubsetLists.__struct_fields__:
                getattr(whole, key).extend(getattr(lists, key))
        for item, subset, checksum in share.content:
            first, there = content.setdefault(item, (subset, checksum))
            if there != checksum:
                raise OutputError(
                    f"subsets {first!r} and {subset!r} both have an item {item!r}, and VOC keeps "
                    "one file per id",
                    hint="-O subset_folders=true keeps them apart",
                )
    return subsets


def write_lists(
    subsets: dict[str, SubsetLists],
    entries: Sequence[Entry],
    tasks: frozenset[str],
    ctx: WriteContext,
    *,
    keep_empty: bool,
) -> None:
    """Write all lists of some tasks."""
    actions = list(dict.fromkeys(a for entry in entries for a in entry.actions))
    for subset, lists in _named(subsets, ctx).items():
        _write(ctx, f"Main/{subset}", lists.main, keep_empty=keep_empty)
        if CLASSIFICATION in tasks and (lists.classes or keep_empty):
            _write_classes(ctx, subset, lists, entries)
        if SEGMENTATION in tasks:
            name = f"{LISTS[SEGMENTATION]}/{subset}"
            _write(ctx, name, lists.segmentation, keep_empty=keep_empty)
        if LAYOUT in tasks:
            lines = [line for entry in lists.layout for line in _layout_lines(*entry)]
            _write(ctx, f"{LISTS[LAYOUT]}/{subset}", lines, keep_empty=keep_empty)
        if ACTION in tasks:
            ids = [item for item, _ in lists.action]
            _write(ctx, f"{LISTS[ACTION]}/{subset}", ids, keep_empty=keep_empty)
            for action in actions if ids or keep_empty else ():
                lines = [
                    f"{item} {number} {1 if action in done else -1: d}"
                    for item, objects in lists.action
                    for number, done in objects.items()
                ]
                _write(ctx, f"{LISTS[ACTION]}/{action}_{subset}", lines, keep_empty=keep_empty)


def _named(subsets: dict[str, SubsetLists], ctx: WriteContext) -> dict[str, SubsetLists]:
    """Give subsets names that readers take for those of subsets: "_" marks lists of a class."""
    named: dict[str, SubsetLists] = {}
    for subset, lists in subsets.items():
        base = name = _BAD_SUBSET.sub("-", subset).strip(". ") or "default"
        number = 2
        while name in named or (name != subset and name in subsets):
            name, number = f"{base}-{number}", number + 1
        if name != subset:
            ctx.ledger.add(
                "DSK-L012", f"subset {subset!r} is called {name!r}", count=len(lists.main)
            )
        named[name] = lists
    return named


def _write(ctx: WriteContext, name: str, lines: Sequence[str], *, keep_empty: bool) -> None:
    if lines or keep_empty:
        text = "".join(f"{line}\n" for line in lines)
        ctx.write(f"{SETS}/{name}.txt", text.encode("utf-8", "surrogateescape"))


def _layout_lines(item: str, objects: Sequence[int]) -> list[str]:
    quoted = f'"{item}"' if len(item.split()) > 1 else item
    return [f"{quoted} {number: d}" for number in objects] if objects else [quoted]


def _write_classes(
    ctx: WriteContext, subset: str, lists: SubsetLists, entries: Sequence[Entry]
) -> None:
    """Write one list per label: which items have it."""
    items = lists.classes
    by_class: dict[str, list[int]] = {}
    for number, (_, names) in enumerate(items):
        for name in names:
            by_class.setdefault(name, []).append(number)
    everything = len(items) * len(entries) <= MANY_LINES
    if not everything:
        ctx.ledger.warn("class lists name only the images that have the class, they are so many")
    absent = [f"{item} -1" for item, _ in items] if everything else []
    for entry in entries:
        present = by_class.get(entry.name, [])
        lines = absent.copy() if everything else []
        for number in present:
            line = f"{items[number][0]}  1"
            if everything:
                lines[number] = line
            else:
                lines.append(line)
        if _safe(entry.name):
            _write(ctx, f"Main/{entry.name}_{subset}", lines, keep_empty=True)
        elif present:
            what = f"label {entry.name!r} cannot be the name of a list"
            ctx.ledger.add("DSK-L018", what, kind="label", count=len(present))


def _safe(name: str) -> bool:
    """Tell whether a label can begin a file name; readers join it with the folder just so."""
    try:
        return clean_name(f"{name}_") == f"{name}_"
    except UnsafePathError:
        return False
