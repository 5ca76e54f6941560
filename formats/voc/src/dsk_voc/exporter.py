"""Writing Pascal VOC datasets."""

from __future__ import annotations

import re
import zlib
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from dsk.annotations import Bbox, Mask
from dsk.columns import BoxColumns
from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk_voc.assembly import Assembled, Assembler
from dsk_voc.labelmap import label_map_text, meta_bytes
from dsk_voc.lists import Share, SubsetLists, merge, write_lists
from dsk_voc.plugin import capabilities
from dsk_voc.target import make_target, stated_names, with_labels
from dsk_voc.tasks import (
    ACTION,
    ANNOTATIONS,
    CLASS_MASKS,
    CLASSIFICATION,
    DETECTION,
    FORMATS,
    IMAGES,
    LABEL_MAP,
    LAYOUT,
    OBJECT_MASKS,
    SEGMENTATION,
    TASKS,
)
from dsk_voc.textcolumns import ObjectTexts
from dsk_voc.writing import ObjectWriter, encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext
    from dsk_voc.writing import Text

__all__ = [
    "VocActionExporter",
    "VocClassificationExporter",
    "VocDetectionExporter",
    "VocExporter",
    "VocInstanceSegmentationExporter",
    "VocLayoutExporter",
    "VocSegmentationExporter",
]

_KINDS = {
    CLASSIFICATION: "label",
    DETECTION: "bbox",
    SEGMENTATION: "mask",
    ACTION: "bbox",
    LAYOUT: "bbox",
}
_NO_TEXT = re.compile("[\ud800-\udfff]")
_END = "</annotation>\n"
_END_BYTES = _END.encode()


