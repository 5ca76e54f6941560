"""Keeping some items of each label, drawn at random."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk.errors import OptionError, UsageError, did_you_mean
from dsk_transforms.labels.moving import ProjectLabels
from dsk_transforms.sampling.base import Planned
from dsk_transforms.sampling.draws import ALL, Draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.categories import Categories
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Largest = dict[int, int]

__all__ = ["LabelRandomSampler"]

_SHOWN = 10


class LabelRandomSampler(Planned):
    """Keeps of each subset a number of items for each label.

    For each label all choices of its items are equally likely. An item draws one lot for all its
    labels, so an item that is kept for one label counts for its others too, and the whole sample
    stays small. Labels of which none are wanted go, with their annotations.

    Args:
        count: How many items of each label.
        label_counts: How many of some labels, by name, instead of ``count``.
        seed: Another seed gives another sample.

    Raises:
        OptionError: No number is given, or one is no whole number.
    """

    step = "label_random_sampler"

    def __init__(
        self,
        *,
        count: int | None = None,
        label_counts: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._count = self._number("count", count or 0)
        self._named = {name: self._number(name, n) for name, n in (label_counts or {}).items()}
        if not self._count and not any(self._named.values()):
            raise OptionError(
                f"{self.step}: no item is wanted", hint="-k NUMBER, or -l label:number, repeatable"
            )
        self._draw = Draws(seed)
        self._names: tuple[str, ...] = ()
        self._wanted: dict[int, int] = {}
        self._project: ProjectLabels | None = None
        self._largest: dict[str, Largest] = {}

    def _number(self, name: str, given: str | int) -> int:
        try:
            number = int(given)
        except ValueError:
            number = -1
        if number < 0:
            raise OptionError(
                f"{self.step}: {name!r} has the number {given!r}", hint="write label:number, cat:10"
            )
        return number

    def header(self, header: Header) -> Header:
        """Return the header without the labels that are not wanted.

        Raises:
            UsageError: None of the labels that are named is there.
        """
        categories = header.categories
        self._names = tuple(categories.names)
        if self._named and not self._count and self._names:
            self._check_names()
        numbers = [self._named.get(name, self._count) for name in self._names]
        # Names of keypoints may be labels too; those of a label that stays are needed by it.
        self._wanted = {n: k for n, k in enumerate(numbers) if k and not categories.is_joint(n)}
        self._project = self._projection(categories)
        if self._project is not None:
            header = self._project.header(header)
        return replace(header, items=None)

    def _check_names(self) -> None:
        if not any(name in self._names for name in self._named):
            first = next(iter(self._named))
            raise UsageError(
                f"{self.step}: there is no label {first!r}",
                hint=did_you_mean(first, self._names)
                or f"there are: {', '.join(self._names[:20])}",
            )

    def _projection(self, categories: Categories) -> ProjectLabels | None:
        wanted = {self._names[n] for n in self._wanted}
        stay = [
            label.name
            for n, label in enumerate(categories.labels)
            if n in self._wanted or (categories.is_joint(n) and label.parent in wanted)
        ]
        if not stay or len(stay) == len(self._names):
            return None
        return ProjectLabels(labels=list(dict.fromkeys(stay)))

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find for each label of each subset the largest lot that is still in its sample."""
        heaps: dict[str, dict[int, list[int]]] = {}
        wanted = self._wanted
        for item in self.watch(items, None):
            drawn = heaps.setdefault(item.subset, {})
            labels = {a.label for a in item.annotations}
            lot = -self._draw(item) if labels else 0
            for label in labels:
                if label not in wanted or label is None:
                    continue
                heap = drawn.setdefault(label, [])  # holds the smallest lots, negative
                if len(heap) < wanted[label]:
                    heapq.heappush(heap, lot)
                elif lot > heap[0]:
                    heapq.heapreplace(heap, lot)
        self._largest = {
            subset: {n: ALL if len(h) < wanted[n] else -h[0] for n, h in drawn.items()}
            for subset, drawn in heaps.items()
        }
        self._note_shortage({s: {n: len(h) for n, h in d.items()} for s, d in heaps.items()})

    def _note_shortage(self, found: dict[str, dict[int, int]]) -> None:
        for name in self._named:
            if name not in self._names:
                near = did_you_mean(name, self._names)
                tail = f" ({near})" if near else ""
                self._warnings.append(f"{self.step}: there is no label {name!r}{tail}")
        short = [
            f"{self._names[n]!r} in {subset!r}: {counts.get(n, 0)} of {k}"
            for subset, counts in found.items()
            for n, k in self._wanted.items()
            if counts.get(n, 0) < k
        ]
        if short:
            more = f" and {len(short) - _SHOWN} more" if len(short) > _SHOWN else ""
            self._warnings.append(
                f"{self.step}: fewer items than wanted have {', '.join(short[:_SHOWN])}{more}"
            )

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Keep the item if it is in the sample of one of its labels."""
        self.tell(item, ledger)
        largest = self._largest.get(item.subset)
        if not largest or not item.annotations:
            return None
        lot = self._draw(item)
        if not any(
            lot <= largest.get(a.label, -1) for a in item.annotations if a.label is not None
        ):
            return None
        return item if self._project is None else self._project.apply(item, ledger)
