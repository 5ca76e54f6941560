"""Conversions between annotation kinds: the one place, used for every target and by transforms.

Each function takes an annotation and the image size (height, width) or None, and returns an
annotation of another kind with the same label, ids and attributes, or None when it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk import geometry
from dsk.annotations import (
    Annotation,
    Bbox,
    Box,
    Cuboid2d,
    Ellipse,
    Mask,
    Points,
    Polygon,
    PolyLine,
    Rle,
    RotatedBbox,
    Skeleton,
    Visibility,
)

if TYPE_CHECKING:
    pass

__all__ = [
    "CONVERSIONS",
    "PREFERENCES",
    "area_of",
    "bbox_of",
    "from_box",
    "masks_to_polygon",
    "to_bbox",
    "to_mask",
    "to_polygon",
]

Size = tuple[int, int] | None
Converter = "Callable[[Any, Size], Annotation | None]"

ELLIPSE_POINTS = 64


def _common(a: Annotation) -> dict[str, Any]:
    return {
        "label": a.label,
        "id": a.id,
        "group": a.group,
        "object_id": a.object_id,
        "z_order": a.z_order,
        "attributes": a.attributes,
        "extra": a.extra,
    }


def bbox_of(a: Annotation) -> Box | None:
    """Return the box (x, y, w, h) of an annotation: the one its source states, else computed.

    None for kinds without extent in an image and for empty geometry.

    Raises:
        ValueError: Undecoded geometry is malformed.
    """
    stated: Box | None = getattr(a, "bbox", None)
    if stated is not None:
        return stated
    if isinstance(a, Polygon):
        rings = [r for r in a.rings if len(r)]
        return geometry.rings_bbox(rings) if rings else None
    if isinstance(a, Mask):
        from dsk import masks
        from dsk.rle import counts_of

        rle = a.rle
        x, y, w, h = masks.bbox(counts_of(rle), rle.size[0])
        return (float(x), float(y), float(w), float(h)) if w and h else None
    if isinstance(a, RotatedBbox):
        return geometry.rings_bbox([geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)])
    if isinstance(a, Points | Skeleton):
        seen = _present(a.points, a.visibility)
        return geometry.rings_bbox([seen]) if seen else None
    if isinstance(a, PolyLine | Cuboid2d):
        return geometry.rings_bbox([a.points]) if len(a.points) else None
    return None


def _present(points: Any, visibility: Any) -> list[float]:
    if not len(visibility):
        return list(points)
    return [
        value
        for n, seen in enumerate(visibility)
        if seen != Visibility.ABSENT
        for value in points[2 * n : 2 * n + 2]
    ]


def area_of(a: Annotation) -> float | None:
    """Return the area in px²: the one its source states, else computed; None for flat kinds."""
    stated: float | None = getattr(a, "area", None)
    if stated is not None:
        return stated
    if isinstance(a, Polygon):
        sign = [-1.0 if n in a.holes else 1.0 for n in range(len(a.rings))]
        return sum(s * abs(geometry.ring_area(r)) for s, r in zip(sign, a.rings, strict=True))
    if isinstance(a, Mask):
        from dsk import masks
        from dsk.rle import counts_of

        return float(masks.area(counts_of(a.rle)))
    if isinstance(a, Bbox | RotatedBbox):
        return a.w * a.h
    if isinstance(a, Ellipse):
        return a.w * a.h * 3.141592653589793 / 4
    return None


def to_bbox(a: Annotation, size: Size = None) -> Bbox | None:  # noqa: ARG001 - common signature
    """Return the enclosing axis-parallel box, the stated one if there is one."""
    box = bbox_of(a)
    if box is None:
        return None
    return from_box(a, *box)


def from_box(a: Annotation, x: float, y: float, w: float, h: float) -> Bbox:
    """Return a box that is otherwise like another annotation."""
    return Bbox(
        x,
        y,
        w,
        h,
        label=a.label,
        id=a.id,
        group=a.group,
        object_id=a.object_id,
        z_order=a.z_order,
        attributes=a.attributes,
        extra=a.extra,
    )


def to_polygon(a: Annotation, size: Size = None) -> Polygon | None:  # noqa: ARG001
    """Return the outline of a box, rotated box, ellipse or mask; None when it is empty."""
    if isinstance(a, Mask):
        return _mask_to_polygon(a)
    if isinstance(a, Bbox):
        ring = geometry.box_ring(a.x, a.y, a.w, a.h)
    elif isinstance(a, RotatedBbox):
        ring = geometry.rotated_box_corners(a.cx, a.cy, a.w, a.h, a.r)
    elif isinstance(a, Ellipse):
        ring = geometry.ellipse_ring(a.x, a.y, a.w, a.h, ELLIPSE_POINTS)
    else:
        return None
    return Polygon(list(ring), **_common(a))


def _mask_to_polygon(a: Mask) -> Polygon | None:
    from dsk import contours
    from dsk.rle import counts_of

    rle = a.rle
    rings, holes = contours.to_rings(counts_of(rle), *rle.size)
    if not rings:
        return None
    return Polygon(rings, tuple(holes), a.bbox, a.area, **_common(a))


def to_mask(a: Annotation, size: Size = None) -> Mask | None:
    """Return the pixels of a polygon, box, rotated box or ellipse, by COCO's rasterising rule.

    None when the image size is not known.
    """
    if isinstance(a, Mask):
        return a
    if size is None:
        return None
    outline = a if isinstance(a, Polygon) else to_polygon(a)
    if outline is None:
        return None
    from dsk import masks

    rings = [list(r) for r in outline.rings]
    counts = masks.from_polygons_with_holes(rings, set(outline.holes), *size)
    source = Rle(size, masks.encode_counts(counts))
    return Mask(source, outline.bbox, outline.area, **_common(a))


def masks_to_polygon(a: Annotation, size: Size = None) -> Polygon | None:
    """Return ``to_polygon`` of a mask; a polygon stays itself."""
    return a if isinstance(a, Polygon) else to_polygon(a, size)


def to_points(a: Annotation, size: Size = None) -> Points | None:  # noqa: ARG001
    """Return a skeleton's points without their names and connections."""
    if not isinstance(a, Skeleton):
        return None
    return Points(a.points, a.visibility, a.bbox, **_common(a))


CONVERSIONS: dict[str, Any] = {
    "bbox": to_bbox,
    "polygon": to_polygon,
    "mask": to_mask,
    "points": to_points,
}
"""Converter by target kind."""

PREFERENCES: dict[str, tuple[str, ...]] = {
    "polygon": ("mask", "bbox"),
    "mask": ("polygon", "bbox"),
    "rotated_bbox": ("polygon", "mask", "bbox"),
    "ellipse": ("polygon", "mask", "bbox"),
    "skeleton": ("points", "bbox"),
    "cuboid_2d": ("bbox",),
}
"""What a kind becomes when the target cannot hold it, best first. A box never becomes an outline
by itself: that would claim pixels nobody marked; transforms do it on request."""
