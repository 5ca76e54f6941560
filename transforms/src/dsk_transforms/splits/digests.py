"""Random order that depends on a seed and the items' ids, and on nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["lots", "mixed"]


def lots(seed: int, ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return a number for each id, evenly spread over 0 … 2⁶⁴ − 1.

    The same for an id on every platform, whatever other ids there are: items that are added later
    do not change the order of those that were there.
    """
    key = str(seed).encode()[:64]
    blake = hashlib.blake2b
    # An id from Python may hold half a character, which no encoding but this one takes.
    data = [i.encode("utf-8", "surrogatepass") for i in ids]
    drawn = b"".join([blake(one, digest_size=8, key=key).digest() for one in data])
    return np.frombuffer(drawn, ">u8").astype(np.uint64)


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return other numbers, evenly spread too, for a second draw (the finaliser of SplitMix64)."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
