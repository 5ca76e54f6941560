"""Writing KITTI datasets."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from dsk.annotations import Bbox, Mask, is_crowd
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.labelmaps import encode_map
from dsk.metafile import META_NAME, meta_text
from dsk_scenes.cityscapes.tables import LABELS as CITYSCAPES
from dsk_scenes.kitti.layout import IMAGES, INSTANCES, LABELS, SEMANTIC, SEMANTIC_RGB
from dsk_scenes.kitti.objects import FAMILY, SPACE
from dsk_scenes.plugin import kitti_held
from dsk_scenes.shared.painting import Painted, labelled, leave_bare, paint
from dsk_scenes.shared.target import make_target, write_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.categories import Categories
    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["KittiDetectionExporter", "KittiExporter", "KittiSegmentationExporter"]

DETECTION, SEGMENTATION = "detection", "segmentation"
TASKS = (DETECTION, SEGMENTATION)
_MAX = 255
_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "": 0.0}
_DEFAULTS = {"truncated": 0.0, "occluded": 0.0, "score": 1.0}
_HINT = "save_dataset_meta=true keeps them"
_NOWHERE = ["-1"] * SPACE
_BLANK = re.compile(r"\s+")


class _State(Struct):
    """What a partition leaves.

    Attributes:
        subsets: Its subsets.
        used: The labels of boxes.
        boxless: Label files of images without boxes.
        maps: Whether it has maps.
    """

    subsets: set[str] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    boxless: list[str] = field(default_factory=list)
    maps: bool = False


class _KittiExporter(Exporter):
    """Writes KITTI datasets; see the descriptors for the options."""

    heavy = True

    tasks: frozenset[str] = frozenset(TASKS)

    def __init__(
        self,
        *,
        label_map: str = "source",
        apply_colormap: bool = True,
        allow_attributes: bool = True,
        score_column: bool = True,
        save_dataset_meta: bool = False,
    ) -> None:
        self.label_map = label_map
        self.apply_colormap = apply_colormap
        self.allow_attributes = allow_attributes
        self.score_column = score_column
        self.save_dataset_meta = save_dataset_meta

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        return kitti_held(self.tasks, attributes=self.allow_attributes)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._types = _types(header.categories, ctx.ledger) if DETECTION in self.tasks else []
        if SEGMENTATION not in self.tasks:
            return
        self._target = make_target(
            header.categories,
            self.label_map,
            CITYSCAPES,
            "kitti",
            ctx.ledger,
            unique=False,
            lines=not self.save_dataset_meta,
        )
        self._background_added = self._target.added
        colors = [entry.color or (0, 0, 0) for entry in self._target.entries]
        self._colors = np.array(colors, np.uint8).reshape(-1, 3)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> _State:
        """See ``Exporter.write``."""
        state = _State()
        for item in items:
            state.subsets.add(item.subset)
            name = ctx.image_name(item, ".png")
            saved = ctx.save_image(item, f"{item.subset}/{IMAGES}/{name}")
            boxes = [a for a in item.annotations if type(a) is Bbox]
            state.used.update([box.label or 0 for box in boxes])
            if DETECTION in self.tasks:
                file = f"{item.subset}/{LABELS}/{item.id}.txt"
                # Of an item without boxes and without its image nothing would be left.
                if boxes or not saved:
                    text = "".join(self._line(box, item, ctx.ledger) for box in boxes)
                    ctx.write(file, text.encode())
                else:
                    state.boxless.append(file)
            found = [a for a in item.annotations if type(a) is Mask]
            if len(self.tasks) > 1:
                _report_misplaced(boxes, found, item, ctx.ledger)
            if found and SEGMENTATION in self.tasks:
                kept = labelled(item, found, self._target, ctx.ledger)
                painted = paint(item, self._numbered(item, kept, ctx.ledger), ctx.ledger)
                if painted is not None:
                    self._write_maps(item, painted, ctx)
                    state.maps = saved = True
            if not saved and DETECTION not in self.tasks:
                leave_bare(item, ctx.ledger)
        return state

    def _line(self, box: Bbox, item: DatasetItem, ledger: Ledger) -> str:
        """Return an object's line: of space it says what the box's own line of KITTI said."""
        assert box.label is not None  # core drops boxes without one
        attributes = box.attributes if self.allow_attributes else {}
        exact = (box.extra or {}).get(FAMILY) if self.allow_attributes else None
        own = exact if isinstance(exact, dict) else {}
        values = []
        for name, default in _DEFAULTS.items():
            value, is_number = _number(attributes.get(name, default), default)
            if not is_number:
                _lose_attribute(f"{name} that is no number", box, item, ledger)
            values.append(_exactly(value, own.get(name)))
        truncated, occluded, score = values
        if occluded != round(occluded):
            ledger.add("DSK-L007", "occluded rounded", kind="bbox", item=item.id)
        left, top = float(box.x), float(box.y)
        space = _space(own.get("space"), box)
        if space is None:
            space = _NOWHERE
            if "space" in own:
                what = f"{FAMILY} field space of boxes that changed"
                ledger.add("DSK-L011", what, kind="bbox", item=item.id, subset=item.subset)
        words = [
            self._types[box.label],
            repr(truncated),
            str(round(occluded)),
            space[0],
            *(repr(v) for v in (left, top, left + box.w, top + box.h)),
            *space[1:],
        ]
        if "score" in attributes or self.score_column:
            words.append(repr(score))
        return " ".join(words) + "\n"

    def _numbered(
        self, item: DatasetItem, kept: Sequence[tuple[Mask, int]], ledger: Ledger
    ) -> list[tuple[Mask, int]]:
        """Return masks with the value of their pixels: label · 256 + number, 0 for crowds."""
        single: dict[int, list[Mask]] = {}
        for mask, label in kept:
            if label > _MAX:
                raise OutputError(
                    f"KITTI's maps have 8 bits for labels, label {label} does not fit",
                    hint="remap labels first",
                )
            if label and not is_crowd(mask):
                single.setdefault(label, []).append(mask)
        numbers: dict[int, int] = {}
        for found in single.values():
            own = [mask.id for mask in found]
            if len(set(own)) < len(own) or not all(0 < n <= _MAX for n in own):
                own = list(range(1, len(found) + 1))
                ledger.add(
                    "DSK-L015",
                    "objects numbered by class from 1",
                    kind="mask",
                    count=len(found),
                    item=item.id,
                    subset=item.subset,
                )
            if len(own) > _MAX:
                raise OutputError(
                    f"KITTI's maps can number {_MAX} objects of a class, item {item.id!r} has more",
                    hint="split the image into tiles, or choose a format with single masks",
                )
            numbers.update((id(mask), n) for mask, n in zip(found, own, strict=True))
        return [(mask, (label << 8) + numbers.get(id(mask), 0)) for mask, label in kept]

    def _write_maps(self, item: DatasetItem, painted: Painted, ctx: WriteContext) -> None:
        values = painted.values
        classes = (values >> 8).astype(np.uint8)
        for folder, table in (
            (INSTANCES, values.astype(np.uint16)),
            (SEMANTIC, classes),
            (SEMANTIC_RGB, self._colors[classes] if self.apply_colormap else classes),
        ):
            data = encode_map(painted.drawn(table))
            ctx.write(f"{item.subset}/{folder}/{item.id}.png", data)

    def finish(self, states: list[_State], ctx: WriteContext) -> None:
        """See ``Exporter.finish``; readers look for subsets by their maps, also without any."""
        if len(self.tasks) == 1 or any(state.used for state in states):
            for file in (file for state in states for file in state.boxless):
                ctx.write(file, b"")  # readers open the labels of every image
        if SEGMENTATION in self.tasks:
            for subset in sorted(set().union(*(state.subsets for state in states))):
                ctx.out.make_folder(f"{subset}/{INSTANCES}")
            # Readers take the table's first label for pixels of 0: with maps, the background must
            # be in it; boxes alone do not need it.
            maps = any(state.maps for state in states)
            self._target.added = self._background_added and not maps
            write_labels(self._target, ctx, meta=self.save_dataset_meta)
        elif self.save_dataset_meta:
            labels = zip(self._categories.labels, self._types, strict=True)
            named = self._categories.with_labels(replace(label, name=n) for label, n in labels)
            ctx.write(META_NAME, meta_text(named))
        else:
            used = (state.used for state in states)
            ctx.ledger.unused_labels(len(self._types), used, "box", _HINT)


def _types(categories: Categories, ledger: Ledger) -> list[str]:
    """Return the names of labels as types, which have no blanks."""
    names: list[str] = []
    for label in categories.labels:
        name = base = _BLANK.sub("_", label.name) or "_"
        number = 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        if name != label.name:
            ledger.add("DSK-L010", f"label name {label.name!r} becomes {name!r}")
        names.append(name)
    return names


def _number(value: Any, default: float) -> tuple[float, bool]:
    """Return a value as a number, or the default, and whether it was one."""
    if isinstance(value, str):
        try:
            value = _WORDS[value.lower()] if value.lower() in _WORDS else float(value)
        except ValueError:
            return default, False
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value), True
    return default, False


def _exactly(value: float, exact: Any) -> float:
    """Return the exact value of a flag, unless the flag says something else by now."""
    if value not in (0, 1) or not isinstance(exact, int | float) or not math.isfinite(exact):
        return value
    return float(exact) if bool(exact) == bool(value) else value


def _space(given: Any, box: Bbox) -> list[str] | None:
    """Return alpha and what follows the box in a line; None if it is unknown, or another box's."""
    if not isinstance(given, list | tuple) or [*given[SPACE:]] != [box.x, box.y, box.w, box.h]:
        return None
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in given):
        return None
    return [repr(v).removesuffix(".0") for v in given[:SPACE]]


