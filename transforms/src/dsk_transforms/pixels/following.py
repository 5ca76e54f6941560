"""Annotations that follow the pixels of their image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk import geometry
from dsk.annotations import (
    Annotation,
    Bbox,
    Cuboid2d,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
    Visibility,
)
from dsk.rle import counts_of
from dsk_transforms.pixels.places import MovedMask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.places import Place

    Flats = Sequence[Sequence[float]]

__all__ = ["PLANAR", "GeometryError", "flats_of", "follow", "moved", "refreshed"]

PLANAR: frozenset[type[Annotation]] = frozenset(
    {Bbox, RotatedBbox, Polygon, PolyLine, Points, Skeleton, Ellipse, Mask, Cuboid2d}
)
"""Kinds that lie in an image. The others speak of the whole image or of space, and stay."""

_LISTED = (PolyLine, Points, Skeleton, Cuboid2d)


class GeometryError(ValueError):
    """An annotation cannot follow; the text says why, in few words."""


def flats_of(a: Annotation) -> Flats:
    """Return the flat coordinate lists of an annotation, those of its rings for a polygon.

    Raises:
        GeometryError: They are malformed.
    """
    if not isinstance(a, Polygon | PolyLine | Points | Skeleton | Cuboid2d):
        return ()
    try:
        flats = a.rings if isinstance(a, Polygon) else (a.points,)
        odd = any(len(flat) % 2 for flat in flats)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"malformed {a.kind}") from error
    if odd:
        raise GeometryError(f"a {a.kind} with an odd number of coordinates")
    return flats


def follow(
    item: DatasetItem,
    place: Place,
    ledger: Ledger,
    swaps: Mapping[int | None, Sequence[int]] | None = None,
) -> list[Annotation]:
    """Return an item's annotations where their pixels went.

    Args:
        item: The item.
        place: Where the pixels went.
        ledger: Counts what could not follow, and rotated boxes that are no rectangles any more.
        swaps: By label, for each keypoint the one whose role it plays in a mirror image.
    """
    kept: list[Annotation] = []
    flats: list[Sequence[float]] = []
    for a in item.annotations:
        try:
            if type(a) is Mask:
                kept.append(_mask(a, place))
                continue
            flats.extend(flats_of(a))
            kept.append(a)
        except GeometryError as error:
            drop(ledger, item, a, str(error))
    lists = iter(place.lists(flats))
    made: list[Annotation] = []
    for a in kept:
        if isinstance(a, _LISTED):
            b: Annotation = _pointed(a, next(lists), place, (swaps or {}).get(a.label))
        elif type(a) is Polygon:
            b = _outline(a, [next(lists) for _ in a.rings], place)
        else:
            b = _plain(a, place, ledger, item)
        made.append(b if b.extra is None or type(b) not in PLANAR else refreshed(b, place.factor))
    return made


def moved(a: Annotation, flats: Flats, place: Place) -> Annotation:
    """Return one annotation, whose coordinate lists are known, shifted as a whole."""
    lists = place.lists(flats)
    if isinstance(a, Polygon):
        return _outline(a, lists, place)
    if isinstance(a, _LISTED):
        return _pointed(a, lists[0], place, None)
    return _plain(a, place, None, None)


def drop(ledger: Ledger, item: DatasetItem, a: Annotation, why: str) -> None:
    """Report an annotation that could not follow."""
    ledger.add_at("DSK-L018", why, item, a)


def refreshed(a: Annotation, factor: float | None) -> Annotation:
    """Return an annotation whose area among the source format's own fields is true again.

    Args:
        a: The annotation.
        factor: By how much areas grew; None if that is not known, then the field goes.
    """
    if factor == 1.0 or not a.extra:
        return a
    if not any(isinstance(fields, dict) and "area" in fields for fields in a.extra.values()):
        return a
    extra = {}
    for family, fields in a.extra.items():
        extra[family] = fields
        if isinstance(fields, dict) and "area" in fields:
            area = fields["area"]
            rest = {name: value for name, value in fields.items() if name != "area"}
            known = factor is not None and isinstance(area, int | float)
            extra[family] = {**fields, "area": area * factor} if known else rest
    return replace(a, extra={family: f for family, f in extra.items() if f != {}} or None)


def _stated(a: Polygon | Mask | Skeleton, place: Place) -> dict[str, Any]:
    """Return the box and area that the source states, where they went."""
    return {
        "bbox": None if a.bbox is None else place.box(a.bbox),
        "area": None if a.area is None else a.area * place.factor,
    }


def _outline(a: Polygon, lists: list[list[float]], place: Place) -> Polygon:
    if place.mirrors:  # outer rings stay clockwise, holes anticlockwise
        lists = [_backwards(ring) for ring in lists]
    points: Any = lists if len(lists) != 1 or a.holes else lists[0]
    return replace(a, points=points, **_stated(a, place))


def _backwards(ring: list[float]) -> list[float]:
    turned = ring[::-1]  # y before x
    turned[::2], turned[1::2] = turned[1::2], turned[::2]
    return turned


def _pointed(
    a: PolyLine | Points | Skeleton | Cuboid2d,
    points: list[float],
    place: Place,
    swap: Sequence[int] | None,
) -> Annotation:
    if isinstance(a, PolyLine | Cuboid2d):
        return replace(a, points=points)
    changes: dict[str, Any] = {}
    visibility: Sequence[int] = a.visibility
    for n in range(min(len(visibility), len(points) // 2)):
        if visibility[n] == Visibility.ABSENT:  # its coordinates are no place in the image
            points[2 * n : 2 * n + 2] = a.points[2 * n : 2 * n + 2]
    if swap is not None and len(swap) == len(points) // 2:
        points = [value for n in swap for value in points[2 * n : 2 * n + 2]]
        if len(visibility) == len(swap):
            changes["visibility"] = [visibility[n] for n in swap]
        if isinstance(a, Skeleton) and len(a.point_attributes) == len(swap):
            changes["point_attributes"] = [a.point_attributes[n] for n in swap]
    if isinstance(a, Skeleton):
        return replace(a, points=points, **changes, **_stated(a, place))
    box = None if a.bbox is None else place.box(a.bbox)
    return replace(a, points=points, bbox=box, **changes)


def _plain(
    a: Annotation, place: Place, ledger: Ledger | None, item: DatasetItem | None
) -> Annotation:
    if isinstance(a, Bbox | Ellipse):
        x, y, w, h = place.box(a.bbox)
        return replace(a, x=x, y=y, w=w, h=h)
    if isinstance(a, RotatedBbox):
        box, exact = rotated_box(a, place)
        if not exact and ledger is not None and item is not None:
            ledger.add_at(
                "DSK-L007",
                "rotated boxes scaled unevenly, rectangles near the slanted result",
                item,
                a,
                hint="rotated_boxes_to_polygons first, or keep_aspect",
            )
        return box
    return a


def rotated_box(a: RotatedBbox, place: Place) -> tuple[RotatedBbox, bool]:
    """Map a rotated box.

    Scaled by other factors across than down it is a parallelogram. The rectangle for it has its
    centre, its area and its longer side.

    Returns:
        The box, and whether it is exactly where the pixels are.
    """
    cx, cy, _, _ = place.box((a.cx, a.cy, 0.0, 0.0))
    sx, sy = abs(place.ax), abs(place.ay)
    if sx == sy:
        angle = place.angle(a.r)
        return replace(a, cx=cx, cy=cy, w=a.w * sx, h=a.h * sx, r=angle), True
    if a.r % 90 == 0:  # scaling never swaps, so only which side lies across counts
        w, h = (a.w * sx, a.h * sy) if a.r % 180 == 0 else (a.w * sy, a.h * sx)
        return replace(a, cx=cx, cy=cy, w=w, h=h), True
    corners = geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
    x1, y1, x2, y2, x3, y3, _, _ = place.lists([corners])[0]
    across, down = (x2 - x1, y2 - y1), (x3 - x2, y3 - y2)
    w, h = math.hypot(*across), math.hypot(*down)
    area = a.w * a.h * sx * sy
    if w >= h:
        angle, h = math.degrees(math.atan2(across[1], across[0])), area / w if w else 0.0
    else:
        angle, w = math.degrees(math.atan2(-down[0], down[1])), area / h
    return replace(a, cx=cx, cy=cy, w=w, h=h, r=angle % 360.0), False


def _mask(a: Mask, place: Place) -> Mask:
    if place.factor < 1:  # it may vanish, which must be told now
        try:
            rle = place.rle(a.rle)
        except (TypeError, ValueError) as error:
            raise GeometryError(f"mask: {error}") from error
        if len(counts_of(rle)) < 2:
            raise GeometryError("masks too thin to be seen at the new size")
        return replace(a, source=rle, **_stated(a, place))
    return replace(a, source=MovedMask(a.source, place), **_stated(a, place))


def present(points: Sequence[float], visibility: Sequence[int]) -> Iterable[int]:
    """Return the numbers of the points that have a place in the image."""
    count = len(points) // 2
    if len(visibility) != count:
        return range(count)
    return [n for n in range(count) if visibility[n] != Visibility.ABSENT]
