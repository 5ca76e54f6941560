"""Sharing out units so that every class keeps its proportions.

The order and the idea are those of iterative stratification (Sechidis, Tsoumakas, Vlahavas: On the
Stratification of Multi-label Data, 2011): the class that is left on the fewest units goes first,
since what is rare cannot be put right later, and each unit goes where it is wanted most. Two
things differ. A unit of several classes goes where all of them together want it, each by its
rarity, and annotations count, not only whether a class is there. And a side is wanted as it lags
behind its part of what has been given out *so far*; measured at the whole, the largest side would
take all the first units, and with units of many objects first they would all be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk_transforms.splits.units import allocate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dsk_transforms.splits.index import Table
    from dsk_transforms.splits.units import Units

__all__ = ["stratify"]

_SIZE = 0.3
"""What it weighs that a side lags behind by one unit, against a class that does. With less, what
many small classes leave over adds up and the last class pays for it (one of ten images is then off
by two); with more, classes of many are off further. Measured from 0.1 to 1."""


def stratify(
    units: Units, table: Table, ratios: Sequence[float], room: list[int]
) -> NDArray[np.int64]:
    """Return the side of each unit.

    Args:
        units: The units; sides get exactly ``room`` items if all units have one item.
        table: Their classes.
        ratios: The part of each class that each side is to have; they sum up to 1.
        room: Items that each side can take; is counted down.
    """
    side = np.full(len(units.sizes), -1, np.int64)
    _Sharing(units, table, ratios, room, side).run()
    allocate(units, room, np.flatnonzero(side < 0), side)
    return side


class _Sharing:
    """The state of one run."""

    def __init__(
        self,
        units: Units,
        table: Table,
        ratios: Sequence[float],
        room: list[int],
        side: NDArray[np.int64],
    ) -> None:
        self._units, self._table = units, table
        self._ratios = list(ratios)
        self._room, self._side = room, side
        total = np.bincount(table.classes, table.counts, table.size)
        present = np.bincount(table.classes, minlength=table.size)
        self._left = present.copy()
        lengths = np.diff(table.starts)
        # A class pulls a unit by what the unit means to it, and lags are counted in units.
        pull = table.counts / total[table.classes] ** 2
        rows = np.repeat(np.arange(len(lengths)), lengths)
        sums = np.bincount(rows, pull, len(lengths))
        mean = (total / np.maximum(present, 1))[table.classes]
        self._pull = (pull / sums[rows] / mean).tolist()
        self._rows = rows
        self._given = [0] * table.size
        self._got = [[0] * len(ratios) for _ in range(table.size)]
        self._items = 0
        self._size = [0] * len(ratios)

    def run(self) -> None:
        """Give out all units that have a class."""
        for _, members in self._rarest_first():
            for unit in members:
                self._give(unit)

    def _rarest_first(self) -> Iterator[tuple[int, list[int]]]:
        """Yield each class with the units that are left with it, those of many objects first."""
        table, left, side = self._table, self._left, self._side
        digits = np.frexp(table.counts.astype(np.float64))[1]
        order = np.lexsort((self._units.lots[self._rows], -digits, table.classes))
        holders = self._rows[order]
        starts = np.searchsorted(table.classes[order], np.arange(table.size + 1))
        never = len(side) + 1
        while left.any():
            rarest = int(np.where(left > 0, left, never).argmin())
            members = holders[starts[rarest] : starts[rarest + 1]]
            yield rarest, members[side[members] < 0].tolist()

    def _give(self, unit: int) -> None:
        """Put one unit on the side where it is missed most."""
        table, ratios, room = self._table, self._ratios, self._room
        start, stop = int(table.starts[unit]), int(table.starts[unit + 1])
        size = int(self._units.sizes[unit])
        all_items = self._items + size
        wanted = [
            _SIZE * (all_items * r - s) / size for r, s in zip(ratios, self._size, strict=True)
        ]
        classes = table.classes[start:stop].tolist()
        counts = table.counts[start:stop].tolist()
        for c, count, pull in zip(classes, counts, self._pull[start:stop], strict=True):
            so_far = self._given[c] + count
            for n, got in enumerate(self._got[c]):
                wanted[n] += pull * (so_far * ratios[n] - got)
        fits = [n for n, free in enumerate(room) if free >= size]
        best = max(fits, key=wanted.__getitem__) if fits else room.index(max(room))
        for c, count in zip(classes, counts, strict=True):
            self._given[c] += count
            self._got[c][best] += count
        self._left[table.classes[start:stop]] -= 1
        self._items = all_items
        self._size[best] += size
        room[best] -= size
        self._side[unit] = best