def _report_misplaced(
    boxes: Sequence[Bbox], found: Sequence[Mask], item: DatasetItem, ledger: Ledger
) -> None:
    """Report attributes of boxes that masks have, and the other way round."""
    for box in boxes:
        if "is_crowd" in box.attributes:
            _lose_attribute("is_crowd", box, item, ledger)
    for mask in found:
        for name in _DEFAULTS.keys() & mask.attributes:
            _lose_attribute(name, mask, item, ledger)


def _lose_attribute(name: str, a: Annotation, item: DatasetItem, ledger: Ledger) -> None:
    ledger.add_at("DSK-L004", f"attribute {name}", item, a)


class KittiExporter(_KittiExporter):
    """Writes boxes and maps, or those that are named."""

    def __init__(
        self,
        *,
        tasks: Sequence[str] = (),
        label_map: str = "source",
        apply_colormap: bool = True,
        allow_attributes: bool = True,
        score_column: bool = True,
        save_dataset_meta: bool = False,
    ) -> None:
        super().__init__(
            label_map=label_map,
            apply_colormap=apply_colormap,
            allow_attributes=allow_attributes,
            score_column=score_column,
            save_dataset_meta=save_dataset_meta,
        )
        self.tasks = frozenset(tasks) or frozenset(TASKS)


class KittiDetectionExporter(_KittiExporter):
    """Writes boxes."""

    tasks = frozenset({DETECTION})

    def __init__(
        self,
        *,
        allow_attributes: bool = True,
        score_column: bool = True,
        save_dataset_meta: bool = False,
    ) -> None:
        super().__init__(
            allow_attributes=allow_attributes,
            score_column=score_column,
            save_dataset_meta=save_dataset_meta,
        )


class KittiSegmentationExporter(_KittiExporter):
    """Writes maps."""

    tasks = frozenset({SEGMENTATION})

    def __init__(
        self,
        *,
        label_map: str = "source",
        apply_colormap: bool = True,
        save_dataset_meta: bool = False,
    ) -> None:
        super().__init__(
            label_map=label_map,
            apply_colormap=apply_colormap,
            save_dataset_meta=save_dataset_meta,
        )
