"""Joining the pieces of an annotation that several tiles show."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from dsk import masks
from dsk.annotations import (
    Annotation,
    Bbox,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    Skeleton,
    Visibility,
)
from dsk.rle import counts_of
from dsk_transforms.pixels.clipping import area, clip_line, clip_ring, is_simple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Window = tuple[int, int, int, int]
    Bounds = tuple[float, float, float, float]
    Corner = tuple[float, float]

__all__ = ["Piece", "join"]

SNAP = 6
"""Decimals to which points are the same: pieces were shifted to their tiles and back."""


class Piece(Struct, frozen=True):
    """A part of an annotation, in coordinates of the whole image.

    Attributes:
        annotation: The part; a mask is of its tile's size still.
        window: The tile: x, y, width, height.
        cut: Whether something is missing.
    """

    annotation: Annotation
    window: Window
    cut: bool = False


def join(pieces: Sequence[Piece], size: tuple[int, int]) -> list[Annotation]:
    """Return what pieces of one annotation are together: one, or several that stay apart.

    Args:
        pieces: All of one kind, in the order of their tiles.
        size: (height, width) of the whole image.

    Raises:
        ValueError: A mask is malformed or not of its tile's size.
    """
    first = pieces[0].annotation
    if isinstance(first, Mask):
        return [_masks(pieces, first, size)]
    whole = next((piece for piece in pieces if not piece.cut), None)
    if whole is not None or len(pieces) == 1:
        return [(whole or pieces[0]).annotation]
    if isinstance(first, Bbox):
        return [_boxes([p.annotation for p in pieces if isinstance(p.annotation, Bbox)])]
    if isinstance(first, Points | Skeleton):
        found = [p.annotation for p in pieces if isinstance(p.annotation, Points | Skeleton)]
        return [_points(found)]
    if isinstance(first, Polygon):
        return [_outlines(pieces, first)]
    if isinstance(first, PolyLine):
        return _lines(pieces, first)
    return [first]


def _boxes(boxes: Sequence[Bbox]) -> Bbox:
    x, y = min(b.x for b in boxes), min(b.y for b in boxes)
    right, bottom = max(b.x + b.w for b in boxes), max(b.y + b.h for b in boxes)
    return replace(boxes[0], x=x, y=y, w=right - x, h=bottom - y)


def _points(pieces: Sequence[Points | Skeleton]) -> Points | Skeleton:
    first = pieces[0]
    if not len(first.visibility):  # loose points: those in the overlap are there twice
        places = {
            (round(x, SNAP), round(y, SNAP)): (x, y)
            for a in pieces
            for x, y in zip(a.points[::2], a.points[1::2], strict=True)
        }
        return replace(first, points=[v for place in places.values() for v in place], bbox=None)
    points, visibility = list(first.points), list(first.visibility)
    for a in pieces[1:]:
        for n, seen in enumerate(a.visibility):
            if seen != Visibility.ABSENT and visibility[n] == Visibility.ABSENT:
                points[2 * n : 2 * n + 2] = a.points[2 * n : 2 * n + 2]
                visibility[n] = seen
    return replace(first, points=points, visibility=visibility, bbox=None)


def _masks(pieces: Sequence[Piece], first: Mask, size: tuple[int, int]) -> Mask:
    height, width = size
    whole = np.zeros(size, np.bool_)
    for piece in pieces:
        x, y, w, h = piece.window
        if not isinstance(piece.annotation, Mask):
            continue
        rle = piece.annotation.rle
        if tuple(rle.size) != (h, w):
            msg = f"a mask of {rle.size[1]} × {rle.size[0]} on a tile of {w} × {h}"
            raise ValueError(msg)
        whole[y : y + h, x : x + w] |= masks.to_dense(counts_of(rle), h, w)
    source = Rle((height, width), masks.encode_counts(masks.from_dense(whole)))
    stated: dict[str, Any] = {}
    complete = next((p for p in pieces if not p.cut), None)
    if complete is None:
        stated = {"bbox": None, "area": None}
    elif isinstance(complete.annotation, Mask):
        stated = {"bbox": complete.annotation.bbox, "area": complete.annotation.area}
    return replace(first, source=source, **stated)


def _outlines(pieces: Sequence[Piece], first: Polygon) -> Polygon:
    """Join outlines: each cell that the edges of tiles make is taken from one tile only.

    The pieces of neighbouring cells have the edge between them in common, once in each direction.
    Without these edges the rest are the rings of the whole. That holds for simple rings; of
    others the pieces are kept as they are.
    """
    pools: dict[bool, list[Array]] = {False: [], True: []}
    clockwise: dict[bool, bool] = {}
    for piece, cell in _cells(pieces):
        a = piece.annotation
        if not isinstance(a, Polygon):
            continue
        for n, ring in enumerate(a.rings):
            points = np.array(ring, np.float64).reshape(-1, 2)
            direct = _signed(points) >= 0
            clockwise.setdefault(n in a.holes, direct)
            for part in clip_ring(points, cell):
                pools[n in a.holes].append(part if _signed(part) >= 0 else part[::-1])
    lines = _edges_of(pieces)
    found = [
        (ring if clockwise[is_hole] else ring[::-1], is_hole)
        for is_hole, pool in pools.items()
        for ring in (_rings(pool, lines) if all(map(is_simple, pool)) else pool)
    ]
    found.sort(key=lambda pair: -area(pair[0]))  # a ring comes after the one it lies in
    rings: Any = [ring.reshape(-1).tolist() for ring, _ in found]
    holes = tuple(n for n, (_, is_hole) in enumerate(found) if is_hole)
    flat = rings if len(rings) != 1 else rings[0]
    return replace(first, points=flat, holes=holes, bbox=None, area=None)


def _edges_of(pieces: Sequence[Piece]) -> tuple[set[float], set[float]]:
    xs = {float(v) for p in pieces for v in (p.window[0], p.window[0] + p.window[2])}
    ys = {float(v) for p in pieces for v in (p.window[1], p.window[1] + p.window[3])}
    return xs, ys


def _cells(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Bounds]]:
    """Yield the cells into which the edges of the tiles part the image, each with one tile."""
    xs, ys = (sorted(values) for values in _edges_of(pieces))
    for left, right in pairwise(xs):
        for top, bottom in pairwise(ys):
            for piece in pieces:
                x, y, w, h = piece.window
                if x <= left and right <= x + w and y <= top and bottom <= y + h:
                    yield piece, (left, top, right, bottom)
                    break


def _signed(ring: Array) -> float:
    x, y = (ring - ring[0]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))


def _key(point: Array) -> Corner:
    return round(float(point[0]), SNAP), round(float(point[1]), SNAP)


def _split_at_seams(start: Corner, stop: Corner, corners: Sequence[Corner]) -> list[Corner]:
    """Return the points of an edge along a seam: the corners of other pieces on it as well."""
    axis = 0 if start[0] == stop[0] else 1
    low, high = sorted((start[1 - axis], stop[1 - axis]))
    on = [c for c in corners if c[axis] == start[axis] and low < c[1 - axis] < high]
    on.sort(key=lambda c: c[1 - axis], reverse=start[1 - axis] > stop[1 - axis])
    return [start, *on, stop]


def _rings(parts: Sequence[Array], lines: tuple[set[float], set[float]]) -> list[Array]:
    exact: dict[Corner, Array] = {}
    outlines = []
    for part in parts:
        keys = [_key(point) for point in part]
        exact.update(zip(keys, part, strict=True))
        outlines.append(keys)

    def on_seam(a: Corner, b: Corner) -> bool:
        return any(a[axis] == b[axis] and a[axis] in lines[axis] for axis in (0, 1))

    corners = [c for c in exact if c[0] in lines[0] or c[1] in lines[1]]
    following: dict[Corner, list[Corner]] = {}
    for keys in outlines:
        for a, b in zip(keys, [*keys[1:], keys[0]], strict=True):
            points = _split_at_seams(a, b, corners) if on_seam(a, b) else [a, b]
            for c, d in pairwise(points):
                back = following.get(d, [])
                if c in back:
                    back.remove(c)
                elif c != d:
                    following.setdefault(c, []).append(d)
    rings = []
    for keys in _walk(following, lambda: next((c for c, to in following.items() if to), None)):
        ring = _straightened([exact[key] for key in keys], lines)
        if len(ring) > 2:
            rings.append(ring)
    return rings


def _walk(
    following: dict[Corner, list[Corner]], begin: Callable[[], Corner | None]
) -> Iterator[list[Corner]]:
    """Follow edges until each is used, from the places that ``begin`` names."""
    while (at := begin()) is not None:
        path = [at]
        while following.get(path[-1]):
            after = following[path[-1]].pop()
            if after == path[0]:
                break
            path.append(after)
        yield path


def _straightened(points: Sequence[Array], lines: tuple[set[float], set[float]]) -> Array:
    """Leave out the points that only tiles' edges made: on such an edge, and on a straight line."""
    kept = list(points)
    n = 0
    while n < len(kept) and len(kept) > 3:
        a, b, c = kept[n - 1], kept[n], kept[(n + 1) % len(kept)]
        seam = round(float(b[0]), SNAP) in lines[0] or round(float(b[1]), SNAP) in lines[1]
        if seam and _straight(a, b, c):
            kept.pop(n)
        else:
            n += 1
    return np.array(kept)


