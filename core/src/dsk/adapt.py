"""Fitting items to what a target can hold, and telling the ledger what that costs."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import KINDS, Annotation, Bbox, Polygon, Skeleton, is_outside
from dsk.columns import BoxColumns, RowCount
from dsk.convert import CONVERSIONS, PREFERENCES
from dsk.errors import MediaError
from dsk.finite import are_finite
from dsk.item import DEFAULT_SUBSET
from dsk.loss import SAMPLES, Event, Sample
from dsk.media import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.names import SubsetNames

__all__ = ["Adapter", "adapt_header"]

_KEEP, _DROP = "keep", "drop"

HINTS = {
    "bbox": "-t boxes_to_polygons or -t boxes_to_masks makes outlines of boxes",
    "label": "choose a target that holds labels of items",
    "outside": "-t 'remove_attributes attributes=outside' makes objects of them",
}
SLICES = "-t volumes_to_slices makes images of volumes, and masks of their masks"
"""For targets that hold images."""


def adapt_header(header: Header, caps: Capabilities, ledger: Ledger) -> None:
    """Report what the target cannot say about labels."""
    cats = header.categories
    lost = {
        "parent": sum(bool(label.parent) for label in cats.labels),
        "attributes": sum(bool(label.attributes) for label in cats.labels),
        "colors": len(cats.colors),
        "points": len(cats.points),
        "groups": len(cats.groups),
    }
    for name, count in lost.items():
        if count and name not in caps.label_fields:
            ledger.add("DSK-L010", f"label {name}", count=count)
    for label in cats.labels:
        for family in label.extra or ():
            if caps.family not in (family, "*"):
                ledger.add("DSK-L011", f"{family} fields of labels")
    for family in header.info:
        if caps.family not in (family, "*"):
            ledger.add("DSK-L011", f"{family} facts about the dataset")


class Adapter:
    """Fits items to a target; one per partition.

    Args:
        caps: What the target holds.
        ledger: Where changes and drops are counted.
        finite: Whether coordinates are known to be neither NaN nor infinite.
        subsets: What subsets are called in the target; None: as they are.
    """

    def __init__(
        self,
        caps: Capabilities,
        ledger: Ledger,
        *,
        finite: bool = False,
        subsets: SubsetNames | None = None,
    ) -> None:
        self._caps = caps
        self._ledger = ledger
        self._finite = finite
        self._subsets = subsets
        override = dict(caps.convert)
        self._plan: dict[type[Annotation], str] = {}
        for kind, cls in KINDS.items():
            wishes = override.get(kind, PREFERENCES.get(kind, ()))
            best = next((t for t in wishes if t in caps.annotations and t in CONVERSIONS), _DROP)
            self._plan[cls] = _KEEP if kind in caps.annotations else best
        self._needs_label = frozenset(KINDS[kind] for kind in caps.needs_label if kind in KINDS)
        self._keeps = frozenset(c for c, act in self._plan.items() if act is _KEEP)
        self._split = "polygon" in caps.annotations and not (caps.multi_ring and caps.holes)
        self._events: dict[type[Annotation], dict[tuple[str, str], Event]] = {}
        self._lost: dict[tuple[str, str], Event] = {}
        self._counts: dict[type[Annotation], Event] = {}  # of what becomes a box, for speed
        self._boxed = frozenset(c for c, act in self._plan.items() if act == "bbox")
        self._arrows = {cls: f"{cls.kind}→{act}" for cls, act in self._plan.items()}
        self._all_attributes = "attributes" in caps.fields
        self._lone_points = "skeleton" in caps.annotations and "point_attributes" not in caps.fields
        self._in_view_only = "outside" not in caps.attributes

    def __call__(self, items: Iterable[DatasetItem]) -> Iterator[DatasetItem]:
        """Yield the items as the target can hold them."""
        return map(self._adapted, items)

    @property
    def keeps_boxes(self) -> bool:
        """Whether a box with a label stays as it is."""
        return Bbox in self._keeps

    @property
    def outlines_become_boxes(self) -> bool:
        """Whether an outline with a label becomes the box that it states."""
        return Polygon in self._boxed

    def columns(self, given: BoxColumns) -> BoxColumns:
        """Return a partition as the target can hold it, reported as its items would be."""
        for family, name in given.unread:
            event = self._lost_field(family, name)
            room = max(0, SAMPLES - len(event.samples))
            event.samples += [Sample(item.id, item.subset, 0) for item in given.items[:room]]
            event.count += len(given.items)
        gone = self._in_view_only and is_outside(given.attributes)
        if gone or not isfinite(float(given.boxes.sum())):
            whole = [self._adapted(item) for item in given]
            return BoxColumns.of_items(whole)
        counts = self._row_counts(given)
        items = []
        for n, item in enumerate(given.items):
            if counts:
                counts = [rows for rows in counts if self._count_rows(rows, n, item)]
            items.append(self._adapted(item))
        return replace(given, items=items, outlined=None, unread=())

    def _row_counts(self, given: BoxColumns) -> list[RowCount]:
        """Return what rows lose and become, in the order in which items report it."""
        outlines = given.outlines()
        held = {*self._caps.attributes, "outside"}  # see _lost_attributes
        lost = [] if self._all_attributes else [*given.attributes.keys() - held]
        counts = []
        for name in lost:
            counts.append(RowCount.of(("DSK-L004", name), Polygon, outlines, given))
            counts.append(RowCount.of(("DSK-L004", name), Bbox, ~outlines, given))
        arrow = ("DSK-L003", self._arrows[Polygon])
        counts.append(RowCount.of(arrow, Polygon, outlines, given))
        return [rows for rows in counts if len(rows.ids)]

    def _count_rows(self, rows: RowCount, number: int, item: DatasetItem) -> bool:
        """Count an item's rows; all that are left, and tell so, once no sample is needed."""
        start, stop = rows.bounds[number], rows.bounds[number + 1]
        if start == stop:
            return True
        event = self._events.get(rows.cls, {}).get(rows.event) or self._event(*rows.event, rows.cls)
        room = SAMPLES - len(event.samples)
        if room <= 0:
            event.count += len(rows.ids) - start
            return False
        event.count += stop - start
        for annotation in rows.ids[start:stop][:room].tolist():
            event.samples.append(Sample(item.id, item.subset, annotation))
        return True

    def _adapted(self, item: DatasetItem) -> DatasetItem:
        annotations = item.annotations
        if self._in_view_only:
            for a in annotations:
                if "outside" in a.attributes:
                    annotations = self._in_view(item)
                    item = replace(item, annotations=annotations)
                    break
        if not self._caps.subsets and item.subset != DEFAULT_SUBSET:
            what = f"subset {item.subset}"
            self._ledger.add_at("DSK-L012", what, item)
        if self._subsets is not None and (name := self._subsets[item.subset]) != item.subset:
            what = f"subset {item.subset!r} is called {name!r}"
            self._ledger.add_at("DSK-L012", what, item)
            item = replace(item, subset=name)
        if annotations and not self._finite and not are_finite(annotations):
            annotations = self._without_nan(item)
            item = replace(item, annotations=annotations)
        if annotations:
            self._fields(item, annotations)
            if not self._fits(annotations):
                item = replace(item, annotations=self._fit(item, annotations))
        if item.attributes or item.extra or item.media is not None:
            item = self._fit_item(item)
        return item

    def _in_view(self, item: DatasetItem) -> list[Annotation]:
        """Return annotations without those of objects that have left the view."""
        kept = []
        for a in item.annotations:
            if is_outside(a.attributes):
                self._ledger.add_at("DSK-L017", "outside the view", item, a, hint=HINTS["outside"])
            else:
                kept.append(a)
        return kept

    def _without_nan(self, item: DatasetItem) -> list[Annotation]:
        kept = []
        for a in item.annotations:
            if are_finite((a,)):
                kept.append(a)
            else:
                self._ledger.add_at("DSK-L018", f"{a.kind}: NaN or infinite coordinates", item, a)
        return kept

    def _fit_item(self, item: DatasetItem) -> DatasetItem:
        caps, ledger = self._caps, self._ledger
        if item.attributes and caps.item_attributes is not True:
            held: frozenset[str] = caps.item_attributes or frozenset()
            for name in item.attributes:
                if name not in held and name != "id":
                    ledger.add_at("DSK-L009", f"item attribute {name}", item)
        if item.extra:
            self._lost_extra(item.extra, item.id, item.subset, 0)
        media = item.media
        if media is not None and media.extra:
            self._lost_extra(media.extra, item.id, item.subset, 0)
        if (
            media is not None
            and media.kind not in caps.media
            and not (isinstance(media, Image) and "image" in caps.media)
        ):
            what, hint = f"{media.kind} left out", self._hint(media.kind)
            ledger.add_at("DSK-L016", what, item, hint=hint)
            return replace(item, media=None)
        return item

    def _hint(self, kind: str) -> str:
        """Return what would have kept annotations or media of a kind."""
        if kind in ("mask_3d", "volume") and "image" in self._caps.media:
            return SLICES
        return HINTS.get(kind, "")

    def _lost_extra(self, extra: dict[str, Any], item: str, subset: str, annotation: int) -> None:
        for family, fields in extra.items():
            if self._caps.family in (family, "*"):
                continue
            for name in fields if isinstance(fields, dict) else (family,):
                event = self._lost.get((family, name)) or self._lost_field(family, name)
                event.count += 1
                if event.count <= SAMPLES:
                    event.samples.append(Sample(item, subset, annotation))

    def _lost_field(self, family: str, name: str) -> Event:
        """Return the ledger's entry for a field of another family, see ``_event``."""
        what = f"{family} field {name}"
        event = self._lost[family, name] = self._ledger.sort("DSK-L011", what)
        return event

    def _fits(self, annotations: tuple[Annotation, ...] | list[Annotation]) -> bool:
        """Whether the target holds all annotations of an item as they are."""
        kinds = set(map(type, annotations))
        if not kinds <= self._keeps:
            return False
        if self._split and Polygon in kinds:
            whole = self._caps.multi_ring
            if not whole or any(type(a) is Polygon and a.holes for a in annotations):
                return False
        return kinds.isdisjoint(self._needs_label) or None not in [a.label for a in annotations]

    def _fit(
        self, item: DatasetItem, annotations: tuple[Annotation, ...] | list[Annotation]
    ) -> list[Annotation]:
        plan, needs, keeps = self._plan, self._needs_label, self._keeps
        out: list[Annotation] = []
        boxed, unlabelled, counts = self._boxed, Bbox not in needs, self._counts
        for a in self._one_box_each(annotations, item):
            cls = type(a)
            if cls in boxed and (a.label is not None or unlabelled):
                box = getattr(a, "bbox", None)
                if box is not None:
                    event = counts.get(cls)
                    if event is not None and event.count >= SAMPLES:
                        event.count += 1
                    else:
                        counts[cls] = self._count("DSK-L003", self._arrows[cls], a, item)
                    x, y, w, h = box
                    out.append(
                        Bbox(
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
                    )
                    continue
            b: Annotation | None = a
            if cls not in keeps:
                action = plan.get(cls, _DROP)
                if action is _DROP:
                    hint = self._hint(a.kind)
                    self._ledger.add_at("DSK-L001", f"{a.kind} not held", item, a, hint=hint)
                    continue
                b = self._convert(a, action, item)
            if b is None:
                continue
            if b.label is None and type(b) in needs:
                self._ledger.add_at("DSK-L002", f"{b.kind} without label", item, a)
            elif self._split and type(b) is Polygon and (b.holes or not self._caps.multi_ring):
                out.extend(self._rings(b, item, {c.group for c in (*annotations, *out)}))
            else:
                out.append(b)
        return out

    def _one_box_each(
        self, annotations: Sequence[Annotation], item: DatasetItem
    ) -> Sequence[Annotation]:
        """Leave out what would become a second box of an object: a group of one label is one."""
        objects, boxes = set(), set()
        for a in annotations:
            cls = type(a)
            if a.group and (cls is Bbox or (cls in self._boxed and cls is not Skeleton)):
                objects.add((a.group, a.label))
                if isinstance(a, Bbox):
                    boxes.add((a.group, a.label, a.bbox))
        if not objects:
            return annotations
        kept = []
        for a in annotations:
            # The extent of keypoints is less than that of the object.
            if type(a) in self._boxed and (
                (a.group, a.label) in objects
                if type(a) is Skeleton
                else (a.group, a.label, getattr(a, "bbox", None)) in boxes
            ):
                self._ledger.add_at("DSK-L014", "box of an object that has one", item, a)
            else:
                kept.append(a)
        return kept

    def _convert(self, a: Annotation, target: str, item: DatasetItem) -> Annotation | None:
        size = None
        try:
            if target == "mask" and isinstance(item.media, Image):
                size = item.media.get_size()
            b: Annotation | None = CONVERSIONS[target](a, size)
        except (ValueError, MediaError) as error:
            self._ledger.add_at("DSK-L018", f"{a.kind}→{target}: {error}", item, a)
            return None
        if b is None:
            why = "image size not known" if target == "mask" and size is None else "empty geometry"
            self._ledger.add_at("DSK-L018", f"{a.kind}→{target}: {why}", item, a)
            return None
        self._count("DSK-L003", self._arrows[type(a)], a, item)
        return b

    def _event(self, code: str, what: str, cls: type[Annotation]) -> Event:
        """Return the ledger's entry for an event that every annotation may cause."""
        events = self._events.setdefault(cls, {})
        event = events[code, what] = self._ledger.sort(code, what, kind=cls.kind)
        return event

    def _count(self, code: str, what: str, a: Annotation, item: DatasetItem) -> Event:
        cls = type(a)
        try:
            event = self._events[cls][code, what]
        except KeyError:
            event = self._event(code, what, cls)
        event.count += 1
        if event.count <= SAMPLES:
            event.samples.append(Sample(item.id, item.subset, a.id))
        return event

    def _rings(
        self,
        a: Polygon,
        item: DatasetItem,
        groups: set[int],
    ) -> list[Annotation]:
        """Split an outline whose target knows one ring per polygon, or no holes.

        The parts stay together by a group that is not among ``groups``, which others have.
        """
        try:
            rings = a.rings
        except ValueError as error:
            self._ledger.add_at("DSK-L018", f"polygon: {error}", item, a)
            return []
        if all(n in a.holes for n in range(len(rings))):
            self._ledger.add_at("DSK-L018", "polygon: empty geometry", item, a)
            return []
        if a.holes and not self._caps.holes:
            self._ledger.add_at("DSK-L005", "polygon holes", item, a)
            rings = [ring for n, ring in enumerate(rings) if n not in a.holes]
            a = replace(a, points=rings, holes=(), area=None)
        if self._caps.multi_ring or len(rings) == 1:
            return [a]
        fresh = a.id if a.id and a.id not in groups else 1 + max(groups)
        group = a.group or fresh
        self._ledger.add_at("DSK-L013", "polygon parts", item, a, count=len(rings) - 1)
        return [replace(a, points=ring, group=group, bbox=None, area=None) for ring in rings]

    def _fields(
        self, item: DatasetItem, annotations: tuple[Annotation, ...] | list[Annotation]
    ) -> None:
        """Count fields and attributes that the target drops."""
        caps = self._caps
        fields = caps.fields
        groups: dict[int, int] = {}
        for a in annotations:
            if a.attributes and not self._all_attributes:
                self._lost_attributes(a, item)
            if a.group:
                groups[a.group] = groups.get(a.group, 0) + 1
            if a.z_order and "z_order" not in fields:
                self._count("DSK-L005", "z_order", a, item)
            if a.object_id >= 0 and "object_id" not in fields:
                self._count("DSK-L005", "object_id", a, item)
            if self._lone_points and type(a) is Skeleton and any(a.point_attributes):
                self._count("DSK-L005", "attributes of keypoints", a, item)
            if a.extra:
                self._lost_extra(a.extra, item.id, item.subset, a.id)
        if groups and "group" not in fields:
            for count in groups.values():
                if count > 1:
                    self._ledger.add_at("DSK-L005", "group", item, count=count)

    def _lost_attributes(self, a: Annotation, item: DatasetItem) -> None:
        held = self._caps.attributes
        for name in a.attributes:
            # What is outside is left out by now: that the rest is not, its being there says.
            if name not in held and name != "outside":
                self._count("DSK-L004", name, a, item)
