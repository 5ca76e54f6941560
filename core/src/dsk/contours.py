"""Between the runs of a mask and its outline, both ways, exactly.

The pixel in column x and row y covers [x, x+1] × [y, y+1], so the vertices of a traced outline are
whole numbers. From such outlines COCO's rasteriser gives back exactly the same pixels: its
crossings lie in the middles of pixel columns, and a vertex on an edge is never rounded across it.

Pixels that touch only at a corner are separate parts (parts are 4-connected, holes 8-connected).

Runs are spans here: where pixels of the mask start and stop (exclusive), counted column by column.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["MAX_COORDINATE", "flips", "ranges", "spans", "split_columns", "to_rings"]

MAX_COORDINATE = 400_000_000
"""Outlines that reach further out are refused: five times that overflows pycocotools' integers."""

_SCALE = 5  # pycocotools draws outlines five times enlarged
_MIDDLE = 2  # of the enlarged columns of a pixel: a crossing after it flips the pixel


def spans(counts: NDArray[Any]) -> tuple[Ints, Ints]:
    """Return where a mask's pixels start and stop (exclusive) in column order; none are empty."""
    ends: Ints = np.add.accumulate(counts, dtype=np.int64)
    stops = ends[1::2]
    starts = ends[0 : 2 * len(stops) : 2]
    kept = stops > starts
    return (starts, stops) if kept.all() else (starts[kept], stops[kept])


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """Return start, start + 1, … of every range, one after the other."""
    before = np.cumsum(lengths) - lengths
    found: Ints = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return found


