"""Putting together what VOC says of an item that has more than plain boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from dsk.annotations import Bbox, Label, Mask, is_crowd
from dsk.convert import to_bbox
from dsk.media import Image
from dsk_voc.painting import MaskPainter, Painted
from dsk_voc.tasks import ACTION, DETECTION, LAYOUT, SEGMENTATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_voc.target import Target
    from dsk_voc.writing import ObjectWriter

__all__ = ["Assembled", "Assembler"]

A = TypeVar("A", bound="Annotation")

SAME = 0.5
"""Boxes of one group and label that overlap so much (intersection over union) are one object's."""


class Assembled(Struct):
    """An item as VOC has it.

    Attributes:
        head: The beginning of its XML file.
        objects: The text of its objects.
        labels: Names of its labels.
        masks: Its mask files.
        with_parts: Numbers of objects that have parts.
        actions: Actions that objects do, by number, of objects whose label has actions.
        alone: Names of parts that are objects of their own, where readers know no parts.
    """

    head: str = ""
    objects: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    masks: Painted = field(default_factory=Painted)
    with_parts: list[int] = field(default_factory=list)
    actions: dict[int, list[str]] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)


class _Object(Struct):
    """A box with the parts that go inside of it."""

    box: Bbox
    parts: list[Bbox] = field(default_factory=list)

    def join(self, other: Bbox) -> list[str]:
        """Take over another box's attributes; return the names of those that differ."""
        own = self.box.attributes
        if own != other.attributes:
            self.box = replace(self.box, attributes={**other.attributes, **own})
        return [key for key, value in other.attributes.items() if own.get(key, value) != value]


