"""The records of Datumaro's JSON as they are read, and their annotations as dsk's.

The structs forbid unknown fields, so that a file which has some is noticed: such items are decoded
once more, one by one, and the unknown fields are kept. Pure functions, one per type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct

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
    Rle,
    RotatedBbox,
    Skeleton,
    Visibility,
)
from dsk_datumaro.encode import NUMERIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "CHECKED_PARSERS",
    "PARSERS",
    "AnnotationIn",
    "ItemIn",
    "Mask3dIn",
    "MediaMoreIn",
    "flat_numbers",
    "join_rings",
    "polygons_are_flat",
]

Four = tuple[float, float, float, float]
Three = tuple[float, float, float]

_NOTHING = Raw(b"")
_floats = msgspec.json.Decoder(list[float]).decode
_pairs = msgspec.json.Decoder(list[tuple[float, float]]).decode


Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""Others keep ids in arrays of 64 bits."""


class RleIn(Struct, gc=False):
    """Run lengths: COCO's string, or the lengths themselves, which Datumaro cannot read."""

    size: tuple[int, int]
    counts: str | list[int]


class MoreIn(Struct, gc=False):
    """``dsk`` of an annotation: what Datumaro cannot say, see notes.md."""

    bbox: Four | None = None
    area: float | None = None
    extra: dict[str, dict[str, Any]] | None = None
    ring: tuple[int, int] | None = None
    hole: bool = False
    group: Int64 | None = None
    size: tuple[float, float] | None = None
    forward: Literal["", "+x", "+y"] = ""
    frame: Literal["lidar", "camera", "world", "voxel", "ras_mm"] = "lidar"


class AnnotationIn(Struct, forbid_unknown_fields=True, gc=False):
    """Any annotation; which fields are there depends on ``type``."""

    type: str
    id: Int64 | None = 0
    attributes: dict[str, Any] | None = None
    group: Int64 | None = 0
    label_id: int | None = None
    z_order: Int64 | None = 0
    points: Raw = _NOTHING
    bbox: list[float] | None = None
    object_id: Int64 | None = -1
    visibility: list[int] | None = None
    caption: str | None = None
    rle: RleIn | None = None
    position: Three | None = None
    rotation: Three | None = None
    scale: Three | None = None
    points_attributes: list[dict[str, Any]] | None = None
    dsk: MoreIn | None = None


class Mask3dIn(Struct, gc=False):
    """A mask in a volume, kept under ``dsk.annotations`` of its item."""

    at: int
    file: str
    id: Int64 = 0
    label_id: int | None = None
    group: Int64 = 0
    object_id: Int64 = -1
    z_order: Int64 = 0
    attributes: dict[str, Any] = {}
    value: int | None = None
    affine: tuple[float, ...] | None = None
    extra: dict[str, dict[str, Any]] | None = None


class MediaMoreIn(Struct, gc=False):
    """``dsk.media`` of an item: what Datumaro cannot say of a medium."""

    kind: str = ""
    extra: dict[str, dict[str, Any]] | None = None
    image: dict[str, Any] | None = None
    size: tuple[int, int] | None = None
    frames: list[dict[str, Any]] = []
    shape: tuple[int, ...] = ()
    affine: tuple[float, ...] | None = None
    dtype: str = ""
    rescale: tuple[float, float] = (1.0, 0.0)
    channels: tuple[str, ...] = ()
    slice_axis: int = 2
    header: Any = None


class ItemMoreIn(Struct, gc=False):
    """``dsk`` of an item."""

    extra: dict[str, dict[str, Any]] | None = None
    media: MediaMoreIn | None = None
    annotations: list[Mask3dIn] = []


class ItemIn(Struct, forbid_unknown_fields=True, gc=False):
    """An item with at most one medium."""

    id: str | int
    annotations: list[AnnotationIn] | None = None
    attr: dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    point_cloud: dict[str, Any] | None = None
    related_images: list[dict[str, Any]] | None = None
    video_frame: dict[str, Any] | None = None
    video: dict[str, Any] | None = None
    media: dict[str, Any] | None = None
    dsk: ItemMoreIn | None = None


