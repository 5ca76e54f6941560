"""Other names for subsets; two that get one name become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.errors import OptionError, did_you_mean
from dsk.flow import Transform
from dsk.item import DEFAULT_SUBSET
from dsk_transforms.ids.naming import CHANGED, Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["MapSubsets"]

_OTHERS = "*"


class MapSubsets(Transform):
    """Renames and joins subsets.

    Args:
        mapping: New names by old ones. An empty new name is "default"; the old name ``*`` stands
            for all that are not named.
    """

    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, mapping: Mapping[str, str] | None = None) -> None:
        if not mapping:
            raise OptionError("map_subsets: no mapping is given", hint="-s old:new, repeatable")
        self._mapping = {old: new or DEFAULT_SUBSET for old, new in mapping.items()}
        self._rest = self._mapping.pop(_OTHERS, None)
        self._first: tuple[str, str] | None = None
        self._absent: list[str] = []

    def _new(self, subset: str) -> str:
        return self._mapping.get(subset) or self._rest or subset

    def header(self, header: Header) -> Header:
        """Return the header with the new names."""
        names = tuple(dict.fromkeys(self._new(name) for name in header.subsets))
        return replace(header, subsets=names)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Check that no two items of joined subsets have the same id.

        Raises:
            UsageError: Two have.
        """
        names = Names("map_subsets", "rename -e '|^|{item.subset}/|' before it tells them apart")
        seen: dict[str, str] = {}
        self._first = None
        for item in items:
            subset = item.subset
            if subset not in seen:
                seen[subset] = self._new(subset)
            if self._first is None:
                self._first = (item.id, subset)
            names.add(item.id, seen[subset], item)
        there = f"there are {', '.join(sorted(seen))}"
        self._absent = [
            f"map_subsets: there is no subset {old!r} ({did_you_mean(old, seen) or there})"
            for old in self._mapping
            if old not in seen
        ]

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item in its new subset."""
        if self._absent and (item.id, item.subset) == self._first:
            for message in self._absent:
                ledger.warn(message)
        new = self._new(item.subset)
        if new == item.subset:
            return item
        ledger.add_at(CHANGED, f"subset {item.subset!r} → {new!r}", item)
        return item.replace(subset=new)
