"""Finding what stands on two sides of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dsk.errors import DskError, OptionError
from dsk.flow import Transform
from dsk_transforms.splits.groups import THRESHOLD, parse_grouping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["CheckLeakage"]

_SHOWN = 5


class CheckLeakage(Transform):
    """Reports groups of items, or near-duplicates, that stand in several subsets.

    Items pass as they are.

    Args:
        group_by: What makes a group, see ``groups.parse_grouping``.
        threshold: How near near-duplicates are.
        on_leak: "warn", or "error" to stop.
    """

    needs_plan = True
    plan_on = "ids"
    keeps_ids = True
    step = "check_leakage"

    def __init__(
        self,
        *,
        group_by: str = "near_duplicates",
        threshold: int = THRESHOLD,
        on_leak: Literal["warn", "error"] = "warn",
    ) -> None:
        grouping = parse_grouping(self.step, group_by, threshold)
        if grouping is None:
            raise OptionError(f"{self.step}: group_by says nothing", hint="leave it out")
        if on_leak not in ("warn", "error"):
            raise OptionError(f"{self.step}: on_leak is warn or error, not {on_leak!r}")
        self._grouping = grouping
        self._on_leak = on_leak
        self._first: tuple[str, str] | None = None
        self._warnings: list[str] = []

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Find the groups.

        Raises:
            DskError: Some stand in several subsets, and ``on_leak`` is "error".
        """
        places: list[tuple[str, str]] = []
        groups: dict[int, list[tuple[str, str]]] = {}
        numbers = self._grouping.numbers(_noting(items, places))
        for number, place in zip(numbers, places, strict=True):
            groups.setdefault(number, []).append(place)
        self._first = places[0] if places else None
        leaks = [g for g in groups.values() if len({subset for _, subset in g}) > 1]
        self._warnings = self._messages(leaks)
        if leaks and self._on_leak == "error":
            raise DskError(
                "; ".join(self._warnings),
                hint=f"split with group_by={self._describe()} keeps groups together",
            )

    def _describe(self) -> str:
        by = self._grouping.by
        return f"{by}:{self._grouping.what}" if self._grouping.what else by

    def _messages(self, leaks: list[list[tuple[str, str]]]) -> list[str]:
        if not leaks:
            return []
        count = sum(len(group) for group in leaks)
        what = f"{len(leaks)} groups ({count} items) by {self._describe()}"
        lines = [f"{self.step}: {what} stand in more than one subset"]
        for group in leaks[:_SHOWN]:
            one_each = {subset: name for name, subset in reversed(group)}
            shown = ", ".join(f"{n!r} in {s}" for s, n in sorted(one_each.items()))
            lines.append(f"{self.step}: {shown}")
        return lines

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item as it is."""
        if self._warnings and (item.id, item.subset) == self._first:
            for message in self._warnings:
                ledger.warn(message)
        return item


def _noting(items: Iterable[DatasetItem], places: list[tuple[str, str]]) -> Iterator[DatasetItem]:
    for item in items:
        places.append((item.id, item.subset))
        yield item