def flat_numbers(points: Raw) -> Raw:
    """Return undecoded points after a look at them.

    Raises:
        ValueError: They are no flat list of an even number of numbers.
    """
    text = bytes(points)
    odd = text.count(b",") % 2 == 0 and text[1:-1].strip()
    if not text:
        raise ValueError("it has no points")
    if odd or text.translate(None, NUMERIC) != b"[]":
        raise ValueError("points must be a flat list of x, y pairs")
    return points


def _flat(points: Raw) -> list[float]:
    if not bytes(points):
        raise ValueError("it has no points")
    return _floats(points)


def _numbers(points: Raw) -> list[float]:
    return _flat(flat_numbers(points))


def _common(a: AnnotationIn, label: int | None) -> dict[str, Any]:
    object_id = a.object_id
    return {
        "label": label,
        "id": a.id or 0,
        "group": a.group or 0,
        "object_id": -1 if object_id is None or object_id < 0 else object_id,
        "z_order": a.z_order or 0,
        "attributes": a.attributes or {},
        "extra": a.dsk.extra if a.dsk is not None else None,
    }


def _label(a: AnnotationIn, label: int | None) -> Label:
    return Label(**_common(a, label))


def _caption(a: AnnotationIn, label: int | None) -> Caption:
    if a.caption is None:
        raise ValueError("there is no caption")
    return Caption(a.caption, **_common(a, label))


def _bbox(a: AnnotationIn, label: int | None) -> Bbox:
    box = a.bbox
    if box is None or len(box) != 4:
        raise ValueError("bbox must be four numbers: x, y, width, height")
    more = a.dsk
    return Bbox(
        box[0],
        box[1],
        box[2],
        box[3],
        label=label,
        id=a.id or 0,
        group=a.group or 0,
        object_id=-1 if a.object_id is None or a.object_id < 0 else a.object_id,
        z_order=a.z_order or 0,
        attributes=a.attributes or {},
        extra=None if more is None else more.extra,
    )


def _polygon(a: AnnotationIn, label: int | None) -> Polygon:
    flat_numbers(a.points)
    return _checked_polygon(a, label)


def _checked_polygon(a: AnnotationIn, label: int | None) -> Polygon:
    """Return a polygon whose points have been looked at."""
    more = a.dsk
    if more is not None:
        return Polygon(a.points, (), more.bbox, more.area, **_common(a, label))
    return Polygon(
        a.points,
        label=label,
        id=a.id or 0,
        group=a.group or 0,
        object_id=-1 if a.object_id is None or a.object_id < 0 else a.object_id,
        z_order=a.z_order or 0,
        attributes=a.attributes or {},
    )


def _polyline(a: AnnotationIn, label: int | None) -> PolyLine:
    return PolyLine(_numbers(a.points), **_common(a, label))


def _points(a: AnnotationIn, label: int | None) -> Points:
    points = _numbers(a.points)
    seen = a.visibility or ()
    if seen and 2 * len(seen) != len(points):
        raise ValueError(f"{len(seen)} visibility values for {len(points) // 2} points")
    _check_visibility(seen)
    return Points(points, seen, a.dsk.bbox if a.dsk else None, **_common(a, label))


def _check_visibility(seen: Sequence[float]) -> None:
    if any(
        value not in (Visibility.ABSENT, Visibility.HIDDEN, Visibility.VISIBLE) for value in seen
    ):
        raise ValueError("visibility is 0 (absent), 1 (hidden) or 2 (visible)")


