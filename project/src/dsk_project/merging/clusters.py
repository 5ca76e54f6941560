"""Finding the annotations of several datasets that stand for the same thing."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from dsk.matching import alike, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.annotations import Annotation

__all__ = ["Cluster", "clusters"]


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
    places = [(n, k) for n in sorted(sides) for k in range(len(sides[n]))]
    named = [(str(sides[n][k].label), sides[n][k]) for n, k in places]
    pairs = in_order(named, alike(named, [n for n, _ in places], least))
    shares: dict[tuple[int, int], float] = {}
    together = [{n: number} for number, (n, _) in enumerate(places)]
    for one, two, share in pairs:
        shares[one, two] = share
        mine, other = together[one], together[two]
        if mine.keys().isdisjoint(other):
            mine |= other
            for number in other.values():
                together[number] = mine
    found = {id(numbers): numbers for numbers in together}
    return [_cluster(numbers, named, shares) for numbers in found.values()]


def _cluster(
    numbers: Mapping[int, int],
    named: Sequence[tuple[str, Annotation]],
    shares: Mapping[tuple[int, int], float],
) -> Cluster:
    """Return a cluster, given the number of its annotation in each dataset."""
    order = sorted(numbers.items())
    sums = dict.fromkeys(dict(order), 0.0)
    for (first, one), (second, two) in combinations(order, 2):
        share = shares.get((one, two), 0.0)
        sums[first] += share
        sums[second] += share
    chosen = max(sums, key=lambda n: sums[n])
    overlap = sums[chosen] / (len(order) - 1) if len(order) > 1 else 1.0
    return Cluster({n: named[number][1] for n, number in order}, chosen, overlap)
