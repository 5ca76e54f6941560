"""Removing items, annotations and attributes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from dsk.errors import OptionError
from dsk.flow import Transform
from dsk.item import DEFAULT_SUBSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["RemoveAnnotations", "RemoveAttributes", "RemoveItems", "RenameAttributes"]

CHANGED = "DSK-L022"
"""The note for what was changed because it was asked for: no loss, so ``--strict`` allows it."""

Key = tuple[str, str]
Scope = Literal["all", "items", "annotations"]
_SCOPES = ("all", "items", "annotations")


def _key(who: str, text: Any) -> Key:
    """Return the id and subset of ``id:subset``, or of a pair of them.

    Raises:
        OptionError: It is neither.
    """
    if not isinstance(text, str):
        parts = tuple(text) if isinstance(text, tuple | list) else ()
        if len(parts) == 2 and all(isinstance(part, str) for part in parts):
            return parts[0], parts[1]
    else:
        name, _, subset = text.rpartition(":")  # an id may hold a colon, a subset hardly
        if name:
            return name, subset or DEFAULT_SUBSET
    raise OptionError(f"{who}: {text!r} names no item", hint="write id:subset")


class _Absent:
    """What was named and has not been seen: ids that no item has are told as a warning."""

    def __init__(self, who: str, keys: Iterable[Key]) -> None:
        self._who = who
        self._keys = set(keys)
        self._first: Key | None = None
        self._missing: list[str] = []

    def look(self, items: Iterable[DatasetItem]) -> None:
        missing = set(self._keys)
        self._first = None
        for item in items:
            if self._first is None:
                self._first = (item.id, item.subset)
            missing.discard((item.id, item.subset))
        self._missing = [
            f"{self._who}: there is no item {name!r} in subset {subset!r}"
            for name, subset in sorted(missing)
        ]

    def tell(self, item: DatasetItem, ledger: Ledger) -> None:
        if self._missing and (item.id, item.subset) == self._first:
            for message in self._missing:
                ledger.warn(message)


class RemoveItems(Transform):
    """Remove items by their ids.

    Args:
        ids: The items, each as ``id:subset``.

    Raises:
        OptionError: There is none, or one is no ``id:subset``.
    """

    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, ids: Sequence[Any] = ()) -> None:
        if not ids:
            raise OptionError("remove_items: no item is named", hint="--id id:subset, repeatable")
        self._keys = frozenset(_key("remove_items", text) for text in ids)
        self._absent = _Absent("remove_items", self._keys)

    def header(self, header: Header) -> Header:
        """Return the header; how many items stay is not known yet."""
        return replace(header, items=None)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find out which of the items are not there."""
        self._absent.look(items)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Keep the item unless it is one of them."""
        self._absent.tell(item, ledger)
        return None if (item.id, item.subset) in self._keys else item


class RemoveAnnotations(Transform):
    """Remove annotations of some items.

    Args:
        ids: ``id:subset`` for all annotations of an item, ``id:subset:annotation`` for the one with
            that id. Empty: all annotations of all items.

    Raises:
        OptionError: One is neither.
    """

    keeps_ids = True
    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, ids: Sequence[Any] = ()) -> None:
        self._whole: set[Key] = set()
        self._some: dict[Key, set[int]] = {}
        for text in ids:
            key, number = self._parsed(text)
            if number is None:
                self._whole.add(key)
            else:
                self._some.setdefault(key, set()).add(number)
        self._all = not ids
        self._absent = _Absent("remove_annotations", self._whole | self._some.keys())

    @staticmethod
    def _parsed(text: Any) -> tuple[Key, int | None]:
        number: Any = None
        rest = text
        if isinstance(text, str):
            head, _, tail = text.rpartition(":")
            if ":" in head and tail.lstrip("-").isdecimal():
                rest, number = head, int(tail)
        elif isinstance(text, tuple | list) and len(text) == 3:
            rest, number = tuple(text[:2]), text[2]
        if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
            raise OptionError(f"remove_annotations: {number!r} is no id of an annotation")
        return _key("remove_annotations", rest), number

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find out which of the items are not there."""
        if not self._all:
            self._absent.look(items)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Remove them, which is reported (DSK-L019)."""
        key = (item.id, item.subset)
        self._absent.tell(item, ledger)
        left: list[Annotation]
        if self._all or key in self._whole:
            left = []
        elif key in self._some:
            left = [a for a in item.annotations if a.id not in self._some[key]]
            there = {a.id for a in item.annotations}
            for number in sorted(self._some[key] - there):
                ledger.warn(
                    f"remove_annotations: item {item.id!r} in subset {item.subset!r} has no "
                    f"annotation {number}"
                )
        else:
            return item
        gone = len(item.annotations) - len(left)
        if not gone:
            return item
        what = "removed by id" if left or not self._all else "all removed"
        ledger.add_at("DSK-L019", what, item, count=gone)
        return item.replace(annotations=left)


class RemoveAttributes(Transform):
    """Remove attributes of items and annotations.

    Args:
        attributes: Which ones; empty: all.
        ids: Only those of these items and of their annotations, each as ``id:subset``; empty: all.
        scope: "items", "annotations" or "all".

    Raises:
        OptionError: An item is not named as ``id:subset``.
    """

    def __init__(
        self, *, attributes: Sequence[str] = (), ids: Sequence[Any] = (), scope: Scope = "all"
    ) -> None:
        if scope not in _SCOPES:
            raise OptionError(f"remove_attributes: scope cannot be {scope!r}", hint=str(_SCOPES))
        self._names = frozenset(attributes)
        self._keys = frozenset(_key("remove_attributes", text) for text in ids)
        self._items = scope != "annotations"
        self._annotations = scope != "items"

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Remove them; how many of which name is reported."""
        if self._keys and (item.id, item.subset) not in self._keys:
            return item
        changes: dict[str, Any] = {}
        if self._items and item.attributes:
            gone = self._gone(item.attributes)
            if gone:
                changes["attributes"] = _without(item.attributes, gone)
                for name in gone:
                    what = f"item attribute {name!r} removed"
                    ledger.add_at(CHANGED, what, item)
        if self._annotations:
            made = self._bared(item, ledger)
            if made is not None:
                changes["annotations"] = made
        return item.replace(**changes) if changes else item

    def _gone(self, attributes: Mapping[str, Any]) -> list[str]:
        names = self._names
        return [name for name in attributes if not names or name in names]

    def _bared(self, item: DatasetItem, ledger: Ledger) -> list[Annotation] | None:
        counts: dict[str, int] = {}
        made: list[Annotation] = []
        for a in item.annotations:
            gone = self._gone(a.attributes) if a.attributes else ()
            if not gone:
                made.append(a)
                continue
            made.append(replace(a, attributes=_without(a.attributes, gone)))
            for name in gone:
                counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            what = f"attribute {name!r} removed"
            ledger.add_at(CHANGED, what, item, count=count)
        return made if counts else None