def _skeleton(a: AnnotationIn, label: int | None) -> Skeleton:
    triplets = _flat(a.points)
    if len(triplets) % 3:
        raise ValueError("points of a skeleton must be x, y, visibility triplets")
    points = [0.0] * (len(triplets) // 3 * 2)
    points[::2], points[1::2] = triplets[::3], triplets[1::3]
    _check_visibility(triplets[2::3])
    attributes = a.points_attributes or ()
    if attributes and len(attributes) != len(triplets) // 3:
        raise ValueError(f"{len(attributes)} points_attributes for {len(triplets) // 3} points")
    more = a.dsk or MoreIn()
    return Skeleton(
        points,
        [int(value) for value in triplets[2::3]],
        attributes if any(attributes) else (),
        more.bbox,
        more.area,
        **_common(a, label),
    )


def _ellipse(a: AnnotationIn, label: int | None) -> Ellipse:
    corners = _numbers(a.points)
    if len(corners) != 4:
        raise ValueError("an ellipse has two corners: x1, y1, x2, y2")
    x, y, right, bottom = corners
    w, h = right - x, bottom - y
    if a.dsk is not None and a.dsk.size is not None:
        exact_w, exact_h = a.dsk.size
        if x + exact_w == right and y + exact_h == bottom:  # nobody moved it since
            w, h = exact_w, exact_h
    return Ellipse(x, y, w, h, **_common(a, label))


def _rotated(a: AnnotationIn, label: int | None) -> RotatedBbox:
    numbers = a.bbox if a.bbox is not None else _flat(a.points)
    if len(numbers) != 5:
        raise ValueError("a rotated box has five numbers: cx, cy, width, height, degrees")
    return RotatedBbox(*numbers, **_common(a, label))


def _cuboid_2d(a: AnnotationIn, label: int | None) -> Cuboid2d:
    shape = bytes(a.points).translate(None, NUMERIC)
    flat = _flat(a.points) if shape == b"[]" else [v for pair in _pairs(a.points) for v in pair]
    if len(flat) != 16:
        raise ValueError("a cuboid_2d has eight corners")
    return Cuboid2d(flat, **_common(a, label))


def _cuboid_3d(a: AnnotationIn, label: int | None) -> Cuboid3d:
    if a.position is None:
        raise ValueError("a cuboid_3d needs a position")
    more = a.dsk or MoreIn()
    return Cuboid3d(
        a.position,
        a.rotation or (0.0, 0.0, 0.0),
        a.scale or (1.0, 1.0, 1.0),
        more.forward,
        more.frame,
        **_common(a, label),
    )


def _mask(a: AnnotationIn, label: int | None) -> Mask:
    rle = a.rle
    if rle is None:
        raise ValueError("a mask needs rle with counts and size")
    height, width = rle.size
    if height < 0 or width < 0:
        raise ValueError(f"a mask cannot be {height}×{width} pixels")
    more = a.dsk or MoreIn()
    return Mask(Rle(rle.size, rle.counts), more.bbox, more.area, **_common(a, label))


PARSERS: dict[str, Callable[[AnnotationIn, int | None], Annotation]] = {
    "label": _label,
    "caption": _caption,
    "bbox": _bbox,
    "polygon": _polygon,
    "polyline": _polyline,
    "points": _points,
    "skeleton": _skeleton,
    "ellipse": _ellipse,
    "rotated_bbox": _rotated,
    "cuboid_2d": _cuboid_2d,
    "cuboid_3d": _cuboid_3d,
    "mask": _mask,
}
"""By ``type``; each raises ValueError (msgspec's errors are ValueErrors) for a malformed record."""

CHECKED_PARSERS = PARSERS | {"polygon": _checked_polygon}
"""The same for records whose polygons ``polygons_are_flat`` has passed."""


def polygons_are_flat(items: Iterable[ItemIn]) -> bool:
    """Tell whether the points of all polygons are flat lists of x, y pairs.

    All at once, which takes a tenth of the time of ``flat_numbers`` for each.
    """
    texts = [a.points for item in items for a in item.annotations or () if a.type == "polygon"]
    if not texts:
        return True
    joined = b"".join(texts)
    if joined.translate(None, NUMERIC) != b"[]" * len(texts):
        return False
    codes = np.frombuffer(joined, np.uint8)
    starts = np.flatnonzero(codes == ord("["))
    commas = np.add.reduceat(codes == ord(","), starts, dtype=np.int64)
    return bool((commas % 2 == 1).all())


def join_rings(records: Sequence[AnnotationIn], label: int | None) -> Polygon:
    """Return the outline whose rings were written as one annotation each.

    Args:
        records: All its rings in order.
        label: The label they share.

    Raises:
        ValueError: Points are malformed.
    """
    head = records[0]
    more = head.dsk or MoreIn()
    rings = [bytes(flat_numbers(r.points)) for r in records]
    holes = tuple(n for n, r in enumerate(records) if r.dsk is not None and r.dsk.hole)
    points = Raw(b"[" + b",".join(rings) + b"]") if len(rings) > 1 else Raw(rings[0])
    common = _common(head, label)
    if more.group is not None:
        common["group"] = more.group
    return Polygon(points, holes, more.bbox, more.area, **common)
