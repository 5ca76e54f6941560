"""What all steps that change ids or subsets share: no two items may become one."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from dsk.errors import UnsafePathError, UsageError
from dsk.flow import Transform
from dsk.names import clean_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["CHANGED", "Names", "Renaming", "checked_id"]

CHANGED = "DSK-L022"
"""The note for ids and subsets that are changed on request: no loss, so ``--strict`` allows it."""


class Names:
    """The ids and subsets given so far, and which item each was given to.

    Args:
        step: Name of the transform, for the error.
        hint: What would help against a clash.
    """

    def __init__(self, step: str, hint: str) -> None:
        self._step = step
        self._hint = hint
        self._taken: dict[str, dict[str, tuple[str, str]]] = {}

    def has(self, id: str, subset: str) -> bool:  # noqa: A002 - the field's word
        """Tell whether an item has this name."""
        return id in self._taken.get(subset, ())

    def add(self, id: str, subset: str, item: DatasetItem) -> None:  # noqa: A002
        """Give a name to an item.

        Raises:
            UsageError: Another item has it already.
        """
        names = self._taken.get(subset)
        if names is None:
            names = self._taken[subset] = {}
        given = (item.id, item.subset)
        other = names.setdefault(id, given)
        if other is not given:
            first, second = (f"{i!r} of subset {s!r}" for i, s in (other, given))
            raise UsageError(
                f"{self._step} makes two items {id!r} in subset {subset!r}: {first} and {second}",
                hint=self._hint,
            )


def checked_id(new: str, item: DatasetItem, step: str) -> str:
    """Return a new id if it can be the name of a file below the dataset's folder.

    Raises:
        UsageError: It cannot.
    """
    try:
        clean = clean_name(new)
    except UnsafePathError as error:
        raise UsageError(
            f"{step}: {error.message}, which was to be the id of {item.id!r}"
        ) from error
    if clean != new:
        raise UsageError(
            f"{step}: {new!r}, which was to be the id of {item.id!r}, is no plain relative name",
            hint=f"{clean!r} would be one",
        )
    return new


class Renaming(Transform):
    """A step that gives items other ids, each by looking at that item alone."""

    needs_plan = True
    plan_on = "ids"

    step: ClassVar[str]
    """Its name, for messages."""

    hint: ClassVar[str] = ""
    """What helps when two items get one id."""

    @abstractmethod
    def new_id(self, item: DatasetItem) -> str:
        """Return the id that an item shall have."""

    def plan(self, items: Iterable[DatasetItem]) -> None:
        """Check that the new ids can be names of files, and that no two items get the same.

        Raises:
            UsageError: Two items would be one, or an id could not be a file's name.
        """
        names, step, new_id = Names(self.step, self.hint), self.step, self.new_id
        for item in items:
            new = new_id(item)
            names.add(checked_id(new, item, step), item.subset, item)

    def apply(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Return the item under its new id."""
        new = self.new_id(item)
        if new == item.id:
            return item
        what = f"ids changed by {self.step}"
        ledger.add_at(CHANGED, what, item)
        return item.replace(id=new)
