"""Finding the annotations of two items that stand for the same thing."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from dsk import geometry, masks
from dsk.annotations import Bbox, Ellipse, Mask, Mask3d, Polygon
from dsk.convert import bbox_of
from dsk.errors import InputError
from dsk.rle import counts_of
from dsk.similarity import POINTED, similarity

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.geometry import Box

__all__ = ["SHAPES", "Overlaps", "Pair", "matched", "shape_box"]

SHAPES = frozenset({"bbox", "rotated_bbox", "polygon", "mask", "ellipse"})
"""Kinds that are the same if they overlap enough."""

LARGEST = 4096
"""Outlines that reach further, in pixels, are compared by their boxes: drawing takes too long."""

DIGITS = 2
"""Digits behind the point that count where coordinates must be equal: formats round."""

_NOT_CONTENT = frozenset(
    {"label", "id", "group", "object_id", "z_order", "attributes", "extra", "bbox", "area"}
)


class Pair(NamedTuple):
    """Two annotations that stand for the same thing: their numbers, and how much they overlap."""

    first: int
    second: int
    overlap: float


def matched(
    first: Sequence[tuple[str, Annotation]], second: Sequence[tuple[str, Annotation]], least: float
) -> list[Pair]:
    """Pair the annotations of two items, each with one other at most.

    Shapes are paired if they overlap enough, what is made of points if it is similar enough, those
    of one label before others, the best first. All else is paired if it is equal: label, and what
    it consists of.

    Args:
        first: Names of labels and annotations.
        second: Those of the other item.
        least: The intersection over union from which on shapes are paired, and the similarity.
    """
    pairs = [*_equal(first, second)]
    used = {pair.first for pair in pairs}, {pair.second for pair in pairs}
    one, two = [a for _, a in first], [b for _, b in second]
    alike = (*Overlaps(one, two).pairs(least), *_similar(one, two, used, least))
    candidates = [
        (first[n][0] != second[m][0], one[n].kind != two[m].kind, -share, n, m)
        for n, m, share in alike
    ]
    for _, _, share, n, m in sorted(candidates):
        if n not in used[0] and m not in used[1]:
            used[0].add(n)
            used[1].add(m)
            pairs.append(Pair(n, m, -share))
    return sorted(pairs)


class Overlaps:
    """How much the shapes of two items overlap, each with each.

    Args:
        first: Annotations of one item.
        second: Those of the other.
    """

    def __init__(self, first: Sequence[Annotation], second: Sequence[Annotation]) -> None:
        self._sides = (first, second)
        self._boxes = [[shape_box(a) for a in side] for side in self._sides]
        self._drawn: list[list[Drawn | None]] | None = None

    def pairs(self, least: float) -> Iterator[Pair]:
        """Yield the pairs of shapes that overlap so much at least.

        What counts are pixels where both are outlines or masks, else boxes.
        """
        for n, box in enumerate(self._boxes[0]):
            if box is None:
                continue
            for m, other in enumerate(self._boxes[1]):
                if other is None:
                    continue
                share = 1.0 if box == other else geometry.iou_boxes(box, other)
                if share and self._have_pixels(n, m):
                    share = self._of_pixels(n, m, share, least)
                if share >= least:
                    yield Pair(n, m, share)

    def _have_pixels(self, n: int, m: int) -> bool:
        a, b = self._sides[0][n], self._sides[1][m]
        if not (isinstance(a, Polygon | Mask) and isinstance(b, Polygon | Mask)):
            return False
        if isinstance(a, Polygon) and isinstance(b, Polygon):
            return not _same_rings(a, b)
        return True

    def _of_pixels(self, n: int, m: int, boxes: float, least: float) -> float:
        if self._drawn is None:
            self._drawn = self._draw()
        one, two = self._drawn[0][n], self._drawn[1][m]
        if one is None or two is None or one.size != two.size:
            return boxes
        box, other = self._boxes[0][n], self._boxes[1][m]
        if box is None or other is None or not one.area or not two.area:
            return 0.0
        # Pixels reach over the edge of their box by one at most, and the union is not smaller than
        # the larger of the two: what cannot overlap enough need not be joined.
        width = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0]) + 2
        height = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1]) + 2
        if width * height < least * max(one.area, two.area):
            return 0.0
        return masks.iou(one.counts, two.counts)

    def _draw(self) -> list[list[Drawn | None]]:
        """Draw all outlines on one sheet: the masks' if there are any, else as large as needed."""
        shapes = [a for side in self._sides for a in side]
        boxes = [box for side in self._boxes for box in side]
        drawn = [_mask(a) if isinstance(a, Mask) else None for a in shapes]
        size, corner = next((one.size for one in drawn if one is not None), None), (0, 0)
        if size is None:
            size, corner = _sheet(shapes, boxes)
        if size is not None:
            for n, counts in _outlines(shapes, size, corner):
                drawn[n] = Drawn(size, counts, masks.area(counts))
        cut = len(self._sides[0])
        return [drawn[:cut], drawn[cut:]]


