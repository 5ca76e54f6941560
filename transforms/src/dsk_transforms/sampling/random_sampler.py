"""Keeping some items, drawn at random."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dsk_transforms.sampling.base import Planned, whole_number
from dsk_transforms.sampling.draws import ALL, Draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["RandomSampler"]


class RandomSampler(Planned):
    """Keeps no more than a number of items, in their order; every choice is equally likely.

    Args:
        count: How many stay. If there are fewer, all do, which is told.
        subset: Sample this subset and keep all others; None: sample the whole dataset.
        seed: Another seed gives another sample.

    Raises:
        OptionError: ``count`` is not given or negative.
    """

    step = "random_sampler"
    plan_on = "ids"

    def __init__(
        self, *, count: int | None = None, subset: str | None = None, seed: int = 0
    ) -> None:
        super().__init__()
        self._count = whole_number(self.step, "count", count)
        self._subset = subset or None
        self._draw = Draws(seed)
        self._largest = -1

    def header(self, header: Header) -> Header:
        """Return the header; how many items stay is not known yet."""
        return replace(header, items=None)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find the largest lot that is still in the sample.

        Raises:
            UsageError: There is no such subset.
        """
        total = 0

        def lots() -> Iterator[int]:
            nonlocal total
            for item in self.watch(items, self._subset):
                if self._subset is None or item.subset == self._subset:
                    total += 1
                    yield self._draw(item)

        # nsmallest(0) would not even look at the items.
        drawn = heapq.nsmallest(max(self._count, 1), lots())
        self._largest = drawn[-1] if drawn and self._count else -1
        if total < self._count:
            self._largest = ALL
            where = f"of subset {self._subset!r} " if self._subset else ""
            if total:
                self._warnings.append(
                    f"{self.step}: {self._count} items are wanted, all {total} {where}stay"
                )

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem | None:
        """Keep the item if it is in the sample."""
        self.tell(item, ledger)
        if self._subset is not None and item.subset != self._subset:
            return item
        return item if self._draw(item) <= self._largest else None
