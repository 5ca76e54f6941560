"""From keys of objects, figures and clouds to numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["KeyNumbers"]


class KeyNumbers:
    """Numbers of keys: those of ``key_id_map.json``, and further ones in order of appearance.

    Args:
        known: Numbers by key.
        appearing: Returns all keys of the project in order; asked when a key is not known.
    """

    def __init__(self, known: dict[str, int], appearing: Callable[[], Iterable[str]]) -> None:
        self._known = known
        self._appearing = appearing
        self._more: dict[str, int] | None = None
        self._free = 1

    def __call__(self, key: str) -> int:
        """Return a key's number."""
        number = self._known.get(key)
        if number is not None:
            return number
        if self._more is None:
            self._more = {}
            self._free = max((0, *self._known.values())) + 1
            for one in self._appearing():
                if one not in self._known and one not in self._more:
                    self._more[one] = self._free + len(self._more)
        return self._more.setdefault(key, self._free + len(self._more))