class _VocExporter(Exporter):
    """Writes VOC datasets; see the descriptors for the options."""

    format: ClassVar[str] = "voc"
    takes_columns = True

    def __init__(
        self,
        *,
        one_based: bool = False,
        coordinate_mode: str = "dm-zero-based",
        apply_colormap: bool = True,
        label_map: str = "source",
        allow_attributes: bool = True,
        keep_empty: bool = False,
        subset_folders: bool = False,
        save_dataset_meta: bool = False,
    ) -> None:
        self.one_based = one_based or coordinate_mode == "voc-one-based"
        self.apply_colormap = apply_colormap
        self.label_map = label_map
        self.allow_attributes = allow_attributes
        self.keep_empty = keep_empty
        self.subset_folders = subset_folders
        self.save_dataset_meta = save_dataset_meta
        self.tasks = FORMATS[self.format]

    def capabilities(self, header: Header) -> Capabilities:
        """See ``Exporter.capabilities``."""
        from msgspec.structs import replace

        held = capabilities(frozenset(_KINDS[task] for task in self.tasks))
        labels = header.categories.labels
        # Attributes of labels are held when they are VOC's actions, which the label map names.
        own_fields = [(lab.extra or {}).get("voc") or {} for lab in labels]
        actions = [stated_names(fields.get("actions")) for fields in own_fields]
        own = all(
            set(lab.attributes) <= set(names) for lab, names in zip(labels, actions, strict=True)
        )
        if own and any(actions):
            return held
        return replace(held, label_fields=held.label_fields - {"attributes"})

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._target = make_target(
            header.categories, self.label_map, meta=self.save_dataset_meta, ledger=ctx.ledger
        )
        self._writer = ObjectWriter(
            self._target, one_based=self.one_based, attributes=self.allow_attributes
        )
        self._assembler = Assembler(
            self._target, self._writer, self.tasks, colors=self.apply_colormap
        )
        self._boxes = bool(self.tasks & {DETECTION, LAYOUT, ACTION})
        # Importers share one mapping of attributes among many boxes: its text, by label.
        self._shared: tuple[Any, dict[int | None, Text]] = (None, {})
        self._alone = len(self.tasks) == 1  # the lists of the only task name all items
        # Items of one subset have ids of their own; those of several subsets may meet.
        self._may_meet = len(header.subsets) != 1 and not self.subset_folders

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> Share:
        """See ``Exporter.write``."""
        share = Share()
        losses: dict[int, list[Any]] = {}
        subset, lists = None, SubsetLists()
        main = lists.main
        plain = self._plain if self._assembler.plain else None
        quick, alone = not self._may_meet and not ctx.save_media, self._alone
        quoting = alone and not self.tasks.isdisjoint({LAYOUT, ACTION})
        for given, objects in self._with_objects(items, losses):
            item = given
            if item.subset != subset:
                subset = item.subset
                lists = share.subsets.setdefault(subset, SubsetLists())
                main = lists.main
            if self.subset_folders:
                item = item.replace(id=f"{item.subset}/{item.id}")
            if not _is_line(item.id) or (quoting and '"' in item.id):
                raise OutputError(f"a list cannot hold the id {item.id!r}", hint="rename the item")
            image_name = ctx.image_name(item)
            main.append(item.id)
            text = None
            if objects is not None:
                head = self._writer.head(item, image_name, ctx.ledger)
                text = b"".join((encoded(head), objects, _END_BYTES))
            elif plain is not None:
                if any(type(a) is Mask for a in item.annotations):
                    item = self._assembler.without_crowds(item, ctx.ledger)
                text = plain(item, image_name, losses, ctx.ledger)
            if text is not None:
                if alone or (objects is None and not item.annotations):
                    self._list(item, Assembled(), lists)
                if quick:
                    ctx.write(f"{ANNOTATIONS}/{item.id}.xml", text)
                    continue
                files = [(f"{ANNOTATIONS}/{item.id}.xml", text)]
            else:
                done = self._assembler(item, image_name, ctx.ledger)
                share.alone |= done.alone
                files = self._files(item, done)
                self._list(item, done, lists)
            self._put(item, image_name, files, share, ctx)
        self._lose(losses, ctx)
        return share

    def _with_objects(
        self, items: Iterable[DatasetItem], losses: dict[int, list[Any]]
    ) -> Iterator[tuple[DatasetItem, bytes | None]]:
        """Yield the items with the text of their objects, where it is made from columns.

        ``losses`` is that of ``_plain``.
        """
        if not isinstance(items, BoxColumns) or not self._fits_columns(items):
            yield from zip(items, repeat(None))
            return
        texts = ObjectTexts(items, self._writer)
        text, lost = texts.text, texts.lost
        for n, item in enumerate(items.items):
            if n in lost:
                for found, count, first in lost[n]:
                    losses.setdefault(id(found), [found, 0, item, first])[1] += count
            yield item, text(n) or None

    def _fits_columns(self, boxes: BoxColumns) -> bool:
        """Tell whether all boxes are plain objects, neither parts nor such as do something."""
        labels = np.flatnonzero(np.bincount(boxes.labels)).tolist()
        known = self._writer.plain.keys() >= set(labels)
        return known and self._assembler.plain and not any(map(self._assembler.acts, labels))

    def _plain(
        self, item: DatasetItem, image_name: str, losses: dict[int, list[Any]], ledger: Ledger
    ) -> bytes | None:
        """Return the XML file of an item that has nothing but ungrouped boxes, else None.

        ``losses`` counts what attributes lose: the loss, how often, and where first.
        """
        writer, boxes = self._writer, cast("Sequence[Bbox]", item.annotations)
        plain, text, shift = writer.plain, writer.text, writer.shift
        (shared, recent), once = self._shared, None
        for box in boxes:
            if type(box) is not Bbox or box.group or box.extra or box.label not in plain:
                return None
        if self._assembler.any_acts(boxes):
            return None
        lines = [writer.head(item, image_name, ledger)]
        append = lines.append
        for box in boxes:
            label, attributes = box.label, box.attributes
            if attributes:
                if attributes is shared:
                    try:
                        found = recent[label]
                    except KeyError:
                        found = recent[label] = text(label, attributes)
                else:
                    found = text(label, attributes)
                    if attributes is once:
                        shared, recent = attributes, {}
                        self._shared = shared, recent
                    once = attributes
                if found.lost:
                    try:
                        losses[id(found)][1] += 1
                    except KeyError:
                        losses[id(found)] = [found, 1, item, box.id]
                template = found.template
            else:
                template = plain[label]
            x, y = box.x, box.y
            append(template % (x + shift, y + shift, x + box.w, y + box.h))
        append(_END)
        return encoded("".join(lines))

    @staticmethod
    def _lose(losses: dict[int, list[Any]], ctx: WriteContext) -> None:
        """Report what objects' attributes lose: often all objects of a dataset lose the same."""
        for found, count, item, number in losses.values():
            for code, what in found.lost:
                ctx.ledger.add(
                    code,
                    what,
                    kind="bbox",
                    count=count,
                    item=item.id,
                    subset=item.subset,
                    annotation=number,
                )

    def _files(self, item: DatasetItem, done: Assembled) -> list[tuple[str, bytes]]:
        files = []
        if self._boxes:
            text = encoded("".join((done.head, *done.objects, _END)))
            files.append((f"{ANNOTATIONS}/{item.id}.xml", text))
        if done.masks.classes:
            files.append((f"{CLASS_MASKS}/{item.id}.png", done.masks.classes))
        if done.masks.objects:
            files.append((f"{OBJECT_MASKS}/{item.id}.png", done.masks.objects))
        return files

    def _list(self, item: DatasetItem, done: Assembled, lists: SubsetLists) -> None:
        """Note what the lists of the tasks say of an item; without annotations it is in all."""
        tasks, all_items = self.tasks, self._alone or not item.annotations
        if done.labels and CLASSIFICATION in tasks:
            lists.classes.append((item.id, frozenset(done.labels)))
        if SEGMENTATION in tasks and (
            done.masks.classes or all_items or not tasks & {CLASSIFICATION, LAYOUT, ACTION}
        ):
            lists.segmentation.append(item.id)
        if LAYOUT in tasks and (done.with_parts or all_items):
            lists.layout.append((item.id, done.with_parts))
        if ACTION in tasks and (done.actions or all_items):
            lists.action.append((item.id, done.actions))

    def _put(
        self,
        item: DatasetItem,
        image_name: str,
        files: list[tuple[str, bytes]],
        share: Share,
        ctx: WriteContext,
    ) -> None:
        if not self._may_meet:
            for name, data in files:
                ctx.write(name, data)
            if ctx.save_media:
                ctx.save_image(item, f"{IMAGES}/{image_name}")
            return
        checksum = zlib.crc32(_origin(item))
        for name, data in files:
            checksum = zlib.crc32(data, checksum)
            _unless_there(ctx.write, name, data)
        share.content.append((item.id, item.subset, checksum))
        if ctx.save_media:
            _unless_there(ctx.save_image, item, f"{IMAGES}/{image_name}")

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        subsets = merge(states)
        write_lists(subsets, self._target.entries, self.tasks, ctx, keep_empty=self.keep_empty)
        entries = with_labels(self._target.entries, set().union(*(s.alone for s in states)))
        for entry in entries[len(self._target.entries) :]:
            what = f"part {entry.name!r}, which becomes a label: objects are called so"
            ctx.ledger.add("DSK-L010", what)
        if self.save_dataset_meta:
            ctx.write("dataset_meta.json", meta_bytes(entries))
        else:
            ctx.write(LABEL_MAP, label_map_text(entries))


