"""From dsk's annotations to COCO's records, for the items of one partition."""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, Raw, Struct, UnsetType

from dsk.annotations import (
    Annotation,
    Bbox,
    Caption,
    Label,
    Mask,
    Points,
    Polygon,
    Skeleton,
    is_crowd,
)
from dsk.errors import MediaError
from dsk.jsonvalues import is_finite, plain_value
from dsk.media import Image
from dsk_coco.categories import FAMILY
from dsk_coco.covered import crop_covered
from dsk_coco.numbering import PLACE
from dsk_coco.objects import Thing, find_things, opened, segmentation_of
from dsk_coco.parse import CROWD, NOT_CROWD
from dsk_coco.records import NO_GEOMETRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dsk.columns import BoxColumns
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["ALONE", "Encoder", "Part", "Pile"]

OBJECTS, OUTLINES_OF_SKELETONS, KEYPOINTS = "objects", "outlines", "keypoints"
CAPTIONS, LABELS, PANOPTIC = "captions", "labels", "panoptic"

ALONE = frozenset({"is_crowd", "score"})
"""Attributes that have fields of their own."""


_COMMON = tuple(Annotation.__struct_fields__)


class ObjectRecord(Struct, gc=False):
    """An object as most are; the order of the fields is that of the file."""

    id: Any  # a number or its PLACE, as image_id
    image_id: Any
    category_id: int | None
    segmentation: Any
    area: Any
    bbox: Any
    iscrowd: int
    score: float | int | UnsetType = UNSET
    attributes: Raw | UnsetType = UNSET


_Mark = tuple[dict[str, Any], int, float | int | UnsetType, Raw | UnsetType]
"""Attributes, whether they mark a crowd, their score, the others' JSON text. Who holds them keeps
their id theirs."""

CACHE = 10_000  # different sets of attributes whose text is kept
_encode = msgspec.json.Encoder(enc_hook=plain_value).encode


class Pile:
    """Records of one sort.

    Attributes:
        records: What to write; each begins with "id" (but panoptic ones) and "image_id".
        ids: Their ids, 0 for those to be assigned.
        images: The number of each one's image in this partition's part of the subset.
    """

    __slots__ = ("ids", "images", "records")

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.ids: list[int] = []
        self.images: list[int] = []

    def extend(self, records: list[ObjectRecord], image: int) -> None:
        """Add records of one image."""
        self.records += records
        self.ids += [record.id for record in records]
        self.images += [image] * len(records)


class Part:
    """What one partition has of one subset.

    Attributes:
        images: Image records.
        image_ids: Their ids; -1 for those to be assigned.
        piles: Records by sort.
    """

    __slots__ = ("image_ids", "images", "piles")

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.image_ids: list[int] = []
        self.piles: dict[str, Pile] = {}

    def pile(self, name: str) -> Pile:
        """Return the pile of a name, made when it is missing."""
        pile = self.piles.get(name)
        if pile is None:
            pile = self.piles[name] = Pile()
        return pile


