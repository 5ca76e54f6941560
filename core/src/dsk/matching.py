"""Finding the annotations of two items that stand for the same thing."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsk import geometry, masks
from dsk.annotations import Bbox, Ellipse, Mask, Polygon, RotatedBbox
from dsk.convert import bbox_of
from dsk.errors import InputError
from dsk.rle import counts_of
from dsk.runs import Runs
from dsk.similarity import similar
from dsk.solids import solid_overlaps

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Annotation
    from dsk.geometry import Box

__all__ = ["OVERLAPPING", "SHAPES", "Overlaps", "Pair", "alike", "in_order", "matched", "shape_box"]

SHAPES = frozenset({"bbox", "rotated_bbox", "polygon", "mask", "ellipse"})
"""Kinds that are the same if they overlap enough."""

OVERLAPPING = SHAPES | {"mask_3d"}
"""Kinds of which a pair says how much the two overlap; masks of volumes by their voxels."""

LARGEST = 4096
"""Outlines that reach further, in pixels, are compared by their boxes: drawing takes too long."""

DIGITS = 2
"""Digits behind the point that count where coordinates must be equal: formats round."""

_AT_ONCE = 1 << 18
"""Pairs of boxes that are compared at once."""

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

    Shapes and masks of volumes are paired if they overlap enough, what is made of points if it is
    similar enough, those of one label before others, the best first. All else is paired if it is
    equal: label, and what it consists of.

    Args:
        first: Names of labels and annotations.
        second: Those of the other item.
        least: The intersection over union from which on shapes are paired, and the similarity.
    """
    named, cut = [*first, *second], len(first)
    sides = [0] * cut + [1] * len(second)
    used: set[int] = set()
    pairs = []
    for n, m, share in in_order(named, alike(named, sides, least)):
        if used.isdisjoint((n, m)):
            used.update((n, m))
            pairs.append(Pair(n, m - cut, share))
    return sorted(pairs)


def alike(
    named: Sequence[tuple[str, Annotation]], sides: Sequence[int], least: float
) -> list[Pair]:
    """Return the pairs of annotations that may stand for the same thing, see ``matched``.

    Args:
        named: Names of labels and annotations.
        sides: What each of them belongs to, the numbers ascending; only those of different ones are
            compared.
        least: See ``matched``.

    Returns:
        Pairs whose first is before the second.
    """
    annotations = [a for _, a in named]
    points = [Pair(*pair) for pair in similar(annotations, least)]
    return [
        *_equal(named, sides),
        *(pair for pair in points if sides[pair.first] != sides[pair.second]),
        *Overlaps(annotations).pairs(least, sides),
        *(Pair(*pair) for pair in solid_overlaps(annotations, sides, least)),
    ]


