"""From dsk's annotations to Datumaro's: pure functions, one per kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Raw

from dsk.annotations import (
    Annotation,
    Bbox,
    Caption,
    Cuboid2d,
    Cuboid3d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.rle import counts_of
from dsk_datumaro.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ENCODERS",
    "NAME",
    "NUMERIC",
    "are_rings",
    "encode_rings",
    "ring_texts",
]

NAME = "datumaro"
"""The family of the extra fields that this format writes back."""

NUMERIC = b"0123456789+-.eE, \t\r\n"
"""What the JSON text of numbers is made of, besides brackets."""

_UNORDERED = frozenset({"label", "caption", "skeleton", "cuboid_3d"})
"""Types that have no drawing order in Datumaro."""

_SPACE = b" \t\r\n"
_DIGITS = frozenset(b"%d" % n for n in range(10)) | {b"-"}
_RING = re.compile(rb"\[[^\[\]]*\]")


def ring_texts(points: Raw) -> list[Raw]:
    """Cut the JSON text of rings into the text of each ring, undecoded.

    Raises:
        ValueError: It is no ring, and no list of rings, of numbers.
    """
    text = bytes(points)
    shape = text.translate(None, NUMERIC)
    if shape == b"[]":
        return [points] if len(text.strip(_SPACE)) > len("[]") else []
    if shape == b"[[]]":
        return [Raw(text[text.index(b"[", 1) : text.index(b"]") + 1])]
    if shape.replace(b"[]", b"") == b"[]":
        return [Raw(ring) for ring in _RING.findall(text)]
    raise ValueError("the points are no rings of numbers")


def are_rings(texts: Sequence[Raw]) -> bool:
    """Tell whether each of some undecoded texts is a flat list of numbers."""
    return b"".join(texts).translate(None, NUMERIC) == b"[]" * len(texts)


def _more(a: Annotation) -> dict[str, Any] | None:
    """Return what stands in ``dsk``, for kinds that have nothing else to put there."""
    return {"extra": a.extra} if a.extra else None


def _outline(a: Polygon | Mask | Skeleton) -> dict[str, Any] | None:
    more: dict[str, Any] = {}
    if a.bbox is not None:
        more["bbox"] = a.bbox
    if a.area is not None:
        more["area"] = a.area
    if a.extra:
        more["extra"] = a.extra
    return more or None


def _record(a: Annotation, more: dict[str, Any] | None, **geometry: Any) -> Record:
    kind = a.kind
    z_order: Any = UNSET if kind in _UNORDERED and not a.z_order else a.z_order
    label: Any = UNSET if kind == "caption" and a.label is None else a.label
    return Record(
        a.id,
        kind,
        a.attributes,
        a.group,
        label,
        z_order,
        object_id=a.object_id,
        dsk=more,
        **geometry,
    )


def _label(a: Label) -> Record:
    return _record(a, _more(a))


def _caption(a: Caption) -> Record:
    return _record(a, _more(a), caption=a.caption)


def _bbox(a: Bbox) -> Record:
    return Record(  # hot: without another call
        a.id,
        "bbox",
        a.attributes,
        a.group,
        a.label,
        a.z_order,
        bbox=(a.x, a.y, a.w, a.h),
        object_id=a.object_id,
        dsk=_more(a),
    )


def _rotated(a: RotatedBbox) -> Record:
    return _record(a, _more(a), points=(a.cx, a.cy, a.w, a.h, a.r))


def _polyline(a: PolyLine) -> Record:
    return _record(a, _more(a), points=a.points)


def _ellipse(a: Ellipse) -> Record:
    right, bottom = a.x + a.w, a.y + a.h
    more = _more(a)
    if right - a.x != a.w or bottom - a.y != a.h:  # corners alone would not give the size back
        more = {"size": (a.w, a.h), **(more or {})}
    return _record(a, more, points=(a.x, a.y, right, bottom))


def _cuboid_2d(a: Cuboid2d) -> Record:
    flat = list(a.points)
    return _record(a, _more(a), points=list(zip(flat[::2], flat[1::2], strict=True)))


def _points(a: Points) -> Record:
    more = _more(a)
    if a.bbox is not None:
        more = {"bbox": a.bbox, **(more or {})}
    seen: Any = a.visibility if len(a.visibility) else UNSET
    return _record(a, more, points=a.points, visibility=seen)


def _skeleton(a: Skeleton) -> Record:
    flat, seen = list(a.points), list(a.visibility)
    count = len(flat) // 2
    triplets: list[float] = [0] * (3 * count)
    triplets[::3], triplets[1::3] = flat[::2], flat[1::2]
    triplets[2::3] = seen
    attributes = list(a.point_attributes) or [{}] * count
    return _record(a, _outline(a), points=triplets, points_attributes=attributes)


def _mask(a: Mask) -> Record:
    rle = a.rle
    counts = rle.counts
    if not isinstance(counts, str | bytes):
        from dsk import masks

        counts = masks.encode_counts(counts_of(rle))
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return _record(a, _outline(a), rle={"counts": text, "size": rle.size})


def _cuboid_3d(a: Cuboid3d) -> Record:
    more = _more(a) or {}
    if a.forward:  # Datumaro does not say which axis points ahead
        more["forward"] = a.forward
    if a.frame != "lidar":
        more["frame"] = a.frame
    return _record(a, more or None, position=a.position, rotation=a.rotation, scale=a.scale)


def _polygon(a: Polygon) -> Record | None:
    """Return the record of an outline of one ring, or None: see ``encode_rings``.

    Undecoded points are not looked at, because that is cheaper for many: see ``are_rings``.
    """
    points: Any = a.points
    if a.holes:
        return None
    if type(points) is Raw:
        text = bytes(points)
        if text.startswith(b"[[") and text.find(b"]") == len(text) - 2:
            points = Raw(text[1:-1])
        elif text[1:2] not in _DIGITS:  # several rings, none, or spaces that hide how many
            return None
    elif not len(points) or hasattr(points[0], "__len__"):
        if len(points) != 1:
            return None
        points = points[0]
    return Record(
        a.id,
        "polygon",
        a.attributes,
        a.group,
        a.label,
        a.z_order,
        points=points,
        object_id=a.object_id,
        dsk=None if a.bbox is None and a.area is None and not a.extra else _outline(a),
    )


def encode_rings(a: Polygon, free_group: Callable[[], int]) -> list[Record]:
    """Return one record per ring, because Datumaro knows single rings only.

    The rings of one outline share a group, and ``dsk.ring`` (number, count) lets the reader join
    them again. What belongs to the whole outline stands in the first record.

    Args:
        a: The outline.
        free_group: Gives a group number that nothing else in the item has.

    Raises:
        ValueError: Its undecoded points are no rings of numbers.
    """
    points: Any = a.points
    rings: Sequence[Any] = ring_texts(points) if type(points) is Raw else a.rings
    more = _outline(a)
    if len(rings) == 1 and not a.holes:
        return [_record(a, more, points=rings[0])]
    group = a.group
    if not group and len(rings) > 1:
        group = free_group()
        more = {"group": 0, **(more or {})}
    records = []
    for number, ring in enumerate(rings or [[]]):
        dsk: dict[str, Any] = {"ring": (number, len(rings))}
        if number in a.holes:
            dsk["hole"] = True
        record = _record(a, dsk if number or not more else dsk | more, points=ring)
        record.group = group
        records.append(record)
    return records


ENCODERS: dict[type[Annotation], Callable[[Any], Any]] = {
    Label: _label,
    Caption: _caption,
    Bbox: _bbox,
    RotatedBbox: _rotated,
    Polygon: _polygon,
    PolyLine: _polyline,
    Points: _points,
    Skeleton: _skeleton,
    Ellipse: _ellipse,
    Mask: _mask,
    Cuboid2d: _cuboid_2d,
    Cuboid3d: _cuboid_3d,
}
"""Encoders of the kinds that give one record; None when an outline has several rings or holes."""
