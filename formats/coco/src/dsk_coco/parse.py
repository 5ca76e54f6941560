"""From COCO's records to dsk's annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from dsk.annotations import Annotation, Bbox, Caption, Label, Mask, Polygon, Rle, Skeleton
from dsk.geometry import rings_bbox
from dsk_coco.categories import FAMILY
from dsk_coco.records import NO_GEOMETRY, Plain, Record, Shape, rings_fault, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsk.annotations import Box

__all__ = ["CROWD", "NOT_CROWD", "Parser", "PolygonMask", "keypoint_box"]

NOT_CROWD: dict[str, Any] = {"is_crowd": False}
CROWD: dict[str, Any] = {"is_crowd": True}
"""The attributes of nearly all annotations, shared by them."""

FEWER = "objects have fewer keypoints than their category names; the last ones count as absent"

SCORES = (
    "keypoints have scores in place of 0, 1 and 2: those above 0 count as visible, and the scores "
    "are kept as keypoint_scores"
)


class _RleHead(Struct):
    size: tuple[int, int]
    counts: str | list[int]


_decode_rle = msgspec.json.Decoder(_RleHead, strict=False).decode


class PolygonMask:
    """The pixels of an outline, drawn when they are asked for."""

    __slots__ = ("_points", "_size")

    def __init__(self, points: Raw, size: tuple[int, int]) -> None:
        self._points = points
        self._size = size

    def rle(self) -> Rle:
        """Draw the outline by COCO's rule."""
        from dsk import masks

        rings = Polygon(self._points).rings
        return Rle(self._size, masks.encode_counts(masks.from_polygons(rings, *self._size)))


