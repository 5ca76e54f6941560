"""A light index of a dataset for splitting: ids, and how often each class stands on each item."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk.annotations import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk_transforms.splits.units import Units

__all__ = ["TASKS", "ClassIndex", "Table", "table_of", "with_presence"]

TASKS: dict[str, frozenset[str]] = {
    "classification": frozenset({"label"}),
    "detection": frozenset(KINDS) - {"label", "caption"},
    "segmentation": frozenset({"mask", "polygon", "ellipse", "mask_3d"}),
    "any": frozenset(KINDS),
}
"""The annotation kinds that count for each task. Every shape is a detection: an object with an
outline (as COCO's are) has no box of its own beside it."""

_MEMO = 1 << 16


@dataclass(frozen=True, slots=True)
class Table:
    """How often each class stands on each unit: compressed sparse rows.

    Attributes:
        starts: (units + 1,) where each unit's entries begin.
        classes: (entries,) class numbers, ascending within a unit.
        counts: (entries,) how often.
        size: Number of classes.
    """

    starts: NDArray[np.int64]
    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    size: int


def table_of(
    units: NDArray[np.int64],
    classes: NDArray[np.int64],
    count: int,
    size: int,
    weights: NDArray[np.int64] | None = None,
) -> Table:
    """Count pairs of a unit and a class.

    Args:
        units: (pairs,) unit numbers.
        classes: (pairs,) class numbers.
        count: Number of units.
        size: Number of classes.
        weights: (pairs,) how often each pair counts; None: once.
    """
    cells, inverse = np.unique(units * max(size, 1) + classes, return_inverse=True)
    counts = np.bincount(inverse.reshape(-1), weights, len(cells)).astype(np.int64)
    unit, of = np.divmod(cells, max(size, 1))
    starts = np.searchsorted(unit, np.arange(count + 1))
    return Table(starts, of, counts, size)


def with_presence(table: Table) -> Table:
    """Add to each class another one that stands once wherever the class does.

    Keeping both in proportion, annotations and the units that show them, costs either little.
    Where no class stands twice on a unit the two are the same, and the table stays as it is.
    """
    if not len(table.counts) or int(table.counts.max()) == 1:
        return table
    count = len(table.starts) - 1
    unit = np.repeat(np.arange(count), np.diff(table.starts))
    order = np.lexsort((np.tile(table.classes, 2), np.repeat([0, 1], len(unit)), np.tile(unit, 2)))
    classes = np.concatenate([table.classes, table.classes + table.size])[order]
    counts = np.concatenate([table.counts, np.ones_like(table.counts)])[order]
    return Table(table.starts * 2, classes, counts, 2 * table.size)


class ClassIndex:
    """Collects classes while items pass by.

    A class is a label, a label with one value of one attribute, or a value of an item's attribute.
    Numbers with a fraction are measurements and make no classes.

    Args:
        kinds: Annotation kinds that count.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._numbers: dict[Any, int] = {}
        self._memo: dict[Any, tuple[int, ...]] = {}
        self._entries = array("i")
        self._ends = array("q")

    def watch(self, items: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        """Note the classes of items that are passed on."""
        kinds, everything = self._kinds, self._kinds >= KINDS.keys()
        memo, extend = self._memo, self._entries.extend
        for item in items:
            found = False
            for a in item.annotations:
                if a.label is None or not (everything or a.kind in kinds):
                    continue
                found = True
                attributes = a.attributes
                try:
                    key = (a.label, *attributes.items()) if attributes else a.label
                    classes = memo.get(key)
                except TypeError:  # a list among the values
                    key, classes = None, None
                extend(self._classes(a, key) if classes is None else classes)
            if found and item.attributes:
                extend(self._number(("", *pair)) for pair in _words(item.attributes))
            self._ends.append(len(self._entries))
            yield item

    def _number(self, key: tuple[Any, ...]) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _classes(self, a: Annotation, key: Any) -> tuple[int, ...]:
        classes = (
            self._number((a.label,)),
            *(self._number((a.label, *pair)) for pair in _words(a.attributes)),
        )
        if key is not None and len(self._memo) < _MEMO:
            self._memo[key] = classes
        return classes

    def table(self, units: Units, least: float) -> Table:
        """Sum up by unit.

        Args:
            units: What the items belong to.
            least: A value of an attribute counts if it stands on at least so many items; rarer
                ones (names, numbers of frames and tracks) cannot be shared out.
        """
        ends = np.frombuffer(self._ends, np.int64)
        entries = np.frombuffer(self._entries, np.intc).astype(np.int64)
        rows = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        by_item = table_of(rows, entries, len(ends), len(self._numbers))
        kept = self._useful(by_item, least)
        rows = np.repeat(np.arange(len(ends)), np.diff(by_item.starts))
        some = kept[by_item.classes]
        unit, classes = units.of[rows[some]], (np.cumsum(kept) - 1)[by_item.classes[some]]
        size, weights = int(kept.sum()), by_item.counts[some]
        return with_presence(table_of(unit, classes, len(units.sizes), size, weights))

    def _useful(self, table: Table, least: float) -> NDArray[np.bool_]:
        """Tell which classes say something.

        Rare values do not, nor does the commonest value of an attribute that always stands: where
        the label and all other values are in proportion, it is too.
        """
        total = np.bincount(table.classes, table.counts, table.size)
        items = np.bincount(table.classes, minlength=table.size)
        kept = np.ones(table.size, bool)
        values: dict[Any, list[int]] = {}
        for key, n in self._numbers.items():
            if len(key) > 1:
                kept[n] = items[n] >= least
                values.setdefault(key[:2], []).append(n)
        with_class = int((np.diff(table.starts) > 0).sum())
        for (label, _), numbers in values.items():
            on_items = label == ""
            counts = (items if on_items else total)[numbers]
            if counts.sum() == (with_class if on_items else total[self._numbers[label,]]):
                kept[numbers[int(counts.argmax())]] = False
        return kept


def _words(attributes: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in attributes.items():
        if isinstance(value, list | tuple | dict):
            yield name, repr(value)
        elif value is not None and not isinstance(value, float):
            yield name, value
