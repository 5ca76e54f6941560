"""Splits for re-identification: who is in test is nowhere else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dsk_transforms.splits.index import table_of
from dsk_transforms.splits.ratios import largest_remainder
from dsk_transforms.splits.stratify import stratify
from dsk_transforms.splits.units import Units, allocate, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from dsk.item import DatasetItem

__all__ = ["NAMES", "UNSUPPORTED", "Identities", "share_out"]

UNSUPPORTED = "not-supported"
NAMES = ("train", "val", "test-query", "test-gallery", UNSUPPORTED)
"""The subsets of a split for re-identification, by Datumaro's names."""

_TRAIN, _VAL, _QUERY, _GALLERY, _NONE = range(5)


class Identities:
    """Collects who is on each item.

    Args:
        attribute: The attribute that says so, of annotations or of the item; "": the label of the
            item's ``Label`` annotations, or if there are none of all its annotations.

    Attributes:
        numbers: For each item the number of the one identity on it, or -1.
    """

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute
        self._known: dict[Any, int] = {}
        self.numbers: list[int] = []

    def watch(self, items: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        """Note the identities of items that are passed on."""
        for item in items:
            found = self._values(item) if self._attribute else _labels(item)
            if len(found) == 1:
                self.numbers.append(self._known.setdefault(found.pop(), len(self._known)))
            else:
                self.numbers.append(-1)
            yield item

    def _values(self, item: DatasetItem) -> set[Any]:
        name = self._attribute
        values = [a.attributes.get(name) for a in item.annotations]
        values.append(item.attributes.get(name))
        return {repr(v) if isinstance(v, list | dict) else v for v in values if v is not None}


def _labels(item: DatasetItem) -> set[Any]:
    stated = [a.label for a in item.annotations if a.kind == "label"]
    labels = stated or [a.label for a in item.annotations]
    return {label for label in labels if label is not None}


def share_out(
    units: Units, who: NDArray[np.int64], ratios: Mapping[str, float], query: float
) -> NDArray[np.int64]:
    """Return the number in ``NAMES`` of each item's subset.

    Identities are drawn for test until it has its part of the items. The others are shared out
    over train and val, and those in test over query and gallery, each as evenly as can be.

    Args:
        units: What stays together.
        who: (items,) identities, -1 for none.
        ratios: Of train, val and test.
        query: The part of test that is for queries.
    """
    sides = np.full(len(who), _NONE, np.int64)
    known = np.flatnonzero(who >= 0)
    if not len(known):
        return sides
    block = _blocks(units.of[known], who[known])
    blocks = units_of(block.tolist(), units.lots[units.of[known]])
    test = ratios.get("test", 0.0)
    chosen = np.zeros(len(blocks.sizes), np.int64)
    room = largest_remainder(len(known), [1 - test, test])
    allocate(blocks, room, np.arange(len(chosen)), chosen)
    tested = chosen[blocks.of] == 1
    if test in {0, 1}:
        tested[:] = test == 1  # rounding has no say in who is in no or every place
    rest, probe = known[~tested], known[tested]
    train, val = ratios.get("train", 0.0), ratios.get("val", 0.0)
    if len(rest):
        share = train / (train + val) if train + val else 1.0
        part = _evenly(units, who, rest, [share, 1 - share])
        sides[rest] = np.where(part == 0, _TRAIN, _VAL)
    if len(probe):
        sides[probe] = np.where(_asks(units, who, probe, query), _QUERY, _GALLERY)
    return sides


def _blocks(unit: NDArray[np.int64], who: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the sets of items that hang together by a unit or an identity."""
    parent = list(range(int(who.max()) + 1))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    first: dict[int, int] = {}
    for u, w in zip(unit.tolist(), who.tolist(), strict=True):
        parent[root(w)] = root(first.setdefault(u, w))
    return np.array([root(w) for w in who.tolist()], np.int64)


def _part(units: Units, some: NDArray[np.int64]) -> Units:
    """Return the units of some items only."""
    return units_of(units.of[some].tolist(), units.lots[units.of[some]])


def _evenly(
    units: Units, who: NDArray[np.int64], some: NDArray[np.int64], ratios: list[float]
) -> NDArray[np.int64]:
    """Return a side for each of some items, with the identities spread over all sides."""
    part = _part(units, some)
    _, classes = np.unique(who[some], return_inverse=True)
    classes = classes.reshape(-1).astype(np.int64)
    table = table_of(part.of, classes, len(part.sizes), int(classes.max()) + 1)
    return stratify(part, table, ratios, largest_remainder(len(some), ratios))[part.of]


def _asks(
    units: Units, who: NDArray[np.int64], some: NDArray[np.int64], query: float
) -> NDArray[np.bool_]:
    """Tell which of some items are queries.

    Who is seen twice or more is in query and in gallery: a query needs something to be found. Who
    is seen once is in the gallery.
    """
    part = _part(units, some)
    owner = np.full(len(part.sizes), -1, np.int64)
    owner[part.of[::-1]] = who[some][::-1]
    order = np.lexsort((part.lots, owner))
    asks = np.zeros(len(owner), bool)
    owed = 0.0
    bounds = np.flatnonzero(np.diff(owner[order], prepend=-1, append=-1)).tolist()
    for start, stop in pairwise(bounds):
        count = stop - start
        owed += count * query
        number = int(owed + 0.5)
        if 0 < query < 1:
            number = 0 if count == 1 else max(1, number)
            number = min(number, max(count - 1, 0))
        number = min(number, count)
        owed -= number
        asks[order[start : start + number]] = True
    return asks[part.of]
