"""Going over two datasets side by side."""

from __future__ import annotations

import warnings
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dsk.collector import collector_off
from dsk.errors import DskWarning, OptionError
from dsk.flow import Rearrangement
from dsk.loss import Ledger
from dsk.matching import OVERLAPPING, matched
from dsk.progress import Progress
from dsk.solids import placed
from dsk_analysis.stats.facts import Labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dsk.annotations import Annotation
    from dsk.dataset import Dataset
    from dsk.item import DatasetItem

__all__ = ["compare", "gather"]

Key = tuple[str, str]
"""Subset and id, by which items are sorted."""

Named = list[tuple[str, "Annotation"]]
"""Annotations, each after its label's name."""

Side = tuple["Annotation", Any]
"""An annotation, and what about it differs."""

_ONLY = ("only in first", "only in second")


def compare(
    first: Dataset, second: Dataset, *, iou_thresh: float = 0.5, ignore_attrs: Collection[str] = ()
) -> dict[str, Any]:
    """Find what differs between two datasets; items are the same if id and subset are.

    Boxes, outlines, masks (of volumes, too) and ellipses that overlap enough are the same
    annotation, of one label rather than of two; other kinds must be equal up to a hundredth of a
    pixel. Ids, groups and drawing order are not looked at, nor are images.

    Args:
        first: The one that counts as true.
        second: The other one.
        iou_thresh: The intersection over union, 0–1, from which on shapes are the same.
        ignore_attrs: Names of attributes that may differ.

    Returns:
        Plain values, as ``dsk diff --json`` prints them.

    Raises:
        OptionError: The threshold makes no sense.
        RecordError: A record is bad and the dataset's ``on_error`` is "raise".
        InputError: A dataset cannot be read.
    """
    ledgers = []
    for dataset in (first, second):
        ledger = Ledger(dataset.on_error)
        ledger.merge(dataset.opening_ledger)
        ledgers.append(ledger)
    found = gather((first, second), ledgers, iou_thresh, ignore_attrs)
    for ledger in ledgers:
        for message in ledger.warnings:
            warnings.warn(message, DskWarning, stacklevel=2)
    return found