class Drawn(NamedTuple):
    """A shape's pixels: the size of the sheet (height, width), run lengths, and their number."""

    size: tuple[int, int]
    counts: NDArray[Any]
    area: int


def _same_rings(a: Polygon, b: Polygon) -> bool:
    try:
        one, two = ([list(ring) for ring in shape.rings] for shape in (a, b))
    except ValueError:
        return False
    return one == two and tuple(a.holes) == tuple(b.holes)


def _mask(a: Mask) -> Drawn | None:
    try:
        rle = a.rle
        counts = counts_of(rle)
    except (ValueError, InputError):
        return None
    return Drawn(rle.size, counts, masks.area(counts))


def _sheet(
    shapes: Sequence[Annotation], boxes: Sequence[Box | None]
) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """Return height and width of a sheet for all outlines, and its corner; None: too large."""
    found = [box for a, box in zip(shapes, boxes, strict=True) if isinstance(a, Polygon) and box]
    if not found:
        return None, (0, 0)
    left, top = (math.floor(min(box[n] for box in found)) for n in (0, 1))
    right, bottom = (math.ceil(max(box[n] + box[n + 2] for box in found)) for n in (0, 1))
    size = (bottom - top + 1, right - left + 1)
    return (size if max(size) <= LARGEST else None), (left, top)


def _outlines(
    shapes: Sequence[Annotation], size: tuple[int, int], corner: tuple[int, int]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the number and the pixels of each polygon; those without holes are drawn together."""
    plain: dict[int, list[list[float]]] = {}
    for n, a in enumerate(shapes):
        if not isinstance(a, Polygon):
            continue
        try:
            rings = [_moved(ring, *corner) for ring in a.rings]
            if a.holes:
                yield n, masks.from_polygons_with_holes(rings, set(a.holes), *size)
                continue
        except ValueError:
            continue
        plain[n] = rings
    try:
        yield from zip(plain, masks.from_polygons_many([*plain.values()], *size), strict=True)
    except ValueError:  # one of them is malformed
        for n, rings in plain.items():
            with suppress(ValueError):
                yield n, masks.from_polygons(rings, *size)


def _moved(ring: Sequence[float], left: int, top: int) -> list[float]:
    return [value - (top if n % 2 else left) for n, value in enumerate(ring)]


def shape_box(a: Annotation) -> Box | None:
    """Return the box (x, y, w, h) of a shape; None if it has none, and for other kinds."""
    if a.kind not in SHAPES:
        return None
    if isinstance(a, Bbox | Ellipse):
        return a.x, a.y, a.w, a.h
    try:
        return bbox_of(a)
    except (ValueError, InputError):
        return None


def _similar(
    first: Sequence[Annotation],
    second: Sequence[Annotation],
    used: tuple[set[int], set[int]],
    least: float,
) -> Iterator[Pair]:
    """Yield the pairs of what is made of points and similar enough, without what is paired."""
    left = [m for m, b in enumerate(second) if b.kind in POINTED and m not in used[1]]
    for n, a in enumerate(first):
        if a.kind not in POINTED or n in used[0]:
            continue
        for m in left:
            share = similarity(a, second[m])
            if share >= least:
                yield Pair(n, m, share)


def _equal(
    first: Sequence[tuple[str, Annotation]], second: Sequence[tuple[str, Annotation]]
) -> Iterator[Pair]:
    waiting: dict[Hashable, list[int]] = {}
    for m, (name, b) in enumerate(second):
        if b.kind not in SHAPES:
            waiting.setdefault((name, _content(b)), []).append(m)
    for n, (name, a) in enumerate(first):
        same = waiting.get((name, _content(a))) if a.kind not in SHAPES else None
        if same:
            yield Pair(n, same.pop(0), 1.0)


def _content(a: Annotation) -> Hashable:
    if isinstance(a, Mask3d):  # its voxels are not looked at
        return a.kind, a.value
    fields = [getattr(a, name) for name in a.__struct_fields__ if name not in _NOT_CONTENT]
    return a.kind, tuple(_plain(value) for value in fields)


def _plain(value: Any) -> Hashable:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_plain(one) for one in value)
    if isinstance(value, float):
        return round(value, DIGITS)
    return str(value) if isinstance(value, dict) else value