def _without(attributes: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in names}


class RenameAttributes(Transform):
    """Rename attributes of items, annotations and labels.

    Where something has an attribute of the new name already, that one is kept and the other goes,
    which is reported as a loss (DSK-L004, DSK-L009) unless both have the same value.

    Args:
        mapping: New names by old ones.
        scope: "items", "annotations" or "all".

    Raises:
        OptionError: There is no mapping, or a new name is empty.
    """

    def __init__(self, *, mapping: Mapping[str, str] | None = None, scope: Scope = "all") -> None:
        if not mapping or not all(mapping.values()):
            raise OptionError(
                "rename_attributes: no new name is given",
                hint="-a old:new, repeatable; remove_attributes removes them",
            )
        if scope not in _SCOPES:
            raise OptionError(f"rename_attributes: scope cannot be {scope!r}", hint=str(_SCOPES))
        self._mapping = dict(mapping)
        self._items = scope != "annotations"
        self._annotations = scope != "items"

    def header(self, header: Header) -> Header:
        """Rename them among the attributes that labels may have."""
        if not self._annotations:
            return header
        old = header.categories
        labels = tuple(replace(lab, attributes=self._list(lab.attributes)) for lab in old.labels)
        made = replace(old, labels=labels, attributes=self._list(old.attributes))
        return replace(header, categories=made)

    def _list(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._mapping.get(name, name) for name in names))

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Rename them; how many of which name is reported."""
        changes: dict[str, Any] = {}
        if self._items and not self._mapping.keys().isdisjoint(item.attributes):
            changes["attributes"] = self._renamed(item.attributes, item, None, ledger)
        if self._annotations:
            made = [
                a
                if self._mapping.keys().isdisjoint(a.attributes)
                else replace(a, attributes=self._renamed(a.attributes, item, a, ledger))
                for a in item.annotations
            ]
            if any(a is not b for a, b in zip(made, item.annotations, strict=True)):
                changes["annotations"] = made
        return item.replace(**changes) if changes else item

    def _renamed(
        self,
        attributes: Mapping[str, Any],
        item: DatasetItem,
        a: Annotation | None,
        ledger: Ledger,
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in attributes.items():
            new = self._mapping.get(name, name)
            if new == name:
                made[name] = value
                continue
            # One that has the name already, and keeps it, comes first.
            stays = new in attributes and self._mapping.get(new, new) == new
            rival = attributes[new] if stays else made.get(new, value)
            code = CHANGED
            if rival != value:
                code = "DSK-L009" if a is None else "DSK-L004"
            if not stays:
                made.setdefault(new, value)
            lost = f"attribute {name!r}: there is another {new!r}"
            what = f"attribute {name!r} → {new!r}" if rival == value else lost
            ledger.add(
                code,
                what,
                kind="" if a is None else a.kind,
                item=item.id,
                subset=item.subset,
                annotation=0 if a is None else a.id,
            )
        return made
