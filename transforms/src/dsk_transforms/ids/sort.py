"""Items in another order."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from dsk.errors import OptionError
from dsk.flow import Rearrangement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.item import DatasetItem

__all__ = ["Sort", "natural"]

_DIGITS = re.compile(r"([0-9]+)")
_ATTRIBUTE = "attribute:"


def natural(text: str) -> tuple[Any, ...]:
    """Return a key that sorts numbers within texts by their value: ``f2`` before ``f10``.

    Texts and numbers alternate, so keys can always be compared. Texts that differ only in leading
    zeros have equal keys.
    """
    parts: list[Any] = _DIGITS.split(text)
    for n in range(1, len(parts), 2):
        digits = parts[n].lstrip("0")
        parts[n] = (len(digits), digits)  # no int: there may be thousands of digits
    return tuple(parts)


class _Backwards:
    """A key in reverse."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Backwards) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Backwards) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment] # keys are compared only


class Sort(Rearrangement):
    """Sorts the items; those that are equal keep their order.

    Args:
        key: What counts, the first most: ``id`` (numbers in it by their value), ``subset``,
            ``attribute:NAME``. By default ``id``.
        reverse: Largest first.
    """

    def __init__(self, *, key: Sequence[str] | None = None, reverse: bool = False) -> None:
        self._keys = list(key or ["id"])
        for word in self._keys:
            if word not in ("id", "subset") and not word[len(_ATTRIBUTE) :] * (
                word.startswith(_ATTRIBUTE)
            ):
                raise OptionError(
                    f"sort: {word!r} is nothing to sort by", hint="id, subset or attribute:NAME"
                )
        self._reverse = reverse

    def key(self, item: DatasetItem) -> Any:
        """Return the item's rank."""
        parts = tuple(_part(item, word) for word in self._keys)
        return _Backwards(parts) if self._reverse else parts


def _part(item: DatasetItem, word: str) -> tuple[Any, ...]:
    if word == "id":
        return (natural(item.id), item.id)
    if word == "subset":
        return (natural(item.subset), item.subset)
    return _rank(item.attributes.get(word[len(_ATTRIBUTE) :]))


def _rank(value: Any) -> tuple[Any, ...]:
    """Order values of any type: numbers, texts, others, and last those that are missing."""
    if isinstance(value, bool | int | float) and not math.isnan(value):
        return (0, value)
    if isinstance(value, str):
        return (1, natural(value), value)
    return (3,) if value is None or isinstance(value, float) else (2, repr(value))