class Parser:
    """Turns the records of one file into annotations.

    Args:
        labels: The label index by category id.
        keypoints: Number of keypoints by label index, where the categories name them.
        task: The file's task, "" if unknown.
        warn: Takes notes on what was repaired.
        merge_polygons: Make masks of outlines.
    """

    def __init__(
        self,
        labels: dict[int | None, int | None],
        keypoints: dict[int, int],
        task: str,
        *,
        warn: Callable[[str], None],
        merge_polygons: bool = False,
    ) -> None:
        self._labels = labels
        self._keypoints = keypoints
        self._task = task
        self._warn = warn
        self._merge = merge_polygons

    def parse(
        self, record: Record | Plain, extra: dict[str, Any] | None, size: tuple[int, int] | None
    ) -> list[Annotation]:
        """Return what a record holds: one annotation, or a skeleton and its outline.

        Args:
            record: The record.
            extra: Its unknown fields.
            size: (height, width) of its image, if known.

        Raises:
            ValueError: It is no valid annotation; the message says why.
        """
        if isinstance(record, Plain):
            record = Record(**{n: getattr(record, n) for n in Plain.__struct_fields__})
        attributes: dict[str, Any] = dict(record.attributes or {})
        if record.score is not None:
            attributes["score"] = record.score
        rings = shape_of(record.segmentation)
        bare = record.bbox is None and not record.keypoints and rings == Shape.NONE
        if record.caption is not None:
            if bare or self._task == "captions":
                extra = (extra or {}) if bare else _geometry(record) | (extra or {})
                more = {FAMILY: extra} if extra else None
                return [Caption(record.caption, id=record.id, attributes=attributes, extra=more)]
            extra = {"caption": record.caption, **(extra or {})}
        more = {FAMILY: extra} if extra else None
        try:
            label = self._labels[record.category_id]
        except KeyError:
            raise ValueError(f"there is no category {record.category_id}") from None
        if not record.keypoints and record.num_keypoints is not None:
            # Tools write an empty list for objects without keypoints.
            none: dict[str, Any] = {} if record.keypoints is None else {"keypoints": []}
            extra = {**none, "num_keypoints": record.num_keypoints, **(extra or {})}
            more = {FAMILY: extra}
        if bare and self._task in ("labels", ""):
            if label is None:
                raise ValueError("a label of an image needs a category")
            return [Label(label=label, id=record.id, attributes=attributes, extra=more)]
        if bare:
            raise ValueError("it has no outline and no box")
        attributes["is_crowd"] = bool(record.iscrowd)
        return self._object(record, rings, label, attributes, extra=extra or {}, size=size)

    def _object(
        self,
        record: Record,
        shape: int,
        label: int | None,
        attributes: dict[str, Any],
        *,
        extra: dict[str, Any],
        size: tuple[int, int] | None,
    ) -> list[Annotation]:
        found: list[Annotation] = []
        group = 0
        if record.keypoints:
            skeleton, more = self._skeleton(record, label, attributes, extra)
            box = record.bbox
            if shape == Shape.NONE and (box is None or box == keypoint_box(skeleton)):
                return [skeleton]
            group = record.id
            found.append(msgspec.structs.replace(skeleton, group=group, extra=more))
            extra = {}
        common: dict[str, Any] = {"label": label, "id": record.id, "group": group}
        common["attributes"] = attributes
        if shape == Shape.NONE:
            if record.bbox is None:
                raise ValueError("it has no outline and no box")
            x, y, w, h = record.bbox
            if not found and record.area is not None and record.area != w * h:
                extra = {**extra, "area": record.area}
            common["extra"] = {FAMILY: extra} if extra else None
            return [*found, Bbox(x, y, w, h, **common)]
        common["extra"] = {FAMILY: extra} if extra else None
        return [*found, self._outline(record, shape, common, size)]

    def _outline(
        self, record: Record, shape: int, common: dict[str, Any], size: tuple[int, int] | None
    ) -> Annotation:
        segmentation = record.segmentation
        if shape == Shape.RLE:
            _check_rle(segmentation, size)
            return Mask(segmentation, record.bbox, record.area, **common)
        if shape == Shape.FLAT:
            segmentation = Raw(b"[" + bytes(segmentation) + b"]")
        elif shape == Shape.BAD:
            raise ValueError("the segmentation is neither outlines nor run lengths")
        fault = rings_fault(segmentation)
        if fault:
            raise ValueError(fault)
        if self._merge and size is not None:
            return Mask(PolygonMask(segmentation, size), record.bbox, record.area, **common)
        return Polygon(segmentation, (), record.bbox, record.area, **common)

    def _skeleton(
        self,
        record: Record,
        label: int | None,
        attributes: dict[str, Any],
        extra: dict[str, Any],
    ) -> tuple[Skeleton, dict[str, Any] | None]:
        values = record.keypoints or []
        named = self._keypoints.get(label, 0) if label is not None else 0
        if len(values) % 3:
            raise ValueError("keypoints are no x, y, visibility triplets")
        if named and len(values) > 3 * named:
            raise ValueError(f"it has {len(values) // 3} keypoints, its category {named}")
        if len(values) < 3 * named:  # as in Human-Art: 17 of 21
            self._warn(FEWER)
            values = values + [0] * (3 * named - len(values))
        points: list[float] = [0] * (len(values) // 3 * 2)
        points[::2], points[1::2] = values[::3], values[1::3]
        told = values[2::3]
        if any(v != int(v) for v in told):
            self._warn(SCORES)
            extra = {**extra, "keypoint_scores": told}
            told = [2 if v > 0 else 0 for v in told]
        visibility = [int(v) for v in told]
        if any(v not in (0, 1, 2) for v in visibility):
            raise ValueError("the visibility of a keypoint is 0, 1 or 2")
        seen = len(visibility) - visibility.count(0)
        if record.num_keypoints is not None and record.num_keypoints != seen:
            extra = {**extra, "num_keypoints": record.num_keypoints}
        more = {FAMILY: extra} if extra else None
        skeleton = Skeleton(
            points,
            visibility,
            (),
            record.bbox,
            record.area,
            label=label,
            id=record.id,
            attributes=attributes,
            extra=more,
        )
        return skeleton, more


def _geometry(record: Record) -> dict[str, Any]:
    """Return what a record says of a place, as in its file."""
    names = ("bbox", "area", "keypoints", "num_keypoints")
    found = {name: value for name in names if (value := getattr(record, name)) is not None}
    if bytes(record.segmentation) != NO_GEOMETRY:
        found["segmentation"] = msgspec.json.decode(record.segmentation)
    return found


def keypoint_box(skeleton: Skeleton) -> Box:
    """Return the box (x, y, w, h) around the keypoints that are labelled; zeros if none is."""
    flat: Sequence[float] = [
        value
        for n, seen in enumerate(skeleton.visibility)
        if seen
        for value in skeleton.points[2 * n : 2 * n + 2]
    ]
    return rings_bbox([flat]) if flat else (0.0, 0.0, 0.0, 0.0)


def _check_rle(segmentation: Raw, size: tuple[int, int] | None) -> None:
    try:
        rle = _decode_rle(segmentation)
    except msgspec.MsgspecError as error:
        raise ValueError(f"malformed run lengths: {error}") from error
    height, width = rle.size
    if size is not None and rle.size != size:
        raise ValueError(f"a mask of {height} x {width} in an image of {size[0]} x {size[1]}")
    if isinstance(rle.counts, list):
        if min(rle.counts, default=0) < 0 or sum(rle.counts) != height * width:
            raise ValueError(f"the run lengths do not fill {height} x {width} pixels")
        return
    from dsk import masks

    masks.check_counts(masks.decode_counts(rle.counts), height, width)
