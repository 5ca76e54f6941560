"""Finding near neighbours among 64-bit hashes without comparing each with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Numbers = NDArray[np.int64]
    Similarity = Callable[[int, Numbers], NDArray[np.float64]]

__all__ = ["components", "distances", "representatives"]

BITS = 64
_BLOCK = 1 << 20
"""Pairs that are held together."""

_MOST_BANDS = 16
"""More bands have so few bits that every pair is equal in one."""


def distances(a: Hashes, b: Hashes | np.uint64) -> NDArray[np.uint8]:
    """Return the number of bits in which hashes differ (broadcast)."""
    x = np.bitwise_xor(a, b)
    if hasattr(np, "bitwise_count"):  # numpy 2
        return np.bitwise_count(x)
    return _ones(x)


def _ones(x: Hashes) -> NDArray[np.uint8]:
    """Count the bits that are set: sums of pairs, of fours, of bytes, of all bytes."""
    u = np.uint64
    x = x - ((x >> u(1)) & u(0x5555555555555555))
    x = (x & u(0x3333333333333333)) + ((x >> u(2)) & u(0x3333333333333333))
    x = (x + (x >> u(4))) & u(0x0F0F0F0F0F0F0F0F)
    return ((x * u(0x0101010101010101)) >> u(56)).astype(np.uint8)


def components(hashes: Hashes, threshold: int) -> Numbers:
    """Join hashes that are near, and those near to these, and so on.

    Args:
        hashes: (n,) 64-bit hashes.
        threshold: Two are near if they differ in so many bits or fewer.

    Returns:
        (n,) for each the position of the first one of its component.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    parent = np.arange(len(unique))
    if 0 < threshold < BITS:
        for a, b in _near_pairs(unique, threshold):
            _join(parent, a, b)
    elif threshold >= BITS:
        parent[:] = 0
    earliest = np.full(len(unique), len(hashes))
    np.minimum.at(earliest, parent, first)
    found: Numbers = earliest[parent][inverse.reshape(-1)]
    return found


def _join(parent: Numbers, a: Numbers, b: Numbers) -> None:
    """Join the trees of each pair; ``parent`` names roots before and after."""
    while True:
        one, other = parent[a], parent[b]
        apart = one != other
        if not apart.any():
            return
        a, b, one, other = a[apart], b[apart], one[apart], other[apart]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent[:] = above


def _near_pairs(hashes: Hashes, threshold: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield blocks of pairs of positions; a pair may come several times.

    Hashes that differ in t bits are equal in one of t + 1 bands of bits at least (Norouzi, Punjani
    and Fleet 2012), so only those with an equal band are compared, if that is less work.
    """
    count = len(hashes)
    runs = [_runs(_band(hashes, n, threshold + 1)) for n in range(min(threshold + 1, _MOST_BANDS))]
    each_with_each = count * (count - 1) // 2
    work = sum(int((end - np.arange(1, count + 1)).sum()) for _, end in runs)
    if threshold >= _MOST_BANDS or work > each_with_each:
        runs = [(np.arange(count), np.full(count, count))]
    for order, end in runs:
        yield from _gathered(hashes, threshold, order, end)


def _runs(band: Hashes) -> tuple[Numbers, Numbers]:
    """Return the order that puts equal ones together, and where the run of each ends in it."""
    order = np.argsort(band, kind="stable")
    ranked = band[order]
    return order, np.searchsorted(ranked, ranked, "right")


def _band(hashes: Hashes, number: int, count: int) -> Hashes:
    """Return the bits ``number``, ``number + count`` … of hashes: neighbouring bits are alike."""
    mask = sum(1 << bit for bit in range(number, BITS, count))
    return hashes & np.uint64(mask)


def _gathered(
    hashes: Hashes, threshold: int, order: Numbers, end: Numbers
) -> Iterator[tuple[Numbers, Numbers]]:
    """Compare each hash, in an order, with those behind it up to an end."""
    ranked = hashes[order]
    found: list[tuple[Numbers, Numbers]] = []
    held = 0
    rows = np.flatnonzero(end - np.arange(len(end)) > 1)
    step = 1
    while len(rows):
        near = rows[distances(ranked[rows], ranked[rows + step]) <= threshold]
        if len(near):
            found.append((order[near], order[near + step]))
            held += len(near)
        if held > _BLOCK:
            yield _chained(found)
            found, held = [], 0
        step += 1
        rows = rows[rows + step < end[rows]]
    if found:
        yield _chained(found)


def _chained(found: list[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def representatives(
    hashes: Hashes, threshold: int, similarity: Similarity | None = None, least: float = 0.0
) -> tuple[Numbers, NDArray[np.float64]]:
    """Keep, in the order given, what is not near to one that is kept already.

    Chains do not count: whatever goes is near to one that stays.

    Args:
        hashes: (n,) 64-bit hashes.
        threshold: Two are near if they differ in so many bits or fewer.
        similarity: Says how similar one is to some others, by positions; without it all that are
            near go.
        least: How similar they must be to one that stays.

    Returns:
        (n,) for each the position of the one that stays for it, its own if it stays; and (n,) how
        similar it is to that one.
    """
    stays = np.arange(len(hashes))
    best = np.ones(len(hashes))
    groups = components(hashes, threshold)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        members = order[start : start + size]
        kept = np.empty(size, np.int64)
        kept[0], count = members[0], 1
        hashes_kept = hashes[kept[:1]].repeat(size)
        for member in members[1:]:
            near = kept[np.flatnonzero(distances(hashes_kept[:count], hashes[member]) <= threshold)]
            if len(near) and similarity is not None:
                values = similarity(int(member), near)
                top = int(values.argmax())
                near, best[member] = (
                    near[top : top + 1][values[top : top + 1] >= least],
                    values[top],
                )
            if len(near):
                stays[member] = near[0]
            else:
                best[member] = 1.0
                kept[count], hashes_kept[count] = member, hashes[member]
                count += 1
    return stays, best
