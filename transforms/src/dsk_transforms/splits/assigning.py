"""What all splits share: items get their subsets from a plan."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from msgspec.structs import replace

from dsk.errors import UsageError
from dsk.flow import Transform
from dsk_transforms.ids.naming import CHANGED
from dsk_transforms.splits.digests import lots
from dsk_transforms.splits.units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.splits.groups import Grouping

__all__ = ["Splitting"]

_OFF = 0.02
"""How far the part of a subset may be off before the user is told."""


class Splitting(Transform):
    """A step that joins all subsets and parts the result anew.

    A subclass sets ``_names`` in ``__init__`` and gives each item the number of its name.
    """

    needs_plan = True

    step: ClassVar[str]
    """Its name, for messages."""

    def __init__(self, names: Sequence[str], seed: int, grouping: Grouping | None) -> None:
        self._names = tuple(names)
        self._seed = seed
        self._grouping = grouping
        self._side: dict[str, int] = {}
        self._first = ""
        self._warnings: list[str] = []

    def header(self, header: Header) -> Header:
        """Return the header with the new subsets."""
        return replace(header, subsets=self._names)

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Decide where every item goes.

        Raises:
            UsageError: Two items have the same id, so they could not stand in one subset.
        """
        self._side, self._warnings = {}, []
        seen: dict[str, str] = {}
        watched = self._watch(self._unique(items, seen))
        groups: list[int] | None = None
        if self._grouping is not None:
            groups = self._grouping.numbers(watched)
        else:
            for _ in watched:
                pass
        self._first = next(iter(seen), "")
        if not seen:
            return
        units = units_of(groups, lots(self._seed, seen))
        sides = self._assign(units, list(seen))
        self._side = dict(zip(seen, sides.tolist(), strict=True))

    def _unique(self, items: Iterable[DatasetItem], seen: dict[str, str]) -> Iterator[DatasetItem]:
        for item in items:
            name = item.id
            if name in seen:
                raise UsageError(
                    f"{self.step} joins all subsets, but there are two items {name!r}:"
                    f" one in subset {seen[name]!r}, one in {item.subset!r}",
                    hint="rename -e '|^|{item.subset}/|' before it tells them apart",
                )
            seen[name] = item.subset
            yield item

    def _watch(self, items: Iterable[DatasetItem]) -> Iterable[DatasetItem]:
        """Note what ``_assign`` needs while items pass by."""
        return items

    @abstractmethod
    def _assign(self, units: Units, ids: list[str]) -> NDArray[np.int64]:
        """Return the number of the name that each item gets."""

    def _compare(
        self, sides: NDArray[np.int64], wanted: Sequence[float], reason: str = "groups"
    ) -> None:
        """Warn of subsets whose part is far from the wanted one."""
        count = len(sides)
        got = np.bincount(sides, minlength=len(wanted)).tolist()
        for name, number, ratio in zip(self._names, got, wanted, strict=False):
            if abs(number - ratio * count) > max(1.0, _OFF * count):
                self._warnings.append(
                    f"{self.step}: {name} gets {number} of {count} items"
                    f" ({number / count:.1%} instead of {ratio:.1%}): {reason} stay together"
                )

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item in its new subset."""
        if item.id == self._first:
            for message in self._warnings:
                ledger.warn(message)
        subset = self._names[self._side[item.id]]
        if subset == item.subset:
            return item
        what = f"subsets given by {self.step}"
        ledger.add_at(CHANGED, what, item)
        return item.replace(subset=subset)
