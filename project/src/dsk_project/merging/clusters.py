"""Finding the annotations of several datasets that stand for the same thing."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from dsk.matching import matched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.annotations import Annotation

__all__ = ["Cluster", "clusters"]

Place = tuple[int, int]
"""Number of a dataset, and of an annotation in it."""


class Cluster(NamedTuple):
    """Annotations that stand for the same thing, at most one of each dataset.

    Attributes:
        members: They by the number of their dataset, in that order.
        chosen: The number of the dataset that has the one most like the others.
        overlap: How much that one overlaps the others, on average; 1 without others.
    """

    members: dict[int, Annotation]
    chosen: int
    overlap: float


def clusters(sides: Mapping[int, Sequence[Annotation]], least: float) -> list[Cluster]:
    """Sort the annotations of an item by what they stand for.

    Those of two datasets that overlap most come together first; see ``dsk.matching.matched`` for
    what may. The order is that of the first dataset, then of the second's others …

    Args:
        sides: The annotations of each dataset, by its number.
        least: The overlap, 0–1, from which on two stand for the same thing.
    """
    named = {n: [(str(a.label), a) for a in found] for n, found in sides.items()}
    shares: dict[tuple[Place, Place], float] = {}
    for first, second in combinations(sorted(sides), 2):
        for n, m, share in matched(named[first], named[second], least):
            shares[(first, n), (second, m)] = share
    together = {(n, k): {n: k} for n, found in sides.items() for k in range(len(found))}
    for one, two in sorted(shares, key=lambda pair: (_labels_differ(sides, *pair), -shares[pair])):
        mine, other = together[one], together[two]
        if mine.keys().isdisjoint(other):
            mine |= other
            for place in other.items():
                together[place] = mine
    found = {id(places): places for _, places in sorted(together.items(), key=lambda e: e[0])}
    return [_cluster(places, sides, shares) for places in found.values()]


def _labels_differ(sides: Mapping[int, Sequence[Annotation]], one: Place, two: Place) -> bool:
    return sides[one[0]][one[1]].label != sides[two[0]][two[1]].label


def _cluster(
    places: Mapping[int, int],
    sides: Mapping[int, Sequence[Annotation]],
    shares: Mapping[tuple[Place, Place], float],
) -> Cluster:
    """Return a cluster, given the place of its annotation in each dataset."""
    order = sorted(places.items())
    sums = dict.fromkeys(places, 0.0)
    for one, two in combinations(order, 2):
        share = shares.get((one, two), 0.0)
        sums[one[0]] += share
        sums[two[0]] += share
    chosen = max(sorted(sums), key=lambda n: sums[n])
    overlap = sums[chosen] / (len(order) - 1) if len(order) > 1 else 1.0
    return Cluster({n: sides[n][k] for n, k in order}, chosen, overlap)
