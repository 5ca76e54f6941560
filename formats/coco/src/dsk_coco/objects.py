"""What becomes one COCO annotation: annotations of one group and label are one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Raw, Struct
from msgspec.structs import replace

from dsk import masks
from dsk.annotations import Annotation, Bbox, Mask, Polygon, Rle, Skeleton, is_crowd
from dsk.convert import area_of, bbox_of, to_mask
from dsk.rle import counts_of, rle_in
from dsk_coco.categories import FAMILY
from dsk_coco.parse import keypoint_box

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dsk.annotations import Box

__all__ = ["Thing", "find_things", "opened", "segmentation_of", "uncompressed"]

OUTLINES = (Polygon, Mask)
_GEOMETRY = (Bbox, Polygon, Mask, Skeleton)


class Thing(Struct):
    """An object: what will be one record.

    Attributes:
        leader: The annotation that gives label, id and attributes: the one of the largest area.
        outlines: Its polygons and masks.
        boxes: Its boxes.
        skeleton: Its keypoints.
        differing: Names of attributes that have other values in other members than in the leader.
        replaced: How many members the first outline stands for besides itself.
    """

    leader: Annotation
    outlines: list[Polygon | Mask] = []
    boxes: list[Bbox] = []
    skeleton: Skeleton | None = None
    differing: Sequence[str] = ()
    replaced: int = 0

    @property
    def merged(self) -> int:
        """How many annotations less will be read back."""
        return max(len(self.outlines) + len(self.boxes) - 1, 0) + self.replaced

    @property
    def is_crowd(self) -> bool:
        """Whether it stands for several objects."""
        return is_crowd(self.leader)

    @property
    def bbox(self) -> Box | None:
        """Its box: the union of its boxes, else of what its outlines say.

        Raises:
            ValueError: Undecoded geometry is malformed.
        """
        boxes: list[Box | None] = [a.bbox for a in self.boxes]
        if not boxes:
            boxes = [bbox_of(a) for a in self.outlines]
        if not boxes and self.skeleton is not None:
            boxes = [self.skeleton.bbox or keypoint_box(self.skeleton)]
        return _union([box for box in boxes if box is not None])

    @property
    def area(self) -> float:
        """Its area in px²: stated, else of the outline, else of the box.

        Raises:
            ValueError: Undecoded geometry is malformed.
        """
        if self.outlines:
            return _outline_area(self.outlines)
        if self.skeleton is not None and self.skeleton.area is not None:
            return self.skeleton.area
        if len(self.boxes) == 1:
            stated = (self.boxes[0].extra or {}).get(FAMILY, {}).get("area")
            if isinstance(stated, int | float):
                return stated
        box = self.bbox
        return box[2] * box[3] if box is not None else 0.0


def _outline_area(outlines: Sequence[Polygon | Mask]) -> float:
    drawn = [a for a in outlines if isinstance(a, Mask)]
    if len(drawn) > 1 and len(drawn) == len(outlines):
        return float(masks.area(masks.union([counts_of(a.rle) for a in drawn])))
    return sum((area_of(a) or 0.0 for a in outlines[1:]), area_of(outlines[0]) or 0.0)


def _union(boxes: Sequence[Box]) -> Box | None:
    if len(boxes) < 2:
        return boxes[0] if boxes else None
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right = max(b[0] + b[2] for b in boxes)
    bottom = max(b[1] + b[3] for b in boxes)
    return left, top, right - left, bottom - top


def find_things(annotations: Iterable[Annotation]) -> tuple[list[Thing], int]:
    """Group the annotations of an item to objects, in the order of their first members.

    Annotations of one group with different labels are different objects; COCO cannot say that they
    belong together.

    Returns:
        The objects, and how many annotations lost their group.
    """
    things: list[Thing] = []
    by_key: dict[tuple[int, int | None], list[Thing]] = {}
    members: dict[int, int] = {}
    for a in annotations:
        if not isinstance(a, _GEOMETRY):
            continue
        if a.group:
            members[a.group] = members.get(a.group, 0) + 1
            same = by_key.setdefault((a.group, a.label), [])
            thing = same[0] if same else None
            if thing is not None and isinstance(a, Skeleton) and thing.skeleton is not None:
                thing = None
            if thing is None:
                thing = Thing(a, [], [])
                same.append(thing)
                things.append(thing)
        else:
            thing = Thing(a, [], [])
            things.append(thing)
        _add(thing, a)
    labels: dict[int, int] = {}
    for group, _ in by_key:
        labels[group] = labels.get(group, 0) + 1
    lost = sum(members[group] for group, count in labels.items() if count > 1)
    for thing in things:
        shapes = len(thing.outlines) + len(thing.boxes)
        if shapes > 1:
            thing.leader = _largest(thing)
        if shapes > (thing.skeleton is None):
            _join_attributes(thing)
    return things, lost


def _join_attributes(thing: Thing) -> None:
    """Give the leader the attributes that only other members have."""
    joined = thing.leader.attributes
    differing: dict[str, None] = {}
    for a in (*thing.outlines, *thing.boxes, thing.skeleton):
        if a is None or a.attributes is joined or not a.attributes:
            continue
        differing |= {k: None for k, v in a.attributes.items() if joined.get(k, v) != v}
        joined = {**a.attributes, **joined}
    if len(joined) > len(thing.leader.attributes):
        thing.leader = replace(thing.leader, attributes=joined)
    thing.differing = tuple(differing)


def _add(thing: Thing, a: Annotation) -> None:
    if isinstance(a, Polygon | Mask):
        thing.outlines.append(a)
    elif isinstance(a, Bbox):
        thing.boxes.append(a)
    elif isinstance(a, Skeleton):
        thing.skeleton = a


def _largest(thing: Thing) -> Annotation:
    members: list[Annotation] = [*thing.outlines, *thing.boxes]
    best, most = members[0], -1.0
    for a in members:
        box = bbox_of(a)
        area = box[2] * box[3] if box is not None else 0.0
        if area > most:
            best, most = a, area
    return best


def opened(a: Mask) -> Mask:
    """Return a mask with its run lengths, box and area: a source may have to look for each.

    Raises:
        ValueError: The run lengths are malformed.
    """
    if isinstance(a.source, Raw):  # of a COCO file, which states all of them
        return a
    rle = a.rle
    counts = counts_of(rle)
    bbox, area = a.bbox, a.area
    if bbox is None:
        x, y, w, h = masks.bbox(counts, rle.size[0])
        bbox = (float(x), float(y), float(w), float(h)) if w and h else None
    if area is None:
        area = float(masks.area(counts))
    return replace(a, source=Rle(rle.size, cast("Sequence[int]", counts)), bbox=bbox, area=area)


def segmentation_of(
    outlines: Sequence[Polygon | Mask], size: tuple[int, int] | None
) -> tuple[Any, str]:
    """Return the JSON value of an object's outlines.

    Outlines alone stay outlines; with masks or holes among them, all become one mask.

    Args:
        outlines: Polygons and masks of the object.
        size: (height, width) of its image.

    Returns:
        The value, and what was lost: "holes", "parts" or "".

    Raises:
        ValueError: Geometry is malformed, or of another size than the image.
    """
    if not outlines:
        return [], ""
    if len(outlines) == 1 and isinstance(outlines[0], Mask):
        source = outlines[0].source
        if isinstance(source, Raw):  # of a COCO file, where it has been checked
            return source, ""
        return _json_rle(rle_in(source, size)), ""
    drawn = any(isinstance(a, Mask) or a.holes for a in outlines)
    if not drawn:
        return _rings(outlines)
    found = [to_mask(a, size) for a in outlines]
    kept = [m for m in found if m is not None]
    if len(kept) < len(found):  # the image's size is not known
        if all(isinstance(a, Polygon) for a in outlines):
            return _rings(outlines)[0], "holes"
        kept = [a for a in outlines if isinstance(a, Mask)]
    sizes = {m.rle.size for m in kept}
    if len(sizes) > 1:
        raise ValueError("the masks of one object differ in size")
    counts = masks.union([counts_of(m.rle) for m in kept])
    return _as_json(counts, sizes.pop()), "parts" if len(kept) < len(found) else ""


def _rings(outlines: Sequence[Polygon | Mask]) -> tuple[Any, str]:
    if len(outlines) == 1 and isinstance(outlines[0], Polygon):
        points = outlines[0].points
        if type(points) is Raw:
            text = bytes(points).lstrip()
            if text[1:].lstrip()[:1] == b"[":
                return points, ""
    rings = [
        list(ring)
        for a in outlines
        if isinstance(a, Polygon)
        for n, ring in enumerate(a.rings)
        if n not in a.holes
    ]
    kept = [ring for ring in rings if len(ring) >= 6 and len(ring) % 2 == 0]
    if rings and not kept:
        raise ValueError("an outline takes three points")
    return kept, "parts" if len(kept) < len(rings) else ""


def uncompressed(rle: Rle) -> list[int]:
    """Return run lengths as a list.

    Raises:
        ValueError: They are malformed.
    """
    counts: list[int] = counts_of(rle).tolist()
    return counts


def _json_rle(rle: Rle) -> dict[str, Any]:
    return {"size": list(rle.size), "counts": uncompressed(rle)}


def _as_json(counts: NDArray[Any], size: tuple[int, int]) -> dict[str, Any]:
    return {"size": list(size), "counts": counts.tolist()}