def _is_line(name: str) -> bool:
    """Tell whether a list can hold a name as a line of its own that is no comment."""
    if not name.isascii() and _NO_TEXT.search(name):
        return False  # a list is UTF-8, or its readers stop
    return name.strip() == name and name[:1] != "#" and "\n" not in name and "\r" not in name


def _origin(item: DatasetItem) -> bytes:
    """Return where an item's image comes from, as far as that can be compared."""
    source = getattr(item.media, "source", None)
    known = isinstance(source, str | bytes) or hasattr(source, "archive")
    return repr(source).encode("utf-8", "backslashreplace") if known else b""


def _unless_there(write: Any, *args: Any) -> None:
    """Write a file that an item of the same id in another subset may have written.

    Whether it has the same content is found out at the end, when all have been written.
    """
    try:
        write(*args)
    except OutputError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise


class VocExporter(_VocExporter):
    """Writes all tasks, or those that are named."""

    def __init__(
        self,
        *,
        one_based: bool = False,
        coordinate_mode: str = "dm-zero-based",
        apply_colormap: bool = True,
        label_map: str = "source",
        allow_attributes: bool = True,
        keep_empty: bool = False,
        subset_folders: bool = False,
        save_dataset_meta: bool = False,
        tasks: Sequence[str] = (),
    ) -> None:
        super().__init__(
            one_based=one_based,
            coordinate_mode=coordinate_mode,
            apply_colormap=apply_colormap,
            label_map=label_map,
            allow_attributes=allow_attributes,
            keep_empty=keep_empty,
            subset_folders=subset_folders,
            save_dataset_meta=save_dataset_meta,
        )
        self.tasks = frozenset(t for t in TASKS if t in tasks) or self.tasks


class VocClassificationExporter(_VocExporter):
    """Writes the class lists only."""

    format = "voc_classification"


class VocDetectionExporter(_VocExporter):
    """Writes the boxes of objects only."""

    format = "voc_detection"


class VocSegmentationExporter(_VocExporter):
    """Writes the masks only."""

    format = "voc_segmentation"


class VocInstanceSegmentationExporter(_VocExporter):
    """Writes boxes and masks."""

    format = "voc_instance_segmentation"


class VocLayoutExporter(_VocExporter):
    """Writes objects and their parts."""

    format = "voc_layout"


class VocActionExporter(_VocExporter):
    """Writes objects and what they do."""

    format = "voc_action"
