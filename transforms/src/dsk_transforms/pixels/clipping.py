"""Cutting rings and lines at the edges of a window, exactly."""

from __future__ import annotations

from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Bounds = tuple[float, float, float, float]

__all__ = ["area", "clip_line", "clip_ring", "is_simple"]

SAME = 1e-6
"""Points that are nearer to each other than this, in pixels, are one: shifting a shape rounds."""


MOST = 1500
"""Every edge is compared with every other, so this bounds time (0.2 s) and memory (100 MB)."""


def area(ring: Points) -> float:
    """Return the area in px² that a ring (n, 2) encloses."""
    if len(ring) < 3:
        return 0.0
    x, y = (ring - ring[0]).T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2


def clip_ring(ring: Points, bounds: Bounds, around: Bounds | None = None) -> list[Points]:
    """Return the parts of a ring inside a window.

    A part for each piece that the window's edges leave, so that none are joined by seams along an
    edge. Rings keep their direction.

    A ring that meets itself stays one, with seams along the edges: what it surrounds twice lies
    outside (COCO's rule), which the union of several rings cannot say.

    Args:
        ring: (n, 2) vertices, not closed.
        bounds: Left, top, right and bottom of the window.
        around: Those of the ring or of what it belongs to, if they are known: it saves work.
    """
    rings = [ring]
    simple = cache(partial(is_simple, ring))  # costly, and most rings never ask
    for number, (axis, edge, sign) in enumerate(_sides(bounds)):
        if around is not None and (around[number] - edge) * sign >= 0:
            continue
        rings = [part for whole in rings for part in _half(whole, axis, edge, sign, simple)]
    return rings


def _sides(bounds: Bounds) -> list[tuple[int, float, float]]:
    left, top, right, bottom = bounds
    return [(0, left, 1.0), (1, top, 1.0), (0, right, -1.0), (1, bottom, -1.0)]


def _crossings(points: Points, following: Points, axis: int, edge: float) -> Points:
    """Return where segments cross a line: the coordinate along the axis is the line's exactly."""
    step = following - points
    share = (edge - points[:, axis]) / step[:, axis]
    found: Points = points + share[:, None] * step
    found[:, axis] = edge
    return found


def _half(
    ring: Points, axis: int, edge: float, sign: float, simple: Callable[[], bool]
) -> list[Points]:
    inside = (ring[:, axis] - edge) * sign > 0
    if inside.all():
        return [ring]
    if not inside.any():
        touching = (ring[:, axis] == edge).all() and len(ring) < 3
        return [ring] if touching else []
    following = np.concatenate([ring[1:], ring[:1]])
    crossed = np.flatnonzero(inside != np.append(inside[1:], inside[0]))
    places = _crossings(ring[crossed], following[crossed], axis, edge)
    count = len(crossed)
    # Chain k begins where the ring comes in. Along the edge the crossings lie in pairs: between
    # the two of a pair the edge is inside the ring.
    first = 0 if not inside[crossed[0]] else 1
    entries = [(first + 2 * k) % count for k in range(count // 2)]
    order = np.argsort(places[:, 1 - axis], kind="stable").tolist()
    partner = {}
    for a, b in zip(order[::2], order[1::2], strict=True):
        partner[a], partner[b] = b, a
    chains = {n: _chain(ring, crossed, places, n) for n in entries}
    if count > 2 and not simple():
        return [np.concatenate(list(chains.values()))]
    return _linked(chains, partner, count)


def is_simple(ring: Points) -> bool:
    """Tell whether a ring (n, 2) neither crosses nor touches itself.

    Keyholes, whose ends meet, are not simple either: what they surround twice lies outside. Nor
    are rings of more than ``MOST`` corners, which would take too long: that costs seams, no pixel.
    """
    moved = np.abs(ring - np.concatenate([ring[-1:], ring[:-1]])) > SAME
    ring = ring[moved.any(axis=1)]
    count = len(ring)
    if count < 4 or count > MOST:
        return count < 4
    after = np.concatenate([ring[1:], ring[:1]])
    step = after - ring
    away = ring[None] - ring[:, None]
    side = step[:, None, 0] * away[..., 1] - step[:, None, 1] * away[..., 0]
    parted = side * np.concatenate([side[:, 1:], side[:, :1]], axis=1) <= 0
    low, high = np.minimum(ring, after), np.maximum(ring, after)
    near = ((low[None] <= high[:, None]) & (low[:, None] <= high[None])).all(axis=2)
    meets = parted & parted.T & near
    numbers = np.arange(count)
    apart = np.abs(numbers[:, None] - numbers)
    return not (meets & (apart > 1) & (apart < count - 1)).any()


def _chain(ring: Points, crossed: NDArray[np.int64], places: Points, entry: int) -> Points:
    leaving = (entry + 1) % len(crossed)
    start, stop = int(crossed[entry]) + 1, int(crossed[leaving]) + 1
    inner = ring[start:stop] if start < stop else np.concatenate([ring[start:], ring[:stop]])
    return np.concatenate([places[entry : entry + 1], inner, places[leaving : leaving + 1]])


def _linked(chains: dict[int, Points], partner: dict[int, int], count: int) -> list[Points]:
    """Join chains to rings: after a chain leaves, the one at the partner of that place follows."""
    rings = []
    while chains:
        entry = first = next(iter(chains))
        parts = []
        while entry in chains:
            parts.append(chains.pop(entry))
            after = partner[(entry + 1) % count]
            if after not in chains and after != first:
                break  # a ring that crosses itself: its pieces are closed as they are
            entry = after
        rings.append(np.concatenate(parts))
    return rings


def clip_line(line: Points, bounds: Bounds) -> list[Points]:
    """Return the parts of an open line (n, 2) inside a window, its edges included."""
    lines = [line]
    for axis, edge, sign in _sides(bounds):
        lines = [part for whole in lines for part in _half_line(whole, axis, edge, sign)]
    return lines


def _half_line(line: Points, axis: int, edge: float, sign: float) -> list[Points]:
    inside = (line[:, axis] - edge) * sign >= 0
    if inside.all():
        return [line]
    crossed = np.flatnonzero(inside[1:] != inside[:-1])
    places = _crossings(line[crossed], line[crossed + 1], axis, edge)
    ends = [0, *(crossed + 1).tolist(), len(line)]
    parts = []
    for k, (start, stop) in enumerate(pairwise(ends)):
        if not inside[start]:
            continue
        before = places[k - 1 : k] if k else places[:0]
        after = places[k : k + 1]
        part = np.concatenate([before, line[start:stop], after])
        distinct = np.ones(len(part), np.bool_)
        distinct[1:] = (part[1:] != part[:-1]).any(axis=1)
        if distinct.sum() > 1:  # a line that only touches the edge leaves no part
            parts.append(part[distinct])
    return parts
