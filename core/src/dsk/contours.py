"""From a mask to its outline, along the edges of its pixels.

The pixel in column x and row y covers [x, x+1] × [y, y+1]. With vertices on those edges COCO's
rasteriser gives back exactly the same pixels. Pixels that touch only at a corner are separate
parts (4-connected), so no ring crosses itself.

The corners of all rings are found with numpy. A rectilinear outline is then known from its corners
alone: along every row they pair up to horizontal edges, along every column to vertical ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsk import masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["to_rings"]


def to_rings(counts: NDArray[Any], height: int, width: int) -> tuple[list[list[float]], list[int]]:
    """Return the outline of a mask.

    Args:
        counts: Run lengths of the mask.
        height: Its height.
        width: Its width.

    Returns:
        Flat rings ``[x1, y1, …]`` in pixels, clockwise on the screen, and the indices of those
        that are holes. No rings for an empty mask.
    """
    x, y, w, h = masks.bbox(counts, height)
    if not w:
        return [], []
    crop = masks.to_dense(counts, height, width)[y : y + h, x : x + w]
    return _trace(np.pad(crop, 1), x - 1, y - 1)


def _trace(mask: NDArray[np.bool_], left: int, top: int) -> tuple[list[list[float]], list[int]]:
    """Trace a mask with an empty border; ``left`` and ``top`` are added to the coordinates."""
    a, b, c, d = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
    crossing = (a == d) & (b == c) & (a != b)
    rows, columns = np.nonzero((a ^ b ^ c ^ d) | crossing)
    double = crossing[rows, columns]
    falling = a[rows, columns]  # at a crossing: upper left and lower right are set
    inside = d[rows, columns]
    if double.any():
        twice = 1 + double
        rows, columns = np.repeat(rows, twice), np.repeat(columns, twice)
        falling, inside = np.repeat(falling, twice), np.repeat(inside, twice)
        double = np.repeat(double, twice)
    count = len(rows)
    # Node 2k and node 2k + 1 bound a horizontal edge. Of the two nodes of a crossing the first ends
    # the edge on its left; which of them ends the edge above decides how the pixels connect.
    upper = np.where(double & ~falling, 1 - np.arange(count) % 2, np.arange(count) % 2)
    order = np.lexsort((-upper, rows, columns))
    partner = np.empty(count, np.int64)
    partner[order[0::2]] = order[1::2]
    partner[order[1::2]] = order[0::2]
    return _walk(
        partner.tolist(), (columns + left + 1).tolist(), (rows + top + 1).tolist(), inside.tolist()
    )


def _walk(
    partner: list[int], xs: list[int], ys: list[int], inside: list[bool]
) -> tuple[list[list[float]], list[int]]:
    """Follow horizontal and vertical edges in turn until every corner has been passed."""
    seen = bytearray(len(partner))
    rings: list[list[float]] = []
    holes: list[int] = []
    for start in range(0, len(partner), 2):
        if seen[start]:
            continue
        ring: list[float] = []
        node = start
        while not seen[node]:
            other = node ^ 1
            seen[node] = seen[other] = 1
            ring += (xs[node], ys[node], xs[other], ys[other])
            node = partner[other]
        if not inside[start]:
            holes.append(len(rings))
        rings.append(ring)
    return rings, holes
