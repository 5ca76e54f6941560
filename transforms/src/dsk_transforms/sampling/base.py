"""What the transforms of this folder share: checked options, and messages of the planning pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from dsk.errors import OptionError, RecordError, UsageError, did_you_mean
from dsk.flow import Transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.errors import DskError
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

    Key = tuple[str, str]

__all__ = ["CHANGED", "Planned", "chosen", "whole_number"]

CHANGED = "DSK-L022"
"""The note for subsets that are changed on request: no loss, so ``--strict`` allows it."""


class Planned(Transform):
    """A step that looks at all items first; what it meets then, it tells in the second pass.

    Warnings are told with the first item, bad records with the item concerned, so that they are
    told once, by whichever process has that item.
    """

    needs_plan = True

    step: ClassVar[str]
    """Its name, for messages."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._first: Key | None = None
        self._warnings: list[str] = []
        self._bad: dict[Key, tuple[str, str, str]] = {}

    def watch(self, items: Iterable[DatasetItem], subset: str | None) -> Iterator[DatasetItem]:
        """Begin a plan; pass on the items.

        Args:
            items: All items.
            subset: The subset that the step is about, None for all.

        Raises:
            UsageError: No item is in that subset.
        """
        self._forget()
        seen: dict[str, None] = {}
        for item in items:
            if not seen:
                self._first = (item.id, item.subset)
            seen[item.subset] = None
            yield item
        if subset is not None and seen and subset not in seen:
            there = f"there are: {', '.join(sorted(seen)[:20])}"
            raise UsageError(
                f"{self.step}: there is no subset {subset!r}",
                hint=did_you_mean(subset, seen) or there,
            )

    def bad(self, item: DatasetItem, error: DskError) -> None:
        """Keep what is wrong with an item until ``tell``."""
        self._bad[item.id, item.subset] = (error.message, error.where, error.hint)

    def tell(self, item: DatasetItem, ledger: Ledger) -> None:
        """Report what the plan met at this item.

        Raises:
            RecordError: The item is bad, and the run stops at bad records.
        """
        if not self._warnings and not self._bad:
            return
        key = (item.id, item.subset)
        if key == self._first:
            for message in self._warnings:
                ledger.warn(message)
        bad = self._bad.get(key)
        if bad is not None:
            message, where, hint = bad
            ledger.bad_record(
                RecordError(f"{self.step}: {message}", where=where, hint=hint, item=item.id)
            )


def whole_number(step: str, name: str, value: int | None, least: int = 0) -> int:
    """Return a number that must be given.

    Raises:
        OptionError: It is not, or it is too small.
    """
    if value is None:
        raise OptionError(f"{step}: {name} is not given", hint="-k NUMBER says how many")
    if value < least:
        raise OptionError(f"{step}: {name} is {least} or more, not {value}")
    return value


def chosen(step: str, name: str, value: Any, choices: Sequence[str]) -> Any:
    """Return a value that must be one of a few.

    Raises:
        OptionError: It is not.
    """
    if value not in choices:
        raise OptionError(
            f"{step}: {name} cannot be {value!r}", hint=f"one of: {', '.join(choices)}"
        )
    return value
