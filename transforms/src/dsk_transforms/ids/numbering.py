"""Numbers for ids: of items, and of annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.flow import Transform
from dsk_transforms.ids.naming import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Reindex", "ReindexAnnotations"]

_TWICE = "rename tells them apart"


class Reindex(Transform):
    """Gives items consecutive numbers as ids, in the order of the dataset.

    Args:
        start: The first number.
    """

    needs_plan = True
    plan_on = "ids"

    def __init__(self, *, start: int = 1) -> None:
        self._start = start
        self._numbers: dict[str, dict[str, int]] = {}

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Count the items.

        Raises:
            UsageError: Two items have the same id and subset.
        """
        names, numbers = Names("reindex", _TWICE), dict[str, dict[str, int]]()
        for number, item in enumerate(items, self._start):
            names.add(item.id, item.subset, item)
            numbers.setdefault(item.subset, {})[item.id] = number
        self._numbers = numbers

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item with its number as id."""
        new = str(self._numbers[item.subset][item.id])
        if new == item.id:
            return item
        ledger.add_at("DSK-L015", "ids numbered by reindex", item)
        return item.replace(id=new)


class ReindexAnnotations(Transform):
    """Gives annotations consecutive numbers as ids.

    Args:
        start: The first number.
        reindex_each_item: Every item begins at ``start``; otherwise the numbers run on over the
            whole dataset.
    """

    needs_plan = True
    keeps_ids = True

    def __init__(self, *, start: int = 1, reindex_each_item: bool = False) -> None:
        self._start = start
        self._each = reindex_each_item
        self._first: dict[str, dict[str, int]] = {}

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Count the annotations before each item.

        Raises:
            UsageError: Two items have the same id and subset.
        """
        if self._each:
            return
        names, first = Names("reindex_annotations", _TWICE), dict[str, dict[str, int]]()
        number = self._start
        for item in items:
            names.add(item.id, item.subset, item)
            first.setdefault(item.subset, {})[item.id] = number
            number += len(item.annotations)
        self._first = first

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item with numbered annotations."""
        before = item.annotations
        if not before:
            return item
        start = self._start if self._each else self._first[item.subset][item.id]
        changed = 0
        after: list[Annotation] = []
        for number, annotation in enumerate(before, start):
            if annotation.id == number:
                after.append(annotation)
            else:
                after.append(replace(annotation, id=number))
                changed += 1
        if not changed:
            return item
        what = "ids of annotations numbered by reindex_annotations"
        ledger.add_at("DSK-L015", what, item, count=changed)
        return item.replace(annotations=after)