class Assembler:
    """Turns items into what is written.

    Args:
        target: The label map.
        writer: For the XML text.
        tasks: What is written.
        colors: Whether masks show the labels' colours.
    """

    def __init__(
        self, target: Target, writer: ObjectWriter, tasks: frozenset[str], *, colors: bool
    ) -> None:
        self._target = target
        self._writer = writer
        self._boxes = bool(tasks & {DETECTION, LAYOUT, ACTION})
        self._masks = SEGMENTATION in tasks
        self._only_parts = tasks == {LAYOUT}
        self._only_actions = tasks == {ACTION}
        self._nests = LAYOUT in tasks
        self._acts = ACTION in tasks
        # All tasks together are about objects; masks of crowds alone would misinform there.
        self._crowd_boxes = DETECTION in tasks and SEGMENTATION in tasks and len(tasks) > 2
        # Lists of masks only name all items, so all of them need files.
        self.fills = self._masks and tasks <= {DETECTION, SEGMENTATION}
        self.plain = self._boxes and not (self._only_parts or self._only_actions or self.fills)
        self._painter = MaskPainter(target, colors=colors)
        self._part_names = {part for entry in target.entries for part in entry.parts}
        self._any_actions = self._acts and any(target.actions)

    def acts(self, label: int | None) -> bool:
        """Tell whether objects of a label have actions that are listed."""
        return self._any_actions and label is not None and bool(self._target.actions[label])

    def any_acts(self, annotations: Iterable[Annotation]) -> bool:
        """Tell whether any of some objects has actions that are listed."""
        return self._any_actions and any(self.acts(a.label) for a in annotations)

    def __call__(self, item: DatasetItem, image_name: str, ledger: Ledger) -> Assembled:
        """Assemble an item, and report what cannot be held."""
        done = Assembled()
        labels = [a for a in item.annotations if isinstance(a, Label)]
        boxes = [a for a in item.annotations if isinstance(a, Bbox)]
        masks = [a for a in item.annotations if isinstance(a, Mask)]
        self._lose_attributes(item, (*labels, *masks), ledger)
        done.labels = self._labels(item, labels, ledger)
        objects = self._objects(item, boxes, ledger)
        self._write_objects(item, objects, done, ledger)
        wanted = _paired(objects, masks) if self._boxes else {}
        if masks:
            count = len(objects) if self._boxes else 0
            done.masks = self._painter.paint(item, masks, wanted, ledger, boxes=count)
        elif self.fills:
            done.masks = self._empty(item)
        self._lose_groups(item, objects, masks, done.masks, ledger)
        if self._boxes:
            done.head = self._writer.head(
                item, image_name, ledger, segmented=bool(masks and done.masks.classes)
            )
        return done

    def _empty(self, item: DatasetItem) -> Painted:
        """Return masks without objects: training code opens the files of every listed image."""
        size = item.media.size if isinstance(item.media, Image) else None
        return self._painter.empty(size) if size is not None else Painted()

    @staticmethod
    def _lose_attributes(
        item: DatasetItem, annotations: Iterable[Annotation], ledger: Ledger
    ) -> None:
        for a in annotations:
            for name in a.attributes:
                ledger.add_at("DSK-L004", name, item, a)

    def without_crowds(self, item: DatasetItem, ledger: Ledger) -> DatasetItem:
        """Turn crowd regions beside boxes into boxes, when the item has no other masks.

        Class masks that show the crowd alone would call all other objects background. Evaluation
        passes over what is difficult, as it passes over crowds.
        """
        if not self._crowd_boxes:
            return item
        kinds = {type(a) for a in item.annotations}
        if not {Bbox, Mask} <= kinds or not all(
            is_crowd(a) for a in item.annotations if type(a) is Mask
        ):
            return item
        found: list[Annotation] = []
        for a in item.annotations:
            if type(a) is not Mask:
                found.append(a)
                continue
            try:
                box = to_bbox(a)
            except ValueError:
                box = None
            code, what = ("DSK-L003", "mask→bbox") if box else ("DSK-L018", "mask→bbox: no pixels")
            ledger.add_at(code, what, item, a)
            if box is not None:
                found.append(replace(box, attributes={"difficult": True, **box.attributes}))
        return item.replace(annotations=found)

    def _labels(self, item: DatasetItem, labels: Sequence[Label], ledger: Ledger) -> list[str]:
        names: list[str] = []
        for label in labels:
            number = self._target.index[label.label] if label.label is not None else None
            name = self._target.entries[number].name if number is not None else None
            if name is None:
                code, what = "DSK-L017", "label that is not in the label map"
            elif name in names:
                code, what = "DSK-L014", "label given twice"
            else:
                names.append(name)
                continue
            ledger.add_at(code, what, item, label)
        return names

    def _objects(self, item: DatasetItem, boxes: Sequence[Bbox], ledger: Ledger) -> list[_Object]:
        """Return the objects: parts inside of the object of their group, repeated boxes once."""
        objects: list[_Object] = []
        by_group: dict[int, list[_Object]] = {}
        later: list[Bbox] = []
        names, target, part_names = self._target.names, self._target, self._part_names
        for box in boxes:
            name = names[box.label] if box.label is not None else None
            twins = (o for o in by_group.get(box.group, ()) if _same(box, o.box))
            if name is None:
                ledger.add_at("DSK-L017", "box whose label is not in the label map", item, box)
            elif self._nests and box.group and name in part_names:
                later.append(box)
            elif (twin := next(twins, None)) is not None:
                ledger.add_at("DSK-L014", "box given twice", item, box)
                for key in twin.join(box):
                    ledger.add_at("DSK-L004", f"{key} of a box given twice", item, box)
            else:
                objects.append(_Object(box))
                if box.group:
                    by_group.setdefault(box.group, []).append(objects[-1])
        for box in later:
            owner = next(
                (
                    o
                    for o in by_group.get(box.group, ())
                    if o.box.label is not None and target.owns(o.box.label, box.label or 0)
                ),
                None,
            )
            if owner is None:
                objects.append(_Object(box))
            else:
                owner.parts.append(box)
        return [obj for obj in objects if self._fits(item, obj, ledger)]

    def _fits(self, item: DatasetItem, obj: _Object, ledger: Ledger) -> bool:
        """Tell whether an object belongs to the only task; readers of that task pass it over."""
        if self._only_parts and not obj.parts:
            what = "object without parts"
        elif self._only_actions and not self._names_actions(obj.box):
            what = "object without actions"
        else:
            return True
        ledger.add_at("DSK-L017", what, item, obj.box)
        return False

    def _names_actions(self, box: Bbox) -> bool:
        known = self._target.actions[box.label or 0]
        return any(isinstance(box.attributes.get(name), bool) for name in known)

    def _write_objects(
        self, item: DatasetItem, objects: Sequence[_Object], done: Assembled, ledger: Ledger
    ) -> None:
        for number, obj in enumerate(objects, 1):
            box = obj.box
            label = box.label or 0
            text = self._writer.text(label, box.attributes)
            for code, what in text.lost:
                ledger.add_at(code, what, item, box)
            done.objects.append(self._writer.object(box, obj.parts, text))
            if self.fills and self._target.index[label] is None:
                done.alone.add(self._target.names[label] or "")
            if obj.parts:
                done.with_parts.append(number)
                self._lose_attributes(item, obj.parts, ledger)
            if self.acts(box.label):
                known = self._target.actions[label]
                done.actions[number] = [k for k in known if box.attributes.get(k) is True]

    @staticmethod
    def _lose_groups(
        item: DatasetItem,
        objects: Sequence[_Object],
        masks: Sequence[Mask],
        painted: Painted,
        ledger: Ledger,
    ) -> None:
        """Report members of groups that VOC does not tie to the others."""
        tied: dict[int, int] = {}
        members: dict[int, int] = {}
        for number, obj in enumerate(objects, 1):
            group = obj.box.group
            if not group:
                continue
            own = 1 + len(obj.parts)
            members[group] = members.get(group, 0) + own
            own += sum(
                m.group == group and painted.numbers.get(place) == number
                for place, m in enumerate(masks)
            )
            tied[group] = max(tied.get(group, 0), own)
        for mask in masks:
            if mask.group:
                members[mask.group] = members.get(mask.group, 0) + 1
        for group, count in members.items():
            kept = tied.get(group, 0)
            if count > max(kept, 1):
                ledger.add_at("DSK-L005", "group", item, count=count - kept if kept > 1 else count)


def _same(box: Bbox, other: Bbox) -> bool:
    """Tell whether two boxes of a group are one object's, as an outline's box and a drawn one."""
    if box.label != other.label:
        return False
    width = min(box.x + box.w, other.x + other.w) - max(box.x, other.x)
    height = min(box.y + box.h, other.y + other.h) - max(box.y, other.y)
    common = max(width, 0.0) * max(height, 0.0)
    joined = box.w * box.h + other.w * other.h - common
    return common >= SAME * joined if joined > 0 else box.bbox == other.bbox


def _paired(objects: Sequence[_Object], masks: Sequence[Mask]) -> dict[int, int]:
    """Return object numbers for masks, by position: that of the object of the same group."""
    numbers: dict[int, int] = {}
    for number, obj in enumerate(objects, 1):
        if obj.box.group:
            numbers.setdefault(obj.box.group, number)
    wanted: dict[int, int] = {}
    for place, mask in enumerate(masks):
        if mask.group in numbers:
            wanted[place] = numbers.pop(mask.group)
    return wanted
