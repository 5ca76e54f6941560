"""Outlines of several rings as the one ring that a YOLO row can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.geometry import ring_area

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = ["join_rings"]

CELLS = 1 << 22
"""How many distances are held at once."""


def join_rings(rings: Sequence[Sequence[float]], holes: Collection[int] = ()) -> list[float]:
    """Join the rings of one object by seams: there and back along the same shortest line.

    Filled by either rule (even-odd, as Ultralytics fills, or non-zero winding) the ring covers what
    the rings cover: parts turn one way, holes the other, and a seam has no area.

    Args:
        rings: Flat rings of three points or more, in any unit.
        holes: Indices of rings that are cut out.

    Returns:
        One flat ring.
    """
    parts = [_turned(ring, clockwise=n not in holes) for n, ring in enumerate(rings)]
    order = sorted(range(len(parts)), key=lambda n: n in holes)  # a hole needs its part to be there
    joined = parts[order[0]]
    for n in order[1:]:
        here, there = _nearest(joined, parts[n])
        turned = np.roll(parts[n], -there, axis=0)
        joined = np.concatenate([joined[: here + 1], turned, turned[:1], joined[here:]])
    flat: list[float] = joined.reshape(-1).tolist()
    return flat


def _turned(ring: Sequence[float], *, clockwise: bool) -> NDArray[np.float64]:
    points = np.asarray(ring, dtype=np.float64).reshape(-1, 2)
    return points if (ring_area(ring) >= 0) == clockwise else points[::-1]


def _nearest(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, int]:
    """Return the indices of the two points, one of each ring, that are nearest to one another."""
    best, at = np.inf, (0, 0)
    step = max(1, CELLS // len(b))
    for start in range(0, len(a), step):
        gaps = a[start : start + step, None, :] - b[None, :, :]
        squares = np.einsum("ijk,ijk->ij", gaps, gaps)
        k = int(squares.argmin())
        if squares.flat[k] < best:
            best, at = float(squares.flat[k]), (start + k // len(b), k % len(b))
    return at
