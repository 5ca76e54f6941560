"""Lots that items draw: they depend on a seed and the item's name, and on nothing else."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.item import DatasetItem

__all__ = ["ALL", "Draws", "waiting_time"]

_BYTES = 16

ALL = (1 << 8 * _BYTES) - 1
"""The largest lot there is."""


class Draws:
    """Gives every item a number, evenly spread over 0 … ``ALL``.

    The k items with the smallest numbers are a uniform sample. An item has the same number on every
    platform, however the dataset is cut and whatever other items there are.

    Args:
        seed: Another seed gives other numbers.
    """

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()[:64]

    def __call__(self, item: DatasetItem) -> int:
        """Return the item's number."""
        # Half a character, which an id from Python may hold, needs surrogatepass.
        name = f"{item.subset}\0{item.id}".encode("utf-8", "surrogatepass")
        drawn = hashlib.blake2b(name, digest_size=_BYTES, key=self._key).digest()
        return int.from_bytes(drawn, "big")


def waiting_time(lot: int, weight: float) -> float:
    """Return when an event of a rate happens for the first time.

    The k items with the shortest times are a sample without replacement in which each next one is
    drawn with a probability in proportion to its weight (Efraimidis and Spirakis 2006).

    Args:
        lot: The item's number, see ``Draws``.
        weight: Its weight, above 0.
    """
    uniform = ((lot >> 8 * _BYTES - 52) + 0.5) / (1 << 52)
    return -math.log(uniform) / weight