def split_columns(starts: Ints, stops: Ints, height: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Cut spans in column order where they go on in another column.

    Returns:
        Column, first row, last row (exclusive) of each piece, and the number of its span.
    """
    first = starts // height
    extra = (stops - 1) // height - first
    number = np.arange(len(starts))
    if not extra.any():
        base = first * height
        return first, starts - base, stops - base, number
    number = np.repeat(number, extra + 1)
    piece = np.arange(len(number)) - np.repeat(np.cumsum(extra + 1) - extra - 1, extra + 1)
    columns = first[number] + piece
    base = columns * height
    tops = np.maximum(starts[number] - base, 0)
    return columns, tops, np.minimum(stops[number] - base, height), number


def _crossings(
    points: NDArray[np.float64], sizes: NDArray[np.int64], height: int, width: int
) -> tuple[Ints, Ints]:
    """Return where rings cross the middles of pixel columns: the place flipped, and the ring.

    pycocotools walks along every enlarged edge one step at a time, rounds, and uses the step from
    ``5c + 2`` to ``5c + 3`` of each column c. Here that step is computed, with the same arithmetic
    in doubles, so that the roundings are the same. Edges go from left to right if they are wide and
    from top to bottom if they are tall.

    Args:
        points: (n, 2) vertices of all rings.
        sizes: Number of vertices of each ring, none 0.
        height: Height of the mask.
        width: Width of the mask.
    """
    corner = (_SCALE * points + 0.5).astype(np.int64)  # truncates toward zero, as C
    following = np.arange(1, len(corner) + 1)
    ends = np.cumsum(sizes)
    following[ends - 1] = ends - sizes
    edges = np.concatenate([corner.T, corner[following].T])
    low, high = np.minimum(edges[0], edges[2]), np.maximum(edges[0], edges[2])
    first = np.maximum((low + _MIDDLE) // _SCALE, 0)
    last = np.minimum((high - _MIDDLE - 1) // _SCALE, width - 1)
    times = np.maximum(last - first + 1, 0)
    edge = np.repeat(np.arange(len(corner)), times)
    column = np.arange(len(edge)) + (first + times - np.cumsum(times))[edge]
    begin, end = np.take(edges, edge, axis=1).reshape(2, 2, -1)
    step = end - begin
    wide, high = np.abs(step)
    tall = wide < high
    main, side = np.where(tall, step[::-1], step)
    x, y = np.where(main < 0, end, begin)
    slope = side / main  # no edge with a crossing is without extent
    middle = column * _SCALE + _MIDDLE
    falling = slope < 0
    level = np.floor(y + slope * (middle + falling - x) + 0.5)
    steep = np.flatnonzero(tall)
    if len(steep):
        x, y, slope, middle = x[steep], y[steep], slope[steep], middle[steep]
        # The step lies before or after this row; the original formula decides which.
        row = np.rint((middle + 0.5 - x) / slope)
        level[steep] = y + row - 1 + ((x + slope * row + 0.5 < middle + 1) != falling[steep])
    row = np.minimum(np.maximum((level.astype(np.int64) + _MIDDLE) // _SCALE, 0), height)
    places: Ints = column * height + row
    return places, np.repeat(np.arange(len(sizes)), sizes)[edge]


def flips(rings: Sequence[Sequence[float]], height: int, width: int) -> tuple[Ints, Ints, Ints]:
    """Return the spans inside each ring, ring by ring and in order, and the ring of each.

    Raises:
        ValueError: A ring is no flat list of finite pairs, or reaches absurdly far out.
    """
    sizes = np.fromiter(map(len, rings), np.int64, len(rings))
    try:
        flat = np.fromiter(chain.from_iterable(rings), np.float64, int(sizes.sum()))
    except (TypeError, ValueError) as error:
        msg = "an outline is a flat list of numbers"
        raise ValueError(msg) from error
    if (sizes & 1).any():
        msg = "an outline is a flat list of x, y pairs; one holds an odd number of values"
        raise ValueError(msg)
    if not (np.abs(flat) <= MAX_COORDINATE).all():
        msg = f"an outline holds a coordinate that is not finite or beyond {MAX_COORDINATE}"
        raise ValueError(msg)
    drawn = np.flatnonzero(sizes)
    place, ring = _crossings(flat.reshape(-1, 2), sizes[drawn] // 2, height, width)
    stride = height * width + 1
    keys = drawn[ring] * stride + place
    keys.sort()
    same = keys[1:] == keys[:-1]
    if same.any():  # an even number of flips at one place changes nothing
        firsts = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(keys)]])
        keys = keys[firsts[:-1][(np.diff(firsts) & 1).astype(np.bool_)]]
    ring, place = np.divmod(keys, stride)
    return place[0::2], place[1::2], ring[0::2]


def to_rings(counts: NDArray[Any], height: int, width: int) -> tuple[list[list[float]], list[int]]:
    """Return the outline of a mask; ``masks.from_polygons_with_holes`` gives back the same mask.

    Args:
        counts: Run lengths of the mask.
        height: Its height.
        width: Its width.

    Returns:
        Flat rings ``[x1, y1, …]`` in pixels, without collinear vertices, and the indices of those
        that are holes. The mask has ``len(rings) - len(holes)`` parts; none is left out, however
        small. Outer rings run clockwise on the screen, holes anticlockwise, so signed areas add up
        to the mask's. Rings begin at the upper vertex of their leftmost edge and are ordered by
        it: a ring comes after the one it lies in. No rings for an empty mask.

    Raises:
        ValueError: The run lengths do not fill a mask of this size.
    """
    if int(counts.sum()) != height * width:
        msg = f"the run lengths do not fill a mask of {height} x {width}"
        raise ValueError(msg)
    xs, ys, right, crossed = _vertices(counts, height)
    if not len(xs):
        return [], []
    edges, ends = _follow(_links(ys, right, crossed))
    # The vertical edge k joins vertices 2k and 2k + 1, and has pixels of the mask on its right or
    # its left. It is passed upward in the first case, so the mask is always on the right hand.
    entry = 2 * np.array(edges)
    upward = right[entry]
    entry += upward
    path = np.array([entry, entry ^ 1]).T.reshape(-1)
    flat = np.array([xs[path], ys[path]], np.float64).T.reshape(-1).tolist()
    rings: list[list[float]] = []
    holes: list[int] = []
    begin = 0
    for end in ends:
        ring = flat[4 * begin : 4 * end]
        if upward[begin]:
            ring = ring[2:] + ring[:2]
        else:
            holes.append(len(rings))
        rings.append(ring)
        begin = end
    return rings, holes


def _vertices(counts: NDArray[Any], height: int) -> tuple[Ints, Ints, NDArray[np.bool_], Ints]:
    """Return the vertices of all rings, ordered by x, then y.

    A column has a horizontal edge where one of its runs starts or stops. Such an edge at the same
    height in the next column continues it or, the other way round, crosses it; everything else is a
    vertex. A crossing is two vertices at one place.

    Returns:
        x, y, whether the mask is on the right below the vertex (rather than above or on the left),
        and the first vertex of each crossing.
    """
    columns, tops, bottoms, _ = split_columns(*spans(counts), height)
    stride = height + 1
    left = np.concatenate([columns, columns]) * stride + np.concatenate([tops, bottoms])
    opens = np.zeros(len(left), np.int64)
    opens[: len(columns)] = 1
    keys = np.concatenate([2 * left + opens, 2 * (left + stride) + 1 - opens])
    keys.sort()
    pairs = np.flatnonzero((keys[1:] == keys[:-1] + 1) & (keys[:-1] & 1 == 0))
    kept = np.ones(len(keys), np.bool_)
    kept[pairs] = kept[pairs + 1] = False
    keys = keys[kept]
    xs, ys = np.divmod(keys >> 1, stride)
    return xs, ys, (keys & 1).astype(np.bool_), np.flatnonzero(keys[1:] == keys[:-1])


def _links(ys: Ints, right: NDArray[np.bool_], crossed: Ints) -> list[int]:
    """Return for each vertical edge the one that follows it in its ring."""
    count = len(ys)
    # Along a row, as along a column, vertices pair up to edges. uint16 makes it a radix sort.
    narrow = ys.astype(np.uint16) if int(ys.max()) <= 0xFFFF else ys
    order = np.argsort(narrow, kind="stable")
    partner = np.empty(count, np.int64)
    partner[order[0::2]] = order[1::2]
    partner[order[1::2]] = order[0::2]
    swapped = crossed[~right[crossed]]
    if len(swapped):
        # Pixels at upper right and lower left: their corners are the other way round in the row.
        twin = np.arange(count)
        twin[swapped], twin[swapped + 1] = swapped + 1, swapped
        partner = twin[partner[twin]]
    leave = np.arange(0, count, 2) + ~right[0::2]
    following: list[int] = (partner[leave] >> 1).tolist()
    return following


def _follow(following: list[int]) -> tuple[list[int], list[int]]:
    """Return the edges ring by ring, and how many edges there are up to the end of each ring."""
    edges: list[int] = []
    ends: list[int] = []
    add = edges.append
    for start in range(len(following)):
        edge = start
        while (after := following[edge]) >= 0:
            following[edge] = -1
            add(edge)
            edge = after
        if len(edges) > (ends[-1] if ends else 0):
            ends.append(len(edges))
    return edges, ends