def _straight(a: Array, b: Array, c: Array) -> bool:
    u, v = b - a, c - b
    return abs(float(u[0] * v[1] - u[1] * v[0])) <= 10.0**-SNAP * (1 + float(np.hypot(*(c - a))))


def _lines(pieces: Sequence[Piece], first: PolyLine) -> list[Annotation]:
    exact: dict[Corner, Array] = {}
    following: dict[Corner, list[Corner]] = {}
    used: set[tuple[Corner, Corner]] = set()
    for piece, cell in _cells(pieces):
        same = [p.annotation for p in pieces if p.window == piece.window]
        for a in same:
            if not isinstance(a, PolyLine):
                continue
            for part in clip_line(np.array(a.points, np.float64).reshape(-1, 2), cell):
                keys = [_key(point) for point in part]
                exact.update(zip(keys, part, strict=True))
                for c, d in pairwise(keys):
                    if c != d and (c, d) not in used:  # one along an edge belongs to two cells
                        used.add((c, d))
                        following.setdefault(c, []).append(d)

    def begin() -> Corner | None:
        ends = {d for to in following.values() for d in to}
        left = [c for c, to in following.items() if to]
        return next((c for c in left if c not in ends), left[0] if left else None)

    lines = _edges_of(pieces)
    made: list[Annotation] = []
    for keys in _walk(following, begin):
        points = [exact[key] for key in keys]
        straight = points[:1]
        for n in range(1, len(points) - 1):
            seam = keys[n][0] in lines[0] or keys[n][1] in lines[1]
            if not (seam and _straight(straight[-1], points[n], points[n + 1])):
                straight.append(points[n])
        straight += points[1:][-1:]
        made.append(replace(first, points=np.array(straight).reshape(-1).tolist()))
    return made