def gather(
    datasets: Sequence[Dataset],
    ledgers: Sequence[Ledger],
    iou_thresh: float,
    ignore_attrs: Collection[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Do what ``compare`` does.

    Args:
        datasets: The two.
        ledgers: Where bad records and warnings of the two are counted.
        iou_thresh: See ``compare``.
        ignore_attrs: See ``compare``.
        progress: Told of each item.

    Raises:
        OptionError: See ``compare``.
    """
    if not 0 < iou_thresh <= 1:
        raise OptionError(f"the threshold is a share from 0 to 1, not {iou_thresh:g}")
    progress = progress or Progress()
    seen = _Seen([Labels(dataset.categories()) for dataset in datasets], iou_thresh)
    seen.ignored = frozenset(ignore_attrs)
    with collector_off():
        streams = [
            _in_order(dataset, ledger) for dataset, ledger in zip(datasets, ledgers, strict=True)
        ]
        for key, one, two in _side_by_side(*streams):
            seen.add(key, one, two)
            progress.advance(1)
    found = seen.result()
    found["formats"] = [dataset.format for dataset in datasets]
    found["bad records"] = sum(ledger.bad_count for ledger in ledgers)
    return found


class _InOrder(Rearrangement):
    """Sorts items by subset and id."""

    def key(self, item: DatasetItem) -> Key:
        return item.subset, item.id


def _in_order(dataset: Dataset, ledger: Ledger) -> Iterator[tuple[Key, list[DatasetItem]]]:
    items = dataset.transform(_InOrder()).read(ledger)
    for key, same in groupby(items, key=lambda item: (item.subset, item.id)):
        yield key, list(same)


def _side_by_side(
    first: Iterator[tuple[Key, list[DatasetItem]]], second: Iterator[tuple[Key, list[DatasetItem]]]
) -> Iterator[tuple[Key, list[DatasetItem], list[DatasetItem]]]:
    """Yield the items of each key, none where one dataset lacks it."""
    one, two = next(first, None), next(second, None)
    while one is not None or two is not None:
        if two is None or (one is not None and one[0] < two[0]):
            assert one is not None
            yield *one, []
            one = next(first, None)
        elif one is None or two[0] < one[0]:
            yield two[0], [], two[1]
            two = next(second, None)
        else:
            yield *one, two[1]
            one, two = next(first, None), next(second, None)


class _Seen:
    """Running totals and differences.

    Args:
        labels: The labels of both.
        least: See ``compare``.
    """

    def __init__(self, labels: Sequence[Labels], least: float) -> None:
        self._labels = labels
        self._least = least
        self.ignored: frozenset[str] = frozenset()
        self._declared = [dict.fromkeys(one.names) for one in labels]
        self._items = [0, 0]
        self._annotations = [0, 0]
        self._alone: tuple[list[list[str]], list[list[str]]] = ([], [])
        self._counts: Counter[str] = Counter()
        self._overlap = 0.0
        self._shapes = 0
        self._by_label: dict[str, Counter[str]] = {}
        self._confused: dict[str, Counter[str]] = {}
        self._differences: list[dict[str, Any]] = []

    def add(self, key: Key, one: list[DatasetItem], two: list[DatasetItem]) -> None:
        """Take in the items of one key."""
        subset, name = key
        sides = [self._named(number, items) for number, items in enumerate((one, two))]
        if not one or not two:
            self._alone[0 if one else 1].append([name, subset])
            for number, annotations in enumerate(sides):
                for label, _ in annotations:
                    self._count(label, _ONLY[number])
            return
        self._counts["items in both"] += 1
        self._pair(key, *sides)

    def _named(self, number: int, items: list[DatasetItem]) -> Named:
        found = [a for item in items for a in placed(item)]
        self._items[number] += len(items)
        self._annotations[number] += len(found)
        labels = self._labels[number]
        return [("" if a.label is None else labels.names[labels[a.label]], a) for a in found]

    def _count(self, label: str, what: str) -> None:
        self._counts[what] += 1
        self._by_label.setdefault(label, Counter())[what] += 1

    def _pair(self, key: Key, one: Named, two: Named) -> None:
        pairs = matched(one, two, self._least)
        for n, m, share in pairs:
            (name, a), (other, b) = one[n], two[m]
            self._count(name, "matched" if name == other else "other label")
            if a.kind in OVERLAPPING:
                self._overlap += share
                self._shapes += 1
            if name != other:
                self._confused.setdefault(name, Counter())[other] += 1
                self._differ(key, "other label", (a, name), (b, other))
            if a.kind != b.kind:
                self._counts["other kind"] += 1
                self._differ(key, "other kind", (a, a.kind), (b, b.kind))
            self._compare_attributes(key, a, b)
        self._unpaired(key, one, {pair.first for pair in pairs}, 0)
        self._unpaired(key, two, {pair.second for pair in pairs}, 1)

    def _unpaired(self, key: Key, side: Named, used: set[int], number: int) -> None:
        for n, (label, a) in enumerate(side):
            if n not in used:
                self._count(label, _ONLY[number])
                sides: list[Side | None] = [None, None]
                sides[number] = (a, {"kind": a.kind, "label": label})
                self._differ(key, _ONLY[number], *sides)

    def _compare_attributes(self, key: Key, a: Annotation, b: Annotation) -> None:
        names = (a.attributes.keys() | b.attributes.keys()) - self.ignored
        other = [n for n in sorted(names) if _text(a, n) != _text(b, n)]
        if other:
            self._counts["other attributes"] += 1
            one, two = ({n: x.attributes[n] for n in other if n in x.attributes} for x in (a, b))
            self._differ(key, "other attributes", (a, one), (b, two))

    def _differ(self, key: Key, what: str, one: Side | None, two: Side | None) -> None:
        subset, name = key
        entry: dict[str, Any] = {"item_id": name, "subset": subset, "what": what}
        for which, side in (("first", one), ("second", two)):
            if side is not None:
                entry[which], entry[f"{which} id"] = side[1], side[0].id
        self._differences.append(entry)

    def result(self) -> dict[str, Any]:
        """Return what was found."""
        one, two = self._declared
        counts = self._counts
        names = ("matched", "other label", "other kind", "other attributes", *_ONLY)
        return {
            "labels": {
                "only in first": [name for name in one if name not in two],
                "only in second": [name for name in two if name not in one],
            },
            "items": {
                "first": self._items[0],
                "second": self._items[1],
                "in both": counts["items in both"],
                **dict(zip(_ONLY, self._alone, strict=True)),
            },
            "annotations": {
                "first": self._annotations[0],
                "second": self._annotations[1],
                **{name: counts[name] for name in names},
                "mean IoU": self._overlap / self._shapes if self._shapes else None,
            },
            "by label": {name: dict(c) for name, c in sorted(self._by_label.items())},
            "confusion": {name: dict(c) for name, c in sorted(self._confused.items())},
            "differences": self._differences,
        }


def _text(a: Annotation, name: str) -> str | None:
    """Return an attribute as text: formats of text have no other values."""
    return str(a.attributes[name]) if name in a.attributes else None