class Encoder:
    """Makes records of annotations.

    Args:
        categories: Category id by label index.
        points: Number of keypoints by label index; 0 where they are not named.
        ledger: Where losses go.
        attributes: Whether attributes are written.
        crop: Whether covered parts are cut off.
        keypoints_only: Objects without keypoints are left out.
        bare_captions: Captions get no category.
    """

    def __init__(
        self,
        categories: Mapping[int | None, int | None],
        points: Mapping[int, int],
        ledger: Ledger,
        *,
        attributes: bool,
        crop: bool,
        keypoints_only: bool,
        bare_captions: bool,
    ) -> None:
        self._categories = dict(categories)
        self._points = points
        self._ledger = ledger
        self._attributes = attributes
        self._crop = crop
        self._keypoints_only = keypoints_only
        self._bare_captions = bare_captions
        self._marks: dict[int, _Mark] = {}

    def add(self, item: DatasetItem, image_id: int, part: Part) -> None:
        """Add the records of an item's annotations to its subset's part."""
        number = len(part.images) - 1
        rest: list[Annotation] = []
        records: list[ObjectRecord] = []
        add, categories, marks = records.append, self._categories, self._marks
        if self._crop or self._keypoints_only:
            rest = list(item.annotations)
        for a in item.annotations if not rest else ():
            attributes = a.attributes
            if type(a) is Bbox and not a.group and (a.extra is None or FAMILY not in a.extra):
                w, h = a.w, a.h
                category, box = categories[a.label], (a.x, a.y, w, h)
                if not attributes:
                    add(ObjectRecord(a.id, image_id, category, NO_GEOMETRY, w * h, box, 0))
                    continue
                mark = marks.get(id(attributes)) or self._mark(a)
                if mark is None:
                    rest.append(a)
                    continue
                add(ObjectRecord(a.id, image_id, category, NO_GEOMETRY, w * h, box, *mark[1:]))
            elif (
                type(a) is Polygon
                and (attributes is NOT_CROWD or attributes is CROWD)
                and not a.group
                and a.extra is None
                and a.bbox is not None
                and a.area is not None
                and type(a.points) is Raw
                and bytes(memoryview(a.points)[:2]) == b"[["
            ):
                add(
                    ObjectRecord(
                        a.id,
                        image_id,
                        categories[a.label],
                        a.points,
                        a.area,
                        a.bbox,
                        1 if attributes is CROWD else 0,
                    )
                )
            else:
                rest.append(a)
        if records:
            part.pile(OBJECTS).extend(records, number)
        if rest:
            self._general(item, rest, image_id, number, part)

    def of_columns(self, given: BoxColumns, *, places: bool) -> list[ObjectRecord] | None:
        """Return the records of all rows; None if they are not to be had without a closer look.

        Args:
            given: The rows; their boxes are finite.
            places: Leave places for the ids if none is known yet; see ``has_places``.
        """
        mark = self._mark(Bbox(0, 0, 0, 0, attributes=given.attributes))
        areas = given.boxes[:, 2] * given.boxes[:, 3]
        if mark is None or self._crop or self._keypoints_only or not np.isfinite(areas.sum()):
            return None
        images = [image_id_of(item) for item in given.items]
        ids: Iterable[int | Raw] = given.ids.tolist()
        image_ids: Iterable[int | Raw] = np.repeat(images, given.counts()).tolist()
        percents = isinstance(mark[3], Raw) and b"%" in bytes(mark[3])
        if places and not percents and not given.ids.any() and max(images, default=0) < 0:
            ids = image_ids = repeat(PLACE)
        labels = np.flatnonzero(np.bincount(given.labels)).tolist()
        categories = {label: self._categories[label] for label in labels}
        return [
            *map(
                ObjectRecord,
                ids,
                image_ids,
                map(categories.__getitem__, given.labels.tolist()),
                repeat(NO_GEOMETRY),
                areas.tolist(),
                given.boxes.tolist(),
                *map(repeat, mark[1:]),
            )
        ]

    def _mark(self, a: Bbox) -> _Mark | None:
        """Return what is written of attributes that many objects share; None for odd ones."""
        attributes = a.attributes
        score = attributes.get("score", UNSET)
        if isinstance(score, bool) or not isinstance(score, int | float | UnsetType):
            return None
        if not is_finite(attributes):
            return None
        if len(self._marks) > CACHE:
            self._marks.clear()
        rest = {k: v for k, v in attributes.items() if k not in ALONE}
        text = Raw(_encode(rest)) if rest and self._attributes else UNSET
        mark = (attributes, int(is_crowd(a)), score, text)
        self._marks[id(attributes)] = mark
        return mark

    def _general(
        self,
        item: DatasetItem,
        annotations: list[Annotation],
        image_id: int,
        number: int,
        part: Part,
    ) -> None:
        if any(type(a) is Points for a in annotations):
            annotations = self._named_points(item, annotations)
        things, ungrouped = find_things(annotations)
        if ungrouped:
            self._note("DSK-L005", "group of different labels", item, None, count=ungrouped)
        if alone := _grouped_words(annotations):
            self._note("DSK-L005", "group of captions or labels", item, None, count=alone)
        size = size_of(item) if any(thing.outlines for thing in things) else None
        if self._crop and size is not None:
            things = crop_covered(
                things,
                size,
                cut=lambda thing: self._note(
                    "DSK-L006", "covered by other objects", item, thing.leader
                ),
                gone=lambda thing: self._covered(item, thing),
            )
        for thing in things:
            self._thing(item, thing, size, image_id, number=number, part=part)
        for a in annotations:
            if isinstance(a, Caption):
                record: dict[str, Any] = {"id": a.id, "image_id": image_id, "caption": a.caption}
                if not self._bare_captions:
                    record["category_id"] = 0
                self._put(part.pile(CAPTIONS), record, a, number)
            elif isinstance(a, Label):
                record = {"id": a.id, "image_id": image_id}
                record["category_id"] = self._categories[a.label]
                self._put(part.pile(LABELS), record, a, number)

    def _named_points(self, item: DatasetItem, annotations: list[Annotation]) -> list[Annotation]:
        """Take points of labels with keypoints for skeletons, as Datumaro 1.x has them."""
        kept: list[Annotation] = []
        for a in annotations:
            if not isinstance(a, Points):
                kept.append(a)
                continue
            count = len(a.points) // 2
            named = self._points.get(a.label) if a.label is not None else None
            if named is None or named not in (0, count):
                self._note("DSK-L001", "points without keypoint names", item, a)
                continue
            self._note("DSK-L003", "points→skeleton", item, a)
            fields = {f: getattr(a, f) for f in _COMMON}
            seen = list(a.visibility) or [2] * count
            kept.append(Skeleton(a.points, seen, (), a.bbox, None, **fields))
        return kept

    def _thing(
        self,
        item: DatasetItem,
        thing: Thing,
        size: tuple[int, int] | None,
        image_id: int,
        *,
        number: int,
        part: Part,
    ) -> None:
        leader = thing.leader
        if thing.skeleton is None and self._keypoints_only:
            for part_of in (*thing.outlines, *thing.boxes):
                hint = "the format coco keeps objects without keypoints, too"
                self._note("DSK-L017", "objects without keypoints", item, part_of, hint=hint)
            return
        try:
            if len(thing.outlines) == 1 and isinstance(thing.outlines[0], Mask):
                thing.outlines[0] = opened(thing.outlines[0])
            segmentation, lost = segmentation_of(thing.outlines, size)
            area, box = thing.area, thing.bbox
        except (ValueError, msgspec.MsgspecError) as error:
            members: list[Annotation] = [*thing.outlines, *thing.boxes]
            for a in [*members, thing.skeleton] if thing.skeleton is not None else members:
                self._note("DSK-L018", f"{leader.kind}: {error}", item, a)
            return
        if lost:
            self._note("DSK-L005", f"polygon {lost}", item, leader)
        elif leader.kind == "polygon" and isinstance(segmentation, dict):
            self._note("DSK-L003", "polygon→mask", item, leader)
        if thing.merged:
            self._note("DSK-L014", "parts of one object", item, leader, count=thing.merged)
        for name in thing.differing:
            self._note("DSK-L004", f"{name} of other parts of an object", item, leader)
        record: dict[str, Any] = {
            "id": leader.id,
            "image_id": image_id,
            "category_id": self._categories[leader.label],
            "segmentation": segmentation,
            "area": area,
            "bbox": box or (0.0, 0.0, 0.0, 0.0),
            "iscrowd": int(thing.is_crowd),
        }
        if thing.skeleton is None:
            self._put(part.pile(OBJECTS), record, leader, number)
            return
        self._put(part.pile(OUTLINES_OF_SKELETONS), dict(record), leader, number)
        record |= _keypoints(thing.skeleton)
        extra = (leader.extra or {}).get(FAMILY, {}) | (thing.skeleton.extra or {}).get(FAMILY, {})
        self._put(part.pile(KEYPOINTS), record, leader, number, extra=extra)

    def _put(
        self,
        pile: Pile,
        record: dict[str, Any],
        a: Annotation,
        number: int,
        *,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Add a record with the attributes and unknown fields of its annotation."""
        attributes = a.attributes
        if attributes and attributes is not NOT_CROWD and attributes is not CROWD:
            score = attributes.get("score")
            scored = isinstance(score, int | float) and not isinstance(score, bool)
            if scored:
                record["score"] = score
            if self._attributes:
                kept = {k: v for k, v in attributes.items() if k != "is_crowd"}
                if scored:
                    del kept["score"]
                if kept:
                    record["attributes"] = kept
        if extra is None:
            extra = (a.extra or {}).get(FAMILY, {})
        for key, value in extra.items():
            if key not in record or key == "num_keypoints":
                record[key] = value
        pile.records.append(record)
        pile.ids.append(a.id)
        pile.images.append(number)

    def _covered(self, item: DatasetItem, thing: Thing) -> None:
        for a in (*thing.outlines, *thing.boxes):
            self._note("DSK-L017", "objects that others cover", item, a)

    def _note(
        self,
        code: str,
        what: str,
        item: DatasetItem,
        a: Annotation | None,
        *,
        count: int = 1,
        hint: str = "",
    ) -> None:
        self._ledger.add(
            code,
            what,
            kind=a.kind if a is not None else "",
            count=count,
            item=item.id,
            subset=item.subset,
            annotation=a.id if a is not None else 0,
            hint=hint,
        )


def _grouped_words(annotations: Iterable[Annotation]) -> int:
    """Return how many captions and labels share a group with other annotations."""
    words = [a.group for a in annotations if a.group and isinstance(a, Caption | Label)]
    sizes = Counter(a.group for a in annotations) if words else {}
    return sum(sizes[group] > 1 for group in words)


def has_places(rows: list[ObjectRecord]) -> bool:
    """Tell whether rows have places for their ids instead of ids."""
    return bool(rows) and rows[0].id is PLACE


def image_id_of(item: DatasetItem) -> int:
    """Return the id that an item's image has, or -1 if it has none that COCO can hold."""
    given: Any = item.attributes.get("id")
    return given if type(given) is int and 0 <= given < 1 << 63 else -1


def size_of(item: DatasetItem) -> tuple[int, int] | None:
    """Return (height, width) of an item's image, or None when it is not known."""
    media = item.media
    if not isinstance(media, Image):
        return None
    try:
        return media.get_size()
    except MediaError:
        return None


def _keypoints(skeleton: Skeleton) -> dict[str, Any]:
    points, seen = list(skeleton.points), list(skeleton.visibility)
    values: list[Any] = [0] * (3 * len(seen))
    values[::3], values[1::3], values[2::3] = points[::2], points[1::2], seen
    return {"keypoints": values, "num_keypoints": len(seen) - seen.count(0)}
