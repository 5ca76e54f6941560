"""Ids without folders, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import OptionError, UsageError
from dsk_transforms.ids.naming import Renaming

if TYPE_CHECKING:
    from dsk.item import DatasetItem

__all__ = ["FlattenIds", "UnflattenIds"]


def _check(step: str, separator: str) -> str:
    if not separator or not separator.isprintable() or set(separator) & set("/\\"):
        raise OptionError(f"{step}: {separator!r} cannot stand for a slash", hint="use '__' or '~'")
    return separator


class FlattenIds(Renaming):
    """Puts another separator in place of the slashes of ids, so that ``unflatten_ids`` finds back.

    Args:
        separator: What stands for a slash.
    """

    step = "flatten_ids"

    def __init__(self, *, separator: str = "__") -> None:
        self._separator = _check(self.step, separator)

    def new_id(self, item: DatasetItem) -> str:
        """Return the id without slashes.

        Raises:
            UsageError: It holds the separator, so it could not be found back.
        """
        new = item.id.replace("/", self._separator)
        if new.replace(self._separator, "/") != item.id:
            free = [s for s in ("~", "@", "+", "=", "--", "~~") if s not in item.id]
            raise UsageError(
                f"{self.step}: {item.id!r} as {new!r} could not be found back,"
                f" it looks as if it held {self._separator!r}",
                hint=f"another separator, such as {free[0]!r}; or, for good,"
                f" rename -e '#/#{self._separator}#'"
                if free
                else "choose another separator",
            )
        return new


class UnflattenIds(Renaming):
    """Puts slashes in place of a separator, the reverse of ``flatten_ids``.

    Args:
        separator: What stands for a slash.
    """

    step = "unflatten_ids"

    def __init__(self, *, separator: str = "__") -> None:
        self._separator = _check(self.step, separator)

    def new_id(self, item: DatasetItem) -> str:
        """Return the id with its folders."""
        return item.id.replace(self._separator, "/")