def in_order(named: Sequence[tuple[str, Annotation]], pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs by what speaks for them: the same label, the same kind, a large overlap."""

    def rank(pair: Pair) -> tuple[bool, bool, float, int, int]:
        (name, a), (other, b) = named[pair.first], named[pair.second]
        return name != other, a.kind != b.kind, -pair.overlap, pair.first, pair.second

    return sorted(pairs, key=rank)


class Overlaps:
    """How much the shapes of an item overlap, each with each.

    Args:
        annotations: Annotations of one item, in one dataset or in several.
    """

    def __init__(self, annotations: Sequence[Annotation]) -> None:
        self._shapes = [_outline(a) for a in annotations]
        self._boxes = [shape_box(a) for a in annotations]
        self._drawn: list[Runs | None] | None = None

    def pairs(self, least: float, sides: Sequence[int] | None = None) -> Iterator[Pair]:
        """Yield the pairs of shapes that overlap so much at least, the first before the second.

        What counts are pixels where both are outlines, rotated boxes or masks, else boxes.

        Args:
            least: The least intersection over union, more than 0.
            sides: What each annotation belongs to; those of the same are not compared.
        """
        for n, m, boxes in self._near(sides):
            share = self._of_pixels(n, m, boxes, least) if self._have_pixels(n, m) else boxes
            if share >= least:
                yield Pair(n, m, share)

    def _near(self, sides: Sequence[int] | None) -> Iterator[tuple[int, int, float]]:
        """Yield the pairs whose boxes overlap or are equal, with how much they do."""
        numbers = [n for n, box in enumerate(self._boxes) if box is not None]
        if len(numbers) < 2:
            return
        boxes = np.array([self._boxes[n] for n in numbers], np.float64)
        of = None if sides is None else np.array(sides)[numbers]
        step = max(_AT_ONCE // len(numbers), 1)
        for start in range(0, len(numbers), step):
            shares = _shares(boxes[start : start + step], boxes)
            after = np.arange(len(numbers)) > np.arange(start, start + len(shares))[:, None]
            wanted = (shares > 0) & after
            if of is not None:
                wanted &= of[start : start + step, None] != of
            for n, m in np.argwhere(wanted).tolist():
                yield numbers[start + n], numbers[m], float(shares[n, m])

    def _have_pixels(self, n: int, m: int) -> bool:
        a, b = self._shapes[n], self._shapes[m]
        if not (isinstance(a, Polygon | Mask) and isinstance(b, Polygon | Mask)):
            return False
        if isinstance(a, Polygon) and isinstance(b, Polygon):
            return not _same_rings(a, b)
        return True

    def _of_pixels(self, n: int, m: int, boxes: float, least: float) -> float:
        if self._drawn is None:
            self._drawn = self._draw()
        one, two = self._drawn[n], self._drawn[m]
        if one is None or two is None or one.size != two.size or not one.area or not two.area:
            return boxes
        box, other = self._boxes[n], self._boxes[m]
        if box is None or other is None:
            return 0.0
        # Pixels reach over the edge of their box by one at most, and the union is not smaller than
        # the larger of the two: what cannot overlap enough need not be joined.
        width = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0]) + 2
        height = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1]) + 2
        if width * height < least * max(one.area, two.area):
            return 0.0
        common = one.common(two)
        return common / (one.area + two.area - common)

    def _draw(self) -> list[Runs | None]:
        """Draw all outlines on one sheet: the masks' if there are any, else as large as needed."""
        shapes = self._shapes
        drawn = [_mask(a) if isinstance(a, Mask) else None for a in shapes]
        sizes = ((one.size[0], one.size[1]) for one in drawn if one is not None)
        size, corner = next(sizes, None), (0, 0)
        if size is None:
            size, corner = _sheet(shapes, self._boxes)
        if size is not None:
            for n, counts in _outlines(shapes, size, corner):
                drawn[n] = Runs.of(size, counts)
        return drawn


def _shares(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersections over union (n, m) of boxes (n, 4) and (m, 4), each with each.

    Equal boxes overlap wholly, also those without extent.
    """
    x, y, w, h = (first[:, None, k] for k in range(4))
    u, v, p, q = (second[None, :, k] for k in range(4))
    with np.errstate(all="ignore"):  # infinite and empty ones
        wide = np.minimum(x + w, u + p) - np.maximum(x, u)
        high = np.minimum(y + h, v + q) - np.maximum(y, v)
        both = wide * high
        shares = np.where((wide > 0) & (high > 0), both / (w * h + p * q - both), 0.0)
    shares[(x == u) & (y == v) & (w == p) & (h == q)] = 1.0
    return shares


def _outline(a: Annotation) -> Annotation:
    """Return a rotated box as an outline: those that stand close have boxes that overlap."""
    if isinstance(a, RotatedBbox) and math.isfinite(a.r):
        return Polygon(geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r))
    return a


def _same_rings(a: Polygon, b: Polygon) -> bool:
    try:
        one, two = ([list(ring) for ring in shape.rings] for shape in (a, b))
    except ValueError:
        return False
    return one == two and tuple(a.holes) == tuple(b.holes)


def _mask(a: Mask) -> Runs | None:
    try:
        rle = a.rle
        counts = counts_of(rle)
    except (ValueError, InputError):
        return None
    return Runs.of(rle.size, counts)


def _sheet(
    shapes: Sequence[Annotation], boxes: Sequence[Box | None]
) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """Return height and width of a sheet for all outlines, and its corner; None: too large."""
    found = [
        box
        for a, box in zip(shapes, boxes, strict=True)
        if isinstance(a, Polygon) and box and all(map(math.isfinite, box))
    ]
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
    """Return a ring as seen from a corner.

    Raises:
        ValueError: It is no list of pairs of numbers.
    """
    moved: list[float] = (np.array(ring, np.float64).reshape(-1, 2) - (left, top)).ravel().tolist()
    return moved


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


def _equal(named: Sequence[tuple[str, Annotation]], sides: Sequence[int]) -> Iterator[Pair]:
    """Yield the pairs of equal annotations that are no shapes, each with one of each side."""
    same: dict[Hashable, dict[int, list[int]]] = {}
    for n, (name, a) in enumerate(named):
        if a.kind not in OVERLAPPING:
            same.setdefault((name, _content(a)), {}).setdefault(sides[n], []).append(n)
    for by_side in same.values():
        for first, second in combinations(by_side.values(), 2):
            for n, m in zip(first, second, strict=False):
                yield Pair(n, m, 1.0)


def _content(a: Annotation) -> Hashable:
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
