"""Units of a split: items, or groups of items that must stay on one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsk_transforms.splits.digests import mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Units", "allocate", "units_of"]


@dataclass(frozen=True, slots=True)
class Units:
    """What is given to one side as a whole.

    Attributes:
        of: (items,) the number of each item's unit.
        sizes: (units,) how many items each has.
        lots: (units,) what decides about their order, see ``dsk_transforms.splits.digests``.
    """

    of: NDArray[np.int64]
    sizes: NDArray[np.int64]
    lots: NDArray[np.uint64]

    def order(self, some: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return units in random order, but those of many items first.

        What comes late fills up what is left, so large groups must not. Sizes count by their
        number of binary digits only, so that the order of alike sizes stays random.
        """
        digits = np.frexp(self.sizes[some].astype(np.float64))[1]
        return some[np.lexsort((self.lots[some], -digits))]


def units_of(groups: Sequence[int] | None, drawn: NDArray[np.uint64]) -> Units:
    """Make units of the items' group numbers, or of the items themselves."""
    count = len(drawn)
    if groups is None:
        return Units(np.arange(count), np.ones(count, np.int64), drawn)
    _, of, sizes = np.unique(np.asarray(groups, np.int64), return_inverse=True, return_counts=True)
    first = np.full(len(sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, of.reshape(-1), drawn)
    return Units(of.reshape(-1), sizes.astype(np.int64), first)


def allocate(
    units: Units, room: list[int], some: NDArray[np.int64], side: NDArray[np.int64]
) -> None:
    """Draw a side for each of some units; a side is as likely as it has room.

    Args:
        units: All units.
        room: Items that each side can take yet; is counted down.
        some: The units.
        side: (units,) takes the result.
    """
    if len(some) and int(units.sizes[some].max()) == 1 and sum(room) == len(some):
        # As if drawn one by one: the order is random, so blocks of it are as well.
        side[units.order(some)] = np.repeat(np.arange(len(room)), room)
        room[:] = [0] * len(room)
        return
    order = units.order(some)
    sizes = units.sizes[order].tolist()
    draws = mixed(units.lots[order]).tolist()
    for unit, size, draw in zip(order.tolist(), sizes, draws, strict=True):
        fits = [n for n, free in enumerate(room) if free >= size]
        if fits:
            n = _fallen_on(draw, fits, room)
        else:
            n = max(range(len(room)), key=lambda s: (room[s], -s))
        side[unit] = n
        room[n] -= size


def _fallen_on(draw: int, fits: list[int], room: list[int]) -> int:
    """Return the side that a draw falls on when each takes as much of the line as it has room."""
    point = draw * sum(room[n] for n in fits) >> 64
    for n in fits[:-1]:
        point -= room[n]
        if point < 0:
            return n
    return fits[-1]
