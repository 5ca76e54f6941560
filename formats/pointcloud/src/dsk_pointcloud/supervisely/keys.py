"""Keys of objects, figures and clouds, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk_pointcloud.supervisely.project import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["KeyNumbers", "numbered"]


class KeyNumbers:
    """Numbers of keys: those of ``key_id_map.json``, and further ones in order of appearance.

    Args:
        known: Numbers by canonical key.
        appearing: Returns all keys of the project in order; asked when a key is not known.
    """

    def __init__(self, known: dict[str, int], appearing: Callable[[], Iterable[str]]) -> None:
        self._known = known
        self._appearing = appearing
        self._more: dict[str, int] | None = None
        self._free = 1

    def __call__(self, key: str) -> int:
        """Return a key's number."""
        key = canonical(key)
        number = self._known.get(key)
        if number is not None:
            return number
        if self._more is None:
            self._more = {}
            self._free = max((0, *self._known.values())) + 1
            for one in map(canonical, self._appearing()):
                if one not in self._known and one not in self._more:
                    self._more[one] = self._free + len(self._more)
        return self._more.setdefault(key, self._free + len(self._more))


def numbered(
    rows: Iterable[tuple[str, int | None, int]],
) -> tuple[dict[str, int], dict[str, int]]:
    """Number keys so that no two share a number: Supervisely's reader refuses such tables.

    Args:
        rows: Key, own number, and another one to take where that is free and there is no own one;
            0 is none.

    Returns:
        The numbers by key, and the own numbers of keys that had to take another one.
    """
    keys: dict[str, tuple[int | None, int]] = {}
    first: dict[int, str] = {}
    for key, own, other in rows:
        if key not in keys and own is not None:
            first.setdefault(own, key)
        keys.setdefault(key, (own, other))
    taken, free = set(first), max((0, *first))
    found, moved = {}, {}
    for key, (own, other) in keys.items():
        number = own
        if own is not None and first[own] != key:
            moved[key] = own
            number = None
        elif own is None and other > 0 and other not in taken:
            number = other
            free = max(free, other)
        if number is None:
            free += 1
            number = free
        taken.add(number)
        found[key] = number
    return found, moved
