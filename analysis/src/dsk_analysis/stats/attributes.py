"""Counting the values of attributes, with a limit on how many are told apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dsk_analysis.stats.numbers import share

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_NAMES", "MOST_VALUES", "Attributes"]

MOST_VALUES = 10_000
"""Values of one attribute that are told apart; further ones are counted together."""

MOST_NAMES = 1_000
"""Attributes that are told apart; the values of further ones are counted together."""

LONGEST = 200
"""Characters of a value's text that are looked at."""

OWN = frozenset({"id", "track_id", "score", "visibility"})
"""Attributes, in lower case, that measure or name one annotation; Datumaro leaves them out, too."""


class Attributes:
    """How often each attribute has which value, as text (``str(value)``)."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, int]] = {}
        self.others: Counter[str] = Counter()
        self.unnamed = 0

    def add(self, mappings: Iterable[dict[str, Any]]) -> None:
        """Count attributes; mappings that are the same object are looked at once."""
        distinct: dict[int, tuple[dict[str, Any], int]] = {}
        for mapping in mappings:
            known = distinct.get(id(mapping))
            distinct[id(mapping)] = (mapping, known[1] + 1 if known else 1)
        for mapping, count in distinct.values():
            for name, value in mapping.items():
                if name.lower() not in OWN:
                    self._count(name, value if type(value) is str else str(value), count)

    def _count(self, name: str, text: str, count: int) -> None:
        values = self.values.get(name)
        if values is None:
            if len(self.values) >= MOST_NAMES:
                self.unnamed += count
                return
            values = self.values[name] = {}
        if len(text) > LONGEST:
            text = text[:LONGEST] + "…"
        known = values.get(text)
        if known is not None:
            values[text] = known + count
        elif len(values) < MOST_VALUES:
            values[text] = count
        else:
            self.others[name] += count

    def join(self, other: Attributes) -> None:
        """Add another part of the dataset."""
        self.unnamed += other.unnamed
        for name, values in other.values.items():
            for text, count in values.items():
                self._count(name, text, count)
            if name in self.values:
                self.others[name] += other.others[name]
            else:
                self.unnamed += other.others[name]

    def result(self) -> dict[str, dict[str, Any]]:
        """Return what was counted, by attribute.

        ``others`` is [count, share] of the values beyond ``MOST_VALUES``.
        """
        found = {}
        for name, values in self.values.items():
            others = self.others[name]
            total = sum(values.values()) + others
            found[name] = {
                "count": total,
                "values count": len(values),
                "values present": sorted(values),
                "distribution": {text: [n, share(n, total)] for text, n in values.items()},
                "others": [others, share(others, total)],
            }
        return found
